/* SPDX-License-Identifier: MIT */
/* The services as a list, and one of them with all that is known of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/glyph.h"
#include "base/map.h"
#include "base/mem.h"
#include "ctl/command_row.h"
#include "ctl/duration.h"
#include "ctl/get.h"
#include "ctl/show.h"
#include "ctl/table.h"

static const struct column columns[] = {
	{ .title = "SERVICE", .least = 12 },
	{ .title = "STATE" },
	{ .title = "RUNNING", .is_number = true },
	{ .title = "LIMIT", .is_number = true, .rank = 2 },
	{ .title = "QUEUED", .is_number = true, .rank = 3 },
	{ .title = "ACCEPTED", .is_number = true, .rank = 1 },
	{ .title = "REFUSED", .is_number = true, .rank = 4 },
	{ .title = "FAILED", .is_number = true, .rank = 5 },
	{ .title = "LATEST", .rank = 7 },
	{ .title = "LISTENERS", .least = 12, .rank = 6 },
	{ .title = "PROGRAM", .least = 10, .rank = 8 },
};

/* "instances" is a number, or null where there is no limit. */
static void
add_limit(struct table *t, const json_t *service)
{
	if (get_has(service, "instances"))
		table_add(t, COLOR_NONE, "%lld", get_number(service, "instances"));
	else
		table_add(t, COLOR_DIM, "-");
}

static void
add_latest(struct table *t, const json_t *service)
{
	char moment[DURATION_TEXT_SIZE];

	if (get_has(service, "last"))
		table_add(
		    t, COLOR_NONE, "%s", duration_moment(get_number(service, "last"), 0, moment));
	else
		table_add(t, COLOR_DIM, "-");
}

static void
add_counter(struct table *t, const json_t *service, const char *name, enum color color)
{
	long long number = get_number(json_object_get(service, "counters"), name);

	table_add(t, number > 0 ? color : COLOR_NONE, "%lld", number);
}

static void
add_service(struct table *t, const json_t *service)
{
	const char *state = get_text(service, "state");
	char *listeners = show_listeners(service);

	table_add(t, COLOR_NONE, "%s", get_text(service, "id"));
	table_add(t, show_state_color(state), "%s", state);
	table_add(t, COLOR_NONE, "%lld", get_number(service, "running"));
	add_limit(t, service);
	table_add(t, COLOR_NONE, "%lld", get_number(service, "queued"));
	add_counter(t, service, "accepted", COLOR_NONE);
	add_counter(t, service, "refused", COLOR_WARN);
	add_counter(t, service, "failed", COLOR_BAD);
	add_latest(t, service);
	if (*listeners != '\0')
		table_add(t, COLOR_NONE, "%s", listeners);
	else
		table_add(t, COLOR_DIM, "-");
	table_add(t, COLOR_NONE, "%s", get_text(service, "program"));
	free(listeners);
}

static void
show_services(struct call *c, const json_t *result)
{
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const json_t *service;
	size_t i;

	json_array_foreach(json_object_get(result, "services"), i, service)
		add_service(t, service);
	table_print(t, &c->screen, 0);
	table_free(t);
}

/* For completion: each id once, and silence whatever goes wrong. */
static void
show_ids(struct call *c, const json_t *result)
{
	const json_t *services = json_object_get(result, "services"), *service;
	struct map *seen = map_new(json_array_size(services));
	size_t i;

	json_array_foreach(services, i, service) {
		const char *id = get_text(service, "id");

		if (map_get(seen, id) != NULL)
			continue;
		map_put(seen, id, c);
		glyph_put_text(id, stdout);
		putchar('\n');
	}
	map_free(seen);
}

int
ctl_services(struct call *c)
{
	json_t *request = link_request("services");

	c->is_quiet = call_has(c, CTL_OPTION_IDS);
	if (c->count > 0)
		link_put_text(request, "service", c->args[0]);
	return show_answer(c, request, "services", c->is_quiet ? show_ids : show_services);
}

static void
show_pool(const struct screen *s, const json_t *pool)
{
	if (pool != NULL)
		screen_field(s, "pool", COLOR_NONE,
		    "%s: %lld workers of at most %lld, %lld idle, %lld busy, %lld leaving; "
		    "%lld clients waiting",
		    get_text(pool, "mode"), get_number(pool, "workers"), get_number(pool, "max"),
		    get_number(pool, "idle"), get_number(pool, "busy"), get_number(pool, "leaving"),
		    get_number(pool, "waiting"));
}

