// Kfuncs that can run, and how engines call them. A kfunc is added with its name in RUNNABLE_KFUNCS and one implementation
// in src/kfuncs (the two are tied by `satisfies`). What is passed follows from its prototype, as in a C call on x86-64: an
// argument fills as many low bits of its register as its type has; of a result narrower than r0 the rest is 0 (Linux leaves
// there what its compiler left).
//
// In code for engines a call's immediate is the kfunc's number here, not its id in some BTF (runtime/ksyms.ts).

import { commonFunc, commonFuncId, type KernelParam } from './kernel_func.ts';
import { KF, KFUNCS as KFUNC_ROWS, type KfuncName } from './kfuncs.ts';
import { progTypeById } from './prog_types.ts';
import type { Abi, AbiArg, AbiReturn } from './proto.ts';

/** A number is a place in this list, from 1 on. */
export const RUNNABLE_KFUNCS = [
  'bpf_iter_num_new',
  'bpf_iter_num_next',
  'bpf_iter_num_destroy',
  'bpf_dynptr_from_skb',
  'bpf_dynptr_from_xdp',
  'bpf_dynptr_slice',
  'bpf_dynptr_slice_rdwr',
  'bpf_dynptr_adjust',
  'bpf_dynptr_is_null',
  'bpf_dynptr_is_rdonly',
  'bpf_dynptr_size',
  'bpf_dynptr_clone',
  'bpf_dynptr_copy',
  'bpf_dynptr_memset',
  'bpf_strcmp',
  'bpf_strcasecmp',
  'bpf_strlen',
  'bpf_strnlen',
  'bpf_strchr',
  'bpf_strnchr',
  'bpf_strchrnul',
  'bpf_strrchr',
  'bpf_strspn',
  'bpf_strcspn',
  'bpf_strstr',
  'bpf_strnstr',
  'bpf_arena_alloc_pages',
  'bpf_arena_free_pages',
  'bpf_arena_reserve_pages',
] as const satisfies readonly KfuncName[];

/** What a kfunc becomes in programs that may do less, with the same prototype (kernel specialize_kfunc). */
const SPECIAL = { bpf_dynptr_from_skb_rdonly: 'bpf_dynptr_from_skb' } as const;

export type RunnableKfuncName = (typeof RUNNABLE_KFUNCS)[number] | keyof typeof SPECIAL;

/** How many bytes behind a pointer a call may touch: so many; as the next argument says; unknown. */
export type Extent = number | 'next' | null;

export interface RunnableKfunc {
  readonly name: RunnableKfuncName;
  readonly number: number;
  readonly abi: Abi;
  /** By argument; null = no pointer, or nobody knows. */
  readonly extents: readonly Extent[];
}

/**
 * Pointers that the verifier checks are below 2^32. Of one into an arena all 64 bits count: it is an address of user space;
 * and of one that is not checked (`__ign`): it may be any number.
 */
function argOf({ name, type }: KernelParam, arena: boolean): AbiArg {
  return type.size === 8 && (type.kind !== 'ptr' || arena || name.endsWith('__ign')) ? 'u64' : 'u32';
}

function extentOf({ pointsTo }: KernelParam, next: KernelParam | undefined): Extent {
  if (pointsTo === null) return null;
  if (next !== undefined && /__szk?$/.test(next.name)) return 'next';
  return pointsTo.kind === 'struct' ? pointsTo.size : null;
}

function resultOf({ kind, size }: KernelParam['type'], arena: boolean): AbiReturn {
  if (kind === 'void') return 'void';
  return size === 8 && (kind !== 'ptr' || arena) ? 'wide' : 'u32';
}

function runnable(name: RunnableKfuncName, proto: KfuncName, i: number): RunnableKfunc {
  const { params, returns } = commonFunc(commonFuncId(proto)!)!;
  const { flags } = KFUNC_ROWS[proto];
  const inArena = [KF.ARENA_ARG1, KF.ARENA_ARG2].map((flag) => (flags & flag) !== 0);
  return {
    name,
    number: i + 1,
    abi: {
      args: params.map((param, n) => argOf(param, inArena[n] ?? false)),
      ret: resultOf(returns.type, (flags & KF.ARENA_RET) !== 0),
    },
    extents: params.map((param, n) => extentOf(param, params[n + 1])),
  };
}

const ALL = { ...Object.fromEntries(RUNNABLE_KFUNCS.map((name) => [name, name])), ...SPECIAL };
const KFUNCS = Object.entries<KfuncName>(ALL).map(([name, proto], i) => runnable(name as RunnableKfuncName, proto, i));
const byName = new Map<string, RunnableKfunc>(KFUNCS.map((kfunc) => [kfunc.name, kfunc]));

/** The kfunc of this name as programs of a type call it; undefined = it can't run. */
export function kfuncByName(name: string, progType: number): RunnableKfunc | undefined {
  const rdonly = name === 'bpf_dynptr_from_skb' && progTypeById(progType)?.packetAccess !== 'write';
  return byName.get(rdonly ? 'bpf_dynptr_from_skb_rdonly' : name);
}

/** The kfunc that a call in code for engines means. */
export function kfuncByNumber(number: number): RunnableKfunc | undefined {
  return KFUNCS[number - 1];
}

/** Kfuncs that only hold something off (RCU, preemption) have nothing to hold off here: their calls do nothing. */
export const SECTION_KFUNCS: ReadonlySet<string> = new Set<KfuncName>([
  'bpf_rcu_read_lock',
  'bpf_rcu_read_unlock',
  'bpf_preempt_disable',
  'bpf_preempt_enable',
  'bpf_local_irq_save',
  'bpf_local_irq_restore',
]);

export function isRunnableKfunc(name: string): boolean {
  return byName.has(name) || SECTION_KFUNCS.has(name);
}
