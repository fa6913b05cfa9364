// Messages about calls: which helpers a program may call, what fits their arguments, references and locks.

import { mapTypeById } from '../../spec/map_types.ts';
import { heldBy, releaseHelp } from './releases.ts';
import { type Case, leaving, type MessageRow, mapName, type Rows, regName } from './row.ts';

/** What the prototype's list of kinds means to people. */
const WANTED: readonly (readonly [start: string, words: string, help: string])[] = [
  ['scalar', 'a number', 'pass a number, not an address'],
  ['ctx', 'the context pointer', "pass the program's own ctx argument, unchanged"],
  ['map_ptr', 'a map', 'pass the address of a map: &my_map'],
  ['func', 'a static function', 'pass the name of a static function of this program'],
  ['sock', 'a socket', 'pass a socket from ctx->sk or from a lookup helper, after a NULL test'],
  ['ringbuf_mem', 'a ring buffer record', 'pass what bpf_ringbuf_reserve returned, after a NULL test'],
  ['map_value', 'a map value', 'pass the address of (a field of) a map value'],
  ['fp, dynptr', 'a dynptr', 'pass the address of a local struct bpf_dynptr'],
  ['fp', 'readable memory', 'pass the address of a variable on the stack, in a map value or in the packet'],
  [
    'percpu_',
    "a pointer to the kernel's per-CPU memory",
    'pass the address of a per-CPU variable (__ksym), or a field that the kernel declares __percpu',
  ],
  ['ptr_', 'a kernel object', 'pass a pointer of the right kernel type, e.g. from bpf_get_current_task_btf'],
];

function wanted(c: Case): readonly [string, string] {
  const row = WANTED.find(([start]) => c.part('kinds').startsWith(start));
  return row === undefined ? [c.part('kinds'), 'look up what the helper takes in bpf-helpers(7)'] : [row[1], row[2]];
}

const ARGUMENT: MessageRow = {
  class: (c) => (c.kind.endsWith('_or_null') ? 'null_dereference' : 'helper_argument'),
  why: (c) =>
    `argument ${c.regno} of ${c.helper || 'the function'} must be ${wanted(c)[0]}, but ${regName(c)} holds ${c.holds}`,
  help: (c) => {
    if (c.kind.endsWith('_or_null')) return 'test the pointer before the call: if (!ptr) return 0;';
    if (c.kind === 'scalar' && wanted(c)[0] === 'readable memory') {
      return 'helpers take addresses here: store the number in a variable and pass its address (&key). A packet pointer from before a helper that moves the packet is only a number, too';
    }
    return wanted(c)[1];
  },
};

function beyond(why: MessageRow['why']): MessageRow {
  return {
    class: 'unsupported',
    why,
    help: 'beewasm can not check this call yet (README lists what works); Linux may accept it',
  };
}

function noField(
  program: string,
  help = 'use atomic operations (__sync_fetch_and_add) or a per-CPU map instead',
): MessageRow {
  return {
    class: 'lock',
    why: `${program} programs may not use maps with this kind of field`,
    help,
  };
}

const ELSEWHERE = 'keep it in a map of its own, which only programs of other types use (xdp, tc, cgroup, syscall)';

/** The helper that libbpf, and our loader, call where a relocation failed: 0xbad2310. */
const CORE_POISON = 195896080;
/** The same for a weak kfunc that the kernel lacks. */
const KFUNC_POISON = 2002000000;

/** Calls that a loader made of what it did not find. */
const POISONED: ReadonlyMap<number, readonly [why: string, help: string]> = new Map([
  [
    CORE_POISON,
    [
      "a CO-RE relocation found nothing that fits in the kernel's BTF, and this is reached",
      'compare name and type of the field with the kernel that the BTF is of, or test bpf_core_field_exists() before',
    ],
  ],
  [
    KFUNC_POISON,
    [
      'a weak function of the kernel (__ksym __weak) that this kernel does not have is called',
      'test it before the call: if (bpf_ksym_exists(func)) ...; and check the spelling',
    ],
  ],
]);

