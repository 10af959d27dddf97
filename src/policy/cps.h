/* SPDX-License-Identifier: MIT */
/* Connections per second, as xinetd's cps: too many, and nobody comes in for some seconds. Pure: times are monotonic milliseconds. */
#ifndef POLICY_CPS_H
#define POLICY_CPS_H

#include "conf/access.h"

/* All zero at the beginning. */
struct cps {
	int64_t window_ms; /* when the present window began */
	unsigned count;    /* in it */
	int64_t until_ms;  /* end of the pause, if there is one */
};

/* Counts a connection. True if it is one too many, which opens a pause that until_ms is the end of; so is each during a pause, without making
 * it longer. The window is, as xinetd's, as many seconds as per_second says at most, and what counts is the connections in it for each whole
 * second of it, the fraction dropped. A per_second of 0 is no limit. */
bool cps_trips(struct cps *c, const struct cps_conf *rule, int64_t now_ms);
bool cps_pauses(const struct cps *c, int64_t now_ms);

#endif
