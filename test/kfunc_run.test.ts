// Kfuncs with a behaviour of their own: interpreter, JIT and the live kernel do the same.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { kernelPrograms } from '../conformance/objects/kernel_program.ts';
import { openObject } from '../src/index.ts';
import { ctxArea, MEMORY_BASE, stackTop } from '../src/memory/layout.ts';
import type { RunnableKfuncName } from '../src/spec/kfunc_abi.ts';
import { fp } from './dynptr_text.ts';
import { runBoth } from './harness.ts';
import { KfuncRig, PACKET, type Run } from './kfunc_rig.ts';

const rig = await KfuncRig.open();
afterAll(() => rig.close());

type Row = readonly [text: string, result: number, more?: Omit<Run, 'text'>];

function check(rows: Readonly<Record<string, Row>>): void {
  it.each(Object.entries(rows))('%s', (_name, [text, result, more]) => {
    expect(rig.run({ text, ...more })).toBe(result);
  });
}

describe('iterators over numbers', () => {
  const begin = (from: number | string, to: number | string, at = -16) => `${fp('r1', at)}
    r2 = ${from}
    r3 = ${to}
    kcall bpf_iter_num_new`;
  const next = (at = -16) => `${fp('r1', at)}
    kcall bpf_iter_num_next`;
  const end = (at = -16) => `${fp('r1', at)}
    kcall bpf_iter_num_destroy`;
  let loops = 0;
  /** r0 = `body` over the numbers, which are in r1. */
  const each = (from: number | string, to: number | string, body: string, at = -16): string => {
    const n = ++loops;
    return `${begin(from, to, at)}
again${n}:${next(at)}
    if r0 == 0 goto done${n}
    r1 = *(s32 *)(r0 + 0)
    ${body}
    goto again${n}
done${n}:${end(at)}`;
  };
  /** What making one gives, and how many numbers it then gives: 1000 * error + count. */
  const made = (from: number | string, to: number | string) => `${begin(from, to)}
    r7 = r0
    r8 = 0
again:${next()}
    if r0 == 0 goto done
    r8 += 1
    if r8 == 7 goto done
    goto again
done:${end()}
    r7 *= 1000
    r0 = r8
    r0 += r7`;
  check({
    'from 0 to 5': [made(0, 5), 5],
    'an empty range': [made(3, 3), 0],
    'a start above the end': [made(4, 3), -22000],
    'negative numbers': [made(-5, -2), 3],
    'over zero': [made(-2, 2), 4],
    'all that are allowed': [made(-1, 8388607), 7],
    'one more': [made(-1, 8388608), -7000],
    'all there are': [made('-2147483648', '2147483647'), -7000],
    'the lowest number': [made('-2147483648', '-2147483646'), 2],
    'none at the lowest number': [made('-2147483648', '-2147483648'), 0],
    'the highest number': [made('2147483645', '2147483647'), 2],
    'a start of which only the lower half counts': [
      `r2 = 0xffffffff00000001 ll\nr8 = r2${begin('r8', 4)}\n*(u64 *)(r6 + 0) = r0${next()}
      if r0 == 0 goto done\nr7 = *(u32 *)(r0 + 0)\n*(u32 *)(r6 + 8) = r7\ndone:${end()}\nr0 = *(u32 *)(r6 + 8)`,
      1,
    ],
    'the upper half of an error is 0': [`${begin(4, 3)}\nr7 = r0${end()}\nr7 >>= 32\nr0 = r7`, 0, { live: false }],
    'the sum': [
      `*(u64 *)(r6 + 0) = 0${each(-3, 100, 'r2 = *(u64 *)(r6 + 0)\nr2 += r1\n*(u64 *)(r6 + 0) = r2')}\nr0 = *(u64 *)(r6 + 0)`,
      4944,
    ],
    nested: [
      `*(u64 *)(r6 + 0) = 0\n${each(0, 7, `r7 = r1${each('r7', 9, 'r2 = *(u64 *)(r6 + 0)\nr2 += 1\n*(u64 *)(r6 + 0) = r2', -24)}`)}
      r0 = *(u64 *)(r6 + 0)`,
      42,
    ],
    'left early, made again': [
      `${begin(5, 50)}${next()}\nif r0 == 0 goto over\nr7 = *(u32 *)(r0 + 0)\n*(u32 *)(r6 + 0) = r7\nover:${end()}${made(1, 4)}
      r1 = *(u32 *)(r6 + 0)\nr0 *= 10\nr0 += r1`,
      35,
    ],
    'asked after its end': [
      `${begin(0, 1)}${next()}${next()}${next()}\nr7 = 1\nif r0 == 0 goto over\nr7 = 2\nover:${end()}\nr0 = r7`,
      1,
    ],
    'in a called function': [
      `r1 = 3\ncall sum\nr7 = r0\nr1 = 11\ncall sum\nr0 += r7\nexit
sum:
      r7 = r1\nr6 = 0${begin(0, 'r7')}
again:${next()}
      if r0 == 0 goto done
      r6 += 1
      if r6 > 20 goto done
      goto again
done:${end()}
      r0 = r6`,
      14,
    ],
    'of another': [
      `${begin(2, 6)}${fp('r1', -16)}\ncall take\nr7 = r0${fp('r1', -16)}\ncall take\nr7 *= 10\nr7 += r0${end()}\nr0 = r7\nexit
take:
      kcall bpf_iter_num_next
      if r0 == 0 goto gone
      r0 = *(u32 *)(r0 + 0)
gone:
      r0 = r0`,
      23,
    ],
    'in a syscall program': [made(1, 4), 3, { type: 'syscall' }],
    'in an XDP program': [made(1, 4), 3, { type: 'xdp' }],
  });
});

