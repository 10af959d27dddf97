/* SPDX-License-Identifier: MIT */
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/signals.h"
#include "loop/timer.h"
#include "suite.h"

/* A watcher that writes its name down when it is called. */
struct probe {
	struct loop_io io;
	char name;
	struct probe *other;
	void (*then)(struct probe *p);
};

static struct loop *loop;
static char calls[1024];
static unsigned call_count;
static short last_got;

static void
called(char name)
{
	ck_assert_uint_lt(call_count, sizeof(calls) - 1);
	calls[call_count++] = name;
	calls[call_count] = '\0';
}

static void
start(void)
{
	loop = loop_new();
	call_count = 0;
	calls[0] = '\0';
}

static void
on_probe(struct loop_io *io, short got)
{
	struct probe *p = io->arg;

	last_got = got;
	called(p->name);
	if (p->then != NULL)
		p->then(p);
}

/* Readable from the start. */
static struct probe *
probe_new(char name, enum loop_order order)
{
	struct probe *p = mem_alloc(sizeof(*p));

	p->name = name;
	p->io = (struct loop_io){ .fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK),
		.want = POLLIN,
		.order = order,
		.fn = on_probe,
		.arg = p };
	ck_assert_int_ge(p->io.fd, 0);
	loop_add(loop, &p->io);
	return p;
}

static void
probe_free(struct probe *p)
{
	loop_del(loop, &p->io);
	close(p->io.fd);
	free(p);
}

START_TEST(order_in_a_turn)
{
	struct probe *p[5];

	start();
	p[0] = probe_new('l', LOOP_LISTENERS);
	p[1] = probe_new('p', LOOP_PIPES);
	p[2] = probe_new('s', LOOP_SIGNALS);
	p[3] = probe_new('L', LOOP_LISTENERS);
	p[4] = probe_new('P', LOOP_PIPES);
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "spPlL");
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		probe_free(p[i]);
	loop_free(loop);
}

END_TEST

static void
free_other(struct probe *p)
{
	if (p->other != NULL)
		probe_free(p->other);
	p->other = NULL;
}

START_TEST(ready_watcher_that_is_deleted_is_not_called)
{
	struct probe *a, *b;

	start();
	a = probe_new('a', LOOP_PIPES);
	b = probe_new('b', _i == 0 ? LOOP_PIPES : LOOP_LISTENERS);
	a->then = free_other;
	a->other = b;
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "a");
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "aa");
	probe_free(a);
	loop_free(loop);
}

END_TEST

static void
add_other_again(struct probe *p)
{
	loop_del(loop, &p->other->io);
	loop_add(loop, &p->other->io);
}

START_TEST(watcher_added_again_waits_for_the_next_turn)
{
	struct probe *a, *b;

	start();
	a = probe_new('a', LOOP_PIPES);
	b = probe_new('b', LOOP_LISTENERS);
	a->then = add_other_again;
	a->other = b;
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "a");
	a->then = NULL;
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "aab");
	probe_free(a);
	probe_free(b);
	loop_free(loop);
}

END_TEST

static void
delete_self(struct probe *p)
{
	loop_del(loop, &p->io);
	loop_del(loop, &p->io); /* once more does no harm */
}

START_TEST(watcher_deletes_itself)
{
	struct probe *a, *b;

	start();
	a = probe_new('a', LOOP_PIPES);
	b = probe_new('b', LOOP_PIPES);
	a->then = delete_self;
	loop_turn(loop, -1);
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "abb");
	probe_free(a);
	probe_free(b);
	loop_free(loop);
}

END_TEST

static void
add_many(struct probe *p)
{
	struct probe **many = (struct probe **)p->other;

	for (unsigned i = 0; i < 100; i++)
		many[i] = probe_new('m', LOOP_SIGNALS);
	p->then = NULL;
}

START_TEST(watchers_added_in_a_turn)
{
	struct probe *many[100], *a, *b;

	start();
	a = probe_new('a', LOOP_PIPES);
	b = probe_new('b', LOOP_PIPES);
	a->then = add_many;
	a->other = (struct probe *)many;
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "ab");
	loop_turn(loop, -1);
	ck_assert_uint_eq(call_count, 104);
	for (unsigned i = 0; i < 100; i++)
		probe_free(many[i]);
	probe_free(a);
	probe_free(b);
	loop_free(loop);
}

END_TEST

