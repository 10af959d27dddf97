/* SPDX-License-Identifier: MIT */
#include "base/rate.h"

int
rate_allows(struct rate *rate, int64_t now_ms, int64_t interval_ms, unsigned *left_out)
{
	if (now_ms < rate->next_ms && rate->next_ms - now_ms <= interval_ms) {
		if (rate->swallowed < UINT32_MAX)
			rate->swallowed++;
		return 0;
	}
	*left_out = rate->swallowed;
	rate->swallowed = 0;
	rate->next_ms = now_ms + interval_ms;
	return 1;
}
