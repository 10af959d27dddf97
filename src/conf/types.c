/* SPDX-License-Identifier: MIT */
/* Values of one word that are no text: booleans, numbers, choices, signals, times and limits. */
#include "conf/types.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "conf/config.h"

bool
type_refuse(char why[ATTR_WHY_SIZE], const char *format, ...)
{
	va_list ap;

	if (why == NULL)
		return false;
	va_start(ap, format);
	vsnprintf(why, ATTR_WHY_SIZE, format, ap);
	va_end(ap);
	return false;
}

bool
type_read_number(long long *out, const char *text, long long min, long long max, char why[ATTR_WHY_SIZE])
{
	const char *digits = text + (*text == '-' || *text == '+');
	char *end;

	if (!isdigit((unsigned char)*digits))
		return type_refuse(why, "'%.60s' is no number", text);
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (*end != '\0')
		return type_refuse(why, "'%.60s' is no number", text);
	if (errno == ERANGE || value < min || value > max)
		return type_refuse(why, "%.60s is out of range: it takes %lld to %lld", text, min, max);
	*out = value;
	return true;
}

bool
type_read_size(int64_t *out, const char *text, char why[ATTR_WHY_SIZE])
{
	static const char units[] = "kmgt";
	char *end;

	if (!isdigit((unsigned char)*text))
		return type_refuse(why, "'%.60s' is no size: a size is a number, with k, M or G behind it if need be", text);
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	unsigned shift = 0;
	if (*end != '\0') {
		const char *unit = strchr(units, tolower((unsigned char)*end));

		if (unit == NULL || end[1] != '\0')
			return type_refuse(why, "'%.60s' is no size: behind the number stands k, M, G or nothing", text);
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (errno == ERANGE || value > (unsigned long long)INT64_MAX >> shift)
		return type_refuse(why, "%.60s is out of range", text);
	*out = (int64_t)(value << shift);
	return true;
}

/* Fields that are plain bytes are cleared, copied and compared alike. */
#define PLAIN(kind, ctype) \
	static void kind##_clear(void *field, const struct attr *a) { (void)a; *(ctype *)field = (ctype){0}; } \
	static void kind##_copy(void *to, const void *from, const struct attr *a) \
	{ (void)a; *(ctype *)to = *(const ctype *)from; } \
	static bool kind##_equal(const void *x, const void *y, const struct attr *a) \
	{ (void)a; return *(const ctype *)x == *(const ctype *)y; }

PLAIN(bool, bool)
PLAIN(int, int)
PLAIN(duration, int64_t)

static const struct attr_choice bool_words[] = {
	{ "yes", 1, NULL, NULL }, { "true", 1, NULL, NULL }, { "on", 1, NULL, NULL }, { "1", 1, NULL, NULL },
	{ "no", 0, NULL, NULL }, { "false", 0, NULL, NULL }, { "off", 0, NULL, NULL }, { "0", 0, NULL, NULL },
};

static bool
bool_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	(void)a;
	for (size_t i = 0; i < ARRAY_LEN(bool_words); i++) {
		if (strcasecmp(bool_words[i].name, text) == 0) {
			*(bool *)field = bool_words[i].value != 0;
			return true;
		}
	}
	return type_refuse(why, "'%.60s' is neither yes nor no", text);
}

static void
bool_print(const void *field, const struct attr *a, FILE *out)
{
	(void)a;
	fputs(*(const bool *)field ? "yes" : "no", out);
}

const struct attr_type type_bool = {
	.label = "yes or no", .set = bool_set, .clear = bool_clear, .copy = bool_copy, .equal = bool_equal,
	.print = bool_print,
};

static bool
number_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	const struct attr_choice *special = attr_choice_find(a, text);
	long long value;

	if (special != NULL)
		value = special->value;
	else if (!type_read_number(&value, text, a->min, a->max, why))
		return false;
	*(int *)field = (int)value;
	return true;
}

static void
number_print(const void *field, const struct attr *a, FILE *out)
{
	int value = *(const int *)field;

	for (const struct attr_choice *c = a->choices; c != NULL && c->name != NULL; c++) {
		if ((int)c->value == value) {
			fputs(c->name, out);
			return;
		}
	}
	fprintf(out, "%d", value);
}

const struct attr_type type_number = {
	.label = "number", .set = number_set, .clear = int_clear, .copy = int_copy, .equal = int_equal,
	.print = number_print,
};

