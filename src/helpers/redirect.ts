// bpf_redirect and bpf_redirect_map for XDP: they only note the target in the CPU block (layout.ts CPU.redirect); who
// runs the program reads it there when the verdict is XDP_REDIRECT.

import { controlWord } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { BPF_FLAGS, XDP_ACTION } from '../uapi/enums.ts';
import type { HelperRows } from './helper.ts';

/** Kinds of target in CPU.redirect. */
export const REDIRECT = { none: 0, ifindex: 1, map: 2 } as const;

/** What a run left behind: an interface, or a slot of a DEVMAP, CPUMAP or XSKMAP. */
export interface RedirectTarget {
  readonly kind: keyof typeof REDIRECT;
  readonly index: number;
  readonly map: number;
}

/** Lower bits of bpf_redirect_map's flags: the verdict when the slot is empty. */
const ACTION_MASK = XDP_ACTION.XDP_ABORTED | XDP_ACTION.XDP_DROP | XDP_ACTION.XDP_PASS | XDP_ACTION.XDP_TX;
const DEVMAP_FLAGS = BPF_FLAGS.BPF_F_BROADCAST | BPF_FLAGS.BPF_F_EXCLUDE_INGRESS;

function note(memory: Memory, cpu: number, kind: number, index: number, map: number): void {
  const at = controlWord(cpu, 'redirect');
  memory.setU32(at, kind);
  memory.setU32(at + 4, index >>> 0);
  memory.setU32(at + 8, map >>> 0);
}

export function readRedirect(memory: Memory, cpu: number): RedirectTarget {
  const at = controlWord(cpu, 'redirect');
  const kinds = ['none', 'ifindex', 'map'] as const;
  return { kind: kinds[memory.u32(at)] ?? 'none', index: memory.u32(at + 4), map: memory.u32(at + 8) };
}

/** Before a run. */
export function clearRedirect(memory: Memory, cpu: number): void {
  note(memory, cpu, REDIRECT.none, 0, 0);
}

export const redirectHelpers = {
  bpf_redirect: (env, cpu) => (ifindex, flagsLo, flagsHi) => {
    if ((flagsLo | flagsHi) !== 0) return XDP_ACTION.XDP_ABORTED;
    note(env.memory, cpu, REDIRECT.ifindex, ifindex, 0);
    return XDP_ACTION.XDP_REDIRECT;
  },

  // The kernel cuts the u64 index to the u32 key of its maps.
  bpf_redirect_map: (env, cpu) => (mapAddr, indexLo, _indexHi, flagsLo, flagsHi) => {
    const map = env.mapAt(mapAddr >>> 0);
    if (map === undefined || map.type.store !== 'index') return XDP_ACTION.XDP_ABORTED;
    const allowed = ACTION_MASK | (map.type.name === 'devmap' ? DEVMAP_FLAGS : 0);
    if (flagsHi !== 0 || (flagsLo & ~allowed) !== 0) return XDP_ACTION.XDP_ABORTED;
    const broadcast = (flagsLo & BPF_FLAGS.BPF_F_BROADCAST) !== 0;
    if (!broadcast && map.slot(indexLo >>> 0) === 0) {
      clearRedirect(env.memory, cpu);
      return flagsLo & ACTION_MASK;
    }
    note(env.memory, cpu, REDIRECT.map, indexLo, mapAddr);
    return XDP_ACTION.XDP_REDIRECT;
  },
} as const satisfies HelperRows;
