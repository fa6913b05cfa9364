// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Resilient spin locks. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct bpf_res_spin_lock {
	__u32 val;
};

struct bpf_list_head {
	__u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	__u64 opaque[3];
} __attribute__((aligned(8)));

extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __ksym;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock) __ksym;
extern int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags__irq_flag) __ksym;
extern void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, unsigned long *flags__irq_flag) __ksym;
extern void bpf_local_irq_save(unsigned long *flags__irq_flag) __ksym;
extern void bpf_local_irq_restore(unsigned long *flags__irq_flag) __ksym;
extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern void bpf_throw(__u64 cookie) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

struct item {
	struct bpf_list_node node;
	__u64 data;
};

struct value {
	struct bpf_res_spin_lock lock;
	int x;
};

struct plain {
	struct bpf_spin_lock lock;
	int x;
};

struct object {
	struct bpf_res_spin_lock lock;
	int x;
};

#define LIST __attribute__((btf_decl_tag("contains:item:node")))

struct listed {
	struct bpf_res_spin_lock lock;
	int x;
	struct bpf_list_head head LIST;
};

struct none {
	__u64 a;
};

#define MAP(name, kind, Value)                                                                                         \
	struct {                                                                                                       \
		int (*type)[BPF_MAP_TYPE_##kind];                                                                      \
		int (*max_entries)[4];                                                                                 \
		int *key;                                                                                              \
		Value *value;                                                                                          \
	} name SEC(".maps")

MAP(values, HASH, struct value);
MAP(plains, HASH, struct plain);
MAP(lists, HASH, struct listed);
MAP(nones, HASH, struct none);

struct bpf_res_spin_lock lock_a SEC(".data.A");
struct bpf_res_spin_lock lock_b SEC(".data.B");
long number;

static struct value *value(int key) {
	return bpf_map_lookup_elem(&values, &key);
}

SEC("tc") int ok_lock(struct __sk_buff *skb) {
	struct value *v = value(0);
	if (!v || bpf_res_spin_lock(&v->lock)) return 0;
	v->x++;
	bpf_res_spin_unlock(&v->lock);
	return 1;
}

SEC("tc") int ok_global(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	bpf_res_spin_unlock(&lock_a);
	return 1;
}

SEC("tc") int ok_errno(struct __sk_buff *skb) {
	int r = bpf_res_spin_lock(&lock_a);
	if (r < 0) return r;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("cgroup_skb/ingress") int bad_errno_as_result(struct __sk_buff *skb) {
	int r = bpf_res_spin_lock(&lock_a);
	if (r) return r;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int bad_unchecked(struct __sk_buff *skb) {
	bpf_res_spin_lock(&lock_a);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int bad_kept(struct __sk_buff *skb) {
	return bpf_res_spin_lock(&lock_a);
}

SEC("tc") int bad_unlock_when_failed(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int bad_unlock_alone(struct __sk_buff *skb) {
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int bad_again(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	if (!bpf_res_spin_lock(&lock_a)) bpf_res_spin_unlock(&lock_a);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int ok_two(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	if (!bpf_res_spin_lock(&lock_b)) bpf_res_spin_unlock(&lock_b);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int bad_order(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	if (bpf_res_spin_lock(&lock_b)) {
		bpf_res_spin_unlock(&lock_a);
		return 0;
	}
	bpf_res_spin_unlock(&lock_a);
	bpf_res_spin_unlock(&lock_b);
	return 0;
}

SEC("tc") int bad_other(struct __sk_buff *skb) {
	struct value *v = value(0);
	if (!v || bpf_res_spin_lock(&v->lock)) return 0;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

/* Two lookups may give the same value: the verifier cannot know. */
SEC("tc") int ok_two_lookups(struct __sk_buff *skb) {
	struct value *v = value(0), *w = value(1);
	if (!v || !w || bpf_res_spin_lock(&v->lock)) return 0;
	if (!bpf_res_spin_lock(&w->lock)) bpf_res_spin_unlock(&w->lock);
	bpf_res_spin_unlock(&v->lock);
	return 0;
}

SEC("tc") int ok_irq(struct __sk_buff *skb) {
	unsigned long flags;
	if (bpf_res_spin_lock_irqsave(&lock_a, &flags)) return 0;
	bpf_res_spin_unlock_irqrestore(&lock_a, &flags);
	return 0;
}

SEC("tc") int ok_irq_two(struct __sk_buff *skb) {
	unsigned long f, g;
	if (bpf_res_spin_lock_irqsave(&lock_a, &f)) return 0;
	if (!bpf_res_spin_lock_irqsave(&lock_b, &g)) bpf_res_spin_unlock_irqrestore(&lock_b, &g);
	bpf_res_spin_unlock_irqrestore(&lock_a, &f);
	return 0;
}

SEC("tc") int bad_irq_flags(struct __sk_buff *skb) {
	unsigned long f, g;
	if (bpf_res_spin_lock_irqsave(&lock_a, &f)) return 0;
	if (bpf_res_spin_lock_irqsave(&lock_b, &g)) {
		bpf_res_spin_unlock_irqrestore(&lock_a, &f);
		return 0;
	}
	bpf_res_spin_unlock_irqrestore(&lock_b, &f);
	bpf_res_spin_unlock_irqrestore(&lock_a, &g);
	return 0;
}

SEC("tc") int bad_irq_plain_unlock(struct __sk_buff *skb) {
	unsigned long flags;
	if (bpf_res_spin_lock_irqsave(&lock_a, &flags)) return 0;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int bad_irq_restore_native(struct __sk_buff *skb) {
	unsigned long flags;
	if (bpf_res_spin_lock_irqsave(&lock_a, &flags)) return 0;
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc") int bad_irq_class(struct __sk_buff *skb) {
	unsigned long f, g;
	bpf_local_irq_save(&f);
	if (bpf_res_spin_lock_irqsave(&lock_a, &g)) {
		bpf_local_irq_restore(&f);
		return 0;
	}
	bpf_res_spin_unlock_irqrestore(&lock_a, &f);
	bpf_local_irq_restore(&g);
	return 0;
}

SEC("tc") int ok_irq_inside(struct __sk_buff *skb) {
	unsigned long f, g;
	bpf_local_irq_save(&f);
	if (!bpf_res_spin_lock_irqsave(&lock_a, &g)) bpf_res_spin_unlock_irqrestore(&lock_a, &g);
	bpf_local_irq_restore(&f);
	return 0;
}

SEC("tc") int bad_irq_failed(struct __sk_buff *skb) {
	unsigned long flags;
	if (bpf_res_spin_lock_irqsave(&lock_a, &flags)) bpf_local_irq_restore(&flags);
	else bpf_res_spin_unlock_irqrestore(&lock_a, &flags);
	return 0;
}

SEC("tc") int bad_irq_flag_twice(struct __sk_buff *skb) {
	unsigned long flags;
	if (bpf_res_spin_lock_irqsave(&lock_a, &flags)) return 0;
	if (!bpf_res_spin_lock_irqsave(&lock_b, &flags)) bpf_res_spin_unlock_irqrestore(&lock_b, &flags);
	bpf_res_spin_unlock_irqrestore(&lock_a, &flags);
	return 0;
}

SEC("tc") int bad_irq_no_stack(struct __sk_buff *skb) {
	struct none *n = bpf_map_lookup_elem(&nones, &(int){0});
	if (n && !bpf_res_spin_lock_irqsave(&lock_a, (unsigned long *)n))
		bpf_res_spin_unlock_irqrestore(&lock_a, (unsigned long *)n);
	return 0;
}

SEC("tc") int bad_helper_under_lock(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	number = bpf_get_prandom_u32();
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

static __noinline int locked(int x) {
	if (bpf_res_spin_lock(&lock_b)) return 0;
	number += x;
	bpf_res_spin_unlock(&lock_b);
	return 1;
}

SEC("tc") int ok_function_under_lock(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	int r = locked(skb->len);
	bpf_res_spin_unlock(&lock_a);
	return r;
}

static __noinline int takes(void) {
	return bpf_res_spin_lock(&lock_a);
}

SEC("tc") int ok_taken_by_function(struct __sk_buff *skb) {
	if (takes()) return 0;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

__noinline int global(int x) {
	return locked(x);
}

SEC("tc") int ok_in_global(struct __sk_buff *skb) {
	return global(skb->len);
}

SEC("tc") int bad_global_under_lock(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	int r = global(skb->len);
	bpf_res_spin_unlock(&lock_a);
	return r;
}

SEC("tc") int bad_throw_under_lock(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	bpf_throw(0);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int ok_loop(struct __sk_buff *skb) {
	int i;
	for (i = 0; i < 8; i++) {
		if (bpf_res_spin_lock(&lock_a)) return 0;
		number += i;
		bpf_res_spin_unlock(&lock_a);
	}
	return 0;
}

SEC("tc") int ok_in_plain(struct __sk_buff *skb) {
	struct plain *p = bpf_map_lookup_elem(&plains, &(int){0});
	if (!p) return 0;
	bpf_spin_lock(&p->lock);
	if (!bpf_res_spin_lock(&lock_a)) bpf_res_spin_unlock(&lock_a);
	bpf_spin_unlock(&p->lock);
	return 0;
}

SEC("tc") int bad_plain_inside(struct __sk_buff *skb) {
	struct plain *p = bpf_map_lookup_elem(&plains, &(int){0});
	if (!p || bpf_res_spin_lock(&lock_a)) return 0;
	bpf_spin_lock(&p->lock);
	bpf_spin_unlock(&p->lock);
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int bad_plain_order(struct __sk_buff *skb) {
	struct plain *p = bpf_map_lookup_elem(&plains, &(int){0});
	if (!p) return 0;
	bpf_spin_lock(&p->lock);
	if (!bpf_res_spin_lock(&lock_a)) {
		bpf_spin_unlock(&p->lock);
		bpf_res_spin_unlock(&lock_a);
		return 0;
	}
	bpf_spin_unlock(&p->lock);
	return 0;
}

SEC("tc") int bad_plain_unlock(struct __sk_buff *skb) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	bpf_spin_unlock((struct bpf_spin_lock *)&lock_a);
	return 0;
}

SEC("tc") int bad_plain_lock(struct __sk_buff *skb) {
	struct plain *p = bpf_map_lookup_elem(&plains, &(int){0});
	if (p && !bpf_res_spin_lock((struct bpf_res_spin_lock *)&p->lock)) return 1;
	return 0;
}

/* Linux 6.18 gives objects no such field. */
SEC("tc") int bad_object(struct __sk_buff *skb) {
	struct object *o = bpf_obj_new_impl(bpf_core_type_id_local(struct object), NULL);
	if (!o) return 0;
	if (!bpf_res_spin_lock(&o->lock)) {
		o->x++;
		bpf_res_spin_unlock(&o->lock);
	}
	bpf_obj_drop_impl(o, NULL);
	return 0;
}

SEC("tc") int bad_object_without(struct __sk_buff *skb) {
	struct none *o = bpf_obj_new_impl(bpf_core_type_id_local(struct none), NULL);
	if (!o) return 0;
	if (!bpf_res_spin_lock((void *)o)) return 1;
	bpf_obj_drop_impl(o, NULL);
	return 0;
}

SEC("tc") int bad_maybe_null(struct __sk_buff *skb) {
	struct value *v = value(0);
	if (!bpf_res_spin_lock(&v->lock)) bpf_res_spin_unlock(&v->lock);
	return 0;
}

SEC("tc") int bad_stack(struct __sk_buff *skb) {
	struct bpf_res_spin_lock lock = {};
	if (!bpf_res_spin_lock(&lock)) bpf_res_spin_unlock(&lock);
	return 0;
}

SEC("tc") int bad_number(struct __sk_buff *skb) {
	return bpf_res_spin_lock((void *)8);
}

SEC("tc") int bad_offset(struct __sk_buff *skb) {
	struct value *v = value(0);
	if (v) bpf_res_spin_lock((void *)&v->lock + 4);
	return 0;
}

SEC("tc") int bad_variable_offset(struct __sk_buff *skb) {
	struct value *v = value(0);
	if (v) bpf_res_spin_lock((void *)&v->lock + (skb->len & 4));
	return 0;
}

SEC("tc") int bad_no_field(struct __sk_buff *skb) {
	struct none *n = bpf_map_lookup_elem(&nones, &(int){0});
	return n ? bpf_res_spin_lock((void *)n) : 0;
}

SEC("tc") int bad_touch(struct __sk_buff *skb) {
	struct value *v = value(0);
	if (v) v->lock.val = 0;
	return 0;
}

SEC("tc") int ok_list(struct __sk_buff *skb) {
	struct listed *l = bpf_map_lookup_elem(&lists, &(int){0});
	struct item *i;
	struct bpf_list_node *n;
	if (!l) return 0;
	i = bpf_obj_new_impl(bpf_core_type_id_local(struct item), NULL);
	if (!i) return 0;
	if (bpf_res_spin_lock(&l->lock)) {
		bpf_obj_drop_impl(i, NULL);
		return 0;
	}
	bpf_list_push_front_impl(&l->head, &i->node, NULL, 0);
	n = bpf_list_pop_front(&l->head);
	bpf_res_spin_unlock(&l->lock);
	if (n) bpf_obj_drop_impl((void *)n - offsetof(struct item, node), NULL);
	return 0;
}

SEC("tc") int bad_list_failed(struct __sk_buff *skb) {
	struct listed *l = bpf_map_lookup_elem(&lists, &(int){0});
	struct bpf_list_node *n;
	if (!l) return 0;
	if (!bpf_res_spin_lock(&l->lock)) {
		bpf_res_spin_unlock(&l->lock);
		return 0;
	}
	n = bpf_list_pop_front(&l->head);
	if (n) bpf_obj_drop_impl((void *)n - offsetof(struct item, node), NULL);
	return 0;
}

SEC("tc") int bad_list_other_lock(struct __sk_buff *skb) {
	struct listed *l = bpf_map_lookup_elem(&lists, &(int){0});
	struct bpf_list_node *n;
	if (!l || bpf_res_spin_lock(&lock_a)) return 0;
	n = bpf_list_pop_front(&l->head);
	bpf_res_spin_unlock(&lock_a);
	if (n) bpf_obj_drop_impl((void *)n - offsetof(struct item, node), NULL);
	return 0;
}

SEC("syscall") int ok_sleepable(void *ctx) {
	if (bpf_res_spin_lock(&lock_a)) return 0;
	bpf_res_spin_unlock(&lock_a);
	return 0;
}

SEC("socket") int bad_socket_filter(struct __sk_buff *skb) {
	return bpf_res_spin_lock(&lock_a);
}

SEC("kprobe") int bad_kprobe(void *ctx) {
	return bpf_res_spin_lock(&lock_a);
}

char LICENSE[] SEC("license") = "GPL";
