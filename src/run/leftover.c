/* SPDX-License-Identifier: MIT */
#include "run/leftover.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "net/drain.h"
#include "net/linger.h"
#include "run/server.h"

/* The time between two looks, which doubles from one to the next. */
#define FIRST_LOOK_MS   10
#define LONGEST_LOOK_MS 1000

/* They may have one part in so many of all descriptors. */
#define DESCRIPTOR_PARTS 8

struct entry {
	struct leftover rest;
	int64_t look_ms, wait_ms; /* when it is looked at next, and the time since the last look */
	int64_t close_ms;         /* until when its connection is kept */
	TAILQ_ENTRY(entry) link;
};

struct leftovers {
	struct loop *loop;
	struct servers *servers;
	struct drains *drains;
	struct loop_timer timer;
	TAILQ_HEAD(, entry) entries; /* the oldest first */
	unsigned count, most;
};

/* The number of a group is given to nobody else while something of it is left: a program of ours that has it is another one. */
static bool
is_another(const struct leftovers *l, const struct leftover *rest)
{
	return servers_find(l->servers, rest->pgid) != NULL;
}

static bool
is_gone(const struct leftover *rest)
{
	return kill(-rest->pgid, 0) < 0 && errno == ESRCH;
}

static void
kill_group(const struct leftover *rest, const char *reason)
{
	if (kill(-rest->pgid, SIGKILL) == 0)
		log_warn("event=killed pid=%d reason=\"%s\"", (int)rest->pgid, reason);
}

static void
kill_if_due(struct leftover *rest, int64_t now_ms)
{
	if (rest->kill_ms == 0 || rest->kill_ms > now_ms)
		return;
	rest->kill_ms = 0;
	kill_group(rest, "its process group is still there after stop_grace");
}

static void
drain(struct leftovers *l, const struct leftover *rest)
{
	if (rest->fd != 0)
		drains_add(l->drains, rest->fd, NULL, 0, rest->linger_ms);
}

static void
remove_entry(struct leftovers *l, struct entry *e)
{
	TAILQ_REMOVE(&l->entries, e, link);
	l->count--;
	free(e);
}

static void
close_entry(struct leftovers *l, struct entry *e)
{
	if (e->rest.fd != 0)
		linger_close(e->rest.fd);
	remove_entry(l, e);
}

/* Nobody looks at it any more: what is to be killed at some time is killed now. */
static void
give_up(struct leftovers *l, struct entry *e)
{
	if (e->rest.kill_ms != 0 && !is_another(l, &e->rest))
		kill_group(&e->rest, "too many process groups wait to be killed");
	close_entry(l, e);
}

/* A service that something has started in the background may never end, and its client would wait for an end of what he reads. */
static void
close_if_due(struct entry *e, int64_t now_ms)
{
	if (e->rest.fd == 0 || e->close_ms > now_ms)
		return;
	linger_close(e->rest.fd);
	e->rest.fd = 0;
}

static int64_t
earlier(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

static void
look_again(struct entry *e, int64_t now_ms)
{
	e->wait_ms = earlier(2 * e->wait_ms, LONGEST_LOOK_MS);
	e->look_ms = now_ms + e->wait_ms;
	if (e->rest.kill_ms != 0)
		e->look_ms = earlier(e->look_ms, e->rest.kill_ms);
	if (e->rest.fd != 0)
		e->look_ms = earlier(e->look_ms, e->close_ms);
}

/* True if it is to be looked at again. */
static bool
look(struct leftovers *l, struct entry *e, int64_t now_ms)
{
	if (e->look_ms > now_ms)
		return true;
	if (is_gone(&e->rest) || is_another(l, &e->rest)) {
		drain(l, &e->rest);
		return false;
	}
	kill_if_due(&e->rest, now_ms);
	close_if_due(e, now_ms);
	if (e->rest.fd == 0 && e->rest.kill_ms == 0)
		return false;
	look_again(e, now_ms);
	return true;
}

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	struct leftovers *l = t->arg;
	int64_t next_ms = INT64_MAX;
	struct entry *e, *next;

	for (e = TAILQ_FIRST(&l->entries); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!look(l, e, now_ms))
			remove_entry(l, e);
		else if (e->look_ms < next_ms)
			next_ms = e->look_ms;
	}
	if (next_ms != INT64_MAX)
		loop_timer_set(l->loop, &l->timer, next_ms);
}

struct leftovers *
leftovers_new(struct loop *loop, struct servers *servers, struct drains *drains)
{
	struct leftovers *l = mem_alloc(sizeof(*l));

	*l = (struct leftovers){ .loop = loop, .servers = servers, .drains = drains };
	l->most = descriptor_share(DESCRIPTOR_PARTS, LEFTOVERS_MOST);
	l->timer = (struct loop_timer){ .fn = on_timer, .arg = l };
	TAILQ_INIT(&l->entries);
	return l;
}

void
leftovers_free(struct leftovers *l)
{
	if (l == NULL)
		return;
	while (!TAILQ_EMPTY(&l->entries))
		close_entry(l, TAILQ_FIRST(&l->entries));
	loop_timer_stop(l->loop, &l->timer);
	free(l);
}

void
leftovers_add(struct leftovers *l, const struct leftover *rest)
{
	const int64_t now_ms = clock_now_ms();
	struct entry *e;

	if (is_gone(rest)) {
		drain(l, rest);
		return;
	}
	if (l->count == l->most)
		give_up(l, TAILQ_FIRST(&l->entries));
	e = mem_alloc(sizeof(*e));
	*e = (struct entry){
		.rest = *rest, .wait_ms = FIRST_LOOK_MS / 2, .close_ms = now_ms + rest->linger_ms
	};
	look_again(e, now_ms);
	TAILQ_INSERT_TAIL(&l->entries, e, link);
	l->count++;
	if (!loop_timer_runs(&l->timer) || l->timer.due_ms > e->look_ms)
		loop_timer_set(l->loop, &l->timer, e->look_ms);
}

unsigned
leftovers_count(const struct leftovers *l)
{
	return l->count;
}

void
leftovers_each(
    const struct leftovers *l, void (*fn)(const struct leftover *rest, void *arg), void *arg)
{
	const struct entry *e;

	TAILQ_FOREACH(e, &l->entries, link)
		fn(&e->rest, arg);
}
