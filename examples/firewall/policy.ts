// The policy of the demo and the bench: what user space writes into the firewall's maps, from a form that people write
// to the bytes that firewall.bpf.c declares.

import type { LoadedObject } from '../../src/index.ts';

const IPPROTO = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;
export const XDP = { DROP: 1, PASS: 2, TX: 3 } as const;

export interface Policy {
  /** Sources whose packets are always dropped. */
  readonly blocked: readonly string[];
  /** [protocol, destination port or ICMP type (0 = any), verdict]. */
  readonly rules: readonly (readonly [keyof typeof IPPROTO, number, number])[];
  /** DNS names nobody may ask for. */
  readonly blockedNames: readonly string[];
}

/** .rodata: what no rule names is dropped. */
export const DEFAULT_ACTION = XDP.DROP;

export const POLICY: Policy = {
  blocked: ['10.0.0.66', 'fd00::66', '192.0.2.7'],
  rules: [
    ['tcp', 80, XDP.PASS],
    ['tcp', 8080, XDP.PASS],
    ['tcp', 53, XDP.PASS],
    ['icmp', 8, XDP.TX], // echo requests are answered right here
    ['icmp', 0, XDP.PASS],
    ['icmp6', 0, XDP.PASS],
  ],
  blockedNames: ['ads.example', 'tracker.example'],
};

export interface MapUpdate {
  readonly map: 'blocked' | 'rules' | 'blocked_names';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export function policyUpdates(policy: Policy): MapUpdate[] {
  return [
    ...policy.blocked.map((source) => ({ map: 'blocked', key: addressBytes(source), value: rule(XDP.DROP) }) as const),
    ...policy.rules.map(
      ([protocol, port, action]) => ({ map: 'rules', key: ruleKey(protocol, port), value: rule(action) }) as const,
    ),
    ...policy.blockedNames.map(
      (name) => ({ map: 'blocked_names', key: u64(dnsNameHash(name)), value: rule(XDP.DROP) }) as const,
    ),
  ];
}

export function applyPolicy(object: LoadedObject, policy: Policy): void {
  for (const { map, key, value } of policyUpdates(policy)) object.maps[map].set(key, value);
}

/** struct rule {u32 action, u32 zero, u64 hits}. */
function rule(action: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[0] = action;
  return bytes;
}

/** struct rule_key {u8 proto, u8 zero, u16 port}. */
function ruleKey(protocol: keyof typeof IPPROTO, port: number): Uint8Array {
  return Uint8Array.of(IPPROTO[protocol], 0, port & 0xff, port >> 8);
}

function u64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

/** FNV-1a (64 bit) of the lower-case name, as dns_name_hash() does it. */
export function dnsNameHash(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name.toLowerCase())) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}

/** 'fd00::1' or '10.0.0.1' (as ::ffff:10.0.0.1) -> 16 bytes. */
export function addressBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  if (text.includes('.')) {
    bytes.set([0xff, 0xff, ...text.split('.').map(Number)], 10);
    return bytes;
  }
  const [head, tail = ''] = text.split('::');
  const words = (part: string) => part.split(':').filter(Boolean).flatMap(wordBytes);
  bytes.set(words(head), 0);
  bytes.set(words(tail), 16 - words(tail).length);
  return bytes;
}

function wordBytes(hex: string): [number, number] {
  const word = Number.parseInt(hex, 16);
  return [word >> 8, word & 0xff];
}

/** The other way, as RFC 5952 writes it: the longest run of zero words is '::'. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff) {
    return bytes.subarray(12).join('.');
  }
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] << 8) | bytes[2 * i + 1]).toString(16));
  const runs = [...words.join(':').matchAll(/(?:^|:)0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.sort((a, b) => b[0].length - a[0].length)[0]?.[0];
  const all = words.join(':');
  if (longest === undefined) return all;
  const at = all.indexOf(longest);
  return `${all.slice(0, at)}::${all.slice(at + longest.length).replace(/^:/, '')}`;
}
