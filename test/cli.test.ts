// The command line as people type it: output strings, exit codes, and bad input, which has to be one line on stderr
// and never a stack trace.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'dist/src/cli/main.js');
const scratch = mkdtempSync(join(tmpdir(), 'beewasm-cli-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Outcome {
  code: number | null;
  out: string;
  err: string;
}
function beewasm(args: string, input = ''): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args.split(' ').filter((a) => a !== '')], {
    cwd: root,
    input,
    encoding: 'utf8',
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  return { code: status, out: stdout, err: stderr };
}
function file(name: string, contents: string | Uint8Array): string {
  const path = join(scratch, name);
  writeFileSync(path, contents);
  return path;
}

const FIREWALL = 'examples/firewall/firewall.bpf.o';

describe('prog show', () => {
  it('lists programs as bpftool does', () => {
    const { code, out } = beewasm(`prog show ${FIREWALL}`);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^xdp {2}name xdp_fw {2}tag [0-9a-f]{16} {2}gpl\n\txlated \d+B {2}section xdp\n\tfunctions xdp_fw,/m,
    );
  });
  it('--json prints one array; words may be abbreviated and options stand anywhere', () => {
    const plain = JSON.parse(beewasm(`prog show ${FIREWALL} --json`).out);
    expect(JSON.parse(beewasm(`-p p sh ${FIREWALL}`).out)).toEqual(plain);
    expect(plain.map((p: { name: string }) => p.name).sort()).toEqual(['xdp_fw', 'xdp_fw_dns']);
    expect(plain[0]).toMatchObject({ type: 'xdp', gpl_compatible: true, section: 'xdp', autoload: true });
  });
  it('names what keeps a program from being loaded', () => {
    const { out } = beewasm('prog show test/objects/loader/beyond.bpf.o');
    expect(out).toContain("needs CO-RE relocation: can't be loaded here");
  });
});

describe('prog dump xlated', () => {
  it('prints instructions with C lines and map names', () => {
    const { code, out } = beewasm('prog dump xlated test/objects/loader/data.bpf.o opcodes linum');
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toBe('prog:');
    expect(lines[1]).toMatch(
      /^; if \(enabled\) \[file:\.\/test\/objects\/loader\/data\.bpf\.c line_num:\d+ line_col:\d+\]$/,
    );
    expect(lines[2]).toBe('   0: (18) r2 = map[name:.rodata][0]+4');
    expect(lines[3]).toBe('       18 22 00 00 00 00 00 00  00 00 00 00 04 00 00 00');
  });
  it('--json', () => {
    const rows = JSON.parse(beewasm('-j prog dump xlated test/objects/loader/programs.bpf.o name second').out);
    expect(rows).toEqual([
      { insn: 0, function: 'second', src: 'return XDP_PASS;', disasm: '(b4) w0 = 2' },
      { insn: 1, disasm: '(95) exit' },
    ]);
  });
});

describe('asm, disasm, feature', () => {
  const source = 'start: r0 = 1\n  if r1 == 0x5 goto start\n  r2 = 0x1122334455667788 ll\n  exit\n';
  it('asm prints hex that disasm reads', () => {
    const hex = beewasm('asm -', source);
    expect(hex.out).toBe(
      'b7 00 00 00 01 00 00 00\n15 01 fe ff 05 00 00 00\n18 02 00 00 88 77 66 55\n00 00 00 00 44 33 22 11\n95 00 00 00 00 00 00 00\n',
    );
    const text = beewasm('disasm -', hex.out);
    expect(text.out).toBe(
      '0: (b7) r0 = 1\n1: (15) if r1 == 0x5 goto pc-2\n2: (18) r2 = 0x1122334455667788\n4: (95) exit\n',
    );
  });
  it('asm -o writes raw instructions, which disasm reads too', () => {
    const raw = join(scratch, 'raw');
    expect(beewasm(`asm ${file('in.s', source)} -o ${raw}`)).toEqual({ code: 0, out: '', err: '' });
    expect(readFileSync(raw).length).toBe(40);
    expect(beewasm(`disasm ${raw} -j`).out).toBe(
      '{"insns":["(b7) r0 = 1","(15) if r1 == 0x5 goto pc-2","(18) r2 = 0x1122334455667788","(95) exit"]}\n',
    );
  });
  it("feature lists what exists in bpftool's words", () => {
    const { out } = beewasm('feature');
    expect(out).toContain('eBPF program_type xdp is available\n');
    expect(out).toContain('eBPF map_type lpm_trie is ');
    expect(out).toContain('eBPF helpers supported for program type xdp:\n\t- bpf_map_lookup_elem\n');
    const json = JSON.parse(beewasm('feature -j').out);
    expect(json.program_types.have_xdp_prog_type).toBe(true);
    expect(json.map_types.have_percpu_hash_map_type).toBe(true);
    expect(json.helpers.xdp_available_helpers).toContain('bpf_redirect_map');
  });
});

