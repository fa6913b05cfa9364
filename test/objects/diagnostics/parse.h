// What several programs share, as projects do: inlined code whose lines are in another file.

#define ETH_LEN 14

struct cursor {
	void *pos;
	void *end;
};

/** The next header of `size` bytes; the caller has to test it for NULL. */
static __always_inline void *next_header(struct cursor *c, __u32 size)
{
	void *header = c->pos;

	if (header + size > c->end)
		return NULL;
	c->pos = header + size;
	return header;
}

/** Forgets to compare with the end. */
static __always_inline __u8 first_byte(struct cursor *c)
{
	return *(__u8 *)c->pos;
}
