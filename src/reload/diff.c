/* SPDX-License-Identifier: MIT */
#include "reload/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/attr.h"
#include "net/inherit.h"
#include "reload/change.h"

static void
add(struct diff *diff, const struct difference *one)
{
	diff->item = mem_grow(diff->item, diff->count + 1, sizeof(*diff->item));
	diff->item[diff->count++] = *one;
}

static bool
has_other_values(const struct service_conf *x, const struct service_conf *y)
{
	for (size_t i = 0; i < attr_count; i++)
		if (!attr_is_global(&attrs[i]) && !attr_equal(x, y, &attrs[i]))
			return true;
	return !service_conf_same_access(x, y);
}

/* Listeners that a service would go on with, and the keys of those that it would open. */
static void
compare_listeners(struct diff *diff, struct work *w, const struct change *c)
{
	bool is_inherited = inherit_has(c->conf->id, c->conf->socket_type);
	struct listener *l;

	if (c->service != NULL)
		TAILQ_FOREACH(l, &c->service->listeners, link)
			l->is_kept |= c->stays || (is_inherited && l->role.endpoint == NULL);
	if (is_inherited || c->stays || (c->service != NULL && c->service->is_off))
		return;
	for (size_t i = 0; i < c->conf->endpoint_count; i++) {
		l = map_get(w->listeners, c->conf->endpoints[i].key);
		if (l != NULL)
			l->is_kept = true;
		else
			strings_add(&diff->opened, c->conf->endpoints[i].key);
	}
}

static void
compare(struct diff *diff, struct work *w, const struct change *c)
{
	struct difference one = { .after = c->conf };

	compare_listeners(diff, w, c);
	if (c->service != NULL) {
		if (c->stays)
			return;
		one.before = c->service->conf;
		one.replaces_workers = service_replaces_workers(c->service, c->conf);
		if (!one.replaces_workers && !has_other_values(one.before, one.after))
			return;
	}
	add(diff, &one);
}

/* There are settings for it, which cannot be read. */
static bool
is_unreadable(const struct config *config, const char *id)
{
	for (size_t i = 0; i < config->count; i++)
		if (config->services[i]->state == CONF_BROKEN_TEXT &&
		    strcmp(config->services[i]->id, id) == 0)
			return true;
	return false;
}

/* What nobody has claimed. */
static void
find_ends(struct diff *diff, const struct work *w)
{
	const struct service *s;
	const struct listener *l;

	TAILQ_FOREACH(s, &w->rt->services, link) {
		if (!s->is_matched && is_unreadable(w->config, s->conf->id))
			continue;
		if (!s->is_matched)
			add(diff, &(struct difference){ .before = s->conf });
		TAILQ_FOREACH(l, &s->listeners, link)
			if (!l->is_kept)
				strings_add(&diff->closed, l->key);
	}
}

void
diff_make(struct diff *diff, struct runtime *rt, struct config *config)
{
	struct work w = { .rt = rt, .config = config };

	*diff = (struct diff){ 0 };
	match_same(&w);
	match_listeners(&w);
	match_services(&w);
	for (size_t i = 0; i < w.count; i++)
		compare(diff, &w, &w.changes[i]);
	find_ends(diff, &w);
	free(w.changes);
	map_free(w.listeners);
}

void
diff_done(struct diff *diff)
{
	free(diff->item);
	strings_done(&diff->opened);
	strings_done(&diff->closed);
}
