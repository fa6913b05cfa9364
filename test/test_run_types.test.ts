// Test runs by program type: which frame and context a program finds, tried against constants, and against Linux where
// the live kernel can be asked.
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { Kernel } from '../src/index.ts';
import { asm } from '../src/isa/asm.ts';
import { ctxOfType } from '../src/spec/ctx.ts';
import { type ProgTypeName, progTypeByName } from '../src/spec/prog_types.ts';
import { BpfError, UnsupportedError } from '../src/uapi/errors.ts';

const kernel = new Kernel();
afterAll(() => kernel.close());

function program(type: string, text: string, expectedAttachType = 0, flags = 0) {
  const { insns } = asm(`${text}\nexit`);
  return kernel.loadProgram({ type, expectedAttachType, flags, license: 'GPL', insns }, { jit: 'off' });
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.replace(/ /g, '').match(/../g)!, (b) => Number.parseInt(b, 16));
}

const IP4 = bytes(
  `0a0b0c0d0e0f 010203040506 0800 4500002e00010000401100000a0000010a000002 1234005000190000 ${'00'.repeat(18)} aabbccdd`,
);
const IP6 = bytes(
  'ffffffffffff 010203040506 86dd 6000000000081140 20010db8000000000000000000000001 20010db8000000000000000000000002 1234005000080000',
);
const OTHER = bytes(`010000000001 010203040506 1234 ${'11'.repeat(50)}`);

const FIRST_WORD = `
  r2 = *(u32 *)(r1 + 76)
  r3 = *(u32 *)(r1 + 80)
  r4 = r2
  r4 += 4
  r0 = 0
  if r4 > r3 goto out
  r0 = *(u32 *)(r2 + 0)
  out:`;

describe('packets', () => {
  it.each([
    ['sched_cls', 0x0d0c0b0a],
    ['sched_act', 0x0d0c0b0a],
    ['lwt_in', 0x2e000045],
    ['lwt_xmit', 0x2e000045],
    ['sk_skb', 0x2e000045],
    ['flow_dissector', 0x0d0c0b0a],
  ])('%s sees its frame from its header on', (type, word) => {
    expect(program(type, FIRST_WORD).run({ data: IP4 }).retval).toBe(word);
  });

  it('tc programs keep the whole frame, others lose the Ethernet header', () => {
    const store = FIRST_WORD.replace('r0 = *(u32 *)(r2 + 0)', '*(u32 *)(r2 + 0) = 0x01020304');
    expect(program('sched_cls', store).run({ data: IP4 }).data).toEqual(
      Uint8Array.from([4, 3, 2, 1, ...IP4.subarray(4)]),
    );
    expect(program('lwt_xmit', store).run({ data: IP4 }).data).toEqual(
      Uint8Array.from([...new Uint8Array(14), 4, 3, 2, 1, ...IP4.subarray(18)]),
    );
  });

  it('have a socket with their addresses', () => {
    const text = 'r0 = 1\nr2 = *(u64 *)(r1 + 168)\nif r2 == 0 goto +1\nr0 = *(u32 *)(r2 + 4)';
    expect(program('socket_filter', text).run({ data: IP4 }).retval).toBe(2);
    expect(program('socket_filter', text).run({ data: IP6 }).retval).toBe(10);
    expect(program('socket_filter', text).run({ data: OTHER }).retval).toBe(0);
  });

  it('flow dissectors give their keys, with offsets inside the packet', () => {
    const text = `
      r2 = *(u64 *)(r1 + 144)
      *(u16 *)(r2 + 0) = 300
      *(u16 *)(r2 + 2) = 5
      *(u32 *)(r2 + 16) = 0x0100000a
      r0 = *(u32 *)(r2 + 48)`;
    const { retval, data } = program('flow_dissector', text).run({ data: IP4, ctx: { flags: 3 } });
    expect(retval).toBe(3);
    expect([...data.subarray(0, 4)]).toEqual([IP4.length, 0, IP4.length, 0]);
    expect([...data.subarray(10, 12)]).toEqual([8, 0]);
    expect([...data.subarray(16, 20)]).toEqual([10, 0, 0, 1]);
    expect(() => program('flow_dissector', 'r0 = 0').run({ data: IP4.subarray(0, 13) })).toThrow(BpfError);
  });
});

