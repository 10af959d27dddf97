/* SPDX-License-Identifier: MIT */
/* What the commands that change something have in common. */
#ifndef CONTROL_LIVE_H
#define CONTROL_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "control/command.h"

struct attr;
struct server;
struct service;

/* The services that a selector names, as they are found: some of them may go while they are worked on, so they are listed
 * before. Its item is freed by the caller. */
struct live_list {
	struct service **item;
	size_t count;
};

/* False, and the request has failed, while the daemon is stopping. */
bool live_is_running(struct request *r);
/* All services of the argument "service". An empty list: there is none, and nothing was said. */
void live_find(struct request *r, struct live_list *list);
/* The request fails: there is no such service. Returns NULL. */
json_t *live_unknown(struct request *r);
/* The value of an attribute as a dump has it. base: as for attr_field_const. */
json_t *live_value(const void *base, const struct attr *a);

/* What a reload, or the services that "service" names, have come to with what was loaded for them. */
struct reload_result;
json_t *live_reloaded(struct request *r, const struct reload_result *result);
json_t *live_served(struct request *r, const struct reload_result *result);
/* The id of a service that a selector means and the configuration disables; NULL: there is none. */
const char *live_disabled_id(const struct daemon *d, const char *selector);
/* It is not on any more whatever the configuration says. */
void live_unforce(struct daemon *d, const char *id);
/* Of several with this id one may be served, and the next one may not. */
bool live_is_served(const struct daemon *d, const char *id);

/* A program that a person has started has lost its client: it is asked to end. */
void run_client_gone(struct daemon *d, uint64_t client);
/* Whoever asked for the program is told of its end. For one that was started before an upgrade, too: server->asker is set. */
void run_watch(struct daemon *d, struct server *server);

#endif
