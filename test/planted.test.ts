// Bugs planted into the verifier: every edit still applies, every class of historical bugs has one, and a short dose of
// state embedding finds two of them. All of them: `npm run conformance -- planted`.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BUGS } from '../conformance/planted/bugs.ts';
import { edited } from '../conformance/planted/plant.ts';
import { sharedFile } from '../conformance/shared.ts';
import { probePlanted } from '../conformance/suites/planted.ts';

const task = { vectors: [], live: null, except: [], seed: 4, count: 160 };
const bug = (name: string) => BUGS.find((b) => b.name === name)!;

describe('planted bugs of the verifier', () => {
  it.each(BUGS.map((b) => [b.name, b] as const))('can be planted: %s', (_, b) => {
    expect(edited(b)).toContain(b.to);
  });

  it('exist for every class of historical bugs (skipped where the vectors are absent)', (t) => {
    const path = sharedFile('vectors', 'verifier-bugclass.json');
    if (path === null) {
      console.log('planted bugs: classes skipped, there is no ../shared/vectors/verifier-bugclass.json');
      return t.skip();
    }
    const rows = JSON.parse(readFileSync(path, 'utf8')) as readonly { readonly theme: string }[];
    const classes = new Set(rows.map((r) => r.theme));
    expect([...classes].filter((c) => !BUGS.some((b) => b.class === c))).toEqual([]);
  });

  it.each(['reads of stack slots are not noted', 'a 32-bit comparison tells about all 64 bits'])(
    'are found by embedding: %s',
    (name) => {
      const found = probePlanted(bug(name), task);
      expect(found.embed).toMatch(/^program \d+, (kept|exact)$/);
      // A seed finds the same each time.
      expect(probePlanted(bug(name), task)).toEqual(found);
    },
  );

  it.each([
    'a slot of which bytes were overwritten is still a whole spill',
    'a fill that extends the sign is equal to the slot',
    'a store at a variable offset leaves zeros',
    'what a called function reads of its callers is dead before the call',
    'a slot is dead before any write to it',
    'the second register of a comparison is dead before it',
    'a slot that is written on one path is written on all',
    'sdiv divides unsigned',
    'movsx keeps the link where the sign may change',
    'where an iterator is asked, numbers that decided nothing yet are not compared',
    'a drained iterator is like one that goes on',
    'slices stay when the packet moves',
  ])('are found by statements made for them: %s', (name) => {
    expect(probePlanted(bug(name), task).embed).toMatch(/^program \d+, (kept|exact)$/);
  });

  it('are not found where there are none', () => {
    expect(probePlanted(null, task)).toEqual({ embed: null });
  });
});
