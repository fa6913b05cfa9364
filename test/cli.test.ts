// The command line as people type it: output strings, exit codes, and bad input, which has to be one line on stderr
// and never a stack trace.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Progress } from '../src/cli/progress.ts';
import { runCli } from '../src/cli/run.ts';
import { openObject } from '../src/loader/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'dist/src/cli/main.js');
process.chdir(root);
const scratch = mkdtempSync(join(tmpdir(), 'beewasm-cli-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Outcome {
  code: number | null;
  out: string;
  err: string;
}
const split = (args: string) => args.split(' ').filter((a) => a !== '');

/** A command line in this process: what main.ts does with its own arguments. Runs from the project's root. */
async function beewasm(args: string): Promise<Outcome> {
  const outcome = { out: '', err: '' };
  const code = await runCli(split(args), {
    out: (text) => {
      outcome.out += text;
    },
    err: (text) => {
      outcome.err += text;
    },
    colours: false,
  });
  return { code, ...outcome };
}
/** The same as a process of its own, with a stdin. */
function spawned(args: string, input = ''): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...split(args)], {
    cwd: root,
    input,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}
function file(name: string, contents: string | Uint8Array): string {
  const path = join(scratch, name);
  writeFileSync(path, contents);
  return path;
}

const FIREWALL = 'examples/firewall/firewall.bpf.o';

describe('help', () => {
  it.each([
    ['prog -h', ['prog show', 'prog load', 'prog run', 'prog dump']],
    ['-h prog', ['prog show', 'prog load', 'prog run', 'prog dump']],
    ['prog load --help', ['prog load']],
    ['feature -h', ['feature']],
  ])('beewasm %s', async (args, commands) => {
    const { code, out, err } = await beewasm(args);
    expect([code, err]).toEqual([0, '']);
    const usages = out.split('\n').filter((line) => line.startsWith('  beewasm '));
    expect(
      usages.map((line, i) => line.startsWith(`  beewasm ${commands[i]} `) || line === `  beewasm ${commands[i]}`),
    ).toEqual(commands.map(() => true));
    expect(out).not.toMatch(/ \n/);
  });
});

describe('prog show', () => {
  it('lists programs as bpftool does', async () => {
    const { code, out } = await beewasm(`prog show ${FIREWALL}`);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^xdp {2}name xdp_fw {2}tag [0-9a-f]{16} {2}gpl\n\txlated \d+B {2}section xdp\n\tfunctions xdp_fw,/m,
    );
  });
  it('--json prints one array; words may be abbreviated and options stand anywhere', async () => {
    const plain = JSON.parse((await beewasm(`prog show ${FIREWALL} --json`)).out);
    expect(JSON.parse((await beewasm(`-p p sh ${FIREWALL}`)).out)).toEqual(plain);
    expect(plain.map((p: { name: string }) => p.name).sort()).toEqual(['xdp_fw', 'xdp_fw_dns']);
    expect(plain[0]).toMatchObject({ type: 'xdp', gpl_compatible: true, section: 'xdp', autoload: true });
  });
  it('names what keeps a program from being loaded', async () => {
    const { out } = await beewasm('prog show test/objects/loader/beyond.bpf.o');
    expect(out).toContain("needs CO-RE relocation without the BTF of a target (option btf): can't be loaded here");
  });
});

const TWINS = 'test/objects/twins/twins.bpf.o';
const COUNTER = 'test/objects/cli/counter.bpf.o';

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

