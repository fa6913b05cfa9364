// Hooks of security modules that programs of type LSM are bound to: the functions bpf_lsm_NAME of a kernel's BTF. What the
// BTF does not tell is here (kernel/bpf/bpf_lsm.c); which of the lists' hooks a kernel has hangs on its configuration.

const PREFIX = 'bpf_lsm_';

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

/** Functions of the kernel that are called so and are no hooks. */
const NO_HOOKS = words(`find_cgroup_shim func_proto get_retval_range has_d_inode_locked hook_returns_errno init
  is_sleepable_hook is_trusted verify_prog`);

/** What they hand back is more than a number. */
const DISABLED = words(`vm_enough_memory inode_need_killpriv inode_getsecurity inode_listsecurity inode_copy_up_xattr
  getselfattr getprocattr setprocattr key_getsecurity audit_rule_match xfrm_decode_session ismaclabel
  file_alloc_security`);

const SLEEPABLE = words(`bpf bpf_map bpf_map_create bpf_map_free bpf_prog bpf_prog_load bpf_token_create bpf_token_free
  bpf_token_cmd bpf_token_capable bprm_check_security bprm_committed_creds bprm_committing_creds bprm_creds_for_exec
  bprm_creds_from_file capget capset cred_prepare file_ioctl file_lock file_open file_post_open file_receive
  inode_create inode_free_security inode_getattr inode_getxattr inode_mknod inode_need_killpriv inode_post_setxattr
  inode_post_removexattr inode_readlink inode_removexattr inode_rename inode_rmdir inode_setattr inode_setxattr
  inode_symlink inode_unlink kernel_module_request kernel_read_file kernfs_init_security path_unlink path_mkdir
  path_rmdir path_truncate path_symlink path_link path_rename path_chmod path_chown mmap_file netlink_send path_notify
  release_secctx sb_alloc_security sb_eat_lsm_opts sb_kern_mount sb_mount sb_remount sb_set_mnt_opts sb_show_options
  sb_statfs sb_umount settime inet_conn_established socket_accept socket_bind socket_connect socket_create
  socket_getpeername socket_getpeersec_dgram socket_getsockname socket_getsockopt socket_listen socket_post_create
  socket_recvmsg socket_sendmsg socket_shutdown socket_socketpair syslog task_alloc task_prctl task_setscheduler
  task_to_inode userns_create bdev_alloc_security bdev_setintegrity current_getlsmprop_subj task_getlsmprop_obj`);

/** Called for what is not complete yet, or not any more. */
const UNTRUSTED = words(`bpf_map_free bpf_prog_free file_alloc_security file_free_security sk_alloc_security
  sk_free_security task_free bdev_alloc_security bdev_free_security`);

/** The others return 0 or a negative errno. */
const BOOL = words('xfrm_state_pol_flow_match audit_rule_known inode_xattr_skipcap');

/** A socket is theirs alone while they run: its options may be read and set. */
const SOCKOPT = words('sock_graft inet_csk_clone inet_conn_established socket_post_create socket_socketpair');

/** Arguments that may be NULL: Linux 6.18 does not know, later versions do. */
const NULLABLE: Readonly<Record<string, number>> = { mmap_file: 0 };

export interface LsmHook {
  readonly disabled: boolean;
  readonly sleepable: boolean;
  /** Its arguments are objects of the kernel that live while it runs. */
  readonly trusted: boolean;
  /** What it returns where that is a number. */
  readonly returns: readonly [min: number, max: number];
  readonly sockopt: boolean;
  /** Number of the argument that may be NULL; -1 = none. */
  readonly nullable: number;
}

const MAX_ERRNO = 4095;

/** By the name of the kernel's function; undefined = it is no hook. */
export function lsmHook(func: string): LsmHook | undefined {
  if (!func.startsWith(PREFIX)) return undefined;
  const name = func.slice(PREFIX.length);
  if (NO_HOOKS.has(name)) return undefined;
  return {
    disabled: DISABLED.has(name),
    sleepable: SLEEPABLE.has(name),
    trusted: !UNTRUSTED.has(name),
    returns: BOOL.has(name) ? [0, 1] : [-MAX_ERRNO, 0],
    sockopt: SOCKOPT.has(name),
    nullable: Object.hasOwn(NULLABLE, name) ? NULLABLE[name] : -1,
  };
}
