// What really happens lies in what the verifier says may happen: a short dose of `npm run embed`.
import { describe, expect, it } from 'vitest';
import { record } from '../conformance/embed/book.ts';
import { embedPrograms } from '../conformance/embed/campaign.ts';
import { outsideScalar } from '../conformance/embed/contains.ts';
import { Rig } from '../conformance/embed/rig.ts';
import { embedRows } from '../conformance/embed/rows.ts';
import { Watch } from '../conformance/embed/watch.ts';
import { sharedFile } from '../conformance/shared.ts';
import { readVerifierRows } from '../conformance/vectors.ts';
import { Kernel } from '../src/index.ts';
import { asm } from '../src/isa/index.ts';
import { contextOf } from '../src/runtime/contexts.ts';
import { testRun64 } from '../src/runtime/test_run.ts';
import { COMMON_TYPES } from '../src/spec/kernel_struct.ts';
import { UNKNOWN } from '../src/verifier/scalar.ts';
import { randomRun } from './arena_random.ts';
import { ARENA, OUT, RUNS, sourceOf } from './arena_runs.ts';
import { type Fields, fieldsOf, scalarOf } from './scalar_world.ts';

describe('runs lie in the abstract states', () => {
  it('of random programs', () => {
    const result = embedPrograms({ seed: 31, from: 0, count: 260, inputs: 3, maxViolations: 1, shrink: false });
    expect(result.violations.map((v) => v.violation.text)).toEqual([]);
    expect(result.generated).toBe(260);
    expect(result.programs.kept).toBeGreaterThan(230);
    expect(result.arrivals.kept).toBeGreaterThan(2000);
    expect(result.arrivals.exact).toBeGreaterThan(10_000);
  });

  it('of the vectors (skipped where they are absent)', (t) => {
    const path = sharedFile('vectors', 'verifier-dev.json');
    if (path === null) {
      console.log('embed: vectors skipped, there is no ../shared/vectors/verifier-dev.json');
      return t.skip();
    }
    const result = embedRows(readVerifierRows(path));
    expect(result.violations.map((v) => v.violation.text)).toEqual([]);
    expect(result.programs.kept).toBeGreaterThan(150);
  });

  it('of programs with an arena', () => {
    const runs = [...RUNS, ...Array.from({ length: 60 }, (_, i) => randomRun(i))];
    const watch = new Watch();
    for (const run of runs) {
      const kernel = new Kernel();
      const maps = [kernel.createMap(ARENA), kernel.createMap(OUT)];
      const source = sourceOf(run, (name) => COMMON_TYPES.funcId(name));
      const loaded = kernel.programById(kernel.loadProgram({ ...source, maps }, { jit: 'off' }).id)!;
      watch.learn(loaded, 0, { ...source, expectedAttachType: 0, license: 'GPL' });
      const executable = watch.engine.link(loaded, kernel.cpu(0), () => undefined);
      watch.begin(kernel.memory);
      testRun64({ context: contextOf(loaded.code.type), memory: kernel.memory, cpu: 0, executable }, {});
      expect(watch.violation?.text ?? null, run.text).toBeNull();
      kernel.close();
    }
    // A loop with may_goto.
    expect(watch.counts.skipped).toEqual({ 'exact: too many states': 1 });
    expect(watch.counts.arrivals.exact).toBeGreaterThan(2000);
  });

  it('of a fill that extends the sign of a spilled number', () => {
    expect(watched(SIGNED_FILL, SIGNED_FILL)).toBeNull();
  });
});

describe('a kept state', () => {
  it('does not count slots that only a jump nobody takes leads to', () => {
    const { insns } = asm(NEVER_BACK);
    const program = { type: 'raw', verify: true, main: { insns, mapRefs: new Map() }, target: null } as const;
    expect(new Rig(new Watch()).try({ ...program, data: new Uint8Array(64).fill(1) }, 7, 50)).toBe('fine');
  });
});

