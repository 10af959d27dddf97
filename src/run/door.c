/* SPDX-License-Identifier: MIT */
#include "run/door.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "policy/access_times.h"
#include "run/address_files.h"
#include "run/door_count.h"
#include "run/reap.h"
#include "run/trace.h"

static bool
limits_sources(const struct service_conf *conf)
{
	return conf->per_source != CONF_UNLIMITED || conf->rate_per_source.count > 0;
}

static bool
has_list(const struct access_list *list)
{
	return list->set != NULL || list->files.count > 0;
}

static bool
needs_door(const struct service_conf *conf)
{
	return conf->has_only_from || has_list(access_list_get(conf->no_access_list)) ||
	       conf->time_count > 0 || conf->max_load > 0 || conf->cps.per_second > 0 ||
	       conf->rate.count > 0 || limits_sources(conf) ||
	       (conf->flags & CONF_FLAG_SENSOR) != 0;
}

/* ---- resting ---- */

static void
change_holds(
    struct door *d, enum listener_hold why, void (*change)(struct listener *, enum listener_hold))
{
	struct listener *l;

	TAILQ_FOREACH(l, &d->service->listeners, link)
		change(l, why);
}

static void
wake(struct door *d, struct door_rest *rest)
{
	if (!loop_timer_runs(&rest->timer))
		return;
	loop_timer_stop(d->service->runtime->loop, &rest->timer);
	change_holds(d, rest->why, listener_release);
}

static void
on_cps_over(struct loop_timer *t, int64_t now_ms)
{
	struct door *d = t->arg;

	(void)now_ms;
	TRACE(d->service, 0, "the pause of cps is over");
	change_holds(d, d->cps_rest.why, listener_release);
}

static void
on_token(struct loop_timer *t, int64_t now_ms)
{
	struct door *d = t->arg;

	(void)now_ms;
	change_holds(d, d->rate_rest.why, listener_release);
}

static void
rest_until(struct door *d, struct door_rest *rest, int64_t until_ms)
{
	change_holds(d, rest->why, listener_hold);
	loop_timer_set(d->service->runtime->loop, &rest->timer, until_ms);
}

void
door_hold(const struct door *d, struct listener *l)
{
	if (loop_timer_runs(&d->cps_rest.timer))
		listener_hold(l, d->cps_rest.why);
	if (loop_timer_runs(&d->rate_rest.timer))
		listener_hold(l, d->rate_rest.why);
}

bool
door_must_wait(struct door *d, int64_t now_ms)
{
	const struct service_conf *conf = d->service->conf;
	int64_t ready_ms;

	if (conf->rate.count == 0 || conf->on_limit != CONF_QUEUE)
		return false;
	ready_ms = bucket_ready(&d->rate, &conf->rate, now_ms);
	if (ready_ms <= now_ms)
		return false;
	TRACE(d->service, 0, "clients wait in the queue: the next token of rate comes in %lld ms",
	    (long long)(ready_ms - now_ms));
	rest_until(d, &d->rate_rest, ready_ms);
	return true;
}

/* ---- settings ---- */

/* The sets that lie in the files at present; what they held at load is of use only for those that nobody has named before. */
static struct door_files
take_files(struct address_files *all, const struct access_list *list)
{
	struct door_files files = { 0 };

	if (all == NULL || list->files.count == 0)
		return files;
	files.file = mem_array(list->files.count, sizeof(struct address_file *));
	for (; files.count < list->files.count; files.count++)
		files.file[files.count] = address_files_use(
		    all, list->files.item[files.count], list->file_sets[files.count]);
	return files;
}

static void
leave_files(struct address_files *all, struct door_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		address_files_leave(all, files->file[i]);
	free(files->file);
	*files = (struct door_files){ 0 };
}

/* Those of before are left last, so that nothing is read again that stays. */
static void
configure_files(struct door *d)
{
	const struct service_conf *conf = d->service->conf;
	struct address_files *all = d->service->runtime->files;
	struct door_files only_from = d->only_from, no_access = d->no_access;

	d->only_from = take_files(all, access_list_get(conf->only_from_list));
	d->no_access = take_files(all, access_list_get(conf->no_access_list));
	leave_files(all, &only_from);
	leave_files(all, &no_access);
}

static bool
rate_equal(const struct rate_conf *x, const struct rate_conf *y)
{
	return x->count == y->count && x->period_ms == y->period_ms && x->burst == y->burst;
}

static bool
cps_equal(const struct cps_conf *x, const struct cps_conf *y)
{
	return x->per_second == y->per_second && x->pause_s == y->pause_s;
}

/* A pause was earned under a rule: it goes on for as long as the rule is the same. */
static void
configure_cps(struct door *d)
{
	const struct cps_conf *rule = &d->service->conf->cps;

	if (cps_equal(rule, &d->cps_rule))
		return;
	d->cps_rule = *rule;
	d->cps = (struct cps){ 0 };
	wake(d, &d->cps_rest);
}

/* Tokens of one rule say nothing of another. */
static void
configure_rate(struct door *d)
{
	const struct service_conf *conf = d->service->conf;

	/* Whoever waits looks again: it may be another rule, or nobody is to wait any more. */
	wake(d, &d->rate_rest);
	if (rate_equal(&conf->rate, &d->rate_rule))
		return;
	d->rate_rule = conf->rate;
	d->rate = (struct bucket){ 0 };
}

static void
configure_sources(struct door *d)
{
	const struct service_conf *conf = d->service->conf;

	if (d->sources != NULL && limits_sources(conf) && d->v6_prefix == conf->per_source_prefix &&
	    rate_equal(&conf->rate_per_source, &d->source_rule))
		return;
	d->source_rule = conf->rate_per_source;
	sources_free(d->sources);
	d->sources = limits_sources(conf) ? sources_new() : NULL;
	d->v6_prefix = conf->per_source_prefix;
	door_count_all(d);
}

