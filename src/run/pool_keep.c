/* SPDX-License-Identifier: MIT */
#include "run/pool_keep.h"

#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "run/pool.h"
#include "run/service.h"

/* After a worker could not be started for want of memory, processes or descriptors. */
#define START_RETRY_MS 1000
#define MESSAGE_MS     5000
/* How long a worker that was of no use says something about its program. */
#define FAILURE_MS     10000
/* How long the first worker of new settings is watched before the old ones go. */
#define PROBE_MS       1000
/* Spare workers are counted this often while there is traffic. */
#define SHRINK_MS      1000

void
pool_wake(struct pool *p, int64_t due_ms)
{
	struct runtime *rt = p->service->runtime;

	if (due_ms >= p->due_ms || rt->is_stopping)
		return;
	p->due_ms = due_ms;
	loop_timer_set(rt->loop, &p->timer, due_ms);
}

static struct pool_load
load_of(const struct pool *p)
{
	return (struct pool_load){
		.workers = pool_workers(p),
		.idle = p->count[WORKER_IDLE],
		.leaving = p->leaving_count,
		/* Those that listeners hold back are not counted by anybody; one of them is enough. */
		.waiting = p->waiting_count + (p->is_holding && p->count[WORKER_IDLE] == 0),
	};
}

static bool
may_start(struct pool *p, int64_t now_ms)
{
	const struct service *s = p->service;

	if (p->is_closed || (conf_shares_listeners(s->conf) && p->shared_count == 0))
		return false;
	if (throttle_pauses(&s->start_failures, now_ms)) {
		pool_wake(p, s->start_failures.until_ms);
		return false;
	}
	if (p->start_ms > now_ms) {
		pool_wake(p, p->start_ms);
		return false;
	}
	return true;
}

/* True if one more worker is there. */
static bool
start(struct pool *p, int64_t now_ms)
{
	struct service *s = p->service;
	unsigned left_out;
	int r = worker_start(p);

	if (r == 0)
		return true;
	if (rate_allows(&p->start_rate, now_ms, MESSAGE_MS, &left_out))
		log_warn("event=fork-failed service=%s error=\"%s\" left-out=%u", s->conf->id,
		    s->runtime->running >= s->runtime->max_servers
			? "max_servers programs are running"
			: strerror(-r),
		    left_out);
	p->start_ms = now_ms + START_RETRY_MS;
	pool_wake(p, p->start_ms);
	return false;
}

/* One line for what has come or gone since the last one; a worker that only took another's place is not worth one. */
static void
say_size(struct pool *p)
{
	unsigned workers = pool_workers(p), before = p->logged_workers;

	p->logged_workers = workers;
	if (workers > before)
		log_info("event=pool-grown service=%s started=%u workers=%u idle=%u",
		    p->service->conf->id, workers - before, workers, p->count[WORKER_IDLE]);
	else if (workers < before)
		log_info("event=pool-shrunk service=%s ended=%u workers=%u idle=%u",
		    p->service->conf->id, before - workers, workers, p->count[WORKER_IDLE]);
}

/* Starts what is needed for this load and allowed now. */
static void
grow_for(struct pool *p, const struct pool_load *load, int64_t now_ms)
{
	int64_t again_ms;
	unsigned n;

	if (!may_start(p, now_ms))
		return;
	n = pool_growth(&p->rule, load, &p->pace, now_ms, &again_ms);
	pool_wake(p, again_ms);
	while (n > 0 && start(p, now_ms))
		n--;
	if (pool_workers(p) > p->logged_workers)
		say_size(p);
}

static void
grow(struct pool *p, int64_t now_ms)
{
	const struct pool_load load = load_of(p);

	grow_for(p, &load, now_ms);
}

bool
pool_keep_start_one(struct pool *p)
{
	struct pool_load load = load_of(p);

	load.waiting = load.idle + 1;
	grow_for(p, &load, clock_now_ms());
	return p->count[WORKER_IDLE] > 0;
}

