/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/journal.h"
#include "base/log_format.h"
#include "base/mem.h"
#include "base/output.h"
#include "base/sink.h"

/* Longer messages are cut. */
#define MESSAGE_SIZE 8192

static const struct {
	const char *word;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARN] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

static enum log_level least = LOG_LEVEL_INFO;
static log_fn *hook;
static void *hook_arg;
static struct sink *outputs[2];

static enum log_format format_of_all = LOG_FORMAT_LOGFMT;

static enum log_level output_levels[] = { LOG_LEVEL_DEBUG, LOG_LEVEL_DEBUG };

void
log_set_level(enum log_level level)
{
	least = level;
}

void
log_set_hook(log_fn *fn, void *arg)
{
	hook = fn;
	hook_arg = arg;
}

static void
report(const char *text)
{
	log_warn("%s", text);
}

static void
out_of_memory(void)
{
	log_fatal("event=out-of-memory");
}

void
log_set_sinks(struct sink *first, struct sink *second)
{
	sink_set_reporter(report);
	mem_set_failure(out_of_memory);
	outputs[0] = first;
	outputs[1] = second;
}

void
log_set_format(enum log_format format)
{
	format_of_all = format;
}

void
log_set_second_level(enum log_level level)
{
	output_levels[1] = level;
}

/* One message is one line whatever its arguments hold. */
static void
flatten(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = *c == '\t' ? ' ' : '?';
}

/* For those who look at the daemon: what it is about is taken out of the text. */
static void
keep(enum log_level level, int64_t wall_ms, const char *text)
{
	char service[256];
	size_t len = 0;
	const char *found;
	struct journal_record r = {
		.wall_ms = wall_ms, .kind = JOURNAL_DAEMON, .level = level, .text = text
	};

	if (!journal_is_open())
		return;
	found = log_format_find(text, "service", &len);
	if (found != NULL && len > 0 && len < sizeof(service)) {
		memcpy(service, found, len);
		service[len] = '\0';
		r.service = service;
	}
	found = log_format_find(text, "conn", &len);
	if (found != NULL)
		r.connection = strtoull(found, NULL, 10);
	journal_add(&r);
}

static void
put_out(enum log_level level, const char *stamp, const char *text)
{
	const struct output_line line = output_line(stamp, text);

	if (outputs[0] == NULL && outputs[1] == NULL)
		output_stderr(&line);
	for (size_t i = 0; i < ARRAY_LEN(outputs); i++)
		if (outputs[i] != NULL && level <= output_levels[i])
			sink_write(outputs[i], stamp, levels[level].priority, text);
}

static void
write_json(enum log_level level, int64_t wall_ms, const char *text)
{
	char object[2 * MESSAGE_SIZE] UNINITIALIZED;
	struct line l = { .text = object, .size = sizeof(object) };
	const struct log_head head = {
		.wall_ms = wall_ms, .level = levels[level].word, .pid = getpid()
	};

	log_format_json(&l, &head, text);
	put_out(level, "", object);
}

static void
write_text(enum log_level level, time_t now, const char *text)
{
	char date[40], stamp[96];
	struct tm tm = { 0 };

	localtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S%z", &tm);
	snprintf(
	    stamp, sizeof(stamp), "%s porterd[%d]: %s: ", date, (int)getpid(), levels[level].word);
	put_out(level, stamp, text);
}

static void
write_out(enum log_level level, const char *text)
{
	const int64_t now_ms = clock_wall_ms();

	if (format_of_all == LOG_FORMAT_JSON)
		write_json(level, now_ms, text);
	else
		write_text(level, (time_t)(now_ms / 1000), text);
	keep(level, now_ms, text);
}

__attribute__((format(printf, 2, 0))) static void
log_message(enum log_level level, const char *format, va_list ap)
{
	const int error = errno;
	char text[MESSAGE_SIZE] UNINITIALIZED;

	if (level > least)
		return;
	/* vsnprintf fails only on a format that cannot be converted, and then the format says
	 * most. */
	if (vsnprintf(text, sizeof(text), format, ap) < 0)
		snprintf(text, sizeof(text), "event=log-format-failed format=\"%s\"", format);
	flatten(text);
	if (hook != NULL)
		hook(level, text, hook_arg);
	else
		write_out(level, text);
	errno = error;
}

void
log_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_message(LOG_LEVEL_ERR, format, ap);
	va_end(ap);
}

void
log_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_message(LOG_LEVEL_WARN, format, ap);
	va_end(ap);
}

void
log_info(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_message(LOG_LEVEL_INFO, format, ap);
	va_end(ap);
}

void
log_debug(const char *format, ...)
{
	va_list ap;

	if (least < LOG_LEVEL_DEBUG)
		return;
	va_start(ap, format);
	log_message(LOG_LEVEL_DEBUG, format, ap);
	va_end(ap);
}

void
log_fatal(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_message(LOG_LEVEL_ERR, format, ap);
	va_end(ap);
	/* Whoever has messages for itself alone is a copy of the process that is to write these lines. */
	if (hook == NULL)
		sink_flush_all();
	exit(EXIT_FAILURE);
}
