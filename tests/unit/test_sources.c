/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "base/mem.h"
#include "base/prefix.h"
#include "policy/bucket.h"
#include "policy/sources.h"
#include "suite.h"

/* Any time but 0. */
#define START_MS 123456789
#define DAY_MS   86400000
#define V6_BITS  64u

static const struct rate_conf once_a_day = { 1, DAY_MS, 1 }, no_rule = { 0 };

static struct addr
addr_of(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse(&a, text, 7) == 0, "%s", text);
	return a;
}

static void
add(struct sources *s, const char *text)
{
	const struct addr a = addr_of(text);

	sources_add(s, &a, V6_BITS, START_MS);
}

static void
drop(struct sources *s, const char *text)
{
	const struct addr a = addr_of(text);

	sources_drop(s, &a, V6_BITS, START_MS);
}

static unsigned
count(const struct sources *s, const char *text)
{
	const struct addr a = addr_of(text);

	return sources_count(s, &a, V6_BITS);
}

static bool
take(struct sources *s, const char *text, int64_t now_ms)
{
	const struct addr a = addr_of(text);

	return sources_take(s, &a, V6_BITS, &once_a_day, now_ms);
}

/* One of many. */
static struct addr
addr_number(uint32_t number)
{
	struct addr a;

	addr_any(&a, AF_INET, 0);
	a.u.in.sin_addr.s_addr = htonl(0x0a000000 + number);
	return a;
}

/* How many of the first so many get a token that there is one of. */
static unsigned
take_each(struct sources *s, unsigned sources)
{
	unsigned taken = 0;

	for (uint32_t i = 0; i < sources; i++) {
		struct addr a = addr_number(i);

		taken += sources_take(s, &a, V6_BITS, &once_a_day, START_MS);
	}
	return taken;
}

START_TEST(connections_are_counted)
{
	struct sources *s = sources_new();

	ck_assert_uint_eq(count(s, "192.0.2.1"), 0);
	add(s, "192.0.2.1");
	add(s, "192.0.2.1");
	add(s, "192.0.2.2");
	ck_assert_uint_eq(count(s, "192.0.2.1"), 2);
	ck_assert_uint_eq(count(s, "192.0.2.2"), 1);
	ck_assert_uint_eq(count(s, "192.0.2.3"), 0);
	ck_assert_uint_eq(sources_known(s), 2);
	drop(s, "192.0.2.1");
	ck_assert_uint_eq(count(s, "192.0.2.1"), 1);
	drop(s, "192.0.2.1");
	ck_assert_uint_eq(count(s, "192.0.2.1"), 0);
	ck_assert_uint_eq(sources_known(s), 1);
	drop(s, "192.0.2.2");
	ck_assert_uint_eq(sources_known(s), 0);
	sources_free(s);
	sources_free(NULL);
}

END_TEST

START_TEST(what_was_not_added_is_not_dropped)
{
	struct sources *s = sources_new();

	drop(s, "192.0.2.1");
	ck_assert_uint_eq(sources_known(s), 0);
	ck_assert(take(s, "192.0.2.1", START_MS));
	drop(s, "192.0.2.1");
	ck_assert_uint_eq(count(s, "192.0.2.1"), 0);
	ck_assert(!take(s, "192.0.2.1", START_MS));
	add(s, "192.0.2.1");
	ck_assert_uint_eq(count(s, "192.0.2.1"), 1);
	sources_free(s);
}

END_TEST

static const struct {
	const char *one, *other;
	unsigned v6_prefix;
	bool is_same;
} pairs[] = {
	{ "2001:db8::1", "2001:db8::ffff:0:0:1", 64, true },
	{ "2001:db8::1", "2001:db8:0:1::1", 64, false },
	{ "2001:db8::1", "2001:db8:0:1::1", 63, true },
	{ "2001:db8::1", "2001:db8:ffff::1", 32, true },
	{ "2001:db8::1", "2001:db9::1", 32, false },
	{ "2001:db8::1", "2001:db8::1", 128, true },
	{ "2001:db8::1", "2001:db8::2", 128, false },
	{ "2001:db8::1", "ffff::", 0, true },
	{ "fe80::1%1", "fe80::2", 64, true },
	/* Of IPv4 always the whole address. */
	{ "192.0.2.1", "192.0.2.2", 0, false },
	{ "192.0.2.1", "192.0.2.1", 128, true },
	{ "0.0.0.0", "::", 0, false },
	{ "0.0.0.0", "::", 64, false },
};

