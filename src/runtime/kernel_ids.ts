// What instructions call the functions and variables of the kernel that a program refers to by name (libbpf's ksyms): ids of
// what is known of the kernel. What is not there, or is something else than the object says, is refused in words.

import type { Insn } from '../isa/insn.ts';
import {
  isDeclaredAs,
  type KsymReloc,
  type ProgramSpec,
  prototypeText,
  resolveToZero,
  undefinedStructs,
} from '../loader/index.ts';
import { COMMON_TYPES, type KernelTypes } from '../spec/kernel_struct.ts';
import { KFUNCS } from '../spec/kfuncs.ts';
import { BpfError, UnsupportedError } from '../uapi/errors.ts';
import { closest } from './closest.ts';

/**
 * The program's instructions with ids in them. `btf`: bytes of the object's .BTF. Throws UnsupportedError for what the kernel
 * does not have, BpfError('EINVAL') for what the object declares as something else (as libbpf answers).
 */
export function withKernelIds(program: ProgramSpec, btf: Uint8Array | null, types: KernelTypes): Insn[] {
  if (program.ksyms.length === 0) return program.insns;
  const insns = program.insns.slice();
  for (const ksym of program.ksyms) {
    const id = idOf(ksym, types);
    const fits = id !== undefined && (btf === null || isDeclaredAs(btf, ksym.type, types, id));
    if (fits) insns[ksym.insn] = { ...insns[ksym.insn], imm: id };
    else if (ksym.weak && (id === undefined || ksym.of === 'func')) resolveToZero(insns, ksym.insn);
    else
      throw id === undefined ? notThere(program.name, ksym, types) : incompatible(program.name, ksym, btf!, types, id);
  }
  return insns;
}

/** Names of functions may have flavors. */
function idOf({ name, of }: KsymReloc, types: KernelTypes): number | undefined {
  if (of === 'variable') return types.variableId(name);
  const essential = name.includes('___') ? name.slice(0, name.lastIndexOf('___')) : name;
  return types.funcId(essential);
}

/** What a program needs of a kernel that does not have it. */
export function missing(program: string, what: string, types: KernelTypes): UnsupportedError {
  const own = "is known only to the kernel's BTF (btf FILE; in code: kernelTypes)";
  const how = types === COMMON_TYPES ? own : 'is not in the BTF of the kernel';
  return new UnsupportedError(what, `program ${program}: ${what} ${how}`);
}

function notThere(program: string, { name, of }: KsymReloc, types: KernelTypes): UnsupportedError {
  const what = `${of === 'func' ? 'kfunc' : 'extern'} ${name}`;
  const near = of === 'func' ? closest(name, Object.keys(KFUNCS)) : undefined;
  if (near === undefined || types.funcId(near) === undefined) return missing(program, what, types);
  return new UnsupportedError(what, `program ${program}: ${what} is not in the kernel: did you mean ${near}?`);
}

/** In libbpf's words, and what it is. */
function incompatible(
  program: string,
  { name, of, type }: KsymReloc,
  btf: Uint8Array,
  types: KernelTypes,
  id: number,
): BpfError {
  const where = types === COMMON_TYPES ? 'Linux 6.18' : `vmlinux [${id}]`;
  const said = (what: string) => new BpfError('EINVAL', `program ${program}: extern (${what}`);
  const func = of === 'func' ? types.func(id) : undefined;
  if (func === undefined) {
    const has = types.variable(id)!.type;
    return said(`var ksym) '${name}': incompatible types, expected [${type}], but kernel has ${has.kind} ${has.name}`);
  }
  const unknown = undefinedStructs(btf, type).map((struct) => `; struct ${struct} must be defined, too`);
  const wrong = `func_proto [${type}] incompatible with ${where}: ${prototypeText(func)}`;
  return said(`func ksym) '${name}': ${wrong}${unknown.join('')}`);
}
