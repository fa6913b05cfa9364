// What the parts of one verification share: the program, counters, the log, and what is proven on the way.
// The search owns `state`; steps change it and say no with a Reject.

import type { InsnIndex } from '../isa/insn.ts';
import { type CtxRow, ctxOf } from '../spec/ctx.ts';
import { COMMON_TYPES, type KernelTypes } from '../spec/kernel_struct.ts';
import { attachTypeOf, type ProgTypeRow, progTypeById } from '../spec/prog_types.ts';
import { PROG_FLAGS } from '../uapi/prog_flags.ts';
import { hasArena } from './arena.ts';
import type { Judgement } from './branch.ts';
import type { Cfg } from './cfg.ts';
import { FactRecorder } from './facts.ts';
import type { Graph } from './graph.ts';
import { effectiveFields } from './kptr.ts';
import type { Log } from './log.ts';
import { Memo } from './memo.ts';
import { isGplCompatible, type Prog } from './program.ts';
import { constReg, makeReg, NOT_INIT, type Reg, type RegKind, UNKNOWN_SCALAR } from './reg.ts';
import { denied, invalid, type Reject } from './reject.ts';
import type { Scalar } from './scalar.ts';
import { Speculation } from './speculation.ts';
import { StackLiveness } from './stack_live.ts';
import { type Frame, type HistoryEntry, type LinkedReg, type State, sameCalls } from './state.ts';
import type { MapDef } from './verified.ts';

export interface VerifyOptions {
  /** 0: errors only; 1: the path that failed; 2: everything. */
  readonly logLevel?: 0 | 1 | 2;
  /** Number of possible CPUs: bpf_get_smp_processor_id is below it. */
  readonly cpus?: number;
  /** What is known of the kernel, beyond maps, sockets and kfuncs: readKernelTypes() of /sys/kernel/btf/vmlinux. */
  readonly kernelTypes?: KernelTypes;
  /** false: only the verdict is wanted; `verified.facts` is null, and engines then rely on nothing. */
  readonly facts?: boolean;
  /** Off: no pruning (exponential; for tests of small programs). */
  readonly prune?: boolean;
  /**
   * false: as Linux verifies for a loader that has CAP_BPF and CAP_NET_ADMIN, but not CAP_PERFMON (and made the maps):
   * pointers must not leak, and what a CPU may guess is checked too.
   */
  readonly perfmon?: boolean;
  /** false: bytes of stack that nobody wrote must not be read. Default: as `perfmon`. */
  readonly allowUninitStack?: boolean;
  /**
   * Sees every state that pruning may compare with, as it is kept (later cleaning and precision marks show in it); with
   * `prune: false` every state before its instruction. `pending`: paths that wait, newest last. For tests that compare
   * states with what really happens.
   */
  readonly onState?: (insn: InsnIndex, state: State, pending: number, live: StackLiveness) => void;
  /** With pruning: a path has ended, and what it read is known. */
  readonly onPathEnd?: () => void;
}

/** A path that waits to be explored. */
export interface Pending {
  readonly state: State;
  readonly insnIdx: InsnIndex;
  readonly prevInsnIdx: InsnIndex;
  readonly logPos: number;
}

export class Env {
  readonly prog: Prog;
  readonly cfg: Cfg;
  readonly graph: Graph;
  /** Live registers before each slot. */
  readonly live: Uint16Array;
  /** Live stack slots. */
  readonly stackLive: StackLiveness;
  readonly type: ProgTypeRow;
  /** Expected attach type. */
  readonly attach: number;
  readonly ctx: CtxRow | null;
  readonly log: Log;
  /** What is proven; guessed paths prove nothing. */
  readonly proven: FactRecorder;
  readonly #guessed: FactRecorder;
  get facts(): FactRecorder {
    return this.state.speculative ? this.#guessed : this.proven;
  }
  readonly cpus: number;
  readonly kernelTypes: KernelTypes;
  readonly prune: boolean;
  readonly allowUninitStack: boolean;
  readonly perfmon: boolean;
  readonly speculation = new Speculation();
  readonly hasArena: boolean;
  readonly strictAlignment: boolean;
  readonly testStateFreq: boolean;
  readonly gpl: boolean;
  readonly onState: VerifyOptions['onState'];
  readonly onPathEnd: VerifyOptions['onPathEnd'];

