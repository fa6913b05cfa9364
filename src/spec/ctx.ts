// One row per context struct: its fields as a program may read and write them (kernel is_valid_access of each program
// type). Offsets and sizes are UAPI's.

/** What a load of the field gives. */
export type CtxKind = 'scalar' | 'pkt' | 'pkt_end' | 'pkt_meta' | 'sock_common_or_null';

export interface CtxField {
  readonly name: string;
  readonly off: number;
  readonly size: number;
  readonly kind: CtxKind;
  /** full: only the whole field; narrow: any aligned part of it; bytes: any aligned access of any size inside it. */
  readonly read: 'full' | 'narrow' | 'bytes' | 'no';
  readonly write: 'full' | 'bytes' | 'no';
}

export interface Ctx {
  readonly name: string;
  readonly size: number;
  readonly fields: readonly CtxField[];
}

function u32(name: string, off: number, read: CtxField['read'] = 'narrow'): CtxField {
  return { name, off, size: 4, kind: 'scalar', read, write: 'no' };
}

const XDP_MD: Ctx = {
  name: 'xdp_md',
  size: 24,
  fields: [
    { name: 'data', off: 0, size: 4, kind: 'pkt', read: 'full', write: 'no' },
    { name: 'data_end', off: 4, size: 4, kind: 'pkt_end', read: 'full', write: 'no' },
    { name: 'data_meta', off: 8, size: 4, kind: 'pkt_meta', read: 'full', write: 'no' },
    u32('ingress_ifindex', 12, 'full'),
    u32('rx_queue_index', 16, 'full'),
    u32('egress_ifindex', 20, 'no'),
  ],
};

const SK_BUFF_WORDS = [
  'len',
  'pkt_type',
  'mark',
  'queue_mapping',
  'protocol',
  'vlan_present',
  'vlan_tci',
  'vlan_proto',
  'priority',
  'ingress_ifindex',
  'ifindex',
  'tc_index',
] as const;

/** __sk_buff as socket filters see it. */
const SK_BUFF: Ctx = {
  name: '__sk_buff',
  size: 192,
  fields: [
    ...SK_BUFF_WORDS.map((name, i) => u32(name, i * 4)),
    { name: 'cb', off: 48, size: 20, kind: 'scalar', read: 'bytes', write: 'bytes' },
    u32('hash', 68),
    u32('tc_classid', 72, 'no'),
    u32('data', 76, 'no'),
    u32('data_end', 80, 'no'),
    u32('napi_id', 84),
    { name: 'sk', off: 168, size: 8, kind: 'sock_common_or_null', read: 'full', write: 'no' },
    u32('gso_segs', 164),
    u32('gso_size', 176),
  ],
};

const CTXS: readonly Ctx[] = [XDP_MD, SK_BUFF];

export function ctxByName(name: string): Ctx {
  const ctx = CTXS.find((c) => c.name === name);
  if (ctx === undefined) throw new Error(`no context row ${name}`);
  return ctx;
}

/** The field an access of [off, off + size) may touch, or undefined when it is not allowed. */
export function ctxAccess(ctx: Ctx, off: number, size: number, write: boolean): CtxField | undefined {
  if (off < 0 || off + size > ctx.size || off % size !== 0) return undefined;
  const field = ctx.fields.find((f) => off >= f.off && off + size <= f.off + f.size);
  if (field === undefined) return undefined;
  const mode = write ? field.write : field.read;
  if (mode === 'no') return undefined;
  if (mode === 'full') return off === field.off && size === field.size ? field : undefined;
  return field;
}
