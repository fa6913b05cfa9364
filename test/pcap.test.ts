// src/pcap: what is written is read back, in every format, byte order and chunking; and no damage to a file does anything
// but throw FormatError after the packets before it.

import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OutgoingPacket, type Packet, readPcap, writePcap, writePcapng } from '../src/pcap/index.ts';
import { FormatError } from '../src/uapi/errors.ts';

const CAPTURE = new URL('../../examples/firewall/capture.pcapng', import.meta.url);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(Buffer.concat(await collect(chunks)));
}

function chunked(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}

/** Packets up to the first error, and the error. */
async function readUntilError(source: Uint8Array): Promise<{ packets: Packet[]; error: unknown }> {
  const packets: Packet[] = [];
  try {
    for await (const p of readPcap(source)) packets.push(p);
    return { packets, error: null };
  } catch (error) {
    return { packets, error };
  }
}

/** A little file builder of its own: independent of the writer, in both byte orders. */
class Bytes {
  readonly all: number[] = [];
  readonly le: boolean;
  constructor(le: boolean) {
    this.le = le;
  }
  #n(value: bigint, size: number): this {
    const bytes = Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
    this.all.push(...(this.le ? bytes : bytes.reverse()));
    return this;
  }
  u16(...values: number[]): this {
    for (const v of values) this.#n(BigInt(v), 2);
    return this;
  }
  u32(...values: number[]): this {
    for (const v of values) this.#n(BigInt(v), 4);
    return this;
  }
  u64(v: bigint): this {
    return this.#n(BigInt.asUintN(64, v), 8);
  }
  raw(bytes: Iterable<number>): this {
    this.all.push(...bytes);
    return this;
  }
  option(code: number, value: Iterable<number>): this {
    const v = [...value];
    return this.u16(code, v.length).raw([...v, ...Array((4 - (v.length % 4)) % 4).fill(0)]);
  }
  block(type: number, body: (b: Bytes) => Bytes): this {
    const inner = body(new Bytes(this.le)).all;
    while (inner.length % 4) inner.push(0);
    return this.u32(type, inner.length + 12)
      .raw(inner)
      .u32(inner.length + 12);
  }
  section(): this {
    return this.block(0x0a0d0d0a, (b) => b.u32(0x1a2b3c4d).u16(1, 0).u64(-1n));
  }
  get bytes(): Uint8Array {
    return Uint8Array.from(this.all);
  }
}

function classic(le: boolean, magic: number): Uint8Array {
  return new Bytes(le)
    .u32(magic)
    .u16(2, 4)
    .u32(0, 0, 96, 1)
    .u32(1700000000, 123456, 3, 3)
    .raw([1, 2, 3])
    .u32(1700000001, 999999, 2, 1500)
    .raw([4, 5]).bytes;
}

function manyBlocks(le: boolean): Uint8Array {
  return new Bytes(le)
    .section()
    .block(1, (b) => b.u16(1, 0).u32(0).option(2, Buffer.from('eth0')).option(9, [9]).u32(0)) // nanoseconds
    .block(1, (b) => b.u16(101, 0).u32(64)) // microseconds by default, no options at all
    .block(6, (b) => b.u32(0, 0, 5, 5, 5).raw([1, 2, 3, 4, 5]))
    .block(0xbad, (b) => b.raw(Array(100).fill(7))) // unknown
    .block(6, (b) =>
      b
        .u32(1, 1, 0, 1, 90)
        .raw([6, 0, 0, 0])
        .option(7, [2, ...new Bytes(le).u64(1n).all])
        .u32(0),
    )
    .block(2, (b) => b.u16(1, 9).u32(0, 7, 2, 2).raw([7, 8])) // obsolete packet block
    .block(3, (b) => b.u32(3).raw([9, 9, 9])) // simple packet block
    .section()
    .block(1, (b) =>
      b
        .u16(1, 0)
        .u32(2)
        .option(9, [0x80 | 10])
        .option(14, new Bytes(le).u64(100n).all)
        .u32(0),
    ) // 2^-10 s
    .block(6, (b) => b.u32(0, 0, 1024, 1, 1).raw([1]))
    .block(3, (b) => b.u32(5).raw([8, 8])).bytes; // cut to the snap length of 2
}

