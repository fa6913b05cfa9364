// Collects what the engines may rely on while the search runs (see Facts in verified.ts): merged over all arrivals.

import type { InsnIndex } from '../isa/insn.ts';
import type { Reg, RegKind } from './reg.ts';
import { type Facts, type KernelLoad, REG_KIND } from './verified.ts';

const KIND: Record<RegKind, number> = {
  not_init: REG_KIND.unseen,
  scalar: REG_KIND.scalar,
  ctx: REG_KIND.ctx,
  map_ptr: REG_KIND.map_ptr,
  map_value: REG_KIND.map_value,
  map_key: REG_KIND.other_ptr,
  fp: REG_KIND.stack,
  pkt: REG_KIND.packet,
  pkt_meta: REG_KIND.packet_meta,
  pkt_end: REG_KIND.packet_end,
  mem: REG_KIND.mem,
  func: REG_KIND.other_ptr,
  sock: REG_KIND.other_ptr,
  sock_common: REG_KIND.other_ptr,
  tcp_sock: REG_KIND.other_ptr,
  xdp_sock: REG_KIND.other_ptr,
  // Addresses of nothing that engines have: numbers.
  btf_id: REG_KIND.scalar,
  untrusted_mem: REG_KIND.scalar,
  ringbuf_mem: REG_KIND.mem,
  flow_keys: REG_KIND.other_ptr,
  tp_buffer: REG_KIND.other_ptr,
  buf: REG_KIND.other_ptr,
  dynptr_ptr: REG_KIND.other_ptr,
  // A number of 32 bits; what is done with it is in Facts.arena.
  arena: REG_KIND.scalar,
  stack_object: REG_KIND.other_ptr,
};

function merge(kinds: Uint8Array, last: (RegKind | undefined)[], at: InsnIndex, { kind: seen }: Reg): void {
  // Mostly what was seen there before.
  if (last[at] === seen) return;
  last[at] = seen;
  // A pointer that may be NULL is still an address (0) in a narrow register; what differs is only the kind.
  const kind = KIND[seen];
  const old = kinds[at];
  kinds[at] = old === REG_KIND.unseen || old === kind ? kind : REG_KIND.mixed;
}

const MIXED_MAP = -2;
const NO_MAP = -1;

export class FactRecorder {
  readonly reached: Uint8Array;
  readonly taken: Uint8Array;
  readonly dst: Uint8Array;
  readonly src: Uint8Array;
  readonly callMap: Int32Array;
  readonly arena: Uint8Array | null;
  readonly kernelLoads = new Map<InsnIndex, KernelLoad | null>();
  readsUninitStack = false;
  readsAnything = false;
  readsAnyAddress = false;
  readonly #lastDst: (RegKind | undefined)[] = [];
  readonly #lastSrc: (RegKind | undefined)[] = [];

  /** false: nobody wants to know. */
  readonly #on: boolean;

  constructor(n: number, on: boolean, hasArena: boolean) {
    this.#on = on;
    this.reached = new Uint8Array(n);
    this.taken = new Uint8Array(n);
    this.dst = new Uint8Array(n);
    this.src = new Uint8Array(n);
    this.callMap = new Int32Array(n).fill(NO_MAP);
    this.arena = hasArena ? new Uint8Array(n) : null;
  }

  /** Whether it would be news that bytes are read which a path did not write. */
  get asksForUninit(): boolean {
    return this.#on && !this.readsUninitStack;
  }

  reach(at: InsnIndex): void {
    if (this.#on) this.reached[at] = 1;
  }

  /** A conditional jump: bit 0 = jumps, bit 1 = falls through. */
  take(at: InsnIndex, ways: 1 | 2 | 3): void {
    if (this.#on) this.taken[at] |= ways;
  }

  operands(at: InsnIndex, dst: Reg, src: Reg): void {
    if (!this.#on) return;
    merge(this.dst, this.#lastDst, at, dst);
    merge(this.src, this.#lastSrc, at, src);
  }

  call(at: InsnIndex, map: number): void {
    if (!this.#on) return;
    const old = this.callMap[at];
    this.callMap[at] = old === NO_MAP || old === map ? map : MIXED_MAP;
  }

  /** A load `off` bytes into a map (-1: another structure of the kernel). */
  kernelLoad(at: InsnIndex, map: number, off: number): void {
    if (!this.#on) return;
    const old = this.kernelLoads.get(at);
    const same = old === undefined || (old !== null && old.map === map && old.off === off);
    this.kernelLoads.set(at, same ? { map, off } : null);
  }

  /** Arithmetic, or an access: with an arena pointer or without. */
  usesArena(at: InsnIndex, uses: boolean): void {
    if (this.#on && this.arena !== null) this.arena[at] |= uses ? 1 : 2;
  }

  facts(): Facts | null {
    if (!this.#on) return null;
    const { reached, taken, dst, src, arena, kernelLoads } = this;
    const { readsUninitStack, readsAnything, readsAnyAddress } = this;
    const callMap = this.callMap.map((m) => (m === MIXED_MAP ? NO_MAP : m));
    const reads = { readsUninitStack, readsAnything, readsAnyAddress };
    return { reached, taken, dst, src, callMap, arena, kernelLoads, ...reads };
  }
}
