// Conditional jumps (kernel check_cond_jmp_op): one way when the outcome is known, else both, each with what it teaches
// about the operands: ranges of scalars, packet bounds, NULL or not.

import { FLIPPED } from '../isa/conditions.ts';
import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { JmpOp, OpShape } from '../isa/op.ts';
import { mapTypeById } from '../spec/map_types.ts';
import type { SpecialType } from '../spec/special_fields.ts';
import { type Judgement, judge, type Operands } from './branch.ts';
import type { Env } from './env.ts';
import { collectLinked, syncLinked } from './link.ts';
import { mayHoldLock } from './object.ts';
import { markPrecise } from './precision.ts';
import { forget } from './refs.ts';
import {
  AT_PKT_END,
  BEYOND_PKT_END,
  isNotNull,
  isPacket,
  isPointer,
  makeReg,
  notNullReg,
  type Reg,
  type RegKind,
  withId,
  withRange,
  withScalar,
  ZERO_SCALAR,
} from './reg.ts';
import { denied, invalid, type Reject, tooManyBranches } from './reject.ts';
import { isConst, isZero, largest } from './scalar.ts';
import { guessBranch } from './speculation.ts';
import { type LinkedReg, mapRegs, type State } from './state.ts';
import { tnumSubregIsConst } from './tnum.ts';

type JumpOp = Extract<OpShape, { kind: 'jmp' }>;

/** Kernel is_pkt_ptr_branch_taken: a packet pointer already proven to be at or beyond the end. */
function packetDecided(op: JmpOp, dst: Reg, src: Reg): boolean | undefined {
  if (src.kind !== 'pkt_end' && dst.kind !== 'pkt_end') return undefined;
  const [pkt, o] = src.kind === 'pkt_end' ? [dst, op] : [src, FLIPPED[op]];
  if (pkt.range >= 0) return undefined;
  if (pkt.range === BEYOND_PKT_END) {
    if (o === 'jle') return false;
    if (o === 'jgt') return true;
  }
  // Beyond or at the end.
  if (o === 'jlt') return false;
  if (o === 'jge') return true;
  return undefined;
}

function isPacketAny(r: Reg): boolean {
  return isPacket(r) || r.kind === 'pkt_end';
}

/** Whether the outcome is known, for any kinds of operands (kernel is_branch_taken). */
function decided(env: Env, op: JumpOp, insn: Insn, dst: Reg, src: Reg): boolean | undefined {
  if (isPacketAny(dst) && isPacketAny(src) && op.width === 64) return packetDecided(op.op, dst, src);
  const lowConst = (r: Reg) => r.kind === 'scalar' && (op.width === 64 ? isConst(r.s) : tnumSubregIsConst(r.s.var_off));
  const [a, b] = lowConst(dst) ? [src, dst] : [dst, src];
  if (isPointer(a) || isPointer(b)) {
    const ptr = isPointer(a) ? a : b;
    const other = ptr === a ? b : a;
    if (!lowConst(other)) return undefined;
    const zero = op.width === 64 ? isZero(other.s) : other.s.var_off.v.lo === 0;
    if (!zero || !isNotNull(ptr)) return undefined;
    if (op.op === 'jeq') return false;
    return op.op === 'jne' ? true : undefined;
  }
  return judged(env, op, insn, dst, src).outcome;
}

function judged({ judged, insnIdx }: Env, op: JumpOp, insn: Insn, { s: a }: Reg, { s: b }: Reg): Judgement {
  const self = op.operand === 'reg' && insn.dst === insn.src;
  return judged.get(insnIdx, a, b) ?? judged.put(insnIdx, a, b, judge(op.op, op.width, a, self ? null : b));
}

/** What the outcome says about two scalars, in one branch. */
function refineScalars(state: State, op: JumpOp, insn: Insn, src: Reg, [d, s]: Operands): void {
  const { regs } = state.frame;
  regs[insn.dst] = withScalar(regs[insn.dst], d);
  if (op.operand === 'reg' && insn.dst !== insn.src) regs[insn.src] = withScalar(src, s);
}

/** Every register with this pointer's id: NULL becomes the scalar 0, not NULL loses the doubt (mark_ptr_or_null_regs). */
function markNull(env: Env, state: State, ptr: Reg, isNullHere: boolean): void {
  // Nobody can have given the reference back before the test: where the pointer is NULL there is none.
  if (isNullHere && ptr.refObjId !== 0 && ptr.refObjId === ptr.id) forget(state, ptr.refObjId);
  mapRegs(state, (reg) => {
    if (!reg.maybeNull || reg.id !== ptr.id || !isPointer(reg)) return reg;
    return isNullHere ? ZERO_SCALAR : notNull(env, reg);
  });
}

