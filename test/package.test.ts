// The package as its users see it: README's example runs as written, through the names of package.json's exports, and what
// these and `bin` name is among the files that get published.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openObject, programInput } from '../src/index.ts';
import { verify } from '../src/verifier/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const object = join(root, 'examples/firewall/firewall.bpf.o');

it("README's example of the library runs as written", () => {
  const [, example] = /```ts\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8'))!;
  expect(example).toContain("from 'beewasm'");
  // Inside the package, so that 'beewasm' is this one.
  const folder = mkdtempSync(join(root, 'dist/readme-'));
  try {
    writeFileSync(join(folder, 'firewall.bpf.o'), readFileSync(object));
    const script = `import { readFile } from 'node:fs/promises';
const packet = new Uint8Array(60);
const packets = [packet, packet, packet];
${example}
console.log(JSON.stringify({ retval, bytes: data.length, verdicts: [...verdicts] }));`;
    writeFileSync(join(folder, 'example.mjs'), script);
    const { stdout, stderr } = spawnSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({ retval: 2, bytes: 60, verdicts: [2, 2, 2] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('a program is verified without a Kernel', () => {
  const spec = openObject(new Uint8Array(readFileSync(join(root, 'test/objects/twins/twins.bpf.o'))));
  expect(verify(programInput(spec, spec.programs.sound)).ok).toBe(true);
  const rejected = verify(programInput(spec, spec.programs.frame_pointer_write));
  expect(rejected.log).toContain('frame pointer is read only');
  expect(rejected.ok).toBe(false);
});

it('what exports and bin name exists and gets published', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const named = [...Object.values(manifest.bin), ...Object.values(manifest.exports)].flatMap((e) =>
    typeof e === 'string' ? [e] : Object.values(e as Record<string, string>),
  );
  expect(named.length).toBeGreaterThan(8);
  for (const path of named.map((p) => p.replace(/^\.\//, ''))) {
    expect(existsSync(join(root, path)), path).toBe(true);
    const published = path === 'package.json' || manifest.files.some((f: string) => path.startsWith(`${f}/`));
    expect(published, path).toBe(true);
  }
});
