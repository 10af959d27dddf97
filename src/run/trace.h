/* SPDX-License-Identifier: MIT */
/* Every decision about a connection, with its reason, for whoever watches the service at this moment. */
#ifndef RUN_TRACE_H
#define RUN_TRACE_H

#include "run/service.h"

/* Into the journal. */
void trace_say(const struct service *s, uint64_t connection, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Why a client is not served now: "refused: 10 of 10 programs run (instances)". outcome: its first words. */
void trace_say_verdict(
    const struct service *s, uint64_t connection, const char *outcome, enum verdict v);

static inline void
trace_verdict(const struct service *s, uint64_t connection, const char *outcome, enum verdict v)
{
	if (s->watchers > 0)
		trace_say_verdict(s, connection, outcome, v);
}

/* The address for a text, valid until the next call. */
const char *trace_peer(const struct addr *peer);
/* "status 3", "signal 9"; as of wait(2), valid until the next call. */
const char *trace_status(int status);

/* Costs a comparison where nobody watches. */
#define TRACE(s, connection, ...)             \
 do {                                         \
  if ((s)->watchers > 0)                      \
   trace_say((s), (connection), __VA_ARGS__); \
 } while (0)

#endif
