// Random small programs around the context of a program type: loads and stores of it, the packet, sockets and keys that it
// points to, ld_abs, and results. As text; about a sixth is accepted. The same Random gives the same program.

import type { Random } from '../conformance/fuzz/random.ts';
import type { CtxKind, CtxRow } from '../src/spec/ctx.ts';

const WIDTH: Readonly<Record<number, string>> = { 1: '8', 2: '16', 4: '32', 8: '64' };
const SIZES = [1, 2, 4, 8];
const REGS = ['r0', 'r2', 'r3', 'r4', 'r5', 'r7', 'r8', 'r9'];
const ARGS = ['r2', 'r3', 'r4', 'r5'];
const COMPARISONS = ['>', '>=', '<', '<=', '==', '!=', 's>'];

function place(reg: string, off: number, size: number, signed = false): string {
  return `*(${signed && size < 8 ? 's' : 'u'}${WIDTH[size]} *)(${reg} ${off < 0 ? '-' : '+'} ${Math.abs(off)})`;
}

/** What fits into an instruction's offset. */
const FAR = 32_000;

function offsetIn(r: Random, from: number, to: number, size: number): number {
  return from + r.below(Math.max(1, Math.floor((Math.min(to, FAR) - from) / size))) * size;
}

class Writer {
  readonly r: Random;
  readonly ctx: CtxRow;
  readonly lines: string[] = ['r6 = r1'];
  #labels = 0;

  constructor(r: Random, ctx: CtxRow) {
    this.r = r;
    this.ctx = ctx;
  }
  put(...lines: string[]): void {
    this.lines.push(...lines);
  }
  reg(): string {
    return this.r.pick(REGS);
  }
  label(): string {
    return `l${this.#labels++}`;
  }
  /** A load of the context that its rows allow, or one beside it. */
  member(): string {
    const { r } = this;
    const [, sizes, from, to] = r.pick(this.ctx.reads);
    const size = Number(r.pick([...sizes]));
    const off = offsetIn(r, from, to, size);
    const beside = r.chance(8) ? r.pick([-1, 1, 2, 4, -4, 8]) : 0;
    return place('r6', off + beside, r.chance(8) ? r.pick(SIZES) : size, r.chance(10));
  }
  pointer(kind: CtxKind): string | null {
    const rule = this.ctx.reads.find(([k]) => k === kind);
    return rule ? place('r6', rule[2], Number(rule[1])) : null;
  }
}

function loadMember(w: Writer): void {
  w.put(`${w.reg()} = ${w.member()}`);
}

function storeMember(w: Writer): void {
  const { r, ctx } = w;
  const [sizes, from, to] = ctx.writes.length > 0 && r.chance(80) ? r.pick(ctx.writes) : ['1248', 0, ctx.size];
  const size = Number(r.pick([...sizes]));
  const off = offsetIn(r, from, to, size);
  w.put(`${place('r6', off, size)} = ${r.chance(50) ? w.reg() : r.below(100)}`);
}

function loadPointer(w: Writer): void {
  const pointers = w.ctx.reads.filter(([kind]) => kind !== 'scalar');
  if (pointers.length === 0) return;
  const [, size, from] = w.r.pick(pointers);
  w.put(`${w.reg()} = ${place('r6', from, Number(size))}`);
}

function moveContext(w: Writer): void {
  const reg = w.reg();
  w.put(`${reg} = r6`, `${reg} += ${w.r.pick([0, 4, 8, -4])}`, `${w.reg()} = ${place(reg, 4, 4)}`);
}

function packetAccess(w: Writer): string {
  const { r } = w;
  const at = place('r2', r.pick([0, 1, 6, 7, 8, 13, -1]), r.pick(SIZES), r.chance(15));
  if (r.chance(65)) return `r5 = ${at}`;
  return r.chance(65) ? `${at.replace('(s', '(u')} = r5` : `lock ${place('r2', 0, r.pick([4, 8]))} += r5`;
}

function packet(w: Writer): void {
  const { r } = w;
  const [data, end, meta] = [w.pointer('pkt'), w.pointer('pkt_end'), w.pointer('pkt_meta')];
  if (data === null || end === null) return;
  const [low, high] = meta !== null && r.chance(25) ? [meta, data] : [data, end];
  w.put(`r2 = ${low}`, `r3 = ${high}`, 'r4 = r2');
  if (r.chance(20)) w.put('r5 &= 7', 'r4 += r5', 'r2 = r4');
  const label = w.label();
  const op = r.pick(COMPARISONS);
  w.put(`r4 += ${r.pick([1, 2, 4, 8, 14, 64])}`);
  w.put(r.chance(65) ? `if r4 ${op} r3 goto ${label}` : `if r3 ${op} r4 goto ${label}`);
  w.put(packetAccess(w), `${label}:`);
  if (r.chance(30)) w.put(packetAccess(w));
}

function nullTest(w: Writer): void {
  const reg = w.reg();
  const label = w.label();
  const at = place(reg, w.r.pick([0, 4, 24, 44, 48, 72, 76]), w.r.pick(SIZES));
  w.put(`if ${reg} ${w.r.pick(['==', '!='])} 0 goto ${label}`, `${w.reg()} = ${at}`, `${label}:`);
}

function anyAccess(w: Writer): void {
  const { r } = w;
  const at = place(w.reg(), r.pick([0, 8, 48, 52, -8]), r.pick(SIZES));
  w.put(r.chance(50) ? `${w.reg()} = ${at}` : `${at} = ${r.pick(['r7', 'r6', '5'])}`);
}

function skbLoad(w: Writer): void {
  w.put(`r0 = ${w.r.pick(['*(u8 *)skb[0]', '*(u16 *)skb[r7 + 2]', '*(u32 *)skb[14]'])}`);
  w.put(...ARGS.map((reg) => `${reg} = 0`));
}

function arithmetic(w: Writer): void {
  const operand = w.r.pick([w.reg(), '1', '3', '64']);
  w.put(`${w.reg()} ${w.r.pick(['+=', '-=', '&=', '|=', '<<=', '='])} ${operand}`);
}

function spill(w: Writer): void {
  w.put(`*(u64 *)(r10 - 8) = ${w.reg()}`, `${w.reg()} = *(u64 *)(r10 - 8)`);
}

function atomic(w: Writer): void {
  w.put(`lock *(u64 *)(${w.r.pick(['r6', w.reg()])} + ${w.r.pick([0, 8])}) += r7`);
}

const STEPS: readonly (readonly [weight: number, step: (w: Writer) => void])[] = [
  [4, loadMember],
  [2, loadPointer],
  [2, storeMember],
  [1, moveContext],
  [4, packet],
  [1, nullTest],
  [1, anyAccess],
  [1, skbLoad],
  [1, arithmetic],
  [1, spill],
  [1, atomic],
];
const STEP_LIST = STEPS.flatMap(([weight, step]) => Array.from({ length: weight }, () => step));

export function ctxProgram(r: Random, ctx: CtxRow): string {
  const w = new Writer(r, ctx);
  for (const reg of REGS) if (r.chance(95)) w.put(`${reg} = ${r.pick([0, 1, 2, 7])}`);
  for (let n = r.between(1, 7); n > 0; n--) r.pick(STEP_LIST)(w);
  const end = r.below(10);
  if (end < 4) w.put(`r0 = ${r.pick([0, 1, 1, 2, 3])}`);
  else if (end < 6) w.put(`r0 &= ${r.pick([1, 1, 3])}`);
  else if (end === 6) w.put('if r0 > 1 goto over', 'exit', 'over:', 'r0 = 1');
  w.put('exit');
  return w.lines.join('\n');
}
