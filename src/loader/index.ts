export type { Kconfig } from './externs.ts';
export { type OpenOptions, openObject } from './object.ts';
export { checkLoadable } from './programs.ts';
export type { MapReloc, MapSpec, ObjectSpec, ProgramSpec, VariableSpec } from './spec.ts';