describe('prog run', () => {
  const packet = file('packet', new Uint8Array(128));
  const run = (rest: string) => beewasm(`prog run test/objects/cli/counter.bpf.o data_in ${packet} ${rest}`);

  it.each(['jit', 'interp'])("prints trace lines and bpftool's line (%s)", async (engine) => {
    expect(await run(`engine ${engine}`)).toEqual({
      code: 0,
      out: expect.stringMatching(/^packet of 128 bytes\nReturn value: 2, duration: \d+ns\n$/),
      err: '',
    });
    expect((await run(`engine ${engine} repeat 3`)).out).toMatch(
      /(packet.*\n){3}Return value: 2, duration \(average\): \d+ns\n$/,
    );
  });
  it('writes data_out and ctx_out, or prints them', async () => {
    const [data, ctx] = [join(scratch, 'data'), join(scratch, 'ctx')];
    expect((await run(`engine interp data_out ${data} ctx_out ${ctx}`)).code).toBe(0);
    expect(readFileSync(data).length).toBe(128);
    expect(readFileSync(ctx).readUInt32LE(4) - readFileSync(ctx).readUInt32LE(0)).toBe(128);
    const lines = (await run('engine interp data_out - ctx_out -')).out.split('\n');
    expect(lines.slice(1, 3)).toEqual(['Data:', '01 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00']);
    expect(lines[10]).toBe('Context:');
  });
  it('map dump shows elements and every CPU, in text and JSON', async () => {
    const { out } = await run('engine interp cpu 1 map dump all');
    expect(out).toContain(
      'key:\n02 00 00 00\n' +
        'value (CPU 00): 00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00\n' +
        'value (CPU 01): 01 00 00 00 00 00 00 00  80 00 00 00 00 00 00 00\n',
    );
    expect(out).toContain('\npercpu_array  name verdicts\n');
    expect(out).toContain('\nhash  name lengths\nkey: 80 00 00 00  value: 01 00 00 00 00 00 00 00\nFound 1 element\n');
    const json = JSON.parse((await run('engine interp map dump .bss -j')).out);
    expect(json).toMatchObject({
      retval: 2,
      trace: ['packet of 128 bytes'],
      maps: { '.bss': [{ key: ['0x00', '0x00', '0x00', '0x00'], value: ['0x01', ...Array(7).fill('0x00')] }] },
    });
  });
  it('ctx_in gives the context: here room for metadata, which is no packet', async () => {
    const ctx = Buffer.alloc(24);
    ctx.writeUInt32LE(64, 0); // data: 64 bytes behind data_meta
    ctx.writeUInt32LE(128, 4); // data_end
    expect((await run(`engine interp ctx_in ${file('ctx_in', ctx)}`)).out).toMatch(
      /^packet of 64 bytes\nReturn value: 1,/,
    );
  });
  it('maps that can not be created are no reason for programs that do not use them', async () => {
    const object = 'prog run test/objects/dynptr/dynptr.bpf.o';
    expectOneLine(
      await beewasm(`${object} name ok_loop data_in ${packet}`),
      1,
      'map type ringbuf is not supported yet',
    );
    expect((await beewasm(`${object} name ok_static data_in ${packet}`)).out).toMatch(/^Return value: 0, /);
  });
  it('bad input is one line', async () => {
    const object = 'prog run test/objects/cli/counter.bpf.o';
    expectOneLine(await beewasm(`${object} name nope data_in ${packet}`), 1, "has no program 'nope'");
    expectOneLine(await beewasm(`${object} data_in ${join(scratch, 'nothing')}`), 1, 'no such file or directory');
    expectOneLine(await beewasm(`${object} data_in ${file('short', 'abc')} engine interp`), 1, 'EINVAL');
    expectOneLine(await beewasm(`${object} engine interp`), 1, 'EINVAL');
    expectOneLine(await run('engine interp map dump nope'), 1, "there is no map 'nope'");
    expectOneLine(await beewasm(`prog run ${TWINS} name no_null_check data_in ${packet}`), 1, 'was rejected (EACCES)');
    expectOneLine(await run('repeat many'), 2, 'repeat has to be a number');
    expectOneLine(await run('cpu 64'), 2, 'cpu has to be a number up to 63');
    expectOneLine(await run('map frob all'), 2, 'expected dump');
  });
});

