/* SPDX-License-Identifier: MIT */
/* What concerns all services together: reaping, resting, ending. */
#ifndef RUN_SERVICES_H
#define RUN_SERVICES_H

#include <stdbool.h>

#include "base/addr.h"
#include "run/runtime.h"

/* A program has ended: what waits for descriptors, memory or a place need not wait any more. */
void services_have_room(struct runtime *rt);

/* Looks at the limits again: they were raised, or somebody has left. */
void services_release_full(struct runtime *rt);

/* All listeners rest until a program ends or a second has passed: accept failed for lack of `error`. */
void services_rest(struct runtime *rt, int error);

/* A port of one of our own datagram services: answering it could go on for ever. arg: the runtime. */
bool services_have_port(const struct addr *peer, void *arg);

/* No listener is left; programs go on. */
void services_close_listeners(struct runtime *rt);
/* Frees all of them, whatever runs. */
void services_free(struct runtime *rt);

#endif
