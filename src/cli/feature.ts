// `feature`: what of eBPF this beewasm has, in the words of `bpftool feature`: program types, map types, helpers; and kfuncs.

import { helpersOfType, RUNNABLE, runnableById } from '../spec/helpers.ts';
import { isRunnableKfunc } from '../spec/kfunc_abi.ts';
import { KFUNCS } from '../spec/kfuncs.ts';
import { mapTypeById } from '../spec/map_types.ts';
import { PROG_TYPES, progTypeById } from '../spec/prog_types.ts';
import { BPF_FUNC_ID, BPF_MAP_TYPE, BPF_PROG_TYPE } from '../uapi/enums.ts';
import type { Answer, Command } from './command.ts';

export interface Features {
  readonly programTypes: Readonly<Record<string, boolean>>;
  readonly mapTypes: Readonly<Record<string, boolean>>;
  /** By program type. */
  readonly helpers: Readonly<Record<string, Functions>>;
  readonly kfuncs: Functions;
}

interface Functions {
  readonly run: readonly string[];
  /** Calls of them are only verified. */
  readonly verified: readonly string[];
}

export function features(): Features {
  const programTypes = typesOf(BPF_PROG_TYPE, 'BPF_PROG_TYPE_', (id) => progTypeById(id) !== undefined);
  const mapTypes = typesOf(BPF_MAP_TYPE, 'BPF_MAP_TYPE_', (id) => (mapTypeById(id)?.store ?? 'none') !== 'none');
  const helpers = PROG_TYPES.map((type) => [type.name, helpersFor(type.id)]);
  const kfuncs = (run: boolean) => Object.keys(KFUNCS).filter((name) => isRunnableKfunc(name) === run);
  return {
    programTypes,
    mapTypes,
    helpers: Object.fromEntries(helpers),
    kfuncs: { run: kfuncs(true), verified: kfuncs(false) },
  };
}

/** BPF_MAP_TYPE_LRU_HASH -> lru_hash: whether there is a row for it. Deprecated second names are left out. */
function typesOf(numbers: Readonly<Record<string, number>>, prefix: string, has: (id: number) => boolean) {
  const names = Object.entries(numbers).filter(
    ([name, id]) => name.startsWith(prefix) && id !== 0 && !name.endsWith('_DEPRECATED'),
  );
  return Object.fromEntries(names.map(([name, id]) => [name.slice(prefix.length).toLowerCase(), has(id)]));
}

/** Names in the order of Linux's numbers. */
function helpersFor(type: number) {
  const helpers = helpersOfType(type);
  const names = (run: boolean) => helpers.filter((h) => (runnableById(h.id) !== undefined) === run).map((h) => h.name);
  return { run: names(true), verified: names(false) };
}

function text(f: Features): string {
  const available = (kind: string, list: Readonly<Record<string, boolean>>) =>
    Object.entries(list).map(([name, yes]) => `eBPF ${kind} ${name} is ${yes ? '' : 'NOT '}available`);
  const total = Object.keys(BPF_FUNC_ID).length - 2; // without unspec and __MAX
  return [
    'Scanning eBPF program types...',
    ...available('program_type', f.programTypes),
    '',
    'Scanning eBPF map types...',
    ...available('map_type', f.mapTypes),
    '',
    `Scanning eBPF helper functions (${RUNNABLE.length} of Linux's ${total} can run)...`,
    ...Object.entries(f.helpers).flatMap(([type, { run, verified }]) => [
      `eBPF helpers supported for program type ${type}:`,
      ...run.map((name) => `\t- ${name}`),
      ...(verified.length === 0 ? [] : [`eBPF helpers that are verified but can't run for program type ${type}:`]),
      ...verified.map((name) => `\t- ${name}`),
    ]),
    '',
    `Scanning kernel functions (${f.kfuncs.run.length} of ${f.kfuncs.run.length + f.kfuncs.verified.length} can run)...`,
    ...f.kfuncs.run.map((name) => `\t- ${name}`),
    "kernel functions that are verified but can't run:",
    ...f.kfuncs.verified.map((name) => `\t- ${name}`),
  ].join('\n');
}

function json(f: Features): unknown {
  const have = (list: Readonly<Record<string, boolean>>, suffix: string) =>
    Object.fromEntries(Object.entries(list).map(([name, yes]) => [`have_${name}_${suffix}`, yes]));
  return {
    program_types: have(f.programTypes, 'prog_type'),
    map_types: have(f.mapTypes, 'map_type'),
    helpers: Object.fromEntries(
      Object.entries(f.helpers).flatMap(([type, { run, verified }]) => [
        [`${type}_available_helpers`, run],
        [`${type}_verified_helpers`, verified],
      ]),
    ),
    kfuncs: { available_kfuncs: f.kfuncs.run, verified_kfuncs: f.kfuncs.verified },
  };
}

export const featureCommand: Command = {
  words: ['feature'],
  usage: '',
  summary: 'list the program types, map types, helpers and kfuncs that exist here',
  run({ words }): Answer {
    words.end();
    const found = features();
    return { json: json(found), text: () => text(found) };
  },
};
