// One statement of assembler text -> instruction slots. The forms are rows: a pattern in a mini notation and the
// function that builds the slots. Both dialects are rows of the same table: the kernel's log (`r1 = 0x5`,
// `goto pc+3`, `r0 = atomic64_cmpxchg(...)`) and clang's (`r1 = 5 ll`, `goto L`, `r0 = cmpxchg_64(...)`).
// Opcode numbers come from the opcode table by row name; nothing here knows a byte.

import {
  ALU_OF,
  baseReg,
  bitsOf,
  branch,
  fail,
  imm32,
  insn,
  JMP_OF,
  lddw,
  lddwNumber,
  NoInstruction,
  off16,
  one,
  pattern,
  reg,
  type Statement,
  StatementError,
  SUFFIX,
  sameReg,
  sameWidth,
  space16,
  valueReg,
  width,
} from './asm_parts.ts';
import { LDDW_CODE } from './insn.ts';

export interface FormContext {
  /** Number of a helper by name. */
  helper(name: string): number | undefined;
  /** Opcode byte the line claims with its `(b7) ` prefix or its raw bytes. */
  readonly code: number | undefined;
  /** Slots up to the next numbered line. Where `r1 = 0x5` may be mov or lddw, `code` decides, then this. */
  readonly slots: number | undefined;
}

type Groups = Record<string, string>;
type Build = (g: Groups, ctx: FormContext) => Statement;

const aluReg: Build = ({ d, alu = '=', s }) => {
  // clang's `r1 = w0` is a 32-bit mov, which zero-extends
  if (alu === '=' && d[0] === 'r' && s[0] === 'w') return one('mov32_reg', { dst: reg(d), src: reg(s) });
  sameWidth(d, s);
  return one(`${ALU_OF.get(alu)}${width(d)}_reg`, { dst: reg(d), src: reg(s) });
};

const aluImm: Build = ({ d, alu = '=', imm }) =>
  one(`${ALU_OF.get(alu)}${width(d)}_imm`, { dst: reg(d), imm: imm32(imm, width(d) === 32) });

/** The kernel prints mov in decimal and lddw in hex; llvm-objdump prints both in hex, but numbers its lines. */
const movImm: Build = (g, ctx) => {
  const isHex = g.d[0] === 'r' && /^0x/.test(g.imm);
  const isLddw = ctx.code !== undefined ? ctx.code === LDDW_CODE : isHex && ctx.slots !== 1;
  return isLddw ? lddwNumber(g.d, g.imm) : aluImm(g, ctx);
};

/** `value = op(address, value)`: xchg and the fetching atomics. `bits` undefined: the size is in the pointer. */
const fetching =
  (name: (g: Groups) => string, bits?: string): Build =>
  (g) => {
    const size = bits ?? bitsOf(g.size);
    // clang writes atomic_fetch_add for 64 bits, too; the kernel atomic64_fetch_add
    if (g.wide === '64' && size !== '64') fail(`atomic64 does not go with u${size}`);
    sameReg(g.d, g.s2);
    return one(`${name(g)}${size}`, { dst: baseReg(g.s), src: valueReg(g.s2, size), off: off16(g.off) });
  };

const cmpxchg =
  (bits?: string): Build =>
  (g, ctx) => {
    if (reg(g.d) !== 0 || reg(g.s3) !== 0) fail('expected r0 as the result and as the old value of cmpxchg');
    return fetching(() => 'atomic_cmpxchg', bits)({ ...g, d: g.s2 }, ctx);
  };

const call: Build = ({ name, imm }, ctx) => {
  const helper = ctx.helper(name);
  if (imm === undefined) {
    return helper === undefined
      ? { insns: [insn('call_local', {})], jump: { field: 'imm', label: name } }
      : one('call_helper', { imm: helper });
  }
  const id = imm32(imm, false);
  if (helper !== undefined && helper !== id) fail(`${name} is helper ${helper}, not ${id}`);
  return one(helper !== undefined || name === 'unknown' ? 'call_helper' : 'call_kfunc', { imm: id });
};

const mapRef =
  (kind: 'fd' | 'value'): Build =>
  ({ d, name, off = '' }) => {
    const at = off === '' ? 0 : imm32(off, true);
    const row = kind === 'fd' ? 'lddw_map_fd' : 'lddw_map_value';
    return lddw(row, d, 0, at, { name, kind, off: at >>> 0 });
  };

