/* SPDX-License-Identifier: MIT */
/* Clients that were let in and whose banner does not fit into their socket at once: they wait here until they have taken it, for a
 * while, and then go on to their program. They count as connections of the service meanwhile. Never blocks; bounded. */
#ifndef RUN_LOBBY_H
#define RUN_LOBBY_H

#include "run/service.h"

struct lobby;

/* At most so many of all services; of more the one that has waited longest is given up. */
#define LOBBY_MOST    512u
/* How long one may take over its banner. */
#define LOBBY_WAIT_MS 10000

struct lobby *lobby_new(struct runtime *rt);
void lobby_free(struct lobby *lobby); /* closes all; NULL is allowed */
/* Sends the banner of the service. True if all of it was sent; otherwise the client is the lobby's now, and
 * runtime->handler->greeted gets it later. */
bool lobby_greet(struct service *s, struct connection *c);
/* The clients of the service are given up. */
void lobby_clear(struct service *s);
/* Each counts as one of its source, see door_enter. */
void lobby_count(struct service *s);

/* Across an exec of the daemon. */

struct lobby_guest {
	struct connection c;
	const char *text; /* that is still to be sent; borrowed */
	size_t len;
	int64_t due_ms;
};

/* The clients of the service, the one that came first, first. */
void lobby_each(
    const struct service *s, void (*fn)(const struct lobby_guest *g, void *arg), void *arg);
/* Another one, behind the others. */
void lobby_adopt(struct service *s, const struct lobby_guest *as);

#endif