export const CALL_ROWS = {
  'invalid func unknown#{id}': {
    class: 'helper_unavailable',
    why: (c) => POISONED.get(c.num('id'))?.[0] ?? `Linux 6.18 has no helper number ${c.part('id')}`,
    help: (c) =>
      POISONED.get(c.num('id'))?.[1] ??
      'check the spelling and the headers: a function that is only declared (extern) becomes an unknown call',
  },
  'program of this type cannot use helper {helper}': {
    class: 'helper_unavailable',
    why: (c) => `${c.progType} programs may not call ${c.part('helper').replace(/#.*/, '')}`,
    help: (c) =>
      c.part('helper').startsWith('bpf_skb_')
        ? 'bpf_skb_* helpers are for tc and socket programs: in XDP, access the packet directly or with bpf_xdp_load_bytes'
        : 'use a helper that this program type has (`beewasm feature` lists them), or another SEC("...")',
  },
  'cannot call GPL-restricted function from non-GPL compatible program': {
    class: 'helper_unavailable',
    why: (c) => `${c.helper || 'this helper'} may only be called by programs under a GPL-compatible license`,
    help: 'declare it: char LICENSE[] SEC("license") = "GPL";',
  },
  'helper call might sleep in a non-sleepable prog': {
    class: 'helper_unavailable',
    why: (c) => `${c.helper || 'this helper'} may sleep, which this program may not`,
    help: 'make the program sleepable where its type allows it (SEC("....s"), BPF_F_SLEEPABLE), or use a helper that does not sleep',
  },
  'helper call is not allowed in probe': {
    class: 'helper_unavailable',
    why: 'bpf_d_path may take locks that are held where this program runs',
    help: 'use it in iterators, or in programs at functions that Linux lists for it',
  },
  'func bpf_get_func_ip#173 supported only for fentry/fexit/fmod_ret programs': {
    class: 'helper_unavailable',
    why: 'the program is not attached to a function whose address could be asked for',
    help: 'use it in fentry, fexit, fmod_ret and kprobe programs',
  },
  'func bpf_get_func_ip#173 not supported for program type {id}': {
    class: 'helper_unavailable',
    why: (c) => `${c.progType} programs are not attached to a function whose address could be asked for`,
    help: 'use it in kprobe programs',
  },
  'R{reg} type={type} expected={kinds}': ARGUMENT,
  "R{reg} type={type}: {helper} takes {arg}, which beewasm can't check yet": beyond(
    (c) => `${c.part('helper')} takes a ${c.part('arg')} as argument ${c.regno}`,
  ),
  "{helper} returns {ret}, which beewasm can't follow yet": beyond(
    (c) => `${c.part('helper')} returns a ${c.part('ret')}`,
  ),
  "{helper} calls a function, which beewasm can't follow yet": beyond(
    (c) => `${c.part('helper')} calls a function of the program`,
  ),
  'verifier bug: backtracking misuse': {
    class: 'helper_argument',
    why: (c) => `the number of calls that ${c.helper} makes is an address`,
    help: 'pass a number as the first argument',
  },
  'R{reg} cannot write into map_key': {
    class: 'read_only',
    why: (c) => `${c.helper || 'the helper'} would write into the key of an element`,
    help: 'copy the key to a local variable and pass that',
  },
  "R{reg} min value is negative, either use unsigned or 'var &= const'": {
    class: 'helper_argument',
    why: (c) => `argument ${c.regno} of ${c.helper}, a size, may be negative (as low as ${c.smin})`,
    help: 'make the size unsigned (__u32) and bound it: if (len > sizeof(buf)) return 0;',
  },
  'R{reg} invalid zero-sized read: u64=[{min},{max}]': {
    class: 'helper_argument',
    why: (c) =>
      `argument ${c.regno} of ${c.helper}, a size, may be 0 here (it is ${c.part('min')} to ${c.part('max')})`,
    help: 'rule 0 out before the call: if (len == 0 || len > sizeof(buf)) return 0;',
  },
  "R{reg} unbounded memory access, use 'var &= const' or 'if (var < const)'": {
    class: 'helper_argument',
    why: (c) => `argument ${c.regno} of ${c.helper}, a size, has no upper bound on this path (up to ${c.umax})`,
    help: 'bound it right before the call: if (len > sizeof(buf)) len = sizeof(buf); or len &= sizeof(buf) - 1;',
  },
  "R{reg} is not a known constant'": {
    class: 'helper_argument',
    why: (c) => `argument ${c.regno} of ${c.helper} must be a constant, but it is ${c.holds}`,
    help: 'pass a constant size; for records of different sizes use the largest, or bpf_ringbuf_output',
  },
  "R{reg} does not point to a readonly map'": {
    class: 'helper_argument',
    why: (c) => `argument ${c.regno} of ${c.helper} must be a constant string in read-only data`,
    help: 'declare the string as static const char fmt[] = "...";',
  },
  "R{reg} is not a constant address'": {
    class: 'helper_argument',
    why: (c) => `argument ${c.regno} of ${c.helper} must be a constant string, not one chosen at run time`,
    help: 'call the helper with each string in a branch of its own',
  },
  'no direct value access support for this map type': {
    class: 'map_access',
    why: (c) => `the address of a value of ${mapName(c)} is not known before the program runs`,
    help: 'only global variables and arrays with one entry have such an address: look the value up with bpf_map_lookup_elem',
  },
  'direct value access on string failed': {
    class: 'helper_argument',
    why: 'the string lies in an array with several entries',
    help: 'declare the string as static const char fmt[] = "...";',
  },
  'string is not zero-terminated': {
    class: 'helper_argument',
    why: 'there is no 0 byte behind the string',
    help: 'declare the array without a size: static const char fmt[] = "...";',
  },
  'Invalid format string': {
    class: 'helper_argument',
    why: 'the format has a conversion that does not exist, or more of them than there are arguments',
    help: 'check the conversions: %d %u %x %llu %s %p... and one element of the argument array for each',
  },
  'R5 size of the arguments is {size}, not a multiple of 8': {
    class: 'helper_argument',
    why: (c) => `${c.helper} takes an array of __u64; its size is ${c.part('size')}`,
    help: 'declare the arguments as __u64 args[] and pass sizeof(args)',
  },
  "get_local_storage() doesn't support non-zero flags": {
    class: 'helper_argument',
    why: 'the second argument of bpf_get_local_storage is not 0',
    help: 'pass 0',
  },
  'helper access to the packet is not allowed': {
    class: 'helper_argument',
    why: (c) => `${c.helper || 'this helper'} takes no packet pointers in ${c.progType} programs`,
    help: 'copy the bytes to a local variable first and pass its address',
  },
  'invalid arg_type for sockmap/sockhash': {
    class: 'map_access',
    why: (c) => `${c.helper || 'the helper'} can not be used with a map of sockets like this`,
    help: 'use bpf_sock_map_update, bpf_sk_redirect_map or a plain lookup',
  },
  'cannot pass map_type {map} into func {helper}': {
    class: 'map_access',
    why: (c) =>
      `${c.part('helper').replace(/#.*/, '')} does not work on ${mapName(c)}, a map of type ${mapTypeById(Number(c.part('map')))?.name ?? c.part('map')}`,
    help: 'use the helper made for this type (bpf_tail_call for PROG_ARRAY, bpf_redirect_map for DEVMAP, bpf_perf_event_output for PERF_EVENT_ARRAY, ...), or another map type',
  },
  'write into map forbidden': {
    class: 'read_only',
    why: (c) => `${mapName(c)} may not be changed by programs`,
    help: 'create the map without BPF_F_RDONLY_PROG, or update it from user space',
  },
  'expected prog array map for tail call': {
    class: 'map_access',
    why: (c) => `bpf_tail_call needs a map of type PROG_ARRAY, which ${mapName(c)} is not`,
    help: 'declare the map with __uint(type, BPF_MAP_TYPE_PROG_ARRAY)',
  },
  'R{reg} must have zero offset when passed to release func or trusted arg to kfunc': {
    class: 'reference',
    why: (c) => `${regName(c)} was moved by ${c.off} bytes since it was taken`,
    help: 'release with the pointer exactly as it was returned',
  },
  'R{reg} must be referenced when passed to release function': {
    class: 'reference',
    why: (c) => `${regName(c)} is given back, but it was never taken by this program (or already given back)`,
    help: 'release only what a lookup or reserve helper returned, once on each path; ctx->sk is not released',
  },
  'more than one arg with ref_obj_id R{reg} {id} {other}': {
    class: 'reference',
    why: 'two arguments of one call hold references',
    help: 'pass one of them at a time',
  },
  'release of a reference nobody holds': {
    class: 'reference',
    why: 'this reference was already given back on this path',
    help: 'release each reference once on each path',
  },
  '{what} would lead to reference leak': {
    class: 'leak',
    why: (c) => `${heldBy(c.taker)} ${leaving(c)}`,
    help: (c) => releaseHelp(c.taker),
    held: ['ref'],
  },
  'Unreleased reference id={id} alloc_insn={alloc}': {
    class: 'leak',
    why: 'a reference is still held',
    help: 'give it back on every path',
    held: ['ref'],
  },
  "R{reg} doesn't have constant offset. {field} has to be at the constant offset": {
    class: 'lock',
    why: (c) => `where the ${c.part('field')} lies in the value is only known at run time`,
    help: 'pass the address of a field of the value: &value->lock, no element of an array',
  },
  "map '{map}' has to have BTF in order to use {field}": {
    class: 'map_access',
    why: (c) => `no BTF says where the values of map '${c.part('map')}' have their ${c.part('field')}`,
    help: 'declare the map with __type(value, ...) in section .maps, and compile with -g',
  },
  "map '{map}' has no valid {field}": {
    class: 'map_access',
    why: (c) => `the values of map '${c.part('map')}' have no field struct ${c.part('field')} that BTF shows`,
    help: (c) =>
      `put a struct ${c.part('field')} (and no second one) into the value struct that the map is declared with`,
  },
  "off {off} doesn't point to 'struct {field}' that is at {at}": {
    class: 'map_access',
    why: (c) =>
      `the ${c.part('field')} is at byte ${c.part('at')} of the value, the argument points to byte ${c.part('off')}`,
    help: (c) => `pass the address of the field of type struct ${c.part('field')}`,
  },
  'R{reg} has no valid kptr': {
    class: 'map_access',
    why: (c) => `the values of ${mapName(c)} have no pointer that BTF shows as __kptr`,
    help: 'declare the field as `struct foo __kptr *p;` in the value struct of the map, and compile with -g',
  },
  "off={off} doesn't point to kptr": {
    class: 'map_access',
    why: (c) => `at byte ${c.part('off')} of the value there is no pointer of kind __kptr`,
    help: 'pass the address of the field: &value->p',
  },
  "off={off} kptr isn't referenced kptr": {
    class: 'map_access',
    why: (c) => `the pointer at byte ${c.part('off')} of the value owns nothing: it is __kptr_untrusted`,
    help: 'declare it as __kptr, or store to it plainly',
  },
  '{field} cannot be accessed indirectly by helper': {
    class: 'map_access',
    why: (c) => `${c.helper} would touch a ${c.part('field')} of the value`,
    help: 'pass the address of memory that holds no such field; lookups give the value itself',
  },
  '{field} access cannot have variable offset': {
    class: 'map_access',
    why: (c) => `${c.verb} a value that holds a ${c.part('field')}, at an offset that is only known at run time`,
    help: 'keep arrays that are indexed away from such fields, or mask the index so that it can not reach them',
  },
  '{field} access misaligned expected={at} off={off}': {
    class: 'map_access',
    why: (c) => `part of the ${c.part('field')} at byte ${c.part('at')} of the value is touched`,
    help: 'read or write the whole pointer, 8 bytes',
  },
  '{field} access size must be BPF_DW': {
    class: 'map_access',
    why: (c) => `${c.size} bytes of a ${c.part('field')} are touched`,
    help: 'read or write the whole pointer, 8 bytes',
  },
  'kptr in map can only be accessed using BPF_MEM instruction mode': {
    class: 'map_access',
    why: 'an atomic instruction touches a pointer in a map value',
    help: 'use bpf_kptr_xchg, or plain loads and stores',
  },
  'store to referenced kptr disallowed': {
    class: 'map_access',
    why: 'the pointer in the value owns what it points to: a plain store would lose that',
    help: 'use bpf_kptr_xchg, and release what it returns',
  },
  'store to uptr disallowed': {
    class: 'read_only',
    why: 'a pointer to memory of user space is set from user space only',
    help: 'update the map from user space',
  },
  'BPF_ST imm must be 0 when storing to kptr at off={off}': {
    class: 'type_mismatch',
    why: 'a number is stored where the value holds a pointer',
    help: 'store NULL or a pointer of the right type',
  },
  'invalid kptr access, R{reg} type={type} expected={kinds}': {
    class: 'type_mismatch',
    why: (c) => `the field holds ${c.part('kinds')}, and ${regName(c)} holds ${c.holds}`,
    help: 'store a pointer of the very type the field is declared with, as it was got (no offset), after a NULL test',
  },
  'Possibly NULL pointer passed to helper arg{reg}': {
    class: 'null_dereference',
    why: (c) => `${regName(c)} may be NULL, and the call takes over what it owns`,
    help: 'test the pointer before the call, or pass NULL itself',
  },
  "timer pointer in R1 map_uid={timer} doesn't match map pointer in R2 map_uid={map}": {
    class: 'helper_argument',
    why: 'the timer is in a value of another map than the one that is passed (or the map came from another lookup)',
    help: 'pass the map that the value with the timer was looked up in',
  },
  'The sequence of {count} jumps is too complex for async cb.': {
    class: 'limits',
    why: (c) => `${c.part('count')} paths wait to be explored`,
    help: 'hand fewer functions to timers',
  },
  'tracing progs cannot use bpf_{list_head,rb_root} yet': noField('tracing', ELSEWHERE),
  'socket filter progs cannot use bpf_spin_lock yet': noField('socket filter'),
  "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!": {
    class: 'helper_unavailable',
    why: 'the hook returns nothing that could be changed',
    help: 'leave the call out, and return 1',
  },
  'tracing progs cannot use bpf_spin_lock yet': noField('tracing'),
  'tracing progs cannot use bpf_timer yet': noField('tracing', ELSEWHERE),
  'tracing progs cannot use bpf_wq yet': noField('tracing', ELSEWHERE),
} as const satisfies Rows;
