/* SPDX-License-Identifier: MIT */
#include "run/adopt.h"

#include "base/clock.h"
#include "base/mem.h"
#include "run/fingerprint.h"
#include "run/pool.h"
#include "run/session.h"
#include "run/stderr_log.h"

struct server *
adopt_server(struct service *s, unsigned slot, const struct server *as)
{
	struct runtime *rt = s->runtime;
	struct server *server = servers_take_slot(rt->servers, slot);

	if (server == NULL)
		return NULL;
	server->service = s;
	server->peer = as->peer;
	server->connection = as->connection;
	server->queue_mark = as->queue_mark;
	server->started_ms = as->started_ms;
	server->deadline_ms = as->deadline_ms;
	server->linger_ms = as->linger_ms;
	server->is_timed_out = as->is_timed_out;
	server->kept_fd = as->kept_fd;
	server->asker = as->asker;
	servers_start(rt->servers, server, as->pid);
	LIST_INSERT_HEAD(&s->servers, server, in_service);
	s->running++;
	rt->running++;
	session_resume(server);
	return server;
}

struct pool *
adopt_pool(struct service *s)
{
	if (s->pool == NULL)
		s->pool = pool_new(s);
	return s->pool;
}

/* Without its channel nobody can be handed to it: the end of that is all that it hears. */
static void
watch(struct worker *w)
{
	int r = w->channel.fd >= 0 ? worker_watch_channel(w) : 0;

	if (r == 0)
		return;
	channel_close(&w->channel);
	if (w->end == WORKER_STAYS) {
		w->end = WORKER_ASKED;
		w->end_ms = clock_now_ms();
	}
}

void
adopt_worker(struct pool *p, struct server *server, const struct worker *as, struct stderr_log *log)
{
	struct worker *w = mem_alloc(sizeof(*w));

	*w = *as;
	w->pool = p;
	w->server = server;
	w->log = log;
	w->list = NULL;
	/* What a warm process runs until its exec is the code of the daemon that was. */
	w->is_outdated |= w->kind == LAUNCH_WARM;
	server->worker = w;
	if (log != NULL)
		stderr_log_set_owner(log, &w->log);
	watch(w);
	/* In the order in which they come: one that was of use would go to the front. */
	w->has_taken = false;
	pool_place(w, w->state);
	w->has_taken = as->has_taken;
	if (w->end != WORKER_STAYS)
		pool_place_leaving(w);
}

void
adopt_waiting(struct pool *p, const struct client *client)
{
	struct client *waiting = mem_alloc(sizeof(*waiting));

	*waiting = *client;
	TAILQ_INSERT_TAIL(&p->waiting, waiting, link);
	p->waiting_count++;
	p->is_holding = true;
}

void
adopt_pool_done(struct pool *p, uint64_t fingerprint_before)
{
	const struct service *s = p->service;
	bool sends_bytes = p->sends_bytes;
	bool is_same = conf_has_pool(s->conf) && fingerprint(s) == fingerprint_before;

	p->logged_workers = pool_workers(p);
	pool_configure(p, is_same);
	/* What the program does is known, whichever daemon has learnt it. */
	p->sends_bytes = sends_bytes;
	/* Workers have deadlines in a pool that is closed, too. */
	pool_wake(p, clock_now_ms());
}
