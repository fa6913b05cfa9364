// THE catalogue: every message the verifier can give, with its class, why and help. A message is the key of its row, with
// {names} where it varies, so that one grep for its words finds the row here and the check that says it. The type Message
// is made of these keys: `denied('...')` with words that have no row does not compile.

import type { MessageRow } from './row.ts';
import { ATTACH_ROWS } from './rows_attach.ts';
import { CALL_ROWS } from './rows_calls.ts';
import { FUNCTION_ROWS } from './rows_functions.ts';
import { KERNEL_ROWS } from './rows_kernel.ts';
import { KFUNC_ROWS } from './rows_kfuncs.ts';
import { LOCK_ROWS } from './rows_locks.ts';
import { MEMORY_ROWS } from './rows_memory.ts';
import { OBJECT_ROWS } from './rows_objects.ts';
import { OWNED_ROWS } from './rows_owned.ts';
import { PERFMON_ROWS } from './rows_perfmon.ts';
import { PROGRAM_ROWS } from './rows_program.ts';
import { VALUE_ROWS } from './rows_values.ts';

export const CATALOGUE = {
  ...MEMORY_ROWS,
  ...VALUE_ROWS,
  ...CALL_ROWS,
  ...LOCK_ROWS,
  ...FUNCTION_ROWS,
  ...KERNEL_ROWS,
  ...OBJECT_ROWS,
  ...KFUNC_ROWS,
  ...OWNED_ROWS,
  ...PERFMON_ROWS,
  ...ATTACH_ROWS,
  ...PROGRAM_ROWS,
} as const;

/** A row's key: 'R{reg} !read_ok'. */
export type Rule = keyof typeof CATALOGUE;

type TextOf<K extends string> = K extends `${infer Head}{${string}}${infer Rest}`
  ? `${Head}${string}${TextOf<Rest>}`
  : K;

/** Text that a row of the catalogue covers. A new message needs a row in src/verifier/diagnose/rows_*.ts first. */
export type Message = TextOf<Rule>;

interface Pattern {
  readonly rule: Rule;
  readonly regexp: RegExp;
  readonly names: readonly string[];
}

/** Most literal text first: 'misaligned packet access ...' before 'misaligned {what}access ...'. */
const PATTERNS: readonly Pattern[] = (Object.keys(CATALOGUE) as Rule[])
  .map((rule) => {
    const [literals, names] = [rule.split(/\{\w+\}/), [...rule.matchAll(/\{(\w+)\}/g)].map((m) => m[1])];
    const source = literals.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(.*)');
    return { rule, regexp: new RegExp(`^${source}$`, 's'), names, length: literals.join('').length };
  })
  .sort((a, b) => b.length - a.length);

export interface Matched {
  readonly rule: Rule;
  readonly row: MessageRow;
  readonly parts: ReadonlyMap<string, string>;
}

/** The row of one line of a message; null = words that no check says. */
export function match(line: string): Matched | null {
  for (const { rule, regexp, names } of PATTERNS) {
    const found = regexp.exec(line);
    if (found === null) continue;
    return { rule, row: CATALOGUE[rule], parts: new Map(names.map((name, i) => [name, found[i + 1]])) };
  }
  return null;
}