const FORMS = (
  [
    ['exit', () => one('exit', {})],
    ['goto~{target}', (g) => branch('ja', 'off', g.target, {})],
    ['gotol~{target}', (g) => branch('gotol', 'imm', g.target, {})],
    ['may_goto~{target}', (g) => branch('may_goto', 'off', g.target, {})],
    [
      'if~{d} {cond} {s}~goto~{target}',
      (g) => {
        sameWidth(g.d, g.s);
        const name = `${JMP_OF.get(g.cond)}${width(g.d)}_reg`;
        return branch(name, 'off', g.target, { dst: reg(g.d), src: reg(g.s) });
      },
    ],
    [
      'if~{d} {cond} {imm}~goto~{target}',
      (g) => {
        const name = `${JMP_OF.get(g.cond)}${width(g.d)}_imm`;
        return branch(name, 'off', g.target, { dst: reg(g.d), imm: imm32(g.imm, true) });
      },
    ],

    ['callx~{d}', (g) => one('callx', { dst: baseReg(g.d) })],
    ['call~pc {imm}', (g) => one('call_local', { imm: imm32(g.imm, false) })],
    ['call~{imm}', (g) => one('call_helper', { imm: imm32(g.imm, false) })],
    ['call~{name}', call],
    ['call~{name} # {imm}', call],

    ['{d} {alu} {s}', aluReg],
    ['{d} {alu} {imm}', aluImm],
    ['{d} = {s}', aluReg],
    ['{d} = {imm}', movImm],
    [
      '{d} = - {s}',
      (g) => {
        sameReg(g.d, g.s);
        return one(`neg${width(g.d)}`, { dst: reg(g.d) });
      },
    ],
    [
      '{d} = ( s{bits} ) {s}',
      (g) => {
        sameWidth(g.d, g.s);
        const { off } = insn(`movsx${width(g.d)}_${g.bits}`, {});
        return one(`movsx${width(g.d)}_${g.bits}`, { dst: reg(g.d), src: reg(g.s), off });
      },
    ],
    [
      '{d} = addr_space_cast ( {s} , {hi} , {lo} )',
      (g) => {
        const imm = (space16(g.hi) << 16) | space16(g.lo);
        return one('addr_space_cast', { dst: baseReg(g.d), src: baseReg(g.s), imm });
      },
    ],
    [
      '{d} = {order}{bits}~{s}',
      (g) => {
        sameReg(g.d, g.s);
        return one(`${g.order}${g.bits}`, { dst: baseReg(g.d) });
      },
    ],

    ['{d} = {imm}~ll', (g) => lddwNumber(g.d, g.imm)],
    ['{d} = map~{name}', mapRef('fd')],
    ['{d} = map~{name}~ll', mapRef('fd')],
    ['{d} = {name}~ll', mapRef('fd')],
    ['{d} = value~{name} {off}', mapRef('value')],
    ['{d} = value~{name} {off}~ll', mapRef('value')],
    ['{d} = map [ fd : {imm} ]', (g) => lddw('lddw_map_fd', g.d, imm32(g.imm, false), 0)],
    ['{d} = map [ id : {imm} ]', (g) => lddw('lddw_map_fd', g.d, imm32(g.imm, false), 0)],
    ['{d} = map [ idx : {imm} ]', (g) => lddw('lddw_map_idx', g.d, imm32(g.imm, false), 0)],
    ['{d} = map [ fd : {lo} ] [ 0 ] {hi}', (g) => lddw('lddw_map_value', g.d, imm32(g.lo, false), imm32(g.hi, true))],
    ['{d} = map [ id : {lo} ] [ 0 ] {hi}', (g) => lddw('lddw_map_value', g.d, imm32(g.lo, false), imm32(g.hi, true))],
    [
      '{d} = map [ idx : {lo} ] [ 0 ] {hi}',
      (g) => lddw('lddw_map_idx_value', g.d, imm32(g.lo, false), imm32(g.hi, true)),
    ],
    ['{d} = map [ idx : {lo} ] {hi}', (g) => lddw('lddw_map_idx_value', g.d, imm32(g.lo, false), imm32(g.hi, true))],
    ['{d} = btf [ fd : {hi} ] [ id : {lo} ]', (g) => lddw('lddw_btf_id', g.d, imm32(g.lo, false), imm32(g.hi, false))],
    ['{d} = subprog [ {imm} ]', (g) => lddw('lddw_func', g.d, imm32(g.imm, false), 0)],
    ['{d} = func~{name}', (g) => ({ ...lddw('lddw_func', g.d, 0, 0), jump: { field: 'imm', label: g.name } })],

    [
      '{d} = * {mem}',
      (g) => {
        if (g.d[0] === 'w' && g.size[0] === 's') fail(`expected r${g.d.slice(1)}: a sign-extending load fills 64 bits`);
        const bits = g.size.slice(1);
        const name = `ldx${g.size[0] === 's' ? 's' : ''}${SUFFIX[bits]}`;
        return one(name, { dst: valueReg(g.d, bits), src: baseReg(g.s), off: off16(g.off) });
      },
    ],
    [
      '* {mem} = {s2}',
      (g) => {
        const bits = bitsOf(g.size);
        return one(`stx${SUFFIX[bits]}`, { dst: baseReg(g.s), src: valueReg(g.s2, bits), off: off16(g.off) });
      },
    ],
    [
      '* {mem} = {imm}',
      (g) => {
        const bits = bitsOf(g.size);
        return one(`st${SUFFIX[bits]}`, { dst: baseReg(g.s), off: off16(g.off), imm: imm32(g.imm, bits !== '64') });
      },
    ],
    ['r0 = * ( {size} * ) skb [ {imm} ]', (g) => one(`ldabs${SUFFIX[bitsOf(g.size)]}`, { imm: imm32(g.imm, true) })],
    [
      'r0 = * ( {size} * ) skb [ {s} {off} ]',
      (g) => one(`ldind${SUFFIX[bitsOf(g.size)]}`, { src: baseReg(g.s), imm: g.off === '' ? 0 : imm32(g.off, false) }),
    ],
    [
      'r0 = * ( {size} * ) skb [ {s} + {imm} ]',
      (g) => one(`ldind${SUFFIX[bitsOf(g.size)]}`, { src: baseReg(g.s), imm: imm32(g.imm, false) }),
    ],

    [
      'lock~* {mem} {alu} {s2}',
      (g) => {
        const bits = bitsOf(g.size);
        const fields = { dst: baseReg(g.s), src: valueReg(g.s2, bits), off: off16(g.off) };
        return one(`atomic_${ALU_OF.get(g.alu)}${bits}`, fields);
      },
    ],
    ['{d} = atomic{wide}_fetch_{fetch} ( {mem} , {s2} )', fetching((g) => `atomic_fetch_${g.fetch}`)],
    ['{d} = atomic{wide}_xchg ( {mem} , {s2} )', fetching(() => 'atomic_xchg')],
    ['{d} = atomic{wide}_cmpxchg ( {mem} , {s3} , {s2} )', cmpxchg()],
    ['{d} = xchg_64 ( {ptr} , {s2} )', fetching(() => 'atomic_xchg', '64')],
    ['{d} = xchg32_32 ( {ptr} , {s2} )', fetching(() => 'atomic_xchg', '32')],
    ['{d} = cmpxchg_64 ( {ptr} , {s3} , {s2} )', cmpxchg('64')],
    ['{d} = cmpxchg32_32 ( {ptr} , {s3} , {s2} )', cmpxchg('32')],
    [
      '{d} = load_acquire ( {mem} )',
      (g) => {
        const bits = bitsOf(g.size);
        return one(`load_acq${bits}`, { dst: valueReg(g.d, bits), src: baseReg(g.s), off: off16(g.off) });
      },
    ],
    [
      'store_release ( {mem} , {s2} )',
      (g) => {
        const bits = bitsOf(g.size);
        return one(`store_rel${bits}`, { dst: baseReg(g.s), src: valueReg(g.s2, bits), off: off16(g.off) });
      },
    ],
  ] satisfies readonly (readonly [string, Build])[] as readonly (readonly [string, Build])[]
).map(([notation, build]) => [pattern(notation), build] as const);