describe('help and version', () => {
  it('-h explains all commands, or one', () => {
    const all = beewasm('--help');
    expect(all.code).toBe(0);
    for (const command of ['prog show OBJ', 'prog dump', 'asm FILE', 'disasm FILE', 'feature']) {
      expect(all.out).toContain(`beewasm ${command}`);
    }
    expect(beewasm('asm -h').out).toContain('beewasm asm FILE');
    expect(beewasm('asm -h').out).not.toContain('beewasm prog');
  });
  it('-V', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(beewasm('-V')).toEqual({ code: 0, out: `beewasm v${version}\n`, err: '' });
    expect(beewasm('version').out).toBe(`beewasm v${version}\n`);
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
    ['empty', file('empty', ''), 'ELF: file is empty'],
    ['random', file('noise', noise), 'ELF: not an ELF file'],
    ['truncated', file('cut', whole.subarray(0, 20000)), 'ELF: '],
    ['for x86-64', file('x86', notBpf), 'ELF: machine 62 is not BPF (247)'],
    ['big-endian', 'test/objects/loader/bigendian.bpf.o', 'ELF: not a little-endian file'],
    ['a legacy object', 'test/objects/loader/legacy.bpf.o', 'legacy maps section is not supported'],
  ];
  it.each(cases)('an object that is %s', (_, path, message) => {
    expectOneLine(beewasm(`prog show ${path}`), 1, message);
  });
  it('with --json the error is JSON as well', () => {
    const { code, out, err } = beewasm(`-j prog show ${file('empty', '')}`);
    expect(code).toBe(1);
    expect(JSON.parse(out).error).toContain('ELF: file is empty');
    expect(err.split('\n').length).toBe(2);
  });
  it('a program that is not there', () => {
    expectOneLine(
      beewasm(`prog dump xlated ${FIREWALL} name nope`),
      1,
      "has no program 'nope', only: xdp_fw_dns, xdp_fw",
    );
    expectOneLine(beewasm(`prog dump xlated ${FIREWALL}`), 1, 'holds several programs, name one of: ');
  });
  it('text that is no assembler, bytes that are no instructions', () => {
    expectOneLine(beewasm('asm -', 'r0 = 1\nfrobnicate r1\n'), 1, '-: asm: line 2: ');
    expectOneLine(beewasm('asm -', 'r1 = map flows\nexit\n'), 1, 'map flows does not exist');
    expectOneLine(beewasm(`disasm ${file('empty', '')}`), 1, 'file is empty');
    expectOneLine(beewasm(`disasm ${file('seven', new Uint8Array(7))}`), 1, 'length 7 is not a multiple of 8');
    expectOneLine(beewasm('disasm -', 'not hex'), 1, 'neither raw instructions nor hex');
    expectOneLine(beewasm(`disasm ${FIREWALL}`), 1, 'an ELF file');
  });
});

describe('wrong arguments: one line, exit code 2', () => {
  it.each([
    ['', 'which command?'],
    ['prog', 'which command? show'],
    ['frobnicate', "unknown command 'frobnicate'"],
    ['prog frobnicate', "unknown command 'frobnicate'"],
    ['prog show', 'object file is missing'],
    [`prog show ${FIREWALL} extra`, "unexpected argument 'extra'"],
    [`prog dump wat ${FIREWALL}`, "got 'wat'"],
    [`prog dump xlated ${FIREWALL} name`, 'program name is missing'],
    [`prog dump xlated ${FIREWALL} colour`, "got 'colour'"],
    [`prog dump xlated ${FIREWALL} linum linum`, "'linum' is given twice"],
    [`prog show ${FIREWALL} --frobnicate`, "unknown option '--frobnicate'"],
    ['asm', 'file is missing'],
    ['asm in.s -o', "option '-o, --output <value>' argument missing"],
    ['feature all', "unexpected argument 'all'"],
  ])('beewasm %s', (args, message) => {
    expectOneLine(beewasm(args), 2, message);
  });
});
