/* SPDX-License-Identifier: MIT */
/* Who is being served, and what that costs. */
#include <jansson.h>

#include "base/mem.h"
#include "ctl/command_row.h"
#include "ctl/duration.h"
#include "ctl/get.h"
#include "ctl/process.h"
#include "ctl/show.h"
#include "ctl/table.h"

static const struct column columns[] = {
	{ .title = "CONN", .is_number = true },
	{ .title = "SERVICE", .least = 12 },
	{ .title = "PID", .is_number = true },
	{ .title = "PEER", .least = 26, .rank = 1 },
	{ .title = "STATE", .rank = 5 },
	{ .title = "AGE", .is_number = true, .rank = 2 },
	{ .title = "CPU", .is_number = true, .rank = 3 },
	{ .title = "MEMORY", .is_number = true, .rank = 4 },
	{ .title = "SERVED", .is_number = true, .rank = 6 },
};

/* The daemon does not know these two: they are read here. */
static void
add_use(json_t *connection)
{
	struct process_use use;

	if (!process_read((pid_t)get_number(connection, "pid"), &use))
		return;
	json_object_set_new(connection, "cpu_ms", json_integer(use.cpu_ms));
	json_object_set_new(connection, "rss_kb", json_integer(use.rss_kb));
}

static void
add_number(struct table *t, const json_t *connection, const char *name)
{
	if (get_number(connection, name) > 0)
		table_add(t, COLOR_NONE, "%lld", get_number(connection, name));
	else
		table_add(t, COLOR_DIM, "-");
}

static void
add_peer(struct table *t, const json_t *connection)
{
	const char *peer = get_text(connection, "peer");

	if (*peer == '\0')
		table_add(t, COLOR_DIM, "-");
	else if (get_number(connection, "port") == 0)
		table_add(t, COLOR_NONE, "%s", peer);
	else
		table_add(t, COLOR_NONE, "%s port %lld", peer, get_number(connection, "port"));
}

static void
add_connection(struct table *t, const json_t *connection)
{
	char text[DURATION_TEXT_SIZE];

	add_number(t, connection, "connection");
	table_add(t, COLOR_NONE, "%s", get_text(connection, "service"));
	add_number(t, connection, "pid");
	add_peer(t, connection);
	table_add(t, COLOR_NONE, "%s", get_text(connection, "state"));
	table_add(t, COLOR_NONE, "%s", duration_format(get_number(connection, "age"), text));
	if (get_has(connection, "cpu_ms")) {
		table_add(t, COLOR_NONE, "%.2fs", (double)get_number(connection, "cpu_ms") / 1000);
		table_add(t, COLOR_NONE, "%s", show_kb(get_number(connection, "rss_kb"), text));
	} else {
		table_add(t, COLOR_DIM, "-");
		table_add(t, COLOR_DIM, "-");
	}
	add_number(t, connection, "served");
}

static void
show_connections(struct call *c, const json_t *result)
{
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const json_t *connection;
	size_t i;

	json_array_foreach(json_object_get(result, "connections"), i, connection)
		add_connection(t, connection);
	table_print(t, &c->screen, 0);
	table_free(t);
}

int
ctl_connections(struct call *c)
{
	json_t *request = link_request("connections"), *result, *connection;
	int status;
	size_t i;

	if (c->count > 0)
		link_put_text(request, "service", c->args[0]);
	status = link_ask_all(c, request, "connections", &result);
	if (status != CTL_OK)
		return status;
	json_array_foreach(json_object_get(result, "connections"), i, connection)
		add_use(connection);
	if (c->is_json)
		return call_json(c, result);
	show_connections(c, result);
	json_decref(result);
	return CTL_OK;
}
