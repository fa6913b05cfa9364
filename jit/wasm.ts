// The one interface through which lowering makes WebAssembly. emit.ts implements it with Binaryen; nothing else knows
// Binaryen. Expressions are typed: a Ref<'i32'> can't be passed where a Ref<'i64'> belongs (to Binaryen both are
// numbers, and a wrong one aborts it). An expression is used once: make a new `get` for each use of a local.

declare const type: unique symbol;
export type Ref<T extends 'i32' | 'i64' | 'v128' | 'stmt'> = number & { readonly [type]: T };
export type I32 = Ref<'i32'>;
export type I64 = Ref<'i64'>;
export type V128 = Ref<'v128'>;
export type Stmt = Ref<'stmt'>;
export type ValType = 'i32' | 'i64' | 'v128';

type Binary<T> = (a: T, b: T) => T;
type Compare<T> = (a: T, b: T) => I32;
type Load<T> = (offset: number, align: number, ptr: I32) => T;
type Store<T> = (offset: number, align: number, ptr: I32, value: T) => Stmt;
type AtomicLoad<T> = (offset: number, ptr: I32) => T;
type AtomicStore<T> = (offset: number, ptr: I32, value: T) => Stmt;
type Rmw<T> = (offset: number, ptr: I32, value: T) => T;

/** Operations that i32 and i64 have alike. */
export interface IntOps<T> {
  readonly add: Binary<T>;
  readonly sub: Binary<T>;
  readonly mul: Binary<T>;
  readonly div_s: Binary<T>;
  readonly div_u: Binary<T>;
  readonly rem_s: Binary<T>;
  readonly rem_u: Binary<T>;
  readonly and: Binary<T>;
  readonly or: Binary<T>;
  readonly xor: Binary<T>;
  readonly shl: Binary<T>;
  readonly shr_u: Binary<T>;
  readonly shr_s: Binary<T>;
  readonly rotl: Binary<T>;
  readonly rotr: Binary<T>;
  readonly eq: Compare<T>;
  readonly ne: Compare<T>;
  readonly lt_s: Compare<T>;
  readonly lt_u: Compare<T>;
  readonly le_s: Compare<T>;
  readonly le_u: Compare<T>;
  readonly gt_s: Compare<T>;
  readonly gt_u: Compare<T>;
  readonly ge_s: Compare<T>;
  readonly ge_u: Compare<T>;
  readonly eqz: (a: T) => I32;
  readonly extend8_s: (a: T) => T;
  readonly extend16_s: (a: T) => T;
  readonly load: Load<T>;
  readonly load8_s: Load<T>;
  readonly load8_u: Load<T>;
  readonly load16_s: Load<T>;
  readonly load16_u: Load<T>;
  readonly store: Store<T>;
  readonly store8: Store<T>;
  readonly store16: Store<T>;
  readonly atomic: {
    readonly load: AtomicLoad<T>;
    readonly load8_u: AtomicLoad<T>;
    readonly load16_u: AtomicLoad<T>;
    readonly store: AtomicStore<T>;
    readonly store8: AtomicStore<T>;
    readonly store16: AtomicStore<T>;
    readonly rmw: {
      readonly add: Rmw<T>;
      readonly and: Rmw<T>;
      readonly or: Rmw<T>;
      readonly xor: Rmw<T>;
      readonly xchg: Rmw<T>;
      readonly cmpxchg: (offset: number, ptr: I32, expected: T, replacement: T) => T;
    };
  };
}

export interface I32Ops extends IntOps<I32> {
  readonly const: (value: number) => I32;
  readonly wrap: (a: I64) => I32;
}

export interface I64Ops extends IntOps<I64> {
  readonly const: (value: bigint) => I64;
  readonly extend_s: (a: I32) => I64;
  readonly extend_u: (a: I32) => I64;
  readonly extend32_s: (a: I64) => I64;
  readonly load32_s: Load<I64>;
  readonly load32_u: Load<I64>;
  readonly store32: Store<I64>;
}

