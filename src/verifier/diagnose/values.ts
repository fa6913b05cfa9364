// What a register holds, in plain words: 'a number from 0 to 65535', "a value of map 'flows' (16 bytes), or NULL".

import { isObject } from '../object.ts';
import { AT_PKT_END, FLAG, kindText, type Reg, type RegKind } from '../reg.ts';
import { isConst, S64_MAX, S64_MIN, type Scalar } from '../scalar.ts';
import { U64_MAX } from '../tnum.ts';
import type { MapDef } from '../verified.ts';

const NAMED: ReadonlyMap<bigint, string> = new Map([
  [S64_MIN, '-2^63'],
  [S64_MAX, '2^63 - 1'],
  [U64_MAX, '2^64 - 1'],
  [0xffffffffn, '2^32 - 1'],
  [0x7fffffffn, '2^31 - 1'],
  [-0x80000000n, '-2^31'],
]);

export function numberText(x: bigint): string {
  const named = NAMED.get(x);
  if (named !== undefined) return named;
  if (x < 0n) return `-${numberText(-x)}`;
  return x > 0xffffn ? `0x${x.toString(16)}` : x.toString();
}

export function scalarWords(s: Scalar): string {
  if (isConst(s)) return `the number ${numberText(BigInt.asIntN(64, s.var_off.value))}`;
  if (s.umin === 0n && s.umax === U64_MAX && s.smin === S64_MIN && s.smax === S64_MAX) return 'an unknown number';
  return `a number from ${rangeWords(s)}`;
}

/** '-255 to 255'. Both ranges hold; the narrower one says more. */
export function rangeWords(s: Scalar): string {
  const signed = s.smax - s.smin < s.umax - s.umin || (s.smin < 0n && s.smax - s.smin === s.umax - s.umin);
  const [min, max] = signed ? [s.smin, s.smax] : [s.umin, s.umax];
  return `${numberText(min)} to ${numberText(max)}`;
}

/** ' + 14', ' + 14 + 0 to 60', '' of a pointer. */
function moved(reg: Reg): string {
  const fixed = reg.off === 0 ? '' : reg.off > 0 ? ` + ${reg.off}` : ` - ${-reg.off}`;
  if (isConst(reg.s)) {
    const v = BigInt.asIntN(64, reg.s.var_off.value);
    return v === 0n ? fixed : `${fixed} ${v < 0n ? '-' : '+'} ${v < 0n ? -v : v}`;
  }
  return `${fixed} + (${rangeWords(reg.s)})`;
}

function packet(start: string): Describe {
  return (reg) => {
    const at = `a packet pointer (${start}${moved(reg)})`;
    if (reg.range < 0) return `${at} ${reg.range === AT_PKT_END ? 'at' : 'beyond'} the end of the packet`;
    return reg.range === 0 ? `${at}, nothing proven readable` : `${at}, ${reg.range} bytes proven readable`;
  };
}

type Describe = (reg: Reg, map: (index: number) => MapDef) => string;

const named =
  (words: string): Describe =>
  (reg) =>
    `${words}${moved(reg)}`;
const mapWords = ({ name, keySize, valueSize }: MapDef) =>
  name === '' ? `a map (key_size ${keySize}, value_size ${valueSize})` : `map '${name}'`;

function fpText(reg: Reg): string {
  const offset = reg.off + (isConst(reg.s) ? Number(BigInt.asIntN(64, reg.s.var_off.value)) : 0);
  const variable = isConst(reg.s) ? '' : ` + (${rangeWords(reg.s)})`;
  return `fp${offset === 0 ? '' : offset > 0 ? `+${offset}` : offset}${variable}`;
}

function structWords(reg: Reg): string {
  const name = reg.btf === '' ? '' : `struct ${reg.btf}`;
  if (isObject(reg)) return `an object of the program${name === '' ? '' : ` (${name})`}`;
  return name === '' ? 'a kernel structure' : `the kernel's ${name}`;
}

/** How long a pointer into the kernel is good. */
function worth({ flags }: Reg): string {
  if ((flags & FLAG.untrusted) !== 0) return ' that may not be valid any more';
  if ((flags & FLAG.user) !== 0) return ' in user memory';
  return (flags & FLAG.rcu) === 0 ? '' : ' that is valid inside this RCU read section only';
}

const WORDS: Partial<Record<RegKind, Describe>> = {
  not_init: () => 'nothing',
  scalar: (reg) => scalarWords(reg.s),
  ctx: named('the context'),
  map_ptr: (reg, map) => `the address of ${mapWords(map(reg.map))} itself`,
  map_value: (reg, map) =>
    `a pointer to a value of ${mapWords(map(reg.map))} (${map(reg.map).valueSize} bytes)${moved(reg)}`,
  map_key: (reg, map) => `a pointer to a key of ${mapWords(map(reg.map))}${moved(reg)}`,
  fp: (reg) => `a stack pointer (${fpText(reg)})`,
  pkt: packet('data'),
  pkt_meta: packet('data_meta'),
  pkt_end: () => 'the end of the packet (data_end)',
  mem: (reg) => `a pointer to ${reg.size} bytes of memory${moved(reg)}`,
  func: () => 'the address of a function',
  sock: named('a pointer to a socket (struct bpf_sock)'),
  sock_common: named('a pointer to the common part of a socket'),
  tcp_sock: named('a pointer to a TCP socket (struct bpf_tcp_sock)'),
  xdp_sock: named('a pointer to an XDP socket'),
  ringbuf_mem: (reg) => `a ring buffer record of ${reg.size} bytes${moved(reg)}`,
  flow_keys: named('a pointer to struct bpf_flow_keys'),
  btf_id: (reg) => `a pointer to ${structWords(reg)}${moved(reg)}${worth(reg)}`,
  untrusted_mem: named('a pointer to memory of the kernel'),
  buf: named('a pointer to a buffer of the kernel'),
  tp_buffer: named('a pointer to the buffer of a writable tracepoint'),
  dynptr_ptr: named('a pointer to a dynptr'),
  arena: named('a pointer into the arena'),
};

/** Kinds without words of their own are called as the kernel prints them. */
export function describe(reg: Reg, map: (index: number) => MapDef): string {
  const words = WORDS[reg.kind]?.(reg, map) ?? `a pointer of type ${kindText(reg)}`;
  return reg.maybeNull ? `${words}, or NULL` : words;
}
