// THE table of checks of the value domain, and which exports of src/verifier each is about. test/domain.test.ts fails where
// an export has no check.

import { checkOperations, checkRanges } from './arithmetic.ts';
import { checkBitTests, checkConditions, checkSelf } from './conditions.ts';
import { checkDeductions, checkQuestions, SCALAR_MAKERS, SCALAR_QUESTIONS, STEPS } from './deduce.ts';
import { checkMixed } from './mixed.ts';
import {
  checkSwaps,
  checkTnumPairs,
  checkTnumSets,
  checkTnumUnary,
  TNUM_BINARY,
  TNUM_QUESTIONS,
  TNUM_SETS,
  TNUM_UNARY,
  TNUMS_BINARY,
  TNUMS_MEMBERS,
  TNUMS_UNARY,
} from './tnums.ts';
import { ALU_UNARY, CASTS, checkBytes, checkUnary, checkUnaryPairs } from './unary.ts';
import { checkWords, WORD_ONES, WORD_PAIRS, WORDS_COUNTS, WORDS_ONES, WORDS_PAIRS } from './words.ts';
import type { Part, World } from './world.ts';

export interface Check {
  /** How many cases were tried; a wrong one throws. */
  readonly run: (world: World, part: Part) => number;
  /** Free functions and constants by name, methods as Class.method. */
  readonly about: readonly string[];
}

const methods = (of: string, names: readonly string[]) => names.map((name) => `${of}.${name}`);
const rowsOf = (of: string, ...tables: readonly object[]) => methods(of, tables.flatMap(Object.keys));

export const CHECKS = {
  words: {
    run: checkWords,
    about: [
      'ZERO_WORD',
      'ONE_WORD',
      'ALL_ONES',
      ...Object.keys({ ...WORD_PAIRS, ...WORD_ONES }),
      ...rowsOf('Words', WORDS_PAIRS, WORDS_COUNTS, WORDS_ONES),
    ],
  },
  'tnums: one': {
    run: checkTnumUnary,
    about: [
      'Tnum',
      ...Object.keys(TNUM_UNARY),
      ...TNUM_QUESTIONS,
      ...rowsOf('Tnums', TNUMS_UNARY),
      ...methods('Tnums', TNUMS_MEMBERS),
    ],
  },
  'tnums: byte swaps': { run: checkSwaps, about: ['Tnums.bswap'] },
  'tnums: two': { run: checkTnumPairs, about: [...Object.keys(TNUM_BINARY), ...rowsOf('Tnums', TNUMS_BINARY)] },
  'tnums: as sets': { run: checkTnumSets, about: TNUM_SETS },
  'scalars: as sets': { run: checkQuestions, about: [...SCALAR_QUESTIONS, ...methods('Scalars', SCALAR_MAKERS)] },
  'one scalar': {
    run: checkUnary,
    about: [
      ...rowsOf('Scalars', CASTS),
      ...rowsOf('Alu', ALU_UNARY),
      ...methods('Alu', ['lsh32', 'lsh64']),
      'Scalars.sync',
    ],
  },
  'one scalar, two descriptions': {
    run: checkUnaryPairs,
    about: rowsOf('Scalars', CASTS).filter((x) => !x.endsWith('withLow')),
  },
  'a scalar and itself': { run: checkSelf, about: ['Branches.narrow'] },
  'two tnums: conditions': { run: checkBitTests, about: ['Branches.taken', 'Branches.narrow', 'Branches.refineJset'] },
  'two tnums: operations': { run: checkOperations, about: ['Alu.compute'] },
  'two descriptions: deductions': { run: checkDeductions, about: methods('Scalars', STEPS) },
  'two ranges: arithmetic': {
    run: checkRanges,
    about: methods('Alu', [
      ...['add', 'sub', 'mul', 'and', 'or', 'xor'].flatMap((op) => [`${op}32`, `${op}64`]),
      ...[
        'setSigned32',
        'setUnsigned32',
        'setSigned64',
        'setUnsigned64',
        'signedFromUnsigned32',
        'signedFromUnsigned64',
      ],
    ]),
  },
  'two ranges: conditions': { run: checkConditions, about: ['Branches.taken', 'Branches.narrow'] },
  'one scalar: bytes': { run: checkBytes, about: ['Alu.end'] },
  'all descriptions (sampled)': {
    run: checkMixed,
    about: ['Scalars.sync', 'Alu.compute', 'Branches.taken', 'Branches.narrow'],
  },
} as const satisfies Record<string, Check>;

export type CheckName = keyof typeof CHECKS;
export const CHECK_NAMES = Object.keys(CHECKS) as CheckName[];

/** Exports that are the domain on 64-bit numbers, or its edges: test/verifier_domain.test.ts samples those. */
export const WIDE_ONLY: readonly string[] = [
  'WORDS',
  'U64_MAX',
  'TNUM_UNKNOWN',
  'TNUMS',
  'tnumConst',
  'tnumAdd',
  'tnumText',
  'aluScalar',
  'negScalar',
  'endScalar',
  'isBranchTaken',
  'refine',
  'refineSelf',
  'judge',
];
