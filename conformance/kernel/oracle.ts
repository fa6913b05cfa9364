// The live kernel behind a small API on plain data: create maps and work on them, load programs, test-run them.
// What Linux refuses is an answer here (a negative errno, verdict REJECT), never an exception; exceptions mean that the
// oracle itself broke. Everything runs on CPU 0, and nothing is ever attached.

import { encode, type Insn, type InsnIndex } from '../../src/isa/insn.ts';
import { BPF_MAP_TYPE } from '../../src/uapi/enums.ts';
import { errnoName } from '../../src/uapi/errno.ts';
import { BeewasmError } from '../../src/uapi/errors.ts';
import type { MapDef, MapRef } from '../../src/verifier/verified.ts';
import { type Answer, type Channel, OracleUnavailable, openChannel } from './channel.ts';
import { valueBtf } from './value_btf.ts';

export { OracleUnavailable } from './channel.ts';

/** A map or program in the oracle process: its file descriptor there. */
export type Handle = number;

/** `contents` is written under key 0 before `frozen` takes effect. */
export type KernelMap = MapDef & {
  readonly extra?: bigint | number;
  /** Types of key and value (0 = none); without it they are made up from the special fields. */
  readonly btf?: { readonly handle: Handle; readonly keyType: number; readonly valueType: number };
};

/** A ProgramInput of the verifier fits. A number among `maps` is the handle of a map that exists already. */
export interface KernelProgram {
  readonly type: number;
  readonly expectedAttachType?: number;
  /** The function or type of the kernel's BTF that the program is bound to. */
  readonly attachBtfId?: number;
  /** The loaded program that it is bound to: then the id is one of that program's BTF. */
  readonly targetHandle?: Handle;
  readonly flags?: number;
  readonly license?: string;
  readonly insns: Uint8Array | readonly Insn[];
  readonly maps?: readonly (KernelMap | Handle)[];
  readonly mapRefs?: ReadonlyMap<InsnIndex, MapRef>;
  /** Types of the functions: a handle of createBtf, and an id for the first slot of each. */
  readonly btf?: { readonly handle: Handle; readonly functions: ReadonlyMap<InsnIndex, number> };
}

export interface LoadOptions {
  /** log_level: 4 = messages and statistics (default), 1 = every instruction, 2 = with states. */
  readonly logLevel?: number;
  /** Create maps and load with CAP_BPF and CAP_NET_ADMIN alone. */
  readonly capBpfOnly?: boolean;
}

export interface KernelLoad {
  readonly verdict: 'ACCEPT' | 'REJECT';
  /** Name such as 'EACCES', or the number as text where the table has no name; null when accepted. */
  readonly errno: string | null;
  /** `processed N insns`; null when the verifier did not get that far. */
  readonly processed: number | null;
  /** Last line of the log before the statistics; null when there is none. */
  readonly message: string | null;
  readonly log: string;
  /** Time in the bpf() call, JIT included; `verifyMicroseconds` is the kernel's own figure. */
  readonly nanoseconds: number;
  readonly verifyMicroseconds: number | null;
  /** The program; -1 when rejected. */
  readonly handle: Handle;
  /** One per `maps` of the input. */
  readonly maps: readonly Handle[];
  /** Those of `maps` that this load created. */
  readonly ownMaps: readonly Handle[];
}

export interface RunOptions {
  readonly data?: Uint8Array;
  readonly ctx?: Uint8Array;
  readonly repeat?: number;
  readonly flags?: number;
  /** The context is written where it is read: SYSCALL programs. */
  readonly inPlace?: boolean;
}

export interface KernelRun {
  /** 0, or the negative errno of BPF_PROG_TEST_RUN; then the rest is empty. */
  readonly rc: number;
  readonly retval: number;
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
  /** Average nanoseconds of one run, as the kernel reports it. */
  readonly duration: number;
}

export interface Oracle {
  readonly kernelRelease: string;
  readonly possibleCpus: number;
  createMap(map: KernelMap): Handle;
  /** -errno when the kernel refuses it. */
  createBtf(bytes: Uint8Array): Handle;
  /** 0 or -errno. A per-CPU value is round_up(value_size, 8) bytes for every possible CPU. */
  update(map: Handle, key: Uint8Array, value: Uint8Array, flags?: number): number;
  /** The value, or -errno. `size` is the size of the user buffer. */
  lookup(map: Handle, key: Uint8Array, size: number): Uint8Array | number;
  delete(map: Handle, key: Uint8Array): number;
  /** The key after `key` (null: the first one), or -errno. */
  nextKey(map: Handle, key: Uint8Array | null, keySize: number): Uint8Array | number;
  freeze(map: Handle): number;
  dump(map: Handle, keySize: number, valueSize: number): [key: Uint8Array, value: Uint8Array][];
  load(program: KernelProgram, options?: LoadOptions): KernelLoad;
  run(program: Handle, options?: RunOptions): KernelRun;
  close(...handles: Handle[]): void;
  /** Closes what a load left open: the program and the maps it created (not those passed in). */
  unload(load: KernelLoad): void;
  shutdown(): void;
}

