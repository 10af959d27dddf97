/* SPDX-License-Identifier: MIT */
/* Keeps a pool at size and its workers to their deadlines. Private to the pool. */
#ifndef RUN_POOL_KEEP_H
#define RUN_POOL_KEEP_H

#include <stdbool.h>

struct pool;

void pool_keep_init(struct pool *p);
/* Starts one more than there are idle if that is allowed now, for a client. True if there is an idle one then. */
bool pool_keep_start_one(struct pool *p);
/* A worker is idle no longer: starts others if too few are left. */
void pool_keep_spare(struct pool *p);
/* A worker is idle: looks later whether there are too many. */
void pool_keep_idle(struct pool *p);

#endif
