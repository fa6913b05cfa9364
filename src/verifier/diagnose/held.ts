// What a path holds or has open (references, locks, sections), and where it took it: labels for messages that say it may not
// be there, or must. In: the path with its states; out: labels, oldest first.

import type { InsnIndex } from '../../isa/insn.ts';
import type { Env } from '../env.ts';
import { isLock } from '../refs.ts';
import type { State } from '../state.ts';
import type { Label } from './origin.ts';
import { calleeName } from './origin.ts';
import type { Path, PathStep } from './path.ts';
import type { Hold } from './row.ts';

interface HoldWords {
  readonly begins: (taker: string) => string;
  readonly ends: string;
  /** What a branch leads to the end with. */
  readonly still: string;
}

const WORDS: Readonly<Record<Hold, HoldWords>> = {
  ref: {
    begins: (taker) =>
      taker.endsWith('_new') ? `${taker} makes the iterator here` : `${taker} takes the reference here`,
    ends: 'the reference is given back here',
    still: 'the reference still held',
  },
  lock: {
    begins: () => 'the lock is taken here',
    ends: 'the lock is given back here',
    still: 'the lock still held',
  },
  irq: {
    begins: () => 'interrupts are turned off here',
    ends: 'interrupts are as before from here on',
    still: 'interrupts still off',
  },
  rcu: {
    begins: () => 'the RCU read section begins here',
    ends: 'the RCU read section ends here',
    still: 'the RCU read section still open',
  },
  preempt: {
    begins: () => 'preemption is disabled here',
    ends: 'preemption is enabled again here',
    still: 'preemption still disabled',
  },
};

/** How many of a kind are held or open. */
const COUNT: Readonly<Record<Hold, (at: PathStep | State) => number>> = {
  ref: (at) => listed(at, 'ref'),
  lock: (at) => at.held.filter(isLock).length,
  irq: (at) => listed(at, 'irq'),
  rcu: (at) => Number(at.rcuLocked),
  preempt: (at) => at.preemptLocks,
};

function listed(at: PathStep | State, kind: 'ref' | 'irq'): number {
  return at.held.filter((h) => h.kind === kind).length;
}

/** Instructions that began what is still open at the end of the path, outermost first, and the one that ended it last. */
function sectionsOf(path: Path, count: (step: PathStep) => number): { open: InsnIndex[]; ended: InsnIndex | null } {
  const open: InsnIndex[] = [];
  let ended: InsnIndex | null = null;
  const { steps } = path;
  // Of a path that is cut, some may have begun before.
  let before = count(steps[0]);
  for (let i = 0; i + 1 < steps.length; i++) {
    const [was, is] = [count(steps[i]), count(steps[i + 1])];
    before = Math.min(before, is);
    if (is > was) open.push(steps[i].at);
    if (is < was) ended = steps[i].at;
    while (open.length > is - before) open.pop();
  }
  return { open, ended };
}

/** Where everything of these kinds that is held was taken. References and locks know it themselves, whatever the path. */
function begins(env: Env, path: Path | null, hold: Hold): InsnIndex[] {
  if (hold === 'rcu' || hold === 'preempt') return path === null ? [] : sectionsOf(path, COUNT[hold]).open;
  return env.state.held.filter((h) => (hold === 'lock' ? isLock(h) : h.kind === hold)).map(({ insn }) => insn);
}

/** Which of these kinds are held or open. */
export function holdsOf(env: Env): Hold[] {
  return (Object.keys(COUNT) as Hold[]).filter((hold) => COUNT[hold](env.state) > 0);
}

/** Where what is held was taken, and the last branch before it was missed at the end. */
export function heldLabels(env: Env, path: Path | null, holds: readonly Hold[]): Label[] {
  const of = (hold: Hold) =>
    begins(env, path, hold).map((insn) => ({ insn, text: WORDS[hold].begins(calleeName(env.prog, insn)) }));
  const held = holds.filter((hold) => COUNT[hold](env.state) > 0);
  const labels = held.flatMap(of).sort((a, b) => orderOf(path, a.insn) - orderOf(path, b.insn));
  const still = held.length === 0 ? '' : WORDS[held[0]].still;
  return [...labels, ...lastBranch(env, path, labels[0]?.insn ?? -1, still)];
}

function orderOf(path: Path | null, insn: InsnIndex): number {
  return path === null ? insn : path.steps.findLastIndex((step) => step.at === insn);
}

/** The branch that leads to an exit, if there is one behind instruction `taken`. */
function lastBranch(env: Env, path: Path | null, taken: InsnIndex, still: string): Label[] {
  const { ops } = env.prog;
  if (path === null || ops[path.steps[path.steps.length - 1].at]?.kind !== 'exit') return [];
  const last = path.steps.findLast((step) => ops[step.at]?.kind === 'jmp' || step.at === taken);
  if (last === undefined || ops[last.at]?.kind !== 'jmp') return [];
  return [
    { insn: last.at, text: `this branch leads to the end${still === '' ? ' of the function' : ` with ${still}`}` },
  ];
}

/** Where what is missed ended, if it was ever there. */
export function endLabels(path: Path | null, holds: readonly Hold[]): Label[] {
  if (path === null) return [];
  return holds.flatMap((hold) => {
    const { ended } = sectionsOf(path, COUNT[hold]);
    return ended === null ? [] : [{ insn: ended, text: WORDS[hold].ends }];
  });
}
