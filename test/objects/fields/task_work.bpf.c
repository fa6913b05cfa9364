// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Work that tasks do later. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
	int pid;
};

struct bpf_task_work {
	__u64 opaque;
} __attribute__((aligned(8)));

struct bpf_map {
	int id;
};

typedef int (*callback)(struct bpf_map *map, void *key, void *value);

extern int bpf_task_work_schedule_signal_impl(struct task_struct *task, struct bpf_task_work *tw, void *map__map,
					      callback later, void *aux__prog) __ksym;
extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *tw, void *map__map,
					      callback later, void *aux__prog) __ksym;
extern int bpf_copy_from_user_str(void *dst, __u32 dst__sz, const void *unsafe_ptr__ign, __u64 flags) __ksym;
extern struct task_struct *bpf_task_from_pid(int pid) __ksym;

struct value {
	char text[16];
	struct bpf_task_work work;
	__u64 runs;
};

struct plain {
	__u64 a[4];
};

#define MAP(name, kind, Value)                                                                                         \
	struct {                                                                                                       \
		int (*type)[BPF_MAP_TYPE_##kind];                                                                      \
		int (*max_entries)[4];                                                                                 \
		int *key;                                                                                              \
		Value *value;                                                                                          \
	} name SEC(".maps")

MAP(works, ARRAY, struct value);
MAP(sparse, HASH, struct value);
MAP(recent, LRU_HASH, struct value);
MAP(plains, ARRAY, struct plain);

struct inner_map {
	int (*type)[BPF_MAP_TYPE_HASH];
	int (*max_entries)[4];
	int *key;
	struct value *value;
} inner SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_ARRAY_OF_MAPS];
	int (*max_entries)[2];
	int (*key_size)[4];
	int (*value_size)[4];
	struct inner_map *values[];
} outer SEC(".maps") = {.values = {[0] = &inner}};

static int later(struct bpf_map *map, void *key, void *value) {
	struct value *v = value;
	v->runs++;
	return 7;
}

static int unbounded(struct bpf_map *map, void *key, void *value) {
	struct value *v = value;
	return v->runs;
}

static int negative(struct bpf_map *map, void *key, void *value) {
	return -5;
}

static struct value *value(void *map) {
	int key = 1;
	return bpf_map_lookup_elem(map, &key);
}

SEC("perf_event") int ok_signal(void *ctx) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &works, later, NULL);
}

/* Any int will do, but the register holds 64 bits. */
SEC("perf_event") int bad_result(void *ctx) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &works, unbounded, NULL);
}

SEC("perf_event") int bad_negative(void *ctx) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &works, negative, NULL);
}

SEC("perf_event") int ok_resume(void *ctx) {
	struct value *v = value(&sparse);
	if (v) bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &v->work, &sparse, later, NULL);
	return 0;
}

SEC("kprobe") int ok_lru(void *ctx) {
	struct value *v = value(&recent);
	if (v) bpf_task_work_schedule_resume_impl(bpf_get_current_task_btf(), &v->work, &recent, later, NULL);
	return 0;
}

static int sleeps(struct bpf_map *map, void *key, void *value) {
	struct value *v = value;
	bpf_copy_from_user_str(v->text, sizeof(v->text), (void *)8, 0);
	return 0;
}

SEC("tc") int ok_sleeps(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &works, sleeps, NULL);
}

static int again(struct bpf_map *map, void *key, void *value) {
	struct value *v = value;
	int other = *(int *)key;
	if (bpf_map_lookup_elem(map, &other)) v->runs++;
	bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &works, later, NULL);
	return 0;
}

SEC("tc") int ok_again(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &works, again, NULL);
}

static int too_far(struct bpf_map *map, void *key, void *value) {
	return ((char *)value)[sizeof(struct value)];
}

SEC("tc") int bad_callback(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &works, too_far, NULL);
}

SEC("tc") int ok_inner(struct __sk_buff *skb) {
	int key = 0;
	void *map = bpf_map_lookup_elem(&outer, &key);
	struct value *v = map ? value(map) : NULL;
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, map, later, NULL);
}

SEC("tc") int bad_other_inner(struct __sk_buff *skb) {
	int key = 0;
	void *map = bpf_map_lookup_elem(&outer, &key);
	void *other = bpf_map_lookup_elem(&outer, &key);
	struct value *v = map ? value(map) : NULL;
	if (!v || !other) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, other, later, NULL);
}

SEC("tc") int bad_other_map(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &sparse, later, NULL);
}

SEC("tc") int bad_plain_map(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &plains, later, NULL);
}

SEC("tc") int bad_no_map(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, v, later, NULL);
}

SEC("tc") int bad_null_map(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, NULL, later, NULL);
}

SEC("tc") int bad_null_work(struct __sk_buff *skb) {
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), NULL, &works, later, NULL);
}

SEC("tc") int bad_unchecked(struct __sk_buff *skb) {
	struct value *v = value(&sparse);
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &v->work, &sparse, later, NULL);
}

SEC("tc") int bad_stack(struct __sk_buff *skb) {
	struct bpf_task_work work = {};
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), &work, &works, later, NULL);
}

SEC("tc") int bad_offset(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), (void *)v, &works, later, NULL);
}

SEC("tc") int bad_no_field(struct __sk_buff *skb) {
	struct plain *p = (void *)value(&plains);
	if (!p) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_get_current_task_btf(), (void *)p, &plains, later, NULL);
}

SEC("tc") int bad_task_unchecked(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl(bpf_task_from_pid(1), &v->work, &works, later, NULL);
}

SEC("tc") int bad_no_task(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (!v) return 0;
	return bpf_task_work_schedule_signal_impl((void *)skb, &v->work, &works, later, NULL);
}

SEC("tc") int bad_touch(struct __sk_buff *skb) {
	struct value *v = value(&works);
	if (v) v->work.opaque = 0;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
