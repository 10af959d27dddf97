/* SPDX-License-Identifier: MIT */
#include "run/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "launch/program_file.h"
#include "policy/ban.h"
#include "run/banner.h"
#include "run/door.h"
#include "run/lobby.h"
#include "run/mux.h"
#include "run/pool.h"
#include "run/reap.h"
#include "run/session.h"
#include "run/trace.h"

static void
take_settings(struct service *s, struct config *config, const struct service_conf *conf)
{
	s->config = config_ref(config);
	s->conf = conf;
	s->plan = plan_new(conf, &s->runtime->origin);
	s->sink = conf->log_type.is_set && conf->log_type.kind != SINK_NONE
		      ? sink_open(&conf->log_type)
		      : NULL;
}

struct service *
service_new(struct runtime *rt, struct config *config, const struct service_conf *conf)
{
	struct service *s = mem_alloc(sizeof(*s));

	s->runtime = rt;
	s->serial = ++rt->serials;
	s->is_matched = true;
	TAILQ_INIT(&s->listeners);
	LIST_INIT(&s->servers);
	take_settings(s, config, conf);
	if (conf_has_pool(conf))
		s->pool = pool_new(s);
	s->banners = banners_read(conf);
	door_configure(s);
	TAILQ_INSERT_TAIL(&rt->services, s, link);
	return s;
}

struct rate *
service_rate(struct service *s, enum service_message message)
{
	if (s->rates == NULL)
		s->rates = mem_array(MESSAGE_MAX, sizeof(*s->rates));
	return &s->rates[message];
}

/* Workers that are there already are as good as new ones. */
static bool
keeps_workers(const struct service_conf *x, const struct service_conf *y)
{
	return conf_shares_listeners(x) == conf_shares_listeners(y) &&
	       x->pool_exec == y->pool_exec && x->pool_protocol == y->pool_protocol &&
	       x->pool_channel == y->pool_channel && x->stderr_to == y->stderr_to;
}

/* At the end of the list: after a reload it stands in the new file's order. */
static void
put_last(struct service *s)
{
	TAILQ_REMOVE(&s->runtime->services, s, link);
	TAILQ_INSERT_TAIL(&s->runtime->services, s, link);
}

void
service_configure(struct service *s, struct config *config, const struct service_conf *conf)
{
	struct config *old_config = s->config;
	const struct service_conf *old_conf = s->conf;
	struct plan *old_plan = s->plan;
	struct sink *old_sink = s->sink;

	take_settings(s, config, conf);
	throttle_succeeded(&s->start_failures);
	if (s->pool != NULL)
		pool_configure(
		    s->pool, keeps_workers(old_conf, conf) && plan_equal(old_plan, s->plan));
	else if (conf_has_pool(conf))
		s->pool = pool_new(s);
	banners_leave(s->banners);
	s->banners = banners_read(conf);
	door_configure(s);
	plan_free(old_plan);
	sink_close(old_sink);
	config_unref(old_config);
	put_last(s);
}

/* Its socket is as we have made it: nobody else has it, no file stands for it, and nobody waits. */
static bool
is_plain(const struct listener *l, const struct endpoint *e)
{
	return l->role.endpoint != NULL && strcmp(l->key, e->key) == 0 && l->holds == 0 &&
	       listener_is_bound(l) && !l->is_shared && l->owner == NULL && l->pending == NULL &&
	       addr_family(&e->addr) != AF_UNIX && !loop_timer_runs(&l->timer);
}

bool
service_can_follow(const struct service *s, const struct service_conf *conf)
{
	const struct listener *l;
	size_t i = 0;

	if (s->is_off || s->is_gone || s->pool != NULL || s->banners != NULL || conf_has_pool(conf))
		return false;
	TAILQ_FOREACH(l, &s->listeners, link)
		if (i == conf->endpoint_count || !is_plain(l, &conf->endpoints[i++]))
			return false;
	return i == conf->endpoint_count;
}

/* All that points into the settings does so into the new ones afterwards: the others are freed. */
void
service_follow(struct service *s, struct config *config, const struct service_conf *conf)
{
	struct config *before = s->config;
	struct listener *l;
	size_t i = 0;

	s->config = config_ref(config);
	s->conf = conf;
	plan_follow(s->plan, conf);
	throttle_succeeded(&s->start_failures);
	TAILQ_FOREACH(l, &s->listeners, link)
		listener_follow(l, conf, &conf->endpoints[i++]);
	if (s->door != NULL)
		door_configure(s);
	put_last(s);
	config_unref(before);
}

bool
service_replaces_workers(const struct service *s, const struct service_conf *conf)
{
	struct plan *plan;
	struct stat program;
	bool replaces;

	if (s->pool == NULL || !conf_has_pool(s->conf) || !conf_has_pool(conf))
		return false;
	program = program_file(conf);
	plan = plan_new(conf, &s->runtime->origin);
	replaces = !keeps_workers(s->conf, conf) || !plan_equal(s->plan, plan) ||
		   !program_file_equal(&program, &s->pool->program);
	plan_free(plan);
	return replaces;
}

static const struct endpoint *
endpoint_of(const struct service_conf *conf, const struct listener *l)
{
	for (size_t i = 0; l->role.endpoint != NULL && i < conf->endpoint_count; i++)
		if (strcmp(conf->endpoints[i].key, l->key) == 0)
			return &conf->endpoints[i];
	return NULL;
}

