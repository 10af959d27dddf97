/* SPDX-License-Identifier: MIT */
/* The daemon's messages as JSON objects. */
#ifndef BASE_LOG_FORMAT_H
#define BASE_LOG_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/line.h"

/* What goes before the members of a message. */
struct log_head {
	int64_t wall_ms;
	const char *level; /* a word */
	int pid;           /* the daemon's; the pid of a message is that of a program */
};

/* {"time":…,"level":…,"daemon_pid":…,…}: each key=value word of the text is a member, its value without quotes. What counts
 * and what identifies by a number is a number, the rest are strings. A text that is not made of such words alone, or has a
 * key twice, is one member, "message". */
void log_format_json(struct line *out, const struct log_head *head, const char *text);

/* The value of a key as it stands in the text, and its length; NULL if it is not there. A quoted one is without its quotes;
 * what was escaped in it still is. */
const char *log_format_find(const char *text, const char *key, size_t *len);

#endif
