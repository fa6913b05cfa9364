// Real objects that nobody here wrote: xdp-tools' filters from Debian's libxdp1, over every packet of the demo capture, on
// the interpreter, the JIT and (where there is one) the live kernel: equal verdicts, packets and map contents.
// `node conformance/fetch-libxdp.mjs` gets the objects.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareGolden, readGoldenCases, replayGolden } from '../conformance/golden.ts';
import { type Oracle, openOracle } from '../conformance/kernel/oracle.ts';
import { libxdpFolder, libxdpObject } from '../conformance/libxdp.ts';
import { openBeewasmObject } from '../conformance/objects/beewasm_object.ts';
import { openKernelObject } from '../conformance/objects/kernel_object.ts';
import type { LoadedObject } from '../conformance/objects/loaded_object.ts';
import { ROOT, sharedFile } from '../conformance/shared.ts';
import { openObject } from '../src/loader/index.ts';
import { readPcap } from '../src/pcap/index.ts';
import { runBothAll } from './harness.ts';

const folder = libxdpFolder();
if (!folder) console.log('skipped: no libxdp1 objects (node conformance/fetch-libxdp.mjs)');
const golden = sharedFile('vectors', 'golden-dev.json');
if (!golden) console.log('skipped: no ../shared/vectors/golden-dev.json');

/** `processed N insns` of Linux 6.18, which our verifier must meet within a factor of two. */
const PROCESSED = {
  'xdpfilt_alw_all.o': 81905,
  'xdpfilt_dny_all.o': 81905,
  'xdpfilt_alw_tcp.o': 16311,
  'xdpfilt_dny_udp.o': 15941,
  'xsk_def_xdp_prog.o': 10,
} as const;

/** xdp-filter's map flags: which side of a packet an entry is for, and which protocols a port is for. */
const [SRC, DST, TCP, UDP] = [1, 2, 4, 8];

/** Entries that hit a part of the capture: HTTP and DNS, one host each by IPv4, IPv6 and Ethernet address. */
const ENTRIES: Readonly<Record<string, readonly (readonly [key: string, flags: number])[]>> = {
  filter_ports: [
    ['00500000', SRC | DST | TCP | UDP],
    ['00350000', SRC | DST | TCP | UDP],
  ],
  filter_ipv4: [['0a000003', SRC | DST]],
  filter_ipv6: [['fd000000000000000000000000000004', SRC]],
  filter_ethernet: [['de7152e81447', SRC | DST]],
};

describe.skipIf(!folder)('libxdp objects', () => {
  const packets: Uint8Array[] = [];
  let oracle: Oracle | null = null;

  beforeAll(async () => {
    oracle = openOracle((why) => console.log(`not compared with the live kernel: ${why}`));
    const capture = readFileSync(join(ROOT, 'examples', 'firewall', 'capture.pcapng'));
    for await (const { data } of readPcap(capture)) packets.push(data);
  });
  afterAll(() => oracle?.shutdown());

  it.for(Object.entries(PROCESSED))('%s answers as Linux does', async ([file, processed]) => {
    const spec = openObject(libxdpObject(folder!, file));
    const [name] = Object.keys(spec.programs);
    const maps = Object.keys(spec.maps);
    const ours = await openBeewasmObject(spec, 'jit');
    const linux = oracle && openKernelObject(oracle, spec);
    const program = ours.programs[name];
    const ratio = program.verifier!.stats.processed / processed;
    expect(ratio).toBeGreaterThanOrEqual(0.5);
    expect(ratio).toBeLessThanOrEqual(2);
    if (linux) expect(linux.loads.get(name)!.processed).toBe(processed);

    fill(ours, maps);
    // Both engines: r0, packet and every byte of memory.
    const results = runBothAll(
      ours.kernel,
      program,
      packets.map((data) => ({ data })),
    );
    expect(results.length).toBeGreaterThan(3000);
    if (file.startsWith('xdpfilt')) expect(new Set(results.map((r) => r.retval)).size).toBeGreaterThanOrEqual(2);
    if (linux) {
      fill(linux, maps);
      packets.forEach((packet, i) => {
        const { rc, retval, data } = linux.run(name, packet);
        const same = rc === 0 && BigInt(retval) === results[i].retval && Buffer.compare(data, results[i].data) === 0;
        if (!same) expect.fail(`packet ${i}: Linux answers ${rc}, ${retval}; beewasm ${results[i].retval}`);
      });
      // An XSKMAP can't be read here.
      for (const map of maps.filter((m) => m !== 'xsks_map')) {
        expect(sortedDump(ours, map)).toEqual(sortedDump(linux, map));
      }
      linux.close();
    }
    ours.close();
  });

  it.skipIf(!golden)('replays the golden case byte for byte', async () => {
    const wanted = readGoldenCases(golden!).filter((c) => c.obj.startsWith('libxdp-deb/'));
    expect(wanted.map((c) => c.id)).toContain('xdpfilt_alw_all');
    for (const c of wanted) {
      const bytes = libxdpObject(folder!, c.obj.split('/')[1]);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(c.sha256);
      const spec = prepareGolden(openObject(bytes));
      for (const engine of ['interp', 'jit'] as const) {
        const object = await openBeewasmObject(spec, engine);
        expect(replayGolden(c, spec, object)).toEqual([]);
        object.close();
      }
      if (!oracle) continue;
      const linux = openKernelObject(oracle, spec);
      expect(replayGolden(c, spec, linux)).toEqual([]);
      linux.close();
    }
  });
});

function fill(object: LoadedObject, maps: readonly string[]): void {
  for (const map of maps) {
    for (const [key, flags] of ENTRIES[map] ?? []) {
      expect(object.update(map, Buffer.from(key, 'hex'), Uint8Array.of(flags, 0, 0, 0, 0, 0, 0, 0))).toBe(0);
    }
  }
}

function sortedDump(object: LoadedObject, map: string): string[] {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  return object
    .dump(map)
    .map(([key, value]) => `${hex(key)}:${hex(value)}`)
    .sort();
}
