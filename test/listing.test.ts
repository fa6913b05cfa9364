// What the JIT makes of a dozen small programs, side by side, as files that a reviewer of a change reads:
// test/listings/NAME.txt. After a change of the lowering that is meant: `npm run build && npx vitest run -u listing`, and
// look at the difference.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DUMPS, dumpPass } from '../jit/dump.ts';
import { listing } from '../jit/listing.ts';
import { listingText } from '../src/cli/listing_text.ts';
import { styleFor } from '../src/cli/style.ts';
import type { LoadedProgram } from '../src/runtime/engine.ts';
import { loadCorpus } from './corpus.ts';
import { testKernel } from './harness.ts';
import { LISTED } from './listing_programs.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const plain = styleFor(false);

type Name = keyof typeof LISTED;

/** In a Kernel of its own: the addresses of its maps are in the code. */
async function loadedOf(name: Name): Promise<LoadedProgram> {
  return loadCorpus(await testKernel(), { name, ...LISTED[name] }).loaded.loaded;
}

describe('listings', () => {
  it.each(Object.keys(LISTED) as Name[])('%s', async (name) => {
    const rows = listing(await loadedOf(name));
    await expect(`${listingText(rows, 140, plain)}\n`).toMatchFileSnapshot(join(root, `test/listings/${name}.txt`));
  });

  it.each(Object.keys(LISTED) as Name[])('%s: every instruction once, and all of the WebAssembly', async (name) => {
    const loaded = await loadedOf(name);
    const rows = listing(loaded);
    const shown = rows.flatMap(({ insn }) => (insn === null ? [] : [insn])).sort((a, b) => a - b);
    expect(shown).toEqual([...loaded.code.insns.keys()].filter((at) => loaded.code.insns[at].code !== 0));
    const code = rows.flatMap(({ wat }) => (wat === null ? [] : [typeof wat === 'string' ? wat : wat.flat])).join(' ');
    let open = 0;
    for (const c of code) open += c === '(' ? 1 : c === ')' ? -1 : 0;
    expect(open).toBe(0);
    const inModule = dumpPass(loaded, 'wat').match(/local\.(?:set|tee) \$(?:[rsw]\d+|sw\d+)/g)!.length;
    expect(code.match(/local\.(?:set|tee) \$(?:[rsw]\d+|sw\d+)/g)!.length).toBe(inModule);
  });

  it('fit the width, without colours', async () => {
    const rows = listing(await loadedOf('hash_lookup'));
    const text = listingText(rows, 200, plain);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(200);
    expect(text).not.toContain('\x1b');
    expect(listingText(rows, 200, styleFor(true))).toContain('\x1b');
  });
});

describe('dumps', () => {
  it.each(DUMPS)('%s', async (pass) => {
    const text = dumpPass(await loadedOf('branches'), pass);
    expect(text).toMatch(pass === 'idioms' ? /^function at 0/ : /\w/);
  });
});
