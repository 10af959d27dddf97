/* SPDX-License-Identifier: MIT */
#include "control/trouble.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control/daemon.h"
#include "control/describe.h"
#include "control/json_text.h"
#include "control/measure.h"
#include "run/address_files.h"
#include "run/pool.h"
#include "run/service.h"

struct troubles {
	const struct daemon *daemon;
	int64_t now_ms;
	json_t *list;
	unsigned count;
};

static void add(struct troubles *t, const char *service, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* service: an id, or NULL for the daemon as a whole. */
static void
add(struct troubles *t, const char *service, const char *what, const char *format, ...)
{
	char *text = NULL;
	json_t *one;
	va_list ap;

	if (t->count++ >= TROUBLE_MOST)
		return;
	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	one = json_pack("{s:s, s:o}", "what", what, "text", json_text(text));
	if (service != NULL)
		json_object_set_new(one, "service", json_text(service));
	json_array_append_new(t->list, one);
	free(text);
}

static void
add_address_file(void *arg, const char *path)
{
	add(arg, NULL, "addresses",
	    "%s is missing or has a mistake, see event=address-file-refused: what it held before goes on to count",
	    path);
}

static void
find_of_daemon(struct troubles *t)
{
	const struct daemon *d = t->daemon;
	const struct runtime *rt = &d->runtime;
	uint64_t lost = sink_lost_total();

	if (d->reload_refusal != NULL)
		add(t, NULL, "reload", "the latest reload was refused: %s", d->reload_refusal);
	if (rt->is_resting)
		add(t, NULL, "resting",
		    "nobody is accepted at present: there are no descriptors, or there is no memory");
	if (rt->running >= rt->max_servers)
		add(t, NULL, "full", "all %u programs that may run at a time are running",
		    rt->max_servers);
	if (rt->files != NULL)
		address_files_tell_refused(rt->files, add_address_file, t);
	if (lost > 0)
		add(t, NULL, "log",
		    "%llu log lines could not be written since the start, see event=log-failed and log-hard-limit",
		    (unsigned long long)lost);
}

static void
find_unbound(struct troubles *t, const struct service *s, const struct listener *l)
{
	char place[1024];

	if (l->role.endpoint == NULL)
		add(t, s->conf->id, "unbound", "%s cannot be bound, and is tried again", l->key);
	else
		add(t, s->conf->id, "unbound", "%s cannot be bound, and is tried again: %s", l->key,
		    place_format(&l->role.endpoint->place, place, sizeof(place)));
}

static void
find_of_listener(struct troubles *t, const struct service *s, const struct listener *l)
{
	if (!listener_is_bound(l))
		find_unbound(t, s, l);
	else if (l->holds & HOLD_BACKOFF)
		add(t, s->conf->id, "backing-off",
		    "nobody is accepted at %s for a while: the program ends without serving, or cannot be "
		    "started",
		    l->key);
	else if (l->holds & HOLD_CPS)
		add(t, s->conf->id, "cps",
		    "nobody is accepted at %s for a while: there were more than %u connections a second",
		    l->key, s->conf->cps.per_second);
	else if (l->holds & HOLD_FORK)
		add(t, s->conf->id, "failing",
		    "no process can be started at present for a client of %s; it is tried again",
		    l->key);
}

/* Clients of a pool that accept by themselves are not counted by anybody. */
static void
find_full(struct troubles *t, const struct service *s)
{
	unsigned connections = service_connections(s), most = s->conf->instances;

	if (!s->conf->wait && most != CONF_UNLIMITED && connections >= most)
		add(t, s->conf->id, "full", "all of its %u instances are in use; others %s", most,
		    s->conf->on_limit == CONF_QUEUE ? "wait" : "are refused");
	else if (s->pool != NULL && !s->pool->is_closed && pool_busy(s->pool) >= s->pool->rule.max)
		add(t, s->conf->id, "full", "all of its %u workers are busy; others %s",
		    s->pool->rule.max, s->conf->on_limit == CONF_QUEUE ? "wait" : "are refused");
}

static void
find_of_service(struct troubles *t, const struct service *s)
{
	enum service_state state = service_state(s, t->now_ms);
	const struct listener *l;
	char *reason;

	if (state == SERVICE_LEAVING)
		return;
	if (state != SERVICE_SERVING) {
		reason = service_reason(s, t->now_ms);
		add(t, s->conf->id, service_state_word(state), "it is %s: %s",
		    service_state_word(state), reason);
		free(reason);
	}
	if (measure_is_kept(t->daemon, s))
		add(t, s->conf->id, "reload",
		    "it goes on under the settings of before the latest reload: the new ones could not be "
		    "used");
	if (state == SERVICE_OFF)
		return;
	TAILQ_FOREACH(l, &s->listeners, link)
		find_of_listener(t, s, l);
	find_full(t, s);
}

static void
find_broken(struct troubles *t)
{
	struct unserved *u = unserved_new(t->daemon);
	const struct service_conf *conf;
	char place[1024];

	while ((conf = unserved_next(u)) != NULL)
		if (unserved_state(conf) == SERVICE_BROKEN)
			add(t, conf->id, "broken", "it is not served, %s: %s",
			    place_format(&conf->place, place, sizeof(place)),
			    conf->trouble != NULL ? conf->trouble : conf_state_text(conf->state));
	unserved_free(u);
}

json_t *
trouble_list(const struct daemon *d, unsigned *count)
{
	struct troubles t = { .daemon = d, .now_ms = clock_now_ms(), .list = json_array() };
	const struct service *s;

	find_of_daemon(&t);
	TAILQ_FOREACH(s, &d->runtime.services, link)
		find_of_service(&t, s);
	find_broken(&t);
	*count = t.count;
	return t.list;
}
