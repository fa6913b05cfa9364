// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A small kernel, for its BTF alone: structures, functions that programs may call (by the names Linux knows them), and
// variables. Tests hand it to the verifier where /sys/kernel/btf/vmlinux is not there, or would say less.

typedef unsigned int u32;

struct mm_struct {
	struct task_struct *owner;
	unsigned long flags;
};

struct mm_struct__safe_rcu_or_null {
	struct task_struct *owner;
};

struct css_set {
	int refcount;
};

struct task_struct {
	int pid;
	struct task_struct *real_parent;
	struct task_struct *last_wakee;
	struct mm_struct *mm;
	struct css_set set;
	union {
		struct task_struct *a;
		unsigned long b;
	};
};

struct task_struct__safe_rcu {
	struct task_struct *real_parent;
};

struct task_struct__safe_trusted {
	struct mm_struct *mm;
};

struct rq {
	u32 nr_running;
	struct task_struct *curr;
};

struct seq_file {
	unsigned long count;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	unsigned long seq_num;
};

struct bpf_iter_meta__safe_trusted {
	struct seq_file *seq;
};

struct sk_buff {
	u32 len;
};

struct two_words {
	unsigned long a, b;
};

typedef void (*btf_trace_sched_switch)(void *, _Bool, struct task_struct *, struct task_struct *, u32);
typedef void (*btf_trace_kfree_skb)(void *, struct sk_buff *, void *, int, struct sk_buff *);
typedef void (*btf_trace_two_words)(void *, int *, struct two_words, float, struct task_struct **);

int bpf_iter_task(struct bpf_iter_meta *meta, struct task_struct *task)
{
	return 0;
}

int bpf_iter_bpf_map_elem(struct bpf_iter_meta *meta, void *map, void *key, void *value)
{
	return 0;
}

int vfs_call(struct task_struct *p, int flags)
{
	return 0;
}

struct task_struct *bpf_task_acquire(struct task_struct *p)
{
	return p;
}

void bpf_task_release(struct task_struct *p)
{
}

struct task_struct *bpf_task_from_pid(int pid)
{
	return 0;
}

void bpf_rcu_read_lock(void)
{
}

void bpf_rcu_read_unlock(void)
{
}

struct rq runqueues __attribute__((section(".data..percpu"))) = {0};
int bpf_prog_active __attribute__((section(".data..percpu"))) = 0;
struct css_set init_css_set = {1};
struct mm_struct init_mm;
struct seq_file seq;
struct bpf_iter_meta__safe_trusted meta_trusted;
btf_trace_sched_switch trace_sched_switch;
btf_trace_kfree_skb trace_kfree_skb;
btf_trace_two_words trace_two_words;
struct task_struct__safe_rcu safe_rcu;
struct task_struct__safe_trusted safe_trusted;
struct mm_struct__safe_rcu_or_null safe_rcu_or_null;
