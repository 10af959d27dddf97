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

static void
write_out(enum log_level level, const char *text)
{
	const time_t now = clock_wall();
	char date[40], stamp[96];
	struct tm tm = { 0 };
	const struct output_line line = { .stamp = stamp, .text = text };

	localtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S%z", &tm);
	snprintf(
	    stamp, sizeof(stamp), "%s porterd[%d]: %s: ", date, (int)getpid(), levels[level].word);
	if (outputs[0] == NULL && outputs[1] == NULL)
		output_stderr(&line);
	for (size_t i = 0; i < ARRAY_LEN(outputs); i++)
		if (outputs[i] != NULL && level <= output_levels[i])
			sink_write(outputs[i], stamp, levels[level].priority, text);
}

__attribute__((format(printf, 2, 0))) static void
log_message(enum log_level level, const char *format, va_list ap)
{
	const int error = errno;
	char text[MESSAGE_SIZE];

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
	exit(EXIT_FAILURE);
}
