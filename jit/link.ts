// Image -> Executable: an instance on one CPU, bound to the Kernel's memory, the CPU's table, helpers and map operations.
// An image that was compiled for maps elsewhere is refused.
//
// Tail calls go through the CPU's table, by program id. A slot of a program that was not linked on this CPU yet holds a
// `miss` stub (any tail-calling module's will do: the id is in CPU.tailTarget); slots are never empty once a module that
// can jump is linked. Only this file grows and fills the table.

import { lockOwner } from '../src/maps/ops.ts';
import { controlWord, cpuBlock, stackTop } from '../src/memory/layout.ts';
import type { Cpu, Executable, LoadedProgram } from '../src/runtime/engine.ts';
import { checkKill } from '../src/runtime/kill.ts';
import type { HelperName } from '../src/spec/helpers.ts';
import type { ErrnoName } from '../src/uapi/errno.ts';
import { BpfError } from '../src/uapi/errors.ts';
import { bakedMap } from './compile.ts';
import { FAIL, type Image, type ImageExports } from './image.ts';

/** A compiled program: bytes, and the module made of them (which can be instantiated often and sent to workers). */
export interface Compiled {
  readonly image: Image;
  readonly module: WebAssembly.Module;
}

/** What linking needs of the engine. */
export interface LinkHost {
  /** Back edges and calls one run of an unverified program may make. */
  readonly maxSteps: number;
  /** `mocked`: helpers it must call. */
  compiled(program: LoadedProgram, mocked: ReadonlySet<HelperName>): Compiled;
}

export type Resolve = (id: number) => LoadedProgram | undefined;

/** What the instances on one CPU share. */
interface CpuState {
  stub: CallableFunction | null;
  /** Refills of the budget word that are left in this run. */
  refills: number;
  /** Programs of one module share its instance. */
  readonly instances: WeakMap<WebAssembly.Module, WebAssembly.Exports>;
}

const states = new WeakMap<Cpu, CpuState>();

function stateOf(cpu: Cpu): CpuState {
  let state = states.get(cpu);
  if (state === undefined) states.set(cpu, (state = { stub: null, refills: 0, instances: new WeakMap() }));
  return state;
}

export function link(host: LinkHost, program: LoadedProgram, cpu: Cpu, resolve: Resolve): Executable {
  const { image, module } = host.compiled(program, cpu.mocked);
  checkMaps(image.maps, program);
  // One that is gone is in no slot: nothing jumps to it.
  for (const { id, maps } of image.jumps) {
    const target = resolve(id);
    if (target !== undefined) checkMaps(maps, target);
  }
  const state = stateOf(cpu);
  const all = instanceOf(module, state, () => importsOf(image, cpu, state, (id) => linkTarget(host, id, cpu, resolve)));
  const exports = exportsOf(image, all);
  if (exports.miss !== undefined) setStub(cpu, state, exports.miss);
  setSlot(cpu, state, program.id, exports.tail);
  return executable(exports, image, program.code.facts !== null, host, state);
}

function instanceOf(
  module: WebAssembly.Module,
  state: CpuState,
  env: () => WebAssembly.ModuleImports,
): WebAssembly.Exports {
  let made = state.instances.get(module);
  if (made === undefined) {
    made = new WebAssembly.Instance(module, { env: env() }).exports;
    state.instances.set(module, made);
  }
  return made;
}

function exportsOf({ prefix }: Image, all: WebAssembly.Exports): ImageExports {
  const of = (name: string) => all[prefix + name];
  return {
    run32: of('run32'),
    run64: of('run64'),
    batch: of('batch'),
    tail: of('tail'),
    miss: all.miss,
  } as unknown as ImageExports;
}

function checkMaps(maps: Image['maps'], program: LoadedProgram): void {
  const now = JSON.stringify(program.maps.map(bakedMap));
  if (now !== JSON.stringify(maps)) {
    throw new BpfError('EINVAL', `'${program.code.name}' was compiled for maps at other addresses`);
  }
}

