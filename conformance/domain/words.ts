// Numbers of two halves (src/verifier/word.ts): every operator on every word or pair of words, against JS integers.

import type { Word } from '../../src/verifier/word.ts';
import * as word from '../../src/verifier/word.ts';
import { fail, type Part, type World } from './world.ts';

/** What an operator of two words gives, and what it should: a number, a truth, or null. */
interface PairRow {
  readonly got: (world: World, a: Word, b: Word) => Word | boolean | null;
  readonly want: (world: World, x: number, y: number) => number | boolean | null;
}

const s = (world: World, x: number) => world.toSigned(x);

/** Free functions of word.ts, by name. */
export const WORD_PAIRS = {
  same: { got: (_, a, b) => word.same(a, b), want: (_, x, y) => x === y },
  and: { got: (_, a, b) => word.and(a, b), want: (_, x, y) => x & y },
  or: { got: (_, a, b) => word.or(a, b), want: (_, x, y) => x | y },
  xor: { got: (_, a, b) => word.xor(a, b), want: (_, x, y) => x ^ y },
  without: { got: (_, a, b) => word.without(a, b), want: (_, x, y) => x & ~y },
  below: { got: (_, a, b) => word.below(a, b), want: (_, x, y) => x < y },
  less: { got: (_, a, b) => word.less(a, b), want: (w, x, y) => s(w, x) < s(w, y) },
  minU: { got: (_, a, b) => word.minU(a, b), want: (_, x, y) => Math.min(x, y) },
  maxU: { got: (_, a, b) => word.maxU(a, b), want: (_, x, y) => Math.max(x, y) },
  minS: { got: (_, a, b) => word.minS(a, b), want: (w, x, y) => w.wrap(Math.min(s(w, x), s(w, y))) },
  maxS: { got: (_, a, b) => word.maxS(a, b), want: (w, x, y) => w.wrap(Math.max(s(w, x), s(w, y))) },
} satisfies Record<string, PairRow>;

function fits(p: number, from: number, to: number, world: World): number | null {
  return p >= from && p < to ? world.wrap(p) : null;
}

/** Methods of Words. */
export const WORDS_PAIRS = {
  add: { got: ({ w }, a, b) => w.add(a, b), want: (w, x, y) => w.wrap(x + y) },
  sub: { got: ({ w }, a, b) => w.sub(a, b), want: (w, x, y) => w.wrap(x - y) },
  product: {
    got: ({ w }, a, b) => w.product(a, b, false),
    want: (w, x, y) => fits(x * y, 0, w.n, w),
  },
} satisfies Record<string, PairRow>;

const SIGNED_PRODUCT: PairRow = {
  got: ({ w }, a, b) => w.product(a, b, true),
  want: (w, x, y) => fits(s(w, x) * s(w, y), -w.n / 2, w.n / 2, w),
};

/** One word and a count of bits, out of those that the operator takes. */
interface CountRow {
  readonly from: number;
  readonly to: (world: World) => number;
  readonly got: (world: World, a: Word, k: number) => Word;
  readonly want: (world: World, x: number, k: number) => number;
}

const extended = (x: number, k: number) => (k === 0 ? 0 : (x << (32 - k)) >> (32 - k));
const lastBit = ({ bits }: World) => bits - 1;

export const WORDS_COUNTS = {
  lsh: { from: 0, to: lastBit, got: ({ w }, a, k) => w.lsh(a, k), want: (w, x, k) => w.wrap(x * 2 ** k) },
  rsh: { from: 0, to: lastBit, got: ({ w }, a, k) => w.rsh(a, k), want: (_, x, k) => x >> k },
  arsh: { from: 0, to: lastBit, got: ({ w }, a, k) => w.arsh(a, k), want: (w, x, k) => w.wrap(s(w, x) >> k) },
  ones: {
    from: 0,
    to: (w) => w.bits + 1,
    got: ({ w }, _, k) => w.ones(k),
    want: (w, _, k) => Math.min(2 ** k, w.n) - 1,
  },
  signExtend: {
    from: 1,
    to: ({ bits }) => bits,
    got: ({ w }, a, k) => w.signExtend(a, k),
    want: (w, x, k) => w.wrap(extended(x, k)),
  },
} satisfies Record<string, CountRow>;

