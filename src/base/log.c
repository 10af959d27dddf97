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

void
log_set_sinks(struct sink *first, struct sink *second)
{
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

int
log_rate_allows(struct log_rate *rate, int64_t now_ms, int64_t interval_ms, unsigned *left_out)
{
	if (now_ms < rate->next_ms && rate->next_ms - now_ms <= interval_ms) {
		if (rate->swallowed < UINT32_MAX)
			rate->swallowed++;
		return 0;
	}
	*left_out = rate->swallowed;
	rate->swallowed = 0;
	rate->next_ms = now_ms + interval_ms;
	return 1;
}

/* Length of the valid UTF-8 sequence at s, 0 if there is none. Follows the table of well-formed
 * byte sequences of the Unicode standard: no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
static size_t
utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high, length;
	} forms[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (s[0] < forms[i].first_low || s[0] > forms[i].first_high)
			continue;
		if (forms[i].length > 1 &&
		    (s[1] < forms[i].second_low || s[1] > forms[i].second_high))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		return forms[i].length;
	}
	return 0;
}

/* One character of text as it is written: itself or an escape. Returns how many bytes of text it
 * took. */
static size_t
quote_one(const unsigned char *s, char piece[8])
{
	const size_t length = utf8_length(s);
	/* U+0080 to U+009F are control characters as well: a terminal may take U+009B as the start
	 * of a sequence. */
	const bool is_c1 = s[0] == 0xc2 && length == 2 && s[1] < 0xa0;

	if (length == 0 || s[0] < ' ' || s[0] == 0x7f) {
		snprintf(piece, 8, "\\x%02x", s[0]);
		return 1;
	}
	if (is_c1) {
		/* The first byte now; the second then stands alone and is no valid UTF-8. */
		snprintf(piece, 8, "\\x%02x", s[0]);
		return 1;
	}
	if (s[0] == '"' || s[0] == '\\') {
		snprintf(piece, 8, "\\%c", s[0]);
		return 1;
	}
	memcpy(piece, s, length);
	piece[length] = '\0';
	return length;
}

const char *
log_quote(const char *text, char *out, size_t size)
{
	const bool has_quotes = *text == '\0' || strpbrk(text, " \t\r\n\"'=\\") != NULL;
	size_t len = 0, left;
	char piece[8];

	if (size < 3) {
		if (size > 0)
			*out = '\0';
		return out;
	}
	if (has_quotes)
		out[len++] = '"';
	left = size - 1 - has_quotes; /* the closing quote and the NUL always fit */
	for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
		s += quote_one(s, piece);
		if (len + strlen(piece) > left)
			break;
		memcpy(out + len, piece, strlen(piece));
		len += strlen(piece);
	}
	if (has_quotes)
		out[len++] = '"';
	out[len] = '\0';
	return out;
}
