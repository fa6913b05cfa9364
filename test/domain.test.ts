// The value domain on all numbers of a few bits (conformance/domain), and bugs planted into it, each of which must show.
// More bits: domain_six_*.test.ts, and `npm run domain -- 8`.

import { describe, expect, it } from 'vitest';
import { CHECK_NAMES, CHECKS, WIDE_ONLY } from '../conformance/domain/checks.ts';
import { ALL, World } from '../conformance/domain/world.ts';
import * as branch from '../src/verifier/branch.ts';
import * as alu from '../src/verifier/scalar_alu.ts';
import * as scalars from '../src/verifier/scalars.ts';
import * as tnum from '../src/verifier/tnum.ts';
import * as word from '../src/verifier/word.ts';
import { and, maxS, maxU, minS, minU, ONE_WORD, or, without, xor } from '../src/verifier/word.ts';

const everything = (world: World) => CHECK_NAMES.map((name) => CHECKS[name].run(world, ALL));

describe('the value domain on all numbers of 4 bits', () => {
  it.each(CHECK_NAMES)('%s', (name) => {
    expect(CHECKS[name].run(new World(4), ALL)).toBeGreaterThan(1000);
  });
  it('parts of a check are all of it', () => {
    const world = new World(4);
    for (const name of CHECK_NAMES.filter((n) => n !== 'all descriptions (sampled)')) {
      const parts = [0, 1, 2].map((at) => CHECKS[name].run(world, { at, of: 3 }));
      expect([name, parts.reduce((a, b) => a + b)]).toEqual([name, CHECKS[name].run(world, ALL)]);
    }
  });
});

describe('every operator of the domain has a check', () => {
  const about = new Set<string>(CHECK_NAMES.flatMap((name) => CHECKS[name].about));
  const modules = { word, tnum, scalars, alu, branch };
  const classes = {
    Words: word.Words,
    Tnums: tnum.Tnums,
    Scalars: scalars.Scalars,
    Alu: alu.Alu,
    Branches: branch.Branches,
  };
  // Data without operators.
  const plain = ['Scalar', ...Object.keys(classes)];
  const exported = Object.values(modules).flatMap((m) => Object.keys(m));
  const methods = Object.entries(classes).flatMap(([name, { prototype }]) =>
    Object.getOwnPropertyNames(prototype).map((method) => `${name}.${method}`),
  );

  it.each(exported.filter((name) => !plain.includes(name)))('%s', (name) => {
    expect(about.has(name) || WIDE_ONLY.includes(name)).toBe(true);
  });
  it.each(methods.filter((name) => !name.endsWith('.constructor')))('%s', (name) => {
    expect(about).toContain(name);
    // A check that is about a method meets it: one that breaks down shows.
    const [of, method] = name.split('.');
    const broken = new World(4, (world) => {
      const owner = {
        Words: world.w,
        Tnums: world.scalars.tnums,
        Scalars: world.scalars,
        Alu: world.alu,
        Branches: world.branches,
      }[of]!;
      const value = () => {
        throw new Error(`met ${name}`);
      };
      Object.defineProperty(owner, method, { value, configurable: true });
    });
    const checks = CHECK_NAMES.filter((c) => (CHECKS[c].about as readonly string[]).includes(name));
    for (const c of checks) expect(() => CHECKS[c].run(broken, ALL), c).toThrow(`met ${name}`);
  });
  it.each([...about])('%s is still there', (name) => {
    expect([...exported, ...methods]).toContain(name);
  });
});

type Bug = (world: World) => void;

const changed = (s: scalars.Scalar, change: Partial<scalars.Bounds>) => Object.assign(scalars.copyOf(s), change);

/** A shift of which some ends are those of the change. */
function shiftBug(
  method: 'shift64' | 'shift32',
  kind: string,
  change: (world: World, s: scalars.Scalar, k: number) => Partial<scalars.Bounds>,
): Bug {
  return (world) => {
    const shift = world.alu[method].bind(world.alu);
    world.alu[method] = (op, s, k) => {
      const r = shift(op, s, k);
      return op === kind ? changed(r, change(world, s, k)) : r;
    };
  };
}