START_TEST(b9_a_source_is_an_address_or_a_prefix)
{
	struct sources *s = sources_new();
	struct addr one = addr_of(pairs[_i].one), other = addr_of(pairs[_i].other);
	unsigned bits = pairs[_i].v6_prefix;

	sources_add(s, &one, bits, START_MS);
	ck_assert_uint_eq(sources_count(s, &other, bits), pairs[_i].is_same);
	ck_assert(sources_take(s, &one, bits, &once_a_day, START_MS));
	ck_assert_int_eq(sources_take(s, &other, bits, &once_a_day, START_MS), !pairs[_i].is_same);
	sources_free(s);
}

END_TEST

START_TEST(other_addresses_have_no_source)
{
	struct sources *s = sources_new();
	const struct addr none = { 0 };
	struct addr un;

	ck_assert_int_eq(addr_unix(&un, "/run/x"), 0);
	sources_add(s, &un, V6_BITS, START_MS);
	sources_add(s, &none, V6_BITS, START_MS);
	ck_assert_uint_eq(sources_count(s, &un, V6_BITS), 0);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(sources_take(s, &un, V6_BITS, &once_a_day, START_MS));
		ck_assert(sources_take(s, &none, V6_BITS, &once_a_day, START_MS));
	}
	sources_drop(s, &un, V6_BITS, START_MS);
	ck_assert_uint_eq(sources_known(s), 0);
	sources_free(s);
}

END_TEST

/* Whoever has used up his own takes nothing from the others, however often he asks. */
START_TEST(b9_each_source_has_its_own_bucket)
{
	const struct rate_conf rule = { 10, 1000, 3 };
	struct sources *s = sources_new();
	struct addr loud = addr_number(0);
	unsigned served = 0;

	for (unsigned i = 0; i < 10000; i++)
		served += sources_take(s, &loud, V6_BITS, &rule, START_MS + i / 100);
	ck_assert_uint_eq(served, 3);
	for (unsigned i = 1; i < 1000; i++) {
		struct addr quiet = addr_number(i);

		ck_assert(sources_take(s, &quiet, V6_BITS, &rule, START_MS + 99));
	}
	ck_assert(!sources_take(s, &loud, V6_BITS, &rule, START_MS + 99));
	ck_assert(sources_take(s, &loud, V6_BITS, &rule, START_MS + 100));
	sources_free(s);
}

END_TEST

START_TEST(without_a_rule_nothing_is_remembered)
{
	struct sources *s = sources_new();
	struct addr a = addr_number(0);

	for (unsigned i = 0; i < 1000; i++)
		ck_assert(sources_take(s, &a, V6_BITS, &no_rule, START_MS));
	ck_assert_uint_eq(sources_known(s), 0);
	sources_free(s);
}

END_TEST

/* The end of a connection gives no token back. */
START_TEST(the_bucket_outlives_the_connections)
{
	struct sources *s = sources_new();

	ck_assert(take(s, "192.0.2.1", START_MS));
	add(s, "192.0.2.1");
	drop(s, "192.0.2.1");
	ck_assert_uint_eq(sources_known(s), 1);
	ck_assert(!take(s, "192.0.2.1", START_MS));
	ck_assert(!take(s, "192.0.2.1", START_MS + DAY_MS - 1));
	ck_assert(take(s, "192.0.2.1", START_MS + DAY_MS));
	sources_free(s);
}

END_TEST

