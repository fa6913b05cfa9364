// What only the interpreter has: the step hook, the step budget, and typed errors for programs nobody verified.
import { describe, expect, it } from 'vitest';
import { Kernel } from '../src/index.ts';
import { createInterpreter, type InterpOptions } from '../src/interp/interp.ts';
import { asm } from '../src/isa/index.ts';
import { controlWord, MEMORY_END, stackTop } from '../src/memory/layout.ts';
import { BpfError } from '../src/uapi/errors.ts';

/** r0 of an unverified raw program on CPU 0, by an interpreter with these options. */
function run(text: string, options: InterpOptions = {}, kernel = new Kernel({ clock: 'virtual', seed: 1 })): bigint {
  const { loaded } = kernel.loadProgram({ type: 'raw', insns: asm(text).insns }, { jit: 'off', verify: false });
  return createInterpreter(options)
    .link(loaded, kernel.cpu(0), (id) => kernel.programById(id))
    .run64(0, 0);
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (e) {
    if (e instanceof BpfError) return e.message;
    throw e;
  }
  return 'no error';
}

describe('hooks', () => {
  it('shows every instruction with the registers before it', () => {
    const seen: string[] = [];
    run('r0 = 7\nr0 += 1\nr1 = 0x100000000 ll\nexit', {
      onStep: (pc, regs) => seen.push(`${pc}:${regs[0]},${regs[1]}`),
    });
    expect(seen).toEqual(['0:0,0', '1:7,0', '2:8,0', '4:8,4294967296']);
  });

  it('starts with r10 at the top of the stack and nothing else', () => {
    const regs: bigint[][] = [];
    run('exit', { onStep: (_, r) => regs.push([...r]) });
    expect(regs).toEqual([[0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, BigInt(stackTop(0))]]);
  });

  it('stops an endless loop at the step budget', () => {
    expect(codeOf(() => run('a: goto a', { maxSteps: 1000 }))).toBe('EAGAIN: insn 0: the step budget is used up');
    expect(run('r0 = 1\nexit', { maxSteps: 2 })).toBe(1n);
    expect(codeOf(() => run('r0 = 1\nexit', { maxSteps: 1 }))).toMatch(/^EAGAIN: insn 1/);
  });

  it('stops at a back edge when the kill word is set', () => {
    const kernel = new Kernel({ clock: 'virtual', seed: 1 });
    const stopAfter = (steps: number): InterpOptions => ({
      onStep: () => {
        if (--steps === 0) kernel.memory.setU32(controlWord(0, 'kill'), 1);
      },
    });
    expect(codeOf(() => run('a: r0 += 1\ngoto a', stopAfter(100), kernel))).toBe('EINTR: insn 1: the run was stopped');
  });
});

describe('programs nobody verified', () => {
  it.each([
    ['a load below memory', 'r0 = *(u64 *)(r1 +0)', 'EFAULT: insn 0: no memory at 0x0 (8 bytes)'],
    ['a load above memory', 'r1 = -1\nr0 = *(u8 *)(r1 +0)', 'EFAULT: insn 1: no memory'],
    [
      'a store above memory',
      `r1 = ${MEMORY_END} ll\n*(u8 *)(r1 +0) = 1`,
      'EFAULT: insn 2: no memory at 0xc0000000 (1 bytes)',
    ],
    ['an atomic outside', 'lock *(u64 *)(r1 +8) += r2', 'EFAULT: insn 0: no memory at 0x8 (8 bytes)'],
    ['a packet load without a context', 'r0 = *(u8 *)skb[0]', 'EFAULT: insn 0: no memory'],
    ['no helper', 'call 9999', 'EINVAL: insn 0: there is no helper 9999'],
    ['no function', 'r1 = 5000\ncallx r1', 'EINVAL: insn 1: there is no helper 5000'],
    [
      'a tail call through no map',
      'r2 = 5\ncall bpf_tail_call',
      'EFAULT: insn 1: bpf_tail_call: R2 is not a map of this program',
    ],
    ['falling off the end', 'r0 = 0', 'EINVAL: insn 1: no such instruction'],
    ['endless recursion', 'f: call f', 'E2BIG: insn 0: the call stack is too deep'],
  ])('%s', (_, text, message) => {
    expect(codeOf(() => run(text))).toContain(message);
  });

  it('an opcode that does not exist, and the second half of an lddw', () => {
    const kernel = new Kernel();
    const bad = [{ code: 0xff, dst: 0, src: 0, off: 0, imm: 0 }];
    const program = kernel.loadProgram({ type: 'raw', insns: bad }, { jit: 'off', verify: false });
    expect(codeOf(() => program.run())).toBe('EINVAL: insn 0: no such instruction');
    expect(codeOf(() => run('goto +1\nr1 = 0x100000000 ll\nexit'))).toBe('EINVAL: insn 2: no such instruction');
  });

  it('reads the stack and the frames below it', () => {
    expect(run('*(u64 *)(r10 -600) = 5\nr0 = *(u64 *)(r10 -600)\nexit')).toBe(5n);
  });
});
