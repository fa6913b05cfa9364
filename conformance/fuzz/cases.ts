// The saved cases: programs that once made a difference, one JSON file each in conformance/fuzz/cases of the checkout.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Case, caseFromJson, caseToJson } from './program.ts';

/** This file runs as <root>/dist/conformance/fuzz/cases.js. */
const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'conformance', 'fuzz', 'cases');

export function readCases(): Case[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => caseFromJson(readFileSync(join(folder, name), 'utf8')));
}

/** Returns the path. */
export function saveCase(saved: Case): string {
  const path = join(folder, `${saved.name}.json`);
  writeFileSync(path, caseToJson(saved));
  return path;
}
