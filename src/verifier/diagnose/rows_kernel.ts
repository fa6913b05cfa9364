// Messages about structures of the kernel: the fields of maps and sockets, and what they point to.

import { bytes, type Case, type MessageRow, type Rows } from './row.ts';

const at = (c: Case) => bytes(c.num('off'), c.num('size'));

const BEFORE: MessageRow = {
  class: 'out_of_bounds',
  why: (c) => `${c.verb} ${-c.num('off')} bytes in front of struct ${c.part('struct')}`,
  help: 'read fields of the structure by name',
};

const READ_ONLY: MessageRow = {
  class: 'read_only',
  why: 'structures of the kernel can be read, not written',
  help: 'change what belongs to the kernel through its helpers; keep own data in a map',
};

const FEW_FIELDS: MessageRow = {
  class: 'read_only',
  why: (c) => `byte ${c.part('off')} of struct ${c.part('struct')} is none of the few fields that programs may write`,
  help: 'change what belongs to the kernel through its helpers; keep own data in a map',
};

export const KERNEL_ROWS = {
  'R{reg} is {struct} invalid negative access: off={off}': BEFORE,
  'R{reg} is ptr_{struct} invalid negative access: off={off}': BEFORE,
  'R{reg} is ptr_{struct} invalid variable offset: off={off}, var_off={tnum}': {
    class: 'out_of_bounds',
    why: (c) => `struct ${c.part('struct')} is read at an offset that is only known at run time`,
    help: 'read fields of the structure by name, with constant indices',
  },
  'access beyond struct {struct} at off {off} size {size}': {
    class: 'out_of_bounds',
    why: (c) => `struct ${c.part('struct')} ends before ${at(c)}`,
    help: 'access fields by name and without casts; structures of the kernel as vmlinux.h of the kernel it shall run on says, or with CO-RE',
  },
  'access beyond the end of member {name} (mend:{end}) in struct {struct} with off {off} size {size}': {
    class: 'out_of_bounds',
    why: (c) => `${at(c)} of struct ${c.part('struct')} reach beyond its field ${c.part('name')}`,
    help: 'read each field in its own size',
  },
  'cannot access ptr member {name} with moff {start} in struct {struct} with off {off} size {size}': {
    class: 'type_mismatch',
    why: (c) => `field ${c.part('name')} of struct ${c.part('struct')} is a pointer, and only a part of it is read`,
    help: 'read pointers whole: 8 bytes from where the field starts',
  },
  "struct {struct} doesn't have field at offset {off}": {
    class: 'out_of_bounds',
    why: (c) => `struct ${c.part('struct')} has padding at offset ${c.part('off')}, and no field`,
    help: 'read fields of the structure by name',
  },
  'map_ptr access not supported for map type {type}': {
    class: 'map_access',
    why: 'maps of this type have no fields that programs may read',
    help: 'use the map through helpers only',
  },
  'only read from {struct} is supported': READ_ONLY,
  'only read is supported': READ_ONLY,
  'only access to {struct} is supported': READ_ONLY,
  'no write support to {struct} at off {off}': FEW_FIELDS,
  'write access at off {off} with size {size}': {
    class: 'out_of_bounds',
    why: (c) => `${at(c)} lie behind the end of the structure`,
    help: 'write fields of the structure by name',
  },
  'write access at off {off} with size {size} beyond the member of {struct} ended at {end}': {
    class: 'out_of_bounds',
    why: (c) => `the field of struct ${c.part('struct')} ends at byte ${c.part('end')}, before ${at(c)} do`,
    help: 'write each field in its own size',
  },
  "Cannot access kernel 'struct {struct}' from non-GPL compatible program": {
    class: 'helper_unavailable',
    why: 'only programs under a GPL-compatible license may read structures of the kernel',
    help: 'char _license[] SEC("license") = "GPL";, if that is the license of the program',
  },
  "the layout of struct {struct} is not known: verify with the kernel's BTF": {
    class: 'unsupported',
    why: (c) => `nothing says here where the fields of struct ${c.part('struct')} lie`,
    help: 'give the types of the kernel: prog load OBJ btf /sys/kernel/btf/vmlinux, or VerifyOptions.kernelTypes',
  },
} as const satisfies Rows;
