// Messages about loads, stores and the memory that helpers use: packet, map values, stack, context, sockets.

import { amount, bytes, type Case, ctxName, type MessageRow, mapName, maskBelow, type Rows, regName } from './row.ts';

/** Packets are followed up to here (MAX_PACKET_OFF). */
const PACKET_MAX = 0xffff;

const START: Readonly<Record<string, readonly [start: string, end: string]>> = {
  pkt: ['data', 'data_end'],
  pkt_meta: ['data_meta', 'data'],
};

function packetWhy(c: Case): string {
  const off = c.num('off');
  const size = c.num('size');
  const limit = c.num('range');
  const [start, end] = START[c.kind] ?? START.pkt;
  if (c.part('off') === '') {
    return `this branch is taken where the packet is too short: behind ${regName(c)} there is nothing`;
  }
  if (off < 0) return `${c.verb} ${amount(-off)} in front of where the packet is known to start`;
  if (Math.max(off + size, c.off) > PACKET_MAX)
    return `${c.verb} ${bytes(off, size)} of the packet, which is only followed up to byte ${PACKET_MAX}`;
  const fixed = c.umax === 0n;
  const what = fixed
    ? `${c.verb} ${bytes(off, size)} of the packet`
    : `${c.verb} ${size} byte${size === 1 ? '' : 's'} at ${start} + ${off} + (${c.range})`;
  if (limit > 0)
    return `${what}, but only ${fixed ? bytes(0, limit) : `${limit} bytes behind the variable part`} are proven to exist`;
  return fixed
    ? `${what}, but no comparison with ${end} on this path proves that the packet is that long`
    : `${what}: no comparison with ${end} since the pointer was moved`;
}

function packetHelp(c: Case): string {
  const [start, end] = START[c.kind] ?? START.pkt;
  const need = c.num('off') + c.num('size');
  if (c.part('off') === '') {
    return 'access the packet only in the branch where the comparison with data_end says that it is long enough';
  }
  if (c.num('off') < 0)
    return `the packet starts at ${start}: read behind it, and keep the pointer to the header before in its own variable`;
  if (Math.max(need, c.off) > PACKET_MAX)
    return 'give the loop a constant bound, too: for (int i = 0; i < 1500; i++) { if (pos + 1 > data_end) break; ... }';
  if (c.umax === 0n) {
    return `prove it first, on every path to here: if (${start} + ${need} > ${end}) return ...; and access the packet through the very pointer that was compared`;
  }
  return `compare after the pointer was moved, right before the access: if ((void *)(header + 1) > ${end}) return ...; and access the packet through that very pointer`;
}

const PACKET: MessageRow = { class: 'out_of_bounds', why: packetWhy, help: packetHelp };

function region(c: Case): string {
  return c.part('limit') === ''
    ? 'the memory'
    : `${c.kind.startsWith('map_value') ? `the value of ${mapName(c)}` : 'the memory'}, which has ${amount(c.num('limit'))}`;
}

/** Why and how a region of known size is missed: `end` says at which end of the register's range. */
function outside(end: 'min' | 'max'): MessageRow {
  return {
    class: 'out_of_bounds',
    why: (c) => {
      const off = c.num('off');
      const size = c.num('size');
      if (off < 0) return `${c.verb} memory that starts ${amount(-off)} in front of ${region(c)}`;
      const reach = end === 'max' ? `the offset can be as large as ${c.umax}: ` : '';
      return `${reach}${c.verb} ${bytes(off, size)} of ${region(c)}`;
    },
    help: (c) => {
      const room = c.num('limit') - c.num('size');
      if (c.num('off') < 0)
        return 'make the index unsigned (__u32, __u64), or check that it is not negative: if (i < 0) return 0;';
      if (room < 0 && c.smin === 0n && c.umax === 0n) {
        const grow = c.map === null ? 'the memory' : `the value type of ${mapName(c)}`;
        return `${grow} must be at least as large as what is accessed: the type that is read here is not the one that is stored there`;
      }
      if (end === 'min')
        return `stay inside: the access may start at byte ${Math.max(room, 0)} at most; check the type the pointer is cast to`;
      // In elements of the accessed size, behind what is fixed of the offset.
      const size = Math.max(c.num('size'), 1);
      const count = Math.floor((room - (c.num('off') - Number(c.umax))) / size) + 1;
      if (count < 1)
        return `the access may start at byte ${Math.max(room, 0)} at most; check the type the pointer is cast to`;
      return (
        `bound the index right before the access, in the same variable: if (i >= ${count}) return 0; ` +
        `or i &= ${maskBelow(count - 1)}; (elements of ${size} byte${size === 1 ? '' : 's'})`
      );
    },
  };
}

