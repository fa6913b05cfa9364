// The assembler: labels, clang's dialect, map references, prefixes of logs, and an error line for every mistake.
import { describe, expect, it } from 'vitest';
import { asm, disasm, encode } from '../src/isa/index.ts';
import { FormatError } from '../src/uapi/errors.ts';

const bare = (text: string) => disasm(asm(text).insns, { numbers: false, codes: false }).trimEnd().split('\n');
const same = (clang: string, kernel: string) => expect(bare(clang), clang).toEqual([kernel]);

describe('labels', () => {
  it('jumps forward and back, over an lddw, to the end', () => {
    const { insns, labels, lines } = asm(`
      r1 = 3
    loop:
      r1 += -1
      r2 = 0x100000000 ll
      if r1 != 0 goto loop
      goto end
      r0 = 1
    end: exit
    last:`);
    expect(disasm(insns, { codes: false })).toBe(
      [
        '0: r1 = 3',
        '1: r1 += -1',
        '2: r2 = 0x100000000',
        '4: if r1 != 0x0 goto pc-4',
        '5: goto pc+1',
        '6: r0 = 1',
        '7: exit',
        '',
      ].join('\n'),
    );
    expect([...labels]).toEqual([
      ['loop', 1],
      ['end', 7],
      ['last', 8],
    ]);
    expect(lines).toEqual([2, 4, 5, 5, 6, 7, 8, 9]);
  });

  it('reaches functions by call and by address', () => {
    expect(bare('call f\nr1 = func f\nexit\nf: exit')).toEqual(['call pc+3', 'r1 = subprog[+2]', 'exit', 'exit']);
  });

  it('fills imm of gotol and off of may_goto', () => {
    expect(bare('a: gotol a\nmay_goto a\nw1 = 0\nif w1 s> -5 goto a')).toEqual([
      'gotol pc-1',
      'may_goto pc-2',
      'w1 = 0',
      'if w1 s> 0xfffffffb goto pc-4',
    ]);
  });

  it('takes several labels for one place, and the names of clang and of kernel selftests', () => {
    const { labels } = asm('a: b: .LBB0_1: l0_%=: exit');
    expect([...labels.keys()]).toEqual(['a', 'b', '.LBB0_1', 'l0_%=']);
  });
});

