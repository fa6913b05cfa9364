// The maps of an object in the live kernel, as libbpf would create them, but no larger than a test needs.

import type { MapSpec, ObjectSpec } from '../../src/loader/index.ts';
import { mapDef } from '../../src/runtime/program_input.ts';
import { BPF_MAP_TYPE as T } from '../../src/uapi/enums.ts';
import { errnoName } from '../../src/uapi/errno.ts';
import { BeewasmError } from '../../src/uapi/errors.ts';
import type { Handle, KernelMap, Oracle } from '../kernel/oracle.ts';

/** What a map's size means to no verifier: its memory is saved. */
const SHRINKABLE: ReadonlySet<number> = new Set([
  T.BPF_MAP_TYPE_HASH,
  T.BPF_MAP_TYPE_PERCPU_HASH,
  T.BPF_MAP_TYPE_LRU_HASH,
  T.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  T.BPF_MAP_TYPE_LPM_TRIE,
]);
const ENOUGH_ENTRIES = 1024;

function kernelMap(spec: MapSpec, cpus: number, btf: Handle): KernelMap {
  const def: KernelMap = {
    ...mapDef(spec),
    ...(spec.data && { contents: spec.data }),
    extra: mapDef(spec).userStart ?? spec.mapExtra,
  };
  const inner = spec.inner && { inner: kernelMap(spec.inner, cpus, btf) };
  // Sections that may have special fields have types, too (kernel_program.ts).
  const keyed = spec.keyTypeId > 0 || spec.specialFields !== undefined;
  const typed = btf > 0 && keyed && spec.valueTypeId > 0 && !UNTYPED.has(spec.type);
  const types = typed && { btf: { handle: btf, keyType: spec.keyTypeId, valueType: spec.valueTypeId } };
  return { ...def, ...inner, ...types, maxEntries: entriesOf(spec, cpus) };
}

/** Maps that libbpf creates without types (bpf_object__create_map). */
const UNTYPED: ReadonlySet<number> = new Set([
  T.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  T.BPF_MAP_TYPE_CGROUP_ARRAY,
  T.BPF_MAP_TYPE_STACK_TRACE,
  T.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  T.BPF_MAP_TYPE_HASH_OF_MAPS,
  T.BPF_MAP_TYPE_DEVMAP,
  T.BPF_MAP_TYPE_DEVMAP_HASH,
  T.BPF_MAP_TYPE_CPUMAP,
  T.BPF_MAP_TYPE_XSKMAP,
  T.BPF_MAP_TYPE_SOCKMAP,
  T.BPF_MAP_TYPE_SOCKHASH,
  T.BPF_MAP_TYPE_QUEUE,
  T.BPF_MAP_TYPE_STACK,
  T.BPF_MAP_TYPE_ARENA,
]);

function entriesOf({ type, maxEntries }: MapSpec, cpus: number): number {
  if (SHRINKABLE.has(type)) return Math.min(maxEntries, ENOUGH_ENTRIES);
  return type === T.BPF_MAP_TYPE_PERF_EVENT_ARRAY && maxEntries === 0 ? cpus : maxEntries;
}

/** As libbpf: with types, and without where the kernel refuses those. */
function create(oracle: Oracle, spec: MapSpec, btf: Handle): Handle | string {
  try {
    const handle = oracle.createMap(kernelMap(spec, oracle.possibleCpus, btf));
    if (handle > 0) return handle;
    const bare = oracle.createMap(kernelMap(spec, oracle.possibleCpus, 0));
    return bare > 0 ? bare : (errnoName(-bare) ?? String(-bare));
  } catch (error) {
    if (error instanceof BeewasmError) return error.message;
    throw error;
  }
}

export interface KernelMaps {
  /** Handle of each map, or why the kernel has none. */
  readonly byName: ReadonlyMap<string, Handle | string>;
  close(): void;
}

/** Creates every map of the object that the kernel takes. `btf`: a handle of the object's types; 0 = none. */
export function createKernelMaps(oracle: Oracle, object: ObjectSpec, btf: Handle = 0): KernelMaps {
  const byName = new Map<string, Handle | string>();
  for (const [name, spec] of Object.entries(object.maps)) {
    const handle = create(oracle, spec, btf);
    byName.set(name, typeof handle === 'string' ? `map ${name}: ${handle}` : handle);
  }
  return {
    byName,
    close: () => oracle.close(...[...byName.values()].filter((h) => typeof h === 'number')),
  };
}
