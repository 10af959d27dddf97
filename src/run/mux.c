/* SPDX-License-Identifier: MIT */
#include "run/mux.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/mem.h"
#include "net/drain.h"
#include "net/linger.h"
#include "run/accept.h"
#include "run/activity.h"
#include "run/door.h"
#include "run/trace.h"

/* How long a client that is refused may take to read why. */
#define GOODBYE_MS       5000
/* Clients without a service may have one part in so many of all descriptors. */
#define DESCRIPTOR_PARTS 4

struct asker {
	struct mux *mux;
	struct service *service;
	struct connection c;
	struct loop_io io;
	struct loop_timer timer;
	int64_t due_ms;
	char line[MUX_LINE];
	size_t len;
	TAILQ_ENTRY(asker) link;
};

struct mux {
	struct runtime *runtime;
	unsigned most;              /* clients at a time */
	TAILQ_HEAD(, asker) askers; /* the one that came first, first */
	unsigned count;
};

/* Why nobody is served, for the log and for the client. */
struct refusal {
	const char *reason, *answer;
};

static const struct refusal unavailable = { "unavailable", "-Service not available\r\n" };
static const struct refusal malformed = { "protocol", "-Not the name of a service\r\n" };
static const struct refusal too_late = { "timeout", "-No service was named\r\n" };

static void
say_goodbye(struct runtime *rt, int fd, const char *text)
{
	drains_add(rt->drains, fd, text, strlen(text), GOODBYE_MS);
}

/* ---- coming and leaving ---- */

/* Somebody who waited for a place may have this one. */
static void
make_room(struct service *s)
{
	struct listener *l;

	TAILQ_FOREACH(l, &s->listeners, link)
		listener_release(l, HOLD_FULL);
}

/* Its connection is the caller's. */
static struct connection
leave(struct asker *a)
{
	struct mux *m = a->mux;
	struct connection c = a->c;

	loop_del(m->runtime->loop, &a->io);
	loop_timer_stop(m->runtime->loop, &a->timer);
	TAILQ_REMOVE(&m->askers, a, link);
	m->count--;
	a->service->muxed--;
	door_leave(a->service, &c.peer);
	make_room(a->service);
	loop_defer(m->runtime->loop, free, a);
	return c;
}

static void
refuse(struct asker *a, const struct refusal *why)
{
	struct service *s = a->service;
	struct connection c = leave(a);

	s->counters.answered++;
	activity_fail(s, why->reason, &c.peer, c.id);
	TRACE(s, c.id, "refused by tcpmux and closed: %s", why->reason);
	say_goodbye(s->runtime, c.fd, why->answer);
}

static void
give_up(struct asker *a)
{
	struct service *s = a->service;
	struct connection c = leave(a);

	s->counters.aborted++;
	TRACE(s, c.id, "its client has gone without naming a service: closed");
	linger_close(c.fd);
}

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	(void)now_ms;
	refuse(t->arg, &too_late);
}

/* ---- what is asked for ---- */

static bool
is_on(const struct service *s)
{
	return conf_is_muxed(s->conf) && !s->is_off && !s->is_gone;
}

/* Its address is let in; whether it is served is another question. */
static bool
is_let_in(const struct service *s, const struct addr *peer)
{
	return s->door == NULL || door_judge_again(s->door, peer) != VERDICT_ADDRESS;
}

/* The first that lets the client in, or else the first; NULL: none has this name. */
static struct service *
find(struct runtime *rt, const char *name, const struct addr *peer)
{
	struct service *s, *found = NULL;

	TAILQ_FOREACH(s, &rt->services, link) {
		if (!is_on(s) || strcasecmp(s->conf->name, name) != 0)
			continue;
		if (is_let_in(s, peer))
			return s;
		if (found == NULL)
			found = s;
	}
	return found;
}

/* All that the client may ask for, one on a line; heap. */
static char *
list(const struct runtime *rt, const struct addr *peer, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	const struct service *s;

	if (out == NULL)
		log_fatal("event=out-of-memory what=\"a list of services\"");
	TAILQ_FOREACH(s, &rt->services, link)
		if (is_on(s) && is_let_in(s, peer))
			fprintf(out, "%s\r\n", s->conf->name);
	fclose(out);
	return text;
}

static void
help(struct asker *a)
{
	struct service *s = a->service;
	struct connection c = leave(a);
	size_t len = 0;
	char *text = list(s->runtime, &c.peer, &len);

	s->counters.answered++;
	TRACE(s, c.id, "was told what there is by tcpmux, and closed");
	drains_add(s->runtime->drains, c.fd, text, len, GOODBYE_MS);
	free(text);
}

/* From here on he is the other service's client, with the number that he has. */
static void
hand_over(struct asker *a, struct service *to)
{
	struct service *s = a->service;
	struct connection c = leave(a);

	s->counters.answered++;
	TRACE(s, c.id, "asked tcpmux for %s", to->conf->id);
	c.accepted_us = clock_now_us();
	accept_take(to, &c);
}

/* The line is complete, without its end. */
static void
ask(struct asker *a, const char *name)
{
	struct runtime *rt = a->mux->runtime;
	struct service *to;

	if (strcasecmp(name, "help") == 0) {
		help(a);
		return;
	}
	to = rt->is_stopping ? NULL : find(rt, name, &a->c.peer);
	if (to == NULL)
		refuse(a, &unavailable);
	else
		hand_over(a, to);
}

/* ---- the line ---- */

