// Looks for planted bugs: how many random programs it takes until one shows the mutant.

import { BATCH } from './campaign.ts';
import { generate } from './generate.ts';
import { compileAll, contender, Lab, type Loaded } from './lab.ts';
import type { Mutant } from './mutants.ts';

export interface Hunt {
  readonly name: string;
  /** Programs until it was found, the finding one included; null: not within `count`. */
  readonly found: number | null;
  readonly what: string;
}

export async function hunt(mutant: Mutant, seed: number, count: number): Promise<Hunt> {
  const { name } = mutant;
  const racing = await contender(name, mutant.options);
  for (let from = 0; from < count; from += BATCH) {
    const lab = new Lab();
    const batch: [number, Loaded][] = [];
    for (let index = from; index < Math.min(from + BATCH, count); index++) {
      const loaded = lab.load(generate(seed, index));
      if (typeof loaded !== 'string') batch.push([index, loaded]);
    }
    try {
      compileAll(
        batch.map(([, loaded]) => loaded),
        racing,
      );
    } catch (e) {
      // A compiler that breaks down is found, too.
      return { name, found: from + 1, what: `compiling fails: ${e instanceof Error ? e.message : e}` };
    }
    for (const [index, loaded] of batch) {
      const what = lab.difference(loaded, lab.reference(loaded), racing);
      if (what !== null) return { name, found: index + 1, what };
    }
  }
  return { name, found: null, what: '' };
}
