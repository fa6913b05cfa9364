// SPDX-License-Identifier: Apache-2.0
// Bench: hash tables with keys of 4, 8, 16 and 20 bytes. lookupN: 16 lookups that hit, with an increment each; updateN:
// 16 times a new key is put in and taken out again. User space has put in the keys of the ids below ENTRIES.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define ENTRIES 1024
#define MAPS(X) X(hash4) X(hash8) X(hash16) X(hash20)

#define HASH(size)                                                                                                     \
	struct key##size {                                                                                             \
		__u32 w[size / 4];                                                                                     \
	};                                                                                                             \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_HASH);                                                                       \
		__uint(max_entries, 2 * ENTRIES);                                                                      \
		__type(key, struct key##size);                                                                         \
		__type(value, __u64);                                                                                  \
	} hash##size SEC(".maps");                                                                                     \
                                                                                                                       \
	static __always_inline void set##size(struct key##size *key, __u32 id)                                         \
	{                                                                                                              \
		for (int j = 0; j < size / 4; j++)                                                                     \
			key->w[j] = id + j * 0x10001;                                                                  \
	}                                                                                                              \
                                                                                                                       \
	SEC("xdp")                                                                                                     \
	int lookup##size(struct xdp_md *ctx)                                                                           \
	{                                                                                                              \
		unsigned char *data = (void *)(long)ctx->data;                                                         \
		struct key##size key;                                                                                  \
		__u32 base, sum = 0;                                                                                   \
                                                                                                                       \
		if (data + 64 > (unsigned char *)(long)ctx->data_end)                                                  \
			return 0;                                                                                      \
		base = *(__u16 *)(data + 50);                                                                          \
		for (int i = 0; i < 16; i++) {                                                                         \
			set##size(&key, (base + i * 61) & (ENTRIES - 1));                                              \
			__u64 *value = bpf_map_lookup_elem(&hash##size, &key);                                         \
                                                                                                                       \
			if (value)                                                                                     \
				sum += ++*value;                                                                       \
		}                                                                                                      \
		return sum + base;                                                                                     \
	}                                                                                                              \
                                                                                                                       \
	SEC("xdp")                                                                                                     \
	int update##size(struct xdp_md *ctx)                                                                           \
	{                                                                                                              \
		unsigned char *data = (void *)(long)ctx->data;                                                         \
		struct key##size key;                                                                                  \
		__u32 base, failed = 0;                                                                                \
                                                                                                                       \
		if (data + 64 > (unsigned char *)(long)ctx->data_end)                                                  \
			return 0;                                                                                      \
		base = *(__u16 *)(data + 50);                                                                          \
		for (int i = 0; i < 16; i++) {                                                                         \
			__u64 value = base;                                                                            \
                                                                                                                       \
			set##size(&key, ENTRIES + ((base + i * 61) & (ENTRIES - 1)));                                  \
			if (bpf_map_update_elem(&hash##size, &key, &value, BPF_NOEXIST))                               \
				failed++;                                                                              \
			if (bpf_map_delete_elem(&hash##size, &key))                                                    \
				failed++;                                                                              \
		}                                                                                                      \
		return base + (failed << 16);                                                                          \
	}

HASH(4)
HASH(8)
HASH(16)
HASH(20)
