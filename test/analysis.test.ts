// Blocks, dominators, loops and liveness: small examples by hand, dominators and structuring against definitions on
// random graphs.
import { describe, expect, it } from 'vitest';
import { flowOf } from '../jit/flow.ts';
import { loopsOf } from '../jit/loops.ts';
import { renderNodes, structured } from '../jit/structure.ts';
import { buildCfg, OUT, opsOf } from '../src/analysis/cfg.ts';
import { dominance, isReducible } from '../src/analysis/dominators.ts';
import { liveBeforeSlots } from '../src/analysis/liveness.ts';
import { asm } from '../src/isa/index.ts';
import { randomProgram } from './jit_random.ts';

function cfgOf(text: string, sides?: (at: number) => number) {
  const { insns } = asm(text);
  const ops = opsOf(insns);
  return { insns, ops, cfg: buildCfg(insns, ops, { start: 0, end: insns.length }, sides) };
}

const LOOP = `
  r0 = 0
  r2 = 5
again:
  r0 += r2
  r2 -= 1
  if r2 != 0 goto again
  exit`;

describe('blocks', () => {
  it('split at targets and jumps, in reverse post-order', () => {
    const { cfg } = cfgOf(LOOP);
    expect(cfg.blocks.map((b) => [b.start, b.last, b.taken, b.fall])).toEqual([
      [0, 1, -1, 1],
      [2, 4, 1, 2],
      [5, 5, -1, -1],
    ]);
    expect(cfg.blocks[1].preds).toEqual([0, 1]);
  });

  it('leave out what can not be reached', () => {
    const { cfg } = cfgOf('r0 = 1\ngoto out\nr0 = 2\nr0 = 3\nout:\nexit');
    expect(cfg.blocks.map((b) => b.start)).toEqual([0, 4]);
    expect([...cfg.blockOf]).toEqual([0, 0, -1, -1, 1]);
    const dead = cfgOf('if r1 == 0 goto out\nr0 = 2\nout:\nexit', () => 1);
    expect(dead.cfg.blocks.map((b) => b.start)).toEqual([0, 2]);
  });

  it('have edges OUT of the program and into the middle of an lddw', () => {
    expect(cfgOf('r0 = 1').cfg.blocks[0].fall).toBe(OUT);
    expect(cfgOf('goto +1\nr0 = 0x123456789a ll\nexit').cfg.blocks[0].taken).toBe(OUT);
  });
});

/** a dominates b: b can't be reached when a is taken away. */
function dominatesByDefinition(preds: readonly (readonly number[])[], a: number, b: number): boolean {
  if (a === b) return true;
  const succs: number[][] = preds.map(() => []);
  preds.forEach((ps, n) => {
    for (const p of ps) succs[p].push(n);
  });
  const seen = new Set([a]);
  const work = a === 0 ? [] : [0];
  while (work.length > 0) {
    const n = work.pop()!;
    if (seen.has(n)) continue;
    if (n === b) return false;
    seen.add(n);
    work.push(...succs[n]);
  }
  return true;
}

describe('random programs', () => {
  it('dominators are what the definition says, and every graph becomes reducible', () => {
    let dispatched = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const insns = randomProgram(seed);
      const cfg = buildCfg(insns, opsOf(insns), { start: 0, end: insns.length });
      const flow = flowOf(cfg);
      const { preds } = flow;
      const dominates = dominance(flow.idom);
      for (let a = 0; a < preds.length; a++) {
        for (let b = 0; b < preds.length; b++) expect(dominates(a, b)).toBe(dominatesByDefinition(preds, a, b));
      }
      expect(isReducible(preds, flow.idom)).toBe(true);
      if (flow.nodes.some((n) => n.switch !== null)) dispatched++;
      const text = renderNodes(structured(flow));
      for (let b = 0; b < cfg.blocks.length; b++) {
        expect(text.split('\n').filter((l) => l.trim() === `code ${b}`).length, `seed ${seed} block ${b}`).toBe(1);
      }
    }
    expect(dispatched).toBeGreaterThan(5);
  });
});

describe('loops', () => {
  it('nest, and code behind a loop stands behind it', () => {
    const { cfg } = cfgOf(`
      r3 = 3
    outer:
      r4 = 3
    inner:
      r4 -= 1
      if r4 != 0 goto inner
      r3 -= 1
      if r3 != 0 goto outer
      exit`);
    const { inner, parent } = loopsOf(flowOf(cfg));
    expect([...inner]).toEqual([-1, 1, 2, 1, -1]);
    expect(parent[2]).toBe(1);
    expect(renderNodes(structured(flowOf(cfg)))).toBe(
      [
        'code 0',
        'block B4',
        '  loop L1',
        '    code 1',
        '    block B3',
        '      loop L2',
        '        code 2',
        '        br_if L2 (2)',
        '        br B3',
        '    code 3',
        '    br_if L1 (3)',
        '    br B4',
        'code 4',
      ].join('\n'),
    );
  });
});

describe('liveness', () => {
  it('goes round loops; calls read their arguments and end r1-r5', () => {
    const { insns, ops, cfg } = cfgOf(LOOP);
    expect([...liveBeforeSlots(insns, ops, cfg)]).toEqual([0, 1, 0b101, 0b101, 0b101, 1]);
    const call = cfgOf('r6 = r1\nr1 = 1\ncall bpf_ktime_get_ns#5\nr0 += r6\nexit');
    expect([...liveBeforeSlots(call.insns, call.ops, call.cfg)]).toEqual([0b10, 1 << 6, 1 << 6, 0b1000001, 1]);
  });
});
