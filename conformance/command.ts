// What the commands of this folder share: help is no wrong usage, what is wrong is one line, and the exit code: 0 = everything as
// expected, 1 = something differs or failed, 2 = wrong arguments. A file that can't be read is such a line, too; any
// other exception is a bug and goes on.

import { guardStdout } from '../src/cli/stdout.ts';
import { BeewasmError } from '../src/uapi/errors.ts';

export class UsageError extends BeewasmError {
  override name = 'UsageError';
}

/** Whether the usage is asked for, by itself or behind anything else. */
export function wantsHelp(argv: readonly string[]): boolean {
  return argv.includes('--help') || argv.includes('-h');
}

/** Runs the process's arguments; `run`: whether everything is as expected. */
export async function runCommand(
  name: string,
  usage: string,
  run: (argv: readonly string[]) => boolean | Promise<boolean>,
): Promise<void> {
  guardStdout();
  process.exitCode = await codeOf(name, usage, run, process.argv.slice(2));
}

/** "ENOENT: no such file or directory, open 'x'": says all by itself. */
function isRefusedFile(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}

async function codeOf(
  name: string,
  usage: string,
  run: (argv: readonly string[]) => boolean | Promise<boolean>,
  argv: readonly string[],
): Promise<number> {
  if (wantsHelp(argv)) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  try {
    return (await run(argv)) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof BeewasmError) && !isRefusedFile(error)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    if (!(error instanceof UsageError)) return 1;
    process.stderr.write(`${usage}\n`);
    return 2;
  }
}
