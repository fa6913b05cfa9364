// Our xdp_md contexts: 24 bytes of UAPI, which programs see, and behind them what Linux keeps in struct xdp_buff: the
// frame. The helpers that move packet bounds (adjust_head, adjust_meta, adjust_tail) work on this record alone, wherever
// it stands: the CPU's own context, or one of a batch.
//
//   frameStart        data_meta   data           data_end                 frameEnd
//   | xdp_frame | free headroom | meta | packet | free tail | skb_shared_info |

export const XDP_CTX = {
  data: 0,
  dataEnd: 4,
  dataMeta: 8,
  ingressIfindex: 12,
  rxQueueIndex: 16,
  egressIfindex: 20,
  /** u32: address of the frame (xdp_buff data_hard_start). */
  frameStart: 24,
  /** u32: first address behind the frame; the last PACKET_TAILROOM bytes before it are never packet. */
  frameEnd: 28,
  size: 32,
} as const;

/** sizeof(struct xdp_frame): packet and metadata can't grow into the first bytes of a frame. */
export const XDP_FRAME_SIZE = 40;
/** A test run's frame is a page, unless the packet needs more. */
export const XDP_FRAME_BYTES = 4096;
/** Most metadata in front of a packet: a multiple of 4 that skb_shared_info.meta_len (u8) can hold. */
export const XDP_META_MAX = 252;
