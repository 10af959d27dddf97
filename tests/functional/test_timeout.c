/* SPDX-License-Identifier: MIT */
/* timeout: sessions that take too long are ended. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

static struct daemon *
start_hold(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", text_format(HOLD "%s", attributes));
	daemon_start(d);
	return d;
}

START_TEST(session_is_ended_in_time_however_busy_it_is)
{
	struct daemon *d = start_hold("\ttimeout = 1s\n");
	static const char text[] = "still here\n";
	const size_t len = sizeof(text) - 1;
	char answer[sizeof(text)];
	int64_t began = now_ms();
	int fd = daemon_connect(d, "x");
	pid_t pid = ask_pid(fd);

	/* The end may come at any point of an exchange. */
	while (send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len &&
	       read_bytes(fd, answer, len) == len) {
		ck_assert(memcmp(answer, text, len) == 0);
		ck_assert_int_lt(now_ms(), began + 10000);
	}
	expect_closed(fd);
	ck_assert_int_ge(now_ms(), began + 1000);
	expect_line(d, "event=timeout service=x pid=%d conn=1 action=stop left-out=0", (int)pid);
	expect_line(d, "EXIT: x signal=15 pid=%d", (int)pid);
	expect_no_line(d, "action=kill");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(stop_signal_goes_to_the_whole_group_and_a_kill_follows)
{
	struct daemon *d =
	    start_hold("\ttimeout = 500ms\n\tstop_signal = HUP\n\tstop_grace = 1200ms\n");
	int polite = daemon_connect(d, "x"), stubborn = daemon_connect(d, "x");
	pid_t child;

	d->leaves_children = true;
	send_text(stubborn, "ignore 1\n");
	ck_assert_str_eq(read_line(stubborn), "ignored");
	send_text(polite, "stay\n");
	const char *line = read_line(polite);
	ck_assert_int_eq(strncmp(line, "stays ", 6), 0);
	child = (pid_t)atoi(line + 6);
	expect_line(d, "EXIT: x signal=1 ");
	wait_gone(child);
	expect_closed(polite);
	expect_line(d, "event=timeout service=x pid=* conn=2 action=kill");
	expect_line(d, "EXIT: x signal=9 *conn=2");
	expect_closed(stubborn);
	close(polite);
	close(stubborn);
	daemon_stop(d);
}

END_TEST

START_TEST(what_the_program_leaves_behind_is_killed)
{
	struct daemon *d = start_hold("\ttimeout = 500ms\n\tstop_grace = 500ms\n");
	int fd = daemon_connect(d, "x");
	pid_t child;

	d->leaves_children = true;
	send_text(fd, "stubborn\n");
	const char *line = read_line(fd);
	ck_assert_int_eq(strncmp(line, "stays ", 6), 0);
	child = (pid_t)atoi(line + 6);
	expect_line(d, "EXIT: x signal=15");
	expect_line(
	    d, "event=killed pid=* reason=\"its process group is still there after stop_grace\"");
	expect_closed(fd);
	wait_gone(child);
	close(fd);
	daemon_stop(d);
}

END_TEST

static void
reload_with(struct daemon *d, const char *attributes)
{
	daemon_clear(d);
	daemon_entry(
	    d, "x", text_format(HOLD "%s\tsocket_type = stream\n\tprotocol = tcp\n", attributes));
	daemon_reload(d);
}

START_TEST(setting_at_the_start_counts)
{
	struct daemon *d = start_hold("\ttimeout = 1s\n");
	int first = hold_open(d, "x"), second;

	reload_with(d, "");
	second = hold_open(d, "x");
	reload_with(d, "\ttimeout = 10ms\n");
	expect_line(d, "EXIT: x signal=15 *conn=1");
	expect_closed(first);
	expect_echo(second, "still here");
	close(first);
	close(second);
	expect_line(d, "EXIT: x status=0 *conn=2");
	daemon_stop(d);
}

END_TEST

START_TEST(deadline_survives_the_exchange_of_the_daemon)
{
	struct daemon *d = start_hold("\ttimeout = 2s\n");
	int64_t began = now_ms();
	int fd = hold_open(d, "x");

	daemon_signal(d, SIGUSR2);
	expect_notify(d, "RELOADING=1");
	expect_notify(d, "READY=1");
	expect_line(d, "event=upgraded version=*");
	expect_echo(fd, "still here");
	expect_line(d, "EXIT: x signal=15 *conn=1");
	ck_assert_int_ge(now_ms(), began + 1900);
	ck_assert_int_lt(now_ms(), began + (is_slow() ? 20000 : 3500));
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(builtin_that_takes_long_is_ended)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "echo", "tcp", "\ttype = INTERNAL\n\ttimeout = 500ms\n");
	daemon_start(d);
	int fd = daemon_connect(d, "echo");
	expect_echo(fd, "hello");
	expect_closed(fd);
	expect_line(d, "EXIT: echo signal=15");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(many_that_take_too_long_fill_no_log)
{
	struct daemon *d = start_hold("\ttimeout = 700ms\n");
	int fds[20];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = daemon_connect(d, "x");
	expect_lines(d, ARRAY_LEN(fds), "EXIT: x signal=15");
	ck_assert_uint_lt(count_lines(d, "event=timeout"), ARRAY_LEN(fds) / 2);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	daemon_stop(d);
}

END_TEST

START_TEST(session_of_a_pool_is_ended_too)
{
	struct daemon *d =
	    start_hold("\tpool = static\n\tpool_max = 1\n\tpool_exec = fresh\n\ttimeout = 500ms\n");
	int fd = hold_open(d, "x");

	expect_closed(fd);
	close(fd);
	expect_line(d, "EXIT: x signal=15");
	fd = hold_open(d, "x");
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(session_is_ended_in_time_however_busy_it_is),
	TEST(stop_signal_goes_to_the_whole_group_and_a_kill_follows),
	TEST(what_the_program_leaves_behind_is_killed),
	TEST(setting_at_the_start_counts),
	TEST(deadline_survives_the_exchange_of_the_daemon),
	TEST(builtin_that_takes_long_is_ended),
	TEST(many_that_take_too_long_fill_no_log),
	TEST(session_of_a_pool_is_ended_too),
};

int
main(void)
{
	return run_functional("timeout", tests, ARRAY_LEN(tests));
}
