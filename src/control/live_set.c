/* SPDX-License-Identifier: MIT */
/* Attributes of services that run, until the configuration is loaded again. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/quote.h"
#include "conf/override.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/json_text.h"
#include "control/live.h"
#include "run/service.h"
#include "run/services.h"

/* What stands for the attributes of all services together. */
#define GLOBAL_SELECTOR "defaults"

static json_t *
unknown_attr(struct request *r)
{
	const char **names = mem_array(attr_count, sizeof(*names)), *near;
	char shown[100];

	for (size_t i = 0; i < attr_count; i++)
		names[i] = attrs[i].name;
	near = nearest_name(request_text(r, "name"), names, attr_count);
	free(names);
	return request_fail(r, "bad-value", "there is no attribute %s%s%s%s",
	    quote_text(request_text(r, "name"), shown, sizeof(shown)),
	    near != NULL ? ": did you mean " : "", near != NULL ? near : "",
	    near != NULL ? "?" : "");
}

/* The attribute that may be changed. NULL, and the request has failed, if there is none. */
static const struct attr *
find_attr(struct request *r, bool is_global)
{
	const struct attr *a = attr_find(request_text(r, "name"));
	char *names;

	if (a != NULL && a->is_live && attr_is_global(a) == is_global)
		return a;
	if (a == NULL)
		unknown_attr(r);
	else if (is_global)
		request_fail(r, "not-live", "of " GLOBAL_SELECTOR " only max_servers can be set");
	else if (attr_is_global(a) && a->is_live)
		request_fail(r, "not-live", "%s is set for " GLOBAL_SELECTOR, a->name);
	else {
		names = override_names();
		request_fail(r, "not-live",
		    "%s takes a change of the configuration and a reload; %s can be set", a->name,
		    names);
		free(names);
	}
	return NULL;
}

static json_t *
change_json(const char *id, const struct attr *a, json_t *before, json_t *after)
{
	return json_pack("{s:o, s:s, s:o, s:o}", "id", json_text(id), "name", a->name, "old",
	    before, "new", after);
}

/* NULL, and the request has failed, if the value is none. */
static struct config *
changed(struct request *r, const struct service *s, const struct attr *a)
{
	const struct override_change change = {
		.config = s->config, .conf = s->conf, .attr = a, .text = request_text(r, "value")
	};
	char why[ATTR_WHY_SIZE];
	struct config *config = override_new(&change, &r->daemon->options.load, why);

	if (config == NULL)
		request_fail(r, "bad-value", "%s: %s", a->name, why);
	return config;
}

static json_t *
apply(struct service *s, struct config *config, const struct attr *a)
{
	json_t *before = live_value(s->conf, a);

	service_change(s, config, config->services[0]);
	config_unref(config);
	return change_json(s->conf->id, a, before, live_value(s->conf, a));
}

/* All or none: each is worked out before the first is changed. */
static json_t *
set_all(struct request *r, const struct live_list *list, const struct attr *a)
{
	struct config **configs = mem_array(list->count, sizeof(struct config *));
	json_t *services = json_array();
	size_t ready = 0;

	while (ready < list->count && (configs[ready] = changed(r, list->item[ready], a)) != NULL)
		ready++;
	for (size_t i = 0; i < ready; i++) {
		if (ready == list->count)
			json_array_append_new(services, apply(list->item[i], configs[i], a));
		else
			config_unref(configs[i]);
	}
	free(configs);
	if (ready == list->count)
		return json_pack("{s:o}", "services", services);
	json_decref(services);
	return NULL;
}

/* It bounds all services together. */
static json_t *
set_global(struct request *r)
{
	const struct attr *a = find_attr(r, true);
	struct daemon *d = r->daemon;
	struct global_conf before = { .max_servers = d->runtime.max_servers }, after = before;
	char why[ATTR_WHY_SIZE] = "";

	if (a == NULL)
		return NULL;
	if (!override_global(&after, a, request_text(r, "value"), why))
		return request_fail(r, "bad-value", "%s: %s", a->name, why);
	runtime_set_max_servers(&d->runtime, after.max_servers);
	d->has_set_limit = true;
	services_release_full(&d->runtime);
	after.max_servers = d->runtime.max_servers;
	return json_pack("{s:[o]}", "services",
	    change_json(GLOBAL_SELECTOR, a, live_value(&before, a), live_value(&after, a)));
}

json_t *
cmd_set(struct request *r)
{
	struct live_list list;
	const struct attr *a;
	json_t *answer = NULL;

	if (!live_is_running(r))
		return NULL;
	live_find(r, &list);
	if (list.count == 0)
		return strcmp(request_text(r, "service"), GLOBAL_SELECTOR) == 0 ? set_global(r)
										: live_unknown(r);
	a = find_attr(r, false);
	if (a != NULL)
		answer = set_all(r, &list, a);
	free(list.item);
	return answer;
}
