// One command line: finds the command in the table, reads options, prints its answer, and turns every exception into
// one line on stderr. Exit code: 0 fine, 1 rejected or failed, 2 wrong arguments.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { EngineFault } from '../runtime/engine_fault.ts';
import { BeewasmError } from '../uapi/errors.ts';
import type { Answer, Command, RawCommand } from './command.ts';
import { COMMANDS } from './commands.ts';
import { styleFor } from './style.ts';
import { jsonText, wrap } from './text.ts';
import { expand, UsageError, Words } from './words.ts';

const GLOBAL_OPTIONS = {
  json: { type: 'boolean', short: 'j' },
  pretty: { type: 'boolean', short: 'p' },
  debug: { type: 'boolean', short: 'd' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

type AnyCommand = Command | RawCommand;

/** Where text goes. */
export interface Console {
  out(text: string): void;
  err(text: string): void;
  /** Whether `out` is a terminal that takes colours. */
  readonly colours: boolean;
  /** Width of the terminal behind `out`; absent = it is none. */
  readonly columns?: number | undefined;
  /** Shows what is being done in a line of its own, which the next text replaces; absent = nobody looks. */
  readonly progress?: (what: string) => void;
}

/** Runs one command line and returns the exit code; never throws. */
export async function runCli(argv: readonly string[], console: Console): Promise<number> {
  // Known before anything is parsed: errors of parsing are reported too.
  const flags = globalFlags(argv);
  try {
    return await dispatch(argv, console);
  } catch (error) {
    const message = oneLine(error);
    if (flags.json) print(console, jsonText({ error: message }, flags.pretty));
    console.err(`Error: ${message}\n`);
    if (flags.debug && error instanceof Error && !(error instanceof UsageError)) console.err(`${error.stack}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function oneLine(error: unknown): string {
  // Names in files reach messages: nothing of them may steer the terminal.
  const message = (error instanceof Error ? error.message : String(error))
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\p{Cc}/gu, '\ufffd');
  if (error instanceof BeewasmError || error instanceof EngineFault) return message;
  return `this is a bug in beewasm: ${message} (-d shows where)`;
}

function globalFlags(argv: readonly string[]): { json: boolean; pretty: boolean; debug: boolean } {
  const has = (short: string, long: string) =>
    argv.some((a) => a === `--${long}` || (/^-[a-zA-Z]+$/.test(a) && a.includes(short)));
  const pretty = has('p', 'pretty');
  return { json: pretty || has('j', 'json'), pretty, debug: has('d', 'debug') };
}

async function dispatch(argv: readonly string[], console: Console): Promise<number> {
  const group = askedGroup(argv);
  if (group.length > 0) return printHelp(console, group);
  const leading = argv.findIndex((a) => !a.startsWith('-'));
  const start = leading < 0 ? argv.length : leading;
  const command = start === argv.length ? null : findCommand(argv.slice(start));
  if (command === null) return withoutCommand(argv, console);
  const rest = argv.slice(start + command.words.length);
  if ('runRaw' in command) return command.runRaw(rest);
  const { values, positionals } = parse([...argv.slice(0, start), ...rest], command);
  if (values.version) return printVersion(console);
  if (values.help) return printHelp(console, [command]);
  const json = Boolean(values.json || values.pretty);
  const answer = await command.run({
    words: new Words(positionals, command.words.join(' ')),
    options: values as Record<string, string | boolean | undefined>,
    json,
    debug: Boolean(values.debug),
    style: styleFor(!json && console.colours),
    columns: console.columns,
    ...(console.progress === undefined ? {} : { progress: console.progress }),
  });
  printAnswer(console, answer, json, Boolean(values.pretty));
  return answer.failed ? 1 : 0;
}

function parse(args: string[], command: Command | null) {
  try {
    const options = { ...GLOBAL_OPTIONS, ...command?.options };
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    // "Unknown option '-x'. To specify a positional ..." -> the first sentence
    const message = error instanceof Error ? error.message.split(/\. |\n/)[0].replace(/\.$/, '') : String(error);
    throw new UsageError(message.charAt(0).toLowerCase() + message.slice(1));
  }
}

/** `beewasm`, `beewasm -h`, `beewasm help`, `beewasm -V`. */
function withoutCommand(argv: readonly string[], console: Console): number {
  const { values } = parse(
    [...argv].filter((a) => a !== 'help' && a !== 'version'),
    null,
  );
  if (values.version || argv.includes('version')) return printVersion(console);
  if (values.help || argv.includes('help')) return printHelp(console, COMMANDS);
  throw new UsageError(`which command? One of: ${firstWords().join(', ')} (-h explains them)`);
}

function firstWords(): string[] {
  return [...new Set(COMMANDS.map((c) => c.words[0]))];
}

/** `beewasm prog -h` asks for all commands of the group. */
function askedGroup(argv: readonly string[]): AnyCommand[] {
  const [first, second] = argv.filter((a) => !a.startsWith('-'));
  if (first === undefined || second !== undefined || !argv.some((a) => a === '-h' || a === '--help')) return [];
  const word = expand(first, firstWords());
  return COMMANDS.filter((c) => c.words[0] === word);
}

/** The command that the first words name; null for help and version. */
function findCommand(words: readonly string[]): AnyCommand | null {
  if (words[0] === 'help' || words[0] === 'version') return null;
  const first = expand(words[0], firstWords());
  if (first === undefined) throw new UsageError(`unknown command '${words[0]}', expected ${firstWords().join(', ')}`);
  const group = COMMANDS.filter((c) => c.words[0] === first);
  if (group.length === 1 && group[0].words.length === 1) return group[0];
  const seconds = group.map((c) => c.words[1]);
  if (words[1] === undefined || words[1].startsWith('-'))
    throw new UsageError(`${first}: which command? ${seconds.join(', ')}`);
  const second = expand(words[1], seconds);
  if (second === undefined)
    throw new UsageError(`${first}: unknown command '${words[1]}', expected ${seconds.join(', ')}`);
  return group.find((c) => c.words[1] === second)!;
}

function printAnswer(console: Console, answer: Answer, json: boolean, pretty: boolean): void {
  const text = json ? jsonText(answer.json, pretty) : answer.text();
  if (text !== '') print(console, text);
}

function print(console: Console, text: string): void {
  console.out(text.endsWith('\n') ? text : `${text}\n`);
}

function printVersion(console: Console): number {
  const manifest = new URL('../../../package.json', import.meta.url);
  print(console, `beewasm v${JSON.parse(readFileSync(manifest, 'utf8')).version}`);
  return 0;
}

const HELP_COLUMNS = 80;

/** Usage, its continuation and the summary are told apart by their indentation. */
function helpOf({ words, usage, summary }: AnyCommand): string[] {
  const [first, ...more] = wrap(`beewasm ${words.join(' ')} ${usage}`, HELP_COLUMNS - 10);
  return [
    `  ${first}`,
    ...more.map((line) => `          ${line}`),
    ...wrap(summary, HELP_COLUMNS - 6).map((line) => `      ${line}`),
  ];
}

function printHelp(console: Console, commands: readonly AnyCommand[]): number {
  const notes = [
    'Options: -j | --json, -p | --pretty (JSON), -d | --debug, -h | --help,',
    '         -V | --version',
    'Words may be abbreviated. FILE - is stdin or stdout.',
    'Exit code: 0 fine, 1 rejected or failed, 2 wrong arguments.',
  ];
  print(console, ['Usage:', ...commands.flatMap(helpOf), '', ...notes].join('\n'));
  return 0;
}
