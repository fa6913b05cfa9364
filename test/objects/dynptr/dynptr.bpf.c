// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Dynptrs as arguments: of global functions (known by the name of their struct), of static ones, and of the callback of
// bpf_user_ringbuf_drain. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TAG(name) __attribute__((btf_decl_tag("arg:" name)))
#define UNKNOWN bpf_get_prandom_u32()

struct value {
	unsigned long long words[8];
};

struct {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[1];
	int *key;
	struct value *value;
} values SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_RINGBUF];
	int (*max_entries)[4096];
} records SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_USER_RINGBUF];
	int (*max_entries)[4096];
} commands SEC(".maps");

static struct value *value(void) {
	int zero = 0;
	return bpf_map_lookup_elem(&values, &zero);
}

__noinline int sum(const struct bpf_dynptr *p) {
	int word = 0;
	if (bpf_dynptr_read(&word, sizeof(word), p, 4, 0)) return -1;
	return word;
}

__noinline int store(struct bpf_dynptr *p, int x) {
	int *data = bpf_dynptr_data(p, 0, 8);
	if (!data) return -1;
	data[1] = x;
	return sum(p);
}

__noinline int submit(struct bpf_dynptr *p) {
	bpf_ringbuf_submit_dynptr(p, 0);
	return 0;
}

__noinline int remake(struct bpf_dynptr *p) {
	return bpf_ringbuf_reserve_dynptr(&records, 8, 0, p);
}

__noinline int peek(struct bpf_dynptr *p) {
	return *(int *)p;
}

__noinline int tagged(struct bpf_dynptr *p TAG("nonnull")) {
	return sum(p);
}

static __noinline int quiet(struct bpf_dynptr *p, int size) {
	char *data = bpf_dynptr_data(p, size == 1 ? 8 : 0, 8);
	return data ? data[3] : 0;
}

SEC("xdp")
int ok_global(struct xdp_md *ctx) {
	struct value *v = value();
	struct bpf_dynptr p;
	if (!v) return 0;
	bpf_dynptr_from_mem(v, sizeof(*v), 0, &p);
	return sum(&p) + store(&p, 7);
}

SEC("xdp")
int ok_global_ringbuf(struct xdp_md *ctx) {
	struct bpf_dynptr p;
	bpf_ringbuf_reserve_dynptr(&records, 32, 0, &p);
	store(&p, 3);
	bpf_ringbuf_submit_dynptr(&p, 0);
	return 0;
}

SEC("xdp")
int bad_global_uninit(struct xdp_md *ctx) {
	struct bpf_dynptr p = {};
	return sum(&p);
}

SEC("xdp")
int bad_global_number(struct xdp_md *ctx) {
	return sum((void *)(long)UNKNOWN);
}

SEC("xdp")
int bad_global_null(struct xdp_md *ctx) {
	return sum(NULL);
}

SEC("xdp")
int bad_global_value(struct xdp_md *ctx) {
	struct value *v = value();
	return v ? sum((void *)v) : 0;
}

SEC("xdp")
int bad_global_moved(struct xdp_md *ctx) {
	struct value *v = value();
	struct bpf_dynptr p[2];
	if (!v) return 0;
	bpf_dynptr_from_mem(v, sizeof(*v), 0, &p[0]);
	return sum((void *)p + 8);
}

SEC("xdp")
int bad_global_submits(struct xdp_md *ctx) {
	struct bpf_dynptr p;
	bpf_ringbuf_reserve_dynptr(&records, 32, 0, &p);
	return submit(&p);
}

SEC("xdp")
int bad_global_submits_after(struct xdp_md *ctx) {
	struct bpf_dynptr p;
	bpf_ringbuf_reserve_dynptr(&records, 32, 0, &p);
	submit(&p);
	bpf_ringbuf_discard_dynptr(&p, 0);
	return 0;
}

