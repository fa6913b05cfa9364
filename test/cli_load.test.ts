// `prog load` as people type it: verdicts, tables, explanations, exit codes.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/run.ts';
import { openObject } from '../src/loader/index.ts';
import { beewasm, COUNTER, expectOneLine, FIREWALL, file, scratch, TWINS } from './cli_rig.ts';

describe('prog load of many objects', () => {
  const rows = (out: string) =>
    out
      .split('\n\n')[0]
      .split('\n')
      .map((line) => line.split(/ {2,}/).slice(0, 3).join(' '));

  it('is one table, the same whatever the order, with a row for each bad file; exit code 1', async () => {
    const bad = file('bad.o', 'no object');
    const { code, out } = await beewasm(
      `prog load test/objects/loader/programs.bpf.o ${bad} ${COUNTER} ${scratch}/none.o`,
    );
    expect(code).toBe(1);
    const files = [
      `${bad} - no program`,
      `${scratch}/none.o - no program`,
      ...['filter', 'first', 'frags', 'second'].map((name) => `test/objects/loader/programs.bpf.o ${name} accepted`),
      'test/objects/loader/programs.bpf.o unknown not loaded',
      `${COUNTER} count accepted`,
    ];
    expect(rows(out)).toEqual(['Object Program Verdict', ...files.sort(), '4 objects 6 programs 5 accepted']);
    expect(out).toContain(`\n${bad}: ELF: not an ELF file\n`);
    expect(out).toContain(`\ncan't read ${scratch}/none.o: no such file or directory\n`);
    expect(out).toContain("\n1 of 6 programs can't be loaded, 2 files with nothing to load\n");
    const again = await beewasm(`prog load ${COUNTER} ${scratch}/none.o ${bad} test/objects/loader/programs.bpf.o`);
    expect(rows(again.out)).toEqual(rows(out));
    const json = JSON.parse((await beewasm(`prog load ${COUNTER} ${bad} -j`)).out);
    expect(json.map((v: { verdict: string }) => v.verdict).sort()).toEqual(['accept', 'error']);
  });
  it('a program that libbpf would refuse is a row, too, and the other objects have theirs', async () => {
    const { code, out } = await beewasm(`prog load test/objects/kfuncs/declared.bpf.o ${COUNTER}`);
    expect(code).toBe(1);
    expect(rows(out)).toContain(`${COUNTER.replace('test/objects/', '')} count accepted`);
    expect(rows(out)).toContain('kfuncs/declared.bpf.o more not loaded');
    expect(out).toContain("declared.bpf.o: EINVAL: program more: extern (func ksym) 'bpf_task_release___more'");
  });
  it('shows the verdicts asked for, the most expensive first, and still fails for the others', async () => {
    const objects = `test/objects/loader/programs.bpf.o ${COUNTER} ${scratch}/none.o`;
    const accepted = await beewasm(`prog load ${objects} --only accepted --sort processed`);
    expect(accepted.code).toBe(1);
    const table = accepted.out.split('\n\n')[0].split('\n').slice(1, -1);
    expect(table.map((line) => line.split(/ {2,}/)[2])).toEqual(Array(5).fill('accepted'));
    const processed = table.map((line) => Number(line.split(/ {2,}/)[4]));
    expect(processed).toEqual([...processed].sort((a, b) => b - a));
    expect(accepted.out).toContain("1 of 6 programs can't be loaded, 1 file with nothing to load\n");
    const others = await beewasm(`prog load ${objects} --only not-loaded,no-program -j`);
    expect(JSON.parse(others.out).map((v: { verdict: string }) => v.verdict)).toEqual(['error', 'unsupported']);
    expectOneLine(
      await beewasm(`prog load ${objects} --only good`),
      2,
      'good is none of accepted, rejected, not-loaded',
    );
    expectOneLine(await beewasm(`prog load ${objects} --sort size`), 2, '--sort size is none of time, processed');
  });
  it('loads programs that wait to be asked for with --all', async () => {
    const object = 'test/objects/cli/optional.bpf.o';
    expectOneLine(await beewasm(`prog load ${object}`), 1, 'holds 2 programs that load only when asked for (SEC("?');
    const { code, out } = await beewasm(`prog load ${object} --all`);
    expect([
      code,
      rows(out)
        .slice(1, 3)
        .map((row) => row.split(' ')[1]),
    ]).toEqual([0, ['drops', 'passes']]);
  });
  it('is all accepted: exit code 0; --jited adds the size of the WebAssembly', async () => {
    const { code, out } = await beewasm(`prog load ${COUNTER} test/objects/cli/../cli/counter.bpf.o --jited`);
    expect(code).toBe(0);
    expect(out.split('\n')[0]).toMatch(/ Jited \(B\)$/);
    expect(out.split('\n')[1]).toMatch(/ [1-9][\d,]+$/);
  });
  it('fits the terminal: columns go, then the middle of names', async () => {
    const print = async (columns: number) => {
      let out = '';
      const args = [
        'prog',
        'load',
        'test/objects/loader/programs.bpf.o',
        COUNTER,
        'test/objects/loader/lone.bpf.o',
        'test/objects/loader/legacy.bpf.o',
      ];
      await runCli(args, { out: (text) => (out += text), err: () => {}, colours: false, columns });
      return out.split('\n\n')[0].split('\n');
    };
    for (const columns of [60, 80, 120]) {
      expect(Math.max(...(await print(columns)).map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
    expect((await print(120))[0]).toContain('Marks');
    expect((await print(60))[0]).toMatch(/^Object +Program +Verdict +Processed/);
  });
  it('--annotate: GitHub workflow commands behind the text; not with --json', async () => {
    const { out } = await beewasm(`prog load ${TWINS} name no_null_check --annotate`);
    expect(out.trimEnd().split('\n').at(-1)).toMatch(
      /^::error file=test\/objects\/twins\/twins\.bpf\.c,line=219,col=12,title=no_null_check%3A null_dereference::R0 invalid mem/,
    );
    const bad = file('bad.o', 'no object');
    expect((await beewasm(`prog load ${bad} ${COUNTER} --annotate`)).out).toContain(
      `::error title=${bad}::${bad}: ELF: not`,
    );
    const json = await beewasm(`-j prog load ${COUNTER} --annotate`);
    expect([json.code, json.err]).toEqual([2, 'Error: prog load: --annotate writes lines of text: not with --json\n']);
  });
});

describe('prog load', () => {
  it("accepts the firewall, with the verifier's statistics", async () => {
    const { code, out, err } = await beewasm(`prog load ${FIREWALL}`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(lines[0]).toEqual([
      'Object',
      'Program',
      'Verdict',
      'Time (us)',
      'Processed',
      'States',
      'Peak',
      'Marks',
      'Insns',
    ]);
    expect(lines.slice(1, 3).map((row) => row.slice(0, 3))).toEqual([
      ['firewall.bpf.o', 'xdp_fw', 'accepted'],
      ['firewall.bpf.o', 'xdp_fw_dns', 'accepted'],
    ]);
    expect(lines[3].slice(0, 3)).toEqual(['1 object', '2 programs', '2 accepted']);
    const one = await beewasm(`prog load ${FIREWALL} name xdp_fw_dns`);
    expect(one.out).toMatch(
      /^xdp_fw_dns: accepted\nprocessed \d+ insns \(limit 1000000\) max_states_per_insn \d+ total_states /m,
    );
  });
  it('rejects a twin with exit code 1, the message, the C line and the log', async () => {
    const { code, out, err } = await beewasm(`prog load ${TWINS} name no_null_check`);
    expect({ code, err }).toEqual({ code: 1, err: '' });
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toBe("no_null_check: rejected, EACCES (-13): R0 invalid mem access 'map_value_or_null'");
    expect(lines[1]).toBe('-- BEGIN PROG LOAD LOG --');
    const end = lines.indexOf('-- END PROG LOAD LOG --');
    expect(lines.slice(end - 2, end + 4)).toEqual([
      "R0 invalid mem access 'map_value_or_null'",
      expect.stringMatching(/^processed 62 insns /),
      '-- END PROG LOAD LOG --',
      '',
      "error[null_dereference]: R0 invalid mem access 'map_value_or_null'",
      expect.stringMatching(/^ +--> \.\/test\/objects\/twins\/twins\.bpf\.c:219:12$/),
    ]);
    expect(lines.at(-2)).toMatch(/^ +\| *$|= help: test it before the first use/);
    expect(out).toContain('\n0: (61) r2 = *(u32 *)(r1 +4) ');
  });
  it('says of a loop that it is one, and not which states it met', async () => {
    const { code, out } = await beewasm(`prog load ${TWINS} name endless_loop`);
    expect(code).toBe(1);
    expect(out.split('\n')[0]).toBe('endless_loop: rejected, EINVAL (-22): infinite loop detected at insn 45');
  });
  it('btf FILE: CO-RE relocations are made for that kernel', async () => {
    const types = openObject(new Uint8Array(readFileSync('test/objects/loader/core_target.bpf.o'))).btf!;
    const object = 'test/objects/loader/core.bpf.o name offset';
    expect((await beewasm(`prog load ${object} btf ${file('btf', types)}`)).out).toContain('offset: accepted');
    expect((await beewasm(`prog load ${object}`)).out).toContain('without the BTF of a target (option btf)');
    const none = file('nobtf', 'no types here, but text');
    expectOneLine(await beewasm(`prog load ${object} btf ${none}`), 1, `${none}: BTF: header`);
    // Nor are several objects rows of a table: it is not they who are broken.
    const two = 'test/objects/loader/core.bpf.o test/objects/cli/counter.bpf.o';
    expectOneLine(await beewasm(`prog load ${two} btf ${none}`), 1, `${none}: BTF: header`);
  });
  it.each([
    ['run', `name offset data_in ${FIREWALL}`],
    ['dump xlated', 'name offset'],
    ['dump jited', 'name offset'],
    ['show', ''],
  ])('prog %s takes btf FILE, too', async (command, words) => {
    const types = openObject(new Uint8Array(readFileSync('test/objects/loader/core_target.bpf.o'))).btf!;
    const object = `test/objects/loader/core.bpf.o ${words}`;
    const { code, out, err } = await beewasm(`prog ${command} ${object} btf ${file('btf', types)}`);
    expect([code, err]).toEqual([0, '']);
    expect(out).not.toContain('CO-RE');
  });
  it('target OBJ: freplace programs beside the object whose functions they replace', async () => {
    const replace = 'prog load test/objects/freplace/replace.bpf.o';
    const target = 'target test/objects/freplace/target.bpf.o';
    expect((await beewasm(`${replace} name new_length ${target}`)).out).toContain('new_length: accepted');
    expect((await beewasm(`${replace} name more_arguments ${target}`)).out).toContain('length takes 1 argument, not 2');
    const other = await beewasm(`${replace} name new_length ${target} func grows`);
    expect(other.out).toContain('new_length: accepted');
    expect((await beewasm(`${replace} name new_nothing ${target}`)).out).toContain("Subprog nothing doesn't exist");
    expect((await beewasm(`${replace} name new_length`)).out).toContain('target OBJ is missing');
    const twins = `${replace} name new_length target ${TWINS} func endless_loop`;
    expectOneLine(await beewasm(twins), 1, `${TWINS}: the target, program endless_loop, is rejected: EINVAL`);
  });
  it('--json holds verdict, errno, message, place and statistics', async () => {
    const { code, out } = await beewasm(`-j prog load ${TWINS} name write_rodata`);
    expect(code).toBe(1);
    const [verdict] = JSON.parse(out);
    expect(verdict).toMatchObject({
      program: 'write_rodata',
      verdict: 'reject',
      error: { code: 'EACCES', errno: 13, message: 'write into map forbidden, value_size=4 off=0 size=4' },
      stats: { processed: 42 },
    });
    expect(verdict.error.source.file).toBe('./test/objects/twins/twins.bpf.c');
    expect(verdict.diagnostics).toMatchObject([
      { class: 'read_only', program: 'write_rodata', place: { function: 'write_rodata', source: { line: 164 } } },
    ]);
  });
  it('-d shows the log of an accepted program', async () => {
    const { out } = await beewasm('prog load test/objects/loader/programs.bpf.o name second -d');
    expect(out).toContain('0: (b4) w0 = 2 ');
  });
  it('type T overrules the section; --strict-stack refuses what root may do', async () => {
    expect((await beewasm('prog load test/objects/loader/lone.bpf.o type xdp')).code).toBe(0);
    expect((await beewasm('prog load test/objects/loader/programs.bpf.o name second type socket_filter')).code).toBe(0);
    const object = 'test/objects/twins/uninit_stack.bpf.o name uninit_word';
    expect((await beewasm(`prog load ${object}`)).code).toBe(0);
    const strict = await beewasm(`prog load ${object} --strict-stack`);
    expect(strict.code).toBe(1);
    expect(strict.out).toContain('invalid read from stack off -8+4 size 8');
  });
  it('--no-perfmon refuses what a loader without CAP_PERFMON may not', async () => {
    const firewall = 'prog load examples/firewall/firewall.bpf.o name xdp_fw';
    expect((await beewasm(firewall)).code).toBe(0);
    const { code, out } = await beewasm(`${firewall} --no-perfmon`);
    expect(code).toBe(1);
    expect(out).toContain('R7 partial copy of pointer');
  });
  it('programs that need what is not there fail by name, and the others are still verified', async () => {
    const { code, out } = await beewasm('prog load test/objects/loader/beyond.bpf.o');
    expect(code).toBe(1);
    expect(out).toMatch(/^beyond\.bpf\.o +fine +accepted /m);
    expect(out).toMatch(/^beyond\.bpf\.o +uses_core +not loaded +-/m);
    expect(out).toContain(
      '\ntest/objects/loader/beyond.bpf.o: program uses_core: CO-RE relocation without the BTF of a target (option btf)',
    );
    expect(out).toContain("5 of 8 programs can't be loaded\n");
  });
});

describe('calls of kfuncs', () => {
  const object = 'test/objects/kfuncs/run.bpf.o';
  const packet = file(
    'numbers',
    Uint8Array.from({ length: 64 }, (_, i) => i),
  );

  it.each(['jit', 'interp'])('run (%s)', async (engine) => {
    const { out } = await beewasm(`prog run ${object} name bytes data_in ${packet} engine ${engine}`);
    expect(out).toMatch(/^Return value: 2016, /);
  });

  it.each(['xlated', 'jited'])('have names in prog dump %s', async (what) => {
    const { out } = await beewasm(`prog dump ${what} ${object} name bytes`);
    expect(out).toMatch(/\(85\) call bpf_iter_num_next#\d+/);
  });
});