START_TEST(unwanted_watcher_reports_no_hang_up)
{
	struct loop_io io = { .want = 0, .order = LOOP_PIPES, .fn = on_probe };
	struct probe p = { .name = 'p' };
	int fds[2];

	start();
	ck_assert_int_eq(pipe(fds), 0);
	close(fds[1]);
	io.fd = fds[0];
	io.arg = &p;
	loop_add(loop, &io);
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "");
	loop_want(loop, &io, POLLIN);
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "p");
	ck_assert_int_eq(last_got & POLLHUP, POLLHUP);
	loop_want(loop, &io, 0);
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "p");
	loop_del(loop, &io);
	close(fds[0]);
	loop_free(loop);
}

END_TEST

static void
rest_other(struct probe *p)
{
	loop_want(loop, &p->other->io, 0);
}

START_TEST(ready_watcher_that_is_no_longer_wanted_is_not_called)
{
	struct probe *a, *b;

	start();
	a = probe_new('a', LOOP_PIPES);
	b = probe_new('b', LOOP_LISTENERS);
	a->then = rest_other;
	a->other = b;
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "a");
	loop_want(loop, &b->io, POLLIN);
	a->then = NULL;
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "aab");
	probe_free(a);
	probe_free(b);
	loop_free(loop);
}

END_TEST

static void
poke_other(struct probe *p)
{
	loop_want(loop, &p->other->io, POLLIN);
	loop_poke(loop, &p->other->io, POLLIN);
}

START_TEST(poked_watcher_is_called_in_the_same_turn)
{
	struct probe *a, *b;

	start();
	a = probe_new('a', LOOP_PIPES);
	b = probe_new('b', LOOP_LISTENERS);
	loop_want(loop, &b->io, 0);
	a->other = b;
	a->then = poke_other;
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "ab");
	ck_assert_int_eq(last_got, POLLIN);
	/* Out of a turn it is nothing. */
	loop_want(loop, &b->io, 0);
	loop_del(loop, &a->io);
	loop_poke(loop, &b->io, POLLIN);
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "ab");
	probe_free(a);
	probe_free(b);
	loop_free(loop);
}

END_TEST

/* What epoll watches at present, as the kernel tells it. */
static unsigned
watched_by_epoll(void)
{
	unsigned count = 0;
	char line[512];

	for (int fd = 3; fd < 1024; fd++) {
		FILE *f;

		snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
		f = fopen(line, "re");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			count += strncmp(line, "tfd:", 4) == 0;
		if (f != NULL)
			fclose(f);
	}
	return count;
}

/* The loop's own descriptor is there. */
static bool
has_epoll(void)
{
	char path[64], target[64];

	for (int fd = 3; fd < 1024; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strcmp(target, "anon_inode:[eventpoll]") == 0)
			return true;
	}
	return false;
}

START_TEST(descriptor_that_a_child_keeps_open_is_not_reported_once_removed)
{
	struct probe *a, *b;
	int kept;

	start();
	a = probe_new('a', LOOP_PIPES);
	b = probe_new('b', LOOP_PIPES);
	loop_turn(loop, 0);
	ck_assert_uint_eq(watched_by_epoll(), has_epoll() ? 2 : 0);
	kept = dup(a->io.fd);
	ck_assert_int_ge(kept, 0);
	probe_free(a);
	ck_assert_uint_eq(watched_by_epoll(), has_epoll() ? 1 : 0);
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "abb");
	close(kept);
	probe_free(b);
	loop_free(loop);
}

END_TEST

static void
hold_and_release(struct probe *p)
{
	loop_want(loop, &p->other->io, 0);
	loop_want(loop, &p->io, 0);
	loop_want(loop, &p->io, POLLIN);
	loop_want(loop, &p->other->io, POLLIN);
}

/* Several changes before one wait: the last counts. */
START_TEST(watcher_held_and_released_in_a_turn_stays)
{
	struct probe *a, *b;

	start();
	a = probe_new('a', LOOP_PIPES);
	b = probe_new('b', LOOP_LISTENERS);
	a->then = hold_and_release;
	a->other = b;
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "abab");
	loop_want(loop, &a->io, POLLOUT);
	loop_want(loop, &a->io, POLLOUT | POLLIN);
	loop_want(loop, &b->io, 0);
	a->then = NULL;
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "ababa");
	ck_assert_int_eq(last_got, POLLIN | POLLOUT);
	/* One that is changed and removed before the wait leaves nothing behind, whatever the order. */
	loop_want(loop, &a->io, POLLIN);
	loop_want(loop, &b->io, POLLIN);
	loop_del(loop, &a->io);
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "ababab");
	probe_free(a);
	probe_free(b);
	loop_free(loop);
}

