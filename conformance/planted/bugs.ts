// Bugs to plant into the verifier, to measure what finds them: at least one for each class of historical bugs
// (verifier-bugclass.json names the classes), and more where pruning is concerned. Each is one edit of a built file:
// `from` occurs there exactly once (checked when it is planted, and by test/planted.test.ts for all).

import { SEARCH_BUGS } from './search_bugs.ts';

export interface Bug {
  /** Theme of the class; 'pruning' has no rows there. */
  readonly class: string;
  /** What the verifier with the bug believes. */
  readonly name: string;
  /** Below src/verifier, without extension. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export type BugRow = readonly [name: string, file: string, from: string, to: string];

const UNKNOWN_RESULT = 'if (row === undefined)';

const ROWS: Readonly<Record<string, readonly BugRow[]>> = {
  'sign-extension (CVE-2017-16995 class)': [
    [
      'a 32-bit constant is sign-extended into 64 bits',
      'step_alu',
      'env.number(op.width === 64 ? insn.imm : insn.imm >>> 0)',
      'env.number(insn.imm)',
    ],
  ],
  'ALU32 bounds (CVE-2020-8835/2021-3490 class)': [
    ['a 32-bit comparison tells about all 64 bits', 'branch', '[whole ? 0 : 1](a, b)', '[0](a, b)'],
  ],
  'jset refinement': [
    ['jset32 tells about the upper half', 'branch', 'const bits = whole ? c : { hi: 0, lo: c.lo };', 'const bits = c;'],
  ],
  'signed/unsigned mix': [
    ['a signed comparison narrows the unsigned range', 'branch', 'jslt: [refineSlt64,', 'jslt: [refineLt64,'],
    [
      'where a signed comparison fails, the unsigned range narrows',
      'branch',
      'jsle: [refineSle64,',
      'jsle: [refineLe64,',
    ],
  ],
  'bounds off by one': [
    [
      'a <= b excludes that they are equal',
      'branch',
      'a.uMax = minU(a.uMax, b.uMax);',
      'a.uMax = minU(a.uMax, { hi: b.uMax.hi, lo: b.uMax.lo - 1 });',
    ],
    ['one byte behind a region belongs to it', 'mem', '&& off + size <= limit)', '&& off + size <= limit + 1)'],
  ],
  'pointer arithmetic limits (CVE-2018-18445/2021-33200 class)': [
    [
      'a variable offset is checked at its least value only',
      'mem',
      'const atMax = checkFixed(ptr, regno, high + off,',
      'const atMax = checkFixed(ptr, regno, low,',
    ],
  ],
  'shift out of range': [
    ['a shift by the width itself is fine', 'step_alu', 'imm >= op.width)', 'imm > op.width)'],
    [
      'a shift count in a register is not looked at',
      'scalar_alu',
      'if (!constB || k >= (whole ? w.bits : w.half))',
      'if (!constB)',
    ],
  ],
  'div/mod by zero': [
    [
      'only div by a constant 0 is refused',
      'step_alu',
      'if (DIVISIONS.has(op.op) && imm === 0)',
      "if (op.op === 'div' && imm === 0)",
    ],
  ],
  'div/mod by zero (CVE-2021-3444 class)': [
    [
      'mod by 0 leaves all of the dividend, also in 32 bits',
      'scalar_alu',
      UNKNOWN_RESULT,
      `if (op === 'mod' && isConst(b) && b.umax === 0n)\n        return a;\n    ${UNKNOWN_RESULT}`,
    ],
  ],
  'div/mod by zero (CVE-2021-3600 class)': [
    [
      'a 32-bit division looks at all 64 bits of its operands',
      'scalar_alu',
      UNKNOWN_RESULT,
      `if ((op === 'div' || op === 'mod') && isConst(a) && isConst(b) && b.umax !== 0n)\n        return this.#scalars.constant(w.of(op === 'div' ? a.umax / b.umax : a.umax % b.umax));\n    ${UNKNOWN_RESULT}`,
    ],
  ],
  'signed div': [
    [
      'sdiv divides unsigned',
      'scalar_alu',
      UNKNOWN_RESULT,
      `if (op === 'sdiv' && whole && isConst(a) && isConst(b) && b.umax !== 0n)\n        return this.#scalars.constant(w.of(a.umax / b.umax));\n    ${UNKNOWN_RESULT}`,
    ],
  ],
  'or_null arithmetic (CVE-2022-23222 class)': [
    ['a pointer that may be NULL can be moved', 'pointer', 'if (ptr.maybeNull)', 'if (false)'],
  ],
  'or_null id propagation': [
    [
      'a NULL check counts for every pointer that may be NULL',
      'jump',
      'if (!reg.maybeNull || reg.id !== ptr.id || !isPointer(reg))',
      'if (!reg.maybeNull || !isPointer(reg))',
    ],
  ],
  'pointer ops': [
    [
      'a pointer & a number is a pointer',
      'pointer',
      "if (op !== 'add' && op !== 'sub') {",
      "if (op !== 'add' && op !== 'sub' && op !== 'and') {",
    ],
  ],
  'pointer leak (root allows)': [
    [
      'the low half of a pointer is 0',
      'step_alu',
      'write(env, insn.dst, scalarReg(zext32(UNKNOWN)));\n    }\n    else {',
      'write(env, insn.dst, scalarReg(constant(0n)));\n    }\n    else {',
    ],
    [
      'a program must not return a pointer',
      'step_control',
      'if (env.state.frames.length === 1) {',
      "if (env.state.frames.length === 1) {\n        if (env.reg(0).kind === 'fp')\n            return invalid('R0 leaks addr as return value');",
    ],
  ],
  'partial pointer overwrite': [
    [
      'a store of one byte leaves what was spilled',
      'stack',
      'let types = isSpill(old) || isObject(old) ? scrub(old.types) : old.types;',
      'if (isSpill(old) && size === 1)\n        return null;\n    let types = isSpill(old) || isObject(old) ? scrub(old.types) : old.types;',
    ],
    [
      'a slot of which bytes were overwritten is still a whole spill',
      'stack',
      'if (size === 8 && spillSize === 8) {',
      'if (size === 8 && spillSize >= 4) {',
    ],
  ],
  'pointer type confusion across paths': [
    [
      'one instruction may access several kinds of memory',
      'step_memory',
      "return clash ? invalid('same insn",
      "return false ? invalid('same insn",
    ],
  ],
  'spill/fill': [
    [
      'a load from the middle of a spill gives its low bytes',
      'stack',
      'if (size <= spillSize && off % 8 === 0) {',
      'if (size <= spillSize) {',
    ],
    [
      'a fill that extends the sign is equal to the slot',
      'mem',
      'const sameNumber = !a.signed ||',
      'const sameNumber = true ||',
    ],
  ],
  'spill/fill (scalar id class, 2024)': [
    ['half of a number is equal to the number', 'stack', 'fits ? linked : unlinked(linked)', 'linked'],
    ['a fill of half a slot is equal to the slot', 'stack', 'return regWidth(reg) > size * 8 ?', 'return false ?'],
  ],
  'linked scalars': [
    ['a 32-bit addition keeps the link', 'step_alu', 'if (wrap && (regWidth(dst) > 32 ||', 'if (wrap && (false ||'],
  ],
  'linked scalars (32-bit mov must not link)': [
    [
      'a 32-bit mov always links',
      'step_alu',
      'const linked = fits ? linkForCopy(env, insn.src) : unlinked(src);',
      'const linked = linkForCopy(env, insn.src);',
    ],
  ],
  'linked scalars (CVE-2024 add_const class)': [
    [
      'the distance of one side of a link is forgotten',
      'link',
      '(reg.addConst ? reg.off : 0) - (known.addConst ? known.off : 0)',
      '(reg.addConst ? reg.off : 0)',
    ],
  ],
  'sign extension ops': [
    [
      'movsx keeps the link where the sign may change',
      'step_alu',
      'widthOf(src.s) < op.bits',
      'widthOf(src.s) <= op.bits',
    ],
  ],
  tnum: [
    ['an addition has no carries', 'tnum', 'const mu = or(or(xor(sigma, sv), a.m), b.m);', 'const mu = or(a.m, b.m);'],
  ],
  CFG: [
    ['dead code is fine', 'cfg', 'if (!seen[i])', 'if (false)'],
    [
      'a loop in which nothing changes ends',
      'search',
      'const loop = invalid(`infinite loop',
      'return this.#end(kept, true);\n        const loop = invalid(`infinite loop',
    ],
  ],
  'reserved fields': [
    [
      'arithmetic has no reserved fields',
      'step_alu',
      "return (op.operand === 'reg' ? insn.imm : insn.src) !== 0 ?",
      'return false ?',
    ],
  ],
  registers: [['R1 to R5 survive a call', 'steps', 'for (let r = 0; r <= 5; r++) {', 'for (let r = 0; r < 1; r++) {']],
  stack: [
    [
      'a store at a variable offset leaves zeros',
      'stack',
      'const keepZero = zero && t === SLOT.zero;',
      'const keepZero = t === SLOT.zero;',
    ],
    ['a frame goes on above its r10', 'stack', 'else if (max > 0)', 'else if (max > 8)'],
  ],
  'helper sizes': [['memory is checked for the least size', 'helper_args', 'Number(umax), use,', 'Number(umin), use,']],
  'helper args': [
    [
      'only the first byte of a key is checked',
      'helper_args',
      'const size = env.map(call.map).keySize;',
      'const size = 1;',
    ],
  ],
  'map access flags': [
    ['stores are checked like loads', 'mem', 'if (!isForbidden(map, write))', 'if (!isForbidden(map, false))'],
  ],
  references: [
    [
      'what was given back is still a pointer',
      'refs',
      'mapRegs(env.state, (reg) => (reg.refObjId === id ? env.gone : reg));',
      '',
    ],
    [
      'nothing leaks where the program ends',
      'refs',
      "const refs = state.held.filter((h) => h.kind === 'ref');",
      'const refs = [];',
    ],
  ],
  'references (CVE-2021-4204 class)': [
    [
      'a record may be given back by a moved pointer',
      'helper_args',
      'const moved = checkRegOff(regno, reg, true);',
      'const moved = null;',
    ],
  ],
  packet: [
    [
      'the proven range is one byte too long',
      'jump',
      'const range = ptr.off + (rightOpen ? 1 : 0);',
      'const range = ptr.off + 1;',
    ],
    ['packet pointers stay when the packet moves', 'helper_call', 'if (changesPacket(call))', 'if (false)'],
  ],
  ctx: [
    [
      'a moved context pointer may be used',
      'mem',
      'const reject = checkUnmodified(a.regno, a.ptr);',
      'const reject = null;',
    ],
  ],
  calls: [
    [
      "the r10 of a called function is its caller's",
      'step_control',
      "regs[10] = makeReg({ kind: 'fp', frame: frames.length });",
      'regs[10] = caller.regs[10];',
    ],
    ['stack of nested calls is not added up', 'depth', 'before : before + own', 'before : own'],
  ],
  'tail calls': [
    [
      'a tail call never comes back',
      'step_control',
      'return helperCall(env, insn.imm) ?? afterHelper(env, insn);',
      'return helperCall(env, insn.imm) ?? (insn.imm === 12 ? END : afterHelper(env, insn));',
    ],
  ],
  bpf_loop: [
    [
      'functions without BTF may be called back',
      'step_memory',
      'if (env.prog.input.functions === undefined)',
      'if (false)',
    ],
  ],
  may_goto: [
    [
      'a may_goto loop ends where what differs decided nothing yet',
      'search',
      "old.mayGotoDepth !== cur.mayGotoDepth && statesEqual(env, old, cur, 'range_within')",
      "old.mayGotoDepth !== cur.mayGotoDepth && statesEqual(env, old, cur, 'not_exact')",
    ],
  ],
  atomics: [
    [
      'cmpxchg leaves r0',
      'step_memory',
      "const into = op.op === 'cmpxchg' ? 0 :",
      "const into = op.op === 'cmpxchg' ? -1 :",
    ],
    [
      'an atomic on the stack leaves the slot',
      'step_memory',
      'const written = accessMemory(env, access(insn, insn.dst, ptr, op.size, { write: true, strict: true }));',
      "const written = ptr.kind === 'fp' ? null : accessMemory(env, access(insn, insn.dst, ptr, op.size, { write: true, strict: true }));",
    ],
  ],
  'subreg zext': [
    [
      'a 32-bit result keeps the 64-bit range of its operand',
      'scalar_alu',
      'row.low(d, b);\n            return this.#scalars.zext32(d);',
      'row.low(d, b);\n            return this.#scalars.sync(d);',
    ],
  ],
};

export const BUGS: readonly Bug[] = Object.entries({ ...ROWS, ...SEARCH_BUGS }).flatMap(([theme, rows]) =>
  rows.map(([name, file, from, to]) => ({ class: theme, name, file, from, to })),
);
