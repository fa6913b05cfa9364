// How conditions relate to each other: what holds when one does not, and what it is with its operands exchanged.

import type { JmpOp } from './op.ts';

/** Conditions that compare two values; jset tests bits and has no opposite among the jumps. */
export type CompareOp = Exclude<JmpOp, 'jset'>;

/** The condition that holds when `op` does not. */
export const NEGATED: Readonly<Record<CompareOp, CompareOp>> = {
  jeq: 'jne',
  jne: 'jeq',
  jgt: 'jle',
  jle: 'jgt',
  jge: 'jlt',
  jlt: 'jge',
  jsgt: 'jsle',
  jsle: 'jsgt',
  jsge: 'jslt',
  jslt: 'jsge',
};

/** The condition with its operands exchanged. */
export const FLIPPED: Readonly<Record<JmpOp, JmpOp>> = {
  jeq: 'jeq',
  jne: 'jne',
  jset: 'jset',
  jgt: 'jlt',
  jlt: 'jgt',
  jge: 'jle',
  jle: 'jge',
  jsgt: 'jslt',
  jslt: 'jsgt',
  jsge: 'jsle',
  jsle: 'jsge',
};