describe('readers', () => {
  it.each([
    ['little-endian µs', true, 0xa1b2c3d4, 1000n],
    ['big-endian µs', false, 0xa1b2c3d4, 1000n],
    ['little-endian ns', true, 0xa1b23c4d, 1n],
    ['big-endian ns', false, 0xa1b23c4d, 1n],
  ])('classic pcap, %s', async (_, le, magic, unit) => {
    const packets = await collect(readPcap(classic(le, magic)));
    expect(packets.map((p) => [...p.data])).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    expect(packets.map((p) => p.timestamp)).toEqual([
      1700000000_000000000n + 123456n * unit,
      1700000001_000000000n + 999999n * unit,
    ]);
    expect(packets.map((p) => p.originalLength)).toEqual([3, 1500]);
    expect(packets[0].linkType).toBe(1);
    expect(packets[0].interface).toBe(packets[1].interface);
  });

  it.each([true, false])('pcapng with several sections, interfaces and block types, little-endian: %s', async (le) => {
    const packets = await collect(readPcap(manyBlocks(le)));
    expect(packets.map((p) => [...p.data])).toEqual([[1, 2, 3, 4, 5], [6], [7, 8], [9, 9, 9], [1], [8, 8]]);
    expect(packets.map((p) => p.timestamp)).toEqual([5n, 2n ** 32n * 1000n, 7000n, 0n, 101_000_000_000n, 0n]);
    expect(packets.map((p) => p.interface.index)).toEqual([0, 1, 1, 0, 2, 2]);
    expect(packets.map((p) => p.linkType)).toEqual([1, 101, 101, 1, 1, 1]);
    expect(packets.map((p) => p.originalLength)).toEqual([5, 90, 2, 3, 1, 5]);
    expect(packets.map((p) => p.interface.name)).toEqual(['eth0', undefined, undefined, 'eth0', undefined, undefined]);
    expect(packets.map((p) => p.xdpVerdict)).toEqual([undefined, 1, undefined, undefined, undefined, undefined]);
  });

  it.each([1, 3, 7, 64, 1000])('chunks of %d bytes make no difference', async (size) => {
    for (const file of [classic(true, 0xa1b2c3d4), manyBlocks(false)]) {
      expect(await collect(readPcap(chunked(file, size)))).toEqual(await collect(readPcap(file)));
    }
  });

  it('the demo capture', async () => {
    const packets = await collect(readPcap(new Uint8Array(await readFile(CAPTURE))));
    expect(packets.length).toBe(3348); // capinfos says so
    expect(packets.reduce((n, p) => n + p.data.length, 0)).toBe(CAPTURE_BYTES);
    expect(packets[0].timestamp).toBe(CAPTURE_FIRST);
    expect(packets[packets.length - 1].timestamp).toBe(CAPTURE_LAST);
  });

  it('stops reading and closes the source when the consumer stops', async () => {
    let delivered = 0;
    let closed = false;
    async function* endless() {
      try {
        yield new Bytes(true).u32(0xa1b2c3d4).u16(2, 4).u32(0, 0, 96, 1).bytes;
        for (;;) {
          delivered++;
          yield new Bytes(true).u32(1, 2, 4, 4).raw([1, 2, 3, 4]).bytes;
        }
      } finally {
        closed = true;
      }
    }
    let seen = 0;
    for await (const _ of readPcap(endless())) if (++seen === 1000) break;
    expect(delivered).toBeLessThanOrEqual(1001);
    expect(closed).toBe(true);
  });
});