describe('prog dump jited', () => {
  const second = 'prog dump jited test/objects/loader/programs.bpf.o name second';
  it('prints each instruction beside its WebAssembly', async () => {
    const { code, out } = await beewasm(second);
    expect(code).toBe(0);
    expect(out).toMatch(/^bpf +│ facts +│ wat\n/);
    expect(out).toMatch(/^ {3}0: \(b4\) w0 = 2 +│ → i32 +│ +\(local\.set \$w0 \(i32\.const 2\)\)$/m);
  });
  it('--json', async () => {
    const { name, insns, wat } = JSON.parse((await beewasm(`-j ${second}`)).out);
    expect(name).toBe('second');
    expect(wat).toMatch(/^\(module\n/);
    expect(insns).toContainEqual({
      insn: 0,
      disasm: '(b4) w0 = 2',
      facts: ['→ i32'],
      depth: 1,
      wat: '(local.set $w0 (i32.const 2))',
    });
  });
  it('--dump prints the result of one pass', async () => {
    expect((await beewasm(`${second} --dump=structure`)).out).toBe('function at 0\ncode 0\n');
    expect((await beewasm(`${second} --dump=wat`)).out).toMatch(/^\(module\n/);
    expect(JSON.parse((await beewasm(`-j ${second} --dump structure`)).out)).toEqual({
      name: 'second',
      pass: 'structure',
      text: 'function at 0\ncode 0',
    });
  });
});

describe('prog dump xlated', () => {
  it('prints instructions with C lines and map names', async () => {
    const { code, out } = await beewasm('prog dump xlated test/objects/loader/data.bpf.o opcodes linum');
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toBe('prog:');
    expect(lines[1]).toMatch(
      /^; if \(enabled\) \[file:\.\/test\/objects\/loader\/data\.bpf\.c line_num:\d+ line_col:\d+\]$/,
    );
    expect(lines[2]).toBe('   0: (18) r2 = map[name:.rodata][0]+4');
    expect(lines[3]).toBe('       18 22 00 00 00 00 00 00  00 00 00 00 04 00 00 00');
  });
  it('--json', async () => {
    const rows = JSON.parse((await beewasm('-j prog dump xlated test/objects/loader/programs.bpf.o name second')).out);
    expect(rows).toEqual([
      { insn: 0, function: 'second', src: 'return XDP_PASS;', disasm: '(b4) w0 = 2' },
      { insn: 1, disasm: '(95) exit' },
    ]);
  });
});

describe('asm, disasm, feature', () => {
  const source = 'start: r0 = 1\n  if r1 == 0x5 goto start\n  r2 = 0x1122334455667788 ll\n  exit\n';
  it('asm prints hex that disasm reads', async () => {
    const hex = spawned('asm -', source);
    expect(hex.out).toBe(
      'b7 00 00 00 01 00 00 00\n15 01 fe ff 05 00 00 00\n18 02 00 00 88 77 66 55\n00 00 00 00 44 33 22 11\n95 00 00 00 00 00 00 00\n',
    );
    const text = spawned('disasm -', hex.out);
    expect(text.out).toBe(
      '0: (b7) r0 = 1\n1: (15) if r1 == 0x5 goto pc-2\n2: (18) r2 = 0x1122334455667788\n4: (95) exit\n',
    );
  });
  it('asm -o writes raw instructions, which disasm reads too', async () => {
    const raw = join(scratch, 'raw');
    expect(await beewasm(`asm ${file('in.s', source)} -o ${raw}`)).toEqual({ code: 0, out: '', err: '' });
    expect(readFileSync(raw).length).toBe(40);
    expect((await beewasm(`disasm ${raw} -j`)).out).toBe(
      '{"insns":["(b7) r0 = 1","(15) if r1 == 0x5 goto pc-2","(18) r2 = 0x1122334455667788","(95) exit"]}\n',
    );
  });
  it("feature lists what exists in bpftool's words", async () => {
    const { out } = await beewasm('feature');
    expect(out).toContain('eBPF program_type xdp is available\n');
    expect(out).toContain('eBPF map_type lpm_trie is ');
    expect(out).toContain('eBPF helpers supported for program type xdp:\n\t- bpf_map_lookup_elem\n');
    const json = JSON.parse((await beewasm('feature -j')).out);
    expect(json.program_types.have_xdp_prog_type).toBe(true);
    expect(json.map_types.have_percpu_hash_map_type).toBe(true);
    expect(json.helpers.xdp_available_helpers).toContain('bpf_redirect_map');
  });
});

describe('help and version', () => {
  it('-h explains all commands, or one', async () => {
    const all = await beewasm('--help');
    expect(all.code).toBe(0);
    for (const command of ['prog show OBJ', 'prog dump', 'asm FILE', 'disasm FILE', 'feature']) {
      expect(all.out).toContain(`beewasm ${command}`);
    }
    expect((await beewasm('asm -h')).out).toContain('beewasm asm FILE');
    expect((await beewasm('asm -h')).out).not.toContain('beewasm prog');
  });
  it('fits a terminal of 80 columns', async () => {
    const { out } = await beewasm('--help');
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(out).toMatch(/^ {2}beewasm prog run OBJ .*\n {10}\[/m);
  });
  it('-V', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await beewasm('-V')).toEqual({ code: 0, out: `beewasm v${version}\n`, err: '' });
    expect((await beewasm('version')).out).toBe(`beewasm v${version}\n`);
  });
});

/** One line on stderr that starts with `Error: `, nothing on stdout, no stack, no talk of bugs. */
function expectOneLine({ code, out, err }: Outcome, exit: number, message: string): void {
  expect({ code, out, lines: err.split('\n').length }).toEqual({ code: exit, out: '', lines: 2 });
  expect(err.startsWith('Error: ')).toBe(true);
  expect(err).toContain(message);
  expect(err).not.toMatch(/bug|\n\s+at /);
}

describe('bad input: one line, exit code 1', () => {
  const whole = readFileSync(join(root, FIREWALL));
  const notBpf = whole.slice();
  notBpf[18] = 62;
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 13) & 255);
  const cases: [string, string, string][] = [
    ['missing', join(scratch, 'nothing'), 'no such file or directory'],
    ['a directory', scratch, "can't read"],
    ['without an end', '/dev/zero', "can't read /dev/zero: it is a device"],
    ['empty', file('empty', ''), 'ELF: file is empty'],
    ['random', file('noise', noise), 'ELF: not an ELF file'],
    ['truncated', file('cut', whole.subarray(0, 20000)), 'ELF: '],
    ['for x86-64', file('x86', notBpf), 'ELF: machine 62 is not BPF (247)'],
    ['big-endian', 'test/objects/loader/bigendian.bpf.o', 'ELF: not a little-endian file'],
  ];
  it.each(cases)('an object that is %s', async (_, path, message) => {
    expectOneLine(await beewasm(`prog show ${path}`), 1, message);
  });
  it('with --json the error is JSON as well', async () => {
    const { code, out, err } = await beewasm(`-j prog show ${file('empty', '')}`);
    expect(code).toBe(1);
    expect(JSON.parse(out).error).toContain('ELF: file is empty');
    expect(err.split('\n').length).toBe(2);
  });
  it('a program that is not there', async () => {
    expectOneLine(
      await beewasm(`prog dump xlated ${FIREWALL} name nope`),
      1,
      "has no program 'nope', only: xdp_fw_dns, xdp_fw",
    );
    expectOneLine(await beewasm(`prog dump xlated ${FIREWALL}`), 1, 'holds several programs, name one of: ');
  });
  it('text that is no assembler, bytes that are no instructions', async () => {
    expectOneLine(spawned('asm -', 'r0 = 1\nfrobnicate r1\n'), 1, '-: asm: line 2: ');
    expectOneLine(spawned('asm -', 'r1 = map flows\nexit\n'), 1, 'map flows does not exist');
    expectOneLine(await beewasm(`disasm ${file('empty', '')}`), 1, 'file is empty');
    expectOneLine(await beewasm(`disasm ${file('seven', new Uint8Array(7))}`), 1, 'length 7 is not a multiple of 8');
    expectOneLine(spawned('disasm -', 'not hex'), 1, 'neither raw instructions nor hex');
    expectOneLine(await beewasm(`disasm ${FIREWALL}`), 1, 'an ELF file');
  });
});

