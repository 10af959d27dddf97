/* SPDX-License-Identifier: MIT */
/* Ways to start a program for a connection, which becomes its descriptors 0, 1 and 2. */
#ifndef BENCH_BARE_START_H
#define BENCH_BARE_START_H

#include <stdbool.h>
#include <sys/types.h>

/* Descriptors that are kept are not below this, so that a connection is always a low one. */
#define KEPT_FIRST 64

struct program {
	char **argv;
	bool has_user;
	uid_t uid;
	gid_t gid;
};

/* Below 0: not started. The connection may be closed afterwards. All signals are blocked, which they are not for the
 * program. */
typedef pid_t start_fn(const struct program *p, int conn);

start_fn start_by_fork, start_by_vfork, start_with_files, start_with_shared;

#endif
