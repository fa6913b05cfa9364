// Command lines as people type them: what they print, and their exit codes. Imported once by a test file, which then stands in
// the root of the checkout.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';
import { runCli } from '../src/cli/run.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const main = join(root, 'dist/src/cli/main.js');
process.chdir(root);
export const scratch = mkdtempSync(join(tmpdir(), 'beewasm-cli-'));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

export interface Outcome {
  code: number | null;
  out: string;
  err: string;
}

export const split = (args: string) => args.split(' ').filter((a) => a !== '');

/** A command line in this process: what main.ts does with its own arguments. Runs from the project's root. */
export async function beewasm(args: string): Promise<Outcome> {
  const outcome = { out: '', err: '' };
  const code = await runCli(split(args), {
    out: (text) => {
      outcome.out += text;
    },
    err: (text) => {
      outcome.err += text;
    },
    colours: false,
  });
  return { code, ...outcome };
}

/** The same as a process of its own, with a stdin. */
export function spawned(args: string, input = ''): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...split(args)], {
    cwd: root,
    input,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

export function file(name: string, contents: string | Uint8Array): string {
  const path = join(scratch, name);
  writeFileSync(path, contents);
  return path;
}

export const FIREWALL = 'examples/firewall/firewall.bpf.o';
export const TWINS = 'test/objects/twins/twins.bpf.o';
export const COUNTER = 'test/objects/cli/counter.bpf.o';

/** One line on stderr that starts with `Error: `, nothing on stdout, no stack, no talk of bugs. */
export function expectOneLine({ code, out, err }: Outcome, exit: number, message: string): void {
  expect({ code, out, lines: err.split('\n').length }).toEqual({ code: exit, out: '', lines: 2 });
  expect(err.startsWith('Error: ')).toBe(true);
  expect(err).toContain(message);
  expect(err).not.toMatch(/bug|\n\s+at /);
}
