// One program of an object as the live kernel takes it, with the object's maps and types, in both worlds' terms: so that
// verdicts and logs can be compared. In: oracle and object; out: a function of programs.

import type { ObjectSpec, ProgramSpec } from '../../src/loader/index.ts';
import { programInput } from '../../src/runtime/program_input.ts';
import type { KernelTypes } from '../../src/spec/kernel_struct.ts';
import { BPF_MAP_TYPE } from '../../src/uapi/enums.ts';
import { errnoName } from '../../src/uapi/errno.ts';
import type { MapDef, ProgramInput } from '../../src/verifier/verified.ts';
import { kernelBtf, type Section } from '../kernel/object_btf.ts';
import type { KernelProgram, Oracle } from '../kernel/oracle.ts';
import { createKernelMaps } from './kernel_maps.ts';

export interface KernelPrograms {
  /** The program for both, or why the kernel can't have it. Throws what programInput does. */
  of(program: ProgramSpec): { readonly input: ProgramInput; readonly kernel: KernelProgram } | string;
  close(): void;
}

/** Type ids of global functions that are static for the kernel. */
function hiddenFunctions({ programs }: ObjectSpec): Set<number> {
  const hidden = new Set<number>();
  for (const { functionTypes, prototypes } of Object.values(programs)) {
    for (const [slot, id] of functionTypes) if (prototypes.get(slot)?.linkage === 'static') hidden.add(id);
  }
  return hidden;
}

/** Sections of variables that may have special fields: the kernel has to know their types. */
function typedSections({ maps, variables }: ObjectSpec): Map<number, Section> {
  const of = (map: string) => Object.values(variables).filter((v) => v.map === map);
  const typed = Object.values(maps).filter(
    (m) => m.keyTypeId === 0 && m.valueTypeId > 0 && m.specialFields && of(m.name).length > 0,
  );
  return new Map(
    typed.map((m) => [
      m.valueTypeId,
      { size: m.valueSize, offsets: new Map(of(m.name).map((v) => [v.name, v.offset])) },
    ]),
  );
}

/**
 * `kernelTypes`: of the live kernel, where programs refer to its functions. `why` hears when programs and maps must do
 * without the object's types.
 */
export function kernelPrograms(
  oracle: Oracle,
  object: ObjectSpec,
  why: (reason: string) => void = (reason) => console.warn(reason),
  kernelTypes?: KernelTypes,
): KernelPrograms {
  const btf =
    object.btf === null ? -1 : oracle.createBtf(kernelBtf(object.btf, hiddenFunctions(object), typedSections(object)));
  if (btf < 0 && object.btf !== null) why(`the kernel refuses the object's BTF: ${errnoName(-btf) ?? -btf}`);
  const maps = createKernelMaps(oracle, object, Math.max(btf, 0));
  return {
    of(program) {
      const whole = programInput(object, program, kernelTypes);
      // As libbpf: all functions have types, or none is named.
      const typed = btf > 0 && whole.functions !== undefined;
      const { functions, prototypes, ...untyped } = whole;
      const input = typed ? whole : untyped;
      const refused = input.maps.map((m) => maps.byName.get(m.name)).find((h) => typeof h !== 'number');
      if (refused !== undefined) return `the kernel refuses ${refused}`;
      // A PROG_ARRAY belongs to the type of the first program that uses it: each gets one of its own.
      const own = (m: MapDef) => m.type === BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY;
      const given = input.maps.map((m) => (own(m) ? m : (maps.byName.get(m.name) as number)));
      const types = typed ? { btf: { handle: btf, functions: program.functionTypes } } : {};
      return { input, kernel: { ...input, maps: given, ...types } };
    },
    close() {
      maps.close();
      if (btf > 0) oracle.close(btf);
    },
  };
}
