/* SPDX-License-Identifier: MIT */
/* How many connections in a time, and at what load. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/types.h"
#include "conf/types_plain.h"

/* Beyond this a number is a mistake. */
#define MOST_CONNECTIONS 1000000
#define MOST_PAUSE_S     86400
/* A service that nobody reaches for longer is no longer slowed down, but off. */
#define LONG_PAUSE_S     300
/* Where none is given, xinetd's own. */
#define USUAL_PAUSE_S    10

static const char unlimited[] = "UNLIMITED";

/* Reads the word at *text, and moves behind it and the blanks that follow. */
static size_t
next_word(const char **text, const char **word)
{
	*word = *text;
	size_t len = strcspn(*text, " \t");

	*text += len;
	*text += strspn(*text, " \t");
	return len;
}

/* A number of digits alone at the beginning of text; *text moves behind it. */
static bool
read_count(const char **text, unsigned most, unsigned *out)
{
	size_t len = strspn(*text, "0123456789");

	if (len == 0 || len > 9 || strtoul(*text, NULL, 10) > most)
		return false;
	*out = (unsigned)strtoul(*text, NULL, 10);
	*text += len;
	return true;
}

static bool
cps_read(struct cps_conf *out, const char *text, char why[ATTR_WHY_SIZE])
{
	const char *at = text;

	if (strcasecmp(text, unlimited) == 0)
		return true;
	if (!read_count(&at, MOST_CONNECTIONS, &out->per_second) || (*at != ' ' && *at != '\0'))
		return type_refuse(why,
		    "'%.60s' is no rate: it takes connections a second, up to %d, and seconds of rest, as 50 10",
		    text, MOST_CONNECTIONS);
	at += strspn(at, " ");
	out->pause_s = USUAL_PAUSE_S;
	if (*at != '\0' && (!read_count(&at, MOST_PAUSE_S, &out->pause_s) || *at != '\0'))
		return type_refuse(
		    why, "'%.60s' is no time: it takes seconds, up to %d", at, MOST_PAUSE_S);
	if (out->per_second == 0)
		out->pause_s = 0;
	return true;
}

static bool
cps_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	struct cps_conf cps = { 0 };

	(void)a;
	if (!cps_read(&cps, text, why))
		return false;
	*(struct cps_conf *)field = cps;
	if (cps.per_second > 0 && strchr(text, ' ') == NULL)
		return type_remark(why,
		    "it does not say for how many seconds nobody is served then, and %d are taken; xinetd ignores the line: write cps = %u %d",
		    USUAL_PAUSE_S, cps.per_second, USUAL_PAUSE_S);
	if (cps.pause_s > LONG_PAUSE_S)
		return type_remark(why,
		    "one second with more than %u connections, and nobody is served for %u seconds",
		    cps.per_second, cps.pause_s);
	if (cps.per_second > 0 && cps.pause_s == 0)
		return type_remark(why,
		    "with 0 seconds of rest only those connections are refused that are too many");
	return true;
}

static void
cps_clear(void *field, const struct attr *a)
{
	(void)a;
	*(struct cps_conf *)field = (struct cps_conf){ 0 };
}

static void
cps_copy(void *to, const void *from, const struct attr *a)
{
	(void)a;
	*(struct cps_conf *)to = *(const struct cps_conf *)from;
}

static bool
cps_equal(const void *x, const void *y, const struct attr *a)
{
	const struct cps_conf *left = x, *right = y;

	(void)a;
	return left->per_second == right->per_second && left->pause_s == right->pause_s;
}

static void
cps_print(const void *field, const struct attr *a, FILE *out)
{
	const struct cps_conf *cps = field;

	(void)a;
	if (cps->per_second == 0)
		fputs("0", out);
	else
		fprintf(out, "%u %u", cps->per_second, cps->pause_s);
}

const struct attr_type type_cps = {
	.label = "connections a second, and seconds",
	.max_words = 2,
	.warns = true,
	.set = cps_set,
	.clear = cps_clear,
	.copy = cps_copy,
	.equal = cps_equal,
	.print = cps_print,
};

static const struct unit {
	const char *name;
	int64_t ms;
} units[] = {
	{ "second", 1000 },
	{ "minute", 60000 },
	{ "hour", 3600000 }, /* as they are printed */
	{ "s", 1000 },
	{ "sec", 1000 },
	{ "seconds", 1000 },
	{ "m", 60000 },
	{ "min", 60000 },
	{ "minutes", 60000 },
	{ "h", 3600000 },
	{ "hours", 3600000 },
};

static int64_t
unit_ms(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strlen(units[i].name) == len && strncasecmp(units[i].name, name, len) == 0)
			return units[i].ms;
	return 0;
}

