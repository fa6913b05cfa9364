// What is measured: programs with the packets they run on. The firewall gets the demo's policy and the whole capture; the
// compute programs get 64 of its long packets (real text and real binary data).

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

export interface Workload {
  readonly name: string;
  /** Path of the .bpf.c from the root; its .bpf.o is beside it. */
  readonly source: string;
  readonly program: string;
  readonly packets: readonly Uint8Array[];
  /** Policy: what user space writes before the first packet. */
  readonly updates: readonly Update[];
}

const COMPUTE = ['fnv', 'csum', 'crc32', 'divmod', 'bits', 'sort', 'lexer'] as const;
const LONG = 1000;

export async function workloads(): Promise<Workload[]> {
  const packets: Uint8Array[] = [];
  const capture = new Uint8Array(readFileSync(join(root, 'examples/firewall/capture.pcapng')));
  for await (const packet of readPcap(capture)) packets.push(packet.data);
  const long = packets.filter((p) => p.length >= LONG).slice(0, 64);
  const compute = COMPUTE.map((name) => ({
    name,
    source: `bench/programs/${name}.bpf.c`,
    program: name,
    packets: long,
    updates: [],
  }));
  return [
    { name: 'firewall', source: 'examples/firewall/firewall.bpf.c', program: 'xdp_fw', packets, updates: firewall() },
    ...compute,
  ];
}

function firewall(): Update[] {
  const variable = { name: 'default_action', key: null, value: Uint8Array.of(DEFAULT_ACTION, 0, 0, 0) };
  return [variable, ...policyUpdates(POLICY).map(({ map, key, value }) => ({ name: map, key, value }))];
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
