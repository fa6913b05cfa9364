// Map helpers. The map is found by its address in a JavaScript table, which no program can reach; operands are checked
// against the memory before the map operations read them.

import { ERRNO } from '../uapi/errno.ts';
import type { HelperRows } from './helper.ts';

export const mapHelpers = {
  bpf_map_lookup_elem: (env, cpu) => (mapAddr, keyAddr) => {
    const map = env.mapAt(mapAddr >>> 0);
    if (map === undefined || !env.memory.contains(keyAddr >>> 0, map.params.keySize)) return 0;
    return map.progLookup(cpu, keyAddr >>> 0) | 0;
  },

  bpf_map_update_elem: (env, cpu) => (mapAddr, keyAddr, valueAddr, flagsLo, flagsHi) => {
    const map = env.mapAt(mapAddr >>> 0);
    if (map === undefined) return -ERRNO.EFAULT;
    const { keySize, valueSize } = map.params;
    if (!env.memory.contains(keyAddr >>> 0, keySize)) return -ERRNO.EFAULT;
    if (!env.memory.contains(valueAddr >>> 0, valueSize)) return -ERRNO.EFAULT;
    return map.progUpdate(cpu, keyAddr >>> 0, valueAddr >>> 0, flagsLo, flagsHi);
  },

  bpf_map_delete_elem: (env, cpu) => (mapAddr, keyAddr) => {
    const map = env.mapAt(mapAddr >>> 0);
    if (map === undefined || !env.memory.contains(keyAddr >>> 0, map.params.keySize)) return -ERRNO.EFAULT;
    return map.progDelete(cpu, keyAddr >>> 0);
  },
} as const satisfies HelperRows;
