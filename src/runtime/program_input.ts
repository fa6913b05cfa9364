// A program of a parsed object as the verifier takes it. Pure: no map is created, so this is also how a program is
// checked without a Kernel (`prog load`). In: the object and one of its programs; out: ProgramInput, whose maps are
// those that the program refers to, in the order of their first use.

import { checkLoadable, localTypes, type MapSpec, type ObjectSpec, type ProgramSpec } from '../loader/index.ts';
import { ARENA_START, isArena } from '../spec/arena.ts';
import { COMMON_TYPES, type KernelTypes } from '../spec/kernel_struct.ts';
import { BpfError } from '../uapi/errors.ts';
import type { AttachProg, MapDef, MapRef, ProgramInput } from '../verifier/verified.ts';
import { missing, withKernelIds } from './kernel_ids.ts';

const BPF_F_RDONLY_PROG = 128;

/** libbpf's attach target (bpf_program__set_attach_target). */
export type Target = Pick<AttachProg, 'program'> & Partial<AttachProg>;

/**
 * `types`: what is known of the kernel that the program refers to; the verifier must get the same. `target`: of a program
 * that replaces a function of another one, what verify() said of that one, and the function where section `freplace/FUNC`
 * does not name it. Throws UnsupportedError for what beewasm or that kernel lacks, BpfError('EINVAL') for a reference to a
 * map that was taken out of the object, and for a symbol of the kernel that the object declares as something else.
 */
export function programInput(
  object: ObjectSpec,
  program: ProgramSpec,
  types: KernelTypes = COMMON_TYPES,
  target?: Target,
): ProgramInput {
  checkLoadable(program);
  const names = mapNames(program);
  const mapRefs = new Map<number, MapRef>(
    program.relocs.map((reloc) => [reloc.insn, { map: names.indexOf(reloc.map), kind: reloc.kind, off: reloc.off }]),
  );
  return {
    name: program.name,
    type: program.type!,
    expectedAttachType: program.expectedAttachType,
    ...attachment(program, types, target),
    flags: program.flags,
    license: object.license,
    insns: withKernelIds(program, object.btf, types),
    maps: names.map((name) => {
      if (!Object.hasOwn(object.maps, name)) {
        throw new BpfError('EINVAL', `program ${program.name} needs map ${name}, which the object does not have`);
      }
      return mapDef(object.maps[name]);
    }),
    mapRefs,
    ...functionInfo(program),
    lines: program.lines,
    ...(object.btf === null ? {} : { localTypes: localTypes(object.btf) }),
  };
}

/** Id of what a program is bound to; of a structure's member, its number is the attach type. */
function attachment(
  { name, attachTo }: ProgramSpec,
  types: KernelTypes,
  target: Target | undefined,
): Partial<Pick<ProgramInput, 'attachBtfId' | 'attachProg' | 'expectedAttachType'>> {
  // As libxdp does with programs of other sections: the attach type is that of what they replace.
  if (target !== undefined) {
    const func = target.func ?? attachTo?.name ?? '';
    return { attachProg: { program: target.program, func }, expectedAttachType: 0 };
  }
  if (attachTo === undefined || attachTo.kind === 'prog') return {};
  const attachBtfId = types.targetId(attachTo.kind, attachTo.name);
  if (attachBtfId === undefined) throw missing(name, attachTo.name, types);
  if (attachTo.kind !== 'struct') return { attachBtfId };
  const expectedAttachType = types.target(attachBtfId)?.members?.findIndex((m) => m.name === attachTo.member) ?? -1;
  if (expectedAttachType < 0) throw missing(name, `${attachTo.name}.${attachTo.member}`, types);
  return { attachBtfId, expectedAttachType };
}

/** The kernel is told of functions when all have types (libbpf passes func_info then). */
function functionInfo({ functions, prototypes }: ProgramSpec): Pick<ProgramInput, 'functions' | 'prototypes'> {
  return prototypes.size === functions.size ? { functions, prototypes } : {};
}

/** Names of the maps a program refers to, in the order of their first use: what `map` of its MapRefs counts. */
export function mapNames(program: ProgramSpec): string[] {
  return [...new Set(program.relocs.map((reloc) => reloc.map))];
}

/** What the verifier needs to know of a map. */
export function mapDef(spec: MapSpec): MapDef {
  const constant = spec.frozen === true && (spec.flags & BPF_F_RDONLY_PROG) !== 0;
  return {
    name: spec.name,
    type: spec.type,
    keySize: spec.keySize,
    valueSize: spec.valueSize,
    maxEntries: spec.maxEntries,
    flags: spec.flags,
    ...(spec.frozen ? { frozen: true } : {}),
    ...(constant ? { contents: spec.data ?? new Uint8Array(spec.valueSize) } : {}),
    ...(isArena(spec) ? { userStart: spec.mapExtra || ARENA_START } : {}),
    ...(spec.inner ? { inner: mapDef(spec.inner) } : {}),
    ...(spec.specialFields ? { specialFields: spec.specialFields } : {}),
  };
}