const NEGATIVE: MessageRow = {
  class: 'out_of_bounds',
  why: (c) =>
    `the offset of ${regName(c)} may be negative (as low as ${c.smin}): the access would be in front of the memory`,
  help: 'make the index unsigned (__u32, __u64), or check it first: if (i < 0 || i >= N) return 0;',
};

const UNBOUNDED: MessageRow = {
  class: 'out_of_bounds',
  why: (c) => `nothing on this path limits the offset of ${regName(c)}: it may be as large as ${c.umax}`,
  help: 'bound the variable right before the access: if (i >= N) return 0; or i &= N - 1; with a constant N (a power of two for the mask)',
};

/** Structures of the kernel have their name behind it. */
function orNull(kind: string): boolean {
  return /_or_null_?$/.test(kind);
}

/** 'scalar' -> what a number where a pointer should be usually means. */
function badPointerHelp(c: Case): string {
  switch (c.kind) {
    case 'scalar':
      if (c.smin === 0n && c.umax === 0n)
        return 'it is NULL on this path: test it before the first use: if (!ptr) return 0;';
      return 'use a pointer the verifier knows: from the context, a map lookup or the stack. After a helper that may move the packet, load data and data_end again from the context; kernel memory is read with bpf_probe_read_kernel';
    case 'pkt_end':
      return 'data_end is only there to be compared with: read through the pointer that came from data';
    case 'map_ptr':
      return 'this is the map, not a value of it: get a value with bpf_map_lookup_elem(&map, &key)';
    case 'ptr_':
    case 'trusted_ptr_':
      return 'read kernel structures with bpf_core_read() or bpf_probe_read_kernel()';
    default:
      return orNull(c.kind)
        ? 'test it before the first use: if (!ptr) return 0; (an array lookup with a valid index needs the test, too)'
        : 'such a pointer can only be handed to helpers';
  }
}

const STACK_OUTSIDE: MessageRow = {
  class: 'out_of_bounds',
  why: (c) => `${c.verb} ${amount(c.num('size'))} at fp${c.num('off')}: a function's stack is fp-512 up to fp`,
  help: (c) =>
    c.helper === ''
      ? 'check the index into the local array; large local variables belong into a map (per-CPU array with one entry)'
      : `${c.helper} uses more bytes than the variable has: check the map's key_size or value_size, or the size argument (sizeof)`,
};

const STACK_VARIABLE: MessageRow = {
  class: 'out_of_bounds',
  why: (c) => `the index moves the pointer by ${c.range} bytes: that can leave the local array and the stack`,
  help: 'bound the index right before: if (i >= ARRAY_SIZE) return 0; or i &= ARRAY_SIZE - 1;',
};

const INITIALISE =
  'initialise the whole variable: struct key key = {}; or __builtin_memset(&key, 0, sizeof(key)); before its fields are set';

const STACK_UNWRITTEN: MessageRow = {
  class: 'uninitialized',
  why: (c) =>
    `${c.num('size')} bytes of stack are read, but byte ${c.num('i')} of them ${c.past === 'there' ? 'is part of an object that only calls may touch' : 'was never written on this path (padding counts, too)'}`,
  object: 'named',
  help: (c) =>
    c.past === 'there'
      ? 'read what a dynptr points to with bpf_dynptr_read or bpf_dynptr_data; do not copy or store the object itself'
      : INITIALISE,
};

const MISALIGNED: MessageRow = {
  class: 'misaligned',
  why: (c) => `${c.verb} ${c.num('size')} bytes at an address that is no multiple of ${c.num('size')}`,
  help: 'align the variable or the struct (no __attribute__((packed)) for it), or access it byte by byte',
};

function notWritable(what: string, help: string): MessageRow {
  return { class: 'read_only', why: what, help };
}

const UNMODIFIED_CTX =
  'access its fields with a constant offset through the pointer the program got: ctx->field. Keep the compiler from computing field addresses (no &ctx->field, no array index in the context)';

