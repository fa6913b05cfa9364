// SPDX-License-Identifier: Apache-2.0
//
// The live kernel as an oracle: creates maps, loads programs and test-runs them, and nothing else. Never attaches.
//
// One request per line on stdin, one answer per line on stdout. A request is a verb and key=value words, an answer is
// "ok key=value ..." or "err errno=N ...". Bytes are hex, "-" is no bytes. Map and program handles are this process's
// file descriptors; they start high, so that a number standing in a tested program is hardly ever one of them.
//
//   hello                                                                   -> ok release= cpus=
//   map    type= key= value= max= [flags= extra= inner= name= btf= key_type= value_type= caps=bpf]  -> ok fd=
//   btf    data=                                                            -> ok fd=
//   update fd= key= value= [flags=]                                         -> ok
//   lookup fd= key= size= [flags=]                                          -> ok value=
//   delete fd= key=                                                         -> ok
//   next   fd= key= size=                                                   -> ok key=        (key=-: the first one)
//   freeze fd=                                                              -> ok
//   dump   fd= key_size= value_size=                                        -> ok n= entries=key:value,...
//   load   type= attach= flags= log= logsize= license=HEX insns=HEX|@FILE [refs=slot:fd:kind:off,...] [caps=bpf] [name=] [btf=FD finfo=HEX]
//          [attach_btf_id= attach_prog=FD]
//                                                                           -> ok|err fd= ns= log=
//   run    fd= data= ctx= [repeat= out=BYTES flags=]                        -> ok retval= ns= len= data= ctx=
//   close  fd=                                                              -> ok

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define MAX_WORDS 32
#ifndef BPF_PSEUDO_MAP_VALUE
#define BPF_PSEUDO_MAP_VALUE 2
#endif

struct bytes {
	unsigned char *at;
	size_t len;
};

static struct {
	char *key, *value;
} words[MAX_WORDS];
static int n_words;
static int first_fd = 512;

static const char *word(const char *key)
{
	for (int i = 0; i < n_words; i++)
		if (!strcmp(words[i].key, key))
			return words[i].value;
	return NULL;
}

static uint64_t number(const char *key, uint64_t otherwise)
{
	const char *v = word(key);
	return v ? strtoull(v, NULL, 0) : otherwise;
}

static void *allocate(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p) {
		fprintf(stderr, "oracle: out of memory\n");
		exit(1);
	}
	return p;
}

static int nibble(char c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

// The bytes of a hex word (or of a file: "@path"); len 0 when the word is absent or "-". `spare` zero bytes follow.
static struct bytes bytes_of(const char *key, size_t spare)
{
	const char *v = word(key);
	struct bytes b = {NULL, 0};
	if (v && v[0] == '@') {
		FILE *f = fopen(v + 1, "rb");
		if (f && !fseek(f, 0, SEEK_END)) {
			long size = ftell(f);
			rewind(f);
			b.at = allocate(size + spare);
			b.len = fread(b.at, 1, size, f);
		}
		if (f)
			fclose(f);
	} else if (v && v[0] != '-') {
		b.len = strlen(v) / 2;
		b.at = allocate(b.len + spare);
		for (size_t i = 0; i < b.len; i++)
			b.at[i] = nibble(v[2 * i]) << 4 | nibble(v[2 * i + 1]);
	}
	if (!b.at)
		b.at = allocate(spare);
	return b;
}

static void print_hex(const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = bytes;
	if (!len)
		putchar('-');
	for (size_t i = 0; i < len; i++) {
		putchar(digits[b[i] >> 4]);
		putchar(digits[b[i] & 15]);
	}
}

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static uint64_t ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

// Moves a new descriptor to first_fd or above.
static long high_fd(long fd)
{
	if (fd < 0)
		return fd;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, first_fd);
	int why = errno;
	close(fd);
	errno = why;
	return high;
}

