/* SPDX-License-Identifier: MIT */
#include "control/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "run/inherit.h"
#include "run/service.h"
#include "run/socket.h"

/* One address of a service to be: a listener that is there already, or a socket that was just opened. */
struct seat {
	const struct endpoint *endpoint; /* NULL: handed over by name */
	struct listener *old;
	int fd;           /* -1 or -errno: not open */
	bool is_deferred; /* its port is still taken by a listener of our own that goes away */
};

struct change {
	const struct service_conf *conf;
	struct service *service; /* what it was; NULL: new */
	struct seat *seats;
	size_t count;
	bool stays; /* as it was */
};

struct work {
	struct runtime *rt;
	struct config *config;
	struct change *changes;
	size_t count;
	struct map *services, *listeners; /* of before, by id and by key */
	struct apply_result result;
};

static void
index_running(struct work *w)
{
	size_t services = 0, listeners = 0;
	struct service *s;
	struct listener *l;

	TAILQ_FOREACH(s, &w->rt->services, link) {
		services++;
		TAILQ_FOREACH(l, &s->listeners, link)
			listeners++;
	}
	w->services = map_new(services);
	w->listeners = map_new(listeners);
	TAILQ_FOREACH(s, &w->rt->services, link) {
		if (!s->is_gone)
			map_put(w->services, s->conf->id, s);
		TAILQ_FOREACH(l, &s->listeners, link) {
			l->is_kept = false;
			map_put(w->listeners, l->key, l);
		}
	}
}

/* The service keeps its settings and its listeners. */
static void
stay(struct work *w, struct change *c)
{
	struct listener *l;

	c->stays = true;
	w->result.kept++;
	TAILQ_FOREACH(l, &c->service->listeners, link) {
		l->is_kept = true;
		map_del(w->listeners, l->key, l);
	}
}

static void
match_services(struct work *w)
{
	w->changes = mem_array(w->config->count, sizeof(*w->changes));
	for (size_t i = 0; i < w->config->count; i++) {
		const struct service_conf *conf = w->config->services[i];
		struct change *c = &w->changes[w->count];

		if (conf->state != CONF_OK && conf->state != CONF_BROKEN_SURROUNDINGS)
			continue;
		c->conf = conf;
		c->service = map_take(w->services, conf->id);
		if (conf->state == CONF_OK)
			w->count++;
		else if (c->service != NULL) {
			w->count++;
			stay(w, c);
			log_warn(
			    "event=service-kept service=%s reason=\"something that its new settings name is missing\"",
			    conf->id);
		}
	}
}

static void
add_seat(struct change *c, struct seat seat)
{
	c->seats = mem_grow(c->seats, c->count + 1, sizeof(*c->seats));
	c->seats[c->count++] = seat;
}

/* A socket that was handed over gets the service's options, as one that we open. */
static int
adopt(const struct service_conf *conf, int fd)
{
	struct socket_options options = socket_options_of(conf);
	int r = fd >= 0 ? socket_configure(fd, NULL, &options) : 0;

	if (r < 0)
		log_warn("event=socket-options service=%s address=inherited error=\"%s\"", conf->id,
		    strerror(-r));
	return fd;
}

/* Sockets handed over under the service's name: those it has already, or those that nobody has claimed. */
static void
seat_inherited(struct work *w, struct change *c)
{
	char *key = mem_format("inherited:%s", c->conf->id);
	struct listener *l;
	int fd;

	while ((l = map_take(w->listeners, key)) != NULL) {
		l->is_kept = true;
		add_seat(c, (struct seat){ .old = l, .fd = -1 });
	}
	while ((fd = adopt(c->conf, inherit_claim_id(c->conf->id, c->conf->socket_type))) >= 0)
		add_seat(c, (struct seat){ .fd = fd });
	free(key);
}

static void
seat_listeners(struct work *w, struct change *c)
{
	if (inherit_has(c->conf->id)) {
		seat_inherited(w, c);
		return;
	}
	for (size_t i = 0; i < c->conf->endpoint_count; i++) {
		const struct endpoint *e = &c->conf->endpoints[i];
		struct listener *l = map_take(w->listeners, e->key);

		if (l != NULL)
			l->is_kept = true;
		add_seat(c, (struct seat){ .endpoint = e, .old = l, .fd = -1 });
	}
}

/* True if one of our own listeners that will be closed is bound to this port. */
static bool
is_ours_and_goes(const struct work *w, const struct endpoint *e)
{
	struct service *s;
	struct listener *l;

	TAILQ_FOREACH(s, &w->rt->services, link)
		TAILQ_FOREACH(l, &s->listeners, link)
			if (!l->is_kept && listener_is_bound(l) &&
			    addr_port(&l->bound) == addr_port(&e->addr))
				return true;
	return false;
}

/* Opens what is new. False if the service cannot have one of its addresses. */
static bool
open_seats(struct work *w, struct change *c)
{
	struct socket_options options = socket_options_of(c->conf);
	bool has_all = true;

	for (size_t i = 0; i < c->count; i++) {
		struct seat *seat = &c->seats[i];

		if (seat->old != NULL || seat->fd >= 0)
			continue;
		seat->fd = adopt(c->conf, inherit_claim_endpoint(seat->endpoint));
		if (seat->fd < 0)
			seat->fd = socket_open(seat->endpoint, &options);
		seat->is_deferred = seat->fd == -EADDRINUSE && is_ours_and_goes(w, seat->endpoint);
		if (seat->fd < 0 && !seat->is_deferred)
			has_all = false;
	}
	return has_all;
}

