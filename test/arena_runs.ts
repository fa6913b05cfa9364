// Programs with an arena of four pages at 2^44, as text, and the words that they leave in `out` (r9 points there).

import { asm } from '../src/isa/asm.ts';
import { BPF_FLAGS as F } from '../src/uapi/enums.ts';
import type { MapDef } from '../src/verifier/verified.ts';

export interface Run {
  readonly what: string;
  readonly text: string;
  /** Words of `out`; the rest of its eight are 0. */
  readonly out: readonly bigint[];
  /** ... on Linux 6.18, where beewasm knowingly differs; null = not to be tried: some CPUs stop a kernel that locks two lines. */
  readonly linux?: readonly bigint[] | null;
}

export const START = 1n << 44n;
export const ARENA: MapDef & { readonly mapExtra: bigint } = {
  name: 'arena',
  type: 33,
  keySize: 0,
  valueSize: 0,
  maxEntries: 4,
  flags: F.BPF_F_MMAPABLE,
  mapExtra: START,
};
export const OUT: MapDef = { name: 'out', type: 2, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 };

/** Word n of `out` = a register. */
const out = (n: number, reg: string) => `*(u64 *)(r9 + ${8 * n}) = ${reg}\n`;
const alloc = (address: string | number, count: number, flags = 0) =>
  `r1 = map arena\nr2 = ${address}\nr3 = ${count}\nr4 = -1\nr5 = ${flags}\nkcall bpf_arena_alloc_pages\n`;
const free = (address: string | number, count: number) =>
  `r1 = map arena\nr2 = ${address}\nr3 = ${count}\nkcall bpf_arena_free_pages\n`;
const reserve = (address: string | number, count: number) =>
  `r1 = map arena\nr2 = ${address}\nr3 = ${count}\nkcall bpf_arena_reserve_pages\n`;
/** r6 = a pointer to the first of two pages, behind which two are missing; r7 = a number, r8 = the user's address. */
const PAGES = `${alloc(0, 2)}r8 = r0\nr6 = addr_space_cast(r0, 0, 1)\nr7 = 0x1122334455667788 ll\n`;
/** r6 = a pointer to a page that is missing. */
const NO_PAGE = 'r1 = map arena\nr6 = 8192\nr6 = addr_space_cast(r6, 0, 1)\nr7 = 0x1122334455667788 ll\n';
const N = 0x1122334455667788n;
const ENOENTRY = 0n;

const ALU: readonly (readonly [op: string, words: readonly bigint[]])[] = [
  ['+=', [0xfffffffen, 0x2n, 0x23n, 0x2n]],
  ['-=', [0xfffffff8n, 0xfffffff4n, 0xffffffd3n, 0xcn]],
  ['*=', [0xfffffff1n, 0xffffffddn, 0xffffff38n, 0xffffffddn]],
  ['/=', [0x55555553n, 0x24924923n, 0x6666666n, 0x0n]],
  ['%=', [0x2n, 0x6n, 0xbn, 0x7n]],
  ['s/=', [0xffffffffn, 0x0n, 0x0n, 0xffffffffn]],
  ['s%=', [0xfffffffen, 0xfffffffbn, 0xfffffffbn, 0x2n]],
  ['|=', [0xfffffffbn, 0xffffffffn, 0xfffffffbn, 0xffffffffn]],
  ['&=', [0x3n, 0x3n, 0x28n, 0x3n]],
  ['^=', [0xfffffff8n, 0xfffffffcn, 0xffffffd3n, 0xfffffffcn]],
  ['<<=', [0xffffffd8n, 0xfffffd80n, 0xfffffb00n, 0x38000000n]],
  ['>>=', [0x1fffffffn, 0x1ffffffn, 0xffffffn, 0x0n]],
  ['s>>=', [0xffffffffn, 0xffffffffn, 0xffffffffn, 0x0n]],
];

