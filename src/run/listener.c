/* SPDX-License-Identifier: MIT */
#include "run/listener.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rate.h"
#include "net/inherit.h"
#include "net/socket.h"
#include "run/network_watch.h"
#include "run/runtime.h"
#include "run/server.h"
#include "run/trace.h"

#define RETRY_FIRST_MS   500
#define RETRY_LONGEST_MS 30000

/* Programs that end within this time and leave the queue as it was have not served. */
#define IDLE_END_MS     2000
#define IDLE_MESSAGE_MS 10000

/* A datagram that is still the first one was not read: its program pauses, ever longer. Of streams only the length of the
 * queue is known, and one that never gets shorter may just be refilled as fast as it is served: programs are then started
 * at a moderate pace, which neither stops those that serve nor lets the others take the processor. */
static const struct throttle_rule datagram_rule = {
	.max_failures = 5, .window_ms = 10000, .first_ms = 1000, .longest_ms = 60000
};
static const struct throttle_rule stream_rule = {
	.max_failures = 50, .window_ms = 10000, .first_ms = 50, .longest_ms = 50
};

/* For the first that applies. */
static const char *
hold_word(unsigned holds)
{
	static const struct {
		enum listener_hold hold;
		const char *word;
	} words[] = {
		{ HOLD_OFF, "switched off" },
		{ HOLD_PROGRAM, "held by its program" },
		{ HOLD_FULL, "full, clients queue" },
		{ HOLD_REST, "resting, out of descriptors or memory" },
		{ HOLD_FORK, "waiting for a fork" },
		{ HOLD_BACKOFF, "backing off" },
		{ HOLD_POOL, "all workers are busy, clients queue" },
		{ HOLD_CPS, "resting, too many connections a second (cps)" },
		{ HOLD_RATE, "waiting for the next token of rate, clients queue" },
		{ HOLD_SHARED, "its workers accept by themselves" },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (holds & words[i].hold)
			return words[i].word;
	return "nothing";
}

static void
say_hold(const struct listener *l, const char *event, const char *what, enum listener_hold why)
{
	log_debug("%s address=%s why=\"%s\"", event, l->key, hold_word(why));
	TRACE(l->role.service, 0, "%s on %s: %s", what, l->key, hold_word(why));
}

static void
update_watch(struct listener *l)
{
	if (listener_is_bound(l))
		loop_want(l->runtime->loop, &l->io, l->holds == 0 ? POLLIN : 0);
}

void
listener_hold(struct listener *l, enum listener_hold why)
{
	if ((l->holds & why) == 0)
		say_hold(l, "event=held", "nobody is accepted", why);
	l->holds |= why;
	update_watch(l);
}

void
listener_release(struct listener *l, enum listener_hold why)
{
	if ((l->holds & why) != 0)
		say_hold(l, "event=released", "released", why);
	l->holds &= ~(unsigned)why;
	update_watch(l);
}

/* The last client of a service that was switched off. */
static void
serve_last(struct listener *l)
{
	l->runtime->handler->retry(l);
	if (l->pending == NULL)
		listener_free(l);
}

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	struct listener *l = t->arg;

	(void)now_ms;
	if (!listener_is_bound(l) && (l->holds & HOLD_OFF) != 0)
		serve_last(l);
	else if (!listener_is_bound(l))
		listener_open_or_retry(l);
	else if (l->pending != NULL)
		l->runtime->handler->retry(l);
	else
		listener_release(l, HOLD_BACKOFF);
}

struct listener *
listener_new(struct runtime *rt, const struct listener_role *role, const char *key)
{
	struct listener *l = mem_alloc(sizeof(*l));

	l->runtime = rt;
	l->role = *role;
	l->key = mem_dup(key);
	l->is_shared = role->endpoint == NULL;
	l->io = (struct loop_io){
		.fd = -1, .order = LOOP_LISTENERS, .fn = rt->handler->ready, .arg = l
	};
	l->timer = (struct loop_timer){ .fn = on_timer, .arg = l };
	TAILQ_INSERT_TAIL(role->list, l, link);
	return l;
}

