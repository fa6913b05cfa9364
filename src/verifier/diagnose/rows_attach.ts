// Messages about what a program is bound to: tracepoints, functions, hooks and structures of the kernel.

import type { MessageRow, Rows } from './row.ts';

const NAME_BY_ID = 'give the BTF of the kernel that the program is for (prog load OBJ btf FILE), and its ids';

function setup(why: MessageRow['why'], help: MessageRow['help']): MessageRow {
  return { class: 'program_setup', why, help };
}

const LICENSE = 'char _license[] SEC("license") = "GPL";, if that is the license of the program';

const SAME_PROTOTYPE = 'declare the function as the one that it replaces is declared: same result, same arguments';
const FREPLACE = 'SEC("freplace/FUNC") replaces a global function (not static, __noinline) of an accepted program';

function unlike(why: MessageRow['why']): MessageRow {
  return { class: 'program_setup', why, help: SAME_PROTOTYPE };
}

export const ATTACH_ROWS = {
  'Tracing programs must provide btf_id': setup('nothing says what the program is bound to', (c) =>
    c.progType === 'ext'
      ? 'give the program whose function it replaces: prog load OBJ target OBJ, or programInput(..., { program })'
      : 'name it in the section: SEC("tp_btf/sched_switch"), SEC("fentry/vfs_read"), SEC("iter/task"), SEC("lsm/file_open")',
  ),
  'attach_btf_id {id} is invalid': setup((c) => `the kernel's BTF has no type ${c.part('id')}`, NAME_BY_ID),
  'attach_btf_id {id} is not a typedef': setup('a tracepoint is known by the typedef btf_trace_NAME', NAME_BY_ID),
  'attach_btf_id {id} points to wrong type name {name}': setup(
    (c) =>
      c.progType === 'lsm'
        ? `${c.part('name')} is no hook of security modules`
        : `${c.part('name')} is the type of no tracepoint`,
    NAME_BY_ID,
  ),
  'attach_btf_id {id} is not a function': setup('the program is bound to a function, and this is none', NAME_BY_ID),
  '{name} is not what an iterator calls': setup(
    (c) => `${c.part('name')} is no bpf_iter_ function`,
    'SEC("iter/task"), ...',
  ),
  '{name} is not sleepable': setup(
    (c) => `${c.part('name')} is called where nothing may sleep`,
    'load the program without BPF_F_SLEEPABLE: SEC("lsm/..."), not SEC("lsm.s/...")',
  ),
  'LSM programs must have a GPL compatible license': setup(
    'only programs under a GPL-compatible license may be bound to hooks of security modules',
    LICENSE,
  ),
  'attach_btf_id {id} points to disabled hook {name}': setup(
    (c) => `${c.part('name')} hands back more than a number, which programs can't`,
    'use another hook that sees the same operation',
  ),
  'struct ops programs must have a GPL compatible license': setup(
    'only programs under a GPL-compatible license may implement functions of the kernel',
    LICENSE,
  ),
  'struct_ops programs must name a member of a structure': setup(
    'nothing says which function of the kernel the program implements',
    'put it into a variable of SEC(".struct_ops"): struct tcp_congestion_ops ops = { .ssthresh = (void *)my_ssthresh, ... };',
  ),
  'attach_btf_id {id} is not a supported struct': setup(
    'programs can implement no structure of this type in this kernel',
    'check the configuration of the kernel that the program is for, and give its BTF',
  ),
  'attach to invalid member idx {index} of struct {struct}': setup(
    (c) => `struct ${c.part('struct')} has no member number ${c.part('index')}`,
    NAME_BY_ID,
  ),
  'attach to invalid member {name}(@idx {index}) of struct {struct}': setup(
    (c) => `${c.part('name')} of struct ${c.part('struct')} is no pointer to a function`,
    'give it a value in the variable of SEC(".struct_ops"); programs go into members that are functions',
  ),
  'FENTRY/FEXIT program can only be attached to another program annotated with BTF': setup(
    'the program whose function is to be replaced was loaded without types of its functions',
    'compile it with -g, and load it with its BTF',
  ),
  "Subprog {name} doesn't exist": setup(
    (c) => `the target has no function ${c.part('name')}, or the compiler made it part of its caller`,
    FREPLACE,
  ),
  'Extension programs cannot attach to exception callback': setup(
    'what handles exceptions of a program can not be replaced',
    FREPLACE,
  ),
  'Cannot replace static functions': setup(
    'the function is static, or its calls do not fit its prototype: nobody verified it for all of its arguments',
    FREPLACE,
  ),
  'Extension program changes packet data, while original does not': setup(
    'callers of the function keep pointers into the packet over the call, which would not hold any more',
    'let the function that is replaced change the packet, too, or do it elsewhere',
  ),
  'Extension program may sleep, while original does not': setup(
    'callers of the function may be where nothing may sleep',
    'call nothing that sleeps, or replace a function that may',
  ),
  'Cannot recursively attach': setup('the target replaces a function itself', 'replace the function of its target'),
  'Cannot extend fentry/fexit': setup(
    'functions of programs at functions of the kernel can not be replaced',
    'change the program itself',
  ),
  'Program extension requires BTF': setup(
    'nothing says what the program takes and returns',
    'compile it with -g, and load it with its BTF',
  ),
  '{name}() is not a global function': setup(
    (c) => `${c.part('name')} is static: it is verified only for what its callers pass`,
    FREPLACE,
  ),
  '{name}() has {count} args while {target}() has {expected} args': unlike(
    (c) =>
      `${c.part('target')} takes ${c.part('expected')} argument${c.part('expected') === '1' ? '' : 's'}, not ${c.part('count')}`,
  ),
  "Return type {type} of {name}() doesn't match type {expected} of {target}()": unlike(
    (c) => `${c.part('target')} returns something else than ${c.part('name')}`,
  ),
  'arg{arg} in {name}() is {type} while {target}() has {expected}': unlike(
    (c) => `argument ${c.num('arg') + 1} of ${c.part('target')} is of another kind`,
  ),
  'arg{arg} in {name}() has size {size} while {target}() has {expected}': unlike(
    (c) => `argument ${c.num('arg') + 1} of ${c.part('target')} has ${c.part('expected')} bytes, not ${c.part('size')}`,
  ),
  'arg{arg} in {name}() has unrecognized type': unlike(
    (c) => `argument ${c.num('arg') + 1} is neither a number nor a pointer`,
  ),
  'arg{arg} in {name}() is not a pointer to context': unlike(
    (c) =>
      `argument ${c.num('arg') + 1} of ${c.part('name')} points to no structure: such functions can not be replaced`,
  ),
  "arg{arg} {name}(struct {has} *) doesn't match {target}(struct {want} *)": unlike(
    (c) => `argument ${c.num('arg') + 1} of ${c.part('target')} points to struct ${c.part('want')}`,
  ),
  'arg{arg} of {name}() must be more than {target}() asks for': unlike(
    (c) =>
      `callers of ${c.part('target')} may pass less in argument ${c.num('arg') + 1} than ${c.part('name')} believes: fewer bytes, NULL, or what is not trusted`,
  ),
  'attach to unsupported member {name} of struct {struct}': setup(
    (c) => `the kernel takes no program of this kind for ${c.part('name')} of struct ${c.part('struct')}`,
    'leave the member out, or take SEC("struct_ops") for SEC("struct_ops.s"): few members may sleep',
  ),
} as const satisfies Rows;
