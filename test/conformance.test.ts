// The conformance runner: vectors are checked, the contracts' JSON and exit codes hold, and the suites of ../shared come
// out as they must: every ISA row on both engines, no false accept in the themes that are done.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseOptions } from '../conformance/args.ts';
import { ENGINES, loadInput, openRunner, runInput } from '../conformance/engines.ts';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { realText } from '../conformance/real_report.ts';
import { ROOT, sharedFile } from '../conformance/shared.ts';
import { runIsa } from '../conformance/suites/isa.ts';
import { mutantsBelow, runMutants } from '../conformance/suites/mutants.ts';
import { runReal } from '../conformance/suites/real.ts';
import { runRejects } from '../conformance/suites/rejects.ts';
import { runVerifier } from '../conformance/suites/verifier.ts';
import { readIsaRows, readVerifierRows } from '../conformance/vectors.ts';
import { UnsupportedError } from '../src/uapi/errors.ts';
import { runBoth, testKernel } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'beewasm-conformance-'));
afterAll(() => rmSync(folder, { recursive: true }));

const quiet = { step() {}, end() {} };

function vectors(rows: unknown): string {
  const path = join(folder, 'rows.json');
  writeFileSync(path, typeof rows === 'string' ? rows : JSON.stringify(rows));
  return path;
}

function command(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'dist/conformance/main.js'), ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** r0 = mem[1] + len; exit */
const ADD = '71100100000000000f200000000000009500000000000000';
const isaRow = (more: object = {}) => ({ name: 'add', mem: '050607', insns: ADD, expected_r0: '0x9', ...more });
const verifierRow = (more: object = {}) => ({
  id: 'v1',
  name: 'r0 = 7',
  theme: 'basic',
  program: {
    type: 1,
    expected_attach_type: 0,
    flags: 0,
    license: 'GPL',
    n_insns: 2,
    insns: 'b7000000070000009500000000000000',
  },
  maps: [],
  map_refs: [],
  kernel: { verdict: 'ACCEPT', errno: null, processed: 2, message: null },
  run: { data: '00'.repeat(64), retval: 7 },
  ...more,
});

describe('vectors', () => {
  it.for([
    ['{', 'not JSON'],
    [{}, 'not a JSON array'],
    [[3], 'row 0 must be an object'],
    [[isaRow({ insns: '950' })], 'row 0 (add): insns must be hex bytes'],
    [[isaRow({ insns: '95' })], 'row 0 (add): insns must be a multiple of 8 bytes'],
    [[isaRow({ expected_r0: '9' })], 'row 0 (add): expected_r0 must be a number or 0x-hex string'],
  ] as const)('refuses %j', ([rows, message]) => {
    expect(() => readIsaRows(vectors(rows))).toThrow(message);
  });

  it.for([
    [{ id: 4 }, 'row 0 (r0 = 7): id must be a string'],
    [{ kernel: { verdict: 'MAYBE' } }, 'kernel: verdict must be ACCEPT or REJECT'],
    [{ map_refs: [{ insn: 0, map: 0, kind: 'fd', off: 0 }] }, 'map_refs[0]: map must be below 0'],
    [{ program: { ...verifierRow().program, n_insns: 3 } }, 'program: n_insns must be 2 instructions'],
    [{ program: undefined }, 'program must be an object'],
  ] as const)('refuses %j', ([more, message]) => {
    expect(() => readVerifierRows(vectors([verifierRow(more)]))).toThrow(message);
  });

  it('reads value0 of a read-only map as frozen contents', () => {
    const map = { name: 'ro', type: 2, key_size: 4, value_size: 2, max_entries: 1, map_flags: 128, map_extra: 0 };
    const [row] = readVerifierRows(vectors([verifierRow({ maps: [{ ...map, value0: '0102' }, map] })]));
    expect(row.input.maps[0]).toMatchObject({ frozen: true, contents: Uint8Array.of(1, 2) });
    expect(row.input.maps[1].frozen).toBeUndefined();
  });
});

