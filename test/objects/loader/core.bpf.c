// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// CO-RE relocations of every kind; core_target.bpf.c has the same types with other layouts.

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define CORE __attribute__((preserve_access_index))

enum color { RED, GREEN = 5, GONE = 9 };

struct inner {
	int a;
	int b[4];
} CORE;

struct thing {
	int first;
	unsigned int shrinks;
	struct inner in;
	struct inner many[3];
	unsigned int low : 3;
	unsigned int high : 7;
	signed char sign;
	char *name;
	long vanished;
} CORE;

struct thing___old {
	int once;
} CORE;

struct inner___a {
	int a;
} CORE;

struct absent {
	int x;
} CORE;

#define T ((struct thing *)(long)ctx->data)

#define PROGRAM(fn, value)                                                                                             \
	SEC("xdp")                                                                                                     \
	long fn(struct xdp_md *ctx)                                                                                    \
	{                                                                                                              \
		return value;                                                                                          \
	}

PROGRAM(offset, __builtin_preserve_field_info(T->in.b[2], BPF_FIELD_BYTE_OFFSET))
PROGRAM(element, __builtin_preserve_field_info(T->many[2].a, BPF_FIELD_BYTE_OFFSET))
PROGRAM(second, __builtin_preserve_field_info(T[1].first, BPF_FIELD_BYTE_OFFSET))
PROGRAM(size, __builtin_preserve_field_info(T->shrinks, BPF_FIELD_BYTE_SIZE))
PROGRAM(array_size, __builtin_preserve_field_info(T->in.b, BPF_FIELD_BYTE_SIZE))
PROGRAM(is_signed, __builtin_preserve_field_info(T->sign, BPF_FIELD_SIGNED))
PROGRAM(exists, bpf_core_field_exists(T->name))
PROGRAM(exists_not, bpf_core_field_exists(T->vanished))
PROGRAM(flavour, bpf_core_field_exists(((struct thing___old *)T)->once))
PROGRAM(bit_offset, __builtin_preserve_field_info(T->high, BPF_FIELD_BYTE_OFFSET))
PROGRAM(bit_size, __builtin_preserve_field_info(T->high, BPF_FIELD_BYTE_SIZE))
PROGRAM(lshift, __builtin_preserve_field_info(T->high, BPF_FIELD_LSHIFT_U64))
PROGRAM(rshift, __builtin_preserve_field_info(T->high, BPF_FIELD_RSHIFT_U64))
PROGRAM(type_exists, bpf_core_type_exists(struct thing))
PROGRAM(type_exists_not, bpf_core_type_exists(struct absent))
PROGRAM(type_size, bpf_core_type_size(struct thing))
PROGRAM(type_matches, bpf_core_type_matches(struct inner___a))
PROGRAM(type_matches_not, bpf_core_type_matches(struct inner))
PROGRAM(enum_exists, bpf_core_enum_value_exists(enum color, GREEN))
PROGRAM(enum_exists_not, bpf_core_enum_value_exists(enum color, GONE))
PROGRAM(enum_value, bpf_core_enum_value(enum color, GREEN))
PROGRAM(poisoned, __builtin_preserve_field_info(T->vanished, BPF_FIELD_BYTE_OFFSET))

// A load whose offset and width change.
PROGRAM(load, T->shrinks)

char LICENSE[] SEC("license") = "GPL";