END_TEST

/* More than are called in one turn: one that comes last is, in a few. */
START_TEST(nobody_starves_among_many_that_are_always_ready)
{
	struct probe *others[700], *last;

	start();
	for (unsigned i = 0; i < ARRAY_LEN(others); i++)
		others[i] = probe_new('o', LOOP_PIPES);
	last = probe_new('l', LOOP_LISTENERS);
	for (unsigned turn = 0; turn < 4 && strchr(calls, 'l') == NULL; turn++) {
		call_count = 0;
		loop_turn(loop, 0);
	}
	ck_assert_ptr_nonnull(strchr(calls, 'l'));
	for (unsigned i = 0; i < ARRAY_LEN(others); i++)
		probe_free(others[i]);
	probe_free(last);
	loop_free(loop);
}

END_TEST

START_TEST(file_is_refused_by_epoll)
{
	struct probe p = { .name = 'p' }, *b;
	struct loop_io io = { .fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC),
		.want = POLLIN,
		.order = LOOP_PIPES,
		.fn = on_probe,
		.arg = &p };
	bool is_epoll;

	start();
	is_epoll = has_epoll();
	b = probe_new('b', LOOP_PIPES);
	ck_assert_int_eq(loop_add(loop, &io), is_epoll ? -EPERM : 0);
	/* The others are served all the same, and nobody waits longer than until the next try. */
	loop_turn(loop, -1);
	ck_assert_ptr_nonnull(strchr(calls, 'b'));
	ck_assert((strchr(calls, 'p') == NULL) == is_epoll);
	loop_want(loop, &b->io, 0);
	loop_turn(loop, -1);
	loop_del(loop, &io);
	/* Who can do without has not added it. */
	ck_assert_int_eq(loop_try(loop, &io), is_epoll ? -EPERM : 0);
	ck_assert_uint_eq(io.slot == 0, is_epoll);
	loop_del(loop, &io);
	probe_free(b);
	loop_turn(loop, 0);
	close(io.fd);
	loop_free(loop);
}

END_TEST

START_TEST(without_an_epoll_descriptor_the_loop_polls)
{
	struct rlimit none = { 0 }, before;
	struct probe *a;

	getrlimit(RLIMIT_NOFILE, &before);
	none.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	start();
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert(!has_epoll());
	a = probe_new('a', LOOP_PIPES);
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "a");
	probe_free(a);
	loop_free(loop);
}

END_TEST

START_TEST(name_of_no_backend_is_passed_over)
{
	const char *name = getenv("PORTER_LOOP");
	char *before = mem_dup(name);

	setenv("PORTER_LOOP", "pol", 1);
	start();
	setenv("PORTER_LOOP", before, 1);
	ck_assert(has_epoll());
	loop_free(loop);
	start();
	ck_assert(has_epoll() == (strcmp(before, "epoll") == 0));
	loop_free(loop);
	free(before);
}

END_TEST

START_TEST(want_is_kept_for_a_watcher_that_is_not_added)
{
	struct loop_io io = { .fd = 0, .order = LOOP_PIPES, .fn = on_probe };

	start();
	loop_want(loop, &io, POLLIN);
	ck_assert_int_eq(io.want, POLLIN);
	ck_assert_uint_eq(io.slot, 0);
	loop_free(loop);
}

END_TEST

/* Random adding, deleting, resting and making ready against a plain account of what must be
 * called. */
START_TEST(random_watchers)
{
	enum { COUNT = 60 };
	struct probe *p[COUNT] = { 0 };
	bool is_added[COUNT], is_ready[COUNT];

	start();
	srand(4711 + (unsigned)_i);
	for (unsigned i = 0; i < COUNT; i++) {
		p[i] = probe_new((char)('0' + i), (enum loop_order)(rand() % LOOP_ORDER_MAX));
		is_added[i] = is_ready[i] = true;
	}
	for (unsigned turn = 0; turn < 200; turn++) {
		for (unsigned k = 0; k < 10; k++) {
			const unsigned i = (unsigned)rand() % COUNT;
			eventfd_t value;

			switch (rand() % 3) {
			case 0:
				if (is_added[i])
					loop_del(loop, &p[i]->io);
				else
					loop_add(loop, &p[i]->io);
				is_added[i] = !is_added[i];
				break;
			case 1:
				loop_want(loop, &p[i]->io, p[i]->io.want == 0 ? POLLIN : 0);
				break;
			default:
				if (is_ready[i])
					eventfd_read(p[i]->io.fd, &value);
				else
					eventfd_write(p[i]->io.fd, 1);
				is_ready[i] = !is_ready[i];
			}
		}
		call_count = 0;
		calls[0] = '\0';
		loop_turn(loop, 0);
		for (unsigned i = 0; i < COUNT; i++) {
			const bool is_due = is_added[i] && is_ready[i] && p[i]->io.want != 0;
			const char *at = strchr(calls, p[i]->name);

			ck_assert(is_due == (at != NULL));
			ck_assert(at == NULL || strchr(at + 1, p[i]->name) == NULL);
		}
	}
	for (unsigned i = 0; i < COUNT; i++)
		probe_free(p[i]);
	loop_free(loop);
}

