/* SPDX-License-Identifier: MIT */
/* Whatever a worker does wrong costs its own connection at most. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/daemon.h"
#include "functional/pool.h"

#define HOLD         "\tserver = @PROGRAMS@/hold\n"
#define WORKER(args) "\tserver = @PROGRAMS@/worker\n\tserver_args = " args "\n"
#define TWO          "\tpool = static\n\tpool_max = 2\n\ton_limit = queue\n"
#define PORTER       WORKER("porter") TWO
#define PLAIN        WORKER("plain") "\tpool_protocol = plain\n" TWO
#ifndef SO_PASSRIGHTS
# define SO_PASSRIGHTS 83
#endif
/* More than a worker may take until it acknowledges a connection; its first one, while it may still be starting. */
#define NOT_TAKEN_S 6
#define NOT_READY_S 61

struct scene {
	struct daemon *d;
	unsigned fds; /* of the daemon, at rest */
};

static const char *const protocols[] = { PORTER, WORKER("untaken") TWO, WORKER("looks") TWO, PLAIN,
	PLAIN "\tpool_channel = stream\n" };

/* Those that may take their time with one connection: whoever does not say TAKEN has to be quick. */
static const char *const patient[] = { PORTER, WORKER("looks") TWO, PLAIN,
	PLAIN "\tpool_channel = stream\n" };

static const char *const silent[] = {
	WORKER("silent") "\tpool_protocol = plain\n\tpool = static\n\tpool_max = 1\n"
			 "\ton_limit = queue\n",
	WORKER("silent") "\tpool_protocol = plain\n\tpool = static\n\tpool_max = 1\n"
			 "\ton_limit = queue\n\tpool_channel = stream\n",
};

/* Service "x" with the workers in question, "y" with others, "z" without a pool. A worker that finds the file "bad" and
 * removes it does what its arguments say behind "if". */
static struct scene
begin(const char *attributes)
{
	struct scene s = { .d = daemon_new() };

	daemon_inject(s.d);
	daemon_service(s.d, "x", "tcp", attributes);
	daemon_service(s.d, "y", "tcp", WORKER("porter") "\tpool = static\n\tpool_max = 1\n");
	daemon_service(s.d, "z", "tcp", HOLD);
	daemon_start(s.d);
	ck_assert_int_eq(pool_number(s.d, "x", "most"), 2);
	expect_workers(s.d, "x", 2, 2);
	expect_workers(s.d, "y", 1, 1);
	s.fds = daemon_fds(s.d);
	return s;
}

/* The next worker that starts does what stands behind "if" on its command line. */
static void
spoil_next(struct daemon *d)
{
	write_file(text_format("%s/bad", d->dir), 0600, "");
}

static void
others_are_served(struct daemon *d)
{
	pid_t pid;
	int y = worker_open(d, "y", &pid), z = hold_open(d, "z");

	expect_echo(y, "pooled");
	expect_echo(z, "forked");
	close(y);
	close(z);
	expect_workers(d, "y", 1, 1);
}

/* Everything is as it was: two workers that serve, no descriptor or process more, and every connection accounted for. */
static void
finish(const struct scene *s)
{
	pid_t first, second;

	others_are_served(s->d);
	expect_workers(s->d, "x", 2, 2);
	int a = worker_open(s->d, "x", &first), b = worker_open(s->d, "x", &second);
	ck_assert_int_ne(first, second);
	expect_echo(a, "one");
	expect_echo(b, "two");
	close(a);
	close(b);
	expect_workers(s->d, "x", 2, 2);
	expect_accounts(s->d, "x");
	expect_fds(s->d, s->fds);
	expect_children(s->d, 3);
	daemon_stop(s->d);
}

/* A client that a fault of another's worker must not disturb. */
static int
bystander(const struct scene *s, pid_t *pid)
{
	int fd = worker_open(s->d, "x", pid);

	expect_echo(fd, "bystander");
	return fd;
}

/* Otherwise a client would not see that its worker has closed the connection. */
START_TEST(daemon_keeps_no_copy_of_a_connection_that_was_taken)
{
	struct scene s = begin(patient[_i]);
	pid_t pid;
	int fd = worker_open(s.d, "x", &pid);

	expect_fds(s.d, s.fds);
	expect_echo(fd, "undisturbed");
	close(fd);
	finish(&s);
}

END_TEST

/* ---- it ends ---- */

static const struct {
	const char *line, *logged;
} deaths[] = {
	{ "exit 5", "status=5" },
	{ "exit 0", "status=0" },
	{ "kill 9", "signal=9" },
	{ "kill 11", "signal=11" },
};

START_TEST(worker_that_ends_in_the_middle_of_a_connection)
{
	struct scene s = begin(protocols[_i % ARRAY_LEN(protocols)]);
	size_t death = (size_t)_i / ARRAY_LEN(protocols);
	pid_t pid, other;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	send_text(fd, "%s\n", deaths[death].line);
	expect_closed(fd);
	expect_line(s.d, "EXIT: x %s pid=%d * conn=1", deaths[death].logged, (int)pid);
	expect_line(s.d, "event=worker-lost service=x pid=%d conn=1", (int)pid);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	expect_number(s.d, "x", "lost", 1);
	ck_assert_int_eq(pool_number(s.d, "x", "again"), 0);
	finish(&s);
}

END_TEST

/* Killed with the message unread: it was not delivered. */
START_TEST(worker_that_ends_before_it_has_taken_its_connection)
{
	struct scene s = begin(protocols[_i]);
	pid_t pids[WORKERS_MAX], pid, other;
	int safe = bystander(&s, &other);

	ck_assert_uint_eq(worker_pids(s.d, "x", "idle", pids), 1);
	stop_process(pids[0]);
	int fd = daemon_connect(s.d, "x");
	send_text(fd, "pid\n");
	expect_number(s.d, "x", "handed", 2);
	kill(pids[0], SIGKILL);
	pid = atoi(answer_of(s.d, fd));
	ck_assert_int_ne(pid, pids[0]);
	expect_line(s.d, "event=handed-again service=x conn=2");
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	expect_number(s.d, "x", "again", 1);
	ck_assert_int_eq(pool_number(s.d, "x", "lost"), 0);
	finish(&s);
}

