/* SPDX-License-Identifier: MIT */
#include "policy/pool_size.h"

#include <limits.h>

#define SECOND_MS 1000

static unsigned
least(unsigned x, unsigned y)
{
	return x < y ? x : y;
}

static int64_t
earlier(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

static int64_t
later(int64_t x, int64_t y)
{
	return x > y ? x : y;
}

/* How much x is above y. */
static unsigned
above(unsigned x, unsigned y)
{
	return x > y ? x - y : 0;
}

/* The idle ones that no waiting client is going to take. */
static unsigned
spare(const struct pool_load *load)
{
	return above(load->idle, load->waiting);
}

/* How many more there may be. */
static unsigned
room(const struct pool_rule *rule, const struct pool_load *load)
{
	uint64_t all = (uint64_t)load->workers + load->leaving, most = 2 * (uint64_t)rule->max;

	if (all >= most)
		return 0;
	uint64_t left = most - all;
	return left < UINT_MAX ? least(above(rule->max, load->workers), (unsigned)left)
			       : above(rule->max, load->workers);
}

static void
add(struct pool_load *load, unsigned count)
{
	load->workers += count;
	load->idle += count;
}

/* What is left of the rate of the present second. */
static unsigned
rate_left(const struct pool_rule *rule, struct pool_pace *pace, int64_t now_ms)
{
	if (now_ms - pace->second_ms >= SECOND_MS) {
		pace->second_ms = now_ms;
		pace->started = 0;
	}
	return above(rule->spawn_rate, pace->started);
}

static unsigned
begin_with(const struct pool_rule *rule)
{
	if (rule->mode == POOL_STATIC)
		return rule->max;
	return rule->mode == POOL_DYNAMIC ? least(rule->start, rule->max) : 0;
}

/* Whoever was there before counts as well, and so does who ended since: he is replaced at the rate of all others. */
static unsigned
begin(const struct pool_rule *rule, struct pool_load *load, struct pool_pace *pace, int64_t now_ms,
    int64_t *again_ms)
{
	unsigned there = load->workers > pace->begun ? load->workers : pace->begun;
	unsigned missing = above(begin_with(rule), there);
	unsigned count = least(least(missing, room(rule, load)), POOL_BEGIN_STEP);

	if (count > 0 && now_ms < pace->step_ms) {
		*again_ms = pace->step_ms;
		return 0;
	}
	pace->begun = there + count;
	add(load, count);
	if (count < missing) {
		pace->step_ms = now_ms + POOL_MOMENT_MS;
		if (room(rule, load) > 0)
			*again_ms = pace->step_ms;
		return count;
	}
	pace->has_begun = true;
	return count;
}

/* Those without whom clients wait, or of a static pool those who are missing. */
static unsigned
grow_for_clients(const struct pool_rule *rule, struct pool_load *load, struct pool_pace *pace,
    int64_t now_ms, int64_t *again_ms)
{
	unsigned missing = rule->mode == POOL_STATIC ? above(rule->max, load->workers)
						     : above(load->waiting, load->idle);
	unsigned wanted = least(missing, room(rule, load));
	unsigned count = least(wanted, rate_left(rule, pace, now_ms));

	if (count < wanted)
		*again_ms = earlier(*again_ms, pace->second_ms + SECOND_MS);
	pace->started += count;
	add(load, count);
	return count;
}

static unsigned
next_step(const struct pool_rule *rule, const struct pool_pace *pace)
{
	if (pace->step == 0)
		return 1;
	return pace->step > rule->max / 2 ? rule->max : 2 * pace->step;
}

static unsigned
grow_spare(const struct pool_rule *rule, struct pool_load *load, struct pool_pace *pace,
    int64_t now_ms, int64_t *again_ms)
{
	unsigned missing = rule->mode == POOL_DYNAMIC ? above(rule->min_spare, spare(load)) : 0;
	unsigned wanted = least(missing, room(rule, load)), left = rate_left(rule, pace, now_ms);
	int64_t allowed_ms = pace->step > 0 ? later(now_ms, pace->step_ms) : now_ms;

	if (missing == 0)
		pace->step = 0;
	if (wanted == 0)
		return 0;
	if (left == 0)
		allowed_ms = later(allowed_ms, pace->second_ms + SECOND_MS);
	if (allowed_ms > now_ms) {
		*again_ms = earlier(*again_ms, allowed_ms);
		return 0;
	}
	unsigned step = next_step(rule, pace), count = least(least(wanted, step), left);
	pace->step = step;
	pace->step_ms = now_ms + SECOND_MS;
	pace->started += count;
	if (count < wanted)
		*again_ms = earlier(*again_ms, pace->step_ms);
	return count;
}

unsigned
pool_growth(const struct pool_rule *rule, const struct pool_load *load, struct pool_pace *pace,
    int64_t now_ms, int64_t *again_ms)
{
	struct pool_load then = *load;
	unsigned count = 0;

	*again_ms = INT64_MAX;
	if (!pace->has_begun)
		count = begin(rule, &then, pace, now_ms, again_ms);
	if (!pace->has_begun)
		return count;
	count += grow_for_clients(rule, &then, pace, now_ms, again_ms);
	return count + grow_spare(rule, &then, pace, now_ms, again_ms);
}

/* True once a second. */
static bool
ends_surplus(struct pool_pace *pace, int64_t now_ms, int64_t *again_ms)
{
	if (now_ms < pace->shrink_ms) {
		*again_ms = pace->shrink_ms;
		return false;
	}
	pace->shrink_ms = now_ms + SECOND_MS;
	return true;
}

static bool
ends_idle(struct pool_pace *pace, int64_t due_ms, int64_t now_ms, int64_t *again_ms)
{
	if (now_ms - pace->ended_ms >= POOL_MOMENT_MS) {
		pace->ended_ms = now_ms;
		pace->ended = 0;
	}
	if (pace->ended >= POOL_END_STEP)
		due_ms = later(due_ms, pace->ended_ms + POOL_MOMENT_MS);
	if (due_ms > now_ms) {
		*again_ms = earlier(*again_ms, due_ms);
		return false;
	}
	pace->ended++;
	return true;
}

bool
pool_shrinks(const struct pool_rule *rule, const struct pool_load *load, struct pool_pace *pace,
    int64_t now_ms, int64_t *again_ms)
{
	bool is_dynamic = rule->mode == POOL_DYNAMIC;
	unsigned least_spare = is_dynamic ? rule->min_spare : 0, idle = spare(load);
	/* Otherwise what is ended here would be started again. */
	unsigned most_spare = rule->max_spare > least_spare ? rule->max_spare : least_spare;
	bool ends = false;

	*again_ms = INT64_MAX;
	if (load->idle > 0 && load->workers > rule->max)
		ends = true;
	else if (rule->mode == POOL_STATIC)
		return false;
	if (!ends && is_dynamic && idle > most_spare)
		ends = ends_surplus(pace, now_ms, again_ms);
	if (!ends && idle > least_spare)
		ends = ends_idle(pace, load->idle_ms + rule->idle_timeout_ms, now_ms, again_ms);
	if (ends)
		*again_ms = now_ms;
	return ends;
}

unsigned
pool_requests(unsigned most, uint32_t random)
{
	return most == UINT_MAX ? most : most - random % (most / 10 + 1);
}
