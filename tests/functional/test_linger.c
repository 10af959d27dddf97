/* SPDX-License-Identifier: MIT */
/* linger: a program that ends without having read everything, and what its client sees. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/daemon.h"

/* A program of the shell; @DIR@/go is a pipe that the test writes to. */
#define SHELL(text) "\tserver = /bin/sh\n\tserver_args = {\"-c\", \"" text "\"}\n"
/* Answers when it is told to, whatever the client has sent by then, and reads nothing. */
#define ANSWER      "read x < @DIR@/go; printf answer"
#define LATE        "{ read x < @DIR@/go; printf late; } & printf early"

static struct daemon *
start_shell(const char *attributes)
{
	struct daemon *d = daemon_new();

	ck_assert_int_eq(mkfifo(text_format("%s/go", d->dir), 0666), 0);
	daemon_service(d, "x", "tcp", attributes);
	daemon_start(d);
	return d;
}

static void
tell_to_go(struct daemon *d)
{
	int fd = open(text_format("%s/go", d->dir), O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "\n", 1), 1);
	close(fd);
}

/* How the connection ends after this text: 0, or the error. */
static int
end_after(int fd, const char *text)
{
	char got[64] = "";
	size_t len = strlen(text);

	ck_assert_uint_eq(read_bytes(fd, got, len), len);
	ck_assert_str_eq(got, text);
	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	return recv(fd, got, sizeof(got), 0) < 0 ? errno : 0;
}

/* Until it has as many descriptors as then. */
static void
expect_fds(struct daemon *d, unsigned fds)
{
	int64_t deadline = deadline_after();

	while (daemon_fds(d) != fds)
		if (now_ms() > deadline)
			daemon_fail(d, "%u descriptors, not %u", daemon_fds(d), fds);
}

/* Orphans are this process's children: until it has seen the end of one, the group is still there. */
static void
reap_group(pid_t pgid)
{
	ck_assert_int_gt(waitpid(-pgid, NULL, 0), 0);
}

static pid_t
started_pid(struct daemon *d)
{
	return (pid_t)atoi(strstr(expect_line(d, "START: x pid="), "pid=") + 4);
}