END_TEST

START_TEST(worker_that_ends_before_its_first_connection)
{
	struct scene s = begin(WORKER("porter if:@DIR@/bad exit:7") TWO);
	pid_t pids[WORKERS_MAX], other, pid;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	close(fd);
	expect_workers(s.d, "x", 2, 1);
	worker_pids(s.d, "x", "idle", pids);
	spoil_next(s.d);
	kill(pids[0], SIGKILL);
	expect_line(s.d, "event=worker-failed service=x *status=7");
	expect_number(s.d, "x", "failed", 1);
	expect_echo(safe, "undisturbed");
	close(safe);
	expect_workers(s.d, "x", 2, 2);
	ck_assert_int_eq(pool_number(s.d, "x", "started"), 4);
	ck_assert_int_eq(pool_number(s.d, "x", "lost"), 0);
	finish(&s);
}

END_TEST

START_TEST(idle_worker_that_is_killed)
{
	struct scene s = begin(protocols[_i]);
	pid_t pids[WORKERS_MAX];

	for (int round = 0; round < 3; round++) {
		pid_t pid, other;
		int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

		close(fd);
		close(safe);
		expect_workers(s.d, "x", 2, 2);
		ck_assert_uint_eq(worker_pids(s.d, "x", NULL, pids), 2);
		kill(pids[0], SIGKILL);
		wait_gone(pids[0]);
		/* Whoever comes before the daemon has noticed is served by the other or by a new one. */
		fd = worker_open(s.d, "x", &pid);
		ck_assert_int_ne(pid, pids[0]);
		close(fd);
		expect_workers(s.d, "x", 2, 2);
	}
	ck_assert_int_eq(pool_number(s.d, "x", "lost"), 0);
	finish(&s);
}

END_TEST

static const char *const loops[] = { "#!/bin/sh\nexit 1\n", "#!/bin/sh\nkill -SEGV $$\n",
	"#!/bin/sh\nexec /nonexistent\n" };

/* Starts the service whose program ends at once on every start, until the pool backs off. text: of the file "w". */
static struct daemon *
begin_failing(const char *program, const char *text)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	write_file(text_format("%s/w", d->dir), 0755, text);
	daemon_service(d, "x", "tcp", text_format("%s\tpool = static\n\tpool_max = 4\n", program));
	daemon_service(d, "y", "tcp", WORKER("porter") "\tpool = static\n\tpool_max = 1\n");
	daemon_service(d, "z", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "event=worker-failed service=x");
	expect_line(d, "event=pool-failing service=x pause=*(ms)");
	return d;
}

