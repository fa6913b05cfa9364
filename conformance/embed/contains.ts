// Concretisation: does a real register, a real stack, a real call chain lie in an abstract state? One row per kind of
// pointer. Written from what the states mean, not from how the verifier computes them: none of its arithmetic is used.

import type { MapPlacement } from '../../src/maps/placement.ts';
import { codeAddr, MEMORY_BASE } from '../../src/memory/layout.ts';
import { AT_PKT_END, BEYOND_PKT_END, type Reg, type RegKind } from '../../src/verifier/reg.ts';
import type { Scalar } from '../../src/verifier/scalar.ts';
import { allBytes, byteType, SLOT, type Slot, type State } from '../../src/verifier/state.ts';
import type { KeptBook } from './book.ts';
import type { Call, Scene } from './scene.ts';
import { elements, outsideMemoryOf, outsideObject } from './stack_objects.ts';

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);

/** The first description that `value` (unsigned 64-bit) contradicts. */
export function outsideScalar(s: Scalar, value: bigint): string | null {
  const signed = BigInt.asIntN(64, value);
  const low = Number(value & 0xffffffffn);
  if (((value ^ s.var_off.value) & ~s.var_off.mask) !== 0n) return 'var_off';
  if (value < s.umin || value > s.umax) return 'u64 range';
  if (signed < s.smin || signed > s.smax) return 's64 range';
  if (low < s.u32_min || low > s.u32_max) return 'u32 range';
  if ((low | 0) < s.s32_min || (low | 0) > s.s32_max) return 's32 range';
  return null;
}

/** The low `size` bytes of a spilled scalar, of which the bytes above are not known. */
function outsideLow(s: Scalar, value: bigint, size: number): string | null {
  const all = (1n << BigInt(8 * size)) - 1n;
  if (((value ^ s.var_off.value) & ~s.var_off.mask & all) !== 0n) return 'var_off of the low bytes';
  const low = Number(value & 0xffffffffn);
  if (size === 4 && (low < s.u32_min || low > s.u32_max)) return 'u32 range';
  if (size === 4 && ((low | 0) < s.s32_min || (low | 0) > s.s32_max)) return 's32 range';
  return s.umax <= all && (value < s.umin || value > s.umax) ? 'u64 range' : null;
}

/** The pointer minus its fixed offset and minus `base` must be its variable offset. */
function moved(reg: Reg, value: bigint, base: number): string | null {
  const why = outsideScalar(reg.s, u64(value - BigInt(reg.off) - BigInt(base)));
  return why && `${why} of the variable offset from 0x${base.toString(16)}`;
}

/** Bytes [base, base + range) end before `end`; below zero: the pointer is at or behind it. */
function outsideRange(reg: Reg, value: bigint, end: number): string | null {
  if (reg.range === AT_PKT_END) return value >= BigInt(end) ? null : 'at the end';
  if (reg.range === BEYOND_PKT_END) return value > BigInt(end) ? null : 'beyond the end';
  return u64(value - BigInt(reg.off)) + BigInt(reg.range) <= BigInt(end) ? null : 'range inside the packet';
}

/** Some value of the map starts so that the rest is the variable offset. */
function outsideMap(reg: Reg, value: bigint, map: MapPlacement): string | null {
  const all = elements(map);
  if (all === null) return null;
  const first = BigInt(all.first);
  const stride = BigInt(all.stride);
  const base = BigInt.asIntN(64, value - BigInt(reg.off)) - first;
  let i = base - reg.s.smax <= 0n ? 0n : (base - reg.s.smax) / stride;
  for (; i < BigInt(all.count) && i * stride <= base - reg.s.smin; i++) {
    if (outsideScalar(reg.s, u64(base - i * stride)) === null) return null;
  }
  return 'inside a value of the map';
}

type Check = (reg: Reg, value: bigint, scene: Scene, state: State) => string | null;

