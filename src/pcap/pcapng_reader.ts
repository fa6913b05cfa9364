// pcapng (draft-ietf-opsawg-pcapng): a chain of blocks {type, length, body, length}. A section header block sets the byte
// order and forgets all interfaces; interface description blocks number the interfaces of a section; enhanced, simple and
// (obsolete) packet blocks carry packets. Every other block is skipped without being kept.

import { FormatError } from '../uapi/errors.ts';
import { type Cursor, viewOf } from './cursor.ts';
import { MAX_PACKET, NS_PER_SECOND, type Packet, type PacketInterface } from './packet.ts';

export const BLOCK = {
  section: 0x0a0d0d0a, // reads the same in both byte orders
  interface: 1,
  packet: 2,
  simplePacket: 3,
  enhancedPacket: 6,
} as const;

export const OPTION = { end: 0, ifName: 2, epbVerdict: 7, ifTsresol: 9, ifTsoffset: 14 } as const;
/** First byte of an epb_verdict option: the verdict is the 64-bit return value of an XDP program. */
export const VERDICT_XDP = 2;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** A packet with all its options; libpcap draws the line at the same size. */
const MAX_BLOCK = 16 * 1024 * 1024;

interface Interface {
  readonly shared: PacketInterface;
  toNs(ticks: bigint): bigint;
}

interface Section {
  littleEndian: boolean;
  interfaces: Interface[];
}

function corrupt(at: number, what: string): FormatError {
  return new FormatError('pcap', `block at byte ${at}: ${what}`);
}

export async function* readNg(cursor: Cursor): AsyncGenerator<Packet> {
  const section: Section = { littleEndian: true, interfaces: [] };
  let interfaceCount = 0;
  for (;;) {
    const at = cursor.offset;
    if (cursor.available < 12 && !(await cursor.need(12))) {
      if (cursor.available === 0) return;
      throw corrupt(at, 'is cut off');
    }
    const type = cursor.u32(0, section.littleEndian);
    if (type === BLOCK.section) {
      section.littleEndian = byteOrder(cursor.u32(8, true), at);
      section.interfaces = [];
    }
    const length = cursor.u32(4, section.littleEndian);
    if (length < 12 || length % 4 !== 0) throw corrupt(at, `length ${length} is impossible`);
    if (!isKnown(type)) {
      cursor.take(8);
      if (!(await cursor.skip(length - 12)) || !(await cursor.need(4))) throw corrupt(at, 'is cut off');
      checkTrailer(viewOf(cursor.take(4)), length, section.littleEndian, at);
      continue;
    }
    if (length > MAX_BLOCK) throw corrupt(at, `length ${length} is more than any packet needs`);
    if (cursor.available < length && !(await cursor.need(length))) throw corrupt(at, 'is cut off');
    const block = cursor.take(length);
    const view = viewOf(block);
    checkTrailer(new DataView(view.buffer, view.byteOffset + length - 4, 4), length, section.littleEndian, at);
    if (type === BLOCK.section) checkSection(view, section.littleEndian, at);
    else if (type === BLOCK.interface) {
      section.interfaces.push(readInterface(view, section.littleEndian, interfaceCount++, at));
    } else yield PACKET_BLOCKS[type](block, view, section, at);
  }
}

const PACKET_BLOCKS = {
  [BLOCK.enhancedPacket]: readEnhanced,
  [BLOCK.packet]: readObsolete,
  [BLOCK.simplePacket]: readSimple,
} as const;

function isKnown(type: number): type is (typeof BLOCK)[keyof typeof BLOCK] {
  return type === BLOCK.section || type === BLOCK.interface || type in PACKET_BLOCKS;
}

/** `magic` is the byte-order magic as read little-endian. */
function byteOrder(magic: number, at: number): boolean {
  if (magic === BYTE_ORDER_MAGIC) return true;
  if (magic === 0x4d3c2b1a) return false;
  throw corrupt(at, 'section header without byte-order magic');
}

function checkTrailer(trailer: DataView, length: number, littleEndian: boolean, at: number): void {
  const again = trailer.getUint32(0, littleEndian);
  if (again !== length) throw corrupt(at, `its two lengths differ: ${length} and ${again}`);
}

function checkSection(view: DataView, littleEndian: boolean, at: number): void {
  if (view.byteLength < 28) throw corrupt(at, 'section header is too short');
  const major = view.getUint16(12, littleEndian);
  if (major !== 1) throw corrupt(at, `pcapng version ${major} is unknown`);
}

