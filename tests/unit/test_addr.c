/* SPDX-License-Identifier: MIT */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/mem.h"
#include "suite.h"

static const struct {
	const char *text, *formatted; /* formatted NULL: refused */
	int family;
} texts[] = {
	{ "127.0.0.1", "127.0.0.1", AF_INET },
	{ "0.0.0.0", "0.0.0.0", AF_INET },
	{ "255.255.255.255", "255.255.255.255", AF_INET },
	{ "::", "::", AF_INET6 },
	{ "::1", "::1", AF_INET6 },
	{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1", AF_INET6 },
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.1", AF_INET6 },
	{ "fe80::1%lo", "fe80::1%lo", AF_INET6 },
	{ "fe80::1%1", "fe80::1%lo", AF_INET6 },
	{ "", NULL, 0 },
	{ "127.1", NULL, 0 },
	{ "0x7f.0.0.1", NULL, 0 },
	{ "0177.0.0.1", NULL, 0 },
	{ "2130706433", NULL, 0 },
	{ "256.0.0.1", NULL, 0 },
	{ "1.2.3.4.5", NULL, 0 },
	{ "1.2.3.4 ", NULL, 0 },
	{ " 1.2.3.4", NULL, 0 },
	{ "1.2.3.4%lo", NULL, 0 },
	{ "localhost", NULL, 0 },
	{ "[::1]", NULL, 0 },
	{ ":::", NULL, 0 },
	{ "1:2:3:4:5:6:7:8:9", NULL, 0 },
	{ "fe80::1%", NULL, 0 },
	{ "fe80::1%no-such-interface", NULL, 0 },
	{ "fe80::1%0", NULL, 0 },
	{ "fe80::1%99999999999999999999", NULL, 0 },
	{ "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", NULL, 0 },
};

START_TEST(d2_parse)
{
	char text[ADDR_TEXT_SIZE];
	struct addr a = { .len = 77 };
	int r = addr_parse(&a, texts[_i].text, 3600);

	if (texts[_i].formatted == NULL) {
		ck_assert_int_eq(r, -EINVAL);
		ck_assert_uint_eq(a.len, 77); /* untouched */
		return;
	}
	if (strchr(texts[_i].formatted, '%') != NULL && if_nametoindex("lo") != 1) {
		test_skip("d2_parse", "lo is not the first interface");
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(addr_family(&a), texts[_i].family);
	ck_assert_uint_eq(addr_port(&a), 3600);
	ck_assert_ptr_eq(addr_format(&a, text), text);
	ck_assert_str_eq(text, texts[_i].formatted);
}

END_TEST

START_TEST(port_is_kept_in_network_order_inside)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, "127.0.0.1", 0), 0);
	addr_set_port(&a, 0x1234);
	ck_assert_uint_eq(a.u.in.sin_port, htons(0x1234));
	ck_assert_uint_eq(addr_port(&a), 0x1234);
	ck_assert_int_eq(addr_parse(&a, "::1", 65535), 0);
	ck_assert_uint_eq(addr_port(&a), 65535);
	addr_set_port(&a, 1);
	ck_assert_uint_eq(a.u.in6.sin6_port, htons(1));
}

END_TEST

START_TEST(any_address)
{
	struct addr a;

	addr_any(&a, AF_INET, 7);
	ck_assert(addr_is_any(&a));
	ck_assert_uint_eq(addr_port(&a), 7);
	ck_assert_uint_eq(a.len, sizeof(struct sockaddr_in));
	addr_any(&a, AF_INET6, 7);
	ck_assert(addr_is_any(&a));
	ck_assert_uint_eq(a.len, sizeof(struct sockaddr_in6));
	ck_assert_int_eq(addr_parse(&a, "::1", 7), 0);
	ck_assert(!addr_is_any(&a));
	ck_assert_int_eq(addr_unix(&a, "/run/x"), 0);
	ck_assert(!addr_is_any(&a));
}

END_TEST

START_TEST(d1_mapped_address_becomes_ipv4)
{
	struct addr a, b;

	ck_assert_int_eq(addr_parse(&a, "::ffff:192.0.2.1", 99), 0);
	ck_assert_int_eq(addr_parse(&b, "192.0.2.1", 99), 0);
	ck_assert(!addr_equal(&a, &b));
	addr_canonical(&a);
	ck_assert(addr_equal(&a, &b));
	ck_assert_uint_eq(a.len, sizeof(struct sockaddr_in));
	ck_assert_int_eq(addr_parse(&a, "::1", 99), 0);
	b = a;
	addr_canonical(&a);
	ck_assert(addr_equal(&a, &b));
}

END_TEST

START_TEST(equality)
{
	static const char *const all[] = { "127.0.0.1", "127.0.0.2", "::1", "::2", "::" };
	struct addr a, b;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (size_t k = 0; k < ARRAY_LEN(all); k++) {
			ck_assert_int_eq(addr_parse(&a, all[i], 1), 0);
			ck_assert_int_eq(addr_parse(&b, all[k], 1), 0);
			ck_assert(addr_equal(&a, &b) == (i == k));
			addr_set_port(&b, 2);
			ck_assert(!addr_equal(&a, &b));
		}
	}
	ck_assert_int_eq(addr_parse(&a, "fe80::1", 1), 0);
	b = a;
	b.u.in6.sin6_scope_id = 1;
	ck_assert(!addr_equal(&a, &b));
}

END_TEST

START_TEST(unix_address)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1], text[ADDR_TEXT_SIZE];
	struct addr a, b;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(addr_unix(&a, path), -ENAMETOOLONG);
	path[sizeof(path) - 2] = '\0';
	ck_assert_int_eq(addr_unix(&a, path), 0);
	ck_assert_str_eq(addr_format(&a, text), path);
	ck_assert_uint_eq(addr_port(&a), 0);
	addr_set_port(&a, 5);
	ck_assert_str_eq(addr_format(&a, text), path);
	ck_assert_int_eq(addr_unix(&b, "/run/x"), 0);
	ck_assert(!addr_equal(&a, &b));
	ck_assert_int_eq(addr_unix(&a, "/run/x"), 0);
	ck_assert(addr_equal(&a, &b));
}

END_TEST

START_TEST(no_address)
{
	struct addr none = { 0 }, a;
	char text[ADDR_TEXT_SIZE];

	ck_assert_int_eq(addr_family(&none), AF_UNSPEC);
	ck_assert_uint_eq(addr_port(&none), 0);
	ck_assert_str_eq(addr_format(&none, text), "");
	addr_any(&a, AF_INET, 0);
	ck_assert(!addr_equal(&none, &a));
	ck_assert(!addr_is_any(&none));
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(d2_parse, ARRAY_LEN(texts)),
	TEST(port_is_kept_in_network_order_inside),
	TEST(any_address),
	TEST(d1_mapped_address_becomes_ipv4),
	TEST(equality),
	TEST(unix_address),
	TEST(no_address),
};

int
main(void)
{
	return run_suite("addr", tests, ARRAY_LEN(tests));
}
