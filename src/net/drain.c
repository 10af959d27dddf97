/* SPDX-License-Identifier: MIT */
#include "net/drain.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "net/linger.h"

/* Read in one turn at most, in bytes: nobody who sends without end gets more of the daemon's time. */
#define PIECE_SIZE 65536
#define PIECES     4

/* They may have one part in so many of all descriptors. */
#define DESCRIPTOR_PARTS 8

struct drain {
	struct drains *owner;
	struct loop_io io;
	char *text; /* what the socket has not taken yet */
	size_t len, sent;
	int64_t due_ms;
	bool is_shut;   /* in our direction */
	bool has_ended; /* in the other */
	TAILQ_ENTRY(drain) by_age, by_due;
};

TAILQ_HEAD(drain_list, drain);

struct drains {
	struct loop *loop;
	struct loop_timer timer;          /* of the one that is due first */
	struct drain_list by_age, by_due; /* the oldest first, the first that is due first */
	unsigned count, most;
	size_t bytes; /* of all texts */
};

static void
set_timer(struct drains *d)
{
	const struct drain *first = TAILQ_FIRST(&d->by_due);

	if (first == NULL)
		loop_timer_stop(d->loop, &d->timer);
	else
		loop_timer_set(d->loop, &d->timer, first->due_ms);
}

static void
free_text(struct drain *c)
{
	c->owner->bytes -= c->len;
	free(c->text);
	c->text = NULL;
	c->len = c->sent = 0;
}

static void
remove_drain(struct drain *c)
{
	struct drains *d = c->owner;

	TAILQ_REMOVE(&d->by_age, c, by_age);
	TAILQ_REMOVE(&d->by_due, c, by_due);
	d->count--;
	loop_del(d->loop, &c->io);
	linger_close(c->io.fd);
	free_text(c);
	loop_defer(d->loop, free, c);
}

/* False: the connection is broken. */
static bool
send_text(struct drain *c)
{
	while (c->sent < c->len) {
		ssize_t n = send(
		    c->io.fd, c->text + c->sent, c->len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->sent += (size_t)n;
	}
	free_text(c);
	if (!c->is_shut && shutdown(c->io.fd, SHUT_WR) < 0)
		return false;
	c->is_shut = true;
	return true;
}

/* False: the connection is broken. TCP throws the bytes away without copying them. */
static bool
read_on(struct drain *c)
{
	static char away[PIECE_SIZE];

	for (unsigned i = 0; i < PIECES && !c->has_ended; i++) {
		ssize_t n = recv(c->io.fd, away, sizeof(away), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->has_ended = n == 0;
	}
	return true;
}

/* What can be done at once. False: it is over. */
static bool
go_on(struct drain *c)
{
	if (!send_text(c) || !read_on(c) || (c->is_shut && c->has_ended))
		return false;
	c->io.want = (short)((c->is_shut ? 0 : POLLOUT) | (c->has_ended ? 0 : POLLIN));
	return true;
}

static void
on_ready(struct loop_io *io, short got)
{
	struct drain *c = io->arg;
	struct drains *d = c->owner;

	(void)got;
	if (go_on(c)) {
		loop_want(d->loop, io, io->want);
		return;
	}
	remove_drain(c);
	set_timer(d);
}

static void
on_due(struct loop_timer *t, int64_t now_ms)
{
	struct drains *d = t->arg;
	struct drain *c;

	while ((c = TAILQ_FIRST(&d->by_due)) != NULL && c->due_ms <= now_ms)
		remove_drain(c);
	set_timer(d);
}

struct drains *
drains_new(struct loop *loop)
{
	struct drains *d = mem_alloc(sizeof(*d));

	d->loop = loop;
	d->most = descriptor_share(DESCRIPTOR_PARTS, DRAINS_MOST);
	d->timer = (struct loop_timer){ .fn = on_due, .arg = d };
	TAILQ_INIT(&d->by_age);
	TAILQ_INIT(&d->by_due);
	return d;
}

void
drains_free(struct drains *d)
{
	if (d == NULL)
		return;
	while (!TAILQ_EMPTY(&d->by_age))
		remove_drain(TAILQ_FIRST(&d->by_age));
	loop_timer_stop(d->loop, &d->timer);
	free(d);
}

/* Nearly always the last: the time is the same for most. */
static void
insert_by_due(struct drains *d, struct drain *c)
{
	struct drain *before = TAILQ_LAST(&d->by_due, drain_list);

	while (before != NULL && before->due_ms > c->due_ms)
		before = TAILQ_PREV(before, drain_list, by_due);
	if (before != NULL)
		TAILQ_INSERT_AFTER(&d->by_due, before, c, by_due);
	else
		TAILQ_INSERT_HEAD(&d->by_due, c, by_due);
}

static struct drain *
add_drain(struct drains *d, int fd, int64_t time_ms)
{
	struct drain *c = mem_alloc(sizeof(*c));
	int high = descriptor_high(fd);

	if (d->count == d->most)
		remove_drain(TAILQ_FIRST(&d->by_age));
	c->owner = d;
	c->io = (struct loop_io){
		.fd = high >= 0 ? high : fd, .order = LOOP_PIPES, .fn = on_ready, .arg = c
	};
	c->due_ms = clock_now_ms() + time_ms;
	TAILQ_INSERT_TAIL(&d->by_age, c, by_age);
	insert_by_due(d, c);
	d->count++;
	return c;
}

static void
give_text(struct drain *c, const char *text, size_t len)
{
	if (text == NULL || len == 0)
		return;
	c->text = mem_dupn(text, len);
	c->len = len;
	c->owner->bytes += len;
}

/* The latest one stays, however much it is to be sent. */
static void
bound_bytes(struct drains *d)
{
	const struct drain *latest = TAILQ_LAST(&d->by_age, drain_list);
	struct drain *c, *next;

	for (c = TAILQ_FIRST(&d->by_age); d->bytes > DRAINS_MOST_BYTES && c != latest; c = next) {
		next = TAILQ_NEXT(c, by_age);
		if (c->len > 0)
			remove_drain(c);
	}
}

void
drains_add(struct drains *d, int fd, const char *text, size_t len, int64_t time_ms)
{
	struct drain *c = add_drain(d, fd, time_ms);

	give_text(c, text, len);
	if (!go_on(c) || loop_add(d->loop, &c->io) == -EPERM)
		remove_drain(c);
	bound_bytes(d);
	set_timer(d);
}

unsigned
drains_count(const struct drains *d)
{
	return d->count;
}

void
drains_each(
    const struct drains *d, void (*fn)(const struct drain_state *state, void *arg), void *arg)
{
	const struct drain *c;

	TAILQ_FOREACH(c, &d->by_age, by_age) {
		const struct drain_state state = {
			.fd = c->io.fd,
			.text = c->text != NULL ? c->text + c->sent : "",
			.len = c->len - c->sent,
			.due_ms = c->due_ms,
		};

		fn(&state, arg);
	}
}
