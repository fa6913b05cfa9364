// Imports point down: the one rule of the source tree that no compiler checks. Reads the .ts sources of the checkout.
// Type imports count as well: who names a type knows the layer it comes from.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Bottom to top: a folder imports from itself and from folders before it. */
const LAYERS = [
  'src/uapi',
  'src/isa',
  'src/spec',
  'src/memory',
  'src/analysis',
  'src/loader',
  'src/maps',
  'src/helpers',
  'src/kfuncs',
  'src/verifier',
  'src/runtime',
  'src/interp',
  'src/cpu',
  'src/syscall',
  'src/cli',
];
/** Folders beside the stack, with all that they may import. */
const ASIDE: Record<string, readonly string[]> = {
  'src/pcap': ['src/uapi'],
  jit: ['uapi', 'isa', 'spec', 'memory', 'analysis', 'loader', 'maps', 'helpers', 'kfuncs', 'verifier', 'runtime'].map(
    (f) => `src/${f}`,
  ),
};
/** Where the engines meet the rest: they may import jit and whatever lies in src. */
const ROOTS = ['src/index.ts', 'src/cli', 'src/cpu'];
/** Code that runs outside the library: nothing in src or jit may import it, and it may import everything. */
const OUTSIDE = ['bench', 'test', 'conformance', 'examples'];
/** The only code that may use Node's own modules: all else runs in browsers, too. */
const NODE = ['src/cli', 'src/cpu'];
/** The only importer of Binaryen. */
const BINARYEN = /^jit\/emit(\/|\.ts$)/;

const isIn = (path: string, folders: readonly string[]) => folders.some((f) => path === f || path.startsWith(`${f}/`));

/** `src/isa/op.ts` -> `src/isa`, `src/index.ts` -> `src/index.ts`, `jit/lower/alu.ts` -> `jit`. */
const unitOf = (path: string) => (path.startsWith('src/') ? path.split('/').slice(0, 2).join('/') : path.split('/')[0]);

