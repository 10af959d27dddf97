/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/ip_set.h"
#include "base/mem.h"
#include "suite.h"

#define MOST_TEXTS 8

static struct addr
addr_of(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse(&a, text, 7) == 0, "%s", text);
	addr_canonical(&a);
	return a;
}

static struct ip_set *
set_of(const char *const *texts)
{
	struct prefix list[MOST_TEXTS];
	size_t count = 0;

	for (; count < MOST_TEXTS && texts[count] != NULL; count++)
		ck_assert_msg(
		    prefix_parse(&list[count], texts[count], NULL) == 0, "%s", texts[count]);
	return ip_set_new(list, count);
}

static bool
has(const struct ip_set *s, const char *text)
{
	const struct addr a = addr_of(text);

	return ip_set_has(s, &a);
}

static const struct {
	const char *texts[MOST_TEXTS];
	size_t ranges;
	const char *in[MOST_TEXTS], *out[MOST_TEXTS];
} sets[] = {
	{ { NULL }, 0, { NULL }, { "0.0.0.0", "255.255.255.255", "::", "192.0.2.1" } },
	{ { "192.0.2.1" }, 1, { "192.0.2.1" }, { "192.0.2.0", "192.0.2.2", "::c000:201" } },
	{ { "192.0.2.0/24" }, 1, { "192.0.2.0", "192.0.2.255" }, { "192.0.1.255", "192.0.3.0" } },
	{ { "10.0.0.0" }, 1, { "10.0.0.0" }, { "10.0.0.1", "10.255.255.255" } },
	/* Everything of a family, and nothing of the other. */
	{ { "0.0.0.0/0" }, 1, { "0.0.0.0", "127.0.0.1", "255.255.255.255", "::ffff:192.0.2.1" },
	    { "::", "::1", "ffff::", "2001:db8::1" } },
	{ { "::/0" }, 1, { "::", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	    { "0.0.0.0", "255.255.255.255", "::ffff:192.0.2.1" } },
	{ { "0.0.0.0/0", "::/0", "10.0.0.0/8", "2001:db8::/32" }, 2,
	    { "::1", "10.0.0.1", "9.0.0.1" }, { NULL } },
	/* One within another, the same twice, in any order. */
	{ { "10.1.2.3", "10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", "10.255.255.255" }, 1,
	    { "10.0.0.0", "10.255.255.255", "10.1.2.3" }, { "9.255.255.255", "11.0.0.0" } },
	/* Neighbours become one range, also where a carry goes through many bytes. */
	{ { "192.0.2.128/25", "192.0.2.0/25" }, 1, { "192.0.2.0", "192.0.2.255" },
	    { "192.0.1.255", "192.0.3.0" } },
	{ { "10.0.0.0/8", "11.0.0.0", "9.255.255.255" }, 1,
	    { "9.255.255.255", "10.7.7.7", "11.0.0.0" }, { "9.255.255.254", "11.0.0.1" } },
	{ { "127.0.0.0/8", "128.0.0.0/1", "0.0.0.0/2", "64.0.0.0/3", "96.0.0.0/4", "112.0.0.0/5",
	      "120.0.0.0/6", "124.0.0.0/7" },
	    2, { "0.0.0.0", "125.255.255.255", "127.0.0.0", "128.0.0.0", "255.255.255.255" },
	    { "126.0.0.0", "126.255.255.255" } },
	{ { "2001:db8:0:1::/64", "2001:db8::/64" }, 1,
	    { "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::" },
	    { "2001:db8:0:2::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff" } },
	/* Both ends of the address space. */
	{ { "0.0.0.0", "255.255.255.255" }, 2, { "0.0.0.0", "255.255.255.255" },
	    { "0.0.0.1", "255.255.255.254" } },
	{ { "255.255.255.255", "255.255.255.254", "255.255.255.255" }, 1,
	    { "255.255.255.254", "255.255.255.255" }, { "255.255.255.253", "0.0.0.0" } },
	{ { "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::/1" }, 2,
	    { "::", "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	    { "::1", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" } },
	/* What carries an IPv4 address is another address; a mapped one is the same. */
	{ { "::ffff:10.0.0.0/104" }, 1, { "10.0.0.1", "::ffff:10.9.9.9" },
	    { "::10.0.0.1", "11.0.0.1" } },
	{ { "64:ff9b::/96", "2002:a00::/24" }, 2, { "64:ff9b::10.0.0.1", "2002:a00:1::" },
	    { "10.0.0.1", "::ffff:10.0.0.1", "2002:b00::" } },
};

START_TEST(d1_d2_d5_sets_have_their_addresses_alone)
{
	struct ip_set *s = set_of(sets[_i].texts);

	ck_assert_uint_eq(ip_set_ranges(s), sets[_i].ranges);
	for (size_t i = 0; i < MOST_TEXTS && sets[_i].in[i] != NULL; i++)
		ck_assert_msg(has(s, sets[_i].in[i]), "%s", sets[_i].in[i]);
	for (size_t i = 0; i < MOST_TEXTS && sets[_i].out[i] != NULL; i++)
		ck_assert_msg(!has(s, sets[_i].out[i]), "%s", sets[_i].out[i]);
	ip_set_unref(s);
}

END_TEST

START_TEST(a_scope_does_not_count)
{
	const char *const texts[] = { "fe80::/10", NULL };
	struct ip_set *s = set_of(texts);

	ck_assert(has(s, "fe80::1%1"));
	ip_set_unref(s);
}

END_TEST

START_TEST(other_families_are_in_no_set)
{
	const char *const texts[] = { "0.0.0.0/0", "::/0", NULL };
	struct ip_set *s = set_of(texts);
	const struct addr none = { 0 };
	struct addr un;

	ck_assert_int_eq(addr_unix(&un, "/run/x"), 0);
	ck_assert(!ip_set_has(s, &none));
	ck_assert(!ip_set_has(s, &un));
	ck_assert(!ip_set_has_family(s, AF_UNIX));
	ck_assert(!ip_set_has_family(s, AF_UNSPEC));
	ip_set_unref(s);
}

END_TEST

START_TEST(no_set_is_an_empty_one)
{
	const char *const nothing[] = { NULL }, *const something[] = { "192.0.2.1", NULL };
	struct ip_set *e = set_of(nothing), *s = set_of(something);

	ck_assert(!has(NULL, "192.0.2.1"));
	ck_assert(ip_set_equal(NULL, NULL));
	ck_assert(ip_set_equal(e, NULL));
	ck_assert(ip_set_equal(NULL, e));
	ck_assert(ip_set_equal(e, e));
	ck_assert(!ip_set_equal(s, NULL));
	ck_assert(!ip_set_equal(e, s));
	ck_assert(!ip_set_is_hidden(NULL, s));
	ck_assert(!ip_set_is_hidden(s, NULL));
	ck_assert(!ip_set_is_hidden(s, e));
	ck_assert(!ip_set_has_family(NULL, AF_INET));
	ck_assert(!ip_set_has_family(e, AF_INET));
	ck_assert_uint_eq(ip_set_ranges(NULL), 0);
	ck_assert_uint_eq(ip_set_bytes(NULL), 0);
	ck_assert_ptr_null(ip_set_ref(NULL));
	ip_set_unref(NULL);
	ip_set_unref(e);
	ip_set_unref(s);
}

END_TEST

START_TEST(families_are_known)
{
	const char *const v4[] = { "192.0.2.1", NULL }, *const v6[] = { "::/0", NULL };
	struct ip_set *x = set_of(v4), *y = set_of(v6);

	ck_assert(ip_set_has_family(x, AF_INET));
	ck_assert(!ip_set_has_family(x, AF_INET6));
	ck_assert(!ip_set_has_family(y, AF_INET));
	ck_assert(ip_set_has_family(y, AF_INET6));
	ck_assert(!ip_set_is_hidden(x, y));
	ck_assert(!ip_set_equal(x, y));
	ip_set_unref(x);
	ip_set_unref(y);
}

END_TEST

START_TEST(equal_is_what_has_the_same_addresses)
{
	const char *const whole[] = { "192.0.2.0/24", "2001:db8::/32", NULL };
	const char *const parts[] = { "2001:db8:8000::/33", "192.0.2.128/25", "192.0.2.64/26",
		"2001:db8::/33", "192.0.2.0/26", "192.0.2.7", NULL };
	const char *const less[] = { "192.0.2.0/24", "2001:db8::/33", NULL };
	struct ip_set *x = set_of(whole), *y = set_of(parts), *z = set_of(less);

	ck_assert(ip_set_equal(x, y));
	ck_assert(!ip_set_equal(x, z));
	ip_set_unref(x);
	ip_set_unref(y);
	ip_set_unref(z);
}

END_TEST

START_TEST(a_set_lives_as_long_as_somebody_refers_to_it)
{
	const char *const texts[] = { "192.0.2.1", NULL };
	struct ip_set *s = set_of(texts);

	ck_assert_ptr_eq(ip_set_ref(s), s);
	ip_set_unref(s);
	ck_assert(has(s, "192.0.2.1"));
	ip_set_unref(s);
}

END_TEST

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* A model that is simple: so many addresses in a row, each of which is in the set or not. The row begins at a multiple of half
 * its length, so prefixes of at most that many addresses never leave it. */
#define ROW       1024u
#define ROW_BITS  9u /* of half of it */
#define IN_A_LIST 40u

static const char *const rows[] = {
	"10.1.0.0",
	"0.0.0.0",       /* the first of all */
	"255.255.252.0", /* up to the last one */
	"9.255.254.0",   /* a carry through three bytes in the middle */
	"127.255.254.0",
	"2001:db8::",
	"::",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fc00",
	"2001:db8:0:7:ffff:ffff:ffff:fe00", /* a carry into the upper half */
	"7fff:ffff:ffff:ffff:ffff:ffff:ffff:fe00",
};

/* The address that comes so many after the first of a row. */
static struct prefix
address_at(const char *row, unsigned offset)
{
	struct prefix p;

	ck_assert_int_eq(prefix_parse(&p, row, NULL), 0);
	for (size_t i = p.length / 8; offset > 0 && i-- > 0; offset >>= 8) {
		offset += p.bytes[i];
		p.bytes[i] = (uint8_t)offset;
	}
	return p;
}

static struct addr
to_addr(const struct prefix *p)
{
	char text[PREFIX_TEXT_SIZE];
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, prefix_format(p, text), 0), 0);
	return a;
}