static struct door *
new_door(struct service *s)
{
	struct door *d = mem_alloc(sizeof(*d));

	d->service = s;
	d->cps_rest.why = HOLD_CPS;
	d->cps_rest.timer = (struct loop_timer){ .fn = on_cps_over, .arg = d };
	d->rate_rest.why = HOLD_RATE;
	d->rate_rest.timer = (struct loop_timer){ .fn = on_token, .arg = d };
	return d;
}

void
door_free(struct door *d)
{
	if (d == NULL)
		return;
	wake(d, &d->cps_rest);
	wake(d, &d->rate_rest);
	leave_files(d->service->runtime->files, &d->only_from);
	leave_files(d->service->runtime->files, &d->no_access);
	sources_free(d->sources);
	free(d);
}

void
door_configure(struct service *s)
{
	if (!needs_door(s->conf)) {
		door_free(s->door);
		s->door = NULL;
		return;
	}
	if (s->door == NULL)
		s->door = new_door(s);
	configure_files(s->door);
	configure_cps(s->door);
	configure_rate(s->door);
	configure_sources(s->door);
}

void
door_go_on(struct door *d, const struct door *before, int64_t now_ms)
{
	if (cps_equal(&d->cps_rule, &before->cps_rule)) {
		d->cps = before->cps;
		if (cps_pauses(&d->cps, now_ms))
			rest_until(d, &d->cps_rest, d->cps.until_ms);
	}
	if (rate_equal(&d->rate_rule, &before->rate_rule))
		d->rate = before->rate;
}

/* ---- judging ---- */

static bool
is_among(const struct ip_set *set, const struct door_files *files, const struct addr *peer)
{
	if (ip_set_has(set, peer))
		return true;
	for (size_t i = 0; i < files->count; i++)
		if (ip_set_has(address_file_set(files->file[i]), peer))
			return true;
	return false;
}

/* Domains are looked up by the child, who refuses those that belong to none. */
static bool
is_welcome(const struct door *d, const struct addr *peer)
{
	const struct service_conf *conf = d->service->conf;
	const struct access_list *list = access_list_get(conf->only_from_list);

	if (is_among(access_list_get(conf->no_access_list)->set, &d->no_access, peer))
		return false;
	return !conf->has_only_from || list->domains.count > 0 ||
	       is_among(list->set, &d->only_from, peer);
}

bool
door_needs_name(const struct door *d, const struct addr *peer)
{
	const struct access_list *list = access_list_get(d->service->conf->only_from_list);

	return list->domains.count > 0 && !is_among(list->set, &d->only_from, peer);
}

static bool
has_its_share(const struct door *d, const struct addr *peer)
{
	unsigned most = d->service->conf->per_source;

	if (most == CONF_UNLIMITED || d->sources == NULL ||
	    sources_count(d->sources, peer, d->v6_prefix) < most)
		return false;
	return !reap_own(d->service) || sources_count(d->sources, peer, d->v6_prefix) >= most;
}

static bool
is_too_fast(struct door *d, int64_t now_ms)
{
	const struct service *s = d->service;
	bool is_resting = cps_pauses(&d->cps, now_ms);

	if (!cps_trips(&d->cps, &s->conf->cps, now_ms))
		return false;
	if (is_resting)
		return true;
	log_warn("event=cps-exceeded service=%s limit=%u(/sec) pause=%u(sec)", s->conf->id,
	    s->conf->cps.per_second, s->conf->cps.pause_s);
	rest_until(d, &d->cps_rest, d->cps.until_ms);
	return true;
}

/* A source that has had enough takes none of the tokens that are there for all. */
static enum verdict
take_tokens(struct door *d, const struct addr *peer, int64_t now_ms)
{
	const struct service_conf *conf = d->service->conf;

	if (bucket_ready(&d->rate, &conf->rate, now_ms) > now_ms)
		return VERDICT_RATE;
	if (d->sources != NULL &&
	    !sources_take(d->sources, peer, d->v6_prefix, &conf->rate_per_source, now_ms))
		return VERDICT_SOURCE_RATE;
	if (has_its_share(d, peer))
		return VERDICT_SOURCE_LIMIT;
	bucket_take(&d->rate, &conf->rate, now_ms);
	return VERDICT_OK;
}

enum verdict
door_judge(struct door *d, const struct addr *peer, int64_t now_ms)
{
	const struct service_conf *conf = d->service->conf;
	struct moment *moment = &d->service->runtime->moment;

	if (!is_welcome(d, peer))
		return VERDICT_ADDRESS;
	if ((conf->flags & CONF_FLAG_SENSOR) != 0)
		return VERDICT_SENSOR;
	if (conf->time_count > 0 &&
	    !access_times_open(conf->times, conf->time_count, moment_minute(moment)))
		return VERDICT_TIME;
	if (conf->max_load > 0 && moment_load(moment, now_ms) >= conf->max_load)
		return VERDICT_LOAD;
	if (is_too_fast(d, now_ms))
		return VERDICT_CPS;
	return take_tokens(d, peer, now_ms);
}

enum verdict
door_judge_again(const struct door *d, const struct addr *peer)
{
	if (!is_welcome(d, peer))
		return VERDICT_ADDRESS;
	if ((d->service->conf->flags & CONF_FLAG_SENSOR) != 0)
		return VERDICT_SENSOR;
	return has_its_share(d, peer) ? VERDICT_SOURCE_LIMIT : VERDICT_OK;
}
