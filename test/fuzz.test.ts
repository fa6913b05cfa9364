// A short dose of random programs, the saved cases, and what the generator promises about itself.
import { describe, expect, it } from 'vitest';
import { replay, runCampaign } from '../conformance/fuzz/campaign.ts';
import { readCases } from '../conformance/fuzz/cases.ts';
import { measureCoverage, NEVER } from '../conformance/fuzz/coverage.ts';
import { generate } from '../conformance/fuzz/generate.ts';
import { hunt } from '../conformance/fuzz/hunt.ts';
import { contender, IN_PARTS } from '../conformance/fuzz/lab.ts';
import { MUTANTS } from '../conformance/fuzz/mutants.ts';
import { caseFromJson, caseToJson, type FuzzProgram } from '../conformance/fuzz/program.ts';
import { shrink, without } from '../conformance/fuzz/shrink.ts';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { disasm } from '../src/isa/disasm.ts';
import { asm } from '../src/isa/index.ts';

const contenders = [
  await contender('jit', { level: 'auto' }),
  await contender('jit optimized', { level: 'optimized' }),
  await contender('jit in parts', IN_PARTS),
];
const campaign = { contenders, everyOther: 1, oracle: null, maxFailures: 3, shrink: true };
const code = (text: string) => ({ insns: asm(text).insns, mapRefs: new Map() });
const raw = (text: string): FuzzProgram => ({
  type: 'raw',
  verify: true,
  main: code(text),
  target: null,
  data: new Uint8Array(64),
});

describe('engines', () => {
  it('agree on random programs at both levels, and in parts', () => {
    const result = runCampaign({ ...campaign, seed: 20, from: 0, count: 40 });
    expect(result.failures).toEqual([]);
    expect(result.compared).toEqual({ jit: 40, 'jit optimized': 40, 'jit in parts': 40 });
    expect(result.refused).toBe(0);
  });

  it.each(readCases().map((c) => [c.name, c] as const))('agree on the saved case %s', (_, saved) => {
    expect(replay(saved, contenders)).toEqual([]);
  });

  it('agree with the live kernel (skipped where that is not Linux 6.18)', (t) => {
    const oracle = openOracle((why) => console.log(`random programs on the live kernel: skipped, ${why}`));
    if (oracle === null) return t.skip();
    if (!oracle.kernelRelease.startsWith('6.18.')) {
      console.log(`random programs on the live kernel: skipped, it is ${oracle.kernelRelease}`);
      oracle.shutdown();
      return t.skip();
    }
    const result = runCampaign({ ...campaign, contenders: [], oracle, seed: 21, from: 0, count: 60 });
    oracle.shutdown();
    expect(result.failures).toEqual([]);
    expect(result.compared.linux).toBeGreaterThan(45);
  });
});

describe('planted bugs', () => {
  it.each([MUTANTS[3], MUTANTS[9]])('$name', async (mutant) => {
    expect((await hunt(mutant, 9, 40)).found).not.toBeNull();
  });

  it('are not seen where there are none', async () => {
    expect((await hunt({ name: 'nothing', options: {} }, 7, 40)).found).toBeNull();
  });
});

describe('generator', () => {
  it('makes the same program of the same seed and index', () => {
    const text = (seed: number, index: number) => caseToJson({ name: '', about: '', ...generate(seed, index) });
    expect(text(5, 77)).toBe(text(5, 77));
    expect(text(5, 77)).not.toBe(text(5, 78));
    expect(text(5, 77)).not.toBe(text(6, 77));
  });

  it('uses every row of the opcode table', () => {
    const { contains, programs } = measureCoverage(22, 400);
    expect(programs).toBeGreaterThan(390);
    const rare = [...contains].filter(([name, share]) => share === 0 && !NEVER.has(name));
    expect(rare).toEqual([]);
  });
});

describe('cases', () => {
  it('survive JSON', () => {
    for (let index = 0; index < 20; index++) {
      const saved = { name: 'x', about: 'y', ...generate(23, index) };
      expect(caseFromJson(caseToJson(saved))).toEqual(saved);
    }
  });

  it('are shrunk to what matters', () => {
    const program = raw('r3 = 5\nr4 = 7 ll\nif r3 > 9 goto l\nr3 += 77\nl:\nr3 *= 3\nr0 = 1\nexit');
    const small = shrink(program, (p) => /r3 \*= /.test(disasm(p.main.insns)) && disasm(p.main.insns).includes('exit'));
    expect(disasm(small.main.insns)).toMatch(/^.*r3 \*= 0.*\n.*exit\n?$/);
  });

  it('keep their jumps when instructions go', () => {
    const { insns } = code('if r1 > 9 goto l\nr3 = 1\nr4 = 7 ll\nr5 = 1\nl:\nr0 = 1\nexit');
    const distance = (from: number, to: number) => without({ insns, mapRefs: new Map() }, from, to)?.insns[0].off;
    expect([distance(1, 2), distance(2, 4), distance(1, 5), distance(2, 3), distance(3, 4)]).toEqual([
      3,
      2,
      0,
      undefined,
      undefined,
    ]);
  });
});
