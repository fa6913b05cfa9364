// Map helpers on a map that is known: the lookup of an array is written out (base, stride and bound are constants), that of
// a hash in part (lower_hash.ts), other operations call the map operations' exports directly with the map's constants in
// front (placement.ts OpCall).

import type { MapPlacement, OpCall } from '../src/maps/placement.ts';
import type { HelperName } from '../src/spec/helpers.ts';
import type { FnLowering } from './function.ts';
import { canInline, hashLookup } from './lower_hash.ts';
import type { I32 } from './wasm.ts';

/** Lowers one call on `map`; false: the helper itself has to be called. */
type Lower = (l: FnLowering, map: MapPlacement) => boolean;

export const MAP_HELPERS: Partial<Record<HelperName, Lower>> = {
  bpf_map_lookup_elem: (l, map) => {
    if (map.lookup === null) return false;
    if (map.type.store === 'array') arrayLookup(l, map);
    else l.setLow(0, onThisCpu(l, map, lookup(l, map, map.lookup)));
    return true;
  },

  bpf_map_update_elem: (l, map) => {
    if (map.update === null) return false;
    const { b } = l;
    const high = l.isNarrow(4) ? b.i32.const(0) : b.i32.wrap(b.i64.shr_u(l.whole(4), b.i64.const(32n)));
    const call = callOp(l, map.update, [l.m.global('owner'), l.low(2), l.low(3), l.low(4), high]);
    l.setSigned(0, call);
    return true;
  },

  bpf_map_delete_elem: (l, map) => {
    if (map.delete === null) return false;
    l.setSigned(0, callOp(l, map.delete, [l.m.global('owner'), l.low(2)]));
    return true;
  },
};

function lookup(l: FnLowering, map: MapPlacement, op: OpCall): I32 {
  const call = () => callOp(l, op, [l.low(2)]);
  return canInline(map) ? hashLookup(l, map, op, call) : call();
}

function callOp(l: FnLowering, op: OpCall, args: readonly I32[]): I32 {
  const { b } = l;
  const constants = op.args.map((n) => b.i32.const(n | 0));
  const all = [...constants, ...args];
  return b.call32(l.m.mapOp(op.fn, all.length), all);
}

/** Address of this CPU's copy, given the one of CPU 0 (or 0). */
function onThisCpu(l: FnLowering, map: MapPlacement, found: I32): I32 {
  const { b } = l;
  if (map.cpuStride === 0) return found;
  const value = l.local('value', 'i32');
  const own = b.i32.add(b.get32(value), cpuOffset(l, map));
  return b.choose32(b.tee32(value, found), own, b.i32.const(0));
}

function cpuOffset(l: FnLowering, map: MapPlacement): I32 {
  return l.b.i32.mul(l.m.global('id'), l.b.i32.const(map.cpuStride));
}

function arrayLookup(l: FnLowering, map: MapPlacement): void {
  const { b } = l;
  const { i32 } = b;
  const index = l.local('index', 'i32');
  const key = i32.load(0, 1, l.low(2));
  const inside = i32.lt_u(b.tee32(index, key), i32.const(map.maxEntries | 0));
  const element = i32.add(i32.const(map.values | 0), i32.mul(b.get32(index), i32.const(map.stride)));
  const own = map.cpuStride === 0 ? element : i32.add(element, cpuOffset(l, map));
  l.setLow(0, b.choose32(inside, own, i32.const(0)));
}
