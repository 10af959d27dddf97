/* SPDX-License-Identifier: MIT */
/* Log lines, and the decisions about connections, as they come. */
#include <stdio.h>
#include <string.h>

#include "base/glyph.h"
#include "base/mem.h"
#include "ctl/command_row.h"
#include "ctl/duration.h"
#include "ctl/get.h"

#define MOST_LINES 1000000

/* Only what is worth a second look is coloured. */
static enum color
color_of(const char *kind, const char *level)
{
	if (strcmp(kind, "trace") == 0)
		return COLOR_DIM;
	if (strcmp(kind, "daemon") != 0)
		return COLOR_NONE;
	return strcmp(level, "error") == 0     ? COLOR_BAD
	       : strcmp(level, "warning") == 0 ? COLOR_WARN
					       : COLOR_NONE;
}

/* A trace names the connection; the other kinds have it in their text. */
static void
show_line(const struct screen *s, const json_t *event)
{
	const char *kind = get_text(event, "kind"), *level = get_text(event, "level");
	enum color color = color_of(kind, level);
	char moment[DURATION_TEXT_SIZE];

	screen_put(s, COLOR_DIM, duration_moment(get_number(event, "time"), 1, moment));
	fputs(screen_begin(s, color), s->out);
	fprintf(s->out, " %-8s ", strcmp(kind, "daemon") == 0 ? level : kind);
	if (strcmp(kind, "trace") == 0) {
		glyph_put_text(get_text(event, "service"), s->out);
		fprintf(s->out, " conn=%lld ", get_number(event, "connection"));
	}
	glyph_put_text(get_text(event, "text"), s->out);
	fputs(screen_end(s, color), s->out);
	fputc('\n', s->out);
}

/* False at the end of the stream. */
static bool
show_event(struct call *c, json_t *event)
{
	const char *name = get_text(event, "event");

	if (c->is_json)
		call_json(c, json_incref(event));
	else if (strcmp(name, "line") == 0)
		show_line(&c->screen, event);
	else if (strcmp(name, "lost") == 0)
		fprintf(c->screen.out, "(%lld lines were lost here)\n", get_number(event, "count"));
	return strcmp(name, "end") != 0;
}

/* Lines are written when no more of them wait. */
static int
show_stream(struct call *c, json_t *request)
{
	json_t *answer, *event;
	int status = link_ask(c, request, &answer);
	bool goes_on = true, is_closed;

	if (status != CTL_OK)
		return status;
	json_decref(answer);
	while (goes_on) {
		status = link_poll(c, &event, &is_closed);
		if (status == CTL_OK && event == NULL && !is_closed) {
			if (fflush(stdout) != 0)
				return CTL_OK; /* nobody reads: said at the end of porterctl */
			status = link_event(c, &event);
			is_closed = event == NULL;
		}
		if (status != CTL_OK)
			return status;
		if (event == NULL)
			return call_fail(c, CTL_REFUSED, "gone", "porterd has ended");
		goes_on = show_event(c, event);
		json_decref(event);
	}
	return CTL_OK;
}

static int
check_options(struct call *c, int64_t *lines, int64_t *connection)
{
	int status = call_number(c, CTL_OPTION_LINES, 0, MOST_LINES, lines);

	if (status == CTL_OK)
		status = call_number(c, CTL_OPTION_CONNECTION, 1, INT64_MAX, connection);
	if (status == CTL_OK)
		status = call_word(c, CTL_OPTION_LEVEL);
	if (status == CTL_OK)
		status = call_word(c, CTL_OPTION_KIND);
	return status;
}

int
ctl_logs(struct call *c)
{
	int64_t lines = -1, connection = 0;
	int status = check_options(c, &lines, &connection);
	json_t *request;

	if (status != CTL_OK)
		return status;
	request = link_request("logs");
	if (call_has(c, CTL_OPTION_FOLLOW))
		json_object_set_new(request, "follow", json_true());
	if (lines >= 0)
		json_object_set_new(request, "lines", json_integer(lines));
	if (connection > 0)
		json_object_set_new(request, "connection", json_integer(connection));
	link_put_text(request, "service", c->option[CTL_OPTION_SERVICE]);
	link_put_text(request, "level", c->option[CTL_OPTION_LEVEL]);
	link_put_text(request, "kind", c->option[CTL_OPTION_KIND]);
	link_put_text(request, "match", c->option[CTL_OPTION_MATCH]);
	return show_stream(c, request);
}

int
ctl_trace(struct call *c)
{
	json_t *request = link_request("trace");

	link_put_text(request, "service", c->args[0]);
	return show_stream(c, request);
}
