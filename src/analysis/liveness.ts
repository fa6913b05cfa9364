// Which registers may be read later: backward may-analysis per subprogram.
//
//   in[i]  = use[i] | (out[i] & ~def[i])
//   out[i] = union of in[s] over the successors s of i
//
// Registers are bits of a mask (bit n = rn). `effects` says what one instruction reads and writes; calls read what the
// helper's prototype names (a bpf-to-bpf call: r1-r5) and leave r0; r1-r5 are `clobbered`: nothing may rely on them.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { Op } from '../isa/op.ts';
import { type Helper, helperById } from '../spec/helpers.ts';
import type { Cfg } from './cfg.ts';

export type RegMask = number;

export interface Effects {
  readonly use: RegMask;
  readonly def: RegMask;
  /** Not kept by contract. Our engines happen to keep them, so programs that were not verified may read them. */
  readonly clobber: RegMask;
}

const R0 = 1;
const R6 = 1 << 6;
const ARGS = 0b111110; // r1-r5

const bit = (reg: number): RegMask => 1 << reg;
/** r1..rn. */
const firstArgs = (n: number): RegMask => (1 << (n + 1)) - 2;

function effect(use: RegMask, def: RegMask, clobber: RegMask = 0): Effects {
  return { use, def, clobber };
}

/** What one instruction reads and writes. */
export function effects(insn: Insn, op: Op): Effects {
  const dst = bit(insn.dst);
  const src = bit(insn.src);
  switch (op.kind) {
    case 'alu': {
      const operand = op.operand === 'reg' ? src : 0;
      return effect(op.op === 'mov' ? operand : operand | dst, dst);
    }
    case 'movsx':
    case 'cast':
      return effect(src, dst);
    case 'neg':
    case 'end':
      return effect(dst, dst);
    case 'jmp':
      return effect(op.operand === 'reg' ? dst | src : dst, 0);
    case 'ja':
    case 'may_goto':
      return effect(0, 0);
    case 'lddw':
      return effect(0, dst);
    case 'ldx':
    case 'load_acq':
      return effect(src, dst);
    case 'st':
      return effect(dst, 0);
    case 'stx':
    case 'store_rel':
      return effect(dst | src, 0);
    case 'atomic':
      if (op.op === 'cmpxchg') return effect(dst | src | R0, R0);
      return effect(dst | src, op.fetch ? src : 0);
    case 'ld_abs':
      return effect(R6, R0, ARGS);
    case 'ld_ind':
      return effect(R6 | src, R0, ARGS);
    case 'call':
      return callEffects(insn, op.callee);
    case 'exit':
      return effect(R0, 0);
    default:
      return op satisfies never;
  }
}

function callEffects(insn: Insn, callee: 'helper' | 'local' | 'kfunc' | 'callx'): Effects {
  if (callee === 'callx') return effect(ARGS | bit(insn.dst), R0, ARGS);
  const helper: Helper | undefined = callee === 'helper' ? helperById(insn.imm) : undefined;
  if (helper === undefined) return effect(ARGS, R0, ARGS);
  // A tail call that fails leaves r0 as it was.
  const kept = helper.ret === 'tail_call' ? R0 : 0;
  return effect(firstArgs(helper.args.length) | kept, R0, ARGS);
}

export interface Liveness {
  /** Registers that may be read before they are written, on entry to each block. */
  readonly blockIn: Uint16Array;
  /** ... and on leaving it. */
  readonly blockOut: Uint16Array;
}

/** `strict`: calls destroy r1-r5, as in a verified program. */
export function liveRegisters(
  insns: readonly Insn[],
  ops: readonly (Op | undefined)[],
  cfg: Cfg,
  strict = true,
): Liveness {
  const { blocks } = cfg;
  const use = new Uint16Array(blocks.length);
  const def = new Uint16Array(blocks.length);
  blocks.forEach((b, i) => {
    for (let at = b.last; at >= b.start; at--) {
      const op = ops[at];
      if (op === undefined) continue;
      const e = effects(insns[at], op);
      const gone = strict ? e.def | e.clobber : e.def;
      use[i] = (use[i] & ~gone) | e.use;
      def[i] |= gone;
    }
  });
  const blockIn = new Uint16Array(blocks.length);
  const blockOut = new Uint16Array(blocks.length);
  solveBackward(cfg, (i) => {
    let out = 0;
    for (const s of blocks[i].succs) out |= blockIn[s];
    blockOut[i] = out;
    const now = use[i] | (out & ~def[i]);
    if (now === blockIn[i]) return false;
    blockIn[i] = now;
    return true;
  });
  return { blockIn, blockOut };
}

/** Registers live before every slot of the subprogram (index = slot - cfg.start); 0 where control can't come. */
export function liveBeforeSlots(
  insns: readonly Insn[],
  ops: readonly (Op | undefined)[],
  cfg: Cfg,
  strict = true,
): Uint16Array {
  const { blockOut } = liveRegisters(insns, ops, cfg, strict);
  const before = new Uint16Array(cfg.blockOf.length);
  cfg.blocks.forEach((b, i) => {
    let live = blockOut[i];
    for (let at: InsnIndex = b.last; at >= b.start; at--) {
      const op = ops[at];
      if (op === undefined) continue;
      const e = effects(insns[at], op);
      live = (live & ~(strict ? e.def | e.clobber : e.def)) | e.use;
      before[at - cfg.start] = live;
    }
  });
  return before;
}

/**
 * Runs `update` (true = the block's entry changed) until nothing changes. Blocks are visited from the end, where the
 * information of a backward analysis comes from.
 */
export function solveBackward(cfg: Cfg, update: (block: number) => boolean): void {
  const { blocks } = cfg;
  const dirty = new Uint8Array(blocks.length).fill(1);
  for (let again = true; again; ) {
    again = false;
    for (let i = blocks.length - 1; i >= 0; i--) {
      if (dirty[i] === 0) continue;
      dirty[i] = 0;
      if (!update(i)) continue;
      for (const p of blocks[i].preds) {
        dirty[p] = 1;
        if (p >= i) again = true;
      }
    }
  }
}

/** The same forwards: `update` answers whether the block's exit changed. */
export function solveForward(cfg: Cfg, update: (block: number) => boolean): void {
  const { blocks } = cfg;
  const dirty = new Uint8Array(blocks.length).fill(1);
  for (let again = true; again; ) {
    again = false;
    for (let i = 0; i < blocks.length; i++) {
      if (dirty[i] === 0) continue;
      dirty[i] = 0;
      if (!update(i)) continue;
      for (const s of blocks[i].succs) {
        dirty[s] = 1;
        if (s <= i) again = true;
      }
    }
  }
}
