// What a split function needs beside its parts (split.ts): the function that calls them, and how registers go from part to
// part through the CPU block.

import { CPU } from '../src/memory/layout.ts';
import { MAY_GOTO_BUDGET } from '../src/runtime/engine.ts';
import { type Fn, FP, type Part, REGS } from './compilation.ts';
import { DEAD } from './demand.ts';
import { dispatchLocal, type FnLowering, mayGotoLocal } from './function.ts';
import type { Module } from './module.ts';
import { ENTRY_BITS } from './split.ts';
import type { I64, Stmt } from './wasm.ts';

const storeRegister = (m: Module, reg: number, value: I64): Stmt =>
  m.b.i64.store(CPU.registers + 8 * reg, 8, m.global('cpu'), value);

/** Calls parts until one exits. */
export function callParts(l: FnLowering, parts: readonly Fn[]): Stmt[] {
  const { b, m } = l;
  const { i32 } = b;
  const result = l.local('result', 'i64');
  const given = new Map(
    l.params.map((p, local) => [p.reg, p.narrow ? b.i64.extend_u(b.get32(local)) : b.get64(local)]),
  );
  const out: Stmt[] = [m.storeWord('mayGoto', i32.const(MAY_GOTO_BUDGET)), m.storeWord('next', i32.const(0))];
  for (let reg = 0; reg < FP; reg++) out.push(storeRegister(m, reg, given.get(reg) ?? b.i64.const(0n)));
  out.push(storeRegister(m, FP, b.i64.extend_u(l.spParam())));

  const names = parts.map((_, i) => `part${i}`);
  let body: Stmt[] = [b.brTable(names, i32.shr_u(m.loadWord('next'), i32.const(ENTRY_BITS)))];
  parts.forEach((part, i) => {
    body = [b.block(names[i], body), b.set(result, b.call64(part.name, [l.spParam()])), b.br('called')];
  });
  const again = [
    ...m.countDown(l.local('spare', 'i32')),
    b.block('called', body),
    b.brIf('again', i32.ge_s(m.loadWord('next'), i32.const(0))),
  ];
  return [...out, b.loop('again', again), b.return(b.get64(result))];
}

/** What the blocks of a part do that have no instructions. */
export function lowerPartBlock(l: FnLowering, part: Part, block: number): void {
  const place = part.leaves.get(block);
  if (block === 0) enter(l);
  else if (block === part.save) leave(l);
  else if (place !== undefined) l.push(l.b.set(l.local('place', 'i32'), l.b.i32.const(place)));
}

function enter(l: FnLowering): void {
  const { b, m, widths } = l;
  const mask = b.i32.const((1 << ENTRY_BITS) - 1);
  l.push(b.set(dispatchLocal(l), b.i32.and(m.loadWord('next'), mask)), m.storeWord('next', b.i32.const(-1)));
  l.push(b.set(mayGotoLocal(l), m.loadWord('mayGoto')));
  for (let reg = 0; reg < REGS; reg++) {
    if (widths.needs[reg] === DEAD) continue;
    const from = CPU.registers + 8 * reg;
    l.refresh(
      reg,
      () => b.i32.load(from, 4, m.global('cpu')),
      () => b.i64.load(from, 8, m.global('cpu')),
    );
  }
}

function leave(l: FnLowering): void {
  const { b, m } = l;
  for (let reg = 0; reg < REGS; reg++) l.push(storeRegister(m, reg, l.whole(reg)));
  l.push(m.storeWord('mayGoto', b.get32(mayGotoLocal(l))), m.storeWord('next', b.get32(l.local('place', 'i32'))));
  l.push(b.return(b.i64.const(0n)));
}
