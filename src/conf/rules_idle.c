/* SPDX-License-Identifier: MIT */
#include "conf/rules_idle.h"

#include <pthread.h>

#include "base/mem.h"
#include "conf/rules.h"

static bool
is_fresh(const struct service_conf *s)
{
	return s->pool_exec == CONF_POOL_FRESH;
}

static const char *
idle_without_pool(const struct service_conf *s)
{
	return conf_has_pool(s) ? NULL : "without a pool: pool = static, dynamic or ondemand";
}

static const char *
idle_without_channel(const struct service_conf *s)
{
	if (conf_is_internal(s))
		return "with type = INTERNAL, whose workers always speak porter";
	if (conf_shares_listeners(s))
		return "with pool_accept = worker, where nothing is handed over";
	return is_fresh(s) ? "with pool_exec = fresh, where the program gets the connection itself"
			   : NULL;
}

static const char *
idle_when_fresh(const struct service_conf *s)
{
	return is_fresh(s) ? "with pool_exec = fresh, where each process serves one connection"
			   : NULL;
}

static const char *
idle_unless_dynamic(const struct service_conf *s)
{
	if (s->pool == CONF_POOL_STATIC)
		return "with pool = static, where there are always pool_max workers";
	return s->pool == CONF_POOL_ONDEMAND
		   ? "with pool = ondemand, where workers are started for clients alone"
		   : NULL;
}

static const char *
idle_when_static(const struct service_conf *s)
{
	return s->pool == CONF_POOL_STATIC ? "with pool = static, where idle workers stay" : NULL;
}

static const char *
idle_when_shared(const struct service_conf *s)
{
	return conf_shares_listeners(s)
		   ? "with pool_accept = worker, where porterd does not see how many workers are busy"
		   : NULL;
}

const char *
rules_idle_accepted(const struct service_conf *s)
{
	if (conf_shares_listeners(s))
		return "with pool_accept = worker, where porterd sees no client";
	return s->wait && s->socket_type == SOCK_STREAM
		   ? "with wait = yes, where the program accepts clients by itself"
		   : NULL;
}

static const char *
idle_without_connections(const struct service_conf *s)
{
	return s->socket_type != SOCK_STREAM ? "over dgram, which has no connections"
					     : rules_idle_accepted(s);
}

static const char *
idle_without_session(const struct service_conf *s)
{
	if (conf_has_pool(s))
		return "in a pool, which has pool_request_timeout";
	if (s->wait)
		return "with wait = yes, where one program serves many clients";
	return conf_is_internal(s) && s->socket_type == SOCK_DGRAM
		   ? "with a builtin over dgram, which answers at once"
		   : NULL;
}

static const char *
idle_unless_silence_counts(const struct service_conf *s)
{
	bool is_per_peer =
	    s->socket_type == SOCK_DGRAM && !s->wait && !conf_is_internal(s) && !conf_has_pool(s);

	return conf_is_redirect(s) || is_per_peer
		   ? NULL
		   : "but with redirect, and with wait = no over udp: porterd sees nothing of what is said";
}

static const char *
idle_unless_redirect(const struct service_conf *s)
{
	return conf_is_redirect(s) ? NULL : "without redirect";
}

static const char *
idle_unless_sensor(const struct service_conf *s)
{
	return conf_is_sensor(s) ? NULL : "without the flag SENSOR";
}

static const char *
idle_on_unix(const struct service_conf *s)
{
	return rules_is_unix(s) ? "with unix sockets alone" : NULL;
}

static const char *
idle_when_muxed(const struct service_conf *s)
{
	return conf_is_muxed(s) ? "with type = TCPMUX, where clients come by the port of tcpmux"
				: NULL;
}

static const char *
idle_without_addresses(const struct service_conf *s)
{
	const char *why = idle_when_muxed(s);

	return why != NULL ? why : idle_on_unix(s);
}

#define AT(field) offsetof(struct service_conf, field)

/* Which attributes only some services heed: why not, if this one does not. */
static const struct idle_rule {
	size_t offset;
	const char *(*idle)(const struct service_conf *s);
	bool is_general; /* services without a pool heed it, too */
} idle_rules[] = {
	{ AT(on_limit), idle_when_shared, true },
	{ AT(linger_ms), idle_without_connections, true },
	{ AT(banner), idle_without_connections, true },
	{ AT(banner_success), idle_without_connections, true },
	{ AT(banner_fail), idle_without_connections, true },
	{ AT(timeout_ms), idle_without_session, true },
	{ AT(idle_timeout_ms), idle_unless_silence_counts, true },
	{ AT(connect_timeout_ms), idle_unless_redirect, true },
	{ AT(deny_time), idle_unless_sensor, true },
	{ AT(device), idle_without_addresses, true },
	{ AT(freebind), idle_without_addresses, true },
	{ AT(port), idle_when_muxed, true },
	{ AT(bind), idle_when_muxed, true },
	{ AT(listen), idle_when_muxed, true },
	{ AT(pool_accept), NULL, false },
	{ AT(pool_exec), NULL, false },
	{ AT(pool_protocol), idle_without_channel, false },
	{ AT(pool_channel), idle_without_channel, false },
	{ AT(pool_max), NULL, false },
	{ AT(pool_min_spare), idle_unless_dynamic, false },
	{ AT(pool_max_spare), idle_unless_dynamic, false },
	{ AT(pool_start), idle_unless_dynamic, false },
	{ AT(pool_max_requests), idle_when_fresh, false },
	{ AT(pool_idle_timeout_ms), idle_when_static, false },
	{ AT(pool_request_timeout_ms), NULL, false },
	{ AT(pool_spawn_rate), NULL, false },
};

/* Of each attribute, by its number; NULL: every service heeds it. Made once, since each service asks for all of them. */
static const struct idle_rule *rule_of[PLACES_MOST];
static pthread_once_t rules_are_known = PTHREAD_ONCE_INIT;

static void
find_rules(void)
{
	for (size_t i = 0; i < attr_count; i++)
		for (size_t k = 0; k < ARRAY_LEN(idle_rules); k++)
			if (!attr_is_global(&attrs[i]) && attrs[i].offset == idle_rules[k].offset)
				rule_of[i] = &idle_rules[k];
}

const char *
rules_idle(const struct service_conf *s, const struct attr *a)
{
	const struct idle_rule *p;
	const char *why;

	pthread_once(&rules_are_known, find_rules);
	p = rule_of[a - attrs];
	if (p == NULL)
		return NULL;
	why = p->is_general ? NULL : idle_without_pool(s);
	return why != NULL || p->idle == NULL ? why : p->idle(s);
}

/* An inherited one says nothing: defaults are for services of all kinds. */
void
rules_idle_reset(struct draft *d)
{
	bool is_known =
	    !IS_BROKEN(d, pool) && !IS_BROKEN(d, pool_accept) && !IS_BROKEN(d, pool_exec);

	for (size_t i = 0; i < attr_count; i++) {
		const char *why = rules_idle(d->conf, &attrs[i]);

		if (why == NULL)
			continue;
		if (is_known && d->own[i])
			WARNING(d, draft_place(d, attrs[i].offset), "%s has no effect %s",
			    attrs[i].name, why);
		attr_reset(d->conf, &attrs[i]);
	}
}
