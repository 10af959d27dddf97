/* SPDX-License-Identifier: MIT */
/* Services as clients name them: "ID", or "ID@ADDRESS" for the one of that id that listens there. */
#include <stdio.h>
#include <string.h>

#include "control/command.h"
#include "control/daemon.h"
#include "run/service.h"

/* "tcp:127.0.0.1:7" can be written as "127.0.0.1:7". */
static bool
is_key(const char *key, const char *address)
{
	const char *rest = strchr(key, ':');

	return strcmp(key, address) == 0 || (rest != NULL && strcmp(rest + 1, address) == 0);
}

static bool
is_address_of(const struct listener *l, const char *address)
{
	char host[ADDR_TEXT_SIZE], bound[ADDR_TEXT_SIZE + 16];
	const struct addr *a = listener_bound(l);
	bool is_v6 = addr_family(a) == AF_INET6;

	if (is_key(l->key, address))
		return true;
	if (a->len == 0 || addr_family(a) == AF_UNIX)
		return false;
	snprintf(
	    bound, sizeof(bound), is_v6 ? "[%s]:%u" : "%s:%u", addr_format(a, host), addr_port(a));
	return strcmp(bound, address) == 0;
}

static bool
is_named(const struct service *s, const char *selector)
{
	const size_t len = strlen(s->conf->id);
	const struct listener *l;

	if (strncmp(selector, s->conf->id, len) != 0)
		return false;
	if (selector[len] == '\0')
		return true;
	if (selector[len] != '@')
		return false;
	TAILQ_FOREACH(l, &s->listeners, link)
		if (is_address_of(l, selector + len + 1))
			return true;
	/* One that is switched off has no listeners. */
	for (size_t i = 0; i < s->conf->endpoint_count; i++)
		if (is_key(s->conf->endpoints[i].key, selector + len + 1))
			return true;
	return false;
}

unsigned
services_named(
    struct daemon *d, const char *selector, void (*fn)(struct service *s, void *arg), void *arg)
{
	struct service *s, *next;
	unsigned count = 0;

	for (s = TAILQ_FIRST(&d->runtime.services); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->is_gone || !is_named(s, selector))
			continue;
		count++;
		fn(s, arg);
	}
	return count;
}
