// The live kernel's JIT: an object's programs loaded together, sharing maps by name, and one of them measured through
// BPF_PROG_TEST_RUN. The kernel repeats one packet, so each packet is repeated for a while before the next one; that its
// branch predictor then knows the packet is why the other engines are measured that way too (REPEAT in run.ts).

import type { Handle, Oracle } from '../conformance/kernel/oracle.ts';
import type { ObjectSpec } from '../src/index.ts';
import { programInput } from '../src/runtime/program_input.ts';
import type { Workload } from './workloads.ts';

/** A call repeats a packet for about this long. The call itself takes longer: the kernel patches its XDP dispatcher. */
const CALL_NS = 200_000;
const FIRST_REPEAT = 100;

export class LiveKernel {
  readonly #oracle: Oracle;
  readonly #program: Handle;
  readonly #handles: Handle[];
  readonly #packets: readonly Uint8Array[];
  readonly #seen = new Map<Uint8Array, { repeat: number; best: number }>();

  private constructor(oracle: Oracle, program: Handle, handles: Handle[], packets: readonly Uint8Array[]) {
    this.#oracle = oracle;
    this.#program = program;
    this.#handles = handles;
    this.#packets = packets;
  }

  /** A reason when the kernel refuses it. */
  static load(oracle: Oracle, w: Workload, spec: ObjectSpec): LiveKernel | string {
    const maps = new Map<string, Handle>();
    const programs = new Map<string, Handle>();
    const all = () => [...programs.values(), ...maps.values()];
    const give = (why: string) => {
      oracle.close(...all());
      return why;
    };
    for (const program of Object.values(spec.programs)) {
      const input = programInput(spec, program);
      const shared = input.maps.map((m) => maps.get(m.name) ?? m);
      const loaded = oracle.load({ ...input, maps: shared });
      if (loaded.verdict !== 'ACCEPT') return give(`${program.name}: ${loaded.errno} ${loaded.message ?? ''}`);
      input.maps.forEach((m, i) => void maps.set(m.name, loaded.maps[i]));
      programs.set(program.name, loaded.handle);
    }
    const u32 = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
    for (const [name, map] of maps) {
      for (const { index, symbol } of spec.maps[name].slots ?? []) {
        const rc = oracle.update(map, u32(index), u32(programs.get(symbol) ?? -1));
        if (rc !== 0) return give(`${name}[${index}]: errno ${-rc}`);
      }
    }
    for (const { name, key, value } of w.updates) {
      // A map that this program does not use was not created; a variable stands in its map's contents.
      const map = maps.get(name);
      if (key === null || map === undefined) continue;
      const rc = oracle.update(map, key, value);
      if (rc !== 0) return give(`${name}: errno ${-rc}`);
    }
    return new LiveKernel(oracle, programs.get(w.program)!, all(), w.packets);
  }

  /** The result of each packet, run once in order. */
  retvals(): Uint32Array {
    return Uint32Array.from(this.#packets, (data) => {
      const { rc, retval } = this.#oracle.run(this.#program, { data });
      if (rc !== 0) throw new Error(`BPF_PROG_TEST_RUN: errno ${-rc}`);
      return retval;
    });
  }

  /** Nanoseconds of one run as the kernel counts them (whole ones): the mean over `packets` of the fastest so far. */
  sample(packets: readonly Uint8Array[]): number {
    let sum = 0;
    for (const data of packets) {
      const seen = this.#seen.get(data) ?? { repeat: FIRST_REPEAT, best: Infinity };
      const { duration } = this.#oracle.run(this.#program, { data, repeat: seen.repeat });
      const best = Math.min(seen.best, duration);
      this.#seen.set(data, { repeat: Math.ceil(CALL_NS / Math.max(1, best)), best });
      sum += best;
    }
    return sum / packets.length;
  }

  close(): void {
    this.#oracle.close(...this.#handles);
  }
}
