/* SPDX-License-Identifier: MIT */
/* The builtin services that know of the others: tcpmux, and the lists servers and services. They are served by the daemon itself,
 * without a process. */
#ifndef RUN_INSIDE_H
#define RUN_INSIDE_H

#include "run/service.h"

/* Serves a client of such a service, just admitted by it; c->fd is taken over. False: the service is none of these. */
bool inside_serve(struct service *s, struct connection *c);

#endif
