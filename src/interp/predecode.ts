// A loaded program -> one Step per slot, with everything that does not change from run to run resolved: the row of the
// opcode table, jump targets as slots, immediates at full width, addresses of maps. All steps have one shape (whatever
// a kind does not use is 0), which keeps the interpreter's property reads fast.
//
// Slots that hold no instruction (the second half of an lddw, bytes no row knows) are undefined.

import type { InsnIndex } from '../isa/insn.ts';
import { type Insn, imm64 } from '../isa/insn.ts';
import type { AluOp, AtomicOp, Callee, JmpOp, Op, OpShape } from '../isa/op.ts';
import { opOf } from '../isa/opcodes.ts';
import type { MapPlacement } from '../maps/placement.ts';
import { type Addr, codeAddr } from '../memory/layout.ts';
import type { LoadedProgram } from '../runtime/engine.ts';
import { arenaOf, type ProgramArena, usesArena } from '../runtime/program_arena.ts';
import { arenaValue, castHigh } from '../spec/arena.ts';
import { type RunnableHelper, runnableById } from '../spec/helpers.ts';
import { kfuncByNumber, type RunnableKfunc } from '../spec/kfunc_abi.ts';
export interface Step {
  readonly kind: OpShape['kind'];
  readonly alu: AluOp;
  readonly jmp: JmpOp;
  readonly atomic: AtomicOp;
  readonly callee: Callee;
  /** Operates on 64 bits (alu, jmp, movsx, neg). */
  readonly wide: boolean;
  /** The second operand is register src, else the immediate. */
  readonly reg: boolean;
  /** An access through a pointer into the arena. */
  readonly arena: boolean;
  /** ldx: sign-extends. */
  readonly signed: boolean;
  /** atomic: the old value goes into a register. */
  readonly fetch: boolean;
  /** end: false = to little endian, which swaps nothing. */
  readonly swap: boolean;
  /** Bytes of a memory access. */
  readonly size: 1 | 2 | 4 | 8;
  /** Bits of movsx and end. */
  readonly bits: 8 | 16 | 32 | 64;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
  /** The immediate sign-extended to 64 bits; for lddw the whole value, for a cast its upper half. Unsigned. */
  readonly value: bigint;
  /** Slot a jump or a local call goes to. */
  readonly target: InsnIndex;
  readonly helper: RunnableHelper | undefined;
  readonly kfunc: RunnableKfunc | undefined;
}

/** A program ready to be interpreted. */
export interface Code {
  readonly program: LoadedProgram;
  readonly steps: readonly (Step | undefined)[];
  /** Maps by the address a program knows them by. */
  readonly maps: ReadonlyMap<Addr, MapPlacement>;
  readonly arena: ProgramArena | null;
}

export function predecode(program: LoadedProgram): Code {
  const { insns } = program.code;
  const steps = new Array<Step | undefined>(insns.length).fill(undefined);
  for (let pc = 0; pc < insns.length; pc++) {
    const op = opOf(insns[pc]);
    if (op === undefined) continue;
    if (op.kind === 'lddw') {
      if (pc + 1 < insns.length) steps[pc] = stepOf(program, op, insns[pc], pc, lddwValue(program, op.pseudo, pc));
      pc++;
    } else if (op.kind === 'cast') {
      steps[pc] = stepOf(program, op, insns[pc], pc, castHigh(insns[pc].imm, program.code.maps));
    } else {
      steps[pc] = stepOf(program, op, insns[pc], pc, BigInt.asUintN(64, BigInt(insns[pc].imm)));
    }
  }
  return {
    program,
    steps,
    maps: new Map(program.maps.map((m) => [m.addr, m])),
    arena: arenaOf(program),
  };
}

function stepOf({ code }: LoadedProgram, op: Op, insn: Insn, pc: InsnIndex, value: bigint): Step {
  const isCall = op.kind === 'call';
  const distance = isCall || (op.kind === 'ja' && op.wide) ? insn.imm : insn.off;
  return {
    kind: op.kind,
    alu: op.kind === 'alu' ? op.op : 'mov',
    jmp: op.kind === 'jmp' ? op.op : 'jeq',
    atomic: op.kind === 'atomic' ? op.op : 'add',
    callee: isCall ? op.callee : 'helper',
    wide: 'width' in op && op.width === 64,
    reg: 'operand' in op && op.operand === 'reg',
    arena: usesArena(code, pc),
    signed: 'signed' in op && op.signed,
    fetch: 'fetch' in op && op.fetch,
    swap: op.kind === 'end' && op.order !== 'le',
    size: 'size' in op ? op.size : 8,
    bits: 'bits' in op ? op.bits : 64,
    dst: insn.dst,
    src: insn.src,
    off: insn.off,
    imm: insn.imm,
    value,
    target: pc + 1 + distance,
    helper: isCall && op.callee === 'helper' ? runnableById(insn.imm) : undefined,
    kfunc: isCall && op.callee === 'kfunc' ? kfuncByNumber(insn.imm) : undefined,
  };
}

/** What the lddw at `pc` puts into its register. Without a reference every pseudo is a plain number. */
function lddwValue(program: LoadedProgram, pseudo: string, pc: InsnIndex): bigint {
  const { insns, mapRefs } = program.code;
  if (pseudo === 'func') return BigInt(codeAddr(pc + 1 + insns[pc].imm));
  const ref = mapRefs.get(pc);
  if (ref === undefined) return imm64(insns, pc);
  const map = program.maps[ref.map];
  if (ref.kind === 'value' && map.arena !== null) return arenaValue(program.code.maps[ref.map], ref.off);
  return BigInt(ref.kind === 'fd' ? map.addr : map.values + ref.off);
}
