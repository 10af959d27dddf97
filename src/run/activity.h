/* SPDX-License-Identifier: MIT */
/* The activity log: what happens to clients, in the form that the service asks for, here as xinetd says it. See
 * run/activity_format.h. */
#ifndef RUN_ACTIVITY_H
#define RUN_ACTIVITY_H

#include <sys/resource.h>

#include "base/addr.h"
#include "launch/traffic.h"
#include "run/runtime.h"
#include "run/service.h"

/* START: id [pid=N] [from=ADDR] conn=N */
void activity_start(
    const struct service *s, pid_t pid, const struct addr *peer, uint64_t connection);

/* How the service of a connection has ended. */
struct activity_end {
	pid_t pid;
	uint64_t connection;
	int64_t duration_us;
	int status;                    /* as of wait(2) */
	const struct rusage *usage;    /* NULL: not known */
	const struct traffic *traffic; /* NULL: not known */
	const char *result;            /* what a worker says of it; NULL: nothing */
};

/* EXIT: id [status=N|signal=N] [pid=N] [duration=N(sec)] [cpu=N.NNN(sec)] [rss=N(kB)] [read=N] [written=N] [bytes=IN/OUT]
 * [result="..."] conn=N */
void activity_exit(const struct service *s, const struct activity_end *end);
/* FAIL: id reason [from=ADDR] conn=N */
void activity_fail(
    const struct service *s, const char *reason, const struct addr *peer, uint64_t connection);

#endif
