// Functions -> WebAssembly, through the Builder. One row per kind of instruction; jumps are lowered where structure.ts
// put their condition. Functions of any length: the tree of nodes is walked with an explicit stack.

import type { Insn } from '../src/isa/insn.ts';
import { imm64 } from '../src/isa/insn.ts';
import type { Op, OpShape } from '../src/isa/op.ts';
import { codeAddr, STACK_DEPTH } from '../src/memory/layout.ts';
import { MAY_GOTO_BUDGET } from '../src/runtime/engine.ts';
import { arenaValue } from '../src/spec/arena.ts';
import type { Fn } from './compilation.ts';
import { dispatchLocal, FnLowering, mayGotoLocal } from './function.ts';
import { calleeAt } from './inline.ts';
import { lowerAlu, lowerCast, lowerEnd, lowerMovsx, lowerNeg } from './lower_alu.ts';
import { lowerAtomic, lowerLoadAcquire, lowerStoreRelease } from './lower_atomic.ts';
import { lowerCall } from './lower_call.ts';
import { keepOperand, lowerIdiom } from './lower_idiom.ts';
import { lowerCondition } from './lower_jmp.ts';
import { lowerLdx, lowerSt, lowerStx } from './lower_memory.ts';
import { lowerPacketLoad } from './lower_packet.ts';
import { lowerReduction } from './lower_reduction.ts';
import { callParts, lowerPartBlock } from './lower_split.ts';
import type { Module } from './module.ts';
import { RESULT } from './narrow.ts';
import type { Select } from './selects.ts';
import type { Node, Target } from './structure.ts';
import type { I32, Stmt } from './wasm.ts';

/** The instruction at l.at; op is the row of the table. */
type Lower<K extends Op['kind']> = (l: FnLowering, insn: Insn, op: Op & { kind: K }) => void;

/** Jumps end a block: structure.ts says where their condition goes. */
const jump = () => {};

const LOWER: { readonly [K in OpShape['kind']]: Lower<K> } = {
  alu: lowerAlu,
  movsx: lowerMovsx,
  cast: lowerCast,
  neg: lowerNeg,
  end: lowerEnd,
  lddw: lowerLddw,
  ldx: lowerLdx,
  st: lowerSt,
  stx: lowerStx,
  atomic: lowerAtomic,
  load_acq: lowerLoadAcquire,
  store_rel: lowerStoreRelease,
  ld_abs: lowerPacketLoad,
  ld_ind: lowerPacketLoad,
  call: lowerCallOrInline,
  exit: (l) => l.push(...l.returns()),
  jmp: jump,
  ja: jump,
  may_goto: jump,
};

function lowerLddw(l: FnLowering, insn: Insn, op: Op & { kind: 'lddw' }): void {
  const { program } = l.c;
  if (op.pseudo === 'func') {
    l.setConst(insn.dst, BigInt(codeAddr(l.at + 1 + insn.imm)));
    return;
  }
  const ref = program.code.mapRefs.get(l.at);
  if (ref === undefined) {
    l.setConst(insn.dst, imm64(l.c.insns, l.at));
    return;
  }
  const map = program.maps[ref.map];
  if (ref.kind === 'value' && map.arena !== null) {
    l.setConst(insn.dst, arenaValue(program.code.maps[ref.map], ref.off));
    return;
  }
  l.setConst(insn.dst, BigInt(ref.kind === 'fd' ? map.addr : map.values + ref.off));
}

function lowerCallOrInline(l: FnLowering, insn: Insn, op: Op & { kind: 'call' }): void {
  if (!l.fn.inlined.has(l.at)) {
    lowerCall(l, insn, op);
    return;
  }
  const callee = calleeAt(l.c, l.at)!;
  l.inline(callee, (inner) => ({ body: lowerBody(inner), prologue: prologue(inner) }));
}

export function lowerFunction(m: Module, fn: Fn): void {
  const l = new FnLowering(m, fn);
  const body = fn.parts === null ? lowerBody(l) : callParts(l, fn.parts);
  m.b.addFunction(l.finish(fn.name, body, prologue(l)));
}

/** What a function does first. */
function prologue(l: FnLowering): Stmt[] {
  const { b, m, fn } = l;
  const out: Stmt[] = [];
  if (fn.part !== null) return out;
  if (fn.cfg.blocks.some((block) => l.c.ops[block.last]?.kind === 'may_goto')) {
    out.push(b.set(mayGotoLocal(l), b.i32.const(MAY_GOTO_BUDGET)));
  }
  if (fn.index > 0) {
    if (l.c.facts === null) {
      const deepest = b.i32.sub(m.global('stack'), b.i32.const(STACK_DEPTH));
      out.push(b.if(b.i32.lt_u(l.spParam(), deepest), m.fail('stack', fn.start)));
    }
    if (m.budget) out.push(...m.countDown(l.local('spare', 'i32')));
  }
  return [...out, ...clearFrame(l)];
}

/** Stores up to this many bytes cost less than memory.fill, which leaves generated code. */
const FEW_BYTES = 256;

/** Bytes nobody wrote read as 0: where the verifier did not see that none is read, the frame is cleared. */
function clearFrame(l: FnLowering): Stmt[] {
  const { b, c, fn } = l;
  if (c.facts !== null && !c.facts.readsUninitStack && !c.facts.readsAnyAddress) return [];
  const from = fn.frame.from & ~7;
  const to = (fn.frame.to + 7) & ~7;
  if (to - from > FEW_BYTES) return [b.fillZero(b.i32.add(l.frameStart(), b.i32.const(from)), to - from)];
  const out: Stmt[] = [];
  for (let at = from; at < to; at += 8) out.push(b.i64.store(at, 1, l.frameStart(), b.i64.const(0n)));
  return out;
}

