/* SPDX-License-Identifier: MIT */
/* Where a log goes: SYSLOG FACILITY [LEVEL], FILE PATH [SOFT [HARD]], stderr, or nothing at all. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/sink.h"
#include "base/strings.h"
#include "conf/types.h"

struct word_value {
	const char *name;
	int value;
};

/* clang-format off */
static const struct word_value facilities[] = {
	{ "daemon", LOG_DAEMON }, { "auth", LOG_AUTH }, { "authpriv", LOG_AUTHPRIV }, { "user", LOG_USER },
	{ "mail", LOG_MAIL }, { "lpr", LOG_LPR }, { "news", LOG_NEWS }, { "uucp", LOG_UUCP }, { "ftp", LOG_FTP },
	{ "cron", LOG_CRON }, { "syslog", LOG_SYSLOG },
	{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 }, { "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 }, { "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
	{ NULL, 0 },
};
/* clang-format on */

/* clang-format off */
static const struct word_value levels[] = {
	{ "emerg", LOG_EMERG }, { "alert", LOG_ALERT }, { "crit", LOG_CRIT }, { "err", LOG_ERR },
	{ "warning", LOG_WARNING }, { "notice", LOG_NOTICE }, { "info", LOG_INFO }, { "debug", LOG_DEBUG },
	{ "error", LOG_ERR }, { "warn", LOG_WARNING }, { NULL, 0 },
};

/* clang-format on */

static bool
find_value(int *out, const struct word_value *table, const char *word)
{
	for (; table->name != NULL; table++) {
		if (strcasecmp(table->name, word) == 0) {
			*out = table->value;
			return true;
		}
	}
	return false;
}

static const char *
find_name(const struct word_value *table, int value)
{
	while (table->name != NULL && table->value != value)
		table++;
	return table->name;
}

static bool
read_syslog(struct sink_target *out, const struct strings *words, char why[ATTR_WHY_SIZE])
{
	*out = (struct sink_target){ .kind = SINK_SYSLOG, .level = LOG_INFO };
	if (words->count < 2)
		return type_refuse(why, "SYSLOG needs a facility, such as daemon");
	if (words->count > 3)
		return type_refuse(why, "SYSLOG takes a facility and a level, no more");
	if (!find_value(&out->facility, facilities, words->item[1]))
		return type_refuse(why, "'%.60s' is no facility of the system log", words->item[1]);
	if (words->count == 3 && !find_value(&out->level, levels, words->item[2]))
		return type_refuse(why, "'%.60s' is no level of the system log", words->item[2]);
	return true;
}

/* The hard limit that goes with a soft one alone: one per cent above it, at least 5 KiB and at most 20 KiB. */
static int64_t
hard_for(int64_t soft)
{
	int64_t extra = soft / 100;

	if (extra < INT64_C(5) * 1024)
		extra = INT64_C(5) * 1024;
	if (extra > INT64_C(20) * 1024)
		extra = INT64_C(20) * 1024;
	return soft > INT64_MAX - extra ? INT64_MAX : soft + extra;
}

static bool
read_file(struct sink_target *out, const struct strings *words, char why[ATTR_WHY_SIZE])
{
	*out = (struct sink_target){ .kind = SINK_FILE };
	if (words->count < 2)
		return type_refuse(why, "FILE needs a path");
	if (words->count > 2 && !type_read_size(&out->soft_bytes, words->item[2], why))
		return false;
	if (words->count == 3 && out->soft_bytes > 0)
		out->hard_bytes = hard_for(out->soft_bytes);
	if (words->count > 3 && !type_read_size(&out->hard_bytes, words->item[3], why))
		return false;
	if (out->hard_bytes != 0 && out->hard_bytes < out->soft_bytes)
		return type_refuse(why, "the hard limit is below the soft limit");
	if (words->item[1][0] == '/') {
		out->path = mem_dup(words->item[1]);
		return true;
	}
	/* As with xinetd, where it is started by init. */
	out->path = mem_format("/%s", words->item[1]);
	return type_remark(
	    why, "the path is taken as %.80s: porterd works in the root directory", out->path);
}

static bool
read_words(struct sink_target *out, const struct strings *words, char why[ATTR_WHY_SIZE])
{
	static const char *const kinds[] = { "FILE", "SYSLOG", "stderr" };

	*out = (struct sink_target){ 0 };
	if (words->count == 0)
		return true;
	if (strcasecmp(words->item[0], "SYSLOG") == 0)
		return read_syslog(out, words, why);
	if (strcasecmp(words->item[0], "FILE") == 0)
		return read_file(out, words, why);
	if (strcasecmp(words->item[0], "stderr") == 0 && words->count == 1) {
		out->kind = SINK_STDERR;
		return true;
	}
	const char *near = nearest_name(words->item[0], kinds, ARRAY_LEN(kinds));
	if (near != NULL && strcasecmp(near, words->item[0]) != 0)
		return type_refuse(
		    why, "'%.60s' is unknown: did you mean %s?", words->item[0], near);
	return type_refuse(
	    why, "it takes SYSLOG FACILITY [LEVEL], FILE PATH [SOFT [HARD]], or stderr alone");
}

static bool
log_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	struct strings words = { 0 };
	struct sink_target target;

	(void)a;
	while (*(text += strspn(text, " ")) != '\0') {
		size_t len = strcspn(text, " ");

		strings_take(&words, mem_dupn(text, len));
		text += len;
	}
	bool is_ok = read_words(&target, &words, why);
	strings_done(&words);
	if (!is_ok)
		return false;
	target.is_set = true;
	sink_target_done(field);
	*(struct sink_target *)field = target;
	return true;
}

static void
log_clear(void *field, const struct attr *a)
{
	(void)a;
	sink_target_done(field);
	*(struct sink_target *)field = (struct sink_target){ 0 };
}

static void
log_copy(void *to, const void *from, const struct attr *a)
{
	log_clear(to, a);
	sink_target_copy(to, from);
}

static bool
log_equal(const void *x, const void *y, const struct attr *a)
{
	(void)a;
	return sink_target_equal(x, y);
}

/* Every word of FILE stands in quotes: behind a bare word a quote or a backslash is taken as it is. */
static void
log_print(const void *field, const struct attr *a, FILE *out)
{
	const struct sink_target *target = field;

	(void)a;
	if (target->kind == SINK_SYSLOG)
		fprintf(out, "SYSLOG %s %s", find_name(facilities, target->facility),
		    find_name(levels, target->level));
	else if (target->kind == SINK_STDERR)
		fputs("stderr", out);
	if (target->kind != SINK_FILE)
		return;
	fputs("\"FILE\" ", out);
	type_print_word(target->path, out);
	if (target->soft_bytes != 0 || target->hard_bytes != 0)
		fprintf(out, " \"%" PRId64 "\" \"%" PRId64 "\"", target->soft_bytes,
		    target->hard_bytes);
}

const struct attr_type type_log = {
	.label = "log",
	.max_words = 4,
	.set = log_set,
	.clear = log_clear,
	.copy = log_copy,
	.equal = log_equal,
	.print = log_print,
};
