// Arenas: memory that a program shares with user space, up to 4 GiB of it. A program has at most one, so a pointer into it
// is any 32-bit number: arithmetic and accesses are free, what is not there reads as 0. Casts turn an address of user
// space into such a pointer (address space 1 to 0) and back.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { OpShape } from '../isa/op.ts';
import { OP_BY_NAME, opOf } from '../isa/opcodes.ts';
import { ARENA_PAGE, CAST, isArena } from '../spec/arena.ts';
import { BPF_FLAGS } from '../uapi/enums.ts';
import type { Env } from './env.ts';
import { makeReg, type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { invalid, type Reject, refused } from './reject.ts';
import { type Next, write } from './steps.ts';
import type { Facts, MapDef, ProgramInput } from './verified.ts';

/** The arena that the program refers to. */
export function hasArena(input: ProgramInput): boolean {
  return [...input.mapRefs.values()].some((ref) => isArena(input.maps[ref.map]));
}

/** May the instruction at `at` bring in this arena (kernel check_map_prog_compatibility)? */
export function checkArenaUse(input: ProgramInput, at: InsnIndex, index: number, perfmon: boolean): Reject | null {
  const map = input.maps[index];
  for (const [insn, ref] of input.mapRefs) {
    const other = insn < at && ref.map !== index ? input.maps[ref.map] : undefined;
    if (other !== undefined && isArena(other)) return refused('EBUSY', 'Only one arena per program');
  }
  if (!perfmon) return refused('EPERM', 'CAP_BPF and CAP_PERFMON are required to use arena');
  return map.userStart ? null : invalid("arena's user address must be set via map_extra or mmap()");
}

/** The address of a byte of the arena (kernel arena_map_direct_value_addr): its end is one, too. */
export function checkArenaOffset({ maxEntries, valueSize }: MapDef, off: number): Reject | null {
  if (off <= maxEntries * ARENA_PAGE) return null;
  return refused('ERANGE', `invalid access to map value pointer, value_size=${valueSize} off=${off}`);
}

export function cast(env: Env, _op: unknown, insn: Insn): Next {
  if (insn.imm !== CAST.toProgram && insn.imm !== CAST.toUser) {
    return invalid('addr_space_cast insn can only convert between address space 1 and 0');
  }
  if (!env.hasArena) {
    return invalid('addr_space_cast insn can only be used in a program that has an associated arena');
  }
  const bad = env.read(insn.src) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  write(env, insn.dst, insn.imm === CAST.toProgram ? ARENA_POINTER : UNKNOWN_SCALAR);
  return env.insnIdx + 1;
}

const ARENA_POINTER: Reg = makeReg({ kind: 'arena' });

const LOOPED: readonly string[] = ['and', 'or', 'xor'];

/** Atomics that x86 makes loops of, which can't be told to have faulted (kernel bpf_jit_supports_insn). */
export function isLoopedAtomic(op: OpShape): boolean {
  return op.kind === 'atomic' && op.fetch && LOOPED.includes(op.op);
}

const MOV32 = OP_BY_NAME.get('mov32_reg')!.code;

/**
 * What engines execute (kernel bpf_do_misc_fixups): 64-bit arithmetic on arena pointers is 32-bit, and so are casts that
 * change no upper half. Where the same instruction also gets plain numbers, it stays as it is: Linux 6.18 cuts those, too.
 */
export function arenaFixups(input: ProgramInput, facts: Facts | null): readonly Insn[] {
  const arena = facts?.arena ?? null;
  if (arena === null) return input.insns;
  const plain = input.maps.some((map) => isArena(map) && (map.flags & BPF_FLAGS.BPF_F_NO_USER_CONV) !== 0);
  return input.insns.map((insn, at) => {
    const op = opOf(insn);
    if (op?.kind === 'cast' && (plain || insn.imm === CAST.toProgram)) {
      return { ...insn, code: MOV32, off: 0, imm: 0 };
    }
    if (op?.kind !== 'alu' || op.op === 'mov' || op.width === 32 || arena[at] !== 1) return insn;
    return { ...insn, code: OP_BY_NAME.get(`${op.op}32_${op.operand}`)!.code };
  });
}