// "ok fd=N" or "err errno=N".
static void answer_fd(long fd)
{
	if (fd < 0)
		printf("err errno=%d\n", errno);
	else
		printf("ok fd=%ld\n", fd);
}

static void answer(long result)
{
	if (result < 0)
		printf("err errno=%d\n", errno);
	else
		printf("ok\n");
}

static int possible_cpus(void)
{
	int last = 0, value;
	char sep;
	FILE *f = fopen("/sys/devices/system/cpu/possible", "r");
	if (!f)
		return 1;
	while (fscanf(f, "%d", &value) == 1) {
		last = value;
		if (fscanf(f, "%c", &sep) != 1)
			break;
	}
	fclose(f);
	return last + 1;
}

static void do_hello(void)
{
	struct utsname u;
	uname(&u);
	printf("ok release=%s cpus=%d\n", u.release, possible_cpus());
}

// Keeps only CAP_BPF and CAP_NET_ADMIN effective, or gives everything back that is permitted.
static void limit_caps(int limit)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {0};
	syscall(SYS_capget, &header, data);
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	if (limit) {
		data[0].effective = 1u << CAP_NET_ADMIN;
		data[1].effective = 1u << (CAP_BPF - 32);
	}
	syscall(SYS_capset, &header, data);
}

static void do_map(void)
{
	union bpf_attr attr = {0};
	const char *name = word("name");
	attr.map_type = number("type", 0);
	attr.key_size = number("key", 0);
	attr.value_size = number("value", 0);
	attr.max_entries = number("max", 0);
	attr.map_flags = number("flags", 0);
	attr.map_extra = number("extra", 0);
	attr.inner_map_fd = number("inner", 0);
	attr.btf_fd = number("btf", 0);
	attr.btf_key_type_id = number("key_type", 0);
	attr.btf_value_type_id = number("value_type", 0);
	if (name)
		strncpy(attr.map_name, name, sizeof(attr.map_name) - 1);
	if (word("caps"))
		limit_caps(1);
	long fd = bpf(BPF_MAP_CREATE, &attr);
	int why = errno;
	if (word("caps"))
		limit_caps(0);
	errno = why;
	answer_fd(high_fd(fd));
}

static void do_btf(void)
{
	union bpf_attr attr = {0};
	struct bytes data = bytes_of("data", 0);
	attr.btf = ptr(data.at);
	attr.btf_size = data.len;
	answer_fd(high_fd(bpf(BPF_BTF_LOAD, &attr)));
	free(data.at);
}

static void do_update(void)
{
	union bpf_attr attr = {0};
	struct bytes key = bytes_of("key", 0), value = bytes_of("value", 0);
	attr.map_fd = number("fd", -1);
	attr.key = key.len ? ptr(key.at) : 0;
	attr.value = ptr(value.at);
	attr.flags = number("flags", 0);
	answer(bpf(BPF_MAP_UPDATE_ELEM, &attr));
	free(key.at);
	free(value.at);
}

static void do_lookup(void)
{
	union bpf_attr attr = {0};
	struct bytes key = bytes_of("key", 0);
	size_t size = number("size", 0);
	void *value = allocate(size);
	attr.map_fd = number("fd", -1);
	attr.key = key.len ? ptr(key.at) : 0;
	attr.value = ptr(value);
	attr.flags = number("flags", 0);
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr) < 0) {
		printf("err errno=%d\n", errno);
	} else {
		printf("ok value=");
		print_hex(value, size);
		putchar('\n');
	}
	free(key.at);
	free(value);
}

static void do_delete(void)
{
	union bpf_attr attr = {0};
	struct bytes key = bytes_of("key", 0);
	attr.map_fd = number("fd", -1);
	attr.key = ptr(key.at);
	answer(bpf(BPF_MAP_DELETE_ELEM, &attr));
	free(key.at);
}

