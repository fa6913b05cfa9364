// Type raw: no context; r1 = address of the input bytes, r2 = their number. The program may write them.

import { PACKET_HEADROOM, PAGE } from '../memory/layout.ts';
import { BpfError } from '../uapi/errors.ts';
import type { ContextRow } from './context.ts';

export const RAW_CONTEXT: ContextRow = {
  layout: { name: 'raw', size: 0, members: [] },

  frameBytes(length) {
    if (length > PAGE) throw new BpfError('EINVAL', `a memory of ${length} bytes is longer than ${PAGE}`);
    return PACKET_HEADROOM + length;
  },

  prepare({ memory, frame }, { data, ctx }) {
    if (ctx !== null) throw new BpfError('EINVAL', 'a raw program has no context');
    const start = frame + PACKET_HEADROOM;
    memory.write(start, data);
    return { r1: start, r2: data.length, rest: new Uint8Array(0) };
  },

  collect({ memory }, _input, { r1, r2 }) {
    return { data: memory.bytes(r1, r2).slice(), ctx: new Uint8Array(0) };
  },
};