START_TEST(client_of_one_that_does_not_read_sees_a_reset)
{
	struct daemon *d = start_shell(SHELL(ANSWER));
	int fd = daemon_connect(d, "x");

	send_text(fd, "request");
	tell_to_go(d);
	ck_assert_int_eq(end_after(fd, "answer"), ECONNRESET);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(with_linger_it_sees_the_answer_and_its_end)
{
	struct daemon *d = start_shell(SHELL(ANSWER) "\tlinger = 1m\n");
	unsigned fds = daemon_fds(d);
	int fd = daemon_connect(d, "x");

	send_text(fd, "request");
	tell_to_go(d);
	ck_assert_int_eq(end_after(fd, "answer"), 0);
	expect_line(d, "EXIT: x status=0");
	/* What is still on its way is read as well. */
	send_text(fd, "and more");
	ck_assert_uint_gt(daemon_fds(d), fds);
	send_text(fd, "and more");
	close(fd);
	expect_fds(d, fds);
	daemon_stop(d);
}

END_TEST

START_TEST(client_that_stays_is_closed_in_time)
{
	struct daemon *d = start_shell(SHELL(ANSWER) "\tlinger = 500ms\n");
	unsigned fds = daemon_fds(d);
	int fd = daemon_connect(d, "x");

	tell_to_go(d);
	ck_assert_int_eq(end_after(fd, "answer"), 0);
	expect_fds(d, fds);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(what_the_program_leaves_behind_keeps_the_connection)
{
	struct daemon *d = start_shell(SHELL(LATE) "\tlinger = 1m\n");
	unsigned fds = daemon_fds(d);
	int fd = daemon_connect(d, "x");
	char early[6] = "";

	send_text(fd, "request");
	ck_assert_uint_eq(read_bytes(fd, early, 5), 5);
	ck_assert_str_eq(early, "early");
	expect_line(d, "EXIT: x status=0");
	ck_assert(!wait_for(fd, POLLIN, now_ms() + 200));
	tell_to_go(d);
	reap_group(started_pid(d));
	ck_assert_int_eq(end_after(fd, "late"), 0);
	close(fd);
	expect_fds(d, fds);
	daemon_stop(d);
}

END_TEST

START_TEST(bytes_are_counted_where_a_copy_is_kept)
{
	struct daemon *d =
	    start_shell(SHELL(ANSWER) "\tlinger = 1m\n\tlog_on_success = EXIT TRAFFIC\n");
	int fd = daemon_connect(d, "x");

	send_text(fd, "request");
	half_close(fd);
	tell_to_go(d);
	ck_assert_int_eq(end_after(fd, "answer"), 0);
	expect_line(d, "TRAFFIC: x in=7(bytes) out=6(bytes)");
	expect_line(d, "EXIT: x status=0*bytes=7/6 ");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(program_that_cannot_be_started_keeps_nobody)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", "\tserver = @PROGRAMS@/hold\n\tlinger = 1m\n");
	daemon_inject(d);
	daemon_start(d);
	unsigned fds = daemon_fds(d);
	inject_fail(d, INJECT_EXECVE, EACCES, 1);
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	expect_line(d, "FAIL: x exec");
	close(fd);
	expect_fds(d, fds);
	daemon_stop(d);
}

END_TEST

static void
upgrade(struct daemon *d)
{
	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	expect_notify(d, "RELOADING=1");
	expect_notify(d, "READY=1");
	expect_line(d, "event=upgraded version=*");
}

START_TEST(it_survives_the_exchange_of_the_daemon)
{
	struct daemon *d = start_shell(SHELL(ANSWER) "\tlinger = 1m\n");
	unsigned fds = daemon_fds(d);
	int fd = daemon_connect(d, "x");

	send_text(fd, "request");
	expect_line(d, "START: x");
	upgrade(d);
	tell_to_go(d);
	ck_assert_int_eq(end_after(fd, "answer"), 0);
	/* Now it is said good-bye to. */
	upgrade(d);
	ck_assert_uint_gt(daemon_fds(d), fds);
	send_text(fd, "and more");
	daemon_idle(d);
	send_text(fd, "and more");
	close(fd);
	expect_fds(d, fds);
	daemon_stop(d);
}

END_TEST

START_TEST(what_was_left_behind_survives_it_too)
{
	struct daemon *d = start_shell(SHELL(LATE) "\tlinger = 1m\n");
	unsigned fds = daemon_fds(d);
	int fd = daemon_connect(d, "x");

	send_text(fd, "request");
	pid_t pid = started_pid(d);
	expect_line(d, "EXIT: x status=0");
	upgrade(d);
	tell_to_go(d);
	reap_group(pid);
	ck_assert_int_eq(end_after(fd, "earlylate"), 0);
	close(fd);
	expect_fds(d, fds);
	daemon_stop(d);
}

END_TEST

START_TEST(fresh_process_of_a_pool_has_it_too)
{
	struct daemon *d = start_shell(
	    SHELL(ANSWER) "\tlinger = 1m\n\tpool = static\n\tpool_max = 1\n\tpool_exec = fresh\n");
	int fd = daemon_connect(d, "x");

	send_text(fd, "request");
	tell_to_go(d);
	ck_assert_int_eq(end_after(fd, "answer"), 0);
	unsigned fds = daemon_fds(d);
	close(fd);
	expect_fds(d, fds - 1);
	daemon_stop(d);
}

END_TEST

/* Those of builtins answer and are free again at once. */
START_TEST(worker_that_goes_on_is_lingered_for)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "daytime", "tcp",
	    "\ttype = INTERNAL\n\tlinger = 1m\n\tpool = static\n\tpool_max = 1\n");
	daemon_start(d);
	unsigned fds = daemon_fds(d);
	int fd = daemon_connect(d, "daytime"), next;
	ck_assert_ptr_nonnull(strstr(read_all(fd), "\r\n"));
	expect_line(d, "EXIT: daytime *conn=1");
	ck_assert_uint_eq(daemon_fds(d), fds + 1);
	next = daemon_connect(d, "daytime");
	ck_assert_ptr_nonnull(strstr(read_all(next), "\r\n"));
	expect_line(d, "EXIT: daytime *conn=2");
	close(next);
	send_text(fd, "and more");
	daemon_idle(d);
	send_text(fd, "and more");
	close(fd);
	expect_fds(d, fds);
	daemon_stop(d);
}

END_TEST

START_TEST(answer_of_the_daemon_itself_has_it)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "daytime", "tcp", "\ttype = INTERNAL\n\tlinger = 1m\n");
	daemon_start(d);
	unsigned fds = daemon_fds(d);
	int fd = daemon_connect(d, "daytime");
	ck_assert_ptr_nonnull(strstr(read_all(fd), "\r\n"));
	ck_assert_uint_eq(daemon_fds(d), fds + 1);
	send_text(fd, "and more");
	daemon_idle(d);
	send_text(fd, "and more");
	close(fd);
	expect_fds(d, fds);
	daemon_stop(d);
}

END_TEST

START_TEST(setting_at_the_start_counts)
{
	struct daemon *d = start_shell(SHELL(ANSWER) "\tlinger = 1m\n");
	int fd = daemon_connect(d, "x");

	send_text(fd, "request");
	expect_line(d, "START: x");
	daemon_clear(d);
	daemon_entry(d, "x", SHELL(ANSWER) "\tsocket_type = stream\n\tprotocol = tcp\n");
	daemon_reload(d);
	tell_to_go(d);
	ck_assert_int_eq(end_after(fd, "answer"), 0);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(client_of_one_that_does_not_read_sees_a_reset),
	TEST(with_linger_it_sees_the_answer_and_its_end),
	TEST(client_that_stays_is_closed_in_time),
	TEST(what_the_program_leaves_behind_keeps_the_connection),
	TEST(bytes_are_counted_where_a_copy_is_kept),
	TEST(program_that_cannot_be_started_keeps_nobody),
	TEST(it_survives_the_exchange_of_the_daemon),
	TEST(what_was_left_behind_survives_it_too),
	TEST(fresh_process_of_a_pool_has_it_too),
	TEST(worker_that_goes_on_is_lingered_for),
	TEST(answer_of_the_daemon_itself_has_it),
	TEST(setting_at_the_start_counts),
};

int
main(void)
{
	return run_functional("linger", tests, ARRAY_LEN(tests));
}
