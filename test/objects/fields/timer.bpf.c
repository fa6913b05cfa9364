// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Timers in map values. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MONOTONIC 1

struct alarm {
	__u64 rings;
	struct bpf_timer timer;
	__u64 last;
};

struct locked {
	struct bpf_spin_lock lock;
	int pad;
	struct bpf_timer timer;
};

struct two {
	struct bpf_timer first;
	struct bpf_timer second;
};

struct plain {
	__u64 a[4];
};

#define MAP(name, kind, entries, Value)                                                                                \
	struct {                                                                                                       \
		int (*type)[BPF_MAP_TYPE_##kind];                                                                      \
		int (*max_entries)[entries];                                                                           \
		int *key;                                                                                              \
		Value *value;                                                                                          \
	} name SEC(".maps")

MAP(alarms, ARRAY, 4, struct alarm);
MAP(others, ARRAY, 4, struct alarm);
MAP(sparse, HASH, 64, struct alarm);
MAP(recent, LRU_HASH, 64, struct alarm);
MAP(locks, HASH, 4, struct locked);
MAP(pairs, HASH, 4, struct two);
MAP(numbers, HASH, 4, struct plain);

struct {
	int (*type)[BPF_MAP_TYPE_HASH];
	int (*max_entries)[4];
	int (*key_size)[4];
	int (*value_size)[32];
} untyped SEC(".maps");

struct inner_map {
	int (*type)[BPF_MAP_TYPE_HASH];
	int (*max_entries)[4];
	int *key;
	struct alarm *value;
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_ARRAY_OF_MAPS];
	int (*max_entries)[2];
	int *key;
	struct inner_map *values[];
} outer SEC(".maps") = {.values = {[0] = &inner_a, [1] = &inner_b}};

static int ring(void *map, int *key, struct alarm *a) {
	a->rings++;
	a->last = *key;
	return 0;
}

static struct alarm *alarm_at(void *map, int key) {
	return bpf_map_lookup_elem(map, &key);
}

SEC("tc") int ok_all(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 1);
	if (!a) return 0;
	bpf_timer_init(&a->timer, &alarms, MONOTONIC);
	bpf_timer_set_callback(&a->timer, ring);
	bpf_timer_start(&a->timer, 1000, 0);
	return bpf_timer_cancel(&a->timer);
}

SEC("tc") int ok_hash(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&sparse, skb->mark);
	if (!a) return 0;
	a->last = 7;
	if (bpf_timer_init(&a->timer, &sparse, MONOTONIC)) return 1;
	return bpf_timer_set_callback(&a->timer, ring);
}

SEC("tc") int ok_lru(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&recent, skb->mark);
	return a ? bpf_timer_start(&a->timer, skb->len, 1) : 0;
}

static int again(void *map, int *key, struct alarm *a) {
	bpf_timer_set_callback(&a->timer, again);
	bpf_timer_start(&a->timer, 1000000, 0);
	return 0;
}

SEC("tc") int ok_starts_itself(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, again) : 0;
}

static int second(void *map, int *key, struct alarm *a);

static int first(void *map, int *key, struct alarm *a) {
	if (a->rings++ < 10) bpf_timer_set_callback(&a->timer, second);
	return 0;
}

static int second(void *map, int *key, struct alarm *a) {
	bpf_timer_set_callback(&a->timer, a->last ? first : second);
	return 0;
}

SEC("tc") int ok_take_turns(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, first) : 0;
}

static __noinline int work(struct alarm *a, int n) {
	int sum = 0;
	for (int i = 0; i < 10; i++) sum += a->last * n;
	return sum;
}

static int busy(void *map, int *key, struct alarm *a) {
	char local[16] = {};
	a->last = work(a, *key);
	bpf_map_update_elem(&numbers, key, local, 0);
	return 0;
}

static int busy2(void *map, int *key, struct alarm *a) {
	struct alarm *other = alarm_at(map, 3);
	if (other && other != a) {
		bpf_timer_cancel(&other->timer);
		other->last = work(a, 3);
	}
	bpf_map_delete_elem(map, key);
	return 0;
}

SEC("tc") int bad_value_size(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, busy) : 0;
}

SEC("tc") int ok_calls(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, busy2) : 0;
}

static int positive(void *map, int *key, struct alarm *a) {
	return 1;
}

static int unknown(void *map, int *key, struct alarm *a) {
	return a->last;
}

static int bounded(void *map, int *key, struct alarm *a) {
	return a->last & 3;
}

SEC("tc") int bad_returns_one(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, positive) : 0;
}

SEC("tc") int bad_returns_unknown(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, unknown) : 0;
}

