// A live map: createMap checks the parameters, places the map in the heap and returns both views of it. User space's
// operations take and return bytes and -errno, with the checks of the bpf(2) commands in their order; a program's
// operations take addresses. Nothing here throws for bad operands; only createMap does.

import type { Addr } from '../memory/layout.ts';
import { mapTypeById, type StoredMapType } from '../spec/map_types.ts';
import { BPF_FLAGS } from '../uapi/enums.ts';
import { ERRNO } from '../uapi/errno.ts';
import { BpfError, UnsupportedError } from '../uapi/errors.ts';
import type { ArenaPages } from './arena_pages.ts';
import { openArenaStore } from './arena_store.ts';
import { openArrayStore } from './array_store.ts';
import { checkCreate, type MapParams } from './create.ts';
import { openHashStore } from './hash_store.ts';
import { callOp, lockOwner } from './ops.ts';
import type { MapPlacement } from './placement.ts';
import type { ProgOwner } from './prog_owner.ts';
import { openIndexStore, openProgStore } from './slot_stores.ts';
import { type MapContext, type OpenStore, type Store, userValueSize } from './store.ts';

const STORES = {
  array: openArrayStore,
  hash: openHashStore,
  prog: openProgStore,
  index: openIndexStore,
  arena: openArenaStore,
} as const satisfies Record<StoredMapType['store'], OpenStore>;

const BPF_F_LOCK = BigInt(BPF_FLAGS.BPF_F_LOCK);

/** Creates a map. Throws BpfError with the errno of BPF_MAP_CREATE. */
export function createMap(params: MapParams, ctx: MapContext): KernelMap {
  const type = mapTypeById(params.type);
  if (type === undefined)
    throw new BpfError('EINVAL', `map '${params.name}': map type ${params.type} is not supported`);
  if (type.store === 'none') {
    throw new UnsupportedError(
      `map type ${type.name}`,
      `map '${params.name}': map type ${type.name} is not supported yet`,
    );
  }
  const refusal = checkCreate(params, type);
  if (refusal !== null) throw new BpfError(refusal.code, `map '${params.name}' (${type.name}): ${refusal.reason}`);
  return new KernelMap(params, type, ctx, openStore(params, type, ctx));
}

/** What the memory refuses is refused to this map. */
function openStore(params: MapParams, type: StoredMapType, ctx: MapContext): Store {
  try {
    return STORES[type.store](params, type, ctx);
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
    throw new BpfError(error.code, `map '${params.name}' (${type.name}): ${error.reason}`);
  }
}

/** The operations of one map. A number is 0 or -errno. */
export class KernelMap {
  readonly params: MapParams;
  readonly type: StoredMapType;
  readonly placement: MapPlacement;
  /** Bytes of a value as user space passes it. */
  readonly userValueSize: number;
  readonly #ctx: MapContext;
  readonly #store: Store;
  #frozen = false;

  constructor(params: MapParams, type: StoredMapType, ctx: MapContext, store: Store) {
    this.params = params;
    this.type = type;
    this.placement = store.placement;
    this.userValueSize = userValueSize(params.valueSize, type, ctx.cpus);
    this.#ctx = ctx;
    this.#store = store;
  }

