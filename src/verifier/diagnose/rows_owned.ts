// Messages about objects that programs allocate, and the lists and trees that hold them.

import type { MessageRow, Rows } from './row.ts';

function argument(why: MessageRow['why'], help: string): MessageRow {
  return { class: 'helper_argument', why, help };
}

const LOCKED = 'call bpf_spin_lock on the lock beside the head, through the same pointer, before';

export const OWNED_ROWS = {
  'local type ID argument must be in range [0, U32_MAX]': argument(
    'the id of the structure is no id',
    'use bpf_obj_new(typeof(struct foo))',
  ),
  'bpf_obj_new/bpf_percpu_obj_new requires prog BTF': {
    class: 'program_setup',
    why: 'the program comes without types (or Linux refuses them), so nobody knows what to allocate',
    help: 'compile with -g. Linux refuses all types if the special fields of one struct contradict each other: list and tree node without a struct bpf_refcount, a list or tree without a lock beside it, a __kptr to a struct that is only declared',
  },
  'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct': argument(
    'the id is not that of a structure',
    'use bpf_obj_new(typeof(struct foo))',
  ),
  'bpf_percpu_obj_new type size ({size}) is greater than {max}': argument(
    (c) => `the structure has ${c.part('size')} bytes, and one for every CPU may have ${c.part('max')}`,
    'make it smaller, or use bpf_obj_new',
  ),
  'bpf_percpu_obj_new type ID argument must be of a struct of scalars': argument(
    'the structure holds pointers',
    'only numbers can be in an object for every CPU',
  ),
  'bpf_percpu_obj_new type ID argument must not contain special fields': argument(
    'the structure holds fields of the kernel (locks, lists, ...)',
    'only numbers can be in an object for every CPU',
  ),
  'arg#{arg} expected pointer to allocated object': argument(
    (c) => `the argument must be an object from bpf_obj_new that the program still owns; the register holds ${c.holds}`,
    'pass what bpf_obj_new or a pop returned, after a NULL test and before it is given away',
  ),
  'arg#{arg} expected pointer to map value or allocated object': argument(
    (c) => `the head must lie in a map value or in an object; the register holds ${c.holds}`,
    'pass &value->head',
  ),
  'arg#{arg} expected for bpf_obj_drop_impl()': argument('the object is not one for every CPU', 'use bpf_obj_drop'),
  'arg#{arg} expected for bpf_percpu_obj_drop_impl()': argument(
    'the object is one for every CPU',
    'use bpf_percpu_obj_drop',
  ),
  'allocated object must be referenced': {
    class: 'reference',
    why: 'the program does not own the object any more',
    help: 'take it out of its list, tree or field first, or count a reference with bpf_refcount_acquire',
  },
  'arg#{arg} is neither owning or non-owning ref': argument(
    (c) => `the argument must be an object from bpf_obj_new; the register holds ${c.holds}`,
    'pass an object of a structure with a struct bpf_refcount',
  ),
  "arg#{arg} doesn't point to a type with bpf_refcount field": argument(
    'the structure of the object has no field that counts references',
    'add a struct bpf_refcount to it',
  ),
  '{kind} not found at offset={off}': argument(
    (c) => `an argument points to byte ${c.part('off')}, where no struct ${c.part('kind')} is that may be used here`,
    'pass the address of the field itself; a list or tree needs __contains(struct, member) and a lock beside it',
  ),
  'bpf_spin_lock at off={off} must be held for {kind}': {
    class: 'lock',
    why: (c) => `a ${c.part('kind')} is used without the lock that lies beside it`,
    help: LOCKED,
    over: ['lock'],
  },
  'held lock and object are not in the same allocation': {
    class: 'lock',
    why: 'the lock that is held belongs to another value or object (or came from another lookup)',
    help: LOCKED,
    held: ['lock'],
  },
  'operation on {root} expects arg#1 {node} at offset={at} in struct {want}, but arg is at offset={off} in struct {has}':
    {
      class: 'type_mismatch',
      why: (c) => `the ${c.part('root')} holds objects of struct ${c.part('want')}, not struct ${c.part('has')}`,
      help: 'look at the __contains of the head',
    },
  'arg#1 offset={off}, but expected {node} at offset={at} in struct {want}': {
    class: 'type_mismatch',
    why: (c) =>
      `struct ${c.part('want')} is linked by its member at byte ${c.part('at')}, not by the one at byte ${c.part('off')}`,
    help: 'look at the __contains of the head',
  },
  '{kfunc} can only take non-owning or refcounted bpf_rb_node pointer': argument(
    'the node is not in a tree as far as the verifier knows',
    'pass what bpf_rbtree_first, _left, _right or _root returned, while the lock is held',
  ),
  '{kfunc} not allowed in rbtree cb': {
    class: 'lock',
    why: 'the function that compares runs in the middle of a change of the tree',
    help: 'only read the two objects there',
  },
  'direct access to {kind} is disallowed': {
    class: 'map_access',
    why: (c) => `the instruction ${c.verb} a field of the kernel: ${c.part('kind')}`,
    help: 'use the functions that work on it; do not copy the whole object',
  },
  "local 'kptr' has no valid {field}": {
    class: 'helper_argument',
    why: (c) => `the structure of the object has no field struct ${c.part('field')}`,
    help: 'add the field to the structure, and pass its address',
  },
  "arg#{arg} doesn't point to a map value": argument(
    (c) => `the argument must be the address of a field of a map value; the register holds ${c.holds}`,
    'pass &value->field, after a NULL test',
  ),
  "workqueue pointer in R1 map_uid={field} doesn't match map pointer in R2 map_uid={map}": argument(
    'the work queue is in a value of another map than the one that is passed (or the map came from another lookup)',
    'pass the map that the value was looked up in',
  ),
  "bpf_task_work pointer in R2 map_uid={field} doesn't match map pointer in R3 map_uid={map}": argument(
    'the struct bpf_task_work is in a value of another map than the one that is passed (or the map came from another lookup)',
    'pass the map that the value was looked up in',
  ),
  'kfunc {name}#{id} failed callback verification': {
    class: 'limits',
    why: 'the function that is handed over can not be followed',
    help: 'see the line above',
  },
} as const satisfies Rows;