START_TEST(h7_workers_that_end_at_once_on_every_start_are_no_storm)
{
	struct daemon *d = begin_failing("\tserver = @DIR@/w\n", loops[_i]);

	others_are_served(d);
	daemon_idle(d);
	long long started = pool_number(d, "x", "started");
	ck_assert_int_le(started, 16);
	/* In ten minutes there are pauses of 1, 2, 4 … 60 seconds with a few starts after each. */
	for (int minute = 0; minute < 10; minute++) {
		pass_time(d, 60);
		others_are_served(d);
	}
	ck_assert_int_gt(pool_number(d, "x", "started"), started);
	ck_assert_int_le(pool_number(d, "x", "started"), 150);
	ck_assert_uint_le(count_lines(d, "event=worker-failed service=x"), 60);
	/* Its clients are told so. */
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	/* Or it came when some had just been started again. */
	expect_line(d, "FAIL: x * from=127.0.0.1");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(h7_pool_recovers_when_its_program_does)
{
	struct daemon *d = begin_failing(WORKER("porter while:@DIR@/w exit:1"), "");
	pid_t pid;

	ck_assert_int_eq(unlink(text_format("%s/w", d->dir)), 0);
	for (int i = 0; i < 3; i++)
		pass_time(d, 60);
	expect_workers(d, "x", 4, 4);
	for (unsigned i = 1; i <= 8; i++) {
		int fd = worker_open(d, "x", &pid);

		close(fd);
		expect_lines(d, i, "EXIT: x status=0");
	}
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

/* A program that dies on every connection loses them, and nobody else's. */
START_TEST(h7_workers_that_die_on_every_connection)
{
	struct scene s = begin(PORTER);

	for (int i = 1; i <= 30; i++) {
		pid_t pid;
		int fd = worker_open(s.d, "x", &pid);

		send_text(fd, "kill 11\n");
		expect_closed(fd);
		close(fd);
		expect_lines(s.d, (unsigned)i, "EXIT: x signal=11");
		if (i % 10 == 0)
			others_are_served(s.d);
	}
	/* They did serve: that is no reason to keep clients waiting. */
	expect_number(s.d, "x", "lost", 30);
	ck_assert_int_eq(pool_number(s.d, "x", "failed"), 0);
	expect_no_line(s.d, "event=pool-failing");
	finish(&s);
}

END_TEST

/* Of a program that sends no byte the next client waits in the channel of a busy one: it was not delivered. */
START_TEST(silent_worker_that_ends_with_the_next_one_in_its_channel)
{
	struct daemon *d = daemon_new();
	pid_t pid;

	daemon_inject(d);
	daemon_service(d, "x", "tcp", silent[_i]);
	daemon_start(d);
	int fd = worker_open(d, "x", &pid), next = daemon_connect(d, "x");
	send_text(next, "pid\n");
	expect_number(d, "x", "handed", 2);
	/* However long that takes. */
	pass_time(d, NOT_READY_S);
	ck_assert(is_silent(next));
	send_text(fd, "exit 5\n");
	expect_closed(fd);
	ck_assert_int_ne(atoi(answer_of(d, next)), pid);
	expect_line(d, "EXIT: x status=5 pid=%d * conn=1", (int)pid);
	expect_line(d, "event=handed-again service=x conn=2");
	expect_number(d, "x", "lost", 1);
	ck_assert_int_eq(pool_number(d, "x", "again"), 1);
	close(fd);
	close(next);
	/* And when it ends well, the next one is its own. */
	fd = worker_open(d, "x", &pid);
	next = daemon_connect(d, "x");
	send_text(next, "pid\n");
	expect_number(d, "x", "handed", 5);
	expect_echo(fd, "first");
	close(fd);
	ck_assert_int_eq(atoi(answer_of(d, next)), pid);
	close(next);
	daemon_stop(d);
}

END_TEST

/* ---- it stops ---- */

START_TEST(stopped_worker_keeps_nobody_waiting)
{
	struct scene s = begin(patient[_i]);
	pid_t pids[WORKERS_MAX], other;
	int safe = bystander(&s, &other);

	worker_pids(s.d, "x", "idle", pids);
	stop_process(pids[0]);
	int fd = daemon_connect(s.d, "x");
	send_text(fd, "pid\n");
	expect_number(s.d, "x", "handed", 2);
	pass_time(s.d, NOT_READY_S);
	ck_assert_int_ne(atoi(answer_of(s.d, fd)), pids[0]);
	expect_line(s.d, "event=worker-killed service=x pid=%d", (int)pids[0]);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	expect_number(s.d, "x", "again", 1);
	ck_assert_int_eq(pool_number(s.d, "x", "lost"), 0);
	finish(&s);
}

END_TEST

START_TEST(worker_stopped_in_the_middle_of_a_connection_goes_on_with_it)
{
	struct scene s = begin(PORTER);
	pid_t pid, other, next;
	int fd = worker_open(s.d, "x", &pid);

	send_text(fd, "kill %d\n", SIGSTOP);
	wait_stopped(pid);
	for (int i = 0; i < 5; i++) {
		int safe = bystander(&s, &other);

		ck_assert_int_ne(other, pid);
		close(safe);
	}
	pass_time(s.d, NOT_TAKEN_S);
	kill(pid, SIGCONT);
	ck_assert_str_eq(ask(fd, "pid"), text_format("%d", (int)pid));
	close(fd);
	expect_workers(s.d, "x", 2, 2);
	fd = worker_open(s.d, "x", &next);
	close(fd);
	ck_assert_int_eq(pool_number(s.d, "x", "started"), 2);
	finish(&s);
}

END_TEST

START_TEST(worker_that_never_takes_its_connection)
{
	struct scene s = begin(PORTER);
	pid_t pid, other;
	int safe = bystander(&s, &other), fd = worker_open(s.d, "x", &pid);

	ask(fd, "deaf");
	close(fd);
	expect_workers(s.d, "x", 2, 1);
	fd = daemon_connect(s.d, "x");
	send_text(fd, "pid\n");
	expect_number(s.d, "x", "handed", 3);
	pass_time(s.d, NOT_TAKEN_S);
	ck_assert_int_ne(atoi(answer_of(s.d, fd)), pid);
	expect_line(s.d, "event=worker-killed service=x pid=%d", (int)pid);
	expect_line(s.d, "event=handed-again service=x conn=3 *pid=");
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	finish(&s);
}

END_TEST

/* It has the connection, as can be seen, and the daemon waits for a word of it with its own copy. */
START_TEST(worker_that_never_says_that_it_has_taken_its_connection)
{
	struct scene s = begin(WORKER("untaken") TWO);
	pid_t pid, other;
	int fd = worker_open(s.d, "x", &pid), quick;

	for (int i = 0; i < 3; i++) {
		quick = worker_open(s.d, "x", &other);
		close(quick);
	}
	pass_time(s.d, NOT_TAKEN_S);
	pass_time(s.d, NOT_TAKEN_S);
	expect_closed(fd);
	close(fd);
	expect_line(s.d, "event=worker-killed service=x pid=%d", (int)pid);
	expect_line(s.d, "EXIT: x signal=9 pid=%d * conn=1", (int)pid);
	expect_number(s.d, "x", "lost", 1);
	finish(&s);
}

END_TEST

START_TEST(worker_that_starts_slowly_is_waited_for)
{
	struct daemon *d = daemon_new();

	make_fifo(d, "go");
	daemon_service(d, "x", "tcp", WORKER("porter wait:@DIR@/go") "\tpool = ondemand\n");
	daemon_service(d, "y", "tcp", WORKER("porter") "\tpool = static\n\tpool_max = 1\n");
	daemon_service(d, "z", "tcp", HOLD);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	send_text(fd, "early\n");
	expect_number(d, "x", "started", 1);
	others_are_served(d);
	ck_assert(is_silent(fd));
	open_fifo(d, "go");
	ck_assert_str_eq(read_line(fd), "early");
	close(fd);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

/* ---- it says what it should not ---- */

START_TEST(h3_garbage_is_counted_and_ignored)
{
	struct scene s = begin(PORTER);
	pid_t pid, other;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	ask(fd, "garbage 16");
	expect_number(s.d, "x", "stray", 16);
	expect_line(s.d, "event=worker-stray service=x pid=%d", (int)pid);
	expect_echo(fd, "still served");
	close(fd);
	expect_workers(s.d, "x", 2, 1);
	fd = daemon_connect(s.d, "x");
	ck_assert_int_eq(ask_pid(fd), pid);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	finish(&s);
}

END_TEST

START_TEST(h3_worker_that_goes_on_with_garbage_is_killed)
{
	struct scene s = begin(PORTER);
	pid_t pid, other;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	send_text(fd, "garbage 100\n");
	expect_line(s.d, "event=worker-killed service=x pid=%d", (int)pid);
	expect_line(s.d, "EXIT: x signal=9 pid=%d * conn=1", (int)pid);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	expect_number(s.d, "x", "lost", 1);
	ck_assert_uint_le(count_lines(s.d, "event=worker-stray"), 20);
	finish(&s);
}

END_TEST

START_TEST(too_many_messages_that_say_free)
{
	struct scene s = begin(protocols[_i]);
	pid_t pid, other, next;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	/* One of them is right, too early; the last one comes when the client leaves. */
	stop_process(s.d->pid);
	ask(fd, "free 10");
	daemon_signal(s.d, SIGCONT);
	expect_line(s.d, "EXIT: x status=0 pid=%d * conn=1", (int)pid);
	expect_echo(fd, "still served");
	close(fd);
	expect_waiting(s.d, pid);
	fd = worker_open(s.d, "x", &next);
	ck_assert_int_eq(next, pid);
	expect_number(s.d, "x", "stray", 10);
	stop_process(s.d->pid);
	ask(fd, "free 40");
	daemon_signal(s.d, SIGCONT);
	/* Whoever is sent to it meanwhile goes to another. */
	int waits = daemon_connect(s.d, "x");
	send_text(waits, "pid\n");
	next = atoi(answer_of(s.d, waits));
	ck_assert(next != pid && next != other);
	expect_line(s.d, "event=worker-killed service=x pid=%d", (int)pid);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(waits);
	close(safe);
	finish(&s);
}

END_TEST

/* A byte that comes when nobody awaits it does not count for the next client. */
START_TEST(byte_too_many_does_not_free_a_worker_that_is_busy)
{
	struct scene s = begin(protocols[_i]);
	pid_t pid, other, last;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	ask(fd, "free 1");
	expect_line(s.d, "EXIT: x status=0 pid=%d * conn=1", (int)pid);
	/* Now it says so again. */
	close(fd);
	expect_waiting(s.d, pid);
	fd = worker_open(s.d, "x", &last);
	ck_assert_int_eq(last, pid);
	expect_number(s.d, "x", "stray", 1);
	/* It has a client: the next one is not sent to it, but waits for whoever is free first. */
	int waits = daemon_connect(s.d, "x");
	send_text(waits, "pid\n");
	daemon_idle(s.d);
	close(safe);
	ck_assert_int_eq(atoi(answer_of(s.d, waits)), other);
	close(waits);
	close(fd);
	finish(&s);
}

END_TEST

/* Each is told of its own connections alone. */
START_TEST(h3_forged_messages_about_another_workers_connection)
{
	struct scene s = begin(PORTER);
	pid_t pid, other, pids[WORKERS_MAX];
	int safe = bystander(&s, &other), fd = worker_open(s.d, "x", &pid);

	ask(fd, "forge 1");
	ask(fd, "forge 0");
	ask(fd, "forge 18446744073709551615");
	expect_number(s.d, "x", "stray", 9);
	ck_assert_uint_eq(worker_pids(s.d, "x", "busy", pids), 2);
	expect_no_line(s.d, "EXIT: x * conn=1");
	ck_assert_int_eq(pool_number(s.d, "x", "served"), 0);
	/* Whoever waits goes on waiting. */
	int waits = daemon_connect(s.d, "x");
	send_text(waits, "pid\n");
	expect_echo(safe, "undisturbed");
	ck_assert(is_silent(waits));
	close(fd);
	ck_assert_int_eq(atoi(answer_of(s.d, waits)), pid);
	close(waits);
	close(safe);
	finish(&s);
}

END_TEST

START_TEST(h3_result_that_is_shorter_than_it_says)
{
	struct scene s = begin(PORTER);
	pid_t pid, other;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	ask(fd, "result short");
	ask(fd, "claim-more");
	close(fd);
	expect_number(s.d, "x", "stray", 1);
	/* It never said that it was free: it does not get another one, until it is gone. */
	expect_no_line(s.d, "EXIT: x * conn=1");
	expect_workers(s.d, "x", 2, 0);
	kill(pid, SIGKILL);
	expect_line(s.d, "EXIT: x signal=9 pid=%d", (int)pid);
	expect_echo(safe, "undisturbed");
	close(safe);
	finish(&s);
}

END_TEST

/* Puts other workers in the place of those that are there. */
static void
renew_workers(struct daemon *d)
{
	pid_t pids[WORKERS_MAX];
	size_t count = worker_pids(d, "x", NULL, pids);
	long long started = pool_number(d, "x", "started");

	for (size_t i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	expect_number(d, "x", "started", started + (long long)count);
	expect_workers(d, "x", (int)count, (int)count);
}

/* Since Linux 6.16. */
static bool
kernel_refuses_descriptors(void)
{
	const int no = 0;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool refuses = setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof(no)) == 0;

	close(fd);
	return refuses;
}

/* Where the kernel can refuse them. */
START_TEST(descriptors_that_are_sent_back_are_refused)
{
	if (!kernel_refuses_descriptors()) {
		test_skip("descriptors_that_are_sent_back_are_refused", "Linux before 6.16");
		return;
	}
	struct scene s = begin(_i == 0 ? PORTER : PLAIN);

	for (unsigned i = 1; i <= 100; i++) {
		int fd = daemon_connect(s.d, "x");

		ask(fd, "pass-back");
		close(fd);
		expect_lines(s.d, i, "EXIT: x status=0");
	}
	expect_workers(s.d, "x", 2, 2);
	ck_assert_int_eq(pool_number(s.d, "x", "stray"), 0);
	finish(&s);
}

END_TEST

/* As on kernels that let them through: the first one is the last. */
START_TEST(worker_that_sends_descriptors_is_killed)
{
	struct scene s = begin(_i == 0 ? PORTER : PLAIN);
	pid_t pid, other;

	inject_fail(s.d, INJECT_SETSOCKOPT, ENOPROTOOPT, -1);
	renew_workers(s.d);
	inject_fail(s.d, INJECT_SETSOCKOPT, 0, 0);
	int safe = bystander(&s, &other);
	int fd = worker_open(s.d, "x", &pid);
	ask(fd, "pass-back");
	close(fd);
	expect_line(s.d, "event=worker-killed service=x pid=%d", (int)pid);
	expect_line(s.d, "EXIT: x signal=9 pid=%d", (int)pid);
	expect_echo(safe, "undisturbed");
	close(safe);
	finish(&s);
}

END_TEST

START_TEST(worker_that_fills_its_channel)
{
	struct scene s = begin(_i == 0 ? PORTER : PLAIN);
	pid_t pid, other;
	unsigned sent = 0;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	stop_process(s.d->pid);
	ck_assert_int_eq(sscanf(ask(fd, "fill"), "filled %u", &sent), 1);
	ck_assert_uint_ge(sent, 18);
	daemon_signal(s.d, SIGCONT);
	expect_line(s.d, "event=worker-killed service=x pid=%d", (int)pid);
	expect_line(s.d, "EXIT: x *pid=%d", (int)pid);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	finish(&s);
}

END_TEST

/* ---- its channel ---- */

START_TEST(worker_that_closes_its_channel_and_lives)
{
	struct scene s = begin(_i == 0 ? PORTER : PLAIN);
	pid_t pid, other, next;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	ask(fd, "close");
	expect_echo(fd, "it lives");
	close(safe);
	/* It gets no other one, and is replaced. */
	for (int i = 0; i < 4; i++) {
		safe = worker_open(s.d, "x", &next);
		ck_assert_int_ne(next, pid);
		close(safe);
	}
	expect_echo(fd, "it lives");
	close(fd);
	expect_number(s.d, "x", "leaving", 1);
	pass_time(s.d, 11);
	expect_line(s.d, "EXIT: x signal=%d pid=%d", SIGTERM, (int)pid);
	expect_number(s.d, "x", "leaving", 0);
	finish(&s);
}

END_TEST

/* Nobody looks at the channel of an idle worker: the next client finds out, and goes to another. */
START_TEST(idle_worker_that_closes_its_channel_and_lives)
{
	struct scene s = begin(WORKER("porter if:@DIR@/bad close") TWO);
	pid_t pids[WORKERS_MAX], others[WORKERS_MAX], other, pid;
	int safe = bystander(&s, &other);

	worker_pids(s.d, "x", "idle", pids);
	spoil_next(s.d);
	kill(pids[0], SIGKILL);
	/* One takes its place, closes its channel, and is replaced at once. */
	expect_number(s.d, "x", "started", 4);
	ck_assert_uint_eq(worker_pids(s.d, "x", "leaving", others), 1);
	int fd = worker_open(s.d, "x", &pid);
	ck_assert_int_ne(pid, others[0]);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	ck_assert_int_eq(pool_number(s.d, "x", "lost"), 0);
	pass_time(s.d, 11);
	wait_gone(others[0]);
	finish(&s);
}

END_TEST

START_TEST(worker_that_forks_and_dies)
{
	struct scene s = begin(_i == 0 ? PORTER : PLAIN);
	pid_t pid, other;
	int child, fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	ck_assert_int_eq(sscanf(ask(fd, "orphan"), "orphan %d", &child), 1);
	expect_closed(fd);
	expect_line(s.d, "EXIT: x status=4 pid=%d * conn=1", (int)pid);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	expect_number(s.d, "x", "lost", 1);
	expect_workers(s.d, "x", 2, 2);
	/* What is left keeps the other end of the channel, of which the daemon knows nothing any more, and a log. */
	end_process(child);
	finish(&s);
}

END_TEST

/* ---- descriptors ---- */

START_TEST(h1_worker_at_its_descriptor_limit)
{
	struct scene s = begin(protocols[_i]);
	pid_t pid, other, next;
	int safe = bystander(&s, &other), fd = worker_open(s.d, "x", &pid);

	ask(fd, "limit 3");
	close(fd);
	expect_workers(s.d, "x", 2, 1);
	fd = worker_open(s.d, "x", &next);
	ck_assert_int_ne(next, pid);
	expect_line(s.d, "event=worker-no-descriptor service=x pid=%d", (int)pid);
	expect_line(s.d, "event=handed-again service=x conn=3 tries=");
	wait_gone(pid);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	expect_number(s.d, "x", "again", 1);
	ck_assert_int_eq(pool_number(s.d, "x", "lost"), 0);
	finish(&s);
}

END_TEST

/* The plain protocol has no word for it: that client is lost, and seen to be. */
START_TEST(h1_plain_worker_at_its_descriptor_limit)
{
	struct scene s = begin(PLAIN);
	pid_t pid, other;
	int safe = bystander(&s, &other), fd = worker_open(s.d, "x", &pid);

	ask(fd, "limit 3");
	close(fd);
	expect_workers(s.d, "x", 2, 1);
	fd = daemon_connect(s.d, "x");
	expect_closed(fd);
	close(fd);
	expect_echo(safe, "undisturbed");
	expect_workers(s.d, "x", 2, 1);
	end_process(pid);
	close(safe);
	finish(&s);
}

END_TEST

START_TEST(h4_worker_that_dies_before_it_acknowledges)
{
	struct scene s = begin(protocols[_i]);
	pid_t pid, other;
	int safe = bystander(&s, &other), fd = worker_open(s.d, "x", &pid);

	ask(fd, "gulp");
	close(fd);
	expect_workers(s.d, "x", 2, 1);
	fd = daemon_connect(s.d, "x");
	send_text(fd, "pid\n");
	/* It had the connection and may have used it: nobody else gets it. */
	expect_closed(fd);
	expect_line(s.d, "EXIT: x status=3 pid=%d * conn=3", (int)pid);
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	expect_number(s.d, "x", "lost", 1);
	ck_assert_int_eq(pool_number(s.d, "x", "again"), 0);
	finish(&s);
}

END_TEST

START_TEST(daemon_at_its_descriptor_limit)
{
	struct scene s = begin(PORTER);
	pid_t other;
	int fds[5], safe = bystander(&s, &other);

	/* Not by a real limit: poll(2) takes no more descriptors than that either. */
	inject_fail(s.d, INJECT_ACCEPT4, EMFILE, -1);
	inject_fail(s.d, INJECT_SOCKETPAIR, EMFILE, -1);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = daemon_connect(s.d, "x");
		send_text(fds[i], "client %zu\n", i);
	}
	expect_line(s.d, "event=resting error=\"%s\"", strerror(EMFILE));
	/* No worker can be replaced meanwhile. */
	send_text(safe, "kill 9\n");
	expect_closed(safe);
	expect_line(s.d, "EXIT: x signal=9");
	daemon_idle(s.d);
	inject_fail(s.d, INJECT_ACCEPT4, 0, 0);
	inject_fail(s.d, INJECT_SOCKETPAIR, 0, 0);
	/* Less than a hand-over may take. */
	for (int i = 0; i < 3; i++)
		pass_time(s.d, 1);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		ck_assert_str_eq(answer_of(s.d, fds[i]), text_format("client %zu", i));
		close(fds[i]);
	}
	close(safe);
	finish(&s);
}

END_TEST

static const struct {
	enum inject_call call;
	int error;
} no_starts[] = {
	{ INJECT_SOCKETPAIR, EMFILE },
	{ INJECT_SOCKETPAIR, ENFILE },
	{ INJECT_SOCKETPAIR, ENOBUFS },
	{ INJECT_FORK, EAGAIN },
	{ INJECT_FORK, ENOMEM },
};

START_TEST(worker_that_cannot_be_started_is_started_later)
{
	struct scene s = begin(PORTER);
	pid_t pid, other;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	inject_fail(s.d, no_starts[_i].call, no_starts[_i].error, -1);
	send_text(fd, "kill 9\n");
	expect_closed(fd);
	close(fd);
	expect_line(s.d, "EXIT: x signal=9");
	expect_number(s.d, "x", "workers", 1);
	unsigned calls = inject_calls(s.d, no_starts[_i].call);
	/* The one that is left serves one after the other. */
	int waits = daemon_connect(s.d, "x");
	send_text(waits, "pid\n");
	close(safe);
	ck_assert_int_eq(atoi(answer_of(s.d, waits)), other);
	close(waits);
	pass_time(s.d, 1);
	ck_assert_uint_le(inject_calls(s.d, no_starts[_i].call) - calls, 20);
	inject_fail(s.d, no_starts[_i].call, 0, 0);
	for (int i = 0; i < 5; i++)
		pass_time(s.d, 10);
	expect_workers(s.d, "x", 2, 2);
	finish(&s);
}

END_TEST

/* fs.epoll.max_user_watches */
START_TEST(worker_whose_channel_cannot_be_watched_is_started_later)
{
	/* poll(2) watches whatever there is. */
	setenv("PORTER_LOOP", "epoll", 1);
	struct scene s = begin(PORTER);
	pid_t pid;
	int fd = worker_open(s.d, "x", &pid);

	inject_fail(s.d, INJECT_EPOLL_ADD, ENOSPC, 1);
	send_text(fd, "kill 9\n");
	expect_closed(fd);
	close(fd);
	expect_line(s.d, "event=fork-failed service=x error=\"%s\"", strerror(ENOSPC));
	pass_time(s.d, 1);
	expect_workers(s.d, "x", 2, 2);
	finish(&s);
}

END_TEST

static const int passing_errors[] = { EAGAIN, ETOOMANYREFS, EPIPE, ENOBUFS, ECONNRESET, EMSGSIZE };

START_TEST(h2_passing_that_fails_is_done_again)
{
	struct scene s = begin(protocols[_i % ARRAY_LEN(protocols)]);
	int error = passing_errors[_i / (int)ARRAY_LEN(protocols)];
	pid_t other;
	int safe = bystander(&s, &other);

	inject_fail(s.d, INJECT_SEND, error, 1);
	int fd = daemon_connect(s.d, "x");
	send_text(fd, "nevertheless\n");
	daemon_idle(s.d);
	/* What there is to be waited for comes with time. */
	for (int i = 0; i < 3; i++)
		pass_time(s.d, 1);
	ck_assert_str_eq(answer_of(s.d, fd), "nevertheless");
	expect_echo(safe, "undisturbed");
	close(fd);
	close(safe);
	ck_assert_int_eq(pool_number(s.d, "x", "lost"), 0);
	pass_time(s.d, 21);
	finish(&s);
}

END_TEST

START_TEST(h2_passing_that_always_fails_hurts_nobody_else)
{
	struct scene s = begin(PORTER);
	int error = passing_errors[_i], fds[5];
	pid_t other;
	int safe = bystander(&s, &other);

	inject_fail(s.d, INJECT_SEND, error, -1);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = daemon_connect(s.d, "x");
	daemon_idle(s.d);
	int z = hold_open(s.d, "z");
	unsigned sends = inject_calls(s.d, INJECT_SEND), polls = inject_calls(s.d, INJECT_POLL);
	for (int i = 0; i < 50; i++)
		expect_echo(z, "turn");
	ck_assert_uint_le(inject_calls(s.d, INJECT_SEND) - sends, 30);
	ck_assert_uint_le(inject_calls(s.d, INJECT_POLL) - polls, 60);
	expect_echo(safe, "undisturbed");
	close(z);
	inject_fail(s.d, INJECT_SEND, 0, 0);
	for (int i = 0; i < 5; i++)
		pass_time(s.d, 11);
	/* Each of them is served, or was given up. */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		(void)!send(fds[i], "hello\n", 6, MSG_NOSIGNAL);
		half_close(fds[i]);
		const char *got = read_all(fds[i]);
		ck_assert_msg(strcmp(got, "hello\n") == 0 || strcmp(got, "") == 0, "%s", got);
		close(fds[i]);
	}
	close(safe);
	finish(&s);
}

