// The value domain on all numbers of a few bits (conformance/domain), and bugs planted into it, each of which must show.
// More bits: BEEWASM_DOMAIN_BITS=6, or `npm run domain -- 8`.

import { describe, expect, it } from 'vitest';
import * as check from '../conformance/domain/check.ts';
import { World } from '../conformance/domain/world.ts';
import { Tnum, tnumIntersect } from '../src/verifier/tnum.ts';
import { and, maxS, maxU, minS, minU, ONE_WORD, or, without, xor } from '../src/verifier/word.ts';

const CHECKS = Object.entries(check);
const BITS = Number(process.env.BEEWASM_DOMAIN_BITS ?? 4);

describe(`the value domain on all numbers of ${BITS} bits`, () => {
  it.each(CHECKS)('%s', (_, run) => {
    expect(run(new World(BITS))).toBeGreaterThan(5000);
  });
});

type Bug = (world: World) => void;

/** Each puts a bug into a world's own copy of the domain. */
const BUGS: Readonly<Record<string, Bug>> = {
  'a tnum addition forgets carries': ({ scalars: { tnums } }) => {
    tnums.add = (a, b) => new Tnum(without(xor(a.v, b.v), or(a.m, b.m)), or(a.m, b.m));
  },
  'a tnum subtraction forgets one way of borrowing': ({ w, scalars: { tnums } }) => {
    tnums.sub = (a, b) => {
      const dv = w.sub(a.v, b.v);
      const mu = or(or(xor(w.add(dv, a.m), dv), a.m), b.m);
      return new Tnum(without(dv, mu), mu);
    };
  },
  'a tnum shift keeps its mask': ({ w, scalars: { tnums } }) => {
    tnums.lsh = (a, k) => new Tnum(without(w.lsh(a.v, k), a.m), a.m);
  },
  'the tnum around a range is one bit short': ({ w, scalars: { tnums } }) => {
    tnums.range = (min, max) => {
      const delta = w.rsh(w.ones(w.length(xor(min, max))), 1);
      return new Tnum(without(min, delta), delta);
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
      if (outcome) a.var_off = new Tnum(or(v, b.var_off.v), without(m, b.var_off.v));
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
      b.var_off = tnumIntersect(b.var_off, new Tnum(low.v, and(low.m, w.ones(w.half))));
    };
  },
};

describe('a planted bug shows', () => {
  it.each(Object.entries(BUGS))('%s', (_, plant) => {
    const world = new World(4);
    plant(world);
    expect(() => {
      for (const [, run] of CHECKS) run(world);
    }).toThrow('value domain');
  });
});
