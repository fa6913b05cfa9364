// Structures of functions that programs of type STRUCT_OPS implement for the kernel (kernel struct bpf_struct_ops), one
// row each: what a prototype does not tell. tcp_congestion_ops and bpf_dummy_ops as Linux 6.18 answers.

/** Fields of a kernel structure that programs may write: at their first byte, or anywhere `inside`. */
export interface Writable {
  /** The structure whose layout has the field; the one that is written begins with it. */
  readonly in: string;
  /** Its name; with dots where it lies in a nameless structure of its own. */
  readonly field: string;
  readonly inside?: true;
}

/** `null` for the fields: all of them. */
export interface WritableStruct {
  readonly struct: string;
  readonly fields: readonly Writable[] | null;
}

export interface StructOpsRow {
  /** Helpers: ids and ranges of ids. */
  readonly helpers: string;
  /** Helpers that programs of single members may not call. */
  readonly withoutHelpers?: Readonly<Record<string, readonly number[]>>;
  /** Members that the kernel calls functions of its own for. */
  readonly unsupported?: readonly string[];
  /** Members whose programs may sleep; absent = all. */
  readonly sleepable?: readonly string[];
  /** Arguments that point to one structure and are known to be another. */
  readonly promotes?: Readonly<Record<string, string>>;
  readonly writes?: WritableStruct;
}

const BASE =
  '1-3 5-8 12 14-17 22 35 37 42 55 80 87-89 93-94 105-106 109 112-115 117-118 120 123 125 130-134 141 148-149 153-154 ' +
  '156-158 164-165 169-172 175-177 180-182 191 194-195 197-203 208-211';

const SOCKOPT = [49, 57];

export const STRUCT_OPS = {
  tcp_congestion_ops: {
    helpers: `${BASE} 49 57 107-108 116 160`,
    withoutHelpers: { release: SOCKOPT },
    unsupported: ['get_info'],
    promotes: { sock: 'tcp_sock' },
    writes: {
      struct: 'tcp_sock',
      fields: [
        { in: 'sock', field: 'sk_pacing_rate' },
        { in: 'sock', field: 'sk_pacing_status' },
        { in: 'inet_connection_sock', field: 'icsk_ca_priv', inside: true },
        { in: 'inet_connection_sock', field: 'icsk_ack.pending' },
        { in: 'tcp_sock', field: 'snd_cwnd' },
        { in: 'tcp_sock', field: 'snd_cwnd_cnt' },
        { in: 'tcp_sock', field: 'snd_cwnd_stamp' },
        { in: 'tcp_sock', field: 'snd_ssthresh' },
        { in: 'tcp_sock', field: 'ecn_flags' },
        { in: 'tcp_sock', field: 'app_limited' },
      ],
    },
  },
  bpf_dummy_ops: {
    helpers: '',
    sleepable: ['test_sleepable'],
    writes: { struct: 'bpf_dummy_ops_state', fields: null },
  },
} as const satisfies Readonly<Record<string, StructOpsRow>>;

const ROWS: Readonly<Record<string, StructOpsRow>> = STRUCT_OPS;

/** The row of a structure; undefined = beewasm does not know it. */
export function structOps(name: string): StructOpsRow | undefined {
  return Object.hasOwn(ROWS, name) ? ROWS[name] : undefined;
}
