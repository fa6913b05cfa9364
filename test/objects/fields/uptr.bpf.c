// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Pointers to memory of users in map values. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define __uptr __attribute__((btf_type_tag("uptr")))

extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;

struct task_struct;

struct shared {
	int a;
	int b;
	__u64 sum;
	char text[64];
};

struct nested {
	struct shared __uptr *inner;
};

struct value {
	struct shared __uptr *user;
	struct nested nested;
	__u64 plain;
};

struct locked {
	struct bpf_spin_lock lock;
	int pad;
	struct shared __uptr *user;
};

struct sheet {
	char bytes[4096];
};

struct larger {
	char bytes[4097];
};

struct of_page {
	struct sheet __uptr *user;
};

struct bpf_map {
	unsigned int max_entries;
};

struct of_map {
	struct bpf_map __uptr *user;
};

struct of_larger {
	struct larger __uptr *user;
};

struct {
	int (*type)[BPF_MAP_TYPE_TASK_STORAGE];
	int (*map_flags)[BPF_F_NO_PREALLOC];
	int *key;
	struct value *value;
} values SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_TASK_STORAGE];
	int (*map_flags)[BPF_F_NO_PREALLOC];
	int *key;
	struct locked *value;
} locks SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_TASK_STORAGE];
	int (*map_flags)[BPF_F_NO_PREALLOC];
	int *key;
	struct of_page *value;
} pages SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_TASK_STORAGE];
	int (*map_flags)[BPF_F_NO_PREALLOC];
	int *key;
	struct of_larger *value;
} larges SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_TASK_STORAGE];
	int (*map_flags)[BPF_F_NO_PREALLOC];
	int *key;
	struct of_map *value;
} maps SEC(".maps");

/* clang tells BTF of structures behind pointers only their names. */
struct sheet a_sheet;
struct larger a_larger;
struct bpf_map a_map;

#define own(map) bpf_task_storage_get(&map, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE)

SEC("kprobe") int ok_read_and_write(void *ctx) {
	struct value *v = own(values);
	struct shared *s = v ? v->user : NULL;
	if (!s) return 0;
	s->sum = s->a + s->b;
	return 0;
}

SEC("kprobe") int ok_nested(void *ctx) {
	struct value *v = own(values);
	struct shared *s = v ? v->nested.inner : NULL;
	if (s) s->text[63] = 1;
	return 0;
}

SEC("kprobe") int ok_index(void *ctx) {
	struct value *v = own(values);
	struct shared *s = v ? v->user : NULL;
	if (s) s->text[bpf_get_prandom_u32() & 63]++;
	return 0;
}

SEC("kprobe") int bad_index(void *ctx) {
	struct value *v = own(values);
	struct shared *s = v ? v->user : NULL;
	if (s) s->text[bpf_get_prandom_u32() & 127]++;
	return 0;
}

SEC("kprobe") int bad_beyond(void *ctx) {
	struct value *v = own(values);
	struct shared *s = v ? v->user : NULL;
	if (s) s[1].a = 0;
	return 0;
}

SEC("kprobe") int bad_unchecked(void *ctx) {
	struct value *v = own(values);
	if (v) v->user->a = 0;
	return 0;
}

/* Each load may give another pointer. */
SEC("kprobe") int bad_loaded_again(void *ctx) {
	struct value *v = own(values);
	struct shared *volatile *p = v ? (struct shared *volatile *)&v->user : NULL;
	if (p && *p) (*p)->a = 0;
	return 0;
}

SEC("kprobe") int bad_write(void *ctx) {
	struct value *v = own(values);
	if (v) v->user = NULL;
	return 0;
}

SEC("kprobe") int bad_write_nested(void *ctx) {
	struct value *v = own(values);
	struct shared *s = v ? v->user : NULL;
	if (s) v->nested.inner = s;
	return 0;
}

SEC("kprobe") int bad_half(void *ctx) {
	struct value *v = own(values);
	return v ? *(volatile __u32 *)&v->user : 0;
}

SEC("kprobe") int bad_between(void *ctx) {
	struct value *v = own(values);
	return v ? *(volatile __u64 *)((char *)v + 4) : 0;
}

SEC("kprobe") int bad_xchg(void *ctx) {
	struct value *v = own(values);
	if (v) bpf_kptr_xchg(&v->user, NULL);
	return 0;
}

SEC("kprobe") int ok_helper(void *ctx) {
	struct value *v = own(values);
	struct shared *s = v ? v->user : NULL;
	if (s) bpf_get_current_comm(s->text, sizeof(s->text));
	return 0;
}

SEC("kprobe") int bad_helper(void *ctx) {
	struct value *v = own(values);
	if (v) bpf_get_current_comm(&v->user, 16);
	return 0;
}

static __noinline int sum(struct shared *s) {
	return s ? s->a + s->b : 0;
}

SEC("kprobe") int ok_function(void *ctx) {
	struct value *v = own(values);
	return v ? sum(v->user) : 0;
}

__noinline int global(struct shared *s) {
	return s ? s->a : 0;
}

SEC("kprobe") int ok_global(void *ctx) {
	struct value *v = own(values);
	return v ? global(v->user) : 0;
}

SEC("tc") int ok_under_lock(struct __sk_buff *skb) {
	struct locked *l = own(locks);
	struct shared *s;
	if (!l) return 0;
	bpf_spin_lock(&l->lock);
	s = l->user;
	if (s) s->sum++;
	bpf_spin_unlock(&l->lock);
	return s ? s->a : 0;
}

SEC("kprobe") int ok_page(void *ctx) {
	struct of_page *p = own(pages);
	struct sheet *page = p ? p->user : NULL;
	return page ? page->bytes[4095] : 0;
}

SEC("kprobe") int bad_behind_page(void *ctx) {
	struct of_page *p = own(pages);
	struct sheet *page = p ? p->user : NULL;
	return page ? page->bytes[4096] : 0;
}

/* Linux does not even make these maps: memory of users holds no structure of the kernel, and more than a page is not pinned. */
SEC("kprobe") int bad_of_kernel(void *ctx) {
	struct of_map *p = own(maps);
	struct bpf_map *m = p ? p->user : NULL;
	return m ? m->max_entries : 0;
}

SEC("kprobe") int bad_larger(void *ctx) {
	struct of_larger *p = own(larges);
	struct larger *l = p ? p->user : NULL;
	return l ? l->bytes[4095] : 0;
}

SEC("tc") int bad_in_object(struct __sk_buff *skb) {
	struct value *v = bpf_obj_new_impl(bpf_core_type_id_local(struct value), NULL);
	struct shared *s;
	int a = 0;
	if (!v) return 0;
	s = v->user;
	if (s) a = s->a;
	bpf_obj_drop_impl(v, NULL);
	return a;
}

char LICENSE[] SEC("license") = "GPL";
