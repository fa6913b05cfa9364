// ARENA: pages instead of elements (arena_pages.ts has them). Every operation on elements is refused.

import { ERRNO } from '../uapi/errno.ts';
import { ArenaPages, arenaRegionSizes } from './arena_pages.ts';
import { NO_ELEMENTS } from './placement.ts';
import type { OpenStore } from './store.ts';

const REFUSED = -ERRNO.EOPNOTSUPP;

export const openArenaStore: OpenStore = (params, type, ctx) => {
  const { keySize, valueSize, maxEntries } = params;
  const addrs = ctx.heap.allocAll(arenaRegionSizes(maxEntries), 64);
  const [addr, data, table, stamps] = addrs;
  const pages = new ArenaPages(ctx.memory, { addr, data, table, stamps }, params);
  return {
    pages,
    placement: {
      ...NO_ELEMENTS,
      addr,
      type,
      keySize,
      valueSize,
      maxEntries,
      arena: pages.placement,
    },
    lookup: () => -ERRNO.EINVAL,
    update: () => REFUSED,
    delete: () => REFUSED,
    take: () => -ERRNO.ENOTSUPP,
    nextKey: () => REFUSED,
    release() {
      for (const region of addrs) ctx.heap.free(region);
    },
  };
};