SEC("tc") int bad_returns_bounded(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, bounded) : 0;
}

static void *returns_pointer(void *map, int *key, struct alarm *a) {
	return a;
}

SEC("tc") int bad_returns_pointer(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, returns_pointer) : 0;
}

static int forever(void *map, int *key, struct alarm *a) {
	for (;;)
		asm volatile("");
	return 0;
}

SEC("tc") int bad_endless(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, forever) : 0;
}

static int outside(void *map, int *key, struct alarm *a) {
	((__u64 *)a)[4] = 1;
	return 0;
}

SEC("tc") int bad_outside(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, outside) : 0;
}

static int writes_key(void *map, int *key, struct alarm *a) {
	*key = 1;
	return 0;
}

SEC("tc") int bad_writes_key(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, writes_key) : 0;
}

static int three_numbers(int a, int b, int c) {
	return 0;
}

SEC("tc") int ok_odd_arguments(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, three_numbers) : 0;
}

SEC("tc") int bad_offset(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_start((void *)&a->rings, 0, 0) : 0;
}

SEC("tc") int bad_offset_behind(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_cancel((void *)&a->timer + 4) : 0;
}

SEC("tc") int bad_variable(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_start((void *)a + (skb->len & 8), 0, 0) : 0;
}

SEC("tc") int bad_stack(struct __sk_buff *skb) {
	struct bpf_timer t = {};
	return bpf_timer_init(&t, &alarms, 0);
}

SEC("tc") int bad_null(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 9);
	return bpf_timer_cancel((void *)a);
}

SEC("tc") int bad_no_timer(struct __sk_buff *skb) {
	struct plain *a = (void *)alarm_at(&numbers, 0);
	return a ? bpf_timer_cancel((void *)a) : 0;
}

SEC("tc") int bad_untyped(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&untyped, 0);
	return a ? bpf_timer_cancel((void *)a) : 0;
}

SEC("tc") int bad_two(struct __sk_buff *skb) {
	struct two *t = (void *)alarm_at(&pairs, 0);
	return t ? bpf_timer_cancel(&t->first) : 0;
}

SEC("tc") int ok_two_are_plain(struct __sk_buff *skb) {
	struct two *t = (void *)alarm_at(&pairs, 0);
	return t ? *(int *)&t->first : 0;
}

SEC("tc") int bad_other_map(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_init(&a->timer, &others, MONOTONIC) : 0;
}

SEC("tc") int bad_map_is_number(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_init(&a->timer, (void *)5, MONOTONIC) : 0;
}

SEC("tc") int bad_callback_is_number(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, (void *)5) : 0;
}

SEC("tc") int bad_load(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? *(int *)((void *)a + 12) : 0;
}

SEC("tc") int bad_store(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	if (a) *(char *)((void *)a + 8) = 1;
	return 0;
}

SEC("tc") int bad_variable_store(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	if (a) *((char *)a + (skb->len & 15)) = 1;
	return 0;
}

SEC("tc") int bad_helper_writes(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	if (a) bpf_skb_load_bytes(skb, 0, a, sizeof(*a));
	return 0;
}

SEC("tc") int bad_in_lock(struct __sk_buff *skb) {
	struct locked *l = (void *)alarm_at(&locks, 0);
	if (!l) return 0;
	bpf_spin_lock(&l->lock);
	bpf_timer_start(&l->timer, 0, 0);
	bpf_spin_unlock(&l->lock);
	return 0;
}

static int takes_lock(void *map, int *key, struct locked *l) {
	bpf_spin_lock(&l->lock);
	l->pad++;
	bpf_spin_unlock(&l->lock);
	return 0;
}

static int keeps_lock(void *map, int *key, struct locked *l) {
	bpf_spin_lock(&l->lock);
	return 0;
}

SEC("tc") int ok_takes_lock(struct __sk_buff *skb) {
	struct locked *l = (void *)alarm_at(&locks, 0);
	return l ? bpf_timer_set_callback(&l->timer, takes_lock) : 0;
}

SEC("tc") int bad_keeps_lock(struct __sk_buff *skb) {
	struct locked *l = (void *)alarm_at(&locks, 0);
	return l ? bpf_timer_set_callback(&l->timer, keeps_lock) : 0;
}

SEC("tc") int ok_inner(struct __sk_buff *skb) {
	int zero = 0;
	void *map = bpf_map_lookup_elem(&outer, &zero);
	if (!map) return 0;
	struct alarm *a = alarm_at(map, 0);
	return a ? bpf_timer_init(&a->timer, map, MONOTONIC) : 0;
}

