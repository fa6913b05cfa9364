// Stores into structures of the kernel (kernel btf_struct_access of each kind of program): few programs may, and only a few
// fields.

import type { KernelField, KernelTypes } from '../spec/kernel_struct.ts';
import type { WritableStruct } from '../spec/struct_ops.ts';
import type { Env } from './env.ts';
import type { Access } from './mem.ts';
import { denied, type Reject } from './reject.ts';

/** Connections, whose mark programs of these types may set (kernel nf_conntrack_btf_struct_access). */
const MARKED: ReadonlySet<string> = new Set(['nf_conn', 'nf_conn___init']);
const MARKERS: ReadonlySet<string> = new Set(['xdp', 'sched_cls', 'sched_act']);
const MARK: WritableStruct = { struct: 'nf_conn', fields: [{ in: 'nf_conn', field: 'mark' }] };

export function checkStore(env: Env, a: Access, off: number): Reject | null {
  const ops = env.prog.target?.ops ?? null;
  const { btf } = a.ptr;
  const writes = ops?.writes;
  if (writes?.struct === btf) return inFields(env.kernelTypes, writes, a, off);
  if (writes?.fields === null) return denied(`only access to ${writes.struct} is supported`);
  return MARKED.has(btf) && MARKERS.has(env.type.name)
    ? inFields(env.kernelTypes, MARK, a, off)
    : denied('only read is supported');
}

/** A field by its name, through structures without one: its first byte in the outermost, and how many there are. */
function fieldOf(types: KernelTypes, struct: string, path: string): { start: number; size: number } | undefined {
  const [name, ...rest] = path.split('.');
  for (const field of types.struct(struct)?.fields ?? []) {
    const inner = field.type.kind === 'struct' ? field.type.key : null;
    if (field.name === name && (rest.length === 0 || inner === null))
      return { start: field.off, size: sizeOf(types, field) };
    if (inner === null || (field.name !== name && field.name !== '')) continue;
    const found = fieldOf(types, inner, field.name === name ? rest.join('.') : path);
    if (found !== undefined) return { start: field.off + found.start, size: found.size };
  }
  return undefined;
}

function sizeOf(types: KernelTypes, { type, count }: KernelField): number {
  const one = type.kind === 'ptr' ? 8 : type.kind === 'scalar' ? type.size : (types.struct(type.key)?.size ?? 0);
  return one * (count ?? 1);
}

function inFields(
  types: KernelTypes,
  { struct, fields }: WritableStruct,
  { size }: Access,
  off: number,
): Reject | null {
  const where = `at off ${off} with size ${size}` as const;
  if (fields === null) {
    return off + size <= (types.struct(struct)?.size ?? 0) ? null : denied(`write access ${where}`);
  }
  for (const { in: holder, field, inside } of fields) {
    const found = fieldOf(types, holder, field);
    if (found === undefined || off < found.start) continue;
    const end = found.start + found.size;
    if (inside ? off >= end : off !== found.start) continue;
    return off + size > end ? denied(`write access ${where} beyond the member of ${struct} ended at ${end}`) : null;
  }
  return denied(`no write support to ${struct} at off ${off}`);
}
