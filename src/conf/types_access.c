/* SPDX-License-Identifier: MIT */
/* Who may connect, and when. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/access_word.h"
#include "conf/types.h"
#include "conf/types_list.h"

static bool
access_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	struct prefix_list prefixes = { 0 };
	enum access_form form;
	bool is_good = access_word_read(&form, &prefixes, text, why);

	(void)a;
	prefix_list_done(&prefixes);
	if (is_good)
		strings_add(field, text);
	return is_good;
}

/* -= takes what is the same thing in another spelling, too. */
static bool
access_remove(void *field, const struct attr *a, const char *text)
{
	struct strings *list = field;
	struct access_word word;
	size_t before = list->count, i = 0;

	(void)a;
	if (!access_word_take(&word, text))
		return false;
	while (i < list->count)
		if (!access_word_same(&word, list->item[i]) || !list_remove_at(list, i))
			i++;
	access_word_done(&word);
	return list->count < before;
}

const struct attr_type type_access = {
	.label = "list of addresses, networks and names",
	.is_list = true,
	.splits_commas = true,
	.notes_commas = true,
	.set = access_set,
	.remove = access_remove,
	.clear = list_clear,
	.copy = list_copy,
	.equal = list_equal,
	.print = list_print,
};

#define MINUTES_OF_DAY 1440

/* "8:30" or "8:5"; *text moves behind it. False if it is no time of a day; 24:00 is one. */
static bool
read_minute(const char **text, unsigned *out)
{
	static const char digits[] = "0123456789";
	size_t hours = strspn(*text, digits), minutes;

	if (hours < 1 || hours > 2 || (*text)[hours] != ':')
		return false;
	minutes = strspn(*text + hours + 1, digits);
	if (minutes < 1 || minutes > 2)
		return false;
	unsigned hour = (unsigned)strtoul(*text, NULL, 10);
	unsigned minute = (unsigned)strtoul(*text + hours + 1, NULL, 10);
	if (minute > 59 || hour * 60 + minute > MINUTES_OF_DAY)
		return false;
	*out = hour * 60 + minute;
	*text += hours + 1 + minutes;
	return true;
}

bool
time_range_parse(struct time_range *out, const char *text, char why[ATTR_WHY_SIZE])
{
	const char *at = text;
	unsigned from, to;

	if (!read_minute(&at, &from) || *at++ != '-' || !read_minute(&at, &to) || *at != '\0')
		return type_refuse(
		    why, "'%.60s' is no range of times: it takes 8:30-17:00, without blanks", text);
	if (from == MINUTES_OF_DAY)
		return type_refuse(
		    why, "'%.60s' begins where the day ends: the begin of a day is 0:00", text);
	if (from == to)
		return type_refuse(why,
		    "'%.60s' begins and ends in the same minute: a whole day is 0:00-24:00", text);
	if (to == MINUTES_OF_DAY)
		to--;
	*out = (struct time_range){ .from = (uint16_t)from, .to = (uint16_t)to };
	return from <= to || why == NULL ? true
					 : type_remark(why, "%.60s goes over midnight", text);
}

static bool
times_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	struct time_range range;

	(void)a;
	if (!time_range_parse(&range, text, why))
		return false;
	strings_add(field, text);
	return true;
}

static bool
times_remove(void *field, const struct attr *a, const char *text)
{
	struct strings *list = field;
	struct time_range range = { 0 }, other = { 0 };

	(void)a;
	for (size_t i = 0; time_range_parse(&range, text, NULL) && i < list->count; i++)
		if (time_range_parse(&other, list->item[i], NULL) && other.from == range.from &&
		    other.to == range.to)
			return list_remove_at(list, i);
	return false;
}

const struct attr_type type_times = {
	.label = "list of times",
	.is_list = true,
	.splits_commas = true,
	.needs = "a range of times",
	.set = times_set,
	.remove = times_remove,
	.clear = list_clear,
	.copy = list_copy,
	.equal = list_equal,
	.print = list_print,
};
