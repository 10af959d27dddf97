/* SPDX-License-Identifier: MIT */
#include "run/accept.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rate.h"
#include "policy/ban.h"
#include "run/activity.h"
#include "run/datagram.h"
#include "run/linger.h"
#include "run/pool.h"
#include "run/service.h"
#include "run/services.h"
#include "run/socket.h"
#include "run/trace.h"

#define FORK_TRIES        3u
#define FORK_RETRY_MS     1000
#define DATAGRAMS_A_TURN  16u
/* Of clients of a pool: as long as workers are free, none of them waits for another turn of the loop. */
#define ACCEPTS_A_TURN    16u
#define ACCEPT_MESSAGE_MS 5000
#define ACCEPT_FAILURES   8u
#define ACCEPT_PAUSE_MS   200

_Static_assert(VERDICT_MAX <= COUNTERS_REASONS, "every verdict is counted");

enum accept_action { ACCEPT_AGAIN, ACCEPT_REST, ACCEPT_REPAIR };

/* accept(2), "Error handling": whatever is not here is trouble of one client's network and passes with it. */
static const struct {
	int error;
	enum accept_action action;
} accept_errors[] = {
	{ EMFILE, ACCEPT_REST },
	{ ENFILE, ACCEPT_REST },
	{ ENOBUFS, ACCEPT_REST },
	{ ENOMEM, ACCEPT_REST },
	{ EINVAL, ACCEPT_REPAIR },
	{ EBADF, ACCEPT_REPAIR },
	{ ENOTSOCK, ACCEPT_REPAIR },
};

static void
say_accept_failed(struct listener *l, int error)
{
	unsigned left_out;

	if (rate_allows(&l->accept_rate, clock_now_ms(), ACCEPT_MESSAGE_MS, &left_out))
		log_warn("event=accept-failed service=%s address=%s error=\"%s\" left-out=%u",
		    l->role.conf->id, l->key, strerror(error), left_out);
}

static void
accept_failed(struct listener *l, int error)
{
	enum accept_action action = ACCEPT_AGAIN;

	for (size_t i = 0; i < ARRAY_LEN(accept_errors); i++)
		if (accept_errors[i].error == error)
			action = accept_errors[i].action;
	if (action == ACCEPT_REST)
		services_rest(l->runtime, error);
	else if (action == ACCEPT_REPAIR)
		listener_repair(l);
	else if (error == ECONNABORTED)
		l->role.service->counters.aborted++;
	else if (error != EAGAIN && error != EINTR) {
		/* Most errors take their client out of the queue; one that does not must not spin. */
		if (++l->accept_failures >= ACCEPT_FAILURES)
			listener_back_off(l, clock_now_ms() + ACCEPT_PAUSE_MS);
		say_accept_failed(l, error);
	}
}

static void
refuse(struct service *s, struct connection *c, enum verdict v)
{
	s->counters.refused[v]++;
	activity_fail(s, verdict_reason(v), &c->peer, c->id);
	if (s->watchers > 0)
		trace_verdict(s, c->id, "refused and closed", v);
	linger_close(c->fd);
}

static void
give_up(struct service *s, struct connection *c)
{
	s->counters.failed++;
	activity_fail(s, "fork", &c->peer, c->id);
	TRACE(s, c->id, "given up and closed: no process could be made for it");
	linger_close(c->fd);
}

static bool
is_banned(const struct service *s, const struct addr *peer, int64_t now_ms)
{
	struct bans *bans = s->runtime->bans;

	return bans != NULL && bans_hit(bans, peer, now_ms);
}

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
		l->pending = *c;
		listener_hold(l, HOLD_FORK);
		loop_timer_set(s->runtime->loop, &l->timer, clock_now_ms() + FORK_RETRY_MS);
		return;
	}
	l->tries = 0;
	give_up(s, c);
}

static void
serve(struct listener *l, struct connection *c)
{
	int r = service_start(l->role.service, NULL, c);

	if (r < 0) {
		wait_for_fork(l, c, -r);
		return;
	}
	linger_close(c->fd);
	l->tries = 0;
}

