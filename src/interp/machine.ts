// One run of a program: the registers, the call frames and THE switch. A Machine is used once.

import type { HelperImpl } from '../helpers/helper.ts';
import { type Addr, codeAddr, controlWord, MEMORY_BASE, STACK_DEPTH, STACK_FRAME, stackTop } from '../memory/layout.ts';
import { type Cpu, MAX_TAIL_CALLS, MAY_GOTO_BUDGET } from '../runtime/engine.ts';
import { checkKill } from '../runtime/kill.ts';
import { type Abi, type RunnableHelper, runnableById } from '../spec/helpers.ts';
import { BpfError } from '../uapi/errors.ts';
import { atomic, load, store } from './access.ts';
import { alu32, alu64, jumps32, jumps64, swapBytes } from './alu.ts';
import { arenaAddress, MISSING } from './arena.ts';
import type { InterpOptions, ResolveCode } from './interp.ts';
import { packetLoad } from './packet_load.ts';
import type { Code, Step } from './predecode.ts';
import { address, makeRegisters, set32, setSigned32 } from './registers.ts';

const DEFAULT_STEPS = 2 ** 31;

/** What a call leaves behind for its exit. */
interface Frame {
  readonly code: Code;
  readonly returnTo: number;
  readonly regs: BigUint64Array;
  readonly sp: Addr;
  readonly mayGoto: number;
}

export class Machine {
  readonly #cpu: Cpu;
  readonly #target: ResolveCode;
  readonly #onStep: InterpOptions['onStep'];
  #stepsLeft: number;
  readonly #regs = makeRegisters();
  readonly #frames: Frame[] = [];
  #code!: Code;
  #pc = 0;
  /** r10 that the running function started with. */
  #sp: Addr = 0;
  /** What is left of the may_goto budget in this function. */
  #mayGoto = MAY_GOTO_BUDGET;

  constructor(cpu: Cpu, target: ResolveCode, options: InterpOptions) {
    this.#cpu = cpu;
    this.#target = target;
    this.#onStep = options.onStep;
    this.#stepsLeft = options.maxSteps ?? DEFAULT_STEPS;
  }

  /** Runs to the end and returns the registers: index 0 is the result. `sp` = r10 of the first frame. */
  run(code: Code, r1: Addr, r2: number, sp: Addr): BigUint64Array {
    const { r, w } = this.#regs;
    this.#code = code;
    set32(w, 1, r1);
    set32(w, 2, r2);
    this.#openFrame(sp);
    try {
      this.#loop();
    } catch (e) {
      throw e instanceof BpfError ? new BpfError(e.code, `insn ${this.#pc}: ${e.reason}`) : e;
    }
    return r;
  }