/** Each puts a bug into a world's own copy of the domain. */
const BUGS: Readonly<Record<string, Bug>> = {
  'a tnum addition forgets carries': ({ scalars: { tnums } }) => {
    tnums.add = (a, b) => new tnum.Tnum(without(xor(a.v, b.v), or(a.m, b.m)), or(a.m, b.m));
  },
  'a tnum subtraction forgets one way of borrowing': ({ w, scalars: { tnums } }) => {
    tnums.sub = (a, b) => {
      const dv = w.sub(a.v, b.v);
      const mu = or(or(xor(w.add(dv, a.m), dv), a.m), b.m);
      return new tnum.Tnum(without(dv, mu), mu);
    };
  },
  'a tnum shift keeps its mask': ({ w, scalars: { tnums } }) => {
    tnums.lsh = (a, k) => new tnum.Tnum(without(w.lsh(a.v, k), a.m), a.m);
  },
  'the tnum around a range is one bit short': ({ w, scalars: { tnums } }) => {
    tnums.range = (min, max) => {
      const delta = w.rsh(w.ones(w.length(xor(min, max))), 1);
      return new tnum.Tnum(without(min, delta), delta);
    };
  },
  'a carry does not reach the upper half': ({ w }) => {
    w.add = (a, b) => ({ hi: w.s(a.hi + b.hi), lo: w.s(a.lo + b.lo) });
  },
  'whole sums do not look at signed overflow': ({ alu }) => {
    const setSigned64 = alu.setSigned64.bind(alu);
    alu.setSigned64 = (d, lo, hi) => setSigned64(d, lo, hi, true);
  },
  'sums of low halves do not look at unsigned overflow': ({ w, alu }) => {
    alu.setUnsigned32 = (d, lo, hi) => Object.assign(d, { u32_min: w.u(lo), u32_max: w.u(hi) });
  },
  'the smallest difference is that of the smallest': ({ w, alu }) => {
    alu.rows.sub = { ...alu.rows.sub!, full: (d, s) => Object.assign(d, { uMin: w.sub(d.uMin, s.uMin) }) };
  },
  'a product may have a sign that its ends have not': ({ w, alu }) => {
    alu.rows.mul = {
      ...alu.rows.mul!,
      full: (d, s) =>
        alu.setSigned64(d, w.product(d.sMin, s.sMin, true) ?? w.min, w.product(d.sMax, s.sMax, true) ?? w.max, true),
    };
  },
  '& keeps the upper end of its first operand alone, and one less': ({ w, alu }) => {
    alu.rows.and = { ...alu.rows.and!, full: (d) => Object.assign(d, { uMax: w.sub(d.uMax, ONE_WORD) }) };
  },
  '< narrows as if it were < by two': ({ w, branches: { refinements } }) => {
    const [, low] = refinements.jlt;
    const two = w.ofNumber(2);
    refinements.jlt = [(a, b) => Object.assign(a, { uMax: minU(a.uMax, w.sub(b.uMax, two)) }), low];
  },
  '<= excludes that both are equal': ({ w, branches: { refinements } }) => {
    const [, low] = refinements.jle;
    refinements.jle = [(a, b) => Object.assign(a, { uMax: minU(a.uMax, w.sub(b.uMax, ONE_WORD)) }), low];
  },
  'a signed comparison narrows the unsigned range': ({ branches: { refinements } }) => {
    refinements.jsgt = [refinements.jgt[0], refinements.jsgt[1]];
  },
  's<= of low halves narrows nothing': ({ branches: { refinements } }) => {
    refinements.jsle = [refinements.jsle[0], () => {}];
  },
  '== of low halves keeps the larger end': ({ branches: { refinements } }) => {
    const [whole] = refinements.jeq;
    refinements.jeq = [whole, (a, b) => Object.assign(a, { u32_min: b.u32_max })];
  },
  '!= moves an end that is not equal': ({ w, branches: { refinements } }) => {
    const [, low] = refinements.jne;
    refinements.jne = [(a) => Object.assign(a, { uMin: w.add(a.uMin, ONE_WORD) }), low];
  },
  'no common bit: the constant is taken for the whole number': ({ branches }) => {
    const narrow = branches.narrow.bind(branches);
    branches.narrow = (op, whole, outcome, a, b) => narrow(op, whole || op === 'jset', outcome, a, b);
  },
  'a common bit of several is taken for all': ({ branches }) => {
    branches.refineJset = (outcome, _, a, b) => {
      const { v, m } = a.var_off;
      if (outcome) a.var_off = new tnum.Tnum(or(v, b.var_off.v), without(m, b.var_off.v));
    };
  },
  'signed ends of any unsigned range are its own': ({ scalars }) => {
    scalars.deduce64 = (b) => {
      b.sMin = maxS(b.sMin, b.uMin);
      b.sMax = minS(b.sMax, b.uMax);
    };
  },
  'a low half is ordered under any upper half': ({ w, scalars }) => {
    scalars.deduce32 = (b) => {
      b.u32_min = Math.max(b.u32_min, w.u(b.uMin.lo));
      b.u32_max = Math.min(b.u32_max, w.u(b.uMax.lo));
    };
  },
  'a number is its sign-extended low half': ({ w, scalars }) => {
    scalars.deduceMixed = (b) => {
      b.sMin = maxS(b.sMin, w.sext(b.s32_min));
      b.sMax = minS(b.sMax, w.sext(b.s32_max));
    };
  },
  'unknown bits count as 0 for the upper end': ({ scalars }) => {
    scalars.boundsFromTnum64 = (b) => {
      b.uMin = maxU(b.uMin, b.var_off.v);
      b.uMax = minU(b.uMax, b.var_off.v);
    };
  },
  'bits known of the low half hold for the upper one': ({ w, scalars }) => {
    scalars.tnumFromBounds = (b) => {
      const low = scalars.tnums.range(w.zext(b.u32_min), w.zext(b.u32_max));
      b.var_off = tnum.tnumIntersect(b.var_off, new tnum.Tnum(low.v, and(low.m, w.ones(w.half))));
    };
  },
  'a borrow does not reach the upper half': ({ w }) => {
    w.sub = (a, b) => ({ hi: w.s(a.hi - b.hi), lo: w.s(a.lo - b.lo) });
  },
  'a shift by half a number leaves the low half': ({ w }) => {
    const lsh = w.lsh.bind(w);
    w.lsh = (a, k) => (k === w.half ? { hi: a.lo, lo: a.lo } : lsh(a, k));
  },
  'a product that is too large wraps': ({ w }) => {
    w.product = (a, b, signed) =>
      w.ofNumber(signed ? w.toSigned(a) * w.toSigned(b) : w.toUnsigned(a) * w.toUnsigned(b));
  },
  'a factor that is not known counts as 0': ({ scalars: { tnums } }) => {
    const mul = tnums.mul.bind(tnums);
    tnums.mul = (x, y) => mul(new tnum.Tnum(x.v, word.ZERO_WORD), y);
  },
  'a tnum that is cut keeps a bit more': ({ w, scalars: { tnums } }) => {
    tnums.cast = (a, k) => new tnum.Tnum(and(a.v, w.ones(k + 1)), and(a.m, w.ones(k + 1)));
  },
  'the sign of a low half is not known to be shifted in': ({ w, scalars: { tnums } }) => {
    tnums.arsh32 = (a, k) =>
      new tnum.Tnum({ hi: 0, lo: w.s(w.u(a.v.lo) >>> k) }, { hi: 0, lo: w.s(w.u(a.m.lo) >>> k) });
  },
  'swapped bytes of a part leave the others in place': ({ scalars: { tnums } }) => {
    const bswap = tnums.bswap.bind(tnums);
    tnums.bswap = (a, bytes) => (bytes < 8 ? tnum.tnumOr(a, bswap(a, bytes)) : bswap(a, bytes));
  },
  'unknown bytes are not swapped': ({ scalars: { tnums } }) => {
    const bswap = tnums.bswap.bind(tnums);
    tnums.bswap = (a, bytes) => new tnum.Tnum(without(bswap(a, bytes).v, a.m), a.m);
  },
  'a byte swap keeps the largest number': ({ alu: a }) => {
    const end = a.end.bind(a);
    a.end = (bytes, swaps, s) => changed(end(bytes, swaps, s), { uMax: s.uMax });
  },
  'the first member is the only one': ({ scalars: { tnums } }) => {
    tnums.onlyMember = (a, min) => tnums.atLeast(a, min);
  },
  'cut ends are the ends of what is cut': ({ w, scalars: s }) => {
    const truncate = s.truncate.bind(s);
    s.truncate = (a, k) => changed(truncate(a, k), { uMax: and(a.uMax, w.ones(k)) });
  },
  'a narrow cut keeps the range of the low half': ({ scalars: s }) => {
    const truncate = s.truncate.bind(s);
    s.truncate = (a, k) => changed(truncate(a, k), { u32_min: a.u32_min, u32_max: a.u32_max });
  },
  'ends with their signs extended are the ends': ({ w, scalars: s }) => {
    const extend = s.signExtend.bind(s);
    s.signExtend = (a, k) => changed(extend(a, k), { sMin: w.signExtend(a.sMin, k), sMax: w.signExtend(a.sMax, k) });
  },
  'a sign bit that is not known is not extended': ({ w, scalars: s }) => {
    const extend = s.signExtend.bind(s);
    s.signExtend = (a, k) =>
      changed(extend(a, k), {
        var_off: new tnum.Tnum(without(w.signExtend(a.var_off.v, k), a.var_off.m), and(a.var_off.m, w.ones(k))),
      });
  },
  'a 32-bit sign extension reaches the upper half': ({ w, scalars: s }) => {
    const extend = s.signExtend32.bind(s);
    s.signExtend32 = (a, k) => (scalars.isConst(a) ? s.constant(w.signExtend(a.var_off.v, k)) : extend(a, k));
  },
  'a number that is zero-extended keeps the sign of its low half': ({ w, scalars: s }) => {
    const zext = s.zext32.bind(s);
    s.zext32 = (a) => changed(zext(a), { sMin: w.sext(a.s32_min), sMax: w.sext(a.s32_max) });
  },
  'where the low half is known all is': ({ w, scalars: s }) => {
    s.withLow = (_, low) => s.constant(w.zext(low.lo));
  },
  'descriptions together say that nothing is negative': ({ scalars: s }) => {
    const sync = s.sync.bind(s);
    s.sync = (b) => changed(sync(b), { sMin: maxS(b.sMin, word.ZERO_WORD) });
  },
  'a remainder is below its divisor, also below 0': ({ w, alu: a }) => {
    const compute = a.compute.bind(a);
    a.compute = (op, whole, x, y) => {
      const r = compute(op, whole, x, y);
      return op === 'mod' ? changed(r, { uMax: w.sub(y.var_off.v, ONE_WORD) }) : r;
    };
  },
  'a signed quotient is at most the dividend': ({ alu: a }) => {
    const compute = a.compute.bind(a);
    a.compute = (op, whole, x, y) => {
      const r = compute(op, whole, x, y);
      return op === 'sdiv' ? changed(r, { uMax: or(x.var_off.v, x.var_off.m) }) : r;
    };
  },
  'a 32-bit quotient keeps the upper half': ({ w, scalars: s, alu: a }) => {
    const compute = a.compute.bind(a);
    a.compute = (op, whole, x, y) =>
      op === 'div' && !whole && scalars.isConst(x) && scalars.isConst(y) && !word.isZero(y.var_off.v)
        ? s.constant(w.ofNumber(Math.floor(w.toUnsigned(x.var_off.v) / w.toUnsigned(y.var_off.v))))
        : compute(op, whole, x, y);
  },
  'a 32-bit move takes all': ({ alu: a }) => {
    const compute = a.compute.bind(a);
    a.compute = (op, whole, x, y) => compute(op, whole || op === 'mov', x, y);
  },
  'negation turns unsigned ends, too': ({ w, alu: a }) => {
    const compute = a.compute.bind(a);
    a.compute = (op, whole, x, y) => {
      const r = compute(op, whole, x, y);
      if (op !== 'sub' || !whole || !scalars.isConst(x)) return r;
      return changed(r, { uMin: w.sub(x.var_off.v, y.uMax), uMax: w.sub(x.var_off.v, y.uMin) });
    };
  },
  'bits shifted out do not matter': ({ w, alu: a }) => {
    a.lsh64 = (d, k) => a.setUnsigned64(d, w.lsh(d.uMin, k), w.lsh(d.uMax, k), true);
  },
  'bits shifted out of the low half do not matter': ({ w, alu: a }) => {
    a.lsh32 = (d, k) => Object.assign(d, { u32_min: w.u(d.u32_min << k), u32_max: w.u(d.u32_max << k) });
  },
  'a shift to the right keeps the sign': shiftBug('shift64', 'rsh', ({ w }, s, k) => ({
    sMin: w.arsh(s.sMin, k),
    sMax: w.arsh(s.sMax, k),
  })),
  'a shift of the sign divides the unsigned range': shiftBug('shift64', 'arsh', ({ w }, s, k) => ({
    uMin: w.rsh(s.uMin, k),
    uMax: w.rsh(s.uMax, k),
  })),
  'a shift of the low half to the right is of all': shiftBug('shift32', 'rsh', ({ w }, s, k) => ({
    uMin: w.rsh(s.uMin, k),
  })),
  'a shift of the sign of the low half divides its unsigned range': shiftBug('shift32', 'arsh', (_, s, k) => ({
    u32_min: s.u32_min >>> k,
    u32_max: s.u32_max >>> k,
  })),
  'unsigned < is decided by signed ends': ({ branches: b }) => {
    const taken = b.taken.bind(b);
    b.taken = (op, whole, x, y) => taken(op === 'jlt' ? 'jslt' : op, whole, x, y);
  },
  'equal low halves are equal numbers': ({ branches: b }) => {
    const taken = b.taken.bind(b);
    b.taken = (op, whole, x, y) => taken(op, whole && op !== 'jeq', x, y);
  },
  'a number compared with itself is not the same': ({ branches: b }) => {
    const narrow = b.narrow.bind(b);
    b.narrow = (op, whole, outcome, x, y) => {
      narrow(op, whole, outcome, x, y);
      if (x === y && op === 'jle' && outcome) x.uMax = word.ZERO_WORD;
    };
  },
};

describe('a planted bug shows', () => {
  it.each(Object.entries(BUGS))('%s', (_, plant) => {
    expect(() => everything(new World(4, plant))).toThrow('value domain');
  });
});
