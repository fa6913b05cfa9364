// The steps from a parsed object to live programs: maps are created and filled, every program that loads by itself is
// verified and gets an id, and PROG_ARRAY slots are filled. Compiling is a step of its own, at once or not. If a step fails,
// nothing is left behind.

import type { MapSpec, ObjectSpec, ProgramSpec } from '../loader/index.ts';
import type { BpfMap } from '../maps/bpf_map.ts';
import type { MapParams } from '../maps/create.ts';
import type { UserArena } from '../maps/user_arena.ts';
import { ARENA_START } from '../spec/arena.ts';
import type { KernelTypes } from '../spec/kernel_struct.ts';
import { BpfError, UnsupportedError } from '../uapi/errors.ts';
import type { ProgramInput } from '../verifier/verified.ts';
import type { Engine, LoadedProgram, SlotReader } from './engine.ts';
import type { Program } from './program.ts';
import { mapNames, programInput } from './program_input.ts';
import type { JitLevel } from './toolchain.ts';

export interface LoadOptions {
  /** Default 'auto'. */
  readonly jit?: JitLevel;
  /** false: nothing is checked; for programs no kernel would load. */
  readonly verify?: boolean;
  /** How much the verifier's log says. 0: the verdict, 1 (default): the path that failed, 2: everything. */
  readonly logLevel?: 0 | 1 | 2;
  /** false: verified as for a loader with CAP_BPF, but without CAP_PERFMON (VerifyOptions). */
  readonly perfmon?: boolean;
  /** Layouts of kernel structures (readKernelTypes). */
  readonly kernelTypes?: KernelTypes;
}

/** What loading needs of the Kernel. */
export interface LoadHost {
  createMap(params: MapParams): BpfMap;
  addProgram(input: ProgramInput, maps: readonly BpfMap[], options: LoadOptions): Program;
  readonly slotOf: SlotReader;
  removeMap(map: BpfMap): void;
}

/** A loaded object: its programs and maps by name. Closing it closes both. */
export class LoadedObject {
  readonly programs: Readonly<Record<string, Program>>;
  readonly maps: Readonly<Record<string, BpfMap>>;
  readonly #host: LoadHost;

  constructor(programs: Record<string, Program>, maps: Record<string, BpfMap>, host: LoadHost) {
    this.programs = programs;
    this.maps = maps;
    this.#host = host;
  }

  close(): void {
    for (const program of Object.values(this.programs)) program.close();
    for (const map of Object.values(this.maps)) this.#host.removeMap(map);
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

export function loadObject(host: LoadHost, spec: ObjectSpec, options: LoadOptions): LoadedObject {
  // From JavaScript nobody checks; the bytes of the file are the likely mistake.
  if (typeof spec?.maps !== 'object' || typeof spec.programs !== 'object')
    throw new BpfError('EINVAL', 'load takes an ObjectSpec, as openObject(bytes) returns it');
  const maps: Record<string, BpfMap> = {};
  const programs: Record<string, Program> = {};
  const object = new LoadedObject(programs, maps, host);
  try {
    for (const [name, map] of Object.entries(spec.maps)) maps[name] = liveMap(host, map);
    for (const [name, program] of Object.entries(spec.programs)) {
      if (program.autoload) programs[name] = liveProgram(host, spec, program, maps, options);
    }
    for (const [name, map] of Object.entries(spec.maps)) fillSlots(name, map, maps[name], programs);
  } catch (e) {
    object.close();
    throw e;
  }
  return object;
}

/** Compiles every program of the object for CPU 0, so that what can fail fails now. */
export function compileSync(host: LoadHost, object: LoadedObject): void {
  try {
    for (const [engine, programs] of byEngine(object)) engine.prepareSync?.(programs, host.slotOf);
    link(object);
  } catch (e) {
    object.close();
    throw e;
  }
}

/** The same, while the host compiles without holding up the thread. */
export async function compileObject(host: LoadHost, object: LoadedObject): Promise<void> {
  try {
    for (const [engine, programs] of byEngine(object)) await engine.prepare?.(programs, host.slotOf);
    link(object);
  } catch (e) {
    object.close();
    throw e;
  }
}
function link({ programs }: LoadedObject): void {
  for (const program of Object.values(programs)) program.executable(0);
}

function byEngine({ programs }: LoadedObject): Map<Engine, LoadedProgram[]> {
  const found = new Map<Engine, LoadedProgram[]>();
  for (const { engine, loaded } of Object.values(programs)) {
    found.set(engine, [...(found.get(engine) ?? []), loaded]);
  }
  return found;
}

function liveMap(host: LoadHost, spec: MapSpec): BpfMap {
  if (spec.inner !== undefined) throw new UnsupportedError(`map '${spec.name}': maps that hold maps`);
  const map = host.createMap(spec);
  if (map.arena !== null) placeArena(map.arena, spec);
  else if (spec.data !== undefined) map.set(0, spec.data);
  if (spec.frozen) map.freeze();
  return map;
}

/** As libbpf: maps the arena, and puts its variables into its first pages. */
function placeArena(arena: UserArena, { data }: MapSpec): void {
  if (arena.start === 0n) arena.mmap(ARENA_START);
  if (data !== undefined) arena.write(arena.start, data);
}

function liveProgram(
  host: LoadHost,
  spec: ObjectSpec,
  program: ProgramSpec,
  maps: Readonly<Record<string, BpfMap>>,
  options: LoadOptions,
): Program {
  const input = programInput(spec, program, options.kernelTypes);
  return host.addProgram(
    input,
    mapNames(program).map((name) => maps[name]),
    options,
  );
}

/** `.values = { [i] = &program }` of a map definition. */
function fillSlots(name: string, spec: MapSpec, map: BpfMap, programs: Readonly<Record<string, Program>>): void {
  for (const { index, symbol } of spec.slots ?? []) {
    if (!Object.hasOwn(programs, symbol)) {
      throw new BpfError('EBADF', `map '${name}': slot ${index} holds program '${symbol}', which is not loaded`);
    }
    map.set(index, programs[symbol]);
  }
}
