// How often each row of the opcode table occurs in random programs, and how many instructions they execute.

import { createInterpreter } from '../../src/interp/interp.ts';
import { OPCODES, opOf } from '../../src/isa/opcodes.ts';
import { generate } from './generate.ts';
import { Lab } from './lab.ts';

export interface Coverage {
  readonly programs: number;
  /** Row -> share of the programs that contain it. */
  readonly contains: ReadonlyMap<string, number>;
  /** Row -> share of the programs that execute it. */
  readonly executes: ReadonlyMap<string, number>;
  /** Means over the programs. */
  readonly slots: number;
  readonly executed: number;
}

/** Rows no random program has: none has an arena. */
export const NEVER: ReadonlySet<string> = new Set(['addr_space_cast']);

export function measureCoverage(seed: number, count: number): Coverage {
  const contains = new Map<string, number>(OPCODES.map((op) => [op.name, 0]));
  const executes = new Map<string, number>(OPCODES.map((op) => [op.name, 0]));
  let [slots, executed] = [0, 0];
  let seen = new Set<string>();
  const interp = createInterpreter({
    maxSteps: 200_000,
    onStep: (pc, _, program) => {
      executed++;
      seen.add(opOf(program.code.insns[pc])!.name);
    },
  });
  let lab = new Lab(interp);
  let programs = 0;
  for (let index = 0; index < count; index++) {
    if (index % 1000 === 999) lab = new Lab(interp);
    const source = generate(seed, index);
    // Which rows there are does not depend on the verifier, which would take most of the time.
    const loaded = lab.load({ ...source, verify: false });
    if (typeof loaded === 'string') continue;
    programs++;
    seen = new Set();
    lab.reference(loaded);
    lab.unload(loaded);
    const code = [...source.main.insns, ...(source.target?.insns ?? [])];
    slots += code.length;
    // The second slot of an lddw has no row.
    const rows = new Set(code.flatMap((insn) => opOf(insn)?.name ?? []));
    for (const name of rows) contains.set(name, contains.get(name)! + 1);
    for (const name of seen) executes.set(name, executes.get(name)! + 1);
  }
  const shares = (counts: ReadonlyMap<string, number>) => new Map([...counts].map(([k, n]) => [k, n / programs]));
  return {
    programs,
    contains: shares(contains),
    executes: shares(executes),
    slots: slots / programs,
    executed: executed / programs,
  };
}

/** The table, rarest rows first. */
export function coverageText(c: Coverage): string {
  const rows = [...c.contains].sort((a, b) => a[1] - b[1]);
  const percent = (x: number) => `${(100 * x).toFixed(2)} %`.padStart(9);
  const lines = rows.map(([name, share]) => `${name.padEnd(22)}${percent(share)}${percent(c.executes.get(name)!)}`);
  const head = `${c.programs} programs, ${c.slots.toFixed(1)} slots and ${c.executed.toFixed(1)} executed instructions each`;
  return [head, `${'row'.padEnd(22)} contain   execute`, ...lines].join('\n');
}