static struct ip_set *
random_set(const char *row, uint32_t *state, bool *model)
{
	struct prefix list[IN_A_LIST];
	size_t count = next_random(state) % (IN_A_LIST + 1);
	/* In some lists short ones only, so that there are many ranges. */
	unsigned widest = next_random(state) % (ROW_BITS + 1);

	for (size_t i = 0; i < count; i++) {
		unsigned bits = next_random(state) % (widest + 1);
		unsigned first = next_random(state) % ROW >> bits << bits;

		list[i] = address_at(row, first);
		prefix_cut(&list[i], list[i].length - bits);
		memset(model + first, true, (size_t)1 << bits);
	}
	return ip_set_new(list, count);
}

static unsigned
count_runs(const bool *model)
{
	unsigned runs = 0;

	for (unsigned i = 0; i < ROW; i++)
		runs += model[i] && (i == 0 || !model[i - 1]);
	return runs;
}

/* Some run of x is in y from its begin to its end. */
static bool
model_is_hidden(const bool *x, const bool *y)
{
	bool is_whole = false;

	for (unsigned i = 0; i < ROW; i++) {
		if (x[i] && (i == 0 || !x[i - 1]))
			is_whole = true;
		is_whole = is_whole && x[i] && y[i];
		if (is_whole && (i + 1 == ROW || !x[i + 1]))
			return true;
	}
	return false;
}

