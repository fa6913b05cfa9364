// What both file formats have in common: a captured packet and the interface it came from.

/** Where packets were captured. One object per interface description, so identity tells interfaces apart. */
export interface PacketInterface {
  /** Counts over the whole file; a pcapng section that starts anew does not start at 0 again. */
  readonly index: number;
  readonly linkType: number;
  /** Longest packet the capture keeps; 0 = no limit. */
  readonly snapLength: number;
  readonly name?: string;
}

export interface Packet {
  /** The captured bytes: a view into what the source delivered, nobody writes to it afterwards. */
  readonly data: Uint8Array;
  /** Nanoseconds since 1970. 0n where the file has none (simple packet blocks). */
  readonly timestamp: bigint;
  /** Length on the wire; more than data.length when the capture was cut by the snap length. */
  readonly originalLength: number;
  readonly linkType: number;
  readonly interface: PacketInterface;
  /** The XDP verdict that is recorded with the packet (pcapng epb_verdict, as xdpdump writes it). */
  readonly xdpVerdict?: number;
}

/** What a writer needs of a packet; every Packet fits. */
export type OutgoingPacket = Pick<Packet, 'data'> & Partial<Packet>;

/** Where bytes come from: all at once or in chunks of any size (a file stream, stdin, fetch().body). */
export type ByteSource = Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export const LINKTYPE_ETHERNET = 1;

/** libpcap's MAXIMUM_SNAPLEN: no honest packet is longer, so a longer one means a corrupt file. */
export const MAX_PACKET = 262144;

export const NS_PER_SECOND = 1_000_000_000n;