describe('dynptrs', () => {
  const packet = (kind: 'skb' | 'xdp' = 'skb', at = -24, flags: number | string = 0) => `
    r1 = r9
    r2 = ${flags} ll
    ${fp('r3', at)}
    kcall bpf_dynptr_from_${kind}`;
  /** r0 = what it gives. */
  const on = (name: string, args = '', at = -24) => `${fp('r1', at)}
    ${args}
    kcall bpf_dynptr_${name}`;
  let slices = 0;
  /** `body` with the slice in r0; r8 becomes 1 where there is one. */
  const slice = (offset: number | string, size: number, body: string, how = '', at = -24, buffer = true) => {
    const n = ++slices;
    return `${fp('r1', at)}
    r2 = ${offset}
    ${buffer ? fp('r3', -128) : 'r3 = 0'}
    r4 = ${size}
    r8 = 0
    kcall bpf_dynptr_slice${how}
    if r0 == 0 goto noslice${n}
    r8 = 1
    ${body}
noslice${n}:`;
  };
  const rdwr = (offset: number | string, size: number, body: string, at = -24, buffer = true) =>
    slice(offset, size, body, '_rdwr', at, buffer);
  const read = (length: number, offset: number | string, at = -24) => `${fp('r1', -64)}
    r2 = ${length}
    ${fp('r3', at)}
    r4 = ${offset} ll
    r5 = 0 ll
    call bpf_dynptr_read
    r7 = *(u64 *)(r10 - 64)
    *(u64 *)(r6 + 0) = r7`;
  const write = (offset: number | string, length: number, flags: number | string = 0, at = -24) => `${fp('r1', at)}
    r2 = ${offset} ll
    ${fp('r3', -64)}
    r4 = ${length}
    r5 = ${flags} ll
    call bpf_dynptr_write`;
  const adjust = (from: number | string, to: number | string, at = -24) => on('adjust', `r2 = ${from}\nr3 = ${to}`, at);
  const clone = (from: number, to: number) => `${fp('r1', from)}${fp('r2', to)}\nkcall bpf_dynptr_clone`;
  const copy = (
    to: number,
    toOffset: number | string,
    from: number,
    fromOffset: number | string,
    size: number | string,
  ) => `${fp('r1', to)}\nr2 = ${toOffset}\n${fp('r3', from)}\nr4 = ${fromOffset}\nr5 = ${size}\nkcall bpf_dynptr_copy`;
  const memset = (offset: number | string, size: number | string, value: number | string, at = -24) =>
    on('memset', `r2 = ${offset}\nr3 = ${size}\nr4 = ${value}`, at);
  const local = (size: number, at = -24, off = 0, flags = 0) => `
    r1 = r6
    r1 += ${off}
    r2 = ${size}
    r3 = ${flags}
    ${fp('r4', at)}
    call bpf_dynptr_from_mem`;
  /** Only the bits of the type are the result's: above them Linux leaves what its compiler left. */
  const keep = (off = 56) => `*(u32 *)(r6 + ${off}) = r0`;
  const keepBool = (off: number) => `*(u8 *)(r6 + ${off}) = r0`;
  const SAVED = '*(u64 *)(r10 - 64) = 0x1234\n*(u64 *)(r10 - 128) = 7';
  const XDP = { type: 'xdp' } as const;
  const SOCKET = { type: 'socket_filter' } as const;
  const CGROUP = { type: 'cgroup_skb' } as const;
  const INFO = `${on('size')}\n${keep(40)}\n${on('is_null')}\n${keepBool(48)}\n${on('is_rdonly')}\n${keepBool(56)}\nr0 = 0`;
  const firstWord = 'r0 = *(u32 *)(r0 + 0)\n*(u32 *)(r6 + 0) = r0';
  check({
    'of a packet': [`${packet()}\n${keep(32)}\n${INFO}`, 0],
    'of a packet made with flags': [`${packet('skb', -24, 1)}\n${keep(32)}\n${INFO}`, 0],
    'of a packet with flags in the upper half': [`${packet('skb', -24, '0x100000000')}\n${keep(32)}\n${INFO}`, 0],
    'of a packet that a program may not write': [`${packet()}\n${keep(32)}\n${INFO}`, 0, SOCKET],
    'of a packet of a control group': [`${packet()}\n${keep(32)}\n${INFO}`, 0, CGROUP],
    'of a packet of XDP': [`${packet('xdp')}\n${keep(32)}\n${INFO}`, 0, XDP],
    'of a packet of XDP, made with flags': [`${packet('xdp', -24, 8)}\n${keep(32)}\n${INFO}`, 0, XDP],
    'of memory': [`${local(48)}\n${INFO}`, 0],
    'of memory, made with flags': [`${local(48, -24, 0, 1)}\n${INFO}`, 0],

    'a slice': [`${packet()}${slice(4, 8, firstWord)}\nr0 = r8`, 1],
    'a slice of XDP': [`${packet('xdp')}${slice(5, 8, firstWord)}\nr0 = r8`, 1, XDP],
    'a slice of a packet that is only read': [`${packet()}${slice(5, 8, firstWord)}\nr0 = r8`, 1, SOCKET],
    'a slice of memory': [`${local(48)}${slice(5, 8, firstWord)}\nr0 = r8`, 1],
    'a slice without a buffer': [`${packet()}${slice(4, 8, firstWord, '', -24, false)}\nr0 = r8`, 1],
    'a slice up to the end': [`${packet()}${slice(56, 8, firstWord)}\nr0 = r8`, 1],
    'a slice past the end': [`${packet()}${slice(57, 8, firstWord)}\nr0 = r8`, 0],
    'a slice of nothing at the end': [`${packet()}${slice(64, 0, '')}\nr0 = r8`, 1],
    'a slice of nothing past the end': [`${packet()}${slice(65, 0, '')}\nr0 = r8`, 0],
    'a slice far away': [`${packet()}${slice(-1, 8, firstWord)}\nr0 = r8`, 0],
    'a slice at an offset of which only the lower half counts': [
      `${packet()}${slice('0x100000002 ll', 4, firstWord)}\nr0 = r8`,
      1,
    ],
    'a slice of one that could not be made': [`${packet('skb', -24, 1)}${slice(0, 8, firstWord)}\nr0 = r8`, 0],
    'a slice that is written': [`${packet()}${rdwr(4, 8, '*(u32 *)(r0 + 2) = 0x55667788')}\nr0 = r8`, 1],
    'a slice that is written, of XDP': [
      `${packet('xdp')}${rdwr(4, 8, '*(u32 *)(r0 + 2) = 0x55667788')}\nr0 = r8`,
      1,
      XDP,
    ],
    'a slice that is written, of memory': [
      `${local(48)}${rdwr(4, 8, '*(u32 *)(r0 + 2) = 0x55667788', -24, false)}\nr0 = r8`,
      1,
    ],
    'a slice that is written, past the end': [`${packet()}${rdwr(61, 4, '*(u32 *)(r0 + 0) = 1')}\nr0 = r8`, 0],

    'read of a packet': [`${SAVED}${packet()}${read(8, 3)}`, 0],
    'read of a packet to the end': [`${SAVED}${packet()}${read(8, 56)}`, 0],
    'read of a packet past the end': [`${SAVED}${packet()}${read(8, 57)}`, -7],
    'read of a packet of XDP': [`${SAVED}${packet('xdp')}${read(8, 3)}`, 0, XDP],
    'read of a packet of XDP, past the end': [`${SAVED}${packet('xdp')}${read(8, 57)}`, -7, XDP],
    'read of a packet nothing': [`${SAVED}${packet()}${read(0, 64)}`, 0],
    'read of a packet that a program may not write': [`${SAVED}${packet()}${read(8, 3)}\nr0 = 0`, 0, CGROUP],
    'written into a packet': [`${SAVED}${packet()}${write(3, 2)}`, 0],
    'written into a packet with flags': [`${SAVED}${packet()}${write(3, 2, 3)}`, 0],
    'written into a packet with other flags': [`${SAVED}${packet()}${write(3, 2, 4)}`, -22],
    'written into a packet past the end, with other flags': [`${SAVED}${packet()}${write(63, 2, 4)}`, -7],
    'written into a packet of XDP': [`${SAVED}${packet('xdp')}${write(3, 2)}`, 0, XDP],
    'written into a packet of XDP, with flags': [`${SAVED}${packet('xdp')}${write(3, 2, 1)}`, -22, XDP],
    'written into a packet that a program may not write': [`${SAVED}${packet()}${write(3, 2)}`, -22, SOCKET],
    'no plain data of a packet': [
      `${packet()}${on('is_null')}${fp('r1', -24)}\nr2 = 0\nr3 = 4\ncall bpf_dynptr_data\nif r0 != 0 goto some\nr0 = 5\nexit\nsome:\nr0 = 6`,
      5,
    ],

    adjusted: [`${packet()}${adjust(4, 20)}\n${keep(32)}\n${INFO}${slice(2, 8, firstWord)}\nr0 = r8`, 1],
    'adjusted twice': [
      `${packet()}${adjust(4, 20)}${adjust(3, 9)}\n${keep(32)}\n${INFO}${slice(1, 4, firstWord)}\nr0 = r8`,
      1,
    ],
    'adjusted to nothing': [`${packet()}${adjust(64, 64)}\n${keep(32)}\n${INFO}${slice(0, 0, '')}\nr0 = r8`, 1],
    'adjusted backwards': [`${packet()}${adjust(5, 4)}\n${keep(32)}\n${INFO}`, 0],
    'adjusted past the end': [`${packet()}${adjust(5, 65)}\n${keep(32)}\n${INFO}`, 0],
    'adjusted to behind the end': [`${packet()}${adjust(65, 65)}\n${keep(32)}\n${INFO}`, 0],
    'adjusted by huge numbers': [`${packet()}${adjust(-2, -1)}\n${keep(32)}\n${INFO}`, 0],
    'adjusted where there is none': [`${packet('skb', -24, 1)}${adjust(0, 0)}\n${keep(32)}\n${INFO}`, 0],
    'adjusted and past its new end': [`${packet()}${adjust(4, 20)}${slice(9, 8, firstWord)}\nr0 = r8`, 0],
    'adjusted of memory, then read': [`${SAVED}${local(48)}${adjust(7, 40)}${read(8, 2)}`, 0],
    'adjusted of memory, then written': [`${SAVED}${local(48)}${adjust(7, 40)}${write(32, 1)}`, 0],
    'only read, still so when adjusted': [`${packet()}${adjust(4, 20)}\n${INFO}`, 0, SOCKET],

    cloned: [
      `${packet()}${clone(-24, -48)}\n${keep(32)}${adjust(4, 20)}${slice(2, 8, firstWord, '', -48)}\nr0 = r8`,
      1,
    ],
    'cloned a part': [`${packet()}${adjust(4, 20)}${clone(-24, -48)}\n${keep(32)}${on('size', '', -48)}`, 16],
    'cloned nothing': [
      `${packet('skb', -24, 1)}${clone(-24, -48)}\n${keep(32)}${on('is_null', '', -48)}\nr0 &= 255`,
      1,
    ],
    'cloned what is only read': [`${packet()}${clone(-24, -48)}${on('is_rdonly', '', -48)}\nr0 &= 255`, 1, SOCKET],

    'copied into memory': [`${packet()}${local(48, -48)}${copy(-48, 3, -24, 5, 20)}`, 0],
    'copied into memory from memory': [`${packet()}${local(48, -48)}${copy(-24, 3, -48, 5, 20)}`, 0],
    'copied into memory within a packet, forwards': [`${packet()}${clone(-24, -48)}${copy(-24, 10, -48, 5, 20)}`, 0],
    'copied into memory within memory, backwards': [`${local(48)}${local(48, -48)}${copy(-24, 1, -48, 5, 20)}`, 0],
    'copied into memory in one': [`${local(48)}${copy(-24, 1, -24, 5, 20)}`, 0],
    'copied into memory of XDP': [`${packet('xdp')}${local(48, -48)}${copy(-24, 3, -48, 5, 20)}`, 0, XDP],
    'copied into memory past the end of the source': [`${packet()}${local(48, -48)}${copy(-48, 3, -24, 50, 20)}`, -7],
    'copied into memory past the end of the target': [`${packet()}${local(48, -48)}${copy(-48, 30, -24, 0, 20)}`, -7],
    'copied into memory past both ends': [`${packet()}${local(48, -48)}${copy(-48, 30, -24, 50, 20)}`, -7],
    'copied into memory nothing at the ends': [`${packet()}${local(48, -48)}${copy(-48, 48, -24, 64, 0)}`, 0],
    'copied into memory nothing past the end': [`${packet()}${local(48, -48)}${copy(-48, 48, -24, 65, 0)}`, -7],
    'copied into memory into what is only read': [
      `${packet()}${local(48, -48)}${copy(-24, 3, -48, 5, 20)}`,
      -22,
      SOCKET,
    ],
    'copied into memory from what is only read': [`${packet()}${local(48, -48)}${copy(-48, 3, -24, 5, 20)}`, 0, SOCKET],
    'copied into memory from nothing': [`${packet('skb', -24, 1)}${local(48, -48)}${copy(-48, 3, -24, 5, 20)}`, -22],
    'copied into memory into nothing': [`${packet('skb', -24, 1)}${local(48, -48)}${copy(-24, 3, -48, 5, 20)}`, -22],
    'copied into memory nothing from nothing': [
      `${packet('skb', -24, 1)}${clone(-24, -48)}${copy(-24, 0, -48, 0, 0)}`,
      0,
    ],
    'copied into memory something from nothing to nothing': [
      `${packet('skb', -24, 1)}${clone(-24, -48)}${copy(-24, 0, -48, 0, 1)}`,
      -7,
    ],
    'copied into memory nothing from nothing to memory': [
      `${packet('skb', -24, 1)}${local(48, -48)}${copy(-48, 0, -24, 0, 0)}`,
      -22,
    ],
    'copied into memory only read to only read': [
      `${packet()}${clone(-24, -48)}${copy(-24, 0, -48, 1, 8)}`,
      -22,
      SOCKET,
    ],

    filled: [`${packet()}${memset(5, 9, '0x1ab')}`, 0],
    'filled memory': [`${local(48)}${memset(5, 9, 7)}`, 0],
    'filled of XDP': [`${packet('xdp')}${memset(0, 64, -1)}`, 0, XDP],
    'filled past the end': [`${packet()}${memset(60, 5, 7)}`, -7],
    'filled nothing': [`${packet()}${memset(64, 0, 7)}`, 0],
    'filled what is only read': [`${packet()}${memset(5, 9, 7)}`, -22, SOCKET],
    'filled where there is none': [`${packet('skb', -24, 1)}${memset(5, 9, 7)}`, -7],
    'filled nothing where there is none': [`${packet('skb', -24, 1)}${memset(0, 0, 7)}`, 0],

    'of a packet that grows in front': [
      `${packet('xdp')}\nr1 = r9\nr2 = -4\ncall bpf_xdp_adjust_head\n${on('size')}\n${keep(40)}${slice(4, 8, firstWord)}\nr0 = r8`,
      1,
      XDP,
    ],
    'of a packet that shrank': [
      `${SAVED}${packet('xdp')}\nr1 = r9\nr2 = -8\ncall bpf_xdp_adjust_tail\n${on('size')}\n${keep(40)}${slice(50, 4, firstWord)}${read(8, 49)}`,
      -22,
      XDP,
    ],
    'of a packet that shrank and has no slice there': [
      `${packet('xdp')}\nr1 = r9\nr2 = -8\ncall bpf_xdp_adjust_tail\n${slice(56, 8, firstWord, '', -24, false)}\nr0 = r8`,
      0,
      XDP,
    ],
    'of a packet that shrank, its last bytes in the buffer': [
      `*(u64 *)(r10 - 128) = -1\n${packet('xdp')}\nr1 = r9\nr2 = -8\ncall bpf_xdp_adjust_tail\n${slice(50, 8, 'r1 = *(u64 *)(r0 + 0)\n*(u64 *)(r6 + 0) = r1')}\nr1 = *(u64 *)(r10 - 128)\n*(u64 *)(r6 + 8) = r1\nr0 = r8`,
      1,
      XDP,
    ],
    'of a packet that shrank, nothing in the buffer': [
      `*(u64 *)(r10 - 128) = -1\n${packet('xdp')}${adjust(3, 64)}\nr1 = r9\nr2 = -8\ncall bpf_xdp_adjust_tail\n${rdwr(53, 8, '*(u32 *)(r0 + 4) = 7')}\nr1 = *(u64 *)(r10 - 128)\n*(u64 *)(r6 + 8) = r1\nr0 = r8`,
      1,
      XDP,
    ],
    'of a packet that shrank and is not written there': [
      `${SAVED}${packet('xdp')}\nr1 = r9\nr2 = -8\ncall bpf_xdp_adjust_tail\n${write(55, 4)}`,
      -22,
      XDP,
    ],
    'of a packet that shrank nor copied from, nor filled': [
      `${packet('xdp')}${local(40, -48)}\nr1 = r9\nr2 = -8\ncall bpf_xdp_adjust_tail\n${copy(-48, 0, -24, 50, 10)}\n${keep(48)}${memset(50, 10, 1)}`,
      -22,
      XDP,
    ],
    'of an sk_buff that grows in front': [
      `${packet()}\nr1 = r9\nr2 = 14\nr3 = 0\ncall bpf_skb_change_head#43\n*(u64 *)(r6 + 48) = r0\n${on('size')}\n${keep(40)}${slice(20, 8, firstWord)}\nr0 = r8`,
      1,
    ],
  });
});