END_TEST

/* ---- many ---- */

/* One connection is on its way to each, and no more, whatever waits. */
START_TEST(h2_stalled_workers_do_not_stop_other_pools)
{
	struct scene s = begin(PORTER);
	pid_t pids[WORKERS_MAX];
	int fds[50];

	worker_pids(s.d, "x", NULL, pids);
	stop_process(pids[0]);
	stop_process(pids[1]);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = daemon_connect(s.d, "x");
		send_text(fds[i], "client %zu\n", i);
	}
	expect_number(s.d, "x", "handed", 2);
	for (int i = 0; i < 5; i++)
		others_are_served(s.d);
	ck_assert_int_eq(pool_number(s.d, "x", "handed"), 2);
	/* Two for the connections that the daemon keeps a copy of. */
	ck_assert_uint_le(daemon_fds(s.d), s.fds + 2);
	kill(pids[0], SIGCONT);
	kill(pids[1], SIGCONT);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		ck_assert_str_eq(read_line(fds[i]), text_format("client %zu", i));
		close(fds[i]);
	}
	ck_assert_int_eq(pool_number(s.d, "x", "started"), 2);
	finish(&s);
}

END_TEST

static pid_t
start_clients(struct daemon *d, unsigned each)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	for (unsigned i = 0; i < each; i++) {
		char sent[64], got[64];
		int fd = daemon_connect(d, "x");
		int len = snprintf(sent, sizeof(sent), "client %d number %u\n", (int)getpid(), i);

		if (send(fd, sent, (size_t)len, MSG_NOSIGNAL) != len ||
		    read_bytes(fd, got, (size_t)len) != (size_t)len ||
		    memcmp(sent, got, (size_t)len) != 0)
			_exit(1);
		close(fd);
	}
	_exit(0);
}

