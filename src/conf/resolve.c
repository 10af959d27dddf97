/* SPDX-License-Identifier: MIT */
/* The addresses of a service. */
#include "conf/resolve.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/types.h"

/* More addresses than this are no service but a mistake. */
#define MOST_ADDRESSES 1024

/* One address that the text asks for. */
struct wanted {
	const char *host; /* "*", a numeric address or a name */
	uint16_t port;
	const struct place *place;
};

static const char *
protocol_name(const struct service_conf *s)
{
	return s->protocol == IPPROTO_UDP ? "udp" : "tcp";
}

/* With the device behind it: another one makes another socket. */
static char *
make_key(const struct service_conf *s, const struct endpoint *e)
{
	const char *sign = s->device != NULL ? "%" : "";
	const char *device = s->device != NULL ? s->device : "";
	char text[ADDR_TEXT_SIZE] = "*";

	if (addr_family(&e->addr) == AF_UNIX)
		return mem_format("unix:%s", e->addr.u.un.sun_path);
	if (!e->is_dual)
		addr_format(&e->addr, text);
	const bool has_brackets = !e->is_dual && addr_family(&e->addr) == AF_INET6;
	return mem_format("%s:%s%s%s:%u%s%s", protocol_name(s), has_brackets ? "[" : "", text,
	    has_brackets ? "]" : "", addr_port(&e->addr), sign, device);
}

/* An address that the service has already is left out: names often stand for one address twice. */
static void
add_endpoint(struct draft *d, const struct addr *addr, bool is_dual, const struct place *place)
{
	struct service_conf *s = d->conf;
	struct endpoint e = {
		.addr = *addr, .socket_type = s->socket_type, .is_dual = is_dual, .place = *place
	};

	e.key = make_key(s, &e);
	for (size_t i = 0; i < s->endpoint_count; i++) {
		if (strcmp(s->endpoints[i].key, e.key) == 0) {
			free(e.key);
			return;
		}
	}
	s->endpoints = mem_grow(s->endpoints, s->endpoint_count + 1, sizeof(*s->endpoints));
	s->endpoints[s->endpoint_count++] = e;
}

/* Which families the flags leave: both without flags, and with both. */
static bool
takes_family(const struct service_conf *s, int family)
{
	unsigned wanted = s->flags & (CONF_FLAG_IPV4 | CONF_FLAG_IPV6);

	if (wanted == 0)
		return true;
	return (wanted & (family == AF_INET ? CONF_FLAG_IPV4 : CONF_FLAG_IPV6)) != 0;
}

static void
add_every_address(struct draft *d, const struct wanted *w)
{
	unsigned families = d->conf->flags & (CONF_FLAG_IPV4 | CONF_FLAG_IPV6);
	struct addr addr;

	addr_any(&addr, families == CONF_FLAG_IPV4 ? AF_INET : AF_INET6, w->port);
	add_endpoint(d, &addr, families != CONF_FLAG_IPV4 && !d->conf->v6only, w->place);
}

static void
add_numeric(struct draft *d, struct addr *addr, const struct wanted *w)
{
	addr_canonical(addr);
	if (!takes_family(d->conf, addr_family(addr))) {
		TEXT_ERROR(d, w->place, "%s is no %s address, which flags ask for", w->host,
		    addr_family(addr) == AF_INET ? "IPv6" : "IPv4");
		return;
	}
	bool is_dual = addr_family(addr) == AF_INET6 && addr_is_any(addr) && !d->conf->v6only;
	add_endpoint(d, addr, is_dual, w->place);
}

static void
add_named(struct draft *d, const struct wanted *w)
{
	size_t before = d->conf->endpoint_count, count = 0, taken = 0;
	struct addr *list = NULL;
	int r = d->options->lookup->host(w->host, &list, &count);

	if (r < 0) {
		MISSING_ERROR(d, w->place, "the host name %s does not resolve: %s%s", w->host,
		    r == -EAGAIN ? "the name server does not answer" : "there is no such name",
		    strchr(w->host, '.') == NULL ? "; a network device is named by device =" : "");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		addr_canonical(&list[i]);
		addr_set_port(&list[i], w->port);
		if (!takes_family(d->conf, addr_family(&list[i])))
			continue;
		taken++;
		add_endpoint(d, &list[i], false, w->place);
	}
	free(list);
	if (taken == 0 && d->conf->endpoint_count == before)
		MISSING_ERROR(d, w->place,
		    "the host name %s has no address of the kind that flags ask for", w->host);
}

