// `target OBJ [func FUNC]` of `prog load`: the program whose function a program of type EXT replaces (freplace), verified
// first, as it would have to be loaded first.

import type { ObjectSpec, ProgramSpec } from '../loader/index.ts';
import { programInput, type Target } from '../runtime/program_input.ts';
import { type VerifyOptions, verify } from '../verifier/index.ts';
import type { Verified } from '../verifier/verified.ts';
import { FileError, readObject } from './files.ts';
import type { KernelBtf } from './kernel_btf.ts';

export class AttachTarget {
  readonly #path: string;
  readonly #object: ObjectSpec;
  readonly #func: string | undefined;
  readonly #rules: VerifyOptions;
  readonly #verified = new Map<ProgramSpec, Verified>();

  constructor(path: string, func: string | undefined, btf: KernelBtf | undefined, rules: VerifyOptions) {
    this.#path = path;
    this.#object = readObject(path, btf);
    this.#func = func;
    this.#rules = rules;
  }

  /** The first program of the object that has the function; where none has, the first one: Linux says what is wrong. */
  of(program: ProgramSpec): Target {
    const func = this.#func ?? program.attachTo?.name ?? '';
    const programs = Object.values(this.#object.programs);
    const found = programs.find((p) => [...p.functions.values()].includes(func)) ?? programs[0];
    if (found === undefined) throw new FileError(`${this.#path} holds no programs`);
    return { program: this.#verify(found), func };
  }

  #verify(program: ProgramSpec): Verified {
    const known = this.#verified.get(program);
    if (known !== undefined) return known;
    const result = verify(programInput(this.#object, program, this.#rules.kernelTypes), this.#rules);
    if (!result.ok) {
      const { code, summary } = result.error;
      throw new FileError(`${this.#path}: the target, program ${program.name}, is rejected: ${code}: ${summary}`);
    }
    this.#verified.set(program, result.verified);
    return result.verified;
  }
}
