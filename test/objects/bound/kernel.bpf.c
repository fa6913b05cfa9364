// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A small kernel, for its BTF alone: hooks of security modules, and structures of functions that programs implement, by
// the names Linux knows them.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

struct sock {
	u64 sk_pacing_rate;
	u32 sk_pacing_status;
};

struct inet_connection_sock {
	struct sock icsk_inet;
	struct {
		u8 pending;
		u8 quick;
	} icsk_ack;
	u64 icsk_ca_priv[13];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 packets_out;
	u32 snd_cwnd;
	u32 snd_cwnd_cnt;
	struct sock *next;
};

struct rate_sample {
	u64 delivered;
};

struct tcp_congestion_ops {
	u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, u32 ack, u32 acked);
	u64 (*get_info)(struct sock *sk, u32 ext, int *attr);
	void (*cong_control)(struct sock *sk, u32 ack, int flag, const struct rate_sample *rs);
	char name[16];
	void (*release)(struct sock *sk);
};

struct bpf_dummy_ops_state {
	int val;
};

struct bpf_dummy_ops {
	int (*test_1)(struct bpf_dummy_ops_state *cb);
	int (*test_sleepable)(struct bpf_dummy_ops_state *cb);
};

struct later_ops {
	int (*init)(void);
};

struct bpf_struct_ops_tcp_congestion_ops {
	struct tcp_congestion_ops data;
} tcp;
struct bpf_struct_ops_bpf_dummy_ops {
	struct bpf_dummy_ops data;
} dummy;
struct bpf_struct_ops_later_ops {
	struct later_ops data;
} later;
struct tcp_sock a_socket;

int bpf_dummy_ops__test_1(struct bpf_dummy_ops_state *cb__nullable)
{
	return 0;
}

int bpf_dummy_ops__test_sleepable(struct bpf_dummy_ops_state *cb)
{
	return 0;
}

u32 tcp_reno_ssthresh(struct sock *sk)
{
	return 0;
}

struct file {
	u32 f_mode;
};

struct task_struct {
	int pid;
};

int bpf_lsm_file_open(struct file *file)
{
	return 0;
}

int bpf_lsm_mmap_file(struct file *file, u64 reqprot, u64 prot, u64 flags)
{
	return 0;
}

int bpf_lsm_inode_xattr_skipcap(const char *name)
{
	return 0;
}

int bpf_lsm_getprocattr(struct task_struct *p, const char *name, char **value)
{
	return 0;
}

void bpf_lsm_task_free(struct task_struct *task)
{
}

int bpf_lsm_socket_post_create(struct sock *sock, int kern)
{
	return 0;
}

void bpf_lsm_inet_csk_clone(struct sock *newsk)
{
}

int bpf_lsm_func_proto(int id)
{
	return 0;
}
