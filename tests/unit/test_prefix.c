/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/prefix.h"
#include "suite.h"

static struct prefix
prefix_from(const char *text)
{
	struct prefix p = { 0 };

	ck_assert_msg(prefix_parse(&p, text, NULL) == 0, "%s", text);
	return p;
}

static const struct {
	const char *text, *printed; /* NULL: refused */
	bool has_host_bits;
} texts[] = {
	{ "192.0.2.1", "192.0.2.1", false },
	{ "192.0.2.1/32", "192.0.2.1", false },
	{ "192.0.2.0/24", "192.0.2.0/24", false },
	{ "192.0.2.1/24", "192.0.2.0/24", true },
	{ "192.0.2.255/25", "192.0.2.128/25", true },
	{ "192.0.2.1/31", "192.0.2.0/31", true },
	{ "0.0.0.0/0", "0.0.0.0/0", false },
	{ "128.0.0.0/0", "0.0.0.0/0", true },
	{ "255.255.255.255", "255.255.255.255", false },
	{ "2001:db8::1", "2001:db8::1", false },
	{ "2001:db8::/32", "2001:db8::/32", false },
	{ "2001:db8:ffff::/33", "2001:db8:8000::/33", true },
	{ "2001:db8::1/127", "2001:db8::/127", true },
	{ "2001:DB8::1/128", "2001:db8::1", false },
	{ "::/0", "::/0", false },
	{ "::1/0", "::/0", true },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/64", "ffff:ffff:ffff:ffff::/64", true },
	/* A zero octet is an octet and no wildcard. */
	{ "10.0.0.0", "10.0.0.0", false },
	{ "0.0.0.0", "0.0.0.0", false },
	/* Netmasks. */
	{ "192.0.2.0/255.255.255.0", "192.0.2.0/24", false },
	{ "192.0.2.1/255.255.255.0", "192.0.2.0/24", true },
	{ "192.0.2.1/255.255.255.255", "192.0.2.1", false },
	{ "127.0.0.0/255.0.0.0", "127.0.0.0/8", false },
	{ "0.0.0.0/0.0.0.0", "0.0.0.0/0", false },
	{ "128.0.0.0/128.0.0.0", "128.0.0.0/1", false },
	{ "192.0.2.0/255.255.0.255", NULL, false },
	{ "192.0.2.0/0.0.0.255", NULL, false },
	{ "192.0.2.0/255.255.255", NULL, false },
	{ "192.0.2.0/255.255.255.256", NULL, false },
	{ "2001:db8::/255.255.0.0", NULL, false },
	{ "::ffff:192.0.2.0/255.255.255.0", NULL, false },
	{ "2001:db8::/ffff:ffff::", NULL, false },
	/* IPv4 in the clothes of IPv6 is IPv4; addresses that only carry one are IPv6. */
	{ "::ffff:192.0.2.1", "192.0.2.1", false },
	{ "::ffff:c000:201", "192.0.2.1", false },
	{ "::ffff:10.0.0.0/104", "10.0.0.0/8", false },
	{ "::ffff:10.0.0.1/104", "10.0.0.0/8", true },
	{ "::ffff:0.0.0.0/96", "0.0.0.0/0", false },
	{ "::ffff:192.0.2.1/128", "192.0.2.1", false },
	{ "::ffff:192.0.2.1/95", NULL, false },
	{ "::ffff:192.0.2.1/24", NULL, false },
	{ "::ffff:192.0.2.1/129", NULL, false },
	{ "64:ff9b::/96", "64:ff9b::/96", false },
	{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201", false },
	{ "2002:c000:201::/48", "2002:c000:201::/48", false },
	{ "::192.0.2.1", "::192.0.2.1", false },
	/* Lengths that there are not. */
	{ "192.0.2.1/33", NULL, false },
	{ "192.0.2.1/64", NULL, false },
	{ "192.0.2.1/128", NULL, false },
	{ "192.0.2.1/129", NULL, false },
	{ "2001:db8::/129", NULL, false },
	{ "2001:db8::/256", NULL, false },
	{ "192.0.2.1/4294967295", NULL, false },
	{ "192.0.2.1/4294967304", NULL, false },
	{ "2001:db8::/4294967295", NULL, false },
	{ "192.0.2.1/-1", NULL, false },
	{ "192.0.2.1/+8", NULL, false },
	{ "192.0.2.1/0x8", NULL, false },
	{ "192.0.2.1/", NULL, false },
	{ "2001:db8::/", NULL, false },
	{ "192.0.2.1/ 8", NULL, false },
	{ "192.0.2.1/8 ", NULL, false },
	{ "192.0.2.1/8/8", NULL, false },
	{ "192.0.2.1/0000", NULL, false },
	/* No addresses. */
	{ "", NULL, false },
	{ "/", NULL, false },
	{ "/8", NULL, false },
	{ " 192.0.2.1", NULL, false },
	{ "192.0.2.1 ", NULL, false },
	{ "127.1", NULL, false },
	{ "192.168", NULL, false },
	{ "10.0.0/24", NULL, false },
	{ "0x7f.1", NULL, false },
	{ "0x7f.0.0.1", NULL, false },
	{ "0177.0.0.1", NULL, false },
	{ "2130706433", NULL, false },
	{ "192.0.2.256", NULL, false },
	{ "192.0.2.1.1", NULL, false },
	{ "192.0.2.1:80", NULL, false },
	{ "[::1]", NULL, false },
	{ "fe80::1%lo", NULL, false },
	{ "fe80::1%1/64", NULL, false },
	{ "fe80::/10%lo", NULL, false },
	{ "example.org", NULL, false },
};

START_TEST(d2_d3_d5_texts_are_read_and_printed)
{
	struct prefix p = { .length = 99 };
	bool has_host_bits = !texts[_i].has_host_bits;
	char text[PREFIX_TEXT_SIZE];

	if (texts[_i].printed == NULL) {
		ck_assert_int_eq(prefix_parse(&p, texts[_i].text, &has_host_bits), -EINVAL);
		ck_assert_uint_eq(p.length, 99);
		ck_assert(has_host_bits);
		return;
	}
	ck_assert_int_eq(prefix_parse(&p, texts[_i].text, &has_host_bits), 0);
	ck_assert_str_eq(prefix_format(&p, text), texts[_i].printed);
	ck_assert_int_eq(has_host_bits, texts[_i].has_host_bits);
	p = prefix_from(text);
	ck_assert_str_eq(prefix_format(&p, text), texts[_i].printed);
}

END_TEST

START_TEST(text_of_any_length_is_refused)
{
	char text[1000];
	struct prefix p;

	for (size_t len = 0; len < sizeof(text); len++) {
		memset(text, '1', len);
		text[len] = '\0';
		ck_assert_int_eq(prefix_parse(&p, text, NULL), -EINVAL);
		if (len > 2)
			text[len / 2] = len % 2 ? ':' : '/';
		ck_assert_int_eq(prefix_parse(&p, text, NULL), -EINVAL);
	}
}

END_TEST

START_TEST(every_length_goes_round)
{
	const char *const bases[] = { "255.255.255.255",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	struct prefix whole = prefix_from(bases[_i]);

	for (unsigned length = 0; length <= whole.length; length++) {
		struct prefix cut = whole, again;
		char text[PREFIX_TEXT_SIZE];

		prefix_cut(&cut, length);
		ck_assert_uint_eq(cut.length, length);
		for (unsigned bit = 0; bit < 128; bit++)
			ck_assert_int_eq((cut.bytes[bit / 8] & 0x80 >> bit % 8) != 0, bit < length);
		again = prefix_from(prefix_format(&cut, text));
		ck_assert_mem_eq(&again, &cut, sizeof(cut));
		ck_assert(prefix_covers(&cut, &whole));
		ck_assert_int_eq(prefix_covers(&whole, &cut), length == whole.length);
	}
}

END_TEST

START_TEST(cutting_only_shortens)
{
	struct prefix p = prefix_from("192.0.2.0/24");
	char text[PREFIX_TEXT_SIZE];

	prefix_cut(&p, 24);
	prefix_cut(&p, 32);
	prefix_cut(&p, 1000);
	ck_assert_str_eq(prefix_format(&p, text), "192.0.2.0/24");
	prefix_cut(&p, 7);
	ck_assert_str_eq(prefix_format(&p, text), "192.0.0.0/7");
}

END_TEST

static const struct {
	const char *outer, *inner;
	bool covers;
} pairs[] = {
	{ "192.0.2.0/24", "192.0.2.0/24", true },
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.2.128/25", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.0/24", "192.0.2.0/23", false },
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.0", false },
	{ "0.0.0.0/0", "255.255.255.255", true },
	{ "0.0.0.0/0", "0.0.0.0/0", true },
	{ "0.0.0.0/0", "::", false },
	{ "0.0.0.0/0", "::/0", false },
	{ "::/0", "0.0.0.0/0", false },
	{ "::/0", "127.0.0.1", false },
	{ "::/0", "ffff::", true },
	{ "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "2001:db8::/33", "2001:db8:8000::", false },
};

START_TEST(what_covers_what)
{
	struct prefix outer = prefix_from(pairs[_i].outer), inner = prefix_from(pairs[_i].inner);

	ck_assert_int_eq(prefix_covers(&outer, &inner), pairs[_i].covers);
}

END_TEST

START_TEST(of_a_socket_address_all_bits)
{
	struct addr a;
	struct prefix p;
	char text[PREFIX_TEXT_SIZE];

	ck_assert_int_eq(addr_parse(&a, "192.0.2.1", 4711), 0);
	ck_assert(prefix_of(&p, &a));
	ck_assert_str_eq(prefix_format(&p, text), "192.0.2.1");
	ck_assert_int_eq(addr_parse(&a, "fe80::1%1", 4711), 0);
	ck_assert(prefix_of(&p, &a));
	ck_assert_str_eq(prefix_format(&p, text), "fe80::1");
}

END_TEST

START_TEST(of_other_addresses_none)
{
	struct prefix p = { .length = 99 };
	const struct addr none = { 0 };
	struct addr un;

	ck_assert_int_eq(addr_unix(&un, "/run/x"), 0);
	ck_assert(!prefix_of(&p, &none));
	ck_assert(!prefix_of(&p, &un));
	ck_assert_uint_eq(p.length, 99);
}

END_TEST

/* Addresses in a row and in steps, under any seed: no slot gets many of them. */
START_TEST(hashes_spread)
{
	unsigned slots[4096] = { 0 }, fullest = 0, byte = (unsigned)_i % 16;
	struct prefix p = prefix_from(_i < 16 ? "2001:db8::" : "10.0.0.0");
	struct prefix_seed seed, other;
	bool is_other = false;

	prefix_seed_init(&seed);
	prefix_seed_init(&other);
	ck_assert_mem_ne(&seed, &other, sizeof(seed));
	for (unsigned i = 0; i < ARRAY_LEN(slots); i++) {
		unsigned *slot;

		p.bytes[byte] = (uint8_t)i;
		p.bytes[(byte + 1) % (p.length / 8)] = (uint8_t)(i >> 8);
		slot = &slots[prefix_hash(&p, &seed) % ARRAY_LEN(slots)];
		if (++*slot > fullest)
			fullest = *slot;
		is_other |= prefix_hash(&p, &seed) != prefix_hash(&p, &other);
	}
	ck_assert_uint_lt(fullest, 64);
	ck_assert(is_other);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(d2_d3_d5_texts_are_read_and_printed, ARRAY_LEN(texts)),
		TEST(text_of_any_length_is_refused),
		TEST_LOOP(every_length_goes_round, 2),
		TEST(cutting_only_shortens),
		TEST_LOOP(what_covers_what, ARRAY_LEN(pairs)),
		TEST(of_a_socket_address_all_bits),
		TEST(of_other_addresses_none),
		TEST_LOOP(hashes_spread, 20),
	};

	return run_suite("prefix", tests, ARRAY_LEN(tests));
}
