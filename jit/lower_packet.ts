// ld_abs and ld_ind (RFC 9669 5.5): big-endian loads from the packet of the __sk_buff in r6. A byte that is not there ends
// the function with r0 = 0. The search for the byte is one function per size, shared by the module: (ctx, offset) -> the
// value, or -1.

import type { Insn } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import { SKB_CTX, SKF_LL_OFF, SKF_NET_OFF } from '../src/spec/skb.ts';
import type { FnLowering } from './function.ts';
import { swap16, swap32 } from './lower_alu.ts';
import type { Module } from './module.ts';
import type { I32 } from './wasm.ts';

type PacketSize = 1 | 2 | 4;

export function lowerPacketLoad(l: FnLowering, insn: Insn, op: Op & { kind: 'ld_abs' | 'ld_ind' }): void {
  const { b, m } = l;
  const imm = b.i32.const(insn.imm);
  const offset = op.kind === 'ld_abs' ? imm : b.i32.add(l.low(insn.src), imm);
  const name = m.shared(`packet${op.size}`, () => addPacketLoad(m, op.size));
  const value = l.local('packet', 'i64');
  l.push(
    b.set(value, b.call64(name, [l.low(6), offset])),
    b.if(b.i64.lt_s(b.get64(value), b.i64.const(0n)), l.returns(true)),
  );
  l.setWhole(0, b.get64(value));
}

function addPacketLoad(m: Module, size: PacketSize): void {
  const { b } = m;
  const { i32, i64 } = b;
  const [ctx, offset, start] = [0, 1, 2];
  const field = (name: 'data' | 'dataEnd' | 'macHeader' | 'networkHeader') => i32.load(SKB_CTX[name], 4, b.get32(ctx));
  const at = (base: I32, from: number) =>
    i64.add(i64.extend_u(base), i64.extend_u(i32.sub(b.get32(offset), i32.const(from))));
  const isBelow = (limit: number) => i32.lt_s(b.get32(offset), i32.const(limit));
  const from = b.choose64(
    isBelow(0),
    b.choose64(isBelow(SKF_NET_OFF), at(field('macHeader'), SKF_LL_OFF), at(field('networkHeader'), SKF_NET_OFF)),
    at(field('data'), 0),
  );
  const end = i64.add(b.get64(start), i64.const(BigInt(size)));
  const none = () => [b.return(i64.const(-1n))];
  b.addFunction({
    name: `packet${size}`,
    params: ['i32', 'i32'],
    result: 'i64',
    locals: ['i64', 'i32'],
    body: [
      b.if(isBelow(SKF_LL_OFF), none()),
      b.set(start, from),
      b.if(i64.gt_u(end, i64.extend_u(field('dataEnd'))), none()),
      b.return(i64.extend_u(bigEndian(m, size, () => i32.wrap(b.get64(start)), 3))),
    ],
  });
}

function bigEndian(m: Module, size: PacketSize, ptr: () => I32, spare: number): I32 {
  const { b } = m;
  if (size === 1) return b.i32.load8_u(0, 1, ptr());
  // The first use of the value puts it into the spare local.
  const load = size === 2 ? b.i32.load16_u(0, 1, ptr()) : b.i32.load(0, 1, ptr());
  let first: I32 | null = b.tee32(spare, load);
  const value = () => {
    const now = first ?? b.get32(spare);
    first = null;
    return now;
  };
  return size === 2 ? swap16(b, value) : swap32(b, value);
}
