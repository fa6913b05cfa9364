// Programs over __sk_buff: the context as bpf_prog_test_run_skb() makes it (net/bpf/test_run.c), tried against Linux 6.18.
// tc programs see the whole frame; all others see the data behind the Ethernet header, whose place holds zeros in the
// output. Longer packets than Linux's test run takes (a page) are fine here, and any ifindex exists.
//
//   | __sk_buff | what ld_abs needs | bpf_sock (what ctx->sk points to) |

import type { Addr } from '../memory/layout.ts';
import { PACKET_HEADROOM, PACKET_TAILROOM, PAGE } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { SKB_CTX } from '../spec/skb.ts';
import { SOCK_AT } from '../spec/sock.ts';
import { BpfError } from '../uapi/errors.ts';
import { CONTEXT_BYTES, type ContextRow } from './context.ts';
import { decodeStruct, type Member, type StructLayout } from './struct.ts';

const ETH_HLEN = 14;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_802_3 = 0x0001;
const ETH_P_802_2 = 0x0004;
/** Smaller numbers in the type field are lengths. */
const ETH_P_802_3_MIN = 0x0600;
/** A packet cut inside these headers is refused. */
const L3_HEADER: Readonly<Record<number, number>> = { [ETH_P_IP]: 20, [ETH_P_IPV6]: 40 };
const PACKET_TYPE = { host: 0, multicast: 2, otherhost: 3 } as const;
const LOOPBACK_IFINDEX = 1;
const GSO_LEGACY_MAX_SIZE = 65536;
const GSO_MAX_SEGS = 65535;

const u32 = (name: string, offset: number): Member => ({ name, offset, size: 4 });

const SK_BUFF: StructLayout = {
  name: '__sk_buff',
  size: 192,
  members: [
    u32('len', 0),
    u32('pkt_type', 4),
    u32('mark', 8),
    u32('queue_mapping', 12),
    u32('protocol', 16),
    u32('vlan_present', 20),
    u32('vlan_tci', 24),
    u32('vlan_proto', 28),
    u32('priority', 32),
    u32('ingress_ifindex', 36),
    u32('ifindex', 40),
    u32('tc_index', 44),
    { name: 'cb', offset: 48, size: 4, count: 5 },
    u32('hash', SKB_CTX.hash),
    u32('tc_classid', 72),
    u32('data', SKB_CTX.data),
    u32('data_end', SKB_CTX.dataEnd),
    u32('napi_id', 84),
    u32('data_meta', 140),
    { name: 'tstamp', offset: 152, size: 8 },
    u32('wire_len', 160),
    u32('gso_segs', 164),
    u32('gso_size', 176),
    { name: 'tstamp_type', offset: 180, size: 1 },
    { name: 'hwtstamp', offset: 184, size: 8 },
  ],
};

/** Byte ranges of __sk_buff that a test run takes over and writes back (convert___skb_to_skb, convert_skb_to___skb). */
const CARRIED = [
  { start: 8, end: 12 }, // mark
  { start: 32, end: 44 }, // priority, ingress_ifindex, ifindex
  { start: 48, end: 68 }, // cb
  { start: 152, end: 168 }, // tstamp, wire_len, gso_segs
  { start: 176, end: 180 }, // gso_size
  { start: 184, end: 192 }, // hwtstamp
] as const;
/** What else may be given, though nothing comes of it: data_end. */
const ACCEPTED = [...CARRIED, { start: SKB_CTX.dataEnd, end: SKB_CTX.dataEnd + 4 }];

const AT = {
  len: 0,
  pktType: 4,
  protocol: 16,
  ifindex: 40,
  family: 88,
  remoteIp4: 92,
  localIp4: 96,
  remoteIp6: 100,
  localIp6: 116,
  wireLen: 160,
  sk: 168,
} as const;

/** Where the socket (struct bpf_sock) stands behind the context. */
const SK = { ...SOCK_AT, start: 256 } as const;
const AF = { inet: 2, inet6: 10 } as const;
const TCP_CLOSE = 7;
const NO_QUEUE = 0xffffffff;

function checkSkb(bytes: Uint8Array, length: number): void {
  const at = bytes.findIndex((b, i) => b !== 0 && !ACCEPTED.some((r) => r.start <= i && i < r.end));
  if (at >= 0) {
    const member = SK_BUFF.members.findLast((m) => m.offset <= at)!.name;
    throw new BpfError('EINVAL', `__sk_buff: ${member} can't be given`);
  }
  const { wire_len: wire, gso_segs: segs } = decodeStruct(SK_BUFF, bytes) as Record<string, number>;
  if (wire !== 0 && (wire < length || wire > GSO_LEGACY_MAX_SIZE))
    throw new BpfError('EINVAL', `__sk_buff: wire_len ${wire}`);
  if (segs > GSO_MAX_SEGS) throw new BpfError('EINVAL', `__sk_buff: gso_segs ${segs}`);
}

/** eth_type_trans(): skb->protocol, in host order. */
function protocolOf(data: Uint8Array): number {
  const type = (data[12] << 8) | data[13];
  if (type >= ETH_P_802_3_MIN) return type;
  return data[14] === 0xff && data[15] === 0xff ? ETH_P_802_3 : ETH_P_802_2;
}

