// The classic pcap format: a 24-byte file header, then 16-byte record headers with their packets. The magic number tells
// byte order and the unit of the fraction of a second (draft-ietf-opsawg-pcap).

import { FormatError } from '../uapi/errors.ts';
import { type Cursor, viewOf } from './cursor.ts';
import { MAX_PACKET, NS_PER_SECOND, type Packet, type PacketInterface } from './packet.ts';

const FILE_HEADER = 24;
const RECORD_HEADER = 16;

export const MAGIC_MICRO = 0xa1b2c3d4;
export const MAGIC_NANO = 0xa1b23c4d;

export interface ClassicMagic {
  littleEndian: boolean;
  /** Nanoseconds per unit of the fraction field. */
  unit: bigint;
}

/** Byte order and time unit of a file that starts with `magic` (read as little-endian), or null: not classic pcap. */
export function classicMagic(magic: number): ClassicMagic | null {
  switch (magic) {
    case MAGIC_MICRO:
      return { littleEndian: true, unit: 1000n };
    case MAGIC_NANO:
      return { littleEndian: true, unit: 1n };
    case 0xd4c3b2a1:
      return { littleEndian: false, unit: 1000n };
    case 0x4d3cb2a1:
      return { littleEndian: false, unit: 1n };
    default:
      return null;
  }
}

export async function* readClassic(cursor: Cursor, magic: ClassicMagic): AsyncGenerator<Packet> {
  const { littleEndian, unit } = magic;
  if (!(await cursor.need(FILE_HEADER))) throw new FormatError('pcap', 'file header is cut off');
  const header = viewOf(cursor.take(FILE_HEADER));
  const major = header.getUint16(4, littleEndian);
  const minor = header.getUint16(6, littleEndian);
  if (major !== 2 || minor < 3) throw new FormatError('pcap', `version ${major}.${minor} is unknown`);
  const from: PacketInterface = {
    index: 0,
    snapLength: header.getUint32(16, littleEndian),
    linkType: header.getUint32(20, littleEndian) & 0xffff, // above: length of the frame check sequence
  };
  for (;;) {
    if (cursor.available < RECORD_HEADER && !(await cursor.need(RECORD_HEADER))) {
      if (cursor.available === 0) return;
      throw new FormatError('pcap', `record at byte ${cursor.offset} is cut off`);
    }
    const captured = cursor.u32(8, littleEndian);
    if (captured > MAX_PACKET) {
      throw new FormatError('pcap', `record at byte ${cursor.offset}: ${captured} bytes is more than any packet has`);
    }
    if (cursor.available < RECORD_HEADER + captured && !(await cursor.need(RECORD_HEADER + captured))) {
      throw new FormatError('pcap', `record at byte ${cursor.offset} is cut off`);
    }
    const seconds = BigInt(cursor.u32(0, littleEndian));
    const fraction = BigInt(cursor.u32(4, littleEndian));
    const originalLength = Math.max(cursor.u32(12, littleEndian), captured);
    cursor.take(RECORD_HEADER);
    yield {
      data: cursor.take(captured),
      timestamp: seconds * NS_PER_SECOND + fraction * unit,
      originalLength,
      linkType: from.linkType,
      interface: from,
    };
  }
}
