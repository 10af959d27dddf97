/* SPDX-License-Identifier: MIT */
#include "conf/lexeme.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/unsupported.h"

/* Longer than the name of any attribute. */
#define NAME_SIZE 64

static const char *const keywords[] = {
	[BLOCK_DEFAULTS] = "defaults",
	[BLOCK_SERVICE] = "service",
	[BLOCK_INCLUDE] = "include",
	[BLOCK_INCLUDEDIR] = "includedir",
};

static const char *
skip_blanks(const struct scan *s, const char *at)
{
	while (at < s->line_end && is_blank(*at))
		at++;
	return at;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
keyword_at(const struct scan *s, const char *at, enum block_kind *kind, const char **end)
{
	const char *to = at;
	enum setting_op op;

	while (to < s->line_end && is_letter(*to))
		to++;
	if (to < s->line_end && !is_blank(*to) && strchr("{(\"'#", *to) == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		size_t len = strlen(keywords[i]);

		if ((size_t)(to - at) != len || strncasecmp(at, keywords[i], len) != 0)
			continue;
		*kind = (enum block_kind)i;
		*end = to;
		return operator_at(s, to, &op) == NULL;
	}
	return false;
}

const char *
name_end_at(const struct scan *s, const char *at)
{
	for (; at < s->line_end && !is_blank(*at) && strchr("={}\"'", *at) == NULL; at++)
		if ((*at == '+' || *at == '-') && scan_sees(s, at + 1, '='))
			break;
	return at;
}

const char *
operator_at(const struct scan *s, const char *at, enum setting_op *op)
{
	at = skip_blanks(s, at);
	*op = SETTING_SET;
	if (at < s->line_end && (*at == '+' || *at == '-')) {
		*op = *at == '+' ? SETTING_ADD : SETTING_DEL;
		at++;
	}
	if (!scan_sees(s, at, '=') || scan_sees(s, at + 1, '='))
		return NULL;
	return at + 1;
}

bool
setting_at(const struct scan *s, const char *at, bool is_spaced)
{
	const char *end = name_end_at(s, at);
	char name[NAME_SIZE];
	enum setting_op op;

	if (end == at || (size_t)(end - at) >= sizeof(name))
		return false;
	if (operator_at(s, end, &op) == NULL || (is_spaced && !is_blank(*end)))
		return false;
	memcpy(name, at, (size_t)(end - at));
	name[end - at] = '\0';
	return attr_find(name) != NULL;
}

static bool
is_name_byte(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

const char *
bad_name_byte(const char *from, const char *to)
{
	for (; from < to; from++)
		if (!is_name_byte(*from))
			return from;
	return NULL;
}

bool
likely_setting_at(const struct scan *s, const char *at)
{
	const char *end = name_end_at(s, at);
	char name[NAME_SIZE];
	enum setting_op op;
	size_t len = 0;
	bool restricts;

	if (end == at || *at == '-' || (size_t)(end - at) >= sizeof(name) ||
	    operator_at(s, end, &op) == NULL)
		return false;
	/* Characters that nobody sees do not make it another name. */
	for (const char *c = at; c < end; c++) {
		if (is_name_byte(*c))
			name[len++] = *c;
		else if ((unsigned char)*c < 0x80)
			return false;
	}
	name[len] = '\0';
	if (attr_find(name) != NULL || unsupported_find(name) != NULL)
		return true;
	/* A variable of the environment, such as HOME, is no misspelt setting. */
	return strpbrk(name, "abcdefghijklmnopqrstuvwxyz") != NULL &&
	       unknown_guess(name, &restricts) != NULL;
}

bool
quote_at(const struct scan *s, const char *at)
{
	return scan_sees(s, at, '"') || scan_sees(s, at, '\'');
}

/* A backslash guards the quotes and itself, nothing else. */
static bool
escape_at(const char *at, const char *end)
{
	return *at == '\\' && at + 1 < end && (at[1] == '"' || at[1] == '\'' || at[1] == '\\');
}

const char *
quoted_end_at(const struct scan *s, const char *at)
{
	char quote = *at++;

	for (; at < s->line_end; at++) {
		if (escape_at(at, s->line_end))
			at++;
		else if (*at == quote)
			return at + 1;
	}
	return NULL;
}

const char *
word_end_at(const struct scan *s, const char *at)
{
	while (at < s->line_end && !is_blank(*at))
		at++;
	return at;
}

bool
closing_brace_at(const struct scan *s, const char *at)
{
	enum block_kind kind;

	if (!scan_sees(s, at, '}'))
		return false;
	while (scan_sees(s, at, '}'))
		at++;
	const char *after = skip_blanks(s, at);

	if (after >= s->line_end)
		return true;
	if (after == at)
		return false;
	return *after == '}' || line_comment_at(s, after) || long_comment_at(s, after) ||
	       keyword_at(s, after, &kind, &after);
}

/* Any control character but a tab, which can stand in a quoted word. */
static const char *
find_control(const char *from, const char *to)
{
	for (; from < to; from++)
		if (((unsigned char)*from < 0x20 && *from != '\t') || *from == 0x7f)
			return from;
	return NULL;
}

bool
word_take(struct scan *s, struct word *out, const char *from, const char *to)
{
	struct place place = scan_place(s, from);
	const char *control;

	if (to - from > WORD_MAX_BYTES) {
		scan_error(s, SCAN_SOFT, &place, "a word of %zu bytes is too long, %d are allowed",
		    (size_t)(to - from), WORD_MAX_BYTES);
		return false;
	}
	*out = (struct word){ mem_dupn(from, (size_t)(to - from)), place };
	control = find_control(from, to);
	if (control != NULL) {
		place = scan_place(s, control);
		scan_error(s, SCAN_SOFT, &place, "control character 0x%02x in a word: remove it",
		    (unsigned)(unsigned char)*control);
	}
	return true;
}

/* Takes the backslashes out in place. */
static void
unescape(char *text)
{
	const char *end = text + strlen(text);
	char *to = text;

	for (const char *c = text; c < end; c++) {
		if (escape_at(c, end))
			c++;
		*to++ = *c;
	}
	*to = '\0';
}

bool
word_take_quoted(struct scan *s, struct word *out)
{
	struct place place = scan_place(s, s->at);
	const char *from = s->at + 1, *end = quoted_end_at(s, s->at);

	if (end == NULL) {
		scan_error(s, SCAN_SOFT, &place,
		    "the quote is not closed on this line: close it, or write \\%c", *s->at);
		return false;
	}
	s->at = end;
	if (!word_take(s, out, from, end - 1))
		return false;
	out->place = place;
	unescape(out->text);
	return true;
}

void *
room_for_one(void *item, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return item;
	return mem_grow(item, count == 0 ? 1 : count * 2, size);
}
