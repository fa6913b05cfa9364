#!/usr/bin/env node
// The `beewasm` command on the process's own arguments, stdout and stderr.

import { fileError } from './files.ts';
import { runCli } from './run.ts';
import { wantsColours } from './style.ts';

// `beewasm ... | head` closes the pipe early: that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`Error: ${(fileError('write', 'stdout', error) as Error).message}\n`);
  process.exit(1);
});

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  colours: wantsColours(process.env, process.stdout.isTTY),
});
