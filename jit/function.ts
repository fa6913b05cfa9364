// One function while it is lowered: its locals, which local holds each vreg at this point, and the statements so far.
// The lower_*.ts tables read registers with low() and whole() and write them with setLow(), setSigned(), setWhole();
// which local that is, and the conversion, is decided here from the pass `narrow`.

import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import { STACK_FRAME } from '../src/memory/layout.ts';
import { type Compilation, type Fn, FP, isPointer, REGS } from './compilation.ts';
import { DEAD } from './demand.ts';
import type { Module } from './module.ts';
import { type FnWidths, type Param, RESULT } from './narrow.ts';
import type { Builder, FunctionDef, I32, I64, Site, Stmt, ValType, Value } from './wasm.ts';

const NO_LOCAL = -1;

/** What a function shares with the functions that are inlined into it. */
class Shared {
  readonly types: ValType[] = [];
  readonly sites: Site[] | null;
  /**
   * Locals of inlined functions that are done, by depth of inlining: others at that depth take them again. Not those of
   * the function around them, which may live in a loop around both.
   */
  readonly free: Record<ValType, number[]>[] = [];
  /** Functions inlined so far: each has labels of its own. */
  inlined = 0;

  constructor(sites: Site[] | null) {
    this.sites = sites;
  }
}

export class FnLowering {
  readonly m: Module;
  readonly b: Builder;
  readonly c: Compilation;
  readonly fn: Fn;
  readonly widths: FnWidths;
  /** Where statements go now. */
  out: Stmt[] = [];
  /** The instruction being lowered. */
  at: InsnIndex = 0;
  readonly params: readonly Param[];
  /** The function this one is inlined into. */
  readonly #outer: FnLowering | null;
  readonly #depth: number;
  readonly #prefix: string;
  readonly #shared: Shared;
  readonly #own: number[] = [];
  readonly #low: Int32Array;
  readonly #whole: Int32Array;
  /** 1 = the vreg is in its i32 local now. */
  readonly #narrow: Uint8Array;
  readonly #named = new Map<string, number>();
  readonly #keepsFp: boolean;
  #lowest: Int16Array | undefined;

