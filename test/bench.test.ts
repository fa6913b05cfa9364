// The two benchmarks keep their JSON shape, agree with a plain test run, and refuse to time engines that differ.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { findCompiler } from '../bench/native.ts';
import { agreement } from '../bench/run.ts';
import { workloads } from '../bench/workloads.ts';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { FNV_OFFSET, fnv1a64, Ways } from '../src/cli/measure.ts';
import { openObject } from '../src/index.ts';
import { testKernel } from './harness.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'beewasm-bench-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function node(script: string, ...args: string[]) {
  return spawnSync(process.execPath, [join(root, script), ...args], { encoding: 'utf8' });
}

const packet = Uint8Array.from({ length: 200 }, (_, i) => (i * 7) & 0xff);
const data = join(scratch, 'packet');
writeFileSync(data, packet);
const SORT = join(root, 'bench/programs/sort.bpf.o');
const POSITIVE = expect.toSatisfy((n) => typeof n === 'number' && n > 0 && Number.isFinite(n));

describe('beewasm bench', () => {
  it('prints the result of a run and positive times', () => {
    const { status, stdout } = node(
      'dist/src/cli/main.js',
      'bench',
      SORT,
      'data_in',
      data,
      'init',
      data,
      'seconds',
      '0.2',
      '--json',
    );
    expect(status).toBe(0);
    const sorted = [...packet.subarray(0, 32)].sort((a, b) => a - b);
    expect(JSON.parse(stdout)).toEqual({
      retval: sorted.reduce((hash, byte) => (Math.imul(hash, 31) + byte) >>> 0, 0),
      out_fnv1a64: `0x${fnv1a64(FNV_OFFSET, packet).toString(16)}`,
      out_len: 200,
      ns: { interp: POSITIVE, jit_single: POSITIVE, jit_batch: POSITIVE },
      load_us: { verify: POSITIVE, lower: POSITIVE, emit: POSITIVE, compile: POSITIVE },
      insns: 135,
    });
  });

  it('one line for what is wrong', () => {
    for (const [args, message] of [
      [[SORT], /^Error: bench: which packet\? data_in FILE\n$/],
      [[SORT, 'data_in', data, 'seconds', 'x'], /^Error: bench: seconds has to be a number up to 3600, not 'x'\n$/],
    ] as const) {
      const { status, stderr } = node('dist/src/cli/main.js', 'bench', ...args);
      expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
  });
});

/** Every program of the bench, the firewall apart. */
const PROGRAMS =
  'empty varint fnv siphash csum adler32 crc32 crc4 divmod bits strsearch lexer vm tuple sort matrix chacha20 \
sha256 nat calls tail atomics array16 percpu16 lookup4 lookup8 lookup16 lookup20 update4 update8 update16 update20'.split(
    ' ',
  );

describe('npm run bench', () => {
  it('prints ratios of every engine and of a peer, and draws them', () => {
    const svg = join(scratch, 'bench.svg');
    const peer = join(scratch, 'peer.mjs');
    writeFileSync(
      peer,
      `import { createInterface } from 'node:readline';
       let hash = 0xcbf29ce484222325n;
       for (let i = 0; i < 64; i++)
         for (const b of [2, 0, 0, 0]) hash = BigInt.asUintN(64, (hash ^ BigInt(b)) * 0x100000001b3n);
       console.log(hash.toString(16) + '\\n-');
       for await (const line of createInterface({ input: process.stdin })) console.log(line.split(' ')[0] * 64 * 1e6);`,
    );
    const args = ['empty', '--seconds', '0.05', '--json', '--svg', svg, '--peer', `slow=${process.execPath} ${peer}`];
    const { status, stdout } = node('dist/bench/main.js', ...args);
    expect(status).toBe(0);
    const answer = JSON.parse(stdout);
    const engines: string[] = answer.rows.map((r: { engine: string }) => r.engine);
    // Native needs a C compiler, kernel a Linux that lets us.
    expect(engines.slice(0, 4)).toEqual(['interp', 'jit_single', 'jit_batch', 'jit_repeat']);
    expect(answer.rows[engines.indexOf('slow')]).toMatchObject({ program: 'empty', ns: 1e6 });
    const batch = answer.rows[2];
    expect(batch).toMatchObject({ program: 'empty', ns: POSITIVE, ratio_to: { interp: POSITIVE, slow: POSITIVE } });
    expect(batch.ratio_to.interp).toBeCloseTo(batch.ns / answer.rows[0].ns);
    expect(answer.geomean.jit_batch.interp).toBeCloseTo(batch.ratio_to.interp);
    const stages = answer.load.slice(0, 4).map((l: { stage: string }) => l.stage);
    expect(stages).toEqual(['verify', 'lower', 'emit', 'compile']);
    expect(answer).toMatchObject({
      machine: { node: process.version },
      memory: { binaryen: POSITIVE, process: POSITIVE },
      call: { program_ns: POSITIVE, function_ns: POSITIVE },
    });
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg [\s\S]*>empty<[\s\S]*<\/svg>\n$/);
  });

  it('gives equal results on interpreter, JIT, native C and the live kernel for every program', async () => {
    const all = (await workloads()).filter((w) => w.name !== 'firewall');
    expect(all.map((w) => w.name)).toEqual(PROGRAMS);
    const compiler = findCompiler();
    const oracle = openOracle((why) => console.log(`the kernel is left out: ${why}`));
    if (compiler === null) console.log('native is left out: there is no C compiler');
    try {
      for (const w of all) {
        const seen = await agreement(w, { compiler, oracle, peers: [] }, (why) => console.log(`${w.name}: ${why}`));
        expect(seen.engines).toEqual([
          'interp',
          'jit_single',
          'jit_batch',
          ...(compiler === null ? [] : ['native']),
          ...(oracle === null ? [] : ['kernel']),
        ]);
        // Inputs vary, and results with them.
        if (w.class !== 'empty') expect(new Set(seen.retvals).size).toBeGreaterThan(1);
      }
    } finally {
      oracle?.shutdown();
    }
  });

  it('one line for what is wrong', () => {
    for (const [args, message] of [
      [['nothing'], /^Error: no program 'nothing': /],
      [['--peer', 'x'], /^Error: --peer wants NAME=COMMAND, not 'x'\n/],
    ] as const) {
      const { status, stderr } = node('dist/bench/main.js', ...args);
      expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
    }
  });
});

describe('a request for help', () => {
  it('is no wrong usage', () => {
    for (const option of ['--help', '-h']) {
      const { status, stdout, stderr } = node('dist/bench/main.js', option);
      expect([status, stdout, stderr]).toEqual([0, expect.stringMatching(/^usage: bench/), '']);
    }
  });
});

describe('comparison before timing', () => {
  it('throws when an engine gives something else', async () => {
    const kernel = await testKernel();
    const { programs } = await kernel.load(openObject(new Uint8Array(readFileSync(SORT))));
    const ways = new Ways(kernel, programs.sort, [packet, packet]);
    expect(ways.sameResults().retvals).toHaveLength(2);
    // An engine that does something wrong: after the second way has run, a byte of every packet is another.
    const run = ways.run.bind(ways);
    let calls = 0;
    ways.run = (way) => {
      run(way);
      if (++calls !== 2) return;
      const { u8 } = kernel.memory;
      const memory = Buffer.from(u8.buffer, u8.byteOffset, u8.length);
      for (let at = memory.indexOf(packet); at >= 0; at = memory.indexOf(packet, at + 1)) memory[at + 5] ^= 1;
    };
    expect(() => ways.sameResults()).toThrow(/sort: engines differ on packet 0/);
  });
});
