// Behaviour of the maps, seen from user space and from programs, and a model-based test of HASH.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpfMap } from '../src/maps/bpf_map.ts';
import { createMap } from '../src/maps/map.ts';
import { BPF_FLAGS } from '../src/uapi/enums.ts';
import { ERRNO } from '../src/uapi/errno.ts';
import { hex, type MapShape, mapWorld, programs, u32, u64 } from './map_world.ts';

const { E2BIG, EEXIST, EINVAL, ENOENT } = ERRNO;
const hash: MapShape = { type: 'hash', keySize: 4, valueSize: 8, maxEntries: 4 };

describe('HASH', () => {
  it('get, set with any | noexist | exist, delete', () => {
    const { map } = mapWorld().open(hash);
    expect(map.get(1)).toBeUndefined();
    expect(() => map.set(1, 5n, 'exist')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    map.set(1, 5n, 'noexist');
    expect(() => map.set(1, 6n, 'noexist')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    map.set(1, 7n, 'exist');
    expect(map.get(1)).toEqual(u64(7n));
    expect(map.delete(1)).toBe(true);
    expect(map.delete(1)).toBe(false);
  });

  it('is full with E2BIG, even when keys were replaced and deleted before', () => {
    const { map } = mapWorld().open(hash);
    for (let round = 0; round < 3; round++) {
      for (let k = 0; k < 4; k++) {
        map.set(k, 1n);
        map.set(k, 2n);
      }
      expect(() => map.set(4, 0n)).toThrow(expect.objectContaining({ code: 'E2BIG' }));
      expect(() => map.set(4, 0n, 'exist')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
      for (let k = 0; k < 4; k++) expect(map.delete(k)).toBe(true);
    }
    expect([...map]).toEqual([]);
  });

  it('keeps an old value readable through a held pointer: after an update, and after a delete', () => {
    const { memory, map, prog } = mapWorld().open(hash);
    map.set(1, 11n);
    const held = prog.lookup(u32(1));
    map.set(1, 22n);
    expect(memory.u64(held)).toBe(11n);
    const now = prog.lookup(u32(1));
    expect(now).not.toBe(held);
    map.delete(1);
    expect(memory.u64(now)).toBe(22n);
    expect(prog.lookup(u32(1))).toBe(0);
  });

  it.each([1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 20, 64, 300])('finds keys of %i bytes', (keySize) => {
    const { map, prog, memory } = mapWorld().open({ ...hash, keySize, valueSize: 5, maxEntries: 64 });
    const keyOf = (n: number) =>
      Uint8Array.from({ length: keySize }, (_, i) => (i === keySize - 1 ? n : 7 * n + i) & 0xff);
    for (let n = 0; n < 64; n++) map.set(keyOf(n), Uint8Array.of(n, 1, 2, 3, 4), 'noexist');
    for (let n = 0; n < 64; n++) {
      expect(map.get(keyOf(n))).toEqual(Uint8Array.of(n, 1, 2, 3, 4));
      expect(memory.bytes(prog.lookup(keyOf(n)), 1)[0]).toBe(n);
    }
    expect(map.get(keyOf(64))).toBeUndefined();
    expect([...map.keys()].length).toBe(64);
  });

  it('iterates deterministically, also while keys are deleted', () => {
    const order = () => {
      const { map } = mapWorld().open({ ...hash, maxEntries: 100 });
      for (let k = 0; k < 100; k++) map.set(k, BigInt(k));
      const keys = [...map.keys()].map(hex);
      for (const key of map.keys()) expect(map.delete(key)).toBe(true);
      expect([...map]).toEqual([]);
      return keys;
    };
    const first = order();
    expect(new Set(first).size).toBe(100);
    expect(order()).toEqual(first);
  });

  it('values larger than the bounce area', () => {
    const { map } = mapWorld().open({ ...hash, keySize: 9, valueSize: 70_000 });
    const value = Uint8Array.from({ length: 70_000 }, (_, i) => i & 0xff);
    map.set(new Uint8Array(9), value);
    expect(hex(map.get(new Uint8Array(9))!)).toBe(hex(value));
    expect(hex(map.take(new Uint8Array(9))!)).toBe(hex(value));
  });

  it('a program sees errnos', () => {
    const { prog } = mapWorld().open(hash);
    expect(prog.update(u32(1), u64(1n), 2)).toBe(-ENOENT);
    expect(prog.update(u32(1), u64(1n), 1)).toBe(0);
    expect(prog.update(u32(1), u64(1n), 1)).toBe(-EEXIST);
    expect(prog.update(u32(1), u64(1n), 3)).toBe(-EINVAL);
    expect(prog.update(u32(1), u64(1n), 0, 1)).toBe(-EINVAL);
    expect(prog.delete(u32(1))).toBe(0);
    expect(prog.delete(u32(1))).toBe(-ENOENT);
    for (let k = 0; k < 4; k++) expect(prog.update(u32(k), u64(1n), 0)).toBe(0);
    expect(prog.update(u32(9), u64(1n), 0)).toBe(-E2BIG);
  });

  it('behaves like a Map with a limit', () => {
    const key = fc.nat(11);
    const step = fc.oneof(
      fc.record({
        op: fc.constant('set' as const),
        key,
        value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        mode: fc.nat(3),
      }),
      fc.record({ op: fc.constantFrom('get' as const, 'delete' as const, 'take' as const), key }),
      fc.record({ op: fc.constant('list' as const) }),
    );
    const shape = fc.record({ keySize: fc.constantFrom(4, 8, 16, 6), cpus: fc.constantFrom(1, 2) });
    fc.assert(
      fc.property(shape, fc.array(step, { maxLength: 120 }), ({ keySize, cpus }, steps) => {
        const { map, kernelMap, heap } = mapWorld(cpus).open({ ...hash, keySize, maxEntries: 8 });
        const model = new Map<number, bigint>();
        const bytes = (k: number) => Uint8Array.from({ length: keySize }, (_, i) => (i === 0 ? k : 0));
        for (const s of steps) {
          if (s.op === 'list') {
            expect(new Map([...map].map(([k, v]) => [k[0], new DataView(v.buffer).getBigUint64(0, true)]))).toEqual(
              model,
            );
          } else if (s.op === 'set') {
            const has = model.has(s.key);
            const expected =
              s.mode === 3
                ? -EINVAL
                : s.mode === 1 && has
                  ? -EEXIST
                  : s.mode === 2 && !has
                    ? -ENOENT
                    : !has && model.size === 8
                      ? -E2BIG
                      : 0;
            if (expected === 0) model.set(s.key, s.value);
            expect(kernelMap.update(bytes(s.key), u64(s.value), BigInt(s.mode))).toBe(expected);
          } else if (s.op === 'delete') {
            expect(map.delete(bytes(s.key))).toBe(model.delete(s.key));
          } else {
            const value = model.get(s.key);
            expect(map[s.op](bytes(s.key))).toEqual(value === undefined ? undefined : u64(value));
            if (s.op === 'take') model.delete(s.key);
          }
        }
        expect(heap.checkCanaries()).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('memory that a program could have corrupted', () => {
  it('never makes an operation loop or leave the map', () => {
    const world = mapWorld(2);
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 8, maxLength: 64 }),
        fc.constantFrom(4, 8, 16, 6),
        (junk, keySize) => {
          const { memory, kernelMap, map, heap } = world.open({ ...hash, keySize, maxEntries: 16 });
          const key = (k: number) => Uint8Array.from({ length: keySize }, (_, i) => (i === 0 ? k : 0));
          for (let k = 0; k < 10; k++) map.set(key(k), BigInt(k));
          const elems = kernelMap.placement.lookup!.args[2];
          for (const [i, word] of junk.entries()) {
            memory.setU32(kernelMap.placement.table + 8 * (i % 16), word >>> 0);
            memory.setU32(elems + 24 * (i % 16), (word >>> 3) % 600);
            memory.setU32(elems + 24 * (i % 16) + 4, word >>> 0);
          }
          for (let k = 0; k < 20; k++) {
            kernelMap.lookup(key(k));
            kernelMap.update(key(k), u64(1n));
            kernelMap.nextKey(key(k));
            kernelMap.delete(key(k + 5));
          }
          expect([...map.keys()].length).toBeLessThanOrEqual(16);
          expect(heap.checkCanaries()).toEqual([]);
          kernelMap.release();
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('bucket locks', () => {
  const locked = { ...hash, maxEntries: 1 };
  it('a lock of a dead CPU can be taken from it, and its owner is refused', () => {
    const { memory, kernelMap, prog, ops } = mapWorld(2).open(locked);
    const [buckets, shift] = kernelMap.placement.lookup!.args;
    const owner = (3 << 12) | 2;
    for (const b of [0, 1]) memory.setU32(buckets + 8 * b + 4, owner);
    expect(prog.update(u32(1), u64(1n), 0)).toBe(-ERRNO.ETIMEDOUT);
    expect(ops.hash_release(buckets, shift, owner)).toBe(2);
    expect(prog.update(u32(1), u64(1n), 0)).toBe(0);
    for (const b of [0, 1]) memory.setU32(buckets + 8 * b + 4, 1);
    expect(prog.update(u32(1), u64(1n), 0)).toBe(-ERRNO.EDEADLK);
  });
});

describe('ARRAY', () => {
  const array: MapShape = { type: 'array', keySize: 4, valueSize: 5, maxEntries: 3 };
  it('has every element from the start and no delete', () => {
    const { map } = mapWorld().open(array);
    expect(map.get(2)).toEqual(new Uint8Array(5));
    expect(map.get(3)).toBeUndefined();
    map.set(2, Uint8Array.of(1, 2, 3, 4, 5));
    expect([...map.values()].map(hex)).toEqual(['0000000000', '0000000000', '0102030405']);
    expect(() => map.delete(0)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => map.set(0, new Uint8Array(5), 'noexist')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(() => map.set(3, new Uint8Array(5))).toThrow(expect.objectContaining({ code: 'E2BIG' }));
  });

  it('writes only value_size bytes', () => {
    const { map, memory, kernelMap } = mapWorld().open(array);
    memory.bytes(kernelMap.placement.values, 24).fill(0xee);
    map.set(1, Uint8Array.of(1, 2, 3, 4, 5));
    expect(hex(memory.bytes(kernelMap.placement.values, 24))).toBe(`${'ee'.repeat(8)}0102030405${'ee'.repeat(11)}`);
  });

  it('frozen, RDONLY and WRONLY maps answer EPERM', () => {
    const world = mapWorld();
    const { map } = world.open(array);
    map.freeze();
    expect(() => map.set(0, new Uint8Array(5))).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect(() => map.freeze()).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect(map.get(0)).toEqual(new Uint8Array(5));
    const writeOnly = world.open({ ...array, flags: BPF_FLAGS.BPF_F_WRONLY }).map;
    expect(() => writeOnly.get(0)).toThrow(expect.objectContaining({ code: 'EPERM' }));
    const readOnly = world.open({ ...array, flags: BPF_FLAGS.BPF_F_RDONLY }).map;
    expect(() => readOnly.set(0, new Uint8Array(5))).toThrow(expect.objectContaining({ code: 'EPERM' }));
  });
});

describe.each(['percpu_hash', 'percpu_array'] as const)('%s', (type) => {
  const shape: MapShape = { type, keySize: 4, valueSize: 5, maxEntries: 4 };
  it('holds one value per CPU, padded to 8 bytes for user space', () => {
    const { map } = mapWorld(2).open(shape);
    map.set(1, [Uint8Array.of(1, 1, 1, 1, 1), Uint8Array.of(2, 2, 2, 2, 2)]);
    expect(hex(map.get(1)!)).toBe('01010101010000000202020202000000');
    map.set(1, new Uint8Array(16).fill(0xee), 'exist');
    expect(hex(map.get(1)!)).toBe('ee'.repeat(16));
    expect(map.perCpu(1)!.map(hex)).toEqual(['ee'.repeat(5), 'ee'.repeat(5)]);
    expect(() => map.set(1, new Uint8Array(5))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it('a program writes its own CPU and reads it', () => {
    const { map, prog, memory } = mapWorld(2).open(shape);
    map.set(1, new Uint8Array(16).fill(0xee));
    expect(prog.update(u32(1), Uint8Array.of(1, 2, 3, 4, 5), 0, 0, 1)).toBe(0);
    expect(map.perCpu(1)!.map(hex)).toEqual(['eeeeeeeeee', '0102030405']);
    expect(hex(memory.bytes(prog.lookup(u32(1), 1), 5))).toBe('0102030405');
    expect(hex(memory.bytes(prog.lookup(u32(1), 0), 5))).toBe('eeeeeeeeee');
  });

  it('a pointer keeps showing the live value', () => {
    const { map, prog, memory } = mapWorld(2).open(shape);
    map.set(1, new Uint8Array(16));
    const held = prog.lookup(u32(1), 1);
    map.set(1, new Uint8Array(16).fill(7));
    expect(memory.bytes(held, 1)[0]).toBe(7);
  });
});

describe('PERCPU_HASH', () => {
  it('a key that a program inserts starts with zeroes on the other CPUs', () => {
    const { map, prog } = mapWorld(3).open({ type: 'percpu_hash', keySize: 4, valueSize: 4, maxEntries: 2 });
    map.set(5, new Uint8Array(24).fill(0xaa));
    map.set(6, new Uint8Array(24).fill(0xaa));
    expect(map.delete(5)).toBe(true);
    expect(prog.update(u32(9), u32(1), 0, 0, 2)).toBe(0);
    expect(map.perCpu(9)!.map(hex)).toEqual(['00000000', '00000000', '01000000']);
  });
});

describe('slots', () => {
  it('PROG_ARRAY takes programs by id and checks their type', () => {
    const world = mapWorld(1, { progOwner: programs({ 7: 6, 8: 6, 9: 1 }) });
    const { map, memory, kernelMap } = world.open({ type: 'prog_array', keySize: 4, valueSize: 4, maxEntries: 3 });
    expect(map.get(0)).toBeUndefined();
    map.set(1, { id: 7 });
    expect(map.get(1)).toEqual(u32(7));
    expect(memory.u32(kernelMap.placement.values + 4)).toBe(7);
    expect(() => map.set(2, { id: 9 })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => map.set(2, { id: 10 })).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => map.set(0, { id: 8 }, 'noexist')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => map.set(3, { id: 8 })).toThrow(expect.objectContaining({ code: 'E2BIG' }));
    expect([...map].map(([k]) => k[0])).toEqual([1]);
    expect(map.delete(1)).toBe(true);
    expect(map.delete(1)).toBe(false);
    expect(() => map.delete(3)).toThrow(expect.objectContaining({ code: 'E2BIG' }));
  });

  it('DEVMAP, CPUMAP and XSKMAP hold targets', () => {
    const world = mapWorld();
    const dev = world.open({ type: 'devmap', keySize: 4, valueSize: 4, maxEntries: 4 });
    dev.map.set(2, 3);
    expect(dev.map.get(2)).toEqual(u32(3));
    expect(dev.prog.lookup(u32(2))).not.toBe(0);
    expect(dev.prog.lookup(u32(1))).toBe(0);
    dev.map.set(2, 0);
    expect(dev.map.get(2)).toBeUndefined();
    const cpu = world.open({ type: 'cpumap', keySize: 4, valueSize: 8, maxEntries: 4 }).map;
    cpu.set(0, 192);
    expect(() => cpu.set(0, 16385)).toThrow(expect.objectContaining({ code: 'EOVERFLOW' }));
    const xsk = world.open({ type: 'xskmap', keySize: 4, valueSize: 4, maxEntries: 4 });
    xsk.map.set(1, 5);
    expect(() => xsk.map.get(1)).toThrow(expect.objectContaining({ code: 'EOPNOTSUPP' }));
    expect(xsk.prog.lookup(u32(1))).not.toBe(0);
    expect(xsk.map.delete(1)).toBe(true);
    expect(xsk.prog.lookup(u32(1))).toBe(0);
  });
});

describe('misuse', () => {
  const { map, heap, ctx } = mapWorld().open(hash);
  it.each([
    ['a short key', () => map.get(new Uint8Array(3))],
    ['a fractional key', () => map.get(1.5)],
    ['a key beyond u32', () => map.get(2 ** 32)],
    ['a short value', () => map.set(1, new Uint8Array(7))],
    ['a list of values', () => map.set(1, [1n])],
    [
      'an unknown type',
      () => createMap({ name: 'x', type: 99, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 }, ctx),
    ],
    [
      'a negative size',
      () => createMap({ name: 'x', type: 1, keySize: -4, valueSize: 4, maxEntries: 1, flags: 0 }, ctx),
    ],
  ])('%s is EINVAL', (_, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it('a map that does not fit is ENOMEM and leaves nothing behind', () => {
    const before = heap.used;
    const huge = { name: 'x', type: 1, keySize: 4, valueSize: 4_000_000, maxEntries: 10_000, flags: 0 };
    expect(() => createMap(huge, ctx)).toThrow(
      expect.objectContaining({ code: 'ENOMEM', message: expect.stringMatching(/^ENOMEM: map 'x' \(\w+\): /) }),
    );
    expect(heap.used).toBe(before);
  });

  it('release gives everything back', () => {
    const before = heap.used;
    const big = { name: 'x', type: 5, keySize: 300, valueSize: 32768, maxEntries: 4, flags: 0 };
    const other = createMap(big, ctx);
    new BpfMap(other).set(new Uint8Array(300), new Uint8Array(other.userValueSize));
    other.release();
    expect(heap.used).toBe(before);
  });
});
