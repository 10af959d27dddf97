/* SPDX-License-Identifier: MIT */
#include "run/dialog.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/mem.h"
#include "base/rate.h"
#include "net/replay.h"
#include "net/socket.h"
#include "run/accept.h"
#include "run/server.h"
#include "run/service.h"
#include "run/services.h"
#include "run/session.h"
#include "run/take.h"
#include "run/trace.h"
#include "serve/arrival.h"

#define DATAGRAMS_A_TURN 16u
/* That came to a socket before the first datagram of its client was put there. */
#define STRAYS_MOST      64u
#define SLOTS            16384u
#define PAUSE_MS         1000
/* A datagram that was sent once more is there at once; if not after this time, it never comes. */
#define ARRIVES_MS       20
#define MESSAGE_MS       10000

/* Words of both addresses, their scopes, and both ports. */
#define WORDS 12u

struct dialog {
	struct dialogs *owner;
	struct server *server;
	int fd;
	struct addr remote, local; /* canonical */
	struct loop_timer idle;
	int64_t idle_ms;       /* 0: it may be silent for ever */
	int64_t heard_ms;      /* from the client, at the latest known */
	struct timespec stamp; /* of the datagram that the program has read last; 0: none yet */
	uint64_t waiting;      /* what has come and was not read, see has_more */
	LIST_ENTRY(dialog) in_slot;
};

LIST_HEAD(slot, dialog);

struct dialogs {
	struct runtime *runtime;
	struct slot slots[SLOTS];
	uint64_t seed[WORDS + 1];
	struct rate lost_rate; /* of messages about datagrams that do not come back */
};

/* One datagram at a time, in one thread; and another that came in between. */
static char first[ARRIVAL_SIZE], stray[ARRIVAL_SIZE];

/* ---- the table ---- */

