// The opcode table, its text in both directions and the pure ALU. The text is checked against lines of a live 6.18
// kernel's verifier log; values against formulations that share nothing with alu.ts (typed arrays and DataView).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AluOp,
  alu32,
  alu64,
  asm,
  decode,
  disasm,
  disasmInsn,
  disasmText,
  encode,
  endian,
  type Insn,
  immTo64,
  type JmpOp,
  jmp32,
  jmp64,
  LOG_STYLE,
  movsx32,
  movsx64,
  neg32,
  neg64,
  OP_BY_NAME,
  OPCODES,
  type Op,
  opOf,
} from '../src/isa/index.ts';

const REGS = [0, 1, 9, 10];
const OFFS = [0, 1, -1, 8, -8, 32767, -32768];
const IMMS = [0, 1, -1, 10, 255, 4096, 2147483647, -2147483648];

const zero: Insn = { code: 0, dst: 0, src: 0, off: 0, imm: 0 };

/** Which fields an instruction of this row may fill freely; the others are selectors or reserved zeros. */
function freeFields(op: Op): { dst?: true; src?: true; off?: true; imm?: true; hi?: true } {
  switch (op.kind) {
    case 'alu':
      return op.operand === 'reg' ? { dst: true, src: true } : { dst: true, imm: true };
    case 'movsx':
      return { dst: true, src: true };
    case 'cast':
      return { dst: true, src: true, imm: true };
    case 'neg':
    case 'end':
      return { dst: true };
    case 'jmp':
      return op.operand === 'reg' ? { dst: true, src: true, off: true } : { dst: true, imm: true, off: true };
    case 'ja':
      return op.wide ? { imm: true } : { off: true };
    case 'may_goto':
      return { off: true };
    case 'call':
      return op.callee === 'callx' ? { dst: true } : { imm: true };
    case 'exit':
      return {};
    case 'lddw':
      return op.pseudo === 'imm' || op.pseudo === 'map_value' || op.pseudo === 'map_idx_value' || op.pseudo === 'btf_id'
        ? { dst: true, imm: true, hi: true }
        : { dst: true, imm: true };
    case 'ld_abs':
      return { imm: true };
    case 'ld_ind':
      return { src: true, imm: true };
    case 'st':
      return { dst: true, off: true, imm: true };
    case 'ldx':
    case 'stx':
    case 'atomic':
    case 'load_acq':
    case 'store_rel':
      return { dst: true, src: true, off: true };
    default:
      return op satisfies never;
  }
}

interface Values {
  dst: number;
  src: number;
  off: number;
  imm: number;
  hi: number;
}

function instance(op: Op, v: Values): Insn[] {
  const free = freeFields(op);
  const first: Insn = {
    code: op.code,
    dst: free.dst ? v.dst : 0,
    src: op.src ?? (free.src ? v.src : 0),
    off: op.off ?? (free.off ? v.off : 0),
    imm: op.imm ?? (free.imm ? v.imm : 0),
  };
  return op.kind === 'lddw' ? [first, { ...zero, imm: free.hi ? v.hi : 0 }] : [first];
}

function corners(op: Op): Insn[][] {
  const out: Insn[][] = [];
  const free = freeFields(op);
  const some = <T>(use: true | undefined, values: T[], none: T) => (use ? values : [none]);
  for (const dst of some(free.dst, REGS, 0)) {
    for (const src of some(free.src, REGS, 0)) {
      for (const off of some(free.off, OFFS, 0)) {
        for (const imm of some(free.imm, IMMS, 0)) {
          for (const hi of some(free.hi, [0, 8, -1, 2147483647], 0)) out.push(instance(op, { dst, src, off, imm, hi }));
        }
      }
    }
  }
  return out;
}

