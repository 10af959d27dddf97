/* SPDX-License-Identifier: MIT */
#include "base/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/quote.h"

/* Kept free in an object for what closes it. */
#define CLOSING 2u
/* The longest number and the longest time, with the quotes around it. */
#define LONGEST 40u

/* Returns where the digits begin in the 24 bytes; they end before the last one, which is NUL. */
static char *
digits_of(char digits[24], uint64_t n)
{
	char *at = digits + 23;

	*at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	return at;
}

void
line_number(struct line *l, uint64_t n)
{
	char digits[24] UNINITIALIZED;
	const char *at = digits_of(digits, n);

	line_bytes(l, at, (size_t)(digits + 23 - at));
}

void
line_thousandths(struct line *l, uint64_t n)
{
	const char rest[] = { '.', (char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10),
		(char)('0' + n % 10) };

	line_number(l, n / 1000);
	line_bytes(l, rest, sizeof(rest));
}

/* The same text for a whole second, but for the milliseconds. */
void
line_time(struct line *l, int64_t wall_ms)
{
	static char date[40], zone[8];
	static time_t last;
	const time_t now = (time_t)(wall_ms / 1000);
	const unsigned ms = (unsigned)(wall_ms % 1000);
	const char rest[] = { '.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
		(char)('0' + ms % 10) };

	if (now != last || *date == '\0') {
		struct tm tm = { 0 };
		long minutes;

		localtime_r(&now, &tm);
		minutes = tm.tm_gmtoff / 60;
		snprintf(date, sizeof(date), "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		snprintf(zone, sizeof(zone), "%c%02u:%02u", minutes < 0 ? '-' : '+',
		    (unsigned)labs(minutes) / 60 % 100, (unsigned)labs(minutes) % 60);
		last = now;
	}
	line_put(l, date);
	line_bytes(l, rest, sizeof(rest));
	line_put(l, zone);
}

void
line_json_open(struct line *l)
{
	line_put(l, "{");
}

void
line_json_close(struct line *l)
{
	line_put(l, "}");
}

/* False if the member has no room for this much behind its key. */
static bool
begin(struct line *l, const char *key, size_t least)
{
	size_t len = strlen(key);

	if (l->len + len + sizeof("\"\":,") + least + CLOSING > l->size)
		return false;
	line_put(l, l->text[l->len - 1] == '{' ? "\"" : ",\"");
	line_bytes(l, key, len);
	line_put(l, "\":");
	return true;
}

void
line_json_textn(struct line *l, const char *key, const char *value, size_t len)
{
	if (!begin(l, key, 2 * sizeof("\"")))
		return;
	line_put(l, "\"");
	l->len += quote_json(value, len, l->text + l->len, l->size - l->len - CLOSING);
	line_put(l, "\"");
}

void
line_json_text(struct line *l, const char *key, const char *value)
{
	line_json_textn(l, key, value, strlen(value));
}

void
line_json_number(struct line *l, const char *key, uint64_t n)
{
	if (begin(l, key, LONGEST))
		line_number(l, n);
}

void
line_json_thousandths(struct line *l, const char *key, uint64_t n)
{
	if (begin(l, key, LONGEST))
		line_thousandths(l, n);
}

void
line_json_time(struct line *l, const char *key, int64_t wall_ms)
{
	if (!begin(l, key, LONGEST))
		return;
	line_put(l, "\"");
	line_time(l, wall_ms);
	line_put(l, "\"");
}
