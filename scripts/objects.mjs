// `npm run objects`: rebuilds the committed .bpf.o beside every .bpf.c of examples/, bench/programs/ and test/objects/ with
// clang 16 (or $CLANG). Needs libbpf-dev and linux-libc-dev. A source may add flags in a line `// clang: FLAGS`. Objects name no
// path of the machine that built them: paths are relative to the project's root. With --check nothing is written, and
// an object that would change is an error. Objects of another compiler (test/objects/gcc) stay as they are.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const clang = process.env.CLANG ?? 'clang-16';
const check = process.argv.includes('--check');
// <asm/types.h> is in a folder of its own on Debian.
const includes = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((d) => `/usr/include/${d}`).filter(existsSync);
const flags = ['-O2', '-g', '-Wall', '-Werror', '-target', 'bpf', '-mcpu=v3', '-fdebug-compilation-dir=.'];

const sources = ['examples', 'bench/programs', 'test/objects']
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.bpf.c') && !path.startsWith(join('test', 'objects', 'gcc')))
  .sort();

const scratch = mkdtempSync(join(tmpdir(), 'beewasm-objects-'));
const built = join(scratch, 'out.o');
let failed = false;
for (const source of sources) {
  const own = /^\/\/ clang: (.*)$/m.exec(readFileSync(join(root, source), 'utf8'))?.[1].split(' ') ?? [];
  const args = [...flags, ...includes.map((d) => `-I${d}`), ...own, '-c', source, '-o', built];
  const { status, error } = spawnSync(clang, args, { cwd: root, stdio: 'inherit' });
  if (error) {
    console.error(`Error: ${clang}: ${error.message}`);
    process.exitCode = 1;
    break;
  }
  if (status !== 0) {
    failed = true;
    continue;
  }
  const object = join(root, source.replace(/\.c$/, '.o'));
  const bytes = readFileSync(built);
  const same = existsSync(object) && readFileSync(object).equals(bytes);
  console.log(`${same ? 'same   ' : 'changed'} ${source}`);
  if (same) continue;
  if (check) failed = true;
  else writeFileSync(object, bytes);
}
rmSync(scratch, { recursive: true, force: true });
if (failed) process.exitCode = 1;
