// The program before the walk: what each slot means, where functions start and end, and everything Linux checks before
// it follows a single path (add_subprog, check_subprogs, resolve_pseudo_ldimm64). In: ProgramInput. Out: Prog | Reject.

import { type DisasmOptions, LOG_STYLE } from '../isa/index.ts';
import { type Insn, type InsnIndex, LDDW_CODE } from '../isa/insn.ts';
import type { Op } from '../isa/op.ts';
import { opOf } from '../isa/opcodes.ts';
import { isArena } from '../spec/arena.ts';
import { COMMON_TYPES, type KernelTypes } from '../spec/kernel_struct.ts';
import { mapTypeById } from '../spec/map_types.ts';
import type { SpecialType } from '../spec/special_fields.ts';
import { BPF_PROG_TYPE, BPF_MAP_TYPE as M } from '../uapi/enums.ts';
import { PROG_FLAGS } from '../uapi/prog_flags.ts';
import { checkArenaOffset, checkArenaUse } from './arena.ts';
import type { Target } from './attach.ts';
import { findExceptionCallback } from './exception.ts';
import { findKfuncs, type Kfuncs } from './kfunc.ts';
import { at, invalid, type Reject, refused, tooBig } from './reject.ts';
import type { Ksym, MapDef, MapRef, ProgramInput, Subprog } from './verified.ts';

export const MAX_INSNS = 1_000_000;
const MAX_SUBPROGS = 256;
const BPF_MAX_VAR_OFF = 1 << 29;
const TAIL_CALL = 12;

export interface Prog {
  readonly input: ProgramInput;
  /** Calls of kernel functions, by slot. */
  readonly kfuncs: Kfuncs;
  /** Symbols of the kernel that are referred to, by slot. */
  readonly ksyms: ReadonlyMap<InsnIndex, Ksym>;
  /** What it is bound to; null = nothing. */
  readonly target: Target | null;
  /** How the log shows instructions. */
  readonly style: DisasmOptions;
  readonly insns: readonly Insn[];
  /** Meaning of each slot; undefined for the second half of an lddw. */
  readonly ops: readonly (Op | undefined)[];
  readonly subprogs: readonly Subprog[];
  /** Function of each slot. */
  readonly subprogOf: Uint16Array | Uint32Array;
  /** The function that handles exceptions; 0 = none. */
  readonly exceptionCallback: number;
  /** Per function: has a tail call. */
  readonly tailCalls: readonly boolean[];
}

export function isReject(x: object): x is Reject {
  return 'code' in x && 'message' in x;
}

/** Slot that a pc-relative call or function address at `at` refers to. */
export function callTarget(insn: Insn, at: InsnIndex): InsnIndex {
  return at + insn.imm + 1;
}

function isFuncAddress(insn: Insn): boolean {
  return insn.code === LDDW_CODE && insn.src === 4;
}

function isLocalCall(insn: Insn): boolean {
  return insn.code === 0x85 && insn.src === 1;
}

/** First slots of the functions; `exceptionCallback`: of the one that nothing refers to. */
export function findSubprogs(insns: readonly Insn[], exceptionCallback: InsnIndex | null): number[] | Reject {
  const starts = new Set([0]);
  for (let i = 0; i < insns.length; i++) {
    if (!isLocalCall(insns[i]) && !isFuncAddress(insns[i])) continue;
    const target = callTarget(insns[i], i);
    if (target < 0 || target >= insns.length) return at(i, invalid('call to invalid destination'));
    if (!starts.has(target) && starts.size >= MAX_SUBPROGS) return at(i, tooBig('too many subprograms'));
    starts.add(target);
  }
  if (exceptionCallback !== null) starts.add(exceptionCallback);
  return [...starts].sort((a, b) => a - b);
}

/** Jump target of a jump at `at`, or undefined when the slot is no jump. */
export function jumpTarget(op: Op | undefined, insn: Insn, at: InsnIndex): InsnIndex | undefined {
  if (op === undefined) return undefined;
  if (op.kind === 'jmp' || op.kind === 'may_goto') return at + insn.off + 1;
  if (op.kind === 'ja') return at + (op.wide ? insn.imm : insn.off) + 1;
  return undefined;
}

/** BPF_JMP / BPF_JMP32 instructions that are neither call nor exit, by opcode byte alone. */
function rawJumpTarget(insn: Insn, at: InsnIndex): InsnIndex | undefined {
  const cls = insn.code & 7;
  if (cls !== 5 && cls !== 6) return undefined;
  const op = insn.code & 0xf0;
  if (op === 0x80 || op === 0x90) return undefined;
  return at + (insn.code === 0x06 ? insn.imm : insn.off) + 1;
}

