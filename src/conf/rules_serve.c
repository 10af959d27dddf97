/* SPDX-License-Identifier: MIT */
#include "conf/rules_serve.h"

#include "conf/rules.h"
#include "conf/rules_idle.h"

static void
check_redirect_kind(struct draft *d, const struct place *place)
{
	const struct service_conf *s = d->conf;

	if (conf_is_internal(s))
		TEXT_ERROR(d, place, "redirect and type = INTERNAL exclude each other: remove one");
	else if (s->socket_type != SOCK_STREAM)
		TEXT_ERROR(d, place, "redirect passes on connections, and dgram has none");
	else if (rules_has_unix(s))
		TEXT_ERROR(d, place, "redirect is for tcp, not for unix sockets");
	else if (conf_has_pool(s))
		TEXT_ERROR(
		    d, PLACE(d, pool), "redirect has no program to make a pool of: remove pool");
	else if (s->wait)
		TEXT_ERROR(d, PLACE(d, wait),
		    "redirect serves each connection by itself: write wait = no");
}

static void
check_redirect(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (!conf_is_redirect(s))
		return;
	check_redirect_kind(d, PLACE(d, redirect));
	if (IS_GIVEN(d, server))
		WARNING(d, PLACE(d, server),
		    "server has no effect with redirect, which starts no program");
	if (IS_OWN(d, server_args) && s->server_args.count > 0)
		WARNING(d, PLACE(d, server_args),
		    "server_args has no effect with redirect, which starts no program");
}

static void
check_muxed(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (!conf_is_muxed(s))
		return;
	if (conf_is_internal(s))
		TEXT_ERROR(d, PLACE(d, type),
		    "TCPMUX is for programs: INTERNAL services have ports of their own");
	else if (s->socket_type != SOCK_STREAM)
		TEXT_ERROR(d, PLACE(d, type), "TCPMUX is for connections, and dgram has none");
	else if (s->wait)
		TEXT_ERROR(d, PLACE(d, wait),
		    "TCPMUX hands on a connection that is there already: write wait = no");
	else if (conf_shares_listeners(s))
		TEXT_ERROR(d, PLACE(d, pool_accept),
		    "TCPMUX hands on a connection that is there already: remove pool_accept = worker");
	if ((s->type & CONF_TYPE_UNLISTED) == 0)
		NOTE(d, PLACE(d, type), "xinetd takes TCPMUX together with UNLISTED alone");
}

/* A worker's way to be ended in time has a name of its own. */
void
rules_serve_settle(struct draft *d)
{
	size_t from = (size_t)(attr_find("timeout") - attrs);
	size_t to = (size_t)(attr_find("pool_request_timeout") - attrs);
	struct service_conf *s = d->conf;

	if (!conf_has_pool(s) || s->timeout_ms == 0)
		return;
	if (places_at(&s->places, to)->source != NULL)
		return;
	if (d->own[from])
		NOTE(d, places_at(&s->places, from),
		    "timeout of a pool is taken as its pool_request_timeout");
	s->pool_request_timeout_ms = s->timeout_ms;
	places_set(&s->places, to, *places_at(&s->places, from));
	s->timeout_ms = 0;
	d->own[from] = false;
}

static void
check_traffic(struct draft *d)
{
	const struct service_conf *s = d->conf;
	bool is_copied =
	    s->linger_ms > 0 && s->socket_type == SOCK_STREAM && rules_idle_accepted(s) == NULL;
	bool is_seen = conf_is_redirect(s) || conf_is_internal(s) || is_copied ||
		       (conf_has_pool(s) && !conf_shares_listeners(s) &&
			   s->pool_exec == CONF_POOL_ONCE && s->pool_protocol == CONF_POOL_PORTER);

	if ((s->log_on_success & CONF_LOG_TRAFFIC) != 0 && !is_seen && IS_OWN(d, log_on_success))
		NOTE(d, PLACE(d, log_on_success),
		    "TRAFFIC has no effect: the program owns its socket, so that nobody counts the bytes; builtins, redirect, linger and workers that speak porter count them");
}

/* One socket for all clients is one program's alone: each other one gets a socket of its own, with the first datagram put
 * back into it. */
static void
check_per_peer(struct draft *d)
{
	const struct lookup *lookup = d->options->lookup;
	const struct service_conf *s = d->conf;

	if (s->socket_type != SOCK_DGRAM || s->wait || conf_is_internal(s) || conf_has_pool(s) ||
	    IS_BROKEN(d, wait))
		return;
	if (rules_has_unix(s))
		TEXT_ERROR(d, PLACE(d, wait),
		    "a program for datagrams of a unix socket gets the socket itself: this takes wait = yes");
	else if (lookup->may_send_raw != NULL && !lookup->may_send_raw())
		MISSING_ERROR(d, PLACE(d, wait),
		    "a program for each client over udp needs the right to make raw sockets (CAP_NET_RAW): start porterd with it, or write wait = yes for a program that reads from the socket itself");
}

void
rules_serve_apply(struct draft *d)
{
	check_redirect(d);
	check_muxed(d);
	check_traffic(d);
	check_per_peer(d);
}