struct listener_trouble *
listener_trouble(struct listener *l)
{
	if (l->trouble == NULL)
		l->trouble = mem_alloc(sizeof(*l->trouble));
	return l->trouble;
}

/* Nearly always it is what the settings say, and there may be very many listeners. */
void
listener_set_bound(struct listener *l, const struct addr *bound)
{
	const struct addr *said = l->role.endpoint != NULL ? &l->role.endpoint->addr : NULL;
	struct addr *own = NULL;

	if (said == NULL || said->len != bound->len || memcmp(&said->u, &bound->u, said->len) != 0)
		said = NULL;
	if (said == NULL && bound->len != 0) {
		own = mem_alloc(sizeof(*own));
		*own = *bound;
	}
	free(l->own_bound);
	l->own_bound = own;
	l->bound = own != NULL ? own : said;
}

void
listener_adopt(struct listener *l, int fd)
{
	struct addr bound = { .len = sizeof(bound.u) };

	if (getsockname(fd, &bound.u.sa, &bound.len) < 0)
		bound.len = 0;
	listener_set_bound(l, &bound);
	l->io.fd = fd;
	l->io.want = l->holds == 0 ? POLLIN : 0;
	loop_add(l->runtime->loop, &l->io);
	if (l->role.conf->device != NULL)
		network_watch_open(l->runtime);
}

void
listener_attach(struct listener *l, int fd)
{
	listener_adopt(l, fd);
	log_info("event=listening service=%s address=%s", l->role.conf->id, l->key);
}

static int
open_socket(struct listener *l)
{
	struct socket_options options = socket_options_of(l->role.conf);
	int fd = socket_open(l->role.endpoint, &options, &l->file);

	if (fd < 0)
		return fd;
	loop_timer_stop(l->runtime->loop, &l->timer);
	l->retry_ms = 0;
	if (l->pending != NULL)
		loop_timer_set(l->runtime->loop, &l->timer, clock_now_ms());
	listener_attach(l, fd);
	network_watch_settle(l->runtime);
	return 0;
}

void
listener_open_later(struct listener *l, int error)
{
	char place[512];

	l->bind_error = error;
	if (l->retry_ms == 0)
		log_error("event=bind-failed service=%s address=%s place=\"%s\" error=\"%s\"%s",
		    l->role.conf->id, l->key,
		    place_format(&l->role.endpoint->place, place, sizeof(place)), strerror(error),
		    error == EACCES
			? " reason=\"ports below 1024 and other users' directories need root\""
			: "");
	l->retry_ms = l->retry_ms == 0 ? RETRY_FIRST_MS : l->retry_ms * 2;
	if (l->retry_ms > RETRY_LONGEST_MS)
		l->retry_ms = RETRY_LONGEST_MS;
	loop_timer_set(l->runtime->loop, &l->timer, clock_now_ms() + l->retry_ms);
	if (listener_heeds_network(l))
		network_watch_open(l->runtime);
}

void
listener_open_or_retry(struct listener *l)
{
	int r = open_socket(l);

	if (r < 0)
		listener_open_later(l, -r);
}

/* What went wrong under the old settings says nothing of the new ones. */
static void
forgive(struct listener *l)
{
	if (l->trouble != NULL)
		throttle_succeeded(&l->trouble->idle_ends);
	if (l->pending == NULL)
		loop_timer_stop(l->runtime->loop, &l->timer);
	listener_release(l, HOLD_BACKOFF);
}

