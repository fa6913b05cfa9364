// Kfuncs of Linux 6.18: functions of the kernel that programs may call by their BTF id. What a prototype does not say is
// here: flags (kernel KF_*), and which programs may call them (as the kernel registers them, by kind of program). A
// function without a row may not be called.

import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';

/** Kernel KF_*, by name. */
export const KF = {
  /** Returns a reference that must be given back. */
  ACQUIRE: 1 << 0,
  /** Gives one back. */
  RELEASE: 1 << 1,
  RET_NULL: 1 << 2,
  /** Pointers to structures must be trusted. */
  TRUSTED_ARGS: 1 << 4,
  SLEEPABLE: 1 << 5,
  DESTRUCTIVE: 1 << 6,
  /** Pointers to structures must be trusted, or protected by RCU. */
  RCU: 1 << 7,
  ITER_NEW: 1 << 8,
  ITER_NEXT: 1 << 9,
  ITER_DESTROY: 1 << 10,
  /** Only inside an RCU read section. */
  RCU_PROTECTED: 1 << 11,
  /** Keeps r1-r5 where the program spills around it. */
  FASTCALL: 1 << 12,
  ARENA_RET: 1 << 13,
  ARENA_ARG1: 1 << 14,
  ARENA_ARG2: 1 << 15,
} as const;

/** Kinds of program that kfuncs are registered for (kernel enum btf_kfunc_hook). */
type Hook =
  | 'xdp'
  | 'tc'
  | 'act'
  | 'sk_skb'
  | 'socket_filter'
  | 'lwt'
  | 'netfilter'
  | 'cgroup'
  | 'kprobe'
  | 'tracing'
  | 'lsm'
  | 'iter'
  | 'session'
  | 'syscall'
  | 'struct_ops';

const HOOKS: Readonly<Record<number, Hook>> = {
  [T.BPF_PROG_TYPE_XDP]: 'xdp',
  [T.BPF_PROG_TYPE_SCHED_CLS]: 'tc',
  [T.BPF_PROG_TYPE_SCHED_ACT]: 'act',
  [T.BPF_PROG_TYPE_SK_SKB]: 'sk_skb',
  [T.BPF_PROG_TYPE_SOCKET_FILTER]: 'socket_filter',
  [T.BPF_PROG_TYPE_LWT_IN]: 'lwt',
  [T.BPF_PROG_TYPE_LWT_OUT]: 'lwt',
  [T.BPF_PROG_TYPE_LWT_XMIT]: 'lwt',
  [T.BPF_PROG_TYPE_LWT_SEG6LOCAL]: 'lwt',
  [T.BPF_PROG_TYPE_NETFILTER]: 'netfilter',
  [T.BPF_PROG_TYPE_CGROUP_SKB]: 'cgroup',
  [T.BPF_PROG_TYPE_CGROUP_SOCK]: 'cgroup',
  [T.BPF_PROG_TYPE_CGROUP_DEVICE]: 'cgroup',
  [T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR]: 'cgroup',
  [T.BPF_PROG_TYPE_CGROUP_SOCKOPT]: 'cgroup',
  [T.BPF_PROG_TYPE_CGROUP_SYSCTL]: 'cgroup',
  [T.BPF_PROG_TYPE_SOCK_OPS]: 'cgroup',
  [T.BPF_PROG_TYPE_KPROBE]: 'kprobe',
  [T.BPF_PROG_TYPE_TRACING]: 'tracing',
  [T.BPF_PROG_TYPE_TRACEPOINT]: 'tracing',
  [T.BPF_PROG_TYPE_PERF_EVENT]: 'tracing',
  [T.BPF_PROG_TYPE_LSM]: 'tracing',
  [T.BPF_PROG_TYPE_SYSCALL]: 'syscall',
  [T.BPF_PROG_TYPE_STRUCT_OPS]: 'struct_ops',
};

/** null: every program. */
type Who = readonly Hook[] | null;

export interface KfuncRow {
  /** KF.* */
  readonly flags: number;
  readonly who: Who;
  /** May be called while a spin lock is held (kernel kfunc_spin_allowed). */
  readonly underLock: boolean;
}

const ALL: Who = null;
const GENERIC: Who = ['tracing', 'tc', 'xdp', 'struct_ops', 'syscall', 'cgroup'];
const CPUMASK: Who = ['tracing', 'struct_ops', 'syscall'];
const SKB: Who = ['tc', 'act', 'sk_skb', 'socket_filter', 'cgroup', 'lwt', 'tracing', 'netfilter'];
const CONNTRACK: Who = ['xdp', 'tc'];
const TEST: Who = ['tc', 'tracing', 'syscall'];

