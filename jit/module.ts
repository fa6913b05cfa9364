// What the functions of one program share while they are lowered: the builder, and the imports and shared functions that
// turned out to be needed; programs that are put into one module share those, too (`beside`). Imports are named by what they
// are: 'helper.bpf_ktime_get_ns', 'map.hash_lookup_4', 'fail'.

import type { MapOpName } from '../src/maps/placement.ts';
import { CPU } from '../src/memory/layout.ts';
import { type Abi, abiParams, type HelperName, type RunnableHelper } from '../src/spec/helpers.ts';
import type { RunnableKfunc, RunnableKfuncName } from '../src/spec/kfunc_abi.ts';
import { type Compilation, isTailCall } from './compilation.ts';
import { FAIL } from './image.ts';
import type { Builder, I32, Signature, Stmt } from './wasm.ts';

const i32s = (n: number) => new Array<'i32'>(n).fill('i32');

/** Immutable globals of a CPU: its control block, the top of its stack, its number, its mark in locks. */
export const GLOBALS = ['cpu', 'stack', 'id', 'owner'] as const;
export type GlobalName = (typeof GLOBALS)[number];

/** Signatures of the engine's own imports. */
const OWN = {
  /** (FAIL.*, slot): throws. */
  fail: { params: i32s(2), result: null },
  /** The budget word ran out: refills it, or throws. */
  refill: { params: [], result: null },
  /** (program id): links it on this CPU and puts it into the table. */
  link: { params: i32s(1), result: null },
} as const satisfies Record<string, Signature>;

export class Module {
  readonly b: Builder;
  readonly c: Compilation;
  readonly imports: Map<string, Signature>;
  readonly helpers: Set<HelperName>;
  readonly kfuncs: Set<RunnableKfuncName>;
  readonly mapOps: Set<MapOpName>;
  /** Programs of this module that this one jumps to directly. */
  readonly jumps = new Set<Compilation>();
  readonly tailCalls: boolean;
  readonly budget: boolean;
  readonly #shared: Set<string>;

  constructor(b: Builder, c: Compilation, beside: Module | null = null) {
    this.b = b;
    this.c = c;
    this.imports = beside?.imports ?? new Map();
    this.helpers = beside?.helpers ?? new Set();
    this.kfuncs = beside?.kfuncs ?? new Set();
    this.mapOps = beside?.mapOps ?? new Set();
    this.#shared = beside === null ? new Set() : beside.#shared;
    this.tailCalls = c.insns.some((insn, at) => isTailCall(insn, c.ops[at]));
    const { stoppable = false } = c.options;
    this.budget = stoppable || c.facts === null || c.ops.some((op) => op?.kind === 'may_goto');
  }

  global(name: GlobalName): I32 {
    return this.b.global(name);
  }

  /** Imports a function of the engine and returns its name. */
  own(name: keyof typeof OWN): string {
    this.imports.set(name, OWN[name]);
    return name;
  }

  helper(helper: RunnableHelper): string {
    this.helpers.add(helper.name);
    return this.#outside(`helper.${helper.name}`, helper.abi);
  }

  kfunc(kfunc: RunnableKfunc): string {
    this.kfuncs.add(kfunc.name);
    return this.#outside(`kfunc.${kfunc.name}`, kfunc.abi);
  }

  #outside(name: string, abi: Abi): string {
    const result = abi.ret === 's32' || abi.ret === 'u32' ? 'i32' : null;
    this.imports.set(name, { params: i32s(abiParams(abi)), result });
    return name;
  }

  mapOp(op: MapOpName, args: number): string {
    const name = `map.${op}`;
    this.imports.set(name, { params: i32s(args), result: 'i32' });
    this.mapOps.add(op);
    return name;
  }

  /** A function of this module that several places call; `add` adds it the first time. */
  shared(name: string, add: () => void): string {
    if (!this.#shared.has(name)) {
      this.#shared.add(name);
      add();
    }
    return name;
  }

  /** Leaves the program with an error. */
  fail(why: keyof typeof FAIL, slot: number): Stmt[] {
    const { b } = this;
    return [b.call(this.own('fail'), [b.i32.const(FAIL[why]), b.i32.const(slot)]), b.unreachable()];
  }

  loadWord(word: keyof typeof CPU): I32 {
    return this.b.i32.load(CPU[word], 4, this.global('cpu'));
  }

  storeWord(word: keyof typeof CPU, value: I32): Stmt {
    return this.b.i32.store(CPU[word], 4, this.global('cpu'), value);
  }

  /** One step of the budget; `spare` is a free i32 local. */
  countDown(spare: number): Stmt[] {
    const { b } = this;
    if (!this.budget) return [];
    const less = b.i32.sub(this.loadWord('budget'), b.i32.const(1));
    return [
      this.storeWord('budget', b.tee32(spare, less)),
      b.if(b.i32.lt_s(b.get32(spare), b.i32.const(0)), [b.call(this.own('refill'), [])]),
    ];
  }
}