START_TEST(idle_ones_are_bounded_and_the_oldest_goes)
{
	struct sources *s = sources_new();
	struct addr a, again = addr_number(0);

	ck_assert_uint_eq(take_each(s, SOURCES_MOST_IDLE), SOURCES_MOST_IDLE);
	ck_assert_uint_eq(sources_known(s), SOURCES_MOST_IDLE);
	/* Asking in vain is being seen, too. */
	ck_assert(!sources_take(s, &again, V6_BITS, &once_a_day, START_MS));
	a = addr_number(SOURCES_MOST_IDLE);
	ck_assert(sources_take(s, &a, V6_BITS, &once_a_day, START_MS));
	ck_assert_uint_eq(sources_known(s), SOURCES_MOST_IDLE);
	ck_assert(!sources_take(s, &again, V6_BITS, &once_a_day, START_MS));
	a = addr_number(2);
	ck_assert(!sources_take(s, &a, V6_BITS, &once_a_day, START_MS));
	a = addr_number(1);
	ck_assert(sources_take(s, &a, V6_BITS, &once_a_day, START_MS));
	ck_assert_uint_eq(sources_known(s), SOURCES_MOST_IDLE);
	sources_free(s);
}

END_TEST

START_TEST(those_with_connections_are_never_forgotten)
{
	const unsigned many = 2 * SOURCES_MOST_IDLE;
	struct sources *s = sources_new();
	unsigned counted = 0;
	struct addr a;

	for (uint32_t i = 0; i < many; i++) {
		a = addr_number(i);
		sources_add(s, &a, V6_BITS, START_MS);
	}
	ck_assert_uint_eq(take_each(s, many), many);
	ck_assert_uint_eq(take_each(s, many), 0);
	ck_assert_uint_eq(sources_known(s), many);
	for (uint32_t i = 0; i < many; i++) {
		a = addr_number(i);
		counted += sources_count(s, &a, V6_BITS);
	}
	ck_assert_uint_eq(counted, many);
	for (uint32_t i = 0; i < many; i++) {
		a = addr_number(i);
		sources_drop(s, &a, V6_BITS, START_MS);
	}
	ck_assert_uint_eq(sources_known(s), SOURCES_MOST_IDLE);
	sources_free(s);
}

END_TEST

/* One new source each millisecond; each has a full bucket after a tenth of a second. */
START_TEST(whose_bucket_is_full_again_is_forgotten)
{
	const struct rate_conf rule = { 10, 1000, 5 };
	struct sources *s = sources_new();

	for (uint32_t i = 0; i < 1000; i++) {
		struct addr a = addr_number(i);

		ck_assert(sources_take(s, &a, V6_BITS, &rule, START_MS + i));
		ck_assert_uint_le(sources_known(s), 101);
	}
	sources_free(s);
}

END_TEST

/* Source i has i % 50 connections. */
START_TEST(those_with_most_connections_come_first)
{
	struct sources *s = sources_new();
	struct source_load top[5];
	char text[PREFIX_TEXT_SIZE];

	ck_assert_uint_eq(sources_top(s, top, ARRAY_LEN(top)), 0);
	for (uint32_t i = 0; i < 100; i++) {
		struct addr a = addr_number(i);

		for (unsigned k = 0; k < i % 50; k++)
			sources_add(s, &a, V6_BITS, START_MS);
		if (i == 3)
			ck_assert_uint_eq(sources_top(s, top, ARRAY_LEN(top)), 3);
	}
	ck_assert_uint_eq(sources_top(s, top, 0), 0);
	ck_assert_uint_eq(sources_top(s, top, ARRAY_LEN(top)), ARRAY_LEN(top));
	for (unsigned i = 0; i < ARRAY_LEN(top); i++)
		ck_assert_uint_eq(top[i].connections, 49 - i / 2);
	ck_assert_str_eq(prefix_format(&top[0].prefix, text), "10.0.0.49");
	ck_assert_str_eq(prefix_format(&top[1].prefix, text), "10.0.0.99");
	sources_free(s);
}

END_TEST

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* The same, thought simply: nothing is ever forgotten. */
#define MODEL_SOURCES 200

struct model {
	unsigned connections;
	struct bucket bucket;
};

/* The address is one of several that make the source. */
static struct addr
model_addr(unsigned source, uint32_t any)
{
	char text[ADDR_TEXT_SIZE];

	if (source % 2 == 0)
		return addr_number(source);
	snprintf(text, sizeof(text), "2001:db8:0:%x::%x", source, any & 0xffff);
	return addr_of(text);
}

static unsigned
least_known(const struct model *model, int64_t now_ms)
{
	unsigned known = 0;

	for (unsigned i = 0; i < MODEL_SOURCES; i++)
		known += model[i].connections > 0 || !bucket_is_full(&model[i].bucket, now_ms);
	return known;
}

