// A C struct of unsigned integers as rows, and its two directions: named values -> little-endian bytes -> named values.
// u64 members are bigint, members with a `count` are arrays.

import { BpfError } from '../uapi/errors.ts';

export interface Member {
  readonly name: string;
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  readonly count?: number;
}

export interface StructLayout {
  readonly name: string;
  readonly size: number;
  readonly members: readonly Member[];
}

export type StructValue = number | bigint | readonly (number | bigint)[];
export type StructValues = Readonly<Record<string, StructValue>>;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Members that are not named are 0. Throws EINVAL for a name the struct does not have or a value of the wrong shape. */
export function encodeStruct(layout: StructLayout, values: StructValues): Uint8Array {
  const bytes = new Uint8Array(layout.size);
  const view = viewOf(bytes);
  for (const [name, value] of Object.entries(values)) {
    const member = layout.members.find((m) => m.name === name);
    if (member === undefined) throw new BpfError('EINVAL', `struct ${layout.name} has no member '${name}'`);
    const items = Array.isArray(value) ? (value as readonly (number | bigint)[]) : [value as number | bigint];
    if (items.length > (member.count ?? 1)) throw new BpfError('EINVAL', `${layout.name}.${name} has too many values`);
    items.forEach((item, i) => {
      put(view, member.offset + i * member.size, member, item, `${layout.name}.${name}`);
    });
  }
  return bytes;
}

function put(view: DataView, at: number, member: Member, value: number | bigint, what: string): void {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    throw new BpfError('EINVAL', `${what} is not an integer: ${String(value)}`);
  }
  if (member.size === 8) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  else setSmall(view, at, member.size, Number(value));
}

function setSmall(view: DataView, at: number, size: 1 | 2 | 4, value: number): void {
  if (size === 4) view.setUint32(at, value, true);
  else if (size === 2) view.setUint16(at, value, true);
  else view.setUint8(at, value);
}

/** Every member of the struct by name. */
export function decodeStruct(layout: StructLayout, bytes: Uint8Array): Record<string, StructValue> {
  const view = viewOf(bytes);
  const values: Record<string, StructValue> = {};
  for (const m of layout.members) {
    if (m.count === undefined) values[m.name] = get(view, m.offset, m);
    else values[m.name] = Array.from({ length: m.count }, (_, i) => get(view, m.offset + i * m.size, m));
  }
  return values;
}

function get(view: DataView, at: number, member: Member): number | bigint {
  switch (member.size) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true);
    case 4:
      return view.getUint32(at, true);
    case 8:
      return view.getBigUint64(at, true);
    default:
      return member.size satisfies never;
  }
}