/** Fields that are bound to the map they are in. */
const TIMED: ReadonlySet<SpecialType> = new Set<SpecialType>(['bpf_timer', 'bpf_wq', 'bpf_task_work']);

/** The pointer is known not to be NULL: what a lookup found in a map of maps or sockets is a map or a socket. */
function notNull(env: Env, reg: Reg): Reg {
  if (reg.kind === 'map_value') {
    const map = env.map(reg.map);
    if (map.inner !== undefined) {
      const timed = map.inner.specialFields?.some((f) => TIMED.has(f.type)) ?? false;
      return makeReg({ kind: 'map_ptr', map: env.innerOf(reg.map), mapUid: timed ? reg.id : 0 });
    }
    const found = mapTypeById(map.type)?.found;
    // Linux leaves the map in the register, and compares it.
    if (found !== undefined) return makeReg({ kind: found, map: reg.map, refObjId: reg.refObjId });
  }
  // The lock is found by the id.
  return notNullReg(reg, mayHoldLock(env, reg) ? reg.id : 0);
}

const MAX_PACKET_OFF = 0xffff;

/** Bytes below `ptr` are inside the packet: every pointer with the same base gains that range (find_good_pkt_pointers). */
function gainRange(state: State, ptr: Reg, rightOpen: boolean): void {
  if (ptr.off < 0 || (ptr.off === 0 && rightOpen)) return;
  if (largest(ptr.s) > MAX_PACKET_OFF || largest(ptr.s) + ptr.off > MAX_PACKET_OFF) return;
  const range = ptr.off + (rightOpen ? 1 : 0);
  mapRegs(state, (reg) =>
    reg.kind === ptr.kind && reg.id === ptr.id && reg.range < range ? withRange(reg, range) : reg,
  );
}

/** The pointer is at (or beyond) the end: nothing behind it may be read, and comparing again is decided. */
function markAtEnd(state: State, regno: number, rangeOpen: boolean): void {
  const { regs } = state.frame;
  if (regs[regno].kind !== 'pkt') return;
  regs[regno] = withRange(regs[regno], rangeOpen ? BEYOND_PKT_END : AT_PKT_END);
}

/** For each comparison `pkt op end`: in which branch (jump or fall through) the bytes below pkt are proven, and how. */
const PACKET_RULES: Partial<Record<JmpOp, { provenOnJump: boolean; open: boolean }>> = {
  jgt: { provenOnJump: false, open: false },
  jlt: { provenOnJump: true, open: true },
  jge: { provenOnJump: false, open: true },
  jle: { provenOnJump: true, open: false },
};

function matchPackets(op: JumpOp, insn: Insn, dst: Reg, src: Reg, jump: State, fall: State): boolean {
  if (op.operand !== 'reg' || op.width !== 64) return false;
  const pktFirst = (dst.kind === 'pkt' && src.kind === 'pkt_end') || (dst.kind === 'pkt_meta' && isPlainPacket(src));
  const pktSecond = (src.kind === 'pkt' && dst.kind === 'pkt_end') || (src.kind === 'pkt_meta' && isPlainPacket(dst));
  if (!pktFirst && !pktSecond) return false;
  const rule = PACKET_RULES[pktFirst ? op.op : FLIPPED[op.op]];
  if (rule === undefined) return false;
  const [ptr, regno] = pktFirst ? [dst, insn.dst] : [src, insn.src];
  gainRange(rule.provenOnJump ? jump : fall, ptr, rule.open);
  markAtEnd(rule.provenOnJump ? fall : jump, regno, !rule.open);
  return true;
}

/** pkt_meta is compared with the packet's start. */
function isPlainPacket(r: Reg): boolean {
  return r.kind === 'pkt' && r.off === 0 && r.id === 0 && isZero(r.s);
}

function checkOperands(env: Env, op: JumpOp, insn: Insn): Reject | null {
  const unreadable = env.read(insn.dst);
  if (unreadable) return unreadable;
  const byRegister = op.operand === 'reg';
  if ((byRegister ? insn.imm : insn.src) !== 0) return invalid('BPF_JMP/JMP32 uses reserved fields');
  return byRegister ? env.read(insn.src) : null;
}

