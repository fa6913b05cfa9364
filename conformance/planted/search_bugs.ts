// Bugs in what the search for paths believes, to be planted: which states cover others, and what is remembered of objects on
// the stack (bugs.ts says what a row is).

import type { BugRow } from './bugs.ts';

export const SEARCH_BUGS: Readonly<Record<string, readonly BugRow[]>> = {
  pruning: [
    [
      'reads of stack slots are not noted',
      'stack_live',
      'this.#markRead(this.#current, frame, this.#insn, low, spi < 32 ? 0 : 1 << (spi - 32));',
      '',
    ],
    [
      'precision is not traced through a fill',
      'precision',
      'other loads are unknown values.\n    if (hist !== null',
      'other loads are unknown values.\n    if (false && hist !== null',
    ],
    [
      'precision is not traced through a spill',
      'precision',
      't.clearSlot(hist.frame, hist.spi);\n    if (fromReg)',
      't.clearSlot(hist.frame, hist.spi);\n    if (false)',
    ],
    ['precision is not traced to linked scalars', 'precision', 'if (!linked)', 'if (true)'],
    ['no scalar is ever precise', 'precision', "if (reg.kind !== 'scalar' || !env.prune)", 'if (true)'],
    ['pruned paths do not hand on what was precise', 'search', 'propagatePrecision(env, kept.state, state);', ''],
    ['precision does not go round loops', 'search', 'propagateBackedges(env, visit.backedges);', ''],
    [
      'what a called function reads of its callers is dead before the call',
      'stack_live',
      'this.#markRead(outer, f, instance.callsite, words[LIVE_BEFORE], words[LIVE_BEFORE + 1]);',
      '',
    ],
    [
      'a slot is dead before any write to it',
      'stack',
      'if (size === 8)\n        env.stackLive.write(',
      'if (size > 0)\n        env.stackLive.write(',
    ],
    [
      'a slot that is written on one path is written on all',
      'stack_live',
      'const acc = (words[a + MUST_WRITE_ACC + half] & words[b + MUST_WRITE_ACC + half]) | written;',
      'const acc = words[a + MUST_WRITE_ACC + half] | words[b + MUST_WRITE_ACC + half] | written;',
    ],
    [
      'zeros on the stack cover any byte',
      'equal',
      'if (o === SLOT.misc && c === SLOT.zero &&',
      'if (o === SLOT.zero && c === SLOT.misc &&',
    ],
    [
      'precise ranges need not be covered',
      'equal',
      'return ids.matchScalar(old.id, cur.id) && covers(old.s, cur.s);',
      'return ids.matchScalar(old.id, cur.id);',
    ],
    [
      'ids of scalars are not compared',
      'equal',
      'return ids.matchScalar(old.id, cur.id) && covers(old.s, cur.s);',
      'return covers(old.s, cur.s);',
    ],
    [
      'the second register of a comparison is dead before it',
      'liveness',
      'uses[i] = use;',
      "uses[i] = prog.ops[i]?.kind === 'jmp' && prog.insns[i].src !== 0 ? use & ~(1 << prog.insns[i].src) : use;",
    ],
  ],
  'iterators (open-coded)': [
    [
      'where an iterator is asked, numbers that decided nothing yet are not compared',
      'search',
      "statesEqual(env, old, cur, 'range_within') && goesOn(env)",
      "statesEqual(env, old, cur, 'not_exact') && goesOn(env)",
    ],
    [
      'a drained iterator is like one that goes on',
      'equal',
      "b.kind === 'iter' ? a.active === b.active :",
      "b.kind === 'iter' ? true :",
    ],
    [
      'an iterator gives one number',
      'iter',
      'setIter(other, place, { active: true, deeper: 1 });',
      'setIter(other, place, { active: false, deeper: 1 });',
    ],
  ],
  'dynptrs of packets': [
    [
      'slices stay when the packet moves',
      'steps',
      "reg.kind === 'pkt_end' || isPacketSlice(reg) ? env.gone",
      "reg.kind === 'pkt_end' ? env.gone",
    ],
    [
      'a slice has one byte more',
      'kfunc_objects',
      'BigInt.asUintN(32, constant ?? 0n)',
      'BigInt.asUintN(32, constant ?? 0n) + 1n',
    ],
  ],
};