/* daytime and time: one small answer into an empty socket buffer, which cannot block. */
static void
answer(struct service *s, struct connection *c)
{
	char text[BUILTIN_ANSWER_SIZE];
	size_t len = s->plan->builtin->answer(text, sizeof(text), clock_wall());

	s->counters.answered++;
	activity_start(s, 0, &c->peer, c->id);
	histogram_add(&s->counters.start, clock_now_us() - c->accepted_us);
	TRACE(s, c->id, "answered by the daemon itself, and closed");
	(void)!send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(c->fd, SHUT_WR);
	/* What the client has sent already would turn the close into a reset that overtakes the answer. */
	(void)!recv(c->fd, text, sizeof(text), MSG_DONTWAIT | MSG_TRUNC);
	linger_close(c->fd);
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
	if (l->bound.len != 0 && !addr_is_any(&l->bound)) {
		c->local = l->bound;
		return true;
	}
	return getsockname(c->fd, &c->local.u.sa, &c->local.len) == 0;
}

/* From here on the client is ours: it is served, refused, or waits for a fork. */
static void
take(struct listener *l, struct connection *c, enum verdict v)
{
	struct service *s = l->role.service;

	if (is_banned(s, &c->peer, c->accepted_us / 1000))
		v = VERDICT_BANNED;
	log_debug("event=accepted service=%s address=%s conn=%llu verdict=%s running=%u",
	    s->conf->id, l->key, (unsigned long long)c->id, verdict_reason(v), s->running);
	if ((v == VERDICT_OK || v == VERDICT_LATER) && conf_has_pool(s->conf)) {
		l->tries = 0;
		pool_serve(s->pool, c);
		return;
	}
	if (v == VERDICT_OK && (s->plan->builtin == NULL || s->plan->builtin->answer == NULL)) {
		serve(l, c);
		return;
	}
	l->tries = 0; /* they are those of one client */
	if (v != VERDICT_OK)
		refuse(s, c, v);
	else
		answer(s, c);
}

static void
came(struct service *s, struct connection *c)
{
	s->counters.accepted++;
	s->counters.latest_ms = clock_wall_ms();
	c->accepted_us = clock_now_us();
}

/* False if nobody was there. */
static bool
accept_one(struct listener *l, enum verdict v)
{
	struct service *s = l->role.service;
	struct connection c = { .peer.len = sizeof(c.peer.u), .local.len = sizeof(c.local.u) };

	if (l->is_shared) {
		socket_set_blocking(l->io.fd, false);
		c.fd = linger_accept(l->io.fd, &c.peer.u.sa, &c.peer.len);
	} else {
		c.fd = accept4(l->io.fd, &c.peer.u.sa, &c.peer.len, SOCK_CLOEXEC);
		if (c.fd < 0)
			c.fd = -errno;
	}
	if (c.fd < 0) {
		accept_failed(l, -c.fd);
		return false;
	}
	l->accept_failures = 0;
	came(s, &c);
	if (is_aborted(c.fd) || !find_local(l, &c)) {
		s->counters.aborted++;
		TRACE(s, 0, "a client on %s had gone before it was accepted: closed", l->key);
		linger_close(c.fd);
		return true;
	}
	addr_canonical(&c.peer);
	addr_canonical(&c.local);
	c.id = ++s->runtime->connections;
	TRACE(s, c.id, "accepted on %s from %s", l->key, trace_peer(&c.peer));
	take(l, &c, v);
	return true;
}

/* The settings may have changed since the client was accepted. */
static void
retry(struct listener *l)
{
	struct connection c = l->pending;

	l->pending.fd = -1;
	listener_release(l, HOLD_FORK);
	if (l->role.conf->wait || l->role.conf->socket_type == SOCK_DGRAM) {
		l->tries = 0;
		give_up(l->role.service, &c);
	} else
		take(l, &c, service_admits(l->role.service));
}

static void
drop(struct listener *l)
{
	give_up(l->role.service, &l->pending);
	l->pending.fd = -1;
}

/* The program gets the listening socket itself. Of a datagram the first sender is known; one of somebody who is banned is
 * thrown away. */
