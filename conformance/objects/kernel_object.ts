// An object loaded into the live kernel through the oracle.

import type { ObjectSpec } from '../../src/loader/index.ts';
import { mapDef, programInput } from '../../src/runtime/program_input.ts';
import { BPF_MAP_TYPE } from '../../src/uapi/enums.ts';
import { BeewasmError } from '../../src/uapi/errors.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import type { Handle, KernelLoad, Oracle } from '../kernel/oracle.ts';
import type { LoadedObject } from './loaded_object.ts';

const PER_CPU: readonly number[] = [
  BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_HASH,
  BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE.BPF_MAP_TYPE_LRU_PERCPU_HASH,
];

export interface KernelObject extends LoadedObject {
  /** What BPF_PROG_LOAD answered, by program name. */
  readonly loads: ReadonlyMap<string, KernelLoad>;
}

/** Loads the given programs (default: all). Throws when the kernel refuses a map or a program. */
export function openKernelObject(
  oracle: Oracle,
  spec: ObjectSpec,
  programs = Object.keys(spec.programs),
): KernelObject {
  const defs = Object.values(spec.maps).map((m) => ({ ...mapDef(m), ...(m.data && { contents: m.data }) }));
  const handles: Handle[] = defs.map((def) => {
    const handle = oracle.createMap(def);
    if (handle < 0) throw new BeewasmError(`kernel refuses map ${def.name}: errno ${-handle}`);
    return handle;
  });
  const loadOn = (input: ProgramInput) =>
    oracle.load({ ...input, maps: input.maps.map((m) => handles[defs.findIndex((d) => d.name === m.name)]) });
  const loads = new Map(
    programs.map((name): [string, KernelLoad] => {
      const loaded = loadOn(programInput(spec, spec.programs[name]));
      if (loaded.verdict === 'REJECT')
        throw new BeewasmError(`kernel refuses ${name}: ${loaded.errno} ${loaded.message}`);
      return [name, loaded];
    }),
  );
  const mapNamed = (name: string) => {
    const at = defs.findIndex((d) => d.name === name);
    if (at < 0) throw new BeewasmError(`no map ${name}`);
    const def = defs[at];
    const perCpu = PER_CPU.includes(def.type);
    const copies = perCpu ? oracle.possibleCpus : 1;
    const stride = perCpu ? Math.ceil(def.valueSize / 8) * 8 : def.valueSize;
    return { handle: handles[at], def, copies, stride };
  };
  return {
    name: 'linux',
    cpus: oracle.possibleCpus,
    loads,
    update(name, key, value) {
      const { handle, copies, stride } = mapNamed(name);
      const buffer = new Uint8Array(copies * stride);
      for (let cpu = 0; cpu < copies; cpu++) buffer.set(value, cpu * stride);
      return oracle.update(handle, key, buffer);
    },
    setProgram(name, index, program) {
      const loaded = loads.get(program);
      if (!loaded) throw new BeewasmError(`no program ${program}`);
      return oracle.update(mapNamed(name).handle, u32(index), u32(loaded.handle));
    },
    run(program, data) {
      const loaded = loads.get(program);
      if (!loaded) throw new BeewasmError(`no program ${program}`);
      return oracle.run(loaded.handle, { data });
    },
    dump(name) {
      const { handle, def, copies, stride } = mapNamed(name);
      return oracle
        .dump(handle, def.keySize, copies * stride)
        .map(([key, value]) => [key, value.slice(0, def.valueSize)]);
    },
    close: () => oracle.close(...[...loads.values()].map((l) => l.handle), ...handles),
  };
}

function u32(n: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n, true);
  return bytes;
}
