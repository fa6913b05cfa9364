// Prototypes: maps, time, strings, ring buffers, dynptrs, timers, callbacks (kernel/bpf/helpers.c, ringbuf.c, *_storage.c).

import type { ProtoRows } from './proto.ts';

const long = [0, 0, 0, 8] as const;

export const BASE_PROTOS = {
  bpf_map_lookup_elem: { id: 1, args: ['const_map_ptr', 'map_key'], ret: 'map_value_or_null', pktAccess: true },
  bpf_map_update_elem: {
    id: 2,
    args: ['const_map_ptr', 'map_key', 'map_value', 'u64'],
    ret: 's32',
    pktAccess: true,
  },
  bpf_map_delete_elem: { id: 3, args: ['const_map_ptr', 'map_key'], ret: 's32', pktAccess: true },
  bpf_map_push_elem: { id: 87, args: ['const_map_ptr', 'map_value', 'u64'], ret: 's32', pktAccess: true },
  bpf_map_pop_elem: { id: 88, args: ['const_map_ptr', 'uninit_map_value'], ret: 's32' },
  bpf_map_peek_elem: { id: 89, args: ['const_map_ptr', 'uninit_map_value'], ret: 's32' },
  bpf_map_lookup_percpu_elem: {
    id: 195,
    args: ['const_map_ptr', 'map_key', 'u32'],
    ret: 'map_value_or_null',
    pktAccess: true,
  },
  bpf_for_each_map_elem: { id: 164, args: ['const_map_ptr', 'func', 'stack_or_null', 'u64'], ret: 's32' },
  bpf_tail_call: { id: 12, args: ['ctx', 'const_map_ptr', 'u32'], ret: 'tail_call', changesPacket: true },
  bpf_loop: { id: 181, args: ['u32', 'func', 'stack_or_null', 'u64'], ret: 's32' },

  bpf_spin_lock: { id: 93, args: ['spin_lock'], ret: 'void' },
  bpf_spin_unlock: { id: 94, args: ['spin_lock'], ret: 'void' },
  bpf_timer_init: { id: 169, args: ['timer', 'const_map_ptr', 'u64'], ret: 's32', gpl: true },
  bpf_timer_set_callback: { id: 170, args: ['timer', 'func'], ret: 's32', gpl: true },
  bpf_timer_start: { id: 171, args: ['timer', 'u64', 'u64'], ret: 's32', gpl: true },
  bpf_timer_cancel: { id: 172, args: ['timer'], ret: 's32', gpl: true },
  bpf_kptr_xchg: {
    id: 194,
    args: ['kptr_xchg_dest', 'btf_id_or_null'],
    ret: 'btf_id_or_null',
    acquires: true,
    releases: 2,
  },

  bpf_ktime_get_ns: { id: 5, args: [], ret: 'u64' },
  bpf_ktime_get_boot_ns: { id: 125, args: [], ret: 'u64' },
  bpf_ktime_get_coarse_ns: { id: 160, args: [], ret: 'u64' },
  bpf_ktime_get_tai_ns: { id: 208, args: [], ret: 'u64' },
  bpf_jiffies64: { id: 118, args: [], ret: 'u64' },
  bpf_get_prandom_u32: { id: 7, args: [], ret: 'u32' },
  bpf_get_smp_processor_id: { id: 8, args: [], ret: 'u32' },
  bpf_get_numa_node_id: { id: 42, args: [], ret: 's32' },
  bpf_per_cpu_ptr: { id: 153, args: ['percpu_btf_id', 'u32'], ret: 'mem_or_btf_id_or_null' },
  bpf_this_cpu_ptr: { id: 154, args: ['percpu_btf_id'], ret: 'mem_or_btf_id' },

  bpf_strtol: {
    id: 105,
    args: ['mem_rdonly', 'size', 'u64', 'uninit_fixed_mem_aligned'],
    sizes: long,
    ret: 's32',
  },
  bpf_strtoul: {
    id: 106,
    args: ['mem_rdonly', 'size', 'u64', 'uninit_fixed_mem_aligned'],
    sizes: long,
    ret: 's32',
  },
  bpf_strncmp: { id: 182, args: ['mem_rdonly', 'size', 'const_str'], ret: 's32' },
  bpf_snprintf: {
    id: 165,
    args: ['mem_write_or_null', 'size_or_zero', 'const_str', 'mem_rdonly_or_null', 'size_or_zero'],
    ret: 's32',
    gpl: true,
  },
  bpf_trace_printk: {
    id: 6,
    args: ['mem_rdonly', 'size', 'u64', 'u64', 'u64'],
    dontCare: 3,
    ret: 's32',
    gpl: true,
  },
  bpf_trace_vprintk: {
    id: 177,
    args: ['mem_rdonly', 'size', 'mem_rdonly_or_null', 'size_or_zero'],
    ret: 's32',
    gpl: true,
  },

  bpf_ringbuf_output: { id: 130, args: ['const_map_ptr', 'mem_rdonly', 'size_or_zero', 'u64'], ret: 's32' },
  bpf_ringbuf_reserve: {
    id: 131,
    args: ['const_map_ptr', 'const_alloc_size_or_zero', 'u64'],
    ret: 'ringbuf_mem_or_null',
    acquires: true,
  },
  bpf_ringbuf_submit: { id: 132, args: ['ringbuf_mem', 'u64'], ret: 'void', releases: 1 },
  bpf_ringbuf_discard: { id: 133, args: ['ringbuf_mem', 'u64'], ret: 'void', releases: 1 },
  bpf_ringbuf_query: { id: 134, args: ['const_map_ptr', 'u64'], ret: 'u64' },
  bpf_ringbuf_reserve_dynptr: {
    id: 198,
    args: ['const_map_ptr', 'u32', 'u64', 'uninit_dynptr_ringbuf'],
    ret: 's32',
  },
  bpf_ringbuf_submit_dynptr: { id: 199, args: ['dynptr_ringbuf', 'u64'], ret: 'void', releases: 1 },
  bpf_ringbuf_discard_dynptr: { id: 200, args: ['dynptr_ringbuf', 'u64'], ret: 'void', releases: 1 },
  bpf_user_ringbuf_drain: { id: 209, args: ['const_map_ptr', 'func', 'stack_or_null', 'u64'], ret: 's64' },
  bpf_dynptr_from_mem: { id: 197, args: ['uninit_mem', 'size_or_zero', 'u64', 'uninit_dynptr_local'], ret: 's32' },
  bpf_dynptr_read: { id: 201, args: ['uninit_mem', 'size_or_zero', 'dynptr', 'u32', 'u64'], ret: 's32' },
  bpf_dynptr_write: { id: 202, args: ['dynptr', 'u32', 'mem_rdonly', 'size_or_zero', 'u64'], ret: 's32' },
  bpf_dynptr_data: { id: 203, args: ['dynptr', 'u32', 'const_alloc_size_or_zero'], ret: 'dynptr_mem_or_null' },

  bpf_inode_storage_get: {
    id: 145,
    args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'u64'],
    btf: ['', 'inode'],
    ret: 'map_value_or_null',
  },
  bpf_inode_storage_delete: { id: 146, args: ['const_map_ptr', 'btf_id_or_null'], btf: ['', 'inode'], ret: 's32' },
  bpf_task_storage_get: {
    id: 156,
    args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'u64'],
    btf: ['', 'task_struct'],
    ret: 'map_value_or_null',
  },
  bpf_task_storage_delete: {
    id: 157,
    args: ['const_map_ptr', 'btf_id_or_null'],
    btf: ['', 'task_struct'],
    ret: 's32',
  },
  bpf_cgrp_storage_get: {
    id: 210,
    args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'u64'],
    btf: ['', 'cgroup'],
    ret: 'map_value_or_null',
  },
  bpf_cgrp_storage_delete: { id: 211, args: ['const_map_ptr', 'btf_id_or_null'], btf: ['', 'cgroup'], ret: 's32' },
  bpf_get_local_storage: { id: 81, args: ['const_map_ptr', 'u64'], ret: 'map_value' },

  bpf_sys_bpf: { id: 166, args: ['u32', 'mem_rdonly', 'size'], ret: 's32' },
  bpf_btf_find_by_name_kind: { id: 167, args: ['mem_rdonly', 'size', 'u32', 'u32'], ret: 's64' },
  bpf_sys_close: { id: 168, args: ['u32'], ret: 's32' },
  bpf_kallsyms_lookup_name: {
    id: 179,
    args: ['mem_rdonly', 'size_or_zero', 'u32', 'uninit_fixed_mem_aligned'],
    sizes: long,
    ret: 's32',
  },
} as const satisfies ProtoRows;
