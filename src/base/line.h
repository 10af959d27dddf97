/* SPDX-License-Identifier: MIT */
/* One log line, put together in memory of its owner without a format and without allocation: it is on the road of every
 * connection. What does not fit is cut, and a JSON object stays one. */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct line {
	char *text; /* NUL-terminated from the first line_ call on */
	size_t size;
	size_t len;
};

static inline void
line_bytes(struct line *l, const char *bytes, size_t len)
{
	size_t room = l->size - 1 - l->len;

	if (len > room)
		len = room;
	memcpy(l->text + l->len, bytes, len);
	l->len += len;
	l->text[l->len] = '\0';
}

static inline void
line_put(struct line *l, const char *text)
{
	line_bytes(l, text, strlen(text));
}

void line_number(struct line *l, uint64_t n);
/* 1234 as 1.234. */
void line_thousandths(struct line *l, uint64_t n);
/* As RFC 3339 wants it, with milliseconds and the distance of local time: 2026-05-31T23:59:59.123+02:00. */
void line_time(struct line *l, int64_t wall_ms);

/* An object begins, and ends. */
void line_json_open(struct line *l);
void line_json_close(struct line *l);
/* Its next member. One whose beginning has no room is left out, a text is cut. key: a harmless word. */
void line_json_text(struct line *l, const char *key, const char *value);
void line_json_textn(struct line *l, const char *key, const char *value, size_t len);
void line_json_number(struct line *l, const char *key, uint64_t n);
void line_json_thousandths(struct line *l, const char *key, uint64_t n);
void line_json_time(struct line *l, const char *key, int64_t wall_ms);

#endif
