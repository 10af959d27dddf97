/* SPDX-License-Identifier: MIT */
/* From an accepted client to a worker that is free. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/linger.h"
#include "net/socket.h"
#include "run/activity.h"
#include "run/door.h"
#include "run/pool.h"
#include "run/pool_keep.h"
#include "run/service.h"
#include "run/trace.h"

/* A client who came back from this many workers is given up. */
#define HAND_TRIES      3u
/* After passing has failed for want of something that the whole machine shares. */
#define PASS_RETRY_MS   100
#define MESSAGE_MS      5000
#define FULL_MESSAGE_MS 60000
/* How long the queue of a full pool may go unseen. */
#define FULL_LOOK_MS    1000

unsigned
pool_workers(const struct pool *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(p->count); i++)
		n += p->count[i];
	return n;
}

unsigned
pool_busy(const struct pool *p)
{
	return p->count[WORKER_SENT] + p->count[WORKER_BUSY] + p->leaving_busy;
}

static void
count_in(struct pool *p, const struct worker *w, int by)
{
	if (w->list == &p->leaving) {
		p->leaving_count += (unsigned)by;
		p->leaving_busy += w->state != WORKER_IDLE ? (unsigned)by : 0;
	} else {
		p->count[w->state] += (unsigned)by;
		p->outdated += w->is_outdated ? (unsigned)by : 0;
	}
}

void
pool_forget(struct worker *w)
{
	if (w->list == NULL)
		return;
	count_in(w->pool, w, -1);
	TAILQ_REMOVE(w->list, w, link);
	w->list = NULL;
}

/* Idle workers that were of use lately are asked first: what they need is at hand, and the others may end. */
void
pool_place(struct worker *w, enum worker_state state)
{
	struct pool *p = w->pool;
	bool is_leaving = w->list == &p->leaving;

	pool_forget(w);
	w->state = state;
	w->list = is_leaving ? &p->leaving : &p->workers[state];
	if (state == WORKER_IDLE && w->has_taken && !is_leaving)
		TAILQ_INSERT_HEAD(w->list, w, link);
	else
		TAILQ_INSERT_TAIL(w->list, w, link);
	count_in(p, w, 1);
}

void
pool_place_leaving(struct worker *w)
{
	struct pool *p = w->pool;

	if (w->list == &p->leaving)
		return;
	pool_forget(w);
	w->list = &p->leaving;
	TAILQ_INSERT_TAIL(w->list, w, link);
	count_in(p, w, 1);
}

static struct worker *
idle_worker(const struct pool *p)
{
	return TAILQ_FIRST(&p->workers[WORKER_IDLE]);
}

bool
pool_has_idle(const struct pool *p)
{
	return idle_worker(p) != NULL;
}

static bool
is_full(const struct pool *p)
{
	unsigned workers = pool_workers(p);

	return workers >= p->rule.max || workers + p->leaving_count >= 2 * p->rule.max;
}

/* Why a client can be served neither now nor in a moment; VERDICT_LATER: it can. */
static enum verdict
refusal(const struct pool *p)
{
	const struct service *s = p->service;

	if (is_full(p))
		return VERDICT_SERVICE_LIMIT;
	if (s->runtime->running >= s->runtime->max_servers)
		return VERDICT_PROCESS_LIMIT;
	if (pool_workers(p) == 0 && throttle_pauses(&s->start_failures, clock_now_ms()))
		return VERDICT_EXEC;
	return VERDICT_LATER;
}

/* Programs that never send their byte: the one that was handed its connection longest ago, and has nothing waiting. Whether
 * it is free can only be seen by its taking the next. */
static struct worker *
silent_worker(const struct pool *p)
{
	struct worker *w;

	if (p->service->conf->pool_protocol != CONF_POOL_PLAIN || p->sends_bytes ||
	    refusal(p) == VERDICT_LATER)
		return NULL;
	TAILQ_FOREACH(w, &p->workers[WORKER_BUSY], link)
		if (w->protocol == CHANNEL_PLAIN && w->channel.fd >= 0 && w->next.c.fd < 0)
			return w;
	return NULL;
}