/** The oracle of this machine, or null; then `why` is called with the reason. */
export function openOracle(why: (reason: string) => void = () => {}): Oracle | null {
  try {
    const channel = openChannel();
    const oracle = overChannel(channel);
    const trial = oracle.load({ type: 1, license: 'GPL', insns: TRIVIAL });
    if (trial.verdict === 'ACCEPT') {
      oracle.close(trial.handle);
      return oracle;
    }
    channel.close();
    throw new OracleUnavailable(`bpf() is refused: ${trial.errno}`);
  } catch (error) {
    if (!(error instanceof OracleUnavailable)) throw error;
    why(error.message);
    return null;
  }
}

/** r0 = 0; exit */
const TRIVIAL = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);

/** Big enough for a log of messages; logs of instructions keep their newest part (a rotating log). */
const LOG_SIZE = { small: 1 << 16, large: 1 << 24 };

/** Map types that Linux creates only with BTF (bpf_local_storage_map_alloc_check). */
const NEEDS_BTF: ReadonlySet<number> = new Set([
  BPF_MAP_TYPE.BPF_MAP_TYPE_SK_STORAGE,
  BPF_MAP_TYPE.BPF_MAP_TYPE_INODE_STORAGE,
  BPF_MAP_TYPE.BPF_MAP_TYPE_TASK_STORAGE,
  BPF_MAP_TYPE.BPF_MAP_TYPE_CGRP_STORAGE,
]);

function overChannel(channel: Channel): Oracle {
  const ask = (verb: string, words: Record<string, string | number | bigint | undefined>): Answer =>
    channel.ask(Object.entries(words).reduce((line, [k, v]) => (v === undefined ? line : `${line} ${k}=${v}`), verb));
  const status = (a: Answer): number => (a.ok ? 0 : -Number(a.words.get('errno')));
  const bytesOr = (a: Answer, word: string): Uint8Array | number => (a.ok ? unhex(a.words.get(word)) : status(a));

  const hello = channel.ask('hello').words;

  function createMap(map: KernelMap, capBpfOnly = false): Handle {
    const inner = map.inner ? createMap(map.inner, capBpfOnly) : 0;
    const fields = map.specialFields ?? [];
    const needed = map.btf === undefined && (fields.length > 0 || NEEDS_BTF.has(map.type));
    const btf = needed ? valueBtf(map.keySize, map.valueSize, fields) : null;
    const btfHandle = btf ? fdOr(ask('btf', { data: hex(btf.bytes) })) : 0;
    if (btfHandle < 0) throw new BeewasmError(`BTF of map ${map.name}: ${nameOf(-btfHandle)}`);
    const made = ask('map', {
      // As libbpf cuts them; Linux takes no other characters.
      name: /^[\w.]+$/.test(map.name) ? map.name.slice(0, 15) : undefined,
      type: map.type,
      key: map.keySize,
      value: map.valueSize,
      max: map.maxEntries,
      flags: map.flags,
      extra: map.extra,
      inner: inner || undefined,
      btf: map.btf?.handle ?? (btfHandle || undefined),
      key_type: map.btf?.keyType ?? btf?.keyType,
      value_type: map.btf?.valueType ?? btf?.valueType,
      caps: capBpfOnly ? 'bpf' : undefined,
    });
    for (const h of [inner, btfHandle]) if (h > 0) ask('close', { fd: h });
    const handle = fdOr(made);
    if (handle < 0) return handle;
    if (map.contents) oracle.update(handle, new Uint8Array(map.keySize), map.contents);
    if (map.frozen) oracle.freeze(handle);
    return handle;
  }
  const fdOr = (a: Answer): number => (a.ok ? Number(a.words.get('fd')) : status(a));

  function load(program: KernelProgram, options: LoadOptions = {}): KernelLoad {
    const maps = (program.maps ?? []).map((m) => (typeof m === 'number' ? m : createMap(m, options.capBpfOnly)));
    const ownMaps = maps.filter((h) => h > 0 && !program.maps?.includes(h));
    const refused = maps.find((h) => h < 0);
    if (refused !== undefined) oracle.close(...ownMaps);
    if (refused !== undefined) throw new BeewasmError(`map creation: ${nameOf(-refused)}`);
    const level = options.logLevel ?? 4;
    const question = {
      type: program.type,
      attach: program.expectedAttachType,
      attach_btf_id: program.attachBtfId,
      attach_prog: program.targetHandle,
      flags: program.flags,
      license: hex(new TextEncoder().encode(program.license ?? '')),
      insns: hex(program.insns instanceof Uint8Array ? program.insns : encode(program.insns)),
      refs: refsOf(program.mapRefs, maps),
      caps: options.capBpfOnly ? 'bpf' : undefined,
      btf: program.btf?.handle,
      finfo: program.btf && hex(functionInfo(program.btf.functions)),
    };
    const answer = ask('load', { ...question, log: level, logsize: level & 3 ? LOG_SIZE.large : LOG_SIZE.small });
    const log = text(answer.words.get('log'));
    // A log that did not fit fails the load itself with ENOSPC: then the verdict is asked for without that log.
    const cut = answer.words.get('errno') === '28' && (level & 3) !== 0;
    if (cut) return { ...load({ ...program, maps }, { ...options, logLevel: 4 }), log, ownMaps };
    return { ...readLoad(answer, log), maps, ownMaps };
  }

  const oracle: Oracle = {
    kernelRelease: hello.get('release') ?? '',
    possibleCpus: Number(hello.get('cpus')),
    createMap,
    createBtf: (bytes) => fdOr(ask('btf', { data: hex(bytes) })),
    load,
    update: (fd, key, value, flags = 0) => status(ask('update', { fd, key: hex(key), value: hex(value), flags })),
    lookup: (fd, key, size) => bytesOr(ask('lookup', { fd, key: hex(key), size }), 'value'),
    delete: (fd, key) => status(ask('delete', { fd, key: hex(key) })),
    nextKey: (fd, key, size) => bytesOr(ask('next', { fd, key: key ? hex(key) : '-', size }), 'key'),
    freeze: (fd) => status(ask('freeze', { fd })),
    dump(fd, keySize, valueSize) {
      const entries = ask('dump', { fd, key_size: keySize, value_size: valueSize }).words.get('entries') ?? '';
      return entries === '' ? [] : entries.split(',').map((e) => e.split(':').map(unhex) as [Uint8Array, Uint8Array]);
    },
    run(fd, { data, ctx, repeat, flags, inPlace } = {}) {
      const a = ask('run', {
        fd,
        data: data && hex(data),
        ctx: ctx && hex(ctx),
        repeat,
        flags,
        inplace: inPlace ? 1 : undefined,
      });
      return {
        rc: status(a),
        retval: Number(a.words.get('retval') ?? 0),
        data: unhex(a.words.get('data')),
        ctx: unhex(a.words.get('ctx')),
        duration: Number(a.words.get('ns') ?? 0),
      };
    },
    close(...handles) {
      for (const fd of handles) if (fd > 0) ask('close', { fd });
    },
    unload: (loaded) => oracle.close(loaded.handle, ...loaded.ownMaps),
    shutdown: () => channel.close(),
  };
  return oracle;
}

