// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Work queues in map values, and objects for every CPU. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))

/* Of Linux 6.x: older headers lack them. */
struct bpf_wq {
	__u64 opaque[2];
} __attribute__((aligned(8)));

extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*callback)(void *map, int *key, void *value),
				    unsigned int flags, void *aux) __ksym;
extern void *bpf_percpu_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *p, void *meta) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

#define new_percpu(type) ((type *)bpf_percpu_obj_new_impl(bpf_core_type_id_local(type), NULL))

struct job {
	__u64 runs;
	struct bpf_wq work;
	struct bpf_timer timer;
};

struct counters {
	__u64 packets;
	__u64 bytes;
};

struct stash {
	struct counters __percpu_kptr *counters;
};

#define MAP(name, kind, entries, Value)                                                                                \
	struct {                                                                                                       \
		int (*type)[BPF_MAP_TYPE_##kind];                                                                      \
		int (*max_entries)[entries];                                                                           \
		int *key;                                                                                              \
		Value *value;                                                                                          \
	} name SEC(".maps")

MAP(jobs, ARRAY, 4, struct job);
MAP(others, HASH, 4, struct job);
MAP(stashes, ARRAY, 4, struct stash);

static struct job *job(int key) {
	return bpf_map_lookup_elem(&jobs, &key);
}

static struct stash *stash(int key) {
	return bpf_map_lookup_elem(&stashes, &key);
}

static int run(void *map, int *key, void *value) {
	((struct job *)value)->runs += *key;
	return 0;
}

static int sleeps(void *map, int *key, void *value) {
	struct job *j = value;
	bpf_copy_from_user(&j->runs, sizeof(j->runs), (void *)8);
	return 0;
}

static int one(void *map, int *key, void *value) {
	return 1;
}

SEC("tc") int ok_all(struct __sk_buff *skb) {
	struct job *j = job(1);
	if (!j) return 0;
	if (bpf_wq_init(&j->work, &jobs, 0)) return 1;
	if (bpf_wq_set_callback_impl(&j->work, run, 0, NULL)) return 2;
	return bpf_wq_start(&j->work, 0);
}

SEC("tc") int ok_sleeps(struct __sk_buff *skb) {
	struct job *j = job(1);
	return j ? bpf_wq_set_callback_impl(&j->work, sleeps, 0, NULL) : 0;
}

SEC("tc") int bad_timer_sleeps(struct __sk_buff *skb) {
	struct job *j = job(1);
	return j ? bpf_timer_set_callback(&j->timer, sleeps) : 0;
}

static int again(void *map, int *key, void *value) {
	struct job *j = value;
	bpf_timer_set_callback(&j->timer, run);
	bpf_wq_set_callback_impl(&j->work, again, 0, NULL);
	return 0;
}

SEC("tc") int ok_again(struct __sk_buff *skb) {
	struct job *j = job(1);
	return j ? bpf_wq_set_callback_impl(&j->work, again, 0, NULL) : 0;
}

SEC("tc") int bad_returns(struct __sk_buff *skb) {
	struct job *j = job(1);
	return j ? bpf_wq_set_callback_impl(&j->work, one, 0, NULL) : 0;
}

SEC("tc") int bad_other_map(struct __sk_buff *skb) {
	struct job *j = job(1);
	return j ? bpf_wq_init(&j->work, &others, 0) : 0;
}

SEC("tc") int bad_offset(struct __sk_buff *skb) {
	struct job *j = job(1);
	return j ? bpf_wq_start((void *)&j->timer, 0) : 0;
}

SEC("tc") int bad_stack(struct __sk_buff *skb) {
	struct bpf_wq w = {};
	return bpf_wq_start(&w, 0);
}

SEC("tc") int bad_null(struct __sk_buff *skb) {
	struct job *j = job(9);
	return bpf_wq_start((void *)j, 0);
}

SEC("tc") int bad_load(struct __sk_buff *skb) {
	struct job *j = job(1);
	return j ? *(int *)&j->work : 0;
}

SEC("tc") int bad_callback(struct __sk_buff *skb) {
	struct job *j = job(1);
	return j ? bpf_wq_set_callback_impl(&j->work, (void *)8, 0, NULL) : 0;
}

SEC("raw_tp/x") int bad_tracing(void *ctx) {
	return job(0) != NULL;
}

SEC("syscall") int ok_syscall(void *ctx) {
	struct job *j = job(1);
	return j ? bpf_wq_set_callback_impl(&j->work, sleeps, 0, NULL) : 0;
}

SEC("tc") int ok_percpu_read(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct counters *c, *mine;
	if (!s) return 0;
	c = s->counters;
	if (!c) return 0;
	mine = bpf_this_cpu_ptr(c);
	return mine->packets++;
}

SEC("tc") int ok_percpu_of_a_cpu(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct counters *c, *of;
	if (!s) return 0;
	c = s->counters;
	if (!c) return 0;
	of = bpf_per_cpu_ptr(c, skb->mark);
	return of ? of->bytes : 0;
}

/* There may be no such CPU. */
SEC("tc") int bad_percpu_of_a_cpu(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct counters *c, *of;
	if (!s) return 0;
	c = s->counters;
	if (!c) return 0;
	of = bpf_per_cpu_ptr(c, skb->mark);
	return of->bytes;
}

SEC("tc") int ok_percpu_after_exchange(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct counters *c, *old, *mine;
	if (!s) return 0;
	c = new_percpu(struct counters);
	if (!c) return 0;
	old = bpf_kptr_xchg(&s->counters, c);
	if (old) bpf_percpu_obj_drop_impl(old, NULL);
	mine = bpf_this_cpu_ptr(c);
	mine->packets = 1;
	return 0;
}

SEC("syscall") int bad_percpu_after_exchange_asleep(void *ctx) {
	struct stash *s = stash(0);
	struct counters *c, *old, *mine;
	if (!s) return 0;
	c = new_percpu(struct counters);
	if (!c) return 0;
	old = bpf_kptr_xchg(&s->counters, c);
	if (old) bpf_percpu_obj_drop_impl(old, NULL);
	mine = bpf_this_cpu_ptr(c);
	mine->packets = 1;
	return 0;
}

SEC("syscall") int bad_percpu_read_asleep(void *ctx) {
	struct stash *s = stash(0);
	struct counters *c;
	if (!s) return 0;
	c = s->counters;
	if (!c) return 0;
	c = bpf_this_cpu_ptr(c);
	return c->packets;
}

SEC("tc") int bad_percpu_behind(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct counters *c;
	if (!s) return 0;
	c = s->counters;
	if (!c) return 0;
	c = bpf_this_cpu_ptr(c);
	return ((__u64 *)c)[2];
}

char LICENSE[] SEC("license") = "GPL";