describe('command line', () => {
  it('prints the isa contract', () => {
    const { status, stdout, stderr } = command('isa', '--vectors', vectors([isaRow()]), '--verify', '--json');
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ suite: 'isa', engine: 'both', total: 1, passed: 1, failed: [] });
    expect(status).toBe(0);
  });

  it('exits 1 and names what differs', () => {
    const wrong = vectors([isaRow({ expected_r0: '0xffffffffffffffff' })]);
    const { status, stdout } = command('isa', '--vectors', wrong, '--engine', 'interp', '--json');
    const failed = [{ name: 'add', engine: 'interp', expected: '0xffffffffffffffff', actual: '0x9' }];
    expect(JSON.parse(stdout)).toEqual({ suite: 'isa', engine: 'interp', total: 1, passed: 0, failed });
    expect(status).toBe(1);
  });

  it('prints the verifier contract', () => {
    const unknown = verifierRow({ id: 'v2', program: { ...verifierRow().program, type: 99 } });
    const { status, stdout } = command('verifier', '--vectors', vectors([verifierRow(), unknown]), '--json');
    expect(JSON.parse(stdout)).toEqual({
      suite: 'verifier',
      total: 2,
      agree: 1,
      false_accept: [],
      false_reject: [],
      errno_equal: 0,
      message_equal: 0,
      run: { compared: 1, equal: 1, different: [], skipped: [] },
      skipped: [{ id: 'v2', reason: 'program type 99' }],
    });
    expect(status).toBe(1);
  });

  it('names rows that both refuse with other words', () => {
    const program = { ...verifierRow().program, n_insns: 1, insns: '9500000000000000' };
    const kernel = { verdict: 'REJECT', errno: 'EINVAL', processed: null, message: 'R0 !read_ok' };
    const { status, stdout } = command(
      'verifier',
      '--vectors',
      vectors([verifierRow({ program, kernel, run: undefined })]),
    );
    expect(stdout).toContain(
      'other words   [basic] v1\n              Linux: EINVAL R0 !read_ok\n              beewasm: EACCES R0 !read_ok',
    );
    expect(status).toBe(0);
  });

  it.for([
    [[], 'expected one of isa, data, rejects, verifier, explain, mutants'],
    [['isa'], '--vectors FILE is missing'],
    [['isa', '--vectors', 'x', '--engine', 'both2'], 'unknown engine both2'],
    [['isa', 'rejects', '--vectors', 'x'], 'unexpected argument rejects'],
    [['verifier', '--vectors', 'x', '--type', 'nothing'], 'unknown program type nothing'],
    [['isa', '--vectors', 'x', '--level', '3'], 'unknown level 3'],
    [['isa', '--wrong'], "Unknown option '--wrong'"],
  ] as const)('refuses %j', ([args, message]) => {
    expect(() => parseOptions(args)).toThrow(message);
  });

  it('answers usage errors with exit 2 and unreadable files with exit 1, one line each', () => {
    expect(command('isa').status).toBe(2);
    const { status, stderr } = command('isa', '--vectors', join(folder, 'absent.json'));
    expect(stderr).toMatch(/^conformance: cannot read .*absent\.json: ENOENT\n$/);
    expect(status).toBe(1);
  });
});

describe('bpf_conformance plugin', () => {
  const spaced = (hex: string) => hex.replace(/../g, '$&  ');
  const plugin = (args: string[], input: string) => {
    const { status, stdout, stderr } = spawnSync(join(ROOT, 'dist/conformance/plugin.js'), args, {
      encoding: 'utf8',
      input,
    });
    return { status, stdout: stdout.trim(), stderr: stderr.trim() };
  };

  it.for([[], ['--interp']])('runs a program over memory %j', (options) => {
    const answer = plugin([spaced('050607'), ...options], `${spaced(ADD)}\n`);
    expect(answer).toEqual({ status: 0, stdout: '9', stderr: '' });
  });

  it('runs without memory, and fails with one line', () => {
    expect(plugin(['--interp'], 'b7000000ffffffff9500000000000000')).toMatchObject({ stdout: 'ffffffffffffffff' });
    for (const bad of ['', 'b7', 'zz', 'ff00000000000000']) {
      const { status, stdout, stderr } = plugin(['--interp'], bad);
      expect(status).not.toBe(0);
      expect(stdout).toBe('');
      expect(stderr.split('\n')).toHaveLength(1);
    }
  });
});

