// The kernel's classic verifier log: a list of lines that can be cut back when a path turned out fine (level 1 keeps the
// path that failed, level 2 everything), and the text of registers, stack and states as Linux 6.18 prints them:
//
//   5: (0f) r1 += r0                      ; R0=scalar(smin=smin32=0,smax=umax=8,var_off=(0x0; 0x8)) R1=fp-16
//   from 1 to 5: R0=0 R10=fp0 fp-8=mmmmmmmm

import { FLAG, isPacket, kindText, type Reg, type RegKind } from './reg.ts';
import { S32_MAX, S32_MIN, S64_MAX, S64_MIN, type Scalar, U32_MAX } from './scalar.ts';
import { byteType, type Frame, isObject, isSpill, SLOT, type Slot, type SlotType, type State } from './state.ts';
import { tnumText, U64_MAX } from './tnum.ts';

/** Lines that are kept; of a longer log the older half goes, as the kernel's log buffer keeps the end. */
const MAX_CHUNKS = 100_000;

/** Characters that are kept, the end of a longer log: as many as libbpf's own buffer takes. */
export const MAX_LENGTH = 1 << 24;

/** A piece of the log, or what makes it: of long logs most is gone before anybody reads it. A number is a step's place. */
type Chunk = string | (() => string) | number;

/** What a step of backtracking is put into words from. */
const STEP_WORDS = 5;
export type StepText = (frame: number, regs: number, low: number, high: number, at: number) => string;

export class Log {
  readonly level: 0 | 1 | 2;
  readonly #chunks: Chunk[] = [];
  /** Chunks that count: the array never shrinks, so that dropping the older half is a move in place. */
  #count = 0;
  /** Chunks that are gone from the front: positions count them. */
  #dropped = 0;
  /** Steps of backtracking come by the hundred million: numbers in a ring with room for as many as there are chunks. */
  #steps: Int32Array | null = null;
  #step = 0;
  #stepText: StepText = () => '';

  constructor(level: 0 | 1 | 2) {
    this.level = level;
  }
  get on(): boolean {
    return this.level > 0;
  }
  get position(): number {
    return this.#dropped + this.#count;
  }
  /** Forgets everything behind `position`, unless the level keeps all. */
  cut(position: number): void {
    if (this.level === 2) return;
    this.#count = Math.min(this.#count, Math.max(position - this.#dropped, 0));
  }
  line(text: string): void {
    this.#push(`${text}\n`);
  }
  /** A line that is made when the log is read: `make` must not look at what changes. */
  later(make: () => string): void {
    this.#push(() => `${make()}\n`);
  }
  /** A step of backtracking; `text` is the same for all. */
  step(text: StepText, frame: number, regs: number, low: number, high: number, at: number): void {
    this.#steps ??= new Int32Array(STEP_WORDS * (MAX_CHUNKS + 1));
    this.#stepText = text;
    const place = STEP_WORDS * this.#step;
    this.#steps[place] = frame;
    this.#steps[place + 1] = regs;
    this.#steps[place + 2] = low;
    this.#steps[place + 3] = high;
    this.#steps[place + 4] = at;
    this.#push(place);
    this.#step = this.#step === MAX_CHUNKS ? 0 : this.#step + 1;
  }
  #textOf(chunk: Chunk): string {
    if (typeof chunk === 'string') return chunk;
    if (typeof chunk === 'function') return chunk();
    const [frame, regs, low, high, at] = this.#steps!.subarray(chunk, chunk + STEP_WORDS);
    return `${this.#stepText(frame, regs, low, high, at)}\n`;
  }
  #push(chunk: Chunk): void {
    const chunks = this.#chunks;
    chunks[this.#count++] = chunk;
    if (this.#count <= MAX_CHUNKS) return;
    const half = MAX_CHUNKS / 2;
    this.#count -= half;
    this.#dropped += half;
    for (let i = 0; i < this.#count; i++) chunks[i] = chunks[i + half];
  }
  /**
   * Puts a state behind the instruction that is the last line. Its text stays a chunk of its own: a path that was pushed
   * at this instruction is cut back to it, and goes on in the same line (as in the kernel). When lines were written since
   * `position`, the state gets a line with the number `at`.
   */
  beside(state: () => string, position: number, at: number): void {
    if (this.position !== position) {
      this.later(() => `${at}:${state()}`);
      return;
    }
    const last = this.#count > 0 ? this.#chunks[--this.#count] : '\n';
    const insn = () => this.#textOf(last).slice(0, -1);
    this.#push(() => `${insn()} `);
    this.#push(() => {
      const { length } = insn();
      return `${' '.repeat(stateColumn(length) - length - 1)};${state()}\n`;
    });
  }
  text(): string {
    const texts: string[] = [];
    let length = 0;
    for (let i = this.#count - 1; i >= 0; i--) {
      const text = this.#textOf(this.#chunks[i]);
      length += text.length;
      if (length > MAX_LENGTH) break;
      texts.push(text);
    }
    return texts.reverse().join('');
  }
}

