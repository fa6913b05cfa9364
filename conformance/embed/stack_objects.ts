// Objects on the stack, for contains.ts and touch.ts: does a real dynptr or iterator lie in an abstract one, and which memory
// do pointers lead to that calls gave for them?

import type { MapPlacement } from '../../src/maps/placement.ts';
import type { Addr } from '../../src/memory/layout.ts';
import type { Memory } from '../../src/memory/memory.ts';
import { DYNPTR, DYNPTR_KIND, DYNPTR_KIND_SHIFT, DYNPTR_MAX_SIZE } from '../../src/spec/dynptr.ts';
import { ITER_NUM, MAX_LOOPS } from '../../src/spec/iter_num.ts';
import type { Reg } from '../../src/verifier/reg.ts';
import { allBytes, SLOT, type Slot, type State } from '../../src/verifier/state.ts';
import type { Scene } from './scene.ts';

/** First value, distance to the next and number of the values a map may give out; null = not told by the placement. */
export function elements(map: MapPlacement): { first: number; stride: number; count: number } | null {
  if (map.type.store === 'array') return { first: map.values, stride: map.stride, count: map.maxEntries };
  if (map.type.store !== 'hash' || map.lookup === null) return null;
  const [, , elems, limit] = map.lookup.args;
  const key = 8 + Math.ceil(map.keySize / 8) * 8;
  const stride = key + Math.ceil(map.valueSize / 8) * 8;
  return { first: elems + key, stride, count: limit / stride };
}

/** Whether [from, from + size) lies in one value of the map; true where nobody can tell, and of no bytes. */
export function insideValue(map: MapPlacement, from: Addr, size: number): boolean {
  const all = elements(map);
  if (all === null || size === 0) return true;
  const at = from - all.first;
  return at >= 0 && at < all.count * all.stride && (at % all.stride) + size <= map.valueSize;
}

const OBJECT_TYPES: ReadonlySet<number> = new Set([allBytes(SLOT.dynptr), allBytes(SLOT.iter)]);

/** Why the object that begins with the slot at `addr` is not such a one; null = it is, or the slot begins none. */
export function outsideObject({ types, reg: { object } }: Slot, addr: Addr, scene: Scene): string | null {
  if (!OBJECT_TYPES.has(types) || object === null) return null;
  if (object.kind === 'dynptr' && object.first) return outsideDynptr(object.type, addr, scene);
  if (object.kind === 'iter' && object.type === 'num') return outsideNumbers(object.active, addr, scene.memory);
  return null;
}

/** It has no memory (all bytes are 0), or what its type says: bytes of one value of some map, the context's packet. */
function outsideDynptr(type: string, addr: Addr, { memory, maps, entry }: Scene): string | null {
  const data = memory.u64(addr + DYNPTR.data);
  const sizeWord = memory.u32(addr + DYNPTR.size);
  const offset = memory.u32(addr + DYNPTR.offset);
  if (data === 0n) return sizeWord === 0 && offset === 0 ? null : 'a dynptr without memory has a size';
  const kind = (sizeWord >>> DYNPTR_KIND_SHIFT) & 7;
  if (data >> 32n !== 0n) return 'the memory of a dynptr has no address';
  if (type === 'xdp' || type === 'skb') {
    if (kind !== DYNPTR_KIND[type]) return `no dynptr of ${type}`;
    return Number(data) === entry ? null : 'a dynptr on the packet of another context';
  }
  if (type !== 'local') return null;
  if (kind !== DYNPTR_KIND.local) return 'no dynptr on plain memory';
  const size = sizeWord & DYNPTR_MAX_SIZE;
  return maps.some((map) => insideValue(map, Number(data) + offset, size))
    ? null
    : 'the memory of the dynptr is in no value of a map';
}

/** Drained: all zeroes. Else it has at most MAX_LOOPS numbers left, or could not be made. */
function outsideNumbers(active: boolean, addr: Addr, memory: Memory): string | null {
  const cur = memory.u32(addr + ITER_NUM.cur);
  const end = memory.u32(addr + ITER_NUM.end);
  if (cur === 0 && end === 0) return null;
  if (!active) return 'a drained iterator has numbers';
  return (end - cur - 1) >>> 0 <= MAX_LOOPS ? null : `an iterator from ${cur | 0} to ${end | 0}`;
}

/** A pointer that a call gave for an object on the stack, if it is one. */
type Source = { readonly kind: 'iterator'; readonly at: Addr } | { readonly kind: 'packet' | 'value' };

/** What a pointer to memory came from; null: from no object on the stack. */
function sourceOf({ refObjId, object, dynptr }: Reg, scene: Scene, { frames }: State): Source | null {
  if (object?.kind === 'dynptr') return { kind: object.type === 'local' ? 'value' : 'packet' };
  if (dynptr !== 0) return { kind: 'value' };
  if (refObjId === 0) return null;
  for (let f = 0; f < frames.length; f++) {
    const spi = frames[f].stack.findIndex((slot) => slot.reg.object?.kind === 'iter' && slot.reg.refObjId === refObjId);
    if (spi >= 0) return { kind: 'iterator', at: scene.calls[f].words[2 * 10] - 8 * spi - 8 };
  }
  return null;
}

/** Whether pointers to memory of the source may reach [from, from + size). */
function holds(source: Source, from: Addr, size: number, scene: Scene): boolean {
  switch (source.kind) {
    case 'iterator':
      return from >= source.at && from + size <= source.at + ITER_NUM.end;
    case 'packet': {
      const packet = scene.packet();
      return packet !== null && from >= packet.data && from + size <= packet.end;
    }
    case 'value':
      return scene.maps.some((map) => insideValue(map, from, size));
    default:
      return source satisfies never;
  }
}

/**
 * Why `value` is no such pointer into memory of an object; null = it is, or it moved so that this can't be told. undefined:
 * of no object.
 */
export function outsideMemoryOf(reg: Reg, value: bigint, scene: Scene, state: State): string | null | undefined {
  const source = sourceOf(reg, scene, state);
  if (source === null) return undefined;
  if (reg.s.umin !== reg.s.umax) return null;
  const base = Number(BigInt.asIntN(64, value - BigInt(reg.off) - reg.s.umin));
  if (source.kind === 'iterator' && base !== source.at) return 'the number of its iterator';
  return holds(source, base, reg.size, scene) ? null : `${reg.size} bytes of its ${source.kind}`;
}

/** Whether an access through such a pointer stays inside; undefined: it is of no object. */
export function insideMemoryOf(reg: Reg, at: Addr, size: number, scene: Scene, state: State): boolean | undefined {
  const source = sourceOf(reg, scene, state);
  return source === null ? undefined : holds(source, at, size, scene);
}