const shared = (name: string) => sharedFile('vectors', name);
if (!shared('verifier-dev.json')) console.log('skipped: no ../shared/vectors');

describe.skipIf(!shared('verifier-dev.json'))('shared vectors', () => {
  it.for([
    ['random-isa-dev.json', true],
    ['isa-conformance.json', false],
  ] as const)('isa %s passes on both engines', async ([file, verified]) => {
    const rows = readIsaRows(shared(file)!);
    const report = runIsa(rows, await openRunner(), { engine: 'both', verified, progress: quiet });
    expect(report.failed).toEqual([]);
    expect(report.passed).toBe(rows.length);
  });

  it('refuses every reserved field', () => {
    const rows = readIsaRows(shared('isa-reserved-fields.json')!);
    const report = runRejects(rows, quiet);
    expect(report.failed).toEqual([]);
    expect(report.errno_equal).toBeGreaterThanOrEqual(41);
  });

  it('agrees with Linux on socket filters and XDP in the themes that are done', async () => {
    const themes = ['scalar ALU', 'bounds', 'stack', 'packet access', 'map access'];
    const rows = readVerifierRows(shared('verifier-dev.json')!).filter(
      (r) => themes.includes(r.theme) && [1, 6].includes(r.input.type),
    );
    const { report } = runVerifier(rows, await openRunner(), quiet);
    expect(rows.length).toBeGreaterThan(100);
    expect(report.false_accept).toEqual([]);
    expect(report.run.different).toEqual([]);
    expect(report.run.equal).toBeGreaterThan(20);
    expect(report.agree / report.total).toBeGreaterThanOrEqual(0.8);
  });

  it('leaves the same bytes behind on both engines', async () => {
    const files = ['verifier-dev.json', 'verifier-bugclass.json'];
    const rows = files.flatMap((f) => readVerifierRows(shared(f)!)).filter((r) => r.run);
    const { outcomes } = runVerifier(rows, null, quiet);
    const accepted = outcomes.filter((o) => o.kind === 'agree');
    for (const { row } of accepted) {
      const kernel = await testKernel();
      // A helper of the program may have no implementation: the runner's report names those rows.
      const program = unlessUnsupported(() => loadInput(kernel, row.input, 'jit'));
      if (program) runBoth(kernel, program, runInput(row.input, row.run!.data));
    }
    expect(accepted.length).toBeGreaterThan(150);
  });
});

