/* SPDX-License-Identifier: MIT */
#include "run/reap.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/mem.h"
#include "run/service.h"
#include "run/services.h"

/* How many are reaped in a turn: when thousands end together others are served meanwhile. */
#define REAP_A_TURN   64
/* After a search among many none for so many times as long as it took; no longer than this, whatever else may have kept us from ending
 * it. */
#define SEARCH_FACTOR 100
#define REST_MOST_US  100000

/* The part of all descriptors that may watch. */
#define WATCHED_PART 4u

struct watched {
	struct runtime *runtime;
	struct server *server;
	struct loop_io io;
	TAILQ_ENTRY(watched) link;
};

/* ---- those that are watched ---- */

static void
stop_watching(struct watched *w)
{
	struct reaper *r = &w->runtime->reaper;

	loop_del(w->runtime->loop, &w->io);
	close(w->io.fd);
	TAILQ_REMOVE(&r->watched, w, link);
	r->watched_count--;
	w->server->watched = NULL;
	loop_defer(w->runtime->loop, free, w);
}

static void
on_end(struct loop_io *io, short got)
{
	struct watched *w = io->arg;
	struct runtime *rt = w->runtime;
	const pid_t pid = w->server->pid;

	(void)got;
	/* Once is enough: one that is traced cannot be reaped before its tracer lets go of it, of which a signal tells. */
	stop_watching(w);
	reap(rt, pid);
}

void
reap_expect(struct runtime *rt, struct server *s)
{
	struct reaper *r = &rt->reaper;
	struct watched *w;
	int fd;

	if (rt->running < REAP_WATCHES_FROM)
		return;
	if (r->watched_count >= descriptor_share(WATCHED_PART, REAP_WATCHES_MOST))
		stop_watching(TAILQ_FIRST(&r->watched));
	fd = descriptor_of_process(s->pid);
	if (fd < 0)
		return;
	w = mem_alloc(sizeof(*w));
	w->runtime = rt;
	w->server = s;
	w->io = (struct loop_io){
		.fd = fd, .want = POLLIN, .order = LOOP_SIGNALS, .fn = on_end, .arg = w
	};
	TAILQ_INSERT_TAIL(&r->watched, w, link);
	r->watched_count++;
	s->watched = w;
	if (loop_try(rt->loop, &w->io) < 0)
		stop_watching(w);
}

/* ---- reaping ---- */

static void
ended(struct runtime *rt, pid_t pid, int status, const struct rusage *usage)
{
	struct server *s = servers_find(rt->servers, pid);
	int64_t kill_ms = s != NULL ? s->kill_ms : 0;

	if (s != NULL && s->watched != NULL)
		stop_watching(s->watched);
	if (s != NULL)
		service_ended(s->service, s, status, usage);
	else {
		log_debug("event=orphan-reaped pid=%d", (int)pid);
		if (rt->on_stranger != NULL)
			rt->on_stranger(rt->on_stranger_arg, pid, status);
	}
	if (rt->is_stopping && rt->on_reaped != NULL)
		rt->on_reaped(rt->on_reaped_arg, pid, kill_ms);
}

/* False if there is none, or no such child, that has ended. pid: -1 for any. */
static bool
reap_one(struct runtime *rt, pid_t pid)
{
	struct rusage usage;
	int status;

	pid = wait4(pid, &status, WNOHANG, &usage);
	if (pid <= 0)
		return false;
	ended(rt, pid, status, &usage);
	return true;
}

/* While few run a search takes no time. */
static int64_t
rest_after(int64_t took_us)
{
	return took_us < REST_MOST_US / SEARCH_FACTOR ? took_us * SEARCH_FACTOR : REST_MOST_US;
}

static void
search(struct runtime *rt)
{
	struct reaper *r = &rt->reaper;
	const int64_t begun_us = clock_now_us();
	unsigned left = REAP_A_TURN;

	if (begun_us < r->rest_us) {
		loop_timer_set(rt->loop, &r->timer, r->rest_us / 1000 + 1);
		return;
	}
	while (left > 0 && reap_one(rt, -1))
		left--;
	if (left == 0)
		loop_timer_set(rt->loop, &r->timer, begun_us / 1000);
	else if (rt->running >= REAP_WATCHES_FROM)
		r->rest_us = begun_us + rest_after(clock_now_us() - begun_us);
}

void
reap(struct runtime *rt, pid_t pid)
{
	unsigned running = rt->running;

	if (pid > 0)
		reap_one(rt, pid);
	search(rt);
	if (rt->running != running)
		services_have_room(rt);
}

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	(void)now_ms;
	reap(t->arg, 0);
}

void
reaper_init(struct runtime *rt)
{
	TAILQ_INIT(&rt->reaper.watched);
	rt->reaper.timer = (struct loop_timer){ .fn = on_timer, .arg = rt };
}

void
reaper_done(struct runtime *rt)
{
	loop_timer_stop(rt->loop, &rt->reaper.timer);
	while (!TAILQ_EMPTY(&rt->reaper.watched))
		stop_watching(TAILQ_FIRST(&rt->reaper.watched));
}
