/* SPDX-License-Identifier: MIT */
#include "run/accept.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rate.h"
#include "net/linger.h"
#include "net/socket.h"
#include "run/activity.h"
#include "run/dialog.h"
#include "run/door.h"
#include "run/pool.h"
#include "run/service.h"
#include "run/services.h"
#include "run/take.h"
#include "run/trace.h"
#include "serve/datagram.h"

#define WAIT_RETRY_MS     1000
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

	if (rate_allows(
		&listener_trouble(l)->accept_rate, clock_now_ms(), ACCEPT_MESSAGE_MS, &left_out))
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

/* The socket of a client, or -errno. */
static int
accept_socket(struct listener *l, struct addr *peer)
{
	int fd;

	peer->len = sizeof(peer->u);
	if (l->is_shared) {
		socket_set_blocking(l->io.fd, false);
		return linger_accept(l->io.fd, &peer->u.sa, &peer->len);
	}
	fd = accept4(l->io.fd, &peer->u.sa, &peer->len, SOCK_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* False if nobody was there. */
static bool
accept_one(struct listener *l, enum verdict v)
{
	struct service *s = l->role.service;
	struct connection c = { .peer.len = sizeof(c.peer.u) };

	c.fd = accept_socket(l, &c.peer);
	if (c.fd < 0) {
		accept_failed(l, -c.fd);
		return false;
	}
	l->accept_failures = 0;
	take_arrived(s, &c);
	addr_canonical(&c.peer);
	c.id = ++s->runtime->connections;
	TRACE(s, c.id, "accepted on %s from %s", l->key, trace_peer(&c.peer));
	take_client(s, l, &c, v);
	return true;
}

static void
drop(struct listener *l)
{
	struct connection c = listener_take_pending(l);

	take_give_up(l->role.service, &c);
}

static void
find_first_sender(const struct service *s, struct connection *c)
{
	char byte;

	if (s->conf->socket_type != SOCK_DGRAM ||
	    recvfrom(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, &c->peer.u.sa, &c->peer.len) < 0)
		c->peer.len = 0;
	if (getsockname(c->fd, &c->local.u.sa, &c->local.len) < 0)
		c->local.len = 0;
	addr_canonical(&c->peer);
}

/* The one at the head of the queue, whom nobody is going to serve. */
static void
send_away(struct listener *l, const struct connection *first, enum verdict v)
{
	struct service *s = l->role.service;
	struct connection c = *first;
	char byte;

	if (s->conf->socket_type == SOCK_DGRAM) {
		(void)!recv(c.fd, &byte, 1, MSG_DONTWAIT);
		accept_refuse_datagram(s, &c.peer, v);
		return;
	}
	c.fd = accept_socket(l, &c.peer);
	if (c.fd < 0) {
		accept_failed(l, -c.fd);
		return;
	}
	addr_canonical(&c.peer);
	c.id = ++s->runtime->connections;
	take_refuse(s, l, &c, v);
}

/* The program gets the listening socket itself. Of a datagram the first sender is known. */
static void
start_waiting(struct listener *l)
{
	struct service *s = l->role.service;
	struct connection c = {
		.fd = l->io.fd, .peer.len = sizeof(c.peer.u), .local.len = sizeof(c.local.u)
	};
	enum verdict v;
	int r;

	find_first_sender(s, &c);
	take_arrived(s, &c);
	v = service_asks_who(s) ? service_judge(s, &c.peer) : VERDICT_OK;
	if (v != VERDICT_OK) {
		send_away(l, &c, v);
		return;
	}
	c.id = ++s->runtime->connections;
	TRACE(s, c.id, "somebody is there on %s: its program gets the socket", l->key);
	r = service_start(s, l, &c);
	if (r < 0) {
		log_warn("event=fork-failed service=%s error=\"%s\"", s->conf->id, strerror(-r));
		listener_back_off(l, clock_now_ms() + WAIT_RETRY_MS);
	}
}

void
accept_refuse_datagram(struct service *s, const struct addr *peer, enum verdict v)
{
	s->counters.refused[v]++;
	TRACE(s, 0, "a datagram from %s was thrown away: %s", trace_peer(peer), verdict_reason(v));
	if (s->refusals == NULL)
		s->refusals = mem_alloc(sizeof(*s->refusals));
	if (v != VERDICT_BANNED && refusals_allow(s->refusals, peer, clock_now_ms()))
		activity_fail(s, verdict_reason(v), peer, ++s->runtime->connections);
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

static bool
is_refused(const struct addr *peer, void *arg)
{
	struct service *s = arg;
	enum verdict v;

	if (!service_asks_who(s))
		return false;
	v = service_judge(s, peer);
	if (v == VERDICT_OK)
		return false;
	s->counters.accepted++;
	accept_refuse_datagram(s, peer, v);
	return true;
}

static void
answer_datagrams(struct listener *l)
{
	struct service *s = l->role.service;
	const struct datagram_rules rules = {
		.is_refused = is_refused, .is_own = is_own, .on_answer = on_datagram, .arg = s
	};

	/* One that is to wait for a token must not be taken out of the queue. */
	bool is_one = s->conf->rate.count > 0 && s->conf->on_limit == CONF_QUEUE;

	if (s->door != NULL && door_must_wait(s->door, clock_now_ms()))
		return;
	datagram_serve(
	    l->io.fd, s->plan->builtin, &rules, is_one ? 1 : DATAGRAMS_A_TURN, clock_wall());
}

/* A place may be free of which nobody has told yet: the client stays in the queue for a turn. */
static bool
may_have_room(struct service *s, enum verdict v)
{
	return verdict_is_full(v) && !conf_has_pool(s->conf) && reap_want(s->runtime);
}

static void
accept_clients(struct listener *l)
{
	struct service *s = l->role.service;
	/* One that may block is asked only when somebody is known to be there. Of the others the queue is looked at, too: an
	 * accept that finds nobody costs more than one that succeeds, and ten times what it costs to look. */
	unsigned left = conf_has_pool(s->conf) && !l->is_shared ? ACCEPTS_A_TURN : 1;
	enum verdict v;

	do {
		v = service_looks(s);
		if (may_have_room(s, v))
			return;
	} while (!take_must_queue(l, v) && accept_one(l, v) && --left > 0 && l->holds == 0 &&
		 pool_has_idle(s->pool) && socket_is_ready(l->io.fd));
}

static void
queue_or_start(struct listener *l)
{
	if (!take_must_queue(l, service_admits(l->role.service)))
		start_waiting(l);
}

static void
take_datagrams(struct listener *l)
{
	const struct service *s = l->role.service;

	if ((s->conf->flags & CONF_FLAG_SENSOR) != 0)
		start_waiting(l); /* nobody who sends is let in */
	else if (s->plan->builtin != NULL)
		answer_datagrams(l);
	else if (conf_has_dialogs(s->conf))
		dialogs_take(l);
	else
		queue_or_start(l);
}

static void
ready(struct loop_io *io, short got)
{
	struct listener *l = io->arg;
	const struct service *s = l->role.service;

	if ((got & POLLIN) == 0)
		listener_repair(l);
	else if (s->conf->socket_type == SOCK_DGRAM)
		take_datagrams(l);
	else if (conf_shares_listeners(s->conf))
		pool_settle(s->pool); /* it was bound later than the others */
	else if (!s->conf->wait)
		accept_clients(l);
	else
		queue_or_start(l);
}

const struct listener_handler accept_handler = {
	.ready = ready, .retry = take_pending, .drop = drop, .greeted = take_greeted
};
