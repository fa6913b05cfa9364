// Small programs that ask a verifier about one helper: call it with arguments that fit its prototype, then the same with
// one argument replaced by something else, with another map, under another license; read through its result; use the
// packet afterwards. In: a helper's prototype and a program type; out: programs for verify() and for the live kernel.

import type { Insn } from '../../src/isa/insn.ts';
import type { ArgKind, Helper } from '../../src/spec/helpers.ts';
import { progTypeById, returnRange } from '../../src/spec/prog_types.ts';
import { BPF_FLAGS, BPF_MAP_TYPE as M, BPF_PROG_TYPE as T } from '../../src/uapi/enums.ts';
import { PROG_FLAGS } from '../../src/uapi/prog_flags.ts';
import type { MapDef, MapRef, ProgramInput } from '../../src/verifier/verified.ts';

export interface Probe {
  /** What was asked: 'valid', 'R2 = ctx', ... */
  readonly name: string;
  readonly input: ProgramInput;
}

/** What a register gets. Bytes [r10 - 64, r10) are initialised, those at r10 - 256 are not. */
const VALUES = [
  'zero',
  'scalar',
  'minus1',
  'huge',
  'unknown',
  'ctx',
  'ctx+8',
  'stack',
  'stack+4',
  'uninit stack',
  'map value',
  'rdonly value',
  'map',
  'packet',
  'nothing',
] as const;
type Value = (typeof VALUES)[number];

const map = (type: number, keySize: number, valueSize: number, maxEntries: number, flags = 0): MapDef => ({
  name: `m${type}`,
  type,
  keySize,
  valueSize,
  maxEntries,
  flags,
});

const RDONLY: MapDef = {
  ...map(M.BPF_MAP_TYPE_ARRAY, 4, 64, 1, BPF_FLAGS.BPF_F_RDONLY_PROG),
  frozen: true,
  contents: Uint8Array.from([...'%d text'].map((c) => c.charCodeAt(0)).concat(new Array(57).fill(0))),
};

/** One map of each kind that can be made without BTF, by the name of its type. */
export const SHAPES: Readonly<Record<string, MapDef>> = {
  'rdonly array': RDONLY,
  'wronly array': map(M.BPF_MAP_TYPE_ARRAY, 4, 64, 1, BPF_FLAGS.BPF_F_WRONLY_PROG),
  hash: map(M.BPF_MAP_TYPE_HASH, 4, 64, 4),
  array: map(M.BPF_MAP_TYPE_ARRAY, 4, 64, 1),
  prog_array: map(M.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4),
  perf_event_array: map(M.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4),
  percpu_hash: map(M.BPF_MAP_TYPE_PERCPU_HASH, 4, 64, 4),
  percpu_array: map(M.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 64, 4),
  stack_trace: map(M.BPF_MAP_TYPE_STACK_TRACE, 4, 1016, 4),
  cgroup_array: map(M.BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 4),
  lru_hash: map(M.BPF_MAP_TYPE_LRU_HASH, 4, 64, 4),
  lru_percpu_hash: map(M.BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 64, 4),
  lpm_trie: map(M.BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4, BPF_FLAGS.BPF_F_NO_PREALLOC),
  devmap: map(M.BPF_MAP_TYPE_DEVMAP, 4, 4, 4),
  sockmap: map(M.BPF_MAP_TYPE_SOCKMAP, 4, 4, 4),
  cpumap: map(M.BPF_MAP_TYPE_CPUMAP, 4, 4, 2),
  xskmap: map(M.BPF_MAP_TYPE_XSKMAP, 4, 4, 4),
  sockhash: map(M.BPF_MAP_TYPE_SOCKHASH, 4, 4, 4),
  cgroup_storage: map(M.BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8, 0),
  reuseport_sockarray: map(M.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 4),
  percpu_cgroup_storage: map(M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 16, 8, 0),
  queue: map(M.BPF_MAP_TYPE_QUEUE, 0, 8, 4),
  stack: map(M.BPF_MAP_TYPE_STACK, 0, 8, 4),
  sk_storage: map(M.BPF_MAP_TYPE_SK_STORAGE, 4, 8, 0, BPF_FLAGS.BPF_F_NO_PREALLOC),
  devmap_hash: map(M.BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 4),
  ringbuf: map(M.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096),
  inode_storage: map(M.BPF_MAP_TYPE_INODE_STORAGE, 4, 8, 0, BPF_FLAGS.BPF_F_NO_PREALLOC),
  task_storage: map(M.BPF_MAP_TYPE_TASK_STORAGE, 4, 8, 0, BPF_FLAGS.BPF_F_NO_PREALLOC),
  bloom_filter: map(M.BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4),
  user_ringbuf: map(M.BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096),
  cgrp_storage: map(M.BPF_MAP_TYPE_CGRP_STORAGE, 4, 8, 0, BPF_FLAGS.BPF_F_NO_PREALLOC),
};

