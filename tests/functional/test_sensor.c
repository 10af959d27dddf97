/* SPDX-License-Identifier: MIT */
/* flags = SENSOR: whoever connects is shut out of every service. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/pool.h"
#include "functional/sources.h"

#define HOLD   "\tserver = @PROGRAMS@/hold\n"
#define SENSOR "\ttype = INTERNAL UNLISTED\n\tuser = @USER@\n\tflags = SENSOR\n"

/* A sensor and a service beside it. NULL: no network for it. */
static struct daemon *
started(const char *kind, const char *attributes)
{
	struct daemon *d;
	char *text;

	if (!own_network())
		return NULL;
	d = daemon_new();
	daemon_inject(d);
	ck_assert_int_ge(asprintf(&text, SENSOR "%s", attributes), 0);
	daemon_service(d, "trap", kind, text);
	daemon_service(d, "x", strchr(kind, '6') != NULL ? "tcp6" : "tcp", HOLD);
	free(text);
	daemon_start(d);
	return d;
}

START_TEST(who_comes_is_shut_out_of_every_service_for_a_time)
{
	struct daemon *d = started("tcp", "\tdeny_time = 10\n");

	if (d == NULL)
		return;
	int before = hold_open_from(d, "x", "198.51.100.7");
	expect_refused(d, "trap", "198.51.100.7");
	expect_line(d, "FAIL: trap sensor from=198.51.100.7");
	expect_line(d, "event=sensor-ban service=trap address=198.51.100.7 minutes=10");
	expect_refused(d, "x", "198.51.100.7");
	expect_line(d, "FAIL: x banned from=198.51.100.7");
	expect_refused(d, "trap", "198.51.100.7");
	expect_line(d, "FAIL: trap banned from=198.51.100.7");
	close(hold_open_from(d, "x", "198.51.100.8"));
	expect_echo(before, "who was there before stays");
	pass_time(d, 11 * 60);
	close(hold_open_from(d, "x", "198.51.100.7"));
	ck_assert_uint_eq(count_lines(d, "event=sensor-ban"), 1);
	close(before);
	daemon_stop(d);
}

END_TEST

START_TEST(for_ever_lasts_until_a_person_ends_it)
{
	struct daemon *d = started("tcp", "\tdeny_time = FOREVER\n");

	if (d == NULL)
		return;
	expect_refused(d, "trap", "198.51.100.7");
	expect_line(d, "event=sensor-ban service=trap address=198.51.100.7 minutes=forever");
	pass_time(d, 100 * 86400);
	expect_refused(d, "x", "198.51.100.7");
	json_decref(control_ask(d, "{\"command\":\"unban\",\"address\":\"198.51.100.7\"}"));
	close(hold_open_from(d, "x", "198.51.100.7"));
	daemon_stop(d);
}

END_TEST

START_TEST(never_shuts_out_nobody_and_closes)
{
	struct daemon *d = started("tcp", "\tdeny_time = NEVER\n");

	if (d == NULL)
		return;
	expect_refused(d, "trap", "198.51.100.7");
	expect_line(d, "FAIL: trap sensor from=198.51.100.7");
	close(hold_open_from(d, "x", "198.51.100.7"));
	expect_no_line(d, "event=sensor-ban");
	daemon_stop(d);
}

END_TEST

START_TEST(who_has_no_access_is_refused_and_not_shut_out)
{
	struct daemon *d = started("tcp", "\tdeny_time = FOREVER\n\tno_access = 198.51.100.0/28\n");

	if (d == NULL)
		return;
	expect_refused(d, "trap", "198.51.100.7");
	expect_line(d, "FAIL: trap address from=198.51.100.7");
	close(hold_open_from(d, "x", "198.51.100.7"));
	expect_refused(d, "trap", "198.51.100.16");
	expect_refused(d, "x", "198.51.100.16");
	ck_assert_uint_eq(count_lines(d, "event=sensor-ban"), 1);
	daemon_stop(d);
}

END_TEST

START_TEST(this_machine_is_never_shut_out)
{
	struct daemon *d = started("tcp", "\tdeny_time = FOREVER\n");

	if (d == NULL)
		return;
	expect_refused(d, "trap", "127.0.0.1");
	expect_refused(d, "trap", "127.9.9.9");
	expect_lines(d, 2, "FAIL: trap sensor from=127.");
	close(hold_open_from(d, "x", "127.0.0.1"));
	close(hold_open_from(d, "x", "127.9.9.9"));
	expect_no_line(d, "event=sensor-ban");
	daemon_stop(d);
}

END_TEST

START_TEST(of_ipv6_the_network_is_shut_out)
{
	struct daemon *d = has_ipv6() ? started("tcp6", "\tdeny_time = 10\n") : NULL;

	if (d == NULL)
		return;
	expect_refused(d, "trap", "2001:db8:0:1::5");
	expect_line(d, "event=sensor-ban service=trap address=2001:db8:0:1::/64 minutes=10");
	expect_refused(d, "x", "2001:db8:0:1::6");
	close(hold_open_from(d, "x", "2001:db8:0:2::5"));
	expect_refused(d, "trap", "::1");
	close(hold_open_from(d, "x", "::1"));
	daemon_stop(d);
}

END_TEST

/* Anybody can write any address into a datagram. */
START_TEST(c11_datagrams_shut_out_nobody)
{
	struct daemon *d = started("udp", "\tdeny_time = FOREVER\n");

	if (d == NULL)
		return;
	int fd = datagram_from(d, "trap", "198.51.100.7");
	send_text(fd, "here I am");
	expect_line(d, "FAIL: trap sensor from=198.51.100.7");
	close(hold_open_from(d, "x", "198.51.100.7"));
	expect_no_line(d, "event=sensor-ban");
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(who_comes_is_shut_out_of_every_service_for_a_time),
	TEST(for_ever_lasts_until_a_person_ends_it),
	TEST(never_shuts_out_nobody_and_closes),
	TEST(who_has_no_access_is_refused_and_not_shut_out),
	TEST(this_machine_is_never_shut_out),
	TEST(of_ipv6_the_network_is_shut_out),
	TEST(c11_datagrams_shut_out_nobody),
};

int
main(void)
{
	return run_functional("sensor", tests, ARRAY_LEN(tests));
}
