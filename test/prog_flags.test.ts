// prog_flags of BPF_PROG_LOAD: alignment. Verdicts are Linux 6.18's, asked again where it is there.
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { asm } from '../src/isa/asm.ts';
import { progTypeByName } from '../src/spec/prog_types.ts';
import { PROG_FLAGS } from '../src/uapi/prog_flags.ts';
import { verify } from '../src/verifier/index.ts';
import type { ProgramInput } from '../src/verifier/verified.ts';

const { BPF_F_STRICT_ALIGNMENT: STRICT, BPF_F_ANY_ALIGNMENT: ANY } = PROG_FLAGS;

/** Reads two bytes of the packet, `at` bytes behind its start. */
function reader(at: number, flags: number): ProgramInput {
  const { insns } = asm(`
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r4 = r2
    r4 += 8
    r0 = 2
    if r4 > r3 goto done
    r1 = *(u16 *)(r2 + ${at})
  done:
    exit`);
  const type = progTypeByName('xdp')!.id;
  return { name: '', type, expectedAttachType: 0, flags, license: 'GPL', insns, maps: [], mapRefs: new Map() };
}

const ROWS = [
  [reader(1, 0), null],
  [reader(1, STRICT), 'misaligned packet access off 2+0+0+1 size 2'],
  [reader(2, STRICT), null],
  [reader(1, ANY), null],
  [reader(1, STRICT | ANY), null],
] as const;

it.each(ROWS)('%#: alignment', (input, message) => {
  const result = verify(input);
  expect(result.ok ? null : result.error.message).toBe(message);
});

const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

describe.skipIf(oracle === null)('beside the live kernel', () => {
  it.each(ROWS)('%#: alignment', (input, message) => {
    const linux = oracle!.load(input);
    oracle!.unload(linux);
    expect(linux.message).toBe(message);
  });
});
