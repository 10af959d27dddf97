/* SPDX-License-Identifier: MIT */
/* Log lines from memory, and as they come. */
#include <stdlib.h>
#include <string.h>

#include "base/journal.h"
#include "base/mem.h"
#include "base/quote.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/describe.h"
#include "control/live.h"
#include "run/service.h"

/* Shown of those that are there already, unless the client says how many. */
#define LINES_USUALLY 100

#define ALL_KINDS (1u << JOURNAL_DAEMON | 1u << JOURNAL_ACTIVITY | 1u << JOURNAL_TRACE)

static void
take_id(struct service *s, void *arg)
{
	const char **id = arg;

	if (*id == NULL)
		*id = s->conf->id;
}

/* The journal knows ids alone, also those of services that are gone. */
static const char *
id_of(struct request *r, const char *selector)
{
	const char *id = NULL;

	services_named(r->daemon, selector, take_id, &id);
	return id;
}

static bool
has_lines(const char *id)
{
	struct journal_record record;
	uint64_t at = 0, lost = 0;

	while (journal_read(&at, &record, &lost))
		if (record.service != NULL && strcmp(record.service, id) == 0)
			return true;
	return false;
}

/* False, and the request has failed, if nobody knows that service. */
static bool
read_service(struct journal_filter *f, struct request *r)
{
	const char *selector = request_text(r, "service");
	const char *id = selector != NULL ? id_of(r, selector) : NULL;
	char shown[160];

	if (selector == NULL)
		return true;
	if (id == NULL && (is_configured(r->daemon->config, selector) || has_lines(selector)))
		id = selector;
	if (id == NULL) {
		request_fail(r, "unknown-service",
		    "there is no service %s, and no line about it: \"services\" lists them",
		    quote_text(selector, shown, sizeof(shown)));
		return false;
	}
	f->service = mem_dup(id);
	return true;
}

static bool
read_words(struct journal_filter *f, struct request *r)
{
	const char *level = request_text(r, "level"), *kind = request_text(r, "kind");
	int number;

	if (level != NULL) {
		f->level = control_level(level);
		if (f->level < 0) {
			request_fail(
			    r, "bad-request", "level must be error, warning, info or debug");
			return false;
		}
	}
	if (kind != NULL) {
		number = control_kind(kind);
		if (number < 0) {
			request_fail(r, "bad-request", "kind must be daemon, activity or trace");
			return false;
		}
		f->kinds = 1u << number;
	}
	return true;
}

/* A whole number that is not negative; usual if it is not there. */
static bool
read_number(struct request *r, const char *name, json_int_t usual, json_int_t *out)
{
	const json_t *value = json_object_get(r->args, name);

	*out = value != NULL ? json_integer_value(value) : usual;
	if (*out >= 0)
		return true;
	request_fail(r, "bad-request", "%s must not be negative", name);
	return false;
}

/* The record that the last `lines` of those that pass begin with. */
static uint64_t
first_of_last(const struct journal_filter *f, uint64_t lines)
{
	struct journal_record record;
	uint64_t at = 0, lost = 0, passing = 0;

	if (lines == 0)
		return journal_next();
	while (journal_read(&at, &record, &lost))
		passing += control_passes(f, &record);
	at = 0;
	while (journal_read(&at, &record, &lost))
		if (control_passes(f, &record) && passing-- <= lines)
			return record.seq;
	return journal_next();
}

static json_t *
stream(struct request *r, const struct journal_filter *f)
{
	client_stream(r->client, f);
	return json_object();
}

json_t *
cmd_logs(struct request *r)
{
	struct journal_filter f = { .kinds = ALL_KINDS, .level = LOG_LEVEL_DEBUG };
	const char *match = request_text(r, "match");
	json_int_t lines, connection;

	if (!read_number(r, "lines", LINES_USUALLY, &lines) ||
	    !read_number(r, "connection", 0, &connection) || !read_words(&f, r) ||
	    !read_service(&f, r))
		return NULL;
	f.connection = (uint64_t)connection;
	f.match = match != NULL ? mem_dup(match) : NULL;
	f.follows = json_is_true(json_object_get(r->args, "follow"));
	f.from = first_of_last(&f, (uint64_t)lines);
	return stream(r, &f);
}

json_t *
cmd_trace(struct request *r)
{
	const char *id = id_of(r, request_text(r, "service"));

	if (id == NULL)
		return live_unknown(r);
	return stream(r, &(struct journal_filter){
			     .from = journal_next(),
			     .follows = true,
			     .kinds = 1u << JOURNAL_TRACE | 1u << JOURNAL_ACTIVITY,
			     .level = LOG_LEVEL_DEBUG,
			     .service = mem_dup(id),
			     .is_trace = true,
			 });
}
