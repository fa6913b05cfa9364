// What really is there at one moment of a run on the interpreter: the frames of the call chain with their registers, and
// where context, packet and maps lie. Follows calls, exits and tail calls from the steps alone.

import type { InsnIndex } from '../../src/isa/insn.ts';
import { opOf } from '../../src/isa/opcodes.ts';
import type { MapPlacement } from '../../src/maps/placement.ts';
import type { Addr } from '../../src/memory/layout.ts';
import type { Memory } from '../../src/memory/memory.ts';
import type { LoadedProgram } from '../../src/runtime/engine.ts';
import { ctxOfType } from '../../src/spec/ctx.ts';

export interface Call {
  /** Slot of the call that made this frame; -1 for the outermost. */
  readonly callsite: InsnIndex;
  /** Of the running function: live. Of a caller: as they were at its call. */
  regs: BigUint64Array;
}

/** One program's share of the call chain: a tail call starts another. */
interface Chain {
  readonly program: LoadedProgram;
  readonly calls: Call[];
}

export interface Packet {
  readonly meta: Addr;
  readonly data: Addr;
  readonly end: Addr;
}

const TAIL_CALL = 12;

export class Scene {
  readonly memory: Memory;
  /** r1 of the run: the context, or the memory of a raw program. */
  entry: Addr = 0;
  readonly #chains: Chain[] = [];
  #last: { readonly pc: InsnIndex; readonly effect: 'call' | 'exit' | 'packet' | 'tail' | 'none' } | null = null;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** A run starts. */
  reset(): void {
    this.#last = null;
    this.#chains.length = 0;
  }

  get #chain(): Chain {
    return this.#chains[this.#chains.length - 1];
  }
  get program(): LoadedProgram {
    return this.#chain.program;
  }
  get calls(): readonly Call[] {
    return this.#chain.calls;
  }
  get maps(): readonly MapPlacement[] {
    return this.program.maps;
  }

  /** The instruction at `pc` is about to execute. */
  step(pc: InsnIndex, regs: BigUint64Array, program: LoadedProgram): void {
    const last = this.#last;
    if (last === null) {
      this.entry = Number(regs[1]);
      this.#chains.push({ program, calls: [{ callsite: -1, regs }] });
    } else if (last.effect === 'call') {
      this.#chain.calls.push({ callsite: last.pc, regs });
    } else if (last.effect === 'exit' || (last.effect === 'packet' && pc !== last.pc + 1)) {
      this.#leave();
      this.#chain.calls[this.#chain.calls.length - 1].regs = regs;
    } else if (last.effect === 'tail' && pc === 0) {
      this.#leave();
      this.#chains.push({ program, calls: [{ callsite: -1, regs }] });
    }
    this.#last = { pc, effect: effectOf(program, pc) };
    if (this.#last.effect === 'call') this.#chain.calls[this.#chain.calls.length - 1].regs = regs.slice();
  }

  #leave(): void {
    const { calls } = this.#chain;
    calls.pop();
    if (calls.length === 0) this.#chains.pop();
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

function effectOf(program: LoadedProgram, pc: InsnIndex): 'call' | 'exit' | 'packet' | 'tail' | 'none' {
  const insn = program.code.insns[pc];
  const op = opOf(insn);
  if (op?.kind === 'exit') return 'exit';
  if (op?.kind === 'ld_abs' || op?.kind === 'ld_ind') return 'packet';
  if (op?.kind !== 'call') return 'none';
  if (op.callee === 'local') return 'call';
  return op.callee === 'helper' && insn.imm === TAIL_CALL ? 'tail' : 'none';
}
