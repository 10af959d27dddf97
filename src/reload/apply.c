/* SPDX-License-Identifier: MIT */
#include "reload/apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/override.h"
#include "reload/change.h"

static void
keep_listeners(struct work *w, const struct change *c)
{
	struct listener *l;

	TAILQ_FOREACH(l, &c->service->listeners, link) {
		l->is_kept = true;
		map_del(w->listeners, l->key, l);
	}
}

static void
claim_all(struct work *w)
{
	match_listeners(w);
	for (size_t i = 0; i < w->count; i++)
		if (w->changes[i].stays)
			keep_listeners(w, &w->changes[i]);
	for (size_t i = 0; i < w->count; i++)
		if (!w->changes[i].stays && !w->changes[i].follows)
			seats_claim(w, &w->changes[i]);
}

/* A service that runs and cannot have its new addresses stays as it was. True if there was one. */
static bool
some_stay(struct work *w)
{
	bool is_any = false;

	for (size_t i = 0; i < w->count; i++) {
		struct change *c = &w->changes[i];

		if (c->stays || c->follows || seats_open(w, c) || c->service == NULL)
			continue;
		seats_say_missing(c, "its new address cannot be bound");
		seats_close(c);
		c->stays = is_any = true;
		w->result.kept++;
	}
	return is_any;
}

/* One that stays keeps its listeners, which another may have counted on: claimed again until all agree. */
static void
prepare(struct work *w)
{
	do
		claim_all(w);
	while (some_stay(w));
}

static void
close_leftovers(struct service *s)
{
	struct listener *l, *next;

	for (l = TAILQ_FIRST(&s->listeners); l != NULL; l = next) {
		next = TAILQ_NEXT(l, link);
		if (l->is_kept)
			continue;
		log_info("event=closed service=%s address=%s", s->conf->id, l->key);
		listener_free(l);
	}
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

/* Back to the old settings after its old listeners were closed already. What it would have taken from other services is
 * named by nobody now. */
static void
restore(struct work *w, struct change *c)
{
	struct service *s = c->service;

	seats_say_missing(c, "its new address cannot be bound; the old one is opened again");
	seats_close(c);
	for (size_t i = 0; i < c->count; i++)
		if (c->seats[i].old != NULL && c->seats[i].old->role.service != s)
			listener_free(c->seats[i].old);
	for (size_t i = 0; i < s->conf->endpoint_count; i++) {
		const struct endpoint *e = &s->conf->endpoints[i];

		if (!has_listener(s, e->key))
			listener_open_or_retry(service_add_listener(s, e, e->key));
	}
	w->result.kept++;
}

/* What was set by hand ends with the settings that it was set in. */
static void
say_set_ended(const struct service *s)
{
	const struct attr *a;
	size_t at = 0;

	while ((a = override_next(s->conf, &at)) != NULL)
		log_info(
		    "event=set-ended service=%s attribute=%s reason=\"the configuration says it again\"",
		    s->conf->id, a->name);
}

static void
configure(struct work *w, struct change *c)
{
	if (c->service == NULL) {
		c->service = service_new(w->rt, w->config, c->conf);
		return;
	}
	say_set_ended(c->service);
	service_configure(c->service, w->config, c->conf);
	if (c->service->is_off)
		log_info("event=service-off service=%s reason=\"it was switched off by porterctl\"",
		    c->conf->id);
}

static void
commit_one(struct work *w, struct change *c)
{
	if (c->stays)
		return;
	if (c->follows) {
		c->service->follows = false;
		service_follow(c->service, w->config, c->conf);
		return;
	}
	if (!seats_open_deferred(c)) {
		restore(w, c);
		return;
	}
	configure(w, c);
	for (size_t k = 0; k < c->count; k++)
		seat_take(c->service, &c->seats[k]);
}

/* From here on nothing can fail but what was deferred. */
static void
commit(struct work *w)
{
	struct service *s, *next;

	TAILQ_FOREACH(s, &w->rt->services, link)
		close_leftovers(s);
	for (size_t i = 0; i < w->count; i++)
		commit_one(w, &w->changes[i]);
	for (s = TAILQ_FIRST(&w->rt->services); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (!s->is_matched)
			service_remove(s);
	}
	if (w->rt->is_restoring)
		return; /* pools have their workers yet to come */
	TAILQ_FOREACH(s, &w->rt->services, link)
		service_settle(s);
}

static void
count_result(struct work *w)
{
	struct service *s;
	struct listener *l;

	TAILQ_FOREACH(s, &w->rt->services, link) {
		w->result.services += !s->is_gone && !s->is_off;
		TAILQ_FOREACH(l, &s->listeners, link) {
			if (listener_is_bound(l))
				w->result.listening++;
			else
				w->result.unbound++;
		}
	}
}

/* A listener that another service takes stands in the settings of its own until then, which may be those of a person's change
 * that nobody else keeps. */
static void
hold_configs(struct work *w)
{
	struct service *s;

	TAILQ_FOREACH(s, &w->rt->services, link)
		w->held_count += !s->follows;
	w->held = mem_array(w->held_count, sizeof(*w->held));
	w->held_count = 0;
	TAILQ_FOREACH(s, &w->rt->services, link)
		if (!s->follows)
			w->held[w->held_count++] = config_ref(s->config);
}

static void
let_configs_go(struct work *w)
{
	for (size_t i = 0; i < w->held_count; i++)
		config_unref(w->held[i]);
	free(w->held);
}

struct apply_result
apply_config(struct runtime *rt, struct config *config, const struct same *same)
{
	struct work w = { .rt = rt, .config = config, .same = same };

	match_same(&w);
	match_listeners(&w);
	match_services(&w);
	hold_configs(&w);
	prepare(&w);
	commit(&w);
	let_configs_go(&w);
	count_result(&w);
	for (size_t i = 0; i < w.count; i++)
		free(w.changes[i].seats);
	free(w.changes);
	map_free(w.listeners);
	return w.result;
}

/* Nobody else's listeners are for taking. */
static void
keep_others(struct work *w, const struct service *mine)
{
	const struct service *s;
	struct listener *l;

	match_listeners(w);
	TAILQ_FOREACH(s, &w->rt->services, link) {
		if (s == mine)
			continue;
		TAILQ_FOREACH(l, &s->listeners, link) {
			l->is_kept = true;
			map_del(w->listeners, l->key, l);
		}
	}
}

static void
commit_service(struct work *w, struct change *c)
{
	if (c->service == NULL)
		c->service = service_new(w->rt, w->config, c->conf);
	else {
		c->service->is_off = false;
		service_change(c->service, w->config, c->conf);
	}
	for (size_t i = 0; i < c->count; i++)
		seat_take(c->service, &c->seats[i]);
	service_settle(c->service);
}

char *
apply_service(
    struct runtime *rt, struct service *s, struct config *config, const struct service_conf *conf)
{
	struct work w = { .rt = rt, .config = config };
	struct change c = { .conf = conf, .service = s, .returns = true };
	char *why = NULL;

	keep_others(&w, s);
	seats_claim(&w, &c);
	if (seats_open(&w, &c))
		commit_service(&w, &c);
	else {
		why = seats_missing(&c);
		seats_close(&c);
	}
	free(c.seats);
	map_free(w.listeners);
	return why;
}
