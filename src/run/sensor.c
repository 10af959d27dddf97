/* SPDX-License-Identifier: MIT */
#include "run/sensor.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/prefix.h"
#include "policy/ban.h"

#define MINUTE_MS 60000

static bool
covers_loopback(const struct prefix *p)
{
	static const char *const texts[] = { "127.0.0.0/8", "::1" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct prefix loopback;

		prefix_parse(&loopback, texts[i], NULL);
		if (prefix_covers(p, &loopback) || prefix_covers(&loopback, p))
			return true;
	}
	return false;
}

static bool
covers_address(const struct prefix *p, const struct sockaddr *sa)
{
	struct addr a = { 0 };
	struct prefix own;

	if (sa == NULL || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return false;
	a.len = sa->sa_family == AF_INET ? sizeof(a.u.in) : sizeof(a.u.in6);
	memcpy(&a.u, sa, a.len);
	return prefix_of(&own, &a) && prefix_covers(p, &own);
}

/* Some address of this machine is in there, or nobody knows: then nobody is shut out. */
static bool
covers_own(const struct prefix *p)
{
	struct ifaddrs *list, *i;
	bool is_own = false;

	if (covers_loopback(p))
		return true;
	if (getifaddrs(&list) < 0)
		return true;
	for (i = list; i != NULL && !is_own; i = i->ifa_next)
		is_own = covers_address(p, i->ifa_addr);
	freeifaddrs(list);
	return is_own;
}

/* What is shut out: of IPv6 the network of the client, as far as this machine is not in it. False: nothing. */
static bool
choose_prefix(struct prefix *p, const struct service *s, const struct addr *peer)
{
	if (!prefix_of(p, peer))
		return false;
	if (p->is_v6)
		prefix_cut(p, s->conf->per_source_prefix);
	if (!covers_own(p))
		return true;
	prefix_of(p, peer);
	return p->is_v6 && !covers_own(p);
}

static void
say_banned(const struct service *s, const char *address)
{
	if (s->conf->deny_time == CONF_DENY_FOREVER)
		log_warn(
		    "event=sensor-ban service=%s address=%s minutes=forever", s->conf->id, address);
	else
		log_warn("event=sensor-ban service=%s address=%s minutes=%d", s->conf->id, address,
		    s->conf->deny_time);
}

void
sensor_hit(struct service *s, const struct addr *peer)
{
	struct runtime *rt = s->runtime;
	char text[PREFIX_TEXT_SIZE];
	struct prefix p;
	struct ban ban;

	if (s->conf->deny_time == CONF_DENY_NEVER || !choose_prefix(&p, s, peer) ||
	    ban_parse(prefix_format(&p, text), &ban) < 0)
		return;
	if (s->conf->deny_time != CONF_DENY_FOREVER)
		ban.until_ms = clock_now_ms() + (int64_t)s->conf->deny_time * MINUTE_MS;
	if (rt->bans == NULL)
		rt->bans = bans_new();
	/* Those whose time is over make room first. */
	if (bans_add(rt->bans, &ban) < 0 &&
	    (bans_count(rt->bans, clock_now_ms()) >= BAN_MOST || bans_add(rt->bans, &ban) < 0)) {
		log_debug("event=sensor-ban-failed service=%s address=%s reason=\"there are too "
			  "many bans\"",
		    s->conf->id, text);
		return;
	}
	say_banned(s, text);
}
