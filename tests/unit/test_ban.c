/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "policy/ban.h"
#include "suite.h"

static struct ban
ban_of(const char *text)
{
	struct ban ban = { 0 };

	ck_assert_msg(ban_parse(text, &ban) == 0, "%s", text);
	return ban;
}

static struct addr
addr_of(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse(&a, text, 7) == 0, "%s", text);
	return a;
}

static void
add(struct bans *b, const char *text, int64_t until_ms)
{
	struct ban ban = ban_of(text);

	ban.until_ms = until_ms;
	ck_assert_int_eq(bans_add(b, &ban), 0);
}

static bool
hits(struct bans *b, const char *text, int64_t now_ms)
{
	const struct addr a = addr_of(text);

	return bans_hit(b, &a, now_ms);
}

static const struct {
	const char *text, *printed; /* NULL: refused */
} texts[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "192.0.2.1/32", "192.0.2.1" },
	{ "192.0.2.255/24", "192.0.2.0/24" },
	{ "192.0.2.255/25", "192.0.2.128/25" },
	{ "1.2.3.4/0", "0.0.0.0/0" },
	{ "2001:db8::1", "2001:db8::1" },
	{ "2001:db8:ffff::/33", "2001:db8:8000::/33" },
	{ "::/0", "::/0" },
	{ "2001:db8::1/128", "2001:db8::1" },
	/* IPv4 in IPv6's clothes. */
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "::ffff:192.0.2.1/120", "192.0.2.0/24" },
	{ "::ffff:192.0.2.1/96", "0.0.0.0/0" },
	{ "::ffff:192.0.2.1/95", NULL },
	{ "", NULL },
	{ "/", NULL },
	{ "192.0.2.1/", NULL },
	{ "192.0.2.1/33", NULL },
	{ "192.0.2.1/-1", NULL },
	{ "192.0.2.1/+1", NULL },
	{ "192.0.2.1/ 8", NULL },
	{ "192.0.2.1/8 ", NULL },
	{ "192.0.2.1/8/8", NULL },
	{ "192.0.2.1/0000", NULL },
	{ "192.0.2/24", NULL },
	{ "2001:db8::/129", NULL },
	{ "fe80::1%lo", NULL },
	{ "example.com", NULL },
	{ "unix", NULL },
};

START_TEST(texts_are_read_and_printed)
{
	struct ban ban = { .until_ms = 99 };
	char text[PREFIX_TEXT_SIZE];

	if (texts[_i].printed == NULL) {
		ck_assert_int_eq(ban_parse(texts[_i].text, &ban), -EINVAL);
		ck_assert_int_eq(ban.until_ms, 99);
		return;
	}
	ban = ban_of(texts[_i].text);
	ck_assert_str_eq(ban_format(&ban, text), texts[_i].printed);
	ck_assert_int_eq(ban.until_ms, INT64_MAX);
	ban = ban_of(text);
	ck_assert_str_eq(ban_format(&ban, text), texts[_i].printed);
}

END_TEST

START_TEST(an_address_falls_under_its_prefixes_alone)
{
	struct bans *b = bans_new();

	ck_assert(!hits(b, "192.0.2.1", 0));
	add(b, "192.0.2.1", INT64_MAX);
	add(b, "198.51.100.0/24", INT64_MAX);
	add(b, "2001:db8::/32", INT64_MAX);
	ck_assert(hits(b, "192.0.2.1", 0));
	ck_assert(!hits(b, "192.0.2.0", 0));
	ck_assert(!hits(b, "192.0.2.3", 0));
	ck_assert(hits(b, "198.51.100.255", 0));
	ck_assert(!hits(b, "198.51.101.0", 0));
	ck_assert(hits(b, "2001:db8:ffff::1", 0));
	ck_assert(!hits(b, "2001:db9::", 0));
	bans_free(b);
	bans_free(NULL);
}

END_TEST

START_TEST(families_do_not_meet)
{
	struct bans *b = bans_new();

	add(b, "0.0.0.0/0", INT64_MAX);
	ck_assert(hits(b, "255.255.255.255", 0));
	ck_assert(hits(b, "0.0.0.0", 0));
	ck_assert(!hits(b, "::", 0));
	ck_assert(!hits(b, "2001:db8::1", 0));
	add(b, "::/0", INT64_MAX);
	ck_assert(hits(b, "::", 0));
	ck_assert(hits(b, "ffff::", 0));
	bans_free(b);
}