static struct dialogs *
table_of(struct runtime *rt)
{
	struct dialogs *d = rt->dialogs;
	ssize_t got;

	if (d != NULL)
		return d;
	d = mem_alloc(sizeof(*d));
	d->runtime = rt;
	got = getrandom(d->seed, sizeof(d->seed), 0);
	for (size_t i = 0; got < 0 && i < ARRAY_LEN(d->seed); i++)
		d->seed[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	rt->dialogs = d;
	return d;
}

static void
put_words(uint32_t word[5], const struct addr *a)
{
	if (addr_family(a) == AF_INET)
		word[0] = a->u.in.sin_addr.s_addr;
	else if (addr_family(a) == AF_INET6) {
		memcpy(word, &a->u.in6.sin6_addr, 16);
		word[4] = a->u.in6.sin6_scope_id;
	}
}

/* Sums of products of pairs: whoever does not know the seed cannot find addresses that share a slot. */
static struct slot *
slot_of(struct dialogs *d, const struct addr *remote, const struct addr *local)
{
	uint32_t word[WORDS] = { 0 };
	uint64_t sum = d->seed[WORDS];

	put_words(word, remote);
	put_words(word + 5, local);
	word[10] = addr_port(remote);
	word[11] = addr_port(local);
	for (size_t i = 0; i < WORDS; i += 2)
		sum += (d->seed[i] + word[i + 1]) * (d->seed[i + 1] + word[i]);
	return &d->slots[(sum >> 32) % SLOTS];
}

static struct dialog *
find(struct dialogs *d, const struct addr *remote, const struct addr *local)
{
	struct dialog *x;

	LIST_FOREACH(x, slot_of(d, remote, local), in_slot)
		if (addr_equal(&x->remote, remote) && addr_equal(&x->local, local))
			return x;
	return NULL;
}

/* ---- the client says nothing any more ---- */

/* Whether the program has read another datagram since the last look; in *age_ms, how long ago that one came. SIOCGSTAMP,
 * socket(7), tells it of the socket, whoever has read from it. */
static bool
has_heard(struct dialog *x, int64_t *age_ms)
{
	struct timespec stamp, now;

	if (ioctl(x->fd, SIOCGSTAMPNS, &stamp) < 0 ||
	    (stamp.tv_sec == x->stamp.tv_sec && stamp.tv_nsec == x->stamp.tv_nsec))
		return false;
	x->stamp = stamp;
	clock_gettime(CLOCK_REALTIME, &now);
	*age_ms =
	    (int64_t)(now.tv_sec - stamp.tv_sec) * 1000 + (now.tv_nsec - stamp.tv_nsec) / 1000000;
	return true;
}

/* Whether anything has come since the last look of what waits for the program: there are other bytes in the queue, or more was lost
 * because there was no room. */
static bool
has_more(struct dialog *x)
{
	struct pollfd p = { .fd = x->fd, .events = POLLIN };
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(memory);
	uint64_t before = x->waiting;

	if (poll(&p, 1, 0) <= 0 || (p.revents & POLLIN) == 0)
		return false;
	if (getsockopt(x->fd, SOL_SOCKET, SO_MEMINFO, memory, &len) < 0)
		return true;
	x->waiting = (uint64_t)memory[SK_MEMINFO_DROPS] << 32 | memory[SK_MEMINFO_RMEM_ALLOC];
	return x->waiting != before;
}

/* The clock of the day may be set at any time: what has come since the last look is no older than that. */
static void
look(struct dialog *x, int64_t now_ms)
{
	int64_t age_ms = 0, longest_ms = now_ms - x->heard_ms;

	if (!has_more(x) && !has_heard(x, &age_ms))
		return;
	if (age_ms > longest_ms)
		age_ms = longest_ms;
	x->heard_ms = now_ms - (age_ms > 0 ? age_ms : 0);
}

static void
on_idle_timer(struct loop_timer *t, int64_t now_ms)
{
	struct dialog *x = t->arg;
	struct service *s = x->server->service;

	look(x, now_ms);
	if (now_ms - x->heard_ms < x->idle_ms) {
		loop_timer_set(s->runtime->loop, t, x->heard_ms + x->idle_ms);
		return;
	}
	TRACE(s, x->server->connection, "its client has sent nothing for %lld ms: ended",
	    (long long)x->idle_ms);
	session_expire(x->server);
}

static void
watch_idle(struct dialog *x)
{
	x->idle_ms = x->server->service->conf->idle_timeout_ms;
	x->idle = (struct loop_timer){ .fn = on_idle_timer, .arg = x };
	x->heard_ms = clock_now_ms();
	(void)has_more(x);
	if (x->idle_ms != 0)
		loop_timer_set(x->owner->runtime->loop, &x->idle, x->heard_ms + x->idle_ms);
}

/* ---- one client ---- */

static void
free_dialog(struct dialog *x)
{
	LIST_REMOVE(x, in_slot);
	loop_timer_stop(x->owner->runtime->loop, &x->idle);
	x->server->dialog = NULL;
	free(x);
}

void
dialog_adopt(struct server *server, int fd, const struct addr *local)
{
	struct dialogs *d = table_of(server->service->runtime);
	struct dialog *x = mem_alloc(sizeof(*x));

	x->owner = d;
	x->server = server;
	x->fd = fd;
	x->remote = server->peer;
	x->local = *local;
	server->dialog = x;
	LIST_INSERT_HEAD(slot_of(d, &x->remote, &x->local), x, in_slot);
	watch_idle(x);
}

int
dialog_of(const struct server *server, struct addr *local)
{
	if (server->dialog == NULL)
		return -1;
	*local = server->dialog->local;
	return server->dialog->fd;
}

void
dialogs_free(struct dialogs *d)
{
	struct dialog *x, *next;

	if (d == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		for (x = LIST_FIRST(&d->slots[i]); x != NULL; x = next) {
			next = LIST_NEXT(x, in_slot);
			close(x->fd);
			free_dialog(x);
		}
	}
	replay_done();
	d->runtime->dialogs = NULL;
	free(d);
}

/* Starts a program on c->fd, which is taken over. */
static void
start(struct service *s, const struct connection *c)
{
	uint64_t mark = socket_queue_mark(c->fd, SOCK_DGRAM);
	struct listener *l;
	int r = service_start(s, NULL, c);

	if (r == 0) {
		struct server *server = LIST_FIRST(&s->servers); /* the latest */

		server->queue_mark = mark;
		dialog_adopt(server, c->fd, &c->local);
		return;
	}
	close(c->fd);
	s->counters.failed++;
	log_warn("event=fork-failed service=%s error=\"%s\"", s->conf->id, strerror(-r));
	TAILQ_FOREACH(l, &s->listeners, link)
		listener_back_off(l, clock_now_ms() + PAUSE_MS);
}

/* May another program of the service be started for this client? If not, that was said. */
static bool
may_start(struct service *s, const struct addr *peer)
{
	enum verdict v =
	    take_sum(service_asks_who(s) ? service_judge(s, peer) : VERDICT_OK, service_admits(s));

	if (v != VERDICT_OK)
		accept_refuse_datagram(s, peer, v);
	return v == VERDICT_OK;
}

void
dialog_ended(struct service *s, struct server *ended)
{
	struct dialog *x = ended->dialog;
	struct connection c = { 0 };
	uint64_t mark;

	c.fd = x->fd;
	c.peer = x->remote;
	c.local = x->local;
	free_dialog(x);
	mark = socket_queue_mark(c.fd, SOCK_DGRAM);
	/* What a program has not looked at is not worth another one. */
	if (mark == 0 || mark == ended->queue_mark || s->is_gone || s->is_off ||
	    s->runtime->is_stopping || !conf_has_dialogs(s->conf)) {
		close(c.fd);
		return;
	}
	take_arrived(s, &c);
	if (!may_start(s, &c.peer)) {
		close(c.fd);
		return;
	}
	c.id = ++s->runtime->connections;
	TRACE(s, c.id, "%s has said more than the program has read: another one is started",
	    trace_peer(&c.peer));
	start(s, &c);
}

/* ---- the socket of a new client ---- */

/* As sockets of this family have it. */
static struct addr
in_family(const struct addr *a, int family)
{
	struct addr out = { .len = sizeof(out.u.in6) };

	if (addr_family(a) == family)
		return *a;
	out.u.in6.sin6_family = AF_INET6;
	out.u.in6.sin6_port = htons(addr_port(a));
	out.u.in6.sin6_addr.s6_addr[10] = out.u.in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&out.u.in6.sin6_addr.s6_addr[12], &a->u.in.sin_addr, 4);
	return out;
}

