/* SPDX-License-Identifier: MIT */
/* The daemon's own messages: one line an event, "event=name key=value …". errno is preserved by all of them. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct sink;

/* Called with every message at or above the level, without newline. Replaces all other outputs while set. */
typedef void log_fn(enum log_level level, const char *text, void *arg);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void log_fatal(const char *format, ...)
    __attribute__((format(printf, 1, 2))); /* exit status 1 */

void log_set_level(enum log_level level);
void log_set_hook(log_fn *fn, void *arg); /* NULL: none */
/* Where messages go: up to two sinks, both borrowed, each may be NULL. With none, messages go to standard error. */
void log_set_sinks(struct sink *first, struct sink *second);
/* The second sink gets messages of this level and graver ones only; at first it gets all. */
void log_set_second_level(enum log_level level);

/* At most one message an interval for each rate; *left_out tells how many were swallowed since the last one. */
struct log_rate {
	int64_t next_ms;
	unsigned swallowed;
};

/* True if the message may be written now; then *left_out holds the count of those swallowed before. */
int log_rate_allows(struct log_rate *rate, int64_t now_ms, int64_t interval_ms, unsigned *left_out);

/* Writes text so that it can stand as a value: quoted if it holds blanks, quotes, '=' or is empty; control
 * characters, DEL and bytes that are no valid UTF-8 as \xNN; cut at size. Returns out. */
const char *log_quote(const char *text, char *out, size_t size);

#endif