/** null = the pointer is such a one. What a run has no more to say about is only known not to be NULL. */
const POINTERS: Partial<Record<RegKind, Check>> = {
  fp: (reg, value, { calls }) => moved(reg, value, Number(calls[reg.frame].regs[10])),
  ctx: (reg, value, { entry }) => moved(reg, value, entry),
  mem: (reg, value, scene, state) => {
    const why = outsideMemoryOf(reg, value, scene, state);
    if (why !== undefined) return why;
    return scene.program.code.type === RAW ? moved(reg, value, scene.entry) : null;
  },
  map_ptr: (reg, value, { maps }) => {
    const map = maps[reg.map];
    // The inner map of a map of maps is any map.
    return map === undefined ? null : moved(reg, value, map.addr);
  },
  map_value: (reg, value, { maps }) => (maps[reg.map] === undefined ? null : outsideMap(reg, value, maps[reg.map])),
  pkt: (reg, value, scene) => {
    const packet = scene.packet();
    if (packet === null) return 'no packet';
    return moved(reg, value, packet.data) ?? outsideRange(reg, value, packet.end);
  },
  pkt_meta: (reg, value, scene) => {
    const packet = scene.packet();
    if (packet === null) return 'no packet';
    return moved(reg, value, packet.meta) ?? outsideRange(reg, value, packet.data);
  },
  pkt_end: (reg, value, scene) => moved(reg, value, scene.packet()?.end ?? 0),
  func: (reg, value) => moved(reg, value, codeAddr(reg.size)),
};
const RAW = -1;

function outsideRegister(reg: Reg, value: bigint, scene: Scene, state: State): string | null {
  // Any number is one, and nobody believes anything of it.
  if (reg.kind === 'arena') return null;
  if (reg.maybeNull && value === 0n) return null;
  if (value === 0n) return 'not NULL';
  if (value >> 32n !== 0n) return 'an address';
  return POINTERS[reg.kind]?.(reg, value, scene, state) ?? null;
}

/** Kinds of pointer where equal ids promise something else than being NULL or not. */
const isPacketKind = (kind: RegKind): boolean => kind === 'pkt' || kind === 'pkt_meta';

/** Whether the two ids are about the same thing. */
const sameId = (a: Reg, b: Reg): boolean => a.id !== 0 && a.id === b.id && a.kind === b.kind;

/** What registers with the same id agree in: scalars in their value, packet pointers in their base, others in being NULL. */
function identity(reg: Reg, value: bigint): bigint | null {
  if (reg.kind === 'scalar') {
    const linked = value - (reg.addConst ? BigInt(reg.off) : 0n);
    return reg.addConst && reg.wrap ? BigInt.asUintN(32, linked) : u64(linked);
  }
  if (isPacketKind(reg.kind)) return u64(value - BigInt(reg.off));
  return reg.maybeNull ? (value === 0n ? 0n : 1n) : null;
}

/** Bytes at the low end of a slot that were spilled. */
function spilledBytes(slot: Slot): number {
  let n = 0;
  while (n < 8 && byteType(slot, 7 - n) === SLOT.spill) n++;
  return n;
}

const MISC = allBytes(SLOT.misc);
const EVERYTHING = 0x7ff;

/**
 * Compares states with scenes. One object for many comparisons: nothing is allocated unless something is wrong.
 * What counts is decided per comparison: with a book of kept states only what pruning compares, else everything.
 */
export class Comparison {
  #scene!: Scene;
  /** Whose kept states are compared; null: everything counts. */
  #book: KeptBook | null = null;
  #state!: State;

  /** Why the scene does not lie in a kept state; null = it does. */
  kept(state: State, scene: Scene, book: KeptBook): string | null {
    this.#scene = scene;
    this.#book = book;
    this.#state = state;
    const { frames } = state;
    for (let f = 0; f < frames.length; f++) {
      const why = this.#registers(f, book.registers(state, f), null) ?? this.#stack(f);
      if (why !== null) return why;
    }
    return null;
  }

  /**
   * The same for a state where everything counts. `before`: the state of the step before, in which the scene then lay.
   * What both the state and the run left alone needs no second look.
   */
  exact(state: State, scene: Scene, before: State | null): string | null {
    this.#scene = scene;
    this.#book = null;
    this.#state = state;
    const { frames } = state;
    const old = before !== null && before.frames.length === frames.length ? before.frames : null;
    for (let f = 0; f < frames.length; f++) {
      const why = this.#registers(f, EVERYTHING, old === null ? null : old[f].regs) ?? this.#stack(f);
      if (why !== null) return why;
    }
    return null;
  }

