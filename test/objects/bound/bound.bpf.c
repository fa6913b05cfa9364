// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Programs that are bound to hooks of security modules, and that implement functions of the kernel: each beside one that
// differs in what makes it wrong.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

typedef unsigned long long u64;
#define KERNEL __attribute__((preserve_access_index))

struct sock {
	int own;
};

struct tcp_sock {
	__u32 packets_out;
	__u32 snd_cwnd;
} KERNEL;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	void (*release)(struct sock *sk);
	u64 (*get_info)(struct sock *sk, __u32 ext, int *attr);
	char name[16];
};

struct bpf_dummy_ops_state {
	int val;
} KERNEL;

struct bpf_dummy_ops {
	int (*test_1)(struct bpf_dummy_ops_state *cb);
	int (*test_sleepable)(struct bpf_dummy_ops_state *cb);
};

struct later_ops {
	int (*init)(void);
};

struct file {
	__u32 f_mode;
} KERNEL;

extern __u32 tcp_reno_ssthresh(struct sock *sk) __ksym;

SEC("struct_ops")
int reads(u64 *ctx)
{
	struct tcp_sock *tp = (void *)ctx[0];
	return tp->snd_cwnd + tcp_reno_ssthresh((struct sock *)tp);
}

SEC("struct_ops")
void writes(u64 *ctx)
{
	struct tcp_sock *tp = (void *)ctx[0];
	tp->snd_cwnd = ctx[1];
}

SEC("struct_ops")
void writes_elsewhere(u64 *ctx)
{
	struct tcp_sock *tp = (void *)ctx[0];
	tp->packets_out = 1;
}

SEC("struct_ops")
void asks(u64 *ctx)
{
	int value;
	bpf_getsockopt((void *)ctx[0], 6, 1, &value, sizeof(value));
}

SEC("struct_ops")
int informs(u64 *ctx)
{
	return 0;
}

SEC(".struct_ops")
struct tcp_congestion_ops good = {
	.ssthresh = (void *)reads,
	.cong_avoid = (void *)writes,
	.name = "good",
};

SEC(".struct_ops.link")
struct tcp_congestion_ops linked = {
	.ssthresh = (void *)reads,
	.name = "linked",
};

SEC("?.struct_ops.link")
struct tcp_congestion_ops bad = {
	.ssthresh = (void *)reads,
	.cong_avoid = (void *)writes_elsewhere,
	.release = (void *)asks,
	.get_info = (void *)informs,
	.name = "bad",
};

SEC("struct_ops/test_1")
int checks(u64 *ctx)
{
	struct bpf_dummy_ops_state *state = (void *)ctx[0];
	if (!state)
		return 1;
	state->val = 7;
	return state->val;
}

SEC("struct_ops/test_1")
int believes(u64 *ctx)
{
	struct bpf_dummy_ops_state *state = (void *)ctx[0];
	return state->val;
}

SEC("struct_ops.s/test_sleepable")
int sleeps(u64 *ctx)
{
	return 0;
}

SEC("struct_ops.s/test_1")
int sleeps_elsewhere(u64 *ctx)
{
	return 0;
}

SEC("struct_ops")
int nowhere(u64 *ctx)
{
	return 0;
}

SEC("struct_ops")
int twice(u64 *ctx)
{
	return 0;
}

SEC("struct_ops")
int later(u64 *ctx)
{
	return 0;
}

SEC(".struct_ops")
struct bpf_dummy_ops dummy = { .test_1 = (void *)checks, .test_sleepable = (void *)sleeps };
SEC("?.struct_ops")
struct bpf_dummy_ops dummy_bad = { .test_1 = (void *)believes };
SEC("?.struct_ops")
struct bpf_dummy_ops dummy_sleeps = { .test_1 = (void *)sleeps_elsewhere };
SEC("?.struct_ops")
struct bpf_dummy_ops two_members = { .test_1 = (void *)twice, .test_sleepable = (void *)twice };
SEC("?.struct_ops")
struct later_ops unknown = { .init = (void *)later };

SEC("lsm/file_open")
int hook(u64 *ctx)
{
	struct file *file = (void *)ctx[0];
	int before = ctx[1];
	if (before)
		return before;
	return file->f_mode & 1 ? -1 : 0;
}

SEC("lsm/file_open")
int returns_one(u64 *ctx)
{
	return 1;
}

SEC("lsm/inode_xattr_skipcap")
int returns_true(u64 *ctx)
{
	return 1;
}

SEC("lsm/mmap_file")
int forgets_null(u64 *ctx)
{
	struct file *file = (void *)ctx[0];
	return file->f_mode & 1 ? -1 : 0;
}

SEC("lsm.s/file_open")
int sleeps_at_open(u64 *ctx)
{
	return 0;
}

SEC("lsm.s/task_free")
int sleeps_at_free(u64 *ctx)
{
	return 0;
}

SEC("lsm/getprocattr")
int disabled(u64 *ctx)
{
	return 0;
}

SEC("lsm/func_proto")
int no_hook(u64 *ctx)
{
	return 0;
}

SEC("lsm_cgroup/socket_post_create")
int cgroup_asks(u64 *ctx)
{
	bpf_set_retval(-1);
	return 0;
}

SEC("lsm_cgroup/inet_csk_clone")
int cgroup_of_nothing(u64 *ctx)
{
	return 1;
}

SEC("lsm_cgroup/inet_csk_clone")
int cgroup_says_no(u64 *ctx)
{
	return 0;
}

SEC("lsm_cgroup/inet_csk_clone")
int cgroup_changes(u64 *ctx)
{
	bpf_set_retval(-1);
	return 1;
}

char _license[] SEC("license") = "GPL";