function readInterface(view: DataView, littleEndian: boolean, index: number, at: number): Interface {
  if (view.byteLength < 20) throw corrupt(at, 'interface description is too short');
  let name: string | undefined;
  let resolution = 6; // microseconds unless the block says otherwise
  let offset = 0n;
  for (const [code, value] of options(view, 16, littleEndian, at)) {
    if (code === OPTION.ifName) name = new TextDecoder().decode(value);
    else if (code === OPTION.ifTsresol && value.length >= 1) resolution = value[0];
    else if (code === OPTION.ifTsoffset && value.length >= 8) offset = viewOf(value).getBigInt64(0, littleEndian);
  }
  const shared: PacketInterface = {
    index,
    linkType: view.getUint16(8, littleEndian),
    snapLength: view.getUint32(12, littleEndian),
    ...(name !== undefined && { name }),
  };
  const scale = tickScale(resolution);
  return { shared, toNs: (ticks) => scale(ticks) + offset * NS_PER_SECOND };
}

/** if_tsresol: a tick is 10^-n s, or 2^-n s when the top bit is set. */
function tickScale(resolution: number): (ticks: bigint) => bigint {
  const n = BigInt(resolution & 0x7f);
  if (resolution & 0x80) return (ticks) => (ticks * NS_PER_SECOND) >> n;
  if (n <= 9n) {
    const factor = 10n ** (9n - n);
    return (ticks) => ticks * factor;
  }
  const divisor = 10n ** (n - 9n);
  return (ticks) => ticks / divisor;
}

/** Options from byte `start` of the block up to its trailer. A block may have none, not even the end marker. */
function* options(view: DataView, start: number, littleEndian: boolean, at: number): Generator<[number, Uint8Array]> {
  const end = view.byteLength - 4;
  let pos = start;
  while (pos + 4 <= end) {
    const code = view.getUint16(pos, littleEndian);
    const length = view.getUint16(pos + 2, littleEndian);
    if (code === OPTION.end) return;
    if (pos + 4 + length > end) throw corrupt(at, `option ${code} does not fit`);
    yield [code, new Uint8Array(view.buffer, view.byteOffset + pos + 4, length)];
    pos += 4 + pad4(length);
  }
}

export function pad4(n: number): number {
  return (n + 3) & ~3;
}

function packetData(block: Uint8Array, start: number, length: number, at: number): Uint8Array {
  if (length > MAX_PACKET) throw corrupt(at, `${length} bytes is more than any packet has`);
  if (start + length > block.length - 4) throw corrupt(at, `a packet of ${length} bytes does not fit`);
  return block.subarray(start, start + length);
}

function interfaceOf(section: Section, id: number, at: number): Interface {
  const found = section.interfaces[id];
  if (!found) throw corrupt(at, `interface ${id} was not described`);
  return found;
}

function timestamp(view: DataView, offset: number, littleEndian: boolean): bigint {
  return (BigInt(view.getUint32(offset, littleEndian)) << 32n) | BigInt(view.getUint32(offset + 4, littleEndian));
}

function readEnhanced(block: Uint8Array, view: DataView, section: Section, at: number): Packet {
  if (block.length < 32) throw corrupt(at, 'packet block is too short');
  return readWithHeader(block, view, section, view.getUint32(8, section.littleEndian), at);
}

/** The obsolete packet block: the same layout, but 16 bits of interface id and 16 bits of drop count. */
function readObsolete(block: Uint8Array, view: DataView, section: Section, at: number): Packet {
  if (block.length < 32) throw corrupt(at, 'packet block is too short');
  return readWithHeader(block, view, section, view.getUint16(8, section.littleEndian), at);
}

function readWithHeader(block: Uint8Array, view: DataView, section: Section, id: number, at: number): Packet {
  const { littleEndian } = section;
  const from = interfaceOf(section, id, at);
  const data = packetData(block, 28, view.getUint32(20, littleEndian), at);
  const verdict = xdpVerdict(view, 28 + pad4(data.length), littleEndian, at);
  return {
    data,
    timestamp: from.toNs(timestamp(view, 12, littleEndian)),
    originalLength: Math.max(view.getUint32(24, littleEndian), data.length),
    linkType: from.shared.linkType,
    interface: from.shared,
    ...(verdict !== undefined && { xdpVerdict: verdict }),
  };
}

function xdpVerdict(view: DataView, start: number, littleEndian: boolean, at: number): number | undefined {
  for (const [code, value] of options(view, start, littleEndian, at)) {
    if (code !== OPTION.epbVerdict || value.length !== 9 || value[0] !== VERDICT_XDP) continue;
    return Number(viewOf(value).getBigUint64(1, littleEndian) & 0xffffffffn);
  }
  return undefined;
}

/** No time, no interface id, and the captured length follows from the snap length of interface 0. */
function readSimple(block: Uint8Array, view: DataView, section: Section, at: number): Packet {
  if (block.length < 16) throw corrupt(at, 'packet block is too short');
  const { shared } = interfaceOf(section, 0, at);
  const originalLength = view.getUint32(8, section.littleEndian);
  const captured = shared.snapLength === 0 ? originalLength : Math.min(originalLength, shared.snapLength);
  const data = packetData(block, 12, captured, at);
  return { data, timestamp: 0n, originalLength, linkType: shared.linkType, interface: shared };
}