END_TEST

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	(void)now_ms;
	ck_assert(!loop_timer_runs(t));
	called(*(const char *)t->arg);
}

static const char names[] = "abcdefgh";

static struct loop_timer
named_timer(unsigned i)
{
	static char copies[sizeof(names)];

	copies[i] = names[i];
	return (struct loop_timer){ .fn = on_timer, .arg = &copies[i] };
}

START_TEST(timers_fire_in_order)
{
	struct loop_timer t[5];

	start();
	for (unsigned i = 0; i < 5; i++)
		t[i] = named_timer(i);
	loop_timer_set(loop, &t[0], 30);
	loop_timer_set(loop, &t[1], 10);
	loop_timer_set(loop, &t[2], 20);
	loop_timer_set(loop, &t[3], 10);                       /* as early as b, but later set */
	loop_timer_set(loop, &t[4], clock_now_ms() + 3600000); /* not yet */
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "bdca");
	ck_assert(loop_timer_runs(&t[4]));
	loop_timer_stop(loop, &t[4]);
	loop_timer_stop(loop, &t[4]);
	ck_assert(!loop_timer_runs(&t[4]));
	loop_free(loop);
}

END_TEST

START_TEST(timers_are_moved_and_stopped)
{
	struct loop_timer t[4];

	start();
	for (unsigned i = 0; i < 4; i++) {
		t[i] = named_timer(i);
		loop_timer_set(loop, &t[i], 10 + i);
	}
	loop_timer_set(loop, &t[0], 100);
	loop_timer_set(loop, &t[3], 1);
	loop_timer_stop(loop, &t[1]);
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "dca");
	loop_free(loop);
}

END_TEST

static void
on_endless_timer(struct loop_timer *t, int64_t now_ms)
{
	called('e');
	loop_timer_set(loop, t, now_ms - 1000);
}

START_TEST(timer_set_in_the_past_does_not_hold_the_turn)
{
	struct loop_timer t = { .fn = on_endless_timer };

	start();
	loop_timer_set(loop, &t, 0);
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "e");
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "ee");
	loop_timer_stop(loop, &t);
	loop_free(loop);
}

END_TEST

START_TEST(turn_waits_for_the_timer)
{
	struct loop_timer t = named_timer(0);
	int64_t due_ms;

	start();
	due_ms = clock_now_ms() + 20;
	loop_timer_set(loop, &t, due_ms);
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "a");
	ck_assert_int_ge(clock_now_ms(), due_ms);
	loop_free(loop);
}

END_TEST

START_TEST(freed_loop_leaves_timers_stopped)
{
	struct loop_timer t = named_timer(0);

	start();
	loop_timer_set(loop, &t, 1);
	loop_free(loop);
	ck_assert(!loop_timer_runs(&t));
	loop_free(NULL);
}

END_TEST

static int64_t fired[300];
static unsigned fired_count;

static void
on_random_timer(struct loop_timer *t, int64_t now_ms)
{
	ck_assert_int_le(t->due_ms, now_ms);
	ck_assert_uint_lt(fired_count, ARRAY_LEN(fired));
	fired[fired_count++] = t->due_ms;
}

