/* SPDX-License-Identifier: MIT */
/* What admission asks the machine: the time of the day and the load, each found out once a second at most, and only when somebody
 * asks. */
#ifndef RUN_MOMENT_H
#define RUN_MOMENT_H

#include <stdint.h>
#include <time.h>

/* All zero at the beginning. */
struct moment {
	time_t minute_s; /* when the minute was worked out, by the wall clock */
	unsigned minute;
	int64_t load_ms; /* when the load was read, by the monotonic clock; 0: never */
	unsigned load;
};

/* Of the local day, 0 to 1439. */
unsigned moment_minute(struct moment *m);
/* The average of the last minute in hundredths; 0 where the system does not say. */
unsigned moment_load(struct moment *m, int64_t now_ms);

#endif
