/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/handed.h"
#include "net/inherit.h"
#include "reload/change.h"

static void
add(struct change *c, struct seat seat)
{
	c->seats = mem_grow(c->seats, c->count + 1, sizeof(*c->seats));
	c->seats[c->count++] = seat;
}

/* A socket that was handed over gets the service's options, as one that we open. */
static int
adopt(const struct service_conf *conf, int fd)
{
	struct socket_options options = socket_options_of(conf);
	int r = fd >= 0 ? socket_configure(fd, NULL, NULL, &options) : 0;

	if (r < 0)
		log_warn("event=socket-options service=%s address=inherited error=\"%s\"", conf->id,
		    strerror(-r));
	return fd;
}

/* Of its listeners that were handed over; heap. Their names are told apart without regard to case, as ids are. */
static char *
inherited_key(const struct service_conf *conf)
{
	char *key = mem_format(
	    "inherited:%s:%s", conf->socket_type == SOCK_DGRAM ? "dgram" : "stream", conf->id);

	for (char *c = key; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return key;
}

/* Sockets handed over under the service's name: those it has already, or those that nobody has claimed. */
static void
claim_inherited(struct work *w, struct change *c)
{
	char *key = inherited_key(c->conf);
	struct listener *l;
	size_t fresh = 0;
	int fd;

	/* Claimed before, when another service had not decided to stay yet: only new sockets are still ours. */
	for (size_t i = 0; i < c->count; i++)
		if (c->seats[i].old == NULL)
			c->seats[fresh++] = c->seats[i];
	c->count = fresh;
	while ((l = map_take(w->listeners, key)) != NULL) {
		l->is_kept = true;
		add(c, (struct seat){ .old = l, .fd = -1 });
	}
	while ((fd = adopt(c->conf, inherit_claim_id(c->conf->id, c->conf->socket_type))) >= 0)
		add(c, (struct seat){ .fd = fd, .is_handed = w->rt->is_restoring });
	free(key);
}

/* By a person's command, to this daemon or to the one before. */
static bool
is_off(const struct change *c)
{
	if (c->service == NULL)
		return handed_is_off(c->conf);
	return c->service->is_off && !c->returns;
}

void
seats_claim(struct work *w, struct change *c)
{
	if (inherit_has(c->conf->id, c->conf->socket_type)) {
		claim_inherited(w, c);
		return;
	}
	if (is_off(c))
		return;
	for (size_t i = c->count; i < c->conf->endpoint_count; i++)
		add(c, (struct seat){ .endpoint = &c->conf->endpoints[i], .fd = -1 });
	for (size_t i = 0; i < c->count; i++) {
		struct seat *seat = &c->seats[i];

		seat->old = seat->fd < 0 ? map_take(w->listeners, seat->endpoint->key) : NULL;
		if (seat->old != NULL)
			seat->old->is_kept = true;
	}
}

/* True if a listener of our own that will be closed stands in the way: same type, same port. Unix sockets stand in each
 * other's way only with one path, and then have one key. */
static bool
is_ours_and_goes(const struct work *w, const struct endpoint *e)
{
	struct service *s;
	struct listener *l;

	if (addr_family(&e->addr) == AF_UNIX)
		return false;
	TAILQ_FOREACH(s, &w->rt->services, link)
		TAILQ_FOREACH(l, &s->listeners, link)
			if (!l->is_kept && s->conf->socket_type == e->socket_type &&
			    addr_port(listener_bound(l)) == addr_port(&e->addr))
				return true;
	return false;
}

/* A socket that the daemon before this one has opened; its file may have been taken away since. */
static int
claim_handed(const struct service_conf *conf, struct seat *seat)
{
	struct socket_options options = socket_options_of(conf);
	int fd = handed_claim(seat->endpoint->key, &seat->file);
	int r = fd >= 0 ? socket_configure(fd, seat->endpoint, &seat->file, &options) : 0;

	if (r == -ESTALE) {
		handed_refuse(fd);
		seat->file = (struct socket_file){ 0 };
		return -1;
	}
	if (r < 0)
		log_warn("event=socket-options service=%s address=%s error=\"%s\"", conf->id,
		    seat->endpoint->key, strerror(-r));
	seat->is_handed = fd >= 0;
	return fd;
}

bool
seats_open(struct work *w, struct change *c)
{
	struct socket_options options = socket_options_of(c->conf);
	bool has_all = true;

	for (size_t i = 0; i < c->count; i++) {
		struct seat *seat = &c->seats[i];

		if (seat->old != NULL || seat->fd >= 0)
			continue;
		seat->fd = adopt(c->conf, inherit_claim_endpoint(seat->endpoint));
		seat->is_shared = seat->fd >= 0;
		if (seat->fd < 0)
			seat->fd = claim_handed(c->conf, seat);
		if (seat->fd < 0)
			seat->fd = socket_open(seat->endpoint, &options, &seat->file);
		seat->is_deferred = seat->fd == -EADDRINUSE && is_ours_and_goes(w, seat->endpoint);
		if (seat->fd < 0 && !seat->is_deferred)
			has_all = false;
	}
	return has_all;
}

bool
seats_open_deferred(struct change *c)
{
	struct socket_options options = socket_options_of(c->conf);

	for (size_t i = 0; i < c->count; i++) {
		struct seat *seat = &c->seats[i];

		if (!seat->is_deferred)
			continue;
		seat->fd = socket_open(seat->endpoint, &options, &seat->file);
		if (seat->fd < 0 && c->service != NULL)
			return false;
	}
	return true;
}

void
seats_close(struct change *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct seat *seat = &c->seats[i];

		if (seat->old == NULL && seat->fd >= 0)
			socket_close(seat->fd, seat->endpoint);
		seat->fd = -1;
	}
}