START_TEST(h5_counters_are_right_after_max_requests)
{
	struct daemon *d = daemon_new();
	pid_t clients[4];

	daemon_service(d, "x", "tcp",
	    WORKER("porter") "\tpool = dynamic\n\tpool_max = 4\n\tpool_max_spare = 4\n"
			     "\tpool_max_requests = 7\n\tpool_spawn_rate = 1000\n"
			     "\ton_limit = queue\n\tlog_type =\n");
	daemon_start(d);
	expect_workers(d, "x", 1, 1);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		clients[i] = start_clients(d, 150);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		ck_assert_int_eq(wait_exit(clients[i]), 0);
	expect_number(d, "x", "served", 600);
	expect_number(d, "x", "busy", 0);
	expect_number(d, "x", "leaving", 0);
	long long workers = pool_number(d, "x", "workers");
	ck_assert_int_eq(pool_number(d, "x", "idle"), workers);
	ck_assert_int_eq(pool_number(d, "x", "started") - pool_number(d, "x", "ended"), workers);
	ck_assert_int_eq(count_children(d->pid), workers);
	ck_assert_int_ge(pool_number(d, "x", "ended"), 600 / 7 - 4);
	ck_assert_int_eq(pool_number(d, "x", "failed"), 0);
	ck_assert_int_eq(pool_number(d, "x", "lost"), 0);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

START_TEST(h6_all_workers_hung)
{
	struct scene s = begin(PORTER "\tpool_request_timeout = 20s\n\tstop_grace = 5s\n");
	pid_t pid;

	for (int round = 1; round <= 5; round++) {
		int fds[2];

		for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
			fds[i] = worker_open(s.d, "x", &pid);
			ask(fds[i], "ignore %d", SIGTERM);
		}
		int waits = daemon_connect(s.d, "x");
		send_text(waits, "pid\n");
		others_are_served(s.d);
		ck_assert(is_silent(waits));
		pass_time(s.d, 21);
		pass_time(s.d, 6);
		for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
			expect_closed(fds[i]);
			close(fds[i]);
		}
		ck_assert_int_gt(atoi(answer_of(s.d, waits)), 0);
		close(waits);
		expect_workers(s.d, "x", 2, 2);
		ck_assert_int_eq(pool_number(s.d, "x", "started"), 2 + 2 * round);
		ck_assert_int_eq(pool_number(s.d, "x", "timed-out"), 2 * round);
	}
	finish(&s);
}

