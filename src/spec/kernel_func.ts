// Functions and variables of the kernel, as its BTF tells them: what kfunc calls and references to symbols are checked by.
// In: an id or a name; out: plain data. A kernel's own BTF has all of them (loader/kernel_btf.ts); without one there are
// the kfuncs of Linux 6.18 (kernel_funcs.ts, generated), whose ids are then places in that table.

import type { PointedShape, TypeShape } from './func_proto.ts';
import { KERNEL_FUNCS } from './kernel_funcs.ts';

/** A parameter's or a result's type, behind typedefs and qualifiers. */
export interface KernelValue {
  readonly type: TypeShape;
  /** What a pointer points to; null = it is none. */
  readonly pointsTo: PointedShape | null;
  /** Its id, where a BTF has it. */
  readonly pointsToId?: number;
}

export interface KernelParam extends KernelValue {
  /** With the suffixes that say how an argument is checked: `mem__sz`. */
  readonly name: string;
}

export interface KernelFunc {
  readonly name: string;
  readonly returns: KernelValue;
  readonly params: readonly KernelParam[];
}

export type TargetKind = 'func' | 'typedef' | 'struct';

/** What a program may be bound to; `proto`: of the function, or of the pointer to one that the type is. */
export interface KernelTarget {
  readonly kind: TargetKind | 'other';
  readonly name: string;
  readonly proto: KernelFunc | null;
  /** Of a structure; `proto`: of the function that a member points to, null = it is no such pointer. */
  readonly members?: readonly { readonly name: string; readonly proto: KernelFunc | null }[];
}

export interface KernelVariable extends KernelValue {
  readonly name: string;
  /** Every CPU has its own. */
  readonly perCpu: boolean;
}

const NAMES = Object.keys(KERNEL_FUNCS);
const IDS = new Map(NAMES.map((name, i) => [name, i + 1]));
const parsed = new Map<number, KernelFunc>();

/** Ids of the generated table are below this. */
export const COMMON_FUNCS_END = NAMES.length + 1;

/** Of the generated table. */
export function commonFuncId(name: string): number | undefined {
  return IDS.get(name);
}

export function commonFunc(id: number): KernelFunc | undefined {
  const name = NAMES[id - 1];
  if (name === undefined) return undefined;
  let func = parsed.get(id);
  if (func === undefined) parsed.set(id, (func = parseFunc(name, KERNEL_FUNCS[name])));
  return func;
}

/** `result param:type ...`; a type is `kind/name/size`, a pointer `*kind/name/size`; size - = none. */
function parseFunc(name: string, text: string): KernelFunc {
  const [result, ...params] = text.split(' ');
  return {
    name,
    returns: parseValue(result),
    params: params.map((p) => ({ name: p.slice(0, p.indexOf(':')), ...parseValue(p.slice(p.indexOf(':') + 1)) })),
  };
}

function parseValue(text: string): KernelValue {
  if (!text.startsWith('*')) return { type: parseShape(text), pointsTo: null };
  return { type: { kind: 'ptr', name: '', size: 8 }, pointsTo: { ...parseShape(text.slice(1)), typedefs: [] } };
}

function parseShape(text: string): TypeShape {
  const [kind, name, size] = text.split('/');
  return { kind, name, size: size === '-' ? null : Number(size) };
}

/** A prototype as a row of the table. */
export function funcText({ returns, params }: KernelFunc): string {
  return [valueText(returns), ...params.map((p) => `${p.name}:${valueText(p)}`)].join(' ');
}

function valueText({ type, pointsTo }: KernelValue): string {
  return pointsTo === null ? shapeText(type) : `*${shapeText(pointsTo)}`;
}

/** Names of structures only: those of numbers are longer than useful. */
function shapeText({ kind, name, size }: TypeShape): string {
  return `${kind}/${kind === 'int' ? '' : name}/${size ?? '-'}`;
}
