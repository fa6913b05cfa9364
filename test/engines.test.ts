// Every program of the corpus (programs.ts) on both engines through the harness: r0 as expected, and the same packet,
// context, trace and memory. The same for the objects of the examples and the bench over a real capture.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { applyPolicy, POLICY } from '../examples/firewall/policy.ts';
import { type BpfMap, type Kernel, openObject } from '../src/index.ts';
import { readPcap } from '../src/pcap/index.ts';
import { loadText, runBoth, runBothAll, runBothBatch, testKernel } from './harness.ts';
import { PROGRAMS, type TestProgram } from './programs.ts';

const COUNTED = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
/** IPv4, TCP, 10.0.0.1 -> 10.0.0.2, 5 bytes of payload. */
const TCP4 = Buffer.from(
  '02000000000102000000000208004500002d12340000400654950a0000010a00000230390050000003e8000000005002ffff2398000068656c6c6f',
  'hex',
);

function prepare(kernel: Kernel, program: TestProgram) {
  const { name, type = 'raw', text, unverified } = program;
  const maps: Record<string, BpfMap> = {};
  for (const [map, [type, keySize, valueSize, maxEntries]] of Object.entries(program.maps ?? {})) {
    maps[map] = kernel.createMap({ name: map, type, keySize, valueSize, maxEntries, flags: 0 });
  }
  const data = program.data ?? (type === 'raw' ? COUNTED : new Uint8Array(TCP4));
  const source = { type, maps, memSize: data.length, verify: unverified === undefined };
  for (const [slot, target] of Object.entries(program.targets ?? {})) {
    maps.jumps.set(Number(slot), loadText(kernel, { ...source, name: `${name}: slot ${slot}`, text: target }));
  }
  return { loaded: loadText(kernel, { ...source, name, text }), data };
}

describe('both engines', () => {
  it.each(PROGRAMS)('$name', async (program) => {
    const kernel = await testKernel();
    const { loaded, data } = prepare(kernel, program);
    if (typeof program.expect === 'string') expect(() => runBoth(kernel, loaded, { data })).toThrow(program.expect);
    else expect(runBoth(kernel, loaded, { data }).retval).toBe(program.expect);
    expect(kernel.arena.checkCanaries()).toEqual([]);
    kernel.close();
  });
});

const root = new URL('../../', import.meta.url);
const file = (path: string) => readFileSync(new URL(path, root));

async function capture(): Promise<Uint8Array[]> {
  const packets: Uint8Array[] = [];
  for await (const { data } of readPcap(file('examples/firewall/capture.pcapng'))) packets.push(data.slice());
  return packets;
}

function histogram(verdicts: ArrayLike<number>): Record<number, number> {
  const counts: Record<number, number> = {};
  for (let i = 0; i < verdicts.length; i++) counts[verdicts[i]] = (counts[verdicts[i]] ?? 0) + 1;
  return counts;
}

describe('real objects over the capture', () => {
  it('the firewall: packet by packet and in batches', { timeout: 60_000 }, async () => {
    const kernel = await testKernel();
    const object = kernel.loadSync(openObject(file('examples/firewall/firewall.bpf.o')));
    applyPolicy(object, POLICY);
    const packets = (await capture()).filter((p) => p.length >= 14);
    const { xdp_fw } = object.programs;
    const single = runBothAll(
      kernel,
      xdp_fw,
      packets.map((data) => ({ data })),
    ).map((result) => Number(result.retval));
    expect(Object.keys(histogram(single)).length).toBeGreaterThanOrEqual(3);
    expect([...runBothBatch(kernel, xdp_fw, packets)]).toEqual(single);
    expect(kernel.arena.checkCanaries()).toEqual([]);
  });

  const objects = readdirSync(new URL('bench/programs/', root)).filter((name) => name.endsWith('.bpf.o'));
  it.each(objects)('%s', { timeout: 60_000 }, async (name) => {
    const kernel = await testKernel();
    const object = kernel.loadSync(openObject(file(`bench/programs/${name}`)));
    const packets = (await capture()).filter((p) => p.length >= 64).slice(0, 20);
    for (const program of Object.values(object.programs)) {
      expect(runBothBatch(kernel, program, packets)).toHaveLength(packets.length);
      runBoth(kernel, program, { data: packets[0] });
    }
  });
});