  #loop(): void {
    const { memory } = this.#cpu;
    const { r, w } = this.#regs;
    const onStep = this.#onStep;
    for (;;) {
      const pc = this.#pc;
      const s = this.#code.steps[pc];
      if (s === undefined) throw new BpfError('EINVAL', 'no such instruction');
      if (--this.#stepsLeft < 0) throw new BpfError('EAGAIN', 'the step budget is used up');
      if (onStep !== undefined) onStep(pc, r, this.#code.program);
      const { dst, src } = s;
      let next = pc + 1;
      switch (s.kind) {
        case 'alu':
          if (s.wide) r[dst] = alu64(s.alu, r[dst], s.reg ? r[src] : s.value);
          else set32(w, dst, alu32(s.alu, w[2 * dst], s.reg ? w[2 * src] : s.imm));
          break;
        case 'movsx':
          if (s.wide) r[dst] = BigInt.asIntN(s.bits, r[src]);
          else set32(w, dst, (w[2 * src] << (32 - s.bits)) >> (32 - s.bits));
          break;
        case 'cast':
          r[dst] = w[2 * src] === 0 ? 0n : s.value | BigInt(w[2 * src]);
          break;
        case 'neg':
          if (s.wide) r[dst] = -r[dst];
          else set32(w, dst, -w[2 * dst]);
          break;
        case 'end':
          r[dst] = s.swap ? swapBytes(r[dst], s.bits) : BigInt.asUintN(s.bits, r[dst]);
          break;
        case 'jmp':
          if (
            s.wide
              ? jumps64(s.jmp, r[dst], s.reg ? r[src] : s.value)
              : jumps32(s.jmp, w[2 * dst], s.reg ? w[2 * src] : s.imm)
          ) {
            next = s.target;
          }
          break;
        case 'ja':
          next = s.target;
          break;
        case 'may_goto':
          if (this.#mayGoto === 0) next = s.target;
          else this.#mayGoto--;
          break;
        case 'lddw':
          r[dst] = s.value;
          next = pc + 2;
          break;
        case 'ldx': {
          const at = this.#address(s, src);
          if (at === MISSING) r[dst] = 0n;
          else load(memory, at, s.size, s.signed, w, dst);
          break;
        }
        case 'load_acq':
          this.#loadAcquire(s);
          break;
        case 'st':
          this.#store(s, s.imm, s.imm >> 31);
          break;
        case 'stx':
          this.#store(s, w[2 * src], w[2 * src + 1]);
          break;
        case 'store_rel':
          this.#storeRelease(s);
          break;
        case 'atomic': {
          const into = s.atomic === 'cmpxchg' ? 0 : src;
          const at = this.#address(s, dst);
          const old =
            at === MISSING ? BigInt.asUintN(8 * s.size, r[into]) : atomic(memory, at, s.size, s.atomic, r[src], r[0]);
          if (s.fetch) r[into] = old;
          break;
        }
        case 'ld_abs':
        case 'ld_ind': {
          const offset = s.kind === 'ld_abs' ? s.imm : (w[2 * src] + s.imm) | 0;
          const value = packetLoad(memory, address(w, 6, 0), offset, s.size as 1 | 2 | 4);
          set32(w, 0, value ?? 0);
          if (value === null) {
            if (!this.#exit()) return;
            continue;
          }
          break;
        }
        case 'call':
          this.#call(s);
          continue;
        case 'exit':
          if (!this.#exit()) return;
          continue;
        default:
          s.kind satisfies never;
      }
      if (next <= pc) checkKill(this.#cpu);
      this.#pc = next;
    }
  }

  /** Executes the call at #pc and sets #pc to what runs next. */
  #call(s: Step): void {
    switch (s.callee) {
      case 'local':
        this.#callLocal(s.target);
        break;
      case 'helper':
        this.#callHelper(s.helper, s.imm);
        break;
      case 'callx':
        this.#callRegister(address(this.#regs.w, s.dst, 0));
        break;
      case 'kfunc':
        this.#callKfunc(s);
        break;
      default:
        s.callee satisfies never;
    }
  }

  #callLocal(target: number): void {
    checkKill(this.#cpu);
    const { r } = this.#regs;
    const sp = this.#sp - STACK_FRAME;
    if (sp < stackTop(this.#cpu.id) - STACK_DEPTH) throw new BpfError('E2BIG', 'the call stack is too deep');
    this.#frames.push({
      code: this.#code,
      returnTo: this.#pc + 1,
      regs: r.slice(),
      sp: this.#sp,
      mayGoto: this.#mayGoto,
    });
    r[0] = 0n;
    r.fill(0n, 6, 10);
    this.#openFrame(sp);
    this.#mayGoto = MAY_GOTO_BUDGET;
    this.#pc = target;
  }

  /** r10 = sp, with nothing in the frame below it. */
  #openFrame(sp: Addr): void {
    set32(this.#regs.w, 10, sp);
    this.#sp = sp;
    const end = sp - MEMORY_BASE;
    this.#cpu.memory.u8.fill(0, end - STACK_FRAME, end);
  }

  /** Leaves the function; false when it was the outermost one. */
  #exit(): boolean {
    const frame = this.#frames.pop();
    if (frame === undefined) return false;
    const { r } = this.#regs;
    const result = r[0];
    r.set(frame.regs);
    r[0] = result;
    this.#sp = frame.sp;
    this.#code = frame.code;
    this.#mayGoto = frame.mayGoto;
    this.#pc = frame.returnTo;
    return true;
  }

  #callRegister(value: number): void {
    const slot = this.#code.program.code.subprogs.find((f) => codeAddr(f.start) === value)?.start;
    if (slot !== undefined) this.#callLocal(slot);
    else this.#callHelper(runnableById(value), value);
  }

  #callHelper(helper: RunnableHelper | undefined, id: number): void {
    if (helper === undefined) throw new BpfError('EINVAL', `there is no helper ${id}`);
    if (helper.name === 'bpf_tail_call') {
      this.#tailCall();
    } else {
      this.#callOutside(this.#cpu.helpers[helper.name], helper.abi);
    }
  }

  #callKfunc({ kfunc }: Step): void {
    if (kfunc === undefined) throw new BpfError('EINVAL', 'there is no such kfunc');
    this.#callOutside(this.#cpu.kfuncs[kfunc.name], kfunc.abi);
  }

