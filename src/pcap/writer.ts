// Packets in, chunks of a capture file out: both writers are streaming transforms that never hold more than one chunk.
// Little-endian, nanoseconds. writePcapng keeps interfaces apart and records verdicts; writePcap can do neither.

import { BeewasmError } from '../uapi/errors.ts';
import { viewOf } from './cursor.ts';
import { LINKTYPE_ETHERNET, MAX_PACKET, NS_PER_SECOND, type OutgoingPacket, type PacketInterface } from './packet.ts';
import { MAGIC_NANO } from './pcap_reader.ts';
import { BLOCK, BYTE_ORDER_MAGIC, OPTION, pad4, VERDICT_XDP } from './pcapng_reader.ts';

type Packets = AsyncIterable<OutgoingPacket> | Iterable<OutgoingPacket>;

export interface WriteOptions {
  /** Link type of packets that do not name theirs, and of a file without packets. */
  linkType?: number;
  /** pcapng: the program that writes, for the section header. */
  application?: string;
}

const CHUNK = 65536;

/** Collects records into chunks of about 64 KiB. */
class ChunkBuffer {
  #parts: Uint8Array[] = [];
  #length = 0;

  add(record: Uint8Array): void {
    this.#parts.push(record);
    this.#length += record.length;
  }
  get full(): boolean {
    return this.#length >= CHUNK;
  }
  get empty(): boolean {
    return this.#length === 0;
  }
  flush(): Uint8Array {
    const chunk = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      chunk.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#length = 0;
    return chunk;
  }
}

/** Classic pcap with nanosecond timestamps. All packets must have the same link type. */
export async function* writePcap(packets: Packets, options: WriteOptions = {}): AsyncGenerator<Uint8Array> {
  const out = new ChunkBuffer();
  let linkType: number | null = null;
  for await (const packet of packets) {
    const own = packet.linkType ?? options.linkType ?? LINKTYPE_ETHERNET;
    if (linkType === null) out.add(classicHeader((linkType = own)));
    if (own !== linkType) {
      throw new BeewasmError(`a pcap file holds one link type, not ${linkType} and ${own}: write pcapng`);
    }
    out.add(classicRecord(packet));
    if (out.full) yield out.flush();
  }
  if (linkType === null) out.add(classicHeader(options.linkType ?? LINKTYPE_ETHERNET));
  if (!out.empty) yield out.flush();
}

function classicHeader(linkType: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(24));
  view.setUint32(0, MAGIC_NANO, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, MAX_PACKET, true);
  view.setUint32(20, linkType, true);
  return new Uint8Array(view.buffer);
}

function classicRecord(packet: OutgoingPacket): Uint8Array {
  const time = packet.timestamp ?? 0n;
  const seconds = time / NS_PER_SECOND;
  if (time < 0n || seconds > 0xffffffffn) throw new BeewasmError(`pcap can not express the time ${time} ns`);
  const record = new Uint8Array(16 + packet.data.length);
  const view = viewOf(record);
  view.setUint32(0, Number(seconds), true);
  view.setUint32(4, Number(time % NS_PER_SECOND), true);
  view.setUint32(8, checkedLength(packet), true);
  view.setUint32(12, packet.originalLength ?? packet.data.length, true);
  record.set(packet.data, 16);
  return record;
}

function checkedLength(packet: OutgoingPacket): number {
  if (packet.data.length > MAX_PACKET) {
    throw new BeewasmError(`a packet of ${packet.data.length} bytes does not fit into a capture file`);
  }
  return packet.data.length;
}

/** pcapng, one section; interfaces are described when their first packet comes. */
export async function* writePcapng(packets: Packets, options: WriteOptions = {}): AsyncGenerator<Uint8Array> {
  const out = new ChunkBuffer();
  // Packets without an interface share one per link type.
  const ids = new Map<PacketInterface | number, number>();
  out.add(sectionBlock(options.application ?? 'beewasm'));
  for await (const packet of packets) {
    const linkType = packet.linkType ?? options.linkType ?? LINKTYPE_ETHERNET;
    const from = packet.interface ?? linkType;
    let id = ids.get(from);
    if (id === undefined) {
      ids.set(from, (id = ids.size));
      out.add(interfaceBlock(linkType, packet.interface));
    }
    out.add(packetBlock(packet, id));
    if (out.full) yield out.flush();
  }
  if (ids.size === 0) out.add(interfaceBlock(options.linkType ?? LINKTYPE_ETHERNET));
  if (!out.empty) yield out.flush();
}

/** A block around `fixed` bytes that `fill` writes (view offset 0 = block start), followed by options. */
function block(type: number, fixed: number, opts: Uint8Array, fill: (view: DataView, bytes: Uint8Array) => void) {
  const length = 12 + pad4(fixed) + opts.length;
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  view.setUint32(length - 4, length, true);
  fill(view, bytes);
  bytes.set(opts, 8 + pad4(fixed));
  return bytes;
}

/** Options with their end marker; no bytes when there are none. */
function optionList(list: readonly (readonly [code: number, value: Uint8Array])[]): Uint8Array {
  if (list.length === 0) return new Uint8Array(0);
  const bytes = new Uint8Array(list.reduce((n, [, value]) => n + 4 + pad4(value.length), 4));
  const view = viewOf(bytes);
  let at = 0;
  for (const [code, value] of list) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + pad4(value.length);
  }
  return bytes;
}

const OPTION_SHB_USERAPPL = 4;

function sectionBlock(application: string): Uint8Array {
  const opts = optionList([[OPTION_SHB_USERAPPL, new TextEncoder().encode(application)]]);
  return block(BLOCK.section, 16, opts, (view) => {
    view.setUint32(8, BYTE_ORDER_MAGIC, true);
    view.setUint16(12, 1, true);
    view.setBigInt64(16, -1n, true); // length of the section: unknown while streaming
  });
}

function interfaceBlock(linkType: number, from?: PacketInterface): Uint8Array {
  const opts: [number, Uint8Array][] = [[OPTION.ifTsresol, Uint8Array.of(9)]];
  if (from?.name !== undefined) opts.unshift([OPTION.ifName, new TextEncoder().encode(from.name)]);
  return block(BLOCK.interface, 8, optionList(opts), (view) => {
    view.setUint16(8, linkType, true);
    view.setUint32(12, from?.snapLength ?? 0, true);
  });
}

function packetBlock(packet: OutgoingPacket, id: number): Uint8Array {
  const time = packet.timestamp ?? 0n;
  if (time < 0n || time >= 1n << 64n) throw new BeewasmError(`pcapng can not express the time ${time} ns`);
  const captured = checkedLength(packet);
  const opts: [number, Uint8Array][] = [];
  if (packet.xdpVerdict !== undefined) {
    const verdict = new Uint8Array(9);
    verdict[0] = VERDICT_XDP;
    viewOf(verdict).setBigUint64(1, BigInt(packet.xdpVerdict), true);
    opts.push([OPTION.epbVerdict, verdict]);
  }
  return block(BLOCK.enhancedPacket, 20 + captured, optionList(opts), (view, bytes) => {
    view.setUint32(8, id, true);
    view.setUint32(12, Number(time >> 32n), true);
    view.setUint32(16, Number(time & 0xffffffffn), true);
    view.setUint32(20, captured, true);
    view.setUint32(24, packet.originalLength ?? captured, true);
    bytes.set(packet.data, 28);
  });
}
