// An object loaded into a Kernel of its own, for one engine.

import type { Program } from '../../src/index.ts';
import { Kernel } from '../../src/index.ts';
import type { ObjectSpec } from '../../src/loader/index.ts';
import { BeewasmError, BpfError } from '../../src/uapi/errors.ts';
import type { EngineName } from '../engines.ts';
import type { LoadedObject } from './loaded_object.ts';

export interface BeewasmObject extends LoadedObject {
  readonly kernel: Kernel;
  readonly programs: Readonly<Record<string, Program>>;
}

/** The Kernel's JIT must be loaded already when `engine` is 'jit'. */
export async function openBeewasmObject(spec: ObjectSpec, engine: EngineName): Promise<BeewasmObject> {
  const kernel = new Kernel({ cpus: 1, clock: 'virtual', seed: 1 });
  const object = await kernel.load(spec, { jit: engine === 'jit' ? 'auto' : 'off' });
  const mapNamed = (name: string) => object.maps[name] ?? fail(`no map ${name}`);
  const programNamed = (name: string) => object.programs[name] ?? fail(`no program ${name}`);
  return {
    name: engine,
    cpus: 1,
    kernel,
    programs: object.programs,
    update: (name, key, value) => {
      const map = mapNamed(name);
      return errnoOf(() => map.set(key, map.type.startsWith('percpu') ? [value] : value));
    },
    setProgram: (name, index, program) => errnoOf(() => mapNamed(name).set(index, programNamed(program))),
    run(name, data) {
      try {
        const { retval, data: after } = programNamed(name).run({ data });
        return { rc: 0, retval, data: after };
      } catch (error) {
        if (!(error instanceof BpfError)) throw error;
        return { rc: -error.errno, retval: 0, data: new Uint8Array(0) };
      }
    },
    dump: (name) => {
      const map = mapNamed(name);
      return [...map.keys()].flatMap((key): [Uint8Array, Uint8Array][] => {
        const value = map.perCpu(key)?.[0];
        return value ? [[key, value]] : [];
      });
    },
    close() {
      object.close();
      kernel.close();
    },
  };
}

function fail(why: string): never {
  throw new BeewasmError(why);
}

function errnoOf(operation: () => void): number {
  try {
    operation();
    return 0;
  } catch (error) {
    if (error instanceof BpfError) return -error.errno;
    throw error;
  }
}
