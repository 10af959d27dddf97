/* SPDX-License-Identifier: MIT */
/* The daemon's own messages: one line an event, "event=name key=value …". errno is preserved by all of them. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* LOGFMT: the messages as they are, behind a stamp. JSON: one object a line, without a stamp; see base/log_format.h. */
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

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
/* Where messages go: up to two sinks, both borrowed, each may be NULL. With none, messages go to standard error.
 * From then on troubles of sinks, and the end of memory, are messages as well. */
void log_set_sinks(struct sink *first, struct sink *second);
/* The form of messages to all outputs but the hook. */
void log_set_format(enum log_format format);
/* The second sink gets messages of this level and graver ones only; at first it gets all. */
void log_set_second_level(enum log_level level);

#endif