/** Pointers into the kernel may be NULL though no type says so. */
const MAYBE_NULL_ANYWAY: readonly RegKind[] = ['btf_id', 'untrusted_mem'];

/** Pointers that a comparison may lift the NULL doubt from: `valid == maybe` makes the second valid too. */
function liftNull(env: Env, op: JumpOp, insn: Insn, dst: Reg, src: Reg, jump: State, fall: State): void {
  if (op.width !== 64 || op.operand !== 'reg' || !isPointer(dst) || !isPointer(src)) return;
  if (dst.maybeNull === src.maybeNull || [dst, src].some((r) => MAYBE_NULL_ANYWAY.includes(r.kind))) return;
  const equal = op.op === 'jeq' ? jump : op.op === 'jne' ? fall : null;
  if (equal === null) return;
  const regno = dst.maybeNull ? insn.dst : insn.src;
  const { regs } = equal.frame;
  regs[regno] = withId(notNull(env, regs[regno]), regs[regno].id);
}

function follow(env: Env, insn: Insn, jumps: boolean): InsnIndex {
  return env.insnIdx + 1 + (jumps ? insn.off : 0);
}

/** The outcome would say something about an address. */
function compared(r: number): Reject {
  return denied(`R${r} pointer comparison prohibited`);
}

/** The jump at env.insnIdx. Returns where the current path goes on. */
export function conditionalJump(env: Env, op: JumpOp, insn: Insn): InsnIndex | Reject {
  const bad = checkOperands(env, op, insn);
  if (bad) return bad;
  const dst = env.reg(insn.dst);
  const src = op.operand === 'reg' ? env.reg(insn.src) : env.number(insn.imm);
  if (op.operand === 'reg' && env.hides(src) && !(isPacketAny(dst) && isPacketAny(src))) return compared(insn.src);
  const dstIsStack = dst.kind === 'fp';
  const srcIsStack = op.operand === 'reg' && src.kind === 'fp';
  if (dstIsStack || srcIsStack) env.rememberStackOperands(dstIsStack, srcIsStack);
  const outcome = decided(env, op, insn, dst, src);
  if (outcome !== undefined) {
    const reject =
      (isPointer(dst) ? null : markPrecise(env, insn.dst)) ??
      (op.operand === 'reg' && !isPointer(src) ? markPrecise(env, insn.src) : null);
    if (reject) return reject;
    env.facts.take(env.insnIdx, outcome ? 1 : 2);
    return guessBranch(env, insn, op.operand === 'reg', follow(env, insn, !outcome)) ?? follow(env, insn, outcome);
  }
  env.facts.take(env.insnIdx, 3);
  return fork(env, op, insn, dst, src);
}

function fork(env: Env, op: JumpOp, insn: Insn, dst: Reg, src: Reg): InsnIndex | Reject {
  const fall = env.state;
  const linked: LinkedReg[] = [];
  if (op.operand === 'reg' && src.kind === 'scalar') collectLinked(env, src.id, linked);
  if (dst.kind === 'scalar') collectLinked(env, dst.id, linked);
  if (linked.length > 1) env.rememberLinked(linked);
  const jump = env.push(follow(env, insn, true));
  if (jump === null) return tooManyBranches(env.pending.length);
  if (dst.kind === 'scalar' && src.kind === 'scalar') {
    const { holds, fails } = judged(env, op, insn, dst, src);
    refineScalars(jump, op, insn, src, holds);
    refineScalars(fall, op, insn, src, fails);
  }
  if (linked.length > 1) {
    for (const [regno, reg] of [
      [insn.src, op.operand === 'reg' ? src : null],
      [insn.dst, dst],
    ] as const) {
      if (reg === null || reg.kind !== 'scalar' || reg.id === 0) continue;
      syncLinked(env, fall, regno, linked);
      syncLinked(env, jump, regno, linked);
    }
  }
  liftNull(env, op, insn, dst, src, jump, fall);
  const nullTest = op.width === 64 && op.operand === 'imm' && insn.imm === 0 && (op.op === 'jeq' || op.op === 'jne');
  if (nullTest && dst.maybeNull) {
    markNull(env, fall, dst, op.op === 'jne');
    markNull(env, jump, dst, op.op === 'jeq');
  } else if (!matchPackets(op, insn, dst, src, jump, fall) && env.hides(dst)) {
    return compared(insn.dst);
  }
  return follow(env, insn, false);
}
