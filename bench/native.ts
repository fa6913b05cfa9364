// The yardstick: the same C source compiled as an ordinary program (native/main.c), in a process of its own that runs all
// packets as often as it is told and answers how long that took. Exists where a C compiler for Linux does.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root, type Update, type Workload } from './workloads.ts';

/** The first compiler that there is. clang first: it also made the objects. */
export function findCompiler(): string | null {
  if (process.platform !== 'linux') return null;
  const candidates = ['clang', 'clang-16', 'cc'];
  return candidates.find((cc) => spawnSync(cc, ['--version'], { stdio: 'ignore' }).status === 0) ?? null;
}

function packetFile(packets: readonly Uint8Array[]): Buffer {
  return Buffer.concat(packets.flatMap((p) => [new Uint8Array(Uint32Array.of(p.length).buffer), p]));
}

function updateFile(updates: readonly Update[]): Buffer {
  return Buffer.concat(
    updates.flatMap(({ name, key, value }) => {
      const header = Buffer.alloc(40);
      header.write(name, 'latin1');
      header.writeUInt32LE(key?.length ?? 0, 32);
      header.writeUInt32LE(value.length, 36);
      return [header, key ?? new Uint8Array(0), value];
    }),
  );
}

export class Native {
  /** FNV-1a over all r0 (u32 each), and over all packets, after every packet ran once. */
  readonly results: bigint;
  readonly packets: bigint;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #count: number;

  private constructor(
    process: ChildProcessWithoutNullStreams,
    lines: AsyncIterator<string>,
    hashes: bigint[],
    count: number,
  ) {
    this.#process = process;
    this.#lines = lines;
    [this.results, this.packets] = hashes;
    this.#count = count;
  }

  /** Compiles and starts; null with a reason when the compiler does not manage. */
  static async start(compiler: string, w: Workload): Promise<Native | string> {
    const scratch = mkdtempSync(join(tmpdir(), 'beewasm-bench-'));
    try {
      const [exe, packets, updates] = ['program', 'packets', 'updates'].map((name) => join(scratch, name));
      const defines = [`-DPROGRAM="${join(root, w.source)}"`, `-DENTRY=${w.program}`];
      if (w.updates.length > 0) defines.push('-DFIREWALL');
      const args = ['-O2', '-w', `-I${join(root, 'bench/native')}`, ...defines, join(root, 'bench/native/main.c')];
      const built = spawnSync(compiler, [...args, '-o', exe], { encoding: 'utf8' });
      if (built.status !== 0) return `${compiler}: ${built.stderr.split('\n')[0]}`;
      writeFileSync(packets, packetFile(w.packets));
      writeFileSync(updates, updateFile(w.updates));
      const child = spawn(exe, [packets, updates]);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const hashes = [await lines.next(), await lines.next()];
      if (hashes.some((line) => line.done)) return 'the native program did not start';
      return new Native(
        child,
        lines,
        hashes.map((line) => BigInt(`0x${line.value}`)),
        w.packets.length,
      );
    } finally {
      rmSync(scratch, { recursive: true, force: true }); // a running program keeps its file
    }
  }

  /** Nanoseconds for `passes` passes over all packets. */
  async run(passes: number): Promise<number> {
    this.#process.stdin.write(`${passes}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the native program ended');
    return Number(value);
  }

  get length(): number {
    return this.#count;
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
  }
}
