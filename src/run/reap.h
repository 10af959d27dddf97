/* SPDX-License-Identifier: MIT */
/* Children that have ended. The signal tells of one; of others that end before it was read nobody tells, and to find them the
 * kernel looks at all there are (wait4(2) of any child), which takes a millisecond for some thousands. So the one that is known is
 * asked for by its number, and the search takes a tenth of the time at most. */
#ifndef RUN_REAP_H
#define RUN_REAP_H

#include <sys/types.h>

#include "loop/loop.h"

struct runtime;

/* Part of the runtime. */
struct reaper {
	struct loop_timer timer;
	int64_t rest_us; /* no search before, on the monotonic clock */
};

void reaper_init(struct runtime *rt);
void reaper_done(struct runtime *rt);

/* SIGCHLD has come, from this process; 0: it is not known which. Unknown ones, orphans of process 1 and children from before an exec,
 * are reaped as well. */
void reap(struct runtime *rt, pid_t pid);

#endif
