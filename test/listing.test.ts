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
import { ARENA } from './arena_runs.ts';
import { loadCorpus } from './corpus.ts';
import { loadText, testKernel } from './harness.ts';
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

  it('say what goes to an arena', async () => {
    const kernel = await testKernel();
    const text = `
      r0 = *(u32 *)(r1 + 12)
      r1 = map arena
      r6 = 4096
      r6 = addr_space_cast(r6, 0, 1)
      r7 = 8
      if r0 == 0 goto add
      r7 = r6
    add:
      r7 += 8
      r6 += 8
      r0 = *(u64 *)(r6 + 0)
      *(u64 *)(r6 + 8) = r7
      exit`;
    const program = loadText(kernel, { type: 'xdp', text, maps: { arena: kernel.createMap(ARENA) } });
    const rows = listing(program.loaded).filter(({ facts }) => /^arena/.test(facts[0]));
    expect(rows.map(({ disasm, facts }) => [disasm, facts[0]])).toEqual([
      ['(07) r7 += 8', 'arena or number'],
      ['(04) w6 += 8', 'arena'],
      ['(79) r0 = *(u64 *)(r6 +0)', 'arena'],
      ['(7b) *(u64 *)(r6 +8) = r7', 'arena'],
    ]);
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
