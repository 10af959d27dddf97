/* SPDX-License-Identifier: MIT */
#include "policy/access_times.h"

static bool
has(const struct time_range *r, unsigned minute)
{
	if (r->from <= r->to)
		return minute >= r->from && minute <= r->to;
	return minute >= r->from || minute <= r->to;
}

bool
access_times_open(const struct time_range *ranges, size_t count, unsigned minute)
{
	for (size_t i = 0; i < count; i++)
		if (has(&ranges[i], minute))
			return true;
	return count == 0;
}