  #callOutside(impl: HelperImpl, { args, ret }: Abi): void {
    this.#setResult(ret, impl(...abiArgs(args, this.#regs.w)));
    this.#pc++;
  }

  /** r0 from what an implementation returned. */
  #setResult(kind: Abi['ret'], result: ReturnType<HelperImpl>): void {
    const { r, w } = this.#regs;
    switch (kind) {
      case 's32':
        setSigned32(w, 0, result ?? 0);
        break;
      case 'u32':
        set32(w, 0, result ?? 0);
        break;
      case 'wide':
        r[0] = this.#cpu.memory.u64(controlWord(this.#cpu.id, 'result'));
        break;
      case 'void':
      case 'tail_call':
        r[0] = 0n;
        break;
      default:
        kind satisfies never;
    }
  }

  /** bpf_tail_call(r1 = ctx, r2 = map, r3 = index). */
  #tailCall(): void {
    const { memory, id } = this.#cpu;
    const { r, w } = this.#regs;
    const map = this.#code.maps.get(address(w, 2, 0));
    if (map === undefined) throw new BpfError('EFAULT', 'bpf_tail_call: R2 is not a map of this program');
    this.#pc++;
    const index = w[2 * 3];
    const count = controlWord(id, 'tailCalls');
    const done = memory.u32(count);
    if (index >= map.maxEntries || done >= MAX_TAIL_CALLS) return;
    const next = this.#target(memory.u32(map.values + 4 * index));
    if (next === undefined) return;
    memory.setU32(count, done + 1);
    checkKill(this.#cpu);
    const ctx = r[1];
    r.fill(0n);
    r[1] = ctx;
    this.#openFrame(this.#sp);
    this.#code = next;
    this.#mayGoto = MAY_GOTO_BUDGET;
    this.#pc = 0;
  }

  /** Where an access goes. */
  #address({ arena, off, size }: Step, reg: number): number {
    const { w } = this.#regs;
    return arena ? arenaAddress(this.#cpu.memory, this.#code.arena!, w[2 * reg], off, size) : address(w, reg, off);
  }

  #store(s: Step, low: number, high: number): void {
    const at = this.#address(s, s.dst);
    if (at !== MISSING) store(this.#cpu.memory, at, s.size, low, high);
  }

  // An atomic add of 0 and an exchange are the sequentially consistent forms of the two; 1 and 2 bytes, which JavaScript
  // can not do everywhere alike, are plain: they can't tear.
  #loadAcquire(s: Step): void {
    const { w, r } = this.#regs;
    const addr = this.#address(s, s.src);
    if (addr === MISSING) r[s.dst] = 0n;
    else if (s.size < 4) load(this.#cpu.memory, addr, s.size, false, w, s.dst);
    else r[s.dst] = atomic(this.#cpu.memory, addr, s.size, 'add', 0n, 0n);
  }

  #storeRelease(s: Step): void {
    const { w, r } = this.#regs;
    const addr = this.#address(s, s.dst);
    if (addr === MISSING) return;
    if (s.size < 4) store(this.#cpu.memory, addr, s.size, w[2 * s.src], 0);
    else atomic(this.#cpu.memory, addr, s.size, 'xchg', r[s.src], 0n);
  }
}

/** r1.. as an implementation takes them. */
function abiArgs(args: Abi['args'], w: Uint32Array): number[] {
  const values: number[] = [];
  for (let i = 0, n = 2; i < args.length; i++, n += 2) {
    values.push(w[n] | 0);
    if (args[i] === 'u64') values.push(w[n + 1] | 0);
  }
  return values;
}
