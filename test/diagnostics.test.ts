// Rejections explained. The catalogue: every message has a row of its own, and no row is dead. The goldens: what a person
// reads who made one of the mistakes of test/objects/diagnostics (vitest -u accepts changes: read them as somebody who
// never wrote BPF). Where there is a live kernel, it refuses these programs with the same words.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { openObject, programInput } from '../src/index.ts';
import { asm } from '../src/isa/index.ts';
import { CATALOGUE, match, type Rule } from '../src/verifier/diagnose/catalogue.ts';
import type { Case } from '../src/verifier/diagnose/row.ts';
import { annotation, type Diagnostic, diagnosticLine, renderDiagnostic, verify } from '../src/verifier/index.ts';
import { denied } from '../src/verifier/reject.ts';
import type { ProgramInput } from '../src/verifier/verified.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = `${root}test/objects/diagnostics`;
const object = openObject(readFileSync(`${folder}/diagnostics.bpf.o`));
const twins = openObject(readFileSync(`${root}test/objects/twins/twins.bpf.o`));
const oracle = openOracle((why) => console.log(`diagnostics on the live kernel: skipped, ${why}`));
afterAll(() => oracle?.shutdown());

function refused(input: ProgramInput, allowUninitStack = true): Diagnostic {
  const result = verify(input, { allowUninitStack });
  expect(result.ok).toBe(false);
  expect(result.diagnostics).toHaveLength(1);
  return result.diagnostics[0];
}

/** A socket filter, for what C does not say. */
function filter(text: string, more: Partial<ProgramInput> = {}): ProgramInput {
  return {
    name: 'filter',
    type: 1,
    expectedAttachType: 0,
    flags: 0,
    license: 'GPL',
    insns: asm(text).insns,
    maps: [],
    mapRefs: new Map(),
    ...more,
  };
}

describe('the catalogue', () => {
  const rules = Object.keys(CATALOGUE) as Rule[];
  /** A text of the rule: placeholders become words that no literal part looks like. */
  const sample = (rule: Rule) => rule.replace(/\{(\w+)\}/g, (_all, name) => (name === 'reg' ? '3' : '~'));

  it('knows each message by its own row', () => {
    expect(rules.length).toBeGreaterThan(120);
    expect(rules.filter((rule) => match(sample(rule))?.rule !== rule)).toEqual([]);
    expect(match('no check says this')).toBeNull();
  });

  it('has no row for words that no check says', () => {
    const files = readdirSync(`${root}src/verifier`).filter((name) => name.endsWith('.ts'));
    const sources = files.map((name) => readFileSync(`${root}src/verifier/${name}`, 'utf8').replaceAll("\\'", "'"));
    const said = new Set(sources.join(' ').match(/[A-Za-z_]+/g));
    const words = (rule: Rule) => rule.replace(/\{\w+\}/g, '~').match(/(?<!~)\b[A-Za-z_]{3,}\b(?!~)/g) ?? [];
    expect(rules.filter((rule) => words(rule).some((word) => !said.has(word)))).toEqual([]);
  });

  it('does not compile for words without a row', () => {
    // @ts-expect-error: a new message needs a row
    expect(denied('no check says this').code).toBe('EACCES');
    const type: string = 'scalar';
    // @ts-expect-error: R3 holds what?
    expect(denied(`R3 holds ${type}`).code).toBe('EACCES');
    expect(denied(`R3 invalid mem access '${type}'`).code).toBe('EACCES');
  });

  it('has a class, a reason and a help for each, whatever is known of the place', () => {
    const nothing: Case = {
      part: () => '',
      num: () => 0,
      cause: { why: '', help: '' },
      regno: -1,
      holds: 'something else',
      kind: '',
      smin: 0n,
      umax: 0n,
      range: '',
      off: 0,
      verb: 'uses',
      write: false,
      size: 0,
      helper: '',
      taker: '',
      open: [],
      past: '',
      map: null,
      progType: 'xdp',
      ctxStruct: '',
      verdicts: [],
    };
    const helps = new Set<string>();
    for (const rule of rules) {
      const row = CATALOGUE[rule];
      const [why, help] = [row.why, row.help].map((words) => (typeof words === 'string' ? words : words(nothing)));
      for (const text of [why, help]) expect(text, rule).not.toMatch(/undefined(?! behaviour)|NaN|\{\w+\}|^\s*$/);
      expect(why.length, rule).toBeGreaterThan(10);
      helps.add(help);
    }
    // Advice that fits everything helps nobody: the only texts that are shared are those of messages that mean the same.
    expect(helps.size).toBeGreaterThan(rules.length * 0.6);
  });
});

