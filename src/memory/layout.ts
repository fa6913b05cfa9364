// The address space of one Kernel: a picture, and the numbers in it. wasm32: an address is a number below 2^32.
//
//   0                    2^30                                             3 * 2^30          2^32
//   |  never touched     | CPU 0 | CPU 1 | ... | heap: maps, objects ...  |  never used      |
//
// Programs only see addresses in [2^30, 3 * 2^30): NULL + any offset the verifier allows hits untouched zero pages, and
// pointer arithmetic inside the verifier's limits (+-2^29) never wraps in 32 bits.
//
// One CPU block (CPU_STRIDE bytes; engine scratch: no comparison of engines looks into `control`, `stack` or `bounce`):
//
//   +0         control   words of the running program (CPU.*)
//   +4 KiB     stack     grows down from the end: r10 of the first frame = stackTop(cpu)
//   +196 KiB   bounce    keys, values and arguments of user-code calls into map operations
//   +260 KiB   ctx       the context struct of the run, CTX_SIZE bytes
//   +264 KiB   packet    frame buffer: data starts at PACKET_HEADROOM after it; PACKET_TAILROOM is kept at its end
//
// The pages of a BPF arena are a region like any other; programs know them by other numbers (maps/arena_pages.ts).
//
// A function has an address too (lddw of a function, callx, callbacks), beyond all memory: codeAddr.
//
// Canaries (CANARY_SIZE zero bytes nobody writes) stand between the regions.

export type Addr = number;

export const PAGE = 65536;
export const MEMORY_BASE: Addr = 2 ** 30;
export const MEMORY_END: Addr = 3 * 2 ** 30;

export const CANARY_SIZE = 64;
export const STACK_FRAME = 512;
export const MAX_FRAMES = 8;

const CONTROL_OFF = 0;
const STACK_OFF = 4096;
/** 1 + MAX_TAIL_CALLS programs in a row may each leave up to MAX_FRAMES frames behind (a target keeps its caller's r10). */
const STACK_SIZE = 3 * PAGE;
/** So far below stackTop may r10 be; a call that would go deeper fails (only programs nobody verified try). */
export const STACK_DEPTH = (1 + 33) * (MAX_FRAMES - 1) * STACK_FRAME;
const BOUNCE_OFF = STACK_OFF + STACK_SIZE;
export const BOUNCE_SIZE = 65536;
const CTX_OFF = BOUNCE_OFF + BOUNCE_SIZE;
export const CTX_SIZE = 1024;
const PACKET_OFF = CTX_OFF + 4096;
/** XDP_PACKET_HEADROOM. */
export const PACKET_HEADROOM = 256;
/** What Linux keeps behind an XDP frame for skb_shared_info. */
export const PACKET_TAILROOM = 320;
/** Whole frame buffer: headroom, at most 64 KiB of packet, tailroom. */
export const PACKET_SIZE = 2 * PAGE;
export const CPU_STRIDE = PACKET_OFF + PACKET_SIZE + 4096;

/** Offsets of the words in a CPU block's control area. */
export const CPU = {
  /** u32: tail calls done in this run. */
  tailCalls: 0,
  /** u32: program id that a compiled tail call goes to. */
  tailTarget: 4,
  /** u64: result of a helper that returns 64 bits. */
  result: 8,
  /** u32: this CPU's number. */
  id: 16,
  /** i32: not 0 = the run stops where it counts its steps next, and takes the word back (runtime/kill.ts). */
  kill: 20,
  /** i32: back edges and calls that compiled code may still make before it has to ask. */
  budget: 24,
  /** Redirect target of bpf_redirect / bpf_redirect_map: u32 kind (0 none, 1 ifindex, 2 map), u32 index, u32 map address. */
  redirect: 32,
  /** u32: where a function that was split into several goes on (jit/split.ts); i32 next to it: its may_goto budget. */
  next: 48,
  mayGoto: 52,
  /** u64 x 11: r0-r10 between two parts of such a function. */
  registers: 64,
  /** 8 bytes that compiled code stores into when an arena has no such page. */
  sink: 152,
} as const;

export function cpuBlock(cpu: number): Addr {
  return MEMORY_BASE + cpu * CPU_STRIDE;
}
export function controlWord(cpu: number, word: keyof typeof CPU): Addr {
  return cpuBlock(cpu) + CONTROL_OFF + CPU[word];
}
/** r10 of the outermost frame: a frame lives in [r10 - 512, r10); a callee's r10 is its caller's minus 512. */
export function stackTop(cpu: number): Addr {
  return cpuBlock(cpu) + BOUNCE_OFF - CANARY_SIZE;
}
export function bounceArea(cpu: number): Addr {
  return cpuBlock(cpu) + BOUNCE_OFF;
}
export function ctxArea(cpu: number): Addr {
  return cpuBlock(cpu) + CTX_OFF;
}
/** Start of the frame buffer; packet data starts PACKET_HEADROOM later. */
export function packetArea(cpu: number): Addr {
  return cpuBlock(cpu) + PACKET_OFF;
}
/** [start, end) of what engines use as they like (control words, stack, bounce area): no comparison of engines looks there. */
export function scratchRanges(cpus: number): { start: Addr; end: Addr }[] {
  return Array.from({ length: cpus }, (_, cpu) => ({ start: cpuBlock(cpu), end: ctxArea(cpu) }));
}
/** What a program sees as the address of its function that starts at slot `insn`: no memory is there. */
export function codeAddr(insn: number): Addr {
  return MEMORY_END + 8 * insn;
}
/** First address of the heap for `cpus` CPUs, page aligned. */
export function heapStart(cpus: number): Addr {
  return Math.ceil(cpuBlock(cpus) / PAGE) * PAGE;
}
