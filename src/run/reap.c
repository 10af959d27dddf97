/* SPDX-License-Identifier: MIT */
#include "run/reap.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "run/service.h"
#include "run/services.h"

/* How many are reaped in a turn: when thousands end together others are served meanwhile. */
#define REAP_A_TURN   64
/* After a search among all that found nobody none for so many times as long as it took, or, where clients wait for a place, for
 * fewer; no longer than this, whatever else may have kept us from ending it. */
#define SEARCH_FACTOR 200
#define WANTED_FACTOR 10
#define REST_MOST_US  100000
/* So many in a row that live end a search among the youngest, and so long there is none after it. */
#define YOUNG_ALIVE   32
#define YOUNG_REST_US 4000
/* A service with more servers is none with few. */
#define OWN_MOST      32

static void
ended(struct runtime *rt, pid_t pid, int status, const struct rusage *usage)
{
	struct server *s = servers_find(rt->servers, pid);
	int64_t kill_ms = s != NULL ? s->kill_ms : 0;

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

/* All these return how many more may be reaped in this turn. */

static unsigned
reap_any(struct runtime *rt, unsigned most)
{
	while (most > 0 && reap_one(rt, -1))
		most--;
	return most;
}

static unsigned
reap_young(struct runtime *rt, unsigned most)
{
	struct server *s = servers_latest(rt->servers);

	for (unsigned alive = 0; s != NULL && alive < YOUNG_ALIVE && most > 0;) {
		struct server *before = servers_before(s);

		if (reap_one(rt, s->pid)) {
			alive = 0;
			most--;
		} else
			alive++;
		s = before;
	}
	return most;
}

/* No search among all before. */
static int64_t
all_us(const struct reaper *r)
{
	const int64_t rest_us = r->took_us * (r->is_wanted ? WANTED_FACTOR : SEARCH_FACTOR);

	return r->ended_us + (rest_us < REST_MOST_US ? rest_us : REST_MOST_US);
}

static unsigned
reap_among_all(struct runtime *rt, unsigned most)
{
	struct reaper *r = &rt->reaper;

	for (; most > 0; most--) {
		const int64_t begun_us = clock_now_us();

		if (reap_one(rt, -1))
			continue;
		r->ended_us = clock_now_us();
		r->took_us = r->ended_us - begun_us;
		r->is_wanted = false;
		break;
	}
	return most;
}

/* Each kind when its time has come. */
static unsigned
reap_many(struct runtime *rt, unsigned most)
{
	struct reaper *r = &rt->reaper;
	const int64_t now_us = clock_now_us();
	int64_t next_us = r->young_us;

	if (now_us >= r->young_us) {
		most = reap_young(rt, most);
		r->young_us = most > 0 ? now_us + YOUNG_REST_US : 0;
		next_us = all_us(r);
		if (now_us >= next_us)
			return reap_among_all(rt, most);
	}
	if (most > 0)
		loop_timer_set(rt->loop, &r->timer, next_us / 1000 + 1);
	return most;
}

static void
search(struct runtime *rt)
{
	const unsigned left =
	    rt->running < REAP_MANY ? reap_any(rt, REAP_A_TURN) : reap_many(rt, REAP_A_TURN);

	if (left == 0)
		loop_timer_set(rt->loop, &rt->reaper.timer, clock_now_ms() + 1);
}

void
reap(struct runtime *rt, pid_t pid)
{
	unsigned running = rt->running;

	if (pid > 0) {
		rt->reaper.signals++;
		reap_one(rt, pid);
	}
	search(rt);
	if (rt->running != running)
		services_have_room(rt);
}

bool
reap_want(struct runtime *rt)
{
	struct reaper *r = &rt->reaper;

	r->is_wanted = true;
	if (!loop_timer_runs(&r->timer) || clock_now_us() < all_us(r))
		return false;
	r->young_us = 0;
	loop_timer_set(rt->loop, &r->timer, 0);
	return true;
}

/* One connection each: an end changes no pool, no listener that waits and no dialog that somebody may be about to use, and the service
 * stays. */
static bool
has_few(const struct service *s)
{
	return s->running <= OWN_MOST && !s->is_gone && !s->conf->wait &&
	       s->conf->socket_type != SOCK_DGRAM && s->pool == NULL;
}

bool
reap_own(struct service *s)
{
	struct runtime *rt = s->runtime;
	const unsigned running = s->running;

	if (s->asked == rt->reaper.signals || !loop_timer_runs(&rt->reaper.timer) || !has_few(s))
		return false;
	s->asked = rt->reaper.signals;
	for (struct server *server = LIST_FIRST(&s->servers), *next; server != NULL;
	     server = next) {
		next = LIST_NEXT(server, in_service);
		reap_one(rt, server->pid);
	}
	if (s->running == running)
		return false;
	services_have_room(rt);
	return true;
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
	rt->reaper = (struct reaper){
		.timer = { .fn = on_timer, .arg = rt },
		.signals = 1,
	};
}

void
reaper_done(struct runtime *rt)
{
	loop_timer_stop(rt->loop, &rt->reaper.timer);
}
