/* SPDX-License-Identifier: MIT */
/* Programs and workers that another daemon has started, and that are this one's now: after an exec of a new binary. */
#ifndef RUN_ADOPT_H
#define RUN_ADOPT_H

#include "run/service.h"
#include "run/worker.h"

struct stderr_log;

/* A program of the service in this place of the table; what crosses an exec is that of `as`.
 * NULL if the table has no such place. */
struct server *adopt_server(struct service *s, unsigned slot, const struct server *as);
/* The pool that the workers of before come to, be it only for their end. */
struct pool *adopt_pool(struct service *s);
/* The worker whose process is the server, at the end of the list where it belongs; all its plain members are those of `as`,
 * its descriptors too. log: NULL if it has none. */
void adopt_worker(
    struct pool *p, struct server *server, const struct worker *as, struct stderr_log *log);
/* A client that waits for a worker, behind the others. */
void adopt_waiting(struct pool *p, const struct client *client);
/* All workers are there. If what they were started with is not what the pool would start now, they are replaced as after a
 * reload; the fingerprint is that of the daemon before. */
void adopt_pool_done(struct pool *p, uint64_t fingerprint_before);

#endif