/** A map that the helper takes; helpers that are not here take an array. */
const MAP_OF: Readonly<Record<string, string>> = {
  bpf_tail_call: 'prog_array',
  bpf_redirect_map: 'devmap',
  bpf_perf_event_output: 'perf_event_array',
  bpf_perf_event_read: 'perf_event_array',
  bpf_perf_event_read_value: 'perf_event_array',
  bpf_skb_output: 'perf_event_array',
  bpf_xdp_output: 'perf_event_array',
  bpf_get_stackid: 'stack_trace',
  bpf_skb_under_cgroup: 'cgroup_array',
  bpf_current_task_under_cgroup: 'cgroup_array',
  bpf_map_push_elem: 'queue',
  bpf_map_pop_elem: 'queue',
  bpf_map_peek_elem: 'queue',
  bpf_map_lookup_percpu_elem: 'percpu_array',
  bpf_sk_redirect_map: 'sockmap',
  bpf_msg_redirect_map: 'sockmap',
  bpf_sock_map_update: 'sockmap',
  bpf_sk_redirect_hash: 'sockhash',
  bpf_msg_redirect_hash: 'sockhash',
  bpf_sock_hash_update: 'sockhash',
  bpf_sk_select_reuseport: 'reuseport_sockarray',
  bpf_get_local_storage: 'cgroup_storage',
  bpf_sk_storage_get: 'sk_storage',
  bpf_sk_storage_delete: 'sk_storage',
  bpf_inode_storage_get: 'inode_storage',
  bpf_inode_storage_delete: 'inode_storage',
  bpf_task_storage_get: 'task_storage',
  bpf_task_storage_delete: 'task_storage',
  bpf_cgrp_storage_get: 'cgrp_storage',
  bpf_cgrp_storage_delete: 'cgrp_storage',
  bpf_ringbuf_output: 'ringbuf',
  bpf_ringbuf_reserve: 'ringbuf',
  bpf_ringbuf_query: 'ringbuf',
  bpf_ringbuf_reserve_dynptr: 'ringbuf',
  bpf_user_ringbuf_drain: 'user_ringbuf',
};

/** A value that fits; undefined where such a value takes more than one instruction to make. */
const FITS: Readonly<Partial<Record<ArgKind, Value>>> = {
  u32: 'zero',
  s32: 'zero',
  u64: 'zero',
  const_map_ptr: 'map',
  map_key: 'stack',
  map_value: 'stack',
  map_value_or_null: 'stack',
  uninit_map_value: 'uninit stack',
  ctx: 'ctx',
  ctx_or_null: 'ctx',
  mem_rdonly: 'stack',
  mem_rdonly_or_null: 'stack',
  mem_write: 'stack',
  mem_write_or_null: 'stack',
  uninit_mem: 'uninit stack',
  size: 'scalar',
  size_or_zero: 'scalar',
  fixed_mem_rdonly: 'stack',
  fixed_mem_write_aligned: 'stack',
  uninit_fixed_mem_aligned: 'uninit stack',
  const_str: 'rdonly value',
  const_alloc_size_or_zero: 'scalar',
  stack_or_null: 'zero',
  btf_id_or_null: 'zero',
};

/** Where a context holds the packet's bounds. */
const PACKET: Readonly<Record<number, { data: number; end: number }>> = {
  [T.BPF_PROG_TYPE_SCHED_CLS]: { data: 76, end: 80 },
  [T.BPF_PROG_TYPE_SCHED_ACT]: { data: 76, end: 80 },
  [T.BPF_PROG_TYPE_CGROUP_SKB]: { data: 76, end: 80 },
  [T.BPF_PROG_TYPE_LWT_IN]: { data: 76, end: 80 },
  [T.BPF_PROG_TYPE_LWT_OUT]: { data: 76, end: 80 },
  [T.BPF_PROG_TYPE_LWT_XMIT]: { data: 76, end: 80 },
  [T.BPF_PROG_TYPE_SK_SKB]: { data: 76, end: 80 },
  [T.BPF_PROG_TYPE_XDP]: { data: 0, end: 4 },
};

const insn = (code: number, dst: number, src: number, off: number, imm: number): Insn => ({ code, dst, src, off, imm });
const mov = (dst: number, imm: number): Insn => insn(0xb7, dst, 0, 0, imm);
const copy = (dst: number, src: number): Insn => insn(0xbf, dst, src, 0, 0);
const add = (dst: number, imm: number): Insn => insn(0x07, dst, 0, 0, imm);
const load = (size: 1 | 4 | 8, dst: number, src: number, off: number): Insn =>
  insn({ 1: 0x71, 4: 0x61, 8: 0x79 }[size], dst, src, off, 0);
const call = (id: number): Insn => insn(0x85, 0, 0, 0, id);
const EXIT = insn(0x95, 0, 0, 0, 0);

