// Loads through pointers into the kernel (kernel check_ptr_to_btf_access, check_ptr_to_map_access, btf_struct_access):
// which fields of a structure may be read, and whether that gives a number or the next pointer. Layouts come from
// env.kernelTypes. A load through such a pointer never faults: Linux makes it 0 (BPF_PROBE_MEM).

import {
  ANONYMOUS,
  type KernelField,
  type KernelStruct,
  type KernelTypes,
  MAP_STRUCTS,
} from '../spec/kernel_struct.ts';
import type { Env } from './env.ts';
import { checkStore } from './kernel_store.ts';
import type { Access } from './mem.ts';
import { checkObjectAccess, isObject } from './object.ts';
import { FLAG, kindText, makeReg, type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { denied, explain, invalid, type Reject, refused } from './reject.ts';
import { tnumText } from './tnum.ts';
import { loadedTrust, type PointerField } from './trust.ts';

/** What lies at an offset: a number, memory nobody knows, or a pointer to a structure. */
type Found = 'scalar' | 'memory' | PointerField;

function beyond(struct: KernelStruct, off: number, size: number): Reject {
  return denied(`access beyond struct ${struct.name} at off ${off} size ${size}`);
}

function isReject(x: Found | Reject): x is Reject {
  return typeof x === 'object' && 'message' in x;
}

function fieldSize(types: KernelTypes, { type }: KernelField): number {
  if (type.kind === 'ptr') return 8;
  return type.kind === 'scalar' ? type.size : (types.struct(type.key)?.size ?? 0);
}

/** Behind the end of a structure whose last field is an array of any length. */
function behind(
  types: KernelTypes,
  struct: KernelStruct,
  off: number,
  size: number,
  untrusted: boolean,
): Found | Reject {
  const last = struct.fields.at(-1);
  if (last?.count !== 0 || off < last.off) return beyond(struct, off, size);
  if (last.type.kind === 'scalar') return 'scalar';
  const element = last.type.kind === 'struct' ? types.struct(last.type.key) : undefined;
  if (element === undefined || element.size === 0) return beyond(struct, off, size);
  return walk(types, element, (off - last.off) % element.size, size, untrusted);
}

/** Kernel btf_struct_walk. A union of several members makes what it points to untrusted. */
function walk(types: KernelTypes, struct: KernelStruct, off: number, size: number, untrusted: boolean): Found | Reject {
  const doubt = untrusted || (struct.union && struct.fields.length !== 1);
  if (off + size > struct.size) return behind(types, struct, off, size, doubt);
  for (const field of struct.fields) {
    if (off + size <= field.off) break;
    if (field.bitEnd > 0) {
      if (off <= field.off && Math.ceil(field.bitEnd / 8) <= off + size) return 'scalar';
      continue;
    }
    if (off < field.off) break;
    const each = fieldSize(types, field);
    const end = field.off + each * (field.count ?? 1);
    if (off >= end) continue;
    const start = field.off + (field.count === null ? 0 : Math.floor((off - field.off) / each) * each);
    return inField(types, struct, field, { off, size, start, each, end }, doubt);
  }
  return invalid(`struct ${struct.name} doesn't have field at offset ${off}`);
}

interface Place {
  readonly off: number;
  readonly size: number;
  /** Of the element. */
  readonly start: number;
  readonly each: number;
  /** Of the field. */
  readonly end: number;
}

function inField(
  types: KernelTypes,
  struct: KernelStruct,
  { name, type }: KernelField,
  at: Place,
  untrusted: boolean,
): Found | Reject {
  if (type.kind === 'struct') return walk(types, types.struct(type.key)!, at.off - at.start, at.size, untrusted);
  if (type.kind === 'scalar') {
    if (at.off + at.size <= at.end || untrusted) return 'scalar';
    const where = `in struct ${struct.name} with off ${at.off} size ${at.size}` as const;
    return denied(`access beyond the end of member ${name} (mend:${at.end}) ${where}`);
  }
  if (at.size !== at.each || at.off !== at.start) {
    const where = `in struct ${struct.name} with off ${at.off} size ${at.size}` as const;
    return denied(`cannot access ptr member ${name} with moff ${at.start} ${where}`);
  }
  return type.to === null ? 'memory' : { name, to: type.to, tag: type.tag, inUnion: untrusted };
}

/** Whether a structure `want` lies at byte `off` of structure `name` (kernel btf_struct_ids_match). */
export function structAt(env: Env, name: string, off: number, want: string): boolean {
  const types = env.kernelTypes;
  let struct = types.struct(name);
  let at = off;
  while (struct !== undefined) {
    const field = struct.fields.find((f) => at >= f.off && at < f.off + fieldSize(types, f) * (f.count ?? 1));
    if (field?.type.kind === 'ptr') {
      // Linux looks for it with a load of one byte, and logs what is wrong with that.
      const moff = field.off + (field.count === null ? 0 : Math.floor((at - field.off) / 8) * 8);
      const where = `moff ${moff} in struct ${struct.name} with off ${at} size 1` as const;
      env.log.line(`cannot access ptr member ${field.name} with ${where}`);
    }
    if (field?.type.kind !== 'struct') return false;
    const inner = types.struct(field.type.key);
    at = (at - field.off) % fieldSize(types, field);
    if (at === 0 && inner?.name === want) return true;
    struct = inner;
  }
  return false;
}

/** A structure of the program's own BTF that is only known by its name. */
const LOCAL_BY_NAME = -1;

/** A load from an object of the program's own, or a store: pointers in it are numbers. */
function objectField(env: Env, a: Access, off: number): Reg | Reject {
  const kept = checkObjectAccess(env, a, off);
  if (kept) return kept;
  const result = access(env, a, off, a.ptr);
  return 'message' in result ? result : UNKNOWN_SCALAR;
}

/** What a load gives. `holder`: the structure, as the pointer to it is trusted. */
function loaded(env: Env, found: Found, holder: Reg): Reg {
  if (found === 'scalar') return UNKNOWN_SCALAR;
  if (found === 'memory') return makeReg({ kind: 'untrusted_mem' });
  const trust = loadedTrust(env, holder, found);
  const size = holder.size === 0 ? 0 : LOCAL_BY_NAME;
  return makeReg({ kind: 'btf_id', btf: found.to, size, ...trust, id: trust.maybeNull ? env.newId() : 0 });
}

function access(env: Env, a: Access, off: number, holder: Reg): Reg | Reject {
  const name = holder.btf;
  const types = holder.size === 0 ? env.kernelTypes : env.prog.input.localTypes?.layouts;
  const struct = types?.struct(holder.size > 0 ? `${ANONYMOUS}${holder.size}` : name);
  if (types === undefined || struct === undefined) {
    const reject = denied(`R${a.regno} invalid mem access '${kindText(a.ptr)}'`);
    return explain(reject, `the layout of struct ${name} is not known: verify with the kernel's BTF`);
  }
  const found = walk(types, struct, off, a.size, false);
  return isReject(found) ? found : loaded(env, found, holder);
}

function hidden(name: string): Reject {
  return refused('EPERM', `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`);
}

/** Fields of the map behind a map pointer. */
export function mapFields(env: Env, a: Access, off: number): Reg | Reject {
  const { type } = env.map(a.ptr.map);
  const name = MAP_STRUCTS[type];
  if (name === undefined) {
    return refused('ENOTSUPP', `map_ptr access not supported for map type ${type}`);
  }
  if (!env.perfmon) return hidden(name);
  if (off < 0) return denied(`R${a.regno} is ${name} invalid negative access: off=${off}`);
  if (a.write) return denied(`only read from ${name} is supported`);
  env.facts.kernelLoad(env.insnIdx, a.ptr.map, off);
  return access(env, a, off, makeReg({ kind: 'btf_id', btf: name }));
}

/** Fields of a structure. */
export function structFields(env: Env, a: Access, off: number): Reg | Reject {
  const { ptr, regno } = a;
  if (!env.perfmon) return hidden(ptr.btf);
  if (!env.gpl && ptr.size === 0)
    return invalid(`Cannot access kernel 'struct ${ptr.btf}' from non-GPL compatible program`);
  if (off < 0) return denied(`R${regno} is ptr_${ptr.btf} invalid negative access: off=${off}`);
  const { var_off } = ptr.s;
  if (var_off.mask !== 0n || var_off.value !== 0n) {
    const where = `off=${off}, var_off=${tnumText(var_off)}` as const;
    return denied(`R${regno} is ptr_${ptr.btf} invalid variable offset: ${where}`);
  }
  if ((ptr.flags & FLAG.user) !== 0) return denied(`R${regno} is ptr_${ptr.btf} access user memory: off=${off}`);
  if ((ptr.flags & FLAG.percpu) !== 0) return denied(`R${regno} is ptr_${ptr.btf} access percpu memory: off=${off}`);
  if (a.write && !isObject(ptr)) return checkStore(env, a, off) ?? UNKNOWN_SCALAR;
  if (isObject(ptr)) return objectField(env, a, off);
  if (!a.unused) env.facts.kernelLoad(env.insnIdx, -1, off);
  return access(env, a, off, ptr);
}

/** Memory of the kernel that nobody vouches for: any load, at any distance. */
export function untrustedMemory(env: Env, a: Access, off: number): Reg | Reject {
  if (a.write) return denied(`R${a.regno} cannot write into ${kindText(a.ptr)}`);
  env.facts.kernelLoad(env.insnIdx, -1, off);
  return UNKNOWN_SCALAR;
}
