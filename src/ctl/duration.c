/* SPDX-License-Identifier: MIT */
#include "ctl/duration.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"

#define MOST_SECONDS (INT64_C(100) * 366 * 86400)

/* From large to small. */
static const struct unit {
	char name;
	int64_t seconds;
} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

/* Digits at *text, which moves behind them. -EINVAL if there is none. */
static int
take_number(const char **text, int64_t *number)
{
	const char *at = *text;

	for (*number = 0; *at >= '0' && *at <= '9'; at++) {
		*number = *number * 10 + (*at - '0');
		if (*number > MOST_SECONDS)
			return -ERANGE;
	}
	if (at == *text)
		return -EINVAL;
	*text = at;
	return 0;
}

/* The unit of that name from *next on, which moves behind it; a number without one counts seconds if nothing follows. */
static const struct unit *
take_unit(const char **text, size_t *next)
{
	if (**text == '\0' && *next == 0)
		return &units[ARRAY_LEN(units) - 1];
	while (*next < ARRAY_LEN(units)) {
		const struct unit *unit = &units[(*next)++];

		if (unit->name == **text) {
			++*text;
			return unit;
		}
	}
	return NULL;
}

int
duration_parse(const char *text, int64_t *seconds)
{
	int64_t sum = 0;
	size_t next = 0;

	do {
		int64_t number;
		int r = take_number(&text, &number);
		const struct unit *unit = r == 0 ? take_unit(&text, &next) : NULL;

		if (unit == NULL)
			return r < 0 ? r : -EINVAL;
		sum += number * unit->seconds;
		if (sum > MOST_SECONDS)
			return -ERANGE;
	} while (*text != '\0');
	if (sum == 0)
		return -ERANGE;
	*seconds = sum;
	return 0;
}

const char *
duration_format(int64_t ms, char text[DURATION_TEXT_SIZE])
{
	int64_t s = ms / 1000;

	if (ms < 0)
		ms = s = 0;
	if (s < 10)
		snprintf(text, DURATION_TEXT_SIZE, "%d.%ds", (int)s, (int)(ms % 1000 / 100));
	else if (s < 60)
		snprintf(text, DURATION_TEXT_SIZE, "%ds", (int)s);
	else if (s < 3600)
		snprintf(text, DURATION_TEXT_SIZE, "%dm %ds", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(
		    text, DURATION_TEXT_SIZE, "%dh %dm", (int)(s / 3600), (int)(s % 3600 / 60));
	else
		snprintf(text, DURATION_TEXT_SIZE, "%lldd %dh", (long long)(s / 86400),
		    (int)(s % 86400 / 3600));
	return text;
}

const char *
duration_moment(int64_t wall_ms, int is_exact, char text[DURATION_TEXT_SIZE])
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t len;

	if (localtime_r(&t, &tm) == NULL)
		tm = (struct tm){ .tm_mday = 1 }; /* a time that no calendar has */
	len = strftime(text, DURATION_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
	if (is_exact)
		snprintf(text + len, DURATION_TEXT_SIZE - len, ".%03d", (int)(wall_ms % 1000));
	return text;
}
