/* SPDX-License-Identifier: MIT */
/* tcpmux, RFC 1078: a client sends the name of a service on a line, and is then served by that one, under its settings. Those who
 * have not sent their line yet wait here, without a process. Never blocks; bounded. */
#ifndef RUN_MUX_H
#define RUN_MUX_H

#include "run/service.h"

struct mux;

/* At most so many of all services, and fewer where descriptors are few; of more the one that has waited longest is refused. */
#define MUX_MOST    1024u
/* The longest line, with its end. */
#define MUX_LINE    256u
/* How long one may take to send it, unless the service has a timeout. */
#define MUX_WAIT_MS 10000

/* A client of the tcpmux s, just admitted by it; c->fd is taken over. */
void mux_take(struct service *s, struct connection *c);
/* The clients of this tcpmux are told that there is nothing here, and closed. */
void mux_clear(struct service *s);
/* Each counts as one of its source, see door_enter. */
void mux_count(struct service *s);
void mux_free(struct mux *m); /* closes all; NULL is allowed */

/* Of a service that is reached by its name: says yes, before its program does, if its type is TCPMUXPLUS. */
void mux_welcome(const struct service *s, int fd);
/* Says no, and takes fd over. */
void mux_refuse(const struct service *s, int fd);

/* Across an exec of the daemon. */

struct mux_waiting {
	struct connection c;
	int64_t due_ms;
	const char *line; /* what has come of it; borrowed */
	size_t len;
};

/* The clients of this tcpmux, the one that came first, first. */
void mux_each(
    const struct service *s, void (*fn)(const struct mux_waiting *w, void *arg), void *arg);
/* Another one, behind the others. */
void mux_adopt(struct service *s, const struct mux_waiting *w);

#endif