describe('strings', () => {
  /** Bytes at r6 + off, and a 0. */
  const put = (off: number, text: string) =>
    [...text, '\0'].map((c, i) => `*(u8 *)(r6 + ${off + i}) = ${c.charCodeAt(0)}`).join('\n');
  const AT = { first: 0, second: 32 };
  /** A call with the strings at r6 and r6 + 32, and numbers behind them. */
  const on = (name: string, strings: readonly string[], ...rest: (number | string)[]): string => {
    const texts = strings.map((text, i) => put(i * AT.second, text));
    const args = strings.map((_, i) => `r${i + 1} = r6\nr${i + 1} += ${i * AT.second}`);
    const numbers = rest.map((n, i) => `r${strings.length + 1 + i} = ${n}`);
    return [...texts, ...args, ...numbers, `kcall bpf_${name}`].join('\n');
  };
  check({
    'compared: equal': [on('strcmp', ['abc', 'abc']), 0],
    'compared: less': [on('strcmp', ['abb', 'abc']), -1],
    'compared: greater, as the longer one': [on('strcmp', ['abcd', 'abc']), 1],
    'compared: empty': [on('strcmp', ['', 'a']), -1],
    'compared: a char has no sign': [on('strcmp', ['\xc8', 'a']), 1],
    'compared without case: equal': [on('strcasecmp', ['aBc[', 'AbC[']), 0],
    'compared without case: @ is no letter': [on('strcasecmp', ['@', '`']), -1],
    'compared without case: Latin letters': [on('strcasecmp', ['\xc4\xd6\xdc', '\xe4\xf6\xfc']), 0],
    'compared without case: times is no letter': [on('strcasecmp', ['\xd7', '\xf7']), -1],
    'compared with case': [on('strcmp', ['aBc', 'AbC']), 1],
    length: [on('strlen', ['hello']), 5],
    'length of nothing': [on('strlen', ['']), 0],
    'length, at most': [on('strnlen', ['hello'], 3), 3],
    'length, at most more': [on('strnlen', ['hello'], 300), 5],
    'length, at most 0': [on('strnlen', ['hello'], 0), 0],
    'length, at most a huge number': [on('strnlen', ['hello'], '0x100000000 ll'), 5],
    'a char': [on('strchr', ['hello'], 108), 2],
    'a char: the end': [on('strchr', ['hello'], 0), 5],
    'a char that is not there': [on('strchr', ['hello'], 120), -2],
    'a char of which only 8 bits count': [on('strchr', ['hello'], 0x16c), 2],
    'a char above 127': [on('strchr', ['he\xc8'], 0xc8), 2],
    'a char within': [on('strnchr', ['hello'], 4, 108), 2],
    'a char that is there later': [on('strnchr', ['hello'], 2, 108), -2],
    'a char within nothing': [on('strnchr', ['hello'], 0, 104), -2],
    'a char within a huge number': [on('strnchr', ['hello'], '0x100000000 ll', 111), 4],
    'a char or the end': [on('strchrnul', ['hello'], 101), 1],
    'a char or the end: the end': [on('strchrnul', ['hello'], 120), 5],
    'the last char': [on('strrchr', ['hello'], 108), 3],
    'the last char: the end': [on('strrchr', ['hello'], 0), 5],
    'the last char that is not there': [on('strrchr', ['hello'], 120), -2],
    'the last char above 127 as an int': [on('strrchr', ['he\xc8'], 0xc8), 2],
    'the last char below 0': [on('strrchr', ['he\xc8'], -56), -2],
    'a span': [on('strspn', ['hello', 'leh']), 4],
    'a span of all': [on('strspn', ['hello', 'lehox']), 5],
    'a span of nothing': [on('strspn', ['hello', '']), 0],
    'a span of others': [on('strcspn', ['hello', 'ol']), 2],
    'a span of others: all': [on('strcspn', ['hello', 'xyz']), 5],
    'a span of others: nothing is one': [on('strcspn', ['hello', '']), 5],
    'a part': [on('strstr', ['hello world', 'o w']), 4],
    'a part that begins again': [on('strstr', ['aaab', 'aab']), 1],
    'a part that is not there': [on('strstr', ['hello', 'lox']), -2],
    'a part longer than the whole': [on('strstr', ['he', 'hello']), -2],
    'an empty part': [on('strstr', ['hello', '']), 0],
    'a part within': [on('strnstr', ['openat', 'open'], 4), 0],
    'a part not quite within': [on('strnstr', ['openat', 'open'], 3), -2],
    'a part later, within': [on('strnstr', ['reopen', 'open'], 6), 2],
    'a part later, not within': [on('strnstr', ['reopen', 'open'], 5), -2],
    'an empty part within nothing': [on('strnstr', ['hello', ''], 0), 0],
    'a part within a huge number': [on('strnstr', ['hello', 'lo'], '0x100000000 ll'), 3],
    'no address': [`r1 = 0\nkcall bpf_strlen`, -34],
    'no address of ours': [`r1 = 4096\nr2 = r6\nkcall bpf_strcmp`, -34],
    'no address, the second': [`${put(0, 'a')}\nr1 = r6\nr2 = 77\nkcall bpf_strcmp`, -34],
    'half an address': ['r1 = 0x140010000 ll\nkcall bpf_strlen', -34],
    'on the stack': [`*(u64 *)(r10 - 16) = 0x6f6c\nr1 = r10\nr1 += -16\nkcall bpf_strlen`, 2],
    'on the stack where nothing was written': [`r1 = r10\nr1 += -32\nkcall bpf_strlen`, 0, { live: false }],
    'on the stack, by a number': [
      `*(u64 *)(r10 - 16) = 0x6f6c\nr1 = r10\nr1 += -16\nr1 = -r1\nr1 = -r1\nkcall bpf_strlen`,
      2,
    ],
    'on the stack, by a number turned around': [
      `*(u64 *)(r10 - 16) = 0x6f6c\nr1 = r10\nr1 += -16\nr1 = bswap64 r1\nr1 = bswap64 r1\nkcall bpf_strlen`,
      2,
    ],
    "on the caller's stack, by a number": [
      `*(u64 *)(r10 - 16) = 0x6f6c\nr1 = r10\nr1 += -16\nr1 = -r1\ncall take\nexit\ntake:\nr1 = -r1\nkcall bpf_strlen`,
      2,
    ],
    'on the stack, by half an address': [
      `*(u64 *)(r10 - 16) = 0x6f6c\nr1 = r10\nr1 += -16\nw1 = w1\nkcall bpf_strlen`,
      2,
      { live: false },
    ],
    "into the caller's frame, where nothing was written": [
      `*(u64 *)(r10 - 16) = 7\ncall take\nexit
take:
      r1 = 0x4141414141414141 ll\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nkcall bpf_strlen`,
      8,
      { live: false },
    ],
  });
});

