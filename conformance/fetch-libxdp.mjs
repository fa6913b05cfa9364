// Unpacks Debian's libxdp1 (BPF objects of xdp-tools) into .cache/libxdp1, which git ignores: real objects for
// test/libxdp.test.ts. Needs apt-get and dpkg. Nothing of the package becomes part of this project.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), '.cache', 'libxdp1');
const download = join(folder, 'download');

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { cwd: download, encoding: 'utf8' });
  if (status === 0) return;
  rmSync(folder, { recursive: true, force: true });
  console.error(`fetch-libxdp: ${command} failed: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  process.exit(1);
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(download, { recursive: true });
run('apt-get', ['download', 'libxdp1']);
const [deb] = readdirSync(download).filter((name) => name.endsWith('.deb'));
run('dpkg', ['-x', deb, folder]);
rmSync(download, { recursive: true });
console.log(`unpacked ${deb} into ${folder}`);