describe('real', () => {
  let why = '';
  const oracle = openOracle((reason) => {
    why = reason;
  });
  if (why !== '') console.log(`real: skipped: ${why}`);
  afterAll(() => oracle?.shutdown());

  it.skipIf(oracle === null)('objects of a folder get the verdict and the count of the live kernel', () => {
    const { rows } = runReal(join(ROOT, 'test/objects/loader'), 'maps.bpf.o', oracle!, () => quiet);
    expect(rows.length).toBeGreaterThan(1);
    for (const { program, outcome, linux, beewasm } of rows.filter((r) => r.outcome !== 'skipped')) {
      expect([program, outcome, beewasm!.processed]).toEqual([program, 'agree', linux!.processed]);
    }
    expect(rows.some((r) => r.outcome === 'agree')).toBe(true);
  });

  it.skipIf(oracle === null)('mutants of its programs get the verdict of the live kernel', () => {
    const options = { count: 2, seed: 5, perfmon: true };
    const asked = mutantsBelow(join(ROOT, 'test/objects/dynptr'), '', options, oracle!);
    const report = runMutants(asked, options, oracle!, quiet);
    expect(report.total).toBeGreaterThan(50);
    expect(report.changed.total).toBeGreaterThan(10);
    expect([report.thrown, report.false_accept, report.false_reject]).toEqual([[], [], []]);
  });

  it.skipIf(oracle === null)('programs and mutants are explained', () => {
    const id = 'leave.bpf.o constant_key';
    const where = ['explain', '--dir', join(ROOT, 'test/objects/leave'), '--json'];
    const two = JSON.parse(command(...where, '--id', id).stdout);
    const equal = expect.stringMatching(
      /: constant_key.*\n {2}Linux {4}REJECT EACCES R0 .*\n.*\n {2}the logs are equal$/,
    );
    expect(two).toEqual([equal, equal]);
    const mutant = JSON.parse(command(...where, '--count', '2', '--mutant', `${id}#1`).stdout);
    expect(mutant).toEqual([expect.stringMatching(/^leave.bpf.o constant_key#1: .*the logs are equal$/s)]);
  });

  it('says what differs, by reason, with totals', () => {
    const side = { errno: null, message: null, processed: 2000, milliseconds: 3 };
    const row = { object: 'a/b.o', program: 'p', section: 'xdp', type: 'xdp', insns: 9, reason: null };
    const text = realText({
      suite: 'real',
      kernel: '6.18',
      rows: [
        {
          ...row,
          outcome: 'agree',
          linux: { ...side, verdict: 'ACCEPT' },
          beewasm: { ...side, verdict: 'ACCEPT', milliseconds: 9 },
        },
        {
          ...row,
          outcome: 'false_accept',
          linux: { ...side, verdict: 'REJECT', errno: 'EACCES', message: 'no' },
          beewasm: { ...side, verdict: 'ACCEPT' },
        },
        { ...row, outcome: 'skipped', reason: 'kfunc', linux: null, beewasm: null },
      ],
    });
    expect(text).toContain('FALSE ACCEPT  a/b.o p [xdp]\n              Linux    REJECT EACCES no (processed 2000)');
    expect(text).toContain('     1  kfunc');
    expect(text).toMatch(/ratio 3\.00; median ratio 3\.00, worst 3\.00/);
    expect(text).toMatch(/^all +3 +1 +1 +0 +1 +1\/1 +0\/0$/m);
  });

  it('needs a folder', () => {
    expect(() => parseOptions(['real'])).toThrow('--dir DIR is missing');
    expect(() => parseOptions(['mutants'])).toThrow('--vectors FILE is missing');
    expect(parseOptions(['mutants', '--dir', 'x']).dir).toBe('x');
  });
});

function unlessUnsupported<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof UnsupportedError) return null;
    throw error;
  }
}

it('runs on both engines by default', () => {
  expect(parseOptions(['isa', '--vectors', 'x']).engine).toBe('both');
  expect(ENGINES).toEqual(['interp', 'jit']);
});

describe.each([
  ['conformance', []],
  ['conformance', ['isa']],
  ['conformance', ['planted', '--seed', '1']],
  ['conformance/embed', []],
  ['conformance/fuzz', ['--count', '1']],
  ['conformance/domain', ['8']],
])('%s %s --help', (folder, args) => {
  it.each(['--help', '-h'])('prints the usage (%s)', (help) => {
    const main = join(ROOT, 'dist', folder, 'main.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args, help], { encoding: 'utf8' });
    expect([status, stderr, stdout.slice(0, 6)]).toEqual([0, '', 'usage:']);
  });
});

it.each([
  ['real', '--dir'],
  ['verifier', '--vectors'],
])('%s %s of what is not there: one line', (suite, option) => {
  const main = join(ROOT, 'dist/conformance/main.js');
  const { status, stderr } = spawnSync(process.execPath, [main, suite, option, '/nope'], { encoding: 'utf8' });
  expect([status, stderr.split('\n').length]).toEqual([1, 2]);
  expect(stderr).toContain('/nope');
});