/** Sixteen bytes as lanes: what adding up takes. */
export interface Lanes {
  readonly v128: { readonly load: Load<V128>; readonly const: (bytes: Uint8Array) => V128 };
  readonly i16x8: { readonly extadd_pairwise_i8x16_u: (a: V128) => V128 };
  readonly i32x4: {
    readonly add: Binary<V128>;
    readonly extadd_pairwise_i16x8_u: (a: V128) => V128;
    readonly extract_lane: (a: V128, lane: number) => I32;
  };
  readonly i64x2: {
    readonly add: Binary<V128>;
    readonly extend_low_i32x4_u: (a: V128) => V128;
    readonly extend_high_i32x4_u: (a: V128) => V128;
    readonly extract_lane: (a: V128, lane: number) => I64;
  };
}

export type Value = I32 | I64 | V128;

export interface Signature {
  readonly params: readonly ValType[];
  readonly result: ValType | null;
}

export interface FunctionDef extends Signature {
  readonly name: string;
  /** Types of the locals behind the parameters. */
  readonly locals: readonly ValType[];
  readonly body: readonly Stmt[];
  /** For dumps: which instruction a statement comes from, and what locals (and parameters) are called. */
  readonly sites?: readonly Site[];
  readonly localNames?: readonly string[];
}

export interface Site {
  readonly stmt: Stmt;
  readonly insn: number;
}

/** What a module imports besides memory and table. */
export interface Imports {
  /** name -> signature, in order. */
  readonly functions: ReadonlyMap<string, Signature>;
  /** Immutable i32 globals. */
  readonly globals: readonly string[];
}

export interface Builder extends Lanes {
  readonly i32: I32Ops;
  readonly i64: I64Ops;
  readonly get32: (local: number) => I32;
  readonly get64: (local: number) => I64;
  readonly get128: (local: number) => V128;
  readonly set: (local: number, value: Value) => Stmt;
  readonly tee32: (local: number, value: I32) => I32;
  readonly tee64: (local: number, value: I64) => I64;
  readonly tee128: (local: number, value: V128) => V128;
  /** An imported i32 global. */
  readonly global: (name: string) => I32;
  readonly block: (label: string | null, body: readonly Stmt[]) => Stmt;
  readonly loop: (label: string, body: readonly Stmt[]) => Stmt;
  readonly br: (label: string) => Stmt;
  readonly brIf: (label: string, condition: I32) => Stmt;
  readonly brTable: (labels: readonly string[], index: I32) => Stmt;
  readonly if: (condition: I32, then: readonly Stmt[], otherwise?: readonly Stmt[]) => Stmt;
  /** condition ? a : b, where only one side is computed. */
  readonly choose32: (condition: I32, a: I32, b: I32) => I32;
  readonly choose64: (condition: I32, a: I64, b: I64) => I64;
  /** ... where both are. */
  readonly select32: (condition: I32, a: I32, b: I32) => I32;
  readonly select64: (condition: I32, a: I64, b: I64) => I64;
  readonly call: (name: string, args: readonly Value[]) => Stmt;
  readonly call32: (name: string, args: readonly Value[]) => I32;
  readonly call64: (name: string, args: readonly Value[]) => I64;
  /** Replaces the running function by the one in the table at `index`; its type is (i32, i32) -> i64. */
  readonly tailCall: (index: I32, r1: I32, sp: I32) => Stmt;
  /** The same by a function of the module, whose result is i64. */
  readonly returnCall: (name: string, args: readonly Value[]) => Stmt;
  /** memory[ptr .. ptr + size) = 0. */
  readonly fillZero: (ptr: I32, size: number) => Stmt;
  readonly tableSize: () => I32;
  readonly drop: (value: Value) => Stmt;
  readonly return: (value?: Value) => Stmt;
  readonly unreachable: () => Stmt;
  readonly addFunction: (def: FunctionDef) => void;
  readonly addExport: (name: string, fn: string) => void;
}
