/* SPDX-License-Identifier: MIT */
/* Programs and workers that run, and whom they serve. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quote.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/describe.h"
#include "control/json_text.h"
#include "run/service.h"
#include "run/worker.h"

/* The services that were asked for, by address. */
struct wanted {
	bool is_all;
	const struct service **item;
	size_t count;
};

static void
add_wanted(struct service *s, void *arg)
{
	struct wanted *w = arg;

	w->item = mem_grow(w->item, w->count + 1, sizeof(struct service *));
	w->item[w->count++] = s;
}

static int
compare(const void *x, const void *y)
{
	uintptr_t a = (uintptr_t) * (const struct service *const *)x;
	uintptr_t b = (uintptr_t) * (const struct service *const *)y;

	return (a > b) - (a < b);
}

/* All that go by the name, those too that were removed and whose programs are still there. */
static bool
find_wanted(struct wanted *w, struct request *r, const char *name)
{
	struct service *s;
	char shown[160];

	w->is_all = name == NULL;
	if (w->is_all)
		return true;
	services_named(r->daemon, name, add_wanted, w);
	TAILQ_FOREACH(s, &r->daemon->runtime.services, link)
		if (s->is_gone && strcmp(s->conf->id, name) == 0)
			add_wanted(s, w);
	if (w->count == 0 && !is_configured(r->daemon->config, name)) {
		request_fail(r, "unknown-service",
		    "there is no service %s: \"services\" lists them",
		    quote_text(name, shown, sizeof(shown)));
		return false;
	}
	if (w->count > 0)
		qsort(w->item, w->count, sizeof(struct service *), compare);
	return true;
}

static bool
is_wanted(const struct wanted *w, const struct service *s)
{
	return w->is_all || (w->count > 0 && bsearch(&s, w->item, w->count,
						 sizeof(struct service *), compare) != NULL);
}

static json_t *
begin_item(const struct server *s, uint64_t connection, const struct addr *peer)
{
	char text[ADDR_TEXT_SIZE];
	json_t *item = json_pack("{s:I, s:o, s:i, s:o}", "connection", (json_int_t)connection,
	    "service", json_text(s->service->conf->id), "pid", (int)s->pid, "peer",
	    json_text(peer_text(peer, text)));
	bool has_port = addr_family(peer) == AF_INET || addr_family(peer) == AF_INET6;

	json_object_set_new(item, "port", has_port ? json_integer(addr_port(peer)) : json_null());
	return item;
}

static json_t *
finish_item(json_t *item, const char *kind, const char *state, int64_t age_ms)
{
	json_object_set_new(item, "kind", json_string(kind));
	json_object_set_new(item, "state", json_string(state));
	json_object_set_new(item, "age", json_integer(age_ms));
	return item;
}

/* The age of an idle one is that of its process, and of others that of the connection. */
static json_t *
worker_item(const struct worker *w, int64_t now_ms)
{
	static const struct addr nobody;
	bool has_client = w->state != WORKER_IDLE;
	json_t *item = begin_item(
	    w->server, has_client ? w->client.c.id : 0, has_client ? &w->client.c.peer : &nobody);

	json_object_set_new(item, "served", json_integer(w->served));
	return finish_item(item, "worker", worker_state_word(w),
	    now_ms - (has_client ? w->since_ms : w->server->started_ms));
}

static json_t *
program_item(const struct server *s, int64_t now_ms)
{
	return finish_item(
	    begin_item(s, s->connection, &s->peer), "program", "running", now_ms - s->started_ms);
}

/* Cursors are places in the table of programs, which nobody changes while he runs. */
static bool
read_cursor(struct request *r, unsigned *at)
{
	const char *text = request_text(r, "after");
	char *end = NULL;

	*at = 0;
	if (text == NULL)
		return true;
	if (*text >= '0' && *text <= '9')
		*at = (unsigned)strtoul(text, &end, 10);
	if (end != NULL && *end == '\0')
		return true;
	request_fail(r, "bad-request", "after must be what \"next\" of the page before said");
	return false;
}

static json_t *
list_from(const struct daemon *d, const struct wanted *wanted, unsigned at)
{
	json_t *list = json_array(), *result = json_pack("{s:o}", "connections", list);
	int64_t now_ms = clock_now_ms();

	for (unsigned before = at;; before = at) {
		const struct server *s = servers_next(d->runtime.servers, &at);

		if (s == NULL)
			break;
		if (!is_wanted(wanted, s->service))
			continue;
		if (json_array_size(list) == CONTROL_PAGE) {
			json_object_set_new(result, "next", json_sprintf("%u", before));
			break;
		}
		json_array_append_new(list,
		    s->worker != NULL ? worker_item(s->worker, now_ms) : program_item(s, now_ms));
	}
	return result;
}

json_t *
cmd_connections(struct request *r)
{
	const char *name = request_text(r, "service");
	struct wanted wanted = { 0 };
	json_t *result = NULL;
	unsigned at;

	if (read_cursor(r, &at) && find_wanted(&wanted, r, name))
		result = list_from(r->daemon, &wanted, at);
	free(wanted.item);
	return result;
}
