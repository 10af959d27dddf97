/* SPDX-License-Identifier: MIT */
/* The services live: on a terminal in place, elsewhere one list after another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ctl/command_row.h"
#include "ctl/duration.h"
#include "ctl/get.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/terminal.h"
#include "ctl/top_rows.h"

#define MOST_DELAY_S 3600
/* Lines above the titles. */
#define HEAD_LINES   3

static const struct column columns[] = {
	{ .title = "SERVICE", .least = 12 },
	{ .title = "STATE", .rank = 3 },
	{ .title = "RUNNING", .is_number = true },
	{ .title = "QUEUED", .is_number = true, .rank = 5 },
	{ .title = "ACC/s", .is_number = true },
	{ .title = "REF/s", .is_number = true, .rank = 2 },
	{ .title = "FAIL/s", .is_number = true, .rank = 4 },
	{ .title = "CPU%", .is_number = true, .rank = 1 },
	{ .title = "MEMORY", .is_number = true, .rank = 1 },
	{ .title = "ACCEPTED", .is_number = true, .rank = 6 },
	{ .title = "PROCESSES", .is_number = true, .rank = 7 },
};

/* The word of --sort, the key, and the column that shows it. */
static const struct {
	const char *word;
	char key;
	size_t column;
} sorts[TOP_SORTS] = {
	[TOP_BY_NAME] = { "name", 'n', 0 },
	[TOP_BY_RUNNING] = { "running", 'r', 2 },
	[TOP_BY_ACCEPTED] = { "accepted", 'a', 4 },
	[TOP_BY_REFUSED] = { "refused", 'x', 5 },
	[TOP_BY_CPU] = { "cpu", 'c', 7 },
	[TOP_BY_MEMORY] = { "memory", 'm', 8 },
};

struct view {
	struct call *call;
	enum top_sort sort;
	int64_t delay_ms;
	int64_t left; /* refreshes; -1: until it is left */
	struct top now;
};

static void
add_rate(struct table *t, double value, enum color color)
{
	table_add(t, value > 0 ? color : COLOR_DIM, "%.*f", value < 10 && value > 0 ? 1 : 0, value);
}

static void
add_row(struct table *t, const struct top_row *row)
{
	char memory[16];

	table_add(t, COLOR_NONE, "%s", row->id);
	table_add(t, show_state_color(row->state), "%s", row->state);
	table_add(t, COLOR_NONE, "%lld", row->running);
	table_add(t, row->queued > 0 ? COLOR_WARN : COLOR_DIM, "%lld", row->queued);
	add_rate(t, row->accepted_rate, COLOR_NONE);
	add_rate(t, row->refused_rate, COLOR_WARN);
	add_rate(t, row->failed_rate, COLOR_BAD);
	add_rate(t, row->cpu * 100, COLOR_NONE);
	table_add(t, COLOR_NONE, "%s", show_kb(row->rss_kb, memory));
	table_add(t, COLOR_NONE, "%lld", row->accepted);
	table_add(t, COLOR_NONE, "%lld", row->processes);
}

/* One line that does not reach over the edge. */
static void
put_line(const struct screen *s, enum color color, const char *text)
{
	const char *end = text;

	for (unsigned used = 0; *end != '\0' && (s->width == 0 || used < s->width); used++)
		end++;

	char *piece = mem_dupn(text, (size_t)(end - text));

	screen_put(s, color, piece);
	free(piece);
	fputc('\n', s->out);
}

static void
put_head(const struct view *v, const struct screen *s)
{
	const json_t *status = v->now.status, *services = json_object_get(status, "services");
	char up[DURATION_TEXT_SIZE], moment[DURATION_TEXT_SIZE];
	char *first = mem_format("porterd %s  up %s  %s", get_text(status, "version"),
	    duration_format(get_number(status, "up") * 1000, up),
	    duration_moment((int64_t)clock_wall() * 1000, 0, moment));
	char *second = mem_format("running %lld  connections %lld  serving %lld  problems %zu",
	    get_number(status, "running"), get_number(status, "connections"),
	    get_number(services, "serving"), json_array_size(json_object_get(status, "problems")));
	char *third = mem_format("sorted by %s%s", sorts[v->sort].word,
	    s->is_terminal ? " (n r a x c m; q leaves)" : "");

	put_line(s, COLOR_BOLD, first);
	put_line(s, COLOR_NONE, second);
	put_line(s, COLOR_DIM, third);
	free(first);
	free(second);
	free(third);
}

static void
put_all(struct view *v, const struct screen *s)
{
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	size_t most = s->height > HEAD_LINES + 2 ? s->height - HEAD_LINES - 2 : 0;

	top_sort(&v->now, v->sort);
	for (size_t i = 0; i < v->now.rows; i++)
		add_row(t, &v->now.row[i]);
	table_mark(t, sorts[v->sort].column);
	put_head(v, s);
	table_print(t, s, most);
	table_free(t);
}

/* A whole screen in one write, each line of it overwritten, so that nothing flickers. */
static void
draw(struct view *v)
{
	struct screen s;
	char *text = NULL;
	size_t len;

	screen_init(&s, stdout);
	if (s.width > 1)
		s.width--; /* what clears the rest of a full line would take its last character */
	s.out = open_memstream(&text, &len);
	if (s.out == NULL)
		return;
	put_all(v, &s);
	fclose(s.out);
	fputs("\033[H", stdout);
	for (char *line, *rest = text; (line = strsep(&rest, "\n")) != NULL && rest != NULL;)
		printf("%s\033[K\n", line);
	fputs("\033[J", stdout);
	fflush(stdout);
	free(text);
}