function checkSubprogs(insns: readonly Insn[], subprogs: readonly Subprog[], kfuncs: Kfuncs): Reject | null {
  for (const { start, end } of subprogs) {
    for (let i = start; i < end; i++) {
      const target = rawJumpTarget(insns[i], i);
      if (target !== undefined && (target < start || target >= end)) {
        return invalid(`jump out of range from insn ${i} to ${target}`);
      }
    }
    const last = insns[end - 1].code;
    const leaves = last === 0x95 || last === 0x05 || last === 0x06 || kfuncs.get(end - 1)?.name === 'bpf_throw';
    if (!leaves) return at(end - 1, invalid('last insn is not an exit or jmp'));
  }
  return null;
}

function isLdAbs({ code }: Insn): boolean {
  const mode = code & 0xe7;
  return mode === 0x20 || mode === 0x40;
}

function isTailCall(insn: Insn): boolean {
  return insn.code === 0x85 && insn.src === 0 && insn.imm === TAIL_CALL;
}

/** Instructions that may leave their function: a tail call that succeeds, a packet load that fails. */
export function leavesFunction(insn: Insn): boolean {
  return isLdAbs(insn) || isTailCall(insn);
}

/** BTF kinds of a function's result that count as int. */
const INTS: readonly string[] = ['int', 'enum', 'enum64'];

/** Functions with tail calls and ld_abs need BTF that says they return int (kernel check_abnormal_return, check_btf_func). */
function checkAbnormalReturn(input: ProgramInput, subprogs: readonly Subprog[]): Reject | null {
  for (const { start, end } of subprogs.slice(1)) {
    const proto = input.functions && input.prototypes?.get(start);
    if (proto !== undefined && INTS.includes(proto.returns.kind)) continue;
    const first = (is: (insn: Insn) => boolean) => input.insns.findIndex((x, i) => i >= start && i < end && is(x));
    const [ldAbs, tailCall] = [first(isLdAbs), first(isTailCall)];
    if (proto !== undefined) {
      if (ldAbs >= 0) return at(ldAbs, invalid("LD_ABS is only allowed in functions that return 'int'."));
      if (tailCall >= 0) return at(tailCall, invalid("tail_call is only allowed in functions that return 'int'."));
    } else if (input.functions === undefined) {
      if (ldAbs >= 0) return at(ldAbs, invalid('LD_ABS is not allowed in subprogs without BTF'));
      if (tailCall >= 0) return at(tailCall, invalid('tail_call is not allowed in subprogs without BTF'));
    }
  }
  return null;
}

const T = BPF_PROG_TYPE;
const TRACING: readonly number[] = [
  T.BPF_PROG_TYPE_KPROBE,
  T.BPF_PROG_TYPE_TRACEPOINT,
  T.BPF_PROG_TYPE_PERF_EVENT,
  T.BPF_PROG_TYPE_RAW_TRACEPOINT,
  T.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
];

/** Kernel check_map_prog_compatibility: programs that may run anywhere can't take locks or start timers. */
function checkSpecialFields(input: ProgramInput, map: MapDef): Reject | null {
  const has = (type: SpecialType) => map.specialFields?.some((f) => f.type === type) ?? false;
  if ((has('bpf_list_head') || has('bpf_rb_root')) && TRACING.includes(input.type)) {
    return invalid('tracing progs cannot use bpf_{list_head,rb_root} yet');
  }
  if (has('bpf_spin_lock') || has('bpf_res_spin_lock')) {
    if (input.type === T.BPF_PROG_TYPE_SOCKET_FILTER) {
      return invalid('socket filter progs cannot use bpf_spin_lock yet');
    }
    if (TRACING.includes(input.type)) return invalid('tracing progs cannot use bpf_spin_lock yet');
  }
  if (has('bpf_timer') && TRACING.includes(input.type)) return invalid('tracing progs cannot use bpf_timer yet');
  if (has('bpf_wq') && TRACING.includes(input.type)) return invalid('tracing progs cannot use bpf_wq yet');
  return null;
}