describe('types without a packet', () => {
  it('find zeros, or the bytes they are given', () => {
    const text = 'r0 = *(u64 *)(r1 + 88)';
    expect(program('raw_tracepoint', text).run().retval).toBe(0);
    const ctx = new Uint8Array(96);
    ctx[88] = 7;
    expect(program('raw_tracepoint', text).run({ ctx }).retval).toBe(7);
    expect(program('tracepoint', 'r0 = *(u8 *)(r1 + 8191)').run().retval).toBe(0);
    expect(program('kprobe', 'r0 = *(u64 *)(r1 + 160)').run().retval).toBe(0);
    expect(program('syscall', '*(u64 *)(r1 + 32752) = 9\nr0 = *(u64 *)(r1 + 32752)', 0, 16).run().retval).toBe(9);
  });

  it('may write what they may write, and give it back', () => {
    const text = '*(u32 *)(r1 + 4) = 0x0100007f\nr0 = 1';
    expect(program('cgroup_sock_addr', text, 10).run().retval).toBe(1);
  });

  it('have the sockets that are never NULL', () => {
    const text = 'r2 = *(u64 *)(r1 + 64)\nr0 = 1\nif r2 != 0 goto +1\nr0 = 0';
    expect(program('cgroup_sock_addr', text, 10).run().retval).toBe(1);
  });

  it('take no data, and none that point into the kernel run', () => {
    expect(() => program('raw_tracepoint', 'r0 = 0').run({ data: IP4 })).toThrow(
      'EINVAL: a context of struct bpf_raw_tracepoint_args has no packet',
    );
    const writable = program('raw_tracepoint_writable', 'r0 = 0');
    expect(() => writable.run()).toThrow(UnsupportedError);
  });
});

/** Every u32 of the context, and its packet: one program each. */
function probes(type: ProgTypeName): string[] {
  const ctx = ctxOfType(progTypeByName(type)!.id)!;
  const words = ctx.reads
    .filter(([kind, sizes]) => kind === 'scalar' && sizes.includes('4'))
    .flatMap(([, , from, to]) => Array.from({ length: (to - from) / 4 }, (_, i) => from + 4 * i))
    .map((off) => `r0 = *(u32 *)(r1 + ${off})`);
  const packet = ctx.reads.some(([kind]) => kind === 'pkt') ? [FIRST_WORD] : [];
  const loads = ['*(u32 *)skb[0]', '*(u16 *)skb[-0x100000]', '*(u16 *)skb[-0x200000]', '*(u32 *)skb[61]'];
  const abs = progTypeByName(type)!.ldAbs ? loads.map((load) => `r6 = r1\nr0 = ${load}`) : [];
  return [...words, ...packet, ...abs];
}

const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

describe.skipIf(oracle === null)('as the live kernel runs them', () => {
  it.each(['socket_filter', 'sched_cls', 'sched_act', 'lwt_in', 'lwt_out', 'lwt_xmit', 'cgroup_skb'] as const)(
    '%s',
    (type) => {
      let compared = 0;
      for (const probe of probes(type)) {
        // The results of cgroup_skb are 0 and 1.
        const text =
          type === 'cgroup_skb'
            ? `${probe}\nr0 ^= 0x12345678\nr1 = r0\nr0 = 0\nif r1 > 0x3fffffff goto +1\nr0 = 1`
            : probe;
        const { insns } = asm(`${text}\nexit`);
        const linux = oracle!.load({ type: progTypeByName(type)!.id, license: 'GPL', insns });
        expect(linux.message).toBeNull();
        for (const data of [IP4, IP6, OTHER]) {
          const { retval, data: out } = program(type, text).run({ data });
          const theirs = oracle!.run(linux.handle, { data });
          expect({ text, retval, out }).toEqual({ text, retval: theirs.retval, out: theirs.data });
          compared++;
        }
        oracle!.unload(linux);
      }
      expect(compared).toBeGreaterThan(60);
    },
  );
});
