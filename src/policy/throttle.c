/* SPDX-License-Identifier: MIT */
#include "policy/throttle.h"

/* The next pause: the first one, or twice the one before. */
static int64_t
next_pause(const struct throttle *t, const struct throttle_rule *rule)
{
	if (t->backoff_ms == 0)
		return rule->first_ms;
	return t->backoff_ms > rule->longest_ms / 2 ? rule->longest_ms : 2 * t->backoff_ms;
}

static bool
open_pause(struct throttle *t, const struct throttle_rule *rule, int64_t now_ms)
{
	t->backoff_ms = next_pause(t, rule);
	t->until_ms = now_ms + t->backoff_ms;
	t->failures = 0;
	return true;
}

bool
throttle_failed(struct throttle *t, const struct throttle_rule *rule, int64_t now_ms)
{
	if (rule->max_failures == 0 || throttle_pauses(t, now_ms))
		return false;
	if (t->backoff_ms > 0 && now_ms >= t->until_ms && now_ms - t->until_ms < rule->window_ms)
		return open_pause(t, rule, now_ms);
	t->backoff_ms = 0;
	/* A clock that went back begins a new window, too. */
	if (t->failures == 0 || now_ms < t->window_start_ms ||
	    now_ms - t->window_start_ms >= rule->window_ms) {
		t->window_start_ms = now_ms;
		t->failures = 0;
	}
	if (++t->failures < rule->max_failures)
		return false;
	return open_pause(t, rule, now_ms);
}

void
throttle_succeeded(struct throttle *t)
{
	*t = (struct throttle){ 0 };
}

bool
throttle_pauses(const struct throttle *t, int64_t now_ms)
{
	/* Never longer than its length, wherever the clock went. */
	return now_ms < t->until_ms && t->until_ms - now_ms <= t->backoff_ms;
}
