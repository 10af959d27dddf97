/* SPDX-License-Identifier: MIT */
#include "ctl/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/get.h"

static const struct {
	const char *state;
	enum color color;
} state_colors[] = {
	{ "serving", COLOR_GOOD },
	{ "off", COLOR_WARN },
	{ "disabled", COLOR_DIM },
	{ "broken", COLOR_BAD },
	{ "failing", COLOR_BAD },
	{ "leaving", COLOR_WARN },
};

int
show_answer(struct call *c, json_t *request, const char *list, show_fn *show)
{
	json_t *result;
	int status =
	    list != NULL ? link_ask_all(c, request, list, &result) : link_ask(c, request, &result);

	if (status != CTL_OK)
		return status;
	if (c->is_json)
		return call_json(c, result);
	show(c, result);
	json_decref(result);
	return CTL_OK;
}

enum color
show_state_color(const char *state)
{
	for (size_t i = 0; i < ARRAY_LEN(state_colors); i++)
		if (strcmp(state_colors[i].state, state) == 0)
			return state_colors[i].color;
	return COLOR_NONE;
}

char *
show_listeners(const json_t *service)
{
	const json_t *listener;
	char *text = NULL;
	size_t i, len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return mem_dup("");
	json_array_foreach(json_object_get(service, "listeners"), i, listener)
		fprintf(out, "%s%s", i > 0 ? " " : "", get_text(listener, "address"));
	if (fclose(out) == 0)
		return text;
	free(text);
	return mem_dup("");
}

const char *
show_kb(long long kb, char text[16])
{
	static const char units[] = "kMGT";
	double value = (double)kb;
	size_t unit = 0;

	while (value >= 1000 && unit + 2 < sizeof(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(text, 16, "%.*f%c", value < 10 && unit > 0 ? 1 : 0, value, units[unit]);
	return text;
}