describe('the watch objects', () => {
  it('to a run of other instructions than those that were verified', () => {
    const violation = watched('r0 = *(u8 *)(r1 + 0)\nr0 &= 3\nexit', 'r0 = *(u8 *)(r1 + 0)\nr0 &= 7\nexit');
    expect(violation?.text).toMatch(/before insn 2, exact states: in none of 1\n.*\n frame 0 r0 = 0x7: not var_off/);
  });

  it('to a path that was never explored', () => {
    const text = (n: number) => `r2 = ${n}\nif r2 == 1 goto l\nr0 = 0\nexit\nl: r0 = 1\nexit`;
    expect(watched(text(0), text(1))?.text).toMatch(/before insn \d, (kept|exact) states: in none of/);
  });

  it('to a dynptr that is none, and to one whose memory is not there', () => {
    const made = `${VALUE}\nr1 = r0\nr2 = 48\nr3 = 0\nr4 = r10\nr4 += -24\ncall bpf_dynptr_from_mem`;
    const program = (text: string) => `${made}\n${text}\nr0 = 0\nexit`;
    const use = 'r1 = r10\nr1 += -24\nr2 = 0\nr3 = 8\ncall bpf_dynptr_data';
    expect(watched(program(use), program(use), 'xdp')).toBeNull();
    expect(watched(program(`goto +0\n${use}`), program(`*(u64 *)(r10 - 16) = 5\n${use}`), 'xdp')?.text).toMatch(
      /no dynptr on plain memory/,
    );
    const other = `${made}\n*(u32 *)(r10 - 12) = 32\n${use}\nr0 = 0\nexit`;
    expect(watched(program(`goto +0\n${use}`), other, 'xdp')?.text).toMatch(/in no value of a map/);
  });

  it('to numbers outside each description of a scalar', () => {
    const outside = (s: Partial<Fields>, x: bigint) => outsideScalar(scalarOf({ ...fieldsOf(UNKNOWN), ...s }), x);
    expect(outside({}, 0xffffffffffffffffn)).toBeNull();
    expect(outside({ value: 4n, mask: 3n }, 8n)).toBe('var_off');
    expect(outside({ umax: 4n }, 5n)).toBe('u64 range');
    expect(outside({ smin: 0n }, 1n << 63n)).toBe('s64 range');
    expect(outside({ u32_max: 4 }, 0x100000005n)).toBe('u32 range');
    expect(outside({ s32_min: 0 }, 0x80000000n)).toBe('s32 range');
  });
});

describe('a book', () => {
  it('is not kept when there are too many states', () => {
    const { insns } = asm('r0 = 0\nr0 = 1\nexit');
    const input = {
      name: 'x',
      type: 1,
      expectedAttachType: 0,
      flags: 0,
      license: 'GPL',
      insns,
      maps: [],
      mapRefs: new Map(),
    };
    expect(record(input, 'exact', 2)).toMatchObject({ why: 'too many states', message: 'more than 2' });
    expect(record(input, 'exact', 3)).toMatchObject({ size: 3 });
  });
});

const SIGNED_FILL = `
  r2 = *(u32 *)(r1 + 0)
  *(u64 *)(r10 - 8) = r2
  r3 = *(s32 *)(r10 - 8)
  r4 = 4294967295 ll
  if r2 != r4 goto l
  r0 = r3
l: r0 = 0
  exit`;

/** The last jump is decided; only along it the slot would be live where the paths end. */
const NEVER_BACK = `
  r6 = r1
  r9 = *(u8 *)(r6 + 47)
  *(u8 *)(r10 - 21) = r9
  if r9 > 0 goto a
  *(u8 *)(r10 - 21) = 0
a: call f
b: if r9 & 1 goto c
  goto d
c: r2 = *(u64 *)(r10 - 24)
d: r9 = *(u64 *)(r10 - 32)
  if r9 < 0 goto b
  r0 = 0
  exit
f: exit`;

const VALUE = `
  *(u32 *)(r10 - 28) = 0
  r2 = r10
  r2 += -28
  r1 = map array ll
  call bpf_map_lookup_elem`;

const LOAD = { expectedAttachType: 0, flags: 0, license: 'GPL' };

/** The states are those of `verified`, the run is one of `executed`, over 64 bytes of ones. */
function watched(verified: string, executed: string, type: 'raw' | 'xdp' = 'raw') {
  const kernel = new Kernel({ clock: 'virtual', seed: 1 });
  const watch = new Watch();
  const { insns, relocs } = asm(executed);
  const array = kernel.createMap({ name: 'array', type: 2, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 });
  const mapRefs = new Map(relocs.map((r) => [r.insn, { map: 0, kind: 'fd' as const, off: 0 }]));
  const source = { insns, maps: relocs.length > 0 ? [array] : [], mapRefs };
  const more = type === 'raw' ? { type, memSize: 64 } : { type };
  const program = kernel.loadProgram({ ...source, ...more }, { jit: 'off', verify: type === 'raw' });
  watch.learn(program.loaded, 64, { ...LOAD, insns: asm(verified).insns });
  const cpu = kernel.cpu(0);
  watch.begin(kernel.memory);
  const data = new Uint8Array(64).fill(255);
  testRun64(
    {
      context: contextOf(program.loaded.code.type),
      memory: kernel.memory,
      cpu: 0,
      executable: watch.engine.link(program.loaded, cpu, () => undefined),
    },
    { data },
  );
  kernel.close();
  return watch.violation;
}
