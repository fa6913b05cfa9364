// beewasm/pcap: capture files as streams. readPcap() tells pcap and pcapng apart by their first bytes; both byte orders,
// micro- and nanoseconds, several sections and interfaces. A corrupt file throws FormatError('pcap', ...) after the packets
// before the damage were delivered. No Node modules: the same code reads a file stream, stdin or fetch().body.
//
// Why not a library: of those on npm, pcap-parser and pcap-stream (2013) know only classic pcap through Node streams,
// pcap-ng-parser only reads pcapng through a Node Transform, pcap binds libpcap natively; none writes, none runs in browsers.

import { FormatError } from '../uapi/errors.ts';
import { Cursor } from './cursor.ts';
import type { ByteSource, Packet } from './packet.ts';
import { classicMagic, readClassic } from './pcap_reader.ts';
import { BLOCK, readNg } from './pcapng_reader.ts';

export {
  type ByteSource,
  LINKTYPE_ETHERNET,
  type OutgoingPacket,
  type Packet,
  type PacketInterface,
} from './packet.ts';
export { type WriteOptions, writePcap, writePcapng } from './writer.ts';

/** The packets of a capture, in file order, as they arrive. */
export async function* readPcap(source: ByteSource): AsyncGenerator<Packet> {
  if (!isByteSource(source))
    throw new FormatError('pcap', 'the source is neither a Uint8Array nor an iterable of them');
  const cursor = new Cursor(source);
  try {
    if (!(await cursor.need(4))) {
      throw new FormatError('pcap', cursor.available === 0 ? 'the file is empty' : 'the magic number is cut off');
    }
    const magic = cursor.u32(0, true);
    const classic = classicMagic(magic);
    if (classic) yield* readClassic(cursor, classic);
    else if (magic === BLOCK.section) yield* readNg(cursor);
    else throw unknownMagic(magic);
  } finally {
    await cursor.close();
  }
}

/** A string is iterable, too, but not of bytes. */
function isByteSource(source: unknown): boolean {
  return typeof source === 'object' && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source);
}

function unknownMagic(magic: number): FormatError {
  if ((magic & 0xffff) === 0x8b1f) return new FormatError('pcap', 'the file is compressed with gzip: unpack it first');
  if (magic === 0xfd2fb528) return new FormatError('pcap', 'the file is compressed with zstd: unpack it first');
  const hex = magic.toString(16).padStart(8, '0');
  return new FormatError('pcap', `neither pcap nor pcapng (magic number 0x${hex})`);
}
