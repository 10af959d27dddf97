/* SPDX-License-Identifier: MIT */
/* accept(2) and everything that can go wrong with it. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

static void
serves(struct daemon *d, const char *name)
{
	int fd = hold_open(d, name);

	expect_echo(fd, "served");
	close(fd);
}

static const int shortages[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };

START_TEST(b1_shortage_rests_the_listeners_and_passes)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int y = hold_open(d, "y");
	inject_fail(d, INJECT_ACCEPT4, shortages[_i], -1);
	int fds[20];
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = daemon_connect(d, "x");
	expect_line(d, "event=resting error=\"%s\"", strerror(shortages[_i]));
	/* Nothing spins: twenty clients wait, and accept4 is called a few times a second at most. */
	unsigned accepts = inject_calls(d, INJECT_ACCEPT4), polls = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 50; i++)
		expect_echo(y, "turn");
	ck_assert_uint_le(inject_calls(d, INJECT_ACCEPT4) - accepts, 10);
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - polls, 20);
	ck_assert_uint_le(count_lines(d, "event=resting"), 1);
	inject_fail(d, INJECT_ACCEPT4, 0, 0);
	/* A program that ends wakes the listeners at once. */
	close(y);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		expect_echo(fds[i], "served after all");
		close(fds[i]);
	}
	daemon_stop(d);
}

END_TEST

START_TEST(b1_shortage_passes_without_a_program_ending)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	inject_fail(d, INJECT_ACCEPT4, EMFILE, 1);
	serves(d, "x");
	expect_line(d, "event=resting");
	daemon_stop(d);
}

END_TEST

static void
lower_descriptors(struct daemon *d)
{
	struct rlimit limit = { 130, 130 };
	(void)d;

	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Descriptors below 3 are the only ones the running daemon may open: there is none left. */
START_TEST(b1_descriptors_run_out_for_real)
{
	struct daemon *d = daemon_new();
	struct rlimit old, none;
	int fds[10];

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int held = hold_open(d, "x");
	ck_assert_int_eq(prlimit(d->pid, RLIMIT_NOFILE, NULL, &old), 0);
	none = (struct rlimit){ 3, old.rlim_max };
	ck_assert_int_eq(prlimit(d->pid, RLIMIT_NOFILE, &none, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = daemon_connect(d, "x");
	expect_line(d, "event=resting error=\"%s\"", strerror(EMFILE));
	ck_assert_int_eq(prlimit(d->pid, RLIMIT_NOFILE, &old, NULL), 0);
	close(held);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		expect_echo(fds[i], "served after all");
		close(fds[i]);
	}
	daemon_stop(d);
}

END_TEST

/* A descriptor stays open in the daemon for each program whose standard error it reads. */
START_TEST(b1_few_descriptors_serve_everybody_in_turn)
{
	struct daemon *d = daemon_new();
	int fds[100];

	d->before_exec = lower_descriptors;
	daemon_service(d, "x", "tcp", HOLD "\tstderr = log\n\ton_limit = queue\n");
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = daemon_connect(d, "x");
		send_text(fds[i], "client %zu\n", i);
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		ck_assert_str_eq(read_line(fds[i]), text_format("client %zu", i));
		close(fds[i]);
	}
	ck_assert_uint_le(count_lines(d, "event=resting"), 20);
	daemon_stop(d);
}

END_TEST

static const int transients[] = { EPERM, ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET,
	EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ECONNABORTED, EINTR, EAGAIN };

START_TEST(b2_transient_errors_of_accept_pass)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	for (int i = 0; i < 20; i++) {
		inject_fail(d, INJECT_ACCEPT4, transients[_i], 3);
		serves(d, "x");
	}
	ck_assert_uint_le(count_lines(d, "event=accept-failed"), 3);
	expect_no_line(d, "event=resting");
	daemon_stop(d);
}

END_TEST