static void
show_counters(const struct screen *s, json_t *counters)
{
	const char *name;
	json_t *value;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return;
	json_object_foreach(counters, name, value)
		if (json_is_number(value))
			fprintf(out, "%s%s %lld", ftell(out) > 0 ? ", " : "", name,
			    (long long)json_number_value(value));
	fclose(out);
	screen_field(s, "counters", COLOR_NONE, "%s", text);
	free(text);
}

static void
show_refused(const struct screen *s, json_t *reasons)
{
	const char *name;
	json_t *value;
	bool is_first = true;

	json_object_foreach(reasons, name, value) {
		screen_field(s, is_first ? "refused" : "", COLOR_WARN, "%s %lld", name,
		    (long long)json_integer_value(value));
		is_first = false;
	}
}

static void
show_sources(const struct screen *s, const json_t *sources)
{
	const json_t *source;
	size_t i;

	json_array_foreach(sources, i, source)
		screen_field(s, i == 0 ? "sources" : "", COLOR_NONE, "%s: %lld",
		    get_text(source, "source"), get_number(source, "connections"));
}

static void
show_facts(const struct screen *s, const json_t *service)
{
	const char *state = get_text(service, "state"), *reason = get_text(service, "reason");
	char limit[32] = "", moment[DURATION_TEXT_SIZE];
	const json_t *listener;
	size_t i;

	if (get_has(service, "instances"))
		snprintf(
		    limit, sizeof(limit), " of at most %lld", get_number(service, "instances"));
	screen_field(s, "service", COLOR_BOLD, "%s", get_text(service, "id"));
	screen_field(s, "state", show_state_color(state), "%s%s%s", state,
	    *reason != '\0' ? ": " : "", reason);
	screen_field(s, "written in", COLOR_NONE, "%s", get_text(service, "place"));
	screen_field(s, "program", COLOR_NONE, "%s", get_text(service, "program"));
	if (get_has(service, "user"))
		screen_field(s, "user", COLOR_NONE, "%s", get_text(service, "user"));
	if (get_has(service, "spawn"))
		screen_field(s, "started by", COLOR_NONE, "%s%s%s", get_text(service, "spawn"),
		    get_has(service, "spawn_reason") ? ": " : "",
		    get_text(service, "spawn_reason"));
	screen_field(s, "running", COLOR_NONE, "%lld%s, %lld processes; %lld waiting",
	    get_number(service, "running"), limit, get_number(service, "processes"),
	    get_number(service, "queued"));
	json_array_foreach(json_object_get(service, "listeners"), i, listener)
		screen_field(s, i == 0 ? "listeners" : "", COLOR_NONE, "%s %s",
		    get_text(listener, "address"), get_text(listener, "state"));
	show_pool(s, json_object_get(service, "pool"));
	show_counters(s, json_object_get(service, "counters"));
	show_refused(s, json_object_get(service, "refused"));
	show_sources(s, json_object_get(service, "sources"));
	if (get_has(service, "last"))
		screen_field(s, "latest", COLOR_NONE, "%s",
		    duration_moment(get_number(service, "last"), 0, moment));
}

static void
show_attributes(const struct screen *s, const json_t *service)
{
	static const struct column attribute_columns[] = {
		{ .title = "ATTRIBUTE", .least = 10 },
		{ .title = "VALUE", .least = 10 },
		{ .title = "FROM" },
		{ .title = "PLACE", .least = 10, .rank = 1 },
	};
	struct table *t = table_new(attribute_columns, ARRAY_LEN(attribute_columns));
	const json_t *attribute;
	size_t i;

	json_array_foreach(json_object_get(service, "attributes"), i, attribute) {
		const char *from = get_text(attribute, "from");

		table_add(t, COLOR_NONE, "%s", get_text(attribute, "name"));
		table_add(t, COLOR_NONE, "%s", get_text(attribute, "value"));
		table_add(t,
		    strcmp(from, "default") == 0 ? COLOR_DIM
		    : strcmp(from, "set") == 0   ? COLOR_WARN
						 : COLOR_NONE,
		    "%s", from);
		table_add(t, COLOR_NONE, "%s", get_text(attribute, "place"));
	}
	fputc('\n', s->out);
	table_print(t, s, 0);
	table_free(t);
}

static void
show_whole(struct call *c, const json_t *result)
{
	const json_t *service;
	size_t i;

	json_array_foreach(json_object_get(result, "services"), i, service) {
		if (i > 0)
			putchar('\n');
		show_facts(&c->screen, service);
		show_attributes(&c->screen, service);
	}
}

int
ctl_show(struct call *c)
{
	json_t *request = link_request("show");

	link_put_text(request, "service", c->args[0]);
	return show_answer(c, request, "services", show_whole);
}
