// The functions of a module that are called from outside, around the program's entry function:
//
//   run32(r1, r2) -> i32, run64(r1, r2) -> i64      one run on this CPU's stack
//   batch(addr, n)                                  n runs over records {u32 r1, u32 r2, u64 r0}
//   tail(r1, sp) -> i64                             what a tail call jumps to
//   miss(r1, sp) -> i64                             stub in the table for programs that are not linked yet

import { BATCH_RECORD } from '../src/runtime/engine.ts';
import type { Compilation, Fn } from './compilation.ts';
import { paramsOf } from './function.ts';
import type { Module } from './module.ts';
import type { I32, I64, Stmt, ValType, Value } from './wasm.ts';

/** The stub's name. */
export const MISS = 'miss';

export function addEntries(m: Module): void {
  const { b, c } = m;
  const entry = c.fns[0];
  const [r1, r2] = [0, 1];
  const run = () => callEntry(m, entry, b.get32(r1), () => b.get32(r2), m.global('stack'));
  add(m, 'run32', ['i32', 'i32'], 'i32', [], [b.return(b.i32.wrap(run()))]);
  add(m, 'run64', ['i32', 'i32'], 'i64', [], [b.return(run())]);
  addBatch(m, entry);
  addTail(m, entry);
}

function add(
  m: Module,
  name: string,
  params: readonly ValType[],
  result: ValType | null,
  locals: readonly ValType[],
  body: readonly Stmt[],
): void {
  const full = m.c.prefix + name;
  m.b.addFunction({ name: full, params, result, locals, body });
  m.b.addExport(full, full);
}

function callEntry(m: Module, entry: Fn, r1: I32, r2: () => I32, sp: I32): I64 {
  const { b, c } = m;
  const args = paramsOf(c, entry).map(({ reg, narrow }): Value => {
    if (reg > 2) return narrow ? b.i32.const(0) : b.i64.const(0n);
    const value = reg === 1 ? r1 : r2();
    return narrow ? value : b.i64.extend_u(value);
  });
  return b.call64(entry.name, [...args, sp]);
}

function addBatch(m: Module, entry: Fn): void {
  const { b } = m;
  const [addr, left] = [0, 1];
  const { size, r1, r2, r0 } = BATCH_RECORD;
  const at = () => b.get32(addr);
  const run = callEntry(m, entry, b.i32.load(r1, 4, at()), () => b.i32.load(r2, 4, at()), m.global('stack'));
  const reset = m.tailCalls ? [m.storeWord('tailCalls', b.i32.const(0))] : [];
  const body = b.block('done', [
    b.loop('next', [
      b.brIf('done', b.i32.eqz(b.get32(left))),
      ...reset,
      b.i64.store(r0, 8, at(), run),
      b.set(addr, b.i32.add(at(), b.i32.const(size))),
      b.set(left, b.i32.sub(b.get32(left), b.i32.const(1))),
      b.br('next'),
    ]),
  ]);
  add(m, 'batch', ['i32', 'i32'], null, [], [body]);
}

/** The function that a tail call of the program jumps to: the entry itself where its parameters are (r1, sp). */
export function tailName(c: Compilation): string {
  const [entry] = c.fns;
  const params = paramsOf(c, entry);
  return params.length === 1 && params[0].reg === 1 && params[0].narrow ? entry.name : `${c.prefix}tail`;
}

function addTail(m: Module, entry: Fn): void {
  const { b, c } = m;
  if (tailName(c) === entry.name) {
    b.addExport(`${c.prefix}tail`, entry.name);
    return;
  }
  const call = callEntry(m, entry, b.get32(0), () => b.i32.const(0), b.get32(1));
  add(m, 'tail', ['i32', 'i32'], 'i64', [], [b.return(call)]);
}

/** The one entry that belongs to the module and not to a program. */
export function addMiss(m: Module): void {
  const { b } = m;
  const body = [
    b.call(m.own('link'), [m.loadWord('tailTarget')]),
    b.tailCall(m.loadWord('tailTarget'), b.get32(0), b.get32(1)),
  ];
  b.addFunction({ name: MISS, params: ['i32', 'i32'], result: 'i64', locals: [], body });
  b.addExport(MISS, MISS);
}
