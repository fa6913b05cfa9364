// Calls: helpers and kfuncs (imports with i32 parameters; 64-bit results come through the CPU block), bpf-to-bpf functions,
// calls by register, tail calls.

import { targetOf } from '../src/analysis/cfg.ts';
import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import type { MapPlacement } from '../src/maps/placement.ts';
import { CPU, codeAddr } from '../src/memory/layout.ts';
import { MAX_TAIL_CALLS } from '../src/runtime/engine.ts';
import { type Abi, RUNNABLE, type RunnableHelper, runnableById } from '../src/spec/helpers.ts';
import { kfuncByNumber } from '../src/spec/kfunc_abi.ts';
import type { Compilation } from './compilation.ts';
import { MISS, tailName } from './entries.ts';
import { type FnLowering, paramsOf, resultOf } from './function.ts';
import { constantIndex } from './jumps.ts';
import { KFUNCS } from './lower_kfunc.ts';
import { MAP_HELPERS } from './lower_map.ts';
import type { Module } from './module.ts';
import type { I32, I64, Stmt, Value } from './wasm.ts';

export function lowerCall(l: FnLowering, insn: Insn, op: Op & { kind: 'call' }): void {
  switch (op.callee) {
    case 'helper':
      lowerHelper(l, insn.imm);
      return;
    case 'local':
      lowerLocal(l, targetOf(insn, op, l.at));
      return;
    case 'callx':
      lowerCallx(l, insn.dst);
      return;
    case 'kfunc':
      lowerKfunc(l, insn.imm);
      return;
    default:
      op.callee satisfies never;
  }
}

function lowerHelper(l: FnLowering, id: number): void {
  const helper = runnableById(id);
  if (helper === undefined) {
    l.push(...l.m.fail('noHelper', l.at));
    return;
  }
  if (helper.ret === 'tail_call') {
    lowerTailCall(l);
    return;
  }
  const known = l.c.facts !== null && !l.c.options.calls?.has(helper.name);
  const map = known ? l.c.facts.callMap[l.at] : -1;
  if (map >= 0 && MAP_HELPERS[helper.name]?.(l, l.c.program.maps[map])) return;
  callOutside(l, l.m.helper(helper), helper.abi);
}

function lowerKfunc(l: FnLowering, number: number): void {
  const kfunc = kfuncByNumber(number);
  const own = kfunc && l.c.facts !== null ? KFUNCS[kfunc.name] : undefined;
  if (kfunc === undefined) l.push(...l.m.fail('kfunc', l.at));
  else if (own !== undefined) own(l);
  else callOutside(l, l.m.kfunc(kfunc), kfunc.abi);
}

function callOutside(l: FnLowering, name: string, abi: Abi): void {
  const { b } = l;
  const args = outsideArgs(l, abi);
  switch (abi.ret) {
    case 's32':
      l.setSigned(0, b.call32(name, args));
      return;
    case 'u32':
      l.setLow(0, b.call32(name, args));
      return;
    case 'wide':
      l.push(b.call(name, args));
      l.setWhole(0, b.i64.load(CPU.result, 8, l.m.global('cpu')));
      return;
    case 'void':
      l.push(b.call(name, args));
      l.setConst(0, 0n);
      return;
    case 'tail_call':
      return;
    default:
      abi.ret satisfies never;
  }
}

/** r1.. as i32 parameters; u64 as (lo, hi). */
function outsideArgs(l: FnLowering, { args }: Abi): I32[] {
  const { b } = l;
  return args.flatMap((kind, i) => {
    const reg = i + 1;
    if (kind !== 'u64') return [l.low(reg)];
    if (l.isNarrow(reg)) return [l.low(reg), b.i32.const(0)];
    return [l.low(reg), b.i32.wrap(b.i64.shr_u(l.whole(reg), b.i64.const(32n)))];
  });
}

function lowerLocal(l: FnLowering, start: InsnIndex): void {
  const { b, c } = l;
  const callee = c.fnAt.get(start);
  if (callee === undefined) {
    l.push(...l.m.fail('noInsn', start));
    return;
  }
  const args = paramsOf(c, callee).map((p): Value => (p.narrow ? l.low(p.reg) : l.whole(p.reg)));
  args.push(l.frameStart());
  if (resultOf(callee) === 'i32') l.setLow(0, b.call32(callee.name, args));
  else l.setWhole(0, b.call64(callee.name, args));
}

/** A call of the function address or helper number in a register: a dispatcher shared by the module. */
function lowerCallx(l: FnLowering, reg: number): void {
  const { b, m } = l;
  const name = m.shared(`${l.c.prefix}callx`, () => addCallx(m));
  const args = [1, 2, 3, 4, 5].map((r) => l.whole(r));
  l.setWhole(0, b.call64(name, [l.whole(reg), ...args, l.frameStart(), b.i32.const(l.at)]));
}

