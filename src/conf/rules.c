/* SPDX-License-Identifier: MIT */
#include "conf/rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/rules_access.h"
#include "conf/rules_idle.h"
#include "conf/rules_launch.h"
#include "conf/rules_pool.h"
#include "conf/rules_serve.h"
#include "conf/types.h"

#define BUILTIN_NAMES "echo, discard, daytime, time, chargen, tcpmux, servers and services"

static bool
is_unix_entry(const char *entry)
{
	return strncasecmp(entry, "unix:", 5) == 0;
}

bool
rules_is_unix(const struct service_conf *s)
{
	for (size_t i = 0; i < s->listen.count; i++)
		if (!is_unix_entry(s->listen.item[i]))
			return false;
	return s->listen.count > 0;
}

bool
rules_has_unix(const struct service_conf *s)
{
	for (size_t i = 0; i < s->listen.count; i++)
		if (is_unix_entry(s->listen.item[i]))
			return true;
	return false;
}

static void
derive_socket(struct draft *d)
{
	struct service_conf *s = d->conf;

	if (s->socket_type == 0)
		s->socket_type = s->protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	if (rules_is_unix(s) && !IS_GIVEN(d, protocol))
		return;
	if (s->protocol == 0)
		s->protocol = s->socket_type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP;
}

static void
check_socket(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (s->socket_type == SOCK_STREAM && s->protocol == IPPROTO_UDP)
		TEXT_ERROR(d, PLACE(d, protocol),
		    "socket_type = stream goes with protocol = tcp, not with udp");
	else if (s->socket_type == SOCK_DGRAM && s->protocol == IPPROTO_TCP)
		TEXT_ERROR(d, PLACE(d, protocol),
		    "socket_type = dgram goes with protocol = udp, not with tcp");
	else if (s->protocol != 0 && rules_is_unix(s))
		NOTE(d, PLACE(d, protocol),
		    "protocol has no effect: the service listens on unix sockets alone");
}

static void
check_internal(struct draft *d)
{
	const struct lookup *lookup = d->options->lookup;
	const struct service_conf *s = d->conf;

	if (!conf_is_internal(s))
		return;
	if (IS_GIVEN(d, server))
		TEXT_ERROR(d, PLACE(d, server),
		    "INTERNAL is for services that porterd itself provides (" BUILTIN_NAMES
		    "): remove type = INTERNAL, or server");
	else if (!conf_is_sensor(s) &&
		 (lookup->is_builtin == NULL || !lookup->is_builtin(s->name, s->socket_type)))
		TEXT_ERROR(d, PLACE(d, type),
		    "porterd itself provides no %.60s over %s: type = INTERNAL is for " BUILTIN_NAMES,
		    s->name, s->socket_type == SOCK_DGRAM ? "dgram" : "stream");
	else if (rules_has_unix(s))
		TEXT_ERROR(d, PLACE(d, listen),
		    "type = INTERNAL is for tcp and udp, not for unix sockets");
}

static void
check_server(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (!conf_is_internal(s) && s->server == NULL && !IS_BROKEN(d, server) &&
	    !conf_is_redirect(s) && !IS_BROKEN(d, redirect))
		TEXT_ERROR(d, PLACE(d, server), "service %.60s has no server = PROGRAM", s->name);
	if ((s->flags & CONF_FLAG_NAMEINARGS) != 0 && s->server_args.count == 0 &&
	    !conf_is_internal(s) && !conf_is_redirect(s))
		TEXT_ERROR(d, IS_OWN(d, server_args) ? PLACE(d, server_args) : PLACE(d, flags),
		    "with NAMEINARGS the first word of server_args is the program's own name: server_args is empty");
}

static void
derive_wait(struct draft *d)
{
	struct service_conf *s = d->conf;

	if (IS_GIVEN(d, wait) || conf_has_pool(s))
		return;
	s->wait = s->socket_type == SOCK_DGRAM && !conf_is_internal(s);
	NOTE(d, PLACE(d, wait), "service %.60s has no wait: it is taken as %s, as for %s", s->name,
	    s->wait ? "yes" : "no",
	    conf_is_internal(s) ? "every builtin"
	    : s->wait           ? "datagrams"
				: "connections");
}

static void
check_wait(struct draft *d)
{
	struct service_conf *s = d->conf;

	if (conf_has_pool(s))
		return;
	if (s->wait && conf_is_internal(s)) {
		if (s->socket_type == SOCK_STREAM)
			WARNING(d, PLACE(d, wait),
			    "wait = yes has no effect with type = INTERNAL, and is taken as no");
		s->wait = false;
	}
	if (s->wait && IS_OWN(d, instances) && s->instances != 1)
		NOTE(d, PLACE(d, instances),
		    "with wait = yes one program runs at a time, whatever instances says");
}

