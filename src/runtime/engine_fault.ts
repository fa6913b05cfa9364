// Code that was verified can't fail: when its engine traps, the verifier or the JIT is wrong. What users meet then is this error,
// which says so; it is no BeewasmError, since no input is to blame.

export class EngineFault extends Error {
  override name = 'EngineFault';
  readonly program: string;
  constructor(program: string, trap: Error) {
    super(
      `the compiled code of the verified program '${program}' trapped${place(trap)}: ${trap.message}. This is a bug in beewasm, not in the program: please report it with the object file`,
      { cause: trap },
    );
    this.program = program;
  }
}

/** The function and byte that the engine names, for who looks into it (`beewasm prog dump jited` shows the module). */
function place({ stack = '' }: Error): string {
  const found = /wasm-function\[(\d+)\]:(0x[0-9a-f]+)/.exec(stack);
  return found === null ? '' : ` (function ${found[1]}, byte ${found[2]} of the module)`;
}

/** What a run threw, as users see it. */
export function faultOf(error: unknown, program: string): unknown {
  return error instanceof WebAssembly.RuntimeError ? new EngineFault(program, error) : error;
}
