// Statements about dynptrs, as text for the assembler: what programs of several tests are made of. Maps: rb, a ring buffer.

/** reg = fp + off. */
export const fp = (reg: string, off: number) => `
  ${reg} = r10
  ${reg} += ${off}`;

/** A dynptr on `size` bytes of r6 at fp + off. */
export const local = (off: number, size = 48) => `
  r1 = r6
  r2 = ${size}
  r3 = 0
  r4 = r10
  r4 += ${off}
  call bpf_dynptr_from_mem`;

/** A dynptr on a record of 16 bytes at fp + off. */
export const reserve = (off: number) => `
  r1 = map rb ll
  r2 = 16
  r3 = 0
  r4 = r10
  r4 += ${off}
  call bpf_ringbuf_reserve_dynptr`;

/** Gives the record of the dynptr at fp + off back. */
export const giveBack = (off: number, how: 'submit' | 'discard' = 'discard') => `${fp('r1', off)}
  r2 = 0
  call bpf_ringbuf_${how}_dynptr`;