static int
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Two sockets may have one port only if both allow it. The listener does so for an instant: as long as it does not, nobody
 * else gets that port, whatever the others say. */
static int
bind_beside(int fd, int listener, const struct addr *local)
{
	int r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (r == 0)
		r = set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r == 0 && bind(fd, &local->u.sa, local->len) < 0)
		r = -errno;
	(void)set_option(listener, SOL_SOCKET, SO_REUSEADDR, 0);
	return r;
}

/* Of a listener for one device the dialogs are for that device, too. */
static int
take_options(int fd, int listener, int family)
{
	char device[IFNAMSIZ] = "";
	socklen_t len = sizeof(device);

	if (getsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, device, &len) == 0 &&
	    device[0] != '\0' && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, len) < 0)
		return -errno;
	return family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) : 0;
}

static int
connect_to(int fd, const struct addr *peer)
{
	if (connect(fd, &peer->u.sa, peer->len) == 0)
		return 0;
	return errno == ENOBUFS || errno == ENOMEM ? -errno : -EHOSTUNREACH;
}

/* Asked at another port: at the listener's own, what other clients send meanwhile would be lost with a socket that comes to nothing. */
static int
find_way(const struct listener *l, const struct addr *local, const struct addr *peer)
{
	struct addr from = *local;
	int fd = socket(addr_family(local), SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	addr_set_port(&from, 0);
	r = take_options(fd, l->io.fd, addr_family(local));
	if (r == 0 && bind(fd, &from.u.sa, from.len) < 0)
		r = -errno;
	if (r == 0)
		r = connect_to(fd, peer);
	close(fd);
	return r;
}

/* A socket for both addresses of c, with a number from 64 up; or -errno. -EHOSTUNREACH: no way leads to the client. */
static int
open_dialog(const struct listener *l, const struct connection *c)
{
	const int family = addr_family(listener_bound(l));
	const struct addr local = in_family(&c->local, family), peer = in_family(&c->peer, family);
	int r = find_way(l, &local, &peer), fd;

	if (r < 0)
		return r;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = take_options(fd, l->io.fd, family);
	if (r == 0)
		r = bind_beside(fd, l->io.fd, &local);
	if (r == 0)
		r = connect_to(fd, &peer);
	if (r == 0)
		r = descriptor_high(fd);
	if (r < 0)
		close(fd);
	return r;
}

/* ---- what comes to a listener ---- */

/* error: 0 if it has not come back. */
static void
say_lost(struct listener *l, int error)
{
	unsigned left_out;
	struct dialogs *d = table_of(l->runtime);
	int64_t now = clock_now_ms();

	l->role.service->counters.failed++;
	if (rate_allows(&d->lost_rate, now, MESSAGE_MS, &left_out))
		log_warn(
		    "event=datagram-lost service=%s address=%s error=\"%s\" left-out=%u reason=\"it could not be put into the socket of its client\"",
		    l->role.conf->id, l->key,
		    error != 0 ? strerror(error) : "a packet filter may stand in the way",
		    left_out);
	/* One of that size says nothing of the next. */
	if (error != EMSGSIZE)
		listener_back_off(l, now + PAUSE_MS);
}

static void
throw_away(struct service *s, const struct connection *c)
{
	s->counters.aborted++;
	TRACE(s, c->id, "a datagram from %s was thrown away: there is nobody to answer",
	    trace_peer(&c->peer));
}

/* False if the datagram is not there: a packet filter may drop it. */
static bool
has_arrived(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ARRIVES_MS) > 0;
}

