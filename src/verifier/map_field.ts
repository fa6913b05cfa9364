// Arguments that must point to the one field of a kind in a map value or object: locks, timers (kernel check_map_field_pointer).

import type { SpecialType } from '../spec/special_fields.ts';
import type { Env } from './env.ts';
import { fieldsBehind } from './object.ts';
import type { Reg } from './reg.ts';
import { invalid, type Reject } from './reject.ts';
import { isConst } from './scalar.ts';

export function checkFieldPointer(env: Env, regno: number, reg: Reg, type: SpecialType): Reject | null {
  const name = reg.map >= 0 ? env.map(reg.map).name : '';
  if (!isConst(reg.s)) {
    return invalid(`R${regno} doesn't have constant offset. ${type} has to be at the constant offset`);
  }
  const fields = fieldsBehind(env, reg);
  if (reg.map >= 0 && fields === null) return invalid(`map '${name}' has to have BTF in order to use ${type}`);
  const field = fields?.find((f) => f.type === type);
  if (field === undefined) {
    return reg.map >= 0 ? invalid(`map '${name}' has no valid ${type}`) : invalid(`local 'kptr' has no valid ${type}`);
  }
  const at = reg.off + Number(reg.s.var_off.value);
  if (at === field.offset) return null;
  return invalid(`off ${at} doesn't point to 'struct ${type}' that is at ${field.offset}`);
}