char *
seats_missing(const struct change *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct seat *seat = &c->seats[i];

		if (seat->old == NULL && seat->fd < 0 && !seat->is_deferred)
			return mem_format("%s: %s", seat->endpoint->key, strerror(-seat->fd));
	}
	return NULL;
}

void
seats_say_missing(const struct change *c, const char *outcome)
{
	char place[512];

	for (size_t i = 0; i < c->count; i++) {
		const struct seat *seat = &c->seats[i];

		if (seat->old == NULL && seat->fd < 0)
			log_warn(
			    "event=service-kept service=%s address=%s place=\"%s\" error=\"%s\" reason=\"%s\"",
			    c->conf->id, seat->endpoint->key,
			    place_format(&seat->endpoint->place, place, sizeof(place)),
			    strerror(-seat->fd), outcome);
	}
}

/* One that was handed over stays open while its service is off. */
static void
hold_as(struct listener *l, const struct service *s)
{
	if (s->is_off)
		listener_hold(l, HOLD_OFF);
	else
		listener_release(l, HOLD_OFF);
}

void
seat_take(struct service *s, const struct seat *seat)
{
	struct listener *l;
	char *key;

	if (seat->old != NULL) {
		service_take_listener(s, seat->old, seat->endpoint);
		hold_as(seat->old, s);
		if (!listener_is_bound(seat->old)) {
			seat->old->retry_ms = 0; /* who reloads wants to know how it stands now */
			listener_open_or_retry(seat->old);
		}
		return;
	}
	key = seat->endpoint != NULL ? mem_dup(seat->endpoint->key) : inherited_key(s->conf);
	l = service_add_listener(s, seat->endpoint, key);
	free(key);
	hold_as(l, s);
	l->file = seat->file;
	l->is_shared |= seat->is_shared;
	if (seat->is_handed)
		listener_adopt(l, seat->fd);
	else if (seat->fd >= 0)
		listener_attach(l, seat->fd);
	else if (!s->runtime->is_restoring)
		listener_open_later(l, -seat->fd);
}
