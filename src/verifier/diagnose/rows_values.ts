// Messages about values in registers: reading what was never written, arithmetic on pointers, what a program returns.

import { type Case, type MessageRow, type Rows, regName } from './row.ts';

const POINTER_LIMIT: MessageRow = {
  class: 'pointer_arithmetic',
  why: (c) =>
    `a pointer may move by less than 2^29 bytes; here the offset is ${c.part('value') || c.part('off') || 'larger'}`,
  help: 'bound the variable before it is added to the pointer: if (i >= N) return 0;',
};

const OPERATOR: MessageRow = {
  class: 'pointer_arithmetic',
  why: (c) =>
    `${regName(c)} is computed from a pointer with '${c.part('op')}': the result would be no pointer any more`,
  help: 'only + and - work on pointers; compute the offset as a number first, then add it',
};

/** The range that the message names. */
function allowed(c: Case): string {
  const [min, max] = [c.part('min'), c.part('max')];
  return min === max ? min : `a number from ${min} to ${max} (of 64 bits: an int that was loaded is extended)`;
}

export const VALUE_ROWS = {
  'R{reg} !read_ok': {
    class: 'uninitialized',
    why: (c) => `${regName(c)} is read, but nothing readable is in it on this path`,
    help: (c) =>
      c.regno === 0
        ? 'give the function a return value on every path: return 0;'
        : 'initialise the variable where it is declared. (A call destroys R1 to R5: in assembly, keep what is needed in R6 to R9)',
  },
  'R{reg} is invalid': {
    class: 'malformed',
    why: (c) => `there is no register R${c.part('reg')}: they are R0 to R10`,
    help: 'the instruction is broken: build the program with clang, or check the generator',
  },
  'frame pointer is read only': {
    class: 'read_only',
    why: 'R10 always points to the end of the stack; programs can not change it',
    help: 'copy R10 to another register and change that one',
  },
  'div by zero': {
    class: 'malformed',
    why: 'the program divides by the constant 0',
    help: 'check the constant (a macro or sizeof that became 0?)',
  },
  'invalid shift {count}': {
    class: 'malformed',
    why: (c) => `a shift by ${c.part('count')} bits is outside of the register's width`,
    help: 'shift 64-bit values by 0 to 63, 32-bit ones by 0 to 31',
  },
  'math between {type} pointer and {value} is not allowed': POINTER_LIMIT,
  '{type} pointer offset {off} is not allowed': POINTER_LIMIT,
  'value {value} makes {type} pointer be out of bounds': POINTER_LIMIT,
  'math between {type} pointer and register with unbounded min value is not allowed': {
    class: 'pointer_arithmetic',
    why: (c) => `the number that is added to the ${c.part('type')} pointer can be anything, also far below 0`,
    help: 'make it unsigned and bound it before the addition: if (i >= N) return 0; or i &= N - 1;',
  },
  'R{reg} 32-bit pointer arithmetic prohibited': {
    class: 'pointer_arithmetic',
    why: 'a pointer goes through a 32-bit operation, which cuts it in half',
    help: 'keep pointers in pointer types, and offsets in __u64 or unsigned long: the cast to a 32-bit type has to go',
  },
  'R{reg} pointer arithmetic on {type} prohibited, null-check it first': {
    class: 'null_dereference',
    why: (c) => `${regName(c)} may be NULL here: nothing on this path tests it before it is moved`,
    help: 'test it before the first use: if (!ptr) return 0;',
  },
  'R{reg} pointer arithmetic on {type} prohibited': {
    class: 'pointer_arithmetic',
    why: (c) => `${regName(c)} holds ${c.holds}: such a pointer can not be moved`,
    help: (c) =>
      c.part('type') === 'pkt_end'
        ? 'compute with data, not with data_end: instead of data_end - n compare data + n > data_end'
        : 'use it as it came: access fields with constant offsets',
  },
  'R{reg} bitwise operator {op} on pointer prohibited': OPERATOR,
  'R{reg} pointer arithmetic with {op} operator prohibited': OPERATOR,
  'R{reg} pointer {op} pointer prohibited': {
    class: 'pointer_arithmetic',
    why: (c) => `two pointers are combined with '${c.part('op')}'`,
    help: 'pointers can be subtracted (which gives a number) or compared; offsets must be numbers',
  },
  'R{reg} tried to subtract pointer from scalar': {
    class: 'pointer_arithmetic',
    why: 'a pointer is subtracted from a number',
    help: 'pointer - number and pointer - pointer are possible; swap the operands',
  },
  'R{reg} subtraction from stack pointer prohibited': {
    class: 'pointer_arithmetic',
    why: 'an amount is subtracted from a pointer into the stack',
    help: 'index local arrays with a bounded, unsigned index instead of moving pointers backwards (in assembly: add a negative constant)',
  },
  'At program exit the register R{reg} is not a known value ({type})': {
    class: 'return_value',
    why: (c) => `the program returns ${c.holds}, not a number`,
    help: 'return a number, never a pointer',
  },
  'At program exit the register R{reg} has{value} should have been in [{min}, {max}]': {
    class: 'return_value',
    why: (c) => {
      const allowed =
        c.part('min') === c.part('max') ? `only ${c.part('min')}` : `${c.part('min')} to ${c.part('max')}`;
      return `a ${c.progType} program may return ${allowed}; R${c.part('reg')} holds ${c.holds}`;
    },
    help: (c) =>
      c.part('min') === c.part('max')
        ? `return ${c.part('min')} on every path`
        : `return a constant from ${c.part('min')} to ${c.part('max')} on every path (return cond ? 1 : 0;), not a value that was read`,
  },
  "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!": {
    class: 'return_value',
    why: 'the hook returns nothing, so the program has nothing to decide',
    help: 'return 1 on every path',
  },
  'At async callback return the register R{reg} is not a known value ({type})': {
    class: 'return_value',
    why: (c) => `the function returns ${c.holds}, not a number`,
    help: 'return 0',
  },
  'At async callback return the register R{reg} has{value} should have been in [{min}, {max}]': {
    class: 'return_value',
    why: (c) => `a function that runs later returns ${allowed(c)}; R0 holds ${c.holds}`,
    help: (c) => `return ${allowed(c)} on every path of it`,
  },
  'R0 not a scalar value': {
    class: 'return_value',
    why: (c) => `the callback returns ${c.holds}, not a number`,
    help: 'return 0 to go on or 1 to stop',
  },
  'At callback return the register R0 has{value} should have been in [0, 1]': {
    class: 'return_value',
    why: (c) => `a callback returns 0 (go on) or 1 (stop); R0 holds ${c.holds}`,
    help: 'return the constant 0 or 1 on every path of the callback',
  },
  'cannot return stack pointer to the caller': {
    class: 'return_value',
    why: 'the function returns the address of its own stack, which is gone when it returns',
    help: 'return a value, or let the caller pass the address of its variable',
  },
} as const satisfies Rows;
