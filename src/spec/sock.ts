// Structures that programs read through socket pointers (UAPI bpf_sock, bpf_tcp_sock, bpf_xdp_sock): which loads Linux
// allows (bpf_sock_is_valid_access, bpf_tcp_sock_is_valid_access). Nothing is writable.

export interface SockField {
  readonly off: number;
  readonly size: number;
  /** Loads narrower than the field: none, only at its start, anywhere in it. */
  readonly narrow: 'no' | 'start' | 'any';
}

function f(off: number, size: number, narrow: SockField['narrow'] = 'no'): SockField {
  return { off, size, narrow };
}

function words(from: number, to: number, narrow: SockField['narrow'] = 'no'): SockField[] {
  const out: SockField[] = [];
  for (let off = from; off < to; off += 4) out.push(f(off, 4, narrow));
  return out;
}

const BPF_SOCK: readonly SockField[] = [
  f(0, 4), // bound_dev_if
  f(4, 4, 'start'), // family
  f(8, 4, 'start'), // type
  f(12, 4, 'start'), // protocol
  f(16, 4), // mark
  f(20, 4), // priority
  f(24, 4, 'any'), // src_ip4
  ...words(28, 44, 'any'), // src_ip6
  f(44, 4, 'start'), // src_port
  f(48, 2, 'any'), // dst_port
  f(48, 4), // dst_port, as old programs read it
  f(52, 4, 'any'), // dst_ip4
  ...words(56, 72, 'any'), // dst_ip6
  f(72, 4, 'start'), // state
  f(76, 4, 'start'), // rx_queue_mapping
];

/** A socket that may be a request or a time-wait socket has no type, protocol, mark, priority. */
const COMMON_WITHOUT: readonly number[] = [8, 12, 16, 20];

const TCP_SOCK_SIZE = 112;
const TCP_SOCK_WIDE: readonly number[] = [80, 88];

/** Fields by register kind. */
export const SOCK_FIELDS = {
  sock: BPF_SOCK,
  sock_common: BPF_SOCK.filter((x) => !COMMON_WITHOUT.includes(x.off)),
  tcp_sock: [
    ...words(0, TCP_SOCK_SIZE).filter((x) => !TCP_SOCK_WIDE.some((w) => x.off >= w && x.off < w + 8)),
    ...TCP_SOCK_WIDE.map((off) => f(off, 8)),
  ],
  xdp_sock: [f(0, 4)],
} as const satisfies Record<string, readonly SockField[]>;

/** Offsets of members of struct bpf_sock. */
export const SOCK_AT = {
  family: 4,
  srcIp4: 24,
  srcIp6: 28,
  dstIp4: 52,
  dstIp6: 56,
  state: 72,
  rxQueue: 76,
  size: 80,
} as const;

export type SockKind = keyof typeof SOCK_FIELDS;

/** Whether a load of `size` bytes at `off` is allowed. */
export function sockLoadOk(kind: SockKind, off: number, size: number): boolean {
  if (off < 0 || off % size !== 0) return false;
  return (SOCK_FIELDS[kind] as readonly SockField[]).some((x) => {
    if (off === x.off && size === x.size) return true;
    const inside = off >= x.off && off + size <= x.off + x.size;
    return inside && (x.narrow === 'any' || (x.narrow === 'start' && off === x.off));
  });
}