SEC("xdp")
int bad_global_remakes(struct xdp_md *ctx) {
	struct value *v = value();
	struct bpf_dynptr p;
	if (!v) return 0;
	bpf_dynptr_from_mem(v, sizeof(*v), 0, &p);
	return remake(&p);
}

SEC("xdp")
int bad_global_peeks(struct xdp_md *ctx) {
	struct value *v = value();
	struct bpf_dynptr p;
	if (!v) return 0;
	bpf_dynptr_from_mem(v, sizeof(*v), 0, &p);
	return peek(&p);
}

SEC("xdp")
int bad_tag(struct xdp_md *ctx) {
	struct bpf_dynptr p = {};
	return tagged(&p);
}

SEC("xdp")
int ok_static(struct xdp_md *ctx) {
	struct value *v = value();
	struct bpf_dynptr p;
	if (!v) return 0;
	bpf_dynptr_from_mem(v, sizeof(*v), 0, &p);
	return quiet(&p, UNKNOWN) + quiet(&p, 3);
}

SEC("xdp")
int bad_static(struct xdp_md *ctx) {
	struct bpf_dynptr p = {};
	return quiet(&p, UNKNOWN) + quiet(&p, 3);
}

/* Global functions do not keep their caller from using its slices. */
SEC("xdp")
int ok_slice_over_global(struct xdp_md *ctx) {
	struct value *v = value();
	struct bpf_dynptr p;
	int *data;
	if (!v) return 0;
	bpf_dynptr_from_mem(v, sizeof(*v), 0, &p);
	data = bpf_dynptr_data(&p, 0, 16);
	store(&p, 7);
	return data ? data[3] : 0;
}

struct sums {
	long total;
	int last;
};

static long add_up(struct bpf_dynptr *p, struct sums *sums) {
	int *data = bpf_dynptr_data(p, 0, sizeof(int));
	if (!data) return 1;
	sums->total += *data;
	return 0;
}

SEC("xdp")
int ok_drain(struct xdp_md *ctx) {
	struct sums sums = {};
	bpf_user_ringbuf_drain(&commands, add_up, &sums, 0);
	return sums.total;
}

static long copy_out(struct bpf_dynptr *p, struct sums *sums) {
	if (bpf_dynptr_read(sums, sizeof(*sums), p, 0, 0)) return 1;
	return sums->last == 5;
}

SEC("xdp")
int ok_drain_read(struct xdp_md *ctx) {
	struct sums sums = {};
	bpf_user_ringbuf_drain(&commands, copy_out, &sums, 0);
	return sums.total;
}

static long to_global(struct bpf_dynptr *p, void *unused) {
	return sum(p) & 1;
}

SEC("xdp")
int ok_drain_global(struct xdp_md *ctx) {
	bpf_user_ringbuf_drain(&commands, to_global, NULL, 0);
	return 0;
}

static long spills(struct bpf_dynptr *p, struct bpf_dynptr **keep) {
	*keep = p;
	return 0;
}

SEC("xdp")
int bad_drain_spills(struct xdp_md *ctx) {
	struct bpf_dynptr *keep = NULL;
	bpf_user_ringbuf_drain(&commands, spills, &keep, 0);
	return sum(keep);
}

static long submits(struct bpf_dynptr *p, void *unused) {
	bpf_ringbuf_submit_dynptr(p, 0);
	return 0;
}

SEC("xdp")
int bad_drain_submits(struct xdp_md *ctx) {
	bpf_user_ringbuf_drain(&commands, submits, NULL, 0);
	return 0;
}

static long discards(struct bpf_dynptr *p, void *unused) {
	bpf_ringbuf_discard_dynptr((void *)p + 8, 0);
	return 0;
}

SEC("xdp")
int bad_drain_discards_moved(struct xdp_md *ctx) {
	bpf_user_ringbuf_drain(&commands, discards, NULL, 0);
	return 0;
}

