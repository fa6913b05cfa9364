// Pass `idioms`: sequences inside a basic block for which WebAssembly has one instruction.
//
//   r3 = r4; r3 >>= 51; r4 <<= 13; r4 |= r3     a rotation; V8 sees those of 32 bits, but not these
//   r2 = b[0]; r3 = b[1]; r3 <<= 8; r3 |= r2    a load of 2, 4 or 8 bytes: how clang reads packed structs
//
// The instruction that puts the halves together (or; xor and add do the same where no bits meet) becomes the one
// operation. What that takes, the value that is rotated or the address, is kept in a local of its own where the first of
// the halves read it: its register may hold something else by then. The halves are dead to `narrow` unless they are read
// elsewhere. Loads are joined in verified programs only (each of them succeeds there), and across nothing that writes
// memory.

import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import { usesArena } from '../src/runtime/program_arena.ts';
import { defOf } from './bits.ts';
import type { Compilation, Fn } from './compilation.ts';

/** What an instruction is lowered to; `kept`: the instruction before which the operand was kept (see Idioms.kept). */
export type Idiom =
  | { readonly kind: 'rotate'; readonly kept: InsnIndex; readonly by: number }
  | { readonly kind: 'load'; readonly kept: InsnIndex; readonly off: number; readonly size: 2 | 4 | 8 };

export interface Idioms {
  readonly at: ReadonlyMap<InsnIndex, Idiom>;
  /** Instruction -> the register whose value before it is kept: whole, or the low half where it is an address. */
  readonly kept: ReadonlyMap<InsnIndex, Kept>;
}

export interface Kept {
  readonly reg: number;
  readonly whole: boolean;
}

export const NO_IDIOMS: Idioms = { at: new Map(), kept: new Map() };

/** How a value was made, where that may become half of something. */
type Shape =
  /** The value `of` shifted by a constant, on 64 bits. */
  | { readonly kind: 'shift'; readonly left: boolean; readonly by: number; readonly of: number; readonly at: InsnIndex }
  /** `size` bytes from `off` behind the address `base`, shifted left by `shift` bits; all other bits are 0. */
  | {
      readonly kind: 'bytes';
      readonly base: number;
      readonly off: number;
      readonly size: number;
      readonly shift: number;
      readonly at: InsnIndex;
      readonly writes: number;
    };

type Bytes = Shape & { kind: 'bytes' };

export function idioms(c: Compilation): void {
  for (const fn of c.fns) if (fn.parts === null) fn.idioms = new Search(c, fn).result();
}

class Search {
  readonly #c: Compilation;
  readonly #fn: Fn;
  readonly #at = new Map<InsnIndex, Idiom>();
  readonly #kept = new Map<InsnIndex, Kept>();
  /** Per vreg: a number for its value (equal numbers: equal values), and how it was made. */
  readonly #value: Int32Array;
  readonly #shape: (Shape | undefined)[];
  #values = 0;
  /** How often memory may have been written. */
  #writes = 0;

  constructor(c: Compilation, fn: Fn) {
    this.#c = c;
    this.#fn = fn;
    this.#value = new Int32Array(fn.vregs);
    this.#shape = new Array(fn.vregs);
  }

  result(): Idioms {
    const { insns, ops } = this.#c;
    for (const { start, last } of this.#fn.cfg.blocks) {
      for (let v = 0; v < this.#value.length; v++) this.#set(v, undefined);
      for (let at = start; at <= last; at++) {
        const op = ops[at];
        if (op !== undefined) this.#step(at, insns[at], op);
      }
    }
    return this.#at.size === 0 ? NO_IDIOMS : { at: this.#at, kept: this.#kept };
  }

  #set(vreg: number, shape: Shape | undefined): void {
    this.#value[vreg] = this.#values++;
    this.#shape[vreg] = shape;
  }