  #registers(f: number, counts: number, before: readonly Reg[] | null): string | null {
    const call = this.#scene.calls[f];
    const { regs } = this.#state.frames[f];
    for (let r = 0; r <= 10; r++) {
      const reg = regs[r];
      if ((counts & (1 << r)) === 0 || reg.kind === 'not_init') continue;
      if (before !== null && before[r] === reg && !isPacketKind(reg.kind) && sameAsBefore(call, r)) continue;
      const value = call.regs[r];
      const why = this.#value(reg, value, 8);
      if (why !== null) return `frame ${f} r${r} = 0x${value.toString(16)}: not ${why}`;
    }
    return null;
  }

  #stack(f: number): string | null {
    const { stack } = this.#state.frames[f];
    const top = Number(this.#scene.calls[f].regs[10]);
    for (let spi = 0; spi < stack.length; spi++) {
      const slot = stack[spi];
      if (slot.types === 0 || slot.types === MISC) continue;
      if (this.#book !== null && !this.#book.slot(this.#state, f, spi)) continue;
      const why = this.#slot(slot, top - 8 * spi - 8);
      if (why !== null) return `frame ${f} fp-${8 * spi + 8}: ${why}`;
    }
    return null;
  }

  /** `size` < 8: only the low bytes are there. */
  #value(reg: Reg, value: bigint, size: number): string | null {
    if (reg.kind === 'not_init') return null;
    if (reg.kind === 'scalar') {
      if (this.#book !== null && !reg.precise) return null;
      const why = size === 8 ? outsideScalar(reg.s, value) : outsideLow(reg.s, value, size);
      if (why !== null) return why;
    } else {
      const why = outsideRegister(reg, value, this.#scene, this.#state);
      if (why !== null) return why;
    }
    return reg.id === 0 ? null : this.#linked(reg, value);
  }

  /** All that have the id of `reg` and count must agree with it. */
  #linked(reg: Reg, value: bigint): string | null {
    const same = identity(reg, value);
    if (same === null) return null;
    const { frames } = this.#state;
    for (let f = 0; f < frames.length; f++) {
      const counts = this.#book === null ? EVERYTHING : this.#book.registers(this.#state, f);
      const { regs, stack } = frames[f];
      const call = this.#scene.calls[f];
      for (let r = 0; r <= 10; r++) {
        const other = regs[r];
        if ((counts & (1 << r)) === 0 || !sameId(reg, other) || !this.#decides(other)) continue;
        const its = identity(other, call.regs[r]);
        if (its !== null && its !== same) return `the same as frame ${f} r${r} of id ${reg.id}`;
      }
      for (let spi = 0; spi < stack.length; spi++) {
        const slot = stack[spi];
        if (!sameId(reg, slot.reg) || !this.#decides(slot.reg)) continue;
        if (this.#book !== null && !this.#book.slot(this.#state, f, spi)) continue;
        const bytes = spilledBytes(slot);
        if (bytes === 0) continue;
        const there = this.#scene.memory.u64(Number(call.regs[10]) - 8 * spi - 8);
        const its = identity(slot.reg, BigInt.asUintN(8 * bytes, there));
        if (its !== null && its !== same) return `the same as frame ${f} fp-${8 * spi + 8} of id ${reg.id}`;
      }
    }
    return null;
  }

  #decides(reg: Reg): boolean {
    return this.#book === null || reg.kind !== 'scalar' || reg.precise;
  }

  /** The slot at [addr, addr + 8). */
  #slot(slot: Slot, addr: number): string | null {
    const { memory } = this.#scene;
    for (let i = 0; i < 8; i++) {
      if (byteType(slot, i) === SLOT.zero && memory.u8[addr + 7 - i - MEMORY_BASE] !== 0) {
        return `byte ${7 - i} is not zero`;
      }
    }
    const bytes = spilledBytes(slot);
    if (bytes === 0) return outsideObject(slot, addr, this.#scene);
    const value = BigInt.asUintN(8 * bytes, memory.u64(addr));
    const why = this.#value(slot.reg, value, bytes);
    return why && `${bytes} bytes spilled = 0x${value.toString(16)}: not ${why}`;
  }
}

/** The register holds what it held one step before. */
function sameAsBefore({ words, before }: Call, r: number): boolean {
  return before === null || (words[2 * r] === before[2 * r] && words[2 * r + 1] === before[2 * r + 1]);
}