/** Maps whose elements outlive a program that sleeps (kernel check_map_prog_compatibility). */
const SLEEPABLE_MAPS: ReadonlySet<number> = new Set([
  M.BPF_MAP_TYPE_HASH,
  M.BPF_MAP_TYPE_LRU_HASH,
  M.BPF_MAP_TYPE_ARRAY,
  M.BPF_MAP_TYPE_PERCPU_HASH,
  M.BPF_MAP_TYPE_PERCPU_ARRAY,
  M.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  M.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  M.BPF_MAP_TYPE_HASH_OF_MAPS,
  M.BPF_MAP_TYPE_RINGBUF,
  M.BPF_MAP_TYPE_USER_RINGBUF,
  M.BPF_MAP_TYPE_INODE_STORAGE,
  M.BPF_MAP_TYPE_SK_STORAGE,
  M.BPF_MAP_TYPE_TASK_STORAGE,
  M.BPF_MAP_TYPE_CGRP_STORAGE,
  M.BPF_MAP_TYPE_QUEUE,
  M.BPF_MAP_TYPE_STACK,
  M.BPF_MAP_TYPE_ARENA,
]);
const CGROUP_STORAGE: readonly number[] = [M.BPF_MAP_TYPE_CGROUP_STORAGE, M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE];

/** Whether this program may use this map at all. */
function checkMapUse(input: ProgramInput, at: InsnIndex, index: number, perfmon: boolean): Reject | null {
  const { type } = input.maps[index];
  if ((input.flags & PROG_FLAGS.BPF_F_SLEEPABLE) !== 0 && !SLEEPABLE_MAPS.has(type)) {
    return invalid('Sleepable programs can only use array, hash, ringbuf and local storage maps');
  }
  if (type === M.BPF_MAP_TYPE_STRUCT_OPS) return invalid('bpf_struct_ops map cannot be used in prog');
  if (isArena(input.maps[index])) return checkArenaUse(input, at, index, perfmon);
  if (!CGROUP_STORAGE.includes(type)) return null;
  const others = [...input.mapRefs.values()].some((r) => r.map !== index && input.maps[r.map]?.type === type);
  return others ? refused('EBUSY', 'only one cgroup storage of each type is allowed') : null;
}

/** Descriptors that every process that loads programs has open: its standard streams. No other is. */
const OPEN_DESCRIPTORS: readonly number[] = [0, 1, 2];

function checkMapRef(input: ProgramInput, insn: Insn, ref: MapRef | undefined): Reject | null {
  const map = ref && input.maps[ref.map];
  if (ref === undefined || map === undefined) {
    const errno = OPEN_DESCRIPTORS.includes(insn.imm) ? 'EINVAL' : 'EBADF';
    return refused(errno, `fd ${insn.imm} is not pointing to valid bpf_map`);
  }
  const unfit = checkSpecialFields(input, map);
  if (unfit || ref.kind === 'fd') return unfit;
  if (ref.off >>> 0 >= BPF_MAX_VAR_OFF) return invalid(`direct value offset of ${ref.off >>> 0} is not allowed`);
  if (isArena(map)) return checkArenaOffset(map, ref.off >>> 0);
  const row = mapTypeById(map.type);
  if (row?.store !== 'array' || row.perCpu || map.maxEntries !== 1) {
    return refused('ENOTSUPP', 'no direct value access support for this map type');
  }
  if (ref.off >>> 0 >= map.valueSize) {
    return invalid(`invalid access to map value pointer, value_size=${map.valueSize} off=${ref.off >>> 0}`);
  }
  return null;
}

/** A function or variable of the kernel (kernel check_pseudo_btf_id). */
function checkSymbol(types: KernelTypes, insn: Insn, next: Insn): Reject | null {
  if (next.imm !== 0) return invalid('invalid module BTF object FD specified.');
  const { name } = types.func(insn.imm) ?? types.variable(insn.imm) ?? { name: null };
  if (name !== null) {
    return types.hasAddress(name)
      ? null
      : refused('ENOENT', `ldimm64 failed to find the address for kernel symbol '${name}'.`);
  }
  return insn.imm >>> 0 < types.end
    ? invalid(`pseudo btf_id ${insn.imm} in ldimm64 isn't KIND_VAR or KIND_FUNC`)
    : refused('ENOENT', `ldimm64 insn specifies invalid btf_id ${insn.imm}.`);
}

function checkLddw(input: ProgramInput, types: KernelTypes, i: InsnIndex, perfmon: boolean): Reject | null {
  const insn = input.insns[i];
  const next = input.insns[i + 1];
  if (next === undefined || next.code !== 0 || next.dst !== 0 || next.src !== 0 || next.off !== 0) {
    return invalid('invalid bpf_ld_imm64 insn');
  }
  if (insn.off !== 0) return invalid('BPF_LD_IMM64 uses reserved fields');
  if (insn.src === 0 || insn.src === 4) return null;
  const byValue = insn.src === 2 || insn.src === 6;
  const byFd = insn.src === 1 || insn.src === 5;
  if (insn.src === 3) return checkSymbol(types, insn, next);
  if (!byValue && (!byFd || next.imm !== 0)) return invalid('unrecognized bpf_ld_imm64 insn');
  const ref = input.mapRefs.get(i);
  const known = ref !== undefined && input.maps[ref.map] !== undefined;
  return (known ? checkMapUse(input, i, ref.map, perfmon) : null) ?? checkMapRef(input, insn, ref);
}