/* "10/second" */
static bool
read_period(struct rate_conf *out, const char **text, char why[ATTR_WHY_SIZE])
{
	const char *whole = *text, *word, *at;
	size_t len = next_word(text, &word);

	at = word;
	if (!read_count(&at, MOST_CONNECTIONS, &out->count))
		return type_refuse(why,
		    "'%.60s' is no rate: it takes 10/second, 600/minute burst 50 or UNLIMITED, with numbers up to %d",
		    whole, MOST_CONNECTIONS);
	if (at == word + len && out->count == 0)
		return true;
	if (at == word + len)
		return type_refuse(
		    why, "'%.60s' does not say in which time: write %u/second", whole, out->count);
	out->period_ms = *at == '/' ? unit_ms(at + 1, (size_t)(word + len - at - 1)) : 0;
	if (out->period_ms == 0)
		return type_refuse(why,
		    "'%.60s' is no rate: behind the number stands /second, /minute or /hour",
		    whole);
	return true;
}

static bool
read_burst(struct rate_conf *out, const char *text, char why[ATTR_WHY_SIZE])
{
	const char *word;
	size_t len;

	out->burst = out->count > 0 ? out->count : 0;
	if (*text == '\0')
		return true;
	len = next_word(&text, &word);
	if (len != 5 || strncasecmp(word, "burst", len) != 0)
		return type_refuse(why, "'%.60s' is unknown here: it takes burst NUMBER", word);
	if (!read_count(&text, MOST_CONNECTIONS, &out->burst) || *text != '\0' || out->burst == 0)
		return type_refuse(
		    why, "behind burst stands a number from 1 to %d", MOST_CONNECTIONS);
	return true;
}

static bool
rate_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	struct rate_conf rate = { 0 };

	(void)a;
	if (strcasecmp(text, unlimited) != 0 &&
	    (!read_period(&rate, &text, why) || !read_burst(&rate, text, why)))
		return false;
	if (rate.count == 0)
		rate = (struct rate_conf){ 0 };
	*(struct rate_conf *)field = rate;
	return true;
}

static void
rate_clear(void *field, const struct attr *a)
{
	(void)a;
	*(struct rate_conf *)field = (struct rate_conf){ 0 };
}

static void
rate_copy(void *to, const void *from, const struct attr *a)
{
	(void)a;
	*(struct rate_conf *)to = *(const struct rate_conf *)from;
}

static bool
rate_equal(const void *x, const void *y, const struct attr *a)
{
	const struct rate_conf *left = x, *right = y;

	(void)a;
	return left->count == right->count && left->period_ms == right->period_ms &&
	       left->burst == right->burst;
}

static void
rate_print(const void *field, const struct attr *a, FILE *out)
{
	const struct rate_conf *rate = field;
	size_t i = 0;

	(void)a;
	if (rate->count == 0) {
		fputs(unlimited, out);
		return;
	}
	while (i + 1 < ARRAY_LEN(units) && units[i].ms != rate->period_ms)
		i++;
	fprintf(out, "%u/%s", rate->count, units[i].name);
	if (rate->burst != rate->count)
		fprintf(out, " burst %u", rate->burst);
}

const struct attr_type type_rate = {
	.label = "rate",
	.max_words = 3,
	.set = rate_set,
	.clear = rate_clear,
	.copy = rate_copy,
	.equal = rate_equal,
	.print = rate_print,
};

PLAIN(load, unsigned)

/* "2.5"; kept in hundredths. */
static bool
load_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	const char *at = text;
	unsigned whole = 0, hundredths = 0;
	size_t decimals = 0;

	(void)a;
	bool is_good = *at == '.' || read_count(&at, 1000000, &whole);
	if (is_good && *at == '.') {
		decimals = strspn(++at, "0123456789");
		hundredths = (decimals > 0 ? (unsigned)(at[0] - '0') * 10 : 0) +
			     (decimals > 1 ? (unsigned)(at[1] - '0') : 0);
		at += decimals;
		is_good = decimals > 0;
	}
	if (!is_good || *at != '\0')
		return type_refuse(why, "'%.60s' is no load: it takes a number such as 2.5", text);
	if (whole == 0 && hundredths == 0 && strpbrk(text, "123456789") != NULL)
		return type_refuse(why, "%.60s is out of range: it takes 0.01 or more", text);
	*(unsigned *)field = whole * 100 + hundredths;
	return true;
}

static void
load_print(const void *field, const struct attr *a, FILE *out)
{
	unsigned load = *(const unsigned *)field;

	(void)a;
	fprintf(out, "%u.%02u", load / 100, load % 100);
}

const struct attr_type type_load = {
	.label = "number",
	.set = load_set,
	.clear = load_clear,
	.copy = load_copy,
	.equal = load_equal,
	.print = load_print,
};
