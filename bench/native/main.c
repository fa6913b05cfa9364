// Runs a bench program that was compiled as ordinary C, over the same packets as the other engines:
//
//   cc -O2 -I bench/native -DPROGRAM='"x.bpf.c"' -DENTRY=x [-DFIREWALL] bench/native/main.c -o x && ./x packets updates
//
// It speaks the protocol of bench/peer.ts.
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define const // .rodata variables can be set before the first run, as a loader would do it
#include PROGRAM
#undef const

// xdp_md holds 32-bit addresses: the packets lie below 4 GiB.
#define LOW_ADDRESS ((void *)0x10000000)
#define HEADROOM 256

struct frame {
	struct xdp_md ctx;
	uint32_t r0;
};

static struct frame *frames;
static size_t packet_count;

static unsigned char *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	unsigned char *bytes = NULL;

	if (f && fseek(f, 0, SEEK_END) == 0) {
		*size = ftell(f);
		rewind(f);
		bytes = malloc(*size + 1);
		if (bytes && fread(bytes, 1, *size, f) != *size)
			bytes = NULL;
	}
	if (!bytes) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return bytes;
}

static void load_packets(const char *path)
{
	size_t size, total = 0;
	unsigned char *file = read_file(path, &size), *memory;

	for (size_t at = 0; at < size; packet_count++) {
		uint32_t length = *(uint32_t *)(file + at);
		total += HEADROOM + ((length + 63) & ~63u);
		at += 4 + length;
	}
	frames = calloc(packet_count, sizeof(*frames));
	memory = mmap(LOW_ADDRESS, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (memory != LOW_ADDRESS) {
		perror("mmap");
		exit(1);
	}
	for (size_t at = 0, i = 0; at < size; i++) {
		uint32_t length = *(uint32_t *)(file + at);

		memory += HEADROOM;
		memcpy(memory, file + at + 4, length);
		frames[i].ctx.data = frames[i].ctx.data_meta = (uint32_t)(uintptr_t)memory;
		frames[i].ctx.data_end = frames[i].ctx.data + length;
		memory += (length + 63) & ~63u;
		at += 4 + length;
	}
}

#ifdef FIREWALL
#define MAPS(X) X(blocked) X(rules) X(blocked_names) X(sources) X(verdicts) X(reasons) X(scratch)
#endif
#ifndef MAPS // X(map) for each map of the program
#define MAPS(X)
#endif

#define CREATE(map)                                                                                                    \
	*(void **)&map.type = native_create(MAP_CONST(map.type), sizeof(*map.key), sizeof(*map.value),                 \
					    MAP_CONST(map.max_entries));
#define IF_MAP(map)                                                                                                    \
	if (!strcmp(name, #map)) {                                                                                     \
		if (bpf_map_update_elem(&map, (void *)key, (void *)value, BPF_ANY))                                    \
			exit(1);                                                                                       \
		return;                                                                                                \
	}

static void create_maps(void)
{
	MAPS(CREATE)
}

static void update(const char *name, unsigned char *key, unsigned char *value)
{
	MAPS(IF_MAP)
#ifdef FIREWALL
	if (!strcmp(name, "default_action")) {
		default_action = *(uint32_t *)value;
		return;
	}
#endif
	fprintf(stderr, "no map or variable %s\n", name);
	exit(1);
}

static void load_updates(const char *path)
{
	size_t size;
	unsigned char *file = read_file(path, &size);

	for (size_t at = 0; at < size;) {
		char *name = (char *)file + at;
		uint32_t key = *(uint32_t *)(name + 32), value = *(uint32_t *)(name + 36);

		update(name, file + at + 40, file + at + 40 + key);
		at += 40 + key + value;
	}
}

static uint64_t fnv1a(uint64_t hash, void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ((unsigned char *)bytes)[i]) * 0x100000001b3;
	return hash;
}

/** Called through a pointer that the compiler cannot see through, like a program in a kernel. */
static int (*volatile entry)(struct xdp_md *) = ENTRY;

static void run_all(unsigned long repeat)
{
	int (*run)(struct xdp_md *) = entry;

	for (size_t i = 0; i < packet_count; i++)
		for (unsigned long n = 0; n < repeat; n++)
			frames[i].r0 = run(&frames[i].ctx);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t results = 0xcbf29ce484222325, packets = results;
	unsigned long passes, repeat;

	if (argc < 3)
		return 2;
	create_maps();
	load_packets(argv[1]);
	load_updates(argv[2]);
	run_all(1);
	for (size_t i = 0; i < packet_count; i++) {
		struct xdp_md *ctx = &frames[i].ctx;

		results = fnv1a(results, &frames[i].r0, 4);
		packets = fnv1a(packets, (void *)(uintptr_t)ctx->data, ctx->data_end - ctx->data);
	}
	printf("%016llx\n%016llx\n", (unsigned long long)results, (unsigned long long)packets);
	fflush(stdout);
	while (scanf("%lu %lu", &passes, &repeat) == 2) {
		uint64_t start = now();

		for (unsigned long i = 0; i < passes; i++)
			run_all(repeat);
		printf("%llu\n", (unsigned long long)(now() - start));
		fflush(stdout);
	}
	return 0;
}