  get frozen(): boolean {
    return this.#frozen;
  }
  /** Number of CPUs that have a copy of each value. */
  get copies(): number {
    return this.type.perCpu ? this.#ctx.cpus : 1;
  }
  get #readable(): boolean {
    return (this.params.flags & BPF_FLAGS.BPF_F_WRONLY) === 0;
  }
  get #writable(): boolean {
    return (this.params.flags & BPF_FLAGS.BPF_F_RDONLY) === 0 && !this.#frozen;
  }

  /** The memory of an arena; null = it is another map. */
  get pages(): ArenaPages | null {
    return this.#store.pages ?? null;
  }

  // User space: the order of the checks is the kernel's map_lookup_elem, map_update_elem, ... in syscall.c. No map here
  // has a bpf_spin_lock, so BPF_F_LOCK is always EINVAL.

  lookup(key: Uint8Array, flags = 0n): Uint8Array | number {
    if ((flags & ~BPF_F_LOCK) !== 0n) return -ERRNO.EINVAL;
    if (!this.#readable) return -ERRNO.EPERM;
    if (flags !== 0n || key.length !== this.params.keySize) return -ERRNO.EINVAL;
    return this.#store.lookup(key);
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0n): number {
    if (!this.#writable) return -ERRNO.EPERM;
    if ((flags & BPF_F_LOCK) !== 0n) return -ERRNO.EINVAL;
    if (key.length !== this.params.keySize || value.length !== this.userValueSize) return -ERRNO.EINVAL;
    const bits = BigInt.asUintN(64, flags);
    return this.#store.update(key, value, Number(bits & 0xffffffffn), Number(bits >> 32n));
  }

  delete(key: Uint8Array): number {
    if (!this.#writable) return -ERRNO.EPERM;
    if (key.length !== this.params.keySize) return -ERRNO.EINVAL;
    return this.#store.delete(key);
  }

  lookupAndDelete(key: Uint8Array, flags = 0n): Uint8Array | number {
    if ((flags & ~BPF_F_LOCK) !== 0n) return -ERRNO.EINVAL;
    if (!this.#readable || !this.#writable) return -ERRNO.EPERM;
    if (flags !== 0n || key.length !== this.params.keySize) return -ERRNO.EINVAL;
    return this.#store.take(key);
  }

  /** The key after `key` in the map's order; after null or an absent key the first one. -ENOENT at the end. */
  nextKey(key: Uint8Array | null): Uint8Array | number {
    if (!this.#readable) return -ERRNO.EPERM;
    if (key !== null && key.length !== this.params.keySize) return -ERRNO.EINVAL;
    return this.#store.nextKey(key);
  }

  /** From now on user space can't write (programs still can). */
  freeze(): number {
    if (!this.#writable) return -ERRNO.EPERM;
    this.#frozen = true;
    return 0;
  }

  // Programs: addresses in the shared memory, which the caller has checked. `cpu` runs the program.

  /** Address of this CPU's value, or 0. */
  progLookup(cpu: number, keyAddr: Addr): Addr {
    const { lookup, cpuStride } = this.placement;
    if (lookup === null) return 0;
    const at = callOp(this.#ctx.ops, lookup, keyAddr) >>> 0;
    return at === 0 ? 0 : at + cpu * cpuStride;
  }

  /** index and prog stores: the first u32 of a slot; 0 = empty or out of range. */
  slot(index: number): number {
    const { values, stride, maxEntries, type } = this.placement;
    if (type.store !== 'index' && type.store !== 'prog') return 0;
    return index < maxEntries ? this.#ctx.memory.u32(values + index * stride) : 0;
  }

  progUpdate(cpu: number, keyAddr: Addr, valueAddr: Addr, flagsLo: number, flagsHi: number): number {
    const { update } = this.placement;
    if (update === null) return -ERRNO.EINVAL;
    return callOp(this.#ctx.ops, update, this.#owner(cpu), keyAddr, valueAddr, flagsLo, flagsHi);
  }

  progDelete(cpu: number, keyAddr: Addr): number {
    const op = this.placement.delete;
    if (op === null) return -ERRNO.EINVAL;
    return callOp(this.#ctx.ops, op, this.#owner(cpu), keyAddr);
  }

  #owner(cpu: number): number {
    return lockOwner(cpu, this.#ctx.generation);
  }

  /** Gives the memory back; the map must not be used any more. */
  /** Whether a program like this one may refer to the map (prog_owner.ts). */
  admits(program: ProgOwner): boolean {
    return this.#store.admits?.(program) ?? true;
  }

  release(): void {
    this.#store.release();
  }
}
