// Every program of the corpus (programs.ts) on both engines through the harness: r0 as expected, and the same packet,
// context, trace and memory. The same for the objects of the examples and the bench over a real capture.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { applyPolicy, POLICY } from '../examples/firewall/policy.ts';
import { openObject } from '../src/index.ts';
import { readPcap } from '../src/pcap/index.ts';
import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';
import { loadCorpus } from './corpus.ts';
import { loadText, runBoth, runBothAll, runBothBatch, testKernel } from './harness.ts';
import { PROGRAMS } from './programs.ts';
import { expectValid } from './wabt.ts';

describe('both engines', () => {
  it.each(PROGRAMS)('$name', async (program) => {
    const kernel = await testKernel();
    const { loaded, data } = loadCorpus(kernel, program);
    if (typeof program.expect === 'string') expect(() => runBoth(kernel, loaded, { data })).toThrow(program.expect);
    else expect(runBoth(kernel, loaded, { data }).retval).toBe(program.expect);
    expect(kernel.heap.checkCanaries()).toEqual([]);
    kernel.close();
  });
});

describe('the harness sees what an engine does differently', () => {
  // A helper that answers another number at every call stands for an engine that is wrong.
  const store = 'r1 = value a + 0\n*(u64 *)(r1 +0) = r0\n';
  const cases: [what: string, text: string, message: RegExp][] = [
    [
      'r0',
      'r6 = r1\ncall bpf_get_prandom_u32\nexit',
      /input 0: the interpreter gives\n {2}r0 0x1,.*and the JIT\n {2}r0 0x2,/s,
    ],
    ['a map', `call bpf_get_prandom_u32\n${store}r0 = 0\nexit`, /memory differs at 0x[0-9a-f]+ \(arena\)/],
    [
      'the packet',
      `r6 = *(u32 *)(r1 +0)
      r7 = *(u32 *)(r1 +4)
      call bpf_get_prandom_u32
      r1 = r6
      r1 += 14
      if r1 > r7 goto out
      *(u8 *)(r6 +3) = r0
      out: r0 = 0
      exit`,
      /, data 00000001.*, data 00000002/s,
    ],
    ['the redirect', 'call bpf_get_prandom_u32\nr1 = r0\nr2 = 0\ncall bpf_redirect\nexit', /"ifindex":1.*"ifindex":2/s],
    [
      'the trace',
      `call bpf_get_prandom_u32
      r3 = r0
      r1 = 0x0a6425 ll
      *(u64 *)(r10 -8) = r1
      r1 = r10
      r1 += -8
      r2 = 4
      call bpf_trace_printk
      r0 = 0
      exit`,
      /traces\n.*1.*and the JIT\n.*2/s,
    ],
    [
      'an error',
      'call bpf_get_prandom_u32\nif r0 == 1 goto l\nr0 = 0\nexit\nl: r1 = 0\n*(u64 *)(r1 +0) = r1\nexit',
      /error EFAULT\nand the JIT\n {2}r0 0x0/,
    ],
  ];
  it.each(cases)('%s', async (what, text, message) => {
    const kernel = await testKernel();
    let calls = 0;
    kernel.helpers.mock('bpf_get_prandom_u32', () => ++calls);
    const maps = {
      a: kernel.createMap({
        name: 'a',
        type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
        keySize: 4,
        valueSize: 8,
        maxEntries: 1,
        flags: 0,
      }),
    };
    const program = loadText(kernel, { name: what, type: 'xdp', text, maps, verify: what !== 'an error' });
    const data = new Uint8Array(64);
    expect(() => runBoth(kernel, program, { data })).toThrow(message);
    if (what === 'r0') {
      expect(() => runBothBatch(kernel, program, [data, data])).toThrow(/verdict 3.*verdict 5/s);
    }
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
  it('the firewall: packet by packet and in batches', async () => {
    const kernel = await testKernel();
    const object = kernel.loadSync(openObject(file('examples/firewall/firewall.bpf.o')));
    applyPolicy(object, POLICY);
    const packets = (await capture()).filter((p) => p.length >= 14);
    const { xdp_fw } = object.programs;
    await expectValid(xdp_fw);
    const single = runBothAll(
      kernel,
      xdp_fw,
      packets.map((data) => ({ data })),
    ).map((result) => Number(result.retval));
    expect(Object.keys(histogram(single)).length).toBeGreaterThanOrEqual(3);
    expect([...runBothBatch(kernel, xdp_fw, packets)]).toEqual(single);
    expect(kernel.heap.checkCanaries()).toEqual([]);
  });

  const objects = readdirSync(new URL('bench/programs/', root)).filter((name) => name.endsWith('.bpf.o'));
  it.each(objects)('%s', async (name) => {
    const kernel = await testKernel();
    const object = kernel.loadSync(openObject(file(`bench/programs/${name}`)));
    const packets = (await capture()).filter((p) => p.length >= 64).slice(0, 20);
    for (const program of Object.values(object.programs)) {
      await expectValid(program);
      expect(runBothBatch(kernel, program, packets)).toHaveLength(packets.length);
      runBoth(kernel, program, { data: packets[0] });
    }
  });
});