static void
check_instances(struct draft *d)
{
	if (d->conf->instances == 0)
		WARNING(d, PLACE(d, instances), "instances = 0 serves nobody");
}

static void
check_addresses(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (conf_is_muxed(s))
		return;
	if (IS_GIVEN(d, listen) && IS_OWN(d, bind))
		TEXT_ERROR(
		    d, PLACE(d, bind), "listen says the addresses already: remove bind, or listen");
	if (IS_GIVEN(d, listen) && IS_OWN(d, port))
		TEXT_ERROR(
		    d, PLACE(d, port), "listen says the port already: remove port, or listen");
	if (IS_GIVEN(d, listen) && s->listen.count == 0 && !IS_BROKEN(d, listen))
		TEXT_ERROR(d, PLACE(d, listen), "listen holds no address");
	if (IS_OWN(d, bind) && s->bind.count == 0 && !IS_BROKEN(d, bind))
		TEXT_ERROR(d, PLACE(d, bind), "bind holds no address");
	if ((s->type & CONF_TYPE_UNLISTED) != 0 && s->port == NULL && !IS_BROKEN(d, port) &&
	    !IS_GIVEN(d, listen) && !draft_is_inherited(d))
		TEXT_ERROR(d, PLACE(d, type), "a service that is UNLISTED needs a port =");
}

static void
check_unix(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (rules_has_unix(s))
		return;
	if (IS_OWN(d, listen_mode))
		WARNING(d, PLACE(d, listen_mode),
		    "listen_mode has no effect without a unix socket in listen");
	if (IS_OWN(d, listen_owner))
		WARNING(d, PLACE(d, listen_owner),
		    "listen_owner has no effect without a unix socket in listen");
	if (IS_OWN(d, listen_group))
		WARNING(d, PLACE(d, listen_group),
		    "listen_group has no effect without a unix socket in listen");
}

static void
check_options(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (IS_OWN(d, flags) && (s->flags & (CONF_FLAG_NODELAY | CONF_FLAG_KEEPALIVE)) != 0 &&
	    s->protocol != IPPROTO_TCP)
		NOTE(d, PLACE(d, flags),
		    "NODELAY and KEEPALIVE have an effect with protocol = tcp alone");
}

static void
check_user(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (d->options->is_root && !IS_GIVEN(d, user) && !conf_is_internal(s) &&
	    !conf_is_redirect(s) && !IS_BROKEN(d, redirect))
		TEXT_ERROR(d, PLACE(d, user),
		    "service %.60s has no user = NAME, which it needs where porterd runs as root",
		    s->name);
}

/* In this order: what is derived comes before what looks at it. */
static void
check_backlog(struct draft *d)
{
	int most = IS_GIVEN(d, backlog) ? d->options->lookup->longest_backlog() : -ENOENT;

	if (most > 0 && d->conf->backlog > (unsigned)most)
		NOTE(d, PLACE(d, backlog),
		    "the kernel keeps at most %d waiting (net.core.somaxconn)", most);
}

static void
check_id(struct draft *d)
{
	const struct place *place = IS_OWN(d, id) ? PLACE(d, id) : &d->block->title.place;

	if (*d->conf->id == '\0')
		TEXT_ERROR(d, place, "a service needs a name");
	else if (d->conf->id[strcspn(d->conf->id, ID_NEVER_HOLDS)] != '\0')
		TEXT_ERROR(d, place,
		    "an id has no blanks, quotes, backslashes, colons or equal signs; give another by id =");
}

static const struct rule {
	const char *name;
	void (*apply)(struct draft *d);
} rules[] = {
	{ "an id is one word", check_id },
	{ "socket_type and protocol follow from each other", derive_socket },
	{ "stream is tcp, dgram is udp", check_socket },
	{ "INTERNAL names a builtin and has no server", check_internal },
	{ "what is not INTERNAL has a server", check_server },
	{ "wait follows from socket_type", derive_wait },
	{ "builtins take wait = no", check_wait },
	{ "timeout of a pool is pool_request_timeout", rules_serve_settle },
	{ "what has no effect is left out", rules_idle_reset },
	{ "pools are of one kind, and within their limits", rules_pool_apply },
	{ "redirect, tcpmux and times go with some services alone", rules_serve_apply },
	{ "clients are judged where they are seen", rules_access_apply },
	{ "values of a connection are known, and clients can be judged", rules_launch_apply },
	{ "instances = 0 serves nobody", check_instances },
	{ "backlog is what the kernel allows", check_backlog },
	{ "listen stands alone", check_addresses },
	{ "listen_mode and the like take a unix socket", check_unix },
	{ "options of TCP", check_options },
	{ "root starts nothing without a user", check_user },
};

void
rules_apply(struct draft *d)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		rules[i].apply(d);
}