describe('opcode table', () => {
  it('has dense ids and unique names', () => {
    expect(OPCODES.map((op) => op.id)).toEqual(OPCODES.map((_, i) => i));
    expect(OP_BY_NAME.size).toBe(OPCODES.length);
  });

  it('selects each row from its own instructions', () => {
    for (const op of OPCODES) {
      for (const [insn] of corners(op)) expect(opOf(insn)?.name).toBe(op.name);
    }
  });

  it('knows the opcode bytes of RFC 9669 appendix A', () => {
    const insn = (code: number, f: Partial<Insn> = {}) => opOf({ ...zero, code, ...f })?.name;
    expect(insn(0x04)).toBe('add32_imm');
    expect(insn(0x0f)).toBe('add64_reg');
    expect(insn(0x3f, { off: 1 })).toBe('sdiv64_reg');
    expect(insn(0x94, { off: 1 })).toBe('smod32_imm');
    expect(insn(0xbf, { off: 32 })).toBe('movsx64_32');
    expect(insn(0xd7, { imm: 64 })).toBe('bswap64');
    expect(insn(0xdc, { imm: 16 })).toBe('be16');
    expect(insn(0x06)).toBe('gotol');
    expect(insn(0x8d)).toBe('callx');
    expect(insn(0x85, { src: 2 })).toBe('call_kfunc');
    expect(insn(0x18, { src: 6 })).toBe('lddw_map_idx_value');
    expect(insn(0x30)).toBe('ldabsb');
    expect(insn(0x81)).toBe('ldxsw');
    expect(insn(0xdb, { imm: 0xf1 })).toBe('atomic_cmpxchg64');
    expect(insn(0xc3, { imm: 0xe1 })).toBe('atomic_xchg32');
    expect(insn(0xd3, { imm: 0x100 })).toBe('load_acq8');
    expect(insn(0xe5)).toBe('may_goto');
    expect(insn(0xd6)).toBe('jsle32_imm');
  });

  it('has no row for what does not exist', () => {
    const none: Partial<Insn>[] = [
      { code: 0x00 },
      { code: 0x3f, off: 2 },
      { code: 0xbc, off: 32 }, // movsx 32 -> 32
      { code: 0xbf, off: -1 },
      { code: 0xd4, imm: 8 },
      { code: 0xdf, imm: 16 },
      { code: 0x18, src: 7 },
      { code: 0x85, src: 3 },
      { code: 0xd3, imm: 0 }, // atomic add on one byte
      { code: 0xdb, imm: 0xe0 }, // xchg without fetch
      { code: 0xdb, imm: -1 },
      { code: 0x99 }, // 8-byte sign-extending load
      { code: 0x38 }, // 8-byte ld_abs
      { code: 0x8c }, // neg with a register
    ];
    for (const f of none) expect(opOf({ ...zero, ...f }), JSON.stringify(f)).toBeUndefined();
  });
});