describe('mistakes in C', () => {
  it.each(Object.values(object.programs).map((p) => [p.name, p] as const))('%s', async (name, program) => {
    const input = programInput(object, program);
    const strict = name === 'padding_in_the_key';
    const diagnostic = refused(input, !strict);
    await expect(`${renderDiagnostic(diagnostic)}\n`).toMatchFileSnapshot(`${folder}/${name}.txt`);
    if (oracle === null || strict) return;
    const linux = oracle.load(input);
    oracle.unload(linux);
    expect([linux.verdict, linux.errno, linux.message]).toEqual(['REJECT', diagnostic.code, diagnostic.message]);
  });
});

describe.each([
  ['around functions of the kernel', 'kernel_calls'],
  ['in sections and around objects on the stack', 'sections'],
])('mistakes %s', (_what, file) => {
  const kernel = openObject(readFileSync(`${folder}/${file}.bpf.o`));
  it.each(Object.values(kernel.programs).map((p) => [p.name, p] as const))('%s', async (name, program) => {
    const text = renderDiagnostic(refused(programInput(kernel, program)));
    await expect(`${text}\n`).toMatchFileSnapshot(`${folder}/${name}.txt`);
  });
});

describe('where a section began', () => {
  const sections = openObject(readFileSync(`${folder}/sections.bpf.o`));
  const of = (name: string) => refused(programInput(sections, sections.programs[name]));
  it('is part of the data and of the annotation', () => {
    const d = of('leaves_rcu_open');
    expect(d.trail.map((t) => [t.source?.line, t.text])).toEqual([
      [35, 'the RCU read section begins here'],
      [36, 'this branch leads to the end with the RCU read section still open'],
    ]);
    expect(annotation(d)).toContain(
      '%0Atest/objects/diagnostics/sections.bpf.c:35: the RCU read section begins here%0A',
    );
  });
  it('is not told of a register that has nothing to do with it', () => {
    expect(of('preemption_stays_off').register).toBeNull();
  });
  it('is not forgotten where an exception is thrown', () => {
    expect(of('throws_in_rcu').trail.map((t) => t.text)).toEqual(['the RCU read section begins here']);
  });
});

describe('objects of a program', () => {
  const owned = openObject(readFileSync(`${root}test/objects/fields/owned.bpf.o`));
  const of = (name: string) => refused(programInput(owned, owned.programs[name]));
  it('does not blame the list for the object that is no node of it', () => {
    expect(of('bad_list_no_node').why).toMatch(/^an argument points to byte 32, where no struct bpf_list_node is/);
  });
  it('are not structures of the kernel', () => {
    const { help, register } = of('bad_behind_the_end');
    expect(register?.holds).toMatch(/^a pointer to an object of the program/);
    expect(help).toMatch(/^access fields by name and without casts/);
  });
});

describe('twins of a firewall', () => {
  it.each([
    'off_by_one_bound',
    'stack_index_unmasked',
    'endless_loop',
    'map_value_negative',
    'ctx_arithmetic',
    'write_rodata',
    'stack_of_two_too_large',
    'no_return_value',
    'unreachable_code',
  ])('%s', async (name) => {
    const diagnostic = refused(programInput(twins, twins.programs[name]));
    await expect(`${renderDiagnostic(diagnostic)}\n`).toMatchFileSnapshot(`${folder}/twin_${name}.txt`);
  });
});

