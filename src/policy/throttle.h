/* SPDX-License-Identifier: MIT */
/* Restart intensity: a program that fails too often rests, longer each time. Times are monotonic
 * milliseconds. */
#ifndef POLICY_THROTTLE_H
#define POLICY_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle_rule {
	unsigned max_failures; /* this many within the window open a pause; 0: never */
	int64_t window_ms;
	int64_t first_ms;   /* length of the first pause */
	int64_t longest_ms; /* the pause is doubled up to this */
};

/* All zero at the beginning. */
struct throttle {
	unsigned failures; /* in the present window */
	int64_t window_start_ms;
	int64_t until_ms;   /* end of the pause, if there is one */
	int64_t backoff_ms; /* length of the latest pause; 0: none since the latest success */
};

/* Counts a failure; true if this one opened a pause. A failure during a pause changes nothing. One
 * failure within a window's length after a pause opens the next one, twice as long. */
bool throttle_failed(struct throttle *t, const struct throttle_rule *rule, int64_t now_ms);
void throttle_succeeded(struct throttle *t);                    /* ends the back-off, and a pause */
bool throttle_pauses(const struct throttle *t, int64_t now_ms); /* until_ms says until when */

#endif