describe("clang's dialect", () => {
  it.each([
    ['r1 = 5 ll', 'r1 = 0x5'],
    ['r1 = -1 ll', 'r1 = 0xffffffffffffffff'],
    ['w1 = 0x5', 'w1 = 5'],
    ['r1 = -0x5', 'r1 = -5'],
    ['w1 += 0xffffffff', 'w1 += -1'],
    ['r1 = *(u32*)(r2 - 4)', 'r1 = *(u32 *)(r2 -4)'],
    ['w1 = *(u16 *)(r2 + 0x10)', 'r1 = *(u16 *)(r2 +16)'],
    ['r1 = *(u64 *)(r2)', 'r1 = *(u64 *)(r2 +0)'],
    ['*(u32 *)(r10 - 4) = w1', '*(u32 *)(r10 -4) = r1'],
    ['*(u32 *)(r10 - 4) = 0xffffffff', '*(u32 *)(r10 -4) = -1'],
    ['lock *(u64 *)(r1 + 0) += r2', 'lock *(u64 *)(r1 +0) += r2'],
    ['lock *(u32 *)(r1 + 0) ^= w2', 'lock *(u32 *)(r1 +0) ^= r2'],
    ['w1 = atomic_fetch_or((u32 *)(r10 - 4), w1)', 'r1 = atomic_fetch_or((u32 *)(r10 -4), r1)'],
    ['r1 = atomic_fetch_or((u64 *)(r2 + 0), r1)', 'r1 = atomic64_fetch_or((u64 *)(r2 +0), r1)'],
    ['r1 = xchg_64(r10 - 8, r1)', 'r1 = atomic64_xchg((u64 *)(r10 -8), r1)'],
    ['w1 = xchg32_32(r10 - 8, w1)', 'r1 = atomic_xchg((u32 *)(r10 -8), r1)'],
    ['r0 = cmpxchg_64(r10 - 8, r0, r1)', 'r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r1)'],
    ['w0 = cmpxchg32_32(r10 - 8, w0, w1)', 'r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r1)'],
    ['w0 = load_acquire((u8 *)(r1 + 0))', 'r0 = load_acquire((u8 *)(r1 +0))'],
    ['store_release((u32 *)(r1 + 4), w2)', 'store_release((u32 *)(r1 +4), r2)'],
    ['r0 = *(u8 *)skb[0x17]', 'r0 = *(u8 *)skb[23]'],
    ['r0 = *(u16 *)skb[r1]', 'r0 = *(u16 *)skb[r1 + 0]'],
    ['if r1 == 0x0 goto +0x2 <LBB0_2>', 'if r1 == 0x0 goto pc+2'],
    ['goto -3', 'goto pc-3'],
    ['call 1', 'call bpf_map_lookup_elem#1'],
    ['call bpf_map_lookup_elem', 'call bpf_map_lookup_elem#1'],
    ['callx r3', 'callx r3'],
    ['r1 s>>= r2', 'r1 s>>= r2'],
    ['r1=r2', 'r1 = r2'],
    ['r1 = w0', 'w1 = w0'],
  ])('%s', same);

  it('reads listings of llvm-objdump, where a mov is hexadecimal, too', () => {
    const raw = [
      '       0:\tb7 01 00 00 03 00 00 00\tr1 = 0x3',
      '       1:\t18 02 00 00 ef cd ab 89 00 00 00 00 67 45 23 01\tr2 = 0x123456789abcdef ll',
      '       3:\t05 00 01 00 00 00 00 00\tgoto +0x1 <LBB0_2>',
      '       4:\tb7 00 00 00 04 00 00 00\tr0 = 0x4',
      '',
      '0000000000000028 <LBB0_2>:',
      '       5:\t95 00 00 00 00 00 00 00\texit',
    ].filter((l) => !l.startsWith('0000'));
    const lines = ['r1 = 3', 'r2 = 0x123456789abcdef', 'goto pc+1', 'r0 = 4', 'exit'];
    expect(bare(raw.join('\n'))).toEqual(lines);
    const noRaw = raw.filter((l) => l !== '').map((l) => l.replace(/\t[0-9a-f ]+\t/, '\t'));
    expect(bare(noRaw.join('\n'))).toEqual(lines);
  });

  it('drops comments but not the # of a call', () => {
    const text =
      '; all\n# of\n// this\nr0 = 1 ; R0=1\nr0 = 2 # two\nr0 = /* three */ 3 // 3\ncall bpf_ktime_get_ns#5\n';
    expect(bare(text)).toEqual(['r0 = 1', 'r0 = 2', 'r0 = 3', 'call bpf_ktime_get_ns#5']);
  });
});

describe('log text', () => {
  it('reads instruction lines of a verifier log, from any number on', () => {
    const log = [
      '7: (bf) r6 = r1                       ; R1=ctx() R6=ctx()',
      '8: (18) r1 = 0x5',
      '10: (b7) r2 = 0x7',
      '11: (85) call bpf_rcu_read_lock#65470',
      '12: (85) call unknown#999',
    ].join('\n');
    expect(Buffer.from(encode(asm(log).insns)).toString('hex')).toBe(
      `bf16000000000000${'18010000050000000000000000000000'}b7020000070000008520000${'0'}beff000085000000e7030000`,
    );
  });

  it.each<[unknown]>([[null], [undefined], [3], [['exit']]])('refuses what is no text: %j', (text) => {
    expect(() => asm(text as string)).toThrow(new FormatError('asm', 'the program is not a string'));
  });

  it('refuses a prefix that contradicts the line', () => {
    expect(() => asm('0: (b7) r0 = 0\n2: (95) exit')).toThrow('asm: line 2: expected instruction number 1, not 2');
    expect(() => asm('(bf) r0 = 1')).toThrow('line 1: expected (b7) before "r0 = 1", not (bf)');
    expect(() => asm('3: (95)')).toThrow('line 1: expected an instruction after "3: (95)"');
  });
});

describe('maps', () => {
  it('are left to the caller as relocations', () => {
    const { insns, relocs } = asm(
      'r1 = map flows\nr2 = value .rodata + 8\nr3 = map flows ll\nr4 = flows ll\nr5 = value x',
    );
    expect(relocs).toEqual([
      { insn: 0, map: 'flows', kind: 'fd', off: 0 },
      { insn: 2, map: '.rodata', kind: 'value', off: 8 },
      { insn: 4, map: 'flows', kind: 'fd', off: 0 },
      { insn: 6, map: 'flows', kind: 'fd', off: 0 },
      { insn: 8, map: 'x', kind: 'value', off: 0 },
    ]);
    expect(insns.map((i) => [i.src, i.imm]).slice(0, 4)).toEqual([
      [1, 0],
      [0, 0],
      [2, 0],
      [0, 8],
    ]);
  });

  it("also read bpftool's words", () => {
    expect(bare('r1 = map[id:5]\nr1 = map[id:5][0]+8\nr1 = map[idx:1]+4')).toEqual([
      'r1 = map[fd:5]',
      'r1 = map[fd:5][0]+8',
      'r1 = map[idx:1]+4',
    ]);
  });
});

