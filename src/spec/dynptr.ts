// struct bpf_dynptr as Linux lays it out (bpf_dynptr_kern).
//
//   0  u64 data      address of the memory, or of the context whose packet it is; 0: there is none (it could not be made)
//   8  u32 size      bits 0..23; kind of memory: bits 28..30; bit 31: read-only
//  12  u32 offset    where the dynptr starts in the memory

export const DYNPTR = { data: 0, size: 8, offset: 12 } as const;

/** Kernel enum bpf_dynptr_type. */
export const DYNPTR_KIND = { local: 1, ringbuf: 2, skb: 3, xdp: 4 } as const;
export const DYNPTR_KIND_SHIFT = 28;
/** Most bytes of one; also the bits of the size. */
export const DYNPTR_MAX_SIZE = (1 << 24) - 1;
export const DYNPTR_RDONLY = 0x80000000;
