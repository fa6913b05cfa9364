// Where our sk_buff contexts keep what packet loads (ld_abs, ld_ind) need. Fields up to 192 are UAPI __sk_buff; behind it,
// out of a program's reach, stand the addresses that Linux keeps in struct sk_buff.

export const SKB_CTX = {
  /** u32: the flow hash. */
  hash: 68,
  /** u32: address of the packet data as the program type sees it. */
  data: 76,
  /** u32: first address behind the packet. */
  dataEnd: 80,
  /** u32: address of the metadata; without any, that of the data. */
  dataMeta: 140,
  /** u32: address of the link-layer header. */
  macHeader: 192,
  /** u32: address of the network header. */
  networkHeader: 196,
  /** u32: first byte of the frame: how far the packet can grow to the front. */
  frameStart: 200,
  size: 204,
} as const;

/** UAPI linux/filter.h: an offset at or above this, and negative, counts from the network header. */
export const SKF_NET_OFF = -0x100000;
/** UAPI linux/filter.h: an offset in [SKF_LL_OFF, SKF_NET_OFF) counts from the link-layer header. */
export const SKF_LL_OFF = -0x200000;
