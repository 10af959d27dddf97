/* SPDX-License-Identifier: MIT */
#include "control/problem_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "control/json_text.h"

/* Longer lines are cut. */
#define LINE_BYTES 400u

static const char *const severities[] = {
	[SEVERITY_NOTE] = "note",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

static const char *const causes[] = {
	[CAUSE_TEXT] = "text",
	[CAUSE_SURROUNDINGS] = "surroundings",
};

/* Where a line begins. Kept from problem to problem: most come in the order of the lines. */
struct finder {
	const struct source *source;
	unsigned line;
	const char *start;
};

/* False if the source has no such line. */
static bool
go_to_line(struct finder *f, const struct place *place)
{
	const struct source *source = place->source;

	if (source->len == 0)
		return false;
	if (f->source != source || f->line > place->line)
		*f = (struct finder){
			.source = source,
			.line = 1,
			.start = source->text + text_mark_len(source->text, source->len),
		};
	while (f->line < place->line) {
		const char *end =
		    memchr(f->start, '\n', source->len - (size_t)(f->start - source->text));

		if (end == NULL)
			return false;
		f->start = end + 1;
		f->line++;
	}
	return true;
}

static json_t *
line_json(struct finder *f, const struct place *place)
{
	size_t left, len = 0;
	json_t *json;
	char *text;

	if (place->source == NULL || place->line == 0 || !go_to_line(f, place))
		return json_null();
	left = place->source->len - (size_t)(f->start - place->source->text);
	while (len < left && len < LINE_BYTES && strchr("\r\n", f->start[len]) == NULL)
		len++;
	text = mem_dupn(f->start, len);
	json = json_text(text);
	free(text);
	return json;
}

static json_t *
problem_json(struct finder *f, const struct problem *p)
{
	json_t *json = json_object(), *line = line_json(f, &p->place);
	char place[512];

	json_object_set_new(json, "severity", json_string(severities[p->severity]));
	json_object_set_new(json, "cause", json_string(causes[p->cause]));
	json_object_set_new(
	    json, "place", json_text(place_format(&p->place, place, sizeof(place))));
	if (json_is_string(line))
		json_object_set(json, "line", line);
	json_object_set_new(json, "text", json_text(p->text));
	json_decref(line);
	return json;
}

json_t *
problems_json(const struct problems *problems)
{
	static const enum severity order[] = { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

	json_t *list = json_array();

	for (size_t k = 0; k < ARRAY_LEN(order); k++) {
		struct finder f = { 0 };

		for (size_t i = 0; i < problems->count; i++)
			if (problems->item[i].severity == order[k] &&
			    json_array_size(list) < PROBLEM_JSON_MOST)
				json_array_append_new(list, problem_json(&f, &problems->item[i]));
	}
	return list;
}