const { ACQUIRE, RELEASE, RET_NULL, TRUSTED_ARGS, SLEEPABLE, RCU, RCU_PROTECTED, FASTCALL } = KF;
const { ITER_NEW, ITER_NEXT, ITER_DESTROY, ARENA_RET, ARENA_ARG2 } = KF;

function row(who: Who, flags = 0): KfuncRow {
  return { who, flags, underLock: false };
}

function lockable(who: Who, flags = 0): KfuncRow {
  return { who, flags, underLock: true };
}

export const KFUNCS = {
  // Sections: RCU, preemption, interrupts.
  bpf_rcu_read_lock: row(ALL),
  bpf_rcu_read_unlock: row(ALL),
  bpf_preempt_disable: row(ALL),
  bpf_preempt_enable: row(ALL),
  bpf_local_irq_save: row(ALL),
  bpf_local_irq_restore: row(ALL),
  // Casts.
  bpf_cast_to_kern_ctx: row(ALL, FASTCALL),
  bpf_rdonly_cast: row(ALL, FASTCALL),
  // Tasks and control groups.
  bpf_task_acquire: row(GENERIC, ACQUIRE | RCU | RET_NULL),
  bpf_task_release: row(GENERIC, RELEASE),
  bpf_task_from_pid: row(GENERIC, ACQUIRE | RET_NULL),
  bpf_task_from_vpid: row(GENERIC, ACQUIRE | RET_NULL),
  bpf_task_under_cgroup: row(GENERIC, RCU),
  bpf_task_get_cgroup1: row(GENERIC, ACQUIRE | RCU | RET_NULL),
  bpf_send_signal_task: row(GENERIC, TRUSTED_ARGS),
  bpf_cgroup_acquire: row(GENERIC, ACQUIRE | RCU | RET_NULL),
  bpf_cgroup_release: row(GENERIC, RELEASE),
  bpf_cgroup_ancestor: row(GENERIC, ACQUIRE | RCU | RET_NULL),
  bpf_cgroup_from_id: row(GENERIC, ACQUIRE | RET_NULL),
  bpf_cgroup_read_xattr: row(ALL, RCU),
  css_rstat_updated: row(['tracing']),
  css_rstat_flush: row(['tracing'], SLEEPABLE),
  // Keys.
  bpf_lookup_user_key: row(GENERIC, ACQUIRE | RET_NULL | SLEEPABLE),
  bpf_lookup_system_key: row(GENERIC, ACQUIRE | RET_NULL),
  bpf_key_put: row(GENERIC, RELEASE),
  // Objects of programs.
  bpf_obj_new_impl: row(GENERIC, ACQUIRE | RET_NULL),
  bpf_obj_drop_impl: row(GENERIC, RELEASE),
  bpf_percpu_obj_new_impl: row(GENERIC, ACQUIRE | RET_NULL),
  bpf_percpu_obj_drop_impl: row(GENERIC, RELEASE),
  bpf_refcount_acquire_impl: lockable(GENERIC, ACQUIRE | RET_NULL | RCU),
  bpf_list_push_front_impl: lockable(GENERIC),
  bpf_list_push_back_impl: lockable(GENERIC),
  bpf_list_pop_front: lockable(GENERIC, ACQUIRE | RET_NULL),
  bpf_list_pop_back: lockable(GENERIC, ACQUIRE | RET_NULL),
  bpf_list_front: lockable(GENERIC, RET_NULL),
  bpf_list_back: lockable(GENERIC, RET_NULL),
  bpf_rbtree_add_impl: lockable(GENERIC),
  bpf_rbtree_remove: lockable(GENERIC, ACQUIRE | RET_NULL),
  bpf_rbtree_first: lockable(GENERIC, RET_NULL),
  bpf_rbtree_root: lockable(GENERIC, RET_NULL),
  bpf_rbtree_left: lockable(GENERIC, RET_NULL),
  bpf_rbtree_right: lockable(GENERIC, RET_NULL),
  bpf_throw: row(GENERIC),
  __bpf_trap: row(ALL),
  bpf_res_spin_lock: lockable(ALL, RET_NULL),
  bpf_res_spin_unlock: lockable(ALL),
  bpf_res_spin_lock_irqsave: lockable(ALL, RET_NULL),
  bpf_res_spin_unlock_irqrestore: lockable(ALL),
  // Iterators.
  bpf_iter_num_new: lockable(ALL, ITER_NEW),
  bpf_iter_num_next: lockable(ALL, ITER_NEXT | RET_NULL),
  bpf_iter_num_destroy: lockable(ALL, ITER_DESTROY),
  bpf_iter_bits_new: row(ALL, ITER_NEW),
  bpf_iter_bits_next: row(ALL, ITER_NEXT | RET_NULL),
  bpf_iter_bits_destroy: row(ALL, ITER_DESTROY),
  bpf_iter_task_new: row(ALL, ITER_NEW | TRUSTED_ARGS | RCU_PROTECTED),
  bpf_iter_task_next: row(ALL, ITER_NEXT | RET_NULL),
  bpf_iter_task_destroy: row(ALL, ITER_DESTROY),
  bpf_iter_task_vma_new: row(ALL, ITER_NEW | RCU),
  bpf_iter_task_vma_next: row(ALL, ITER_NEXT | RET_NULL),
  bpf_iter_task_vma_destroy: row(ALL, ITER_DESTROY),
  bpf_iter_css_new: row(ALL, ITER_NEW | TRUSTED_ARGS | RCU_PROTECTED),
  bpf_iter_css_next: row(ALL, ITER_NEXT | RET_NULL),
  bpf_iter_css_destroy: row(ALL, ITER_DESTROY),
  bpf_iter_css_task_new: row(ALL, ITER_NEW | TRUSTED_ARGS),
  bpf_iter_css_task_next: row(ALL, ITER_NEXT | RET_NULL),
  bpf_iter_css_task_destroy: row(ALL, ITER_DESTROY),
  bpf_iter_kmem_cache_new: row(ALL, ITER_NEW | SLEEPABLE),
  bpf_iter_kmem_cache_next: row(ALL, ITER_NEXT | RET_NULL | SLEEPABLE),
  bpf_iter_kmem_cache_destroy: row(ALL, ITER_DESTROY | SLEEPABLE),
  bpf_iter_dmabuf_new: row(ALL, ITER_NEW | SLEEPABLE),
  bpf_iter_dmabuf_next: row(ALL, ITER_NEXT | RET_NULL | SLEEPABLE),
  bpf_iter_dmabuf_destroy: row(ALL, ITER_DESTROY | SLEEPABLE),
  bpf_get_kmem_cache: row(ALL),
  // Dynptrs.
  bpf_dynptr_adjust: row(ALL),
  bpf_dynptr_clone: row(ALL),
  bpf_dynptr_copy: row(ALL),
  bpf_dynptr_is_null: row(ALL),
  bpf_dynptr_is_rdonly: row(ALL),
  bpf_dynptr_memset: row(ALL),
  bpf_dynptr_size: row(ALL),
  bpf_dynptr_slice: row(ALL, RET_NULL),
  bpf_dynptr_slice_rdwr: row(ALL, RET_NULL),
  bpf_dynptr_from_skb: row(SKB, TRUSTED_ARGS),
  bpf_dynptr_from_skb_meta: row(['tc', 'act'], TRUSTED_ARGS),
  bpf_dynptr_from_xdp: row(['xdp']),
  bpf_probe_read_user_dynptr: row(ALL),
  bpf_probe_read_user_str_dynptr: row(ALL),
  bpf_probe_read_kernel_dynptr: row(ALL),
  bpf_probe_read_kernel_str_dynptr: row(ALL),
  bpf_copy_from_user_dynptr: row(ALL, SLEEPABLE),
  bpf_copy_from_user_str_dynptr: row(ALL, SLEEPABLE),
  bpf_copy_from_user_task_dynptr: row(ALL, SLEEPABLE | TRUSTED_ARGS),
  bpf_copy_from_user_task_str_dynptr: row(ALL, SLEEPABLE | TRUSTED_ARGS),
  bpf_copy_from_user_str: row(ALL, SLEEPABLE),
  bpf_copy_from_user_task_str: row(ALL, SLEEPABLE),
  // Strings.
  bpf_strcasecmp: row(ALL),
  bpf_strchr: row(ALL),
  bpf_strchrnul: row(ALL),
  bpf_strcmp: row(ALL),
  bpf_strcspn: row(ALL),
  bpf_strlen: row(ALL),
  bpf_strnchr: row(ALL),
  bpf_strnlen: row(ALL),
  bpf_strnstr: row(ALL),
  bpf_strrchr: row(ALL),
  bpf_strspn: row(ALL),
  bpf_strstr: row(ALL),
  bpf_stream_vprintk_impl: lockable(ALL, TRUSTED_ARGS),
  // Work queues, work of tasks, maps, arenas.
  bpf_wq_init: row(ALL),
  bpf_wq_set_callback_impl: row(ALL),
  bpf_wq_start: row(ALL),
  bpf_task_work_schedule_signal_impl: row(ALL, TRUSTED_ARGS),
  bpf_task_work_schedule_resume_impl: row(ALL, TRUSTED_ARGS),
  bpf_map_sum_elem_count: row(ALL, TRUSTED_ARGS),
  bpf_arena_alloc_pages: row(ALL, TRUSTED_ARGS | SLEEPABLE | ARENA_RET | ARENA_ARG2),
  bpf_arena_free_pages: row(ALL, TRUSTED_ARGS | SLEEPABLE | ARENA_ARG2),
  bpf_arena_reserve_pages: row(ALL, TRUSTED_ARGS | SLEEPABLE | ARENA_ARG2),
  // Sets of processors.
  bpf_cpumask_create: row(CPUMASK, ACQUIRE | RET_NULL),
  bpf_cpumask_release: row(CPUMASK, RELEASE),
  bpf_cpumask_acquire: row(CPUMASK, ACQUIRE | TRUSTED_ARGS),
  bpf_cpumask_first: row(CPUMASK, RCU),
  bpf_cpumask_first_zero: row(CPUMASK, RCU),
  bpf_cpumask_first_and: row(CPUMASK, RCU),
  bpf_cpumask_set_cpu: row(CPUMASK, RCU),
  bpf_cpumask_clear_cpu: row(CPUMASK, RCU),
  bpf_cpumask_test_cpu: row(CPUMASK, RCU),
  bpf_cpumask_test_and_set_cpu: row(CPUMASK, RCU),
  bpf_cpumask_test_and_clear_cpu: row(CPUMASK, RCU),
  bpf_cpumask_setall: row(CPUMASK, RCU),
  bpf_cpumask_clear: row(CPUMASK, RCU),
  bpf_cpumask_and: row(CPUMASK, RCU),
  bpf_cpumask_or: row(CPUMASK, RCU),
  bpf_cpumask_xor: row(CPUMASK, RCU),
  bpf_cpumask_equal: row(CPUMASK, RCU),
  bpf_cpumask_intersects: row(CPUMASK, RCU),
  bpf_cpumask_subset: row(CPUMASK, RCU),
  bpf_cpumask_empty: row(CPUMASK, RCU),
  bpf_cpumask_full: row(CPUMASK, RCU),
  bpf_cpumask_copy: row(CPUMASK, RCU),
  bpf_cpumask_any_distribute: row(CPUMASK, RCU),
  bpf_cpumask_any_and_distribute: row(CPUMASK, RCU),
  bpf_cpumask_weight: row(CPUMASK, RCU),
  bpf_cpumask_populate: row(CPUMASK, RCU),
  // Cryptography.
  bpf_crypto_ctx_create: row(['syscall'], ACQUIRE | RET_NULL | SLEEPABLE),
  bpf_crypto_ctx_acquire: row(['syscall'], ACQUIRE | RCU | RET_NULL),
  bpf_crypto_ctx_release: row(['syscall'], RELEASE),
  bpf_crypto_encrypt: row(['tc', 'act', 'xdp'], RCU),
  bpf_crypto_decrypt: row(['tc', 'act', 'xdp'], RCU),
  // Networking.
  bpf_skb_ct_alloc: row(CONNTRACK, ACQUIRE | RET_NULL),
  bpf_skb_ct_lookup: row(CONNTRACK, ACQUIRE | RET_NULL),
  bpf_xdp_ct_alloc: row(CONNTRACK, ACQUIRE | RET_NULL),
  bpf_xdp_ct_lookup: row(CONNTRACK, ACQUIRE | RET_NULL),
  bpf_ct_insert_entry: row(CONNTRACK, ACQUIRE | RET_NULL | RELEASE),
  bpf_ct_release: row(CONNTRACK, RELEASE),
  bpf_ct_set_timeout: row(CONNTRACK, TRUSTED_ARGS),
  bpf_ct_change_timeout: row(CONNTRACK, TRUSTED_ARGS),
  bpf_ct_set_status: row(CONNTRACK, TRUSTED_ARGS),
  bpf_ct_change_status: row(CONNTRACK, TRUSTED_ARGS),
  bpf_ct_set_nat_info: row(CONNTRACK, TRUSTED_ARGS),
  bpf_xdp_get_xfrm_state: row(['xdp'], ACQUIRE | RET_NULL),
  bpf_xdp_xfrm_state_release: row(['xdp'], RELEASE),
  bpf_xdp_pull_data: row(['xdp']),
  bpf_xdp_metadata_rx_timestamp: row(ALL, TRUSTED_ARGS),
  bpf_xdp_metadata_rx_hash: row(ALL, TRUSTED_ARGS),
  bpf_xdp_metadata_rx_vlan_tag: row(ALL, TRUSTED_ARGS),
  bpf_sk_assign_tcp_reqsk: row(['tc'], TRUSTED_ARGS),
  bpf_sock_addr_set_sun_path: row(['cgroup']),
  bpf_sock_ops_enable_tx_tstamp: row(['cgroup'], TRUSTED_ARGS),
  bpf_sock_destroy: row(['iter'], TRUSTED_ARGS),
  // Congestion control.
  tcp_reno_ssthresh: row(['struct_ops']),
  tcp_reno_cong_avoid: row(['struct_ops']),
  tcp_reno_undo_cwnd: row(['struct_ops']),
  tcp_slow_start: row(['struct_ops']),
  tcp_cong_avoid_ai: row(['struct_ops']),
  cubictcp_init: row(['struct_ops']),
  cubictcp_recalc_ssthresh: row(['struct_ops']),
  cubictcp_cong_avoid: row(['struct_ops']),
  cubictcp_state: row(['struct_ops']),
  cubictcp_cwnd_event: row(['struct_ops']),
  cubictcp_acked: row(['struct_ops']),
  bbr_init: row(['struct_ops']),
  bbr_main: row(['struct_ops']),
  bbr_sndbuf_expand: row(['struct_ops']),
  bbr_undo_cwnd: row(['struct_ops']),
  bbr_cwnd_event: row(['struct_ops']),
  bbr_ssthresh: row(['struct_ops']),
  bbr_min_tso_segs: row(['struct_ops']),
  bbr_set_state: row(['struct_ops']),
  // Files.
  bpf_get_task_exe_file: row(['lsm'], ACQUIRE | TRUSTED_ARGS | RET_NULL),
  bpf_put_file: row(['lsm'], RELEASE),
  bpf_path_d_path: row(['lsm'], TRUSTED_ARGS),
  bpf_get_dentry_xattr: row(['lsm'], SLEEPABLE | TRUSTED_ARGS),
  bpf_get_file_xattr: row(['lsm'], SLEEPABLE | TRUSTED_ARGS),
  bpf_set_dentry_xattr: row(['lsm'], SLEEPABLE | TRUSTED_ARGS),
  bpf_remove_dentry_xattr: row(['lsm'], SLEEPABLE | TRUSTED_ARGS),
  // Tracing sessions, tests of the kernel.
  bpf_session_cookie: row(['session']),
  bpf_session_is_return: row(['session']),
  bpf_modify_return_test_tp: row(ALL),
  bpf_kfunc_call_test_release: row(TEST, RELEASE),
  bpf_kfunc_call_memb_release: row(TEST, RELEASE),
} as const satisfies Readonly<Record<string, KfuncRow>>;

