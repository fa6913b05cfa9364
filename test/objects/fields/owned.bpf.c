// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Objects that programs allocate, keep in map values, lists and trees. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define __contains(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))

/* Of Linux 6.x: older headers lack them. */
struct bpf_list_head {
	__u64 opaque[2];
} __attribute__((aligned(8)));
struct bpf_list_node {
	__u64 opaque[3];
} __attribute__((aligned(8)));
struct bpf_rb_root {
	__u64 opaque[2];
} __attribute__((aligned(8)));
struct bpf_rb_node {
	__u64 opaque[4];
} __attribute__((aligned(8)));
struct bpf_refcount {
	__u32 opaque[1];
} __attribute__((aligned(4)));

extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_percpu_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *p, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       _Bool(less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta, __u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

#define new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define new_percpu(type) ((type *)bpf_percpu_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define drop(p) bpf_obj_drop_impl(p, NULL)
#define container(ptr, type, member) ((type *)((void *)(ptr) - offsetof(type, member)))

struct plain {
	__u64 a;
	__u32 b;
	struct plain *next;
};

struct counters {
	__u64 packets;
	__u64 bytes;
};

struct item {
	__u64 key;
	struct bpf_list_node link;
	__u64 data;
	struct bpf_rb_node leaf;
	struct bpf_refcount count;
};

struct other {
	__u64 key;
	struct bpf_list_node link;
};

struct leaf {
	struct bpf_rb_node node;
	__u64 key;
};

struct locked {
	struct bpf_spin_lock lock;
	int x;
};

struct bucket {
	struct bpf_spin_lock lock;
	int pad;
	struct bpf_list_head items __contains(item, link);
	struct bpf_rb_root tree __contains(leaf, node);
	struct bpf_list_head others __contains(other, link);
};

struct stash {
	struct plain __kptr *plain;
	struct item __kptr *item;
	struct counters __percpu_kptr *counters;
	__u64 number;
};

#define MAP(name, kind, entries, Value)                                                                                \
	struct {                                                                                                       \
		int (*type)[BPF_MAP_TYPE_##kind];                                                                      \
		int (*max_entries)[entries];                                                                           \
		int *key;                                                                                              \
		Value *value;                                                                                          \
	} name SEC(".maps")

MAP(buckets, ARRAY, 4, struct bucket);
MAP(stashes, HASH, 4, struct stash);

static struct bucket *bucket(int key) {
	return bpf_map_lookup_elem(&buckets, &key);
}

static struct stash *stash(int key) {
	return bpf_map_lookup_elem(&stashes, &key);
}

SEC("tc") int ok_new(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	if (!p) return 0;
	p->a = skb->len;
	p->b = p->a + 1;
	int result = p->b + ((__u64)p->next & 1);
	drop(p);
	return result;
}

SEC("tc") int bad_lost(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	return p != NULL;
}

SEC("tc") int bad_untested(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	p->a = 1;
	return 0;
}

SEC("tc") int bad_dropped_twice(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	if (!p) return 0;
	drop(p);
	drop(p);
	return 0;
}

SEC("tc") int bad_used_after_drop(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	if (!p) return 0;
	drop(p);
	return p->a;
}

SEC("tc") int bad_behind_the_end(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	if (!p) return 0;
	((__u64 *)p)[3] = 1;
	drop(p);
	return 0;
}

SEC("tc") int bad_follows_pointer(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	int r;
	if (!p) return 0;
	r = p->next->b;
	drop(p);
	return r;
}

SEC("tc") int bad_id(struct __sk_buff *skb) {
	void *p = bpf_obj_new_impl(1 << 20, NULL);
	if (p) drop(p);
	return 0;
}

SEC("tc") int bad_id_large(struct __sk_buff *skb) {
	void *p = bpf_obj_new_impl(1ULL << 33, NULL);
	if (p) drop(p);
	return 0;
}

SEC("tc") int bad_id_unknown(struct __sk_buff *skb) {
	void *p = bpf_obj_new_impl(skb->len, NULL);
	if (p) drop(p);
	return 0;
}

SEC("tc") int bad_drop_moved(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	if (!p) return 0;
	bpf_obj_drop_impl(&p->b, NULL);
	return 0;
}

SEC("tc") int bad_drop_stack(struct __sk_buff *skb) {
	struct plain p = {};
	drop(&p);
	return 0;
}

SEC("tc") int ok_atomic(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	if (!p) return 0;
	__sync_fetch_and_add(&p->a, 3);
	drop(p);
	return 0;
}

SEC("tc") int ok_lock_in_object(struct __sk_buff *skb) {
	struct locked *p = new(struct locked);
	if (!p) return 0;
	bpf_spin_lock(&p->lock);
	p->x++;
	bpf_spin_unlock(&p->lock);
	drop(p);
	return 0;
}

SEC("tc") int bad_locks_of_two(struct __sk_buff *skb) {
	struct locked *p = new(struct locked), *q;
	if (!p) return 0;
	q = new(struct locked);
	if (!q) {
		drop(p);
		return 0;
	}
	bpf_spin_lock(&p->lock);
	bpf_spin_unlock(&q->lock);
	drop(p);
	drop(q);
	return 0;
}

SEC("tc") int bad_no_lock(struct __sk_buff *skb) {
	struct plain *p = new(struct plain);
	if (!p) return 0;
	bpf_spin_lock((void *)p);
	bpf_spin_unlock((void *)p);
	drop(p);
	return 0;
}

SEC("tc") int bad_reads_lock(struct __sk_buff *skb) {
	struct locked *p = new(struct locked);
	int r;
	if (!p) return 0;
	r = *(int *)&p->lock;
	drop(p);
	return r;
}

SEC("tc") int ok_stash(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct plain *p;
	if (!s) return 0;
	p = new(struct plain);
	if (!p) return 0;
	p = bpf_kptr_xchg(&s->plain, p);
	if (p) drop(p);
	return 0;
}

SEC("tc") int bad_stash_wrong(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct item *p;
	if (!s) return 0;
	p = new(struct item);
	if (!p) return 0;
	p = bpf_kptr_xchg((void *)&s->plain, p);
	if (p) drop(p);
	return 0;
}

SEC("tc") int bad_stash_loses(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct plain *p;
	if (!s) return 0;
	p = new(struct plain);
	if (!p) return 0;
	bpf_kptr_xchg(&s->plain, p);
	return 0;
}

SEC("tc") int ok_reads_stashed(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct plain *p;
	if (!s) return 0;
	p = s->plain;
	if (!p) return 0;
	p->b = 3;
	return p->a;
}

SEC("tc") int bad_drops_stashed(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct plain *p;
	if (!s) return 0;
	p = s->plain;
	if (p) drop(p);
	return 0;
}

SEC("syscall") int ok_reads_stashed_asleep(void *ctx) {
	struct stash *s = stash(0);
	struct plain *p;
	if (!s) return 0;
	p = s->plain;
	return p ? p->next ? 1 : p->b : 0;
}

SEC("syscall") int bad_writes_stashed_asleep(void *ctx) {
	struct stash *s = stash(0);
	struct plain *p;
	if (!s) return 0;
	p = s->plain;
	if (p) p->a = 1;
	return 0;
}

SEC("tc") int ok_refcount(struct __sk_buff *skb) {
	struct item *a = new(struct item), *b;
	if (!a) return 0;
	b = bpf_refcount_acquire_impl(a, NULL);
	b->key = 3;
	drop(a);
	drop(b);
	return 0;
}

SEC("tc") int bad_refcount_lost(struct __sk_buff *skb) {
	struct item *a = new(struct item);
	if (!a) return 0;
	bpf_refcount_acquire_impl(a, NULL);
	drop(a);
	return 0;
}

SEC("tc") int ok_refcount_stashed(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct item *a, *b;
	if (!s) return 0;
	a = s->item;
	if (!a) return 0;
	b = bpf_refcount_acquire_impl(a, NULL);
	if (!b) return 0;
	b->data = a->key;
	drop(b);
	return 0;
}

SEC("tc") int ok_percpu(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct counters *c;
	if (!s) return 0;
	c = new_percpu(struct counters);
	if (!c) return 0;
	c = bpf_kptr_xchg(&s->counters, c);
	if (c) bpf_percpu_obj_drop_impl(c, NULL);
	return 0;
}

SEC("tc") int bad_percpu_drop(struct __sk_buff *skb) {
	struct counters *c = new_percpu(struct counters);
	if (c) drop(c);
	return 0;
}

SEC("tc") int bad_plain_percpu_drop(struct __sk_buff *skb) {
	struct counters *c = new(struct counters);
	if (c) bpf_percpu_obj_drop_impl(c, NULL);
	return 0;
}

SEC("tc") int bad_refcount_uncounted(struct __sk_buff *skb) {
	struct locked *a = new(struct locked), *b;
	if (!a) return 0;
	b = bpf_refcount_acquire_impl(a, NULL);
	drop(a);
	drop(b);
	return 0;
}

SEC("tc") int bad_refcount_of_nothing(struct __sk_buff *skb) {
	struct stash *s = stash(0);
	struct item *b;
	if (!s) return 0;
	b = bpf_refcount_acquire_impl(s, NULL);
	if (b) drop(b);
	return 0;
}

SEC("tc") int bad_percpu_read(struct __sk_buff *skb) {
	struct counters *c = new_percpu(struct counters);
	int r;
	if (!c) return 0;
	r = c->packets;
	bpf_percpu_obj_drop_impl(c, NULL);
	return r;
}

SEC("tc") int bad_percpu_pointers(struct __sk_buff *skb) {
	struct plain *c = new_percpu(struct plain);
	if (c) bpf_percpu_obj_drop_impl(c, NULL);
	return 0;
}

SEC("tc") int bad_percpu_lock(struct __sk_buff *skb) {
	struct locked *c = new_percpu(struct locked);
	if (c) bpf_percpu_obj_drop_impl(c, NULL);
	return 0;
}

SEC("tc") int ok_list(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct item *i;
	struct bpf_list_node *n;
	if (!b) return 0;
	i = new(struct item);
	if (!i) return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_push_front_impl(&b->items, &i->link, NULL, 0);
	i->key = 3;
	n = bpf_list_pop_front(&b->items);
	bpf_spin_unlock(&b->lock);
	if (n) drop(container(n, struct item, link));
	return 0;
}

SEC("tc") int bad_list_unlocked(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct item *i;
	if (!b) return 0;
	i = new(struct item);
	if (!i) return 0;
	bpf_list_push_back_impl(&b->items, &i->link, NULL, 0);
	return 0;
}

SEC("tc") int bad_list_other_lock(struct __sk_buff *skb) {
	struct bucket *b = bucket(0), *c;
	struct bpf_list_node *n;
	if (!b) return 0;
	c = bucket(skb->mark);
	if (!c) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_list_pop_front(&c->items);
	bpf_spin_unlock(&b->lock);
	if (n) drop(container(n, struct item, link));
	return 0;
}

SEC("tc") int bad_list_used_after_unlock(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct item *i;
	if (!b) return 0;
	i = new(struct item);
	if (!i) return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_push_front_impl(&b->items, &i->link, NULL, 0);
	bpf_spin_unlock(&b->lock);
	return i->key;
}

SEC("tc") int bad_list_pushed_twice(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct item *i;
	if (!b) return 0;
	i = new(struct item);
	if (!i) return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_push_front_impl(&b->items, &i->link, NULL, 0);
	bpf_list_push_back_impl(&b->items, &i->link, NULL, 0);
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int bad_list_dropped(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct item *i;
	if (!b) return 0;
	i = new(struct item);
	if (!i) return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_push_front_impl(&b->items, &i->link, NULL, 0);
	drop(i);
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int bad_list_wrong_type(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct other *o;
	if (!b) return 0;
	o = new(struct other);
	if (!o) return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_push_front_impl(&b->items, &o->link, NULL, 0);
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int bad_list_no_node(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct item *i;
	if (!b) return 0;
	i = new(struct item);
	if (!i) return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_push_front_impl(&b->items, (void *)&i->data, NULL, 0);
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int bad_list_no_head(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_list_node *n;
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_list_pop_front((void *)&b->tree);
	bpf_spin_unlock(&b->lock);
	if (n) drop(container(n, struct item, link));
	return 0;
}

SEC("tc") int bad_list_variable(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_list_node *n;
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_list_pop_front((void *)b + (skb->len & 8));
	bpf_spin_unlock(&b->lock);
	if (n) drop(container(n, struct item, link));
	return 0;
}

SEC("tc") int bad_list_pop_lost(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_pop_front(&b->items);
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int ok_list_front(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_list_node *n;
	int r = 0;
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_list_front(&b->items);
	if (n) r = container(n, struct item, link)->key;
	bpf_spin_unlock(&b->lock);
	return r;
}

SEC("tc") int bad_list_front_after_unlock(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_list_node *n;
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_list_front(&b->others);
	bpf_spin_unlock(&b->lock);
	return n ? container(n, struct other, link)->key : 0;
}

SEC("tc") int bad_list_front_loads_node(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_list_node *n;
	int r = 0;
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_list_front(&b->items);
	if (n) r = *(int *)n;
	bpf_spin_unlock(&b->lock);
	return r;
}

SEC("tc") int bad_list_value_load(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	return b ? *(int *)&b->items : 0;
}

static _Bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b) {
	return container(a, struct leaf, node)->key < container(b, struct leaf, node)->key;
}

static _Bool less_drops(struct bpf_rb_node *a, const struct bpf_rb_node *b) {
	drop(container(a, struct leaf, node));
	return 0;
}

static _Bool less_removes(struct bpf_rb_node *a, const struct bpf_rb_node *b) {
	struct bucket *x = bucket(0);
	return x != NULL;
}

static _Bool less_unlocks(struct bpf_rb_node *a, const struct bpf_rb_node *b) {
	bpf_spin_unlock((void *)a);
	return 0;
}

static int less_returns(struct bpf_rb_node *a, const struct bpf_rb_node *b) {
	return container(a, struct leaf, node)->key;
}

static inline __attribute__((always_inline)) int add(_Bool (*cmp)(struct bpf_rb_node *, const struct bpf_rb_node *)) {
	struct bucket *b = bucket(0);
	struct leaf *l;
	if (!b) return 0;
	l = new(struct leaf);
	if (!l) return 0;
	l->key = 7;
	bpf_spin_lock(&b->lock);
	bpf_rbtree_add_impl(&b->tree, &l->node, cmp, NULL, 0);
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int ok_tree_add(struct __sk_buff *skb) {
	return add(less);
}

SEC("tc") int bad_tree_less_drops(struct __sk_buff *skb) {
	return add(less_drops);
}

SEC("tc") int bad_tree_less_helper(struct __sk_buff *skb) {
	return add(less_removes);
}

SEC("tc") int bad_tree_less_unlocks(struct __sk_buff *skb) {
	return add(less_unlocks);
}

SEC("tc") int bad_tree_less_returns(struct __sk_buff *skb) {
	return add((void *)less_returns);
}

SEC("tc") int ok_tree_remove(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_rb_node *n;
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_rbtree_first(&b->tree);
	if (n) n = bpf_rbtree_remove(&b->tree, n);
	bpf_spin_unlock(&b->lock);
	if (n) drop(container(n, struct leaf, node));
	return 0;
}

SEC("tc") int ok_tree_walk(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_rb_node *n, *m;
	int r = 0;
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_rbtree_first(&b->tree);
	if (n) {
		m = bpf_rbtree_left(&b->tree, n);
		if (m) r = container(m, struct leaf, node)->key;
	}
	bpf_spin_unlock(&b->lock);
	return r;
}

SEC("tc") int ok_tree_remove_new(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_rb_node *n;
	struct leaf *l;
	if (!b) return 0;
	l = new(struct leaf);
	if (!l) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_rbtree_remove(&b->tree, &l->node);
	bpf_spin_unlock(&b->lock);
	if (n) drop(container(n, struct leaf, node));
	drop(l);
	return 0;
}

SEC("tc") int bad_tree_unlocked(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	return b ? bpf_rbtree_first(&b->tree) != NULL : 0;
}

SEC("tc") int bad_tree_wrong_node(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct item *i;
	if (!b) return 0;
	i = new(struct item);
	if (!i) return 0;
	bpf_spin_lock(&b->lock);
	bpf_rbtree_add_impl(&b->tree, &i->leaf, less, NULL, 0);
	bpf_spin_unlock(&b->lock);
	return 0;
}

SEC("tc") int bad_tree_drop_first(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_rb_node *n;
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_rbtree_first(&b->tree);
	bpf_spin_unlock(&b->lock);
	if (n) drop(container(n, struct leaf, node));
	return 0;
}

SEC("tc") int ok_tree_refcount(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct bpf_list_node *n;
	struct item *mine = NULL;
	if (!b) return 0;
	bpf_spin_lock(&b->lock);
	n = bpf_list_front(&b->items);
	if (n) mine = bpf_refcount_acquire_impl(container(n, struct item, link), NULL);
	bpf_spin_unlock(&b->lock);
	if (mine) {
		mine->key++;
		drop(mine);
	}
	return 0;
}

SEC("tc") int ok_shared(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct item *i, *j;
	int r;
	if (!b) return 0;
	i = new(struct item);
	if (!i) return 0;
	j = bpf_refcount_acquire_impl(i, NULL);
	bpf_spin_lock(&b->lock);
	bpf_list_push_back_impl(&b->items, &i->link, NULL, 0);
	r = i->key;
	bpf_spin_unlock(&b->lock);
	j->data = r;
	drop(j);
	return 0;
}

SEC("tc") int bad_kept_after_unlock(struct __sk_buff *skb) {
	struct bucket *b = bucket(0);
	struct item *i;
	if (!b) return 0;
	i = new(struct item);
	if (!i) return 0;
	bpf_spin_lock(&b->lock);
	bpf_list_push_back_impl(&b->items, &i->link, NULL, 0);
	bpf_spin_unlock(&b->lock);
	i = bpf_refcount_acquire_impl(i, NULL);
	if (i) drop(i);
	return 0;
}

struct holder {
	struct bpf_spin_lock lock;
	struct bpf_list_head list __contains(other, link);
	struct plain __kptr *plain;
};

SEC("tc") int ok_list_in_object(struct __sk_buff *skb) {
	struct holder *h = new(struct holder);
	struct bpf_list_node *n;
	struct other *o;
	if (!h) return 0;
	o = new(struct other);
	if (!o) {
		drop(h);
		return 0;
	}
	bpf_spin_lock(&h->lock);
	bpf_list_push_back_impl(&h->list, &o->link, NULL, 0);
	n = bpf_list_pop_front(&h->list);
	bpf_spin_unlock(&h->lock);
	if (n) drop(container(n, struct other, link));
	drop(h);
	return 0;
}

SEC("tc") int ok_stash_in_object(struct __sk_buff *skb) {
	struct holder *h = new(struct holder);
	struct plain *p;
	if (!h) return 0;
	p = new(struct plain);
	if (!p) {
		drop(h);
		return 0;
	}
	p = bpf_kptr_xchg(&h->plain, p);
	if (p) drop(p);
	drop(h);
	return 0;
}

SEC("tc") int bad_reads_pointer_in_object(struct __sk_buff *skb) {
	struct holder *h = new(struct holder);
	int r;
	if (!h) return 0;
	r = h->plain != NULL;
	drop(h);
	return r;
}

SEC("tc") int bad_list_in_object_other_lock(struct __sk_buff *skb) {
	struct holder *h = new(struct holder);
	struct bucket *b = bucket(0);
	if (!h) return 0;
	if (b) {
		bpf_spin_lock(&b->lock);
		bpf_list_front(&h->list);
		bpf_spin_unlock(&b->lock);
	}
	drop(h);
	return 0;
}

SEC("raw_tp/x") int bad_tracing(void *ctx) {
	return bucket(0) != NULL;
}

char LICENSE[] SEC("license") = "GPL";
