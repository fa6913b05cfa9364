// The live-kernel oracle says what the vectors say that a kernel said, and map operations answer with Linux's errnos.

import { afterAll, describe, expect, it } from 'vitest';
import { isaAgreement, verifierAgreement } from '../conformance/kernel/agreement.ts';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { sharedFile } from '../conformance/shared.ts';
import { readIsaRows, readVerifierRows } from '../conformance/vectors.ts';
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '../src/uapi/enums.ts';

let reason = '';
const oracle = openOracle((why) => {
  reason = why;
  console.log(`skipped: no live kernel: ${why}`);
});
const vectors = sharedFile('vectors');
if (!vectors) console.log('skipped: no ../shared/vectors');

/** Where this kernel and a row differ, and why that is right. */
const KNOWN: Readonly<Record<string, string>> = {
  'progs/verifier_ld_ind.c:ld_abs_void_subprog_reject message': 'the row had BTF function info, vectors carry none',
  'bugclass-073 message': 'the row joins two log lines',
  'bugclass-109 verdict': 'the row was made with a license that its license field does not have',
  'bugclass-109 errno': 'same',
  'bugclass-109 message': 'same',
  'bugclass-155 run': 'a may_goto loop that runs until a quarter of a second is over',
};

/** Seconds of kernel time each; the rest of the file answers in a second. */
const SLOW = ['bugclass-155'];

describe.skipIf(!oracle)(`live kernel${reason && ` (${reason})`}`, () => {
  afterAll(() => oracle?.shutdown());

  it.skipIf(!vectors).for(['verifier-dev.json', 'verifier-bugclass.json'])('agrees with %s', (file) => {
    const rows = readVerifierRows(sharedFile('vectors', file)!).filter((r) => !SLOW.includes(r.id));
    const { equal, differences, total } = verifierAgreement(oracle!, rows);
    expect(differences.filter((d) => !(`${d.id} ${d.what}` in KNOWN))).toEqual([]);
    expect(equal.verdict.of).toBe(total);
    expect(equal.run.equal).toBeGreaterThan(15);
  });

  it.skipIf(!vectors)('runs raw programs behind an XDP prologue', () => {
    const { equal, differences } = isaAgreement(oracle!, readIsaRows(sharedFile('vectors', 'isa-conformance.json')!));
    expect(differences).toEqual([]);
    expect(equal.retval.equal).toBe(300);
  });

  it('creates, fills, walks and freezes maps', () => {
    const map = oracle!.createMap({
      name: 'h',
      type: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH,
      keySize: 4,
      valueSize: 8,
      maxEntries: 2,
      flags: 0,
    });
    const [a, b, c] = [1, 2, 3].map((n) => Uint8Array.of(n, 0, 0, 0));
    const value = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect(oracle!.lookup(map, a, 8)).toBe(-2);
    expect(oracle!.update(map, a, value, 2)).toBe(-2);
    expect(oracle!.update(map, a, value)).toBe(0);
    expect(oracle!.update(map, a, value, 1)).toBe(-17);
    expect(oracle!.update(map, b, value)).toBe(0);
    expect(oracle!.update(map, c, value)).toBe(-7);
    expect(oracle!.lookup(map, a, 8)).toEqual(value);
    expect(oracle!.dump(map, 4, 8)).toHaveLength(2);
    expect(oracle!.nextKey(map, null, 4)).toBeInstanceOf(Uint8Array);
    expect(oracle!.delete(map, a)).toBe(0);
    expect(oracle!.delete(map, a)).toBe(-2);
    expect(oracle!.freeze(map)).toBe(0);
    expect(oracle!.update(map, a, value)).toBe(-1);
    oracle!.close(map);
    expect(oracle!.lookup(map, a, 8)).toBe(-9);
  });

  it('refuses maps with an errno, rejects programs with a log, and returns packets', () => {
    const none = { name: 'x', keySize: 4, valueSize: 8, maxEntries: 0, flags: 0 };
    expect(oracle!.createMap({ ...none, type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY })).toBe(-22);
    const type = BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER;
    const bad = oracle!.load(
      { type, license: 'GPL', insns: hex('bf0200000000000095000000 00000000') },
      { logLevel: 1 },
    );
    expect(bad).toMatchObject({ verdict: 'REJECT', errno: 'EACCES', message: 'R0 !read_ok', handle: -1 });
    expect(bad.log).toContain('0: (bf) r2 = r0');
    const good = oracle!.load({ type, license: 'Dual BSD/GPL', insns: hex('61100000000000009500000000000000') });
    const data = new Uint8Array(64).fill(7);
    const run = oracle!.run(good.handle, { data });
    expect(run).toMatchObject({ rc: 0, retval: 50 });
    // Types that see no Ethernet header get a zeroed one back (bpf_prog_test_run_skb).
    expect(run.data).toEqual(new Uint8Array(64).fill(7, 14));
    expect(oracle!.run(good.handle, { data: data.subarray(0, 4) }).rc).toBe(-22);
    oracle!.unload(good);
  });
});

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}