static long next_key(int fd, const void *key, void *next)
{
	union bpf_attr attr = {0};
	attr.map_fd = fd;
	attr.key = ptr(key);
	attr.next_key = ptr(next);
	return bpf(BPF_MAP_GET_NEXT_KEY, &attr);
}

static void do_next(void)
{
	struct bytes key = bytes_of("key", 0);
	size_t size = number("size", 0);
	void *next = allocate(size);
	if (next_key(number("fd", -1), key.len ? key.at : NULL, next) < 0) {
		printf("err errno=%d\n", errno);
	} else {
		printf("ok key=");
		print_hex(next, size);
		putchar('\n');
	}
	free(key.at);
	free(next);
}

static void do_freeze(void)
{
	union bpf_attr attr = {0};
	attr.map_fd = number("fd", -1);
	answer(bpf(BPF_MAP_FREEZE, &attr));
}

// Every entry that a walk finds; an entry whose lookup fails (an empty slot, a racing delete) is left out.
static void do_dump(void)
{
	int fd = number("fd", -1);
	size_t key_size = number("key_size", 0), value_size = number("value_size", 0), n = 0;
	unsigned char *key = allocate(key_size), *next = allocate(key_size), *value = allocate(value_size);
	int have = 0;
	printf("ok entries=");
	while (next_key(fd, have ? key : NULL, next) == 0) {
		union bpf_attr attr = {0};
		memcpy(key, next, key_size);
		have = 1;
		attr.map_fd = fd;
		attr.key = ptr(key);
		attr.value = ptr(value);
		if (bpf(BPF_MAP_LOOKUP_ELEM, &attr) < 0)
			continue;
		if (n++)
			putchar(',');
		print_hex(key, key_size);
		putchar(':');
		print_hex(value, value_size);
	}
	printf(" n=%zu\n", n);
	free(key);
	free(next);
	free(value);
}

// Puts map descriptors into lddw instructions: "slot:fd:kind:off,...", kind 1 = BPF_PSEUDO_MAP_FD, 2 = _VALUE.
static void apply_refs(const char *refs, struct bpf_insn *insns, size_t n)
{
	while (refs && *refs) {
		unsigned slot, fd, kind, off;
		if (sscanf(refs, "%u:%u:%u:%u", &slot, &fd, &kind, &off) != 4)
			return;
		if (slot + 1 < n) {
			insns[slot].src_reg = kind;
			insns[slot].imm = fd;
			if (kind == BPF_PSEUDO_MAP_VALUE)
				insns[slot + 1].imm = off;
		}
		refs = strchr(refs, ',');
		if (refs)
			refs++;
	}
}