static void
add_host(struct draft *d, const struct wanted *w)
{
	struct addr addr;

	if (strcmp(w->host, "*") == 0)
		add_every_address(d, w);
	else if (addr_parse(&addr, w->host, w->port) == 0)
		add_numeric(d, &addr, w);
	else
		add_named(d, w);
}

/* 0 after a message. */
static uint16_t
find_port(struct draft *d, const char *port, const struct place *place)
{
	int number = port_number(port);

	if (number == -ENOENT)
		number = d->options->lookup->port(port, protocol_name(d->conf));
	if (number > 0)
		return (uint16_t)number;
	MISSING_ERROR(
	    d, place, "there is no port named %.60s for %s", port, protocol_name(d->conf));
	return 0;
}

/* "//" and "/./" are left out: a socket has one name, by which it is found again. */
static void
add_unix(struct draft *d, const char *path, const struct place *place)
{
	char *plain = mem_dup(path), *to = plain;
	struct addr addr;

	for (const char *from = path; *from != '\0'; from++) {
		if (from[0] == '/' && from[1] == '/')
			continue;
		if (from[0] == '/' && from[1] == '.' && from[2] == '/')
			from++;
		else
			*to++ = *from;
	}
	*to = '\0';
	if (addr_unix(&addr, plain) == 0)
		add_endpoint(d, &addr, false, place);
	free(plain);
}

static void
add_listen(struct draft *d)
{
	const struct strings *list = &d->conf->listen;
	struct listen_parts parts;

	for (size_t i = 0; i < list->count; i++) {
		struct wanted w = { .place = WORD_PLACE(d, listen, list->item[i]) };

		if (!listen_split(&parts, list->item[i], NULL))
			continue;
		if (parts.is_unix) {
			add_unix(d, parts.path, w.place);
			continue;
		}
		w.host = parts.host;
		w.port = find_port(d, parts.port, w.place);
		if (w.port != 0)
			add_host(d, &w);
	}
}

/* The port by the name of the service, which xinetd looks up as well. */
static uint16_t
port_by_name(struct draft *d)
{
	const struct service_conf *s = d->conf;
	int number = d->options->lookup->port(s->name, protocol_name(s));

	if (number > 0)
		return (uint16_t)number;
	MISSING_ERROR(d, &d->block->title.place,
	    "%.60s/%s is not in /etc/services: say its port as a number (port =, or in inetd.conf in place of the name)",
	    s->name, protocol_name(s));
	return 0;
}

static void
add_bind(struct draft *d)
{
	const struct service_conf *s = d->conf;
	struct wanted w = { .host = "*", .place = PLACE(d, port) };

	if (s->port != NULL)
		w.port = find_port(d, s->port, w.place);
	else if (!IS_BROKEN(d, port) && !draft_is_inherited(d) &&
		 (s->type & CONF_TYPE_UNLISTED) == 0)
		w.port = port_by_name(d);
	if (w.port == 0)
		return;
	if (s->bind.count == 0)
		add_host(d, &w);
	for (size_t i = 0; i < s->bind.count; i++) {
		w.host = s->bind.item[i];
		w.place = WORD_PLACE(d, bind, w.host);
		add_host(d, &w);
	}
}

void
resolve_endpoints(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (conf_is_muxed(s))
		return;
	if (s->bind.count > MOST_ADDRESSES || s->listen.count > MOST_ADDRESSES)
		TEXT_ERROR(d, IS_GIVEN(d, listen) ? PLACE(d, listen) : PLACE(d, bind),
		    "a service has at most %d addresses", MOST_ADDRESSES);
	else if (IS_GIVEN(d, listen))
		add_listen(d);
	else
		add_bind(d);
	if (conf_shares_listeners(s) && s->endpoint_count > CONF_MOST_SHARED)
		TEXT_ERROR(d, PLACE(d, pool_accept),
		    "with pool_accept = worker a service has at most %d addresses: this one has %zu",
		    CONF_MOST_SHARED, s->endpoint_count);
}