static void
say_pass_failed(struct pool *p, int error)
{
	unsigned left_out;

	if (rate_allows(&p->start_rate, clock_now_ms(), MESSAGE_MS, &left_out))
		log_warn("event=pass-failed service=%s error=\"%s\" left-out=%u",
		    p->service->conf->id, strerror(error), left_out);
}

/* What a failed hand-over says of the worker. True if another worker may have more luck. */
static bool
blame(struct worker *w, int error)
{
	struct pool *p = w->pool;

	switch (error) {
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
	case EAGAIN:
		/* Its end is closed, or it has stopped reading what must fit in: it is of no use. */
		worker_retire(w);
		w->is_dismissed = false;
		return true;
	default:
		/* ETOOMANYREFS, ENOBUFS, ENOMEM: not the worker's fault, and the same with others. */
		say_pass_failed(p, error);
		TRACE(p->service, 0,
		    "a connection cannot be passed: %s; nobody is handed over for %d ms",
		    strerror(error), PASS_RETRY_MS);
		p->pass_ms = clock_now_ms() + PASS_RETRY_MS;
		return false;
	}
}

/* Passing has failed a moment ago. */
static bool
must_rest(struct pool *p)
{
	if (p->pass_ms > clock_now_ms())
		return true;
	p->pass_ms = 0;
	return false;
}

/* True if some worker has got the client. */
static bool
hand(struct pool *p, const struct client *client)
{
	struct worker *w;

	if (p->pass_ms != 0 && must_rest(p))
		return false;
	while ((w = idle_worker(p)) != NULL || (w = silent_worker(p)) != NULL) {
		int r = worker_hand(w, client);

		if (r == 0)
			return true;
		if (!blame(w, -r))
			return false;
	}
	return false;
}

static void
hold_listeners(struct pool *p)
{
	struct listener *l;

	p->is_holding = true;
	TAILQ_FOREACH(l, &p->service->listeners, link)
		listener_hold(l, HOLD_POOL);
}

static void
wait_for_worker(struct pool *p, const struct client *client)
{
	struct client *waiting = mem_alloc(sizeof(*waiting));
	int64_t now = clock_now_ms();

	*waiting = *client;
	TAILQ_INSERT_TAIL(&p->waiting, waiting, link);
	p->waiting_count++;
	TRACE(p->service, client->c.id, "waits for a worker: %u are there, none is free; %u wait",
	    pool_workers(p), p->waiting_count);
	hold_listeners(p);
	pool_wake(p, p->pass_ms > now ? p->pass_ms : now);
}

static void
give_up(struct pool *p, const struct client *client)
{
	p->counters.given_up++;
	door_leave(p->service, &client->c.peer);
	activity_fail(p->service, "worker", &client->c.peer, client->c.id);
	TRACE(p->service, client->c.id,
	    "given up and closed: %u of %u workers did not take it, %u are left", client->tries,
	    HAND_TRIES, pool_workers(p));
	/* A process that a worker left behind may have it, too, and never look at it. */
	shutdown(client->c.fd, SHUT_RDWR);
	linger_close(client->c.fd);
}

void
pool_give_up_waiting(struct pool *p)
{
	struct client *client;

	while ((client = TAILQ_FIRST(&p->waiting)) != NULL) {
		TAILQ_REMOVE(&p->waiting, client, link);
		p->waiting_count--;
		give_up(p, client);
		free(client);
	}
}

/* The client is out of the list while it is handed over: what a worker says meanwhile may lead here again. */
static bool
serve_first_waiting(struct pool *p)
{
	struct client *client = TAILQ_FIRST(&p->waiting);

	TAILQ_REMOVE(&p->waiting, client, link);
	if (!hand(p, client)) {
		TAILQ_INSERT_HEAD(&p->waiting, client, link);
		return false;
	}
	p->waiting_count--;
	free(client);
	return true;
}

static void
serve_waiting(struct pool *p)
{
	while (!TAILQ_EMPTY(&p->waiting) && serve_first_waiting(p))
		continue;
}

/* Clients that came meanwhile need not wait for the next turn of the loop. One that may block is not asked unless somebody
 * is known to be there. */
