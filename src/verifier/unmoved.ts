// Pointers that must not have moved, or not by more than a constant, where they are used or handed on.

import { FLAG, kindText, type Reg, type RegKind } from './reg.ts';
import { denied, invalid, type Reject } from './reject.ts';
import { isZero } from './scalar.ts';
import { tnumText } from './tnum.ts';

/** A pointer that must be used as it came; `fixedOk`: but for a constant (kernel __check_ptr_off_reg). */
export function checkUnmodified(regno: number, ptr: Reg, fixedOk = false): Reject | null {
  const name = kindText(ptr);
  if (ptr.off < 0) return denied(`negative offset ${name} ptr R${regno} off=${ptr.off} disallowed`);
  if (ptr.off !== 0 && !fixedOk)
    return denied(`dereference of modified ${name} ptr R${regno} off=${ptr.off} disallowed`);
  if (!isZero(ptr.s)) {
    return denied(`variable ${name} access var_off=${tnumText(ptr.s.var_off)} disallowed`);
  }
  return null;
}

/** Pointers that may have moved when they are handed to a function; one to a structure by a constant. */
const MOVED: ReadonlySet<RegKind> = new Set<RegKind>([
  'fp',
  'pkt',
  'pkt_meta',
  'map_key',
  'map_value',
  'mem',
  'ringbuf_mem',
  'buf',
  'arena',
  'scalar',
]);

/** An argument as it comes to a function; what is given back must be as it was got (kernel check_func_arg_reg_off). */
export function checkRegOff(regno: number, reg: Reg, isReleased = false): Reject | null {
  if (isReleased && reg.off !== 0) {
    return invalid(`R${regno} must have zero offset when passed to release func or trusted arg to kfunc`);
  }
  if (reg.kind === 'not_init') {
    return denied(`variable ? access var_off=(0x0; 0xffffffffffffffff) disallowed`);
  }
  if (isReleased) return checkUnmodified(regno, reg);
  if (MOVED.has(reg.kind) && !reg.maybeNull) return null;
  return checkUnmodified(regno, reg, reg.kind === 'btf_id' && !reg.maybeNull && (reg.flags & FLAG.untrusted) === 0);
}
