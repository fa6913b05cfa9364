// Helpers and structures of the kernel: arguments that are pointers to them (kernel check_reg_type), what helpers return as
// such pointers, and per-CPU variables, which helpers turn into pointers that can be followed.

import type { KernelTypes } from '../spec/kernel_struct.ts';
import type { Env } from './env.ts';
import type { Call, Check } from './helper_args.ts';
import { structAt } from './kernel_pointer.ts';
import { FLAG, kindText, makeReg, type Reg, type RegKind } from './reg.ts';
import { denied, type Reject } from './reject.ts';
import { checkRegOff, checkUnmodified } from './unmoved.ts';

/** Flags of pointers that helpers take. */
const TAKEN: ReadonlySet<number> = new Set([0, FLAG.trusted, FLAG.rcu]);
const TAKEN_TEXT = 'ptr_, trusted_ptr_, rcu_ptr_';
const SOCKS: readonly RegKind[] = ['sock_common', 'sock', 'tcp_sock', 'xdp_sock'];
const SOCKS_TEXT = 'sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_';
const PER_CPU: ReadonlySet<number> = new Set([FLAG.percpu, FLAG.percpu | FLAG.rcu, FLAG.percpu | FLAG.trusted]);
const PER_CPU_TEXT = 'percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_';

function mismatch(regno: number, reg: Reg, text: string): Reject {
  return denied(`R${regno} type=${kindText(reg)} expected=${text}`);
}

/** A pointer to a structure `want`, or to one that begins with it. */
function checkStruct(env: Env, regno: number, reg: Reg, want: string, strict: boolean): Reject | null {
  const same = (reg.off === 0 && reg.btf === want) || (!strict && structAt(env, reg.btf, reg.off, want));
  if (!same) return denied(`R${regno} is of type ${reg.btf} but ${want} is expected`);
  return checkRegOff(regno, reg);
}

/** A pointer to a structure `want` that may be followed; `strict`: not to one that only begins with it. */
export function checkStructPointer(
  env: Env,
  regno: number,
  reg: Reg,
  want: string,
  nullOk: boolean,
  strict = false,
): Reject | null {
  if (reg.kind !== 'btf_id' || !TAKEN.has(reg.flags) || (reg.maybeNull && !nullOk)) {
    return mismatch(regno, reg, TAKEN_TEXT);
  }
  return checkStruct(env, regno, reg, want, strict);
}

/** `btf_id` and `btf_id_or_null`: the prototype names the structure. */
export function structArgument(nullOk: boolean): Check {
  return (env, regno, reg, { helper }) =>
    checkStructPointer(env, regno, reg, helper.btf?.[regno - 1] ?? '', nullOk, helper.releases === regno);
}

/** `btf_id_sock_common`: a socket, however it is known. */
export function sockArgument(nullOk: boolean): Check {
  return (env, regno, reg) => {
    const fits = SOCKS.includes(reg.kind) || (reg.kind === 'btf_id' && (reg.flags & ~FLAG.trusted) === 0);
    if (!fits || (reg.maybeNull && !nullOk)) return mismatch(regno, reg, SOCKS_TEXT);
    return reg.kind === 'btf_id' ? checkStruct(env, regno, reg, 'sock_common', false) : checkUnmodified(regno, reg);
  };
}

/** A per-CPU variable; what the helper returns is of its type. */
export function perCpuArgument(_env: Env, regno: number, reg: Reg, call: Call): Reject | null {
  if (reg.kind !== 'btf_id' || !PER_CPU.has(reg.flags) || reg.maybeNull) return mismatch(regno, reg, PER_CPU_TEXT);
  call.perCpu = reg;
  return checkUnmodified(regno, reg);
}

/** This CPU's copy of a per-CPU variable, or another CPU's: a structure, or memory of its size. */
export function perCpuCopy(env: Env, { perCpu }: Call, maybeNull: boolean): Reg {
  const id = maybeNull ? env.newId() : 0;
  const { btf, size, flags } = perCpu!;
  // An object of the program's own: `size` tells its type.
  if ((flags & FLAG.rcu) !== 0) return makeReg({ ...perCpu!, flags: FLAG.alloc | FLAG.rcu, maybeNull, id });
  if (size === 0) return makeReg({ kind: 'btf_id', btf, maybeNull, id });
  return makeReg({ kind: 'mem', flags: FLAG.rdonly, size, maybeNull, id });
}

/** What an lddw of a function or variable of the kernel gives (kernel check_pseudo_btf_id); undefined = it is neither. */
export function symbolAddress(types: KernelTypes, id: number): Reg | undefined {
  if (types.func(id) !== undefined) return makeReg({ kind: 'mem', flags: FLAG.rdonly, size: 0 });
  const variable = types.variable(id);
  if (variable === undefined) return undefined;
  const { kind, name, size } = variable.type;
  const isStruct = kind === 'struct' || kind === 'union';
  if (!variable.perCpu && !isStruct) return makeReg({ kind: 'mem', flags: FLAG.rdonly, size: size ?? 0 });
  // Numbers and arrays are known by their size alone.
  return makeReg({
    kind: 'btf_id',
    flags: variable.perCpu ? FLAG.percpu : 0,
    btf: name,
    size: isStruct ? 0 : (size ?? 0),
  });
}
