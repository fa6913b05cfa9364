// Replays golden cases: what Linux did, step by step, with an object and some packets. In: the cases of golden-dev.json
// and a LoadedObject; out: the first steps whose outcome differs, byte for byte.
//
// Steps: u = map update "map:key:value", t = program into a prog array "map:index:program", f = fill "map:n:m" (key k -> 1 +
// k % m as u32), p = one packet, d = dump of a map compared as a set (at most 64 entries; without all-zero ones of arrays).

import { readFileSync } from 'node:fs';
import type { ObjectSpec } from '../src/loader/index.ts';
import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';
import { FormatError } from '../src/uapi/errors.ts';
import type { LoadedObject } from './objects/loaded_object.ts';

export type GoldenStep =
  | { readonly op: 'u' | 't' | 'f'; readonly arg: string; readonly rc: number }
  | {
      readonly op: 'p';
      readonly name: string;
      readonly in: string;
      readonly rc: number;
      readonly retval?: number;
      readonly out?: string;
      readonly out_len?: number;
    }
  | { readonly op: 'd'; readonly map: string; readonly entries: readonly (readonly [string, string])[] };

export interface GoldenCase {
  readonly id: string;
  readonly obj: string;
  readonly sha256: string;
  readonly prog: string;
  readonly result: { readonly steps: readonly GoldenStep[] };
  /** Maps whose contents Linux itself does not reproduce. */
  readonly nondeterministic?: readonly string[];
}

export interface GoldenDifference {
  readonly step: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

const DUMP_LIMIT = 64;
/** Maps above this many entries were capped for the golden runs, arrays excepted; max_entries 0 became 64. */
const MAX_ENTRIES = 65536;
const ARRAYS: readonly number[] = [BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY];

export function readGoldenCases(path: string): GoldenCase[] {
  const file = JSON.parse(readFileSync(path, 'utf8')) as { cases?: GoldenCase[] };
  if (!Array.isArray(file.cases)) throw new FormatError('vectors', `${path}: no cases`);
  return file.cases;
}

/** The map sizes of the golden runs. */
export function prepareGolden(spec: ObjectSpec): ObjectSpec {
  for (const map of Object.values(spec.maps)) {
    map.pinning = 0;
    if (map.maxEntries === 0) map.maxEntries = 64;
    if (map.maxEntries > MAX_ENTRIES && !ARRAYS.includes(map.type)) map.maxEntries = MAX_ENTRIES;
  }
  return spec;
}

/** Replays all steps of a case on an object that was just loaded from `spec`. */
export function replayGolden(golden: GoldenCase, spec: ObjectSpec, object: LoadedObject): GoldenDifference[] {
  const differences: GoldenDifference[] = [];
  golden.result.steps.forEach((step, i) => {
    if (step.op === 'd' && golden.nondeterministic?.includes(step.map)) return;
    const { expected, actual } = outcome(golden, step, spec, object);
    if (JSON.stringify(expected) === JSON.stringify(actual)) return;
    const what = step.op === 'p' ? step.name : step.op === 'd' ? step.map : step.arg;
    differences.push({ step: `${i} ${step.op} ${what}`, expected, actual });
  });
  return differences;
}

function outcome(golden: GoldenCase, step: GoldenStep, spec: ObjectSpec, object: LoadedObject) {
  switch (step.op) {
    case 'u': {
      const [map, key, value] = step.arg.split(':');
      return { expected: step.rc, actual: object.update(map, unhex(key), unhex(value)) };
    }
    case 't': {
      const [map, index, program] = step.arg.split(':');
      return { expected: step.rc, actual: object.setProgram(map, Number(index), program) };
    }
    case 'f':
      return { expected: step.rc, actual: fill(step.arg, object) };
    case 'p': {
      const { rc, retval, data } = object.run(golden.prog, unhex(step.in));
      const expected = step.rc === 0 ? [0, step.retval, step.out_len, step.out] : [step.rc];
      return { expected, actual: rc === 0 ? [0, retval, data.length, hex(data)] : [rc] };
    }
    case 'd':
      return {
        expected: sorted(step.entries),
        actual: sorted(dumped(object, step.map, ARRAYS.includes(spec.maps[step.map].type))),
      };
  }
}

function fill(arg: string, object: LoadedObject): number {
  const [map, count, modulus] = arg.split(':');
  const u32 = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
  for (let k = 0; k < Number(count); k++) {
    const rc = object.update(map, u32(k), u32(1 + (k % Number(modulus))));
    if (rc !== 0) return rc;
  }
  return 0;
}

/** As the golden runs listed them: array entries that are all zero are left out, then at most DUMP_LIMIT remain. */
function dumped(object: LoadedObject, map: string, isArray: boolean): (readonly [string, string])[] {
  return object
    .dump(map)
    .filter(([, value]) => !isArray || value.some((b) => b !== 0))
    .slice(0, DUMP_LIMIT)
    .map(([key, value]) => [hex(key), hex(value)]);
}

function sorted(entries: readonly (readonly [string, string])[]): string[] {
  return entries.map(([k, v]) => `${k}:${v}`).sort();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function unhex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}