END_TEST

/* Whatever the last words of a worker are, its end is seen in the same turn. */
static const struct {
	const char *lines[3], *logged;
	int served, lost;
} last_words[] = {
	{ { "quit" }, "EXIT: x status=0 pid=* conn=1", 1, 0 },
	{ { "say 2 last words", "quit" }, "EXIT: x status=0 pid=* conn=1", 1, 0 },
	{ { "status 3", "result of the last one", "quit" }, "EXIT: x status=3 *result=* conn=1", 1,
	    0 },
	{ { "pass-back", "quit" }, "EXIT: x status=0 pid=* conn=1", 1, 0 },
	{ { "garbage 3", "exit 6" }, "EXIT: x status=6 pid=* conn=1", 0, 1 },
	{ { "free 5", "exit 6" }, "EXIT: x status=0 pid=* conn=1", 1, 0 },
};

START_TEST(h9_message_and_end_of_a_worker_at_once)
{
	if (strcmp(last_words[_i].lines[0], "pass-back") == 0 && !kernel_refuses_descriptors()) {
		test_skip("h9_message_and_end_of_a_worker_at_once", "Linux before 6.16");
		return;
	}
	struct scene s = begin(PORTER);
	pid_t pid, other;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	stop_process(s.d->pid);
	for (size_t i = 0; i < 3 && last_words[_i].lines[i] != NULL; i++) {
		if (strncmp(last_words[_i].lines[i], "exit", 4) == 0)
			send_text(fd, "%s\n", last_words[_i].lines[i]);
		else
			ask(fd, "%s", last_words[_i].lines[i]);
	}
	close(fd);
	wait_gone(pid);
	daemon_signal(s.d, SIGCONT);
	expect_line(s.d, "%s", last_words[_i].logged);
	expect_workers(s.d, "x", 2, 1);
	ck_assert_int_eq(pool_number(s.d, "x", "served"), last_words[_i].served);
	ck_assert_int_eq(pool_number(s.d, "x", "lost"), last_words[_i].lost);
	expect_echo(safe, "undisturbed");
	close(safe);
	finish(&s);
}

