/* SPDX-License-Identifier: MIT */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rate.h"
#include "loop/backend.h"
#include "loop/timer.h"

/* After a failed wait, for lack of memory, the turn ends only so much later: a failure must not
 * make us spin. */
#define FAILURE_PAUSE_MS 100
#define FAILURE_LOG_MS   60000

struct deferred {
	void (*free_fn)(void *);
	void *object;
};

struct loop {
	const struct loop_backend *backend;
	void *state;              /* the backend's */
	struct loop_ready *ready; /* room for every watcher that is added */
	unsigned ready_count, ready_room;
	unsigned added; /* watchers */
	struct timer_heap timers;
	struct deferred *deferred;
	unsigned deferred_count, deferred_room;
	struct rate failures;
	bool is_stopping;
	bool is_calling; /* within a turn: the ready list is in use */
};

/* Those that the environment may name; the first is used otherwise. */
static const struct loop_backend *const backends[] = { &loop_epoll_backend, &loop_poll_backend };

static const struct loop_backend *
wanted_backend(void)
{
	const char *name = getenv("PORTER_LOOP");

	for (size_t i = 0; name != NULL && i < ARRAY_LEN(backends); i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	if (name != NULL)
		log_warn(
		    "event=loop-unknown name=PORTER_LOOP reason=\"it is neither epoll nor poll\"");
	return backends[0];
}

struct loop *
loop_new(void)
{
	struct loop *l = mem_alloc(sizeof(*l));

	l->backend = wanted_backend();
	l->state = l->backend->open();
	if (l->state == NULL) {
		log_warn("event=loop-fallback backend=%s error=\"%s\"", l->backend->name,
		    strerror(errno));
		l->backend = &loop_poll_backend;
		l->state = l->backend->open();
	}
	return l;
}

/* A free function may defer another one, which goes the same way. */
static void
free_deferred(struct loop *l)
{
	for (unsigned i = 0; i < l->deferred_count; i++) {
		const struct deferred d = l->deferred[i];

		d.free_fn(d.object);
	}
	l->deferred_count = 0;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	free_deferred(l);
	timer_heap_done(&l->timers);
	l->backend->close(l->state);
	free(l->deferred);
	free(l->ready);
	free(l);
}

int
loop_add(struct loop *l, struct loop_io *io)
{
	assert(io->slot == 0 && io->fd >= 0 && io->order < LOOP_ORDER_MAX);
	/* In the middle of a turn the list keeps its entries. */
	if (++l->added > l->ready_room) {
		l->ready_room = l->ready_room == 0 ? 16 : 2 * l->ready_room;
		l->ready = mem_grow(l->ready, l->ready_room, sizeof(*l->ready));
	}
	io->slot = LOOP_SLOT_IDLE;
	return l->backend->add(l->state, io);
}

int
loop_try(struct loop *l, struct loop_io *io)
{
	int r = loop_add(l, io);

	if (r < 0)
		loop_del(l, io);
	return r;
}

void
loop_del(struct loop *l, struct loop_io *io)
{
	if (io->slot == 0)
		return;
	l->backend->remove(l->state, io);
	io->slot = 0;
	l->added--;
	/* Ready in this turn, but not called yet: it must not be called any more, its owner may be
	 * gone by then. */
	for (unsigned i = 0; l->is_calling && i < l->ready_count; i++)
		if (l->ready[i].io == io)
			l->ready[i].io = NULL;
}

void
loop_want(struct loop *l, struct loop_io *io, short want)
{
	io->want = want;
	if (io->slot != 0)
		l->backend->update(l->state, io);
}

/* One that finds no place in the list is ready in the next turn, if it is. */
void
loop_poke(struct loop *l, struct loop_io *io, short got)
{
	if (l->is_calling && io->slot != 0 && l->ready_count < l->ready_room)
		l->ready[l->ready_count++] = (struct loop_ready){ .io = io, .got = got };
}

void
loop_timer_set(struct loop *l, struct loop_timer *t, int64_t due_ms)
{
	timer_heap_set(&l->timers, t, due_ms);
}

void
loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	timer_heap_stop(&l->timers, t);
}

void
loop_defer(struct loop *l, void (*free_fn)(void *), void *object)
{
	if (l->deferred_count == l->deferred_room) {
		l->deferred_room = l->deferred_room == 0 ? 16 : 2 * l->deferred_room;
		l->deferred = mem_grow(l->deferred, l->deferred_room, sizeof(*l->deferred));
	}
	l->deferred[l->deferred_count++] =
	    (struct deferred){ .free_fn = free_fn, .object = object };
}

/* How long to wait, at most timeout_ms: until the first timer is due. */
static int
wait_ms(const struct loop *l, int timeout_ms)
{
	const struct loop_timer *t = timer_heap_first(&l->timers);
	int64_t left;

	if (t == NULL)
		return timeout_ms;
	left = t->due_ms - clock_now_ms();
	if (left < 0)
		left = 0;
	if (timeout_ms >= 0 && left > timeout_ms)
		return timeout_ms;
	return left > INT_MAX ? INT_MAX : (int)left;
}

static void
handle_failure(struct loop *l, int error)
{
	unsigned left_out;

	if (error == EINTR)
		return;
	if (rate_allows(&l->failures, clock_now_ms(), FAILURE_LOG_MS, &left_out))
		log_error("event=wait-failed backend=%s error=\"%s\" left-out=%u", l->backend->name,
		    strerror(error), left_out);
	poll(NULL, 0, FAILURE_PAUSE_MS);
}

static void
call_ready(struct loop *l, enum loop_order order)
{
	for (unsigned i = 0; i < l->ready_count; i++) {
		struct loop_io *io = l->ready[i].io;
		short got;

		if (io == NULL || io->order != order)
			continue;
		/* It may want less than when the turn began. */
		got = (short)(l->ready[i].got & (io->want | POLLHUP | POLLERR));
		l->ready[i].io = NULL;
		if (io->want != 0 && got != 0)
			io->fn(io, got);
	}
}

static void
call_all(struct loop *l)
{
	l->is_calling = true;
	for (unsigned order = 0; order < LOOP_ORDER_MAX; order++)
		call_ready(l, order);
	l->is_calling = false;
}

void
loop_turn(struct loop *l, int timeout_ms)
{
	int n;

	assert(!l->is_calling);
	n = l->backend->wait(l->state, l->ready, wait_ms(l, timeout_ms));
	l->ready_count = n > 0 ? (unsigned)n : 0;
	call_all(l);
	if (n < 0)
		handle_failure(l, -n);
	if (timer_heap_first(&l->timers) != NULL)
		timer_heap_fire(&l->timers, clock_now_ms());
	free_deferred(l);
}

void
loop_run(struct loop *l)
{
	while (!l->is_stopping)
		loop_turn(l, -1);
	l->is_stopping = false;
}

void
loop_stop(struct loop *l)
{
	l->is_stopping = true;
}
