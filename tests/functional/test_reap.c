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

/* Beyond those that may run unwatched. */
#define WATCHED 24

struct crowd {
	struct daemon *d;
	int fd[REAP_WATCHES_FROM + WATCHED];
	pid_t pid[REAP_WATCHES_FROM + WATCHED];
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
	/* The last ones are watched by a descriptor each. */
	ck_assert_uint_ge(daemon_fds(c.d), c.fds_before + WATCHED);
	for (size_t i = ARRAY_LEN(c.fd); i-- > 0;) {
		kill(c.pid[i], SIGKILL);
		if (i % 16 == 0)
			expect_lines(c.d, (unsigned)(ARRAY_LEN(c.fd) - i), "EXIT: x signal=9");
	}
	finish(&c);
}

END_TEST

START_TEST(all_that_end_at_once_are_found)
{
	static struct crowd c;

	begin(&c);
	daemon_signal(c.d, SIGSTOP);
	for (size_t i = 0; i < ARRAY_LEN(c.fd); i++)
		kill(c.pid[i], SIGKILL);
	daemon_signal(c.d, SIGCONT);
	finish(&c);
}

END_TEST

/* Its descriptor says that it has ended, and the kernel that it has not: that descriptor is not asked again and again. */
START_TEST(one_that_is_traced_costs_no_time)
{
	static struct crowd c;
	const size_t last = ARRAY_LEN(c.pid) - 1;

	begin(&c);
	unsigned fds = daemon_fds(c.d);
	pid_t tracer = start_tracer(c.pid[last]);
	if (tracer == 0)
		test_skip("one_that_is_traced_costs_no_time", "processes cannot be traced");
	else {
		kill(c.pid[last], SIGKILL);
		expect_fds(c.d, fds - 1);
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
	TEST(one_that_is_traced_costs_no_time),
};

int
main(void)
{
	return run_functional("reap", tests, ARRAY_LEN(tests));
}