static int
compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The heap against a sorted list of the times due. */
START_TEST(random_timers)
{
	struct loop_timer t[300] = { { 0 } };
	struct timer_heap heap = { 0 };

	srand(1000 + (unsigned)_i);
	for (int64_t now_ms = 0; now_ms < 2000; now_ms += 20) {
		int64_t due[300];
		unsigned due_count = 0;

		for (unsigned k = 0; k < 40; k++) {
			struct loop_timer *one = &t[rand() % 300];

			one->fn = on_random_timer;
			if (rand() % 3 == 0)
				timer_heap_stop(&heap, one);
			else
				timer_heap_set(&heap, one, now_ms + rand() % 200 - 20);
		}
		for (unsigned i = 0; i < 300; i++)
			if (loop_timer_runs(&t[i]) && t[i].due_ms <= now_ms)
				due[due_count++] = t[i].due_ms;
		qsort(due, due_count, sizeof(*due), compare);
		fired_count = 0;
		timer_heap_fire(&heap, now_ms);
		ck_assert_uint_eq(fired_count, due_count);
		ck_assert_int_eq(memcmp(fired, due, due_count * sizeof(*due)), 0);
	}
	timer_heap_done(&heap);
	for (unsigned i = 0; i < 300; i++)
		ck_assert(!loop_timer_runs(&t[i]));
}

END_TEST

static void
free_it(void *object)
{
	called('f');
	free(object);
}

static void
free_it_and_one_more(void *object)
{
	called('F');
	loop_defer(loop, free_it, mem_alloc(1));
	free(object);
}

static void
free_self_later(struct probe *p)
{
	loop_del(loop, &p->io);
	close(p->io.fd);
	loop_defer(loop, free_it, p);
	p->name = 'x'; /* still there */
}

START_TEST(deferred_free_comes_at_the_end_of_the_turn)
{
	struct probe *a, *b;
	struct loop_timer t = named_timer(2);

	start();
	a = probe_new('a', LOOP_SIGNALS);
	b = probe_new('b', LOOP_LISTENERS);
	a->then = free_self_later;
	loop_timer_set(loop, &t, 0);
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "abcf");
	probe_free(b);
	loop_free(loop);
}

END_TEST

START_TEST(deferred_free_is_not_forgotten)
{
	start();
	loop_defer(loop, free_it_and_one_more, mem_alloc(1));
	loop_free(loop);
	ck_assert_str_eq(calls, "Ff");
}

END_TEST

static void
stop(struct probe *p)
{
	(void)p;
	loop_stop(loop);
}

START_TEST(run_until_stopped)
{
	struct probe *a, *b;

	start();
	a = probe_new('a', LOOP_SIGNALS);
	b = probe_new('b', LOOP_PIPES);
	a->then = stop;
	loop_run(loop);
	ck_assert_str_eq(calls, "ab"); /* the turn is finished */
	loop_run(loop);
	ck_assert_str_eq(calls, "abab");
	loop_stop(loop);
	loop_run(loop);
	ck_assert_str_eq(calls, "abab");
	probe_free(a);
	probe_free(b);
	loop_free(loop);
}

END_TEST

static struct signals *signals;

static void
on_usr1(void *arg, pid_t from)
{
	ck_assert_int_eq(from, getpid());
	called(*(const char *)arg);
	called('1');
}

static void
on_usr2(void *arg, pid_t from)
{
	(void)from;
	(void)arg;
	called('2');
}

static void
on_hup(void *arg, pid_t from)
{
	(void)from;
	(void)arg;
	called('h');
	signals_close(signals);
	called('c');
}

static const struct signal_row rows[] = {
	{ SIGUSR1, on_usr1 },
	{ SIGUSR2, on_usr2 },
	{ SIGHUP, on_hup },
};

START_TEST(signals_reach_their_rows)
{
	char name = 'n';

	start();
	signals = signals_open(loop, rows, ARRAY_LEN(rows), &name);
	ck_assert_ptr_nonnull(signals);
	raise(SIGUSR1);
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "n1");
	raise(SIGUSR2);
	raise(SIGUSR1);
	loop_turn(loop, -1);
	ck_assert_uint_eq(call_count, 5);
	ck_assert_ptr_nonnull(strchr(calls, '2'));
	loop_turn(loop, 0);
	ck_assert_uint_eq(call_count, 5);
	signals_close(signals);
	signals_close(NULL);
	loop_free(loop);
}

END_TEST

