/* SPDX-License-Identifier: MIT */
#include "run/lobby.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/mem.h"
#include "net/linger.h"
#include "run/activity.h"
#include "run/banner.h"
#include "run/door.h"
#include "run/pool.h"
#include "run/trace.h"

/* Guests have at most one part in so many of all descriptors. */
#define DESCRIPTOR_PARTS 8

struct guest {
	struct lobby *lobby;
	struct service *service;
	struct connection c;
	struct banners *banners;
	size_t sent;
	struct loop_io io;
	int64_t until_ms;
	TAILQ_ENTRY(guest) link;
};

struct lobby {
	struct runtime *runtime;
	TAILQ_HEAD(, guest) guests; /* the one that came first, first */
	unsigned count;
	unsigned most;           /* of them */
	struct loop_timer timer; /* for the first */
};

static void
set_timer(struct lobby *lobby)
{
	const struct guest *first = TAILQ_FIRST(&lobby->guests);

	if (first != NULL)
		loop_timer_set(lobby->runtime->loop, &lobby->timer, first->until_ms);
	else
		loop_timer_stop(lobby->runtime->loop, &lobby->timer);
}

/* Somebody who waited for a place may have this one. */
static void
make_room(struct service *s)
{
	struct listener *l;

	TAILQ_FOREACH(l, &s->listeners, link)
		listener_release(l, HOLD_FULL);
	if (s->pool != NULL)
		pool_has_room(s->pool);
}

/* Its connection is the caller's. */
static struct connection
leave(struct guest *g)
{
	struct lobby *lobby = g->lobby;
	struct connection c = g->c;

	loop_del(lobby->runtime->loop, &g->io);
	TAILQ_REMOVE(&lobby->guests, g, link);
	lobby->count--;
	g->service->greeted--;
	door_leave(g->service, &c.peer);
	banners_leave(g->banners);
	loop_defer(lobby->runtime->loop, free, g);
	set_timer(lobby);
	return c;
}

static void
give_up(struct guest *g)
{
	struct service *s = g->service;
	struct connection c = leave(g);

	s->counters.aborted++;
	activity_fail(s, "banner", &c.peer, c.id);
	TRACE(s, c.id, "given up and closed: it has not taken its banner");
	linger_close(c.fd);
}

/* For good: somebody else of its service may come. */
static void
send_away(struct guest *g)
{
	struct service *s = g->service;

	give_up(g);
	make_room(s);
}

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	struct lobby *lobby = t->arg;
	struct guest *first;

	while ((first = TAILQ_FIRST(&lobby->guests)) != NULL && first->until_ms <= now_ms)
		send_away(first);
	set_timer(lobby);
}

/* Bytes that the socket takes now; -1: it has gone. */
static ssize_t
send_some(int fd, const struct banner_text *text, size_t from)
{
	ssize_t n = send(fd, text->bytes + from, text->len - from, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static void
on_ready(struct loop_io *io, short got)
{
	struct guest *g = io->arg;
	struct service *s = g->service;
	ssize_t n = (got & (POLLERR | POLLHUP)) != 0
			? -1
			: send_some(io->fd, &g->banners->success, g->sent);

	if (n < 0) {
		send_away(g);
		return;
	}
	g->sent += (size_t)n;
	if (g->sent == g->banners->success.len) {
		struct connection c = leave(g);

		s->runtime->handler->greeted(s, &c);
		/* It may have been refused now, or answered at once: then no end of a program makes room. */
		make_room(s);
	}
}

struct lobby *
lobby_new(struct runtime *rt)
{
	struct lobby *lobby = mem_alloc(sizeof(*lobby));

	lobby->runtime = rt;
	lobby->most = descriptor_share(DESCRIPTOR_PARTS, LOBBY_MOST);
	TAILQ_INIT(&lobby->guests);
	lobby->timer = (struct loop_timer){ .fn = on_timer, .arg = lobby };
	return lobby;
}

void
lobby_free(struct lobby *lobby)
{
	if (lobby == NULL)
		return;
	while (!TAILQ_EMPTY(&lobby->guests))
		give_up(TAILQ_FIRST(&lobby->guests));
	free(lobby);
}

/* One user of the banners is its own. */
static void
take_in(struct service *s, const struct connection *c, struct banners *banners, size_t sent,
    int64_t until_ms)
{
	struct lobby *lobby = s->runtime->lobby;
	struct guest *g = mem_alloc(sizeof(*g));

	if (lobby->count == lobby->most)
		send_away(TAILQ_FIRST(&lobby->guests));
	g->lobby = lobby;
	g->service = s;
	g->c = *c;
	g->banners = banners;
	g->sent = sent;
	g->until_ms = until_ms;
	g->io = (struct loop_io){
		.fd = c->fd, .want = POLLOUT, .order = LOOP_PIPES, .fn = on_ready, .arg = g
	};
	loop_add(s->runtime->loop, &g->io);
	TAILQ_INSERT_TAIL(&lobby->guests, g, link);
	lobby->count++;
	s->greeted++;
	door_enter(s, &c->peer);
	set_timer(lobby);
	TRACE(s, c->id, "waits for its client to take the banner: %zu of %zu bytes are sent", sent,
	    g->banners->success.len);
}

bool
lobby_greet(struct service *s, struct connection *c)
{
	const struct banner_text *text = &s->banners->success;
	ssize_t n = text->len > 0 ? send_some(c->fd, text, 0) : 0;

	/* One that has gone is found out by whoever serves it. */
	if (n < 0 || (size_t)n == text->len)
		return true;
	s->banners->users++;
	take_in(s, c, s->banners, (size_t)n, clock_now_ms() + LOBBY_WAIT_MS);
	return false;
}

void
lobby_clear(struct service *s)
{
	struct guest *g, *next;

	for (g = TAILQ_FIRST(&s->runtime->lobby->guests); g != NULL && s->greeted > 0; g = next) {
		next = TAILQ_NEXT(g, link);
		if (g->service == s)
			give_up(g);
	}
}

void
lobby_count(struct service *s)
{
	const struct guest *g;

	TAILQ_FOREACH(g, &s->runtime->lobby->guests, link)
		if (g->service == s)
			door_enter(s, &g->c.peer);
}

void
lobby_each(const struct service *s, void (*fn)(const struct lobby_guest *g, void *arg), void *arg)
{
	const struct guest *g;

	TAILQ_FOREACH(g, &s->runtime->lobby->guests, link) {
		const struct lobby_guest out = {
			.c = g->c,
			.text = g->banners->success.bytes + g->sent,
			.len = g->banners->success.len - g->sent,
			.due_ms = g->until_ms,
		};

		if (g->service == s)
			fn(&out, arg);
	}
}

void
lobby_adopt(struct service *s, const struct lobby_guest *as)
{
	struct banners *rest = mem_alloc(sizeof(*rest));

	rest->users = 1;
	rest->success.bytes = mem_dupn(as->text, as->len);
	rest->success.len = as->len;
	take_in(s, &as->c, rest, 0, as->due_ms);
}
