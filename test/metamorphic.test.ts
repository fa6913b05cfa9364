// The verdict does not hang on pruning, nor on how a program is written: a short dose of `npm run conformance -- twins`.
import { describe, expect, it } from 'vitest';
import { inputOf } from '../conformance/embed/rig.ts';
import { Random } from '../conformance/fuzz/random.ts';
import { runTwins } from '../conformance/twins/campaign.ts';
import { layOut, listingOf } from '../conformance/twins/listing.ts';
import { type Change, TRANSFORMS, twinOf } from '../conformance/twins/transform.ts';
import { asm, disasm } from '../src/isa/index.ts';

const input = (text: string) => inputOf(asm(text).insns, 64);
const PROGRAM = `
  r6 = *(u8 *)(r1 + 0)
  if r6 > 3 goto l
  r6 += 1
  call f
l: r0 = 7 ll
  r0 += r6
  exit
f: r0 = 0
  exit`;

describe('verdicts', () => {
  it('do not hang on pruning, names of registers, instructions that do nothing, or the place of code', () => {
    const result = runTwins({ seed: 9, count: 150, rows: [] });
    expect(result.differences).toEqual([]);
    expect(result.accepted).toBeGreaterThan(80);
    expect(result.refused).toBeGreaterThan(10);
    expect(result.runs).toBeGreaterThan(500);
    for (const way of ['state frequency', 'no pruning', ...Object.keys(TRANSFORMS)]) {
      expect(result.compared[way], way).toBeGreaterThan(100);
    }
  });

  it('differ when a program is not the same', () => {
    const results = (change: Change) =>
      runTwins({ seed: 9, count: 20, rows: [], transforms: { wrong: change } }).differences.map((d) => d.way);
    // R0 = 12345 before every exit; no R0 at all.
    const other: Change = (listing) =>
      listing.map((fn) =>
        fn.flatMap((line) => (line.insn.code === 0x95 ? [{ insn: asm('r0 = 12345').insns[0] }, line] : [line])),
      );
    const unreadable: Change = (listing) => listing.map((fn) => [{ insn: asm('r0 = r5').insns[0] }, ...fn]);
    expect(results(other)).toContain('wrong');
    expect(results(unreadable)).toContain('wrong');
  });
});

describe('a listing', () => {
  it('laid out again is the program', () => {
    const program = input(PROGRAM);
    expect(layOut(listingOf(program)!, program)).toEqual(program);
  });

  it('changes as the transforms say', () => {
    const texts = Object.values(TRANSFORMS).map((change) => {
      const all = Array.from({ length: 40 }, (_, i) => twinOf(input(PROGRAM), change, new Random(1, i)));
      return new Set(all.flatMap((twin) => (twin === null ? [] : [disasm(twin.insns)])));
    });
    for (const different of texts) expect(different.size).toBeGreaterThan(3);
  });

  it('is none for what does not decode', () => {
    expect(listingOf(inputOf([{ code: 0xff, dst: 0, src: 0, off: 0, imm: 0 }], 0))).toBeNull();
  });
});
