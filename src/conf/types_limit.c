/* SPDX-License-Identifier: MIT */
/* Signals, times and limits. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/config.h"
#include "conf/types.h"
#include "conf/types_plain.h"

PLAIN(int, int)
PLAIN(duration, int64_t)

/* "TERM", "SIGTERM", any case. 0 if there is no such signal. */
static int
signal_number(const char *name)
{
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *abbreviation = sigabbrev_np(i);

		if (abbreviation != NULL && strcasecmp(abbreviation, name) == 0)
			return i;
	}
	return 0;
}

static bool
signal_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	long long number = signal_number(text);

	(void)a;
	if (number == 0 && isdigit((unsigned char)*text)) {
		if (!type_read_number(&number, text, 1, SIGRTMAX, why))
			return false;
	} else if (number == 0)
		return type_refuse(why, "'%.60s' is no signal", text);
	*(int *)field = (int)number;
	return true;
}

static void
signal_print(const void *field, const struct attr *a, FILE *out)
{
	const char *name = sigabbrev_np(*(const int *)field);

	(void)a;
	if (name != NULL)
		fputs(name, out);
	else
		fprintf(out, "%d", *(const int *)field);
}

const struct attr_type type_signal = {
	.label = "signal",
	.set = signal_set,
	.clear = int_clear,
	.copy = int_copy,
	.equal = int_equal,
	.print = signal_print,
};

/* clang-format off */
static const struct attr_choice duration_units[] = {
	{ "", 1000, NULL, NULL }, { "s", 1000, NULL, NULL }, { "ms", 1, NULL, NULL }, { "m", 60000, NULL, NULL },
	{ "min", 60000, NULL, NULL }, { "h", 3600000, NULL, NULL },
};

/* clang-format on */

static bool
duration_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	size_t len = strspn(text, "0123456789");
	char *end;

	errno = 0;
	long long number = strtoll(text, &end, 10);
	for (size_t i = 0; len > 0 && i < ARRAY_LEN(duration_units); i++) {
		long long unit = duration_units[i].value;

		if (strcasecmp(text + len, duration_units[i].name) != 0)
			continue;
		if (errno == ERANGE || number > a->max / unit)
			return type_refuse(why, "%.60s is out of range: it takes at most %llds",
			    text, a->max / 1000);
		if (number * unit < a->min)
			return type_refuse(
			    why, "%.60s is out of range: it takes at least %lldms", text, a->min);
		*(int64_t *)field = number * unit;
		return true;
	}
	return type_refuse(
	    why, "'%.60s' is no time: a time is written as 10, 10s, 500ms, 2m or 1h", text);
}

static void
duration_print(const void *field, const struct attr *a, FILE *out)
{
	int64_t ms = *(const int64_t *)field;

	(void)a;
	if (ms % 1000 == 0)
		fprintf(out, "%" PRId64 "s", ms / 1000);
	else
		fprintf(out, "%" PRId64 "ms", ms);
}

const struct attr_type type_duration = {
	.label = "time",
	.set = duration_set,
	.clear = duration_clear,
	.copy = duration_copy,
	.equal = duration_equal,
	.print = duration_print,
};

static bool
limit_store(void *field, const struct attr *a, rlim_t value, char why[ATTR_WHY_SIZE])
{
	if (value == 0 && a->skips_zero)
		return type_remark(why, "0 sets no limit, as in xinetd: the line is ignored");
	*(struct rlimit_conf *)field = (struct rlimit_conf){ .is_set = true, .value = value };
	if (value == 0 && strcmp(a->name, "rlimit_files") == 0)
		return type_remark(why, "with 0 the program can open no file");
	return true;
}

static bool
limit_size_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	int64_t value = 0;

	if (strcasecmp(text, "UNLIMITED") == 0)
		return limit_store(field, a, RLIM_INFINITY, why);
	return type_read_size(&value, text, why) && limit_store(field, a, (rlim_t)value, why);
}

static bool
limit_number_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	long long value = 0;

	if (strcasecmp(text, "UNLIMITED") == 0)
		return limit_store(field, a, RLIM_INFINITY, why);
	return type_read_number(&value, text, 0, LLONG_MAX, why) &&
	       limit_store(field, a, (rlim_t)value, why);
}

static void
limit_clear(void *field, const struct attr *a)
{
	(void)a;
	*(struct rlimit_conf *)field = (struct rlimit_conf){ 0 };
}

static void
limit_copy(void *to, const void *from, const struct attr *a)
{
	(void)a;
	*(struct rlimit_conf *)to = *(const struct rlimit_conf *)from;
}

static bool
limit_equal(const void *x, const void *y, const struct attr *a)
{
	const struct rlimit_conf *left = x, *right = y;

	(void)a;
	return left->is_set == right->is_set && left->value == right->value;
}

static void
limit_print(const void *field, const struct attr *a, FILE *out)
{
	const struct rlimit_conf *limit = field;

	(void)a;
	if (!limit->is_set)
		return;
	if (limit->value == RLIM_INFINITY)
		fputs("UNLIMITED", out);
	else
		fprintf(out, "%" PRIu64, (uint64_t)limit->value);
}

const struct attr_type type_limit_size = {
	.label = "size",
	.warns = true,
	.set = limit_size_set,
	.clear = limit_clear,
	.copy = limit_copy,
	.equal = limit_equal,
	.print = limit_print,
};

const struct attr_type type_limit_number = {
	.label = "number or UNLIMITED",
	.warns = true,
	.set = limit_number_set,
	.clear = limit_clear,
	.copy = limit_copy,
	.equal = limit_equal,
	.print = limit_print,
};
