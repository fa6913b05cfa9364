// ARRAY and PERCPU_ARRAY: an element for every index, nothing to insert or delete.

import { ERRNO } from '../uapi/errno.ts';
import { type MapPlacement, NO_ELEMENTS } from './placement.ts';
import {
  NOT_SUPPORTED,
  nextIndex,
  type OpenStore,
  ownerOf,
  placeRegions,
  readElement,
  roundUp,
  userValueSize,
} from './store.ts';

export const openArrayStore: OpenStore = (params, type, ctx) => {
  const { memory, ops, cpus } = ctx;
  const { keySize, valueSize, maxEntries } = params;
  const stride = roundUp(valueSize, 8);
  const cpuStride = type.perCpu ? roundUp(stride * maxEntries, 64) : 0;
  const userSize = userValueSize(valueSize, type, cpus);
  const size = type.perCpu ? cpuStride * cpus : stride * maxEntries;
  const { addr, parts, scratch, release } = placeRegions(ctx, [size], keySize, userSize);
  const [values] = parts;
  const element = [values, stride, maxEntries];
  const update = [...element, valueSize, cpuStride, cpus];
  const placement: MapPlacement = {
    ...NO_ELEMENTS,
    addr,
    type,
    keySize,
    valueSize,
    maxEntries,
    values,
    stride,
    cpuStride,
    lookup: { fn: 'array_lookup', args: element },
    update: { fn: 'array_update', args: update },
  };
  const owner = ownerOf(ctx);
  const userUpdate = type.perCpu ? ops.array_update_all : ops.array_update;

  return {
    placement,
    lookup(key) {
      memory.write(scratch.key, key);
      return readElement(memory, placement, cpus, ops.array_lookup(values, stride, maxEntries, scratch.key) >>> 0);
    },
    update(key, value, flagsLo, flagsHi) {
      memory.write(scratch.key, key);
      memory.write(scratch.value, value);
      const [v, s, n, size, cs, c] = update;
      return userUpdate(v, s, n, size, cs, c, owner, scratch.key, scratch.value, flagsLo, flagsHi);
    },
    delete: () => -ERRNO.EINVAL,
    take: () => NOT_SUPPORTED,
    nextKey: (key) => nextIndex(key, maxEntries),
    release,
  };
};