/** What a line that starts like this should have been; the first match answers. */
const EXPECTED: readonly (readonly [RegExp, string])[] = [
  [/^if\b/, '`if rN <== != > >= < <= & s> s>= s< s<=> rM|number goto TARGET`'],
  [/^(goto|gotol|may_goto)\b/, 'a label or `pc+N` after goto'],
  [/^callx?\b/, '`call helper_name`, `call number`, `call label`, `call pc+N` or `callx rN`'],
  [/^lock\b/, '`lock *(u32|u64 *)(rN +off) += |= &= ^= rM`'],
  [/^\*/, 'a store `*(u8|u16|u32|u64 *)(rN +off) = rM|number`'],
  [/^store_release\b/, '`store_release((u8|u16|u32|u64 *)(rN +off), rM)`'],
  [/^[rw]\d+\s*=\s*\*/, 'a load `rN = *(u32 *)(rM +off)` or `r0 = *(u8 *)skb[...]`'],
  [/^[rw]\d+\s*=\s*\(s/, '`rN = (s8|s16|s32)rM` or `wN = (s8|s16)wM`'],
  [/^[rw]\d+\s*=\s*addr_space/, '`rN = addr_space_cast(rM, TO, FROM)`'],
  [/^[rw]\d+\s*=\s*(le|be|bswap)/, '`rN = le|be|bswap` with 16, 32 or 64 and `rN`'],
  [/^[rw]\d+\s*=/, 'a register, a number, a load or an atomic after `=`'],
  [/^[rw]\d+/, 'an operator after the register: = += -= *= /= %= s/= s%= |= &= ^= <<= >>= s>>='],
];

const expectedFor = (text: string) => EXPECTED.find(([start]) => start.test(text))?.[1] ?? 'an instruction';

/** Parses one statement without label, prefix and comment. Throws StatementError. */
export function parseStatement(text: string, ctx: FormContext): Statement {
  for (const [form, build] of FORMS) {
    const m = form.exec(text);
    if (m === null) continue;
    try {
      return build({ ...m.groups }, ctx);
    } catch (e) {
      throw e instanceof NoInstruction ? new StatementError(`${e.message}: expected ${expectedFor(text)}`) : e;
    }
  }
  return fail(`expected ${expectedFor(text)}, not "${text.length > 60 ? `${text.slice(0, 60)}...` : text}"`);
}