static void
release(struct listener *l)
{
	listener_release(l, HOLD_POOL);
	listener_release(l, HOLD_FULL);
	if (l->holds == 0 && !l->is_shared && listener_is_bound(l) && socket_is_ready(l->io.fd))
		loop_poke(l->runtime->loop, &l->io, POLLIN);
}

void
pool_has_room(struct pool *p)
{
	struct listener *l;

	serve_waiting(p);
	if (!TAILQ_EMPTY(&p->waiting) && p->pass_ms != 0)
		pool_wake(p, p->pass_ms);
	if (!p->is_holding || !TAILQ_EMPTY(&p->waiting) ||
	    (idle_worker(p) == NULL && silent_worker(p) == NULL))
		return;
	p->is_holding = false;
	TAILQ_FOREACH(l, &p->service->listeners, link)
		release(l);
}

static void
say_full(struct pool *p)
{
	unsigned left_out;

	if (rate_allows(&p->full_rate, clock_now_ms(), FULL_MESSAGE_MS, &left_out))
		log_warn("event=pool-full service=%s workers=%u busy=%u left-out=%u "
			 "reason=\"all workers are busy, and there are as many as may be\"",
		    p->service->conf->id, pool_workers(p), pool_busy(p), left_out);
}

/* Clients who wait in the queue of the kernel are seen by nobody else. */
void
pool_look_at_queue(struct pool *p, int64_t now_ms)
{
	struct listener *l;

	if (!p->is_holding || p->is_closed || !is_full(p))
		return;
	pool_wake(p, now_ms + FULL_LOOK_MS);
	TAILQ_FOREACH(l, &p->service->listeners, link) {
		if (listener_is_bound(l) && socket_is_ready(l->io.fd)) {
			say_full(p);
			return;
		}
	}
}

static enum verdict
find_worker(struct pool *p, bool starts)
{
	enum verdict v;

	if (!TAILQ_EMPTY(&p->waiting) || (p->pass_ms != 0 && must_rest(p))) {
		pool_wake(p, p->pass_ms);
		return VERDICT_LATER;
	}
	if (idle_worker(p) != NULL || (starts && pool_keep_start_one(p)) ||
	    silent_worker(p) != NULL)
		return VERDICT_OK;
	v = refusal(p);
	return v == VERDICT_LATER && !starts ? VERDICT_OK : v;
}

static enum verdict
look(struct pool *p, bool starts)
{
	const struct service_conf *conf = p->service->conf;
	enum verdict v = VERDICT_SERVICE_LIMIT;

	/* One that never says when it is free stands for one connection, however many it has had. */
	if (!p->is_closed &&
	    (service_connections(p->service) < conf->instances || silent_worker(p) != NULL))
		v = find_worker(p, starts);
	if (v == VERDICT_SERVICE_LIMIT)
		say_full(p);
	p->is_holding |= v == VERDICT_LATER || (v != VERDICT_OK && conf->on_limit == CONF_QUEUE);
	return v;
}

enum verdict
pool_prepare(struct pool *p)
{
	return look(p, true);
}

enum verdict
pool_look(struct pool *p)
{
	return look(p, false);
}

void
pool_serve(struct pool *p, const struct connection *c)
{
	const struct client client = { .c = *c };

	door_enter(p->service, &c->peer);

	if (!hand(p, &client))
		wait_for_worker(p, &client);
	else if (idle_worker(p) == NULL && p->service->conf->on_limit == CONF_QUEUE && is_full(p) &&
		 silent_worker(p) == NULL) {
		hold_listeners(p); /* to wake up for the next client would be in vain */
		pool_wake(p, clock_now_ms() + FULL_LOOK_MS);
	}
	pool_keep_spare(p);
}

void
pool_again(struct pool *p, const struct client *client)
{
	struct client next = *client;

	p->counters.again++;
	TRACE(p->service, client->c.id, "comes back: the worker has not taken it; try %u of %u",
	    client->tries + 1, HAND_TRIES);
	if (++next.tries >= HAND_TRIES || p->is_closed)
		give_up(p, &next);
	else if (!TAILQ_EMPTY(&p->waiting) || !hand(p, &next))
		wait_for_worker(p, &next);
}
