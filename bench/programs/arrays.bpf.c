// SPDX-License-Identifier: Apache-2.0
// Bench: arrays: 16 lookups with an increment each, in an ARRAY (array16) and in a PERCPU_ARRAY (percpu16).

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define ENTRIES 1024
#define MAPS(X) X(counters) X(percpu_counters)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} percpu_counters SEC(".maps");

#define LOOKUPS(name, map)                                                                                             \
	SEC("xdp")                                                                                                     \
	int name(struct xdp_md *ctx)                                                                                   \
	{                                                                                                              \
		unsigned char *data = (void *)(long)ctx->data;                                                         \
		__u32 base, sum = 0;                                                                                   \
                                                                                                                       \
		if (data + 64 > (unsigned char *)(long)ctx->data_end)                                                  \
			return 0;                                                                                      \
		base = *(__u16 *)(data + 50);                                                                          \
		for (int i = 0; i < 16; i++) {                                                                         \
			__u32 key = (base + i * 61) & (ENTRIES - 1);                                                   \
			__u64 *value = bpf_map_lookup_elem(&map, &key);                                                \
                                                                                                                       \
			if (value)                                                                                     \
				sum += ++*value;                                                                       \
		}                                                                                                      \
		return sum + base;                                                                                     \
	}

LOOKUPS(array16, counters)
LOOKUPS(percpu16, percpu_counters)
