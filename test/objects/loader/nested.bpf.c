// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A value whose structs nest in 2^27 ways: each has the next one twice, and nothing has a size.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TWICE(outer, inner) \
	struct outer { \
		struct inner a, b; \
	};
#define EIGHTFOLD(name, inner) TWICE(name##_1, inner) TWICE(name##_2, name##_1) TWICE(name, name##_2)

struct nothing {};
EIGHTFOLD(l1, nothing)
EIGHTFOLD(l2, l1)
EIGHTFOLD(l3, l2)
EIGHTFOLD(l4, l3)
EIGHTFOLD(l5, l4)
EIGHTFOLD(l6, l5)
EIGHTFOLD(l7, l6)
EIGHTFOLD(l8, l7)
EIGHTFOLD(l9, l8)

struct value {
	__u64 count;
	struct l9 nested;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} values SEC(".maps");
