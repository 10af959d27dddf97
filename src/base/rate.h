/* SPDX-License-Identifier: MIT */
/* At most one message an interval, and a count of those that were swallowed. */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdint.h>

/* All zero at the beginning. */
struct rate {
	int64_t next_ms;
	unsigned swallowed;
};

/* True if a message may be written now; then *left_out holds the count of those swallowed before. */
int rate_allows(struct rate *rate, int64_t now_ms, int64_t interval_ms, unsigned *left_out);

#endif
