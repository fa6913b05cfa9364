// `beewasm pcap` on the demo's firewall and capture: both engines count alike, files and pipes stream, and what is wrong
// is one line.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../src/cli/run.ts';
import { readPcap } from '../src/pcap/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'dist/src/cli/main.js');
const object = join(root, 'examples/firewall/firewall.bpf.o');
const capture = join(root, 'examples/firewall/capture.pcapng');
const scratch = mkdtempSync(join(tmpdir(), 'beewasm-pcap-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Quickly verified, for what goes wrong later. */
const small = ['pcap', join(root, 'bench/programs/csum.bpf.o'), 'engine', 'interp'];

/** On the interpreter: it needs no compiler. */
function pcap(args: readonly string[], input?: Uint8Array) {
  return spawned(['pcap', object, 'name', 'xdp_fw', 'engine', 'interp', ...args], input);
}

function spawned(args: readonly string[], input?: Uint8Array) {
  const r = spawnSync(process.execPath, [main, ...args], { input });
  return { status: r.status, out: r.stdout, text: r.stdout.toString(), err: r.stderr.toString() };
}

/** The same without a process (and so without stdin): what it prints and the exit code. */
async function called(args: readonly string[]) {
  let [text, err] = ['', ''];
  const out = (s: string) => {
    text += s;
  };
  const status = await runCli(args, { out, err: (s) => void (err += s), colours: false });
  return { status, text, err };
}

async function packetsOf(bytes: Uint8Array) {
  const packets = [];
  for await (const packet of readPcap(bytes)) packets.push(packet);
  return packets;
}

/** What Linux 6.18 gives for every packet of the capture, one BPF_PROG_TEST_RUN each. */
const VERDICTS = { XDP_DROP: { packets: 146, bytes: 10705 }, XDP_PASS: { packets: 3202, bytes: 682767 } };

describe('pcap', () => {
  it('counts verdicts with the JIT and dumps maps', async () => {
    const line = [
      'pcap',
      object,
      'name',
      'xdp_fw',
      '-r',
      capture,
      'engine',
      'jit',
      '--json',
      'map',
      'dump',
      'verdicts',
    ];
    const { status, text } = await called(line);
    expect(status).toBe(0);
    const answer = JSON.parse(text);
    expect(answer).toMatchObject({ program: 'xdp_fw', type: 'xdp', packets: 3348, bytes: 693472, refused: 0 });
    expect(answer.verdicts).toEqual(VERDICTS);
    expect(answer.maps.verdicts[1].values[0].value.slice(0, 2)).toEqual(['0x92', '0x00']); // 146
  });

  it('writes the packets with their verdicts, through pipes; prints a table', async () => {
    const capturePackets = await packetsOf(new Uint8Array(readFileSync(capture)));
    const all = pcap(['-r', '-', '-w', '-'], readFileSync(capture));
    expect(all.err).toContain('3348 packets written to -');
    const after = await packetsOf(new Uint8Array(all.out));
    expect(after.map((p) => p.timestamp)).toEqual(capturePackets.map((p) => p.timestamp));
    expect(after.map((p) => p.originalLength)).toEqual(capturePackets.map((p) => p.originalLength));

    const classic = join(scratch, 'dropped.pcap');
    expect(pcap(['-r', capture, '-w', classic, '--only', 'XDP_DROP']).text).toBe(
      [
        'verdict   packets    bytes  share',
        'XDP_DROP      146   10,705   4.4%',
        'XDP_PASS    3,202  682,767  95.6%',
        'total       3,348  693,472',
        `146 packets written to ${classic}`,
        '',
      ].join('\n'),
    );
    const dropped = await packetsOf(new Uint8Array(readFileSync(classic)));
    expect(dropped.map((p) => p.data)).toEqual(after.filter((p) => p.xdpVerdict === 1).map((p) => p.data));
  });

  it('skips what no test run takes and says so', () => {
    const header = Uint8Array.from(
      [0xa1b23c4d, 0x00040002, 0, 0, 65535, 1, 0, 0, 4, 4].flatMap((n) => [n, n >>> 8, n >>> 16, n >>> 24]),
    );
    const short = spawned([...small, '-r', '-'], Buffer.concat([header, Buffer.from('abcd')]));
    expect(short.status).toBe(0);
    expect(short.text).toContain('1 packet not run: the packet has 4 bytes, fewer than 14');
  });

  it('an input that is missing or that is the output changes no file', async () => {
    const copy = join(scratch, 'copy.pcapng');
    writeFileSync(copy, readFileSync(capture));
    const same = await called([...small, '-r', copy, '-w', join(scratch, '.', 'copy.pcapng')]);
    expect(same).toEqual({ status: 1, text: '', err: `Error: can't write ${copy}: it is the file that is read\n` });
    expect(Buffer.compare(readFileSync(copy), readFileSync(capture))).toBe(0);
    for (const input of [join(scratch, 'none'), scratch]) {
      expect((await called([...small, '-r', input, '-w', join(scratch, 'new')])).status).toBe(1);
      expect(existsSync(join(scratch, 'new'))).toBe(false);
    }
  });

  it('one line for what is wrong', async () => {
    const text = join(scratch, 'text');
    writeFileSync(text, 'no capture');
    const cut = readFileSync(capture).subarray(0, 5000);
    const cases: [string[], number, RegExp, Uint8Array?][] = [
      [[], 2, /^Error: pcap: which capture\? -r FILE\n$/],
      [['-r', capture, '--only', 'drop'], 2, /--only chooses what -w writes/],
      [['-r', capture, '-w', 'x', '--only', 'perhaps'], 2, /expected XDP_ABORTED, .* or a number/],
      [['-r', capture, '-w', '-', '--json'], 2, /both want stdout/],
      [['-r', join(scratch, 'none')], 1, /^Error: can't read .*none: no such file or directory\n$/],
      [['-r', scratch], 1, /^Error: can't read .*: it is a directory\n$/],
      [['-r', capture, '-w', join(scratch, 'no/x')], 1, /^Error: can't write .*no\/x: no such file or directory\n$/],
      [['-r', text], 1, /^Error: .*text: pcap: neither pcap nor pcapng \(magic number 0x.*\)\n$/],
      [['-r', '-'], 1, /^Error: stdin: pcap: the file is empty\n$/, new Uint8Array(0)],
      [['-r', '-'], 1, /^Error: stdin: pcap: block at byte 4984: is cut off\n$/, cut],
      [['-r', capture, 'map', 'dump', 'nothing'], 1, /^Error: there is no map 'nothing', only: \n$/],
    ];
    for (const [args, status, message, input] of cases) {
      const line = [...small, ...args];
      const r = input ? spawned(line, input) : await called(line);
      expect([args, r.status, r.text === '' || args.includes('--json')]).toEqual([args, status, true]);
      expect(r.err).toMatch(message);
    }
  });
});
