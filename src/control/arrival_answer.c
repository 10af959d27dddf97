/* SPDX-License-Identifier: MIT */
/* The trial of a new binary: whether it could take the daemon's place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "control/arrival.h"
#include "control/reload.h"
#include "net/inherit.h"
#include "net/socket.h"
#include "upgrade/restore.h"

static void
say_nothing(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
}

static bool
serves(const struct kept_service *s)
{
	if (s->is_gone || s->is_off)
		return false;
	KEPT_EACH(kept_listener, l, &s->listeners)
	if (l->fd >= 0)
		return true;
	return false;
}

/* One that serves now and could not under its settings as they are; NULL: there is none. */
static const struct service_conf *
broken_one(const struct config *config, const struct kept_runtime *kept)
{
	KEPT_EACH(kept_service, s, &kept->services)
	for (size_t i = 0; serves(s) && i < config->count; i++) {
		const struct service_conf *conf = config->services[i];

		if (strcasecmp(conf->id, s->id) == 0 &&
		    (conf->state == CONF_BROKEN_TEXT || conf->state == CONF_BROKEN_SURROUNDINGS))
			return conf;
	}
	return NULL;
}

/* It is open or tried again already, or a socket of ours stands in its way, which will go. */
static bool
is_known(const struct kept_runtime *kept, const struct endpoint *e)
{
	KEPT_EACH(kept_service, s, &kept->services)
	KEPT_EACH(kept_listener, l, &s->listeners)
	if (strcmp(l->key, e->key) == 0 || (l->fd >= 0 && addr_family(&l->bound) != AF_UNIX &&
					       addr_port(&l->bound) == addr_port(&e->addr)))
		return true;
	return false;
}

static bool
is_served(const struct kept_runtime *kept, const char *id)
{
	KEPT_EACH(kept_service, s, &kept->services)
	if (serves(s) && strcasecmp(s->id, id) == 0)
		return true;
	return false;
}

/* Of one that serves now, an address that it could not have, and why; heap, NULL: there is none. */
static char *
missing_address(const struct config *config, const struct kept_runtime *kept)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct service_conf *conf = config->services[i];

		if (conf->state != CONF_OK || inherit_has(conf->id, conf->socket_type))
			continue;
		for (size_t k = 0; k < conf->endpoint_count; k++) {
			const struct endpoint *e = &conf->endpoints[k];
			const struct socket_options options = socket_options_of(conf);
			int r = socket_try(e, &options);

			if (r < 0 && !is_known(kept, e) && is_served(kept, conf->id))
				return mem_format(
				    "service %s could not be served any more at its new address %s: %s",
				    conf->id, e->key, strerror(-r));
		}
	}
	return NULL;
}

static void
forced_names(const struct arrival *a, struct strings *names)
{
	KEPT_EACH(kept_name, n, &a->daemon.forced)
	strings_add(names, n->name);
}

/* Heap; NULL: it could. */
static char *
objection(const struct arrival *a, const struct load_options *options, const char *config_path)
{
	struct strings forced = { 0 };
	struct load_options load = *options;
	struct problems problems = { 0 };
	const struct service_conf *broken;
	struct config *config;
	const char *refusal, *first;
	char *why = NULL;

	restore_inherited(&a->kept.runtime);
	forced_names(a, &forced);
	load.forced = &forced;
	config = config_load(config_path, &load, &problems);
	refusal = reload_refusal(&problems);
	first = problems_first_error(&problems, 0);
	broken = broken_one(config, &a->kept.runtime);
	if (refusal != NULL)
		why = mem_format("the configuration would be refused: %s%s%s", refusal,
		    first != NULL ? ": " : "", first != NULL ? first : "");
	else if (broken != NULL)
		why = mem_format("service %s could not be served any more: %s", broken->id,
		    broken->trouble != NULL ? broken->trouble : "something is wrong with it");
	else
		why = missing_address(config, &a->kept.runtime);
	config_unref(config);
	problems_done(&problems);
	strings_done(&forced);
	return why;
}

int
arrival_answer(const struct arrival *a, const struct load_options *options, const char *config_path)
{
	char *why;

	log_set_hook(say_nothing, NULL);
	why = a->why[0] != '\0' ? mem_dup(a->why) : objection(a, options, config_path);
	if (why == NULL)
		printf(ARRIVAL_ANSWER "ok %s\n", VERSION);
	else
		printf(ARRIVAL_ANSWER "no %s\n", why);
	free(why);
	return fflush(stdout) == 0 ? 0 : 1;
}