END_TEST

/* A new client, the end of the worker that would get it, and a reload, all in one turn. */
START_TEST(h9_client_and_end_of_its_worker_at_once)
{
	struct scene s = begin(PORTER);
	pid_t pid, pids[WORKERS_MAX];

	worker_pids(s.d, "x", NULL, pids);
	stop_process(s.d->pid);
	kill(pids[0], SIGKILL);
	kill(pids[1], SIGKILL);
	wait_gone(pids[0]);
	wait_gone(pids[1]);
	int fd = daemon_connect(s.d, "x");
	send_text(fd, "pid\n");
	daemon_signal(s.d, SIGHUP);
	daemon_signal(s.d, SIGCONT);
	pid = atoi(answer_of(s.d, fd));
	ck_assert(pid != pids[0] && pid != pids[1]);
	expect_notify(s.d, "READY=1");
	close(fd);
	ck_assert_int_eq(pool_number(s.d, "x", "lost"), 0);
	finish(&s);
}

END_TEST

/* ---- clients ---- */

START_TEST(b4_clients_that_reset_while_queued_cost_nothing)
{
	struct scene s = begin(PORTER);
	pid_t pid, other;
	int fd = worker_open(s.d, "x", &pid), safe = bystander(&s, &other);

	for (int i = 0; i < 20; i++)
		reset_connection(daemon_connect(s.d, "x"));
	int waits = daemon_connect(s.d, "x");
	send_text(waits, "pid\n");
	close(fd);
	ck_assert_int_eq(atoi(answer_of(s.d, waits)), pid);
	close(waits);
	close(safe);
	expect_workers(s.d, "x", 2, 2);
	expect_number(s.d, "x", "aborted", 20);
	ck_assert_int_eq(pool_number(s.d, "x", "handed"), 3);
	finish(&s);
}

