/* SPDX-License-Identifier: MIT */
/* Addresses and network devices that come and go: each test has a network of its own. */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/daemon.h"

#define CAT "\tserver = /bin/cat\n"

/* The listeners' own timer comes much later than an answer may take. */
#define SOON_MS 3000

static void
ip(const char *arguments)
{
	const struct run_result r = run_command((const char *[]){
	    "/bin/sh", "-c", text_format("PATH=/sbin:/usr/sbin:$PATH; ip %s", arguments), NULL });

	ck_assert_msg(r.status == 0, "ip %s: %s", arguments, r.output);
}

static bool
has_network(const char *test)
{
	if (!is_root() || unshare(CLONE_NEWNET) < 0 ||
	    run_command(
		(const char *[]){ "/bin/sh", "-c",
		    "PATH=/sbin:/usr/sbin:$PATH; ip link set lo up && ip link add name dev0 type bridge && ip link del dev0",
		    NULL })
		    .status != 0) {
		test_skip(test, "needs root, a network namespace, ip(8) and bridges");
		return false;
	}
	return true;
}

static int
connects(const char *address)
{
	int fd = connect_address(address, 3600);

	if (fd >= 0)
		expect_echo(fd, "hello");
	close(fd);
	return fd;
}

static bool
watches(struct daemon *d)
{
	const char *lines = read_file("/proc/net/netlink");
	const char *wanted = text_format(" 0   %d ", (int)d->pid);

	return strstr(lines, wanted) != NULL;
}

START_TEST(an_address_that_appears_is_listened_on_at_once)
{
	struct daemon *d = daemon_new();

	if (!has_network("an_address_that_appears_is_listened_on_at_once"))
		return;
	daemon_entry(d, "x", "\tbind = 192.0.2.7 127.0.0.1\n\tport = 3600\n" CAT);
	daemon_start(d);
	expect_line(d, "event=bind-failed service=x address=tcp:192.0.2.7:3600 *");
	ck_assert_int_ge(connects("127.0.0.1"), 0);
	/* Until the timer has become slow. */
	expect_no_line(d, "event=listening service=x address=tcp:192.0.2.7:3600");
	int64_t began = now_ms();
	ip("addr add 192.0.2.7/32 dev lo");
	expect_line(d, "event=listening service=x address=tcp:192.0.2.7:3600");
	ck_assert_int_lt(now_ms() - began, SOON_MS);
	ck_assert_int_ge(connects("192.0.2.7"), 0);
	daemon_stop(d);
}

END_TEST

/* It may be started before the network is. */
START_TEST(daemon_waits_for_the_only_address_it_has)
{
	if (!has_network("daemon_waits_for_the_only_address_it_has"))
		return;
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", "\tbind = 192.0.2.7\n\tport = 3600\n" CAT);
	daemon_spawn(d);
	expect_line(d, "event=bind-failed service=x address=tcp:192.0.2.7:3600*");
	expect_line(d, "event=ready");
	ip("address add 192.0.2.7/32 dev lo");
	expect_line(d, "event=listening service=x address=tcp:192.0.2.7:3600");
	ck_assert_int_ge(connects("192.0.2.7"), 0);
	daemon_stop(d);
}

END_TEST

START_TEST(the_kernel_is_asked_only_while_something_is_missing)
{
	struct daemon *d = daemon_new();

	if (!has_network("the_kernel_is_asked_only_while_something_is_missing"))
		return;
	daemon_entry(d, "x", "\tbind = 127.0.0.1\n\tport = 3600\n" CAT);
	daemon_start(d);
	ck_assert(!watches(d));
	unsigned before = daemon_fds(d);
	daemon_entry(d, "y", "\tbind = 2001:db8::7\n\tport = 3601\n" CAT);
	daemon_reload(d);
	expect_line(d, "event=bind-failed service=y *");
	ck_assert(watches(d));
	ip("-6 addr add 2001:db8::7/128 dev lo nodad");
	expect_line(d, "event=listening service=y address=tcp:[2001:db8::7]:3601");
	daemon_idle(d);
	ck_assert(!watches(d));
	/* The listener itself. */
	ck_assert_uint_eq(daemon_fds(d), before + 1);
	daemon_stop(d);
}

END_TEST

