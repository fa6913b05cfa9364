// What a helper's prototype is made of (kernel struct bpf_func_proto): kinds of arguments and results, each with the
// kernel's name, and how they travel between an engine and an implementation (the ABI).

/** Kinds of argument (kernel ARG_*), as the verifier checks them. */
export type ArgKind =
  // Scalars: ARG_ANYTHING, by the width of the C type.
  | 'u32'
  | 's32'
  | 'u64'
  // Maps.
  | 'const_map_ptr' // struct bpf_map *, known at verification
  | 'map_key' // key_size readable bytes
  | 'map_value' // value_size readable bytes
  | 'map_value_or_null'
  | 'uninit_map_value' // value_size bytes that the helper fills
  // Context.
  | 'ctx'
  | 'ctx_or_null'
  // Memory whose size is the next argument.
  | 'mem_rdonly' // ARG_PTR_TO_MEM | MEM_RDONLY: initialised, read
  | 'mem_rdonly_or_null'
  | 'mem_write' // ARG_PTR_TO_MEM | MEM_WRITE: initialised, read and written
  | 'mem_write_or_null'
  | 'uninit_mem' // ARG_PTR_TO_UNINIT_MEM: filled, need not be initialised
  | 'size' // ARG_CONST_SIZE: > 0
  | 'size_or_zero'
  // Memory whose size is in the prototype (`sizes`).
  | 'fixed_mem_rdonly' // ARG_PTR_TO_FIXED_SIZE_MEM | MEM_RDONLY
  | 'fixed_mem_write_aligned' // ... | MEM_WRITE | MEM_ALIGNED: initialised, read and written, naturally aligned
  | 'uninit_fixed_mem_aligned' // ... | MEM_UNINIT | MEM_WRITE | MEM_ALIGNED
  | 'const_str' // ARG_PTR_TO_CONST_STR: NUL-terminated text in a frozen read-only map
  // Sockets.
  | 'sock_common' // PTR_TO_SOCK_COMMON and every wider socket
  | 'socket_or_null' // full sockets only
  | 'btf_id_sock_common' // sock_common, or a BTF pointer to one
  | 'btf_id_sock_common_or_null'
  // Pointers to kernel structures known by BTF (`btf` names them).
  | 'btf_id'
  | 'btf_id_or_null'
  | 'percpu_btf_id'
  // Special fields of map values.
  | 'spin_lock'
  | 'timer'
  | 'kptr_xchg_dest'
  // Ring buffers and dynptrs.
  | 'const_alloc_size_or_zero' // size of the memory in the result, known at verification
  | 'ringbuf_mem' // what bpf_ringbuf_reserve gave
  | 'dynptr' // initialised, any type
  | 'dynptr_ringbuf' // initialised, of a ring buffer
  | 'uninit_dynptr_local' // becomes a dynptr on plain memory
  | 'uninit_dynptr_ringbuf'
  // Callbacks.
  | 'func' // a static function of the program
  | 'stack_or_null'; // passed to the callback

/** Bytes of struct bpf_dynptr. */
export const DYNPTR_SIZE = 16;

/** How a result goes back: i32 sign- or zero-extended, through the CPU block (layout.ts CPU.result), not at all. */
export type AbiReturn = 's32' | 'u32' | 'wide' | 'void' | 'tail_call';

/** Kinds of result (kernel RET_*), with the C type of the scalar. 'tail_call' is no function: the engines do it. */
export const RETURN_ABI = {
  s32: 's32',
  u32: 'u32',
  s64: 'wide',
  u64: 'wide',
  void: 'void',
  tail_call: 'tail_call',
  map_value_or_null: 'u32',
  map_value: 'u32',
  socket_or_null: 'u32',
  tcp_sock_or_null: 'u32',
  sock_common_or_null: 'u32',
  ringbuf_mem_or_null: 'u32',
  dynptr_mem_or_null: 'u32',
  /** `retBtf` names the structure. */
  btf_id: 'u32',
  btf_id_or_null: 'u32',
  btf_id_trusted: 'u32',
  /** Read-only memory or structure, by the type of the per-CPU variable in argument 1. */
  mem_or_btf_id: 'u32',
  mem_or_btf_id_or_null: 'u32',
} as const satisfies Record<string, AbiReturn>;

export type RetKind = keyof typeof RETURN_ABI;

/** What may differ where a program type has a prototype of its own. */
export interface Proto {
  readonly args: readonly ArgKind[];
  readonly ret: RetKind;
  /** Sizes of fixed_mem arguments, by position (arg1_size ...). */
  readonly sizes?: readonly number[];
  /** Kernel structures of btf_id arguments, by position; '' elsewhere. */
  readonly btf?: readonly string[];
  readonly retBtf?: string;
  /** Refused to programs whose license is not GPL-compatible. */
  readonly gpl?: boolean;
  /** May be given packet pointers (kernel pkt_access). */
  readonly pktAccess?: boolean;
}

export interface ProtoRow extends Proto {
  readonly id: number;
  /** How many of the last arguments are passed along unchecked (ARG_DONTCARE). */
  readonly dontCare?: number;
  /** Packet pointers are invalid after the call (kernel bpf_helper_changes_pkt_data). */
  readonly changesPacket?: boolean;
  /** Only for sleepable programs (kernel might_sleep). */
  readonly mightSleep?: boolean;
  /** The result is a reference that must be released (kernel is_acquire_function). */
  readonly acquires?: boolean;
  /** Number of the argument whose reference the call ends (kernel OBJ_RELEASE). */
  readonly releases?: 1 | 2;
  /** Prototypes of their own, by program type (UAPI bpf_prog_type). */
  readonly variants?: readonly Variant[];
}

export interface Variant extends Partial<Proto> {
  readonly types: readonly number[];
}

export type ProtoRows = Readonly<Record<`bpf_${string}`, ProtoRow>>;

/** How an argument is passed: the low half of its register as one i32, or the whole as two (lo, hi). */
export type AbiArg = 'u32' | 'u64';

/** How engines call a function outside the program: arguments are r1, r2, ... */
export interface Abi {
  readonly args: readonly AbiArg[];
  readonly ret: AbiReturn;
}

/** The wire form of a result. */
export function abiReturn(row: ProtoRow): AbiReturn {
  return RETURN_ABI[row.ret];
}

export function abiOf(row: ProtoRow): Abi {
  return { args: row.args.map((kind) => (kind === 'u64' ? 'u64' : 'u32')), ret: abiReturn(row) };
}

/** How many i32 an implementation takes. */
export function abiParams({ args }: Abi): number {
  return args.reduce((n, arg) => n + (arg === 'u64' ? 2 : 1), 0);
}