END_TEST

START_TEST(b4_clients_that_leave_before_they_are_served)
{
	struct scene s = begin(protocols[_i]);

	for (int i = 0; i < 100; i++) {
		int fd = daemon_connect(s.d, "x");

		if (i % 2 == 0)
			close(fd);
		else
			reset_connection(fd);
	}
	expect_workers(s.d, "x", 2, 2);
	expect_number(s.d, "x", "accepted", 100);
	ck_assert_int_eq(pool_number(s.d, "x", "started"), 2);
	finish(&s);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(daemon_keeps_no_copy_of_a_connection_that_was_taken, ARRAY_LEN(patient)),
	TEST_LOOP(worker_that_ends_in_the_middle_of_a_connection,
	    ARRAY_LEN(deaths) * ARRAY_LEN(protocols)),
	TEST_LOOP(worker_that_ends_before_it_has_taken_its_connection, ARRAY_LEN(protocols)),
	TEST(worker_that_ends_before_its_first_connection),
	TEST_LOOP(idle_worker_that_is_killed, ARRAY_LEN(protocols)),
	TEST_LOOP(h7_workers_that_end_at_once_on_every_start_are_no_storm, ARRAY_LEN(loops)),
	TEST(h7_pool_recovers_when_its_program_does),
	TEST(h7_workers_that_die_on_every_connection),
	TEST_LOOP(silent_worker_that_ends_with_the_next_one_in_its_channel, ARRAY_LEN(silent)),
	TEST_LOOP(stopped_worker_keeps_nobody_waiting, ARRAY_LEN(patient)),
	TEST(worker_stopped_in_the_middle_of_a_connection_goes_on_with_it),
	TEST(worker_that_never_takes_its_connection),
	TEST(worker_that_never_says_that_it_has_taken_its_connection),
	TEST(worker_that_starts_slowly_is_waited_for),
	TEST(h3_garbage_is_counted_and_ignored),
	TEST(h3_worker_that_goes_on_with_garbage_is_killed),
	TEST_LOOP(too_many_messages_that_say_free, ARRAY_LEN(protocols)),
	TEST_LOOP(byte_too_many_does_not_free_a_worker_that_is_busy, ARRAY_LEN(protocols)),
	TEST(h3_forged_messages_about_another_workers_connection),
	TEST(h3_result_that_is_shorter_than_it_says),
	TEST_LOOP(descriptors_that_are_sent_back_are_refused, 2),
	TEST_LOOP(worker_that_sends_descriptors_is_killed, 2),
	TEST_LOOP(worker_that_fills_its_channel, 2),
	TEST_LOOP(worker_that_closes_its_channel_and_lives, 2),
	TEST(idle_worker_that_closes_its_channel_and_lives),
	TEST_LOOP(worker_that_forks_and_dies, 2),
	TEST_LOOP(h1_worker_at_its_descriptor_limit, 3),
	TEST(h1_plain_worker_at_its_descriptor_limit),
	TEST_LOOP(h4_worker_that_dies_before_it_acknowledges, ARRAY_LEN(protocols)),
	TEST(daemon_at_its_descriptor_limit),
	TEST_LOOP(worker_that_cannot_be_started_is_started_later, ARRAY_LEN(no_starts)),
	TEST(worker_whose_channel_cannot_be_watched_is_started_later),
	TEST_LOOP(
	    h2_passing_that_fails_is_done_again, ARRAY_LEN(passing_errors) * ARRAY_LEN(protocols)),
	TEST_LOOP(h2_passing_that_always_fails_hurts_nobody_else, ARRAY_LEN(passing_errors)),
	TEST(h2_stalled_workers_do_not_stop_other_pools),
	TEST(h5_counters_are_right_after_max_requests),
	TEST(h6_all_workers_hung),
	TEST_LOOP(h9_message_and_end_of_a_worker_at_once, ARRAY_LEN(last_words)),
	TEST(h9_client_and_end_of_its_worker_at_once),
	TEST(b4_clients_that_reset_while_queued_cost_nothing),
	TEST_LOOP(b4_clients_that_leave_before_they_are_served, ARRAY_LEN(protocols)),
};

int
main(void)
{
	return run_functional("pool_faults", tests, ARRAY_LEN(tests));
}
