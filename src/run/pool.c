/* SPDX-License-Identifier: MIT */
/* A pool from its settings to its end. */
#include "run/pool.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "launch/program_file.h"
#include "net/socket.h"
#include "run/pool_keep.h"
#include "run/service.h"

static void
read_rule(struct pool *p)
{
	static const enum pool_mode modes[] = {
		[CONF_POOL_STATIC] = POOL_STATIC,
		[CONF_POOL_DYNAMIC] = POOL_DYNAMIC,
		[CONF_POOL_ONDEMAND] = POOL_ONDEMAND,
	};
	const struct service_conf *conf = p->service->conf;

	p->rule = (struct pool_rule){
		.mode = modes[conf->pool],
		.max = conf->pool_max,
		.min_spare = conf->pool_min_spare,
		.max_spare = conf->pool_max_spare,
		.start = conf->pool_start,
		/* Each connection takes a fresh process, at whatever rate they come. */
		.spawn_rate =
		    conf->pool_exec == CONF_POOL_FRESH ? CONF_UNLIMITED : conf->pool_spawn_rate,
		.idle_timeout_ms = conf->pool_idle_timeout_ms,
	};
}

static void
outdate(struct pool *p)
{
	struct worker *w;

	for (size_t i = 0; i < ARRAY_LEN(p->workers); i++)
		TAILQ_FOREACH(w, &p->workers[i], link)
			w->is_outdated = true;
	p->outdated = pool_workers(p);
	p->is_probed = false;
}

struct pool *
pool_new(struct service *s)
{
	struct pool *p = mem_alloc(sizeof(*p));

	p->service = s;
	for (size_t i = 0; i < ARRAY_LEN(p->workers); i++)
		TAILQ_INIT(&p->workers[i]);
	TAILQ_INIT(&p->leaving);
	TAILQ_INIT(&p->waiting);
	p->random = (uint32_t)clock_now_ms() ^ (uint32_t)getpid() << 16;
	pool_keep_init(p);
	read_rule(p);
	p->program = program_file(s->conf);
	return p;
}

/* Workers that accept by themselves serve nobody who is handed to them, nor the others whom nobody hands to them. */
static void
dismiss_other_kind(struct pool *p)
{
	bool accepts = conf_shares_listeners(p->service->conf);
	struct worker *w, *next;

	for (size_t i = 0; i < ARRAY_LEN(p->workers); i++)
		for (w = TAILQ_FIRST(&p->workers[i]); w != NULL; w = next) {
			next = TAILQ_NEXT(w, link);
			if (w->accepts != accepts)
				worker_retire(w);
		}
	if (accepts)
		pool_give_up_waiting(p);
}

void
pool_configure(struct pool *p, bool keeps_program)
{
	struct stat program;

	if (!conf_has_pool(p->service->conf)) {
		pool_close(p);
		return;
	}
	program = program_file(p->service->conf);
	if (!keeps_program || p->is_closed || !program_file_equal(&program, &p->program)) {
		outdate(p);
		p->sends_bytes = false;
	}
	if (p->is_closed)
		p->pace = (struct pool_pace){ 0 };
	p->program = program;
	p->is_closed = false;
	dismiss_other_kind(p);
	read_rule(p);
	pool_wake(p, clock_now_ms()); /* deadlines may be earlier now */
}

static bool
is_among(ino_t ino, const ino_t *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == ino)
			return true;
	return false;
}

/* One of the old listeners is another service's now, or closed: nobody may go on accepting there. */
static bool
has_lost_listener(const struct pool *p, const ino_t *now, size_t count)
{
	for (size_t i = 0; i < p->shared_count; i++)
		if (!is_among(p->shared[i], now, count))
			return true;
	return false;
}

static void
dismiss_all(struct pool *p)
{
	struct worker *w;

	for (size_t i = 0; i < ARRAY_LEN(p->workers); i++)
		while ((w = TAILQ_FIRST(&p->workers[i])) != NULL)
			worker_retire(w);
}

/* Workers that accept by themselves have the listeners of when they were started. */
static void
share_listeners(struct pool *p)
{
	ino_t now[LAUNCH_SHARED] = { 0 };
	size_t count = 0;
	struct listener *l;
	struct stat st;

	TAILQ_FOREACH(l, &p->service->listeners, link) {
		if (!listener_is_bound(l) || count == LAUNCH_SHARED)
			continue;
		listener_hold(l, HOLD_SHARED);
		l->is_shared = true;
		now[count++] = fstat(l->io.fd, &st) == 0 ? st.st_ino : 0;
	}
	if (count == p->shared_count && memcmp(now, p->shared, sizeof(now)) == 0)
		return;
	if (has_lost_listener(p, now, count))
		dismiss_all(p);
	memcpy(p->shared, now, sizeof(now));
	p->shared_count = count;
	outdate(p);
}

static void
release_listeners(struct pool *p)
{
	struct listener *l;

	TAILQ_FOREACH(l, &p->service->listeners, link) {
		listener_release(l, HOLD_POOL);
		listener_release(l, HOLD_SHARED);
	}
}

void
pool_settle(struct pool *p)
{
	if (p->is_closed)
		return;
	if (p->service->is_off) {
		pool_keep(p);
		return;
	}
	if (conf_shares_listeners(p->service->conf)) {
		share_listeners(p);
		pool_keep(p);
		return;
	}
	p->shared_count = 0;
	release_listeners(p);
	pool_keep(p);
}

/* Listeners that it held are the service's again. */
void
pool_close(struct pool *p)
{
	p->is_closed = true;
	p->is_holding = false;
	p->shared_count = 0;
	pool_give_up_waiting(p);
	dismiss_all(p);
	release_listeners(p);
}

/* One that had the listeners may have shut them down. Others that do not know wait on them: they go on blocking. */
static void
repair_listeners(struct pool *p)
{
	struct listener *l, *next;

	for (l = TAILQ_FIRST(&p->service->listeners); l != NULL; l = next) {
		struct pollfd shut = { .fd = l->io.fd };

		next = TAILQ_NEXT(l, link);
		if (!listener_is_bound(l) || poll(&shut, 1, 0) <= 0)
			continue;
		listener_repair(l);
		if (listener_is_bound(l))
			socket_set_blocking(l->io.fd, true);
	}
}

void
pool_worker_ended(struct pool *p)
{
	if (p->is_closed)
		return;
	if (conf_shares_listeners(p->service->conf)) {
		repair_listeners(p);
		pool_settle(p);
	} else
		pool_wake(p, clock_now_ms()); /* after those clients for whom there is a worker */
}

void
pool_free(struct pool *p)
{
	struct worker *w;

	if (p == NULL)
		return;
	pool_give_up_waiting(p);
	for (size_t i = 0; i < ARRAY_LEN(p->workers); i++)
		while ((w = TAILQ_FIRST(&p->workers[i])) != NULL)
			worker_free(w);
	while ((w = TAILQ_FIRST(&p->leaving)) != NULL)
		worker_free(w);
	loop_timer_stop(p->service->runtime->loop, &p->timer);
	loop_defer(p->service->runtime->loop, free, p);
}
