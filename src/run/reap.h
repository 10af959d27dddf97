/* SPDX-License-Identifier: MIT */
/* Children that have ended. The signal tells of one; of others that end before it was read nobody tells, and to find them the
 * kernel looks at all there are (wait4(2) of any child), which takes a millisecond for some thousands. So the one that is known is
 * asked for by its number. While few run, the others are searched for at once. Once many run, those that were started last, which
 * are most likely the next to end, are watched by descriptors of theirs (pidfd_open(2)), and a search takes a hundredth of the
 * time at most. */
#ifndef RUN_REAP_H
#define RUN_REAP_H

#include <sys/queue.h>
#include <sys/types.h>

#include "loop/loop.h"

struct runtime;
struct server;
struct watched;

/* While fewer run nobody is watched; and so many are at most. */
#define REAP_WATCHES_FROM 256u
#define REAP_WATCHES_MOST 1024u

TAILQ_HEAD(watched_list, watched);

/* Part of the runtime. */
struct reaper {
	struct loop_timer timer;
	int64_t rest_us;             /* no search before, on the monotonic clock */
	struct watched_list watched; /* those that were started first in front */
	unsigned watched_count;
};

void reaper_init(struct runtime *rt);
void reaper_done(struct runtime *rt);

/* A program was started. */
void reap_expect(struct runtime *rt, struct server *s);

/* SIGCHLD has come, from this process; 0: it is not known which. Unknown ones, orphans of process 1 and children from before an exec,
 * are reaped as well. */
void reap(struct runtime *rt, pid_t pid);

#endif