/** Records of struct bpf_func_info: u32 instruction, u32 type id. */
function functionInfo(functions: ReadonlyMap<InsnIndex, number>): Uint8Array {
  const records = [...functions].sort((a, b) => a[0] - b[0]);
  return new Uint8Array(Uint32Array.from(records.flat()).buffer);
}

function refsOf(refs: ReadonlyMap<InsnIndex, MapRef> | undefined, maps: readonly Handle[]): string | undefined {
  if (!refs?.size) return undefined;
  return [...refs].map(([slot, r]) => `${slot}:${maps[r.map]}:${r.kind === 'fd' ? 1 : 2}:${r.off}`).join(',');
}

function readLoad(answer: Answer, log: string): Omit<KernelLoad, 'maps' | 'ownMaps'> {
  const processed = /processed (\d+) insns \(limit/.exec(log);
  const time = /^verification time (\d+) usec/m.exec(log);
  return {
    verdict: answer.ok ? 'ACCEPT' : 'REJECT',
    errno: answer.ok ? null : nameOf(Number(answer.words.get('errno'))),
    processed: processed ? Number(processed[1]) : null,
    message: messageOf(log),
    log,
    nanoseconds: Number(answer.words.get('ns')),
    verifyMicroseconds: time ? Number(time[1]) : null,
    handle: answer.ok ? Number(answer.words.get('fd')) : -1,
  };
}

/** Last line of a verifier log that is not one of its closing statistics. */
export function messageOf(log: string): string | null {
  const lines = log
    .split('\n')
    .filter((l) => l !== '' && !/^(processed \d+ insns|verification time |stack depth )/.test(l));
  // Some messages lack their newline.
  return lines.at(-1)?.replace(/(verification time \d+ usec|processed \d+ insns \(limit.*)$/, '') ?? null;
}

function nameOf(errno: number): string {
  return errnoName(errno) ?? String(errno);
}

function hex(bytes: Uint8Array): string {
  return bytes.length === 0 ? '-' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function unhex(text: string | undefined): Uint8Array {
  return text === undefined || text === '-' ? new Uint8Array(0) : Uint8Array.from(Buffer.from(text, 'hex'));
}

function text(hexed: string | undefined): string {
  return Buffer.from(unhex(hexed)).toString('utf8');
}