/** Column of the state behind an instruction's line of this length (kernel vlog_alignment). */
function stateColumn(length: number): number {
  return Math.ceil(Math.max(length + 5, 40) / 8) * 8 - 2;
}

const S16_MIN = -32768n;
const S16_MAX = 32767n;
const U16_MAX = 65535n;

/** Small numbers in decimal, others in hex (kernel verbose_snum). */
function snum(x: bigint): string {
  return x >= S16_MIN && x <= S16_MAX ? x.toString() : `0x${BigInt.asUintN(64, x).toString(16)}`;
}
function unum(x: bigint): string {
  return x <= U16_MAX ? x.toString() : `0x${x.toString(16)}`;
}
function snum32(x: number): string {
  return x >= -32768 && x <= 32767 ? String(x) : `0x${(x >>> 0).toString(16)}`;
}

/** A negative 32-bit bound joins 64-bit ones by how it is printed: decimals sign-extended, hex zero-extended. */
function key32(x: number): bigint {
  return x >= -32768 && x <= 32767 ? BigInt.asUintN(64, BigInt(x)) : BigInt(x >>> 0);
}

interface Bound {
  readonly name: string;
  readonly text: string;
  /** Bounds whose key is equal join: `smin=umin=4`. */
  readonly key: bigint;
  readonly omit: boolean;
}

/** A negative number and an unsigned one of the same bits are two. */
function sameBound(a: Bound, b: Bound): boolean {
  const negative = (x: Bound) => x.name.startsWith('s') && x.key >> 63n === 1n;
  return a.key === b.key && negative(a) === negative(b);
}

/** The ranges that say something; bounds of equal value are joined behind one number. */
function rangesText(s: Scalar): string[] {
  const bounds: Bound[] = [
    { name: 'smin', key: BigInt.asUintN(64, s.smin), text: snum(s.smin), omit: s.smin === S64_MIN },
    { name: 'smax', key: BigInt.asUintN(64, s.smax), text: snum(s.smax), omit: s.smax === S64_MAX },
    { name: 'umin', key: s.umin, text: unum(s.umin), omit: s.umin === 0n },
    { name: 'umax', key: s.umax, text: unum(s.umax), omit: s.umax === U64_MAX },
    { name: 'smin32', key: key32(s.s32_min), text: snum32(s.s32_min), omit: s.s32_min === S32_MIN },
    { name: 'smax32', key: key32(s.s32_max), text: snum32(s.s32_max), omit: s.s32_max === S32_MAX },
    { name: 'umin32', key: BigInt(s.u32_min), text: unum(BigInt(s.u32_min)), omit: s.u32_min === 0 },
    { name: 'umax32', key: BigInt(s.u32_max), text: unum(BigInt(s.u32_max)), omit: s.u32_max === U32_MAX },
  ];
  const out: string[] = [];
  const done = new Set<string>();
  for (const b of bounds) {
    if (b.omit || done.has(b.name)) continue;
    // Only minima join minima and maxima maxima.
    const same = bounds.filter(
      (o) => !o.omit && !done.has(o.name) && o.name.slice(1, 4) === b.name.slice(1, 4) && sameBound(o, b),
    );
    for (const o of same) done.add(o.name);
    out.push(`${same.map((o) => o.name).join('=')}=${b.text}`);
  }
  return out;
}

function tnumPart(s: Scalar): string[] {
  return s.var_off.mask === 0n || s.var_off.mask === U64_MAX ? [] : [`var_off=${tnumText(s.var_off)}`];
}

function scalarText(reg: Reg): string {
  const p = reg.precise ? 'P' : '';
  if (reg.s.var_off.mask === 0n) return p + snum(BigInt.asIntN(64, reg.s.var_off.value));
  const parts: string[] = [];
  if (reg.id !== 0) parts.push(`id=${reg.id}${reg.addConst ? (reg.off >= 0 ? '+' : '') + reg.off : ''}`);
  parts.push(...rangesText(reg.s), ...tnumPart(reg.s));
  return `${p}scalar(${parts.join(',')})`;
}

/** Memory whose size the register says (kernel PTR_TO_MEM). */
const SIZED: ReadonlySet<RegKind> = new Set<RegKind>(['mem', 'ringbuf_mem', 'untrusted_mem']);

const SHOWS_MAP: readonly RegKind[] = ['map_ptr', 'map_key', 'map_value'];