START_TEST(it_agrees_with_a_simple_model)
{
	bool model[2][ROW], last[ROW] = { false };
	struct ip_set *before = ip_set_new(NULL, 0);
	struct addr addrs[ROW];
	uint32_t state = (uint32_t)_i + 1;
	unsigned hidden = 0, apart = 0, wrong = 0;

	for (unsigned i = 0; i < ROW; i++) {
		struct prefix p = address_at(rows[_i], i);

		addrs[i] = to_addr(&p);
	}
	for (unsigned round = 0; round < 100; round++) {
		bool *now = model[round % 2];
		struct ip_set *s;

		memset(now, 0, ROW);
		s = random_set(rows[_i], &state, now);
		for (unsigned i = 0; i < ROW; i++)
			wrong += ip_set_has(s, &addrs[i]) != now[i];
		ck_assert_uint_eq(wrong, 0);
		ck_assert_uint_eq(ip_set_ranges(s), count_runs(now));
		ck_assert_int_eq(ip_set_is_hidden(s, before), model_is_hidden(now, last));
		ck_assert_int_eq(ip_set_is_hidden(before, s), model_is_hidden(last, now));
		ck_assert_int_eq(ip_set_equal(s, before), memcmp(now, last, ROW) == 0);
		hidden += model_is_hidden(now, last);
		apart += !model_is_hidden(now, last);
		memcpy(last, now, ROW);
		ip_set_unref(before);
		before = s;
	}
	ck_assert_uint_gt(hidden, 0);
	ck_assert_uint_gt(apart, 0);
	ip_set_unref(before);
}

