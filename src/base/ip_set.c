/* SPDX-License-Identifier: MIT */
#include "base/ip_set.h"

#include <endian.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define V4_BYTES 4u
#define V6_BYTES 16u

/* The ranges of one family, in order. An address is its bytes in network order. */
struct table {
	uint8_t *ranges; /* of each the first address, and behind it the last one */
	size_t count;
	size_t width; /* bytes of an address */
};

struct ip_set {
	atomic_uint
	    refs; /* a configuration that is loaded or freed beside the loop may have some */
	struct table of[2]; /* IPv4, IPv6 */
	void *map;          /* that the ranges lie in; NULL: on the heap */
	size_t map_size;
};

/* In a file; the ranges of both families follow. */
struct saved {
	uint64_t count[2];
};

static const struct ip_set empty = { .of = { { .width = V4_BYTES }, { .width = V6_BYTES } } };

static uint8_t *
first_of(const struct table *t, size_t i)
{
	return t->ranges + 2 * i * t->width;
}

static uint8_t *
last_of(const struct table *t, size_t i)
{
	return first_of(t, i) + t->width;
}

static uint64_t
load(const uint8_t *bytes)
{
	uint64_t number;

	memcpy(&number, bytes, sizeof(number));
	return be64toh(number);
}

static uint64_t
load_v4(const uint8_t *bytes)
{
	uint32_t number;

	memcpy(&number, bytes, sizeof(number));
	return be32toh(number);
}

/* Without memcmp, whose calls would take more than half of a search's time. */
static inline bool
is_above(const uint8_t *x, const uint8_t *y, size_t width)
{
	uint64_t a, b;

	if (width == V4_BYTES)
		return load_v4(x) > load_v4(y);
	a = load(x);
	b = load(y);
	return a != b ? a > b : load(x + sizeof(a)) > load(y + sizeof(b));
}

/* By family and first address; the wider one first. */
static int
compare(const void *x, const void *y)
{
	const struct prefix *a = x, *b = y;
	int order = a->is_v6 - b->is_v6;

	if (order == 0)
		order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return order != 0 ? order : a->length - b->length;
}

static void
last_address(uint8_t last[V6_BYTES], const struct prefix *p, size_t width)
{
	memcpy(last, p->bytes, V6_BYTES);
	for (size_t bit = p->length; bit < 8 * width; bit = (bit / 8 + 1) * 8)
		last[bit / 8] |= (uint8_t)(0xff >> bit % 8);
}

/* The address before one that is not the first of all. */
static void
step_back(uint8_t *address, size_t width)
{
	size_t i = width;

	while (address[--i]-- == 0)
		;
}

/* Whether the prefix begins where the latest range ends. */
static bool
continues(const struct table *t, const struct prefix *p)
{
	uint8_t before[V6_BYTES];

	memcpy(before, p->bytes, V6_BYTES);
	step_back(before, t->width);
	return memcmp(before, last_of(t, t->count - 1), t->width) == 0;
}

/* Prefixes come in order: one that begins within the latest range lies within it. */
static void
append(struct table *t, const struct prefix *p)
{
	uint8_t last[V6_BYTES];

	if (t->count > 0 && !is_above(p->bytes, last_of(t, t->count - 1), t->width))
		return;
	last_address(last, p, t->width);
	if (t->count == 0 || !continues(t, p))
		memcpy(first_of(t, t->count++), p->bytes, t->width);
	memcpy(last_of(t, t->count - 1), last, t->width);
}

/* Of those from `from` on and before `to`. */
static void
fill(struct table *t, const struct prefix *list, size_t from, size_t to)
{
	t->ranges = mem_array(to - from, 2 * t->width);
	for (size_t i = from; i < to; i++)
		append(t, &list[i]);
	t->ranges = mem_grow(t->ranges, t->count, 2 * t->width);
}

struct ip_set *
ip_set_new(struct prefix *list, size_t count)
{
	struct ip_set *s = mem_alloc(sizeof(*s));
	size_t v4 = 0;

	*s = empty;
	s->refs = 1;
	if (count > 0)
		qsort(list, count, sizeof(*list), compare);
	while (v4 < count && !list[v4].is_v6)
		v4++;
	fill(&s->of[false], list, 0, v4);
	fill(&s->of[true], list, v4, count);
	return s;
}

