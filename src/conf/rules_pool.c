/* SPDX-License-Identifier: MIT */
#include "conf/rules_pool.h"

#include <strings.h>

#include "base/mem.h"

static bool
is_datagram(const struct service_conf *s)
{
	return s->socket_type == SOCK_DGRAM;
}

static bool
is_fresh(const struct service_conf *s)
{
	return s->pool_exec == CONF_POOL_FRESH;
}

/* Builtins that know of the other services, and have no process of their own. */
static bool
is_served_inside(const struct service_conf *s)
{
	static const char *const names[] = { "servers", "services", "tcpmux" };

	for (size_t i = 0; conf_is_internal(s) && i < ARRAY_LEN(names); i++)
		if (strcasecmp(s->name, names[i]) == 0)
			return true;
	return false;
}

#define AT(field) offsetof(struct service_conf, field)

static void
check_datagrams(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (conf_is_internal(s))
		TEXT_ERROR(d, PLACE(d, pool),
		    "a builtin over dgram is served by porterd itself: remove pool");
	else if (!conf_shares_listeners(s))
		TEXT_ERROR(d, PLACE(d, pool),
		    "a pool hands over connections, and dgram has none: remove pool, or let workers share the socket by pool_accept = worker");
}

static void
settle_wait(struct draft *d)
{
	struct service_conf *s = d->conf;

	if (s->wait && conf_shares_listeners(s))
		NOTE(d, PLACE(d, wait),
		    "wait = yes adds nothing to pool_accept = worker, where each worker gets the listening socket");
	else if (s->wait && !is_datagram(s))
		TEXT_ERROR(d, PLACE(d, wait), "a pool hands over connections: remove wait = yes");
	s->wait = false;
}

/* The workers accept: what only the daemon could keep is refused. */
static void
check_shared(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (!conf_shares_listeners(s))
		return;
	if (conf_is_internal(s))
		TEXT_ERROR(d, PLACE(d, pool_accept),
		    "type = INTERNAL is served on connections that porterd accepts: remove pool_accept = worker");
	else if (s->pool != CONF_POOL_STATIC)
		TEXT_ERROR(d, PLACE(d, pool),
		    "pool_accept = worker takes pool = static: porterd does not see how many workers are busy");
	if (is_fresh(s) && !conf_is_internal(s))
		TEXT_ERROR(d, PLACE(d, pool_exec),
		    "with pool_accept = worker a program serves one connection after the other: remove pool_exec = fresh");
	if (s->pool_max_requests != CONF_UNLIMITED)
		TEXT_ERROR(d, PLACE(d, pool_max_requests),
		    "service %.60s: porterd does not see the connections of pool_accept = worker: pool_max_requests must be UNLIMITED",
		    s->id);
	if (s->pool_request_timeout_ms > 0)
		TEXT_ERROR(d, PLACE(d, pool_request_timeout_ms),
		    "service %.60s: porterd does not see the connections of pool_accept = worker: pool_request_timeout must be 0",
		    s->id);
}

static void
check_exec(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (conf_is_internal(s) && is_fresh(s))
		TEXT_ERROR(d, PLACE(d, pool_exec),
		    "type = INTERNAL has no program to start afresh: remove pool_exec = fresh");
	else if (s->pool_channel == SOCK_STREAM && s->pool_protocol == CONF_POOL_PORTER &&
		 !IS_BROKEN(d, pool_protocol))
		TEXT_ERROR(d, PLACE(d, pool_channel),
		    "the protocol porter needs seqpacket: pool_channel = stream goes with pool_protocol = plain");
	else if (s->server != NULL && !conf_shares_listeners(s) && !IS_GIVEN(d, pool_exec) &&
		 !IS_GIVEN(d, pool_protocol))
		NOTE(d, PLACE(d, pool),
		    "%.160s is taken as a program written as a worker, see porter-worker(7): write pool_exec = once if it is one, and pool_exec = fresh if not",
		    s->server);
}

