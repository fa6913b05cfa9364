// The yardstick: the same C source compiled as an ordinary program (native/main.c). Twice: as the compiler likes it, and
// without vectors, which clang's BPF target does not have either. Exists where a C compiler for Linux does.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Peer } from './peer.ts';
import { root, type Workload } from './workloads.ts';

/** The first compiler that there is. clang first: it also made the objects. */
export function findCompiler(): string | null {
  if (process.platform !== 'linux') return null;
  const candidates = ['clang', 'clang-16', 'cc'];
  return candidates.find((cc) => spawnSync(cc, ['--version'], { stdio: 'ignore' }).status === 0) ?? null;
}

export const BUILDS = ['native', 'native_scalar'] as const;
export type Build = (typeof BUILDS)[number];

function flags(compiler: string, build: Build): string[] {
  if (build === 'native') return ['-O2'];
  return compiler.startsWith('clang')
    ? ['-O2', '-fno-vectorize', '-fno-slp-vectorize']
    : ['-O2', '-fno-tree-vectorize', '-fno-tree-slp-vectorize'];
}

/** Compiles and starts; a reason when the compiler does not manage. */
export async function startNative(compiler: string, build: Build, w: Workload): Promise<Peer | string> {
  const scratch = mkdtempSync(join(tmpdir(), 'beewasm-bench-'));
  try {
    const exe = join(scratch, 'program');
    const defines = [`-DPROGRAM="${join(root, w.source)}"`, `-DENTRY=${w.program}`];
    if (w.program === 'xdp_fw') defines.push('-DFIREWALL');
    const main = join(root, 'bench/native/main.c');
    const args = [...flags(compiler, build), '-w', `-I${join(root, 'bench/native')}`, ...defines, main, '-o', exe];
    const built = spawnSync(compiler, args, { encoding: 'utf8' });
    if (built.status !== 0) return `${compiler}: ${built.stderr.split('\n')[0]}`;
    return await Peer.start(exe, [], w);
  } finally {
    rmSync(scratch, { recursive: true, force: true }); // a running program keeps its file
  }
}