/** A register as the log prints it. `mapText` describes maps: name, key and value size. */
export function regText(reg: Reg, frameno: number, mapText: (map: number) => string): string {
  if (reg.kind === 'not_init') return '?';
  if (reg.kind === 'scalar') return scalarText(reg);
  if (reg.kind === 'arena') return reg.kind;
  const constant = reg.s.var_off.mask === 0n;
  // Pointers into another frame say which.
  const name = reg.kind === 'fp' && reg.frame !== frameno ? `fp[${reg.frame}]` : kindText(reg) + reg.btf;
  if (reg.kind === 'fp' && constant) {
    return `${name}${snum(BigInt(reg.off) + BigInt.asIntN(64, reg.s.var_off.value))}`;
  }
  const parts: string[] = [];
  if (reg.id !== 0) parts.push(`id=${reg.id}`);
  if (reg.refObjId !== 0) parts.push(`ref_obj_id=${reg.refObjId}`);
  if ((reg.flags & FLAG.nonOwning) !== 0) parts.push('non_own_ref');
  if (reg.map >= 0 && SHOWS_MAP.includes(reg.kind)) parts.push(mapText(reg.map));
  if (reg.off !== 0) parts.push(`off=${snum(BigInt(reg.off))}`);
  if (isPacket(reg)) parts.push(`r=${unum(BigInt.asUintN(64, BigInt(reg.range)))}`);
  if (SIZED.has(reg.kind)) parts.push(`sz=${reg.size}`);
  if (reg.kind === 'dynptr_ptr') parts.push(`type=${reg.object?.type}`);
  if (constant) {
    const v = BigInt.asIntN(64, reg.s.var_off.value);
    if (v !== 0n) parts.push(`imm=${snum(v)}`);
  } else {
    parts.push(...rangesText(reg.s), ...tnumPart(reg.s));
  }
  return `${name}(${parts.join(',')})`;
}

const SLOT_CHAR: Record<SlotType, string> = {
  [SLOT.invalid]: '?',
  [SLOT.spill]: 'r',
  [SLOT.misc]: 'm',
  [SLOT.zero]: '0',
  [SLOT.dynptr]: 'd',
  [SLOT.iter]: 'i',
  [SLOT.irq_flag]: 'f',
};

function slotText(slot: Slot, spi: number, frameno: number, mapText: (map: number) => string): string {
  const bytes: SlotType[] = [];
  for (let i = 0; i < 8; i++) bytes.push(byteType(slot, i));
  const at = `fp${-8 * (spi + 1)}`;
  if (isObject(slot) && slot.reg.object?.kind !== 'irq_flag') return objectText(at, slot);
  if (!isSpill(slot)) return `${at}=${bytes.map((b) => SLOT_CHAR[b]).join('')}`;
  const head = bytes.map((b) => (b === SLOT.spill ? '' : SLOT_CHAR[b])).join('');
  return `${at}=${head}${regText(slot.reg, frameno, mapText)}`;
}

function startsObject({ reg: { object, refObjId } }: Slot): boolean {
  return object?.kind === 'dynptr' ? object.first : refObjId !== 0;
}

/** The object that starts in this slot. */
function objectText(at: string, { reg }: Slot): string {
  const { object, id, refObjId } = reg;
  if (object?.kind === 'iter') {
    const state = object.active ? 'active' : 'drained';
    return `${at}=iter_${object.type}(ref_id=${refObjId},state=${state},depth=${object.depth})`;
  }
  const ids = [`id=${id}`, ...(refObjId === 0 ? [] : [`ref_id=${refObjId}`]), 'dynptr_id=1'];
  return `${at}=dynptr_${object!.type}(${ids.join(',')})`;
}

/** References and locks that are held, and whether a helper called the function. */
function heldText(held: State['held'], frame: Frame): string {
  const ids = held.map((h) => h.id);
  const refs = ids.length > 0 && ids[0] !== 0 ? ` refs=${ids.filter((id) => id !== 0).join(',')}` : '';
  return refs + (frame.isCallback ? ' cb' : '') + (frame.async === null ? '' : ' async_cb');
}

/** Registers and slots of a frame: those in the masks, or every one that holds something. */
export function frameText(
  held: State['held'],
  frame: Frame,
  mapText: (map: number) => string,
  only: { readonly regs: number; readonly slots: readonly [number, number] } | null,
): string {
  const parts: string[] = [];
  if (frame.frameno > 0) parts.push(` frame${frame.frameno}:`);
  frame.regs.forEach((reg, i) => {
    if (reg.kind === 'not_init' || (only && (only.regs & (1 << i)) === 0)) return;
    parts.push(` R${i}=${regText(reg, frame.frameno, mapText)}`);
  });
  frame.stack.forEach((slot, spi) => {
    if (slot.types === 0 || (only && (only.slots[spi >> 5] & (1 << (spi & 31))) === 0)) return;
    if (isObject(slot) && !startsObject(slot)) return;
    parts.push(` ${slotText(slot, spi, frame.frameno, mapText)}`);
  });
  parts.push(heldText(held, frame));
  return parts.join('');
}

export function stateText(state: State, mapText: (map: number) => string): string {
  return frameText(state.held, state.frame, mapText, null);
}