/* What came before it goes to the end of the queue, or, if it is of other clients, to where it belongs: the socket was open to everybody
 * until it was connected, and with an address of its own the first choice of the kernel. */
static void
put_in_front(const struct connection *c, const struct arrival *a)
{
	for (unsigned i = 0; i < STRAYS_MOST; i++) {
		struct arrival head;
		int r = arrival_look(c->fd, &head, stray, sizeof(stray));

		if (r == -EAGAIN)
			return;
		addr_canonical(&head.from);
		if (r == 0 && head.len == a->len && addr_equal(&head.from, &c->peer) &&
		    memcmp(stray, first, head.len) == 0)
			return;
		r = arrival_take(c->fd, &head, stray, sizeof(stray));
		addr_canonical(&head.from);
		if (r == 0)
			(void)replay_send(&head.from, &c->local, stray, head.len);
	}
}

static void
begin(struct listener *l, struct connection *c, const struct arrival *a)
{
	struct service *s = l->role.service;
	int r;

	c->fd = open_dialog(l, c);
	/* Sources can be forged: such a one must not hold up the others. */
	if (c->fd == -EHOSTUNREACH) {
		throw_away(s, c);
		return;
	}
	r = c->fd < 0 ? c->fd : replay_send(&c->peer, &c->local, first, a->len);
	if (r == 0 && has_arrived(c->fd)) {
		put_in_front(c, a);
		TRACE(s, c->id, "%s is new on %s: its program gets a socket of its own",
		    trace_peer(&c->peer), l->key);
		start(s, c);
		return;
	}
	if (c->fd >= 0)
		close(c->fd);
	if (r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM)
		services_rest(l->runtime, -r);
	say_lost(l, -r);
}

static bool
is_loopback(const struct addr *a)
{
	return addr_family(a) == AF_INET && ntohl(a->u.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool
is_same_host(const struct addr *x, const struct addr *y)
{
	struct addr a = *x;

	addr_set_port(&a, addr_port(y));
	return addr_equal(&a, y) || (is_loopback(x) && is_loopback(y));
}

/* Nobody could be answered there, or the answer would come to ourselves. */
static bool
is_nobody(const struct service *s, const struct connection *c)
{
	if (addr_port(&c->peer) == 0 || !arrival_is_one_host(&c->peer) ||
	    addr_family(&c->peer) != addr_family(&c->local))
		return true;
	return is_same_host(&c->peer, &c->local) && services_have_port(&c->peer, s->runtime);
}

static void
take(struct listener *l, const struct arrival *a)
{
	struct service *s = l->role.service;
	struct connection c = { .fd = -1, .peer = a->from };

	addr_canonical(&c.peer);
	if (!arrival_local(a, addr_port(listener_bound(l)), &c.local) || is_nobody(s, &c)) {
		take_arrived(s, &c);
		throw_away(s, &c);
		return;
	}
	/* It has come before the socket of this client was there. */
	if (find(table_of(l->runtime), &c.peer, &c.local) != NULL) {
		int r = replay_send(&c.peer, &c.local, first, a->len);

		if (r < 0)
			say_lost(l, -r);
		return;
	}
	take_arrived(s, &c);
	if (!may_start(s, &c.peer))
		return;
	c.id = ++s->runtime->connections;
	begin(l, &c, a);
}

void
dialogs_take(struct listener *l)
{
	for (unsigned i = 0; i < DATAGRAMS_A_TURN && l->holds == 0; i++) {
		struct arrival a;
		int r;

		if (take_must_queue(l, service_admits(l->role.service)))
			return;
		r = arrival_take(l->io.fd, &a, first, sizeof(first));

		if (r == -EAGAIN)
			return;
		if (r == 0)
			take(l, &a);
	}
}
