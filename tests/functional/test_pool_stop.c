/* SPDX-License-Identifier: MIT */
/* The end of the daemon, and what it is for workers. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/daemon.h"
#include "functional/pool.h"

#define HOLD         "\tserver = @PROGRAMS@/hold\n"
#define WORKER(args) "\tserver = @PROGRAMS@/worker\n\tserver_args = " args "\n"
#define TWO          "\tpool = static\n\tpool_max = 2\n"
#define PORTER       WORKER("porter") TWO
#define PLAIN        WORKER("plain") "\tpool_protocol = plain\n" TWO
#define WARM         HOLD "\tpool_exec = fresh\n" TWO
#define INTERNAL     "\ttype = INTERNAL UNLISTED\n\tuser = @USER@\n" TWO

/* Kinds with a channel. */
static const char *const kinds[] = { PORTER, PLAIN,
	WORKER("silent") "\tpool_protocol = plain\n" TWO, PLAIN "\tpool_channel = stream\n",
	INTERNAL, WARM };

static struct daemon *
start(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "echo", "tcp", attributes);
	daemon_start(d);
	expect_workers(d, "echo", 2, 2);
	return d;
}

/* ---- TERM ---- */

START_TEST(term_ends_idle_and_busy_workers)
{
	struct daemon *d = start(kinds[_i]);
	pid_t pids[WORKERS_MAX];
	int fd = daemon_connect(d, "echo");

	expect_echo(fd, "hello");
	ck_assert_uint_eq(worker_pids(d, "echo", NULL, pids), 2);
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_closed(fd);
	expect_line(d, "EXIT: echo signal=%d * conn=1", SIGTERM);
	ck_assert(process_is_gone(pids[0]) && process_is_gone(pids[1]));
	expect_no_line(d, "event=killed");
	expect_no_line(d, "event=worker-failed");
	daemon_closed(d);
	close(fd);
}

END_TEST

START_TEST(term_ends_workers_that_accept_by_themselves)
{
	struct daemon *d = daemon_new();
	pid_t pid;

	daemon_service(d, "x", "tcp", WORKER("listen") "\tpool_accept = worker\n" TWO);
	daemon_start(d);
	int fd = worker_open(d, "x", &pid);
	daemon_stop(d);
	expect_closed(fd);
	close(fd);
}

END_TEST

START_TEST(stubborn_worker_has_its_grace_and_no_more)
{
	struct daemon *d = start(PORTER "\tstop_grace = 300s\n");
	pid_t pid;
	int fd = worker_open(d, "echo", &pid);

	ck_assert_str_eq(ask(fd, "ignore %d", SIGTERM), "ignored");
	daemon_signal(d, SIGTERM);
	expect_notify(d, "STOPPING=1");
	daemon_idle(d);
	expect_echo(fd, "in its grace");
	atomic_store(&d->inject->monotonic_s, 301);
	daemon_signal(d, SIGUSR1);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "event=killed service=echo pid=%d", (int)pid);
	expect_line(d, "EXIT: echo signal=%d pid=%d", SIGKILL, (int)pid);
	daemon_closed(d);
	close(fd);
}

END_TEST

/* Its client leaves in the time of grace: the worker ends by itself. */
START_TEST(worker_that_finishes_in_its_grace)
{
	struct daemon *d = start(PORTER "\tstop_grace = 300s\n");
	pid_t pid;
	int fd = worker_open(d, "echo", &pid);

	ask(fd, "ignore %d", SIGTERM);
	daemon_signal(d, SIGTERM);
	expect_notify(d, "STOPPING=1");
	daemon_idle(d);
	expect_echo(fd, "last words");
	close(fd);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "EXIT: echo status=0 pid=%d * conn=1", (int)pid);
	daemon_closed(d);
}

END_TEST

START_TEST(stopped_workers_and_clients_on_their_way_do_not_hold_up_the_end)
{
	struct daemon *d = start(PORTER "\ton_limit = queue\n");
	pid_t pids[WORKERS_MAX];
	int fds[5];

	worker_pids(d, "echo", NULL, pids);
	stop_process(pids[0]);
	stop_process(pids[1]);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = daemon_connect(d, "echo");
	expect_number(d, "echo", "handed", 2);
	/* Stopped ones are continued, so that they hear the signal. */
	daemon_stop(d);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		expect_closed(fds[i]);
		close(fds[i]);
	}
}

END_TEST

