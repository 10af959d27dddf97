/* SPDX-License-Identifier: MIT */
/* A runtime takes over what another daemon has left: listeners, programs, workers and the numbers that were counted. Between
 * the two steps the configuration is applied, by which each listener finds its service. */
#ifndef UPGRADE_RESTORE_H
#define UPGRADE_RESTORE_H

#include "launch/origin.h"
#include "run/runtime.h"
#include "upgrade/kept.h"

struct restore;

/* In place of origin_take: what the daemon was first started with. */
void restore_origin(const struct kept_origin *kept, struct origin *origin);
/* Sockets that the daemon was first started with, for those who ask for them by name. Their descriptors are not looked at. */
void restore_inherited(const struct kept_runtime *kept);
/* Before the configuration is applied. kept was checked by kept_read, and is borrowed until restore_finish. */
struct restore *restore_begin(struct runtime *rt, const struct kept_runtime *kept);
/* Afterwards; frees it. What nobody wants any more is closed, and programs without a service go on until they end. */
void restore_finish(struct restore *r);

#endif
