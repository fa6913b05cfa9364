// The only file that knows Binaryen: a Builder over it, and the binary. Binaryen is imported when something is compiled
// for the first time (0.8 s, 79 MB).
//
// Traps (Binaryen 132): features default to MVP; the memory has to exist before it is imported; i64.const takes one
// bigint; a wrong ExpressionRef aborts the whole instance, which then can't be used any more; optimisation settings are
// global to the instance, so every run sets all it relies on.

import type binaryen from 'binaryen';
import { MEMORY_BASE, MEMORY_END, PAGE } from '../src/memory/layout.ts';
import { BeewasmError } from '../src/uapi/errors.ts';
import type {
  Builder,
  FunctionDef,
  I32,
  I32Ops,
  I64,
  I64Ops,
  Imports,
  Lanes,
  Signature,
  Stmt,
  V128,
  ValType,
} from './wasm.ts';

type Binaryen = typeof binaryen;
/** Part of Binaryen's interface that its types leave out or put elsewhere. */
interface Untyped {
  readonly Expression: { readonly setType: (expression: number, type: number) => void };
  readonly Load: { readonly setSigned: (load: number, signed: boolean) => void };
  readonly Function: { readonly setLocalName: (fn: number, local: number, name: string) => void };
}

/** A bug of ours in the compiler: never the input's fault. */
export class JitError extends Error {
  override name = 'JitError';
}

let loading: Promise<void> | undefined;
let loaded: Binaryen | undefined;

/** Imports Binaryen; compiling is synchronous afterwards. */
export function loadBinaryen(): Promise<void> {
  loading ??= import('binaryen').then((m) => {
    loaded = m.default;
  });
  return loading;
}

function instance(): Binaryen {
  if (loaded === undefined) throw new JitError('the compiler is not loaded: await loadBinaryen() first');
  return loaded;
}

export interface EmitOptions {
  readonly optimize: boolean;
  readonly validate: boolean;
  readonly names: boolean;
}

/** A module under construction. Imports may be asked for until finish(). */
export interface ModuleBuilder extends Builder {
  /** Adds the imports and yields the binary; the builder is then used up. */
  readonly finish: (imports: Imports, options: EmitOptions) => Uint8Array;
  readonly text: () => string;
  readonly dispose: () => void;
}

const MEMORY = 'memory';
const TABLE = 'table';
const ENV = 'env';
/** Name of the "source file" whose lines are instruction slots. */
const SITES = 'bpf';

/** Runs `make` over a fresh module. An abort of Binaryen becomes a JitError; the module is disposed of in any case. */
export function withModule<T>(make: (b: ModuleBuilder) => T): T {
  const bin = instance();
  const m = new bin.Module();
  try {
    return make(builder(bin, m));
  } catch (e) {
    if (e instanceof BeewasmError || e instanceof JitError) throw e;
    // Emscripten aborts with WebAssembly.RuntimeError and a message of megabytes; C++ exceptions are bare objects.
    const text = e instanceof Error ? e.message : 'a C++ exception';
    throw new JitError(`the compiler failed: ${text.slice(0, 200)}`, { cause: e });
  } finally {
    m.dispose();
  }
}