/** (target, r1..r5: i64, sp, slot: i32) -> i64. Programs that were not verified only: speed does not matter. */
function addCallx(m: Module): void {
  const { b, c } = m;
  const [target, sp] = [0, 6];
  const reg = (r: number) => b.get64(r);
  const is = (n: number) => b.i64.eq(b.get64(target), b.i64.const(BigInt(n)));
  const whole = c.fns.filter((fn) => fn.part === null);
  const body: Stmt[] = whole.map((fn) => {
    const args = paramsOf(c, fn).map((p): Value => (p.narrow ? b.i32.wrap(reg(p.reg)) : reg(p.reg)));
    return b.if(is(codeAddr(fn.start)), [b.return(b.call64(fn.name, [...args, b.get32(sp)]))]);
  });
  for (const helper of RUNNABLE) {
    if (helper.ret !== 'tail_call') body.push(b.if(is(helper.id), callHelper(m, helper, reg)));
  }
  body.push(...m.fail('noHelper', 0));
  b.addFunction({
    name: `${c.prefix}callx`,
    params: ['i64', 'i64', 'i64', 'i64', 'i64', 'i64', 'i32', 'i32'],
    result: 'i64',
    locals: [],
    body,
  });
}

function callHelper(m: Module, helper: RunnableHelper, reg: (r: number) => I64): Stmt[] {
  const { b } = m;
  const args = helper.abi.args.flatMap((kind, i) => {
    const low = b.i32.wrap(reg(i + 1));
    return kind === 'u64' ? [low, b.i32.wrap(b.i64.shr_u(reg(i + 1), b.i64.const(32n)))] : [low];
  });
  const name = m.helper(helper);
  switch (helper.abi.ret) {
    case 's32':
      return [b.return(b.i64.extend_s(b.call32(name, args)))];
    case 'u32':
      return [b.return(b.i64.extend_u(b.call32(name, args)))];
    case 'wide':
      return [b.call(name, args), b.return(b.i64.load(CPU.result, 8, m.global('cpu')))];
    default:
      return [b.call(name, args), b.return(b.i64.const(0n))];
  }
}

/**
 * bpf_tail_call(r1, r2 = map, r3 = index). What a slot holds is a program id, and the CPU's table has the functions by
 * id. The stub links a program that was never linked on this CPU and jumps again: it is what the table holds for it, and
 * where the jump goes when the table ends before it.
 */
function lowerTailCall(l: FnLowering): void {
  const { b, c, m } = l;
  const known = c.facts === null ? -1 : c.facts.callMap[l.at];
  const maps = c.program.maps.filter((map, i) => (known < 0 ? map.type.store === 'prog' : i === known));
  if (known >= 0) {
    l.push(jumpThrough(l, maps[0]));
    return;
  }
  const done = l.label(`done${l.at}`);
  const isMap = (map: MapPlacement) => b.i32.eq(l.low(2), b.i32.const(map.addr | 0));
  const body = maps.map((map) => b.if(isMap(map), [jumpThrough(l, map), b.br(done)]));
  l.push(b.block(done, [...body, ...m.fail('notAMap', l.at)]));
}

/**
 * One attempt; control goes on behind it when it fails. Nothing is called here, only jumped to: a call would make V8 build a
 * frame with room for what lives across it, on every hop.
 */
function jumpThrough(l: FnLowering, map: MapPlacement): Stmt {
  const { b, m } = l;
  const { i32 } = b;
  const count = l.local('count', 'i32');
  const id = l.local('target', 'i32');
  const fails = l.label(`fails${l.at}_${map.addr}`);
  const slot = i32.load(map.values, 4, i32.shl(l.low(3), i32.const(2)));
  const args = () => [l.low(1), l.stackPointer()] as const;
  const counted = () => m.storeWord('tailCalls', i32.add(b.get32(count), i32.const(1)));
  const known = knownTarget(l, map);
  if (known !== undefined) m.jumps.add(known);
  return b.block(fails, [
    b.brIf(fails, i32.ge_u(l.low(3), i32.const(map.maxEntries | 0))),
    b.brIf(fails, i32.ge_u(b.tee32(count, m.loadWord('tailCalls')), i32.const(MAX_TAIL_CALLS))),
    b.set(id, slot),
    ...(known === undefined
      ? []
      : [b.if(i32.eq(b.get32(id), i32.const(known.program.id)), [counted(), b.returnCall(tailName(known), args())])]),
    b.brIf(fails, i32.eqz(b.get32(id))),
    counted(),
    m.storeWord('tailTarget', b.get32(id)),
    b.if(i32.ge_u(b.get32(id), b.tableSize()), [b.returnCall(MISS, args())]),
    b.tailCall(b.get32(id), ...args()),
  ]);
}

/** The program that the slot held when the module was made, if it is in the module. */
function knownTarget({ c, at }: FnLowering, map: MapPlacement): Compilation | undefined {
  const index = constantIndex(c.insns, c.ops, at);
  return index === undefined || index >= map.maxEntries ? undefined : c.jumpTarget(map, index);
}
