// What really is there at one moment of a run on the interpreter: the frames of the call chain with their registers, and
// where context, packet and maps lie. Follows calls, exits and tail calls from the steps alone.

import type { Insn, InsnIndex } from '../../src/isa/insn.ts';
import { opOf } from '../../src/isa/opcodes.ts';
import type { MapPlacement } from '../../src/maps/placement.ts';
import type { Addr } from '../../src/memory/layout.ts';
import type { Memory } from '../../src/memory/memory.ts';
import type { LoadedProgram } from '../../src/runtime/engine.ts';
import { ctxOfType } from '../../src/spec/ctx.ts';
import type { Node } from './book.ts';

export interface Call {
  /** Slot of the call that made this frame; -1 for the outermost. */
  readonly callsite: InsnIndex;
  /** Of the running function: live. Of a caller: as they were at its call. */
  readonly regs: BigUint64Array;
  /** `regs` as halves. */
  readonly words: Uint32Array;
  /** Of the running function: the halves one step before. */
  readonly before: Uint32Array | null;
}

/** One program's share of the call chain: a tail call starts another. */
interface Chain {
  readonly program: LoadedProgram;
  readonly calls: Call[];
  /** Where the run stands in the tree of all paths; null: nowhere yet. */
  node: Node | null;
}

export interface Packet {
  readonly meta: Addr;
  readonly data: Addr;
  readonly end: Addr;
}

const TAIL_CALL = 12;
const EFFECT = { none: 0, call: 1, exit: 2, packet: 3, tail: 4 } as const;
type Effect = (typeof EFFECT)[keyof typeof EFFECT];

export class Scene {
  readonly memory: Memory;
  /** r1 of the run: the context, or the memory of a raw program. */
  entry: Addr = 0;
  readonly #chains: Chain[] = [];
  #top!: Chain;
  #started = false;
  #lastPc: InsnIndex = 0;
  #lastEffect: Effect = EFFECT.none;
  readonly #before = new Uint32Array(22);

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** A run starts. */
  reset(): void {
    this.#started = false;
    this.#chains.length = 0;
  }

  get program(): LoadedProgram {
    return this.#top.program;
  }
  get calls(): readonly Call[] {
    return this.#top.calls;
  }
  get maps(): readonly MapPlacement[] {
    return this.program.maps;
  }
  get node(): Node | null {
    return this.#top.node;
  }
  set node(node: Node | null) {
    this.#top.node = node;
  }

  /** The instruction at `pc` is about to execute. */
  step(pc: InsnIndex, regs: BigUint64Array, program: LoadedProgram): void {
    if (!this.#started) {
      this.#started = true;
      this.entry = Number(regs[1]);
      this.#enter(program, regs);
    } else if (this.#lastEffect !== EFFECT.none) {
      this.#moved(pc, regs, program);
    }
    this.#lastPc = pc;
    this.#lastEffect = effectsOf(program)[pc] as Effect;
  }

  /** What the last instruction did to the call chain. */
  #moved(pc: InsnIndex, regs: BigUint64Array, program: LoadedProgram): void {
    const last = this.#lastEffect;
    if (last === EFFECT.call) {
      const { calls } = this.#top;
      calls[calls.length - 1] = waiting(calls[calls.length - 1].callsite, this.#before);
      calls.push(this.#running(this.#lastPc, regs));
    } else if (last === EFFECT.exit || (last === EFFECT.packet && pc !== this.#lastPc + 1)) {
      this.#leave();
      const { calls } = this.#top;
      calls[calls.length - 1] = this.#running(calls[calls.length - 1].callsite, regs);
    } else if (last === EFFECT.tail && pc === 0) {
      this.#leave();
      this.#enter(program, regs);
    }
  }

  /** The step has been looked at: the next one compares with it. */
  remember(): void {
    const { calls } = this.#top;
    this.#before.set(calls[calls.length - 1].words);
  }

  #running(callsite: InsnIndex, regs: BigUint64Array): Call {
    return { callsite, regs, words: wordsOf(regs), before: this.#before };
  }

  #enter(program: LoadedProgram, regs: BigUint64Array): void {
    this.#top = { program, calls: [this.#running(-1, regs)], node: null };
    this.#chains.push(this.#top);
  }

  #leave(): void {
    this.#top.calls.pop();
    if (this.#top.calls.length > 0) return;
    this.#chains.pop();
    const chain = this.#chains.at(-1);
    // A tail call in a called function ends that function: no path of its verification goes back from there.
    if (chain === undefined) return;
    chain.node = null;
    this.#top = chain;
  }

  /** Where the packet is now, if the context says so. */
  packet(): Packet | null {
    const reads = ctxOfType(this.program.code.type)?.reads;
    const word = (kind: string) => {
      const from = reads?.find((r) => r[0] === kind)?.[2];
      return from === undefined ? null : this.memory.u32(this.entry + from);
    };
    const data = word('pkt');
    const end = word('pkt_end');
    return data === null || end === null ? null : { data, end, meta: word('pkt_meta') ?? data };
  }
}

const wordsOf = (regs: BigUint64Array): Uint32Array => new Uint32Array(regs.buffer, regs.byteOffset, 22);

/** A frame that waits for its callee, with the registers as they were at the call. */
function waiting(callsite: InsnIndex, halves: Uint32Array): Call {
  const words = halves.slice();
  return { callsite, regs: new BigUint64Array(words.buffer), words, before: null };
}

/** By slot: what the instruction does to the call chain. */
const effects = new WeakMap<LoadedProgram, Uint8Array>();

function effectsOf(program: LoadedProgram): Uint8Array {
  let found = effects.get(program);
  if (found === undefined) {
    found = Uint8Array.from(program.code.insns, effectOf);
    effects.set(program, found);
  }
  return found;
}

function effectOf(insn: Insn): Effect {
  const op = opOf(insn);
  if (op?.kind === 'exit') return EFFECT.exit;
  if (op?.kind === 'ld_abs' || op?.kind === 'ld_ind') return EFFECT.packet;
  if (op?.kind !== 'call') return EFFECT.none;
  if (op.callee === 'local') return EFFECT.call;
  return op.callee === 'helper' && insn.imm === TAIL_CALL ? EFFECT.tail : EFFECT.none;
}
