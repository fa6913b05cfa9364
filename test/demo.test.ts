// What `npm run demo` runs: it ends well, fits 80 columns, and its numbers are those of the live kernel.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { addressBytes, addressText, dnsNameHash } from '../examples/firewall/policy.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('demo', () => {
  it('prints what it did, in 80 columns and without colours where nobody looks', () => {
    // From another folder: it finds its files by itself.
    const r = spawnSync(process.execPath, [`${root}dist/examples/firewall/demo.js`], { cwd: '/', encoding: 'utf8' });
    expect([r.status, r.stderr]).toEqual([0, '']);
    expect(r.stdout).not.toContain('\x1b');
    for (const line of r.stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    // Counted on Linux 6.18: BPF_PROG_TEST_RUN on every packet with the same policy.
    expect(r.stdout).toMatch(/XDP_DROP +598 +46,433/);
    expect(r.stdout).toMatch(/XDP_PASS +2,649 +628,265/);
    expect(r.stdout).toMatch(/XDP_TX +101 +18,774/);
    expect(r.stdout).toMatch(/10\.0\.0\.66 +386 +26,916 +386/);
    expect(r.stdout).toMatch(/xdp_fw +\d+ +\d+,\d+ +\d+ ms/);
    expect(r.stdout).toContain('the same verdict for all 3,348 packets');
  });

  it('addresses and names as the program sees them', () => {
    for (const text of ['10.0.0.66', 'fd00::1', '::', '::1', 'fe80::1:0:0:2', '1:2:3:4:5:6:7:8', '2001:db8::']) {
      expect(addressText(addressBytes(text))).toBe(text);
    }
    expect(Buffer.from(addressBytes('10.0.0.66')).toString('hex')).toBe('00000000000000000000ffff0a000042');
    expect(dnsNameHash('a')).toBe(0xaf63dc4c8601ec8cn); // the published FNV-1a vector
    expect(dnsNameHash('ADS.example')).toBe(dnsNameHash('ads.EXAMPLE'));
  });
});
