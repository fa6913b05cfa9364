// Whatever the input, verification ends in a verdict. Programs made to cost, in small (`npm run conformance -- hostile
// --count 1000000` for large ones), bytes that are no program, and programs with instructions broken.
import { describe, expect, it } from 'vitest';
import { inputOf } from '../conformance/embed/rig.ts';
import { generateSmall } from '../conformance/embed/small.ts';
import { Random } from '../conformance/fuzz/random.ts';
import { HOSTILE } from '../conformance/hostile/programs.ts';
import { asm } from '../src/isa/index.ts';
import { decode } from '../src/isa/insn.ts';
import { verify } from '../src/verifier/index.ts';

const answer = (insns: Parameters<typeof inputOf>[0]) => {
  const result = verify(inputOf(insns, 64));
  return result.ok ? 'accepted' : result.error.code;
};

const EXPECTED: Readonly<Record<string, string>> = {
  'loops in loops': 'EINVAL',
  'functions without end': 'E2BIG',
};
/** They take all of the million instructions however short they are. */
const LONG = ['paths that part for good', 'paths that wait with long histories', 'a loop of two million rounds'];

describe('hostile programs', () => {
  const short = Object.keys(HOSTILE).filter((name) => !LONG.includes(name));
  it.each(short)('%s', (name) => {
    expect(answer(HOSTILE[name](8000))).toBe(EXPECTED[name] ?? 'accepted');
  });

  it('all end that are not tried here', () => {
    for (const name of LONG) expect(HOSTILE[name](40).length).toBeGreaterThan(2);
  });

  it('with more than 256 functions are refused as by Linux', () => {
    expect(answer(HOSTILE['functions without end'](3 * 255))).toBe('accepted');
    const result = verify(inputOf(HOSTILE['functions without end'](3 * 256), 0));
    expect(result).toMatchObject({ ok: false, error: { code: 'E2BIG', message: 'too many subprograms' } });
  });
});

describe('anything else', () => {
  it('that is bytes has a verdict', () => {
    for (let n = 0; n < 300; n++) {
      const random = new Random(0x68, n);
      const bytes = Uint8Array.from({ length: 8 * random.between(1, 40) }, () => random.next());
      expect(['EINVAL', 'EACCES', 'E2BIG', 'EBADF']).toContain(answer(decode(bytes)));
    }
  });

  it('that was a program has a verdict', () => {
    const seen = new Set<string>();
    for (let n = 0; n < 150; n++) {
      const random = new Random(0x69, n);
      const insns = [...generateSmall(5, n).main.insns];
      for (let k = random.between(1, 4); k > 0; k--) {
        const at = random.below(insns.length);
        // Where jumps go stays as it is: most new loops take a million instructions to refuse.
        const jumps = (insns[at].code & 7) === 5 || (insns[at].code & 7) === 6;
        const field = random.pick(['code', 'dst', 'src', jumps ? 'dst' : 'off', 'imm'] as const);
        const value = {
          code: random.below(256),
          dst: random.below(16),
          src: random.below(16),
          off: (random.corner32() << 16) >> 16,
          imm: random.corner32() | 0,
        };
        insns[at] = { ...insns[at], [field]: value[field] };
      }
      seen.add(answer(insns));
    }
    expect(
      [...seen].filter((code) => !['accepted', 'EINVAL', 'EACCES', 'E2BIG', 'EBADF', 'EFAULT'].includes(code)),
    ).toEqual([]);
    expect(seen.size).toBeGreaterThan(2);
  });

  it('that is empty or too long is refused', () => {
    expect(answer([])).toBe('E2BIG');
    expect(answer(Array.from({ length: 1_000_001 }, () => asm('exit').insns[0]))).toBe('E2BIG');
  });
});