/* No control characters, but a carriage return at the end of what there is. */
static bool
is_clean(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && !(c == '\r' && i == len - 1)) || c == 0x7f)
			return false;
	}
	return true;
}

/* The line has grown. has_end: by its newline, too. */
static void
judge(struct asker *a, bool has_end)
{
	char name[MUX_LINE];
	size_t len = a->len - has_end;

	if (!is_clean(a->line, len) || (!has_end && len == sizeof(a->line))) {
		refuse(a, &malformed);
		return;
	}
	if (!has_end)
		return;
	if (len > 0 && a->line[len - 1] == '\r')
		len--;
	memcpy(name, a->line, len);
	name[len] = '\0';
	if (len == 0)
		refuse(a, &malformed);
	else
		ask(a, name);
}

/* Takes from the socket what belongs to the line, and leaves there what follows it: that is for the program. */
static void
on_ready(struct loop_io *io, short got)
{
	struct asker *a = io->arg;
	char *to = a->line + a->len;
	const char *end;
	ssize_t n = recv(io->fd, to, sizeof(a->line) - a->len, MSG_PEEK | MSG_DONTWAIT);

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		give_up(a);
		return;
	}
	end = memchr(to, '\n', (size_t)n);
	n = recv(io->fd, to, end != NULL ? (size_t)(end - to) + 1 : (size_t)n, MSG_DONTWAIT);
	if (n <= 0) {
		give_up(a);
		return;
	}
	a->len += (size_t)n;
	judge(a, a->line[a->len - 1] == '\n');
}

/* ---- who waits ---- */

static struct mux *
mux_of(struct runtime *rt)
{
	if (rt->mux == NULL) {
		rt->mux = mem_alloc(sizeof(*rt->mux));
		rt->mux->runtime = rt;
		rt->mux->most = descriptor_share(DESCRIPTOR_PARTS, MUX_MOST);
		TAILQ_INIT(&rt->mux->askers);
	}
	return rt->mux;
}

void
mux_adopt(struct service *s, const struct mux_waiting *w)
{
	struct mux *m = mux_of(s->runtime);
	struct asker *a = mem_alloc(sizeof(*a));

	a->mux = m;
	a->service = s;
	a->c = w->c;
	a->due_ms = w->due_ms;
	a->len = w->len < sizeof(a->line) ? w->len : sizeof(a->line) - 1;
	if (a->len > 0)
		memcpy(a->line, w->line, a->len);
	a->io = (struct loop_io){
		.fd = w->c.fd, .want = POLLIN, .order = LOOP_PIPES, .fn = on_ready, .arg = a
	};
	a->timer = (struct loop_timer){ .fn = on_timer, .arg = a };
	loop_add(m->runtime->loop, &a->io);
	loop_timer_set(m->runtime->loop, &a->timer, a->due_ms);
	TAILQ_INSERT_TAIL(&m->askers, a, link);
	m->count++;
	s->muxed++;
	door_enter(s, &w->c.peer);
}

void
mux_take(struct service *s, struct connection *c)
{
	struct mux *m = mux_of(s->runtime);
	struct asker *oldest = TAILQ_FIRST(&m->askers);
	int64_t wait_ms = s->conf->timeout_ms > 0 ? s->conf->timeout_ms : MUX_WAIT_MS;
	int high = descriptor_high(c->fd);
	struct mux_waiting w = { .due_ms = clock_now_ms() + wait_ms };

	if (high >= 0)
		c->fd = high;
	w.c = *c;
	/* Whoever sends his line at once is not kept out by those who never will. */
	if (m->count >= m->most && oldest != NULL)
		refuse(oldest, &too_late);
	activity_start(s, 0, &c->peer, c->id);
	histogram_add(&s->counters.start, clock_now_us() - c->accepted_us);
	mux_adopt(s, &w);
}

static void
clear(struct mux *m, const struct service *s)
{
	struct asker *a, *next;

	for (a = m != NULL ? TAILQ_FIRST(&m->askers) : NULL; a != NULL; a = next) {
		next = TAILQ_NEXT(a, link);
		if (s == NULL || a->service == s)
			refuse(a, &unavailable);
	}
}

void
mux_clear(struct service *s)
{
	if (s->muxed > 0)
		clear(s->runtime->mux, s);
}

void
mux_free(struct mux *m)
{
	clear(m, NULL);
	free(m);
}

void
mux_count(struct service *s)
{
	const struct asker *a;

	if (s->muxed == 0)
		return;
	TAILQ_FOREACH(a, &s->runtime->mux->askers, link)
		if (a->service == s)
			door_enter(s, &a->c.peer);
}

void
mux_each(const struct service *s, void (*fn)(const struct mux_waiting *w, void *arg), void *arg)
{
	const struct asker *a;

	if (s->muxed == 0)
		return;
	TAILQ_FOREACH(a, &s->runtime->mux->askers, link) {
		const struct mux_waiting w = {
			.c = a->c, .due_ms = a->due_ms, .line = a->line, .len = a->len
		};

		if (a->service == s)
			fn(&w, arg);
	}
}

/* ---- for services that are reached by their name ---- */

void
mux_welcome(const struct service *s, int fd)
{
	static const char yes[] = "+Go\r\n";

	/* The socket is new: there is room for so little. */
	if ((s->conf->type & CONF_TYPE_TCPMUXPLUS) != 0)
		(void)!send(fd, yes, sizeof(yes) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void
mux_refuse(const struct service *s, int fd)
{
	say_goodbye(s->runtime, fd, unavailable.answer);
}