SEC("tc") int bad_inner(struct __sk_buff *skb) {
	int zero = 0, one = 1;
	void *map = bpf_map_lookup_elem(&outer, &zero);
	if (!map) return 0;
	void *map2 = bpf_map_lookup_elem(&outer, &one);
	if (!map2) return 0;
	struct alarm *a = alarm_at(map, 0);
	return a ? bpf_timer_init(&a->timer, map2, MONOTONIC) : 0;
}

SEC("tc") int bad_inner_and_outer(struct __sk_buff *skb) {
	int zero = 0;
	void *map = bpf_map_lookup_elem(&outer, &zero);
	if (!map) return 0;
	struct alarm *a = alarm_at(map, 0);
	return a ? bpf_timer_init(&a->timer, &alarms, MONOTONIC) : 0;
}

static long each(void *map, int *key, struct alarm *a, void *ctx) {
	bpf_timer_init(&a->timer, map, MONOTONIC);
	bpf_timer_set_callback(&a->timer, ring);
	return 0;
}

SEC("tc") int ok_for_each(struct __sk_buff *skb) {
	return bpf_for_each_map_elem(&alarms, each, NULL, 0);
}

static long looped(__u32 i, void *ctx) {
	struct alarm *a = alarm_at(&alarms, i);
	if (a) bpf_timer_set_callback(&a->timer, again);
	return 0;
}

SEC("tc") int ok_in_loop(struct __sk_buff *skb) {
	return bpf_loop(5, looped, NULL, 0);
}

static long numbers_only(__u32 i, long ctx) {
	return i + ctx > 100;
}

SEC("tc") int ok_loop_of_numbers(struct __sk_buff *skb) {
	int x = 0;
	return bpf_loop(5, numbers_only, NULL, 0) + bpf_loop(5, numbers_only, &x, 0);
}

static int sleeps(void *map, int *key, struct alarm *a) {
	bpf_copy_from_user(&a->last, sizeof(a->last), (void *)8);
	return 0;
}

SEC("syscall") int bad_sleeps(void *ctx) {
	struct alarm *a = alarm_at(&alarms, 0);
	if (!a) return 0;
	bpf_copy_from_user(&a->last, sizeof(a->last), (void *)8);
	return bpf_timer_set_callback(&a->timer, sleeps);
}

SEC("syscall") int ok_syscall(void *ctx) {
	struct alarm *a = alarm_at(&alarms, 0);
	if (!a) return 0;
	bpf_timer_set_callback(&a->timer, ring);
	return bpf_copy_from_user(&a->last, sizeof(a->last), (void *)8);
}

SEC("xdp") int ok_xdp(struct xdp_md *ctx) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, ring) : 0;
}

SEC("socket") int ok_socket(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_cancel(&a->timer) : 0;
}

SEC("kprobe/x") int bad_tracing(void *ctx) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? a->rings : 0;
}

SEC("perf_event") int bad_perf_event(void *ctx) {
	return alarm_at(&sparse, 0) != 0;
}

static __noinline int deep(int *p) {
	char local[400];
	__builtin_memset(local, *p, sizeof(local));
	asm volatile("" ::"r"(local) : "memory");
	return local[*p & 63];
}

static int uses_stack(void *map, int *key, struct alarm *a) {
	a->last = deep(key);
	return 0;
}

static int too_deep(void *map, int *key, struct alarm *a) {
	char local[200];
	__builtin_memset(local, *key, sizeof(local));
	asm volatile("" ::"r"(local) : "memory");
	a->last = deep(key);
	return 0;
}

SEC("tc") int ok_stack_of_its_own(struct __sk_buff *skb) {
	char local[300];
	struct alarm *a = alarm_at(&alarms, 0);
	__builtin_memset(local, skb->len, sizeof(local));
	asm volatile("" ::"r"(local) : "memory");
	if (a) bpf_timer_set_callback(&a->timer, uses_stack);
	return local[skb->mark & 255];
}

SEC("tc") int bad_stack_of_callback(struct __sk_buff *skb) {
	struct alarm *a = alarm_at(&alarms, 0);
	return a ? bpf_timer_set_callback(&a->timer, too_deep) : 0;
}

SEC("tc") int bad_called_directly_too(struct __sk_buff *skb) {
	char local[300];
	int key = 1;
	struct alarm *a = alarm_at(&alarms, 0);
	__builtin_memset(local, skb->len, sizeof(local));
	asm volatile("" ::"r"(local) : "memory");
	if (a) {
		bpf_timer_set_callback(&a->timer, uses_stack);
		deep(&key);
	}
	return local[skb->mark & 255];
}

char LICENSE[] SEC("license") = "GPL";
