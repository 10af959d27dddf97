/* SPDX-License-Identifier: MIT */
/* Work beside the loop. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/beside.h"
#include "suite.h"

struct task {
	struct loop *loop;
	int wire[2]; /* the work is over when something can be read there */
	pthread_t worker;
	bool has_signals;
	atomic_bool is_worked;
	unsigned done; /* how often */
};

static void
work(void *arg)
{
	struct task *t = arg;
	sigset_t mask;
	char byte;

	t->worker = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	t->has_signals = sigismember(&mask, SIGTERM) == 0 || sigismember(&mask, SIGCHLD) == 0;
	ck_assert_int_eq(read(t->wire[0], &byte, 1), 1);
	t->is_worked = true;
}

static void
done(void *arg)
{
	struct task *t = arg;

	ck_assert(t->is_worked);
	t->done++;
}

static struct task *
new_task(void)
{
	struct task *t = mem_alloc(sizeof(*t));

	t->loop = loop_new();
	ck_assert_int_eq(pipe(t->wire), 0);
	return t;
}

static void
go_on(struct task *t)
{
	ck_assert_int_eq(write(t->wire[1], "x", 1), 1);
}

static void
free_task(struct task *t)
{
	loop_turn(t->loop, 0); /* what was put off */
	loop_free(t->loop);
	close(t->wire[0]);
	close(t->wire[1]);
	free(t);
}

START_TEST(the_loop_goes_on_meanwhile)
{
	struct task *t = new_task();

	beside_start(t->loop, work, done, t);
	for (int i = 0; i < 10; i++)
		loop_turn(t->loop, 0);
	ck_assert_uint_eq(t->done, 0);
	go_on(t);
	while (t->done == 0)
		loop_turn(t->loop, -1);
	ck_assert(!pthread_equal(t->worker, pthread_self()));
	ck_assert(!t->has_signals);
	loop_turn(t->loop, 0);
	ck_assert_uint_eq(t->done, 1);
	free_task(t);
}

END_TEST

START_TEST(its_end_can_be_waited_for)
{
	struct task *t = new_task();
	struct beside *b = beside_start(t->loop, work, done, t);

	go_on(t);
	beside_finish(b);
	ck_assert_uint_eq(t->done, 1);
	loop_turn(t->loop, 0);
	ck_assert_uint_eq(t->done, 1);
	free_task(t);
}

END_TEST

/* The caller need not know: it hears of the end later, as ever. */
START_TEST(without_a_thread_it_is_worked_here)
{
	struct rlimit before, none;
	struct task *t = new_task();

	go_on(t);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct beside *b = beside_start(t->loop, work, done, t);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert(t->is_worked);
	ck_assert(pthread_equal(t->worker, pthread_self()));
	ck_assert_uint_eq(t->done, 0);
	if (_i == 0)
		beside_finish(b);
	while (t->done == 0)
		loop_turn(t->loop, -1);
	loop_turn(t->loop, 0);
	ck_assert_uint_eq(t->done, 1);
	free_task(t);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(the_loop_goes_on_meanwhile),
		TEST(its_end_can_be_waited_for),
		TEST_LOOP(without_a_thread_it_is_worked_here, 2),
	};

	return run_suite("beside", tests, ARRAY_LEN(tests));
}