/** One word: what it is as a JS number, or a word made of one. */
interface OneRow {
  readonly got: (world: World, a: Word, x: number) => Word | number | bigint | boolean;
  readonly want: (world: World, x: number) => number | bigint | boolean;
}

export const WORD_ONES = {
  isZero: { got: (_, a) => word.isZero(a), want: (_, x) => x === 0 },
} satisfies Record<string, OneRow>;

export const WORDS_ONES = {
  s: { got: ({ w }, _, x) => w.s(x), want: (w, x) => w.toSigned32(x % w.half) },
  u: { got: ({ w }, _, x) => w.u(x), want: (w, x) => x % w.half },
  zext: { got: ({ w }, a) => w.zext(a.lo), want: (w, x) => x % w.half },
  sext: { got: ({ w }, a) => w.sext(a.lo), want: (w, x) => w.wrap(w.toSigned32(x % w.half)) },
  length: { got: ({ w }, a) => w.length(a), want: (_, x) => x.toString(2).length - (x === 0 ? 1 : 0) },
  toUnsigned: { got: ({ w }, a) => w.toUnsigned(a), want: (_, x) => x },
  toSigned: { got: ({ w }, a) => w.toSigned(a), want: (w, x) => s(w, x) },
  toBigint: { got: ({ w }, a) => w.toBigint(a), want: (_, x) => BigInt(x) },
  toSignedBigint: { got: ({ w }, a) => w.toSignedBigint(a), want: (w, x) => BigInt(s(w, x)) },
  of: { got: ({ w }, _, x) => w.of(BigInt(x)), want: (_, x) => x },
  ofNumber: { got: ({ w }, _, x) => w.ofNumber(x), want: (_, x) => x },
} satisfies Record<string, OneRow>;

/** Words of negative numbers are the same as of the large ones. */
const NEGATIVE: readonly OneRow[] = [
  { got: ({ w }, _, x) => w.of(BigInt(x) - (1n << BigInt(w.bits))), want: (_, x) => x },
  { got: ({ w, n }, _, x) => w.ofNumber(x - n), want: (_, x) => x },
];

/** A word has both halves sign-extended. */
function plain(world: World, got: Word | number | bigint | boolean | null, say: () => string) {
  if (typeof got !== 'object' || got === null) return got;
  if (world.w.s(got.hi) !== got.hi || world.w.s(got.lo) !== got.lo)
    fail(`${say()} = (${got.hi}, ${got.lo}) is no word`);
  return world.number(got);
}

export function checkWords(world: World, { at, of }: Part): number {
  const { n, words } = world;
  let cases = 0;
  const expect = (got: unknown, want: unknown, say: () => string) => {
    cases++;
    if (got !== want) fail(`${say()} = ${got}, not ${want}`);
  };
  const pairs: [string, PairRow][] = [
    ...Object.entries<PairRow>(WORD_PAIRS),
    ...Object.entries<PairRow>(WORDS_PAIRS),
    ['signed product', SIGNED_PRODUCT],
  ];
  const ones: [string, OneRow][] = [
    ...Object.entries<OneRow>(WORD_ONES),
    ...Object.entries<OneRow>(WORDS_ONES),
    ...NEGATIVE.map((row): [string, OneRow] => ['of a negative', row]),
  ];
  for (let x = at; x < n; x += of) {
    for (const [name, { got, want }] of pairs) {
      for (let y = 0; y < n; y++) {
        const say = () => `${name} ${x} ${y}`;
        expect(plain(world, got(world, words[x], words[y]), say), want(world, x, y), say);
      }
    }
    for (const [name, { from, to, got, want }] of Object.entries<CountRow>(WORDS_COUNTS)) {
      for (let k = from; k <= to(world); k++) {
        const say = () => `${name} ${x} by ${k}`;
        expect(plain(world, got(world, words[x], k), say), want(world, x, k), say);
      }
    }
    for (const [name, { got, want }] of ones) {
      const say = () => `${name} of ${x}`;
      expect(plain(world, got(world, words[x], x), say), want(world, x), say);
    }
  }
  if (at > 0) return cases;
  const ends = [word.ZERO_WORD, word.ONE_WORD, word.ALL_ONES, world.w.min, world.w.max];
  [0, 1, n - 1, n / 2, n / 2 - 1].forEach((want, i) => {
    expect(world.number(ends[i]), want, () => `constant ${i}`);
  });
  return cases;
}
