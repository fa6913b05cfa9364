// Random programs around every context, by program type and attach type: verdict, message and processed count as the live
// kernel's; skipped, with the reason, where there is none. BEEWASM_CTX_PROGRAMS=60000 takes three minutes.

import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../conformance/fuzz/random.ts';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { asm } from '../src/isa/asm.ts';
import { ctxOf } from '../src/spec/ctx.ts';
import { attachTypeOf, PROG_TYPES, type ProgTypeRow } from '../src/spec/prog_types.ts';
import { BPF_ATTACH_TYPE } from '../src/uapi/enums.ts';
import { PROG_FLAGS } from '../src/uapi/prog_flags.ts';
import { verify } from '../src/verifier/index.ts';
import { ctxProgram } from './ctx_programs.ts';

const COUNT = Number(process.env.BEEWASM_CTX_PROGRAMS ?? 2500);
/** lirc_mode2 is not built into the kernels we ask; pointers of the others need the kernel's BTF. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'raw',
  'lirc_mode2',
  'netfilter',
  'tracing',
  'lsm',
  'struct_ops',
  'ext',
]);
const MORE_ATTACH: Readonly<Record<string, readonly number[]>> = {
  xdp: [BPF_ATTACH_TYPE.BPF_XDP, BPF_ATTACH_TYPE.BPF_XDP_DEVMAP],
  kprobe: [0, BPF_ATTACH_TYPE.BPF_TRACE_KPROBE_SESSION],
};
const VARIANTS = (PROG_TYPES as readonly ProgTypeRow[])
  .filter(({ name }) => !LEFT_OUT.has(name))
  .flatMap((row) => (row.attach ?? MORE_ATTACH[row.name] ?? [0]).map((attach) => ({ row, attach })));

let reason = '';
const oracle = openOracle((why) => {
  reason = why;
  console.log(`skipped: no live kernel: ${why}`);
});
afterAll(() => oracle?.shutdown());

describe.skipIf(oracle === null)(`contexts beside the live kernel${reason && ` (${reason})`}`, () => {
  it(`${COUNT} random programs`, () => {
    let accepted = 0;
    for (let i = 0; i < COUNT; i++) {
      const r = new Random(7, i);
      const { row, attach } = r.pick(VARIANTS);
      const text = ctxProgram(r, ctxOf(row.id, attachTypeOf(row, attach))!);
      const { insns } = asm(text);
      const flags =
        (row.sleepable === 'must' ? PROG_FLAGS.BPF_F_SLEEPABLE : 0) |
        (r.chance(10) ? PROG_FLAGS.BPF_F_STRICT_ALIGNMENT : 0);
      const load = { type: row.id, expectedAttachType: attach, flags, license: 'GPL', insns };
      const theirs = oracle!.load(load);
      oracle!.unload(theirs);
      const ours = verify({ ...load, name: 't', maps: [], mapRefs: new Map() });
      const program = `${i}: ${row.name}/${attach}\n${text}`;
      const said = ours.ok ? null : ours.error.message;
      expect({ program, said, errno: ours.ok ? null : ours.error.code, processed: ours.stats.processed }).toEqual({
        program,
        said: theirs.message,
        errno: theirs.errno,
        processed: theirs.processed ?? ours.stats.processed,
      });
      if (ours.ok) accepted++;
    }
    expect(accepted).toBeGreaterThan(COUNT / 10);
  });
});