it.skipIf(process.platform !== 'linux')('a full disk behind stdout is one line, a closed pipe none', () => {
  const shell = (line: string) => {
    const { stdout, stderr } = spawnSync('bash', ['-c', line, process.execPath, main], { encoding: 'utf8' });
    return [stdout, stderr];
  };
  expect(shell('"$0" "$1" -V >/dev/full; echo $?')).toEqual([
    '1\n',
    "Error: can't write stdout: no space left on device\n",
  ]);
  expect(shell('"$0" "$1" feature | true; echo $PIPESTATUS')).toEqual(['0\n', '']);
});

it('nothing that a file holds steers the terminal', async () => {
  const { err } = await beewasm(`asm ${file('escape.s', '\x1b[2J\x9b2J frobnicate\x07\n')}`);
  expect(err).toMatch(/^Error: .*frobnicate.*\n$/);
  expect(err.slice(0, -1)).not.toMatch(/\p{Cc}/u);
});

it('progress: only on a terminal, only when it takes long, and gone before text', () => {
  let now = 0;
  const screen = { isTTY: true, columns: 20, written: '', write: (text: string) => (screen.written += text) };
  const progress = new Progress(screen, () => now);
  progress.show('at once');
  expect(screen.written).toBe('');
  now = 1500;
  progress.show(`3 of 9: \x1b${'x'.repeat(80)}`);
  expect(screen.written).toBe('\r\x1b[2K... 3 of 9: \ufffdxxxxxx');
  progress.show('too early again');
  screen.written = '';
  progress.clear();
  progress.clear();
  expect(screen.written).toBe('\r\x1b[2K');
  const pipe = new Progress({ write: () => expect.fail('a pipe is no screen') }, () => now);
  now = 9000;
  pipe.show('nothing');
  pipe.clear();
});

