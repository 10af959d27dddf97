/* SPDX-License-Identifier: MIT */
/* What a list of addresses costs: for lists of 1,000 to 1,000,000 random prefixes the time to make one, its memory for each prefix,
 * and the time of a decision, on average over addresses of which about every other one is in the list.
 *   address_list [MOST] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ip_set.h"
#include "base/mem.h"

#define QUESTIONS 1000000u
#define V4_BITS   32u

static const struct family {
	const char *name;
	bool is_v6;
	unsigned shortest, longest; /* prefixes */
} families[] = {
	{ "IPv4", false, 16, 32 },
	{ "IPv6", true, 32, 128 },
};

/* xorshift: the same lists in every run. */
static uint32_t
next_random(void)
{
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A whole address; those of IPv6 within 2000::/3. */
static struct prefix
random_address(bool is_v6)
{
	struct prefix p = { .length = is_v6 ? 128 : V4_BITS, .is_v6 = is_v6 };

	for (size_t i = 0; i < p.length / 8u; i++)
		p.bytes[i] = (uint8_t)(next_random() >> 8);
	if (is_v6)
		p.bytes[0] = 0x20 | (p.bytes[0] & 0x1f);
	return p;
}

/* Most of them long, as in real lists: half of them whole addresses. */
static struct prefix *
random_list(const struct family *f, size_t count)
{
	struct prefix *list = mem_array(count, sizeof(*list));

	for (size_t i = 0; i < count; i++) {
		list[i] = random_address(f->is_v6);
		if (next_random() >> 16 & 1)
			prefix_cut(
			    &list[i], f->shortest + next_random() % (f->longest - f->shortest + 1));
	}
	return list;
}

static struct addr
to_addr(const struct prefix *p)
{
	struct addr a;

	addr_any(&a, p->is_v6 ? AF_INET6 : AF_INET, 0);
	if (p->is_v6)
		memcpy(&a.u.in6.sin6_addr, p->bytes, sizeof(a.u.in6.sin6_addr));
	else
		memcpy(&a.u.in.sin_addr, p->bytes, sizeof(a.u.in.sin_addr));
	return a;
}

/* Any addresses, and first addresses of the list's own prefixes, in turn. */
static struct addr *
make_questions(const struct family *f, const struct prefix *list, size_t count)
{
	struct addr *questions = mem_array(QUESTIONS, sizeof(*questions));

	for (size_t i = 0; i < QUESTIONS; i++) {
		struct prefix p =
		    i % 2 == 0 ? random_address(f->is_v6) : list[next_random() % count];

		questions[i] = to_addr(&p);
	}
	return questions;
}

static void
measure(const struct family *f, size_t count)
{
	struct prefix *list = random_list(f, count);
	struct addr *questions = make_questions(f, list, count);
	int64_t start_ns = now_ns(), made_ns, end_ns;
	struct ip_set *set = ip_set_new(list, count);
	unsigned found = 0;

	made_ns = now_ns();
	for (size_t i = 0; i < QUESTIONS; i++)
		found += ip_set_has(set, &questions[i]);
	end_ns = now_ns();
	printf("%-6s %9zu %9zu %10.1f %14.1f %14.1f %7.0f %%\n", f->name, count, ip_set_ranges(set),
	    (double)(made_ns - start_ns) / 1e6, (double)ip_set_bytes(set) / (double)count,
	    (double)(end_ns - made_ns) / QUESTIONS, 100.0 * found / QUESTIONS);
	ip_set_unref(set);
	free(questions);
	free(list);
}

int
main(int argc, char **argv)
{
	size_t most = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;

	printf("%-6s %9s %9s %10s %14s %14s %9s\n", "family", "prefixes", "ranges", "made in ms",
	    "bytes a prefix", "ns a decision", "found");
	for (size_t k = 0; k < sizeof(families) / sizeof(families[0]); k++)
		for (size_t count = 1000; count <= most; count *= 10)
			measure(&families[k], count);
	return 0;
}
