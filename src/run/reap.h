/* SPDX-License-Identifier: MIT */
/* Children that have ended. The signal tells of one; of others that end before it was read nobody tells, and to find them the
 * kernel looks at all there are (wait4(2) of any child), which takes a millisecond for some thousands. So the one that is known is
 * asked for by its number. While few run, the others are searched for at once. Once many run, those that were started last, which
 * are most likely the next to end, are asked for by their numbers, too, a few milliseconds later at most; and a search among all
 * takes half a hundredth of the time. Before a client is refused for want of a place those of its service are asked for by their
 * numbers, if they are few; and a search among all may take a tenth of the time. */
#ifndef RUN_REAP_H
#define RUN_REAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"

struct runtime;
struct service;

/* Fewer than so many are few. */
#define REAP_MANY 256u

/* Part of the runtime. */
struct reaper {
	struct loop_timer timer;
	uint64_t signals; /* so many times we were told, and once more for what was before us */
	int64_t young_us; /* no search among the youngest before, on the monotonic clock */
	/* Of the last search among all that found nobody. */
	int64_t ended_us, took_us;
	bool is_wanted; /* clients have found no place since then */
};

void reaper_init(struct runtime *rt);
void reaper_done(struct runtime *rt);

/* SIGCHLD has come, from this process; 0: it is not known which. Unknown ones, orphans of process 1 and children from before an exec,
 * are reaped as well. */
void reap(struct runtime *rt, pid_t pid);

/* A client finds no place that one who has ended may yet have: the next search among all comes sooner. True if it comes at the end of
 * this turn of the loop, and before it nobody need be refused. */
bool reap_want(struct runtime *rt);

/* The same for a service that has few: they are asked for at once, where somebody has ended since they were asked last. True if there
 * is room now. Not within a loop over what a program that ends takes away: its server, its slot of the door. */
bool reap_own(struct service *s);

#endif