function builder(bin: Binaryen, m: binaryen.Module): ModuleBuilder {
  const { Features } = bin;
  const untyped = bin as unknown as Untyped;
  m.setFeatures(
    Features.Atomics |
      Features.BulkMemory |
      Features.BulkMemoryOpt |
      Features.MutableGlobals |
      Features.ReferenceTypes |
      Features.SIMD128 |
      Features.SignExt |
      Features.TailCall,
  );
  // Loads and stores look the memory up when they are made.
  m.setMemory(MEMORY_BASE / PAGE, MEMORY_END / PAGE, undefined, [], true, false, MEMORY);
  const types = { i32: bin.i32, i64: bin.i64, v128: bin.v128 } as const satisfies Record<ValType, number>;
  const params = (list: readonly ValType[]) => bin.createType(list.map((t) => types[t]));
  const result = (t: ValType | null) => (t === null ? bin.none : types[t]);
  // Binaryen's own names are those of the Builder; only the types of the expressions are lost there.
  const i32: I32Ops = {
    ...(m.i32 as unknown as I32Ops),
    // binaryen.js marks whole loads as signed. That means nothing by itself, but 'optimize-instructions' keeps the mark when it
    // makes one load of i64.extend_i32_u(i32.load): i64.load32_s.
    load(offset, align, address) {
      const load = m.i32.load(offset, align, address);
      untyped.Load.setSigned(load, false);
      return asI32(load);
    },
  };
  const i64 = m.i64 as unknown as I64Ops;
  const { v128, i16x8, i32x4, i64x2 } = m as unknown as Lanes;
  const asStmt = (e: number) => e as Stmt;
  const asI32 = (e: number) => e as I32;
  const asI64 = (e: number) => e as I64;
  const asV128 = (e: number) => e as V128;
  const body = (stmts: readonly Stmt[]) => (stmts.length === 1 ? stmts[0] : m.block(null, stmts));
  const callType = bin.createType([bin.i32, bin.i32]);
  // As with the memory: an instruction that names a table which does not exist yet aborts Binaryen.
  let source: number | undefined;
  let hasTable = false;
  const needTable = () => {
    if (!hasTable) m.addTableImport(TABLE, ENV, TABLE);
    hasTable = true;
    return TABLE;
  };

  return {
    i32,
    i64,
    v128,
    i16x8,
    i32x4,
    i64x2,
    get32: (local) => asI32(m.local.get(local, bin.i32)),
    get64: (local) => asI64(m.local.get(local, bin.i64)),
    get128: (local) => asV128(m.local.get(local, bin.v128)),
    set: (local, value) => asStmt(m.local.set(local, value)),
    tee32: (local, value) => asI32(m.local.tee(local, value, bin.i32)),
    tee64: (local, value) => asI64(m.local.tee(local, value, bin.i64)),
    tee128: (local, value) => asV128(m.local.tee(local, value, bin.v128)),
    global: (name) => asI32(m.global.get(name, bin.i32)),
    block: (label, body) => asStmt(label === null ? m.block(null, body) : labelled(label, body)),
    loop: (label, body) => asStmt(m.loop(label, m.block(null, body))),
    br: (label) => asStmt(m.br(label)),
    brIf: (label, condition) => asStmt(m.br_if(label, condition)),
    brTable: (labels, index) => asStmt(m.switch(labels, labels[0], index)),
    if: (condition, then, otherwise) => asStmt(m.if(condition, body(then), otherwise && body(otherwise))),
    choose32: (condition, a, b) => asI32(m.if(condition, a, b)),
    choose64: (condition, a, b) => asI64(m.if(condition, a, b)),
    select32: (condition, a, b) => asI32(m.select(condition, a, b)),
    select64: (condition, a, b) => asI64(m.select(condition, a, b)),
    call: (name, args) => asStmt(m.call(name, args, bin.none)),
    call32: (name, args) => asI32(m.call(name, args, bin.i32)),
    call64: (name, args) => asI64(m.call(name, args, bin.i64)),
    tailCall: (index, r1, sp) => asStmt(m.return_call_indirect(needTable(), index, [r1, sp], callType, bin.i64)),
    returnCall: (name, args) => asStmt(m.return_call(name, args, bin.i64)),
    fillZero: (ptr, size) => asStmt(m.memory.fill(ptr, i32.const(0), i32.const(size))),
    tableSize: () => asI32(m.table.size(needTable())),
    drop: (value) => asStmt(m.drop(value)),
    return: (value) => asStmt(m.return(value)),
    unreachable: () => asStmt(m.unreachable()),
    addFunction: (def: FunctionDef) => {
      const locals = def.locals.map((t) => types[t]);
      const fn = m.addFunction(def.name, params(def.params), result(def.result), locals, m.block(null, def.body));
      def.localNames?.forEach((name, i) => {
        untyped.Function.setLocalName(fn, i, name);
      });
      if (def.sites === undefined) return;
      source ??= m.addDebugInfoFileName(SITES);
      for (const { stmt, insn } of def.sites) m.setDebugLocation(fn, stmt, source, insn, 0);
    },
    addExport: (name, fn) => {
      m.addFunctionExport(fn, name);
    },
    finish: (imports, options) => {
      m.addMemoryImport(MEMORY, ENV, MEMORY, true);
      for (const name of imports.globals) m.addGlobalImport(name, ENV, name, bin.i32, false);
      for (const [name, sig] of imports.functions) addImport(name, sig);
      if (options.optimize) optimize(bin, m);
      if (options.validate) validate(m);
      bin.setDebugInfo(options.names);
      return m.emitBinary();
    },
    text: () => m.emitText(),
    dispose: () => m.dispose(),
  };

  /**
   * A block that is left by branches: its type is none. Told so at once, Binaryen searches the whole body for a branch
   * (its end may be unreachable): quadratic where blocks nest. A block of another type is believed, and corrected here.
   */
  function labelled(label: string, body: readonly Stmt[]): number {
    const block = m.block(label, body, bin.i32);
    untyped.Expression.setType(block, bin.none);
    return block;
  }

  function addImport(name: string, sig: Signature): void {
    m.addFunctionImport(name, ENV, name, params(sig.params), result(sig.result));
  }
}

/** Passes that leave nothing behind; inlining is what they are for. */
const PASSES = [
  'remove-unused-module-elements',
  'inlining',
  'precompute-propagate',
  'optimize-instructions',
  'simplify-locals',
  'coalesce-locals',
  'vacuum',
  'remove-unused-module-elements',
];

function optimize(bin: Binaryen, m: binaryen.Module): void {
  bin.setOptimizeLevel(2);
  bin.setShrinkLevel(0);
  bin.setAllowInliningFunctionsWithLoops(true);
  bin.setAlwaysInlineMaxSize(100);
  bin.setFlexibleInlineMaxSize(100);
  bin.setOneCallerInlineMaxSize(1000);
  m.runPasses(PASSES);
}

/** Binaryen writes what is wrong to the console. */
function validate(m: binaryen.Module): void {
  if (m.validate() !== 1) throw new JitError('the module is not valid');
}
