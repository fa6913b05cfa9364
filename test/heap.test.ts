// The heap: regions are zero, aligned, apart, and reused after free; bad sizes are typed errors.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heap } from '../src/memory/heap.ts';
import { heapStart, MEMORY_END } from '../src/memory/layout.ts';
import { Memory } from '../src/memory/memory.ts';

function heap(): Heap {
  return new Heap(new Memory(1), heapStart(1));
}

describe('Heap', () => {
  it('hands out zeroed, aligned memory and grows the memory', () => {
    const a = heap();
    const before = a.memory.end;
    const addr = a.alloc(10 * 65536, 4096);
    expect(addr % 4096).toBe(0);
    expect(a.memory.end).toBeGreaterThan(before);
    expect(a.memory.bytes(addr, 10 * 65536).every((b) => b === 0)).toBe(true);
  });

  it('reuses freed memory, zeroed again', () => {
    const a = heap();
    const first = a.alloc(1000);
    a.alloc(8);
    a.memory.bytes(first, 1000).fill(0xff);
    a.free(first);
    const again = a.alloc(900);
    expect(again).toBe(first);
    expect(a.memory.bytes(again, 900).every((b) => b === 0)).toBe(true);
  });

  it('joins freed neighbours', () => {
    const a = heap();
    const parts = [a.alloc(500), a.alloc(500), a.alloc(500)];
    a.alloc(8);
    for (const p of [parts[0], parts[2], parts[1]]) a.free(p);
    expect(a.alloc(1500)).toBe(parts[0]);
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 53])('refuses %s bytes with E2BIG', (size) => {
    expect(() => heap().alloc(size)).toThrow(expect.objectContaining({ code: 'E2BIG' }));
  });

  it('is full with ENOMEM, and still works afterwards', () => {
    const a = heap();
    expect(() => a.alloc(MEMORY_END)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    expect(() => a.alloc(2 ** 52)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    expect(() => a.allocAll([8, 8, 2 ** 31])).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    expect(a.used).toBe(0);
    expect(() => a.alloc(2 ** 31)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    expect(a.alloc(8)).toBeGreaterThan(0);
  });

  it('refuses to free what is not a region, or twice', () => {
    const a = heap();
    const addr = a.alloc(64);
    expect(() => a.free(addr + 8)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    a.free(addr);
    expect(() => a.free(addr)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it('finds a write behind a region', () => {
    const a = heap();
    const addr = a.alloc(20);
    a.memory.bytes(addr, 20).fill(1);
    expect(a.checkCanaries()).toEqual([]);
    a.memory.u8[addr + 20 - 2 ** 30] = 1;
    expect(a.checkCanaries()).toEqual([addr]);
  });

  it('never hands out the same byte twice', () => {
    const steps = fc.array(
      fc.record({ size: fc.integer({ min: 1, max: 5000 }), align: fc.constantFrom(8, 64, 4096), drop: fc.nat(3) }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(steps, (list) => {
        const a = heap();
        const live: { addr: number; size: number }[] = [];
        for (const { size, align, drop } of list) {
          const addr = a.alloc(size, align);
          expect(addr % align).toBe(0);
          for (const r of live) expect(addr + size <= r.addr || r.addr + r.size <= addr).toBe(true);
          expect(a.memory.bytes(addr, size).every((b) => b === 0)).toBe(true);
          a.memory.bytes(addr, size).fill(0xa5);
          live.push({ addr, size });
          if (drop === 0) a.free(live.splice(live.length >> 1, 1)[0].addr);
        }
        expect(a.checkCanaries()).toEqual([]);
        expect(a.used).toBe(live.reduce((n, r) => n + r.size, 0));
      }),
      { numRuns: 20 },
    );
  });
});
