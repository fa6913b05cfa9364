// The context rows against every answer of Linux 6.18 (facts/ctx-access.json of ../shared, absent outside of
// development), and the verifier over them.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sharedFile } from '../conformance/shared.ts';
import { asm } from '../src/isa/asm.ts';
import { ctxOf, ctxRead, ctxWritable } from '../src/spec/ctx.ts';
import { attachTypeOf, progTypeById } from '../src/spec/prog_types.ts';
import { PROG_FLAGS } from '../src/uapi/prog_flags.ts';
import { verify } from '../src/verifier/index.ts';

interface Access {
  readonly off: number;
  readonly size: number;
  readonly read: boolean;
  readonly write: boolean;
  readonly write_imm: boolean;
  readonly type: string;
}
interface Variant {
  readonly prog_type: number;
  readonly expected_attach_type: number;
  readonly probed_offsets: readonly [number, number];
  readonly rows: readonly Access[];
}

const SYSCALL = 31;
function verdict(type: number, attach: number, text: string) {
  const result = verify({
    name: 't',
    type,
    expectedAttachType: attach,
    flags: type === SYSCALL ? PROG_FLAGS.BPF_F_SLEEPABLE : 0,
    license: 'GPL',
    insns: asm(text).insns,
    maps: [],
    mapRefs: new Map(),
  });
  return result.ok ? 'accept' : result.error.message;
}

const WIDTH: Readonly<Record<number, string>> = { 1: 'u8', 2: 'u16', 4: 'u32', 8: 'u64' };
const place = (off: number, size: number) => `*(${WIDTH[size]} *)(r1 ${off < 0 ? '-' : '+'} ${Math.abs(off)})`;

const facts = sharedFile('facts/ctx-access.json');
const variants: [string, Variant][] =
  facts === null ? [] : Object.entries(JSON.parse(readFileSync(facts, 'utf8')).by_prog_type);

describe.skipIf(facts === null)('context access as Linux 6.18 answered (needs ../shared)', () => {
  it.each(variants)('%s', (_name, v) => {
    const row = progTypeById(v.prog_type)!;
    const ctx = ctxOf(v.prog_type, attachTypeOf(row, v.expected_attach_type))!;
    const allowed = new Map(v.rows.map((r) => [`${r.off}:${r.size}`, r]));
    const check = (off: number, size: number) => {
      const fact = allowed.get(`${off}:${size}`);
      const ours = { off, size, read: ctxRead(ctx, off, size) ?? null, write: ctxWritable(ctx, off, size) };
      expect(ours).toEqual({ off, size, read: fact?.read ? fact.type : null, write: fact?.write ?? false });
    };
    const [first, last] = v.probed_offsets;
    for (let off = first; off <= last; off++) for (const size of [1, 2, 4, 8]) check(off, size);
    for (const { off, size } of v.rows) check(off, size);
  });

  it('the verifier loads and stores what the rows allow', () => {
    let compared = 0;
    for (const [name, v] of variants) {
      const returns = verdict(v.prog_type, v.expected_attach_type, 'r0 = 1\nexit\n');
      expect(returns, name).toBe('accept');
      for (const { off, size, read, write, write_imm } of v.rows) {
        const at = place(off, size);
        const refused = `invalid bpf_context access off=${off} size=${size}`;
        const ask = (text: string) => verdict(v.prog_type, v.expected_attach_type, `${text}\nr0 = 1\nexit\n`);
        expect(ask(`r2 = ${at}`), `${name} ${at}`).toBe(read ? 'accept' : refused);
        expect(ask(`r2 = 0\n${at} = r2`), `${name} ${at}`).toBe(write ? 'accept' : refused);
        expect(ask(`${at} = 0`), `${name} ${at}`).toBe(write_imm ? 'accept' : refused);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(3500);
  });
});

describe('context access', () => {
  it('depends on the attach type', () => {
    const egress = 'r0 = *(u32 *)(r1 + 20)\nr0 = 2\nexit\n';
    expect(verdict(6, 33, egress)).toBe('accept');
    expect(verdict(6, 37, egress)).toBe('invalid bpf_context access off=20 size=4');
    const userIp6 = 'r0 = *(u32 *)(r1 + 8)\nr0 = 1\nexit\n';
    expect(verdict(18, 11, userIp6)).toBe('accept');
    expect(verdict(18, 10, userIp6)).toBe('invalid bpf_context access off=8 size=4');
  });

  it('refuses what lies before a context, where Linux reads it (tracepoint)', () => {
    expect(verdict(5, 0, 'r0 = *(u64 *)(r1 - 8)\nexit\n')).toBe('invalid bpf_context access off=-8 size=8');
    expect(verdict(5, 0, 'r0 = *(u64 *)(r1 + 8184)\nexit\n')).toBe('accept');
    expect(verdict(5, 0, 'r0 = *(u64 *)(r1 + 8192)\nexit\n')).toBe('invalid bpf_context access off=8192 size=8');
  });

  it.each([
    [22, 0, 'r2 = *(u64 *)(r1 + 144)\nr0 = *(u64 *)(r2 + 48)\nexit', 'accept'],
    [22, 0, 'r2 = *(u64 *)(r1 + 144)\nr0 = *(u64 *)(r2 + 52)\nexit', 'invalid access to flow keys off=52 size=8'],
    [22, 0, 'r2 = *(u64 *)(r1 + 144)\nr3 = *(u32 *)(r1 + 0)\nexit', 'invalid bpf_context access off=0 size=4'],
    [24, 0, 'r2 = *(u64 *)(r1 + 0)\nr3 = 0\n*(u64 *)(r2 + 8) = r3\nr0 = 0\nexit', 'accept'],
    [
      24,
      0,
      'r2 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r2 - 8)\nexit',
      'R2 invalid tracepoint buffer access: off=-8, size=8',
    ],
    [
      24,
      0,
      'r3 = *(u64 *)(r1 + 8)\nr3 &= 7\nr2 = *(u64 *)(r1 + 0)\nr2 += r3\nr0 = *(u8 *)(r2 + 0)\nexit',
      'R2 invalid variable buffer offset: off=0, var_off=(0x0; 0x7)',
    ],
    [1, 0, 'r2 = *(u64 *)(r1 + 168)\nr0 = *(u32 *)(r2 + 0)\nexit', "R2 invalid mem access 'sock_common_or_null'"],
    [
      32,
      45,
      'r2 = *(u64 *)(r1 + 8)\nr0 = *(u64 *)(r2 + 0)\nexit',
      "the layout of struct sk_buff is not known: verify with the kernel's BTF",
    ],
  ])('pointers that a context holds: type %i/%i %j -> %s', (type, attach, text, expected) => {
    expect(verdict(type, attach, text)).toBe(expected);
  });
});
