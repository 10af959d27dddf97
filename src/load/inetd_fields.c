/* SPDX-License-Identifier: MIT */
/* The right half of a line of inetd.conf: how many, as whom, and which program. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "load/inetd_fields.h"
#include "load/load.h"

/* So many numbers stand behind nowait in FreeBSD's form. */
#define MOST_LIMITS 3

static bool
is_number(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text) && strlen(text) < 8;
}

/* No limit. */
static bool
is_zero(const char *text)
{
	return strspn(text, "0") == strlen(text);
}

static bool
refuse_number(const struct inetd_line *l, const struct word *w)
{
	scan_error(l->s, SCAN_HARD, &w->place, "'%.60s' is no number", w->text);
	return false;
}

static void
set_rate(struct block *b, const char *name, const struct word *count)
{
	char *rate = mem_format("%s/minute", count->text);

	struct setting *set = inetd_set(b, name, &count->place, rate);

	inetd_add(set, "burst", &count->place);
	inetd_add(set, count->text, &count->place);
	free(rate);
}

/* The smaller one of two limits counts: "stream,5" has given one before. */
static void
set_instances(struct block *b, const struct word *most)
{
	struct setting *before = inetd_find(b, "instances");

	if (before == NULL) {
		inetd_set(b, "instances", &most->place, most->text);
		inetd_set(b, "on_limit", &most->place, "queue");
	} else if (strtoul(most->text, NULL, 10) < strtoul(before->words[0].text, NULL, 10)) {
		free(before->words[0].text);
		before->words[0] = (struct word){ mem_dup(most->text), most->place };
	}
}

/* "nowait/5/60/2": programs at a time, starts a minute for each source, and programs at a time for each source; 0 is no limit. */
static bool
set_limits(const struct inetd_line *l, struct block *b, struct word *limits, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_number(limits[i].text))
			return refuse_number(l, &limits[i]);
	if (count > 0 && !is_zero(limits[0].text))
		set_instances(b, &limits[0]);
	if (count > 1 && !is_zero(limits[1].text))
		set_rate(b, "rate_per_source", &limits[1]);
	if (count > 2 && !is_zero(limits[2].text))
		inetd_set(b, "per_source", &limits[2].place, limits[2].text);
	return true;
}

static bool
read_limits(const struct inetd_line *l, struct block *b, const struct word *w, size_t offset)
{
	struct word limits[MOST_LIMITS];
	size_t count = 0;
	bool is_read;

	while (w->text[offset] == '/' && count < MOST_LIMITS) {
		size_t len = strcspn(w->text + offset + 1, "/");

		limits[count++] = inetd_part(w, offset + 1, len);
		offset += len + 1;
	}
	is_read = w->text[offset] == '\0';
	if (!is_read)
		scan_error(l->s, SCAN_HARD, &w->place, "at most %d numbers stand behind nowait/",
		    MOST_LIMITS);
	is_read = is_read && set_limits(l, b, limits, count);
	for (size_t i = 0; i < count; i++)
		free(limits[i].text);
	return is_read;
}

/* "nowait.40", or with a colon: starts a minute. */
static bool
read_rate(const struct inetd_line *l, struct block *b, const struct word *w, size_t offset)
{
	struct word count = inetd_part(w, offset + 1, strlen(w->text + offset + 1));
	bool is_read = is_number(count.text);

	if (!is_read)
		refuse_number(l, &count);
	if (is_read && !is_zero(count.text)) {
		set_rate(b, "rate", &count);
		problem_add(l->s->problems, SEVERITY_NOTE, CAUSE_TEXT, &count.place,
		    "more than %s starts in a minute are refused one by one; inetd closes the service for ten minutes",
		    count.text);
	}
	free(count.text);
	return is_read;
}

bool
inetd_read_wait(const struct inetd_line *l, struct block *b)
{
	const struct word *w = &l->words->item[INETD_WAIT];
	size_t len = strcspn(w->text, "./:");
	bool is_wait = len == 4 && strncasecmp(w->text, "wait", len) == 0;

	if (!is_wait && (len != 6 || strncasecmp(w->text, "nowait", len) != 0)) {
		scan_error(
		    l->s, SCAN_HARD, &w->place, "'%.60s' is neither wait nor nowait", w->text);
		return false;
	}
	inetd_set(b, "wait", &w->place, is_wait ? "yes" : "no");
	if (w->text[len] == '\0')
		return true;
	if (w->text[len] != '/')
		return read_rate(l, b, w, len);
	if (!is_wait)
		return read_limits(l, b, w, len);
	problem_add(l->s->problems, SEVERITY_NOTE, CAUSE_TEXT, &w->place,
	    "%s has no effect: with wait one program runs at a time", w->text + len);
	return true;
}

static bool
user_exists(const struct inetd_line *l, const char *name)
{
	struct user_entry entry = { 0 };
	bool exists = l->options->lookup->user(name, &entry) == 0;

	free(entry.name);
	return exists;
}

