// One row per program type: which context it gets, how wide its result is, and how a libbpf section names it.
// What a type may call is in helpers.ts; what it may read and write of its context in ctx.ts.

import { BPF_PROG_TYPE } from '../uapi/enums.ts';

/** libbpf-style short names. `raw` is ours: r1 = address of a memory of exactly r2 bytes, no context. */
export type ProgTypeName = (typeof PROG_TYPES)[number]['name'];

export interface ProgTypeRow {
  readonly name: string;
  /** UAPI bpf_prog_type; -1 for `raw`. */
  readonly id: number;
  /** Name of the context row in ctx.ts; null when there is none. */
  readonly ctx: string | null;
  /** Width of the result the caller reads from R0. */
  readonly result: 'u32' | 'u64';
  /** Section names of libbpf: exact, or a prefix when it ends in '/'. */
  readonly sections: readonly string[];
  /** What the numbers of the result mean, where they have names. */
  readonly verdicts?: readonly string[];
  /** Whether test_run needs a packet. */
  readonly packet: boolean;
  /** Whether programs may write into the packet directly (kernel may_access_direct_pkt_data). */
  readonly packetWrite?: boolean;
}

export const PROG_TYPES = [
  { name: 'raw', id: -1, ctx: null, result: 'u64', sections: ['raw'], packet: false },
  {
    name: 'socket_filter',
    id: BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER,
    ctx: '__sk_buff',
    result: 'u32',
    sections: ['socket', 'socket/'],
    packet: true,
  },
  {
    name: 'xdp',
    id: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP,
    ctx: 'xdp_md',
    result: 'u32',
    sections: ['xdp', 'xdp/', 'xdp.frags', 'xdp.frags/'],
    packetWrite: true,
    verdicts: ['XDP_ABORTED', 'XDP_DROP', 'XDP_PASS', 'XDP_TX', 'XDP_REDIRECT'],
    packet: true,
  },
] as const satisfies readonly ProgTypeRow[];

const byName = new Map<string, ProgTypeRow>(PROG_TYPES.map((r) => [r.name, r]));
const byId = new Map<number, ProgTypeRow>(PROG_TYPES.map((r) => [r.id, r]));

export function progTypeByName(name: string): ProgTypeRow | undefined {
  return byName.get(name);
}

export function progTypeById(id: number): ProgTypeRow | undefined {
  return byId.get(id);
}

/** The program type libbpf would choose for a section name, e.g. 'xdp/firewall' -> xdp. */
export function progTypeBySection(section: string): ProgTypeRow | undefined {
  const name = section.startsWith('?') ? section.slice(1) : section;
  return PROG_TYPES.find((r) =>
    (r.sections as readonly string[]).some((s) => (s.endsWith('/') ? name.startsWith(s) : name === s)),
  );
}