function importsOf(image: Image, cpu: Cpu, state: CpuState, linkId: (id: number) => void): WebAssembly.ModuleImports {
  const env: WebAssembly.ModuleImports = {
    memory: cpu.memory.wasm,
    table: cpu.table,
    cpu: cpuBlock(cpu.id),
    stack: stackTop(cpu.id),
    id: cpu.id,
    owner: lockOwner(cpu.id),
    fail,
    refill: () => refill(cpu, state),
    link: linkId,
  };
  for (const name of image.helpers) {
    if (name !== 'bpf_tail_call') env[`helper.${name}`] = cpu.helpers[name];
  }
  for (const name of image.kfuncs) env[`kfunc.${name}`] = cpu.kfuncs[name];
  for (const name of image.mapOps) env[`map.${name}`] = cpu.mapOps[name];
  return env;
}

/** Puts the target of a tail call into the table. */
function linkTarget(host: LinkHost, id: number, cpu: Cpu, resolve: Resolve): void {
  const target = resolve(id);
  if (target === undefined) throw new BpfError('ENOENT', `tail call: there is no program ${id}`);
  link(host, target, cpu, resolve);
}

function setStub(cpu: Cpu, state: CpuState, stub: CallableFunction): void {
  if (state.stub !== null) return;
  state.stub = stub;
  for (let i = 0; i < cpu.table.length; i++) if (cpu.table.get(i) === null) cpu.table.set(i, stub);
}

function setSlot(cpu: Cpu, state: CpuState, id: number, fn: CallableFunction): void {
  const { table } = cpu;
  const missing = id + 1 - table.length;
  // Some room for the programs to come: growing copies the table.
  if (missing > 0) table.grow(missing + 16, state.stub);
  table.set(id, fn);
}

/** Back edges and calls between two looks at the kill word. */
const CHUNK = 65536;

function refill(cpu: Cpu, state: CpuState): void {
  checkKill(cpu);
  if (--state.refills < 0) throw new BpfError('EAGAIN', 'the step budget is used up');
  cpu.memory.setU32(controlWord(cpu.id, 'budget'), CHUNK);
}

/**
 * Code that was verified and counts nothing can end in no error of its own, so there is nothing to catch: V8 calls a Wasm
 * function straight from JavaScript where no handler is around the call.
 */
function executable(
  exports: ImageExports,
  image: Image,
  verified: boolean,
  host: LinkHost,
  state: CpuState,
): Executable {
  const { run32, run64, batch } = exports;
  const refills = Math.ceil(host.maxSteps / CHUNK);
  const caught = <T>(runs: number, run: () => T): T => {
    state.refills = refills * runs;
    try {
      return run();
    } catch (e) {
      throw asError(e, verified);
    }
  };
  const runBatch: Executable['runBatch'] = (addr, n) => caught(n, () => batch(addr, n));
  if (!image.budget && !image.tailCalls) {
    return {
      run32: (r1, r2) => run32(r1, r2) >>> 0,
      run64: (r1, r2) => BigInt.asUintN(64, run64(r1, r2)),
      runBatch,
    };
  }
  return {
    run32: (r1, r2) => caught(1, () => run32(r1, r2) >>> 0),
    run64: (r1, r2) => caught(1, () => BigInt.asUintN(64, run64(r1, r2))),
    runBatch,
  };
}

const FAILURES = {
  noInsn: ['EINVAL', 'no such instruction'],
  stack: ['E2BIG', 'the call stack is too deep'],
  noHelper: ['EINVAL', 'there is no such helper'],
  address: ['EFAULT', 'no memory at this address'],
  kfunc: ['EINVAL', 'there is no such kfunc'],
  notAMap: ['EFAULT', 'bpf_tail_call: R2 is not a map of this program'],
} as const satisfies Record<keyof typeof FAIL, readonly [ErrnoName, string]>;

const byNumber = new Map(Object.entries(FAIL).map(([name, n]) => [n as number, FAILURES[name as keyof typeof FAIL]]));

/** The `fail` import. */
function fail(why: number, slot: number): never {
  const [code, text] = byNumber.get(why)!;
  throw new BpfError(code, `insn ${slot}: ${text}`);
}

/** What a run threw, as an error with an errno: traps have only their text. Those of verified code stay what they are. */
function asError(e: unknown, verified: boolean): unknown {
  if (e instanceof WebAssembly.RuntimeError && !verified) {
    return new BpfError('EFAULT', `the compiled program trapped: ${e.message}`);
  }
  if (e instanceof RangeError) return new BpfError('E2BIG', 'the call stack is too deep');
  return e;
}
