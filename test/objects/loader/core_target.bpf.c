// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The types of core.bpf.c as a kernel could have them. Only the BTF of this object counts.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum color { RED, YELLOW, GREEN = 17 };

struct inner {
	long extra;
	int a;
	int b[6];
};

struct thing {
	long added;
	union {
		int first;
		float other;
	};
	unsigned short shrinks;
	char *name;
	struct inner in;
	struct inner many[5];
	unsigned int front : 20;
	unsigned int low : 4;
	unsigned int high : 6;
	unsigned char sign;
	int once;
};

struct thing t;
enum color c;

SEC("xdp")
int use(struct xdp_md *ctx)
{
	return t.once + c;
}