describe('global functions', () => {
  const global = openObject(readFileSync(`${root}test/objects/global/global.bpf.o`));
  const of = (name: string) => refused(programInput(global, global.programs[name]));
  it.each([
    ['bad_ctx', /length: the function takes the context as argument 1, but gets a stack pointer/, 'R1'],
    ['bad_size', /sum: the function uses bytes 0\.\.8 of the packet, but only bytes 0\.\.4 are/, 'R1'],
    ['bad_opaque', /opaque: argument 1 is a pointer to something without a size/, 'R1'],
    ['bad_returns_nothing', /nothing is global and returns no number/, undefined],
  ])('%s: says which argument does not fit, and why', (name, why, register) => {
    const d = of(name);
    expect(d.why).toMatch(why);
    expect(d.register?.name).toBe(register);
    expect(d.help).not.toMatch(/line/);
  });
  it('have names, which are not those of helpers', () => {
    expect(of('bad_moved').trail.map((t) => t.text)).toEqual([
      'move may move the packet: pointers into it are only numbers afterwards',
    ]);
  });
  it('start by themselves', () => {
    expect(of('bad_unchecked').trail[0].text).toMatch(/^the function starts with it: a pointer to 8 bytes/);
  });
});

describe('the history of a value', () => {
  const texts = (text: string) => refused(filter(text)).trail.map((t) => `${t.insn}: ${t.text}`);

  it('goes through copies, the stack and calls', () => {
    const text = `
      r6 = *(u32 *)(r1 + 0)
      *(u64 *)(r10 - 8) = r6
      r1 = *(u64 *)(r10 - 8)
      call pc+2
      r0 = *(u8 *)(r0 + 0)
      exit
      r0 = r1
      exit`;
    expect(texts(text)).toEqual(['0: read from the context here: a number from 0 to 2^32 - 1']);
  });
  it('tells the last comparison, not all', () => {
    const text = `
      r6 = *(u32 *)(r1 + 0)
      if r6 > 100 goto pc+3
      if r6 > 20 goto pc+2
      r10 += 0
      r0 = *(u8 *)(r6 + 0)
      r0 = 0
      exit`;
    expect(texts(text.replace('      r10 += 0\n', ''))).toEqual([
      '0: read from the context here: a number from 0 to 2^32 - 1',
      '2: a number from 0 to 20 on this path',
    ]);
  });
  it('ends at the call that destroys a register, or nowhere', () => {
    expect(texts('call 7\nr0 = r2\nexit')).toEqual(['0: the call of bpf_get_prandom_u32 destroys R1 to R5']);
    expect(texts('r0 = r2\nexit')).toEqual([]);
  });
  it('tells which way of a jump to the next instruction was taken', () => {
    const text = 'r6 = *(u32 *)(r1 + 0)\nif r6 > 5 goto pc+0\nr0 = *(u8 *)(r6 + 0)\nexit';
    expect(texts(text)[1]).toBe('1: a number from 0 to 5 on this path');
  });
});

describe('the register in question', () => {
  it.each([
    ['r1 = r10\nr1 += -8\n*(u64 *)(r10 - 8) = 0\nr2 = 8\nr3 = 0\nr4 = r10\ncall bpf_dynptr_from_mem', 'R4', /fp\)$/],
    [
      'r2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\nr1 = r10\nr1 += -32\n*(u64 *)(r10 - 32) = 0\ncall bpf_dynptr_from_mem',
      'R1',
      /stack/,
    ],
    ['r0 = 5\nr0 /= 0', undefined, /^the program divides/],
  ])('%s', (text, name, why) => {
    const d = refused(filter(`${text}\nr0 = 0\nexit`));
    expect(d.register?.name).toBe(name);
    expect(d.why).toMatch(why);
  });
  it('is told by its narrower range', () => {
    const text = 'r6 = *(u32 *)(r1 + 0)\nr6 &= 8\nr6 -= 16\nr2 = r10\nr2 += r6\nr0 = *(u64 *)(r2 - 512)\nexit';
    const { why, register } = refused(filter(text));
    expect(why).toMatch(/by -16 to -8 bytes/);
    expect(register?.holds).toBe('a stack pointer (fp + (-16 to -8))');
  });
  it('fits into the width, however long its text', () => {
    const text = 'r6 = *(u32 *)(r1 + 0)\nr6 &= 8\nr6 -= 16\nr2 = r10\nr2 += r6\nr0 = *(u64 *)(r2 - 512)\nexit';
    const lines = renderDiagnostic(refused(filter(text)), { width: 60 })
      .split('\n')
      .slice(1);
    expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(60);
  });
});

