// What a program of the corpus (programs.ts) is, and the maps and words that several share.

import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';

export type MapShape = readonly [type: number, keySize: number, valueSize: number, maxEntries: number];

export interface TestProgram {
  readonly name: string;
  /** Default raw. */
  readonly type?: string;
  readonly text: string;
  readonly maps?: Readonly<Record<string, MapShape>>;
  /** Slot of the map `jumps` -> text of the program it holds (same type; it may use all maps). */
  readonly targets?: Readonly<Record<number, string>>;
  /** Input; default 32 bytes 1, 2, 3, ... for raw, an IPv4 packet for the others. */
  readonly data?: Uint8Array;
  /** All of r0, or the errno of a run that fails. */
  readonly expect: bigint | 'E2BIG' | 'EFAULT';
  readonly unverified?: string;
}

export const T = BPF_MAP_TYPE;
export const ARRAY: MapShape = [T.BPF_MAP_TYPE_ARRAY, 4, 8, 4];
export const ONE: MapShape = [T.BPF_MAP_TYPE_ARRAY, 4, 8, 1];
export const HASH: MapShape = [T.BPF_MAP_TYPE_HASH, 4, 8, 4];
export const JUMPS: MapShape = [T.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4];
export const DEVMAP: MapShape = [T.BPF_MAP_TYPE_DEVMAP, 4, 4, 4];

/** Puts key `k` at r10 - 4 and the map in r1, the key's address in r2. */
export const keyed = (map: string, k: number) => `
  r2 = ${k}
  *(u32 *)(r10 -4) = r2
  r1 = map ${map}
  r2 = r10
  r2 += -4`;
