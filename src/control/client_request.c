/* SPDX-License-Identifier: MIT */
/* One request of a client: who may ask what, and what of it is logged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "control/client.h"
#include "control/request.h"
#include "net/linger.h"

#define MESSAGE_MS 1000

/* Arguments as words of a log line: " service=echo now=true". "pid" stands for the client there. */
static void
format_args(json_t *args, char *text, size_t size)
{
	const char *name;
	json_t *value;
	size_t len = 0;

	*text = '\0';
	json_object_foreach(args, name, value) {
		char shown[200];
		char *plain;

		if (strcmp(name, "command") == 0 || strcmp(name, "id") == 0 ||
		    strcmp(name, "protocol") == 0 || len >= size)
			continue;
		plain = json_is_string(value) ? mem_dup(json_string_value(value))
					      : json_dumps(value, JSON_ENCODE_ANY);
		len += (size_t)snprintf(text + len, size - len, " %s%s=%s",
		    strcmp(name, "pid") == 0 ? "target-" : "", name,
		    quote_text(plain != NULL ? plain : "", shown, sizeof(shown)));
		free(plain);
	}
}

static void
say_done(const struct client_conn *c, const struct command *row, json_t *args)
{
	char words[1024];

	format_args(args, words, sizeof(words));
	log_info("event=control uid=%u pid=%d command=%s%s", (unsigned)c->uid, (int)c->pid,
	    row->name, words);
}

static void
say_denied(struct client_conn *c, const struct command *row)
{
	struct rate *rate = &c->control->denied[row - commands];
	unsigned left_out;

	if (rate_allows(rate, clock_now_ms(), MESSAGE_MS, &left_out))
		log_warn("event=control-denied uid=%u pid=%d command=%s left-out=%u",
		    (unsigned)c->uid, (int)c->pid, row->name, left_out);
}

static bool
is_allowed(struct client_conn *c, const struct command *row)
{
	if (c->role >= row->role)
		return true;
	say_denied(c, row);
	client_fail(c, "forbidden", NULL, "only root and whoever runs the daemon may do this");
	return false;
}

static unsigned
count_fds(const struct client_conn *c)
{
	unsigned n = 0;

	while (n < CONTROL_FDS && c->fds[n] >= 0)
		n++;
	return n;
}

/* The descriptors are the command's while it runs; those that it leaves are closed. */
static void
run_command(struct client_conn *c, const struct command *row, json_t *args)
{
	struct request r = { .daemon = c->control->daemon, .client = c, .args = args };
	json_t *result;

	memcpy(r.fds, c->fds, sizeof(r.fds));
	for (size_t i = 0; i < CONTROL_FDS; i++)
		c->fds[i] = -1;
	if (row->role == ROLE_ADMIN)
		say_done(c, row, args);
	result = row->fn(&r);
	for (size_t i = 0; i < CONTROL_FDS; i++)
		if (r.fds[i] >= 0)
			linger_close(r.fds[i]);
	if (result == REQUEST_LATER)
		return;
	if (result != NULL)
		client_answer(c, result);
	else if (c->is_waiting)
		client_fail(c, "failed", NULL, "the command gave no reason");
}

static void
dispatch(struct client_conn *c, json_t *args)
{
	struct request_fault f = { 0 };
	const struct command *row = request_find(commands, command_count, args, &f);

	if (row != NULL && !is_allowed(c, row))
		return;
	if (row == NULL || !request_check(row, args, &f))
		client_fail(c, f.code, NULL, f.text);
	else if (count_fds(c) != row->fds)
		client_fail(c, "bad-request", NULL,
		    row->fds > 0 ? "two descriptors must come with the request"
				 : "no descriptors may come with the request");
	else
		run_command(c, row, args);
}

void
client_request(struct client_conn *c)
{
	struct request_fault f = { 0 };
	json_t *args = request_parse(c->in, c->in_len, &f);

	free(c->in);
	c->in = NULL;
	c->in_len = c->in_room = 0;
	client_end_stream(c);
	c->has_asked = true;
	c->is_waiting = true;
	c->id = json_is_array(request_id(args)) || json_is_object(request_id(args))
		    ? NULL
		    : json_incref(request_id(args));
	if (args == NULL)
		client_fail(c, f.code, NULL, f.text);
	else
		dispatch(c, args);
	client_close_fds(c);
	json_decref(args);
}