const CAPTURE_BYTES = 693472;
const CAPTURE_FIRST = 1795388352_770320819n;
const CAPTURE_LAST = 1795388366_597134414n;

describe('writers', () => {
  it('pcapng keeps data, times, lengths, interfaces and verdicts', async () => {
    const before = await collect(readPcap(manyBlocks(true)));
    const after = await collect(readPcap(await bytesOf(writePcapng(before))));
    // Interfaces are numbered in order of their first packet, which is the order of this file.
    expect(after).toEqual(before);
  });

  it('the demo capture survives pcapng -> pcap -> pcapng', async () => {
    const before = await collect(readPcap(new Uint8Array(await readFile(CAPTURE))));
    const pcap = await bytesOf(writePcap(before));
    const pcapng = await bytesOf(writePcapng(readPcap(pcap)));
    const after = await collect(readPcap(pcapng));
    expect(after.length).toBe(before.length);
    for (const [i, p] of after.entries()) {
      expect(p.timestamp).toBe(before[i].timestamp);
      expect(p.originalLength).toBe(before[i].originalLength);
      if (Buffer.compare(p.data, before[i].data) !== 0) expect.fail(`packet ${i} differs`);
    }
  });

  it('round trip of anything', async () => {
    const packet = fc.record({
      data: fc.uint8Array({ maxLength: 70 }),
      timestamp: fc.bigInt(0n, 2n ** 32n * 1_000_000_000n - 1n),
      linkType: fc.constantFrom(1, 101, 228),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(packet, { maxLength: 8 }), fc.integer({ min: 1, max: 100 }), async (packets, size) => {
        const plain = (p: OutgoingPacket) => [p.data, p.timestamp, p.linkType];
        const ng = chunked(await bytesOf(writePcapng(packets)), size);
        expect((await collect(readPcap(ng))).map(plain)).toEqual(packets.map(plain));
        const same = packets.map((p) => ({ ...p, linkType: 1 }));
        const old = chunked(await bytesOf(writePcap(same)), size);
        expect((await collect(readPcap(old))).map(plain)).toEqual(same.map(plain));
      }),
      { numRuns: 100 },
    );
  });

  it('files without packets are files', async () => {
    expect(await collect(readPcap(await bytesOf(writePcap([]))))).toEqual([]);
    expect(await collect(readPcap(await bytesOf(writePcapng([]))))).toEqual([]);
  });

  it('refuses what a format can not hold', async () => {
    const packet = (linkType: number, timestamp = 0n) => ({ data: new Uint8Array(1), linkType, timestamp });
    await expect(bytesOf(writePcap([packet(1), packet(101)]))).rejects.toThrow(/one link type, not 1 and 101/);
    await expect(bytesOf(writePcap([packet(1, 2n ** 63n)]))).rejects.toThrow(/can not express the time/);
    await expect(bytesOf(writePcapng([packet(1, -1n)]))).rejects.toThrow(/can not express the time/);
    await expect(bytesOf(writePcapng([{ data: new Uint8Array(300_000) }]))).rejects.toThrow(/does not fit/);
  });

  it('chunks come out while packets go in', async () => {
    let given = 0;
    function* packets() {
      for (; given < 1000; given++) yield { data: new Uint8Array(1000) };
    }
    for await (const chunk of writePcapng(packets())) {
      expect(chunk.length).toBeLessThan(70_000);
      if (given < 100) break;
    }
    expect(given).toBeLessThan(100);
  });
});