describe('help', () => {
  it('for a CO-RE relocation that failed does not talk of helpers', () => {
    const { why, help } = refused(filter('call 195896080\nexit'));
    expect(why).toMatch(/^a CO-RE relocation found nothing/);
    expect(help).toMatch(/bpf_core_field_exists/);
    expect(refused(filter('call 195896081\nexit')).why).toBe('Linux 6.18 has no helper number 195896081');
  });
  it('compares with no bytes in front of the packet', () => {
    const text = 'r2 = *(u32 *)(r1 + 76)\nr0 = *(u8 *)(r2 - 2)\nexit';
    const { why, help } = refused(filter(text, { type: 3 }));
    expect(why).toMatch(/^reads 2 bytes in front of/);
    expect(help).toMatch(/^the packet starts at data:/);
  });
  it('does not talk of const where a flag of the map forbids to write', () => {
    const map = { name: 'fixed', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 1 << 7 };
    const { insns } = asm('r1 = 0 ll\n*(u64 *)(r1 + 0) = 1\nexit');
    const value = [{ ...insns[0], src: 2 }, ...insns.slice(1)];
    const mapRefs: ProgramInput['mapRefs'] = new Map([[0, { kind: 'value', map: 0, off: 0 }]]);
    const d = refused(filter('exit', { insns: value, maps: [map], mapRefs }));
    expect(d.help).toMatch(/^create the map without BPF_F_RDONLY_PROG/);
  });
});

describe('text', () => {
  const text = 'r0 = r2\nexit';
  const line = (source: string, column: number) =>
    filter(text, { lines: new Map([[0, { file: 'a.c', line: 7, column, text: source }]]) });

  it('shows instructions where there are no C lines', () => {
    expect(
      renderDiagnostic(refused(filter(text)))
        .split('\n')
        .slice(0, 5),
    ).toEqual([
      'error[uninitialized]: R2 !read_ok',
      ' --> insn 0 of filter',
      '  |',
      '0 | r0 = r2',
      '  | ^^^^^^^ R2 is read, but nothing readable is in it on this path',
    ]);
  });
  it.each([
    ['\treturn x;', 9, '7 |     return x;', '  |            ^ R2'],
    ['\tö = größe;', 7, '7 |     ö = größe;', '  |         ^^^^^ R2'],
    ['文字 = x;', 10, '7 | 文字 = x;', '  |        ^ R2'],
    ['return x;', 0, '7 | return x;', '  | ^^^^^^^^^ R2'],
    ['return x;', 1000, '7 | return x;', '  | ^^^^^^^^^ R2'],
  ])('puts the mark below the place: %j column %d', (source, column, shown, marked) => {
    const out = renderDiagnostic(refused(line(source, column))).split('\n');
    expect(out[3]).toBe(shown);
    expect(out[4].startsWith(marked)).toBe(true);
  });
  it('cuts lines of macros, and keeps everything inside the width', () => {
    const source = `${'x = f(y, z); '.repeat(400)}return q;`;
    const out = renderDiagnostic(refused(line(source, 13 * 400 + 8)), { width: 80 }).split('\n');
    expect(out[3]).toContain('return q;');
    expect(out[3].startsWith('7 | …')).toBe(true);
    expect(out[4].indexOf('^')).toBe(out[3].indexOf('q;'));
    expect(Math.max(...out.map((l) => l.length))).toBeLessThanOrEqual(80);
  });
  it('nothing of a file steers the terminal, and colours come only from outside', () => {
    const d = refused(line('\x1b[31mreturn\x9b2J\r x;\u202e', 0));
    expect(renderDiagnostic(d).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(renderDiagnostic(d, { paint: (role, t) => `<${role}>${t}</>` })).toContain('<error>error[uninitialized]</>');
  });
  it('says in one line what and where', () => {
    expect(diagnosticLine(refused(line('return x;', 8)))).toBe(
      'a.c:7:8: R2 !read_ok (uninitialized: R2 is read, but nothing readable is in it on this path)',
    );
  });
  it('annotates a line of a pull request, whatever is in the names', () => {
    const d = refused({ ...line('return x;', 8), name: 'a,b:c%' });
    expect(annotation(d).split('::').slice(0, 2)).toEqual([
      '',
      'error file=a.c,line=7,col=8,title=a%2Cb%3Ac%25%3A uninitialized',
    ]);
    expect(annotation(d)).not.toContain('\n');
    expect(annotation(refused(filter(text)))).toMatch(/^::error title=filter%3A uninitialized::R2 !read_ok%0A/);
  });
});
