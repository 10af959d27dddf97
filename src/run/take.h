/* SPDX-License-Identifier: MIT */
/* From an accepted client to its program, worker, answer or refusal. Private to those who accept. */
#ifndef RUN_TAKE_H
#define RUN_TAKE_H

#include "policy/admit.h"
#include "run/listener.h"

/* It has just come: counts it. */
void take_arrived(struct service *s, struct connection *c);
/* The client is ours from here on: it is served, refused, or waits. v: what is said of it. l: where it came from, and where it waits for a
 * fork; NULL: it does not. */
void take_client(struct service *s, struct listener *l, struct connection *c, enum verdict v);
/* The one that waits for a fork: the settings may have changed meanwhile. */
void take_pending(struct listener *l);
/* It has got its banner. */
void take_greeted(struct service *s, struct connection *c);
/* It is counted, told, and closed. l: as above. */
void take_refuse(struct service *s, const struct listener *l, struct connection *c, enum verdict v);
/* No process could be made for it. */
void take_give_up(struct service *s, struct connection *c);

/* The listeners of the service take nobody now, although somebody may be there: it holds them. */
bool take_must_queue(struct listener *l, enum verdict v);

/* What is to be said of one who was judged, and of the service's limits. */
enum verdict take_sum(enum verdict judged, enum verdict admitted);

#endif
