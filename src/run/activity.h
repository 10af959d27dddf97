/* SPDX-License-Identifier: MIT */
/* The activity log: service events in xinetd's words, with more keys behind them. */
#ifndef RUN_ACTIVITY_H
#define RUN_ACTIVITY_H

#include <sys/resource.h>

#include "base/addr.h"
#include "run/runtime.h"
#include "run/service.h"

/* START: id [pid=N] [from=ADDR] conn=N */
void activity_start(
    const struct service *s, pid_t pid, const struct addr *peer, uint64_t connection);
/* EXIT: id [status=N|signal=N] [pid=N] [duration=N(sec)] cpu=N.NNN(sec) [rss=N(kB)] conn=N */
void activity_exit(
    const struct service *s, const struct server *ended, int status, const struct rusage *usage);
/* FAIL: id reason [from=ADDR] */
void activity_fail(const struct service *s, const char *reason, const struct addr *peer);

#endif