START_TEST(it_agrees_with_a_simple_model)
{
	const struct rate_conf rule = { 1, 20 * (_i + 1), (unsigned)_i + 1 };
	struct model model[MODEL_SOURCES] = { 0 };
	struct sources *s = sources_new();
	uint32_t state = (uint32_t)_i;
	unsigned refused = 0;

	for (int64_t now_ms = START_MS; now_ms < START_MS + 5000; now_ms++) {
		/* Some of them much more often than others. */
		unsigned i = next_random(&state) % (next_random(&state) % MODEL_SOURCES + 1);
		struct addr a = model_addr(i, next_random(&state));
		bool is_taken;

		switch (next_random(&state) % 3) {
		case 0:
			sources_add(s, &a, V6_BITS, now_ms);
			model[i].connections++;
			break;
		case 1:
			sources_drop(s, &a, V6_BITS, now_ms);
			model[i].connections -= model[i].connections > 0;
			break;
		default:
			is_taken = bucket_take(&model[i].bucket, &rule, now_ms);
			ck_assert_int_eq(sources_take(s, &a, V6_BITS, &rule, now_ms), is_taken);
			refused += !is_taken;
		}
		ck_assert_uint_eq(sources_count(s, &a, V6_BITS), model[i].connections);
		ck_assert_uint_ge(sources_known(s), least_known(model, now_ms));
		ck_assert_uint_le(sources_known(s), MODEL_SOURCES);
	}
	ck_assert_uint_gt(refused, 0);
	for (unsigned i = 0; i < MODEL_SOURCES; i++) {
		struct addr a = model_addr(i, i);

		for (; model[i].connections > 0; model[i].connections--)
			sources_drop(s, &a, V6_BITS, START_MS + DAY_MS);
	}
	/* Two are looked at each time. */
	for (unsigned i = 0; i < MODEL_SOURCES; i++) {
		struct addr a = addr_of("192.0.2.1");

		sources_add(s, &a, V6_BITS, START_MS + DAY_MS);
		sources_drop(s, &a, V6_BITS, START_MS + DAY_MS);
	}
	ck_assert_uint_eq(sources_known(s), 0);
	sources_free(s);
}

END_TEST

START_TEST(the_busiest_come_first)
{
	static const char *const texts[] = { "192.0.2.3", "192.0.2.1", "2001:db8::1", "192.0.2.2",
		"2001:db8::2", "192.0.2.2" };
	struct sources *s = sources_new();
	struct source_load top[3];
	char text[PREFIX_TEXT_SIZE];

	ck_assert_uint_eq(sources_top(s, top, 3), 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		add(s, texts[i]);
	add(s, "192.0.2.2");
	drop(s, "192.0.2.3");
	ck_assert_uint_eq(sources_top(s, top, 3), 3);
	ck_assert_str_eq(prefix_format(&top[0].prefix, text), "192.0.2.2");
	ck_assert_uint_eq(top[0].connections, 3);
	ck_assert_str_eq(prefix_format(&top[1].prefix, text), "2001:db8::/64");
	ck_assert_uint_eq(top[1].connections, 2);
	ck_assert_str_eq(prefix_format(&top[2].prefix, text), "192.0.2.1");
	ck_assert_uint_eq(sources_top(s, top, 1), 1);
	ck_assert_str_eq(prefix_format(&top[0].prefix, text), "192.0.2.2");
	sources_free(s);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(connections_are_counted),
		TEST(what_was_not_added_is_not_dropped),
		TEST_LOOP(b9_a_source_is_an_address_or_a_prefix, ARRAY_LEN(pairs)),
		TEST(other_addresses_have_no_source),
		TEST(b9_each_source_has_its_own_bucket),
		TEST(without_a_rule_nothing_is_remembered),
		TEST(the_bucket_outlives_the_connections),
		TEST(idle_ones_are_bounded_and_the_oldest_goes),
		TEST(those_with_connections_are_never_forgotten),
		TEST(whose_bucket_is_full_again_is_forgotten),
		TEST(those_with_most_connections_come_first),
		TEST_LOOP(it_agrees_with_a_simple_model, 8),
		TEST(the_busiest_come_first),
	};

	return run_suite("sources", tests, ARRAY_LEN(tests));
}
