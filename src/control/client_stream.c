/* SPDX-License-Identifier: MIT */
/* Records of the journal as events. A client has a place of its own in it, and nothing is formatted before the client
 * has read what came before: one who is slow loses records, which he is told, and no memory. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/journal.h"
#include "control/client.h"
#include "control/daemon.h"
#include "control/json_text.h"
#include "run/service.h"

/* Records that are looked at in one turn of the loop. */
#define RECORDS_A_TURN 256u
/* Bytes of events that are written at once. */
#define BATCH_BYTES    65536u

static const char *const level_words[] = {
	[LOG_LEVEL_ERR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static const char *const kind_words[] = {
	[JOURNAL_DAEMON] = "daemon",
	[JOURNAL_ACTIVITY] = "activity",
	[JOURNAL_TRACE] = "trace",
};

static int
find_word(const char *const *words, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], text) == 0)
			return (int)i;
	return -1;
}

int
control_level(const char *word)
{
	return find_word(level_words, ARRAY_LEN(level_words), word);
}

int
control_kind(const char *word)
{
	return find_word(kind_words, ARRAY_LEN(kind_words), word);
}

bool
control_passes(const struct journal_filter *f, const struct journal_record *r)
{
	return (f->kinds & 1u << r->kind) != 0 &&
	       (r->kind != JOURNAL_DAEMON || (int)r->level <= f->level) &&
	       (f->connection == 0 || f->connection == r->connection) &&
	       (f->service == NULL ||
		   (r->service != NULL && strcmp(f->service, r->service) == 0)) &&
	       (f->match == NULL || strstr(r->text, f->match) != NULL);
}

static json_t *
new_event(const char *name)
{
	json_t *event = json_object();

	json_object_set_new(event, "event", json_string(name));
	return event;
}

static bool
put_event(struct client_conn *c, json_t *event)
{
	bool is_put = client_put(c, event);

	json_decref(event);
	return is_put;
}

static void
put_record(struct client_conn *c, const struct journal_record *r)
{
	json_t *event = new_event("line");

	json_object_set_new(event, "time", json_integer(r->wall_ms));
	json_object_set_new(event, "kind", json_string(kind_words[r->kind]));
	json_object_set_new(event, "level", json_string(level_words[r->level]));
	if (r->service != NULL)
		json_object_set_new(event, "service", json_text(r->service));
	if (r->connection != 0)
		json_object_set_new(event, "connection", json_integer((json_int_t)r->connection));
	json_object_set_new(event, "text", json_text(r->text));
	put_event(c, event);
}

static void
put_lost(struct client_conn *c, uint64_t lost)
{
	json_t *event = new_event("lost");

	json_object_set_new(event, "count", json_integer((json_int_t)lost));
	put_event(c, event);
}

/* Everything that there is, or as much as is done in one turn. */
static void
put_records(struct client_conn *c)
{
	struct journal_record r;

	for (unsigned i = 0; i < RECORDS_A_TURN && c->out_len < BATCH_BYTES; i++) {
		uint64_t lost = 0;
		bool is_there = journal_read(&c->stream.from, &r, &lost);

		if (lost > 0)
			put_lost(c, lost);
		if (!is_there) {
			c->has_records = false;
			return;
		}
		if (control_passes(&c->stream, &r))
			put_record(c, &r);
	}
}

void
client_pump(struct client_conn *c)
{
	if (c->is_gone || !c->has_stream || client_has_output(c) || c->is_waiting)
		return;
	put_records(c);
	if (!c->has_records && !c->stream.follows) {
		put_event(c, new_event("end"));
		client_end_stream(c);
	}
	client_write(c);
}

/* Called for each record: nothing but a note. */
static void
on_record(void *arg)
{
	struct control *control = arg;
	struct client_conn *c;

	LIST_FOREACH(c, &control->clients, link) {
		if (!c->has_stream || c->has_records)
			continue;
		c->has_records = true;
		client_settle(c);
	}
}

void
control_listen_to_journal(struct control *control)
{
	const struct client_conn *c;

	LIST_FOREACH(c, &control->clients, link)
		if (c->has_stream) {
			journal_set_listener(on_record, control);
			return;
		}
	journal_set_listener(NULL, NULL);
}

void
control_count_watchers(struct control *control)
{
	struct client_conn *c;
	struct service *s;

	TAILQ_FOREACH(s, &control->daemon->runtime.services, link) {
		s->watchers = 0;
		LIST_FOREACH(c, &control->clients, link)
			if (c->has_stream && c->stream.is_trace && c->stream.service != NULL &&
			    strcmp(c->stream.service, s->conf->id) == 0)
				s->watchers++;
	}
}

void
client_stream(struct client_conn *c, const struct journal_filter *filter)
{
	client_end_stream(c);
	c->stream = *filter;
	c->has_stream = c->has_records = true;
	control_count_watchers(c->control);
	control_listen_to_journal(c->control);
	client_settle(c);
}

void
client_end_stream(struct client_conn *c)
{
	if (!c->has_stream)
		return;
	c->has_stream = c->has_records = false;
	free(c->stream.service);
	free(c->stream.match);
	c->stream = (struct journal_filter){ 0 };
	control_count_watchers(c->control);
	control_listen_to_journal(c->control);
}

void
client_finish_stream(struct client_conn *c)
{
	c->stream.follows = false;
	c->has_records = c->has_stream;
}