static void
start_waiting(struct listener *l)
{
	struct service *s = l->role.service;
	struct connection c = {
		.fd = l->io.fd, .peer.len = sizeof(c.peer.u), .local.len = sizeof(c.local.u)
	};
	char byte;
	int r;

	if (s->conf->socket_type != SOCK_DGRAM ||
	    recvfrom(c.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, &c.peer.u.sa, &c.peer.len) < 0)
		c.peer.len = 0;
	if (getsockname(c.fd, &c.local.u.sa, &c.local.len) < 0)
		c.local.len = 0;
	addr_canonical(&c.peer);
	came(s, &c);
	if (is_banned(s, &c.peer, c.accepted_us / 1000)) {
		(void)!recv(c.fd, &byte, 1, MSG_DONTWAIT);
		s->counters.refused[VERDICT_BANNED]++;
		TRACE(s, 0, "a datagram from %s was thrown away: banned", trace_peer(&c.peer));
		return;
	}
	c.id = ++s->runtime->connections;
	TRACE(s, c.id, "somebody is there on %s: its program gets the socket", l->key);
	r = service_start(s, l, &c);
	if (r < 0) {
		log_warn("event=fork-failed service=%s error=\"%s\"", s->conf->id, strerror(-r));
		listener_back_off(l, clock_now_ms() + FORK_RETRY_MS);
	}
}

static void
on_datagram(const struct addr *peer, void *arg)
{
	struct service *s = arg;

	s->counters.accepted++;
	s->counters.answered++;
	s->counters.latest_ms = clock_wall_ms();
	activity_start(s, 0, peer, ++s->runtime->connections);
	TRACE(s, s->runtime->connections, "a datagram from %s was answered by the daemon itself",
	    trace_peer(peer));
}

static bool
is_own(const struct addr *peer, void *arg)
{
	const struct service *s = arg;

	return services_have_port(peer, s->runtime);
}

/* Nothing is said of it: whoever sends datagrams can write any address into them. */
static bool
is_refused(const struct addr *peer, void *arg)
{
	struct service *s = arg;

	if (!is_banned(s, peer, clock_now_ms()))
		return false;
	s->counters.accepted++;
	s->counters.refused[VERDICT_BANNED]++;
	TRACE(s, 0, "a datagram from %s was thrown away: banned", trace_peer(peer));
	return true;
}

static void
answer_datagrams(struct listener *l)
{
	struct service *s = l->role.service;
	const struct datagram_rules rules = {
		.is_refused = is_refused, .is_own = is_own, .on_answer = on_datagram, .arg = s
	};

	datagram_serve(l->io.fd, s->plan->builtin, &rules, DATAGRAMS_A_TURN, clock_wall());
}

/* Where clients queue instead of being refused, the limit is looked at before anybody is taken from the queue. */
static bool
must_queue(struct listener *l, enum verdict v)
{
	struct service *s = l->role.service;

	if (v == VERDICT_LATER) {
		if (s->watchers > 0)
			trace_verdict(s, 0, "a client waits in the queue", v);
		listener_hold(l, HOLD_POOL);
		return true;
	}
	if (v == VERDICT_OK || (!s->conf->wait && s->conf->on_limit != CONF_QUEUE) ||
	    (v == VERDICT_EXEC && !s->conf->wait))
		return false;
	if (s->watchers > 0)
		trace_verdict(s, 0, "a client waits in the queue", v);
	if (v == VERDICT_EXEC)
		listener_back_off(l, s->start_failures.until_ms);
	else {
		listener_hold(l, HOLD_FULL);
		s->runtime->has_waiting |= v == VERDICT_PROCESS_LIMIT;
	}
	return true;
}

static void
accept_clients(struct listener *l)
{
	struct service *s = l->role.service;
	/* One that may block is asked only when somebody is known to be there. */
	unsigned left = conf_has_pool(s->conf) && !l->is_shared ? ACCEPTS_A_TURN : 1;
	enum verdict v;

	do
		v = service_admits(s);
	while (!must_queue(l, v) && accept_one(l, v) && --left > 0 && l->holds == 0 &&
	       pool_has_idle(s->pool));
}

static void
ready(struct loop_io *io, short got)
{
	struct listener *l = io->arg;
	const struct service *s = l->role.service;

	if ((got & POLLIN) == 0)
		listener_repair(l);
	else if (s->plan->builtin != NULL && s->conf->socket_type == SOCK_DGRAM)
		answer_datagrams(l);
	else if (conf_shares_listeners(s->conf))
		pool_settle(s->pool); /* it was bound later than the others */
	else if (!s->conf->wait)
		accept_clients(l);
	else if (!must_queue(l, service_admits(l->role.service)))
		start_waiting(l);
}

const struct listener_handler accept_handler = { .ready = ready, .retry = retry, .drop = drop };