/* A worker is busy for a moment longer than its client sees: clients wait unless the file says otherwise. */
static void
settle_on_limit(struct draft *d)
{
	struct service_conf *s = d->conf;

	if (!IS_GIVEN(d, on_limit) && !conf_shares_listeners(s))
		s->on_limit = CONF_QUEUE;
}

static unsigned
least(unsigned x, unsigned y)
{
	return x < y ? x : y;
}

static unsigned
most(unsigned x, unsigned y)
{
	return x > y ? x : y;
}

/* Numbers that were not given follow those that were. */
static void
fit_numbers(struct draft *d)
{
	struct service_conf *s = d->conf;

	if (!IS_GIVEN(d, pool_max))
		s->pool_max = least(s->pool_max, most(s->instances, 1));
	if (s->pool != CONF_POOL_DYNAMIC)
		return;
	if (!IS_GIVEN(d, pool_min_spare) && IS_GIVEN(d, pool_max_spare))
		s->pool_min_spare = least(s->pool_min_spare, s->pool_max_spare);
	if (!IS_GIVEN(d, pool_max_spare))
		s->pool_max_spare = least(most(s->pool_max_spare, s->pool_min_spare), s->pool_max);
	if (!IS_GIVEN(d, pool_start))
		s->pool_start = s->pool_min_spare;
}

/* Where both stand, the first is at most the second. */
static const struct pair {
	size_t small, large;
} pairs[] = {
	{ AT(pool_max), AT(instances) },
	{ AT(pool_min_spare), AT(pool_max) },
	{ AT(pool_max_spare), AT(pool_max) },
	{ AT(pool_start), AT(pool_max) },
	{ AT(pool_min_spare), AT(pool_max_spare) },
};

static unsigned
number_at(const struct service_conf *s, size_t offset)
{
	return *(const unsigned *)((const char *)s + offset);
}

static const char *
name_at(size_t offset)
{
	size_t i = 0;

	while (attr_is_global(&attrs[i]) || attrs[i].offset != offset)
		i++;
	return attrs[i].name;
}

static bool
is_exceeded(const struct draft *d, const struct pair *p)
{
	if (!draft_is_given(d, p->small) || draft_is_broken(d, p->small) ||
	    draft_is_broken(d, p->large))
		return false;
	/* instances = 0 serves nobody, which has been said. */
	if (p->large == AT(instances) && d->conf->instances == 0)
		return false;
	/* It follows the others unless it was given. */
	if (p->large == AT(pool_max_spare) && !IS_GIVEN(d, pool_max_spare))
		return false;
	return number_at(d->conf, p->small) > number_at(d->conf, p->large);
}

/* Where the larger one comes from, if nobody wrote it. */
static const char *
origin_of(const struct draft *d, size_t offset)
{
	if (draft_is_given(d, offset))
		return "";
	return offset == AT(pool_max) && d->conf->pool_max == d->conf->instances ? " (as instances)"
										 : " (its default)";
}

static void
check_numbers(struct draft *d)
{
	const struct service_conf *s = d->conf;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const struct pair *p = &pairs[i];

		if (!is_exceeded(d, p))
			continue;
		/* The place may be one of defaults. */
		TEXT_ERROR(d, draft_place(d, p->small),
		    "service %.60s: %s = %u is more than %s = %u%s: lower it, or raise %s", s->id,
		    name_at(p->small), number_at(s, p->small), name_at(p->large),
		    number_at(s, p->large), origin_of(d, p->large), name_at(p->large));
	}
}

void
rules_pool_apply(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (!conf_has_pool(s))
		return;
	if (is_datagram(s))
		check_datagrams(d);
	else if (is_served_inside(s))
		TEXT_ERROR(
		    d, PLACE(d, pool), "%.60s is served by porterd itself: remove pool", s->name);
	settle_wait(d);
	check_shared(d);
	check_exec(d);
	settle_on_limit(d);
	fit_numbers(d);
	check_numbers(d);
}
