// Programs for pruning: few registers and slots with small values, paths that meet again, and jumps that are decided by
// what an earlier path left behind. Where the verifier prunes too much, a run gets to where no state was kept.

import { Draft, type Label } from '../fuzz/draft.ts';
import type { FuzzProgram } from '../fuzz/program.ts';
import { Random } from '../fuzz/random.ts';
import { cornerBytes } from '../fuzz/world.ts';

const FP = 10;
const BASE = 8;
const SCRATCH = 9;
const VALUES = [2, 3, 4, 6, 7];
const SLOTS = [-8, -16, -24];
const DATA = 64;
const COMPARE = ['jeq', 'jne', 'jgt', 'jge', 'jlt', 'jle', 'jsgt', 'jsge', 'jslt', 'jsle', 'jset'];

export function generatePruned(seed: number, index: number): FuzzProgram {
  const r = new Random(seed, index);
  const d = new Draft();
  d.op('mov64_reg', { dst: BASE, src: 1 });
  for (const dst of VALUES) d.op('mov64_imm', { dst, imm: r.below(3) });
  for (const off of SLOTS) d.op('stdw', { dst: FP, off, imm: r.below(2) });
  const open: { label: Label; left: number }[] = [];
  for (let n = r.between(10, 28); n > 0; n--) {
    for (const o of open) if (o.left-- === 0) d.place(o.label);
    const label = statement(d, r);
    if (label !== null) open.push({ label, left: r.between(1, 3) });
  }
  for (const { label } of open) if (!d.isPlaced(label)) d.place(label);
  d.op('mov64_reg', { dst: 0, src: r.pick(VALUES) });
  d.op('exit');
  return { type: 'raw', verify: true, main: d.finish(), target: null, data: cornerBytes(r) };
}

/** One statement; a label when what follows may be skipped. */
function statement(d: Draft, r: Random): Label | null {
  const dst = r.pick(VALUES);
  const src = r.pick(VALUES);
  const off = r.pick(SLOTS);
  const width = r.pick(['64', '64', '32']);
  const kind = r.weighted({
    number: 12,
    copy: 10,
    sum: 8,
    spill: 12,
    fill: 12,
    input: 8,
    fork: 22,
    decide: 30,
    access: 8,
  });
  switch (kind) {
    case 'number':
      d.op(`mov${width}_imm`, { dst, imm: r.below(4) });
      return null;
    case 'copy':
      d.op(`mov${width}_reg`, { dst, src });
      return null;
    case 'sum':
      if (r.chance(50)) d.op(`add${width}_imm`, { dst, imm: r.between(-2, 3) });
      else d.op(`${r.pick(['add', 'sub', 'and', 'or', 'xor'])}${width}_reg`, { dst, src });
      return null;
    case 'spill':
      if (r.chance(70)) d.op(r.pick(['stxdw', 'stxdw', 'stxw', 'stxb']), { dst: FP, src, off });
      else d.op(r.pick(['stdw', 'stw']), { dst: FP, off, imm: r.below(2) });
      return null;
    case 'fill':
      d.op(r.pick(['ldxdw', 'ldxdw', 'ldxw', 'ldxsw', 'ldxb']), { dst, src: FP, off });
      return null;
    case 'input':
      d.op(r.pick(['ldxb', 'ldxsb', 'ldxw']), { dst, src: BASE, off: r.below(DATA - 4) });
      if (r.chance(60)) d.op('and64_imm', { dst, imm: r.pick([1, 3, 7]) });
      return null;
    case 'fork':
      d.op('ldxb', { dst: SCRATCH, src: BASE, off: r.below(DATA) });
      return jump(d, 'jgt64_imm', { dst: SCRATCH, imm: r.pick([0, 1, 127, 254]) });
    case 'decide': {
      const op = `${r.pick(COMPARE)}${width}`;
      return r.chance(70) ? jump(d, `${op}_imm`, { dst, imm: r.between(-1, 4) }) : jump(d, `${op}_reg`, { dst, src });
    }
    case 'access':
      return access(d, r, src);
    default:
      return kind satisfies never;
  }
}

function jump(d: Draft, op: string, fields: Parameters<Draft['op']>[1]): Label {
  const label = d.label();
  d.to(label, op, fields);
  return label;
}

/** The value becomes an offset into the data or the stack, behind a check. */
function access(d: Draft, r: Random, src: number): Label | null {
  d.op('mov64_reg', { dst: SCRATCH, src });
  const stack = r.chance(40);
  const label = jump(d, 'jgt64_imm', { dst: SCRATCH, imm: stack ? 7 : DATA - 1 });
  d.op('add64_reg', { dst: SCRATCH, src: stack ? FP : BASE });
  const off = stack ? r.pick(SLOTS) - 8 : 0;
  if (r.chance(50)) d.op('stb', { dst: SCRATCH, off, imm: r.below(2) });
  else d.op('ldxb', { dst: r.pick(VALUES), src: SCRATCH, off });
  d.place(label);
  return null;
}
