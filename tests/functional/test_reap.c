/* SPDX-License-Identifier: MIT */
/* Programs that end: many at once, and few among many that go on. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "functional/daemon.h"
#include "functional/pool.h"
#include "run/reap.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n\tinstances = UNLIMITED\n\tlog_on_success = EXIT\n"

/* Of those that end while many others go on: more than are reaped in a turn. */
#define ENDING 200

struct crowd {
	struct daemon *d;
	int fd[REAP_MANY + ENDING];
	pid_t pid[REAP_MANY + ENDING];
	unsigned fds_before;
};

static void
begin(struct crowd *c)
{
	c->d = daemon_new();
	daemon_service(c->d, "x", "tcp", HOLD);
	daemon_start(c->d);
	close(hold_open(c->d, "x"));
	expect_line(c->d, "EXIT: x");
	daemon_mark(c->d);
	c->fds_before = daemon_fds(c->d);
	for (size_t i = 0; i < ARRAY_LEN(c->fd); i++) {
		c->fd[i] = daemon_connect(c->d, "x");
		c->pid[i] = ask_pid(c->fd[i]);
	}
}

static void
finish(struct crowd *c)
{
	expect_count(c->d, ARRAY_LEN(c->fd), "EXIT: x");
	ck_assert_uint_eq(daemon_fds(c->d), c->fds_before);
	for (size_t i = 0; i < ARRAY_LEN(c->fd); i++)
		close(c->fd[i]);
	close(hold_open(c->d, "x"));
	daemon_stop(c->d);
}

START_TEST(those_that_end_among_many_are_found)
{
	static struct crowd c;

	begin(&c);
	for (size_t i = ARRAY_LEN(c.fd); i-- > 0;) {
		kill(c.pid[i], SIGKILL);
		if (i % 16 == 0)
			expect_lines(c.d, (unsigned)(ARRAY_LEN(c.fd) - i), "EXIT: x signal=9");
	}
	finish(&c);
}

END_TEST

/* Of all of them one signal tells. */
static void
kill_at_once(struct crowd *c, size_t from, size_t to)
{
	daemon_signal(c->d, SIGSTOP);
	for (size_t i = from; i < to; i++)
		kill(c->pid[i], SIGKILL);
	daemon_signal(c->d, SIGCONT);
}

START_TEST(all_that_end_at_once_are_found)
{
	static struct crowd c;

	begin(&c);
	kill_at_once(&c, 0, ARRAY_LEN(c.pid));
	finish(&c);
}

END_TEST

/* Those that were started first, which are searched for less often; and those that were started last. */
START_TEST(some_that_end_at_once_among_many_are_found)
{
	const size_t from = _i == 0 ? 0 : REAP_MANY;
	static struct crowd c;

	begin(&c);
	kill_at_once(&c, from, from + ENDING);
	expect_lines(c.d, ENDING, "EXIT: x signal=9");
	for (size_t i = from; i < from + ENDING; i++)
		expect_line(c.d, "EXIT: x signal=9 *conn=%zu", i + 2);
	daemon_idle(c.d);
	kill_at_once(&c, 0, ARRAY_LEN(c.pid));
	finish(&c);
}

END_TEST

/* The places of those that have ended are free, be they known yet or not. */
START_TEST(nobody_is_refused_for_want_of_a_place_that_is_free)
{
	enum { PLACES = 20, ROUNDS = 6 };

	static const char *const limits[] = { "instances = 20", "per_source = 20" };
	struct daemon *d = daemon_new();
	int fds[PLACES], crowd[REAP_MANY + ROUNDS * 2 * PLACES];
	pid_t pids[PLACES];
	size_t count = 0;

	daemon_service(
	    d, "few", "tcp", text_format("\tserver = @PROGRAMS@/hold\n\t%s\n", limits[_i]));
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	for (size_t i = 0; i < PLACES; i++)
		fds[i] = daemon_connect(d, "few");
	while (count < REAP_MANY)
		crowd[count++] = hold_open(d, "x");
	for (int round = 0; round < ROUNDS; round++) {
		/* They are not the youngest. */
		for (size_t i = 0; i < PLACES; i++)
			pids[i] = ask_pid(fds[i]);
		for (size_t i = 0; i < 2 * PLACES; i++)
			crowd[count++] = hold_open(d, "x");
		for (size_t i = 0; i < PLACES; i++)
			kill(pids[i], SIGKILL);
		for (size_t i = 0; i < PLACES; i++) {
			wait_gone(pids[i]);
			close(fds[i]);
			fds[i] = daemon_connect(d, "few");
		}
	}
	for (size_t i = 0; i < PLACES; i++) {
		expect_echo(fds[i], "served");
		close(fds[i]);
	}
	expect_no_line(d, "FAIL:");
	while (count > 0)
		close(crowd[--count]);
	daemon_stop(d);
}

END_TEST

/* The kernel tells that it has ended, and does not let go of it: it is not asked for again and again. */
START_TEST(one_that_is_traced_costs_no_time)
{
	static struct crowd c;
	const size_t last = ARRAY_LEN(c.pid) - 1;

	begin(&c);
	pid_t tracer = start_tracer(c.pid[last]);
	if (tracer == 0)
		test_skip("one_that_is_traced_costs_no_time", "processes cannot be traced");
	else {
		kill(c.pid[last], SIGKILL);
		daemon_idle(c.d);
		expect_no_line(c.d, "EXIT: x");
		end_process(tracer);
		expect_line(c.d, "EXIT: x signal=9");
	}
	for (size_t i = 0; i < ARRAY_LEN(c.pid) - (tracer != 0); i++)
		kill(c.pid[i], SIGKILL);
	finish(&c);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(those_that_end_among_many_are_found),
	TEST(all_that_end_at_once_are_found),
	TEST_LOOP(some_that_end_at_once_among_many_are_found, 2),
	TEST_LOOP(nobody_is_refused_for_want_of_a_place_that_is_free, 2),
	TEST(one_that_is_traced_costs_no_time),
};

int
main(void)
{
	return run_functional("reap", tests, ARRAY_LEN(tests));
}
