/* SPDX-License-Identifier: MIT */
/* How many workers a pool has: when some are started, and when some are ended. Pure: times are monotonic milliseconds and
 * arguments. */
#ifndef POLICY_POOL_SIZE_H
#define POLICY_POOL_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* How many of those that a pool begins with are started at once, and how many idle ones for too long are ended at once; the
 * rest a moment later, so that nobody waits for hundreds of forks. */
#define POOL_BEGIN_STEP 32u
#define POOL_END_STEP   32u
#define POOL_MOMENT_MS  20

enum pool_mode { POOL_STATIC, POOL_DYNAMIC, POOL_ONDEMAND };

struct pool_rule {
	enum pool_mode mode;
	unsigned max;                  /* workers at a time */
	unsigned min_spare, max_spare; /* idle ones, of a dynamic pool */
	unsigned start;                /* that a dynamic pool begins with */
	unsigned spawn_rate;           /* workers started in a second */
	int64_t idle_timeout_ms;
};

struct pool_load {
	unsigned workers; /* that were not asked to end */
	unsigned idle;    /* of those */
	unsigned leaving; /* asked to end and still there; together at most twice the most */
	unsigned waiting; /* clients for whom there is no worker */
	int64_t idle_ms;  /* since when the one is idle that has been idle longest */
};

/* All zero when the pool begins. */
struct pool_pace {
	unsigned begun;    /* of those that the pool begins with */
	bool has_begun;    /* all of them were started */
	unsigned step;     /* of the present growth: 1, 2, 4 … */
	int64_t step_ms;   /* when the next one is allowed */
	unsigned started;  /* within the present second */
	int64_t second_ms; /* when it began */
	int64_t shrink_ms; /* when the next one above max_spare may be ended */
	unsigned ended;    /* for being idle too long, within the present moment */
	int64_t ended_ms;  /* when it began */
};

/* How many workers to start now; they count as started. Those that the pool begins with (static: max, dynamic: start) come
 * first and at no rate, POOL_BEGIN_STEP at a time; one of them that ends meanwhile is replaced as any other. Then for waiting
 * clients as many as wait, of a static pool all that are missing, and of a dynamic one spare ones in steps that double each
 * second while they do not suffice. Everything but the beginning within spawn_rate, and everything while there are fewer than
 * max, and fewer than twice that with those that leave. *again_ms: when to ask again although nothing has happened, later
 * than now; INT64_MAX: never. */
unsigned pool_growth(const struct pool_rule *rule, const struct pool_load *load,
    struct pool_pace *pace, int64_t now_ms, int64_t *again_ms);

/* Whether the worker that has been idle longest is to be ended: at once while there are more than max; above
 * max_spare one a second; and beyond idle_timeout_ms, POOL_END_STEP at a time, as long as the pool keeps min_spare idle ones
 * (ondemand: none; static: all). After true, ask for the next one: *again_ms is now_ms. After false as above. */
bool pool_shrinks(const struct pool_rule *rule, const struct pool_load *load,
    struct pool_pace *pace, int64_t now_ms, int64_t *again_ms);

/* After how many connections a worker ends: most, or up to a tenth less; random is any number. UINT_MAX stays. */
unsigned pool_requests(unsigned most, uint32_t random);

#endif