export const MEMORY_ROWS = {
  'R{reg} offset is outside of the packet': PACKET,
  'invalid access to packet, off={off} size={size}, R{reg}(id={id},off={at},r={range})': PACKET,
  'R{reg} min value is outside of the allowed memory range': outside('min'),
  'R{reg} max value is outside of the allowed memory range': outside('max'),
  'invalid access to map value, value_size={limit} off={off} size={size}': outside('min'),
  'invalid access to map key, key_size={limit} off={off} size={size}': outside('min'),
  'invalid access to memory, mem_size={limit} off={off} size={size}': outside('min'),
  'invalid access to map value pointer, value_size={limit} off={off}': {
    class: 'out_of_bounds',
    why: (c) => `the address of byte ${c.part('off')} of a value that has ${c.part('limit')} bytes is taken`,
    help: 'the index into the global variable is a constant that is too large',
  },
  'R{reg} min value is negative, either use unsigned index or do a if (index >=0) check.': NEGATIVE,
  'R{reg} unbounded memory access, make sure to bounds check any such access': UNBOUNDED,
  "R{reg} invalid mem access '{type}'": {
    class: (c) => (orNull(c.part('type')) ? 'null_dereference' : 'type_mismatch'),
    why: (c) =>
      orNull(c.part('type'))
        ? `${c.verb} memory through ${regName(c)}, which may be NULL here: nothing on this path tests it`
        : `${c.verb} memory through ${regName(c)}, which holds ${c.holds}`,
    help: badPointerHelp,
  },
  'invalid bpf_context access off={off} size={size}': {
    class: 'ctx_access',
    why: (c) =>
      `${c.progType} programs may not ${c.write ? 'write' : 'read'} ${bytes(c.num('off'), c.num('size'))} of ${ctxName(c)}`,
    help: (c) =>
      c.write
        ? `most fields of ${ctxName(c)} are read-only: return a verdict or call a helper to change the packet instead`
        : `access a field of ${ctxName(c)} as a whole, in its declared size, and only fields that ${c.progType} programs have; is SEC("...") the right one?`,
  },
  'dereference of modified {type} ptr R{reg} off={off} disallowed': {
    class: 'ctx_access',
    why: (c) => `${regName(c)} was moved by ${c.part('off')} bytes; this pointer has to be used as it came`,
    help: UNMODIFIED_CTX,
  },
  'negative offset {type} ptr R{reg} off={off} disallowed': {
    class: 'ctx_access',
    why: (c) => `${regName(c)} points ${-c.num('off')} bytes in front of the object`,
    help: (c) =>
      c.part('type') === 'ctx' ? UNMODIFIED_CTX : 'pass the pointer as it came, or one to a field of what it points to',
  },
  'variable {type} access var_off={tnum} disallowed': {
    class: 'ctx_access',
    why: 'the pointer was moved by an amount that is only known at run time',
    help: UNMODIFIED_CTX,
  },
  'invalid read from stack R{reg} off={off} size={size}': STACK_OUTSIDE,
  'invalid write to stack R{reg} off={off} size={size}': STACK_OUTSIDE,
  'invalid variable-offset read from stack R{reg} var_off={tnum} off={off} size={size}': STACK_VARIABLE,
  'invalid variable-offset write to stack R{reg} var_off={tnum} off={off} size={size}': STACK_VARIABLE,
  'invalid unbounded variable-offset read from stack R{reg}': STACK_VARIABLE,
  'invalid unbounded variable-offset write to stack R{reg}': STACK_VARIABLE,
  'invalid read from stack off {off}+{i} size {size}': STACK_UNWRITTEN,
  'invalid read from stack R{reg} {where}+{i} size {size}': STACK_UNWRITTEN,
  'uninit stack in range of var-offset write prohibited for !root; var_off {tnum} off: {off}': {
    class: 'uninitialized',
    why: 'the store may hit any byte of the array, so the bytes it misses stay unwritten',
    help: 'initialise the whole array before storing at a variable index: char buf[N] = {};',
  },
  'invalid zero-sized read': {
    class: 'helper_argument',
    why: 'the helper is asked to read 0 bytes',
    help: 'pass the size of the variable: sizeof(x)',
  },
  'invalid size of register spill': {
    class: 'type_mismatch',
    why: 'only a part of a pointer is stored: pointers are stored whole, in 8 aligned bytes',
    help: 'keep pointers in variables of pointer type (or __u64), never in __u32',
  },
  'invalid size of register fill': {
    class: 'type_mismatch',
    why: 'only a part of a stored pointer is loaded',
    help: 'load the pointer as a whole, in a variable of pointer type',
  },
  'cannot spill pointers to stack into stack frame of the caller': {
    class: 'type_mismatch',
    why: "a pointer to this function's stack is stored where its caller keeps it after the function is gone",
    help: 'return values, not addresses of local variables; let the caller own the variable',
  },
  'misaligned packet access off {expr} size {size}': MISALIGNED,
  'misaligned {what}access off {expr} size {size}': MISALIGNED,
  'write into map forbidden, value_size={limit} off={off} size={size}': {
    class: 'read_only',
    why: (c) => `${mapName(c)} is read-only for programs (const data, or BPF_F_RDONLY_PROG)`,
    help: (c) =>
      c.map?.name.startsWith('.')
        ? 'take `const` away from the variable (it then lives in .data or .bss), or write to another map'
        : 'create the map without BPF_F_RDONLY_PROG, or write to another map',
  },
  'read from map forbidden, value_size={limit} off={off} size={size}': {
    class: 'map_access',
    why: (c) => `${mapName(c)} was created with BPF_F_WRONLY_PROG: programs may only write it`,
    help: 'create the map without BPF_F_WRONLY_PROG',
  },
  '{field} cannot be accessed directly by load/store': {
    class: 'map_access',
    why: (c) => `the access touches the struct ${c.part('field')} in the value, which belongs to the kernel`,
    help: 'use it only through its helpers, and copy the other fields one by one instead of the whole struct',
  },
  'cannot write into packet': notWritable(
    'programs of this type may read the packet, but not change it',
    'return a verdict instead, or change the packet in an xdp or tc program',
  ),
  'R{reg} cannot write into {kind}': {
    class: 'read_only',
    why: (c) =>
      c.part('kind').includes('sock') ? 'sockets can be read, not written' : `${c.holds} can be read, not written`,
    help: (c) =>
      c.part('kind').includes('sock')
        ? 'use bpf_setsockopt or a socket storage map (bpf_sk_storage_get) instead'
        : 'copy it to the stack or a map value and change that; of dynptrs, bpf_dynptr_slice_rdwr gives memory that may be written',
  },
  'R{reg} invalid {kind} access off={off} size={size}': {
    class: 'out_of_bounds',
    why: (c) =>
      `struct bpf_${c.part('kind')} has no field in ${bytes(c.num('off'), c.num('size'))} that programs may read`,
    help: 'read a field of the struct in its declared size; some need another view of the socket first (bpf_sk_fullsock, bpf_tcp_sock)',
  },
  'invalid access to flow keys off={off} size={size}': {
    class: 'out_of_bounds',
    why: (c) => `${bytes(c.num('off'), c.num('size'))} are not inside struct bpf_flow_keys, which has 56 bytes`,
    help: 'access the fields of struct bpf_flow_keys by name',
  },
  'R{reg} invalid tracepoint buffer access: off={off}, size={size}': {
    class: 'out_of_bounds',
    why: 'the access starts in front of the buffer',
    help: 'use offsets from 0 upwards',
  },
  'R{reg} invalid variable buffer offset: off={off}, var_off={tnum}': {
    class: 'out_of_bounds',
    why: 'the buffer of a writable tracepoint is accessed at an offset that is only known at run time',
    help: 'use constant offsets into the buffer',
  },
  'write to change key R{reg} not allowed': notWritable(
    'the callback of bpf_for_each_map_elem may not change the key it gets',
    'copy the key to a local variable and change that',
  ),
  'BPF_ATOMIC stores into R{reg} {type} is not allowed': {
    class: 'type_mismatch',
    why: (c) => `an atomic operation works on the stack and on map values, not on ${c.holds}`,
    help: 'use a plain load and store, or do the atomic operation on a map value',
  },
  'BPF_ATOMIC loads from R{reg} {type} is not allowed': {
    class: 'type_mismatch',
    why: (c) => `an atomic load works on the stack and on map values, not on ${c.holds}`,
    help: 'use a plain load',
  },
  'same insn cannot be used with different pointers': {
    class: 'type_mismatch',
    why: 'one instruction accesses the context on one path and other memory on another; the kernel rewrites it for one of them',
    help: 'access them in separate branches, so that the compiler does not merge the two: a barrier() in one of them helps',
  },
} as const satisfies Rows;
