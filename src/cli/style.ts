// Colours for a terminal; plain text everywhere else, with NO_COLOR, and with --json.

import type { RenderOptions, Role } from '../verifier/index.ts';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Style = Readonly<Record<keyof typeof CODES, (text: string) => string>>;

export function styleFor(colours: boolean): Style {
  const paint = (code: number) => (text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  return Object.fromEntries(Object.entries(CODES).map(([name, code]) => [name, paint(code)])) as unknown as Style;
}

/** Colours of a diagnostic, as rustc has them. */
export function diagnosticPaint(style: Style): NonNullable<RenderOptions['paint']> {
  const paint: Record<Role, (text: string) => string> = {
    error: (text) => style.bold(style.red(text)),
    title: style.bold,
    frame: style.cyan,
    primary: style.red,
    secondary: style.cyan,
    note: style.bold,
    help: style.green,
  };
  return (role, text) => paint[role](text);
}

/** Whether stdout takes colours. https://no-color.org: any non-empty value switches them off. */
export function wantsColours(env: NodeJS.ProcessEnv, isTty: boolean): boolean {
  return isTty && !env.NO_COLOR && env.TERM !== 'dumb';
}