function resolve(input: ProgramInput, types: KernelTypes, perfmon: boolean): (Op | undefined)[] | Reject {
  const { insns } = input;
  const ops = new Array<Op | undefined>(insns.length);
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    if ((insn.code & 7) === 1) {
      const mode = insn.code & 0xe0;
      if ((mode !== 0x60 && mode !== 0x80) || insn.imm !== 0) return at(i, invalid('BPF_LDX uses reserved fields'));
    }
    if (insn.code === LDDW_CODE) {
      const reject = checkLddw(input, types, i, perfmon);
      if (reject) return at(i, reject);
      ops[i] = opOf(insn);
      i++;
      continue;
    }
    const op = opOf(insn);
    // The opcode byte decides what is unknown; rows that fields select are judged where the instruction is reached.
    if (!KNOWN_CODES.has(insn.code)) return at(i, invalid(`unknown opcode ${insn.code.toString(16).padStart(2, '0')}`));
    ops[i] = op;
  }
  return ops;
}

/** Opcode bytes of Linux 6.18 (callx is not among them). */
const KNOWN_CODES: ReadonlySet<number> = (() => {
  const codes = new Set<number>();
  for (let code = 0; code < 256; code++) {
    const probes: Insn[] = [];
    for (const imm of [0, 16, 0x100]) for (const src of [0, 1]) probes.push({ code, dst: 0, src, off: 0, imm });
    if (code !== 0x8d && probes.some((p) => opOf(p) !== undefined)) codes.add(code);
  }
  return codes;
})();

/** Everything before the control-flow check. `perfmon`: the loader has CAP_PERFMON. */
export function prepare(input: ProgramInput, types: KernelTypes = COMMON_TYPES, perfmon = true): Prog | Reject {
  const { insns } = input;
  if (insns.length === 0 || insns.length > MAX_INSNS) return tooBig(`program has ${insns.length} instructions`);
  const handler = findExceptionCallback(input);
  const starts = findSubprogs(insns, typeof handler === 'number' ? handler : null);
  if (!Array.isArray(starts)) return starts;
  const kfuncs = findKfuncs(input, types, isGplCompatible(input.license));
  if (isReject(kfuncs)) return kfuncs;
  if (handler !== null && typeof handler !== 'number') return handler;
  const subprogs = starts.map((start, i) => ({ start, end: starts[i + 1] ?? insns.length }));
  const bad = checkSubprogs(insns, subprogs, kfuncs) ?? checkAbnormalReturn(input, subprogs);
  if (bad) return bad;
  const ops = resolve(input, types, perfmon);
  if (!Array.isArray(ops)) return ops;
  const subprogOf = new Uint32Array(insns.length);
  subprogs.forEach((s, n) => {
    subprogOf.fill(n, s.start, s.end);
  });
  const tailCalls = subprogs.map((s) => insns.slice(s.start, s.end).some(isTailCall));
  const style: DisasmOptions = { ...LOG_STYLE, callee: (_insn, i) => kfuncs.get(i)?.name };
  return {
    input,
    insns,
    ops,
    target: null,
    kfuncs,
    ksyms: symbolsOf(insns, types, kfuncs),
    style,
    subprogs,
    subprogOf,
    exceptionCallback: handler === null ? 0 : starts.indexOf(handler),
    tailCalls,
  };
}

function symbolsOf(insns: readonly Insn[], types: KernelTypes, kfuncs: Kfuncs): Map<InsnIndex, Ksym> {
  const found = new Map<InsnIndex, Ksym>();
  for (const [at, { name }] of kfuncs) found.set(at, { name, of: 'func' });
  insns.forEach(({ code, src, imm }, at) => {
    const func = code === LDDW_CODE && src === 3 ? types.func(imm) : undefined;
    const symbol = func ?? (code === LDDW_CODE && src === 3 ? types.variable(imm) : undefined);
    if (symbol !== undefined) found.set(at, { name: symbol.name, of: func === undefined ? 'variable' : 'func' });
  });
  return found;
}

/** Kernel license_is_gpl_compatible. */
export function isGplCompatible(license: string): boolean {
  return GPL_LICENSES.has(license);
}
const GPL_LICENSES: ReadonlySet<string> = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

/** Verified on its own. The program's entry is not called. */
export function isGlobal({ prog }: { readonly prog: Prog }, subprog: number): boolean {
  if (subprog === 0) return false;
  return prog.input.prototypes?.get(prog.subprogs[subprog].start)?.linkage === 'global';
}
