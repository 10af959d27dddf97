/* SPDX-License-Identifier: MIT */
#include "run/moment.h"

#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"

#define SECOND_MS 1000

unsigned
moment_minute(struct moment *m)
{
	const time_t now = clock_wall();
	struct tm tm;

	if (now == m->minute_s)
		return m->minute;
	localtime_r(&now, &tm);
	m->minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min);
	m->minute_s = now;
	return m->minute;
}

unsigned
moment_load(struct moment *m, int64_t now_ms)
{
	double average;

	if (m->load_ms != 0 && now_ms - m->load_ms < SECOND_MS)
		return m->load;
	m->load_ms = now_ms;
	m->load = getloadavg(&average, 1) == 1 && average > 0 && average < UINT_MAX / 100
		      ? (unsigned)(average * 100)
		      : 0;
	return m->load;
}