  constructor(m: Module, fn: Fn, outer: FnLowering | null = null) {
    this.#outer = outer;
    this.#depth = outer === null ? 0 : outer.#depth + 1;
    this.#shared = outer === null ? new Shared(m.c.options.onText === undefined ? null : []) : outer.#shared;
    this.#prefix = outer === null ? '' : `i${++this.#shared.inlined}.`;
    this.m = m;
    this.b = m.b;
    this.c = m.c;
    this.fn = fn;
    this.widths = fn.widths!;
    this.params = paramsOf(m.c, fn);
    this.#low = new Int32Array(fn.vregs).fill(NO_LOCAL);
    this.#whole = new Int32Array(fn.vregs).fill(NO_LOCAL);
    this.#narrow = new Uint8Array(fn.vregs);
    for (const p of this.params) {
      (p.narrow ? this.#low : this.#whole)[p.reg] = this.#newLocal(p.narrow ? 'i32' : 'i64');
    }
    if (outer === null) this.#low[FP] = this.#newLocal('i32');
    this.#keepsFp = !(fn.part?.of ?? fn).writesFp;
  }

  #newLocal(type: ValType): number {
    const { types, free } = this.#shared;
    const local = free[this.#depth]?.[type].pop() ?? types.push(type) - 1;
    this.#own.push(local);
    return local;
  }

  /** A label of this function. */
  label(name: string): string {
    return this.#prefix + name;
  }

  /** A local of this function by name, made on first use. */
  local(name: string, type: ValType): number {
    let index = this.#named.get(name);
    if (index === undefined) this.#named.set(name, (index = this.#newLocal(type)));
    return index;
  }

  #lowLocal(v: number): number {
    if (this.#low[v] === NO_LOCAL) this.#low[v] = this.#newLocal('i32');
    return this.#low[v];
  }

  #wholeLocal(v: number): number {
    if (this.#whole[v] === NO_LOCAL) this.#whole[v] = this.#newLocal('i64');
    return this.#whole[v];
  }

  push(...stmts: Stmt[]): void {
    for (const stmt of stmts) {
      this.out.push(stmt);
      this.mark(stmt, this.at);
    }
  }

  /** For dumps: the statement comes from this instruction. */
  mark(stmt: Stmt, insn: InsnIndex): void {
    this.#shared.sites?.push({ stmt, insn });
  }

  isNarrow(v: number): boolean {
    return this.#narrow[v] === 1;
  }

  /** Whether the low half of the register an instruction reads is its value. */
  fits32(v: number, side: 'dst' | 'src'): boolean {
    const { facts } = this.c;
    return this.isNarrow(v) || (facts !== null && isPointer(facts[side][this.at]));
  }

  /** Low 32 bits. */
  low(v: number): I32 {
    if (this.isNarrow(v)) return this.b.get32(this.#lowLocal(v));
    return this.b.i32.wrap(this.b.get64(this.#wholeLocal(v)));
  }

  /** All 64 bits. */
  whole(v: number): I64 {
    if (this.isNarrow(v)) return this.b.i64.extend_u(this.b.get32(this.#lowLocal(v)));
    return this.b.get64(this.#wholeLocal(v));
  }

  /** Whether the result of this instruction goes into an i32 local. */
  get wantsLow(): boolean {
    return this.widths.result[this.at - this.fn.start] === RESULT.narrow;
  }

  /** v = value, zero-extended. */
  setLow(v: number, value: I32): void {
    if (this.wantsLow) this.#setLow(v, value);
    else this.#setWhole(v, this.b.i64.extend_u(value));
  }

  /** v = value, sign-extended. */
  setSigned(v: number, value: I32): void {
    if (this.wantsLow) this.#setLow(v, value);
    else this.#setWhole(v, this.b.i64.extend_s(value));
  }

  setWhole(v: number, value: I64): void {
    if (this.wantsLow) this.#setLow(v, this.b.i32.wrap(value));
    else this.#setWhole(v, value);
  }

  setConst(v: number, value: bigint): void {
    if (this.wantsLow) this.#setLow(v, this.b.i32.const(Number(BigInt.asIntN(32, value))));
    else this.#setWhole(v, this.b.i64.const(value));
  }

  /** v = value, in the local where it is now. */
  refresh(v: number, narrow: () => I32, whole: () => I64): void {
    if (this.isNarrow(v)) this.#setLow(v, narrow());
    else this.#setWhole(v, whole());
  }

  #setLow(v: number, value: I32): void {
    this.push(this.b.set(this.#lowLocal(v), value));
    this.#narrow[v] = 1;
  }

  #setWhole(v: number, value: I64): void {
    this.push(this.b.set(this.#wholeLocal(v), value));
    this.#narrow[v] = 0;
  }

  /** Lowest address of the frame: where a callee's frame ends. */
  frameStart(): I32 {
    return this.b.get32(this.local('frame', 'i32'));
  }

  /** The same for accesses relative to r10; undefined when the program changes r10. */
  frameBase(): I32 | undefined {
    return this.#keepsFp ? this.frameStart() : undefined;
  }

  /** The stack pointer this function was called with. */
  spParam(): I32 {
    return this.#outer?.frameStart() ?? this.b.get32(this.params.length);
  }

  /** The same anywhere: a program that nobody verified may have changed r10, which is that parameter. */
  stackPointer(): I32 {
    const { b } = this;
    return this.#keepsFp ? this.spParam() : b.i32.add(this.frameStart(), b.i32.const(STACK_FRAME));
  }

  /** Leaves the function with r0, or with 0. */
  returns(zero = false): Stmt[] {
    const { b } = this;
    const narrow = resultOf(this.fn) === 'i32';
    const value = zero ? (narrow ? b.i32.const(0) : b.i64.const(0n)) : narrow ? this.low(0) : this.whole(0);
    if (this.#outer === null) return [b.return(value)];
    return [b.set(this.local('result', resultOf(this.fn)), value), b.br(this.label('return'))];
  }

  /** The lowest offset of the accesses through a register: at most 0. */
  lowest(reg: number): number {
    this.#lowest ??= lowestOffsets(this.c, this.fn);
    return this.#lowest[reg];
  }

  /** Where the vregs are when `block` begins. */
  enterBlock(block: number): void {
    const n = this.fn.vregs;
    this.#narrow.set(this.widths.entry.subarray(block * n, block * n + n));
  }

  /** Copies what the successors of `block` expect in the other local. */
  leaveBlock(block: number): void {
    const { widths, fn } = this;
    const n = fn.vregs;
    for (const s of fn.cfg.blocks[block].succs) {
      for (let v = 0; v < n; v++) {
        if (widths.needs[s * n + v] !== DEAD && widths.entry[s * n + v] !== this.#narrow[v]) this.#convert(v);
      }
    }
  }

  /** Type of the local that holds `v` when `block` begins. */
  wants(block: number, v: number): ValType {
    return this.widths.entry[block * this.fn.vregs + v] === 1 ? 'i32' : 'i64';
  }

  /** `v` as `block` wants it, behind a block that was left towards it. */
  arriving(block: number, v: number): Value {
    const { b } = this;
    return this.wants(block, v) === 'i32' ? b.get32(this.#lowLocal(v)) : b.get64(this.#wholeLocal(v));
  }

  /** v = condition ? the local `before` : v, as `block` wants it. */
  choose(block: number, v: number, condition: I32, before: number): void {
    const { b } = this;
    if (this.wants(block, v) === 'i32') {
      const low = this.#lowLocal(v);
      this.push(b.set(low, b.select32(condition, b.get32(before), b.get32(low))));
    } else {
      const whole = this.#wholeLocal(v);
      this.push(b.set(whole, b.select64(condition, b.get64(before), b.get64(whole))));
    }
  }

  /** Two successors that want the same copy get it twice: the engine's compiler drops one. */
  #convert(v: number): void {
    const { b } = this;
    if (this.isNarrow(v)) this.push(b.set(this.#wholeLocal(v), this.whole(v)));
    else this.push(b.set(this.#lowLocal(v), this.low(v)));
  }

  /** w3 and r3: the i32 and the i64 local of r3; s0 is the first stack slot; t9 is of functions inlined here. */
  #localNames(): string[] {
    const names = this.#shared.types.map((_, i) => `t${i}`);
    const nameAll = (locals: Int32Array, reg: string, slot: string) =>
      locals.forEach((local, v) => {
        if (local !== NO_LOCAL) names[local] = v < REGS ? `${reg}${v}` : `${slot}${v - REGS}`;
      });
    nameAll(this.#whole, 'r', 's');
    nameAll(this.#low, 'w', 'sw');
    for (const [name, local] of this.#named) names[local] = name.replace(/[^\w.]/g, '_');
    return names;
  }

  /** The finished function; `body` is what follows the prologue. */
  finish(name: string, body: readonly Stmt[], prologue: readonly Stmt[]): FunctionDef {
    const { types, sites } = this.#shared;
    const n = this.params.length + 1;
    return {
      name,
      params: types.slice(0, n),
      result: resultOf(this.fn),
      locals: types.slice(n),
      body: [...this.#start(prologue), ...body, this.b.unreachable()],
      ...(sites === null ? {} : { sites, localNames: this.#localNames() }),
    };
  }

  #start(prologue: readonly Stmt[]): Stmt[] {
    const { b } = this;
    const frame = this.#named.get('frame');
    const start: Stmt[] = [];
    if (frame !== undefined) start.push(b.set(frame, b.i32.sub(this.spParam(), b.i32.const(STACK_FRAME))));
    start.push(...prologue);
    this.out = start;
    for (const p of this.params) this.#narrow[p.reg] = p.narrow ? 1 : 0;
    this.#narrow[FP] = 1;
    for (const v of [...this.params.map((p) => p.reg), FP]) {
      if (this.widths.needs[v] !== DEAD && this.widths.entry[v] !== this.#narrow[v]) this.#convert(v);
    }
    return start;
  }

  /** Puts `callee` in place of the call at `at`: `lower` makes its body and its prologue. */
  inline(callee: Fn, lower: (inner: FnLowering) => { body: readonly Stmt[]; prologue: readonly Stmt[] }): void {
    const { b } = this;
    const inner = new FnLowering(this.m, callee, this);
    const args = inner.params.map((p) =>
      p.narrow ? b.set(inner.#lowLocal(p.reg), this.low(p.reg)) : b.set(inner.#wholeLocal(p.reg), this.whole(p.reg)),
    );
    if (inner.widths.needs[FP] !== DEAD) args.push(b.set(inner.#lowLocal(FP), this.frameStart()));
    const { body, prologue } = lower(inner);
    this.push(b.block(inner.label('return'), [...args, ...inner.#clear(), ...inner.#start(prologue), ...body]));
    const type = resultOf(callee);
    const result = inner.local('result', type);
    if (type === 'i32') this.setLow(0, b.get32(result));
    else this.setWhole(0, b.get64(result));
    this.#release(inner);
  }

  /** A function starts with 0 in everything but its arguments; locals that are used again hold something. */
  #clear(): Stmt[] {
    const { b } = this;
    const { needs, entry } = this.widths;
    const given = new Set([FP, ...this.params.map((p) => p.reg)]);
    const out: Stmt[] = [];
    for (let v = 0; v < this.fn.vregs; v++) {
      if (needs[v] === DEAD || given.has(v)) continue;
      out.push(entry[v] === 1 ? b.set(this.#lowLocal(v), b.i32.const(0)) : b.set(this.#wholeLocal(v), b.i64.const(0n)));
    }
    return out;
  }

  #release(inner: FnLowering): void {
    const { types, free } = this.#shared;
    free[inner.#depth] ??= { i32: [], i64: [], v128: [] };
    for (const local of inner.#own) free[inner.#depth][types[local]].push(local);
  }
}

/** What the Wasm function returns. Only functions that a program calls itself can return an i32. */
export const resultOf = (fn: Fn): ValType => (fn.resultBits <= 32 ? 'i32' : 'i64');

/** The may_goto budget, and where a switch goes. */
export const mayGotoLocal = (l: FnLowering) => l.local('may_goto', 'i32');
export const dispatchLocal = (l: FnLowering) => l.local('dispatch', 'i32');

/** Arguments of the Wasm function, before sp. The entry has r1, and r2 where it is read; nothing else is set there. */
export function paramsOf(c: Compilation, fn: Fn): readonly Param[] {
  const { params } = fn.widths!;
  if (fn.part !== null) return [];
  if (fn.index > 0 || c.openCalls) return params;
  const r2 = params.find((p) => p.reg === 2);
  return [{ reg: 1, narrow: true }, ...(r2 === undefined ? [] : [r2])];
}

function lowestOffsets(c: Compilation, fn: Fn): Int16Array {
  const lowest = new Int16Array(REGS);
  for (const { start, last } of fn.cfg.blocks) {
    for (let at = start; at <= last; at++) {
      const reg = addressOf(c.insns[at], c.ops[at]);
      if (reg >= 0 && fn.slots[at - fn.start] === 0) lowest[reg] = Math.min(lowest[reg], c.insns[at].off);
    }
  }
  return lowest;
}

/** The register whose address the instruction accesses memory at, or -1. */
function addressOf({ dst, src }: Insn, op: Op | undefined): number {
  switch (op?.kind) {
    case 'ldx':
    case 'load_acq':
      return src;
    case 'st':
    case 'stx':
    case 'store_rel':
    case 'atomic':
      return dst;
    default:
      return -1;
  }
}