/** Module names in a source text; null for an import() whose argument is not a plain string. */
function importsOf(text: string): (string | null)[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found: (string | null)[] = [];
  for (const m of code.matchAll(/^\s*(?:import|export)\b[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm)) found.push(m[1]);
  for (const m of code.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm)) found.push(m[1]);
  for (const m of code.matchAll(/\bimport\s*\(\s*(?:(['"])([^'"]+)\1\s*\))?/g)) found.push(m[2] ?? null);
  for (const m of code.matchAll(/\brequire\s*\(\s*(['"])([^'"]+)\1\s*\)/g)) found.push(m[2]);
  return found;
}

/** Why `from` may not import the file or folder `to`; null when it may. */
function forbidden(from: string, to: string): string | null {
  const [a, b] = [unitOf(from), unitOf(to)];
  if (a === b) return null;
  if (isIn(to, OUTSIDE)) return `${b} is outside the library`;
  if (isIn(from, ROOTS) && a !== 'src/cpu') return null;
  if (b === 'jit') return isIn(from, ROOTS) ? null : 'only the roots import jit';
  if (b === 'src/index.ts') return 'src/index.ts is a root: nothing below imports it';
  const aside = ASIDE[a];
  if (aside !== undefined) return aside.includes(b) ? null : `${a} may import ${aside.join(', ')}`;
  const [low, high] = [LAYERS.indexOf(b), LAYERS.indexOf(a)];
  if (high < 0) return `${a} has no place in the layers`;
  return low >= 0 && low < high ? null : `${b} is not below ${a}`;
}

/** All breaches of the rules in sources given as path -> text, one line each. */
function breaches(sources: ReadonlyMap<string, string>): string[] {
  const out: string[] = [];
  for (const [path, text] of sources) {
    if (isIn(path, OUTSIDE)) continue;
    for (const name of importsOf(text)) {
      const why = name === null ? 'import() of a computed name cannot be checked' : whyNot(path, name);
      if (why !== null) out.push(`${path} -> ${name}: ${why}`);
    }
  }
  return out;
}

function whyNot(path: string, name: string): string | null {
  if (name.startsWith('.')) return forbidden(path, posix.normalize(posix.join(posix.dirname(path), name)));
  if (name.startsWith('node:')) return isIn(path, NODE) ? null : 'only the CLI and workers use Node modules';
  if (name === 'binaryen') return BINARYEN.test(path) ? null : 'only jit/emit imports Binaryen';
  return isIn(path, NODE) ? null : 'not a dependency of the library';
}

function readSources(root: string): Map<string, string> {
  const sources = new Map<string, string>();
  const walk = (dir: string): void => {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = `${dir}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (path.endsWith('.ts')) sources.set(path, readFileSync(join(root, path), 'utf8'));
    }
  };
  const top = new Set(readdirSync(root));
  for (const dir of ['src', 'jit']) if (top.has(dir)) walk(dir);
  return sources;
}

/** Whether the page names a file by its base name in the lines about its folder. */
function isNamed(page: string, path: string): boolean {
  const [, src, jit] = /\n## src\n([\s\S]*?)\n## jit\n([\s\S]*?)\n## /.exec(page)!;
  const base = posix.basename(path, '.ts');
  const [top, folder] = path.replace(/\.ts$/, '').split('/');
  const lines = top === 'jit' ? jit : src.split(/^- (?=\*\*)/m).find((entry) => entry.startsWith(`**${folder}**`));
  return lines !== undefined && new RegExp(`(?<![\\w/])${base}(?!\\w)`).test(lines);
}

describe('imports of the checkout', () => {
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const sources = readSources(root);

  it('go by a map, ARCHITECTURE.md, whose paths exist', () => {
    const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    const paths = [...page.matchAll(/`([\w/]+\/\w+(?:\.\w+)*\.ts)`/g)].map((m) => m[1]);
    expect(paths.length).toBeGreaterThan(15);
    const missing = paths.filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, 'src', path)));
    expect(missing).toEqual([]);
  });

  it("go by a map that names every file, in its folder's lines", () => {
    const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    const handWritten = [...sources.keys()].filter((path) => !/^src\/maps\/ops(\/|_wasm\.ts$)/.test(path));
    expect(handWritten.filter((path) => !isNamed(page, path))).toEqual([]);
    expect(isNamed(page, 'src/isa/nothing.ts')).toBe(false);
    expect(isNamed(page, 'src/isa/tnum.ts')).toBe(false); // it is in another folder
  });

  it('point down the layers', () => {
    expect(breaches(sources)).toEqual([]);
  });

  it('were really read', () => {
    const relative = [...sources.values()].flatMap(importsOf).filter((name) => name?.startsWith('.'));
    expect(relative.length).toBeGreaterThan(50);
    for (const layer of ['src/uapi', 'src/isa', 'src/maps']) {
      expect([...sources.keys()].some((path) => path.startsWith(layer))).toBe(true);
    }
  });

  it('never reach the interpreter from jit, not even through other folders', () => {
    const reached = new Set([...sources.keys()].filter((path) => path.startsWith('jit/')));
    for (const path of reached) {
      for (const name of importsOf(sources.get(path) ?? '')) {
        if (name?.startsWith('.')) reached.add(posix.normalize(posix.join(posix.dirname(path), name)));
      }
    }
    expect([...reached].filter((path) => path.startsWith('src/interp'))).toEqual([]);
  });
});

describe('the checker', () => {
  const check = (path: string, text: string) => breaches(new Map([[path, text]]));

  it.each([
    ['src/isa/a.ts', "import { HELPERS } from '../spec/helpers.ts';", 'src/spec is not below src/isa'],
    ['src/maps/a.ts', "import type { Kernel } from '../runtime/kernel.ts';", 'src/runtime is not below src/maps'],
    ['src/isa/a.ts', "import {\n  a,\n  b,\n} from '../maps/b.ts';", 'src/maps is not below src/isa'],
    ['src/isa/a.ts', "export * from '../maps/b.ts';", 'src/maps is not below src/isa'],
    ['src/isa/a.ts', "import '../maps/b.ts';", 'src/maps is not below src/isa'],
    ['src/isa/a.ts', "const m = await import('../maps/b.ts');", 'src/maps is not below src/isa'],
    ['src/isa/a.ts', 'const m = await import(name);', 'computed name'],
    ['src/isa/a.ts', "const m = await import('../maps/' + x);", 'computed name'],
    ['jit/lower.ts', "import { run } from '../src/interp/run.ts';", 'jit may import'],
    ['jit/lower.ts', "import { Kernel } from '../src/index.ts';", 'src/index.ts is a root'],
    ['jit/lower.ts', "import { readFileSync } from 'node:fs';", 'only the CLI and workers'],
    ['jit/lower.ts', "import binaryen from 'binaryen';", 'only jit/emit imports Binaryen'],
    ['src/runtime/a.ts', "import { jit } from '../../jit/index.ts';", 'only the roots import jit'],
    ['src/interp/a.ts', "import { jit } from '../../jit/index.ts';", 'only the roots import jit'],
    ['src/runtime/a.ts', "import { Kernel } from '../index.ts';", 'src/index.ts is a root'],
    ['src/runtime/a.ts', "import { Worker } from 'node:worker_threads';", 'only the CLI and workers'],
    ['src/verifier/a.ts', "import fc from 'fast-check';", 'not a dependency'],
    ['src/pcap/a.ts', "import { Insn } from '../isa/insn.ts';", 'src/pcap may import src/uapi'],
    ['src/isa/a.ts', "import { readPcap } from '../pcap/index.ts';", 'src/pcap is not below src/isa'],
    ['src/cpu/a.ts', "import { main } from '../cli/main.ts';", 'src/cli is not below src/cpu'],
    ['src/cli/a.ts', "import { world } from '../../test/map_world.ts';", 'test is outside the library'],
    ['src/new/a.ts', "import { asm } from '../isa/index.ts';", 'src/new has no place'],
  ])('refuses in %s: %s', (path, text, why) => {
    expect(check(path, text)).toEqual([expect.stringContaining(why)]);
  });

  it.each([
    ['src/isa/a.ts', "import { BPF_FUNC_ID } from '../uapi/enums.ts';\nimport { b } from './b.ts';"],
    ['src/verifier/edges/a.ts', "import { asm } from '../../isa/asm.ts';\nimport { s } from '../values/tnum.ts';"],
    ['jit/lower/a.ts', "import type { Verified } from '../../src/verifier/verified.ts';\nimport { b } from '../b.ts';"],
    ['jit/emit.ts', "import type binaryen from 'binaryen';\nconst b = await import('binaryen');"],
    ['src/index.ts', "import { jit } from '../jit/index.ts';\nimport { interp } from './interp/index.ts';"],
    [
      'src/cpu/worker.ts',
      "import { jit } from '../../jit/index.ts';\nimport { parentPort } from 'node:worker_threads';",
    ],
    ['src/cli/main.ts', "import { readFileSync } from 'node:fs';\nimport { readPcap } from '../pcap/index.ts';"],
    ['src/isa/a.ts', "// import { x } from '../maps/x.ts';\n/* import '../maps/y.ts'; */"],
    ['bench/a.ts', "import { Kernel } from '../src/index.ts';\nimport { Bench } from 'tinybench';"],
  ])('lets pass in %s: %s', (path, text) => {
    expect(check(path, text)).toEqual([]);
  });
});
