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

/* A program that a person has started has lost its client: it is asked to end. */
void run_client_gone(struct daemon *d, uint64_t client);
/* Whoever asked for the program is told of its end. For one that was started before an upgrade, too: server->asker is set. */
void run_watch(struct daemon *d, struct server *server);

#endif