describe('an object of clang', async () => {
  const path = new URL('../../test/objects/kfuncs/run.bpf.o', import.meta.url);
  const object = openObject(new Uint8Array(readFileSync(path)));
  const loaded = await rig.kernel.load(object);
  const wide = Uint8Array.from({ length: 200 }, (_, i) => (i * 37) & 255);
  const other = PACKET.with(13, 1);
  const sum = (bytes: Uint8Array) => bytes.reduce((a, b) => a + b, 0);

  it.each([
    ['bytes', PACKET, sum(PACKET)],
    ['bytes', wide, sum(wide)],
    ['swap', PACKET, 3],
    ['swap', other, 1],
    ['swap', PACKET.subarray(0, 30), 0],
  ] as const)('%s', (name, data, result) => {
    const own = runBoth(rig.kernel, loaded.programs[name], { data });
    expect(Number(own.retval)).toBe(result);
    if (rig.live === null) return;
    const kernel = kernelPrograms(rig.live, object, undefined, rig.types);
    const both = kernel.of(object.programs[name]);
    if (typeof both === 'string') throw new Error(both);
    const linux = rig.live.load(both.kernel);
    const run = rig.live.run(linux.handle, { data });
    rig.live.unload(linux);
    kernel.close();
    expect([run.retval, run.data]).toEqual([result, own.data]);
  });
});

describe('addresses and lengths that no verifier would let through', () => {
  const { memory, heap } = rig.kernel;
  const { kfuncs } = rig.kernel.cpu(0);
  const wild = fc.oneof(
    fc.integer(),
    fc.constantFrom(0, -1, MEMORY_BASE, stackTop(0) - 64, ctxArea(0), memory.end - 4, 0x7fffffff, -0x80000000),
  );
  it.each(Object.keys(kfuncs) as RunnableKfuncName[])('%s answers and never throws', (name) => {
    fc.assert(
      fc.property(fc.array(wild, { minLength: 6, maxLength: 6 }), fc.array(wild, { maxLength: 16 }), (args, words) => {
        words.forEach((word, i) => {
          memory.setU32(stackTop(0) - 64 + 4 * i, word >>> 0);
        });
        const result = kfuncs[name](...args);
        if (result !== undefined) expect(Number.isInteger(result)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(heap.checkCanaries()).toEqual([]);
  });
});