  #copy(to: number, from: number): void {
    this.#value[to] = this.#value[from];
    this.#shape[to] = this.#shape[from];
  }

  #step(at: InsnIndex, insn: Insn, op: Op): void {
    const { dst, src } = insn;
    const slot = this.#fn.slots[at - this.#fn.start];
    switch (op.kind) {
      case 'alu':
        if (op.op === 'mov' && op.operand === 'reg' && op.width === 64) this.#copy(dst, src);
        else this.#set(dst, this.#alu(at, insn, op));
        return;
      case 'ldx':
        if (slot > 0 && op.size === 8) this.#copy(dst, slot);
        else this.#set(dst, slot > 0 ? undefined : this.#load(at, insn, op));
        return;
      case 'stx':
        if (slot > 0 && op.size === 8) this.#copy(slot, src);
        else this.#other(at, insn, op);
        return;
      default:
        this.#other(at, insn, op);
    }
  }

  #other(at: InsnIndex, insn: Insn, op: Op): void {
    const def = defOf(this.#fn, at, insn, op);
    if (def >= 0) this.#set(def, undefined);
    if (WRITES.has(op.kind)) this.#writes++;
  }

  #load(at: InsnIndex, { src, off }: Insn, op: Op & { kind: 'ldx' }): Shape | undefined {
    if (op.signed || this.#c.facts === null || usesArena(this.#c.program.code, at)) return undefined;
    return { kind: 'bytes', base: this.#value[src], off, size: op.size, shift: 0, at, writes: this.#writes };
  }

  #alu(at: InsnIndex, insn: Insn, op: Op & { kind: 'alu' }): Shape | undefined {
    const a = this.#shape[insn.dst];
    const { width } = op;
    if (op.operand === 'reg') {
      const b = this.#shape[insn.src];
      switch (op.op) {
        case 'mov':
          return fits(b, width) ? b : undefined;
        case 'or':
        case 'xor':
        case 'add':
          return a !== undefined && b !== undefined ? this.#join(at, a, b, width) : undefined;
        default:
          return undefined;
      }
    }
    const by = insn.imm & (width - 1);
    if (op.op === 'lsh' && a?.kind === 'bytes' && by % 8 === 0) {
      const moved = { ...a, shift: a.shift + by };
      if (fits(moved, width)) return moved;
    }
    if (width === 32 || (op.op !== 'lsh' && op.op !== 'rsh')) return undefined;
    return { kind: 'shift', left: op.op === 'lsh', by, of: this.#value[insn.dst], at };
  }

  /** The two have no bits in common when they are halves of something. */
  #join(at: InsnIndex, a: Shape, b: Shape, width: number): Shape | undefined {
    if (a.kind === 'shift' && b.kind === 'shift') {
      if (width < 64 || a.of !== b.of || a.left === b.left || a.by + b.by !== 64) return undefined;
      this.#found(at, { kind: 'rotate', kept: a.at, by: a.left ? a.by : b.by });
      return undefined;
    }
    if (a.kind !== 'bytes' || b.kind !== 'bytes' || !fits(a, width) || !fits(b, width)) return undefined;
    const bytes = this.#joinBytes(a, b) ?? this.#joinBytes(b, a);
    const size = bytes?.size;
    if (bytes?.shift === 0 && (size === 2 || size === 4 || size === 8)) {
      this.#found(at, { kind: 'load', kept: bytes.at, off: bytes.off, size });
    }
    return bytes;
  }

  #joinBytes(low: Bytes, high: Bytes): Bytes | undefined {
    const follows = high.off === low.off + low.size && high.shift === low.shift + 8 * low.size;
    const unchanged = low.writes === this.#writes && high.writes === this.#writes;
    return low.base === high.base && follows && unchanged ? { ...low, size: low.size + high.size } : undefined;
  }

  #found(at: InsnIndex, idiom: Idiom): void {
    const insn = this.#c.insns[idiom.kept];
    const whole = idiom.kind === 'rotate';
    this.#kept.set(idiom.kept, { reg: whole ? insn.dst : insn.src, whole });
    this.#at.set(at, idiom);
  }
}

const WRITES: ReadonlySet<Op['kind']> = new Set(['st', 'stx', 'atomic', 'store_rel', 'call']);

/** Whether all bits of these bytes are among the low `width`; a shape that is copied keeps its meaning then. */
const fits = (shape: Shape | undefined, width: number) =>
  shape?.kind === 'bytes' && shape.shift + 8 * shape.size <= width;
