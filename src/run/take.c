/* SPDX-License-Identifier: MIT */
#include "run/take.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/drain.h"
#include "net/linger.h"
#include "run/accept.h"
#include "run/activity.h"
#include "run/banner.h"
#include "run/door.h"
#include "run/inside.h"
#include "run/lobby.h"
#include "run/mux.h"
#include "run/pool.h"
#include "run/sensor.h"
#include "run/service.h"
#include "run/trace.h"

#define FORK_TRIES    3u
#define FORK_RETRY_MS 1000
/* How long one who is refused may take over the text that says so. */
#define REFUSAL_MS    5000

void
take_arrived(struct service *s, struct connection *c)
{
	s->counters.accepted++;
	s->counters.latest_ms = clock_wall_ms();
	c->accepted_us = clock_now_us();
}

/* ---- nobody is served ---- */

/* Of a client whom no program has. Nor has any had his listener, from which what another program asks for might be inherited: then
 * the close cannot have to wait. l: NULL if that is not known. */
static void
close_ours(const struct listener *l, int fd)
{
	if (l != NULL && !l->is_shared)
		close(fd);
	else
		linger_close(fd);
}

/* Those who are shut out are told nothing: they cost as little as possible. */
static void
say_good_bye(struct service *s, const struct listener *l, int fd, enum verdict v)
{
	const struct banner_text *text = s->banners != NULL ? &s->banners->fail : NULL;

	if (conf_is_muxed(s->conf))
		mux_refuse(s, fd);
	else if (text == NULL || text->len == 0 || v == VERDICT_BANNED || v == VERDICT_SENSOR)
		close_ours(l, fd);
	else
		drains_add(s->runtime->drains, fd, text->bytes, text->len, REFUSAL_MS);
}

void
take_refuse(struct service *s, const struct listener *l, struct connection *c, enum verdict v)
{
	if (verdict_is_full(v) || v == VERDICT_SOURCE_LIMIT)
		reap_want(s->runtime);
	s->counters.refused[v]++;
	activity_fail(s, verdict_reason(v), &c->peer, c->id);
	trace_verdict(s, c->id, "refused and closed", v);
	if (v == VERDICT_SENSOR)
		sensor_hit(s, &c->peer);
	say_good_bye(s, l, c->fd, v);
}

void
take_give_up(struct service *s, struct connection *c)
{
	s->counters.failed++;
	activity_fail(s, "fork", &c->peer, c->id);
	TRACE(s, c->id, "given up and closed: no process could be made for it");
	linger_close(c->fd);
}

/* ---- somebody is served ---- */

/* The client is the listener's until a fork succeeds or the tries are used up; others wait in the backlog. */
static void
wait_for_fork(struct listener *l, struct connection *c, int error)
{
	struct service *s = l->role.service;

	if (l->tries == 0)
		log_warn("event=fork-failed service=%s error=\"%s\"", s->conf->id, strerror(error));
	TRACE(s, c->id, "no process could be made: %s; try %u of %u, the next in %d ms",
	    strerror(error), l->tries + 1,
	    (s->conf->flags & CONF_FLAG_NORETRY) == 0 ? FORK_TRIES : 1, FORK_RETRY_MS);
	if (++l->tries < FORK_TRIES && (s->conf->flags & CONF_FLAG_NORETRY) == 0) {
		listener_wait_for_fork(l, c, l->tries, clock_now_ms() + FORK_RETRY_MS);
		return;
	}
	l->tries = 0;
	take_give_up(s, c);
}

static void
fork_failed(struct service *s, struct listener *l, struct connection *c, int error)
{
	if (l != NULL) {
		wait_for_fork(l, c, error);
		return;
	}
	log_warn("event=fork-failed service=%s error=\"%s\"", s->conf->id, strerror(error));
	take_give_up(s, c);
}

static void
serve(struct service *s, struct listener *l, struct connection *c)
{
	int r = service_start(s, NULL, c);

	if (r < 0) {
		fork_failed(s, l, c, -r);
		return;
	}
	linger_close(c->fd);
	if (l != NULL)
		l->tries = 0;
}

/* daytime and time: one small answer into an empty socket buffer, which cannot block. */
static void
answer(struct service *s, const struct listener *l, struct connection *c)
{
	char text[BUILTIN_ANSWER_SIZE];
	size_t len = s->plan->builtin->answer(text, sizeof(text), clock_wall());

	s->counters.answered++;
	activity_start(s, 0, &c->peer, c->id);
	histogram_add(&s->counters.start, clock_now_us() - c->accepted_us);
	TRACE(s, c->id, "answered by the daemon itself, and closed");
	(void)!send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (s->conf->linger_ms > 0) {
		drains_add(s->runtime->drains, c->fd, NULL, 0, s->conf->linger_ms);
		return;
	}
	shutdown(c->fd, SHUT_WR);
	/* What the client has sent already would turn the close into a reset that overtakes the answer. */
	(void)!recv(c->fd, text, sizeof(text), MSG_DONTWAIT | MSG_TRUNC);
	close_ours(l, c->fd);
}

/* Nothing stands in its way any more. */
static void
let_in(struct service *s, struct listener *l, struct connection *c)
{
	if (l != NULL && (conf_has_pool(s->conf) || s->plan->builtin != NULL))
		l->tries = 0; /* they are those of one client */
	if (conf_has_pool(s->conf))
		pool_serve(s->pool, c);
	else if (inside_serve(s, c))
		return;
	else if (s->plan->builtin == NULL || s->plan->builtin->answer == NULL ||
		 s->plan->porter_gate != NULL)
		serve(s, l, c);
	else
		answer(s, l, c);
}

/* ---- judging ---- */

