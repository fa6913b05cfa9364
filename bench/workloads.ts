// What is measured: programs with the packets they run on. The firewall gets the demo's policy and packets from all over the
// capture; the others get 64 of its long packets (real text and real binary data).

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_ACTION, POLICY, policyUpdates } from '../examples/firewall/policy.ts';
import { Kernel, type ObjectSpec, openObject, type Program } from '../src/index.ts';
import { readPcap } from '../src/pcap/index.ts';

// This file runs from dist/bench; objects and sources are in the source tree.
export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Update {
  /** A map; without a key the name of a variable. */
  readonly name: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
}

interface Row {
  readonly name: string;
  readonly class: string;
  /** The .bpf.c in bench/programs, without ending; default: the name. */
  readonly file?: string;
}

/** Classes of pure computation: what the geomeans of the targets are about. */
export const COMPUTE: ReadonlySet<string> = new Set([
  'byte loop',
  'hashing',
  'checksum',
  'crc',
  'division',
  'bit tricks',
  'string search',
  'switch',
  '5-tuple',
  'sort',
  'matrix',
  'crypto',
  'nat',
]);

const PROGRAMS: readonly Row[] = [
  { name: 'empty', class: 'empty' },
  { name: 'varint', class: 'byte loop' },
  { name: 'fnv', class: 'hashing' },
  { name: 'siphash', class: 'hashing' },
  { name: 'csum', class: 'checksum' },
  { name: 'adler32', class: 'checksum' },
  { name: 'crc32', class: 'crc' },
  { name: 'crc4', class: 'crc' },
  { name: 'divmod', class: 'division' },
  { name: 'bits', class: 'bit tricks' },
  { name: 'strsearch', class: 'string search' },
  { name: 'lexer', class: 'switch' },
  { name: 'vm', class: 'switch' },
  { name: 'tuple', class: '5-tuple' },
  { name: 'sort', class: 'sort' },
  { name: 'matrix', class: 'matrix' },
  { name: 'chacha20', class: 'crypto' },
  { name: 'sha256', class: 'crypto' },
  { name: 'nat', class: 'nat' },
  { name: 'calls', class: 'calls' },
  { name: 'tail', class: 'tail calls' },
  { name: 'atomics', class: 'atomics' },
  { name: 'array16', class: 'array', file: 'arrays' },
  { name: 'percpu16', class: 'per-CPU array', file: 'arrays' },
  ...[4, 8, 16, 20].map((n) => ({ name: `lookup${n}`, class: 'hash lookup', file: 'hashes' })),
  ...[4, 8, 16, 20].map((n) => ({ name: `update${n}`, class: 'hash update', file: 'hashes' })),
];

export interface Workload {
  readonly name: string;
  readonly class: string;
  /** Path of the .bpf.c from the root; its .bpf.o is beside it. */
  readonly source: string;
  readonly program: string;
  readonly packets: readonly Uint8Array[];
  /** Policy: what user space writes before the first packet. */
  readonly updates: readonly Update[];
}

const LONG = 1000;
const FIREWALL_PACKETS = 128;

export async function workloads(): Promise<Workload[]> {
  const all: Uint8Array[] = [];
  const capture = new Uint8Array(readFileSync(join(root, 'examples/firewall/capture.pcapng')));
  for await (const packet of readPcap(capture)) all.push(packet.data);
  const long = all.filter((p) => p.length >= LONG).slice(0, 64);
  const spread = Array.from({ length: FIREWALL_PACKETS }, (_, i) => {
    return all[Math.floor((i * all.length) / FIREWALL_PACKETS)];
  });
  const source = 'examples/firewall/firewall.bpf.c';
  return [
    { name: 'firewall', class: 'firewall', source, program: 'xdp_fw', packets: spread, updates: firewall() },
    ...PROGRAMS.map((row) => ({
      name: row.name,
      class: row.class,
      source: `bench/programs/${row.file ?? row.name}.bpf.c`,
      program: row.name,
      packets: long,
      updates: row.file === 'hashes' ? [4, 8, 16, 20].flatMap(hashEntries) : [],
    })),
  ];
}

function firewall(): Update[] {
  const variable = { name: 'default_action', key: null, value: Uint8Array.of(DEFAULT_ACTION, 0, 0, 0) };
  return [variable, ...policyUpdates(POLICY).map(({ map, key, value }) => ({ name: map, key, value }))];
}

/** ENTRIES keys as hashes.bpf.c makes them from an id. */
function hashEntries(keySize: number): Update[] {
  return Array.from({ length: 1024 }, (_, id) => {
    const words = Uint32Array.from({ length: keySize / 4 }, (_, j) => id + j * 0x10001);
    return { name: `hash${keySize}`, key: new Uint8Array(words.buffer), value: new Uint8Array(8).fill(id & 0x3f) };
  });
}

export interface Loaded {
  readonly kernel: Kernel;
  readonly spec: ObjectSpec;
  readonly program: Program;
}

/** The workload in a Kernel of its own that depends on nothing outside. */
export async function loadWorkload(w: Workload): Promise<Loaded> {
  const spec = openObject(new Uint8Array(readFileSync(join(root, w.source.replace(/\.c$/, '.o')))));
  for (const { name, key, value } of w.updates) if (key === null) spec.variables[name].set(value);
  const kernel = new Kernel({ clock: 'virtual', seed: 1 });
  const { programs, maps } = await kernel.load(spec, { jit: 'auto' });
  for (const { name, key, value } of w.updates) if (key !== null) maps[name].set(key, value);
  return { kernel, spec, program: programs[w.program] };
}
