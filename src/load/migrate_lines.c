/* SPDX-License-Identifier: MIT */
/*
 * A file as xinetd cuts it: line by line, a brace alone on its line, a blank before every operator, comments on lines
 * of their own, quotes as ordinary characters. What it cuts otherwise than we do is noted.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "load/migrate_parts.h"
#include "load/xinetd_attr.h"

/* Of a value that is shown in a note, so many bytes at most. */
#define SHOWN_BYTES 80

enum state { OUTSIDE, BEFORE_BRACE, INSIDE };

struct lines {
	struct migrating *m;
	const struct source *source;
	const struct blocks *list;
	const struct block *block; /* that the line is in; NULL: none */
	const char *line, *end;    /* without blanks around it */
	const char *start;         /* of the whole line */
	unsigned number;
	enum state state;
	bool has_slash_note;
};

static struct place
place_of(const struct lines *l, const char *at)
{
	struct place place = { l->source, l->number, 1 };

	for (const char *c = l->start; c < at; c++)
		place.column += !byte_continues(*c);
	return place;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

static const char *
skip_space(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

static const char *
word_end(const char *at, const char *end)
{
	while (at < end && !is_space(*at))
		at++;
	return at;
}

static bool
starts_with(const struct lines *l, const char *word)
{
	size_t len = strlen(word), rest = (size_t)(l->end - l->line);

	return rest >= len && strncasecmp(l->line, word, len) == 0 &&
	       (rest == len || !isalnum((unsigned char)l->line[len]));
}

static bool
is_off(const struct lines *l)
{
	return l->block != NULL && l->block->is_disabled;
}

/* The comment behind a value: where it begins, or NULL. */
static const char *
comment_at(const char *at, const char *end)
{
	for (at = skip_space(at, end); at < end; at = skip_space(word_end(at, end), end))
		if (*at == '#' || (*at == '/' && at + 1 < end && at[1] == '/'))
			return at;
	return NULL;
}

static bool
is_required(const char *name)
{
	static const char *const names[] = { "wait", "user", "server", "socket_type", "protocol",
		"port" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

/* What xinetd does with words too many. */
static const char *
fate_of(const struct lines *l, const struct xinetd_attr *a)
{
	bool is_service = l->block != NULL && l->block->kind == BLOCK_SERVICE;

	if (a->words > 0 && strcasecmp(a->name, "disable") == 0)
		return "ignores the whole line, and runs the service; here it is off";
	if (a->words > 0 && is_service && is_required(a->name))
		return "ignores the whole line, and loses the service for want of it";
	if (a->words > 0 && a->is_limit)
		return "ignores the whole line: this limit was never in force, and now it is";
	if (a->words > 0)
		return "ignores the whole line; here it holds";
	if (a->loses_service)
		return is_service ? "loses the service over it" : "ends over it";
	return "takes each word of the comment as a value";
}

static void
check_comment(struct lines *l, const struct xinetd_attr *a, const char *value)
{
	const char *comment = comment_at(value, l->end), *end = comment;
	bool is_disable = strcasecmp(a->name, "disable") == 0;
	struct place place;
	char *setting;

	/* In these, words with # are values in both. */
	if (comment == NULL || strcasecmp(a->name, "server_args") == 0 ||
	    strcasecmp(a->name, "env") == 0 || (is_off(l) && !is_disable))
		return;
	if (is_disable && !is_off(l))
		return;
	value = skip_space(value, l->end);
	while (end > value && is_space(end[-1]))
		end--;
	if (end - value > SHOWN_BYTES)
		end = value + SHOWN_BYTES;
	setting = mem_format("%s = %.*s", a->name, (int)(end - value), value);
	place = place_of(l, l->line);
	migrate_note(l->m, &place, "%s: xinetd takes the comment behind it for values, and %s",
	    setting, fate_of(l, a));
	if (a->words > 0 && (a->is_limit || is_disable) && !is_required(a->name))
		migrate_limit(l->m, &place, l->block, setting);
	free(setting);
}

static void
check_quote(struct lines *l, const char *value)
{
	value = skip_space(value, l->end);
	if (value >= l->end || (*value != '"' && *value != '\'') || is_off(l))
		return;
	struct place place = place_of(l, value);

	migrate_note(l->m, &place,
	    "xinetd takes quotes as part of the value; here those around a word are taken off");
}

/* Comments that xinetd does not know. */
static bool
is_slash_comment(struct lines *l)
{
	if (l->end - l->line < 2 || l->line[0] != '/' || (l->line[1] != '/' && l->line[1] != '*'))
		return false;
	if (!l->has_slash_note && !is_off(l)) {
		struct place place = place_of(l, l->line);

		migrate_note(l->m, &place,
		    "xinetd knows comments that begin with # alone: it loses the service here");
	}
	l->has_slash_note = true;
	return true;
}

static void
check_setting(struct lines *l)
{
	const char *name_end = l->line, *op;
	struct place place = place_of(l, l->line);

	if (is_slash_comment(l))
		return;
	while (name_end < l->end && !is_space(*name_end) && *name_end != '=' &&
	       !((*name_end == '+' || *name_end == '-') && name_end + 1 < l->end &&
		   name_end[1] == '='))
		name_end++;
	op = skip_space(name_end, l->end);
	if (op == l->end || name_end == l->line)
		return;
	if (!is_space(*name_end) && !is_off(l))
		migrate_note(l->m, &place,
		    "there is no blank before the %s: xinetd loses the whole service over it",
		    *op == '=' ? "=" : "operator");
	op += *op == '+' || *op == '-';
	if (op >= l->end || *op != '=')
		return;
	char *name = mem_dupn(l->line, (size_t)(name_end - l->line));
	const struct xinetd_attr *a = xinetd_attr_find(name);

	if (a != NULL) {
		check_comment(l, a, op + 1);
		check_quote(l, op + 1);
	}
	free(name);
}

static void
note_brace(struct lines *l, const char *at)
{
	struct place place = place_of(l, at);

	if (!is_off(l))
		migrate_note(l->m, &place,
		    "xinetd wants this brace alone on its line, and loses the %s otherwise",
		    l->block != NULL && l->block->kind == BLOCK_DEFAULTS ? "defaults" : "service");
}

static void
enter_block(struct lines *l)
{
	const char *brace = memchr(l->line, '{', (size_t)(l->end - l->line));

	l->block = NULL;
	for (size_t i = 0; i < l->list->count; i++)
		if (l->list->item[i].place.line == l->number)
			l->block = &l->list->item[i];
	l->state = BEFORE_BRACE;
	if (brace == NULL)
		return;
	note_brace(l, brace);
	l->state = l->end[-1] == '}' ? OUTSIDE : INSIDE;
}

static void
leave_block(struct lines *l)
{
	if (l->end - l->line > 1)
		note_brace(l, l->line);
	l->state = OUTSIDE;
	l->block = NULL;
}

static void
check_line(struct lines *l)
{
	if (l->line == l->end || *l->line == '#')
		return;
	/* A block that is not closed ends where the next one begins. */
	if (starts_with(l, "service") || starts_with(l, "defaults")) {
		enter_block(l);
	} else if (l->state == BEFORE_BRACE && *l->line == '{') {
		if (l->end - l->line > 1)
			note_brace(l, l->line);
		l->state = INSIDE;
	} else if (l->state == INSIDE && *l->line == '}') {
		leave_block(l);
	} else if (l->state == INSIDE) {
		check_setting(l);
	}
}

void
migrate_lines(struct migrating *m, const struct source *source, const struct blocks *list)
{
	struct lines l = { .m = m, .source = source, .list = list };
	size_t mark = text_mark_len(source->text, source->len);
	const char *at = source->text + mark, *stop = source->text + source->len;

	if (mark > 0)
		migrate_note(m, &(struct place){ source, 1, 1 },
		    "the file begins with a byte order mark, which is left out; xinetd loses its first entry over it");
	while (at < stop) {
		const char *end = memchr(at, '\n', (size_t)(stop - at));

		l.start = at;
		l.number++;
		l.end = end != NULL ? end : stop;
		at = end != NULL ? end + 1 : stop;
		while (l.end > l.start && (is_space(l.end[-1]) || l.end[-1] == '\r'))
			l.end--;
		l.line = skip_space(l.start, l.end);
		check_line(&l);
	}
}
