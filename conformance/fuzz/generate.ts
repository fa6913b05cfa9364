// (seed, index) -> a random program that Linux's verifier accepts (nearly always; where `verify` is false, one that only
// beewasm runs). Everything a program computed goes into r0, and most of it into memory, so that a difference shows.

import type { Size } from '../../src/isa/op.ts';
import { packetBase } from './call_groups.ts';
import { Draft } from './draft.ts';
import { group } from './groups.ts';
import type { Code, FuzzProgram, FuzzType } from './program.ts';
import { Random } from './random.ts';
import {
  type Argument,
  BASE,
  type Callee,
  COUNTER,
  FP,
  globalValue,
  loadSlot,
  NUMBERS,
  PACKET,
  type Region,
  type Scope,
  SKB_CB,
  STACK,
  STACK_SPAN,
  VALUE,
} from './scope.ts';
import { cornerBytes } from './world.ts';

const KINDS = { raw: 34, xdp: 34, socket_filter: 22, unverified: 10 } as const;

export function generate(seed: number, index: number): FuzzProgram {
  const r = new Random(seed, index);
  const kind = r.weighted(KINDS);
  const type: FuzzType = kind === 'unverified' ? r.pick(['raw', 'raw', 'xdp']) : kind;
  const verify = kind !== 'unverified';
  const tailCalls = type !== 'raw' && r.chance(25);
  const size = r.between(4, 18);
  const main = generateCode(r, type, verify, tailCalls, size);
  const target = tailCalls ? generateCode(r, type, verify, tailCalls, r.between(3, 10)) : null;
  return { type, verify, main, target, data: dataOf(r, type) };
}

function dataOf(r: Random, type: FuzzType): Uint8Array {
  const data = cornerBytes(r);
  // A protocol without a header that test runs would check.
  if (type === 'socket_filter') data.set([0x88, 0xb5], 12);
  return data;
}

function generateCode(r: Random, type: FuzzType, verify: boolean, tailCalls: boolean, size: number): Code {
  const d = new Draft();
  const callees = Array.from({ length: r.pick([0, 0, 0, 1, 1, 2]) }, (): Callee => {
    return { label: d.label(), argument: r.pick(argumentsOf(type)) };
  });
  const common = { d, r, type, verify, tailCalls };
  const main = scopeOf(
    common,
    true,
    mainBase(type),
    type === 'raw' ? null : type === 'xdp' ? 'spilled' : 'base',
    callees,
  );
  mainPrologue(main);
  body(main, size);
  callees.forEach(({ label, argument }, i) => {
    // Callees are called from main and from those before them. What nobody calls would be unreachable.
    const context = argument === 'context' ? 'base' : null;
    const s = scopeOf(common, false, argumentBase(argument, type), context, callees.slice(i + 1));
    d.place(label);
    calleePrologue(s, argument);
    body(s, r.between(1, 5));
  });
  return d.finish();
}

const argumentsOf = (type: FuzzType): readonly Argument[] =>
  type === 'raw' ? ['stack', 'value', 'number', 'number'] : ['stack', 'value', 'number', 'context'];

const mainBase = (type: FuzzType): Region => (type === 'socket_filter' ? SKB_CB : PACKET);

function argumentBase(argument: Argument, type: FuzzType): Region | null {
  if (argument === 'stack') return STACK_SPAN;
  if (argument === 'context') return type === 'socket_filter' ? SKB_CB : null;
  return VALUE;
}

const SIZES: readonly Size[] = [1, 2, 4, 8, 8, 8];

function scopeOf(
  common: Pick<Scope, 'd' | 'r' | 'type' | 'verify' | 'tailCalls'>,
  isMain: boolean,
  base: Region | null,
  context: Scope['context'],
  callees: readonly Callee[],
): Scope {
  const { r } = common;
  const slots = r.chance(50) ? Array.from({ length: 8 }, () => r.pick(SIZES)) : null;
  return { ...common, isMain, base, context, callees, slots, starts: [], count: 0, inLoop: false };
}

function mainPrologue(s: Scope): void {
  const { d, type } = s;
  if (type === 'xdp') {
    d.op('stxdw', { dst: FP, src: 1, off: STACK.context });
    packetBase(s);
  } else {
    d.op('mov64_reg', { dst: BASE, src: 1 });
  }
  d.op('mov64_imm', { dst: COUNTER, imm: 0 });
  globalValue(s, 1);
  for (const dst of [7, 8, 0, 2, 3, 4, 5, 1]) initialise(s, dst);
  initialiseStack(s);
  // Every callee is called at least once.
  for (const callee of s.callees) callOnce(s, callee);
}