static void
say_unbound(const struct service_conf *conf, const struct seat *seat, const char *outcome)
{
	char place[512];

	log_warn("event=service-kept service=%s address=%s place=\"%s\" error=\"%s\" reason=\"%s\"",
	    conf->id, seat->endpoint->key,
	    place_format(&seat->endpoint->place, place, sizeof(place)), strerror(-seat->fd),
	    outcome);
}

/* A service that runs and cannot have its new addresses stays as it was. */
static void
stay_unbound(struct work *w, struct change *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct seat *seat = &c->seats[i];

		if (seat->old != NULL && seat->old->role.service != c->service)
			seat->old->is_kept = false;
		if (seat->old != NULL)
			continue;
		if (seat->fd >= 0)
			socket_close(seat->fd, seat->endpoint);
		else
			say_unbound(c->conf, seat, "its new address cannot be bound");
	}
	stay(w, c);
}

static void
prepare(struct work *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (!w->changes[i].stays)
			seat_listeners(w, &w->changes[i]);
	for (size_t i = 0; i < w->count; i++) {
		struct change *c = &w->changes[i];

		if (!c->stays && !open_seats(w, c) && c->service != NULL)
			stay_unbound(w, c);
	}
}

/* From here on nothing can fail but what was deferred. */
static void
close_leftovers(struct work *w)
{
	struct service *s, *next;
	struct listener *l, *next_listener;

	for (s = TAILQ_FIRST(&w->rt->services); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		for (l = TAILQ_FIRST(&s->listeners); l != NULL; l = next_listener) {
			next_listener = TAILQ_NEXT(l, link);
			if (l->is_kept)
				continue;
			log_info("event=closed service=%s address=%s", s->conf->id, l->key);
			listener_free(l);
		}
	}
}

/* Addresses that overlapped with old ones. False if one is not to be had even now. */
static bool
open_deferred(struct change *c)
{
	struct socket_options options = socket_options_of(c->conf);

	for (size_t i = 0; i < c->count; i++) {
		struct seat *seat = &c->seats[i];

		if (!seat->is_deferred)
			continue;
		seat->fd = socket_open(seat->endpoint, &options);
		if (seat->fd < 0 && c->service != NULL) {
			say_unbound(c->conf, seat,
			    "its new address cannot be bound; the old one is opened again");
			return false;
		}
	}
	return true;
}

static bool
has_listener(const struct service *s, const char *key)
{
	const struct listener *l;

	TAILQ_FOREACH(l, &s->listeners, link)
		if (strcmp(l->key, key) == 0)
			return true;
	return false;
}

static void
open_or_retry(struct listener *l)
{
	int r = listener_open(l);

	if (r < 0)
		listener_open_later(l, -r);
}

/* Back to the old settings after its old listeners were closed already. */
static void
restore(struct work *w, struct change *c)
{
	struct service *s = c->service;

	for (size_t i = 0; i < c->count; i++)
		if (c->seats[i].old == NULL && c->seats[i].fd >= 0)
			socket_close(c->seats[i].fd, c->seats[i].endpoint);
	for (size_t i = 0; i < s->conf->endpoint_count; i++) {
		const struct endpoint *e = &s->conf->endpoints[i];

		if (!has_listener(s, e->key))
			open_or_retry(service_add_listener(s, e, e->key));
	}
	c->stays = true;
	w->result.kept++;
}

static void
take_seat(struct service *s, const struct seat *seat)
{
	struct listener *l;
	char *key;

	if (seat->old != NULL) {
		service_take_listener(s, seat->old, seat->endpoint);
		if (!listener_is_bound(seat->old)) {
			seat->old->retry_ms = 0; /* who reloads wants to know how it stands now */
			open_or_retry(seat->old);
		}
		return;
	}
	key = seat->endpoint != NULL ? mem_dup(seat->endpoint->key)
				     : mem_format("inherited:%s", s->conf->id);
	l = service_add_listener(s, seat->endpoint, key);
	free(key);
	if (seat->fd >= 0)
		listener_attach(l, seat->fd);
	else
		listener_open_later(l, -seat->fd);
}

static void
commit(struct work *w)
{
	struct service *s;

	close_leftovers(w);
	for (size_t i = 0; i < w->count; i++) {
		struct change *c = &w->changes[i];

		if (c->stays)
			continue;
		if (!open_deferred(c)) {
			restore(w, c);
			continue;
		}
		if (c->service == NULL)
			c->service = service_new(w->rt, w->config, c->conf);
		else
			service_configure(c->service, w->config, c->conf);
		for (size_t k = 0; k < c->count; k++)
			take_seat(c->service, &c->seats[k]);
	}
	while ((s = map_take_any(w->services)) != NULL)
		service_remove(s);
}

static void
count_result(struct work *w)
{
	struct service *s;
	struct listener *l;

	TAILQ_FOREACH(s, &w->rt->services, link) {
		w->result.services += !s->is_gone;
		TAILQ_FOREACH(l, &s->listeners, link) {
			if (listener_is_bound(l))
				w->result.listening++;
			else
				w->result.unbound++;
		}
	}
}

struct apply_result
apply_config(struct runtime *rt, struct config *config)
{
	struct work w = { .rt = rt, .config = config };

	index_running(&w);
	match_services(&w);
	prepare(&w);
	commit(&w);
	count_result(&w);
	for (size_t i = 0; i < w.count; i++)
		free(w.changes[i].seats);
	free(w.changes);
	map_free(w.services);
	map_free(w.listeners);
	return w.result;
}
