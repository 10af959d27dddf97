/* SPDX-License-Identifier: MIT */
/* One screen about the daemon. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ctl/command_row.h"
#include "ctl/duration.h"
#include "ctl/get.h"
#include "ctl/show.h"
#include "ctl/table.h"

static const char *const state_names[] = { "serving", "off", "disabled", "broken", "leaving",
	"failing" };
static const char *const total_names[] = { "accepted", "started", "answered", "refused", "failed",
	"aborted", "ended" };

/* "3 serving, 1 off": those of the names that are there; zeros only of the first. Heap. */
static char *
list_numbers(const json_t *object, const char *const *names, size_t count)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return mem_dup("");
	for (size_t i = 0; i < count; i++) {
		long long number = get_number(object, names[i]);

		if (i == 0 || number != 0)
			fprintf(out, "%s%lld %s", i > 0 ? ", " : "", number, names[i]);
	}
	fclose(out);
	return text;
}

static void
show_daemon(struct call *c, const json_t *r)
{
	const struct screen *s = &c->screen;
	char up[DURATION_TEXT_SIZE], since[DURATION_TEXT_SIZE], loaded[DURATION_TEXT_SIZE];

	screen_field(
	    s, "porterd", COLOR_BOLD, "%s, pid %lld", get_text(r, "version"), get_number(r, "pid"));
	screen_field(s, "up", COLOR_NONE, "%s, since %s",
	    duration_format(get_number(r, "up") * 1000, up),
	    duration_moment(get_number(r, "started") * 1000, 0, since));
	screen_field(s, "configuration", COLOR_NONE, "%s, loaded %s", get_text(r, "config"),
	    duration_moment(get_number(r, "loaded") * 1000, 0, loaded));
	screen_field(s, "reloads", COLOR_NONE, "%lld, %lld refused", get_number(r, "reloads"),
	    get_number(r, "refused_reloads"));
	screen_field(s, "upgrades", COLOR_NONE, "%lld", get_number(r, "upgrades"));
}

static void
show_load(struct call *c, const json_t *r)
{
	const struct screen *s = &c->screen;
	char *states =
	    list_numbers(json_object_get(r, "services"), state_names, ARRAY_LEN(state_names));
	char *totals =
	    list_numbers(json_object_get(r, "totals"), total_names, ARRAY_LEN(total_names));
	long long unbound = get_number(r, "unbound"), lost = get_number(r, "log_lines_lost");

	screen_field(s, "services", COLOR_NONE, "%s", states);
	screen_field(s, "listeners", unbound > 0 ? COLOR_WARN : COLOR_NONE, "%lld, %lld not bound",
	    get_number(r, "listeners"), unbound);
	if (get_has(r, "max_servers"))
		screen_field(s, "running", COLOR_NONE, "%lld of at most %lld",
		    get_number(r, "running"), get_number(r, "max_servers"));
	else
		screen_field(s, "running", COLOR_NONE, "%lld", get_number(r, "running"));
	screen_field(
	    s, "connections", COLOR_NONE, "%lld: %s", get_number(r, "connections"), totals);
	screen_field(s, "bans", COLOR_NONE, "%lld", get_number(r, "bans"));
	screen_field(s, "log lines lost", lost > 0 ? COLOR_WARN : COLOR_NONE, "%lld", lost);
	screen_field(
	    s, "clients", COLOR_NONE, "%lld of the control socket", get_number(r, "clients"));
	free(states);
	free(totals);
}

static void
show_wrong(struct call *c, const json_t *problems, long long count)
{
	static const struct column columns[] = {
		{ .title = "SERVICE", .least = 6 },
		{ .title = "WRONG", .least = 5 },
		{ .title = "WHAT", .least = 12 },
	};
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const json_t *problem;
	size_t i;

	json_array_foreach(problems, i, problem) {
		table_add(t, COLOR_NONE, "%s",
		    get_has(problem, "service") ? get_text(problem, "service") : "-");
		table_add(t, COLOR_BAD, "%s", get_text(problem, "what"));
		table_add(t, COLOR_NONE, "%s", get_text(problem, "text"));
	}
	putchar('\n');
	if (table_rows(t) > 0)
		table_print(t, &c->screen, 0);
	if (count > (long long)i)
		printf("and %lld more\n", count - (long long)i);
	if (table_rows(t) == 0)
		screen_field(&c->screen, "wrong", COLOR_GOOD, "nothing");
	table_free(t);
}

static void
show_status(struct call *c, const json_t *result)
{
	show_daemon(c, result);
	show_load(c, result);
	show_wrong(c, json_object_get(result, "problems"), get_number(result, "problem_count"));
}

int
ctl_status(struct call *c)
{
	return show_answer(c, link_request("status"), NULL, show_status);
}