void
pool_keep_spare(struct pool *p)
{
	if (p->rule.mode != POOL_DYNAMIC || p->count[WORKER_IDLE] >= p->rule.min_spare ||
	    pool_workers(p) >= p->rule.max)
		return;
	/* A fresh process was used up, and needs a successor whether spare ones suffice or not. */
	if (p->service->conf->pool_exec == CONF_POOL_FRESH)
		pool_keep_start_one(p);
	else
		pool_wake(p, clock_now_ms());
}

void
pool_keep_idle(struct pool *p)
{
	int64_t later_ms =
	    p->rule.idle_timeout_ms < SHRINK_MS ? p->rule.idle_timeout_ms : SHRINK_MS;

	if (p->rule.mode != POOL_STATIC)
		pool_wake(p, clock_now_ms() + later_ms);
}

/* The worker that has been idle longest. Those that were never of use stand last, in the order of their start. */
static struct worker *
longest_idle(const struct pool *p)
{
	return TAILQ_LAST(&p->workers[WORKER_IDLE], worker_list);
}

static void
shrink(struct pool *p, int64_t now_ms)
{
	bool has_shrunk = false;
	struct worker *w;

	if (p->outdated > 0)
		return; /* one more than usual is there while they are replaced */
	while ((w = longest_idle(p)) != NULL) {
		struct pool_load load = load_of(p);
		int64_t again_ms;

		load.idle_ms = w->since_ms;
		if (!pool_shrinks(&p->rule, &load, &p->pace, now_ms, &again_ms)) {
			pool_wake(p, again_ms);
			break;
		}
		worker_retire(w);
		has_shrunk = true;
	}
	if (has_shrunk)
		say_size(p);
}

static struct worker *
outdated_worker(const struct pool *p)
{
	static const enum worker_state order[] = { WORKER_IDLE, WORKER_BUSY, WORKER_SENT };
	struct worker *w;

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		TAILQ_FOREACH_REVERSE(w, &p->workers[order[i]], worker_list, link)
		{
			if (w->is_outdated)
				return w;
		}
	}
	return NULL;
}

/* A pool of changing size that has idle workers enough gives one up without another. */
static bool
needs_successor(const struct pool *p)
{
	if (p->rule.mode == POOL_STATIC)
		return pool_workers(p) <= p->rule.max;
	return p->rule.mode == POOL_DYNAMIC && p->count[WORKER_IDLE] <= p->rule.min_spare;
}

/* While new workers fail the old ones stay, and while many of the old ones have not ended yet no more are asked to. */
static bool
may_replace(struct pool *p, int64_t now_ms)
{
	const struct throttle *failures = &p->service->start_failures;
	bool is_failing = failures->failures > 0 && now_ms - failures->window_start_ms < FAILURE_MS;

	if (p->replace_ms > now_ms) {
		pool_wake(p, p->replace_ms);
		return false;
	}
	if (is_failing)
		p->is_probed = false;
	if (is_failing || !may_start(p, now_ms)) {
		pool_wake(p, now_ms + START_RETRY_MS);
		return false;
	}
	return true;
}

/* As long as so many have not ended yet, only idle ones are replaced: they make room for their successors themselves. */
static bool
is_crowded(const struct pool *p)
{
	return p->leaving_count >= p->rule.max;
}

static void
replace_one(struct pool *p, int64_t now_ms)
{
	bool has_successor = needs_successor(p) && !is_crowded(p);
	struct worker *w;

	if (has_successor && !start(p, now_ms))
		return;
	w = outdated_worker(p);
	if (w != NULL && (w->state == WORKER_IDLE || !is_crowded(p)))
		worker_retire(w);
	if (!has_successor)
		p->logged_workers = pool_workers(p);
	p->replace_ms = now_ms + 1000 / (int64_t)p->service->conf->pool_spawn_rate;
	if (p->outdated > 0)
		pool_wake(p, p->replace_ms);
	else
		log_info("event=pool-replaced service=%s workers=%u", p->service->conf->id,
		    pool_workers(p));
}

