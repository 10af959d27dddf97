/* SPDX-License-Identifier: MIT */
/* The event loop: watchers for descriptors, timers, and frees put off to the end of a turn. One thread. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_io;
struct loop_timer;

typedef void loop_io_fn(struct loop_io *io, short got); /* got: POLLIN, POLLOUT, POLLHUP, POLLERR */
typedef void loop_timer_fn(struct loop_timer *t, int64_t now_ms);

/* In one turn ready watchers are called in this order. */
enum loop_order { LOOP_SIGNALS, LOOP_PIPES, LOOP_CONTROL, LOOP_LISTENERS, LOOP_ORDER_MAX };

/* Embedded in the object that owns the descriptor. Public part set by the owner before loop_add. */
struct loop_io {
	int fd;
	short want; /* POLLIN, POLLOUT; 0: not watched, and hang-ups are not reported either */
	enum loop_order order;
	loop_io_fn *fn;
	void *arg;
	/* private */
	unsigned slot; /* place in the backend's table + 1; 0: not added */
	short known;   /* what the kernel watches it for meanwhile (epoll) */
};

struct loop_timer {
	loop_timer_fn *fn;
	void *arg;
	/* private */
	int64_t due_ms;
	unsigned slot; /* place in the heap + 1; 0: not running */
};

/* Waits with epoll(7); with poll(2) if the environment says PORTER_LOOP=poll, and where there is no epoll. */
struct loop *loop_new(void);
void loop_free(struct loop *l); /* NULL is allowed */

/* Where several processes have the loop, one alone uses it. 0; -errno: the kernel does not watch the descriptor at
 * present (ENOMEM, ENOSPC), or never will (EPERM: files and directories, with epoll). It is added all the same, and
 * tried again before each wait; loop_del takes it back. */
int loop_add(struct loop *l, struct loop_io *io);
/* The same for an owner who can do without: where it is not watched at once it is not added. */
int loop_try(struct loop *l, struct loop_io *io);
/* Before its descriptor is closed. Allowed for one that is not added, and from any callback. */
void loop_del(struct loop *l, struct loop_io *io);
void loop_want(struct loop *l, struct loop_io *io, short want);

/* As if it had been ready when this turn began; for one of an order whose time is yet to come. */
void loop_poke(struct loop *l, struct loop_io *io, short got);

void loop_timer_set(
    struct loop *l, struct loop_timer *t, int64_t due_ms); /* starts it, or moves it */
void loop_timer_stop(struct loop *l, struct loop_timer *t);

static inline bool
loop_timer_runs(const struct loop_timer *t)
{
	return t->slot != 0;
}

/* free_fn(object) at the end of the present turn, so that no callback finds its own object gone. */
void loop_defer(struct loop *l, void (*free_fn)(void *), void *object);

void loop_run(struct loop *l); /* turns until loop_stop */
void loop_turn(struct loop *l,
    int timeout_ms); /* one turn; waits at most that long (-1: until something happens) */
void loop_stop(struct loop *l);

#endif
