// Another implementation in a process of its own: the native build, or any peer named with --peer NAME=COMMAND. The
// protocol, in text lines, is small enough for a wrapper of 50 lines around any engine:
//
//   COMMAND OBJECT PROGRAM PACKETS UPDATES     is started for each program; the files are
//     PACKETS   {u32 length, bytes}...                       as little-endian xdp frames
//     UPDATES   {char name[32], u32 key size, u32 value size, key, value}...   map elements to put in first; key size 0: a variable
//   It runs the program once on each packet, in order, and prints two lines: FNV-1a (64 bits, hex) over all results (u32
//   each), and over all packets as they are then ('-': not looked at); or one line 'no REASON' and ends.
//   Then each line 'PASSES REPEAT' on stdin asks for PASSES passes over all packets with REPEAT runs on each packet before
//   the next one; the answer is one line: the nanoseconds that took.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Update, Workload } from './workloads.ts';

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

export class Peer {
  /** FNV-1a over all r0, and over all packets (null: unknown), after every packet ran once. */
  readonly results: bigint;
  readonly packets: bigint | null;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>, hashes: string[]) {
    this.#process = process;
    this.#lines = lines;
    this.results = BigInt(`0x${hashes[0]}`);
    this.packets = hashes[1] === '-' ? null : BigInt(`0x${hashes[1]}`);
  }

  /** Starts `command` with the workload's two files behind `args`; a reason when it does not get that far. */
  static async start(command: string, args: readonly string[], w: Workload): Promise<Peer | string> {
    const scratch = mkdtempSync(join(tmpdir(), 'beewasm-bench-'));
    try {
      const [packets, updates] = ['packets', 'updates'].map((name) => join(scratch, name));
      writeFileSync(packets, packetFile(w.packets));
      writeFileSync(updates, updateFile(w.updates));
      const child = spawn(command, [...args, packets, updates], { stdio: ['pipe', 'pipe', 'pipe'] });
      const failed = once(child, 'error').then(([error]) => `${command}: ${(error as Error).message}`);
      child.stdin.on('error', () => {}); // it ended: the next line that is missing tells
      child.stderr.resume();
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const started = (async () => {
        const hashes: string[] = [];
        for (let i = 0; i < 2; i++) {
          const line = await lines.next();
          if (line.done) return `${command} ended without an answer`;
          if (line.value.startsWith('no ')) return line.value.slice(3);
          if (!/^([0-9a-f]{1,16}|-)$/.test(line.value)) return `${command} answered '${line.value.slice(0, 60)}'`;
          hashes.push(line.value);
        }
        return new Peer(child, lines, hashes);
      })();
      const answer = await Promise.race([started, failed]);
      if (typeof answer === 'string') child.kill();
      return answer;
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  /** Nanoseconds for `passes` passes over all packets, `repeat` runs on each before the next. */
  async run(passes: number, repeat = 1): Promise<number> {
    this.#process.stdin.write(`${passes} ${repeat}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the process ended');
    return Number(value);
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
  }
}