  state: State;
  insnIdx: InsnIndex = 0;
  prevInsnIdx: InsnIndex = -1;
  readonly pending: Pending[] = [];
  /** History entry that the current instruction made, if any. */
  current: HistoryEntry | null = null;
  #idGen = 0;

  processed = 0;
  jmpsProcessed = 0;
  prevProcessed = 0;
  prevJmpsProcessed = 0;
  totalStates = 0;
  peakStates = 0;
  keptStates = 0;
  maxStatesPerInsn = 0;
  /** Kind of pointer that each load and store went through. */
  readonly pointerKind = new Map<InsnIndex, RegKind>();
  /** Calls of bpf_loop: the one function they call with flags 0; -1 = none. */
  readonly inlined = new Map<InsnIndex, InsnIndex>();
  /** Global functions that some path calls. */
  readonly calledGlobals = new Set<number>();
  /** Functions that run later. */
  readonly asyncCallbacks = new Set<number>();
  /** Functions that helpers call, now or later. */
  readonly callbacks = new Set<number>();
  /** Static functions whose arguments do not fit their BTF: said once. */
  readonly mistyped = new Set<number>();
  /** Bytes of stack per subprogram. */
  readonly stackDepth: number[];

  constructor(prog: Prog, cfg: Cfg, graph: Graph, live: Uint16Array, initial: State, log: Log, options: VerifyOptions) {
    this.prog = prog;
    this.cfg = cfg;
    this.graph = graph;
    this.live = live;
    this.stackLive = new StackLiveness(prog, graph, cfg, log);
    this.type = progTypeById(prog.input.type)!;
    this.attach = attachTypeOf(this.type, prog.input.expectedAttachType);
    this.ctx = ctxOf(this.type.id, this.attach);
    this.log = log;
    this.hasArena = hasArena(prog.input);
    this.proven = new FactRecorder(prog.insns.length, options.facts ?? true, this.hasArena);
    this.#guessed = new FactRecorder(prog.insns.length, false, false);
    this.cpus = options.cpus ?? 1;
    this.kernelTypes = options.kernelTypes ?? COMMON_TYPES;
    this.prune = options.prune ?? true;
    this.perfmon = options.perfmon ?? true;
    this.allowUninitStack = options.allowUninitStack ?? this.perfmon;
    const { flags } = prog.input;
    this.strictAlignment =
      (flags & PROG_FLAGS.BPF_F_STRICT_ALIGNMENT) !== 0 && (flags & PROG_FLAGS.BPF_F_ANY_ALIGNMENT) === 0;
    this.testStateFreq = (flags & PROG_FLAGS.BPF_F_TEST_STATE_FREQ) !== 0;
    this.onState = options.onState;
    this.onPathEnd = options.onPathEnd;
    this.gpl = isGplCompatible(prog.input.license);
    this.state = initial;
    this.stackDepth = prog.subprogs.map(() => 0);
    this.#maps = [...prog.input.maps];
    for (const { inner } of prog.input.maps) if (inner !== undefined) this.#maps.push(inner);
    this.#given = [...this.#maps];
    this.#maps.forEach((map, i) => {
      const specialFields = effectiveFields(this.kernelTypes, map.specialFields);
      if (specialFields !== map.specialFields) this.#maps[i] = { ...map, specialFields };
    });
  }

  /** What arithmetic on numbers, that on pointers, loads and comparisons gave before. */
  readonly computed = new Memo<Scalar, Scalar>();
  readonly moved = new Memo<Scalar, Scalar>();
  readonly loaded = new Memo<Reg, Reg>();
  readonly judged = new Memo<Scalar, Judgement>();
  readonly #numbers = new Map<number, Reg>();
  /** The register that holds this number: one object for each. */
  number(n: number): Reg {
    let reg = this.#numbers.get(n);
    if (reg === undefined) this.#numbers.set(n, (reg = constReg(BigInt.asUintN(64, BigInt(n)))));
    return reg;
  }

  get sleepable(): boolean {
    return this.state.inSleepable;
  }
  newId(): number {
    return ++this.#idGen;
  }
  get idGen(): number {
    return this.#idGen;
  }
  get frame(): Frame {
    return this.state.frame;
  }
  reg(r: number): Reg {
    return this.state.frame.regs[r];
  }
  setReg(r: number, reg: Reg): void {
    this.state.frame.regs[r] = reg;
  }
  /** Maps of the program, followed by the inner maps of its maps of maps. */
  readonly #maps: MapDef[];
  /** ... as they came. */
  readonly #given: readonly MapDef[];
  map(index: number): MapDef {
    return this.#maps[index];
  }
  /** A map as the log describes it. Linux keeps 15 characters of a name (BPF_OBJ_NAME_LEN), and none of an inner map's. */
  mapText(index: number): string {
    const { name, keySize, valueSize } = this.map(index);
    const named = name !== '' && index < this.prog.input.maps.length;
    return `${named ? `map=${name.slice(0, 15)},` : ''}ks=${keySize},vs=${valueSize}`;
  }
  /** Index of the map that a map of maps holds. */
  innerOf(index: number): number {
    return this.#given.indexOf(this.#given[index].inner!);
  }

  /** Remembers something of the current instruction that backtracking needs (kernel push_jmp_history). */
  #remember(
    spi: number,
    frame: number,
    dstIsStack: boolean,
    srcIsStack: boolean,
    linked: readonly LinkedReg[] | null,
  ): void {
    const { state, insnIdx: idx, prevInsnIdx: prevIdx } = this;
    const older = this.current === null ? state.history : this.current.older;
    const length = older === null ? 1 : older.length + 1;
    // States that fork here share entries: they never change.
    this.current = state.history = { idx, prevIdx, spi, frame, dstIsStack, srcIsStack, linked, older, length };
  }
  /** That the path came this way. */
  rememberStep(): void {
    if (this.current === null) this.#remember(-1, 0, false, false, null);
  }
  rememberSlot(spi: number, frame: number): void {
    const c = this.current;
    this.#remember(spi, frame, c?.dstIsStack ?? false, c?.srcIsStack ?? false, c?.linked ?? null);
  }
  rememberStackOperands(dst: boolean, src: boolean): void {
    const c = this.current;
    this.#remember(c?.spi ?? -1, c?.frame ?? 0, dst, src, c?.linked ?? null);
  }
  rememberLinked(linked: readonly LinkedReg[]): void {
    const c = this.current;
    this.#remember(c?.spi ?? -1, c?.frame ?? 0, c?.dstIsStack ?? false, c?.srcIsStack ?? false, linked);
  }

  /** Forks: a copy of the current state will continue at `insnIdx` later. Returns it, or null when too many wait. */
  push(insnIdx: InsnIndex): State | null {
    const state = this.state.clone();
    if (!this.pushState(state, insnIdx)) return null;
    if (state.parent !== null) state.parent.branches++;
    return state;
  }
  /** `state` will continue at `insnIdx` later. false = too many wait. */
  pushState(state: State, insnIdx: InsnIndex): boolean {
    this.pending.push({ state, insnIdx, prevInsnIdx: this.insnIdx, logPos: this.log.position });
    this.#waitingHistory += state.historyLength;
    return this.pending.length <= COMPLEXITY_LIMIT_JMP_SEQ && this.#waitingHistory <= MAX_WAITING_HISTORY;
  }
  /**
   * The nearest of `from` and its ancestors, those that are still kept, that stands at instruction `at` in the same call
   * chain as `state`: an earlier round of a loop. null = none, or too many ancestors were looked at for all the questions so
   * far; then nothing is widened.
   */
  earlierRound(from: State | null, state: State, at: InsnIndex): State | null {
    for (let st = from; st !== null && this.#ancestors < MAX_ANCESTORS; st = st.parent) {
      if (st.insnIdx === at && !st.evicted && sameCalls(st, state)) return st;
      this.#ancestors++;
    }
    return null;
  }
  #ancestors = 0;
  /** The path that was pushed last. */
  pop(): Pending | undefined {
    const next = this.pending.pop();
    if (next !== undefined) this.#waitingHistory -= next.state.historyLength;
    return next;
  }
  /** Entries of history that all waiting paths have together. */
  #waitingHistory = 0;

  /**
   * Steps of backtracking so far. Without jumps in between nothing ends it early: beyond a limit nothing is traced any
   * more, and pruning compares every scalar.
   */
  traced = 0;
  get allPrecise(): boolean {
    return this.traced > MAX_TRACED;
  }

  readonly #tailCalls = new Map<InsnIndex, number>();
  /** A tail call that got different maps. */
  mixedTailCall: InsnIndex | null = null;
  tailCallOf(map: number): void {
    const old = this.#tailCalls.get(this.insnIdx);
    if (old === undefined) this.#tailCalls.set(this.insnIdx, map);
    else if (old !== map) this.mixedTailCall ??= this.insnIdx;
  }

  /** May the instruction read register `r` (kernel check_reg_arg SRC_OP)? */
  read(r: number): Reject | null {
    this.touchReg(r);
    if (r > 10) return invalid(`R${r} is invalid`);
    return this.reg(r).kind === 'not_init' ? denied(`R${r} !read_ok`) : null;
  }
  /** May it be written (DST_OP)? */
  canWrite(r: number): Reject | null {
    this.touchReg(r);
    if (r > 10) return invalid(`R${r} is invalid`);
    return r === 10 ? denied('frame pointer is read only') : null;
  }

  /** Whether the register holds what this loader must not see as a number (kernel is_pointer_value). */
  hides(reg: Reg): boolean {
    return !this.perfmon && reg.kind !== 'scalar';
  }

  /** What a pointer is that points to nothing any more: a number, for those who may know it (kernel mark_reg_invalid). */
  get gone(): Reg {
    return this.perfmon ? UNKNOWN_SCALAR : NOT_INIT;
  }

  /** Slots and registers whose state the log prints behind the current instruction. */
  touchedRegs = 0;
  readonly touchedSlots: [number, number] = [0, 0];
  touchReg(r: number): void {
    this.touchedRegs |= 1 << r;
  }
  /** Of whichever frame: the kernel does not tell them apart. */
  touchSlot(spi: number): void {
    this.touchedSlots[spi >> 5] |= 1 << (spi & 31);
  }

  touchAll(): void {
    this.touchedRegs = -1;
    this.touchedSlots.fill(-1);
  }

  /** Grows the stack of a frame and the depth of its function. */
  growStack(frame: Frame, bytes: number): void {
    frame.grow(bytes);
    const depth = this.stackDepth[frame.subprog];
    if (bytes > depth) this.stackDepth[frame.subprog] = bytes;
  }
}

export const COMPLEXITY_LIMIT_JMP_SEQ = 8192;
/** Linux runs out of memory somewhere there. */
const MAX_WAITING_HISTORY = 1 << 24;
/** Each takes a look at memory that was not used for long. */
const MAX_ANCESTORS = 1 << 28;
/** The largest of real programs need less than a tenth. */
const MAX_TRACED = 1 << 28;

/** The registers a program starts with. */
export function initialRegs(prog: Prog, regs: Reg[]): void {
  const type = progTypeById(prog.input.type)!;
  regs[10] = makeReg({ kind: 'fp' });
  if (type.ctx !== null) {
    regs[1] = makeReg({ kind: 'ctx' });
    return;
  }
  const size = prog.input.memSize ?? 0;
  regs[1] = makeReg({ kind: 'mem', size });
  regs[2] = constReg(BigInt(size));
}
