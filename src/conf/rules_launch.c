/* SPDX-License-Identifier: MIT */
#include "conf/rules_launch.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/hosts_access.h"
#include "conf/rules.h"
#include "conf/template.h"

/* ---- templates ---- */

/* Why there is no such value for the programs of this service; NULL: there is. */
static const char *
why_empty(const struct service_conf *s, const struct template_name *name)
{
	if (name->of == TEMPLATE_OF_SERVICE)
		return NULL;
	if (conf_has_pool(s) && s->pool_exec != CONF_POOL_FRESH)
		return "a worker of a pool starts before its clients come";
	if (name->of != TEMPLATE_OF_PEER)
		return NULL;
	if (s->wait && s->socket_type == SOCK_STREAM)
		return "with wait = yes the program accepts its clients itself";
	return rules_is_unix(s) ? "clients of a unix socket have no address" : NULL;
}

/* Once for a word of a list, whatever else stands in it; the template begins at `from`. */
static void
check_template(struct draft *d, size_t offset, const char *word, const char *from)
{
	struct template_piece piece;
	const char *why = NULL;

	for (const char *at = from; why == NULL && template_next(&at, &piece);) {
		if (piece.is_unknown) {
			WARNING(d, draft_word_place(d, offset, word),
			    "%.*s is no value that porterd knows, and stays as it is; %%%%{ says that it should",
			    piece.len < 60 ? (int)piece.len : 60, piece.text);
			return;
		}
		why = piece.name != NULL ? why_empty(d->conf, piece.name) : NULL;
	}
	if (why != NULL)
		WARNING(d, draft_word_place(d, offset, word), "%%{%s} is empty: %s",
		    piece.name->name, why);
}

static void
check_templates(struct draft *d)
{
	const struct service_conf *s = d->conf;

	for (size_t i = 0; i < s->server_args.count; i++)
		check_template(d, offsetof(struct service_conf, server_args),
		    s->server_args.item[i], s->server_args.item[i]);
	for (size_t i = 0; i < s->env.count; i++)
		check_template(d, offsetof(struct service_conf, env), s->env.item[i],
		    s->env.item[i] + strcspn(s->env.item[i], "="));
}

/* ---- porter-gate ---- */

/* A builtin that knows of other services: porterd needs no process for it. */
static bool
is_inside(const struct service_conf *s)
{
	static const char *const names[] = { "tcpmux", "servers", "services" };

	for (size_t i = 0; conf_is_internal(s) && i < ARRAY_LEN(names); i++)
		if (strcasecmp(s->name, names[i]) == 0)
			return true;
	return false;
}

/* Why no child can judge the clients of this service; NULL: one can. */
static const char *
why_unjudged(const struct service_conf *s)
{
	if (conf_has_pool(s))
		return "the workers of a pool get them without a process of their own";
	if (s->wait && s->socket_type == SOCK_STREAM)
		return "with wait = yes the program accepts them itself";
	if (conf_is_internal(s) && s->socket_type == SOCK_DGRAM)
		return "a builtin over dgram is answered by porterd itself";
	if (is_inside(s))
		return "this builtin is answered by porterd itself";
	return rules_is_unix(s) ? "clients of a unix socket have no address" : NULL;
}

static bool
has_domain(const struct strings *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->item[i][0] == '.')
			return true;
	return false;
}

static void
check_domains(struct draft *d)
{
	const struct service_conf *s = d->conf;
	const char *why = s->reverse_dns == CONF_REVERSE_CONFIRMED ? why_unjudged(s) : NULL;

	if (why == NULL)
		return;
	if (has_domain(&s->only_from))
		TEXT_ERROR(d, PLACE(d, only_from),
		    "service %.60s: the names of its clients cannot be looked up: %s", s->id, why);
	if (has_domain(&s->no_access))
		TEXT_ERROR(d, PLACE(d, no_access),
		    "service %.60s: the names of its clients cannot be looked up: %s", s->id, why);
}

/* Asked for by name. */
static void
check_libwrap(struct draft *d, bool is_supported)
{
	const char *why = why_unjudged(d->conf);

	if (why != NULL)
		TEXT_ERROR(d, PLACE(d, libwrap),
		    "hosts.allow and hosts.deny cannot be asked for clients of this service: %s",
		    why);
	else if (!is_supported)
		MISSING_ERROR(d, PLACE(d, libwrap),
		    "this porterd was built without libwrap: remove libwrap, and say who may connect by only_from");
}

/* Not asked for, but there are rules, which hold for every service unless it says otherwise. */
static void
check_rules(struct draft *d, bool is_supported)
{
	const char *why = why_unjudged(d->conf);

	if (why != NULL)
		MISSING_ERROR(d, &d->block->title.place,
		    "hosts.allow or hosts.deny holds rules, which cannot be kept here: %s; flags = NOLIBWRAP leaves them aside",
		    why);
	else if (!is_supported)
		MISSING_ERROR(d, &d->block->title.place,
		    "hosts.allow or hosts.deny holds rules, and this porterd was built without libwrap; flags = NOLIBWRAP leaves them aside");
}

/* Whoever comes to a SENSOR is served nothing, and clients of unix sockets alone have no addresses to look for. */
static void
settle_libwrap(struct draft *d)
{
	const struct lookup *lookup = d->options->lookup;
	struct service_conf *s = d->conf;
	unsigned found =
	    lookup->hosts_access != NULL ? lookup->hosts_access() : HOSTS_ACCESS_SUPPORTED;
	bool is_supported = (found & HOSTS_ACCESS_SUPPORTED) != 0;

	if ((s->flags & CONF_FLAG_NOLIBWRAP) != 0 || (s->flags & CONF_FLAG_SENSOR) != 0) {
		if (s->libwrap != NULL)
			WARNING(d, PLACE(d, libwrap), "libwrap has no effect with flags = %s",
			    (s->flags & CONF_FLAG_NOLIBWRAP) != 0 ? "NOLIBWRAP" : "SENSOR");
		return;
	}
	if (s->libwrap != NULL)
		check_libwrap(d, is_supported);
	else if ((found & HOSTS_ACCESS_RULES) != 0 && !rules_is_unix(s))
		check_rules(d, is_supported);
	else
		return;
	s->asks_libwrap = true;
}

void
rules_launch_apply(struct draft *d)
{
	check_templates(d);
	check_domains(d);
	settle_libwrap(d);
}