static void do_load(void)
{
	union bpf_attr attr = {0};
	struct bytes insns = bytes_of("insns", 0);
	struct bytes license = bytes_of("license", 1);
	struct bytes finfo = bytes_of("finfo", 0);
	const char *name = word("name"), *caps = word("caps");
	size_t log_size = number("logsize", 65536);
	char *log = allocate(log_size);
	struct timespec before, after;

	apply_refs(word("refs"), (struct bpf_insn *)insns.at, insns.len / 8);
	attr.prog_type = number("type", 0);
	attr.expected_attach_type = number("attach", 0);
	attr.prog_flags = number("flags", 0);
	attr.attach_btf_id = number("attach_btf_id", 0);
	attr.attach_prog_fd = number("attach_prog", 0);
	attr.license = ptr(license.at);
	attr.insns = ptr(insns.at);
	attr.insn_cnt = insns.len / 8;
	attr.log_level = number("log", 0);
	if (attr.log_level) {
		attr.log_buf = ptr(log);
		attr.log_size = log_size;
	}
	if (finfo.len) {
		attr.prog_btf_fd = number("btf", 0);
		attr.func_info_rec_size = 8;
		attr.func_info = ptr(finfo.at);
		attr.func_info_cnt = finfo.len / 8;
	}
	if (name)
		strncpy(attr.prog_name, name, sizeof(attr.prog_name) - 1);
	if (caps)
		limit_caps(1);
	clock_gettime(CLOCK_MONOTONIC, &before);
	long fd = bpf(BPF_PROG_LOAD, &attr);
	int why = errno;
	clock_gettime(CLOCK_MONOTONIC, &after);
	if (caps)
		limit_caps(0);
	fd = high_fd(fd);
	if (fd < 0)
		printf("err errno=%d", why);
	else
		printf("ok fd=%ld", fd);
	printf(" ns=%lld log=", (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec);
	print_hex(log, strlen(log));
	putchar('\n');
	free(insns.at);
	free(license.at);
	free(finfo.at);
	free(log);
}

static void do_run(void)
{
	union bpf_attr attr = {0};
	struct bytes data = bytes_of("data", 0), ctx = bytes_of("ctx", 0);
	size_t out_size = number("out", data.len + 4096);
	void *out = allocate(out_size), *ctx_out = allocate(ctx.len);
	// SYSCALL programs write into the context they read.
	int in_place = word("inplace") != NULL;
	attr.test.prog_fd = number("fd", -1);
	attr.test.repeat = number("repeat", 0);
	attr.test.flags = number("flags", 0);
	if (data.len) {
		attr.test.data_in = ptr(data.at);
		attr.test.data_size_in = data.len;
		attr.test.data_out = ptr(out);
		attr.test.data_size_out = out_size;
	}
	if (ctx.len) {
		attr.test.ctx_in = ptr(ctx.at);
		attr.test.ctx_size_in = ctx.len;
	}
	if (ctx.len && !in_place) {
		attr.test.ctx_out = ptr(ctx_out);
		attr.test.ctx_size_out = ctx.len;
	}
	if (bpf(BPF_PROG_TEST_RUN, &attr) < 0) {
		printf("err errno=%d\n", errno);
	} else {
		printf("ok retval=%u ns=%u len=%u data=", attr.test.retval, attr.test.duration, attr.test.data_size_out);
		print_hex(out, data.len ? attr.test.data_size_out : 0);
		printf(" ctx=");
		print_hex(in_place ? ctx.at : ctx_out, in_place ? ctx.len : attr.test.ctx_size_out);
		putchar('\n');
	}
	free(data.at);
	free(ctx.at);
	free(out);
	free(ctx_out);
}

static void do_close(void)
{
	answer(close(number("fd", -1)));
}

static const struct {
	const char *name;
	void (*run)(void);
} verbs[] = {
	{"hello", do_hello},   {"map", do_map},   {"btf", do_btf},	 {"update", do_update}, {"lookup", do_lookup},
	{"delete", do_delete}, {"next", do_next}, {"freeze", do_freeze}, {"dump", do_dump},	{"load", do_load},
	{"run", do_run},       {"close", do_close},
};

static void serve(char *line)
{
	char *save, *verb = strtok_r(line, " \n", &save), *w;
	n_words = 0;
	while (verb && n_words < MAX_WORDS && (w = strtok_r(NULL, " \n", &save))) {
		char *eq = strchr(w, '=');
		if (!eq)
			continue;
		*eq = 0;
		words[n_words].key = w;
		words[n_words++].value = eq + 1;
	}
	for (size_t i = 0; verb && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (!strcmp(verbs[i].name, verb)) {
			verbs[i].run();
			return;
		}
	}
	printf("err errno=%d\n", ENOSYS);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	cpu_set_t cpu0;
	struct rlimit files;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
		if (!setrlimit(RLIMIT_NOFILE, &files))
			first_fd = files.rlim_cur / 2;
	}
	CPU_ZERO(&cpu0);
	CPU_SET(0, &cpu0);
	sched_setaffinity(0, sizeof(cpu0), &cpu0);
	while (getline(&line, &size, stdin) > 0) {
		serve(line);
		fflush(stdout);
	}
	free(line);
	return 0;
}
