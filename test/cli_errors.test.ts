// Bad input and wrong arguments: one line on stderr and an exit code, never a stack trace.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { beewasm, expectOneLine, FIREWALL, file, root, scratch, spawned } from './cli_rig.ts';

describe('bad input: one line, exit code 1', () => {
  const whole = readFileSync(join(root, FIREWALL));
  const notBpf = whole.slice();
  notBpf[18] = 62;
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 13) & 255);
  const cases: [string, string, string][] = [
    ['missing', join(scratch, 'nothing'), 'no such file or directory'],
    ['a directory', scratch, `can't read ${scratch}: it is a directory`],
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
