/* SPDX-License-Identifier: MIT */
/* The timers of a loop as a binary heap; the earliest first, of equal ones the one that was set
 * first. */
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include <stdint.h>

#include "loop/loop.h"

struct timer_node {
	struct loop_timer *timer;
	uint64_t order; /* of setting */
};

/* All zero: empty. */
struct timer_heap {
	struct timer_node *node;
	unsigned count, room;
	uint64_t set_count;
};

void timer_heap_set(struct timer_heap *h, struct loop_timer *t, int64_t due_ms); /* adds or moves */
void timer_heap_stop(
    struct timer_heap *h, struct loop_timer *t); /* allowed for one that does not run */
struct loop_timer *timer_heap_first(const struct timer_heap *h); /* NULL: empty */
/* Stops and calls those due at now_ms, at most as many as there are at the start: a timer that sets
 * itself anew in the past waits for the next call. */
void timer_heap_fire(struct timer_heap *h, int64_t now_ms);
void timer_heap_done(struct timer_heap *h); /* stops all */

#endif
