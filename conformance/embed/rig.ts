// Small raw programs without maps, at the speed that many of them need: two verifications (pruning on, for the states that
// are kept; pruning off, for all paths), no Kernel.load, ten runs over input bytes that stand ready.

import { Kernel } from '../../src/index.ts';
import { disasm, LOG_STYLE } from '../../src/isa/index.ts';
import type { Insn } from '../../src/isa/insn.ts';
import { opOf } from '../../src/isa/opcodes.ts';
import { type Addr, PACKET_HEADROOM, packetArea } from '../../src/memory/layout.ts';
import type { Memory } from '../../src/memory/memory.ts';
import type { Cpu, Executable, LoadedProgram } from '../../src/runtime/engine.ts';
import { withoutKsyms } from '../../src/runtime/ksyms.ts';
import { BpfError } from '../../src/uapi/errors.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import type { FuzzProgram } from '../fuzz/program.ts';
import { Random } from '../fuzz/random.ts';
import { cornerBytes, SPAN } from '../fuzz/world.ts';
import { type NoBook, recordExact, recordKept } from './book.ts';
import type { Violation, Watch } from './watch.ts';

/** Without pruning a small program may have at most so many states. */
const MAX_STATES = 4000;
const IMAGES = 1024;
const RAW = -1;

/** What a program showed: refused by both verifications, a violation with the input it came with, or nothing. */
export type Trial = 'refused' | 'fine' | { readonly input: number; readonly violation: Violation };

/** A memory with a CPU, and where the input of a raw program goes. */
export class RigMemory {
  readonly cpu: Cpu = new Kernel({ clock: 'virtual', seed: 1 }).cpu(0);
  readonly memory: Memory = this.cpu.memory;
  readonly start: Addr = packetArea(0) + PACKET_HEADROOM;
}

export class Rig {
  readonly #watch: Watch;
  readonly #at = new RigMemory();
  readonly #images = inputImages();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** Runs the program on inputs number 0 to `inputs` - 1 of index `index`. */
  try({ main, data }: FuzzProgram, index: number, inputs: number): Trial {
    const watch = this.#watch;
    const input = inputOf(main.insns, data.length);
    const kept = recordKept(input, MAX_STATES);
    const exact = recordExact(input, MAX_STATES);
    const verdicts = differentVerdicts(kept, exact, main.insns);
    if (verdicts !== null)
      return {
        input: 0,
        violation: { mode: 'verdict', insn: 0, text: `${verdicts}\n${disasm(main.insns, LOG_STYLE)}` },
      };
    if ('why' in kept) return 'refused';
    const loaded: LoadedProgram = { id: 1, code: withoutKsyms(kept.verified), maps: [], result: 'u64' };
    watch.keep(loaded, kept, exact);
    try {
      const executable = watch.engine.link(loaded, this.#at.cpu, () => undefined);
      for (let n = 0; n < inputs; n++) {
        this.#run(executable, n === 0 ? data : this.#images[(index * 7 + n * 131) % IMAGES]);
        if (watch.violation !== null) return { input: n, violation: watch.violation };
      }
      return 'fine';
    } finally {
      watch.forget(loaded);
    }
  }

  #run(executable: Executable, data: Uint8Array): void {
    const { memory, start } = this.#at;
    memory.write(start, data);
    this.#watch.begin(memory);
    try {
      executable.run64(start, data.length);
    } catch (e) {
      // Programs that use up their steps; what was seen until then counts.
      if (!(e instanceof BpfError)) throw e;
    }
  }
}

export function inputOf(insns: ProgramInput['insns'], memSize: number): ProgramInput {
  const nothing = { expectedAttachType: 0, flags: 0, license: 'GPL', maps: [], mapRefs: new Map() };
  return { name: 'small', type: RAW, insns, memSize, ...nothing };
}

/**
 * Limits apart, pruning must not change what the verifier answers; but where states of loops of unknown length are compared
 * numbers are widened first, and more may be refused.
 */
function differentVerdicts(kept: object | NoBook, exact: object | NoBook, insns: readonly Insn[]): string | null {
  const no = (book: object | NoBook) => ('why' in book ? book : null);
  const [on, off] = [no(kept), no(exact)];
  if (on?.why === 'too many states' || off?.why === 'too many states') return null;
  if ((on === null) === (off === null)) return null;
  if (on !== null && mayWiden(insns)) return null;
  const say = (none: NoBook | null) => (none === null ? 'accepted' : `refused, ${none.message}`);
  return `pruning on: ${say(on)}; pruning off: ${say(off)}`;
}

/** Whether there may be loops of unknown length. */
export function mayWiden(insns: readonly Insn[]): boolean {
  return insns.some((insn) => {
    const op = opOf(insn);
    return op?.kind === 'may_goto' || (op?.kind === 'call' && op.callee === 'kfunc');
  });
}

/** Inputs that stand ready: always the same. */
export function inputImages(): readonly Uint8Array[] {
  const random = new Random(0x696d6167);
  return Array.from({ length: IMAGES }, () => image(random));
}

/** Mostly what small constants are compared with, or what lies around the end of the input. */
function smallByte(random: Random): number {
  if (random.chance(65)) return random.below(4);
  return random.chance(50) ? random.between(SPAN - 9, SPAN + 2) : random.next();
}

/** Corner values in half of the words, small bytes in the others. */
function image(random: Random): Uint8Array {
  const bytes = cornerBytes(random);
  for (let at = 0; at < SPAN; at += 8) {
    const kind = random.below(10);
    // One half alone: what tells about 32 bits must not be taken for what tells about 64.
    if (kind < 2) bytes.fill(0, at + 4 * kind, at + 4 * kind + 4);
    if (kind >= 5) for (let i = 0; i < 8; i++) bytes[at + i] = smallByte(random);
  }
  return bytes;
}
