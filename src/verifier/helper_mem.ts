// Memory that functions of the kernel read and write in place of the program (kernel check_helper_mem_access): does it
// exist, and may it be read or written?

import type { Size } from '../isa/op.ts';
import type { Env } from './env.ts';
import type { Call } from './helper_args.ts';
import { accessMemory, checkBuffer, checkMapFlags, checkMapValue, checkPacket, checkRegion } from './mem.ts';
import { FLAG, isNull, kindText, type Reg } from './reg.ts';
import { denied, type Reject } from './reject.ts';
import { isConst } from './scalar.ts';
import { checkStackRange } from './stack.ts';

export interface MemoryUse {
  readonly zeroOk: boolean;
  /** The helper writes the bytes. */
  readonly write: boolean;
  /** ... and they need not be initialised. */
  readonly fill: boolean;
}

/** `size` bytes at a register that a helper will read or write (kernel check_helper_mem_access). */
export function checkMemory(
  env: Env,
  regno: number,
  size: number,
  use: MemoryUse,
  call: Call | null,
  exact: boolean,
): Reject | null {
  const reg = env.reg(regno);
  if (use.write && (reg.flags & FLAG.rdonly) !== 0) return denied(`R${regno} cannot write into ${kindText(reg)}`);
  switch (reg.kind) {
    case 'pkt':
    case 'pkt_meta':
      return checkPacket(regno, reg, reg.off, size, use.zeroOk);
    case 'map_value':
      return (
        checkMapFlags(env.map(reg.map), reg.off, size, use.write) ??
        checkMapValue(env, regno, reg, reg.off, size, use.zeroOk)
      );
    case 'map_key':
      if (use.write) return denied(`R${regno} cannot write into map_key`);
      return checkRegion(regno, reg, reg.off, size, reg.size, false);
    case 'mem':
    case 'ringbuf_mem':
      return checkRegion(regno, reg, reg.off, size, reg.size, use.zeroOk);
    case 'fp': {
      const raw = use.fill && exact && isConst(reg.s);
      if (raw && call !== null) call.fill = { regno, size };
      return checkStackRange(env, regno, reg, reg.off, size, { zeroOk: use.zeroOk, write: use.write, raw });
    }
    case 'buf':
      return checkBuffer(regno, reg, reg.off, size);
    case 'btf_id':
      return accessFor(env, regno, reg, 0, size, false);
    case 'ctx':
      if (!env.type.plainCtx) return denied(`R${regno} type=ctx expected=fp`);
      return size === 0 ? null : accessFor(env, regno, reg, size - 1, 1, use.write);
    default:
      if (use.zeroOk && size === 0 && isNull(reg)) return null;
      return denied(`R${regno} type=${kindText(reg)} expected=fp`);
  }
}

/** An access that a function makes instead of the program. */
function accessFor(env: Env, regno: number, ptr: Reg, off: number, size: number, write: boolean): Reject | null {
  const result = accessMemory(env, {
    regno,
    ptr,
    off,
    size: size as Size,
    write,
    value: null,
    valueRegno: -1,
    strict: false,
    signed: false,
    unused: true,
  });
  return result !== null && 'message' in result ? result : null;
}