static bool
mode_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	char *end;

	errno = 0;
	unsigned long value = isdigit((unsigned char)*text) ? strtoul(text, &end, 8) : ULONG_MAX;
	if (value == ULONG_MAX || *end != '\0')
		return type_refuse(why, "'%.60s' is no mode: a mode is a number of octal digits", text);
	if (value > (unsigned long)a->max)
		return type_refuse(why, "%.60s is out of range: it takes 0 to 0%llo", text, (unsigned long long)a->max);
	*(mode_t *)field = (mode_t)value;
	return true;
}

static void
mode_print(const void *field, const struct attr *a, FILE *out)
{
	(void)a;
	fprintf(out, "0%03o", (unsigned)*(const mode_t *)field);
}

_Static_assert(sizeof(mode_t) == sizeof(int), "modes are cleared and compared as int");

const struct attr_type type_mode = {
	.label = "octal number", .set = mode_set, .clear = int_clear, .copy = int_copy, .equal = int_equal,
	.print = mode_print,
};

static bool
choice_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	const struct attr_choice *c = attr_choice_find(a, text);
	const char *names[16];
	size_t count = 0;

	if (c != NULL && c->refusal != NULL)
		return type_refuse(why, "%s", c->refusal);
	if (c != NULL) {
		*(int *)field = (int)c->value;
		return true;
	}
	for (c = a->choices; c->name != NULL && count < ARRAY_LEN(names); c++)
		if (c->refusal == NULL)
			names[count++] = c->name;
	const char *near = nearest_name(text, names, count);
	if (near != NULL)
		return type_refuse(why, "'%.60s' is unknown: did you mean %s?", text, near);
	return type_refuse(why, "'%.60s' is unknown: it takes %s or %s", text, names[0], names[1]);
}

static void
choice_print(const void *field, const struct attr *a, FILE *out)
{
	for (const struct attr_choice *c = a->choices; c->name != NULL; c++) {
		if (c->refusal == NULL && c->value == *(const int *)field) {
			fputs(c->name, out);
			return;
		}
	}
}

const struct attr_type type_choice = {
	.label = "word", .set = choice_set, .clear = int_clear, .copy = int_copy, .equal = int_equal,
	.print = choice_print,
};

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
	.label = "signal", .set = signal_set, .clear = int_clear, .copy = int_copy, .equal = int_equal,
	.print = signal_print,
};

static const struct attr_choice duration_units[] = {
	{ "", 1000, NULL, NULL }, { "s", 1000, NULL, NULL }, { "ms", 1, NULL, NULL }, { "m", 60000, NULL, NULL },
	{ "min", 60000, NULL, NULL }, { "h", 3600000, NULL, NULL },
};

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
			return type_refuse(why, "%.60s is out of range: it takes at most %llds", text, a->max / 1000);
		*(int64_t *)field = number * unit;
		return true;
	}
	return type_refuse(why, "'%.60s' is no time: a time is written as 10, 10s, 500ms, 2m or 1h", text);
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
	.label = "time", .set = duration_set, .clear = duration_clear, .copy = duration_copy,
	.equal = duration_equal, .print = duration_print,
};

static bool
limit_store(void *field, rlim_t value)
{
	*(struct rlimit_conf *)field = (struct rlimit_conf){ .is_set = true, .value = value };
	return true;
}

static bool
limit_size_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	int64_t value;

	(void)a;
	if (strcasecmp(text, "UNLIMITED") == 0)
		return limit_store(field, RLIM_INFINITY);
	return type_read_size(&value, text, why) && limit_store(field, (rlim_t)value);
}

static bool
limit_number_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	long long value;

	(void)a;
	if (strcasecmp(text, "UNLIMITED") == 0)
		return limit_store(field, RLIM_INFINITY);
	return type_read_number(&value, text, 0, LLONG_MAX, why) && limit_store(field, (rlim_t)value);
}

static void
limit_clear(void *field, const struct attr *a)
{
	(void)a;
	*(struct rlimit_conf *)field = (struct rlimit_conf){0};
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
	if (limit->value == RLIM_INFINITY)
		fputs("UNLIMITED", out);
	else
		fprintf(out, "%" PRIu64, (uint64_t)limit->value);
}

const struct attr_type type_limit_size = {
	.label = "size", .set = limit_size_set, .clear = limit_clear, .copy = limit_copy, .equal = limit_equal,
	.print = limit_print,
};

const struct attr_type type_limit_number = {
	.label = "number or UNLIMITED", .set = limit_number_set, .clear = limit_clear, .copy = limit_copy,
	.equal = limit_equal, .print = limit_print,
};