END_TEST

START_TEST(what_has_no_address_is_never_banned)
{
	struct bans *b = bans_new();
	const struct addr none = { 0 };
	struct addr un;

	add(b, "0.0.0.0/0", INT64_MAX);
	add(b, "::/0", INT64_MAX);
	ck_assert_int_eq(addr_unix(&un, "/run/x"), 0);
	ck_assert(!bans_hit(b, &none, 0));
	ck_assert(!bans_hit(b, &un, 0));
	bans_free(b);
}

END_TEST

START_TEST(a_mapped_address_is_the_same_ban)
{
	struct bans *b = bans_new();
	struct ban ban = ban_of("::ffff:192.0.2.7");

	add(b, "192.0.2.7", INT64_MAX);
	ck_assert(bans_remove(b, &ban));
	ck_assert(!hits(b, "192.0.2.7", 0));
	bans_free(b);
}

END_TEST

START_TEST(bans_end_with_their_time)
{
	struct bans *b = bans_new();

	add(b, "192.0.2.1", 1000);
	add(b, "192.0.2.0/24", 500);
	ck_assert(hits(b, "192.0.2.1", 999));
	ck_assert(hits(b, "192.0.2.2", 499));
	ck_assert(!hits(b, "192.0.2.2", 500));
	ck_assert(hits(b, "192.0.2.1", 999));
	ck_assert(!hits(b, "192.0.2.1", 1000));
	ck_assert_uint_eq(bans_count(b, 0), 0);
	bans_free(b);
}

END_TEST

/* The longest prefix is looked at first: its end must not hide the others. */
START_TEST(a_ban_that_ended_leaves_the_wider_ones)
{
	struct bans *b = bans_new();

	add(b, "192.0.2.1", 10);
	add(b, "192.0.2.0/30", 10);
	add(b, "192.0.0.0/16", INT64_MAX);
	ck_assert(hits(b, "192.0.2.1", 10));
	ck_assert_uint_eq(bans_count(b, 10), 1);
	bans_free(b);
}

END_TEST

START_TEST(adding_again_sets_the_time)
{
	struct bans *b = bans_new();
	struct ban got;
	unsigned at = 0;

	add(b, "192.0.2.1", 10);
	ck_assert(hits(b, "192.0.2.1", 0));
	add(b, "192.0.2.1", INT64_MAX);
	ck_assert(hits(b, "192.0.2.1", 10));
	ck_assert_uint_eq(bans_count(b, 10), 1);
	ck_assert(bans_next(b, &at, &got));
	ck_assert_int_eq((long long)got.hits, 2);
	ck_assert(!bans_next(b, &at, &got));
	bans_free(b);
}

END_TEST

START_TEST(only_this_very_prefix_is_removed)
{
	struct bans *b = bans_new();
	struct ban wide = ban_of("192.0.2.0/24"), one = ban_of("192.0.2.0");

	add(b, "192.0.2.0/24", INT64_MAX);
	ck_assert(!bans_remove(b, &one));
	ck_assert(bans_remove(b, &wide));
	ck_assert(!bans_remove(b, &wide));
	bans_free(b);
}

END_TEST

START_TEST(the_table_is_bounded)
{
	struct bans *b = bans_new();
	struct ban ban = ban_of("10.0.0.0");
	struct ban got;
	unsigned at = 0, seen = 0;

	for (uint32_t i = 0; i < BAN_MOST; i++) {
		ban.prefix.bytes[2] = (uint8_t)(i >> 8);
		ban.prefix.bytes[3] = (uint8_t)i;
		ban.until_ms = i % 2 == 0 ? 100 : INT64_MAX;
		ck_assert_int_eq(bans_add(b, &ban), 0);
	}
	ban = ban_of("192.0.2.1");
	ck_assert_int_eq(bans_add(b, &ban), -ENOSPC);
	ck_assert(!hits(b, "192.0.2.1", 0));
	/* One that is there can be changed. */
	add(b, "10.0.255.255", INT64_MAX);
	ck_assert(hits(b, "10.0.255.255", 0));
	ck_assert(!hits(b, "10.1.0.0", 0));
	while (bans_next(b, &at, &got))
		seen++;
	ck_assert_uint_eq(seen, BAN_MOST);
	ck_assert_uint_eq(bans_count(b, 100), BAN_MOST / 2);
	ck_assert_int_eq(bans_add(b, &ban), 0);
	ck_assert(hits(b, "192.0.2.1", 0));
	bans_free(b);
}

