// Whatever the input, verification ends in a verdict. Programs made to cost, in small (`npm run conformance -- hostile
// --count 1000000` for large ones), bytes that are no program, and programs with instructions broken.
import { describe, expect, it } from 'vitest';
import { inputOf } from '../conformance/embed/rig.ts';
import { generateSmall } from '../conformance/embed/small.ts';
import { Random } from '../conformance/fuzz/random.ts';
import { HOSTILE_OBJECTS } from '../conformance/hostile/objects.ts';
import { HOSTILE } from '../conformance/hostile/programs.ts';
import { endOfObject } from '../conformance/suites/hostile.ts';
import { asm } from '../src/isa/index.ts';
import { decode } from '../src/isa/insn.ts';
import { verify } from '../src/verifier/index.ts';

const answer = (insns: Parameters<typeof inputOf>[0]) => {
  const result = verify(inputOf(insns, 64));
  return result.ok ? 'accepted' : result.error.code;
};

const EXPECTED: Readonly<Record<string, string>> = {
  'loops in loops': 'EINVAL',
  'blocks that may jump back to the one before': 'EINVAL',
  'functions without end': 'E2BIG',
};
const OBJECT_ENDS: Readonly<Record<string, string>> = {
  'relocations with many candidates':
    "UnsupportedError program main: CO-RE relocation to 'same', after 1050000 comparisons of types, is not supported",
};
/** They take all of the million instructions however short they are. */
const LONG = ['paths that part for good', 'paths that wait with long histories', 'a loop of two million rounds'];

/** A record of 8 bytes of ring buffer map 0. */
const TAKE = [
  { code: 0x18, dst: 1, src: 1, off: 0, imm: 0 },
  { code: 0, dst: 0, src: 0, off: 0, imm: 0 },
  ...asm('r2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve').insns,
];

describe('hostile programs', () => {
  const short = Object.keys(HOSTILE).filter((name) => !LONG.includes(name));
  it.each(short)('%s', (name) => {
    expect(answer(HOSTILE[name](8000))).toBe(EXPECTED[name] ?? 'accepted');
  });

  it('all end that are not tried here', () => {
    for (const name of LONG) expect(HOSTILE[name](40).length).toBeGreaterThan(2);
  });

  // Sweeps over all of it, one for each jump back, would take minutes.
  it('with many jumps back have their live registers found', () => {
    const { stats } = verify(inputOf(HOSTILE['blocks that may jump back to the one before'](150_000), 64));
    expect(stats.processed).toBeGreaterThan(150_000);
  });

  it('may trace for long at log level 2, and the end of the log is there', () => {
    const insns = HOSTILE['a number from far back decides again and again'](8_000);
    const { log } = verify(inputOf(insns, 64), { logLevel: 2 });
    const lines = log.split('\n');
    expect(lines.length).toBeLessThan(100_010);
    expect(lines.at(-2)).toMatch(/^processed 799\d insns/);
    expect(lines.filter((l) => /^mark_precise: frame0: regs=r2 stack= before \d+: /.test(l)).length).toBeGreaterThan(
      40_000,
    );
  });

  it('with a longer log than libbpf has room for keep its end', () => {
    const fill = asm(
      Array.from(
        { length: 64 },
        (_, i) => `r2 = *(u64 *)(r1 + 0)\nr2 *= 12345\n*(u64 *)(r10 - ${8 * i + 8}) = r2`,
      ).join('\n'),
    ).insns;
    const branches = asm('if r2 > 7 goto l\nr3 += 1\nl:').insns;
    const insns = [
      ...fill,
      ...asm('r3 = 0').insns,
      ...Array.from({ length: 8_000 }, () => branches).flat(),
      ...asm('r0 = 0\nexit').insns,
    ];
    const { log } = verify(inputOf(insns, 64), { logLevel: 2 });
    expect(log.length).toBeLessThanOrEqual(2 ** 24);
    expect(log.length).toBeGreaterThan(2 ** 23);
    expect(log.slice(-200)).toMatch(/processed \d+ insns/);
  });

  it('that take references without end are refused', () => {
    const taken = (n: number) => {
      const insns = Array.from({ length: n }, () => TAKE).flat();
      const mapRefs = new Map(
        Array.from({ length: n }, (_, i) => [i * TAKE.length, { map: 0, kind: 'fd', off: 0 } as const]),
      );
      const ring = { name: 'r', type: 27, keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 };
      const program = { ...inputOf([...insns, ...asm('r0 = 0\nexit').insns], 0), type: 6, maps: [ring], mapRefs };
      const result = verify(program);
      return result.ok ? 'accepted' : `${result.error.code} ${result.error.message}`;
    };
    expect(taken(4096)).toMatch(/^EINVAL .*would lead to reference leak$/);
    expect(taken(4097)).toBe('ENOMEM too many references are held');
  });

  it('with more than 256 functions are refused as by Linux', () => {
    expect(answer(HOSTILE['functions without end'](3 * 255))).toBe('accepted');
    const result = verify(inputOf(HOSTILE['functions without end'](3 * 256), 0));
    expect(result).toMatchObject({ ok: false, error: { code: 'E2BIG', message: 'too many subprograms' } });
  });
});

describe('hostile objects', () => {
  it.each(Object.keys(HOSTILE_OBJECTS))('%s', (name) => {
    const { end } = endOfObject(HOSTILE_OBJECTS[name](3000));
    expect(end).toBe(OBJECT_ENDS[name] ?? 'accepted');
  });

  it('that would become gigabytes of programs are refused', () => {
    const object = HOSTILE_OBJECTS['programs that all call the same functions'](60_000);
    expect(endOfObject(object).end).toMatch(/^UnsupportedError programs that have more than \d+ instructions/);
  });
});

describe('anything else', () => {
  it('that is bytes has a verdict', () => {
    for (let n = 0; n < 300; n++) {
      const random = new Random(0x68, n);
      const bytes = Uint8Array.from({ length: 8 * random.between(1, 40) }, () => random.next());
      expect(['EINVAL', 'EACCES', 'E2BIG', 'EBADF', 'EPROTO']).toContain(answer(decode(bytes)));
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
      [...seen].filter(
        (code) => !['accepted', 'EINVAL', 'EACCES', 'E2BIG', 'EBADF', 'EFAULT', 'EPROTO'].includes(code),
      ),
    ).toEqual([]);
    expect(seen.size).toBeGreaterThan(2);
  });

  it('that is empty or too long is refused', () => {
    expect(answer([])).toBe('E2BIG');
    expect(answer(Array.from({ length: 1_000_001 }, () => asm('exit').insns[0]))).toBe('E2BIG');
  });
});
