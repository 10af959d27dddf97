/* SPDX-License-Identifier: MIT */
#include "run/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/linger.h"
#include "run/activity.h"
#include "run/pool.h"
#include "run/service.h"
#include "run/stderr_log.h"
#include "run/trace.h"

struct service *
worker_service(const struct worker *w)
{
	return w->pool->service;
}

const char *
worker_id(const struct worker *w)
{
	return worker_service(w)->conf->id;
}

static void
on_channel(struct loop_io *io, short got)
{
	(void)got;
	worker_receive(io->arg);
}

int
worker_watch_channel(struct worker *w)
{
	w->io = (struct loop_io){
		.fd = w->channel.fd,
		.want = POLLIN,
		.order = LOOP_PIPES,
		.fn = on_channel,
		.arg = w,
	};
	return loop_try(worker_service(w)->runtime->loop, &w->io);
}

void
worker_close_channel(struct worker *w)
{
	if (w->channel.fd < 0)
		return;
	loop_del(worker_service(w)->runtime->loop, &w->io);
	channel_close(&w->channel);
}

void
client_close(struct client *client)
{
	if (client->c.fd >= 0)
		linger_close(client->c.fd);
	client->c.fd = -1;
}

int
worker_start(struct pool *p)
{
	struct service *s = p->service;
	const struct service_conf *conf = s->conf;
	struct worker *w = mem_alloc(sizeof(*w));
	int r;

	w->pool = p;
	w->channel.fd = w->client.c.fd = w->next.c.fd = -1;
	w->accepts = conf_shares_listeners(conf);
	w->kind = conf->pool_exec == CONF_POOL_FRESH ? LAUNCH_WARM : LAUNCH_WORKER;
	w->protocol = w->kind == LAUNCH_WARM                   ? CHANNEL_WARM
		      : conf->pool_protocol == CONF_POOL_PLAIN ? CHANNEL_PLAIN
							       : CHANNEL_PORTER;
	p->random = p->random * 1664525u + 1013904223u;
	w->most = pool_requests(conf->pool_max_requests, p->random >> 8);
	w->since_ms = clock_now_ms();
	w->end_ms = INT64_MAX;
	r = service_start_worker(s, w);
	if (r < 0) {
		free(w);
		return r;
	}
	if (w->log != NULL)
		stderr_log_set_owner(w->log, &w->log);
	p->counters.started++;
	pool_place(w, WORKER_IDLE);
	return 0;
}

/* What a warm process puts into its environment. */
static char *const *
variables_for(const struct worker *w, const struct connection *c)
{
	return w->kind == LAUNCH_WARM ? plan_connection_variables(worker_service(w)->conf, c)
				      : NULL;
}

static void
say_handed(struct worker *w, const struct client *client)
{
	const struct connection *c = &client->c;
	struct service *s = worker_service(w);

	w->pool->counters.handed++;
	if (client->tries == 0 && c->accepted_us != 0)
		histogram_add(&s->counters.start, client->handed_us - c->accepted_us);
	if (client->tries > 0)
		log_info("event=handed-again service=%s conn=%llu tries=%u pid=%d", worker_id(w),
		    (unsigned long long)c->id, client->tries, (int)w->server->pid);
	else
		activity_start(s, w->server->pid, &c->peer, c->id);
	TRACE(s, c->id, "handed to the worker %d; %u of %u workers have a connection now",
	    (int)w->server->pid, pool_busy(w->pool) + (w->state == WORKER_IDLE),
	    pool_workers(w->pool));
	if (w->log != NULL)
		stderr_log_set_connection(w->log, c->id);
}

static int64_t
first_look(const struct worker *w)
{
	if (!worker_is_looked_at(w))
		return WORKER_TAKE_MS;
	return w->protocol == CHANNEL_PLAIN ? WORKER_LOOK_MS : WORKER_LATE_LOOK_MS;
}

int
worker_hand(struct worker *w, const struct client *client)
{
	struct client *mine;
	int64_t now;
	int r;

	/* A byte of plain has no name on it: one that came unasked would end the connection that comes now. */
	if (w->protocol == CHANNEL_PLAIN && w->state == WORKER_IDLE)
		worker_receive(w);
	if (w->end != WORKER_STAYS)
		return -EPIPE;
	r = channel_send(
	    &w->channel, w->protocol, &client->c, worker_id(w), variables_for(w, &client->c));
	if (r < 0)
		return r;
	mine = w->state == WORKER_BUSY ? &w->next : &w->client;
	*mine = *client;
	mine->handed_us = clock_now_us();
	now = mine->handed_us / 1000;
	say_handed(w, mine);
	if (w->state == WORKER_BUSY) {
		w->busy_ms = now;
		pool_wake(w->pool, now + WORKER_LOOK_MS);
		return 0;
	}
	w->since_ms = now;
	pool_place(w, WORKER_SENT);
	pool_wake(w->pool, now + first_look(w));
	return 0;
}

void
worker_free(struct worker *w)
{
	worker_close_channel(w);
	client_close(&w->client);
	client_close(&w->next);
	if (w->log != NULL)
		stderr_log_set_owner(w->log, NULL);
	if (w->server != NULL)
		w->server->worker = NULL;
	pool_forget(w);
	loop_defer(worker_service(w)->runtime->loop, free, w);
}

const char *
worker_state_word(const struct worker *w)
{
	static const char *const words[] = {
		[WORKER_IDLE] = "idle",
		[WORKER_SENT] = "sent",
		[WORKER_BUSY] = "busy",
	};

	if (w->accepts)
		return w->end == WORKER_STAYS ? "accepting" : "leaving";
	if (w->end != WORKER_STAYS && w->state == WORKER_IDLE)
		return "leaving";
	return w->kind == LAUNCH_WARM && w->state == WORKER_IDLE ? "warm" : words[w->state];
}
