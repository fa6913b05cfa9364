// PROG_ARRAY, DEVMAP, CPUMAP and XSKMAP: slots by index that are empty while their first u32 is 0. A PROG_ARRAY slot
// holds a program id; the others hold what user space wrote: an ifindex, a queue size, a socket.

import type { MapTypeRow } from '../spec/map_types.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { MapParams } from './create.ts';
import { type MapPlacement, NO_ELEMENTS, type OpCall } from './placement.ts';
import { isCompatible, type ProgOwner } from './prog_owner.ts';
import {
  type MapContext,
  NOT_SUPPORTED,
  nextIndex,
  type OpenStore,
  placeRegions,
  type Store,
  u32Bytes,
  u32Key,
} from './store.ts';

const BPF_ANY = 0;
const BPF_NOEXIST = 1;
const BPF_EXIST = 2;

interface Slots {
  readonly placement: MapPlacement;
  /** The slot's address, or 0 when there is no such index. */
  at(key: Uint8Array): number;
  release(): void;
}

function placeSlots(params: MapParams, type: MapTypeRow, ctx: MapContext, stride: number): Slots {
  const { memory, ops } = ctx;
  const { keySize, valueSize, maxEntries } = params;
  const { addr, parts, scratch, release } = placeRegions(ctx, [stride * maxEntries], keySize, valueSize);
  const [values] = parts;
  const lookup: OpCall = { fn: 'slot_lookup', args: [values, stride, maxEntries] };
  const fromProgram = (type.helpers as readonly string[]).includes('bpf_map_lookup_elem');
  return {
    placement: {
      ...NO_ELEMENTS,
      addr,
      type,
      keySize,
      valueSize,
      maxEntries,
      values,
      stride,
      lookup: fromProgram ? lookup : null,
    },
    at(key) {
      memory.write(scratch.key, key);
      return ops.array_lookup(values, stride, maxEntries, scratch.key) >>> 0;
    },
    release,
  };
}

/** PROG_ARRAY (kernel fd_array, prog_fd_array_*). */
export const openProgStore: OpenStore = (params, type, ctx) => {
  const slots = placeSlots(params, type, ctx, 4);
  const { memory } = ctx;
  let owner: ProgOwner | undefined;
  const admits = (program: ProgOwner) => isCompatible((owner ??= program), program);
  return {
    admits,
    placement: slots.placement,
    lookup(key) {
      const at = slots.at(key);
      const id = at === 0 ? 0 : memory.u32(at);
      return id === 0 ? -ERRNO.ENOENT : u32Bytes(id);
    },
    update(key, value, flagsLo, flagsHi) {
      if (flagsHi !== 0 || flagsLo !== BPF_ANY) return -ERRNO.EINVAL;
      const at = slots.at(key);
      if (at === 0) return -ERRNO.E2BIG;
      const id = u32Key(value);
      const program = id === 0 ? undefined : ctx.progOwner?.(id);
      if (program === undefined) return -ERRNO.EBADF;
      if (!admits(program)) return -ERRNO.EINVAL;
      memory.setU32(at, id);
      return 0;
    },
    delete(key) {
      const at = slots.at(key);
      if (at === 0) return -ERRNO.E2BIG;
      if (memory.u32(at) === 0) return -ERRNO.ENOENT;
      memory.setU32(at, 0);
      return 0;
    },
    take: () => NOT_SUPPORTED,
    nextKey: (key) => nextIndex(key, params.maxEntries),
    release: slots.release,
  };
};

/** What an index map answers to a value on update: 0 or -errno; the value 0 empties the slot where that is allowed. */
type CheckTarget = (value: Uint8Array, flags: number, occupied: boolean, ctx: MapContext) => number;

/** kernel __dev_map_update_elem, cpu_map_update_elem, xsk_map_update_elem; cpumap: any CPU number is possible here. */
const TARGETS: Readonly<Record<string, CheckTarget>> = {
  devmap(value, flags, _occupied, ctx) {
    if (flags === BPF_NOEXIST) return -ERRNO.EEXIST;
    const ifindex = u32Key(value);
    const prog = value.length === 8 ? u32Key(value.subarray(4)) | 0 : 0;
    if (ifindex === 0) return prog > 0 ? -ERRNO.EINVAL : 0;
    return ctx.targetExists?.('devmap', ifindex) === false ? -ERRNO.EINVAL : 0;
  },
  cpumap(value, flags) {
    if (flags === BPF_NOEXIST) return -ERRNO.EEXIST;
    return u32Key(value) > 16384 ? -ERRNO.EOVERFLOW : 0;
  },
  xskmap(value, flags, occupied, ctx) {
    const socket = u32Key(value);
    if (socket === 0 || ctx.targetExists?.('xskmap', socket) === false) return -ERRNO.EBADF;
    if (flags === BPF_NOEXIST && occupied) return -ERRNO.EEXIST;
    if (flags === BPF_EXIST && !occupied) return -ERRNO.ENOENT;
    return 0;
  },
};

export const openIndexStore: OpenStore = (params, type, ctx): Store => {
  const slots = placeSlots(params, type, ctx, 8);
  const { memory } = ctx;
  const check = TARGETS[type.name];
  const readable = type.name !== 'xskmap';
  return {
    placement: slots.placement,
    lookup(key) {
      if (!readable) return -ERRNO.EOPNOTSUPP;
      const at = slots.at(key);
      return at === 0 || memory.u32(at) === 0 ? -ERRNO.ENOENT : memory.bytes(at, params.valueSize).slice();
    },
    update(key, value, flagsLo, flagsHi) {
      if (flagsHi !== 0 || flagsLo > BPF_EXIST) return -ERRNO.EINVAL;
      const at = slots.at(key);
      if (at === 0) return -ERRNO.E2BIG;
      const result = check(value, flagsLo, memory.u32(at) !== 0, ctx);
      if (result === 0) memory.write(at, value);
      return result;
    },
    delete(key) {
      const at = slots.at(key);
      if (at === 0) return -ERRNO.EINVAL;
      memory.setU64(at, 0n);
      return 0;
    },
    take: () => NOT_SUPPORTED,
    nextKey: (key) => nextIndex(key, params.maxEntries),
    release: slots.release,
  };
};