const PRANDOM = 7;
const CTX = 6;
const VALUE = 7;
const DATA = 8;
const END = 9;
const FP = 10;

class Builder {
  readonly insns: Insn[] = [];
  readonly maps: MapDef[] = [];
  readonly refs = new Map<number, MapRef>();

  lddw(dst: number, def: MapDef, kind: MapRef['kind']): void {
    this.refs.set(this.insns.length, { map: this.maps.length, kind, off: 0 });
    this.maps.push(def);
    this.insns.push(insn(0x18, dst, kind === 'fd' ? 1 : 2, 0, 0), insn(0, 0, 0, 0, 0));
  }

  /** r6 = ctx, r7 = map value, r8 = packet of 64 readable bytes if wanted, stack initialised, r1-r5 unreadable. */
  prologue(type: number, result: number, packet: boolean): void {
    this.insns.push(copy(CTX, 1));
    for (let off = -64; off < 0; off += 8) this.insns.push(insn(0x7a, FP, 0, off, 0));
    this.lddw(VALUE, SHAPES.array, 'value');
    const fields = PACKET[type];
    if (packet && fields) {
      this.insns.push(load(4, DATA, CTX, fields.data), load(4, END, CTX, fields.end), copy(2, DATA), add(2, 64));
      this.insns.push(insn(0xbd, 2, END, 2, 0), mov(0, result), EXIT);
    }
    this.insns.push(call(PRANDOM));
  }

  set(reg: number, value: Value, mapDef: MapDef): void {
    const { insns } = this;
    const simple: Partial<Record<Value, readonly Insn[]>> = {
      zero: [mov(reg, 0)],
      scalar: [mov(reg, 8)],
      minus1: [mov(reg, -1)],
      huge: [mov(reg, 1 << 30)],
      unknown: [load(8, reg, VALUE, 0)],
      ctx: [copy(reg, CTX)],
      'ctx+8': [copy(reg, CTX), add(reg, 8)],
      stack: [copy(reg, FP), add(reg, -64)],
      'stack+4': [copy(reg, FP), add(reg, -60)],
      'uninit stack': [copy(reg, FP), add(reg, -256)],
      'map value': [copy(reg, VALUE)],
      packet: [copy(reg, DATA)],
      nothing: [],
    };
    if (value === 'map') this.lddw(reg, mapDef, 'fd');
    else if (value === 'rdonly value') this.lddw(reg, RDONLY, 'value');
    else insns.push(...(simple[value] ?? []));
  }

  end(result: number): void {
    this.insns.push(mov(0, result), EXIT);
  }
}

interface Question {
  readonly args: readonly Value[];
  readonly map?: MapDef;
  readonly license?: string;
  readonly packet?: boolean;
  readonly after?: readonly Insn[];
}

export function probesOf(helper: Helper, type: number, expectedAttachType: number): Probe[] {
  const probes: Probe[] = [];
  const row = progTypeById(type);
  const result = (row && returnRange(row, expectedAttachType)?.[0]) ?? 0;
  const flags = row?.sleepable === 'must' ? PROG_FLAGS.BPF_F_SLEEPABLE : 0;
  const usual = SHAPES[MAP_OF[helper.name] ?? 'array'];
  const ask = (name: string, q: Question): void => {
    const b = new Builder();
    b.prologue(type, result, q.packet ?? false);
    q.args.forEach((value, i) => {
      b.set(i + 1, value, q.map ?? usual);
    });
    b.insns.push(call(helper.id), ...(q.after ?? []));
    b.end(result);
    const { insns, maps, refs } = b;
    const license = q.license ?? 'GPL';
    const rest = { type, expectedAttachType, flags, license };
    probes.push({ name, input: { name: helper.name, insns, maps, mapRefs: refs, ...rest } });
  };

  const packet = PACKET[type] !== undefined;
  ask('no arguments', { args: [] });
  ask('another license', { args: [], license: 'Proprietary' });
  const valid = helper.args.map((kind) => FITS[kind]);
  const upTo = valid.indexOf(undefined) < 0 ? valid.length : valid.indexOf(undefined);
  const fitting = valid.slice(0, upTo) as Value[];
  helper.args.slice(0, upTo + 1).forEach((kind, i) => {
    for (const value of VALUES) {
      if (value === 'packet' && !packet) continue;
      const args = [...fitting];
      args[i] = value;
      ask(`R${i + 1} = ${value}`, { args, packet: value === 'packet' });
    }
    if (kind !== 'const_map_ptr' || upTo < valid.length) return;
    for (const [name, map] of Object.entries(SHAPES)) ask(`map ${name}`, { args: fitting, map });
  });
  if (upTo < valid.length) return probes;
  ask('valid', { args: fitting });
  ask('through R0', { args: fitting, after: [load(1, 0, 0, 0)] });
  if (packet) ask('packet afterwards', { args: fitting, packet: true, after: [load(1, 0, DATA, 0)] });
  return probes;
}
