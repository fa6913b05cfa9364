// Where the BPF objects of Debian's libxdp1 lie: $BEEWASM_LIBXDP, or what conformance/fetch-libxdp.mjs unpacked, or the
// installed package.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './shared.ts';

/** The folder that holds xdpfilt_alw_all.o and the others; null when there is none. */
export function libxdpFolder(): string | null {
  const named = process.env.BEEWASM_LIBXDP;
  const roots = [join(ROOT, '.cache', 'libxdp1', 'usr', 'lib'), '/usr/lib'];
  const folders = roots.flatMap((lib) =>
    existsSync(lib) ? readdirSync(lib).map((triplet) => join(lib, triplet, 'bpf')) : [],
  );
  return [...(named ? [named] : []), ...folders].find((f) => existsSync(join(f, 'xdpfilt_alw_all.o'))) ?? null;
}

export function libxdpObject(folder: string, name: string): Uint8Array {
  return readFileSync(join(folder, name));
}
