// The register a message is about, with what it held before the refused instruction: the one it names, the argument it means,
// or the one the instruction works on.

import type { InsnIndex } from '../../isa/insn.ts';
import { opOf } from '../../isa/opcodes.ts';
import { helperById } from '../../spec/helpers.ts';
import type { ArgKind } from '../../spec/proto.ts';
import type { Env } from '../env.ts';
import { isPointer, NOT_INIT, type Reg } from '../reg.ts';
import type { Matched, Rule } from './catalogue.ts';
import type { Path } from './path.ts';
import type { DiagnosticClass } from './row.ts';

export interface Subject {
  readonly regno: number;
  readonly reg: Reg;
  readonly frameno: number;
}

type Pick = (regs: readonly Reg[], env: Env, at: InsnIndex) => number;

const ARGUMENTS = [1, 2, 3, 4, 5];

const firstOf =
  (kind: Reg['kind']): Pick =>
  (regs) =>
    ARGUMENTS.find((r) => regs[r].kind === kind) ?? -1;

/** The argument that the helper's prototype declares so. */
const declared =
  (kind: ArgKind): Pick =>
  (_regs, { prog }, at) => {
    const args: readonly ArgKind[] = helperById(prog.insns[at].imm)?.args ?? [];
    return args.indexOf(kind) + 1 || -1;
  };

/** Calls that make a dynptr take its address as their last argument. */
const lastOnStack: Pick = (regs, { prog }, at) => {
  const args = prog.kfuncs.get(at)?.params.length ?? helperById(prog.insns[at].imm)?.args.length ?? 0;
  return ARGUMENTS.findLast((r) => r <= args && (regs[r].kind === 'fp' || regs[r].kind === 'dynptr_ptr')) ?? -1;
};

/** The first argument that is a map, else the first that points into a value of one. */
export function mapArgument(regs: readonly Reg[]): number {
  return ARGUMENTS.find((r) => regs[r].kind === 'map_ptr') ?? ARGUMENTS.find((r) => regs[r].kind === 'map_value') ?? -1;
}

/** Messages about arguments of calls that do not say which. */
const MEANT: Partial<Record<Rule, Pick>> = {
  'Dynptr has to be an uninitialized dynptr': lastOnStack,
  'Unsupported reg type {type} for bpf_dynptr_from_mem data': () => 1,
  "get_local_storage() doesn't support non-zero flags": () => 2,
  'string is not zero-terminated': declared('const_str'),
  'direct value access on string failed': declared('const_str'),
  'access beyond struct {struct} at off {off} size {size}': firstOf('btf_id'),
  'access beyond the end of member {name} (mend:{end}) in struct {struct} with off {off} size {size}':
    firstOf('btf_id'),
};

/** Messages of these classes are about the program or the instruction, not about what a register holds. */
const NO_SUBJECT: ReadonlySet<DiagnosticClass> = new Set<DiagnosticClass>([
  'helper_unavailable',
  'program_setup',
  'malformed',
]);

function subjectNumber(found: Matched | null, env: Env, at: InsnIndex, regs: readonly Reg[]): number {
  const named = found?.parts.get('reg');
  if (named !== undefined) return Number(named);
  const cls = found?.row.class;
  if (typeof cls === 'string' && NO_SUBJECT.has(cls)) return -1;
  const insn = env.prog.insns[at];
  const op = opOf(insn);
  switch (op?.kind) {
    case 'ldx':
    case 'load_acq':
      return insn.src;
    case 'st':
    case 'stx':
    case 'store_rel':
    case 'atomic':
      return insn.dst;
    case 'exit':
      return 0;
    case 'ld_abs':
    case 'ld_ind':
      return 6;
    case 'alu':
      // Of a pointer and a number, the number is what went wrong.
      return op.operand === 'reg' && isPointer(regs[insn.dst] ?? NOT_INIT) ? insn.src : insn.dst;
    case 'call': {
      const argument = found?.parts.get('arg');
      if (argument !== undefined) return Number(argument) + 1;
      return found === null ? mapArgument(regs) : (MEANT[found.rule] ?? mapArgument)(regs, env, at);
    }
    default:
      return -1;
  }
}

/** Of a message at instruction `at`, which the path leads to. */
export function subjectOf(found: Matched | null, env: Env, at: InsnIndex, path: Path | null): Subject | null {
  const frames = path?.steps.at(-1)?.frames ?? env.state.frames;
  const frame = frames[frames.length - 1];
  const regno = subjectNumber(found, env, at, frame.regs);
  const reg = frame.regs[regno];
  return reg === undefined ? null : { regno, reg, frameno: frame.frameno };
}
