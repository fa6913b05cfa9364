// Random programs that work on an arena of four pages of which two are there: casts, arithmetic, accesses across pages,
// atomics, the stack. They end with every register and some bytes of the arena in `out` (see arena_runs.ts).

import type { Run } from './arena_runs.ts';

/** The next of `n` numbers. */
export type Pick = (n: number) => number;

/** Equal numbers for equal seeds. */
export function picker(seed: number): Pick {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const REGS = ['r6', 'r7', 'r8'];
const OPERATORS = ['+=', '-=', '*=', '/=', '%=', 's/=', 's%=', '|=', '&=', '^=', '<<=', '>>=', 's>>='];
const NUMBERS = [1, 3, 8, 4096, -1, -8, 0x7fffffff, 8192];
/** Around the edges of pages, of what is there, and of the arena. */
const PLACES = [0, 1, 4, 8, 4088, 4090, 4092, 4095, 4096, 8180, 8184, 8185, 8190, 8192, 12280, 16380, 16384, -1, -8];
const OFFSETS = ['+ 0', '+ 4', '- 4', '+ 7', '+ 100'];
const STORES = ['u8', 'u16', 'u32', 'u64'];
const LOADS = [...STORES, 's8', 's16', 's32'];

type Statement = (one: <T>(of: readonly T[]) => T, pick: Pick, i: number) => string;

const cast = (from: string | number) => `r5 = ${from}\nr5 = addr_space_cast(r5, 0, 1)\n`;

const STATEMENTS: readonly Statement[] = [
  (one) => `${one(REGS)} = addr_space_cast(${one(REGS)}, ${one(['0, 1', '1, 0'])})`,
  (one) => `${one(REGS)} ${one(OPERATORS)} ${one(REGS)}`,
  (one) => `${one(REGS).replace('r', 'w')} ${one(OPERATORS)} ${one(REGS).replace('r', 'w')}`,
  (one, pick) => {
    const operator = one(OPERATORS);
    return `${one(REGS)} ${operator} ${/<<|>>/.test(operator) ? pick(64) : one(NUMBERS)}`;
  },
  (one) => `${cast(one(PLACES))}${one(REGS)} = *(${one(LOADS)} *)(r5 ${one(OFFSETS)})`,
  (one) => `${cast(one(REGS))}${one(REGS)} = *(${one(LOADS)} *)(r5 ${one(OFFSETS)})`,
  (one) => `${cast(one(PLACES))}*(${one(STORES)} *)(r5 ${one(OFFSETS)}) = ${one([...REGS, '-7'])}`,
  (one) => {
    // Where there are pages, and aligned: elsewhere beewasm differs, and some CPUs stop a kernel that locks two lines.
    const bits = one([32, 64]);
    const [at, name, r] = [`(u${bits} *)(r5 + 0)`, bits === 64 ? 'atomic64' : 'atomic', one(REGS)];
    const kinds = [
      `lock *${at} ${one(['+=', '|=', '&=', '^='])} ${r}`,
      `${r} = ${name}_fetch_add(${at}, ${r})`,
      `${r} = ${name}_xchg(${at}, ${r})`,
      `r0 = ${one(REGS)}\nr0 = ${name}_cmpxchg(${at}, r0, ${r})\n${one(REGS)} = r0`,
      `${r} = load_acquire(${at})`,
      `store_release(${at}, ${r})`,
    ];
    return cast(one([0, 8, 64, 4096, 8184])) + one(kinds);
  },
  (one) => `*(u64 *)(r10 - 8) = ${one(REGS)}\n${one(REGS)} = *(u64 *)(r10 - 8)`,
  (one, _pick, i) =>
    `if ${one(REGS)} ${one(['==', '>', 's<', '&'])} ${one(REGS)} goto l${i}\n${one(REGS)} ^= 5\nl${i}:`,
  (one, pick) => `${one(REGS)} = ${pick(100_000) - 50_000}`,
];

/** What it leaves in `out` is for engines and kernels to agree on. */
export function randomRun(seed: number): Run {
  const pick = picker(seed);
  const one = <T>(of: readonly T[]) => of[pick(of.length)];
  const body = Array.from({ length: 4 + pick(20) }, (_, i) => one(STATEMENTS)(one, pick, i));
  const ends = [
    ...REGS.map((reg, i) => `*(u64 *)(r9 + ${8 * i}) = ${reg}`),
    cast(0),
    ...[0, 8, 4088, 4096, 8184].map((at, i) => `r2 = *(u64 *)(r5 + ${at})\n*(u64 *)(r9 + ${24 + 8 * i}) = r2`),
  ];
  const pages = 'r1 = map arena\nr2 = 0\nr3 = 2\nr4 = -1\nr5 = 0\nkcall bpf_arena_alloc_pages';
  const start = 'r6 = addr_space_cast(r0, 0, 1)\nr7 = 0x1122334455667788 ll\nr8 = 77';
  return { what: `seed ${seed}`, text: [pages, start, ...body, ...ends].join('\n'), out: [] };
}
