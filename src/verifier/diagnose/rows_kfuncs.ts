// Messages about calls of kernel functions (kfuncs): who may call them, what fits their arguments, the sections they open.

import { type Case, leaving, type MessageRow, type Rows, SECTIONS } from './row.ts';

const name = (c: Case) => c.part('name') || 'the kernel function';
/** 'STRUCT task_struct' as in C. */
const lower = (type: string) => type.replace(/^[A-Z]+/, (kind) => kind.toLowerCase());
const position = (c: Case): string => `argument ${c.num('arg') + 1}`;

function unavailable(why: MessageRow['why'], help: MessageRow['help']): MessageRow {
  return { class: 'helper_unavailable', why, help };
}

function argument(why: MessageRow['why'], help: MessageRow['help']): MessageRow {
  return { class: 'helper_argument', why, help };
}

const TRUST =
  'use a pointer that a kfunc acquired, that the context gave, or one read inside bpf_rcu_read_lock and acquired there';

function beyond(why: MessageRow['why']): MessageRow {
  return { class: 'unsupported', why, help: 'Linux can load this; beewasm cannot check it yet' };
}

function section(why: MessageRow['why'], help: string, about: Pick<MessageRow, 'held' | 'over'>): MessageRow {
  return { class: 'lock', why, help, ...about };
}

/** '{section}' in words. */
const NO_SLEEP: Readonly<Record<string, string>> = {
  rcu_read_lock: 'in an RCU read section',
  'non-preemptible': 'where preemption is disabled',
  'IRQ-disabled': 'where interrupts are off',
};

function sleepsIn(c: Case): string {
  return `${name(c).replace(/#\d+$/, '')} may sleep, and is called ${NO_SLEEP[c.part('section')] ?? 'where nothing may sleep'}`;
}

const NAME_BY_ID = 'give the BTF of the kernel that the program is for (prog load OBJ btf FILE), and its ids';

