// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// An arena with variables, a list and global functions. clang 16 knows no address spaces: casts are instructions by their
// bytes, on r1, and the variables name the section that newer compilers put them into.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TAG(name) __attribute__((btf_decl_tag("arg:" name)))
#define __arena_var SEC(".addr_space.1")
#define START (1ull << 40)

typedef __u64 address;

void *bpf_arena_alloc_pages(void *map, void *addr, __u32 pages, int node, __u64 flags) __ksym;
void bpf_arena_free_pages(void *map, void *addr, __u32 pages) __ksym;

struct {
	__uint(type, 33); /* BPF_MAP_TYPE_ARENA: newer than the headers of Debian 12 */
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
	enum { start = START } map_extra;
} arena SEC(".maps");

/* r1 = addr_space_cast(r1, 0, 1) */
static __always_inline void *to_program(address at) {
	register address r1 asm("r1") = at;
	asm volatile(".8byte 0x00000001000111bf" : "+r"(r1));
	return (void *)r1;
}

/* r1 = addr_space_cast(r1, 1, 0) */
static __always_inline address to_user(void *p) {
	register void *r1 asm("r1") = p;
	asm volatile(".8byte 0x00010000000111bf" : "+r"(r1));
	return (address)r1;
}

/* Addresses are of user space, so that it can follow them, too. */
struct node {
	address next;
	__u64 value;
};

__u64 counter __arena_var = 40;
address head __arena_var;

__noinline int sum(struct node *list TAG("arena")) {
	address at = (address)list;
	__u64 total = 0;

	for (int i = 0; i < 100 && at; i++) {
		struct node *n = to_program(at);
		total += n->value;
		at = n->next;
	}
	return total;
}

__noinline int tagged_twice(struct node *n TAG("arena") TAG("nonnull")) {
	return n != NULL;
}

static __noinline int tagged_static(struct node *n TAG("arena")) {
	return *(volatile int *)to_program((address)n);
}

SEC("syscall") int ok_count(void *ctx) {
	__u64 *p = to_program((address)&counter);
	return ++*p;
}

SEC("syscall") int ok_push(void *ctx) {
	address *first = to_program((address)&head);
	void *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);

	if (!page) return -1;
	struct node *n = to_program((address)page);
	n->next = *first;
	n->value = *(int *)to_program((address)&counter);
	*first = to_user(n);
	return sum((struct node *)(address)*first);
}

SEC("syscall") int ok_pop(void *ctx) {
	address *first = to_program((address)&head);
	address page = *first;

	if (!page) return 0;
	*first = *(address *)to_program(page);
	bpf_arena_free_pages(&arena, (void *)page, 1);
	return sum((struct node *)*first);
}

SEC("syscall") int ok_pointer(void *ctx) {
	return sum(to_program((address)&head));
}

SEC("syscall") int ok_static(void *ctx) {
	return tagged_static(to_program((address)&counter));
}

SEC("syscall") int bad_context(void *ctx) {
	*(volatile int *)to_program((address)&counter);
	return sum(ctx);
}

SEC("syscall") int bad_stack(void *ctx) {
	struct node n = { 0, *(int *)to_program((address)&counter) };
	return sum(&n);
}

SEC("syscall") int bad_tags(void *ctx) {
	return tagged_twice(to_program((address)&counter));
}

SEC("syscall") int bad_uncast(void *ctx) {
	return *(volatile int *)&counter;
}

SEC("syscall") int bad_no_arena(void *ctx) {
	return *(int *)to_program(0);
}

char LICENSE[] SEC("license") = "GPL";