START_TEST(signals_leave_mask_and_actions_as_they_were)
{
	struct sigaction action = { .sa_handler = SIG_IGN }, before, got;
	sigset_t mask, now, own;

	start();
	sigemptyset(&own);
	sigaddset(&own, SIGWINCH);
	sigprocmask(SIG_SETMASK, &own, &mask);
	sigaction(SIGUSR1, &action, &before);
	signals = signals_open(loop, rows, 2, NULL);
	sigprocmask(SIG_SETMASK, NULL, &now);
	ck_assert(sigismember(&now, SIGUSR1) && sigismember(&now, SIGUSR2) &&
		  sigismember(&now, SIGWINCH));
	ck_assert(!sigismember(&now, SIGHUP) && !sigismember(&now, SIGTERM));
	signals_close(signals);
	sigprocmask(SIG_SETMASK, NULL, &now);
	ck_assert(sigismember(&now, SIGWINCH) && !sigismember(&now, SIGUSR1) &&
		  !sigismember(&now, SIGUSR2));
	sigaction(SIGUSR1, &before, &got);
	ck_assert_ptr_eq(got.sa_handler, SIG_IGN);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	loop_free(loop);
}

END_TEST

START_TEST(a16_signals_inherited_as_ignored_arrive)
{
	struct sigaction action = { .sa_handler = SIG_IGN }, before;
	char name = 'n';

	start();
	sigaction(SIGUSR1, &action, &before);
	signals = signals_open(loop, rows, 1, &name);
	raise(SIGUSR1);
	loop_turn(loop, 0);
	ck_assert_str_eq(calls, "n1");
	signals_close(signals);
	sigaction(SIGUSR1, &before, NULL);
	loop_free(loop);
}

END_TEST

static void
on_child(void *arg, pid_t from)
{
	(void)from;
	(void)arg;
	called('e');
}

/* Whoever stops his programs again and again keeps nobody busy. */
START_TEST(child_that_is_stopped_is_not_reported)
{
	static const struct signal_row child = { SIGCHLD, on_child };
	siginfo_t info;

	start();
	signals = signals_open(loop, &child, 1, NULL);
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	for (int i = 0; i < 3; i++) {
		kill(pid, SIGSTOP);
		ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
		loop_turn(loop, 0);
		kill(pid, SIGCONT);
		ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WCONTINUED), 0);
		loop_turn(loop, 0);
	}
	ck_assert_uint_eq(call_count, 0);
	kill(pid, SIGKILL);
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "e");
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	signals_close(signals);
	loop_free(loop);
}

END_TEST

START_TEST(signals_closed_by_a_row)
{
	start();
	signals = signals_open(loop, rows, ARRAY_LEN(rows), NULL);
	raise(SIGHUP);
	loop_turn(loop, -1);
	ck_assert_str_eq(calls, "hc");
	loop_free(loop);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(order_in_a_turn),
	TEST_LOOP(ready_watcher_that_is_deleted_is_not_called, 2),
	TEST(watcher_added_again_waits_for_the_next_turn),
	TEST(watcher_deletes_itself),
	TEST(watchers_added_in_a_turn),
	TEST(unwanted_watcher_reports_no_hang_up),
	TEST(ready_watcher_that_is_no_longer_wanted_is_not_called),
	TEST(poked_watcher_is_called_in_the_same_turn),
	TEST(descriptor_that_a_child_keeps_open_is_not_reported_once_removed),
	TEST(watcher_held_and_released_in_a_turn_stays),
	TEST(nobody_starves_among_many_that_are_always_ready),
	TEST(file_is_refused_by_epoll),
	TEST(without_an_epoll_descriptor_the_loop_polls),
	TEST(name_of_no_backend_is_passed_over),
	TEST(want_is_kept_for_a_watcher_that_is_not_added),
	TEST_LOOP(random_watchers, 5),
	TEST(timers_fire_in_order),
	TEST(timers_are_moved_and_stopped),
	TEST(timer_set_in_the_past_does_not_hold_the_turn),
	TEST(turn_waits_for_the_timer),
	TEST(freed_loop_leaves_timers_stopped),
	TEST_LOOP(random_timers, 5),
	TEST(deferred_free_comes_at_the_end_of_the_turn),
	TEST(deferred_free_is_not_forgotten),
	TEST(run_until_stopped),
	TEST(signals_reach_their_rows),
	TEST(signals_leave_mask_and_actions_as_they_were),
	TEST(a16_signals_inherited_as_ignored_arrive),
	TEST(child_that_is_stopped_is_not_reported),
	TEST(signals_closed_by_a_row),
};

/* The same of each backend. */
int
main(void)
{
	int of_epoll, of_poll;

	setenv("PORTER_LOOP", "epoll", 1);
	of_epoll = run_suite("loop, epoll", tests, ARRAY_LEN(tests));
	setenv("PORTER_LOOP", "poll", 1);
	of_poll = run_suite("loop, poll", tests, ARRAY_LEN(tests));
	return of_epoll == EXIT_SUCCESS ? of_poll : of_epoll;
}