static void
close_socket(struct listener *l)
{
	if (!listener_is_bound(l))
		return;
	loop_del(l->runtime->loop, &l->io);
	inherit_closed(l->io.fd);
	socket_close(l->io.fd, l->role.endpoint);
	l->io.fd = -1;
	l->holds &=
	    ~(unsigned)HOLD_SHARED; /* whoever had the old socket does not have the next one */
	listener_set_bound(l, &(struct addr){ 0 });
	l->file.ino = 0;
}

/* No client gets to the socket any more, and its program serves those that it has. */
static void
lose_socket(struct listener *l, const char *why)
{
	log_warn("event=listener-lost service=%s address=%s error=\"%s\"", l->role.conf->id, l->key,
	    why);
	close_socket(l);
	if (l->owner == NULL)
		return;
	l->owner->listener = NULL;
	l->owner = NULL;
	listener_release(l, HOLD_PROGRAM);
}

/* Its address or device is one that the machine does not have yet. */
static bool
awaits_address(const struct listener *l)
{
	return !listener_is_bound(l) && (l->bind_error == EADDRNOTAVAIL || l->bind_error == ENODEV);
}

bool
listener_heeds_network(const struct listener *l)
{
	return l->role.endpoint != NULL && (l->holds & HOLD_OFF) == 0 &&
	       (l->role.conf->device != NULL || awaits_address(l));
}

/* The timer goes on as it is if there is still no address. */
void
listener_network_changed(struct listener *l)
{
	if (!listener_heeds_network(l))
		return;
	if (listener_is_bound(l)) {
		if (!socket_lacks_device(l->io.fd))
			return;
		lose_socket(l, "its network device has gone");
		listener_open_or_retry(l);
	} else if (open_socket(l) < 0 && !loop_timer_runs(&l->timer))
		listener_open_or_retry(l);
}

void
listener_move(struct listener *l, const struct listener_role *role)
{
	struct socket_options options = socket_options_of(role->conf);
	const struct addr bound = *listener_bound(l);
	int r;

	TAILQ_REMOVE(l->role.list, l, link);
	l->role = *role;
	listener_set_bound(l, &bound);
	TAILQ_INSERT_TAIL(role->list, l, link);
	listener_release(l, HOLD_FULL);
	listener_release(l, HOLD_POOL);
	listener_release(l, HOLD_SHARED);
	listener_release(l, HOLD_CPS);
	listener_release(l, HOLD_RATE);
	if (!listener_is_bound(l))
		return;
	forgive(l);
	/* A program that still has the socket may have made it block; workers that accept by themselves go on blocking. */
	if (l->owner == NULL && !conf_shares_listeners(role->conf))
		socket_set_blocking(l->io.fd, false);
	r = socket_configure(l->io.fd, role->endpoint, &l->file, &options);
	if (r == -ESTALE)
		lose_socket(l, "its file was taken away");
	else if (r < 0)
		log_warn("event=socket-options service=%s address=%s error=\"%s\"", role->conf->id,
		    l->key, strerror(-r));
}

void
listener_follow(struct listener *l, const struct service_conf *conf, const struct endpoint *e)
{
	const struct addr bound = *listener_bound(l);

	l->role.conf = conf;
	l->role.endpoint = e;
	listener_set_bound(l, &bound);
	if (l->trouble != NULL)
		throttle_succeeded(&l->trouble->idle_ends);
}

static void
free_listener(void *object)
{
	struct listener *l = object;

	free(l->pending);
	free(l->own_bound);
	free(l->trouble);
	free(l->key);
	free(l);
}

void
listener_free(struct listener *l)
{
	close_socket(l);
	loop_timer_stop(l->runtime->loop, &l->timer);
	if (l->pending != NULL)
		l->runtime->handler->drop(l);
	if (l->owner != NULL)
		l->owner->listener = NULL;
	TAILQ_REMOVE(l->role.list, l, link);
	network_watch_settle(l->runtime);
	loop_defer(l->runtime->loop, free_listener, l);
}