describe('helpers', () => {
  it('can be named by the caller', () => {
    const { insns } = asm('call my_helper', { helper: (name) => (name === 'my_helper' ? 1000 : undefined) });
    expect(insns[0]).toMatchObject({ code: 0x85, src: 0, imm: 1000 });
  });
});

describe('errors name the line and what was expected', () => {
  it.each([
    ['r0 = 1\n\nfrobnicate', 'line 3: expected an instruction, not "frobnicate"'],
    ['r0 =', 'line 1: expected a register, a number, a load or an atomic after `=`'],
    ['r0 ? 1', 'line 1: expected an operator after the register'],
    ['r11 = 1', 'line 1: no register r11: expected r0 to r10'],
    ['w1 = r2', 'line 1: w1 and r2 differ in width: expected w2'],
    ['r1 += w2', 'line 1: r1 and w2 differ in width: expected r2'],
    ['w1 = *(u64 *)(r2 +0)', 'line 1: expected r1: a 64-bit access needs a 64-bit register'],
    ['w1 = *(s8 *)(r2 +0)', 'line 1: expected r1: a sign-extending load'],
    ['r1 = *(u32 *)(w2 +0)', 'line 1: expected r2: an address is a 64-bit register'],
    ['*(s8 *)(r1 +0) = 1', 'line 1: expected u8'],
    ['r1 = *(u32 *)(r2 +40000)', 'line 1: offset +40000 is out of range'],
    ['r1 += 0xffffffff', 'line 1: immediate 0xffffffff is out of range: expected -2147483648 to 2147483647'],
    ['r1 = 99999999999', 'line 1: immediate 99999999999 is out of range'],
    ['r1 = 0x10000000000000000', 'line 1: immediate 0x10000000000000000 does not fit in 64 bits'],
    ['w1 = 5 ll', 'line 1: expected r1: a 64-bit load'],
    ['goto nowhere', 'line 1: expected a helper or a label, but nothing is called nowhere'],
    ['call bpf_no_such_helper', 'line 1: expected a helper or a label, but nothing is called bpf_no_such_helper'],
    ['call bpf_ktime_get_ns#6', 'line 1: bpf_ktime_get_ns is helper 5, not 6'],
    ['a:\nb:\na: exit', 'line 3: label a is there twice'],
    ['r1: exit', 'line 1: expected a label, but r1 is a word of the language'],
    ['if r1 <> 2 goto pc+1', 'line 1: expected `if rN'],
    ['goto 5x', 'line 1: expected a label or `pc+N` after goto'],
    ['call', 'line 1: expected `call helper_name`'],
    ['lock *(u64 *)(r1 +0) *= r2', 'line 1: there is no instruction atomic_mul64: expected `lock *(u32|u64 *)'],
    ['lock *(u16 *)(r1 +0) += r2', 'line 1: there is no instruction atomic_add16'],
    ['lock r1', 'line 1: expected `lock *(u32|u64 *)'],
    ['*(u8 *)(r1 +0)', 'line 1: expected a store'],
    ['store_release(r1, r2)', 'line 1: expected `store_release('],
    ['r1 = *r2', 'line 1: expected a load'],
    ['r1 = -r2', 'line 1: expected r1 where r2 stands'],
    ['r1 = atomic_fetch_add((u32 *)(r2 +0), r3)', 'line 1: expected r1 where r3 stands'],
    ['r1 = atomic64_fetch_add((u32 *)(r2 +0), r1)', 'line 1: atomic64 does not go with u32'],
    ['r1 = atomic_cmpxchg((u32 *)(r2 +0), r0, r3)', 'line 1: expected r0 as the result'],
    ['w1 = (s32)w2', 'line 1: there is no instruction movsx32_32'],
    ['r1 = be24 r1', 'line 1: expected `rN = le|be|bswap` with 16, 32 or 64'],
    [`goto end\n${'r0 = 0\n'.repeat(33000)}end: exit`, 'line 1: end is 33000 slots away'],
  ])('%.40s', (text, message) => {
    let error: unknown;
    try {
      asm(text);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message.split('\n')).toHaveLength(1);
    expect((error as FormatError).message).toContain(`asm: ${message}`);
  });
});
