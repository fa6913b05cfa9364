export type { Kconfig } from './externs.ts';
export { isDeclaredAs, prototypeText, undefinedStructs } from './ksym_types.ts';
export { localTypes } from './local_types.ts';
export { type OpenOptions, openObject } from './object.ts';
export { checkLoadable, resolveToZero } from './programs.ts';
export type { KsymReloc, MapReloc, MapSpec, ObjectSpec, ProgramSpec, VariableSpec } from './spec.ts';
