/* SPDX-License-Identifier: MIT */
/* Values of one word that are no text: booleans, numbers, modes and choices. */
#include "conf/types.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "conf/types_plain.h"

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
type_remark(char why[ATTR_WHY_SIZE], const char *format, ...)
{
	va_list ap;

	if (why == NULL)
		return true;
	va_start(ap, format);
	vsnprintf(why, ATTR_WHY_SIZE, format, ap);
	va_end(ap);
	return true;
}

bool
type_read_number(
    long long *out, const char *text, long long min, long long max, char why[ATTR_WHY_SIZE])
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
		return type_refuse(
		    why, "%.60s is out of range: it takes %lld to %lld", text, min, max);
	*out = value;
	return true;
}

bool
type_read_size(int64_t *out, const char *text, char why[ATTR_WHY_SIZE])
{
	static const char units[] = "kmgt";
	char *end;

	if (!isdigit((unsigned char)*text))
		return type_refuse(why,
		    "'%.60s' is no size: a size is a number, with k, M or G behind it if need be",
		    text);
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	unsigned shift = 0;
	if (*end != '\0') {
		const char *unit = strchr(units, tolower((unsigned char)*end));

		if (unit == NULL || end[1] != '\0')
			return type_refuse(why,
			    "'%.60s' is no size: behind the number stands k, M, G or nothing",
			    text);
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (errno == ERANGE || value > (unsigned long long)INT64_MAX >> shift)
		return type_refuse(why, "%.60s is out of range", text);
	*out = (int64_t)(value << shift);
	return true;
}

PLAIN(bool, bool)
PLAIN(int, int)

/* clang-format off */
static const struct attr_choice bool_words[] = {
	{ "yes", 1, NULL, NULL }, { "true", 1, NULL, NULL }, { "on", 1, NULL, NULL }, { "1", 1, NULL, NULL },
	{ "no", 0, NULL, NULL }, { "false", 0, NULL, NULL }, { "off", 0, NULL, NULL }, { "0", 0, NULL, NULL },
};

/* clang-format on */

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
	.label = "yes or no",
	.set = bool_set,
	.clear = bool_clear,
	.copy = bool_copy,
	.equal = bool_equal,
	.print = bool_print,
};

static bool
number_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	const struct attr_choice *special = attr_choice_find(a, text);
	long long value = 0;

	if (special != NULL)
		value = special->value;
	else if (!type_read_number(&value, text, a->min, a->max, why)) {
		size_t len = strlen(why);

		if (a->choices != NULL)
			snprintf(why + len, ATTR_WHY_SIZE - len, ", or %s", a->choices->name);
		return false;
	}
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
	.label = "number",
	.set = number_set,
	.clear = int_clear,
	.copy = int_copy,
	.equal = int_equal,
	.print = number_print,
};

static bool
mode_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	char *end;

	errno = 0;
	unsigned long value = isdigit((unsigned char)*text) ? strtoul(text, &end, 8) : ULONG_MAX;
	if (value == ULONG_MAX || *end != '\0')
		return type_refuse(
		    why, "'%.60s' is no mode: a mode is a number of octal digits", text);
	if (value > (unsigned long)a->max)
		return type_refuse(why, "%.60s is out of range: it takes 0 to 0%llo", text,
		    (unsigned long long)a->max);
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
	.label = "octal number",
	.set = mode_set,
	.clear = int_clear,
	.copy = int_copy,
	.equal = int_equal,
	.print = mode_print,
};

/* "it takes a, b or c" */
static bool
refuse_listing(char why[ATTR_WHY_SIZE], const char *text, const char *const *names, size_t count)
{
	char list[ATTR_WHY_SIZE / 2] = "";
	size_t len = 0;

	for (size_t i = 0; i < count && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
		    i == 0           ? ""
		    : i + 1 == count ? " or "
				     : ", ",
		    names[i]);
	return type_refuse(why, "'%.60s' is unknown: it takes %s", text, list);
}

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
	return refuse_listing(why, text, names, count);
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
	.label = "word",
	.set = choice_set,
	.clear = int_clear,
	.copy = int_copy,
	.equal = int_equal,
	.print = choice_print,
};
