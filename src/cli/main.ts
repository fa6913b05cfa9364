#!/usr/bin/env node
// The `beewasm` command on the process's own arguments, stdout and stderr.

import { runCli } from './run.ts';
import { wantsColours } from './style.ts';

// `beewasm ... | head` closes the pipe early: that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  colours: wantsColours(process.env, process.stdout.isTTY),
});