describe('wrong arguments: one line, exit code 2', () => {
  it.each([
    ['', 'which command?'],
    ['prog', 'which command? show'],
    [`prog load ${FIREWALL} type frob`, "unknown program type 'frob'"],
    [`prog dump jited ${FIREWALL} opcodes`, "got 'opcodes'"],
    ['frobnicate', "unknown command 'frobnicate'"],
    ['prog frobnicate', "unknown command 'frobnicate'"],
    ['prog show', 'object file is missing'],
    [`prog show ${FIREWALL} extra`, "expected btf, got 'extra'"],
    [`prog dump wat ${FIREWALL}`, "got 'wat'"],
    [`prog dump jited ${FIREWALL} name xdp_fw --dump=lower`, "no pass 'lower', there are functions, split, "],
    [`prog dump xlated ${FIREWALL} --dump=narrow`, '--dump goes with jited'],
    [`prog dump xlated ${FIREWALL} name`, 'program name is missing'],
    [`prog dump xlated ${FIREWALL} colour`, "got 'colour'"],
    [`prog dump xlated ${FIREWALL} linum linum`, "'linum' is given twice"],
    [`prog show ${FIREWALL} --frobnicate`, "unknown option '--frobnicate'"],
    ['asm', 'file is missing'],
    ['asm in.s -o', "option '-o, --output <value>' argument missing"],
    ['feature all', "unexpected argument 'all'"],
  ])('beewasm %s', async (args, message) => {
    expectOneLine(await beewasm(args), 2, message);
  });
});
