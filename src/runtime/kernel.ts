// One isolated userspace kernel: the owner of a shared memory, of the maps and programs in it and of the CPUs that run
// them. Two Kernels share nothing. Which engines exist is the toolchain's business (toolchain.ts).

import type { BoundHelperName, HelperEnv, HelperMock } from '../helpers/helper.ts';
import { BOUND_HELPERS, bindHelpers } from '../helpers/index.ts';
import { mapHelpers } from '../helpers/map.ts';
import { helperId } from '../isa/helper_names.ts';
import { bindKfuncs } from '../kfuncs/index.ts';
import type { ObjectSpec } from '../loader/index.ts';
import { BpfMap } from '../maps/bpf_map.ts';
import type { MapParams } from '../maps/create.ts';
import { createMap } from '../maps/map.ts';
import { instantiateMapOps, type MapOps } from '../maps/ops.ts';
import type { ProgOwner } from '../maps/prog_owner.ts';
import type { MapContext } from '../maps/store.ts';
import { Heap } from '../memory/heap.ts';
import { controlWord, heapStart } from '../memory/layout.ts';
import { Memory } from '../memory/memory.ts';
import { COMMON_TYPES } from '../spec/kernel_struct.ts';
import { progTypeById } from '../spec/prog_types.ts';
import { BpfError, UnsupportedError } from '../uapi/errors.ts';
import type { ProgramInput } from '../verifier/verified.ts';
import { check } from './check.ts';
import type { Cpu, Engine, LoadedProgram, SlotReader } from './engine.ts';
import { withoutKernelLoads } from './kernel_fields.ts';
import { killWord } from './kill.ts';
import { withoutKsyms } from './ksyms.ts';
import { compileObject, compileSync, type LoadedObject, type LoadHost, type LoadOptions, loadObject } from './load.ts';
import { Program, type ProgramHost } from './program.ts';
import { type ProgramSource, sourceInput } from './program_source.ts';
import { Registry } from './registry.ts';
import { checkRunnable } from './runnable.ts';
import { engineFor, type RunLimits, type Toolchain } from './toolchain.ts';
import { Trace } from './trace.ts';
import { type ClockOption, World } from './world.ts';

export interface KernelOptions {
  /** Default 1. */
  readonly cpus?: number;
  /** What programs see as time. Default 'real'. */
  readonly clock?: ClockOption;
  /** Makes all random numbers reproducible. */
  readonly seed?: number;
  /**
   * Verified programs can be stopped, too: by `stop`, or by another thread through `stopWord`. Tight loops are about a
   * quarter slower. Programs that nobody proved to end (`verify: false`, may_goto) always can.
   */
  readonly stoppable?: boolean;
  /**
   * A run that makes more steps ends with EAGAIN: instructions when interpreted; when compiled, back edges and calls, in
   * chunks of 65,536. Implies `stoppable`. Default 2^31 for programs that nobody proved to end, none for others.
   */
  readonly maxSteps?: number;
}

const MAX_CPUS = 64;

/** UAPI flag of BPF_PROG_LOAD. */
const BPF_F_XDP_HAS_FRAGS = 32;

const ownerOf = ({ type, expectedAttachType, flags }: ProgramInput): ProgOwner => ({
  type,
  expectedAttachType,
  xdpHasFrags: (flags & BPF_F_XDP_HAS_FRAGS) !== 0,
});

function limitsOf({ stoppable, maxSteps }: KernelOptions): RunLimits {
  if (maxSteps === undefined) return { stoppable: stoppable ?? false };
  if (!Number.isSafeInteger(maxSteps) || maxSteps < 1) {
    throw new BpfError('EINVAL', `maxSteps ${maxSteps} is not a whole number above 0`);
  }
  return { stoppable: true, maxSteps };
}

/**
 * Replaces helpers, for every program of the Kernel and from the next run on. Only a Batch or an Executable that was made
 * before may keep its map helpers: code for maps it knows does not call them.
 */
export interface HelperMocking {
  mock(name: string, fn: HelperMock): void;
  restore(name: string): void;
}

