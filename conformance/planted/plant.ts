// A copy of the built project with one bug in its verifier. In: a row of bugs.ts. Out: a folder whose dist runs like this
// one's, bug aside. A bug whose text is not there (any more) exactly once is an error: nothing would be planted.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../shared.ts';
import type { Bug } from './bugs.ts';

const pathOf = (root: string, { file }: Bug) => join(root, 'dist', 'src', 'verifier', `${file}.js`);

/** The text of the file with the bug. */
export function edited(bug: Bug): string {
  const text = readFileSync(pathOf(ROOT, bug), 'utf8');
  const parts = text.split(bug.from);
  if (parts.length !== 2) {
    throw new Error(`'${bug.name}': its text occurs ${parts.length - 1} times in src/verifier/${bug.file}`);
  }
  return parts.join(bug.to);
}

/** Calls `use` with the root of a copy that has the bug (null: none), and removes the copy. */
export function withPlanted<T>(bug: Bug | null, use: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'beewasm-planted-'));
  try {
    cpSync(join(ROOT, 'package.json'), join(root, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    for (const part of ['src', 'jit', 'conformance', 'test']) {
      const code = (path: string) => !/\.(map|d\.ts)$/.test(path);
      cpSync(join(ROOT, 'dist', part), join(root, 'dist', part), { recursive: true, filter: code });
    }
    if (bug !== null) writeFileSync(pathOf(root, bug), edited(bug));
    return use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}
