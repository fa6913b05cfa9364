// Concretisation: does a real register, a real stack, a real call chain lie in an abstract state? One row per kind of
// pointer. Written from what the states mean, not from how the verifier computes them: none of its arithmetic is used.

import type { MapPlacement } from '../../src/maps/placement.ts';
import { codeAddr } from '../../src/memory/layout.ts';
import { AT_PKT_END, BEYOND_PKT_END, type Reg, type RegKind } from '../../src/verifier/reg.ts';
import type { Scalar } from '../../src/verifier/scalar.ts';
import { byteType, SLOT, type Slot, type State } from '../../src/verifier/state.ts';
import type { Book } from './book.ts';
import type { Scene } from './scene.ts';

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

/** First value, distance to the next and number of the values a map may give out; null = not told by the placement. */
function elements(map: MapPlacement): { first: number; stride: number; count: number } | null {
  if (map.type.store === 'array') return { first: map.values, stride: map.stride, count: map.maxEntries };
  if (map.type.store !== 'hash' || map.lookup === null) return null;
  const [, , elems, limit] = map.lookup.args;
  const key = 8 + Math.ceil(map.keySize / 8) * 8;
  const stride = key + Math.ceil(map.valueSize / 8) * 8;
  return { first: elems + key, stride, count: limit / stride };
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

type Check = (reg: Reg, value: bigint, scene: Scene) => string | null;

/** null = the pointer is such a one. What a run has no more to say about is only known not to be NULL. */
const POINTERS: Partial<Record<RegKind, Check>> = {
  fp: (reg, value, { calls }) => moved(reg, value, Number(calls[reg.frame].regs[10])),
  ctx: (reg, value, { entry }) => moved(reg, value, entry),
  mem: (reg, value, scene) => (scene.program.code.type === RAW ? moved(reg, value, scene.entry) : null),
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

function outsideRegister(reg: Reg, value: bigint, scene: Scene): string | null {
  if (reg.maybeNull && value === 0n) return null;
  if (value === 0n) return 'not NULL';
  if (value >> 32n !== 0n) return 'an address';
  return POINTERS[reg.kind]?.(reg, value, scene) ?? null;
}

/** What registers with the same id agree in: scalars in their value, packet pointers in their base, others in being NULL. */
function identity(reg: Reg, value: bigint): readonly [string, bigint] | null {
  if (reg.id === 0) return null;
  const name = `${reg.kind} ${reg.id}`;
  if (reg.kind === 'scalar') return [name, u64(value - (reg.addConst ? BigInt(reg.off) : 0n))];
  if (reg.kind === 'pkt' || reg.kind === 'pkt_meta') return [name, u64(value - BigInt(reg.off))];
  return reg.maybeNull ? [name, value === 0n ? 0n : 1n] : null;
}

/** One comparison of a state with a scene. */
class Comparison {
  readonly #scene: Scene;
  readonly #book: Book;
  readonly #identities = new Map<string, bigint>();

  constructor(scene: Scene, book: Book) {
    this.#scene = scene;
    this.#book = book;
  }

  state(state: State): string | null {
    for (const [f, frame] of state.frames.entries()) {
      const { regs } = this.#scene.calls[f];
      const counts = this.#book.registers(state, f);
      for (let r = 0; r <= 10; r++) {
        if ((counts & (1 << r)) === 0) continue;
        const why = this.#value(frame.regs[r], regs[r], 8);
        if (why) return `frame ${f} r${r} = 0x${regs[r].toString(16)}: not ${why}`;
      }
      for (let spi = 0; spi < frame.stack.length; spi++) {
        if (!this.#book.slot(state, f, spi)) continue;
        const why = this.#slot(frame.stack[spi], Number(regs[10]) - 8 * spi - 8);
        if (why) return `frame ${f} fp-${8 * spi + 8}: ${why}`;
      }
    }
    return null;
  }

  /** `size` < 8: only the low bytes are there. */
  #value(reg: Reg, value: bigint, size: number): string | null {
    if (reg.kind === 'not_init') return null;
    if (reg.kind !== 'scalar') return outsideRegister(reg, value, this.#scene) ?? this.#linked(reg, value);
    if (this.#book.mode === 'kept' && !reg.precise) return null;
    const why = size === 8 ? outsideScalar(reg.s, value) : outsideLow(reg.s, value, size);
    return why ?? this.#linked(reg, value);
  }

  #linked(reg: Reg, value: bigint): string | null {
    const found = identity(reg, value);
    if (found === null) return null;
    const [name, same] = found;
    const other = this.#identities.get(name);
    if (other === undefined) this.#identities.set(name, same);
    return other === undefined || other === same ? null : `the same as others of id ${reg.id}`;
  }

  /** The slot at [addr, addr + 8). */
  #slot(slot: Slot, addr: number): string | null {
    if (slot.types === 0) return null;
    const { memory } = this.#scene;
    let spilled = 0;
    while (spilled < 8 && byteType(slot, 7 - spilled) === SLOT.spill) spilled++;
    for (let i = 0; i < 8; i++) {
      if (byteType(slot, i) === SLOT.zero && memory.bytes(addr + 7 - i, 1)[0] !== 0) return `byte ${7 - i} is not zero`;
    }
    if (spilled === 0) return null;
    const value = BigInt.asUintN(8 * spilled, memory.u64(addr));
    const why = this.#value(slot.reg, value, spilled);
    return why && `${spilled} bytes spilled = 0x${value.toString(16)}: not ${why}`;
  }
}

/** Why the scene does not lie in the state; null = it does. */
export function outside(state: State, scene: Scene, book: Book): string | null {
  return new Comparison(scene, book).state(state);
}
