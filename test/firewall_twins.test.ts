// The example firewall with one of its own safety checks taken out at a time: each comparison with the packet's end and
// each NULL test of a map value becomes a jump that says nothing. Where there is a live kernel, every verdict, errno and
// message is compared with Linux's; everywhere, what is refused is refused in these words.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { opOf } from '../src/isa/index.ts';
import { openObject } from '../src/loader/index.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { verify } from '../src/verifier/index.ts';
import { type ProgramInput, REG_KIND } from '../src/verifier/verified.ts';

const object = openObject(readFileSync(new URL('../../examples/firewall/firewall.bpf.o', import.meta.url)));
const oracle = openOracle((why) => console.log(`firewall twins on the live kernel: skipped, ${why}`));
const WORDS =
  /offset is outside of the packet$|invalid mem access 'map_value_or_null'$|pointer arithmetic on map_value_or_null prohibited, null-check it first$/;
/** Twins that are refused; the others keep a check that says the same. */
const REFUSED: Readonly<Record<string, number>> = { xdp_fw: 35, xdp_fw_dns: 9 };
/** `if r10 == 0 goto` teaches nothing and keeps both ways open, so that no instruction becomes unreachable. */
const BLIND = { code: 0x15, dst: 10, src: 0, imm: 0 };

/** Slots of the checks, found by what the verifier saw in the registers. */
function checks(input: ProgramInput): number[] {
  const whole = verify(input, { cpus: 2 });
  if (!whole.ok || whole.verified.facts === null) throw new Error('the firewall is refused');
  const { dst, src } = whole.verified.facts;
  return input.insns.flatMap((insn, at) => {
    const op = opOf(insn);
    if (op?.kind !== 'jmp') return [];
    const bound = op.operand === 'reg' && (dst[at] === REG_KIND.packet_end || src[at] === REG_KIND.packet_end);
    const nullTest =
      op.operand === 'imm' && insn.imm === 0 && (dst[at] === REG_KIND.map_value || dst[at] === REG_KIND.mixed);
    return bound || nullTest ? [at] : [];
  });
}

afterAll(() => oracle?.shutdown());

describe.each(Object.values(object.programs).map((p) => [p.name, p] as const))('%s', (name, program) => {
  it('is not safe without any one of its checks', () => {
    const input = programInput(object, program);
    let rejected = 0;
    for (const at of checks(input)) {
      const twin = { ...input, insns: input.insns.map((insn, i) => (i === at ? { ...BLIND, off: insn.off } : insn)) };
      const ours = verify(twin, { cpus: oracle?.possibleCpus ?? 2 });
      if (!ours.ok) {
        rejected++;
        expect(ours.error.message, `check at ${at}`).toMatch(WORDS);
      }
      if (oracle === null) continue;
      const linux = oracle.load(twin);
      oracle.unload(linux);
      const said = ours.ok ? ['ACCEPT', null, null] : ['REJECT', ours.error.code, ours.error.message];
      expect(said, `check at ${at}`).toEqual([linux.verdict, linux.errno, ours.ok ? null : linux.message]);
    }
    expect(rejected).toBe(REFUSED[name]);
  });
});