describe('damage', () => {
  it.each([
    ['classic', classic(true, 0xa1b23c4d)],
    ['pcapng', manyBlocks(true)],
    ['pcapng, big-endian', manyBlocks(false)],
  ])('%s cut at every byte: the whole packets, then an error unless cut between records', async (_, file) => {
    const whole = await collect(readPcap(file));
    let clean = 0;
    let most = 0;
    for (let length = 0; length < file.length; length++) {
      const { packets, error } = await readUntilError(file.slice(0, length));
      expect(packets).toEqual(whole.slice(0, packets.length));
      expect(packets.length).toBeGreaterThanOrEqual(most);
      most = packets.length;
      if (error === null) clean++;
      else expect(error).toBeInstanceOf(FormatError);
    }
    // Cuts that nobody can notice: after the file header and between records or blocks.
    expect(clean).toBe(file.length === classic(true, 0).length ? 2 : 11);
    expect(most).toBe(whole.length - 1);
  });

  it('any byte changed: FormatError or other packets, nothing else', async () => {
    for (const file of [classic(true, 0xa1b2c3d4), manyBlocks(true), manyBlocks(false)]) {
      for (let at = 0; at < file.length; at++) {
        for (const value of [0, 0x7f, 0xff, file[at] ^ 1]) {
          const bad = file.slice();
          bad[at] = value;
          const { error } = await readUntilError(bad);
          if (error !== null) expect(error, `byte ${at} = ${value}`).toBeInstanceOf(FormatError);
        }
      }
    }
  });

  const bad: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(0), /^pcap: the file is empty$/],
    ['text', Buffer.from('hello, world'), /neither pcap nor pcapng \(magic number 0x6c6c6568\)/],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0), /gzip/],
    ['version', new Bytes(true).u32(0xa1b2c3d4).u16(9, 4).u32(0, 0, 0, 1).bytes, /version 9\.4/],
    [
      'absurd packet length',
      new Bytes(true).u32(0xa1b2c3d4).u16(2, 4).u32(0, 0, 0xffffffff, 1).u32(0, 0, 0xfffffff0, 1).bytes,
      /4294967280 bytes is more than any packet has/,
    ],
    ['no byte order', new Bytes(true).u32(0x0a0d0d0a, 28, 1, 1, 1, 1, 28).bytes, /byte-order magic/],
    ['absurd block', new Bytes(true).section().u32(6, 0xfffffff0, 0, 0).bytes, /more than any packet needs/],
    ['odd block', new Bytes(true).section().u32(6, 33, 0, 0).bytes, /length 33 is impossible/],
    ['no interface', new Bytes(true).section().block(6, (b) => b.u32(0, 0, 0, 0, 0)).bytes, /interface 0 was not/],
    [
      'packet longer than its block',
      new Bytes(true)
        .section()
        .block(1, (b) => b.u16(1, 0).u32(0))
        .block(6, (b) => b.u32(0, 0, 0, 9, 9).u32(0)).bytes,
      /9 bytes does not fit/,
    ],
    ['lengths differ', new Bytes(true).section().u32(0xbad, 16, 0, 20).bytes, /two lengths differ: 16 and 20/],
    ['huge unknown block', new Bytes(true).section().u32(0xbad, 0xfffffff0, 0, 0).bytes, /cut off/],
  ];
  it.each(bad)('%s', async (_, file, message) => {
    await expect(collect(readPcap(file))).rejects.toThrow(FormatError);
    await expect(collect(readPcap(file))).rejects.toThrow(message);
  });

  it.each([null, undefined, 'abc', 3, {}])('what is no source of bytes: %j', async (source) => {
    const error = new FormatError('pcap', 'the source is neither a Uint8Array nor an iterable of them');
    await expect(collect(readPcap(source as Uint8Array))).rejects.toThrow(error);
  });

  it.each([[null], ['abc'], [[1, 2, 3]]])('a chunk that is no bytes: %j', async (chunk) => {
    const error = new FormatError('pcap', 'the source gives a chunk that is no Uint8Array');
    await expect(collect(readPcap([chunk] as unknown as Uint8Array[]))).rejects.toThrow(error);
  });

  it('an error of the source passes through', async () => {
    async function* broken() {
      yield classic(true, 0xa1b2c3d4);
      throw new Error('disk on fire');
    }
    await expect(collect(readPcap(broken()))).rejects.toThrow('disk on fire');
  });
});