export class Kernel implements ProgramHost, LoadHost {
  readonly memory: Memory;
  readonly heap: Heap;
  /** Lines of bpf_trace_printk. */
  readonly trace = new Trace();
  /** Time and random numbers as programs see them. */
  readonly world: World;
  /** Helpers replaced by user code. */
  readonly helpers: HelperMocking;
  readonly cpus: number;
  readonly #toolchain: Toolchain;
  readonly #limits: RunLimits;
  readonly #registry: Registry;
  readonly #mapOps: MapOps;
  readonly #mapContext: MapContext;
  readonly #mocks = new Map<BoundHelperName, HelperMock>();
  readonly #helperEnv: HelperEnv;
  readonly #bound: (Cpu | undefined)[] = [];
  #closed = false;

  constructor(options: KernelOptions, toolchain: Toolchain) {
    const { cpus = 1 } = options;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS) {
      throw new BpfError('EINVAL', `cpus ${cpus} is not between 1 and ${MAX_CPUS}`);
    }
    this.cpus = cpus;
    this.#toolchain = toolchain;
    this.#limits = limitsOf(options);
    this.world = new World(cpus, options.clock, options.seed);
    this.memory = new Memory(cpus);
    this.heap = new Heap(this.memory, heapStart(cpus));
    this.#registry = new Registry(this.memory);
    this.#mapOps = instantiateMapOps(this.memory);
    this.#mapContext = {
      memory: this.memory,
      heap: this.heap,
      ops: this.#mapOps,
      cpus,
      seed: () => this.world.random(0),
      progOwner: (id) => this.#registry.progOwner(id),
    };
    this.#helperEnv = {
      memory: this.memory,
      clock: () => this.world.now(),
      random: (cpu) => this.world.random(cpu),
      trace: ({ text }) => this.trace.write(text),
      mapAt: (addr) => this.#registry.mapAt(addr),
      mocks: this.#mocks,
    };
    this.helpers = {
      mock: (name, fn) => {
        const helper = checkMockable(name);
        if (typeof fn !== 'function') throw new BpfError('EINVAL', `the mock of ${name} is not a function`);
        if (!this.#mocks.has(helper)) this.#linkAgain(helper);
        this.#mocks.set(helper, fn);
      },
      restore: (name) => {
        const helper = checkMockable(name);
        if (this.#mocks.delete(helper)) this.#linkAgain(helper);
      },
    };
    for (let cpu = 0; cpu < cpus; cpu++) this.memory.setU32(controlWord(cpu, 'id'), cpu);
  }

  /** Creates a map. Throws BpfError with the errno of BPF_MAP_CREATE. */
  createMap(params: MapParams): BpfMap {
    this.#checkOpen();
    const map = createMap(params, this.#mapContext);
    this.#registry.addMap(map);
    return new BpfMap(map);
  }

  /** Closes a map's handle; programs that use it keep it alive. */
  removeMap(map: BpfMap): void {
    this.#registry.closeMap(map.kernelMap);
  }

  /** Creates the maps of an object, verifies its programs and, unless jit is 'off', compiles them. */
  async load(spec: ObjectSpec, options: LoadOptions = {}): Promise<LoadedObject> {
    this.#checkOpen();
    if (options.jit !== 'off') await this.#toolchain.loadJit();
    const object = loadObject(this, spec, options);
    if (options.jit !== 'off') await compileObject(this, object);
    return object;
  }

  /** The same at once. Unless jit is 'off', the JIT's compiler must have been imported (loadJit, or an earlier load). */
  loadSync(spec: ObjectSpec, options: LoadOptions = {}): LoadedObject {
    this.#checkOpen();
    const object = loadObject(this, spec, options);
    if (options.jit !== 'off') compileSync(this, object);
    return object;
  }

  /** Loads a program given as instructions, with maps of this Kernel. Needs the JIT's compiler like loadSync. */
  loadProgram(source: ProgramSource, options: LoadOptions = {}): Program {
    this.#checkOpen();
    return this.addProgram(sourceInput(source), source.maps ?? [], options);
  }

  addProgram(input: ProgramInput, maps: readonly BpfMap[], options: LoadOptions): Program {
    const engine = engineFor(this.#toolchain, options.jit ?? 'auto', this.#limits);
    const foreign = maps.find((map) => !this.#registry.hasMap(map));
    if (foreign !== undefined) throw new BpfError('EBADF', `map '${foreign.name}' is not a map of this Kernel`);
    const { verify = true, logLevel = 1, perfmon, kernelTypes = COMMON_TYPES } = options;
    const { code: verified, report } = check(
      input,
      kernelTypes,
      verify ? { logLevel, perfmon, cpus: this.cpus } : null,
    );
    checkRunnable(verified);
    const code = withoutKernelLoads(withoutKsyms(verified));
    const owner = ownerOf(input);
    const other = maps.find((map) => !map.kernelMap.admits(owner));
    if (other !== undefined) {
      const what = 'another program type, attach type or XDP fragments';
      throw new BpfError('EINVAL', `map '${other.name}' is for tail calls between programs of ${what}`);
    }
    const loaded: LoadedProgram = {
      id: this.#registry.nextProgramId(),
      code,
      maps: maps.map((map) => map.kernelMap.placement),
      result: progTypeById(code.type)!.result,
    };
    this.#registry.addProgram(
      loaded,
      owner,
      maps.map((map) => map.kernelMap),
    );
    return new Program(loaded, engine, report, this);
  }

  /** What programs know a slot of a PROG_ARRAY to hold. */
  readonly slotOf: SlotReader = ({ values, stride }, index) => this.memory.u32(values + index * stride);

  removeProgram(program: Program): void {
    this.#registry.closeProgram(program.id);
  }
  programById(id: number): LoadedProgram | undefined {
    return this.#registry.program(id);
  }
  engine(name: Engine['name']): Engine {
    if (name !== 'interp' && name !== 'jit') throw new BpfError('EINVAL', `there is no engine '${name}'`);
    return engineFor(this.#toolchain, name === 'interp' ? 'off' : 'auto', this.#limits);
  }

  /**
   * Ends the run that CPU `cpu` is in, or else its next one, with EINTR: from a mocked helper, say. Runs look at their next
   * back edge or call; verified code only in a Kernel that is `stoppable`.
   */
  stop(cpu = 0): void {
    Atomics.store(this.stopWord(cpu), 0, 1);
    // Compiled code looks when this is used up.
    this.memory.setU32(controlWord(cpu, 'budget'), 0);
  }

  /**
   * The same for another thread: this one word of shared memory can be posted to it, for `Atomics.store(word, 0, 1)`.
   * Compiled code looks at it once in 65,536 steps.
   */
  stopWord(cpu = 0): Int32Array<SharedArrayBuffer> {
    this.#checkOpen();
    this.#checkCpu(cpu);
    return killWord(this.memory, cpu);
  }

  /** What code that runs on CPU n is bound to. */
  cpu(n: number): Cpu {
    this.#checkOpen();
    this.#checkCpu(n);
    return (this.#bound[n] ??= this.#bind(n));
  }

  #checkCpu(n: number): void {
    if (!Number.isInteger(n) || n < 0 || n >= this.cpus) {
      throw new BpfError('EINVAL', `there is no cpu ${n}, this Kernel has ${this.cpus}`);
    }
  }

  #bind(id: number): Cpu {
    return {
      id,
      memory: this.memory,
      helpers: bindHelpers(this.#helperEnv, id),
      kfuncs: bindKfuncs(this.#helperEnv, id),
      mocked: new Set(this.#mocks.keys()),
      mapOps: this.#mapOps,
      table: new WebAssembly.Table({ element: 'anyfunc', initial: 0 }),
    };
  }

  /** Engines may replace a map helper by what they know about the map: what is linked with the CPUs is linked anew. */
  #linkAgain(helper: BoundHelperName): void {
    if (helper in mapHelpers) this.#bound.length = 0;
  }

  #checkOpen(): void {
    if (this.#closed) throw new BpfError('EBADF', 'the Kernel is closed');
  }

  close(): void {
    this.#closed = true;
    this.#bound.length = 0;
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Throws EINVAL for a name that no helper has, UnsupportedError for helpers that do not run here. */
function checkMockable(name: string): BoundHelperName {
  if (name === 'bpf_tail_call') throw new BpfError('EINVAL', 'bpf_tail_call is no function: it can not be mocked');
  const found = BOUND_HELPERS.find((bound) => bound === name);
  if (found !== undefined) return found;
  if (helperId(name) !== undefined)
    throw new UnsupportedError(`helper ${name}`, `helper ${name} is not supported yet: no mock replaces it`);
  throw new BpfError('EINVAL', `there is no helper '${name}' to mock`);
}
