// The end of a pipe: `beewasm ... | head` closes it early, which is no error of ours; a full disk is one, and one line.

import { fileError } from './files.ts';

/** To be called once by whatever owns the process. */
export function guardStdout(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`Error: ${(fileError('write', 'stdout', error) as Error).message}\n`);
    process.exit(1);
  });
}
