// Random programs about objects on the stack (object_random.ts) beside the live kernel: the same errno, the same number of
// instructions, the same whole log of level 2. Without one: pruning more often changes no verdict.

import { describe, expect, it } from 'vitest';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { PROG_FLAGS } from '../src/uapi/prog_flags.ts';
import { verify } from '../src/verifier/index.ts';
import { expectSame, inputOf, liveKernel } from './live_objects.ts';
import { randomObjects } from './object_random.ts';

const SEEDS = Number(process.env.OBJECT_SEEDS ?? 120);
const FIRST = Number(process.env.OBJECT_FIRST ?? 1);
/** Beyond this only verdict and number of instructions would be worth the time. */
const MAX_PROCESSED = 10_000;

const live = liveKernel('random objects');

function inputOfSeed(seed: number, types: KernelTypes, flags: number) {
  return inputOf(randomObjects(seed), T.BPF_PROG_TYPE_SCHED_CLS, flags, types);
}

const seeds = Array.from({ length: SEEDS }, (_, i) => FIRST + i);

describe('random objects on the stack', () => {
  it('a state kept at every instruction changes no verdict', () => {
    const wrong = seeds.filter((seed) => {
      const often = verify(inputOfSeed(seed, COMMON_TYPES, PROG_FLAGS.BPF_F_TEST_STATE_FREQ));
      const seldom = verify(inputOfSeed(seed, COMMON_TYPES, 0));
      return often.ok !== seldom.ok && Math.max(often.stats.processed, seldom.stats.processed) < MAX_PROCESSED;
    });
    expect(wrong).toEqual([]);
  });

  it.skipIf(live === null)(
    'beside the live kernel',
    () => {
      let accepted = 0;
      for (const seed of seeds) {
        const input = inputOfSeed(seed, live!.types, seed % 3 === 0 ? PROG_FLAGS.BPF_F_TEST_STATE_FREQ : 0);
        const hint = `seed ${seed}\n${randomObjects(seed)}`;
        if (expectSame(live!, input, { most: MAX_PROCESSED, hint })) accepted++;
      }
      expect(accepted).toBeGreaterThan(SEEDS / 2);
    },
    240_000,
  );
});
