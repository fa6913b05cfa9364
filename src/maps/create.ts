// May this map be created? In: what BPF_MAP_CREATE gets. Out: the errno Linux answers, or null. Memory is not asked
// here: a map that is allowed may still fail with ENOMEM when it is placed.

import { ARENA_PAGE } from '../spec/arena.ts';
import type { StoredMapType } from '../spec/map_types.ts';
import { SPECIAL_FIELDS, type SpecialField } from '../spec/special_fields.ts';
import { BPF_FLAGS } from '../uapi/enums.ts';
import type { ErrnoName } from '../uapi/errno.ts';

/** The parameters of a map (MapSpec and MapDef fit). */
export interface MapParams {
  readonly name: string;
  /** UAPI bpf_map_type. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* of creation. */
  readonly flags: number;
  readonly mapExtra?: bigint;
  readonly specialFields?: readonly SpecialField[];
}

export interface Refusal {
  readonly code: ErrnoName;
  readonly reason: string;
}

function isU32(n: number): boolean {
  return Number.isInteger(n) && n >= 0 && n <= 0xffffffff;
}

function allows(sizes: 'any' | readonly number[], size: number): boolean {
  return sizes === 'any' ? size > 0 : sizes.includes(size);
}

function both(flags: number, a: number, b: number): boolean {
  return (flags & a) !== 0 && (flags & b) !== 0;
}

/** Checks in the kernel's order: every EINVAL before every E2BIG. */
export function checkCreate(params: MapParams, type: StoredMapType): Refusal | null {
  const { keySize, valueSize, maxEntries, flags } = params;
  const rule = type.create;
  const invalid = (reason: string): Refusal => ({ code: 'EINVAL', reason });
  const tooBig = (reason: string): Refusal => ({ code: 'E2BIG', reason });
  if (![keySize, valueSize, maxEntries, flags >>> 0].every(isU32)) return invalid('a size is not a u32');
  const extra = params.mapExtra ?? 0n;
  if (extra !== 0n && rule.mapExtra === undefined) return invalid('map_extra must be 0');
  if ((flags & ~rule.flags) !== 0) return invalid(`map_flags 0x${(flags >>> 0).toString(16)}`);
  if (both(flags, BPF_FLAGS.BPF_F_RDONLY, BPF_FLAGS.BPF_F_WRONLY)) return invalid('both RDONLY and WRONLY');
  if (both(flags, BPF_FLAGS.BPF_F_RDONLY_PROG, BPF_FLAGS.BPF_F_WRONLY_PROG)) {
    return invalid('both RDONLY_PROG and WRONLY_PROG');
  }
  if ((flags & (rule.needs ?? 0)) !== (rule.needs ?? 0)) return invalid(`map_flags 0x${(flags >>> 0).toString(16)}`);
  if (extra % BigInt(ARENA_PAGE) !== 0n) return invalid(`map_extra ${extra} is not the address of a page`);
  if (maxEntries === 0) return invalid('max_entries is 0');
  if (!allows(rule.keySize, keySize)) return invalid(`key_size ${keySize}`);
  if (!allows(rule.valueSize, valueSize)) return invalid(`value_size ${valueSize}`);
  if (valueSize > (rule.maxValueSize ?? Infinity)) return tooBig(`value_size ${valueSize}`);
  if (keySize + valueSize > (rule.maxElemSize ?? Infinity)) return tooBig(`element of ${keySize + valueSize} bytes`);
  if (maxEntries > (rule.maxEntries ?? Infinity)) return tooBig(`max_entries ${maxEntries}`);
  if (extra >> 32n !== (extra + BigInt(maxEntries * ARENA_PAGE) - 1n) >> 32n && rule.mapExtra === 'page') {
    return { code: 'ERANGE', reason: `${maxEntries} pages from map_extra on cross a multiple of 4 GiB` };
  }
  return checkFields(params);
}

/** Kernel map_check_btf: special fields of the value. */
function checkFields({ type, flags, specialFields = [] }: MapParams): Refusal | null {
  if (specialFields.length === 0) return null;
  if ((flags & (BPF_FLAGS.BPF_F_RDONLY_PROG | BPF_FLAGS.BPF_F_WRONLY_PROG)) !== 0) {
    return { code: 'EACCES', reason: `${specialFields[0].type} in a map that programs may not read or write` };
  }
  const unfit = specialFields.find((f) => !SPECIAL_FIELDS[f.type].maps.includes(type as never));
  return unfit === undefined ? null : { code: 'EOPNOTSUPP', reason: `its values can hold no ${unfit.type}` };
}
