/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "reload/change.h"

void
match_listeners(struct work *w)
{
	size_t count = 0;
	struct service *s;
	struct listener *l;

	TAILQ_FOREACH(s, &w->rt->services, link)
		if (!s->follows)
			TAILQ_FOREACH(l, &s->listeners, link)
				count++;
	map_free(w->listeners);
	w->listeners = map_new(count);
	TAILQ_FOREACH(s, &w->rt->services, link)
		TAILQ_FOREACH(l, &s->listeners, link) {
			l->is_kept = s->follows;
			if (!s->follows)
				map_put(w->listeners, l->key, l);
		}
}

static struct map *
services_by_id(struct work *w)
{
	size_t count = 0;
	struct map *by_id;
	struct service *s;

	TAILQ_FOREACH(s, &w->rt->services, link)
		count += !s->follows;
	by_id = map_new(count);
	TAILQ_FOREACH(s, &w->rt->services, link) {
		s->is_matched = s->is_gone || s->follows;
		if (!s->is_matched)
			map_put(by_id, s->conf->id, s);
	}
	return by_id;
}

static struct service *
matched(struct service *s)
{
	if (s != NULL)
		s->is_matched = true;
	return s;
}

static struct service *
find_by_address(const struct work *w, const struct service_conf *conf)
{
	for (size_t i = 0; i < conf->endpoint_count; i++) {
		struct listener *l = map_get(w->listeners, conf->endpoints[i].key);
		struct service *s = l != NULL ? l->role.service : NULL;

		if (s != NULL && !s->is_matched && strcmp(s->conf->id, conf->id) == 0)
			return s;
	}
	return NULL;
}

static bool
has_common_address(const struct service_conf *x, const struct service_conf *y)
{
	for (size_t i = 0; i < x->endpoint_count; i++)
		for (size_t k = 0; k < y->endpoint_count; k++)
			if (strcmp(x->endpoints[i].key, y->endpoints[k].key) == 0)
				return true;
	return false;
}

/* One that is switched off has no listeners: what it would listen to is what its settings say. */
static struct service *
find_off(const struct work *w, const struct service_conf *conf)
{
	struct service *s;

	TAILQ_FOREACH(s, &w->rt->services, link)
		if (s->is_off && !s->is_matched && strcmp(s->conf->id, conf->id) == 0 &&
		    has_common_address(s->conf, conf))
			return s;
	return NULL;
}

static bool
some_are_off(const struct runtime *rt)
{
	const struct service *s;

	TAILQ_FOREACH(s, &rt->services, link)
		if (s->is_off)
			return true;
	return false;
}

/* Gives those that have none yet the service that this function finds for them. */
static void
match_by(
    struct work *w, struct service *(*find)(const struct work *w, const struct service_conf *conf))
{
	for (size_t i = 0; i < w->count; i++)
		if (w->changes[i].service == NULL)
			w->changes[i].service = matched(find(w, w->changes[i].conf));
}

static struct service *
find_by_id(struct map *by_id, const char *id)
{
	struct service *s;

	while ((s = map_take(by_id, id)) != NULL && s->is_matched)
		continue;
	return s;
}

static bool
is_wanted(const struct service_conf *conf)
{
	return conf->state == CONF_OK || conf->state == CONF_BROKEN_SURROUNDINGS;
}

/* What cannot be served under its new settings stays as it was, and is nothing if it is new. */
static void
drop_unserved(struct work *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->count; i++) {
		struct change *c = &w->changes[i];

		if (c->conf->state != CONF_OK) {
			if (c->service == NULL)
				continue;
			c->stays = true;
			w->result.kept++;
			log_warn(
			    "event=service-kept service=%s reason=\"something that its new settings "
			    "name is missing\"",
			    c->conf->id);
		}
		w->changes[kept++] = *c;
	}
	w->count = kept;
}

static void
list_changes(struct work *w)
{
	w->changes = mem_array(w->config->count, sizeof(*w->changes));
	for (size_t i = 0; i < w->config->count; i++)
		if (is_wanted(w->config->services[i]))
			w->changes[w->count++].conf = w->config->services[i];
}

/* By the number of its settings; NULL where they are not those that a service has now. */
static struct service **
services_by_number(const struct work *w)
{
	const struct config *before = w->same->before;
	struct service **list = mem_array(before->count, sizeof(struct service *));
	struct service *s;

	TAILQ_FOREACH(s, &w->rt->services, link)
		if (s->config == before)
			list[s->conf->number] = s;
	return list;
}

void
match_same(struct work *w)
{
	struct service **list;

	list_changes(w);
	if (w->same == NULL)
		return;
	list = services_by_number(w);
	for (size_t i = 0; i < w->count; i++) {
		struct change *c = &w->changes[i];
		const struct service_conf *was = same_as(w->same, c->conf);
		struct service *s = was != NULL ? list[was->number] : NULL;

		c->follows = s != NULL && service_can_follow(s, c->conf);
		if (!c->follows)
			continue;
		c->service = s;
		s->follows = true;
	}
	free(list);
}

void
match_services(struct work *w)
{
	struct map *by_id = services_by_id(w);

	match_by(w, find_by_address);
	if (some_are_off(w->rt))
		match_by(w, find_off);
	for (size_t i = 0; i < w->count; i++)
		if (w->changes[i].service == NULL)
			w->changes[i].service = matched(find_by_id(by_id, w->changes[i].conf->id));
	map_free(by_id);
	drop_unserved(w);
}