export type KfuncName = keyof typeof KFUNCS;

const ROWS: Readonly<Record<string, KfuncRow>> = KFUNCS;

/** The hooks of a program; narrower ones are filters that the kernel asks besides. */
function hooksOf(type: number, attach: number): readonly Hook[] {
  const hooks: Hook[] = HOOKS[type] === undefined ? [] : [HOOKS[type]];
  if (type === T.BPF_PROG_TYPE_LSM) hooks.push('lsm');
  if (type === T.BPF_PROG_TYPE_TRACING && attach === AT.BPF_TRACE_ITER) hooks.push('iter');
  const session = attach === AT.BPF_TRACE_KPROBE_SESSION || attach === AT.BPF_TRACE_UPROBE_SESSION;
  if (type === T.BPF_PROG_TYPE_KPROBE && session) hooks.push('session');
  return hooks;
}

/** May the kfunc be called while a spin lock is held, by whoever may call it? */
export function callableUnderLock(name: string): boolean {
  return Object.hasOwn(ROWS, name) && ROWS[name].underLock;
}

/** The row of a kfunc that programs of this type may call; undefined = they may not, or it is no kfunc. */
export function kfuncFor(name: string, type: number, attach: number): KfuncRow | undefined {
  const found = Object.hasOwn(ROWS, name) ? ROWS[name] : undefined;
  if (found === undefined || found.who === null) return found;
  const hooks = hooksOf(type, attach);
  return found.who.some((h) => hooks.includes(h)) ? found : undefined;
}
