/* SPDX-License-Identifier: MIT */
/* Commands that change something, and are done at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/glyph.h"
#include "base/mem.h"
#include "ctl/command_row.h"
#include "ctl/duration.h"
#include "ctl/get.h"
#include "ctl/show.h"

static void
show_states(struct call *c, const json_t *result)
{
	const json_t *service;
	size_t i;

	json_array_foreach(json_object_get(result, "services"), i, service) {
		const char *state = get_text(service, "state");

		glyph_put_text(get_text(service, "id"), stdout);
		fputs(": ", stdout);
		screen_put(&c->screen, show_state_color(state), state);
		putchar('\n');
	}
}

int
ctl_enable(struct call *c)
{
	json_t *request = link_request("enable");

	link_put_text(request, "service", c->args[0]);
	return show_answer(c, request, NULL, show_states);
}

int
ctl_disable(struct call *c)
{
	json_t *request = link_request("disable");

	link_put_text(request, "service", c->args[0]);
	return show_answer(c, request, NULL, show_states);
}

static void
show_signalled(struct call *c, const json_t *result)
{
	const json_t *list = json_object_get(result, "signalled"), *pid;
	size_t i;

	(void)c;
	if (json_array_size(list) == 0)
		puts("no program runs");
	json_array_foreach(list, i, pid)
		printf("%ssignalled %lld", i > 0 ? "\n" : "", (long long)json_integer_value(pid));
	if (json_array_size(list) > 0)
		putchar('\n');
}

int
ctl_kill(struct call *c)
{
	const char *text = c->args[0];
	json_t *request = link_request("kill");
	long long pid = 0;

	/* No pid is longer. */
	if (strspn(text, "0123456789") == strlen(text) && strlen(text) < 10)
		pid = strtoll(text, NULL, 10);
	if (pid > 0)
		json_object_set_new(request, "pid", json_integer(pid));
	else
		link_put_text(request, "service", text);
	link_put_text(request, "signal", c->option[CTL_OPTION_SIGNAL]);
	return show_answer(c, request, NULL, show_signalled);
}

static void
show_set(struct call *c, const json_t *result)
{
	const json_t *service;
	size_t i;

	(void)c;
	json_array_foreach(json_object_get(result, "services"), i, service) {
		glyph_put_text(get_text(service, "id"), stdout);
		fputs(": ", stdout);
		glyph_put_text(get_text(service, "name"), stdout);
		fputs(" was ", stdout);
		glyph_put_text(get_text(service, "old"), stdout);
		fputs(", is ", stdout);
		glyph_put_text(get_text(service, "new"), stdout);
		fputs(" until the next reload\n", stdout);
	}
}

int
ctl_set(struct call *c)
{
	json_t *request = link_request("set");

	link_put_text(request, "service", c->args[0]);
	link_put_text(request, "name", c->args[1]);
	link_put_text(request, "value", c->args[2]);
	return show_answer(c, request, NULL, show_set);
}

static void
show_ban(struct call *c, const json_t *result)
{
	char text[DURATION_TEXT_SIZE];

	(void)c;
	glyph_put_text(get_text(result, "address"), stdout);
	if (get_has(result, "until"))
		printf(" is banned until %s\n",
		    duration_moment(get_number(result, "until") * 1000, 0, text));
	else
		puts(" is banned until unban");
}

static void
show_unban(struct call *c, const json_t *result)
{
	(void)c;
	glyph_put_text(get_text(result, "address"), stdout);
	puts(" is served again");
}

int
ctl_ban(struct call *c)
{
	const char *text = c->option[CTL_OPTION_FOR];
	json_t *request;
	int64_t seconds = 0;

	if (text != NULL && duration_parse(text, &seconds) < 0)
		return call_usage(
		    c, "--for takes a time as 90, 90s, 10m, 2h or 1d, not '%s'", text);
	request = link_request("ban");
	link_put_text(request, "address", c->args[0]);
	if (text != NULL)
		json_object_set_new(request, "for", json_integer(seconds));
	return show_answer(c, request, NULL, show_ban);
}

int
ctl_unban(struct call *c)
{
	json_t *request = link_request("unban");

	link_put_text(request, "address", c->args[0]);
	return show_answer(c, request, NULL, show_unban);
}

static void
show_reload(struct call *c, const json_t *result)
{
	long long services = get_number(result, "services");
	long long listeners = get_number(result, "listeners");

	show_problems(json_object_get(result, "problems"));
	printf("%s%lld service%s, %lld listener%s, %lld not bound, %lld left as they were\n",
	    call_has(c, CTL_OPTION_DRY_RUN) ? "a reload would be taken: " : "reloaded: ", services,
	    services == 1 ? "" : "s", listeners, listeners == 1 ? "" : "s",
	    get_number(result, "unbound"), get_number(result, "kept"));
}

int
ctl_reload(struct call *c)
{
	json_t *request = link_request("reload");

	c->link.patience_ms = -1;
	if (call_has(c, CTL_OPTION_DRY_RUN))
		json_object_set_new(request, "dry_run", json_true());
	return show_answer(c, request, NULL, show_reload);
}

static void
show_upgrade(struct call *c, const json_t *result)
{
	(void)c;
	fputs("porterd ", stdout);
	glyph_put_text(get_text(result, "version"), stdout);
	puts(" serves now");
}

int
ctl_upgrade(struct call *c)
{
	c->link.patience_ms = -1;
	return show_answer(c, link_request("upgrade"), NULL, show_upgrade);
}

/* The end of the connection is that of the daemon. */
static int
await_end(struct call *c)
{
	json_t *event;
	int status;

	while ((status = link_event(c, &event)) == CTL_OK && event != NULL)
		json_decref(event);
	return status;
}

int
ctl_stop(struct call *c)
{
	json_t *request = link_request("stop"), *result;
	long long running;
	int status;

	if (call_has(c, CTL_OPTION_NOW))
		json_object_set_new(request, "now", json_true());
	status = link_ask(c, request, &result);
	if (status != CTL_OK)
		return status;
	running = get_number(result, "running");
	if (running > 0 && !c->is_json) {
		printf("porterd ends; %lld programs run\n", running);
		fflush(stdout);
	}
	status = await_end(c);
	if (status != CTL_OK)
		json_decref(result);
	else if (c->is_json)
		call_json(c, result);
	else {
		puts("porterd has ended");
		json_decref(result);
	}
	return status;
}
