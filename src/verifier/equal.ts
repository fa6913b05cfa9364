// Does an old state cover the current one: is everything the program could do from here already explored from there
// (kernel states_equal, regsafe, stacksafe)? Ids are compared up to renaming.

import type { Env } from './env.ts';
import { type Reg, type StackObject, UNKNOWN_SCALAR } from './reg.ts';
import { rangesContain, type Scalar, sameScalar } from './scalar.ts';
import {
  allBytes,
  byteType,
  EMPTY_SLOT,
  type Frame,
  frameInsn,
  isFullScalarSpill,
  isObject,
  isSpill,
  SLOT,
  type Slot,
  type State,
} from './state.ts';
import { tnumIn } from './tnum.ts';

/**
 * not_exact: scalars that decided nothing do not count; range_within: every scalar must lie in the old range;
 * exact: nothing may differ (to find endless loops).
 */
export type Exactness = 'not_exact' | 'range_within' | 'exact';

/** Renaming of ids from the old state to the current one, one to one. */
export class IdMap {
  /** Pairs, few of them: a search beats a table. */
  readonly #old: number[] = [];
  readonly #cur: number[] = [];
  #count = 0;
  #fresh = -1;

  clear(): void {
    this.#count = 0;
    this.#fresh = -1;
  }

  match(old: number, cur: number): boolean {
    if ((old === 0) !== (cur === 0)) return false;
    if (old === 0) return true;
    for (let i = 0; i < this.#count; i++) {
      if (this.#old[i] === old) return this.#cur[i] === cur;
      if (this.#cur[i] === cur) return false;
    }
    this.#old[this.#count] = old;
    this.#cur[this.#count++] = cur;
    return true;
  }
  /** What holds for independent scalars holds for linked ones. Those without an id count as having one nobody else has. */
  matchScalar(old: number, cur: number): boolean {
    return old === 0 || this.match(old, cur === 0 ? this.#fresh-- : cur);
  }
}

function covers(old: Scalar, cur: Scalar): boolean {
  return old === cur || (rangesContain(old, cur) && tnumIn(old.var_off, cur.var_off));
}

function sameObject(a: StackObject | null, b: StackObject | null): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.type !== b.type) return false;
  if (a.kind === 'dynptr') return b.kind === 'dynptr' && a.first === b.first;
  // How often it gave an element makes no difference.
  return a.kind === 'iter' && b.kind === 'iter' ? a.active === b.active : a.kind === b.kind;
}

/** Slots of objects. Linux forgets whether what an iterator gives is still protected by RCU: that is in `flags`. */
function sameObjects(old: Reg, cur: Reg, ids: IdMap): boolean {
  return old.flags === cur.flags && sameObject(old.object, cur.object) && ids.match(old.refObjId, cur.refObjId);
}

/** Same fields, ids and frames aside. (Which dynptr a slice is of is no id that could be another one: it compares as it is.) */
function sameTarget(a: Reg, b: Reg): boolean {
  return (
    a.kind === b.kind &&
    a.flags === b.flags &&
    a.maybeNull === b.maybeNull &&
    a.off === b.off &&
    a.map === b.map &&
    a.mapUid === b.mapUid &&
    a.range === b.range &&
    a.size === b.size &&
    a.btf === b.btf &&
    a.dynptr === b.dynptr &&
    sameObject(a.object, b.object)
  );
}

function sameFields(a: Reg, b: Reg): boolean {
  return a.frame === b.frame && sameTarget(a, b);
}

function sameIds(old: Reg, cur: Reg, ids: IdMap): boolean {
  return ids.match(old.id, cur.id) && ids.match(old.refObjId, cur.refObjId);
}

function sameLink(old: Reg, cur: Reg): boolean {
  return old.addConst === cur.addConst && (!old.addConst || old.wrap === cur.wrap);
}

export function regsExact(old: Reg, cur: Reg, ids: IdMap): boolean {
  return sameFields(old, cur) && sameScalar(old.s, cur.s) && sameLink(old, cur) && sameIds(old, cur, ids);
}

function regSafe(old: Reg, cur: Reg, ids: IdMap, exact: Exactness, sameNumbers: boolean): boolean {
  if (exact === 'exact') return regsExact(old, cur, ids);
  // The old paths can't have used it. Where not all of them are known yet, it must hold nothing now, too.
  if (old.kind === 'not_init' && (exact === 'not_exact' || cur.kind === 'not_init')) return true;
  if (old.kind !== cur.kind || old.maybeNull !== cur.maybeNull || old.flags !== cur.flags) return false;
  switch (old.kind) {
    case 'scalar':
      if (sameNumbers) return sameScalar(old.s, cur.s) && sameFields(old, cur) && ids.matchScalar(old.id, cur.id);
      if (!old.precise && exact === 'not_exact') return true;
      if (old.id !== 0 && (!sameLink(old, cur) || (old.addConst && old.off !== cur.off))) return false;
      return ids.matchScalar(old.id, cur.id) && covers(old.s, cur.s);
    case 'map_key':
    case 'map_value':
    case 'mem':
    case 'ringbuf_mem':
      return sameFields(old, cur) && covers(old.s, cur.s) && sameIds(old, cur, ids);
    case 'pkt':
    case 'pkt_meta':
      if (old.range < 0 || cur.range < 0 ? old.range !== cur.range : old.range > cur.range) return false;
      return old.off === cur.off && ids.match(old.id, cur.id) && covers(old.s, cur.s);
    case 'arena':
      return true;
    default:
      return regsExact(old, cur, ids);
  }
}

const MISC = allBytes(SLOT.misc);

/** A slot as one scalar, when a full load from it would give one: a spill, or bytes of which nothing is known. */
function slotScalar(env: Env, slot: Slot): Reg | null {
  if (isFullScalarSpill(slot)) return slot.reg;
  if (slot.types === 0) return null;
  return slot.types === MISC || (env.allowUninitStack && onlyMisc(slot.types)) ? UNKNOWN_SCALAR : null;
}

/** Every byte that was written is misc: one bit, so four bits without any other are misc or nothing. */
function onlyMisc(types: number): boolean {
  return (types & ~MISC) === 0;
}

function slotSafe(env: Env, old: Slot, cur: Slot, ids: IdMap, exact: Exactness): boolean {
  if (exact !== 'not_exact' && old.types !== cur.types) return false;
  const anyUnwritten = env.allowUninitStack && exact === 'not_exact';
  const oldScalar = slotScalar(env, old);
  const curScalar = cur.types === 0 && anyUnwritten ? UNKNOWN_SCALAR : slotScalar(env, cur);
  if (oldScalar && curScalar) return regSafe(oldScalar, curScalar, ids, exact, env.speculation.exact);
  if (old.types !== cur.types && !bytesSafe(old, cur, exact, anyUnwritten)) return false;
  if (isObject(old)) return sameObjects(old.reg, cur.reg, ids);
  return !isSpill(old) || regSafe(old.reg, cur.reg, ids, exact, env.speculation.exact);
}

function bytesSafe(old: Slot, cur: Slot, exact: Exactness, anyUnwritten: boolean): boolean {
  for (let i = 0; i < 8; i++) {
    const o = byteType(old, i);
    const c = byteType(cur, i);
    if (o === SLOT.invalid || (o === SLOT.misc && anyUnwritten)) continue;
    // What was safe with any byte is safe with a zero; not so the other way round.
    if (o === SLOT.misc && c === SLOT.zero && exact === 'not_exact') continue;
    if (o !== c) return false;
  }
  return true;
}

/** Whoever reads such a slot got unknown bytes before, too. */
function promisesNothing(env: Env, { types }: Slot): boolean {
  return types === 0 || (env.allowUninitStack && onlyMisc(types));
}

function stackSafe(env: Env, old: Frame, cur: Frame, ids: IdMap, exact: Exactness): boolean {
  if (exact !== 'not_exact' && old.stack.length > cur.stack.length) return false;
  for (let spi = 0; spi < old.stack.length; spi++) {
    const o = old.stack[spi];
    const c = cur.stack[spi] ?? EMPTY_SLOT;
    if (o === c && namesNothing(o.reg)) continue;
    if (exact === 'not_exact') {
      if (promisesNothing(env, o)) continue;
      // The old path used more stack than the current one ever touched.
      if (spi >= cur.stack.length) return false;
    }
    if (!slotSafe(env, o, c, ids, exact)) return false;
  }
  return true;
}

/** Has no id: nothing to be renamed, so it covers itself. */
function namesNothing(reg: Reg): boolean {
  return reg.id === 0 && reg.refObjId === 0;
}

/** The same references and locks are held, in the same order, in the same sections (kernel refsafe). */
function heldSafe(old: State, cur: State, ids: IdMap): boolean {
  if (old.rcuLocked !== cur.rcuLocked || old.preemptLocks !== cur.preemptLocks) return false;
  if (old.held.length !== cur.held.length) return false;
  for (let i = 0; i < old.held.length; i++) {
    const h = old.held[i];
    const c = cur.held[i];
    if (h.kind !== c.kind || h.map !== c.map || !ids.match(h.id, c.id)) return false;
  }
  return true;
}

const ids = new IdMap();

/** Whether the old state covers the current one. */
export function statesEqual(env: Env, old: State, cur: State, how: Exactness): boolean {
  // Where tracing was given up nobody knows what decided something: everything did.
  const exact = how === 'not_exact' && env.allPrecise ? 'range_within' : how;
  if (old.frames.length !== cur.frames.length || (old.speculative && !cur.speculative)) return false;
  if (old.inSleepable !== cur.inSleepable) return false;
  ids.clear();
  if (!heldSafe(old, cur, ids)) return false;
  for (let f = 0; f < old.frames.length; f++) {
    const a = old.frames[f];
    const b = cur.frames[f];
    if (a.callsite !== b.callsite || a.callbackDepth > b.callbackDepth) return false;
    const live = env.live[frameInsn(cur, f)];
    for (let r = 0; r < 10; r++) {
      if ((live & (1 << r)) === 0) continue;
      const o = a.regs[r];
      const c = b.regs[r];
      if (o === c && namesNothing(o)) continue;
      if (!regSafe(o, c, ids, exact, env.speculation.exact)) return false;
    }
    if (!stackSafe(env, a, b, ids, exact)) return false;
  }
  return true;
}

/**
 * Whether all registers, dead ones too, hold the very same, to the ids: otherwise the path makes progress, as far as the
 * search for endless loops goes (kernel states_maybe_looping compares bytes up to `frameno`).
 */
export function sameRegisters(old: State, cur: State): boolean {
  if (old.frames.length !== cur.frames.length) return false;
  const a = old.frame.regs;
  const b = cur.frame.regs;
  for (let r = 0; r < 10; r++) if (a[r] !== b[r] && !sameRegister(a[r], b[r])) return false;
  return true;
}

function sameRegister(a: Reg, b: Reg): boolean {
  return a.id === b.id && a.refObjId === b.refObjId && sameTarget(a, b) && sameLink(a, b) && sameScalar(a.s, b.s);
}
