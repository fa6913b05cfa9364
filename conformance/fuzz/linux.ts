// Random programs on the live kernel: the same maps with the same contents, one test run, and the comparison with what
// the interpreter showed: the verdict of the verifier, the low 32 bits of r0, the packet, and the contents of all maps.
// Raw programs run as XDP behind a prologue.

import { readFileSync } from 'node:fs';
import { readKernelTypes } from '../../src/loader/kernel_btf.ts';
import type { KernelTypes } from '../../src/spec/kernel_struct.ts';
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '../../src/uapi/enums.ts';
import type { Handle, KernelLoad, KernelProgram, Oracle } from '../kernel/oracle.ts';
import { rawAsXdp } from '../kernel/raw_prologue.ts';
import { withIdsOf } from './kfunc.ts';
import type { Lab, Observation } from './lab.ts';
import { type Code, type FuzzProgram, type FuzzType, MAIN_SLOT, TARGET_SLOT } from './program.ts';
import { DATA_MAPS, GLOBAL, initialEntries, MAPS, PROGRAMS, SPAN } from './world.ts';

/** Maps whose contents programs change. */
const CHANGING = [GLOBAL, ...DATA_MAPS];

export class Linux {
  readonly #oracle: Oracle;
  readonly #maps: readonly Handle[];
  /** Per map: contents at the start, as text. */
  readonly #start: readonly string[];
  #kernelTypes: KernelTypes | null = null;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
    this.#maps = MAPS.map((map) => oracle.createMap(map));
    for (const i of CHANGING) this.#reset(i);
    this.#start = MAPS.map((_, i) => (CHANGING.includes(i) ? this.#contents(i) : ''));
  }

  /**
   * What Linux does otherwise; null = nothing. The interpreter ran last in `lab`, and accepted = false means that our
   * verifier refused.
   */
  difference(source: FuzzProgram, lab: Lab, expected: Observation): string | null {
    const programs: KernelLoad[] = [];
    try {
      for (const code of [source.main, source.target]) {
        if (code === null) continue;
        const loaded = this.#load(source, code);
        if (loaded.verdict === 'REJECT') return `Linux refuses: ${loaded.errno} ${loaded.message}`;
        programs.push(loaded);
      }
      return this.#runs(
        source,
        programs.map((p) => p.handle),
        lab,
        expected,
      );
    } finally {
      for (const program of programs) this.#oracle.close(program.handle);
    }
  }

  /** Linux's word about a program that our verifier refused: null when it refuses, too. */
  accepts(source: FuzzProgram): boolean {
    const loads = [source.main, source.target].map((code) => (code === null ? null : this.#load(source, code)));
    for (const loaded of loads) if (loaded !== null) this.#oracle.close(loaded.handle);
    return loads.every((loaded) => loaded === null || loaded.verdict === 'ACCEPT');
  }

  #load({ type, data }: FuzzProgram, code: Code): KernelLoad {
    const insns = withIdsOf(code.insns, () => this.#types());
    const program = asKernelProgram(type, { ...code, insns }, data.length);
    return this.#oracle.load({ ...program, maps: this.#maps }, { logLevel: 4 });
  }

  /** Of the live kernel, whose BTF is read when it is first asked for. */
  #types(): KernelTypes {
    this.#kernelTypes ??= readKernelTypes(readFileSync('/sys/kernel/btf/vmlinux'));
    return this.#kernelTypes;
  }

  #runs(source: FuzzProgram, handles: readonly Handle[], lab: Lab, expected: Observation): string | null {
    const [main, target] = handles;
    this.#setSlots(source.type, target === undefined ? null : [main, target]);
    const run = this.#oracle.run(main, { data: source.data });
    if (target !== undefined) this.#setSlots(source.type, null);
    if (run.rc !== 0) return `Linux's test run answers ${run.rc}`;
    const ours = Number(BigInt.asUintN(32, expected.retval ?? 0n));
    const differences: string[] = [];
    if (run.retval !== ours)
      differences.push(`r0: Linux 0x${run.retval.toString(16)}, interpreter 0x${ours.toString(16)}`);
    if (hex(run.data) !== hex(expected.data))
      differences.push(`data: Linux ${hex(run.data)}, interpreter ${hex(expected.data)}`);
    // Our maps must be read before they are put back, Linux's as well.
    for (const i of usedMaps(source)) {
      const [theirs, mine] = [this.#contents(i), ourContents(lab, i)];
      if (theirs !== mine) differences.push(`map ${MAPS[i].name}: Linux ${theirs}, interpreter ${mine}`);
      if (theirs !== this.#start[i]) this.#reset(i);
    }
    return differences.length === 0 ? null : differences.join('\n  ');
  }

  #setSlots(type: FuzzType, handles: readonly [Handle, Handle] | null): void {
    if (type === 'raw') return;
    const map = this.#maps[PROGRAMS[type]];
    [MAIN_SLOT, TARGET_SLOT].forEach((slot, i) => {
      if (handles === null) this.#oracle.delete(map, u32(slot));
      else this.#oracle.update(map, u32(slot), u32(handles[i]));
    });
  }

  /** Entries of a map as sorted text; of a per-CPU map, those of CPU 0, where the oracle runs. */
  #contents(map: number): string {
    const { keySize } = MAPS[map];
    const entries = this.#oracle.dump(this.#maps[map], keySize, this.#valueBytes(map));
    return textOf(entries.map(([key, value]) => [key, value.subarray(0, SPAN)]));
  }

  #valueBytes(map: number): number {
    return MAPS[map].type === BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY ? SPAN * this.#oracle.possibleCpus : SPAN;
  }

  #reset(map: number): void {
    const { keySize, type } = MAPS[map];
    const handle = this.#maps[map];
    if (type === BPF_MAP_TYPE.BPF_MAP_TYPE_HASH) {
      for (const [key] of this.#oracle.dump(handle, keySize, SPAN)) this.#oracle.delete(handle, key);
    }
    for (const { key, value } of initialEntries(map)) {
      const bytes = new Uint8Array(this.#valueBytes(map));
      for (let at = 0; at < bytes.length; at += SPAN) bytes.set(value, at);
      this.#oracle.update(handle, key, bytes);
    }
  }
}

function asKernelProgram(type: FuzzType, { insns, mapRefs }: Code, memSize: number): KernelProgram {
  if (type !== 'raw') {
    const number = type === 'xdp' ? BPF_PROG_TYPE.BPF_PROG_TYPE_XDP : BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER;
    return { type: number, license: 'GPL', insns, mapRefs };
  }
  const behind = rawAsXdp(insns, memSize);
  const added = behind.insns.length - insns.length;
  return { ...behind, mapRefs: new Map([...mapRefs].map(([at, ref]) => [at + added, ref])) };
}

/** Maps with contents that the program or its target can change. */
function usedMaps({ main, target }: FuzzProgram): number[] {
  const refs = [...main.mapRefs.values(), ...(target?.mapRefs.values() ?? [])];
  return [...new Set(refs.map((ref) => ref.map))].filter((map) => CHANGING.includes(map));
}

function ourContents({ maps }: Lab, index: number): string {
  const map = maps[index];
  const entries: [Uint8Array, Uint8Array][] = [];
  for (let key = map.nextKey(null); key !== undefined; key = map.nextKey(key)) entries.push([key, map.get(key)!]);
  return textOf(entries);
}

const textOf = (entries: readonly (readonly [Uint8Array, Uint8Array])[]): string =>
  entries
    .map(([key, value]) => `${hex(key)}=${hex(value)}`)
    .sort()
    .join(' ');

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer);
