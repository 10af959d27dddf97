/* SPDX-License-Identifier: MIT */
/* Where porterd itself lives otherwise than xinetd: addresses that come later, reloads, ends, limits of its own. One test
 * a difference. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/rows.h"

#define LATE "192.0.2.77"

START_TEST(address_of_bind_that_is_not_there_yet)
{
	const char *add[] = { "ip", "address", "add", LATE "/32", "dev", "lo", NULL };

	if (!own_network() || run_command((const char *[]){ "ip", "link", NULL }).status != 0) {
		test_skip(
		    "address_of_bind_that_is_not_there_yet", "no network of its own, or no ip");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_entry(d, "late", HOLD "\tprotocol = tcp\n\tport = 3600\n\tbind = " LATE "\n");
	daemon_entry(d, "free",
	    HOLD "\tprotocol = tcp\n\tport = 3601\n\tbind = " LATE "\n\tfreebind = yes\n");
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "event=bind-failed service=late");
	expect_line(d, "event=listening service=free");
	ck_assert_int_eq(run_command(add).status, 0);
	expect_line(d, "event=listening service=late");
	for (unsigned port = 3600; port < 3602; port++) {
		int fd = connect_address(LATE, port);
		ck_assert_int_ge(fd, 0);
		ck_assert(is_answered(fd));
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

/* Writes another configuration with an error, asks for it, and finds that nothing has changed. */
static void
refused_reload(struct daemon *d, const char *error)
{
	int held = hold_open(d, "x");
	char *before = strdup(d->conf);

	daemon_add(d, "%s", error);
	daemon_write(d);
	daemon_signal(d, SIGHUP);
	expect_line(d, "event=reload-refused");
	expect_echo(held, "still here");
	ck_assert(serves(d, "x", "127.0.0.1"));
	ck_assert(serves(d, "y", "127.0.0.1"));
	close(held);
	daemon_clear(d);
	daemon_add(d, "%s", before);
	free(before);
	daemon_stop(d);
}

static struct daemon *
two_services(void)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	return d;
}

START_TEST(hup_with_an_error_in_one_service)
{
	refused_reload(two_services(), "service z\n{\n\tonly_form = 127.0.0.1\n}\n");
}

END_TEST

START_TEST(hup_with_an_error_in_defaults)
{
	refused_reload(two_services(), "defaults\n{\n\tinstances = many\n}\n");
}

END_TEST

START_TEST(hup_without_a_service)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	unsigned port = port_of(d, "x");
	daemon_start(d);
	int held = hold_open(d, "x");
	daemon_clear(d);
	daemon_reload(d);
	ck_assert_int_lt(connect_address("127.0.0.1", port), 0);
	expect_echo(held, "still here");
	close(held);
	expect_line(d, "EXIT: x status=0");
	daemon_stop(d);
}

END_TEST

START_TEST(term_ends_programs_and_quit_leaves_them)
{
	static const int signals[] = { SIGTERM, SIGQUIT };
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	pid_t program = ask_pid(fd);
	d->leaves_children = _i == 1;
	daemon_signal(d, signals[_i]);
	ck_assert_int_eq(daemon_wait(d), 0);
	if (_i == 0) {
		expect_closed(fd);
		ck_assert(process_is_gone(program));
		close(fd);
	} else {
		expect_echo(fd, "still here");
		close(fd);
		wait_gone(program);
		ck_assert_int_eq(waitpid(program, NULL, 0), program);
	}
	daemon_closed(d);
}

END_TEST

static void
raise_limit(struct daemon *d)
{
	rlim_t most = strtoul(read_file("/proc/sys/fs/nr_open"), NULL, 10);
	struct rlimit limit = { most, most };

	(void)d;
	setrlimit(RLIMIT_NOFILE, &limit);
}

START_TEST(start_with_a_huge_limit_of_descriptors)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD);
	d->before_exec = raise_limit;
	daemon_start(d);
	unsigned before = inject_calls(d, INJECT_CLOSE);
	ck_assert(serves(d, "x", "127.0.0.1"));
	expect_line(d, "EXIT: x status=0");
	ck_assert_uint_lt(before, 1000);
	ck_assert_uint_lt(inject_calls(d, INJECT_CLOSE) - before, 1000);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(address_of_bind_that_is_not_there_yet),
	TEST(hup_with_an_error_in_one_service),
	TEST(hup_with_an_error_in_defaults),
	TEST(hup_without_a_service),
	TEST_LOOP(term_ends_programs_and_quit_leaves_them, 2),
	TEST(start_with_a_huge_limit_of_descriptors),
};

int
main(void)
{
	return run_functional("rows-life", tests, ARRAY_LEN(tests));
}
