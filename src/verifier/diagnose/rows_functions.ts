// Messages about global functions: prototypes they can be verified by, and arguments that fit them.

import { type Case, forbidsSleep, type MessageRow, type Rows, SECTIONS } from './row.ts';

const STATIC = 'make the function static: then it is verified where it is called, with the arguments it gets there';

function prototype(why: MessageRow['why'], help: MessageRow['help'] = STATIC): MessageRow {
  return { class: 'control_flow', why, help };
}

function argument(why: MessageRow['why'], help: MessageRow['help']): MessageRow {
  return { class: 'type_mismatch', why, help };
}

function handler(why: MessageRow['why'], help: MessageRow['help']): MessageRow {
  return { class: 'control_flow', why, help };
}

const position = (c: Case): string => `argument ${c.num('arg') + 1}`;
const TAGS = 'a pointer may be tagged __arg_ctx, or __arg_nonnull';

export const FUNCTION_ROWS = {
  'Global function {name}() with {count} > 5 args. Buggy compiler.': prototype(
    (c) => `${c.part('name')} has ${c.part('count')} arguments; at most 5 fit into registers`,
    'pass a pointer to a struct',
  ),
  "Global function {name}() doesn't return scalar. Only those are supported.": prototype(
    (c) =>
      `${c.part('name')} is global and returns no number: its callers could not be checked without looking into it`,
    'return int, or make the function static',
  ),
  'Arg#{arg} type {type} in {name}() is not supported yet.': prototype(
    (c) => `${position(c)} of ${c.part('name')} is no number and no pointer (BTF kind ${c.part('type')})`,
  ),
  "arg#{arg} reference type('{type}') size cannot be determined: -22": prototype(
    (c) => `${position(c)} is a pointer to something without a size (${c.part('type').trim()})`,
    'point to a struct that is defined, tag the argument __arg_ctx if it is the context, or make the function static',
  ),
  'arg#{arg} type tag is not supported in static functions': prototype(
    (c) => `${position(c)} of a static function is tagged`,
    'remove the tag: static functions are verified with the arguments they get',
  ),
  'arg#{arg} has unsupported set of tags': prototype(
    (c) => `${position(c)} has a tag that Linux 6.18 does not know`,
    TAGS,
  ),
  'arg#{arg} has invalid combination of tags': prototype((c) => `the tags of ${position(c)} do not go together`, TAGS),
  'arg#{arg} has pointer tag, but is not a pointer type': prototype(
    (c) => `${position(c)} is tagged and no pointer`,
    'remove the tag',
  ),
  "arg#{arg} type doesn't have a name": prototype(
    (c) => `${position(c)} is tagged __arg_ctx and points to an anonymous type`,
    "point to the context's struct, or to void",
  ),
  'arg#{arg} should be void pointer': prototype(
    (c) => `${position(c)} is tagged __arg_ctx, but the context of ${c.progType} programs has no struct of its own`,
    'declare it void *',
  ),
  'arg#{arg} should be `struct {name} *`': prototype(
    (c) => `${position(c)} is tagged __arg_ctx, but is no pointer to struct ${c.part('name')}`,
    (c) => `declare it struct ${c.part('name')} *`,
  ),
  'arg#{arg} untrusted cannot be combined with any other tags': prototype(
    (c) => `${position(c)} is tagged as an untrusted pointer and as something else`,
    'keep __arg_untrusted alone: it takes anything, NULL too',
  ),
  "arg#{arg} reference type('{kind} {type}') has no matches": prototype(
    (c) =>
      `${position(c)} is tagged as a pointer of the kernel, but the kernel has no ${c.part('kind').toLowerCase()} ${c.part('type')}`,
    "name a structure of the kernel; without the kernel's BTF (prog load OBJ btf FILE) only those of maps and sockets are known",
  ),
  'arg#{arg} arena cannot be combined with any other tags': prototype(
    (c) => `${position(c)} is tagged as a pointer into the arena and as something else`,
    'keep __arg_arena alone',
  ),
  'R{reg} is not a pointer to arena or scalar.': argument(
    (c) =>
      `the function takes a pointer into the arena as argument ${c.part('reg')}, but R${c.part('reg')} holds ${c.holds}`,
    'hand over what bpf_arena_alloc_pages gave, or the address of a variable in the arena',
  ),
  'R{reg} is not a scalar': argument(
    (c) => `the function takes a number as argument ${c.part('reg')}, but R${c.part('reg')} holds ${c.holds}`,
    'pass a number, or make the function static',
  ),
  'arg#{arg} expects pointer to ctx': argument(
    (c) => `the function takes the context as ${position(c)}, but gets ${c.holds}`,
    "pass the program's own ctx argument, unchanged",
  ),
  'arg#{arg} is expected to be non-NULL': argument(
    (c) => `the function takes a pointer that is never NULL (__arg_nonnull) as ${position(c)}, but gets ${c.holds}`,
    'test the pointer before the call, or remove the tag and test it in the function',
  ),
  "Caller passes invalid args into func#{func} ('{name}')": argument(
    (c) =>
      `global functions are verified by their prototypes, and this call does not fit that of ${c.part('name')}: ${c.cause.why}`,
    (c) => c.cause.help || `make ${c.part('name')} static`,
  ),
  'global function calls are not allowed while holding a lock,': {
    class: 'lock',
    why: 'the called function is global, and not looked into here',
    help: STATIC,
    held: ['lock'],
  },
  'use static function instead': {
    class: 'lock',
    why: 'a global function is called under a lock',
    help: STATIC,
    held: ['lock'],
  },
  'global functions that may sleep are not allowed in non-sleepable context,': {
    class: 'helper_unavailable',
    why: 'the called function may sleep, which this program may not',
    help: 'make the program sleepable where its type allows it (SEC("....s"))',
  },
  'i.e., in a RCU/IRQ/preempt-disabled section, or in': {
    class: 'helper_unavailable',
    why: 'the called function may sleep',
    help: 'make the program sleepable where its type allows it (SEC("....s"))',
  },
  'a non-sleepable BPF program context': {
    class: (c) => (c.open.some(forbidsSleep) ? 'lock' : 'helper_unavailable'),
    why: (c) =>
      c.open.some(forbidsSleep)
        ? 'the called global function may sleep, and nothing may sleep here'
        : 'the called global function may sleep, which this program may not',
    help: (c) =>
      c.open.some(forbidsSleep)
        ? 'call it before the section begins or after it ends'
        : 'make the program sleepable where its type allows it (SEC("....s"))',
    held: SECTIONS,
  },
  'At subprogram exit the register R{reg} is not a scalar value ({kind})': {
    class: 'return_value',
    why: (c) => `the global function returns ${c.holds}; its callers take the result for a number`,
    help: 'return a number, or make the function static',
  },
  'bpf_throw kfunc (insn {insn}) cannot be called from callback subprog {subprog}': {
    class: 'control_flow',
    why: 'a function that a helper calls, or that handles exceptions, throws one: nobody would go on from there',
    help: 'return a result that says so; throw behind the call of the helper',
  },
  'multiple exception callback tags for main subprog': handler(
    'the program has several __exception_cb tags',
    'keep one of them',
  ),
  "exception callback '{name}' could not be found in BTF": handler(
    (c) => `__exception_cb names ${c.part('name')}, and no function is called so`,
    'define it, as a global function that takes one number',
  ),
  "exception callback '{name}' must have global linkage": handler(
    (c) => `${c.part('name')} is static; what handles exceptions is verified on its own, as global functions are`,
    (c) => `make ${c.part('name')} global: not static, not __hidden`,
  ),
  'invalid exception callback insn_off in func_info: 0': handler(
    'the program is to handle its own exceptions',
    'write a function of its own for that',
  ),
  'exception cb only supports single integer argument': handler(
    'what handles exceptions gets the cookie of bpf_throw, and nothing else',
    'declare it int NAME(__u64 cookie)',
  ),
  'insn {insn} cannot call exception cb directly': handler(
    (c) => `instruction ${c.part('insn')} calls the function that handles exceptions; only bpf_throw may`,
    'move what both need into a function that both call',
  ),
  'cannot tail call within exception cb': handler(
    'a function that the exception handler calls makes a tail call; the frames of the program are gone then',
    'remove the tail call',
  ),
  'callback function not static': {
    class: 'helper_argument',
    why: 'the function whose address is taken is global; helpers call static functions only',
    help: 'make it static',
  },
  'too many call chains that use stack': {
    class: 'limits',
    why: 'the stack of so many call chains can not be kept track of',
    help: 'call fewer functions from fewer places, or inline them (__always_inline)',
  },
} as const satisfies Rows;
