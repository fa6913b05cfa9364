// The abstract states of one verification, by instruction and call chain. In: a program. Out: a Book, or why there is none.
//
// 'kept': pruning is on, and BPF_F_TEST_STATE_FREQ makes the search keep a state, or find one that covers, at every arrival
// at a prune point: so each concrete arrival there must lie in one that was kept. What pruning ignores counts as unknown:
// registers and slots nobody reads any more, scalars that decided nothing. And no run may come where no path came.
// 'exact': pruning is off: each arrival anywhere must lie in a state of that instruction, and everything counts.

import type { InsnIndex } from '../../src/isa/insn.ts';
import { checkCfg } from '../../src/verifier/cfg.ts';
import { verify } from '../../src/verifier/index.ts';
import { liveRegisters } from '../../src/verifier/liveness.ts';
import { isReject, prepare } from '../../src/verifier/program.ts';
import { frameInsn, type State } from '../../src/verifier/state.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';

export const MODES = ['kept', 'exact'] as const;
export type Mode = (typeof MODES)[number];

export interface Book {
  readonly mode: Mode;
  /** Whether every arrival at the instruction must lie in one of its states. */
  expects(insn: InsnIndex): boolean;
  /** The one that contained the last arrival first. */
  statesAt(insn: InsnIndex, callsites: readonly InsnIndex[]): State[];
  /** Registers of a frame that count, as a mask. */
  registers(state: State, frame: number): number;
  /** Whether slot `spi` of a frame counts. */
  slot(state: State, frame: number, spi: number): boolean;
  readonly size: number;
}

const BPF_F_TEST_STATE_FREQ = 8;

/** Thrown out of the verifier: without pruning there may be more states than anybody wants to keep. */
class TooMany extends Error {}

export function record(input: ProgramInput, mode: Mode, maxStates: number): Book | string {
  const states = new Map<string, State[]>();
  let size = 0;
  const onState = (insn: InsnIndex, state: State) => {
    if (++size > maxStates) throw new TooMany();
    const at = key(
      insn,
      state.frames.map((f) => f.callsite),
    );
    const list = states.get(at);
    if (list) list.push(state);
    else states.set(at, [state]);
  };
  const flags = mode === 'kept' ? input.flags | BPF_F_TEST_STATE_FREQ : input.flags;
  let reached: Uint8Array | null;
  try {
    const result = verify({ ...input, flags }, { onState, prune: mode === 'kept' });
    if (!result.ok) return `refused: ${result.error.message}`;
    reached = result.verified.facts?.reached ?? null;
  } catch (e) {
    if (e instanceof TooMany) return `more than ${maxStates} states`;
    throw e;
  }
  const prog = prepare(input);
  const cfg = isReject(prog) ? prog : checkCfg(prog);
  if (isReject(prog) || isReject(cfg)) return 'refused';
  const live = liveRegisters(prog);
  const exact = mode === 'exact';
  return {
    mode,
    size,
    // Where no path came, no run may come: there is no state then.
    expects: (insn) => exact || cfg.prune[insn] !== 0 || reached?.[insn] === 0,
    statesAt: (insn, callsites) => states.get(key(insn, callsites)) ?? [],
    registers: (state, f) => (exact ? 0x7ff : live[frameInsn(state, f)]),
    slot: (state, f, spi) => exact || (state.read[f * 2 + (spi >> 5)] & (1 << (spi & 31))) !== 0,
  };
}

const key = (insn: InsnIndex, callsites: readonly InsnIndex[]): string => `${insn}<${callsites.join('<')}`;
