/* SPDX-License-Identifier: MIT */
/* What a reload would change. */
#include <stdio.h>

#include "ctl/command_row.h"
#include "ctl/get.h"
#include "ctl/show.h"

/* A sign and a word for each string of a list. */
static unsigned
show_words(struct call *c, const json_t *list, enum color color, const char *sign)
{
	const json_t *word;
	size_t i;

	json_array_foreach(list, i, word) {
		fputs(sign, stdout);
		screen_put(&c->screen, color, json_is_string(word) ? json_string_value(word) : "");
		putchar('\n');
	}
	return (unsigned)json_array_size(list);
}

static void
show_changed(struct call *c, const json_t *service)
{
	const json_t *attribute;
	size_t i;

	fputs("~ service ", stdout);
	screen_put(&c->screen, COLOR_WARN, get_text(service, "id"));
	putchar('\n');
	json_array_foreach(json_object_get(service, "attributes"), i, attribute) {
		fputs("    ", stdout);
		screen_put(&c->screen, COLOR_NONE, get_text(attribute, "name"));
		fputs(": ", stdout);
		screen_put(&c->screen, COLOR_BAD, get_text(attribute, "old"));
		fputs(" -> ", stdout);
		screen_put(&c->screen, COLOR_GOOD, get_text(attribute, "new"));
		putchar('\n');
	}
}

static void
show_diff(struct call *c, const json_t *result)
{
	const json_t *changed = json_object_get(result, "changed"), *service;
	const json_t *listeners = json_object_get(result, "listeners");
	size_t count = json_array_size(changed), i;

	show_problems(json_object_get(result, "problems"));
	count += show_words(c, json_object_get(result, "added"), COLOR_GOOD, "+ service ");
	count += show_words(c, json_object_get(result, "removed"), COLOR_BAD, "- service ");
	json_array_foreach(changed, i, service)
		show_changed(c, service);
	count += show_words(c, json_object_get(listeners, "opened"), COLOR_GOOD, "+ listener ");
	count += show_words(c, json_object_get(listeners, "closed"), COLOR_BAD, "- listener ");
	show_words(c, json_object_get(result, "restarts_workers"), COLOR_WARN, "! new workers of ");
	if (show_refuses(json_object_get(result, "problems")))
		puts("a reload would be refused");
	else if (count == 0)
		puts("a reload would change nothing");
}

int
ctl_diff(struct call *c)
{
	json_t *result;
	int status;

	c->link.patience_ms = -1;
	status = link_ask(c, link_request("diff"), &result);
	if (status != CTL_OK)
		return status;
	if (show_refuses(json_object_get(result, "problems")))
		status = CTL_REFUSED;
	if (c->is_json)
		call_json(c, json_incref(result));
	else
		show_diff(c, result);
	json_decref(result);
	return status;
}