describe('disassembler', () => {
  // [bytes, line] from BPF_PROG_LOAD with log_level 2 on Linux 6.18.
  const KERNEL_LOG: readonly (readonly [string, string])[] = [
    ['b707000000100000', '(b7) r7 = 4096'],
    ['b407000000000080', '(b4) w7 = -2147483648'],
    ['bf78000000000000', '(bf) r8 = r7'],
    ['bc87080000000000', '(bc) w7 = (s8)w8'],
    ['bf87200000000000', '(bf) r7 = (s32)r8'],
    ['37070100ffffffff', '(37) r7 s/= -1'],
    ['9f87010000000000', '(9f) r7 s%= r8'],
    ['c707000005000000', '(c7) r7 s>>= 5'],
    ['8707000000000000', '(87) r7 = -r7'],
    ['8407000000000000', '(84) w7 = -w7'],
    ['dc07000010000000', '(dc) r7 = be16 r7'],
    ['d407000040000000', '(d4) r7 = le64 r7'],
    ['d707000020000000', '(d7) r7 = bswap32 r7'],
    ['55070300ffffffff', '(55) if r7 != 0xffffffff goto pc+3'],
    ['c607feff00000080', '(c6) if w7 s< 0x80000000 goto pc-2'],
    ['4d87000000000000', '(4d) if r7 & r8 goto pc+0'],
    ['05000000', '(05) goto pc+0'],
    ['06000000feffffff', '(06) gotol pc-2'],
    ['e500030000000000', '(e5) may_goto pc+3'],
    ['8500000001000000', '(85) call bpf_map_lookup_elem#1'],
    ['8500000000000000', '(85) call bpf_unspec#0'],
    ['85000000d4000000', '(85) call unknown#212'],
    ['85000000ffffffff', '(85) call unknown#-1'],
    ['8510000001000000', '(85) call pc+1'],
    ['9500000000000000', '(95) exit'],
    ['18070000ffffffff00000000ffffffff', '(18) r7 = 0xffffffffffffffff'],
    ['18070000000000000000000001000000', '(18) r7 = 0x100000000'],
    ['3000000017000000', '(30) r0 = *(u8 *)skb[23]'],
    ['48700000ffffffff', '(48) r0 = *(u16 *)skb[r7 + -1]'],
    ['61a70000', '(61) r7 = *(u32 *)(r10 +0)'],
    ['99', 'BUG_99'],
    ['81a7f8ff', '(81) r7 = *(s32 *)(r10 -8)'],
    ['720a000005000000', '(72) *(u8 *)(r10 +0) = 5'],
    ['7b7af8ff', '(7b) *(u64 *)(r10 -8) = r7'],
    ['c37afcff', '(c3) lock *(u32 *)(r10 -4) += r7'],
    ['db7af8ff01000000', '(db) r7 = atomic64_fetch_add((u64 *)(r10 -8), r7)'],
    ['c37af8ffa1000000', '(c3) r7 = atomic_fetch_xor((u32 *)(r10 -8), r7)'],
    ['db7af8fff1000000', '(db) r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r7)'],
    ['c37af8ffe1000000', '(c3) r7 = atomic_xchg((u32 *)(r10 -8), r7)'],
    ['dba7f8ff00010000', '(db) r7 = load_acquire((u64 *)(r10 -8))'],
    ['d37af8ff10010000', '(d3) store_release((u8 *)(r10 -8), r7)'],
    // what Linux prints before it refuses
    ['bf87050000000000', '(bf) r7 = r8'],
    ['bf87010000000000', '(bf) r7 = addr_space_cast(r8, 0, 0)'],
    ['bc87200000000000', '(bc) w7 = (s32)w8'],
    ['3707050003000000', '(37) r7 /= 3'],
    ['d407000011000000', '(d4) r7 = le17 r7'],
    ['d37afcff', '(d3) lock *(u8 *)(r10 -4) += r7'],
    ['cb7afcff', '(cb) lock *(u16 *)(r10 -4) += r7'],
    ['c37afcff02000000', 'BUG_c3'],
    ['8550000007000000', '(85) call unknown#7'],
    ['e510010000000000', '(e5) if r0 (null) 0x0 goto pc+1'],
  ];
  const insnsOf = (hex: string) => {
    const size = hex.startsWith('18') ? 32 : 16;
    return decode(new Uint8Array(Buffer.from(hex.padEnd(size, '0'), 'hex')));
  };

  it.each(KERNEL_LOG)('%s is %s', (hex, line) => {
    expect(disasmInsn(insnsOf(hex), 0, LOG_STYLE)).toBe(line);
  });

  it('prints a listing with slot numbers, an lddw on one line', () => {
    const { insns } = asm('r1 = 5 ll\nr0 = 1\nexit');
    expect(disasm(insns)).toBe('0: (18) r1 = 0x5\n2: (b7) r0 = 1\n3: (95) exit\n');
    expect(disasm(encode(insns), { numbers: false, codes: false })).toBe('r1 = 0x5\nr0 = 1\nexit\n');
  });

  it('lets the caller name maps and kfuncs', () => {
    const insns = [...instance(OP_BY_NAME.get('lddw_map_fd')!, { dst: 1, src: 0, off: 0, imm: 5, hi: 0 })];
    expect(disasmInsn(insns, 0)).toBe('(18) r1 = map[fd:5]');
    expect(disasmInsn(insns, 0, { lddw: (pseudo, value) => `${pseudo}:${value}` })).toBe('(18) r1 = map_fd:5');
    const kfunc = [{ ...zero, code: 0x85, src: 2, imm: 65470 }];
    expect(disasmInsn(kfunc, 0)).toBe('(85) call kfunc#65470');
    expect(disasmInsn(kfunc, 0, { callee: () => 'bpf_rcu_read_lock' })).toBe('(85) call bpf_rcu_read_lock#65470');
  });

  it('prints a line for any bytes, half an lddw included', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes) => {
        expect(disasm(bytes)).toMatch(/^0: (\([0-9a-f]{2}\) \S.*|BUG_[0-9a-f]{2})\n$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('text round trips', () => {
  const hex = (insns: readonly Insn[]) => Buffer.from(encode(insns)).toString('hex');

  it('asm(disasm(bytes)) = bytes for every row and corner value, with and without the opcode prefix', () => {
    for (const op of OPCODES) {
      for (const insns of corners(op)) {
        expect(hex(asm(disasmInsn(insns, 0)).insns), op.name).toBe(hex(insns));
        expect(hex(asm(disasmText(insns, 0)).insns), op.name).toBe(hex(insns));
      }
    }
  });

  it('disasm(asm(text)) = text for every row', () => {
    for (const op of OPCODES) {
      for (const insns of corners(op).slice(0, 40)) {
        const text = disasm(insns);
        expect(disasm(asm(text).insns)).toBe(text);
      }
    }
  });

  const anyInsn = fc
    .record({
      op: fc.constantFrom(...OPCODES),
      dst: fc.integer({ min: 0, max: 10 }),
      src: fc.integer({ min: 0, max: 10 }),
      off: fc.integer({ min: -32768, max: 32767 }),
      imm: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      hi: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    })
    .map(({ op, ...v }) => instance(op, v));

  it('holds for random programs, as a listing and as bare text', () => {
    fc.assert(
      fc.property(fc.array(anyInsn, { maxLength: 12 }), (parts) => {
        const insns = parts.flat();
        expect(hex(asm(disasm(insns)).insns)).toBe(hex(insns));
        expect(hex(asm(disasm(insns, { numbers: false, codes: false })).insns)).toBe(hex(insns));
      }),
      { numRuns: 500 },
    );
  });

  it('decode and encode are inverse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 64 }), (bytes) => {
        const whole = bytes.slice(0, bytes.length & ~7);
        expect(encode(decode(whole))).toEqual(whole);
      }),
    );
    expect(() => decode(new Uint8Array(9))).toThrow('length 9 is not a multiple of 8');
  });
});

