/* SPDX-License-Identifier: MIT */
/* The road of a connection from a ready listener to a started program. */
#ifndef RUN_ACCEPT_H
#define RUN_ACCEPT_H

#include "policy/admit.h"
#include "run/listener.h"

extern const struct listener_handler accept_handler;

/* A connection that is accepted already, and maybe has said which service it wants: it goes through the whole admission of
 * that one, is given a number if it has none, and is served or refused. c->fd is taken over; id 0: none yet. */
void accept_take(struct service *s, struct connection *c);
/* A datagram was thrown away because of its sender: counted, and said, though not each time. */
void accept_refuse_datagram(struct service *s, const struct addr *peer, enum verdict v);

#endif
