// Programs with arenas, as text, with what Linux 6.18 says of them. `kcall NAME` is a call by the id that NAME has in the
// given types; maps are named: see MAPS.

import { asm } from '../src/isa/asm.ts';
import type { KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_FLAGS as F, BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import type { MapDef, ProgramInput } from '../src/verifier/verified.ts';

export interface Row {
  readonly what: string;
  readonly text: string;
  /** null = accepted. */
  readonly message: string | null;
  /** Default SYSCALL, which may sleep. */
  readonly type?: number;
  readonly flags?: number;
  /** The loader lacks CAP_PERFMON. */
  readonly limited?: true;
  /** Not to be tried on Linux 6.18, which has gone down over arguments that are not the map it wants. */
  readonly alone?: true;
  /** What Linux says where beewasm knowingly differs; null = accepts. */
  readonly linux?: string | null;
}

const ARENA: MapDef = {
  name: 'arena',
  type: 33,
  keySize: 0,
  valueSize: 0,
  maxEntries: 4,
  flags: F.BPF_F_MMAPABLE,
  userStart: 1n << 44n,
};

const MAPS: Readonly<Record<string, MapDef>> = {
  arena: ARENA,
  other: { ...ARENA, name: 'other' },
  nowhere: { ...ARENA, name: 'nowhere', userStart: undefined },
  plain: { ...ARENA, name: 'plain', flags: F.BPF_F_MMAPABLE | F.BPF_F_NO_USER_CONV },
  hash: { name: 'hash', type: 1, keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 },
};

/** Puts the ids of `types` in. */
export function inputOf({ text, type, flags }: Row, types: KernelTypes): ProgramInput {
  const { insns, relocs } = asm(text.replace(/kcall (\w+)/g, (_, name) => `call ${name}#${types.funcId(name) ?? -1}`));
  const names = [...new Set(relocs.map((r) => r.map))];
  return {
    name: 't',
    type: type ?? T.BPF_PROG_TYPE_SYSCALL,
    expectedAttachType: 0,
    flags: flags ?? (type === undefined ? 16 : 0),
    license: 'GPL',
    insns,
    maps: names.map((name) => MAPS[name]),
    mapRefs: new Map(relocs.map(({ insn, map, kind, off }) => [insn, { map: names.indexOf(map), kind, off }])),
  };
}

const END = 'r0 = 0\nexit';
/** r6 = a pointer into the arena, r7 the number it was made of; r1 = the arena. */
const POINTER = 'r7 = 4096\nr1 = map arena\nr6 = addr_space_cast(r7, 0, 1)';
const with6 = (text: string) => `${POINTER}\n${text}\n${END}`;
/** The first time r6 is a pointer into the arena, the second time `other`. */
const either = (other: string, text: string) =>
  `r8 = *(u32 *)(r1 + 0)\n${POINTER}\nif r8 == 0 goto use\n${other}\nuse:\n${text}\n${END}`;
const CTX = { type: T.BPF_PROG_TYPE_SCHED_CLS } as const;

const TO = 'addr_space_cast insn can only convert between address space 1 and 0';
const NO_ARENA = 'addr_space_cast insn can only be used in a program that has an associated arena';
const NOT_ATOMIC = 'BPF_ATOMIC stores into R6 arena is not allowed';

export const ROWS: readonly Row[] = [
  { what: 'a cast to a pointer', text: with6('r0 = *(u64 *)(r6 + 0)'), message: null },
  { what: '... and back', text: with6('r6 = addr_space_cast(r6, 1, 0)\nr6 += 8'), message: null },
  {
    what: '... the address of user space is a number',
    text: with6('r6 = addr_space_cast(r6, 1, 0)\nr0 = *(u64 *)(r6 + 0)'),
    message: "R6 invalid mem access 'scalar'",
  },
  {
    what: '... a pointer from a pointer',
    text: with6('r6 = addr_space_cast(r6, 0, 1)\n*(u8 *)(r6 + 3) = 1'),
    message: null,
  },
  {
    what: '... of the stack pointer',
    text: with6('r6 = addr_space_cast(r10, 0, 1)\n*(u8 *)(r6 + 3) = 1'),
    message: null,
  },
  {
    what: '... of the context to a number',
    text: `r6 = addr_space_cast(r1, 1, 0)\nr1 = map arena\n${END}`,
    message: null,
  },
  {
    what: '... into the frame pointer',
    text: with6('r10 = addr_space_cast(r6, 0, 1)'),
    message: 'frame pointer is read only',
  },
  { what: '... of nothing', text: with6('r6 = addr_space_cast(r8, 0, 1)'), message: 'R8 !read_ok' },
  { what: '... from 0 to 0', text: with6('r6 = addr_space_cast(r7, 0, 0)'), message: TO },
  { what: '... from 1 to 1', text: with6('r6 = addr_space_cast(r7, 1, 1)'), message: TO },
  { what: '... from 2 to 0', text: with6('r6 = addr_space_cast(r7, 0, 2)'), message: TO },
  { what: 'a cast without an arena', text: `r7 = 0\nr6 = addr_space_cast(r7, 0, 1)\n${END}`, message: NO_ARENA },
  {
    what: '... with another map',
    text: `r7 = 0\nr1 = map hash\nr6 = addr_space_cast(r7, 1, 0)\n${END}`,
    message: NO_ARENA,
  },
  {
    what: '... the arena comes after it',
    text: `r7 = 0\nr6 = addr_space_cast(r7, 0, 1)\nr1 = map arena\n${END}`,
    message: null,
  },
  { what: '... both wrong', text: `r7 = 0\nr6 = addr_space_cast(r7, 0, 3)\n${END}`, message: TO },
  { what: 'two arenas', text: `r1 = map arena\nr1 = map other\n${END}`, message: 'Only one arena per program' },
  { what: '... one of them twice', text: `r1 = map arena\nr1 = map arena\n${END}`, message: null },
  { what: '... by value', text: `r1 = map arena\nr1 = value other + 8\n${END}`, message: 'Only one arena per program' },
  {
    what: 'an arena without an address',
    text: `r1 = map nowhere\n${END}`,
    message: "arena's user address must be set via map_extra or mmap()",
  },
  {
    what: '... that is the second one',
    text: `r1 = map arena\nr1 = map nowhere\n${END}`,
    message: 'Only one arena per program',
  },
  {
    what: 'a loader without CAP_PERFMON',
    text: `r1 = map arena\n${END}`,
    ...CTX,
    limited: true,
    message: 'CAP_BPF and CAP_PERFMON are required to use arena',
  },
  { what: 'a program that does not sleep', text: with6('r0 = *(u64 *)(r6 + 0)'), ...CTX, message: null },

  {
    what: 'the address of a variable is a number',
    text: `r1 = value arena + 16\nr0 = *(u64 *)(r1 + 0)\n${END}`,
    message: "R1 invalid mem access 'scalar'",
  },
  {
    what: '... with a cast a pointer',
    text: `r1 = value arena + 16\nr1 = addr_space_cast(r1, 0, 1)\nr0 = *(u64 *)(r1 + 0)\n${END}`,
    message: null,
  },
  { what: '... at its end', text: `r1 = value arena + 16384\n${END}`, message: null },
  {
    what: '... behind it',
    text: `r1 = value arena + 16385\n${END}`,
    message: 'invalid access to map value pointer, value_size=0 off=16385',
  },
  {
    what: '... far behind it',
    text: `r1 = value arena + 0x20000000\n${END}`,
    message: 'direct value offset of 536870912 is not allowed',
  },

  {
    what: 'loads of every size',
    text: with6('r0 = *(u8 *)(r6 + 1)\nr0 = *(u16 *)(r6 + 1)\nr0 = *(u32 *)(r6 - 3)\nr0 = *(u64 *)(r6 + 32767)'),
    message: null,
  },
  {
    what: 'sign-extending loads',
    text: with6('r0 = *(s8 *)(r6 + 1)\nr0 = *(s16 *)(r6 + 1)\nr0 = *(s32 *)(r6 - 3)'),
    message: null,
  },
  {
    what: 'what was loaded is a number',
    text: with6('r2 = *(u64 *)(r6 + 0)\nr0 = *(u64 *)(r2 + 0)'),
    message: "R2 invalid mem access 'scalar'",
  },
  {
    what: '... of its size',
    text: with6('r2 = *(u8 *)(r6 + 0)\nr3 = r10\nr3 += -256\nr3 += r2\n*(u8 *)(r3 + 0) = 1'),
    message: null,
  },
  {
    what: 'stores of every size',
    text: with6('*(u8 *)(r6 + 1) = r7\n*(u16 *)(r6 + 1) = 2\n*(u32 *)(r6 - 3) = r7\n*(u64 *)(r6 + 32767) = -1'),
    message: null,
  },
  { what: 'a stored address', text: with6('*(u64 *)(r6 + 0) = r10'), message: null },
  { what: 'any alignment, also when it is asked for', text: with6('r0 = *(u64 *)(r6 + 1)'), flags: 17, message: null },
  {
    what: 'atomics',
    text: with6(
      'lock *(u64 *)(r6 + 0) += r7\nlock *(u32 *)(r6 + 4) |= r7\nlock *(u64 *)(r6 + 0) &= r7\nlock *(u32 *)(r6 + 0) ^= r7\nr7 = atomic64_fetch_add((u64 *)(r6 + 0), r7)\nr7 = atomic64_xchg((u64 *)(r6 + 1), r7)\nr0 = 0\nr0 = atomic_cmpxchg((u32 *)(r6 + 0), r0, r7)',
    ),
    message: null,
  },
  { what: '... fetch_and', text: with6('r7 = atomic_fetch_and((u32 *)(r6 + 0), r7)'), message: NOT_ATOMIC },
  { what: '... fetch_or', text: with6('r7 = atomic64_fetch_or((u64 *)(r6 + 0), r7)'), message: NOT_ATOMIC },
  { what: '... fetch_xor', text: with6('r7 = atomic64_fetch_xor((u64 *)(r6 + 0), r7)'), message: NOT_ATOMIC },
  {
    what: '... whose result is the pointer',
    text: with6('r6 = atomic64_fetch_add((u64 *)(r6 + 0), r6)'),
    message: 'misaligned access off (0x0; 0xffffffffffffffff)+0+0 size 8',
  },
  {
    what: 'load-acquire and store-release',
    text: with6(
      'r0 = load_acquire((u8 *)(r6 + 1))\nr0 = load_acquire((u64 *)(r6 + 0))\nstore_release((u16 *)(r6 + 1), r7)\nstore_release((u64 *)(r6 + 0), r7)',
    ),
    message: null,
  },
  { what: 'load-acquire into the pointer', text: with6('r6 = load_acquire((u64 *)(r6 + 0))'), message: null },

  ...['+=', '-=', '*=', '/=', '%=', 's/=', 's%=', '|=', '&=', '^=', '<<=', '>>=', 's>>='].map((op) => ({
    what: `arithmetic: ${op}`,
    text: with6(`r6 ${op} r7\nr6 ${op} 3\nw6 ${op} w7\nr0 = *(u8 *)(r6 + 0)`),
    message: null,
  })),
  { what: 'arithmetic: by zero', text: with6('r6 /= 0'), message: 'div by zero' },
  { what: '... a shift too far', text: with6('r6 <<= 64'), message: 'invalid shift 64' },
  { what: '... 32 bits and further', text: with6('r6 <<= 40'), message: null },
  {
    what: '... negated, a number',
    text: with6('r6 = -r6\nr0 = *(u8 *)(r6 + 0)'),
    message: "R6 invalid mem access 'scalar'",
  },
  {
    what: '... swapped, a number',
    text: with6('r6 = bswap32 r6\nr0 = *(u8 *)(r6 + 0)'),
    message: "R6 invalid mem access 'scalar'",
  },
  {
    what: '... half of it, a number',
    text: with6('w6 = w6\nr0 = *(u8 *)(r6 + 0)'),
    message: "R6 invalid mem access 'scalar'",
  },
  {
    what: '... sign-extended, a number',
    text: with6('r6 = (s32)r6\nr0 = *(u8 *)(r6 + 0)'),
    message: "R6 invalid mem access 'scalar'",
  },
  { what: 'a number plus a pointer is a pointer', text: with6('r7 += r6\nr0 = *(u8 *)(r7 + 0)'), message: null },
  { what: '... minus', text: with6('r7 -= r6\nr0 = *(u8 *)(r7 + 0)'), message: null },
  { what: '... 32 bits of it', text: with6('w7 ^= w6\nr0 = *(u8 *)(r7 + 0)'), message: null },
  {
    what: 'a pointer to the stack plus a pointer is one into the arena',
    text: with6('r2 = r10\nr2 += r6\nr0 = *(u8 *)(r2 + 0)'),
    message: null,
  },
  { what: 'a pointer plus a pointer to the stack', text: with6('r6 += r10\nr0 = *(u8 *)(r6 + 0)'), message: null },
  { what: 'the frame pointer plus a pointer', text: with6('r10 += r6'), message: 'frame pointer is read only' },
  {
    what: 'comparisons',
    text: with6(
      'if r6 == 0 goto +1\nr7 += 1\nif r6 > r7 goto +1\nr7 += 1\nif r6 == r6 goto +1\nr7 += 1\nif w6 & 4 goto +1\nr7 += 1\nr0 = *(u8 *)(r6 + 0)',
    ),
    message: null,
  },
  {
    what: '... with NULL prove nothing',
    text: with6('if r6 != 0 goto +1\nr7 = r6\nr0 = *(u8 *)(r7 + 0)'),
    message: "R7 invalid mem access 'scalar'",
  },
  {
    what: 'on the stack',
    text: with6('*(u64 *)(r10 - 8) = r6\nr2 = *(u64 *)(r10 - 8)\nr0 = *(u8 *)(r2 + 0)'),
    message: null,
  },
  {
    what: '... half of it',
    text: with6('*(u64 *)(r10 - 8) = r6\nr2 = *(u32 *)(r10 - 8)'),
    message: 'invalid size of register fill',
  },
  { what: '... a copy of 4 bytes', text: with6('*(u32 *)(r10 - 8) = r6'), message: 'invalid size of register spill' },
  {
    what: 'handed to a function and back',
    text: `${POINTER}\nr1 = r6\ncall f\nr0 = *(u8 *)(r0 + 0)\n${END}\nf:\nr0 = r1\nr0 += 8\nexit`,
    message: null,
  },
  { what: 'returned', text: `${POINTER}\nr0 = r6\nexit`, message: null },
  { what: '... by tc', text: `${POINTER}\nr0 = r6\nexit`, ...CTX, message: null },
  {
    what: '... by cgroup_skb',
    text: `${POINTER}\nr0 = r6\nexit`,
    type: T.BPF_PROG_TYPE_CGROUP_SKB,
    message: 'At program exit the register R0 is not a known value (arena)',
  },

  {
    what: 'memory for a helper',
    text: with6('r1 = r6\nr2 = 8\nr3 = 0\ncall bpf_probe_read_kernel'),
    message: 'R1 type=arena expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  },
  {
    what: 'a number for a helper',
    text: with6('r1 = r10\nr1 += -8\nr2 = 8\nr3 = r6\ncall bpf_probe_read_kernel'),
    message: null,
  },
  {
    what: 'a key',
    text: with6('r1 = map hash\nr2 = r6\ncall bpf_map_lookup_elem'),
    message: 'R2 type=arena expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  },
  {
    what: 'an arena has no elements',
    text: with6('r1 = map arena\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem'),
    message: 'invalid zero-sized read',
  },
  {
    what: 'a size',
    text: with6('r1 = r10\nr1 += -8\nr2 = r6\nr3 = 0\ncall bpf_probe_read_kernel'),
    message: 'R2 type=arena expected=scalar',
  },

  {
    what: 'pages',
    text: `r1 = map arena\nr2 = 0\nr3 = 1\nr4 = -1\nr5 = 0\nkcall bpf_arena_alloc_pages\nr6 = addr_space_cast(r0, 0, 1)\n*(u64 *)(r6 + 0) = 1\nr1 = map arena\nr2 = r0\nr3 = 1\nkcall bpf_arena_reserve_pages\nr1 = map arena\nr2 = r6\nr3 = 1\nkcall bpf_arena_free_pages\n${END}`,
    message: null,
  },
  {
    what: '... are numbers without a cast',
    text: `r1 = map arena\nr2 = 0\nr3 = 1\nr4 = -1\nr5 = 0\nkcall bpf_arena_alloc_pages\n*(u64 *)(r0 + 0) = 1\n${END}`,
    message: "R0 invalid mem access 'scalar'",
  },
  {
    what: '... anywhere',
    text: `r1 = map arena\nr2 = r10\nr3 = 1\nr4 = -1\nr5 = 0\nkcall bpf_arena_alloc_pages\n${END}`,
    message: null,
  },
  {
    what: '... where nothing was written',
    text: `r1 = map arena\nr3 = 1\nkcall bpf_arena_free_pages\n${END}`,
    message: null,
  },
  {
    what: '... as many as a pointer says',
    text: with6('r2 = 0\nr3 = r6\nr1 = map arena\nkcall bpf_arena_free_pages'),
    message: 'R3 is not a scalar',
  },
  {
    what: '... for nobody',
    text: with6('r1 = 0\nr2 = 0\nr3 = 1\nkcall bpf_arena_free_pages'),
    alone: true,
    message: 'Possibly NULL pointer passed to trusted arg0',
  },
  {
    what: '... of no map',
    text: with6('r1 = r10\nr2 = 0\nr3 = 1\nkcall bpf_arena_free_pages'),
    alone: true,
    message: "pointer in R1 isn't map pointer",
  },
  {
    what: '... in a program that does not sleep',
    text: with6('r2 = 0\nr3 = 1\nkcall bpf_arena_free_pages'),
    ...CTX,
    message: 'program must be sleepable to call sleepable kfunc bpf_arena_free_pages',
  },
  {
    what: '... under RCU',
    text: with6(
      'kcall bpf_rcu_read_lock\nr1 = map arena\nr2 = 0\nr3 = 1\nkcall bpf_arena_free_pages\nkcall bpf_rcu_read_unlock',
    ),
    message: 'kernel func bpf_arena_free_pages is sleepable within rcu_read_lock region',
  },

  {
    what: 'one instruction, arena and stack',
    text: either('r6 = r10\nr6 += -8', 'r0 = *(u64 *)(r6 + 0)'),
    message: 'same insn cannot be used with different pointers',
  },
  {
    what: '... that stores',
    text: either('r6 = r10\nr6 += -8', '*(u64 *)(r6 + 0) = 1'),
    message: 'same insn cannot be used with different pointers',
  },
  {
    what: '... that loads and acquires',
    text: either('r6 = r10\nr6 += -8', 'r0 = load_acquire((u64 *)(r6 + 0))'),
    message: 'same insn cannot be used with different pointers',
  },
  {
    what: '... that releases',
    text: either('r6 = r10\nr6 += -8', 'store_release((u64 *)(r6 + 0), r7)'),
    message: 'same insn cannot be used with different pointers',
  },
  {
    what: '... that adds',
    text: either('r6 = r10\nr6 += -8\n*(u64 *)(r6 + 0) = 1', 'lock *(u64 *)(r6 + 0) += r7'),
    message: 'same insn cannot be used with different pointers',
    linux: null,
  },
  {
    what: '... the other way round',
    text: `r8 = *(u32 *)(r1 + 0)\nr1 = map arena\nr7 = 0\nr6 = r10\nr6 += -8\n*(u64 *)(r6 + 0) = 1\nif r8 == 0 goto use\nr6 = addr_space_cast(r7, 0, 1)\nuse:\nlock *(u64 *)(r6 + 0) += r7\n${END}`,
    message: 'same insn cannot be used with different pointers',
    linux: null,
  },
  { what: 'one instruction, arena and number', text: either('r6 = 0', 'r6 += 8\nr7 += r6'), message: null },
  {
    what: 'paths that differ in a pointer only',
    text: `r8 = *(u32 *)(r1 + 0)\n${POINTER}\nif r8 == 0 goto +1\nr6 += 4096\nr6 *= r8\nr0 = *(u64 *)(r6 + 0)\n${END}`,
    message: null,
  },
  {
    what: '... or in whether it is one',
    text: `r8 = *(u32 *)(r1 + 0)\n${POINTER}\nif r8 == 0 goto +1\nr6 = 0\nif r8 == 0 goto +1\nr6 = r10\nr0 = *(u8 *)(r6 - 8)\n${END}`,
    message: 'same insn cannot be used with different pointers',
  },
  {
    what: 'a loop over the arena',
    text: `r1 = map arena\nr7 = value arena + 0\nr8 = 0\nloop:\nr6 = addr_space_cast(r7, 0, 1)\nr7 = *(u64 *)(r6 + 0)\nmay_goto out\nif r7 != 0 goto loop\nout:\n${END}`,
    message: null,
  },
  {
    what: 'no casts are wanted',
    text: `r7 = 4096\nr1 = map plain\nr6 = addr_space_cast(r7, 0, 1)\nr6 = addr_space_cast(r6, 1, 0)\n${END}`,
    message: null,
  },
];
