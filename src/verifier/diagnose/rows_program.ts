// Messages about the program as a whole: control flow, limits, encoding of instructions, how it is loaded.

import { type MessageRow, mapName, type Rows } from './row.ts';

const REBUILD = 'compilers do not write this: check the generator, or the bytes of the object file';

function malformed(why: MessageRow['why'], help: MessageRow['help'] = REBUILD): MessageRow {
  return { class: 'malformed', why, help };
}

const FEWER_PATHS =
  'bound loops with a small constant, keep conditions out of them, move big parts into functions that are not inlined (__noinline), or use bpf_loop';

const DEEP: MessageRow = {
  class: 'limits',
  why: 'at most 8 functions may be active at once',
  help: 'inline some of the functions (__always_inline), and no recursion',
};

function sleepable(why: string, help: string): MessageRow {
  return { class: 'program_setup', why, help };
}

export const PROGRAM_ROWS = {
  'infinite loop detected at insn {insn}': {
    class: 'limits',
    why: 'the path comes back to this instruction with nothing changed: the loop never ends',
    help: 'let a counter grow to a constant bound in each iteration: for (int i = 0; i < MAX; i++); loops over data need such a bound, too',
  },
  'The sequence of {count} jumps is too complex.': {
    class: 'limits',
    why: (c) =>
      `${c.part('count')} branches wait to be followed: a loop without a constant bound, or a very large program`,
    help: FEWER_PATHS,
  },
  'BPF program is too large. Processed {count} insn': {
    class: 'limits',
    why: 'following all paths takes more than 1,000,000 instructions: the verifier walks through every iteration of a loop, once for each way to get there',
    help: FEWER_PATHS,
  },
  'program has {count} instructions': {
    class: 'limits',
    why: (c) => (c.part('count') === '0' ? 'the program is empty' : 'a program may have up to 1,000,000 instructions'),
    help: 'split the program with tail calls',
  },
  'the call stack of {count} frames is too deep': DEEP,
  'the call stack of {count} frames is too deep !': DEEP,
  'combined stack size of {count} calls is {size}. Too large': {
    class: 'limits',
    why: (c) =>
      `${c.part('count')} functions that call each other use ${c.part('size')} bytes of stack together; the limit is 512`,
    help: 'move large local variables into a per-CPU array map with one entry, or make one of the functions part of its caller',
  },
  'tail_calls are not allowed when call stack of previous frames is {size} bytes. Too large': {
    class: 'limits',
    why: (c) => `the callers use ${c.part('size')} bytes of stack; a function with a tail call allows less than 256`,
    help: 'do the tail call in the main function, or use less stack',
  },
  'too many call chains that use stack': {
    class: 'limits',
    why: 'functions that use stack are reached over so many chains of calls that keeping them apart takes too much memory',
    help: 'call big functions from fewer places, or make some of them part of their callers (__always_inline)',
  },
  'too many references are held': {
    class: 'limits',
    why: 'the program has taken more than 4096 references (sockets, ring buffer records, ...) and given none of them back',
    help: 'give each back before the next one is taken',
  },
  'too many states to keep': {
    class: 'limits',
    why: 'BPF_F_TEST_STATE_FREQ keeps a state at every jump, which takes too much memory for a program of this size',
    help: 'load the program without BPF_F_TEST_STATE_FREQ',
  },
  'too many subprograms': {
    class: 'limits',
    why: 'a program may have up to 256 functions, the program itself included',
    help: 'make small functions part of their callers (__always_inline), or split the program with tail calls',
  },
  'unreachable insn {insn}': {
    class: 'control_flow',
    why: (c) => `no path leads to instruction ${c.part('insn')}`,
    help: 'remove the dead code (in C: a goto over it, or inline assembly)',
  },
  'jump out of range from insn {insn} to {target}': {
    class: 'control_flow',
    why: (c) => `the jump goes to instruction ${c.part('target')}, which is not in this function`,
    help: 'jumps stay inside their function; with inline assembly check the labels',
  },
  'jump into the middle of ldimm64 insn {insn}': {
    class: 'control_flow',
    why: 'a 64-bit load takes two slots; the jump goes to the second one',
    help: 'count an lddw as two instructions when jump offsets are computed',
  },
  'last insn is not an exit or jmp': {
    class: 'control_flow',
    why: 'the path runs past the end of the function',
    help: 'end every function with a return (clang drops it where it sees undefined behaviour, e.g. an endless loop or a division by 0)',
  },
  'call to invalid destination': {
    class: 'control_flow',
    why: 'the called function lies outside of the program',
    help: 'is the function defined (not only declared) in this object?',
  },
  'LD_ABS is not allowed in subprogs without BTF': {
    class: 'program_setup',
    why: 'a function that uses legacy packet loads must be known to return int',
    help: 'compile with -g, so that there is BTF, or inline the function',
  },
  'tail_call is not allowed in subprogs without BTF': {
    class: 'program_setup',
    why: 'a function with a tail call must be known to return int',
    help: 'compile with -g, so that there is BTF, or do the tail call in the main function',
  },
  "LD_ABS is only allowed in functions that return 'int'.": {
    class: 'program_setup',
    why: 'a legacy packet load that fails ends its function with 0, so the function must return an int',
    help: 'let the function return int',
  },
  "tail_call is only allowed in functions that return 'int'.": {
    class: 'program_setup',
    why: "the program that a tail call goes to returns an int to the function's caller, so the function must return one, too",
    help: 'let the function return int',
  },
  'missing btf func_info': {
    class: 'program_setup',
    why: 'the address of a function is taken, but there is no BTF that describes functions',
    help: 'compile with -g',
  },
  'BPF_LD_[ABS|IND] instructions not allowed for this program type': {
    class: 'program_setup',
    why: (c) => `${c.progType} programs have no legacy packet loads`,
    help: 'access the packet directly through data and data_end',
  },
  'at the time of BPF_LD_ABS|IND R6 != pointer to skb': {
    class: 'type_mismatch',
    why: (c) => `legacy packet loads need the context in R6, which holds ${c.holds}`,
    help: 'copy the context to R6 at the start of the program: r6 = r1',
  },
  'fd {fd} is not pointing to valid bpf_map': {
    class: 'program_setup',
    why: 'an instruction refers to a map that does not exist',
    help: 'load the program through the loader, which creates its maps',
  },
  'direct value offset of {off} is not allowed': malformed(
    'the address is more than 2^29 bytes behind the start of the value',
  ),
  'invalid bpf_ld_imm64 insn': malformed('the second slot of a 64-bit load is missing or not empty'),
  'unrecognized bpf_ld_imm64 insn': malformed('the source field of a 64-bit load has no meaning'),
  "pseudo btf_id {id} in ldimm64 isn't KIND_VAR or KIND_FUNC": malformed(
    (c) => `type ${c.part('id')} of the kernel's BTF is neither function nor variable`,
    "give the BTF of the kernel that the program is for (prog load OBJ btf FILE): ids are that kernel's",
  ),
  'ldimm64 insn specifies invalid btf_id {id}.': malformed(
    (c) => `the kernel's BTF has no type ${c.part('id')}`,
    "give the BTF of the kernel that the program is for (prog load OBJ btf FILE): ids are that kernel's",
  ),
  "ldimm64 failed to find the address for kernel symbol '{name}'.": {
    class: 'program_setup',
    why: (c) =>
      `the kernel does not tell where ${c.part('name')} is (/proc/kallsyms lists it only with CONFIG_KALLSYMS_ALL)`,
    help: 'ask for what the kernel exports, or read it through a pointer that a helper or the context gives',
  },
  'invalid module BTF object FD specified.': malformed('the symbol is one of a kernel module, and no module is given'),
  'unknown opcode {code}': malformed(
    (c) => `there is no instruction with opcode 0x${c.part('code')}`,
    'compile for BPF (clang -target bpf); Linux 6.18 has no indirect calls (callx: function pointers must be resolved at compile time) and no indirect jumps (gotox: -fno-jump-tables)',
  ),
  '{what} uses reserved fields': malformed((c) => `a field of the ${c.part('what')} instruction that must be 0 is not`),
  'invalid atomic operand size': malformed('atomic operations work on 4 or 8 bytes', 'use a 32-bit or 64-bit variable'),
  'BPF_ATOMIC uses invalid atomic opcode {code}': malformed((c) => `there is no atomic operation 0x${c.part('code')}`),
  'addr_space_cast insn can only convert between address space 1 and 0': malformed(
    'the cast names other address spaces',
  ),
  'addr_space_cast insn can only be used in a program that has an associated arena': {
    class: 'program_setup',
    why: 'the program casts a pointer of an arena, but refers to no arena',
    help: 'refer to the arena map in the program, if only by an asm volatile statement that takes its address',
  },
  'Only one arena per program': {
    class: 'program_setup',
    why: 'the program refers to two arenas, but its pointers say nothing of which one they belong to',
    help: 'put everything into one arena',
  },
  'CAP_BPF and CAP_PERFMON are required to use arena': {
    class: 'program_setup',
    why: 'an arena shows addresses of user space, which this loader may not see',
    help: 'load it with CAP_BPF and CAP_PERFMON',
  },
  "arena's user address must be set via map_extra or mmap()": {
    class: 'program_setup',
    why: 'it is not known yet where user space will see the arena, and casts need that address',
    help: 'set map_extra to an address, or map the arena before programs are loaded',
  },
  'expected_attach_type {attach} is none of {type} programs': {
    class: 'program_setup',
    why: (c) => `a ${c.part('type')} program can not be attached at expected_attach_type ${c.part('attach')}`,
    help: 'check SEC("..."): it selects program type and attach type',
  },
  'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable': sleepable(
    'BPF_F_SLEEPABLE is set for a program type that can not sleep',
    'remove the .s from the section name, or the flag',
  ),
  'Syscall programs can only be sleepable': sleepable(
    'a syscall program is loaded without BPF_F_SLEEPABLE',
    'load it with SEC("syscall"), which sets the flag',
  ),
  'Sleepable programs can only use array, hash, ringbuf and local storage maps': sleepable(
    'a map of the program does not work where a program may sleep',
    'use an array, hash or ring buffer, or make the program not sleepable',
  ),
  'bpf_struct_ops map cannot be used in prog': {
    class: 'map_access',
    why: (c) => `${mapName(c)} holds kernel operations, not data`,
    help: 'remove the reference to it from the program',
  },
  'only one cgroup storage of each type is allowed': {
    class: 'map_access',
    why: 'the program uses two cgroup storage maps of the same type',
    help: 'put both values into one struct in one map',
  },
} as const satisfies Rows;