export const RUNS: readonly Run[] = [
  {
    what: 'casts',
    text: `r1 = map arena\nr6 = 0x7777777700000005 ll\nr7 = addr_space_cast(r6, 0, 1)\n${out(0, 'r7')}r7 = addr_space_cast(r7, 1, 0)\n${out(1, 'r7')}r7 = addr_space_cast(r6, 1, 0)\n${out(2, 'r7')}r6 = 0x7777777700000000 ll\nr7 = addr_space_cast(r6, 1, 0)\n${out(3, 'r7')}r7 = addr_space_cast(r6, 0, 1)\n${out(4, 'r7')}`,
    out: [5n, START + 5n, START + 5n],
  },
  {
    what: 'addresses of variables',
    text: `r1 = value arena + 0\n${out(0, 'r1')}r1 = value arena + 24\n${out(1, 'r1')}`,
    out: [START, START + 24n],
  },
  ...ALU.map(([op, words]) => ({
    what: `arithmetic: ${op}`,
    text: `r1 = map arena\nr6 = -5\nr6 = addr_space_cast(r6, 0, 1)\nr8 = r6\nr8 ${op} 3\n${out(0, 'r8')}r8 = r6\nr4 = 0x300000007 ll\nr8 ${op} r4\n${out(1, 'r8')}r8 = r6\nr5 = 40\nr8 ${op} r5\n${out(2, 'r8')}r4 ${op} r6\n${out(3, 'r4')}`,
    out: words,
  })),
  {
    what: 'arithmetic: a pointer here, a number there',
    text: `r1 = map arena\nr6 = 4096\nr6 = addr_space_cast(r6, 0, 1)\nr8 = *(u32 *)(r9 + 0)\nif r8 != 0 goto use\nr6 = 0x10000000000 ll\nuse:\nr6 += 8\n${out(0, 'r6')}`,
    out: [0x10000000008n],
    linux: [8n],
  },
  {
    what: 'loads and stores of every size',
    text: `${PAGES}*(u64 *)(r6 + 8) = r7\nr1 = *(u8 *)(r6 + 15)\n${out(0, 'r1')}r1 = *(u16 *)(r6 + 9)\n${out(1, 'r1')}r1 = *(s32 *)(r6 + 8)\n${out(2, 'r1')}r1 = *(s8 *)(r6 + 8)\n${out(3, 'r1')}*(u8 *)(r6 + 1) = r7\n*(u16 *)(r6 + 2) = r7\n*(u32 *)(r6 + 4) = r7\nr1 = *(u64 *)(r6 + 0)\n${out(4, 'r1')}*(u64 *)(r6 + 0) = -2\nr1 = *(u64 *)(r6 + 0)\n${out(5, 'r1')}`,
    out: [0x11n, 0x6677n, 0x55667788n, 0xffffffffffffff88n, 0x5566778877888800n, 0xfffffffffffffffen],
  },
  {
    what: 'across two pages',
    text: `${PAGES}*(u64 *)(r6 + 4092) = r7\nr1 = *(u64 *)(r6 + 4092)\n${out(0, 'r1')}r1 = *(u32 *)(r6 + 4096)\n${out(1, 'r1')}`,
    out: [N, N >> 32n],
  },
  {
    what: 'across the end of the last page that is there',
    text: `${PAGES}r6 += 8180\n*(u64 *)(r6 + 4) = r7\nr1 = *(u64 *)(r6 + 8)\n${out(0, 'r1')}*(u64 *)(r6 + 8) = -1\nr1 = *(u64 *)(r6 + 4)\n${out(1, 'r1')}r1 = *(u8 *)(r6 + 12)\n${out(2, 'r1')}r1 = *(u8 *)(r6 + 11)\n${out(3, 'r1')}`,
    out: [0n, N, 0n, 0x11n],
  },
  {
    what: 'before the first page',
    text: `${PAGES}*(u32 *)(r6 + 0) = -1\nr1 = *(u32 *)(r6 - 2)\n${out(0, 'r1')}*(u32 *)(r6 - 2) = 0\nr1 = *(u32 *)(r6 + 0)\n${out(1, 'r1')}`,
    out: [0n, 0xffffffffn],
  },
  {
    what: 'the offset does not wrap',
    text: `${PAGES}*(u64 *)(r6 + 0) = -1\nr6 = -4\nr6 = addr_space_cast(r6, 0, 1)\nr1 = *(u64 *)(r6 + 4)\n${out(0, 'r1')}r6 += 4\nr1 = *(u64 *)(r6 + 0)\n${out(1, 'r1')}`,
    out: [0n, 0xffffffffffffffffn],
  },
  {
    what: 'a page that is missing',
    text: `${NO_PAGE}*(u64 *)(r6 + 0) = r7\n*(u8 *)(r6 + 1) = -1\nr1 = r7\nr1 = *(u64 *)(r6 + 0)\n${out(0, 'r1')}r1 = r7\nr1 = *(u8 *)(r6 + 0)\n${out(1, 'r1')}r1 = r7\nr1 = *(s16 *)(r6 + 0)\n${out(2, 'r1')}`,
    out: [],
  },
  {
    what: '... and atomics',
    text: `${NO_PAGE}lock *(u64 *)(r6 + 0) += r7\nr1 = r7\nr1 = atomic64_fetch_add((u64 *)(r6 + 0), r1)\n${out(0, 'r1')}r1 = r7\nr1 = atomic64_xchg((u64 *)(r6 + 0), r1)\n${out(1, 'r1')}r0 = r7\nr1 = 5\nr0 = atomic64_cmpxchg((u64 *)(r6 + 0), r0, r1)\n${out(2, 'r0')}store_release((u64 *)(r6 + 0), r7)\nr1 = *(u64 *)(r6 + 0)\n${out(3, 'r1')}`,
    out: [N, N, N],
  },
  {
    what: '... of 32 bits',
    text: `${NO_PAGE}r1 = r7\nr1 = atomic_fetch_add((u32 *)(r6 + 0), r1)\n${out(0, 'r1')}r1 = r7\nr1 = atomic_xchg((u32 *)(r6 + 0), r1)\n${out(1, 'r1')}r0 = r7\nr1 = 5\nr0 = atomic_cmpxchg((u32 *)(r6 + 0), r0, r1)\n${out(2, 'r0')}`,
    out: [0x55667788n, 0x55667788n, 0x55667788n],
    linux: [N, N, N],
  },
  {
    what: '... and load-acquire',
    text: `${NO_PAGE}r1 = r7\nr1 = load_acquire((u8 *)(r6 + 0))\n${out(0, 'r1')}r1 = r7\nr1 = load_acquire((u64 *)(r6 + 0))\n${out(1, 'r1')}`,
    out: [],
    linux: [N, N],
  },
  {
    what: 'atomics',
    text: `${PAGES}*(u64 *)(r6 + 0) = 5\nlock *(u64 *)(r6 + 0) += r7\nr1 = 3\nr1 = atomic64_fetch_add((u64 *)(r6 + 0), r1)\n${out(0, 'r1')}r1 = r7\nr1 = atomic_xchg((u32 *)(r6 + 4), r1)\n${out(1, 'r1')}r0 = *(u64 *)(r6 + 0)\nr1 = 9\nr0 = atomic64_cmpxchg((u64 *)(r6 + 0), r0, r1)\n${out(2, 'r0')}r0 = 1\nr0 = atomic_cmpxchg((u32 *)(r6 + 0), r0, r7)\n${out(3, 'r0')}lock *(u32 *)(r6 + 0) |= r7\nlock *(u64 *)(r6 + 0) &= r7\nlock *(u32 *)(r6 + 4) ^= r7\nr1 = load_acquire((u64 *)(r6 + 0))\n${out(4, 'r1')}store_release((u32 *)(r6 + 4), r7)\nr1 = load_acquire((u16 *)(r6 + 4))\n${out(5, 'r1')}`,
    out: [
      0x112233445566778dn,
      0x11223344n,
      0x5566778855667790n,
      9n,
      0x5566778800000000n | (0x55667789n & 0x55667788n),
      0x7788n,
    ],
  },
  {
    what: '... across two pages',
    text: `${PAGES}*(u64 *)(r6 + 4092) = 5\nr7 = atomic64_fetch_add((u64 *)(r6 + 4092), r7)\nr1 = *(u64 *)(r6 + 4092)\n${out(0, 'r1')}`,
    out: [N + 5n],
    linux: null,
  },
  {
    what: 'all pages and no more',
    text: `${alloc(0, 5)}${out(0, 'r0')}${alloc(0, 4)}${out(1, 'r0')}${alloc(0, 1)}${out(2, 'r0')}${free(4096, 2)}${alloc(0, 1)}${out(3, 'r0')}${alloc(8192, 1)}${out(4, 'r0')}${alloc(0, 1)}${out(5, 'r0')}`,
    out: [0n, START, 0n, START + 4096n, START + 8192n],
  },
  {
    what: 'odd requests',
    text: `${alloc(0, 1, 1)}${out(0, 'r0')}${alloc(100, 1)}${out(1, 'r0')}${alloc(0, 0)}${out(2, 'r0')}${alloc(16384, 1)}${out(3, 'r0')}${alloc(12288, 2)}${out(4, 'r0')}${alloc(0x7fff0000, 1)}${out(5, 'r0')}`,
    out: [],
  },
  {
    what: 'the first page by its address, whose low half is 0',
    text: `r8 = value arena + 0\n${alloc(0, 1)}${free('r8', 1)}${alloc(4096, 1)}${alloc('r8', 1)}${out(0, 'r0')}${alloc('r8', 1)}${out(1, 'r0')}`,
    out: [START, ENOENTRY],
  },
  {
    what: 'reserved pages',
    text: `${reserve(0, 1)}${out(0, 'r0')}${reserve(0, 1)}${out(1, 'r0')}${reserve(100, 1)}${out(2, 'r0')}${reserve(4096, 4)}${out(3, 'r0')}${reserve(4096, 0)}${out(4, 'r0')}${alloc(0, 1)}${out(5, 'r0')}${alloc(0, 3)}${out(6, 'r0')}${free(0, 1)}r8 = value arena + 0\n${free('r8', 1)}${alloc('r8', 1)}${out(7, 'r0')}`,
    out: [0n, 0xfffffff0n, 0n, 0xffffffean, 0n, START + 4096n, 0n, START],
  },
  {
    what: 'the shortest run that is long enough, the last one made of equal ones',
    text: `${alloc(0, 4)}${free(4096, 1)}${free(12288, 1)}${alloc(0, 1)}${out(0, 'r0')}${alloc(0, 1)}${out(1, 'r0')}r8 = value arena + 0\n${free('r8', 1)}${free(8192, 2)}${alloc(0, 1)}${out(2, 'r0')}${alloc(0, 1)}${out(3, 'r0')}${alloc(0, 1)}${out(4, 'r0')}`,
    out: [START + 12288n, START + 4096n, START, START + 8192n, START + 12288n],
  },
  {
    what: 'freed pages are empty when they come back',
    text: `${PAGES}*(u64 *)(r6 + 0) = r7\n*(u64 *)(r6 + 4096) = r7\n${free('r8', 2)}r1 = *(u64 *)(r6 + 0)\n${out(0, 'r1')}*(u64 *)(r6 + 0) = r7\n${alloc(0, 2)}${out(1, 'r0')}r1 = *(u64 *)(r6 + 0)\n${out(2, 'r1')}r1 = *(u64 *)(r6 + 4096)\n${out(3, 'r1')}`,
    out: [0n, START],
  },
  {
    what: 'freed beyond the end',
    text: `${alloc(0, 4)}${free(12288, 100)}${alloc(0, 1)}${out(0, 'r0')}${free(16384, 1)}${alloc(0, 1)}${out(1, 'r0')}`,
    out: [START + 12288n],
  },
  {
    what: 'a list',
    text: `${PAGES}r1 = r8\nr1 += 64\n*(u64 *)(r6 + 0) = r1\nr1 += 64\n*(u64 *)(r6 + 64) = r1\n*(u64 *)(r6 + 72) = 40\n*(u64 *)(r6 + 136) = 2\nr2 = 0\nloop:\nr3 = addr_space_cast(r8, 0, 1)\nr8 = *(u64 *)(r3 + 0)\nr4 = *(u64 *)(r3 + 8)\nr2 += r4\nmay_goto out\nif r8 != 0 goto loop\nout:\n${out(0, 'r2')}`,
    out: [42n],
  },
  {
    what: 'a sum in a loop',
    text: `${PAGES}r1 = r6\nr2 = 0\nfill:\n*(u8 *)(r1 + 0) = r2\nr1 += 1\nr2 += 1\nif r2 != 100 goto fill\nr1 = r6\nr2 = 0\nr3 = 0\nsum:\nr4 = *(u8 *)(r1 + 0)\nr3 += r4\nr1 += 1\nr2 += 1\nif r2 != 200 goto sum\n${out(0, 'r3')}`,
    out: [4950n],
  },
  {
    what: 'bytes put together',
    text: `${PAGES}*(u64 *)(r6 + 0) = r7\nr1 = *(u8 *)(r6 + 1)\nr2 = *(u8 *)(r6 + 2)\nr2 <<= 8\nr1 |= r2\nr2 = *(u8 *)(r6 + 3)\nr2 <<= 16\nr1 |= r2\nr2 = *(u8 *)(r6 + 4)\nr2 <<= 24\nr1 |= r2\n${out(0, 'r1')}`,
    out: [0x44556677n],
  },
  {
    what: 'the structure of the arena',
    text: `r1 = map arena\nr2 = *(u64 *)(r1 + 296)\n${out(0, 'r2')}r2 = *(u64 *)(r1 + 304)\n${out(1, 'r2')}r2 = *(u32 *)(r1 + 76)\n${out(2, 'r2')}r2 = *(u32 *)(r1 + 64)\n${out(3, 'r2')}`,
    out: [START, START + 16384n, 4n, 33n],
  },
];

/** The program of a run: `maps` by the names in its references. */
export function sourceOf({ text }: Run, idOf: (kfunc: string) => number | undefined) {
  const whole = `r9 = value out + 0\n${text}\nr0 = 0\nexit`;
  const { insns, relocs } = asm(whole.replace(/kcall (\w+)/g, (_, name) => `call ${name}#${idOf(name)}`));
  const mapRefs = new Map(
    relocs.map(({ insn, map, kind, off }) => [insn, { map: map === 'arena' ? 0 : 1, kind, off }]),
  );
  return { type: 'syscall', flags: 16, insns, mapRefs };
}

/** `out` as bytes. */
export function outBytes(words: readonly bigint[]): Uint8Array {
  const all = new BigUint64Array(8);
  all.set(words.map((word) => BigInt.asUintN(64, word)));
  return new Uint8Array(all.buffer);
}