void
listener_turn_off(struct listener *l)
{
	if (l->role.endpoint == NULL) {
		listener_hold(l, HOLD_OFF);
		return;
	}
	if (l->pending == NULL) {
		listener_free(l);
		return;
	}
	close_socket(l);
	listener_hold(l, HOLD_OFF);
}

void
listener_repair(struct listener *l)
{
	int error = 0, r;
	socklen_t len = sizeof(error);

	/* Reading it clears it; poll(2) reports it until then. */
	getsockopt(l->io.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	r = socket_repair(
	    l->io.fd, l->role.conf->socket_type, l->role.conf->backlog, listener_bound(l));
	if (r == 0)
		return;
	log_warn("event=listener-lost service=%s address=%s error=\"%s\"", l->role.conf->id, l->key,
	    strerror(-r));
	if (l->role.endpoint == NULL) {
		/* It was handed over: there is nothing to open it from. */
		listener_hold(l, HOLD_BACKOFF);
		return;
	}
	close_socket(l);
	listener_open_or_retry(l);
}

void
listener_back_off(struct listener *l, int64_t until_ms)
{
	listener_hold(l, HOLD_BACKOFF);
	loop_timer_set(l->runtime->loop, &l->timer, until_ms);
}

void
listener_lend(struct listener *l, struct server *owner)
{
	l->owner = owner;
	l->is_shared = true;
	owner->listener = l;
	listener_hold(l, HOLD_PROGRAM);
}

/* True if a program that lived this long has left the queue as it found it. */
static bool
has_idled(const struct listener *l, uint64_t mark_before, int64_t lifetime_ms)
{
	int socket_type = l->role.conf->socket_type;
	uint64_t mark;

	if (lifetime_ms >= IDLE_END_MS || !listener_is_bound(l))
		return false;
	mark = socket_queue_mark(l->io.fd, socket_type);
	if (mark == 0)
		return false;
	return socket_type == SOCK_DGRAM ? mark == mark_before : mark >= mark_before;
}

static void
pause_program(struct listener *l, int64_t now_ms)
{
	unsigned left_out;

	if (rate_allows(&l->trouble->idle_rate, now_ms, IDLE_MESSAGE_MS, &left_out))
		log_warn("event=program-idle service=%s address=%s pause=%lld(ms) left-out=%u "
			 "reason=\"ends again and again without taking what waits for it\"",
		    l->role.conf->id, l->key, (long long)(l->trouble->idle_ends.until_ms - now_ms),
		    left_out);
	listener_back_off(l, l->trouble->idle_ends.until_ms);
}

void
listener_return(struct listener *l, uint64_t mark_before, int64_t lifetime_ms)
{
	const struct throttle_rule *rule =
	    l->role.conf->socket_type == SOCK_DGRAM ? &datagram_rule : &stream_rule;
	int64_t now = clock_now_ms();

	l->owner = NULL;
	listener_repair(l);
	if (!has_idled(l, mark_before, lifetime_ms))
		throttle_succeeded(&listener_trouble(l)->idle_ends);
	else if (throttle_failed(&listener_trouble(l)->idle_ends, rule, now))
		pause_program(l, now);
	listener_release(l, HOLD_PROGRAM);
}

void
listener_wait_for_fork(
    struct listener *l, const struct connection *c, unsigned tries, int64_t due_ms)
{
	if (l->pending == NULL)
		l->pending = mem_alloc(sizeof(*l->pending));
	*l->pending = *c;
	l->tries = tries;
	listener_hold(l, HOLD_FORK);
	loop_timer_set(l->runtime->loop, &l->timer, due_ms);
}

struct connection
listener_take_pending(struct listener *l)
{
	const struct connection c = *l->pending;

	free(l->pending);
	l->pending = NULL;
	return c;
}

const char *
listener_state(const struct listener *l)
{
	if (!listener_is_bound(l))
		return "unbound, tried again";
	return l->holds == 0 ? "listening" : hold_word(l->holds);
}
