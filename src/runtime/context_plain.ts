// Program types without a packet: the context is its struct, all zeros unless the caller gives bytes. Members that hold a
// pointer which is never NULL (a socket, ...) point to zeros behind the struct. Linux test-runs few of these types.
//
//   | the struct | zeros |

import type { CtxKind, CtxRow } from '../spec/ctx.ts';
import { BpfError } from '../uapi/errors.ts';
import type { ContextRow } from './context.ts';

/** At least as long as anything a program may read behind such a pointer (struct bpf_sock, bpf_tcp_sock). */
const OBJECT_BYTES = 128;

const OBJECTS: ReadonlySet<CtxKind> = new Set(['sock']);

export function plainContext(ctx: CtxRow): ContextRow {
  const { struct, size } = ctx;
  const object = Math.ceil(size / 8) * 8;
  const pointers = ctx.reads.filter(([kind]) => OBJECTS.has(kind)).map(([, , from]) => from);
  return {
    layout: { name: struct, size, members: [] },

    frameBytes(length) {
      if (length > 0) throw new BpfError('EINVAL', `a context of struct ${struct} has no packet: it takes no data`);
      return object + OBJECT_BYTES;
    },

    prepare({ memory, frame }, input) {
      memory.bytes(frame, object + OBJECT_BYTES).fill(0);
      if (input.ctx !== null) memory.write(frame, input.ctx);
      for (const at of pointers) memory.setU64(frame + at, BigInt(frame + object));
      return { r1: frame, r2: 0, rest: new Uint8Array(0) };
    },

    collect({ memory, frame }) {
      const out = memory.bytes(frame, size).slice();
      for (const at of pointers) out.fill(0, at, at + 8);
      return { data: new Uint8Array(0), ctx: out };
    },
  };
}
