// The command line as people type it: output strings and exit codes.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Progress } from '../src/cli/progress.ts';
import { beewasm, expectOneLine, FIREWALL, file, main, root, scratch, spawned, TWINS } from './cli_rig.ts';

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
