/* SPDX-License-Identifier: MIT */
#include "policy/bucket.h"

#define NS_IN_MS   INT64_C(1000000)
/* Longer times (73 years) are this long. */
#define LONGEST_NS (INT64_MAX / 4)

static int64_t
times(int64_t x, int64_t y)
{
	return x > LONGEST_NS / y ? LONGEST_NS : x * y;
}

/* What one token is worth. */
static int64_t
worth_ns(const struct rate_conf *rule)
{
	return times(rule->period_ms, NS_IN_MS) / rule->count;
}

/* From an empty bucket to one with all but one token: as long as it is full again later than that, no token is there. */
static int64_t
room_ns(const struct rate_conf *rule)
{
	return rule->burst > 1 ? times(worth_ns(rule), rule->burst - 1) : 0;
}

/* When it is full again: not before now, and no later than if it was empty, whatever rule and clock it was used with before. */
static int64_t
full_ns(const struct bucket *b, const struct rate_conf *rule, int64_t now_ns)
{
	int64_t latest_ns = now_ns + room_ns(rule) + worth_ns(rule);

	if (b->full_ns < now_ns)
		return now_ns;
	return b->full_ns < latest_ns ? b->full_ns : latest_ns;
}

bool
bucket_take(struct bucket *b, const struct rate_conf *rule, int64_t now_ms)
{
	int64_t now_ns = now_ms * NS_IN_MS, full;

	if (rule->count == 0)
		return true;
	full = full_ns(b, rule, now_ns);
	if (full - now_ns > room_ns(rule))
		return false;
	b->full_ns = full + worth_ns(rule);
	return true;
}

int64_t
bucket_ready(const struct bucket *b, const struct rate_conf *rule, int64_t now_ms)
{
	int64_t wait_ns;

	if (rule->count == 0)
		return now_ms;
	wait_ns = full_ns(b, rule, now_ms * NS_IN_MS) - now_ms * NS_IN_MS - room_ns(rule);
	return wait_ns <= 0 ? now_ms : now_ms + (wait_ns + NS_IN_MS - 1) / NS_IN_MS;
}

bool
bucket_is_full(const struct bucket *b, int64_t now_ms)
{
	return b->full_ns <= now_ms * NS_IN_MS;
}