START_TEST(a_device_that_appears_is_listened_on)
{
	struct daemon *d = daemon_new();

	if (!has_network("a_device_that_appears_is_listened_on"))
		return;
	daemon_entry(d, "x", "\tport = 3600\n\tdevice = dev0\n" CAT);
	daemon_entry(d, "y", "\tport = 3600\n\tdevice = lo\n\tid = y\n" CAT);
	daemon_start(d);
	expect_line(
	    d, "event=bind-failed service=x address=tcp:*:3600%%dev0 * error=\"No such device\"*");
	expect_line(d, "event=listening service=y address=tcp:*:3600%%lo");
	ip("link add name dev0 type bridge");
	ip("addr add 192.0.2.7/32 dev dev0");
	ip("link set dev0 up");
	expect_line(d, "event=listening service=x address=tcp:*:3600%%dev0");
	/* To the kernel a client on the same machine comes by the device that has the address. */
	ck_assert_int_ge(connects("192.0.2.7"), 0);
	expect_line(d, "START: x *");
	ck_assert_int_ge(connects("127.0.0.1"), 0);
	expect_line(d, "START: y *");
	daemon_stop(d);
}

END_TEST

START_TEST(a_device_that_goes_and_comes_is_listened_on_again)
{
	struct daemon *d = daemon_new();

	if (!has_network("a_device_that_goes_and_comes_is_listened_on_again"))
		return;
	ip("link add name dev0 type bridge");
	daemon_entry(d, "x", "\tport = 3600\n\tdevice = dev0\n" CAT);
	daemon_start(d);
	expect_line(d, "event=listening service=x *");
	daemon_mark(d);
	ip("link del dev0");
	expect_line(d, "event=listener-lost service=x * error=\"its network device has gone\"");
	expect_line(d, "event=bind-failed service=x *");
	ip("link add name dev0 type bridge");
	expect_line(d, "event=listening service=x *");
	daemon_stop(d);
}

END_TEST

START_TEST(another_device_is_another_socket)
{
	struct daemon *d = daemon_new();

	if (!has_network("another_device_is_another_socket"))
		return;
	ip("link add name dev0 type bridge");
	daemon_entry(d, "x", "\tport = 3600\n\tdevice = dev0\n" CAT);
	daemon_start(d);
	ck_assert_int_lt(connects("127.0.0.1"), 0);
	daemon_clear(d);
	daemon_entry(d, "x", "\tport = 3600\n\tdevice = lo\n" CAT);
	daemon_reload(d);
	expect_line(d, "event=listening service=x address=tcp:*:3600%%lo");
	ck_assert_int_ge(connects("127.0.0.1"), 0);
	daemon_clear(d);
	daemon_entry(d, "x", "\tport = 3600\n" CAT);
	daemon_mark(d);
	daemon_reload(d);
	expect_line(d, "event=listening service=x address=tcp:*:3600");
	ck_assert_int_ge(connects("127.0.0.1"), 0);
	daemon_stop(d);
}

END_TEST

/* The kernel makes the route to a new IPv6 address a little later. */
static void
expect_reachable(const char *address)
{
	const int64_t deadline = deadline_after();
	int r;

	while ((r = connects(address)) == -ENETUNREACH && now_ms() < deadline)
		sched_yield();
	ck_assert_int_ge(r, 0);
}

static const char *const free_addresses[] = { "192.0.2.9", "2001:db8::9" };

START_TEST(freebind_needs_no_address)
{
	const char *address = free_addresses[_i];
	struct daemon *d = daemon_new();

	if (!has_network("freebind_needs_no_address"))
		return;
	daemon_entry(
	    d, "x", text_format("\tbind = %s\n\tport = 3600\n\tfreebind = yes\n" CAT, address));
	daemon_start(d);
	expect_line(d, "event=listening service=x *");
	expect_no_line(d, "event=bind-failed *");
	ip(text_format("addr add %s dev lo%s", address, _i == 1 ? " nodad" : ""));
	expect_reachable(address);
	daemon_stop(d);
}

END_TEST

START_TEST(freebind_that_is_given_later_helps_at_once)
{
	struct daemon *d = daemon_new();

	if (!has_network("freebind_that_is_given_later_helps_at_once"))
		return;
	daemon_entry(d, "x", "\tbind = 192.0.2.9\n\tport = 3600\n" CAT);
	daemon_start(d);
	expect_line(d, "event=bind-failed service=x *");
	daemon_clear(d);
	daemon_entry(d, "x", "\tbind = 192.0.2.9\n\tport = 3600\n\tfreebind = yes\n" CAT);
	daemon_reload(d);
	expect_line(d, "event=listening service=x *");
	daemon_stop(d);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(an_address_that_appears_is_listened_on_at_once),
		TEST(daemon_waits_for_the_only_address_it_has),
		TEST(the_kernel_is_asked_only_while_something_is_missing),
		TEST(a_device_that_appears_is_listened_on),
		TEST(a_device_that_goes_and_comes_is_listened_on_again),
		TEST(another_device_is_another_socket),
		TEST_LOOP(freebind_needs_no_address, ARRAY_LEN(free_addresses)),
		TEST(freebind_that_is_given_later_helps_at_once),
	};

	return run_functional("network", tests, ARRAY_LEN(tests));
}
