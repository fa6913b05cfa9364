// Checks of the value domain on all numbers of 6 bits, as tests: files that share them run side by side.

import { describe, expect, it } from 'vitest';
import { CHECKS, type CheckName } from '../conformance/domain/checks.ts';
import { World } from '../conformance/domain/world.ts';

const BITS = 6;
const PARTS = 4;
const MINUTES = 10;

/** Each check in parts, so that none of them looks as if it hung. */
export function testChecks(names: readonly CheckName[]): void {
  describe(`the value domain on all numbers of ${BITS} bits`, () => {
    const world = new World(BITS);
    const parts = names.flatMap((name) => Array.from({ length: PARTS }, (_, at) => ({ name, at, of: PARTS })));
    it.each(parts)(
      '$name, part $at of $of',
      ({ name, ...part }) => {
        expect(CHECKS[name].run(world, part)).toBeGreaterThan(1000);
      },
      MINUTES * 60_000,
    );
  });
}
