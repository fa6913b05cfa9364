// The eleven registers of a running function: one buffer under two views. 64-bit operations go through `r`, 32-bit ones
// and addresses through `w` (w[2 * n] = low half of register n, w[2 * n + 1] = high half), where no bigint is made.
// The host is little endian, as every WebAssembly host is.

const COUNT = 11;

export interface Registers {
  readonly r: BigUint64Array;
  readonly w: Uint32Array;
}

export function makeRegisters(): Registers {
  const buffer = new ArrayBuffer(COUNT * 8);
  return { r: new BigUint64Array(buffer), w: new Uint32Array(buffer) };
}

/** Register `n` = a 32-bit value, zero-extended. */
export function set32(w: Uint32Array, n: number, value: number): void {
  w[2 * n] = value;
  w[2 * n + 1] = 0;
}

/** Register `n` = a 32-bit value, sign-extended. */
export function setSigned32(w: Uint32Array, n: number, value: number): void {
  w[2 * n] = value;
  w[2 * n + 1] = value >> 31;
}

/** Register `n` + off as a number: exact below 2^53, and beyond all memory whenever the high half is not 0. */
export function address(w: Uint32Array, n: number, off: number): number {
  return w[2 * n + 1] * 2 ** 32 + w[2 * n] + off;
}
