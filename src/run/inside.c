/* SPDX-License-Identifier: MIT */
#include "run/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/drain.h"
#include "run/activity.h"
#include "run/mux.h"
#include "run/trace.h"

/* How long a client may take to read a list. */
#define READ_MS 10000

static const char *
protocol_of(const struct service_conf *conf)
{
	if (conf_is_muxed(conf))
		return "tcpmux";
	if (conf->protocol == 0)
		return "unix";
	return conf->protocol == IPPROTO_UDP ? "udp" : "tcp";
}

static void
list_service(FILE *out, const struct service *s)
{
	const struct listener *l;

	if (TAILQ_EMPTY(&s->listeners) && conf_is_muxed(s->conf))
		fprintf(out, "%s tcpmux -\n", s->conf->name);
	/* The same port at several addresses stands there once. */
	TAILQ_FOREACH(l, &s->listeners, link) {
		const struct listener *before = TAILQ_PREV(l, listener_list, link);

		if (!listener_is_bound(l) ||
		    (before != NULL && listener_is_bound(before) &&
			addr_port(listener_bound(before)) == addr_port(listener_bound(l))))
			continue;
		if (addr_family(listener_bound(l)) == AF_UNIX)
			fprintf(
			    out, "%s unix %s\n", s->conf->name, listener_bound(l)->u.un.sun_path);
		else
			fprintf(out, "%s %s %u\n", s->conf->name, protocol_of(s->conf),
			    addr_port(listener_bound(l)));
	}
}

static void
list_services(FILE *out, const struct runtime *rt)
{
	const struct service *s;

	TAILQ_FOREACH(s, &rt->services, link)
		if (!s->is_gone && !s->is_off)
			list_service(out, s);
}

/* The time of the day at which it was started, as far as that can be told from how long ago it was. */
static void
list_server(FILE *out, const struct server *server, int64_t now_ms)
{
	char peer[ADDR_TEXT_SIZE], since[32];
	const time_t started = clock_wall() - (time_t)((now_ms - server->started_ms) / 1000);
	struct tm tm;

	if (localtime_r(&started, &tm) == NULL ||
	    strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%S%z", &tm) == 0)
		since[0] = '\0';
	addr_format(&server->peer, peer);
	fprintf(out, "%s %d %s %s\n", server->service->conf->id, (int)server->pid,
	    peer[0] != '\0' ? peer : "-", since);
}

static void
list_servers(FILE *out, const struct runtime *rt)
{
	const int64_t now_ms = clock_now_ms();
	const struct server *server;
	unsigned at = 0;

	while ((server = servers_next(rt->servers, &at)) != NULL)
		list_server(out, server, now_ms);
}

static void
send_list(struct service *s, struct connection *c, void (*write)(FILE *out, const struct runtime *))
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		log_fatal("event=out-of-memory what=\"a list\"");
	write(out, s->runtime);
	fclose(out);
	s->counters.answered++;
	activity_start(s, 0, &c->peer, c->id);
	histogram_add(&s->counters.start, clock_now_us() - c->accepted_us);
	TRACE(s, c->id, "answered by the daemon itself");
	drains_add(s->runtime->drains, c->fd, text, len, READ_MS);
	free(text);
}

static void
serve_servers(struct service *s, struct connection *c)
{
	send_list(s, c, list_servers);
}

static void
serve_services(struct service *s, struct connection *c)
{
	send_list(s, c, list_services);
}

static void (*const serve[])(struct service *s, struct connection *c) = {
	[INSIDE_TCPMUX] = mux_take,
	[INSIDE_SERVERS] = serve_servers,
	[INSIDE_SERVICES] = serve_services,
};
_Static_assert(ARRAY_LEN(serve) == INSIDE_MAX, "every one is served");

bool
inside_serve(struct service *s, struct connection *c)
{
	const struct builtin *b = s->plan->builtin;

	if (b == NULL || b->inside == INSIDE_NOTHING)
		return false;
	serve[b->inside](s, c);
	return true;
}