/** A number nobody can foretell, or a constant; r1 = the global value. */
function initialise(s: Scope, dst: number): void {
  const { d, r } = s;
  const known = r.below(10);
  const fromBase = s.type !== 'socket_filter' && r.chance(50);
  const src = fromBase ? BASE : 1;
  if (known < 1) d.lddw(dst, r.corner64());
  else if (known < 2) d.op('mov64_imm', { dst, imm: r.corner32() });
  else if (known < 4) d.op('ldxw', { dst, src, off: r.between(0, 60) });
  else if (known < 5) d.op('ldxsw', { dst, src, off: 4 * r.below(16) });
  else d.op('ldxdw', { dst, src, off: 8 * r.below(8) });
}

function initialiseStack(s: Scope): void {
  const { d, r, slots } = s;
  for (let n = 0; n < 8; n++) {
    const size = slots?.[n] ?? 8;
    const suffix = ({ 1: 'b', 2: 'h', 4: 'w', 8: 'dw' } as const)[size];
    d.op(`${r.chance(70) ? 'stx' : 'st'}${suffix}`, {
      dst: FP,
      src: r.pick(NUMBERS),
      off: STACK.data + 8 * n,
      imm: r.corner32(),
    });
  }
}

/** A call behind a condition that the verifier can't foretell. */
function callOnce(s: Scope, { label, argument }: Callee): void {
  const { d, r } = s;
  if (argument === 'stack') {
    // Whose slots are locals keeps its frame to itself.
    if (s.slots !== null) globalValue(s, 1);
    else {
      d.op('mov64_reg', { dst: 1, src: FP });
      d.op('add64_imm', { dst: 1, imm: STACK.data });
    }
  } else if (argument === 'value') {
    globalValue(s, 1);
  } else if (argument === 'context') {
    if (s.context === 'spilled') d.op('ldxdw', { dst: 1, src: FP, off: STACK.context });
    else d.op('mov64_reg', { dst: 1, src: BASE });
  }
  d.to(label, 'call_local');
  for (const dst of [1, 2, 3, 4, 5]) d.op('mov64_reg', { dst, src: r.pick([0, 7, 8]) });
}

function calleePrologue(s: Scope, argument: Argument): void {
  const { d, r } = s;
  const numbers = argument === 'number' ? [1, 2, 3, 4, 5] : [2, 3, 4, 5];
  for (const dst of [0, 7, 8]) d.op('mov64_reg', { dst, src: r.pick(numbers) });
  if (argument === 'number') {
    globalValue(s, BASE);
  } else {
    d.op('mov64_reg', { dst: BASE, src: 1 });
    d.op('mov64_reg', { dst: 1, src: r.pick(numbers) });
  }
  d.op('mov64_imm', { dst: COUNTER, imm: 0 });
  initialiseStack(s);
}

function body(s: Scope, groups: number): void {
  for (let n = 0; n < groups; n++) group(s);
  const { d } = s;
  for (const label of s.starts) if (!d.isPlaced(label)) d.place(label);
  if (s.isMain) epilogue(s);
  else d.op(s.r.pick(['add64_reg', 'xor64_reg', 'sub32_reg']), { dst: 0, src: s.r.pick([7, 8, 2]) });
  d.op('exit');
}

/** Folds registers and stack into r0 (with 32 or 64 bits, so that some high halves matter and some do not). */
function epilogue(s: Scope): void {
  const { d, r } = s;
  const wide = r.chance(70);
  const mix = (src: number) => {
    d.op(wide ? 'mul64_imm' : 'mul32_imm', { dst: 0, imm: 0x01000193 });
    d.op(r.pick(wide ? ['xor64_reg', 'add64_reg'] : ['xor32_reg', 'add32_reg']), { dst: 0, src });
  };
  for (const reg of [...NUMBERS, COUNTER]) if (reg !== 0 && r.chance(85)) mix(reg);
  for (let n = 0; n < 8; n++) {
    if (r.chance(15)) continue;
    loadSlot(s, 1, n);
    mix(1);
  }
  if (s.type !== 'socket_filter' && r.chance(50)) d.op('stxdw', { dst: BASE, src: 0, off: 0 });
  else if (r.chance(70)) {
    globalValue(s, 1);
    d.op('stxdw', { dst: 1, src: 0, off: 0 });
  }
  d.op('mov64_reg', { dst: 1, src: 0 });
  d.op('rsh64_imm', { dst: 1, imm: 32 });
  d.op('xor64_reg', { dst: 0, src: 1 });
}
