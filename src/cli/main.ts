#!/usr/bin/env node
// The `beewasm` command on the process's own arguments, stdout and stderr.

import { Progress } from './progress.ts';
import { runCli } from './run.ts';
import { guardStdout } from './stdout.ts';
import { wantsColours } from './style.ts';

guardStdout();
const progress = new Progress(process.stderr);
process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => {
    progress.clear();
    process.stdout.write(text);
  },
  err: (text) => {
    progress.clear();
    process.stderr.write(text);
  },
  colours: wantsColours(process.env, process.stdout.isTTY),
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  progress: (what) => progress.show(what),
});
