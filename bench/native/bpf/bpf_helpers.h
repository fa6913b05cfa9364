// bpf_helpers.h of libbpf, for a bench program that is compiled as an ordinary C program: the yardstick is what a C
// compiler makes of the same source. Map definitions keep their shape: their types hold key and value sizes and the number
// of entries, so every lookup is specialised and inlined, and the unused member `type` holds the table's address. The hash
// table is open addressing with linear probing; one CPU, no locks.
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SEC(name)
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]

#define MAP_CONST(member) (sizeof(*(member)) / sizeof(int))
#define MAP_ARGS(map)                                                                                                  \
	*(void **)&(map)->type, MAP_CONST((map)->type), sizeof(*(map)->key), sizeof(*(map)->value),                   \
		MAP_CONST((map)->max_entries)

#define bpf_map_lookup_elem(map, k) native_lookup(MAP_ARGS(map), k)
#define bpf_map_update_elem(map, k, v, flags) native_update(MAP_ARGS(map), k, v, flags)
#define bpf_map_delete_elem(map, k) native_delete(MAP_ARGS(map), k)
#define bpf_tail_call(ctx, map, index)                                                                                 \
	do {                                                                                                           \
		if ((map)->values[index])                                                                              \
			return (map)->values[index](ctx);                                                              \
	} while (0)
#define bpf_printk(...) ((void)0)

static __always_inline int native_is_hash(__u32 type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_PERCPU_HASH;
}

/** Power of two, at most half full. */
static __always_inline __u32 native_slots(__u32 max_entries)
{
	return 2u << (32 - __builtin_clz(max_entries));
}

static __always_inline __u32 native_round(__u32 n)
{
	return (n + 7) & ~7u;
}

static __always_inline __u32 native_hash(const void *key, __u32 size)
{
	__u64 h = size;

	for (__u32 i = 0; i + 8 <= size; i += 8) {
		__u64 word;

		__builtin_memcpy(&word, (const char *)key + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	if (size & 4) {
		__u32 word;

		__builtin_memcpy(&word, (const char *)key + (size & ~7u), 4);
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

/** A slot: u64 in use, key, value. The count of elements stands before the first slot. */
static __always_inline char *native_slot(void *table, __u32 key_size, __u32 value_size, __u32 max_entries,
					 const void *key)
{
	__u32 stride = 8 + native_round(key_size) + native_round(value_size), mask = native_slots(max_entries) - 1;

	for (__u32 i = native_hash(key, key_size) & mask;; i = (i + 1) & mask) {
		char *slot = (char *)table + 8 + (size_t)i * stride;

		if (!*(__u64 *)slot || __builtin_memcmp(slot + 8, key, key_size) == 0)
			return slot;
	}
}

static __always_inline void *native_lookup(void *table, __u32 type, __u32 key_size, __u32 value_size, __u32 max_entries,
					   const void *key)
{
	char *slot;

	if (!native_is_hash(type)) {
		__u32 index = *(const __u32 *)key;

		return index < max_entries ? (char *)table + (size_t)index * native_round(value_size) : NULL;
	}
	slot = native_slot(table, key_size, value_size, max_entries, key);
	return *(__u64 *)slot ? slot + 8 + native_round(key_size) : NULL;
}

static __always_inline long native_update(void *table, __u32 type, __u32 key_size, __u32 value_size, __u32 max_entries,
					  const void *key, const void *value, __u64 flags)
{
	char *slot;

	if (!native_is_hash(type)) {
		void *at = native_lookup(table, type, key_size, value_size, max_entries, key);

		if (!at)
			return -E2BIG;
		__builtin_memcpy(at, value, value_size);
		return 0;
	}
	slot = native_slot(table, key_size, value_size, max_entries, key);
	if (*(__u64 *)slot) {
		if (flags == BPF_NOEXIST)
			return -EEXIST;
	} else {
		if (flags == BPF_EXIST)
			return -ENOENT;
		if (*(__u64 *)table == max_entries)
			return -E2BIG;
		++*(__u64 *)table;
		*(__u64 *)slot = 1;
		__builtin_memcpy(slot + 8, key, key_size);
	}
	__builtin_memcpy(slot + 8 + native_round(key_size), value, value_size);
	return 0;
}

/** Closes the gap, so that no marks of deleted elements stay behind. Hash tables only. */
static __always_inline long native_delete(void *table, __u32 type, __u32 key_size, __u32 value_size, __u32 max_entries,
					  const void *key)
{
	__u32 stride = 8 + native_round(key_size) + native_round(value_size), mask = native_slots(max_entries) - 1;
	char *slots = (char *)table + 8, *slot = native_slot(table, key_size, value_size, max_entries, key);
	__u32 gap = (slot - slots) / stride;

	if (!*(__u64 *)slot)
		return -ENOENT;
	--*(__u64 *)table;
	for (__u32 i = (gap + 1) & mask;; i = (i + 1) & mask) {
		char *next = slots + (size_t)i * stride;

		if (!*(__u64 *)next)
			break;
		if (((i - native_hash(next + 8, key_size)) & mask) < ((i - gap) & mask))
			continue;
		__builtin_memcpy(slots + (size_t)gap * stride, next, stride);
		gap = i;
	}
	*(__u64 *)(slots + (size_t)gap * stride) = 0;
	return 0;
}

static inline void *native_create(__u32 type, __u32 key_size, __u32 value_size, __u32 max_entries)
{
	if (!native_is_hash(type))
		return calloc(max_entries, native_round(value_size));
	return calloc(1, 8 + (size_t)native_slots(max_entries) * (8 + native_round(key_size) + native_round(value_size)));
}