struct ip_set *
ip_set_ref(struct ip_set *s)
{
	if (s != NULL)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
ip_set_unref(struct ip_set *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (s->map != NULL)
		munmap(s->map, s->map_size);
	else {
		free(s->of[false].ranges);
		free(s->of[true].ranges);
	}
	free(s);
}

/* How many ranges begin at or before the address. */
static size_t
count_up_to(const struct table *t, const uint8_t *address)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_above(first_of(t, middle), address, t->width))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool
table_has(const struct table *t, const uint8_t *address)
{
	size_t i = count_up_to(t, address);

	return i > 0 && !is_above(address, last_of(t, i - 1), t->width);
}

bool
ip_set_has(const struct ip_set *s, const struct addr *addr)
{
	struct prefix p;

	return s != NULL && prefix_of(&p, addr) && table_has(&s->of[p.is_v6], p.bytes);
}

/* Goes through both in order: what ends in y before the range of x ends covers neither this one nor any later one. */
static bool
table_is_hidden(const struct table *x, const struct table *y)
{
	size_t i = 0, k = 0;

	while (i < x->count && k < y->count) {
		if (is_above(last_of(x, i), last_of(y, k), x->width))
			k++;
		else if (is_above(first_of(y, k), first_of(x, i), x->width))
			i++;
		else
			return true;
	}
	return false;
}

bool
ip_set_is_hidden(const struct ip_set *x, const struct ip_set *y)
{
	if (x == NULL || y == NULL)
		return false;
	return table_is_hidden(&x->of[false], &y->of[false]) ||
	       table_is_hidden(&x->of[true], &y->of[true]);
}

bool
ip_set_has_family(const struct ip_set *s, int family)
{
	return s != NULL && (family == AF_INET || family == AF_INET6) &&
	       s->of[family == AF_INET6].count > 0;
}

static bool
tables_equal(const struct table *x, const struct table *y)
{
	return x->count == y->count &&
	       (x->count == 0 || memcmp(x->ranges, y->ranges, x->count * 2 * x->width) == 0);
}

bool
ip_set_equal(const struct ip_set *x, const struct ip_set *y)
{
	if (x == NULL)
		x = &empty;
	if (y == NULL)
		y = &empty;
	return tables_equal(&x->of[false], &y->of[false]) &&
	       tables_equal(&x->of[true], &y->of[true]);
}

size_t
ip_set_ranges(const struct ip_set *s)
{
	return s == NULL ? 0 : s->of[false].count + s->of[true].count;
}

size_t
ip_set_bytes(const struct ip_set *s)
{
	size_t bytes = sizeof(*s);

	if (s == NULL)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(s->of); i++)
		bytes += s->of[i].count * 2 * s->of[i].width;
	return bytes;
}

static int
write_all(int fd, const void *data, size_t len)
{
	const char *from = data;

	while (len > 0) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

int
ip_set_save(const struct ip_set *s, int fd)
{
	const struct saved saved = { { s->of[false].count, s->of[true].count } };
	int r = write_all(fd, &saved, sizeof(saved));

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(s->of); i++)
		r = write_all(fd, s->of[i].ranges, s->of[i].count * 2 * s->of[i].width);
	return r;
}

/* The tables begin where the map says; false if they go beyond it. */
static bool
find_tables(struct ip_set *s, size_t offset)
{
	struct saved saved;
	size_t left = s->map_size - offset;

	if (s->map_size < offset || left < sizeof(saved))
		return false;
	memcpy(&saved, (char *)s->map + offset, sizeof(saved));
	offset += sizeof(saved);
	left -= sizeof(saved);
	for (size_t i = 0; i < ARRAY_LEN(s->of); i++) {
		struct table *t = &s->of[i];

		if (saved.count[i] > left / (2 * t->width))
			return false;
		t->count = saved.count[i];
		t->ranges = (uint8_t *)s->map + offset;
		offset += t->count * 2 * t->width;
		left -= t->count * 2 * t->width;
	}
	return true;
}

struct ip_set *
ip_set_map(int fd, size_t offset)
{
	struct ip_set *s;
	struct stat st;
	void *map;

	if (fstat(fd, &st) < 0 || st.st_size == 0)
		return NULL;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	s = mem_alloc(sizeof(*s));
	*s = empty;
	s->refs = 1;
	s->map = map;
	s->map_size = (size_t)st.st_size;
	if (find_tables(s, offset))
		return s;
	ip_set_unref(s);
	return NULL;
}
