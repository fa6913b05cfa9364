// Suite `hostile`: each program of conformance/hostile/programs.ts with about N instructions, and each object of objects.ts with
// about N types or records: the verdict, and what it took.

import { openObject } from '../../src/index.ts';
import { localTypes } from '../../src/loader/local_types.ts';
import { programInput } from '../../src/runtime/program_input.ts';
import { BeewasmError } from '../../src/uapi/errors.ts';
import { verify } from '../../src/verifier/index.ts';
import { inputOf } from '../embed/rig.ts';
import { HOSTILE_OBJECTS } from '../hostile/objects.ts';
import { HOSTILE } from '../hostile/programs.ts';

export interface HostileRow {
  readonly name: string;
  /** Of the program, or bytes of the object. */
  readonly size: number;
  /** What it ended in: 'accepted', or an errno or error with its message. */
  readonly end: string;
  readonly processed: number;
  readonly seconds: number;
  /** Of all threads of the process. */
  readonly cpuSeconds: number;
  /** Of the process, behind the verification. */
  readonly megabytes: number;
}

export interface HostileReport {
  readonly suite: 'hostile';
  readonly rows: readonly HostileRow[];
}

const SPAN = 64;
/** Of an object with many programs so many are verified. */
const PROGRAMS = 8;

interface Options {
  readonly count: number;
  readonly id: string;
  readonly log: 0 | 1 | 2;
}

type End = Pick<HostileRow, 'end' | 'processed'>;

export function runHostile({ count, id, log }: Options): HostileReport {
  const wanted = (table: object) => Object.keys(table).filter((name) => name.includes(id));
  const programs = wanted(HOSTILE).map((name) => {
    const insns = HOSTILE[name](count);
    return measured(name, insns.length, () => verdictOf(inputOf(insns, SPAN), log));
  });
  const objects = wanted(HOSTILE_OBJECTS).map((name) => {
    const bytes = HOSTILE_OBJECTS[name](count);
    return measured(name, bytes.length, () => endOfObject(bytes, log));
  });
  return { suite: 'hostile', rows: [...programs, ...objects] };
}

function verdictOf(input: Parameters<typeof verify>[0], logLevel: 0 | 1 | 2): End {
  const result = verify(input, { logLevel });
  const end = result.ok ? 'accepted' : `${result.error.code} ${result.error.summary}`;
  return { end, processed: result.stats.processed };
}

/** The verdict of its last program that is looked at; an error that is none of ours goes on. */
export function endOfObject(bytes: Uint8Array, logLevel: 0 | 1 | 2 = 0): End {
  try {
    const alone = openObject(bytes);
    // Its own types are the target of its CO-RE relocations.
    const object = alone.btf === null ? alone : openObject(bytes, { btf: alone.btf });
    if (object.btf !== null) {
      // What a program that allocates objects asks.
      const types = localTypes(object.btf);
      if (types.refused) types.struct(1);
      for (let id = 1; id < types.layouts.end; id += 1 + (types.layouts.end >> 10)) {
        types.struct(id);
        types.layouts.struct(types.layouts.structName(id) ?? '');
      }
    }
    const ends = Object.values(object.programs)
      .slice(0, PROGRAMS)
      .map((program) => verdictOf(programInput(object, program), logLevel));
    return ends.at(-1) ?? { end: 'no programs', processed: 0 };
  } catch (error) {
    if (!(error instanceof BeewasmError)) throw error;
    return { end: `${error.name} ${error.message}`, processed: 0 };
  }
}

function measured(name: string, size: number, run: () => End): HostileRow {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const end = run();
  const { user, system } = process.cpuUsage(cpu);
  return {
    name,
    size,
    ...end,
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (user + system) / 1e6,
    megabytes: Math.round(process.memoryUsage().rss / 2 ** 20),
  };
}

export function hostileText({ rows }: HostileReport): string {
  const line = (r: HostileRow) =>
    `${r.name}: size ${r.size}, ${r.end}, processed ${r.processed}, ${r.seconds.toFixed(1)} s (CPU ${r.cpuSeconds.toFixed(1)}), ${r.megabytes} MB`;
  return rows.map(line).join('\n');
}