/* One at a time, so that the others serve meanwhile. The first of the new ones must live for a while before any old one
 * goes. */
static void
replace(struct pool *p, int64_t now_ms)
{
	if (p->outdated == 0 || !may_replace(p, now_ms))
		return;
	if (p->is_probed || is_crowded(p)) {
		replace_one(p, now_ms);
		return;
	}
	/* One more than usual may be there already, of a replacement that was begun and is out of date itself by now. */
	if (pool_workers(p) <= p->rule.max && !start(p, now_ms))
		return;
	p->is_probed = true;
	p->replace_ms = now_ms + PROBE_MS;
	pool_wake(p, p->replace_ms);
}

/* A plain program that never sends its byte is taken to have its last connection for ever. */
static bool
is_overdue(struct worker *w, int64_t now_ms)
{
	int64_t due_ms = w->busy_ms + w->pool->service->conf->pool_request_timeout_ms;

	if (w->state != WORKER_BUSY)
		return false;
	pool_wake(w->pool, due_ms > now_ms ? due_ms : INT64_MAX);
	return due_ms <= now_ms;
}

static void
end_overdue(struct pool *p, struct worker_list *list, int64_t now_ms)
{
	struct worker *w, *next;

	for (w = TAILQ_FIRST(list); w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->end > WORKER_ASKED || !is_overdue(w, now_ms))
			continue;
		p->counters.timed_out++;
		worker_signal(w, "it kept one connection longer than pool_request_timeout");
	}
}

static void
end_leaving(struct pool *p, int64_t now_ms)
{
	struct worker *w;

	TAILQ_FOREACH(w, &p->leaving, link)
		worker_end_further(w, now_ms);
}

static void
look_at(struct worker_list *list, int64_t now_ms)
{
	struct worker *w, *next;

	for (w = TAILQ_FIRST(list); w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		worker_look(w, now_ms);
	}
}

/* The service is switched off: the pool ends when nobody waits for a worker any more. */
static void
end_if_off(struct pool *p, int64_t now_ms)
{
	if (!p->service->is_off || p->is_closed)
		return;
	if (TAILQ_EMPTY(&p->waiting))
		pool_close(p);
	else
		pool_wake(p, now_ms + START_RETRY_MS);
}

void
pool_keep(struct pool *p)
{
	int64_t now = clock_now_ms();

	if (p->service->runtime->is_stopping)
		return;
	end_if_off(p, now);
	if (!p->is_closed) {
		replace(p, now);
		grow(p, now);
		shrink(p, now);
		pool_has_room(p);
		/* Clients of a program that cannot be started do not wait until it is tried again. */
		if (pool_workers(p) == 0 && throttle_pauses(&p->service->start_failures, now))
			pool_give_up_waiting(p);
	}
}

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	struct pool *p = t->arg;

	p->due_ms = INT64_MAX;
	look_at(&p->workers[WORKER_SENT], now_ms);
	/* Some may have another one waiting behind. */
	if (p->service->conf->pool_protocol == CONF_POOL_PLAIN && !p->sends_bytes)
		look_at(&p->workers[WORKER_BUSY], now_ms);
	look_at(&p->leaving, now_ms);
	if (p->service->conf->pool_request_timeout_ms > 0) {
		end_overdue(p, &p->workers[WORKER_BUSY], now_ms);
		end_overdue(p, &p->leaving, now_ms);
	}
	end_leaving(p, now_ms);
	pool_look_at_queue(p, now_ms);
	pool_keep(p);
}

void
pool_keep_init(struct pool *p)
{
	p->due_ms = INT64_MAX;
	p->timer = (struct loop_timer){ .fn = on_timer, .arg = p };
}
