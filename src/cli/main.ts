#!/usr/bin/env node
// The `beewasm` command on the process's own arguments, stdout and stderr.

import { runCli } from './run.ts';
import { guardStdout } from './stdout.ts';
import { wantsColours } from './style.ts';

guardStdout();
process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  colours: wantsColours(process.env, process.stdout.isTTY),
});
