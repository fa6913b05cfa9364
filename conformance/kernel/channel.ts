// A synchronous request/response channel to the oracle process (oracle.c): compiles it once into dist/.oracle, starts
// it, and exchanges lines over two FIFOs, whose blocking reads make `ask` an ordinary function call.
// The process ends when this one does: it then reads end-of-file.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BeewasmError } from '../../src/uapi/errors.ts';

/** Why there is no oracle here. */
export class OracleUnavailable extends BeewasmError {
  override name = 'OracleUnavailable';
}

/** One answer: whether it began with `ok`, and its key=value words. */
export interface Answer {
  readonly ok: boolean;
  readonly words: ReadonlyMap<string, string>;
}

export interface Channel {
  ask(request: string): Answer;
  close(): void;
}

/** The checkout: this file runs as <root>/dist/conformance/kernel/channel.js. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Throws OracleUnavailable when this machine can't have one. */
export function openChannel(): Channel {
  checkMachine();
  const binary = compile();
  const folder = mkdtempSync(join(tmpdir(), 'beewasm-oracle-'));
  try {
    return connect(binary, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checkMachine(): void {
  if (process.platform !== 'linux') throw new OracleUnavailable(`platform is ${process.platform}, not linux`);
  if (Number.parseInt(release(), 10) < 6) throw new OracleUnavailable(`Linux ${release()} is older than 6`);
  if (process.getuid?.() !== 0) throw new OracleUnavailable('not root');
}

/** Path of the compiled oracle; the name holds a hash of the source, so a changed source is compiled again. */
function compile(): string {
  const source = join(root, 'conformance', 'kernel', 'oracle.c');
  if (!existsSync(source)) throw new OracleUnavailable('oracle.c is not in this installation');
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const folder = join(root, 'dist', '.oracle');
  const binary = join(folder, `oracle-${hash}`);
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const compiler = ['cc', 'gcc', 'clang'].find((c) => spawnSync(c, ['--version']).status === 0);
  if (compiler === undefined) throw new OracleUnavailable('no C compiler (cc, gcc, clang)');
  const partial = `${binary}.${process.pid}`;
  const { status, stderr } = spawnSync(compiler, ['-O2', '-o', partial, source], { encoding: 'utf8' });
  if (status !== 0) throw new OracleUnavailable(`${compiler} failed: ${stderr.trim().split('\n')[0]}`);
  renameSync(partial, binary);
  return binary;
}

function connect(binary: string, folder: string): Channel {
  const [requests, answers] = ['requests', 'answers'].map((name) => join(folder, name));
  if (spawnSync('mkfifo', [requests, answers]).status !== 0) throw new OracleUnavailable('mkfifo failed');
  // Opening one end of a FIFO waits for the other one; a read-write descriptor held meanwhile stands in for it.
  const holders = [openSync(requests, 'r+'), openSync(answers, 'r+')];
  const [childIn, childOut] = [openSync(requests, 'r'), openSync(answers, 'w')];
  const [out, input] = [openSync(requests, 'w'), openSync(answers, 'r')];
  const child: ChildProcess = spawn(binary, [], { stdio: [childIn, childOut, 'inherit'] });
  child.unref();
  child.on('error', () => {}); // a failed start shows as end-of-file below
  for (const fd of [...holders, childIn, childOut]) closeSync(fd);
  return {
    ask(request) {
      sendLine(out, request);
      return parseAnswer(receiveLine(input));
    },
    close() {
      closeSync(out);
      closeSync(input);
    },
  };
}

function sendLine(fd: number, line: string): void {
  const bytes = Buffer.from(`${line}\n`, 'latin1');
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

const chunk = Buffer.alloc(1 << 20);

/** There is one answer per request, so a line ends where the bytes end. */
function receiveLine(fd: number): string {
  const parts: string[] = [];
  for (;;) {
    const n = readSync(fd, chunk);
    if (n === 0) throw new OracleUnavailable('the oracle process ended');
    parts.push(chunk.toString('latin1', 0, n));
    if (chunk[n - 1] === 10) return parts.join('').trimEnd();
  }
}

function parseAnswer(line: string): Answer {
  const [verdict, ...rest] = line.split(' ');
  const words = rest.map((w): [string, string] => {
    const eq = w.indexOf('=');
    return [w.slice(0, eq), w.slice(eq + 1)];
  });
  return { ok: verdict === 'ok', words: new Map(words) };
}