/* Where the group begins in "user:group" or "user.group"; the whole length if there is none. */
static size_t
find_group(const struct inetd_line *l, const struct word *user)
{
	const char *colon = strchr(user->text, ':'), *dot = strrchr(user->text, '.');

	if (colon != NULL)
		return (size_t)(colon - user->text);
	if (dot != NULL && !user_exists(l, user->text))
		return (size_t)(dot - user->text);
	return strlen(user->text);
}

bool
inetd_read_user(const struct inetd_line *l, struct block *b)
{
	const struct word *w = &l->words->item[INETD_USER];
	size_t len = strcspn(w->text, "/"), end;
	struct word user = inetd_part(w, 0, len), name, group;
	bool is_read;

	if (w->text[len] == '/')
		problem_add(l->s->problems, SEVERITY_NOTE, CAUSE_TEXT, &w->place,
		    "the login class %.60s has no effect: there are none on this system",
		    w->text + len + 1);
	end = find_group(l, &user);
	name = inetd_part(&user, 0, end);
	group = inetd_part(&user, end, strlen(user.text + end));
	is_read = *name.text != '\0' && (*group.text == '\0' || group.text[1] != '\0');
	if (!is_read)
		scan_error(
		    l->s, SCAN_HARD, &w->place, "'%.60s' is no user, and no user:group", w->text);
	else
		inetd_set(b, "user", &name.place, name.text);
	if (is_read && *group.text != '\0') {
		group.place.column++;
		inetd_set(b, "group", &group.place, group.text + 1);
	}
	/* Every inetd gives programs the groups of their user. */
	if (is_read)
		inetd_set(b, "groups", &w->place, "yes");
	free(user.text);
	free(name.text);
	free(group.text);
	return is_read;
}

/* Heap; that of the first directory if it is in none, which is an error of the surroundings later. */
static char *
find_program(const struct inetd_line *l, const char *name)
{
	char *list = mem_dup(INETD_PATH), *rest = list, *found = NULL;
	const char *directory;

	while (found == NULL && (directory = strsep(&rest, ":")) != NULL) {
		char *path = mem_format("%s/%s", directory, name), *missing = NULL;

		if (l->options->lookup->program(path, NULL, &missing) == 0)
			found = path;
		else
			free(path);
		free(missing);
	}
	free(list);
	return found;
}

static void
set_server(const struct inetd_line *l, struct block *b, const struct word *w)
{
	char *path;

	if (strchr(w->text, '/') != NULL) {
		inetd_set(b, "server", &w->place, w->text);
		return;
	}
	path = find_program(l, w->text);
	if (path == NULL) {
		problem_add(l->s->problems, SEVERITY_NOTE, CAUSE_SURROUNDINGS, &w->place,
		    "%.60s is in none of the directories " INETD_PATH, w->text);
		path = mem_format("/usr/sbin/%s", w->text);
	}
	inetd_set(b, "server", &w->place, path);
	free(path);
}

/* The builtins are found by their name. */
static void
set_internal(const struct inetd_line *l, struct block *b)
{
	const struct word *w = &l->words->item[INETD_PROGRAM];

	inetd_set(b, "type", &w->place, "INTERNAL");
	if (l->words->count > INETD_ARGS)
		problem_add(l->s->problems, SEVERITY_NOTE, CAUSE_TEXT,
		    &l->words->item[INETD_ARGS].place,
		    "what follows internal has no effect: builtins take no arguments");
}

/* The words from the program's own name on are given to it as they are. */
static void
set_args(const struct inetd_line *l, struct block *b)
{
	const struct word *first = &l->words->item[INETD_ARGS];
	struct setting *flags = inetd_find(b, "flags"), *args;

	if (flags == NULL)
		inetd_set(b, "flags", &first->place, "NAMEINARGS");
	else
		inetd_add(flags, "NAMEINARGS", &first->place);
	args = inetd_set(b, "server_args", &first->place, NULL);
	for (size_t i = INETD_ARGS; i < l->words->count; i++)
		inetd_add(args, l->words->item[i].text, &l->words->item[i].place);
}

static void
skip_wrappers(const struct inetd_line *l, struct block *b)
{
	struct setting *flags = inetd_find(b, "flags");
	const struct place *place = &l->words->item[INETD_PROGRAM].place;

	if (flags == NULL)
		inetd_set(b, "flags", place, "NOLIBWRAP");
	else
		inetd_add(flags, "NOLIBWRAP", place);
}

/* Builtins are never wrapped, programs where an option asks for it. */
void
inetd_read_program(const struct inetd_line *l, struct block *b)
{
	const struct word *w = &l->words->item[INETD_PROGRAM];
	bool is_internal = strcasecmp(w->text, "internal") == 0;

	if (is_internal)
		set_internal(l, b);
	else
		set_server(l, b, w);
	if (!is_internal && l->words->count > INETD_ARGS)
		set_args(l, b);
	if (is_internal || !l->options->has_wrappers)
		skip_wrappers(l, b);
}
