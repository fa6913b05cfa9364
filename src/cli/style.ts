// Colours for a terminal; plain text everywhere else, with NO_COLOR, and with --json.

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Style = Readonly<Record<keyof typeof CODES, (text: string) => string>>;

export function styleFor(colours: boolean): Style {
  const paint = (code: number) => (text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  return Object.fromEntries(Object.entries(CODES).map(([name, code]) => [name, paint(code)])) as unknown as Style;
}

/** Whether stdout takes colours. https://no-color.org: any non-empty value switches them off. */
export function wantsColours(env: NodeJS.ProcessEnv, isTty: boolean): boolean {
  return isTty && !env.NO_COLOR && env.TERM !== 'dumb';
}
