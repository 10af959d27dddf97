/* SPDX-License-Identifier: MIT */
/* What the services are and do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/attr.h"
#include "conf/override.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/describe.h"
#include "control/json_text.h"
#include "control/measure.h"
#include "control/page.h"
#include "control/secret.h"
#include "launch/launch.h"
#include "run/dialog.h"
#include "run/door.h"
#include "run/pool.h"
#include "run/service.h"

/* With all attributes an item is large. */
#define SHOWN_A_PAGE  16
/* Sources with the most connections. */
#define SOURCES_SHOWN 10

/* Takes the text. */
static void
set_reason(json_t *item, char *text)
{
	if (text != NULL)
		json_object_set_new(item, "reason", json_text(text));
	free(text);
}

static json_t *
number_or_null(uint64_t n)
{
	return n == FIGURE_NONE ? json_null() : json_integer((json_int_t)n);
}

/* Bytes are counted of few services: what would be 0 is not known. */
static json_t *
counters_json(const struct counters *c)
{
	json_t *j =
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "accepted", (json_int_t)c->accepted,
		"started", (json_int_t)c->started, "answered", (json_int_t)c->answered, "refused",
		(json_int_t)counters_refused(c), "failed", (json_int_t)c->failed, "aborted",
		(json_int_t)c->aborted, "ended", (json_int_t)c->ended);

	if (c->bytes_in + c->bytes_out > 0) {
		json_object_set_new(j, "bytes_in", json_integer((json_int_t)c->bytes_in));
		json_object_set_new(j, "bytes_out", json_integer((json_int_t)c->bytes_out));
	}
	return j;
}

static json_t *
listeners_json(const struct service *s)
{
	json_t *list = json_array();
	const struct listener *l;

	TAILQ_FOREACH(l, &s->listeners, link)
		json_array_append_new(list, json_pack("{s:o, s:s}", "address", json_text(l->key),
						"state", listener_state(l)));
	return list;
}

static json_t *
pool_json(const struct service *s, const struct pool_figures *f)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "mode", pool_mode_word(s->pool),
	    "workers", (json_int_t)f->workers, "idle", (json_int_t)f->idle, "busy",
	    (json_int_t)f->busy, "leaving", (json_int_t)f->leaving, "waiting",
	    (json_int_t)f->waiting, "max", (json_int_t)f->most);
}

/* What is known of the settings alone. */
static json_t *
begin_item(const struct service_conf *conf, enum service_state state)
{
	json_t *item = json_pack("{s:o, s:s, s:o, s:s}", "id", json_text(conf->id), "state",
	    service_state_word(state), "program", json_text(service_program(conf)), "protocol",
	    service_protocol(conf));
	const char *user = conf->user_name != NULL ? conf->user_name : conf->user;

	json_object_set_new(item, "user", json_text(user));
	return item;
}

static void
set_figures(json_t *item, const struct service_figures *f)
{
	json_object_set_new(item, "running", json_integer((json_int_t)f->connections));
	json_object_set_new(item, "processes", json_integer((json_int_t)f->processes));
	json_object_set_new(item, "instances", number_or_null(f->most_connections));
	json_object_set_new(item, "queued", json_integer((json_int_t)f->queued));
	json_object_set_new(item, "last", number_or_null(f->latest_ms));
}

/* Workers live too long for a start that shares anything, and what the daemon keeps has a number too high for one. */
static const char *
never_shared(const struct service *s)
{
	if (s->pool != NULL)
		return "it has workers";
	if (s->plan->path == NULL)
		return NULL;
	if (s->conf->wait)
		return "its program gets a listening socket";
	return conf_has_dialogs(s->conf) ? "its program gets a socket that porterd keeps" : NULL;
}

static void
set_spawn(json_t *item, const struct service *s)
{
	const struct starts *starts = s->runtime->starts;
	const char *never = never_shared(s);
	const char *why = never != NULL ? never : launch_not_shared(s->plan, starts);

	json_object_set_new(
	    item, "spawn", json_string(never != NULL ? "fork" : launch_way(s->plan, starts)));
	if (why != NULL)
		json_object_set_new(item, "spawn_reason", json_string(why));
}

static json_t *
service_item(const struct service *s, int64_t now_ms)
{
	const struct service_figures f = measure_service(s, now_ms);
	json_t *item = begin_item(s->conf, service_state(s, now_ms));
	struct pool_figures pool;

	set_reason(item, service_reason(s, now_ms));
	set_figures(item, &f);
	set_spawn(item, s);
	json_object_set_new(item, "listeners", listeners_json(s));
	json_object_set_new(item, "counters", counters_json(&s->counters));
	if (measure_pool(s, &pool))
		json_object_set_new(item, "pool", pool_json(s, &pool));
	return item;
}

static json_t *
unserved_item(const struct service_conf *conf)
{
	const struct service_figures f = {
		.most_connections =
		    conf->instances != CONF_UNLIMITED ? conf->instances : FIGURE_NONE,
		.latest_ms = FIGURE_NONE,
	};
	const struct counters none = { 0 };
	json_t *item = begin_item(conf, unserved_state(conf));

	set_reason(item, unserved_reason(conf));
	set_figures(item, &f);
	json_object_set_new(item, "listeners", json_array());
	json_object_set_new(item, "counters", counters_json(&none));
	return item;
}

