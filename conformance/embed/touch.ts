// What a load or store touches must be memory of its pointer: the frame, the input, the packet, one value of the map. States
// that contain every run are worth little if the bounds that were checked with them are wrong.

import type { InsnIndex } from '../../src/isa/insn.ts';
import { opOf } from '../../src/isa/opcodes.ts';
import type { Addr } from '../../src/memory/layout.ts';
import type { LoadedProgram } from '../../src/runtime/engine.ts';
import type { Reg, RegKind } from '../../src/verifier/reg.ts';
import type { State } from '../../src/verifier/state.ts';
import type { Scene } from './scene.ts';
import { insideMemoryOf, insideValue } from './stack_objects.ts';

interface Access {
  /** Register with the pointer. */
  readonly base: number;
  readonly off: number;
  readonly size: number;
}

const accesses = new WeakMap<LoadedProgram, readonly (Access | null)[]>();

function accessesOf(program: LoadedProgram): readonly (Access | null)[] {
  let found = accesses.get(program);
  if (found === undefined) accesses.set(program, (found = program.code.insns.map(accessOf)));
  return found;
}

function accessOf(insn: LoadedProgram['code']['insns'][number]): Access | null {
  const op = opOf(insn);
  switch (op?.kind) {
    case 'ldx':
    case 'load_acq':
      return { base: insn.src, off: insn.off, size: op.size };
    case 'st':
    case 'stx':
    case 'store_rel':
    case 'atomic':
      return { base: insn.dst, off: insn.off, size: op.size };
    default:
      return null;
  }
}

const STACK = 512;

type Inside = (reg: Reg, at: Addr, size: number, scene: Scene, state: State) => boolean;

const between = (at: Addr, size: number, low: Addr, high: Addr): boolean => at >= low && at + size <= high;

const INSIDE: Partial<Record<RegKind, Inside>> = {
  fp: (reg, at, size, { calls }) => {
    const top = calls[reg.frame].words[2 * 10];
    return between(at, size, top - STACK, top);
  },
  mem: (reg, at, size, scene, state) =>
    insideMemoryOf(reg, at, size, scene, state) ?? between(at, size, scene.entry, scene.entry + reg.size),
  pkt: (_, at, size, scene) => {
    const packet = scene.packet();
    return packet !== null && between(at, size, packet.data, packet.end);
  },
  pkt_meta: (_, at, size, scene) => {
    const packet = scene.packet();
    return packet !== null && between(at, size, packet.meta, packet.data);
  },
  map_value: (reg, at, size, { maps }) => maps[reg.map] === undefined || insideValue(maps[reg.map], at, size),
};

/** What is wrong with the access of the instruction at `pc`; null = nothing, or it makes none. */
export function outsideMemory(pc: InsnIndex, scene: Scene, state: State): string | null {
  const access = accessesOf(scene.program)[pc];
  if (access === null) return null;
  const { base, off, size } = access;
  const reg = state.frame.regs[base];
  const inside = INSIDE[reg.kind];
  if (inside === undefined) return null;
  const { words } = scene.calls[scene.calls.length - 1];
  const at = words[2 * base + 1] * 2 ** 32 + words[2 * base] + off;
  return inside(reg, at, size, scene, state)
    ? null
    : `r${base} ${off < 0 ? '' : '+'}${off}: ${size} bytes outside of its memory`;
}
