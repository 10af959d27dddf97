/* SPDX-License-Identifier: MIT */
#include "run/door_count.h"

#include "base/clock.h"
#include "base/mem.h"
#include "run/lobby.h"
#include "run/mux.h"
#include "run/pool.h"

void
door_enter(struct service *s, const struct addr *peer)
{
	struct door *d = s->door;

	if (d != NULL && d->sources != NULL)
		sources_add(d->sources, peer, d->v6_prefix, clock_now_ms());
}

void
door_leave(struct service *s, const struct addr *peer)
{
	struct door *d = s->door;

	if (d != NULL && d->sources != NULL)
		sources_drop(d->sources, peer, d->v6_prefix, clock_now_ms());
}

/* A program that has the listener serves whoever comes, and workers have their clients. */
static void
count_servers(struct service *s)
{
	struct server *server;

	LIST_FOREACH(server, &s->servers, in_service) {
		server->has_slot = server->worker == NULL && server->listener == NULL;
		if (server->has_slot)
			door_enter(s, &server->peer);
	}
}

static void
count_workers(struct service *s, const struct worker_list *workers)
{
	const struct worker *w;

	TAILQ_FOREACH(w, workers, link) {
		if (w->state == WORKER_IDLE || w->accepts)
			continue;
		door_enter(s, &w->client.c.peer);
		if (w->next.c.fd >= 0)
			door_enter(s, &w->next.c.peer);
	}
}

static void
count_pool(struct service *s)
{
	const struct pool *p = s->pool;
	const struct client *waiting;

	for (size_t i = 0; i < ARRAY_LEN(p->workers); i++)
		count_workers(s, &p->workers[i]);
	count_workers(s, &p->leaving);
	TAILQ_FOREACH(waiting, &p->waiting, link)
		door_enter(s, &waiting->c.peer);
}

void
door_count_all(struct door *d)
{
	struct service *s = d->service;

	if (d->sources == NULL)
		return;
	count_servers(s);
	if (s->pool != NULL)
		count_pool(s);
	if (s->greeted > 0)
		lobby_count(s);
	mux_count(s);
}

void
door_recount(struct service *s)
{
	struct door *d = s->door;

	if (d == NULL || d->sources == NULL)
		return;
	sources_free(d->sources);
	d->sources = sources_new();
	door_count_all(d);
}
