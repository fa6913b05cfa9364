// Lines of the level-2 log that tell what pruning and linked scalars rest on: live stack slots by instruction and call
// chain, loops of unknown length, sums that stay linked. Recorded from Linux 6.18; the live kernel, where it is, must
// print the same whole log.

import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { asm } from '../src/isa/index.ts';
import { verify } from '../src/verifier/index.ts';
import type { ProgramInput } from '../src/verifier/verified.ts';

interface LogRow {
  readonly text: string;
  /** Lines that the log has, in this order. */
  readonly lines: readonly string[];
  /** Linux 6.18 is wrong here (README: where we knowingly differ). */
  readonly differs?: true;
}

const ROWS: Readonly<Record<string, LogRow>> = {
  'a slot is live from where some path may read it': {
    text: `
      call bpf_get_prandom_u32
      *(u64 *)(r10 - 8) = r0
      *(u64 *)(r10 - 16) = r0
      if r0 > 5 goto write
      r0 = *(u64 *)(r10 - 8)
      exit
    write:
      *(u64 *)(r10 - 8) = r0
      r0 = *(u64 *)(r10 - 16)
      exit`,
    lines: [
      '(0) frame 0 insn 3 +live -8',
      '(0) live stack update done in 2 iterations',
      '(0) frame 0 insn 3 +live -16',
    ],
  },
  'a store that writes another slot on another path kills neither, below fp-256 too': {
    text: `
      call bpf_get_prandom_u32
      r6 = r0
      r1 = 0
      *(u64 *)(r10 - 264) = r1
      *(u64 *)(r10 - 8) = r1
      r2 = r10
      r2 += -8
      if r6 > 5 goto store
      r2 = r10
      r2 += -264
    store:
      *(u64 *)(r2 + 0) = r1
      r3 = *(u64 *)(r10 - 264)
      r0 = 0
      exit`,
    lines: ['(0) frame 0 insn 10 +written -264', '(0) frame 0 insn 10 +live -264'],
    differs: true,
  },
  'what a function reads of its caller, the call reads': {
    text: `
      call bpf_get_prandom_u32
      *(u64 *)(r10 - 8) = r0
      r1 = r10
      r1 += -8
      call read
      r0 = 0
      exit
    read:
      r0 = *(u64 *)(r1 + 0)
      exit`,
    lines: ['(4,7) frame 0 insn 7 +live -8', '(0) frame 0 insn 4 +live -8'],
  },
  'may_goto is a loop whose states wait for each other': {
    text: `
      r0 = 0
      *(u64 *)(r10 - 8) = r0
    again:
      may_goto out
      r0 = *(u64 *)(r10 - 8)
      r0 += 1
      goto again
    out:
      r0 = 0
      exit`,
    lines: ['SCC enter (1)', 'SCC backedge (1)', 'SCC exit (1)'],
  },
  'a sum of 32 bits stays linked where nothing is above bit 31': {
    text: `
      call bpf_get_prandom_u32
      w0 = w0
      r6 = r0
      w6 += -1
      if r0 > 9 goto out
      r1 = r6
    out:
      r0 = 0
      exit`,
    lines: [
      'R6=scalar(id=1-1,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      'smin32=-1,smax32=8,var_off=(0x0; 0xffffffff))',
    ],
  },
  'a sum of 32 bits is not linked where something may be': {
    text: `
      call bpf_get_prandom_u32
      r6 = r0
      w6 += 1
      if r0 > 10 goto out
      r1 = r6
    out:
      r0 = 0
      exit`,
    lines: ['(04) w6 += 1                       ; R6=scalar(smin=0,'],
  },
  'sums of 32 and of 64 bits have no fixed distance': {
    text: `
      call bpf_get_prandom_u32
      w0 = w0
      r6 = r0
      w6 += 1
      r7 = r0
      r7 += 5
      if r7 > 100 goto out
      r0 = r6
    out:
      r0 = 0
      exit`,
    lines: ['R7=scalar(id=1+5,', 'R6=scalar(id=2,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))'],
  },
};

const inputOf = ({ text }: LogRow): ProgramInput => ({
  name: '',
  type: 6,
  expectedAttachType: 0,
  flags: 8,
  license: 'GPL',
  insns: asm(text).insns,
  maps: [],
  mapRefs: new Map(),
});

let skipReason = '';
const oracle = openOracle((reason) => {
  skipReason = reason;
});
const live = oracle?.kernelRelease.startsWith('6.18.') ? oracle : null;
if (oracle && !live) skipReason = `Linux ${oracle.kernelRelease}`;
if (skipReason) console.warn(`verifier log: no comparison with the live kernel: ${skipReason}`);
afterAll(() => oracle?.shutdown());

const comparable = (log: string): string[] =>
  log
    .split('\n')
    .map((l) => l.trimEnd())
    .filter((l) => l !== '' && !/^(verification time|stack depth)/.test(l));

describe.each(Object.entries(ROWS))('%s', (_name, row) => {
  it('in the log', () => {
    const { log } = verify(inputOf(row), { logLevel: 2 });
    let from = 0;
    for (const line of row.lines) {
      const at = log.indexOf(line, from);
      expect(at, `${line} in\n${log}`).toBeGreaterThanOrEqual(from);
      from = at + line.length;
    }
  });

  it.skipIf(live === null)('beside the live kernel', () => {
    const linux = live!.load(inputOf(row), { logLevel: 2 });
    live!.unload(linux);
    const ours = verify(inputOf(row), { logLevel: 2, cpus: live!.possibleCpus });
    if (row.differs) expect(comparable(ours.log)).not.toEqual(comparable(linux.log));
    else expect(comparable(ours.log)).toEqual(comparable(linux.log));
  });
});