static long reads_it(struct bpf_dynptr *p, void *unused) {
	return *(long *)p;
}

SEC("xdp")
int bad_drain_peeks(struct xdp_md *ctx) {
	bpf_user_ringbuf_drain(&commands, reads_it, NULL, 0);
	return 0;
}

static long writes_it(struct bpf_dynptr *p, void *unused) {
	*(volatile long *)p = 0;
	return 0;
}

SEC("xdp")
int bad_drain_pokes(struct xdp_md *ctx) {
	bpf_user_ringbuf_drain(&commands, writes_it, NULL, 0);
	return 0;
}

static long moved(struct bpf_dynptr *p, void *unused) {
	bpf_dynptr_data((void *)p + 8, 0, 8);
	return 0;
}

SEC("xdp")
int bad_drain_moved(struct xdp_md *ctx) {
	bpf_user_ringbuf_drain(&commands, moved, NULL, 0);
	return 0;
}

static long made_again(struct bpf_dynptr *p, void *unused) {
	bpf_ringbuf_reserve_dynptr(&records, 8, 0, p);
	return 0;
}

SEC("xdp")
int bad_drain_made_again(struct xdp_md *ctx) {
	bpf_user_ringbuf_drain(&commands, made_again, NULL, 0);
	return 0;
}

static long too_much(struct bpf_dynptr *p, void *unused) {
	return 2;
}

SEC("xdp")
int bad_drain_result(struct xdp_md *ctx) {
	bpf_user_ringbuf_drain(&commands, too_much, NULL, 0);
	return 0;
}

static long reserves(unsigned index, void *unused) {
	struct bpf_dynptr p;
	bpf_ringbuf_reserve_dynptr(&records, 8, 0, &p);
	bpf_ringbuf_submit_dynptr(&p, 0);
	return 0;
}

SEC("xdp")
int ok_loop(struct xdp_md *ctx) {
	bpf_loop(100, reserves, NULL, 0);
	return 0;
}

static long leaks(unsigned index, void *unused) {
	struct bpf_dynptr p;
	bpf_ringbuf_reserve_dynptr(&records, 8, 0, &p);
	return 0;
}

SEC("xdp")
int bad_loop_leaks(struct xdp_md *ctx) {
	bpf_loop(100, leaks, NULL, 0);
	return 0;
}

static long uses(unsigned index, struct bpf_dynptr *p) {
	char *data = bpf_dynptr_data(p, 0, 8);
	if (data) data[1] = index;
	return 0;
}

SEC("xdp")
int ok_loop_uses(struct xdp_md *ctx) {
	struct bpf_dynptr p;
	bpf_ringbuf_reserve_dynptr(&records, 8, 0, &p);
	bpf_loop(100, uses, &p, 0);
	bpf_ringbuf_submit_dynptr(&p, 0);
	return 0;
}

static long ends(unsigned index, struct bpf_dynptr *p) {
	bpf_ringbuf_submit_dynptr(p, 0);
	return 1;
}

SEC("xdp")
int bad_loop_ends(struct xdp_md *ctx) {
	struct bpf_dynptr p;
	bpf_ringbuf_reserve_dynptr(&records, 8, 0, &p);
	bpf_loop(100, ends, &p, 0);
	return 0;
}

static long makes_it_again(unsigned index, struct bpf_dynptr *p) {
	struct value *v = value();
	if (v) bpf_dynptr_from_mem(v, 8, 0, p);
	return 0;
}

SEC("xdp")
int bad_loop_slice(struct xdp_md *ctx) {
	struct value *v = value();
	struct bpf_dynptr p;
	char *data;
	if (!v) return 0;
	bpf_dynptr_from_mem(v, sizeof(*v), 0, &p);
	data = bpf_dynptr_data(&p, 0, 64);
	if (!data) return 0;
	bpf_loop(2, makes_it_again, &p, 0);
	return data[60];
}

char LICENSE[] SEC("license") = "GPL";
