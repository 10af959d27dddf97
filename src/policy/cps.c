/* SPDX-License-Identifier: MIT */
#include "policy/cps.h"

#define SECOND_MS 1000

/* The window is over, or there was none. A clock that went back ends it, too. */
static bool
begins_window(const struct cps *c, const struct cps_conf *rule, int64_t now_ms)
{
	return c->count == 0 || now_ms < c->window_ms ||
	       (now_ms - c->window_ms) / SECOND_MS >= rule->per_second;
}

bool
cps_trips(struct cps *c, const struct cps_conf *rule, int64_t now_ms)
{
	int64_t seconds;

	if (rule->per_second == 0)
		return false;
	if (cps_pauses(c, now_ms))
		return true;
	if (begins_window(c, rule, now_ms)) {
		c->window_ms = now_ms;
		c->count = 0;
	}
	c->count++;
	seconds = (now_ms - c->window_ms) / SECOND_MS;
	/* Whole seconds and a whole quotient: within the first second per_second connections, within two twice as many
	 * and one more, and so on. */
	if (c->count / (seconds > 0 ? seconds : 1) <= rule->per_second)
		return false;
	*c = (struct cps){ .until_ms = now_ms + (int64_t)rule->pause_s * SECOND_MS };
	return true;
}

bool
cps_pauses(const struct cps *c, int64_t now_ms)
{
	return now_ms < c->until_ms;
}
