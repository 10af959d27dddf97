/* SPDX-License-Identifier: MIT */
/* Many descriptors behind one of the loop. */
#include "loop/many.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "suite.h"

static struct loop *loop;
static struct many many;

struct pipe_end {
	struct many_member member;
	int write_fd;
	unsigned called;
	struct pipe_end *removes; /* in its callback */
	bool is_removed;
};

static void
on_data(void *arg)
{
	struct pipe_end *p = arg;
	char byte;

	p->called++;
	ck_assert_int_eq(read(p->member.fd, &byte, 1), 1);
	if (p->removes == NULL)
		return;
	many_del(&many, &p->removes->member);
	p->removes->is_removed = true;
}

static void
begin(struct pipe_end *ends, size_t count)
{
	loop = loop_new();
	ck_assert_int_eq(many_init(&many, loop, LOOP_PIPES), 0);
	for (size_t i = 0; i < count; i++) {
		int fds[2];

		ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
		ends[i] = (struct pipe_end){ .write_fd = fds[1] };
		ends[i].member =
		    (struct many_member){ .fd = fds[0], .fn = on_data, .arg = &ends[i] };
		ck_assert_int_eq(many_add(&many, &ends[i].member), 0);
	}
}

static void
finish(struct pipe_end *ends, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!ends[i].is_removed)
			many_del(&many, &ends[i].member);
		close(ends[i].member.fd);
		close(ends[i].write_fd);
	}
	many_done(&many);
	loop_free(loop);
}

START_TEST(those_that_have_something_are_called_once_a_turn)
{
	struct pipe_end ends[100];

	begin(ends, ARRAY_LEN(ends));
	loop_turn(loop, 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(write(ends[42].write_fd, "xy", 2), 2);
	loop_turn(loop, 1000);
	ck_assert_uint_eq(ends[42].called, 1);
	loop_turn(loop, 1000);
	ck_assert_uint_eq(ends[42].called, 2);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		ck_assert(i == 42 || ends[i].called == 0);
	finish(ends, ARRAY_LEN(ends));
}

END_TEST

/* More than are called in one turn: all of them are, in a few. */
START_TEST(nobody_is_forgotten)
{
	struct pipe_end ends[5 * MANY_A_TURN];

	begin(ends, ARRAY_LEN(ends));
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		ck_assert_int_eq(write(ends[i].write_fd, "x", 1), 1);
	for (unsigned i = 0; i < 5; i++)
		loop_turn(loop, 1000);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		ck_assert_uint_eq(ends[i].called, 1);
	finish(ends, ARRAY_LEN(ends));
}

END_TEST

START_TEST(h9_one_that_is_removed_by_another_is_not_called_any_more)
{
	struct pipe_end ends[2];

	begin(ends, 2);
	for (unsigned i = 0; i < 2; i++) {
		ends[i].removes = &ends[1 - i];
		ck_assert_int_eq(write(ends[i].write_fd, "x", 1), 1);
	}
	loop_turn(loop, 1000);
	ck_assert_uint_eq(ends[0].called + ends[1].called, 1);
	loop_turn(loop, 0);
	ck_assert_uint_eq(ends[0].called + ends[1].called, 1);
	finish(ends, 2);
}

END_TEST

START_TEST(what_cannot_be_watched_is_an_error)
{
	struct many_member file = { .fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC) };

	begin(NULL, 0);
	ck_assert_int_eq(many_add(&many, &file), -EPERM);
	close(file.fd);
	finish(NULL, 0);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(those_that_have_something_are_called_once_a_turn),
	TEST(nobody_is_forgotten),
	TEST(h9_one_that_is_removed_by_another_is_not_called_any_more),
	TEST(what_cannot_be_watched_is_an_error),
};

/* The same of each backend. */
int
main(void)
{
	int of_epoll, of_poll;

	setenv("PORTER_LOOP", "epoll", 1);
	of_epoll = run_suite("many, epoll", tests, ARRAY_LEN(tests));
	setenv("PORTER_LOOP", "poll", 1);
	of_poll = run_suite("many, poll", tests, ARRAY_LEN(tests));
	return of_epoll == EXIT_SUCCESS ? of_poll : of_epoll;
}