/** eth_type_trans() on the loopback device, whose address and broadcast address are 0. */
function packetType(data: Uint8Array): number {
  const dest = data.subarray(0, 6);
  if ((dest[0] & 1) !== 0) return PACKET_TYPE.multicast;
  return dest.every((b) => b === 0) ? PACKET_TYPE.host : PACKET_TYPE.otherhost;
}

/** The unconnected socket that a test run gives its packet: closed, with the addresses of the packet. */
function putSocket(memory: Memory, ctx: Addr, protocol: number, network: Uint8Array): void {
  const sk = ctx + SK.start;
  memory.setU32(ctx + AT.sk, sk);
  memory.setU32(sk + SK.state, TCP_CLOSE);
  memory.setU32(sk + SK.rxQueue, NO_QUEUE);
  const both = (at: number, skAt: number, bytes: Uint8Array) => {
    memory.write(ctx + at, bytes);
    memory.write(sk + skAt, bytes);
  };
  if (protocol === ETH_P_IP) {
    both(AT.family, SK.family, Uint8Array.of(AF.inet, 0, 0, 0));
    both(AT.localIp4, SK.srcIp4, network.subarray(12, 16));
    both(AT.remoteIp4, SK.dstIp4, network.subarray(16, 20));
  } else if (protocol === ETH_P_IPV6) {
    both(AT.family, SK.family, Uint8Array.of(AF.inet6, 0, 0, 0));
    both(AT.localIp6, SK.srcIp6, network.subarray(8, 24));
    both(AT.remoteIp6, SK.dstIp6, network.subarray(24, 40));
  }
}

/** `l2`: the program sees the Ethernet header. */
function skbContext(l2: boolean): ContextRow {
  const hidden = l2 ? 0 : ETH_HLEN;
  return {
    layout: SK_BUFF,

    frameBytes(length) {
      if (length > PAGE) throw new BpfError('EINVAL', `a packet of ${length} bytes is longer than ${PAGE}`);
      return PACKET_HEADROOM + length + PACKET_TAILROOM;
    },

    prepare({ memory, ctx, frame }, input) {
      const { data } = input;
      const refuse = (why: string): never => {
        throw new BpfError('EINVAL', why);
      };
      if (data.length < ETH_HLEN) refuse(`the packet has ${data.length} bytes, fewer than ${ETH_HLEN}`);
      const protocol = protocolOf(data);
      const length = data.length - hidden;
      if (data.length - ETH_HLEN < (L3_HEADER[protocol] ?? 0)) refuse('the packet is cut inside its network header');
      const given = input.ctx ?? new Uint8Array(SK_BUFF.size);
      checkSkb(given, length);
      const mac = frame + PACKET_HEADROOM;
      memory.bytes(frame, PACKET_HEADROOM).fill(0);
      memory.write(mac, data);
      memory.bytes(ctx, CONTEXT_BYTES).fill(0);
      for (const { start, end } of CARRIED) memory.write(ctx + start, given.subarray(start, end));
      memory.setU32(ctx + AT.len, length);
      memory.setU32(ctx + AT.pktType, packetType(data));
      memory.setU32(ctx + AT.protocol, ((protocol & 0xff) << 8) | (protocol >> 8));
      if (memory.u32(ctx + AT.ifindex) === 0) memory.setU32(ctx + AT.ifindex, LOOPBACK_IFINDEX);
      // Without a context nobody sets it.
      if (input.ctx !== null && memory.u32(ctx + AT.wireLen) === 0) memory.setU32(ctx + AT.wireLen, length);
      memory.setU32(ctx + SKB_CTX.data, mac + hidden);
      memory.setU32(ctx + SKB_CTX.dataMeta, mac + hidden);
      memory.setU32(ctx + SKB_CTX.dataEnd, mac + data.length);
      memory.setU32(ctx + SKB_CTX.frameStart, frame);
      memory.setU32(ctx + SKB_CTX.macHeader, mac);
      memory.setU32(ctx + SKB_CTX.networkHeader, mac + ETH_HLEN);
      putSocket(memory, ctx, protocol, data.subarray(ETH_HLEN));
      return { r1: ctx, r2: 0, rest: new Uint8Array(0) };
    },

    collect({ memory, ctx }, input) {
      const start = memory.u32(ctx + SKB_CTX.data);
      const end = memory.u32(ctx + SKB_CTX.dataEnd);
      const data = new Uint8Array(hidden + end - start);
      data.set(memory.bytes(start, end - start), hidden);
      const out = input.ctx?.slice() ?? new Uint8Array(SK_BUFF.size);
      for (const { start: from, end: to } of CARRIED) out.set(memory.bytes(ctx + from, to - from), from);
      return { data, ctx: out };
    },
  };
}

/** Programs behind the link layer: socket filters, cgroup_skb, lwt_*, sk_skb. */
export const SKB_CONTEXT = skbContext(false);
/** tc programs. */
export const TC_CONTEXT = skbContext(true);