export const KFUNC_ROWS = {
  'cannot call kernel function from non-GPL compatible program': unavailable(
    'only programs under a GPL-compatible license may call functions of the kernel',
    'char _license[] SEC("license") = "GPL";, if that is the license of the program',
  ),
  'metadata kfuncs require device-bound program': unavailable(
    'the function asks the driver of a device, and the program is for none',
    'load it for a device on Linux (prog load ... dev NAME)',
  ),
  'too many different kernel function calls': {
    class: 'limits',
    why: 'more than 256 kernel functions are called',
    help: 'split the program',
  },
  'negative offset disallowed for kernel module function call': {
    class: 'malformed',
    why: 'the offset of a call says which module the function is in, and is negative',
    help: 'leave it 0 for functions of the kernel itself',
  },
  'kfunc offset > 0 without fd_array is invalid': {
    class: 'malformed',
    why: 'the call is for a function of a kernel module, and no module is given',
    help: 'leave the offset 0 for functions of the kernel itself',
  },
  'kernel btf_id {id} is not a function': {
    class: 'malformed',
    why: (c) => `type ${c.part('id')} of the kernel's BTF is no function`,
    help: NAME_BY_ID,
  },
  'invalid kernel function call not eliminated in verifier pass': {
    class: 'malformed',
    why: 'a call of a kernel function that no kernel has is reached',
    help: 'test that it exists before the call: if (bpf_ksym_exists(func))',
  },
  'calling kernel function {name} is not allowed': unavailable(
    (c) => `programs of type ${c.progType} may not call ${name(c)}`,
    'use a helper, or a program type that may',
  ),
  'program must be sleepable to call sleepable kfunc {name}': unavailable(
    (c) => `${name(c)} may sleep, which this program may not`,
    'make the program sleepable where its type allows it (SEC("....s"), BPF_F_SLEEPABLE)',
  ),
  "kernel function {name} is known, but beewasm can't follow it yet": beyond((c) => `the program calls ${name(c)}`),
  "arg#{arg} of kernel function {name} is {what}, which beewasm can't follow yet": beyond(
    (c) => `${name(c)} takes ${c.part('what')}`,
  ),
  'kernel func {name} is sleepable within {section} region': section(
    sleepsIn,
    'call it before the section begins or after it ends',
    { held: SECTIONS },
  ),
  'sleepable helper {name} in {section} region': section(
    sleepsIn,
    'call it before the section begins or after it ends',
    { held: SECTIONS },
  ),
  'kernel func {name} requires RCU critical section protection': section(
    'the function gives pointers that are valid inside an RCU read section only',
    'call it between bpf_rcu_read_lock() and bpf_rcu_read_unlock()',
    { over: ['rcu'] },
  ),
  'nested rcu read lock (kernel function bpf_rcu_read_lock)': section(
    'an RCU read section is open already',
    'remove the inner bpf_rcu_read_lock',
    { held: ['rcu'] },
  ),
  'unmatched rcu read unlock (kernel function bpf_rcu_read_unlock)': section(
    'no RCU read section is open on this path',
    'call bpf_rcu_read_lock before, on every path',
    { over: ['rcu'] },
  ),
  'unmatched attempt to enable preemption (kernel function bpf_preempt_enable)': section(
    'preemption is not disabled on this path',
    'call bpf_preempt_disable before, on every path',
    { over: ['preempt'] },
  ),
  '{what} cannot be used inside bpf_rcu_read_lock-ed region': section(
    (c) => `an RCU read section is still open ${leaving(c)}`,
    'call bpf_rcu_read_unlock on every path before',
    { held: ['rcu'] },
  ),
  '{what} cannot be used inside bpf_preempt_disable-ed region': section(
    (c) => `preemption is still disabled ${leaving(c)}`,
    'call bpf_preempt_enable on every path before, once for each bpf_preempt_disable',
    { held: ['preempt'] },
  ),
  'Function {name} has {count} > 5 args': argument(
    'it has more arguments than there are registers',
    'none can call it',
  ),
  'Unrecognized arg#{arg} type {type}': argument(
    (c) => `${position(c)} is of a type that programs cannot pass (${c.part('type')})`,
    'use another function',
  ),
  'R{reg} must be a known constant': argument(
    (c) => `argument ${c.regno} must be known when the program is verified, and is ${c.holds}`,
    'pass a constant',
  ),
  'R{reg} is not a const': argument(
    (c) => `argument ${c.regno} must be known when the program is verified, and is ${c.holds}`,
    'pass a constant',
  ),
  'Possibly NULL pointer passed to trusted arg{arg}': {
    class: 'null_dereference',
    why: (c) => `${position(c)} must not be NULL, and may be`,
    help: 'test the pointer before the call: if (!ptr) return 0;',
  },
  'R{reg} must be referenced or trusted': argument(
    (c) => `argument ${c.regno} must be a pointer that stays valid, and is ${c.holds}`,
    TRUST,
  ),
  'R{reg} must be a rcu pointer': argument(
    (c) => `argument ${c.regno} must be a pointer that RCU protects or that is trusted, and is ${c.holds}`,
    TRUST,
  ),
  "pointer in R{reg} isn't map pointer": argument(
    (c) => `argument ${c.regno} must be a map, and is ${c.holds}`,
    'pass the address of a map: &my_map',
  ),
  'arg#{arg} expected pointer to ctx, but got {type}': argument(
    (c) => `${position(c)} must be the context`,
    "pass the program's own ctx argument, unchanged",
  ),
  'kernel function {name} args#{arg} pointer type {type} is not supported': argument(
    (c) =>
      `${position(c)} of ${name(c)} is a pointer to ${c.part('type')}; a pointer to a kernel structure does not fit`,
    'pass memory of the program',
  ),
  'kernel function {name} args#{arg} expected pointer to {want} but R{reg} has a pointer to {has}': argument(
    (c) => `${position(c)} of ${name(c)} must point to ${lower(c.part('want'))}, and points to ${lower(c.part('has'))}`,
    'pass a pointer to the right structure',
  ),
  'kernel function {name} returns pointer type {type} is not supported': beyond(
    (c) => `${name(c)} returns a pointer to memory of unknown size`,
  ),
  'arg#{arg} is {type} expected {want} or socket': argument(
    (c) => `${position(c)} is a pointer that may not be handed on (${c.part('type')})`,
    TRUST,
  ),
  'arg#{arg} pointer type {type} must point to {what}': argument(
    (c) => `${position(c)} must be a pointer to ${lower(c.part('type'))}, and is ${c.holds}`,
    'pass a pointer that the kernel gave: such a structure cannot be made by a program',
  ),
  'arg#{arg} arg#{size} memory, len pair leads to invalid memory access': argument(
    (c) => c.cause.why || `${position(c)} and its size do not fit`,
    (c) => c.cause.help || 'check the size',
  ),
  'arg{arg} expected pointer to func': argument(
    (c) => `${position(c)} must be a function of the program`,
    'pass the name of a static function of this program',
  ),
  "arg#{arg} doesn't point to a const string": argument(
    (c) => `${position(c)} must be a text that does not change`,
    'pass a string literal or a const array (.rodata)',
  ),
  "arg#{arg} doesn't point to an irq flag on stack": argument(
    (c) => `${position(c)} must be a local variable`,
    'pass the address of a local unsigned long',
  ),
  'release kernel function {name} expects refcounted PTR_TO_BTF_ID': {
    class: 'reference',
    why: (c) => `${name(c)} gives something back, and its argument holds no reference`,
    help: 'pass what the matching function acquired',
  },
  "the kernel's context of {type} programs is not a struct": argument(
    (c) => `programs of type ${c.part('type')} have no other context in the kernel`,
    'use the context as it is',
  ),
  'kfunc bpf_rdonly_cast type ID argument must be of a struct or void': argument(
    'the id is none of a structure of the kernel',
    'bpf_core_type_id_kernel(struct name)',
  ),
  'R{reg} invalid {kind} buffer access: off={off}, size={size}': {
    class: 'out_of_bounds',
    why: (c) => `the access is ${-c.num('off')} bytes in front of the buffer`,
    help: 'read from where the pointer points, or behind it',
  },
  'R{reg} is of type {has} but {want} is expected': argument(
    (c) => `argument ${c.regno} must point to struct ${c.part('want')}, and points to ${c.part('has')}`,
    'pass a pointer to the right structure',
  ),
  '{helper}() may write into memory pointed by R{reg} type={type}': {
    class: 'read_only',
    why: (c) =>
      `${c.part('helper')} writes into its argument ${c.regno}, and structures of the kernel can only be read`,
    help: 'pass memory of the program',
  },
  'R{reg} is ptr_{struct} access user memory: off={off}': {
    class: 'type_mismatch',
    why: 'the pointer is one of user space',
    help: 'read through it with bpf_probe_read_user()',
  },
  'R{reg} is ptr_{struct} access percpu memory: off={off}': {
    class: 'type_mismatch',
    why: 'the pointer is to a per-CPU variable, which is elsewhere on every CPU',
    help: 'use bpf_this_cpu_ptr() or bpf_per_cpu_ptr() first',
  },
} as const satisfies Rows;