json_t *
cmd_services(struct request *r)
{
	int64_t now_ms = clock_now_ms();
	json_t *list, *result;
	struct page p;

	if (!page_begin(&p, r, CONTROL_PAGE) || !page_fill(&p, r, true))
		return NULL;
	list = json_array();
	for (unsigned i = 0; i < p.count; i++)
		json_array_append_new(list, service_item(p.services[i], now_ms));
	for (unsigned i = 0; i < p.unserved_count; i++)
		json_array_append_new(list, unserved_item(p.unserved[i]));
	result = json_pack("{s:o}", "services", list);
	page_end(&p, result);
	return result;
}

static json_t *
place_json(const struct place *place)
{
	char text[1024];

	return json_text(place_format(place, text, sizeof(text)));
}

/* As --dump prints it; empty where no value says what its absence means. The caller frees it. */
static char *
value_text(const struct service_conf *conf, const struct attr *a)
{
	char *text = NULL;
	size_t len;
	FILE *out = attr_is_given(conf, a) ? open_memstream(&text, &len) : NULL;

	if (out == NULL)
		return mem_dup("");
	a->type->print(attr_field_const(conf, a), a, out);
	if (fclose(out) != 0) {
		free(text);
		return mem_dup("");
	}
	return text;
}

static bool
is_same_place(const struct place *x, const struct place *y)
{
	return x->source == y->source && x->line == y->line && x->column == y->column;
}

/* Where the value of the attribute with this number is from. */
static const char *
origin_of(const struct service_conf *conf, const struct config *config, size_t i)
{
	const struct place *place = places_at(&conf->places, i);

	if (place->source == NULL)
		return "default";
	if (place->source == &override_source)
		return "set";
	return is_same_place(place, places_at(&config->defaults.places, i)) ? "defaults"
									    : "service";
}

static json_t *
attribute_json(const struct service_conf *conf, const struct config *config, size_t i)
{
	const struct place *place = places_at(&conf->places, i);
	const char *from = origin_of(conf, config, i);
	char *value = value_text(conf, &attrs[i]);
	json_t *item = json_pack(
	    "{s:s, s:o, s:s}", "name", attrs[i].name, "value", json_text(value), "from", from);

	free(value);
	if (place->source != NULL && place->source != &override_source)
		json_object_set_new(item, "place", place_json(place));
	return item;
}

static void
add_settings(json_t *item, const struct service_conf *conf, const struct config *config)
{
	json_t *attributes = json_array(), *overrides = json_array();
	const struct attr *a;
	size_t at = 0;

	/* A service that was changed has a configuration of its own, without defaults. */
	if (config->base != NULL)
		config = config->base;
	for (size_t i = 0; i < attr_count; i++)
		if (!attr_is_global(&attrs[i]))
			json_array_append_new(attributes, attribute_json(conf, config, i));
	while ((a = override_next(conf, &at)) != NULL) {
		char *value = value_text(conf, a);

		json_array_append_new(
		    overrides, json_pack("{s:s, s:o}", "name", a->name, "value", json_text(value)));
		free(value);
	}
	json_object_set_new(item, "place", place_json(&conf->place));
	json_object_set_new(item, "attributes", attributes);
	json_object_set_new(item, "overrides", overrides);
}

static json_t *
refused_json(const struct counters *c)
{
	json_t *reasons = json_object();

	for (unsigned i = 0; i < VERDICT_MAX; i++)
		if (c->refused[i] > 0)
			json_object_set_new(reasons, verdict_reason((enum verdict)i),
			    json_integer((json_int_t)c->refused[i]));
	return reasons;
}

static json_t *
sources_json(const struct service *s)
{
	struct source_load top[SOURCES_SHOWN];
	json_t *list = json_array();
	unsigned count = sources_top(s->door->sources, top, SOURCES_SHOWN);

	for (unsigned i = 0; i < count; i++) {
		char text[PREFIX_TEXT_SIZE];

		json_array_append_new(
		    list, json_pack("{s:s, s:I}", "source", prefix_format(&top[i].prefix, text),
			      "connections", (json_int_t)top[i].connections));
	}
	return list;
}

/* What its limits have done. */
static void
add_limits(json_t *item, const struct service *s)
{
	json_object_set_new(item, "refused", refused_json(&s->counters));
	if (s->door != NULL && s->door->sources != NULL)
		json_object_set_new(item, "sources", sources_json(s));
}

static void
hide_secrets(json_t *services)
{
	json_t *item;
	size_t i;

	json_array_foreach(services, i, item) {
		secret_hide(json_object_get(item, "attributes"));
		secret_hide(json_object_get(item, "overrides"));
	}
}

json_t *
cmd_show(struct request *r)
{
	int64_t now_ms = clock_now_ms();
	json_t *list, *result;
	struct page p;

	if (!page_begin(&p, r, SHOWN_A_PAGE) || !page_fill(&p, r, true))
		return NULL;
	list = json_array();
	for (unsigned i = 0; i < p.count; i++) {
		const struct service *s = p.services[i];
		json_t *item = service_item(s, now_ms);

		add_limits(item, s);
		add_settings(item, s->conf, s->config);
		json_array_append_new(list, item);
	}
	for (unsigned i = 0; i < p.unserved_count; i++) {
		json_t *item = unserved_item(p.unserved[i]);

		add_settings(item, p.unserved[i], r->daemon->config);
		json_array_append_new(list, item);
	}
	if (client_role(r->client) < ROLE_ADMIN)
		hide_secrets(list);
	result = json_pack("{s:o}", "services", list);
	page_end(&p, result);
	return result;
}
