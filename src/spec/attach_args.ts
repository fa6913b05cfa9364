// Arguments of what tracing programs are bound to, where the kernel's BTF does not tell: which pointers of tracepoints may
// be NULL, what iterators hand to their programs. As Linux 6.18 answers, where its configuration had them; the rest by its
// source.

/** A nibble per argument, the first one lowest: 1 = may be NULL, 2 = may be an error number. */
const TRACEPOINTS: Readonly<Record<number, string>> = {
  1: `afs_protocol_error cachefiles_unlink cachefiles_rename cachefiles_prep_read cachefiles_mark_active
    cachefiles_mark_failed cachefiles_mark_inactive cachefiles_vfs_error cachefiles_io_error cachefiles_ondemand_open
    cachefiles_ondemand_copen cachefiles_ondemand_close cachefiles_ondemand_read cachefiles_ondemand_cread
    cachefiles_ondemand_fd_write cachefiles_ondemand_fd_release mm_collapse_huge_page_isolate mm_page_alloc
    mm_page_pcpu_drain mm_page_alloc_zone_locked rxrpc_recvdata rxrpc_client xs_stream_read_data tmigr_update_events
    amdgpu_vm_bo_map amdgpu_vm_bo_unmap netfs_folioq xfs_defer_create_intent xfs_defer_cancel_list
    xfs_defer_pending_finish xfs_defer_pending_abort xfs_defer_relog_intent xfs_defer_isolate_paused
    xfs_defer_item_pause xfs_defer_item_unpause xfs_defer_add_item xfs_defer_cancel_item xfs_defer_finish_item
    xfs_inodegc_flush xfs_inodegc_push xfs_inodegc_start xfs_inodegc_stop xfs_inodegc_queue xfs_inodegc_throttle
    xfs_fs_sync_fs xfs_blockgc_start xfs_blockgc_stop xfs_blockgc_worker xfs_blockgc_flush_all`,
  16: `sched_pi_setprio afs_make_fs_call afs_make_fs_calli afs_make_fs_call1 afs_make_fs_call2 afs_flock_ev
    ext4_mballoc_discard ext4_mballoc_free posix_lock_inode fcntl_setlk locks_remove_posix flock_lock_inode
    break_lease_noblock break_lease_block break_lease_unblock generic_delete_lease time_out_leases
    mm_khugepaged_scan_pmd mm_khugepaged_scan_file mm_khugepaged_collapse_file netfs_failure device_pm_callback_start
    rxrpc_resend rxrpc_tq xprt_reserve_cong xprt_release_cong xprt_get_cong xprt_put_cong writeback_dirty_folio
    folio_wait_writeback xfs_ioc_free_eofblocks xfs_blockgc_free_space hugetlbfs_alloc_inode`,
  17: 'tcp_send_reset',
  256: `sched_stick_numa sched_swap_numa fib_table_lookup tcp_sendmsg_locked tegra_dma_tx_status xfs_btree_updkeys
    xfs_btree_overlapped_query_range`,
  513: 'cachefiles_lookup',
  4096: 'qdisc_dequeue kfree_skb xfs_iomap_alloc xfs_iomap_found',
  8192: 'mr_integ_alloc',
  65536: 'host1x_cdma_push_gather xfs_map_blocks_found xfs_map_blocks_alloc',
};

const MASKS = new Map(
  Object.entries(TRACEPOINTS).flatMap(([mask, names]) =>
    names.split(/\s+/).map((name) => [name, Number(mask)] as const),
  ),
);

/** What is special about argument `i` of a tracepoint. */
export function tracepointArg(name: string, i: number): 'maybe_null' | 'maybe_error' | null {
  const bits = ((MASKS.get(name) ?? 0) >>> (4 * i)) & 15;
  if ((bits & 2) !== 0) return 'maybe_error';
  return (bits & 1) !== 0 ? 'maybe_null' : null;
}

/** ptr: from before Linux knew trust; buf: memory of a size that is known when the program is attached. */
export type IterArg = 'ptr_or_null' | 'trusted_ptr_or_null' | 'rdonly_buf_or_null' | 'buf_or_null';

/** By the part of the name behind `bpf_iter_`, by argument; others are trusted pointers or numbers. */
const ITERATORS: Readonly<Record<string, Readonly<Record<number, IterArg>>>> = {
  bpf_link: { 1: 'ptr_or_null' },
  bpf_map: { 1: 'trusted_ptr_or_null' },
  bpf_map_elem: { 2: 'rdonly_buf_or_null', 3: 'buf_or_null' },
  bpf_prog: { 1: 'ptr_or_null' },
  bpf_sk_storage_map: { 2: 'ptr_or_null', 3: 'buf_or_null' },
  cgroup: { 1: 'trusted_ptr_or_null' },
  dmabuf: { 1: 'ptr_or_null' },
  ipv6_route: { 1: 'ptr_or_null' },
  kmem_cache: { 1: 'trusted_ptr_or_null' },
  ksym: { 1: 'ptr_or_null' },
  netlink: { 1: 'ptr_or_null' },
  sockmap: { 2: 'rdonly_buf_or_null', 3: 'ptr_or_null' },
  task: { 1: 'trusted_ptr_or_null' },
  task_file: { 1: 'ptr_or_null', 3: 'ptr_or_null' },
  task_vma: { 1: 'ptr_or_null', 2: 'ptr_or_null' },
  tcp: { 1: 'trusted_ptr_or_null' },
  udp: { 1: 'trusted_ptr_or_null' },
  unix: { 1: 'ptr_or_null' },
};

/** Arguments of an iterator's programs; undefined = there is no such iterator. */
export function iteratorArgs(name: string): Readonly<Record<number, IterArg>> | undefined {
  return Object.hasOwn(ITERATORS, name) ? ITERATORS[name] : undefined;
}
