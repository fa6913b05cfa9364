// Where vectors and facts lie: in `../shared` beside the checkout. Development and CI only: what reads them must do
// without when the folder is absent, and say so.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout: this file runs as <root>/dist/conformance/shared.js. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Path of a file under ../shared, e.g. sharedFile('vectors', 'verifier-dev.json'); null where it is absent. */
export function sharedFile(...parts: string[]): string | null {
  const path = join(ROOT, '..', 'shared', ...parts);
  return existsSync(path) ? path : null;
}
