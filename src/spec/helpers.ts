// One row per helper that exists: its number, its prototype as the verifier checks it, and the Wasm signature that
// follows from the prototype. The implementation of a row is in src/helpers; the two are tied by `satisfies`.
// A helper is added with one row here, one implementation there and a test.

/**
 * Kinds of argument (kernel ARG_*). u32/s32/u64 are ARG_ANYTHING of that C width. A `mem` kind is followed by the
 * argument with its size. abi(): u64 is passed to an implementation as (lo, hi) i32 pair, everything else as one i32.
 */
export type ArgKind =
  | 'const_map_ptr' // struct bpf_map *, known at verification
  | 'map_key' // key_size readable bytes
  | 'map_value' // value_size readable bytes
  | 'ctx'
  | 'mem_rdonly' // readable bytes, size in the next argument
  | 'mem_rdonly_or_null'
  | 'uninit_mem' // bytes that the helper fills, size in the next argument
  | 'size' // > 0
  | 'size_or_zero'
  | 'u32'
  | 's32'
  | 'u64';

/**
 * Kinds of result (kernel RET_*), with the C type of the scalar: s32 is sign-extended to 64 bits, u32 zero-extended;
 * 'u64' and 's64' come back through the CPU block's result slot (layout.ts CPU.result); 'void' leaves 0.
 * 'tail_call' is no function: the engines implement it.
 */
export type RetKind = 'map_value_or_null' | 's32' | 'u32' | 's64' | 'u64' | 'void' | 'tail_call';

export interface HelperRow {
  readonly id: number;
  readonly args: readonly ArgKind[];
  readonly ret: RetKind;
  /** Program types that may call it; 'all' = every type. */
  readonly types: 'all' | readonly string[];
  /** Refused to programs whose license is not GPL-compatible. */
  readonly gpl?: boolean;
  /** How many of the last arguments are passed along unchecked (ARG_DONTCARE). */
  readonly dontCare?: number;
  /** May be given packet pointers (kernel pkt_access). */
  readonly pktAccess?: boolean;
  /** Packet pointers are invalid after the call (kernel bpf_helper_changes_pkt_data). */
  readonly changesPacket?: boolean;
}

const xdp = ['xdp'] as const;

export const HELPERS = {
  bpf_map_lookup_elem: {
    id: 1,
    args: ['const_map_ptr', 'map_key'],
    ret: 'map_value_or_null',
    types: 'all',
    pktAccess: true,
  },
  bpf_map_update_elem: {
    id: 2,
    args: ['const_map_ptr', 'map_key', 'map_value', 'u64'],
    ret: 's32',
    types: 'all',
    pktAccess: true,
  },
  bpf_map_delete_elem: {
    id: 3,
    args: ['const_map_ptr', 'map_key'],
    ret: 's32',
    types: 'all',
    pktAccess: true,
  },
  bpf_ktime_get_ns: { id: 5, args: [], ret: 'u64', types: 'all' },
  bpf_trace_printk: {
    id: 6,
    args: ['mem_rdonly', 'size', 'u64', 'u64', 'u64'],
    dontCare: 3,
    ret: 's32',
    types: 'all',
    gpl: true,
  },
  bpf_get_prandom_u32: { id: 7, args: [], ret: 'u32', types: 'all' },
  bpf_get_smp_processor_id: { id: 8, args: [], ret: 'u32', types: 'all' },
  bpf_tail_call: { id: 12, args: ['ctx', 'const_map_ptr', 'u32'], ret: 'tail_call', types: 'all' },
  bpf_redirect: { id: 23, args: ['u32', 'u64'], ret: 's32', types: xdp },
  bpf_csum_diff: {
    id: 28,
    args: ['mem_rdonly_or_null', 'size_or_zero', 'mem_rdonly_or_null', 'size_or_zero', 'u32'],
    ret: 's64',
    types: xdp,
    pktAccess: true,
  },
  bpf_xdp_adjust_head: { id: 44, args: ['ctx', 's32'], ret: 's32', types: xdp, changesPacket: true },
  bpf_redirect_map: { id: 51, args: ['const_map_ptr', 'u64', 'u64'], ret: 's32', types: xdp },
  bpf_xdp_adjust_meta: { id: 54, args: ['ctx', 's32'], ret: 's32', types: xdp, changesPacket: true },
  bpf_xdp_adjust_tail: { id: 65, args: ['ctx', 's32'], ret: 's32', types: xdp, changesPacket: true },
} as const satisfies Record<`bpf_${string}`, HelperRow>;

export type HelperName = keyof typeof HELPERS;

export interface Helper extends HelperRow {
  readonly name: HelperName;
}

const byId = new Map<number, Helper>(
  Object.entries(HELPERS).map(([name, row]) => [row.id, { ...row, name: name as HelperName }]),
);

/** The helper with this number, or undefined when beewasm has none. */
export function helperById(id: number): Helper | undefined {
  return byId.get(id);
}

/** Wasm parameter count of a helper: u64 arguments take two i32 (lo, hi). */
export function abiParams(row: HelperRow): number {
  return row.args.reduce((n, a) => n + (a === 'u64' ? 2 : 1), 0);
}

/** Whether the implementation returns an i32 (s32, u32, pointer) or nothing (void; 64-bit results use the CPU block). */
export function abiReturnsI32(row: HelperRow): boolean {
  return row.ret === 's32' || row.ret === 'u32' || row.ret === 'map_value_or_null';
}
