// Which programs may share a PROG_ARRAY: beewasm's answers beside the live kernel's, where there is one.

import { afterAll, describe, expect, it } from 'vitest';
import { type Oracle, openOracle } from '../conformance/kernel/oracle.ts';
import { Kernel } from '../src/index.ts';
import { asm } from '../src/isa/index.ts';
import { ERRNO } from '../src/uapi/errno.ts';
import { BpfError } from '../src/uapi/errors.ts';

const oracle = openOracle((why) => console.log(`skipped: no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

interface Kind {
  readonly type: number;
  readonly expectedAttachType?: number;
  readonly flags?: number;
}
/** A program that refers to the map, or one that is put into it. */
type Step = readonly ['uses' | 'put', Kind];

const SOCKET: Kind = { type: 1 };
const XDP: Kind = { type: 6 };
const XDP_ATTACHED: Kind = { type: 6, expectedAttachType: 37 };
const XDP_FRAGS: Kind = { type: 6, flags: 32 };
const INGRESS: Kind = { type: 8 };
const EGRESS: Kind = { type: 8, expectedAttachType: 1 };

/** The steps one after the other on one map, and which of them Linux 6.18 takes. */
const CASES: readonly (readonly [name: string, steps: readonly Step[], taken: readonly boolean[]])[] = [
  ['two types refer to it', [['uses', SOCKET], ['uses', XDP]], [true, false]],
  ['a user of another type than what is in it', [['put', SOCKET], ['uses', XDP]], [true, false]],
  ['another type is put into what a program refers to', [['uses', XDP], ['put', SOCKET], ['put', XDP]], [true, false, true]],
  ['the first that is taken decides', [['put', XDP], ['put', SOCKET], ['put', XDP]], [true, false, true]],
  ['attach types', [['uses', INGRESS], ['uses', EGRESS], ['put', INGRESS]], [true, false, true]],
  ['XDP attach types', [['put', XDP], ['put', XDP_ATTACHED]], [true, false]],
  ['XDP fragments', [['put', XDP], ['put', XDP_FRAGS], ['uses', XDP_FRAGS]], [true, false, false]],
]; // biome-ignore format: one case per line

const SHAPE = { type: 3, keySize: 4, valueSize: 4, maxEntries: 2, flags: 0, name: 'jumps' };
const JUMP = asm('r2 = map jumps ll\nr3 = 0\ncall bpf_tail_call\nr0 = 1\nexit');
const MAP_REFS = new Map(JUMP.relocs.map((r) => [r.insn, { map: 0, kind: r.kind, off: r.off }]));
const PLAIN = asm('r0 = 1\nexit');

function onBeewasm(steps: readonly Step[]): boolean[] {
  const kernel = new Kernel();
  const map = kernel.createMap(SHAPE);
  const taken = steps.map(([what, kind]) => {
    try {
      if (what === 'put') map.set(1, kernel.loadProgram({ ...kind, insns: PLAIN.insns }, { jit: 'off' }));
      else kernel.loadProgram({ ...kind, insns: JUMP.insns, mapRefs: MAP_REFS, maps: [map] }, { jit: 'off' });
      return true;
    } catch (e) {
      if (!(e instanceof BpfError)) throw e;
      expect(e.code).toBe('EINVAL');
      return false;
    }
  });
  kernel.close();
  return taken;
}

function onLinux({ createMap, load, update, close }: Oracle, steps: readonly Step[]): boolean[] {
  const map = createMap(SHAPE);
  const open = [map];
  const taken = steps.map(([what, kind]) => {
    const uses = what === 'uses' ? { insns: JUMP.insns, mapRefs: MAP_REFS, maps: [map] } : { insns: PLAIN.insns };
    const { handle, errno } = load({ ...kind, license: 'GPL', ...uses });
    if (handle >= 0) open.push(handle);
    if (what === 'uses') return errno === null;
    const answer = update(map, Uint8Array.of(1, 0, 0, 0), new Uint8Array(Uint32Array.of(handle).buffer));
    expect([0, -ERRNO.EINVAL]).toContain(answer);
    return answer === 0;
  });
  close(...open);
  return taken;
}

describe('PROG_ARRAY', () => {
  it.for(CASES)('%s', ([, steps, taken]) => {
    expect(onBeewasm(steps)).toEqual(taken);
  });
  it.skipIf(oracle === null).for(CASES)('%s: Linux', ([, steps, taken]) => {
    expect(onLinux(oracle!, steps)).toEqual(taken);
  });
});
