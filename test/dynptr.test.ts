// Dynptrs (struct bpf_dynptr on the stack): what Linux 6.18 says of small programs that make, use, end and destroy them.
// The live kernel, where it is, must give the same verdict, errno, number of instructions and whole log of level 2.

import { describe, expect, it } from 'vitest';
import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';
import { ROWS } from './dynptr_programs.ts';
import { expectSameOften, inputOf, liveKernel, refusal } from './live_objects.ts';

const live = liveKernel('dynptrs');

describe('dynptrs', () => {
  it.each(Object.entries(ROWS))('%s', (_name, { text, says }) => {
    expect(refusal(verify(inputOf(text, T.BPF_PROG_TYPE_XDP)))).toBe(says);
  });
});

describe.skipIf(live === null)('dynptrs beside the live kernel', () => {
  it.each(Object.entries(ROWS))('%s', (_name, { text, differs }) => {
    expectSameOften(live!, inputOf(text, T.BPF_PROG_TYPE_XDP), { differs });
  });
});