START_TEST(b2_an_error_that_takes_nobody_from_the_queue_does_not_spin)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	inject_fail(d, INJECT_ACCEPT4, EACCES, -1);
	int fd = daemon_connect(d, "x");
	expect_line(d, "event=accept-failed service=x");
	daemon_idle(d);
	ck_assert_uint_le(inject_calls(d, INJECT_ACCEPT4), 50);
	inject_fail(d, INJECT_ACCEPT4, EACCES, 0);
	expect_echo(fd, "after a while");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(b3_listener_that_stops_listening_is_repaired)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	d->keep_listeners = true;
	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	serves(d, "x");
	daemon_idle(d);
	ck_assert_int_eq(shutdown(d->listeners[0].fd, SHUT_RDWR), 0);
	/* Until the daemon has noticed, clients are refused. */
	daemon_idle(d);
	serves(d, "x");
	int y = hold_open(d, "y");
	unsigned before = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 20; i++)
		expect_echo(y, "turn");
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - before, 5);
	close(y);
	daemon_stop(d);
}

END_TEST

#define RESETS 300

START_TEST(b4_clients_that_reset_while_queued_cost_nothing)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	serves(d, "x");
	expect_line(d, "EXIT: x");
	unsigned forks = inject_calls(d, INJECT_FORK), fds = daemon_fds(d);
	size_t size = d->log_len;
	/* Stopped, so that all of them are in the queue when it looks. */
	daemon_signal(d, SIGSTOP);
	for (int i = 0; i < RESETS; i++)
		reset_connection(daemon_connect(d, "x"));
	daemon_signal(d, SIGCONT);
	serves(d, "x");
	expect_lines(d, 2, "EXIT: x");
	ck_assert_uint_le(inject_calls(d, INJECT_FORK) - forks, 1);
	ck_assert_uint_le(d->log_len - size, 2000);
	ck_assert_uint_eq(daemon_fds(d), fds);
	daemon_stop(d);
}

END_TEST

/* Nobody asks whether one who is not wanted is still there. */
START_TEST(b4_clients_that_reset_while_queued_are_refused_as_others)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tno_access = 127.0.0.1\n");
	daemon_start(d);
	daemon_signal(d, SIGSTOP);
	for (int i = 0; i < 20; i++)
		reset_connection(daemon_connect(d, "x"));
	daemon_signal(d, SIGCONT);
	expect_lines(d, 20, "FAIL: x address from=127.0.0.1");
	daemon_stop(d);
}

END_TEST

START_TEST(b4_clients_that_connect_and_leave)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 20\n");
	daemon_start(d);
	for (int i = 0; i < RESETS; i++)
		close(daemon_connect(d, "x"));
	for (;;) {
		int fd = daemon_connect(d, "x");
		char answer[8];

		send(fd, "last\n", 5, MSG_NOSIGNAL);
		bool is_served = read_bytes(fd, answer, 5) == 5;
		close(fd);
		if (is_served)
			break;
		expect_line(d, "EXIT: x");
	}
	/* Each was counted once: started or refused, and every one that started has ended. */
	ck_assert_uint_ge(count_lines(d, "START: x") + count_lines(d, "FAIL: x"), RESETS / 2);
	expect_lines(d, count_lines(d, "START: x"), "EXIT: x");
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(b1_shortage_rests_the_listeners_and_passes, ARRAY_LEN(shortages)),
	TEST(b1_shortage_passes_without_a_program_ending),
	TEST(b1_descriptors_run_out_for_real),
	TEST(b1_few_descriptors_serve_everybody_in_turn),
	TEST_LOOP(b2_transient_errors_of_accept_pass, ARRAY_LEN(transients)),
	TEST(b2_an_error_that_takes_nobody_from_the_queue_does_not_spin),
	TEST(b3_listener_that_stops_listening_is_repaired),
	TEST(b4_clients_that_reset_while_queued_cost_nothing),
	TEST(b4_clients_that_reset_while_queued_are_refused_as_others),
	TEST(b4_clients_that_connect_and_leave),
};

int
main(void)
{
	return run_functional("accept", tests, ARRAY_LEN(tests));
}
