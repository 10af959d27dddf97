/* SPDX-License-Identifier: MIT */
#include "control/apply.h"

#include <stdlib.h>
#include <string.h>

#include "control/change.h"

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
		if (!w->changes[i].stays)
			seats_claim(w, &w->changes[i]);
}

/* A service that runs and cannot have its new addresses stays as it was. True if there was one. */
static bool
some_stay(struct work *w)
{
	bool is_any = false;

	for (size_t i = 0; i < w->count; i++) {
		struct change *c = &w->changes[i];

		if (c->stays || seats_open(w, c) || c->service == NULL)
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

static void
commit_one(struct work *w, struct change *c)
{
	if (c->stays)
		return;
	if (!seats_open_deferred(c)) {
		restore(w, c);
		return;
	}
	if (c->service == NULL)
		c->service = service_new(w->rt, w->config, c->conf);
	else
		service_configure(c->service, w->config, c->conf);
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
	TAILQ_FOREACH(s, &w->rt->services, link)
		service_settle(s);
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

	match_listeners(&w);
	match_services(&w);
	prepare(&w);
	commit(&w);
	count_result(&w);
	for (size_t i = 0; i < w.count; i++)
		free(w.changes[i].seats);
	free(w.changes);
	map_free(w.listeners);
	return w.result;
}