describe('alu', () => {
  const big = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.constantFrom(0n, 1n, 63n, 64n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  );
  const word = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom(0, 1, 31, 32, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1),
  );

  // typed arrays do the wrapping here, arithmetic does the shifts
  const u = (v: bigint) => new BigUint64Array([v])[0];
  const s = (v: bigint) => new BigInt64Array([v])[0];
  const u32 = (v: bigint) => Number(new BigUint64Array([v])[0] % 2n ** 32n);
  const s32 = (v: number) => BigInt(new Int32Array([v])[0]);
  const floorDiv = (a: bigint, b: bigint) => (a - (((a % b) + b) % b)) / b;
  const quotient = (a: bigint, b: bigint) => {
    const q = (a < 0n ? -a : a) / (b < 0n ? -b : b);
    return a < 0n === b < 0n ? q : -q;
  };
  const bits = (a: bigint, b: bigint, f: (x: boolean, y: boolean) => boolean) => {
    let out = 0n;
    for (let i = 0; i < 64; i++) {
      if (f((a / 2n ** BigInt(i)) % 2n === 1n, (b / 2n ** BigInt(i)) % 2n === 1n)) out += 2n ** BigInt(i);
    }
    return out;
  };

  /** Results as exact integers before wrapping; `sd`, `ss` are the signed views, `n` the shift count. */
  const MODEL: Record<AluOp, (d: bigint, v: bigint, sd: bigint, ss: bigint, n: bigint) => bigint> = {
    add: (d, v) => d + v,
    sub: (d, v) => d - v,
    mul: (d, v) => d * v,
    div: (d, v) => (v ? quotient(d, v) : 0n),
    sdiv: (_d, v, sd, ss) => (v ? quotient(sd, ss) : 0n),
    or: (d, v) => bits(d, v, (x, y) => x || y),
    and: (d, v) => bits(d, v, (x, y) => x && y),
    xor: (d, v) => bits(d, v, (x, y) => x !== y),
    lsh: (d, _v, _sd, _ss, n) => d * 2n ** n,
    rsh: (d, _v, _sd, _ss, n) => d / 2n ** n,
    arsh: (_d, _v, sd, _ss, n) => floorDiv(sd, 2n ** n),
    mod: (d, v) => (v ? d - quotient(d, v) * v : d),
    smod: (d, v, sd, ss) => (v ? sd - quotient(sd, ss) * ss : d),
    mov: (_d, v) => v,
  };
  const ALU_OPS = Object.keys(MODEL) as AluOp[];

  it.each(ALU_OPS)('alu64 %s', (op) => {
    fc.assert(
      fc.property(big, big, (d, v) => {
        expect(alu64(op, d, v)).toBe(u(MODEL[op](d, v, s(d), s(v), v % 64n)));
      }),
      { numRuns: 300 },
    );
  });

  it.each(ALU_OPS)('alu32 %s', (op) => {
    fc.assert(
      fc.property(word, word, (d, v) => {
        expect(alu32(op, d, v)).toBe(u32(MODEL[op](BigInt(d), BigInt(v), s32(d), s32(v), BigInt(v % 32))));
      }),
      { numRuns: 300 },
    );
  });

  it('gives RFC 9669 results where C has none', () => {
    const min64 = 2n ** 63n;
    const min32 = 2 ** 31;
    expect(alu64('div', 7n, 0n)).toBe(0n);
    expect(alu64('mod', 7n, 0n)).toBe(7n);
    expect(alu64('sdiv', min64, 2n ** 64n - 1n)).toBe(min64);
    expect(alu64('smod', min64, 2n ** 64n - 1n)).toBe(0n);
    expect(alu64('smod', u(-13n), 3n)).toBe(u(-1n));
    expect(alu64('lsh', 1n, 64n)).toBe(1n);
    expect(alu32('sdiv', min32, 2 ** 32 - 1)).toBe(min32);
    expect(alu32('smod', min32, 2 ** 32 - 1)).toBe(0);
    expect(alu32('div', 7, 0)).toBe(0);
    expect(alu32('smod', 2 ** 32 - 7, 0)).toBe(2 ** 32 - 7);
    expect(alu32('rsh', min32, 33)).toBe(2 ** 30);
  });

  it('compares as unsigned, signed or by common bits', () => {
    const model: Record<JmpOp, (a: bigint, b: bigint, sa: bigint, sb: bigint) => boolean> = {
      jeq: (a, b) => a - b === 0n,
      jne: (a, b) => a - b !== 0n,
      jgt: (a, b) => a - b > 0n,
      jge: (a, b) => a - b >= 0n,
      jlt: (a, b) => a - b < 0n,
      jle: (a, b) => a - b <= 0n,
      jset: (a, b) => bits(a, b, (x, y) => x && y) > 0n,
      jsgt: (_a, _b, sa, sb) => sa - sb > 0n,
      jsge: (_a, _b, sa, sb) => sa - sb >= 0n,
      jslt: (_a, _b, sa, sb) => sa - sb < 0n,
      jsle: (_a, _b, sa, sb) => sa - sb <= 0n,
    };
    for (const op of Object.keys(model) as JmpOp[]) {
      const check64 = (a: bigint, b: bigint) => {
        expect(jmp64(op, a, b), op).toBe(model[op](a, b, s(a), s(b)));
      };
      const check32 = (a: number, b: number) => {
        expect(jmp32(op, a, b), op).toBe(model[op](BigInt(a), BigInt(b), s32(a), s32(b)));
      };
      fc.assert(fc.property(big, big, check64), { numRuns: 200 });
      fc.assert(fc.property(word, word, check32), { numRuns: 200 });
      fc.assert(
        fc.property(big, (a) => check64(a, a)),
        { numRuns: 20 },
      );
      fc.assert(
        fc.property(word, (a) => check32(a, a)),
        { numRuns: 20 },
      );
    }
  });

  it('negates, sign-extends and swaps', () => {
    const view = new DataView(new ArrayBuffer(8));
    fc.assert(
      fc.property(big, word, (v, w) => {
        expect(neg64(v)).toBe(u(2n ** 64n - v));
        expect(neg32(w)).toBe((2 ** 32 - w) % 2 ** 32);
        view.setBigUint64(0, v, true);
        expect(movsx64(8, v)).toBe(u(BigInt(view.getInt8(0))));
        expect(movsx64(16, v)).toBe(u(BigInt(view.getInt16(0, true))));
        expect(movsx64(32, v)).toBe(u(BigInt(view.getInt32(0, true))));
        for (const order of ['be', 'swap'] as const) {
          expect(endian(order, 16, v)).toBe(BigInt(view.getUint16(0, false)));
          expect(endian(order, 32, v)).toBe(BigInt(view.getUint32(0, false)));
          expect(endian(order, 64, v)).toBe(view.getBigUint64(0, false));
        }
        expect(endian('le', 16, v)).toBe(BigInt(view.getUint16(0, true)));
        expect(endian('le', 32, v)).toBe(BigInt(view.getUint32(0, true)));
        expect(endian('le', 64, v)).toBe(v);
        view.setUint32(0, w, true);
        expect(movsx32(8, w)).toBe(view.getInt8(0) >>> 0);
        expect(movsx32(16, w)).toBe(view.getInt16(0, true) >>> 0);
        expect(immTo64(w | 0)).toBe(u(s32(w)));
      }),
      { numRuns: 500 },
    );
  });
});
