// `npm run domain -- BITS`: every operator of the value domain on every case of numbers of BITS bits (4, 6 or 8).

import * as check from './check.ts';
import { World } from './world.ts';

const bits = Number(process.argv[2] ?? 6);
if (![4, 6, 8].includes(bits)) {
  console.error('usage: npm run domain -- 4|6|8');
  process.exit(2);
}
const world = new World(bits);
for (const [name, run] of Object.entries(check)) {
  const start = performance.now();
  const cases = run(world);
  console.log(
    `${name.padEnd(16)} ${String(cases).padStart(12)} cases ${((performance.now() - start) / 1000).toFixed(1).padStart(8)} s`,
  );
}
