// Helpers over packets and sockets: results by hand, on both engines, and as the live kernel runs the same programs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { Kernel, loadJit } from '../src/index.ts';
import { asm } from '../src/isa/asm.ts';
import { progTypeByName } from '../src/spec/prog_types.ts';

const kernel = new Kernel();
beforeAll(() => loadJit());
afterAll(() => kernel.close());

const PACKET = Uint8Array.from(
  `0a0b0c0d0e0f01020304050608004500002e00010000401100000a0000010a0000021234005000190000${'00'.repeat(18)}aabbccdd`.match(
    /../g,
  )!,
  (b) => Number.parseInt(b, 16),
);

/** r0 = what the load left in eight bytes of stack, plus the helper's answer. */
const load = (id: number, offset: number | string, size: number, start: number) => `
  *(u64 *)(r10 - 8) = 0x5555
  r2 = ${offset}
  r3 = r10
  r3 += -8
  r4 = ${size}
  r5 = ${start}
  call ${id}
  r1 = *(u32 *)(r10 - 8)
  r0 += r1`;

const store = (offset: number | string, size: number, flags: number | string) => `
  r6 = r1
  *(u64 *)(r10 - 8) = 0x01020304
  r2 = ${offset}
  r3 = r10
  r3 += -8
  r4 = ${size}
  r5 = ${flags}
  call 9`;

const push = (proto: number, tci: number) => `
  r6 = r1
  r2 = ${proto}
  r3 = ${tci}
  call 18`;

/** r0 = 1 when the helper gives a pointer for the packet's socket. */
const socket = (id: number) => `
  r0 = 2
  r1 = *(u64 *)(r1 + 168)
  if r1 == 0 goto +4
  call ${id}
  if r0 == 0 goto +2
  r0 = *(u32 *)(r0 + 0)
  r0 = 1`;

const lookup = (id: number, size: number) => `
  *(u64 *)(r10 - 8) = 0
  *(u64 *)(r10 - 16) = 0
  r2 = r10
  r2 += -16
  r3 = ${size}
  r4 = 0
  r5 = 0
  call ${id}
  if r0 == 0 goto +3
  r1 = r0
  call 86
  r0 = 1`;

const EFAULT = -14;
const EINVAL = -22;

