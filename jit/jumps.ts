// Tail calls whose target can be guessed when the module is made: the index is a constant, and the PROG_ARRAY holds that
// program now. With both in one module the jump is a direct one (lower_call.ts), taken while the slot in question holds that
// id; ids are never used again, so a guess can be slow but not wrong. Which programs share a module is decided here.

import { opsOf } from '../src/analysis/cfg.ts';
import { effects } from '../src/analysis/liveness.ts';
import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import type { LoadedProgram, SlotReader } from '../src/runtime/engine.ts';
import { isTailCall } from './compilation.ts';

/** Slots of the programs in one module, at most: one that is large gains nothing from a faster jump. */
const LARGEST = 16_384;

/** The programs in groups: a module for each. */
export function grouped(programs: readonly LoadedProgram[], slot: SlotReader): LoadedProgram[][] {
  const groupOf = new Map(programs.map((p) => [p.id, [p]]));
  for (const program of programs) {
    for (const id of targetsOf(program, slot)) {
      const [to, from] = [groupOf.get(program.id)!, groupOf.get(id)];
      if (from === undefined || from === to || slotsOf(from) + slotsOf(to) > LARGEST) continue;
      to.push(...from);
      for (const p of from) groupOf.set(p.id, to);
    }
  }
  return [...new Set(groupOf.values())];
}

const slotsOf = (programs: readonly LoadedProgram[]) => programs.reduce((n, p) => n + p.code.insns.length, 0);

/** Ids of the programs it jumps to by a constant index. */
function targetsOf(program: LoadedProgram, slot: SlotReader): number[] {
  const { insns, facts } = program.code;
  if (facts === null) return [];
  const ops = opsOf(insns);
  return insns.flatMap((insn, at) => {
    if (!isTailCall(insn, ops[at]) || facts.callMap[at] < 0) return [];
    const index = constantIndex(insns, ops, at);
    const map = program.maps[facts.callMap[at]];
    return index === undefined || index >= map.maxEntries ? [] : [slot(map, index, program)];
  });
}

/** The number that the instructions right in front of the tail call at `at` put into r3. */
export function constantIndex(
  insns: readonly Insn[],
  ops: readonly (Op | undefined)[],
  at: InsnIndex,
): number | undefined {
  for (let i = at - 1; i >= 0; i--) {
    const op = ops[i];
    if (op === undefined) continue;
    const { def, clobber } = effects(insns[i], op);
    if (((def | clobber) & R3) !== 0) return movedNumber(insns[i], op);
    if (LEAVES.has(op.kind)) return undefined;
  }
  return undefined;
}

const R3 = 1 << 3;
const LEAVES: ReadonlySet<Op['kind']> = new Set(['jmp', 'ja', 'may_goto', 'exit']);

function movedNumber({ imm }: Insn, op: Op): number | undefined {
  return op.kind === 'alu' && op.op === 'mov' && op.operand === 'imm' && imm >= 0 ? imm : undefined;
}