static void
put_before(struct service *s, struct service *behind)
{
	struct service_list *list = &s->runtime->services;

	if (behind == NULL)
		return;
	TAILQ_REMOVE(list, s, link);
	TAILQ_INSERT_BEFORE(behind, s, link);
}

static void
keep_listener(struct service *s, struct listener *l)
{
	service_take_listener(s, l, endpoint_of(s->conf, l));
	/* The file of a unix socket may have been taken away meanwhile. */
	if (!listener_is_bound(l) && !loop_timer_runs(&l->timer))
		listener_open_or_retry(l);
}

void
service_change(struct service *s, struct config *config, const struct service_conf *conf)
{
	struct service *behind = TAILQ_NEXT(s, link);
	/* Its listeners stand in the old settings until they are told of the new ones. */
	struct config *before = config_ref(s->config);
	const struct listener *l;
	unsigned count = 0;

	service_configure(s, config, conf);
	put_before(s, behind);
	TAILQ_FOREACH(l, &s->listeners, link)
		count++;
	/* Each goes to the end of the list: all of them, and they stand as before. */
	while (count-- > 0)
		keep_listener(s, TAILQ_FIRST(&s->listeners));
	config_unref(before);
	service_settle(s);
}

void
service_turn_off(struct service *s)
{
	struct listener *l, *next;

	s->is_off = true;
	for (l = TAILQ_FIRST(&s->listeners); l != NULL; l = next) {
		next = TAILQ_NEXT(l, link);
		listener_turn_off(l);
	}
	service_settle(s);
}

static struct listener_role
role(struct service *s, const struct endpoint *e)
{
	return (struct listener_role){
		.service = s, .list = &s->listeners, .conf = s->conf, .endpoint = e
	};
}

struct listener *
service_add_listener(struct service *s, const struct endpoint *e, const char *key)
{
	const struct listener_role r = role(s, e);
	struct listener *l = listener_new(s->runtime, &r, key);

	if (s->door != NULL)
		door_hold(s->door, l);
	return l;
}

void
service_take_listener(struct service *s, struct listener *l, const struct endpoint *e)
{
	const struct listener_role r = role(s, e);

	listener_move(l, &r);
	if (s->door != NULL)
		door_hold(s->door, l);
}

void
service_close_listeners(struct service *s)
{
	while (!TAILQ_EMPTY(&s->listeners))
		listener_free(TAILQ_FIRST(&s->listeners));
}

static void
free_service(void *object)
{
	struct service *s = object;

	free(s->refusals);
	free(s->rates);
	free(s);
}

void
service_free(struct service *s)
{
	struct server *server;

	service_close_listeners(s);
	LIST_FOREACH(server, &s->servers, in_service)
		session_drop(server);
	if (s->greeted > 0)
		lobby_clear(s);
	mux_clear(s);
	pool_free(s->pool);
	door_free(s->door);
	banners_leave(s->banners);
	counters_add(&s->runtime->past, &s->counters);
	TAILQ_REMOVE(&s->runtime->services, s, link);
	plan_free(s->plan);
	sink_close(s->sink);
	config_unref(s->config);
	loop_defer(s->runtime->loop, free_service, s);
}

void
service_remove(struct service *s)
{
	service_close_listeners(s);
	if (s->greeted > 0)
		lobby_clear(s);
	mux_clear(s);
	if (s->pool != NULL)
		pool_close(s->pool);
	s->is_gone = true;
	if (s->running == 0)
		service_free(s);
}

void
service_settle(struct service *s)
{
	if (s->pool != NULL)
		pool_settle(s->pool);
}

unsigned
service_connections(const struct service *s)
{
	unsigned running = s->running + s->greeted + s->muxed;

	if (s->pool == NULL)
		return running;
	return running - pool_workers(s->pool) - s->pool->leaving_count + pool_busy(s->pool);
}

bool
service_is_banned(const struct service *s, const struct addr *peer)
{
	struct bans *bans = s->runtime->bans;

	return bans != NULL && bans_hit(bans, peer, clock_now_ms());
}

enum verdict
service_judge(struct service *s, const struct addr *peer)
{
	if (service_is_banned(s, peer))
		return VERDICT_BANNED;
	return s->door != NULL ? door_judge(s->door, peer, clock_now_ms()) : VERDICT_OK;
}

enum verdict
service_looks(struct service *s)
{
	return conf_has_pool(s->conf) && service_asks_who(s) ? pool_look(s->pool)
							     : service_admits(s);
}

static enum verdict
admits(const struct service *s)
{
	/* wait = yes runs one program for each listener, whatever instances says. */
	const struct admit_limits limits = {
		.instances = s->conf->wait ? CONF_UNLIMITED : s->conf->instances,
		.max_servers = s->runtime->max_servers,
	};
	const struct admit_load load = {
		.running = service_connections(s),
		.running_all = s->runtime->running,
		.is_failing = s->start_failures.until_ms != 0 &&
			      throttle_pauses(&s->start_failures, clock_now_ms()),
	};

	return admit(&limits, &load);
}

enum verdict
service_admits(struct service *s)
{
	enum verdict v;

	if (conf_has_pool(s->conf))
		return pool_prepare(s->pool);
	v = admits(s);
	return verdict_is_full(v) && reap_own(s) ? admits(s) : v;
}