START_TEST(h8_stop_while_workers_are_starting)
{
	struct daemon *d = daemon_new();

	make_fifo(d, "go");
	daemon_service(
	    d, "x", "tcp", WORKER("porter ignore:15 wait:@DIR@/go") TWO "\tstop_grace = 300s\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	expect_number(d, "x", "handed", 1);
	send_text(fd, "hello\n");
	open_fifo_until_answer(d, "go", fd);
	ck_assert_str_eq(read_line(fd), "hello");
	daemon_signal(d, SIGTERM);
	expect_notify(d, "STOPPING=1");
	close(fd);
	/* The other one may have missed the first call. */
	open_fifo_until_gone(d, "go", d->pid);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_no_line(d, "event=killed");
	daemon_closed(d);
}

END_TEST

START_TEST(stop_while_the_pool_cannot_start_workers)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	write_file(text_format("%s/broken", d->dir), 0755, "#!/bin/sh\nexit 1\n");
	daemon_service(d, "x", "tcp", "\tserver = @DIR@/broken\n" TWO);
	daemon_start(d);
	expect_line(d, "event=pool-failing service=x");
	daemon_stop(d);
}

END_TEST

/* ---- QUIT, and the end without a word ---- */

/* The busy one goes on until its client leaves; all others end. Nobody is left. */
static void
workers_end_by_themselves(struct daemon *d, int fd, const pid_t *pids)
{
	unsigned busy = 0;

	expect_echo(fd, "still served");
	for (size_t i = 0; i < 2; i++) {
		/* One of them has the client's connection as descriptor 3, or, warm, as 0 and 1. */
		bool is_busy = path_exists(text_format("/proc/%d/fd/3", (int)pids[i])) ||
			       path_exists(text_format("/proc/%d/fd/1", (int)pids[i]));

		busy += is_busy && !process_is_gone(pids[i]);
	}
	ck_assert_uint_ge(busy, 1);
	expect_echo(fd, "and again");
	close(fd);
	wait_gone(pids[0]);
	wait_gone(pids[1]);
	d->leaves_children = true;
	daemon_closed(d);
}

START_TEST(quit_lets_workers_finish)
{
	struct daemon *d = start(kinds[_i]);
	pid_t pids[WORKERS_MAX];
	int fd = daemon_connect(d, "echo");

	expect_echo(fd, "hello");
	ck_assert_uint_eq(worker_pids(d, "echo", NULL, pids), 2);
	daemon_signal(d, SIGQUIT);
	ck_assert_int_eq(daemon_wait(d), 0);
	workers_end_by_themselves(d, fd, pids);
}

END_TEST

START_TEST(h10_workers_end_after_their_client_when_the_daemon_is_killed)
{
	struct daemon *d = start(kinds[_i]);
	pid_t pids[WORKERS_MAX];
	int fd = daemon_connect(d, "echo");

	expect_echo(fd, "hello");
	ck_assert_uint_eq(worker_pids(d, "echo", NULL, pids), 2);
	daemon_signal(d, SIGKILL);
	ck_assert_int_eq(daemon_wait(d), 128 + SIGKILL);
	workers_end_by_themselves(d, fd, pids);
}

END_TEST

/* What was handed over and not yet taken is served, or seen to be lost. */
START_TEST(h10_daemon_is_killed_with_a_connection_on_its_way)
{
	struct daemon *d = start(kinds[_i]);
	pid_t pids[WORKERS_MAX];

	ck_assert_uint_eq(worker_pids(d, "echo", NULL, pids), 2);
	stop_process(pids[0]);
	stop_process(pids[1]);
	int fd = daemon_connect(d, "echo");
	send_text(fd, "on its way\n");
	expect_number(d, "echo", "handed", 1);
	daemon_signal(d, SIGKILL);
	ck_assert_int_eq(daemon_wait(d), 128 + SIGKILL);
	kill(pids[0], SIGCONT);
	kill(pids[1], SIGCONT);
	ck_assert_str_eq(read_line(fd), "on its way");
	close(fd);
	wait_gone(pids[0]);
	wait_gone(pids[1]);
	d->leaves_children = true;
	daemon_closed(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(term_ends_idle_and_busy_workers, ARRAY_LEN(kinds)),
	TEST(term_ends_workers_that_accept_by_themselves),
	TEST(stubborn_worker_has_its_grace_and_no_more),
	TEST(worker_that_finishes_in_its_grace),
	TEST(stopped_workers_and_clients_on_their_way_do_not_hold_up_the_end),
	TEST(h8_stop_while_workers_are_starting),
	TEST(stop_while_the_pool_cannot_start_workers),
	TEST_LOOP(quit_lets_workers_finish, ARRAY_LEN(kinds)),
	TEST_LOOP(h10_workers_end_after_their_client_when_the_daemon_is_killed, ARRAY_LEN(kinds)),
	TEST_LOOP(h10_daemon_is_killed_with_a_connection_on_its_way, ARRAY_LEN(kinds)),
};

int
main(void)
{
	return run_functional("pool_stop", tests, ARRAY_LEN(tests));
}