/* A worker for it is started only now that it is known to be wanted. */
static enum verdict
admit_now(struct service *s)
{
	return conf_has_pool(s->conf) ? pool_prepare(s->pool) : VERDICT_OK;
}

static bool
is_admitted(const struct service *s, enum verdict v)
{
	return v == VERDICT_OK || (v == VERDICT_LATER && conf_has_pool(s->conf));
}

enum verdict
take_sum(enum verdict judged, enum verdict admitted)
{
	if (judged == VERDICT_OK ||
	    (judged == VERDICT_SOURCE_LIMIT && admitted == VERDICT_SERVICE_LIMIT))
		return admitted;
	return judged;
}

/* A client that has sent a reset while it was queued needs no program. */
static bool
is_aborted(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0;
}

/* What the client has connected to: that of a listener for one address is known already. */
static bool
find_local(const struct listener *l, struct connection *c)
{
	if (l->bound != NULL && !addr_is_any(l->bound)) {
		c->local = *l->bound;
	} else {
		c->local.len = sizeof(c->local.u);
		if (getsockname(c->fd, &c->local.u.sa, &c->local.len) < 0)
			return false;
	}
	addr_canonical(&c->local);
	return true;
}

/* Of one who is to be served, and just accepted: those who are refused need not be asked. */
static bool
is_there(struct service *s, const struct listener *l, struct connection *c)
{
	if (!is_aborted(c->fd) && find_local(l, c))
		return true;
	s->counters.aborted++;
	TRACE(s, c->id, "it had gone before it was accepted: closed");
	linger_close(c->fd);
	return false;
}

static void
take(struct service *s, struct listener *l, struct connection *c, enum verdict v)
{
	log_debug("event=accepted service=%s address=%s conn=%llu verdict=%s running=%u",
	    s->conf->id, l != NULL ? l->key : "", (unsigned long long)c->id, verdict_reason(v),
	    s->running);
	if (!is_admitted(s, v)) {
		if (l != NULL)
			l->tries = 0;
		take_refuse(s, l, c, v);
		return;
	}
	if (l != NULL && !is_there(s, l, c))
		return;
	mux_welcome(s, c->fd);
	if (s->banners == NULL || lobby_greet(s, c))
		let_in(s, l, c);
}

void
take_client(struct service *s, struct listener *l, struct connection *c, enum verdict v)
{
	if (service_asks_who(s)) {
		v = take_sum(service_judge(s, &c->peer), v);
		if (v == VERDICT_OK)
			v = admit_now(s);
	}
	take(s, l, c, v);
}

/* Of one who was let in before: no tokens are taken again. */
static enum verdict
judge_again(struct service *s, const struct connection *c)
{
	enum verdict v = VERDICT_OK;

	if (service_is_banned(s, &c->peer))
		return VERDICT_BANNED;
	if (s->door != NULL)
		v = door_judge_again(s->door, &c->peer);
	return take_sum(v, v == VERDICT_OK ? service_admits(s) : v);
}

/* Others have come before it meanwhile and have all workers: where clients queue, it does. */
static bool
may_queue(const struct service *s, enum verdict v)
{
	return conf_has_pool(s->conf) && s->conf->on_limit == CONF_QUEUE && verdict_is_full(v);
}

/* It has seen its banner already. Under other settings there may be nobody any more who serves connections. */
static void
go_on(struct service *s, struct listener *l, struct connection *c)
{
	bool is_served = !s->conf->wait && s->conf->socket_type != SOCK_DGRAM;
	enum verdict v = is_served ? judge_again(s, c) : VERDICT_OK;

	if (is_served && (is_admitted(s, v) || may_queue(s, v))) {
		let_in(s, l, c);
		return;
	}
	if (l != NULL)
		l->tries = 0;
	if (is_served)
		take_refuse(s, l, c, v);
	else
		take_give_up(s, c);
}

void
take_pending(struct listener *l)
{
	struct service *s = l->role.service;
	struct connection c = listener_take_pending(l);

	listener_release(l, HOLD_FORK);
	go_on(s, l, &c);
}

void
take_greeted(struct service *s, struct connection *c)
{
	go_on(s, NULL, c);
}

void
accept_take(struct service *s, struct connection *c)
{
	take_arrived(s, c);
	if (c->id == 0)
		c->id = ++s->runtime->connections;
	take_client(s, NULL, c, s->is_off ? VERDICT_SERVICE_LIMIT : service_looks(s));
}

/* ---- queueing ---- */

static void
queue(struct listener *l, enum verdict v, enum listener_hold why)
{
	struct service *s = l->role.service;

	reap_want(s->runtime);
	trace_verdict(s, 0, "a client waits in the queue", v);
	listener_hold(l, why);
}

/* Where clients queue instead of being refused, the limit is looked at before anybody is taken from the queue. */
bool
take_must_queue(struct listener *l, enum verdict v)
{
	struct service *s = l->role.service;

	if (s->door != NULL && s->conf->rate.count > 0 && door_must_wait(s->door, clock_now_ms()))
		return true;
	if (v == VERDICT_LATER) {
		queue(l, v, HOLD_POOL);
		return true;
	}
	if (v == VERDICT_OK || (!s->conf->wait && s->conf->on_limit != CONF_QUEUE) ||
	    (v == VERDICT_EXEC && !s->conf->wait))
		return false;
	if (v == VERDICT_EXEC) {
		trace_verdict(s, 0, "a client waits in the queue", v);
		listener_back_off(l, s->start_failures.until_ms);
		return true;
	}
	queue(l, v, HOLD_FULL);
	s->runtime->has_waiting |= v == VERDICT_PROCESS_LIMIT;
	return true;
}