static json_t *
row_json(const struct top_row *row)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:I}", "id",
	    row->id, "state", row->state, "running", (json_int_t)row->running, "processes",
	    (json_int_t)row->processes, "queued", (json_int_t)row->queued, "accepted",
	    (json_int_t)row->accepted, "refused", (json_int_t)row->refused, "failed",
	    (json_int_t)row->failed, "accepted_rate", row->accepted_rate, "refused_rate",
	    row->refused_rate, "failed_rate", row->failed_rate, "cpu", row->cpu, "rss_kb",
	    (json_int_t)row->rss_kb);
}

static void
print_json(struct view *v)
{
	json_t *services = json_array();

	top_sort(&v->now, v->sort);
	for (size_t i = 0; i < v->now.rows; i++)
		json_array_append_new(services, row_json(&v->now.row[i]));
	call_json(v->call, json_pack("{s:O, s:s, s:o}", "status", v->now.status, "sort",
			       sorts[v->sort].word, "services", services));
}

/* Looks again; what was seen before is kept for the rates. */
static int
look(struct view *v)
{
	struct top now;
	int status = top_look(v->call, &v->now, &now);

	if (status != CTL_OK)
		return status;
	top_done(&v->now);
	v->now = now;
	return CTL_OK;
}

/* The first look has no rates: it is not shown. */
static int
run_batch(struct view *v)
{
	const struct timespec delay = { .tv_sec = v->delay_ms / 1000,
		.tv_nsec = v->delay_ms % 1000 * 1000000 };
	int status = look(v);

	for (int64_t i = 0; status == CTL_OK && i < v->left; i++) {
		nanosleep(&delay, NULL);
		status = look(v);
		if (status != CTL_OK)
			break;
		if (v->call->is_json) {
			print_json(v);
			continue;
		}
		if (i > 0)
			putchar('\n');
		put_all(v, &v->call->screen);
		if (fflush(stdout) != 0)
			break;
	}
	return status;
}

/* False: it is left. */
static bool
press(struct view *v, char key, int64_t *next_ms)
{
	if (key == 'q')
		return false;
	if (key == ' ')
		*next_ms = clock_now_ms();
	for (size_t i = 0; i < TOP_SORTS; i++)
		if (sorts[i].key == key)
			v->sort = (enum top_sort)i;
	draw(v);
	return true;
}

/* Until the next look; false: it is left. */
static bool
wait_for_keys(struct view *v)
{
	int64_t next_ms = clock_now_ms() + v->delay_ms, left;
	char key;

	while ((left = next_ms - clock_now_ms()) > 0) {
		enum terminal_event event = terminal_wait(left, &key);

		if (event == TERMINAL_GONE || (event == TERMINAL_KEY && !press(v, key, &next_ms)))
			return false;
		if (event == TERMINAL_SIZE)
			draw(v);
	}
	return true;
}

/* Errors are said when the terminal is as before. */
static int
run_live(struct view *v)
{
	int status = look(v);

	if (status != CTL_OK)
		return status;
	if (terminal_enter() < 0)
		return call_fail(v->call, CTL_REFUSED, "failed", "standard input is no terminal");
	v->call->is_quiet = true;
	do {
		draw(v);
		if (v->left > 0)
			v->left--;
		if (v->left == 0 || !wait_for_keys(v))
			break;
		status = look(v);
	} while (status == CTL_OK);
	terminal_leave();
	v->call->is_quiet = false;
	if (status != CTL_OK)
		return call_fail(
		    v->call, status, "gone", "porterd has ended, or refuses to answer");
	/* The last of as many as were wished stays in sight. */
	if (v->left == 0)
		put_all(v, &v->call->screen);
	return status;
}

static int
read_delay(struct view *v)
{
	const char *text = v->call->option[CTL_OPTION_DELAY];
	char *end;
	double seconds;

	if (text == NULL)
		return CTL_OK;
	seconds = strtod(text, &end);
	if (end == text || *end != '\0' || !(seconds >= 0.1 && seconds <= MOST_DELAY_S))
		return call_usage(
		    v->call, "--delay takes seconds from 0.1 to %d, not '%s'", MOST_DELAY_S, text);
	v->delay_ms = (int64_t)(seconds * 1000);
	return CTL_OK;
}

int
ctl_top(struct call *c)
{
	const char *term = getenv("TERM"), *sort = c->option[CTL_OPTION_SORT];
	struct view v = { .call = c, .sort = TOP_BY_RUNNING, .delay_ms = 2000, .left = -1 };
	bool is_live = !c->is_json && c->screen.is_terminal && isatty(STDIN_FILENO) &&
		       (term == NULL || strcmp(term, "dumb") != 0);
	int status = call_word(c, CTL_OPTION_SORT);

	if (!is_live)
		v.left = 1;
	if (status == CTL_OK)
		status = call_number(c, CTL_OPTION_TIMES, 1, INT32_MAX, &v.left);
	if (status == CTL_OK)
		status = read_delay(&v);
	if (status != CTL_OK)
		return status;
	for (size_t i = 0; sort != NULL && i < TOP_SORTS; i++)
		if (strcmp(sorts[i].word, sort) == 0)
			v.sort = (enum top_sort)i;
	status = is_live ? run_live(&v) : run_batch(&v);
	top_done(&v.now);
	return status;
}