END_TEST

static struct prefix
random_prefix(uint32_t *state, bool is_v6)
{
	unsigned bits = is_v6 ? 128 : 32;
	struct prefix p = { .length = (uint8_t)bits, .is_v6 = is_v6 };

	for (unsigned i = 0; i < bits / 8; i++)
		p.bytes[i] = (uint8_t)next_random(state);
	prefix_cut(&p, bits / 2 + next_random(state) % (bits / 2 + 1));
	return p;
}

/* Families are mixed, too. */
START_TEST(a_million_prefixes_are_small)
{
	size_t count = suite_is_valgrind() || SUITE_IS_SANITIZED ? 100000 : 1000000;
	struct prefix *list = mem_array(count, sizeof(*list));
	uint32_t state = 1;
	unsigned missing = 0;
	struct ip_set *s;

	for (size_t i = 0; i < count; i++)
		list[i] = random_prefix(&state, _i == 1 || (_i == 2 && i % 2 == 0));
	s = ip_set_new(list, count);
	ck_assert_uint_lt(ip_set_bytes(s), 40 * count);
	ck_assert_uint_gt(ip_set_ranges(s), 0);
	ck_assert_uint_le(ip_set_ranges(s), count);
	for (size_t i = 0; i < count; i += 17) {
		struct prefix first = list[i];
		struct addr a;

		first.length = first.is_v6 ? 128 : 32;
		a = to_addr(&first);
		missing += !ip_set_has(s, &a);
	}
	ck_assert_uint_eq(missing, 0);
	ip_set_unref(s);
	free(list);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(d1_d2_d5_sets_have_their_addresses_alone, ARRAY_LEN(sets)),
		TEST(a_scope_does_not_count),
		TEST(other_families_are_in_no_set),
		TEST(no_set_is_an_empty_one),
		TEST(families_are_known),
		TEST(equal_is_what_has_the_same_addresses),
		TEST(a_set_lives_as_long_as_somebody_refers_to_it),
		TEST_LOOP(it_agrees_with_a_simple_model, ARRAY_LEN(rows)),
		TEST_LOOP(a_million_prefixes_are_small, 3),
	};

	return run_suite("ip_set", tests, ARRAY_LEN(tests));
}