/** [what, type, program, r0 as i32] */
const ROWS: readonly (readonly [string, string, string, number])[] = [
  ['bytes of a frame', 'sched_cls', load(26, 0, 4, 0), 0x0d0c0b0a],
  ['bytes behind the Ethernet header', 'socket_filter', load(26, 2, 2, 0), 0x2e00],
  ['the last byte', 'sched_cls', load(26, PACKET.length - 1, 1, 0), 0x55dd],
  ['a byte too far clears the buffer', 'sched_cls', load(26, PACKET.length - 1, 2, 0), EFAULT],
  ['a negative offset', 'socket_filter', load(26, -14, 4, 0), EFAULT],
  ['relative to the link layer', 'sched_cls', load(68, 0, 4, 0), 0x0d0c0b0a],
  ['relative to the link layer, which is hidden', 'cgroup_skb', load(68, 6, 1, 0), 0x5501],
  ['relative to the network header', 'sched_cls', load(68, 0, 4, 1), 0x2e000045],
  ['relative to nothing', 'sched_cls', load(68, 0, 4, 2), EFAULT],
  ['relative, too far', 'sched_cls', load(68, 65536, 4, 1), EFAULT],
  ['store', 'sched_cls', `${store(3, 4, 0)}\nr1 = r6\n${load(26, 2, 4, 0)}`, 0x0203040c],
  ['store with flags', 'sched_cls', `${store(0, 2, 3)}\nr1 = r6\n${load(26, 0, 4, 0)}`, 0x0d0c0304],
  ['store with an unknown flag', 'sched_cls', store(0, 2, 4), EINVAL],
  ['store up to the end', 'lwt_xmit', store(PACKET.length - 14 - 2, 2, 0), 0],
  ['store behind the end', 'lwt_xmit', store(PACKET.length - 14 - 1, 2, 0), EFAULT],
  ['pull everything', 'sched_cls', 'r2 = 0\ncall 39', 0],
  ['pull the last byte', 'sched_cls', `r2 = ${PACKET.length}\ncall 39`, 0],
  ['pull too much', 'sched_cls', `r2 = ${PACKET.length + 1}\ncall 39`, -12],
  ['checksum of no device', 'sched_cls', 'r2 = 5\ncall 40', -524],
  [
    'a tag beside the packet',
    'sched_cls',
    `${push(0x0081, 7)}\nr0 = *(u32 *)(r6 + 20)\nr1 = *(u32 *)(r6 + 24)\nr0 += r1`,
    8,
  ],
  ['its protocol', 'sched_cls', `${push(0x1234, 7)}\nr0 = *(u32 *)(r6 + 28)`, 0x0081],
  [
    'a second tag: the first is in the packet',
    'sched_cls',
    `${push(0xa888, 0x123)}\n${push(0x0081, 5).replace('r6 = r1', 'r1 = r6')}\nr0 = *(u32 *)skb[12]`,
    0x88a80123,
  ],
  [
    '... which is longer',
    'sched_cls',
    `${push(0xa888, 3)}\n${push(0x0081, 5).replace('r6 = r1', 'r1 = r6')}\nr0 = *(u32 *)(r6 + 0)`,
    PACKET.length + 4,
  ],
  [
    '... and has its protocol',
    'sched_cls',
    `${push(0xa888, 3)}\n${push(0x0081, 5).replace('r6 = r1', 'r1 = r6')}\nr0 = *(u32 *)(r6 + 16)`,
    0xa888,
  ],
  [
    'room in front',
    'lwt_xmit',
    'r6 = r1\nr2 = 34\nr3 = 0\ncall 43\nr1 = *(u32 *)(r6 + 0)\nr0 += r1',
    PACKET.length - 14 + 34,
  ],
  ['... is empty', 'lwt_xmit', `r6 = r1\nr2 = 4\nr3 = 0\ncall 43\nr1 = r6\n${load(26, 2, 4, 0)}`, 0x00450000],
  ['... with flags', 'lwt_xmit', 'r2 = 34\nr3 = 1\ncall 43', EINVAL],
  ['full socket', 'sched_cls', socket(95), 1],
  ['no TCP socket', 'sched_cls', socket(96), 0],
  ['no listener', 'sched_cls', socket(98), 0],
  ['TCP lookup', 'sched_cls', lookup(84, 12), 0],
  ['UDP lookup', 'xdp', lookup(85, 12), 0],
  ['lookup of a common socket', 'xdp', lookup(99, 12), 0],
  ['lookup by a tuple of no family', 'xdp', lookup(84, 5), 0],
  ['class of the packet', 'sched_cls', 'call 17', 0],
  ['realm', 'sched_cls', 'call 24', 0],
];

function insnsOf(type: string, text: string) {
  // cgroup_skb returns 0 or 1: the byte that matters.
  return asm(type === 'cgroup_skb' ? `${text}\nr0 &= 1\nexit` : `${text}\nexit`).insns;
}
const expected = (type: string, r0: number) => (type === 'cgroup_skb' ? r0 & 1 : r0 >>> 0);

describe.each(['off', 'optimized'] as const)('jit %s', (jit) => {
  it.each(ROWS)('%s', (_name, type, text, r0) => {
    const program = kernel.loadProgram({ type, license: 'GPL', insns: insnsOf(type, text) }, { jit });
    expect(program.run({ data: PACKET }).retval).toBe(expected(type, r0));
  });
});

const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

it.skipIf(oracle === null)('the live kernel answers the same', () => {
  for (const [name, type, text, r0] of ROWS) {
    const loaded = oracle!.load({ type: progTypeByName(type)!.id, license: 'GPL', insns: insnsOf(type, text) });
    expect({ name, message: loaded.message }).toEqual({ name, message: null });
    const { retval, data } = oracle!.run(loaded.handle, { data: PACKET });
    expect({ name, retval }).toEqual({ name, retval: expected(type, r0) });
    const ours = kernel.loadProgram({ type, license: 'GPL', insns: insnsOf(type, text) }, { jit: 'off' });
    expect({ name, data: ours.run({ data: PACKET }).data }).toEqual({ name, data });
    oracle!.unload(loaded);
  }
});