/** A body that is being filled: the condition of an `if` is made before its body, which overwrites where vregs are. */
interface Open {
  readonly node: Node | null;
  readonly children: readonly Node[];
  readonly condition: I32 | null;
  readonly out: Stmt[];
  i: number;
}

function lowerBody(l: FnLowering): Stmt[] {
  const root: Open = { node: null, children: l.fn.body, condition: null, out: [], i: 0 };
  const stack: Open[] = [root];
  for (;;) {
    const top = stack[stack.length - 1];
    l.out = top.out;
    if (top.i < top.children.length) {
      const node = top.children[top.i++];
      if (node.kind === 'block' || node.kind === 'loop' || node.kind === 'if') stack.push(open(l, node));
      else lowerNode(l, node);
    } else {
      stack.pop();
      if (top.node === null) return root.out;
      const stmt = close(l, top);
      if (top.node.kind === 'if') l.mark(stmt, l.fn.cfg.blocks[top.node.block].last);
      stack[stack.length - 1].out.push(stmt);
    }
  }
}

function open(l: FnLowering, node: Node & { kind: 'block' | 'loop' | 'if' }): Open {
  const condition = node.kind === 'if' ? conditionOf(l, node.block, node.negate) : null;
  const out = node.kind === 'loop' ? l.m.countDown(l.local('spare', 'i32')) : [];
  return { node, children: node.body, condition, out, i: 0 };
}

function close(l: FnLowering, { node, condition, out }: Open): Stmt {
  if (node?.kind === 'if') return l.b.if(condition!, out);
  if (node?.kind === 'loop') return l.b.loop(label(l, { to: node.label, back: true }), out);
  return l.b.block(label(l, { to: (node as Node & { kind: 'block' }).label, back: false }), out);
}

const label = (l: FnLowering, { to, back }: Target) => l.label(`${back ? 'L' : 'B'}${to}`);

function lowerNode(l: FnLowering, node: Exclude<Node, { kind: 'block' | 'loop' | 'if' }>): void {
  const { b } = l;
  switch (node.kind) {
    case 'code':
      lowerBlock(l, node.block);
      return;
    case 'reduction':
      lowerReduction(l, node.block, l.fn.reductions.get(node.block)!);
      return;
    case 'br_if':
      l.push(b.brIf(label(l, node.target), conditionOf(l, node.block, node.negate)));
      return;
    case 'br':
      l.push(b.br(label(l, node.target)));
      return;
    case 'set':
      l.push(b.set(dispatchLocal(l), b.i32.const(node.value)));
      return;
    case 'switch':
      l.push(
        b.brTable(
          node.targets.map((to) => label(l, to)),
          b.get32(dispatchLocal(l)),
        ),
      );
      return;
    case 'out':
      l.push(...l.m.fail('noInsn', node.block < 0 ? l.fn.start : l.fn.cfg.blocks[node.block].last));
      return;
    default:
      node satisfies never;
  }
}

function lowerBlock(l: FnLowering, block: number): void {
  const { start, last } = l.fn.cfg.blocks[block];
  l.enterBlock(block);
  if (l.fn.part !== null) lowerPartBlock(l, l.fn.part, block);
  for (let at = start; at <= last; at++) {
    const op = l.c.ops[at];
    if (op === undefined) continue;
    l.at = at;
    keepOperand(l);
    if (l.widths.result[at - l.fn.start] === RESULT.dead) continue;
    const idiom = l.fn.idioms.at.get(at);
    if (idiom !== undefined) lowerIdiom(l, l.c.insns[at], idiom);
    else (LOWER[op.kind] as Lower<Op['kind']>)(l, l.c.insns[at], op);
  }
  l.leaveBlock(block);
  const select = l.fn.selects.get(block);
  if (select !== undefined) lowerSelect(l, block, select);
}

/** The jump that ends `block` goes around a block that is executed all the same: see selects.ts. */
function lowerSelect(l: FnLowering, block: number, { over, next, whenTaken, vregs }: Select): void {
  const { b } = l;
  const condition = l.local('condition', 'i32');
  l.push(b.set(condition, conditionOf(l, block, !whenTaken)));
  const before = vregs.map((v) => {
    const type = l.wants(next, v);
    const local = l.local(`before${v} ${type}`, type);
    l.push(b.set(local, l.arriving(next, v)));
    return local;
  });
  lowerBlock(l, over);
  for (const [i, v] of vregs.entries()) l.choose(next, v, b.get32(condition), before[i]);
}

/** The condition of the jump that ends `block`. */
function conditionOf(l: FnLowering, block: number, negate: boolean): I32 {
  const { b } = l;
  const { last } = l.fn.cfg.blocks[block];
  const op = l.c.ops[last]!;
  l.at = last;
  if (op.kind === 'jmp') return lowerCondition(l, l.c.insns[last], op, negate);
  // may_goto: counts down, and jumps once nothing is left.
  const left = mayGotoLocal(l);
  const less = b.tee32(left, b.i32.sub(b.get32(left), b.i32.const(1)));
  return negate ? b.i32.ge_s(less, b.i32.const(0)) : b.i32.lt_s(less, b.i32.const(0));
}
