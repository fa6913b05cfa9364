// Arithmetic on pointers (kernel adjust_ptr_min_max_vals): constants go to the fixed offset, variables to the variable
// part; everything that could leave the allowed +-2^29 is refused.

import type { AluOp, Width } from '../isa/op.ts';
import type { Env } from './env.ts';
import { MAX_VAR_OFF } from './mem.ts';
import { copyReg, isPacket, kindText, type Reg, type RegKind, UNKNOWN_SCALAR } from './reg.ts';
import { denied, invalid, type Reject } from './reject.ts';
import { isConst, isEmpty, lowest, numberIn, S64_MIN, type Scalar, without32 } from './scalar.ts';
import { aluScalar } from './scalar_alu.ts';
import { afterMove, beforeMove, type Move } from './speculation.ts';
import { same } from './word.ts';

const MOVABLE: ReadonlySet<RegKind> = new Set([
  'ctx',
  'map_key',
  'map_value',
  'fp',
  'pkt',
  'pkt_meta',
  'mem',
  'ringbuf_mem',
  'func',
  'tp_buffer',
  'buf',
  'btf_id',
  'dynptr_ptr',
]);

/** Kernel's text of each operator. */
export const OPERATOR: Record<AluOp, string> = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  sdiv: '/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  mod: '%=',
  smod: '%=',
  xor: '^=',
  mov: '=',
  arsh: 's>>=',
};

/** Kernel check_reg_sane_offset. */
function checkSane(s: Scalar, off: number, name: string): Reject | null {
  if (isConst(s)) {
    const v = numberIn(s);
    if (v >= MAX_VAR_OFF || v <= -MAX_VAR_OFF) {
      return invalid(`math between ${name} pointer and ${BigInt.asIntN(64, s.var_off.value)} is not allowed`);
    }
  }
  if (off >= MAX_VAR_OFF || off <= -MAX_VAR_OFF) {
    return invalid(`${name} pointer offset ${off} is not allowed`);
  }
  const min = lowest(s);
  if (min < MAX_VAR_OFF && min > -MAX_VAR_OFF) return null;
  return s.smin === S64_MIN
    ? invalid(`math between ${name} pointer and register with unbounded min value is not allowed`)
    : invalid(`value ${s.smin} makes ${name} pointer be out of bounds`);
}

/** ptr op scalar. */
export function pointerAlu(env: Env, width: Width, ptr: Reg, move: Move): Reg | Reject {
  const { op, offset, scalarFirst } = move;
  const { dst } = move.insn;
  const { s } = offset;
  if (isEmpty(s) || (isConst(s) && !(same(s.sMin, s.sMax) && same(s.uMin, s.uMax)))) return UNKNOWN_SCALAR;
  if (width === 32) {
    return op === 'sub' && env.perfmon ? UNKNOWN_SCALAR : denied(`R${dst} 32-bit pointer arithmetic prohibited`);
  }
  const name = kindText(ptr);
  if (ptr.maybeNull) return denied(`R${dst} pointer arithmetic on ${name} prohibited, null-check it first`);
  // Loads through it can't fault, wherever it points: the register stays what it was.
  if (ptr.kind === 'untrusted_mem') return scalarFirst ? UNKNOWN_SCALAR : ptr;
  const known = isConst(s);
  const zeroAdd = ptr.kind === 'map_ptr' && known && lowest(s) === 0 && op === 'add';
  const fixedOnly = ptr.kind === 'flow_keys' && known;
  if (!MOVABLE.has(ptr.kind) && !zeroAdd && !fixedOnly)
    return denied(`R${dst} pointer arithmetic on ${name} prohibited`);
  // A linked number has an offset, too: how far it is from the other one.
  const insane = checkSane(s, offset.off, name) ?? checkSane(ptr.s, ptr.off, name);
  if (insane) return insane;
  const window = beforeMove(env, ptr, move);
  if (window !== null && 'message' in window) return window;
  if (op !== 'add' && op !== 'sub') {
    const bitwise = op === 'and' || op === 'or' || op === 'xor';
    return denied(
      bitwise
        ? `R${dst} bitwise operator ${OPERATOR[op]} on pointer prohibited`
        : `R${dst} pointer arithmetic with ${OPERATOR[op]} operator prohibited`,
    );
  }
  if (op === 'sub') {
    if (scalarFirst) return denied(`R${dst} tried to subtract pointer from scalar`);
    if (ptr.kind === 'fp') return denied(`R${dst} subtraction from stack pointer prohibited`);
  }
  const result = moved(env, op, ptr, s, known);
  return checkSane(result.s, result.off, name) ?? afterMove(env, result, window, move) ?? result;
}

function moved(env: Env, op: 'add' | 'sub', ptr: Reg, s: Scalar, known: boolean): Reg {
  const fixed = op === 'add' ? ptr.off + lowest(s) : ptr.off - lowest(s);
  const next = copyReg(ptr);
  if (known && fixed === (fixed | 0)) {
    next.off = fixed;
    next.s = without32(ptr.s);
    return next;
  }
  const { moved, insnIdx } = env;
  const sum = moved.get(insnIdx, ptr.s, s) ?? moved.put(insnIdx, ptr.s, s, without32(aluScalar(op, 64, ptr.s, s)));
  next.s = sum;
  if (!isPacket(ptr)) return next;
  // A new variable part makes a new base; what was proven stays true only when the pointer moved down.
  const keeps = op === 'sub' && lowest(s) >= 0;
  next.id = env.newId();
  if (!keeps) next.range = 0;
  return next;
}