END_TEST

/* The same, thought simply. */
struct oracle {
	struct ban bans[64];
	bool is_used[64];
};

static bool
covers(const struct prefix *p, const struct addr *a)
{
	const uint8_t *bytes = addr_family(a) == AF_INET ? (const uint8_t *)&a->u.in.sin_addr
							 : (const uint8_t *)&a->u.in6.sin6_addr;

	if (p->is_v6 != (addr_family(a) == AF_INET6))
		return false;
	for (unsigned bit = 0; bit < p->length; bit++)
		if (((p->bytes[bit / 8] ^ bytes[bit / 8]) & 0x80 >> bit % 8) != 0)
			return false;
	return true;
}

static bool
oracle_hit(struct oracle *o, const struct addr *a, int64_t now_ms)
{
	for (size_t i = 0; i < ARRAY_LEN(o->bans); i++)
		if (o->is_used[i] && o->bans[i].until_ms > now_ms && covers(&o->bans[i].prefix, a))
			return true;
	return false;
}

static uint32_t
next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Few different bits, so that prefixes overlap. */
static const char *
random_text(uint32_t *state, bool has_length)
{
	static char text[80];
	uint32_t bits = next_random(state);
	bool is_v6 = next_random(state) % 2 == 0;
	int len = is_v6 ? snprintf(text, sizeof(text), "2001:%x::%x", bits & 3, bits >> 2 & 7)
			: snprintf(text, sizeof(text), "10.%u.0.%u", bits & 3, bits >> 2 & 7);

	if (has_length)
		snprintf(text + len, sizeof(text) - (size_t)len, "/%u",
		    next_random(state) % (is_v6 ? 129 : 33));
	return text;
}

START_TEST(it_agrees_with_a_slow_oracle)
{
	struct oracle o = { 0 };
	struct bans *b = bans_new();
	uint32_t state = (uint32_t)_i;
	unsigned banned = 0;

	for (int64_t now_ms = 0; now_ms < 4000; now_ms++) {
		size_t slot = next_random(&state) % ARRAY_LEN(o.bans);
		struct addr a;

		if (o.is_used[slot]) {
			bool is_there = o.bans[slot].until_ms > now_ms;

			if (bans_remove(b, &o.bans[slot]))
				banned += is_there;
			else
				ck_assert(!is_there);
			o.is_used[slot] = false;
		} else {
			o.bans[slot] = ban_of(random_text(&state, true));
			o.bans[slot].until_ms = now_ms + next_random(&state) % 100;
			o.is_used[slot] = true;
			/* One prefix stands in one slot. */
			for (size_t i = 0; i < ARRAY_LEN(o.bans); i++)
				if (i != slot && o.is_used[i] &&
				    prefix_equal(&o.bans[i].prefix, &o.bans[slot].prefix))
					o.is_used[i] = false;
			ck_assert_int_eq(bans_add(b, &o.bans[slot]), 0);
		}
		a = addr_of(random_text(&state, false));
		ck_assert_int_eq(bans_hit(b, &a, now_ms), oracle_hit(&o, &a, now_ms));
	}
	ck_assert_uint_gt(banned, 0);
	bans_free(b);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(texts_are_read_and_printed, ARRAY_LEN(texts)),
		TEST(an_address_falls_under_its_prefixes_alone),
		TEST(families_do_not_meet),
		TEST(what_has_no_address_is_never_banned),
		TEST(a_mapped_address_is_the_same_ban),
		TEST(bans_end_with_their_time),
		TEST(a_ban_that_ended_leaves_the_wider_ones),
		TEST(adding_again_sets_the_time),
		TEST(only_this_very_prefix_is_removed),
		TEST(the_table_is_bounded),
		TEST_LOOP(it_agrees_with_a_slow_oracle, 8),
	};

	return run_suite("ban", tests, ARRAY_LEN(tests));
}
