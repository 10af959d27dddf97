/* SPDX-License-Identifier: MIT */
#include "conf/block.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "conf/foreign.h"
#include "conf/lexeme.h"
#include "conf/scan.h"
#include "conf/value.h"

/* Of a word that is quoted in a message, so many bytes are shown. */
#define SHOWN_BYTES 60

static int
shown(const char *from, const char *to)
{
	return to - from > SHOWN_BYTES ? SHOWN_BYTES : (int)(to - from);
}

/* What to call a block in a message. The caller frees it. */
static char *
block_label(const struct block *b)
{
	if (b->kind == BLOCK_DEFAULTS)
		return mem_dup("defaults");
	return mem_format("service %.*s", SHOWN_BYTES, b->title.text);
}

static bool
is_true(const char *text)
{
	static const char *const words[] = { "yes", "true", "on", "1" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(words[i], text) == 0)
			return true;
	return false;
}

/* As everywhere, the first disable that has a value counts. */
static bool
says_disabled(const struct block *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct setting *set = &b->settings[i];

		if (set->attr != NULL && strcmp(set->attr->name, "disable") == 0 && set->count > 0)
			return is_true(set->words[0].text);
	}
	return false;
}

/* True if the line before ends in a backslash, which was perhaps meant to join this one to it. */
static bool
follows_backslash(const struct scan *s)
{
	const char *end = s->line_start;

	if (end - s->source->text < 2)
		return false;
	end -= end[-2] == '\r' && end - s->source->text > 2 ? 3 : 2;
	return *end == '\\';
}

static void
refuse_setting(struct scan *s, const char *from, const char *name_end)
{
	struct place place = scan_place(s, from);
	const char *to = word_end_at(s, from);

	scan_error(s, SCAN_SOFT, &place, "'%.*s' is no setting: %s", shown(from, to), from,
	    follows_backslash(s) ? "a backslash does not continue the line before"
				 : "write attribute = value (or += or -=)");
	s->at = name_end;
	scan_blanks(s);
	if (name_end != from && scan_sees(s, s->at, '{'))
		foreign_skip(s);
	else
		value_drop_line(s);
}

static void
setting_done(struct setting *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->words[i].text);
	free(set->words);
	free(set->name.text);
}

/* False, and an error, if the name holds a character that no name has: one that nobody sees would
 * make the setting an unknown one, which is left out. */
static bool
check_name(struct scan *s, const char *from, const char *to)
{
	const char *bad = bad_name_byte(from, to);
	char shown_bytes[32] = "";
	size_t len = 0;

	if (bad == NULL)
		return true;
	/* Control characters were told already. */
	if ((unsigned char)*bad < 0x20 || *bad == 0x7f)
		return false;
	struct place place = scan_place(s, bad);

	if (isprint((unsigned char)*bad))
		snprintf(shown_bytes, sizeof(shown_bytes), "'%c'", *bad);
	else
		do {
			len += (size_t)snprintf(shown_bytes + len, sizeof(shown_bytes) - len,
			    "\\x%02x", (unsigned char)*bad++);
		} while (bad < to && byte_continues(*bad) && len + 5 < sizeof(shown_bytes));
	scan_error(s, SCAN_SOFT, &place,
	    "the character %s in the name of an attribute: only letters, digits, _ and - can be there",
	    shown_bytes);
	return false;
}

static void
read_setting(struct scan *s, struct block *b, unsigned open_line)
{
	const char *from = s->at, *name_end = name_end_at(s, from), *behind;
	struct setting set = { 0 };

	behind = name_end == from ? NULL : operator_at(s, name_end, &set.op);
	if (behind == NULL) {
		refuse_setting(s, from, name_end);
		return;
	}
	s->at = behind;
	if (!word_take(s, &set.name, from, name_end)) {
		value_drop_line(s);
		return;
	}
	bool is_name = check_name(s, from, name_end);

	set.attr = attr_find(set.name.text);
	value_read(s, &set, s->line == open_line);
	if (!is_name) {
		setting_done(&set);
		return;
	}
	b->settings = room_for_one(b->settings, b->count, sizeof(*b->settings));
	b->settings[b->count++] = set;
}

/* At the end of the file nothing is left to point at but the beginning of the block. */
static void
report_unclosed(struct scan *s, const struct block *b, bool is_end)
{
	char *label = block_label(b);
	struct place place = is_end ? b->place : scan_place(s, s->at);

	if (is_end)
		scan_error(
		    s, SCAN_HARD, &place, "missing } of %s before the end of the file", label);
	else
		scan_error(s, SCAN_HARD, &place, "missing } of %s opened at line %u", label,
		    b->place.line);
	free(label);
}

/* From behind the opening brace to behind the closing one. */
static void
read_body(struct scan *s, struct block *b, unsigned open_line)
{
	unsigned long depth = 0, extra = 0;
	enum block_kind kind;
	const char *end;

	while (scan_gap(s)) {
		if (*s->at == '}') {
			s->at++;
			if (depth == 0)
				return;
			depth--;
		} else if (*s->at == '{') {
			struct place place = scan_place(s, s->at++);

			if (extra++ == 0)
				scan_error(s, SCAN_HARD, &place,
				    "unexpected {: the block is open already");
			depth++;
		} else if (keyword_at(s, s->at, &kind, &end)) {
			report_unclosed(s, b, false);
			return;
		} else {
			read_setting(s, b, open_line);
		}
	}
	/* Where reading was cut the error was told there. */
	if (!s->is_cut)
		report_unclosed(s, b, true);
	s->is_damaged = true;
}

static void
warn_of_rest(struct scan *s, const char *what)
{
	scan_blanks(s);
	if (scan_at_line_end(s) || *s->at == '{' || *s->at == '}' || line_comment_at(s, s->at) ||
	    long_comment_at(s, s->at))
		return;
	scan_remark(s, SEVERITY_WARNING, s->at, "what follows %s is ignored", what);
	while (!scan_at_line_end(s) && *s->at != '{' && *s->at != '}') {
		s->at = word_end_at(s, s->at);
		scan_blanks(s);
	}
}

/* A title: a quoted string, or a word that ends before one of these characters too. False if there
 * is none. */
static bool
read_title(struct scan *s, struct word *out, const char *ends)
{
	if (quote_at(s, s->at)) {
		const char *quote = s->at;
		bool is_read = word_take_quoted(s, out);

		if (!is_read && s->at == quote)
			s->at = s->line_end;
		return is_read && out->text[0] != '\0';
	}
	const char *from = s->at, *end = word_end_at(s, from);

	/* A name in braces is a placeholder that somebody forgot to fill in. */
	if (*from == '{' && end - from > 2 && end[-1] == '}')
		s->at = end;
	while (s->at < end && strchr(ends, *s->at) == NULL)
		s->at++;
	return s->at != from && word_take(s, out, from, s->at);
}

/* The opening brace, on this line or a later one. False if the body is not there at all. */
static bool
open_body(struct scan *s, const struct block *b)
{
	bool has_more = scan_gap(s);
	enum setting_op op;

	if (has_more && *s->at == '{') {
		s->at++;
		return true;
	}
	s->is_damaged = true;
	if (s->is_cut)
		return false;
	char *label = block_label(b);

	scan_error(s, SCAN_HARD, &b->place, "%s has no {", label);
	free(label);
	const char *end = has_more ? name_end_at(s, s->at) : s->at;

	return has_more && end != s->at && operator_at(s, end, &op) != NULL;
}

/* The block is valid until the next one is added. */
static struct block *
add_block(struct blocks *out, enum block_kind kind, const struct place *place)
{
	out->item = room_for_one(out->item, out->count, sizeof(*out->item));
	out->item[out->count] = (struct block){ .kind = kind, .place = *place };
	return &out->item[out->count++];
}

static void
read_block(struct scan *s, struct block *b)
{
	s->is_damaged = false;
	scan_blanks(s);
	if (b->kind == BLOCK_SERVICE &&
	    (line_comment_at(s, s->at) || !read_title(s, &b->title, "{}"))) {
		if (!s->is_damaged)
			scan_error(s, SCAN_HARD, &b->place,
			    "a service without a name: write service NAME");
		if (b->title.text == NULL)
			b->title = (struct word){ mem_dup(""), b->place };
	}
	warn_of_rest(s, b->kind == BLOCK_SERVICE ? "the name of the service" : "defaults");
	if (open_body(s, b))
		read_body(s, b, s->line);
	b->is_damaged = s->is_damaged;
	b->is_disabled = says_disabled(b);
	scan_judge(s, b->is_disabled);
}

/* include FILE, include "FILE", include("FILE"); includedir likewise. */
static void
read_include(struct scan *s, struct blocks *out, enum block_kind kind, const struct place *place)
{
	const char *keyword = kind == BLOCK_INCLUDE ? "include" : "includedir";
	struct word title = { 0 };

	s->is_damaged = false;
	scan_blanks(s);
	bool is_call = scan_sees(s, s->at, '(');

	if (is_call)
		s->at++;
	scan_blanks(s);
	if (!read_title(s, &title, is_call ? ")" : "")) {
		if (!s->is_damaged)
			scan_error(s, SCAN_HARD, place, "%s without a path: write %s \"PATH\"",
			    keyword, keyword);
		free(title.text);
		out->misses = true;
		scan_judge(s, false);
		return;
	}
	scan_blanks(s);
	if (is_call && scan_sees(s, s->at, ')'))
		s->at++;
	else if (is_call)
		scan_error(s, SCAN_HARD, &title.place, "missing ) behind the path");
	warn_of_rest(s, "the path");
	struct block *b = add_block(out, kind, place);

	b->title = title;
	b->is_damaged = s->is_damaged;
	scan_judge(s, false);
}

/* The keyword that the first letters of a word are near to, or NULL. */
static const char *
nearest_keyword(const char *word)
{
	static const char *const names[] = { "service", "defaults", "include", "includedir" };
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
	const char *from = word + strcspn(word, letters);
	char *name = mem_dupn(from, strspn(from, letters));
	const char *nearest = nearest_name(name, names, ARRAY_LEN(names));

	free(name);
	return nearest;
}

/* A setting behind a brace too many belonged to the block before, which must not do without it. */
static void
damage_last(struct blocks *out)
{
	for (size_t i = out->count; i > 0; i--) {
		struct block *b = &out->item[i - 1];

		if (b->kind == BLOCK_SERVICE || b->kind == BLOCK_DEFAULTS) {
			b->is_damaged = true;
			return;
		}
	}
}

static void
refuse_top(struct scan *s, struct blocks *out)
{
	struct place place = scan_place(s, s->at);
	const char *to = word_end_at(s, s->at);
	char *word = mem_dupn(s->at, (size_t)shown(s->at, to));
	const char *nearest = nearest_keyword(word);

	out->misses = out->misses || (nearest != NULL && strcmp(nearest, "service") != 0);
	if (nearest == NULL && likely_setting_at(s, s->at)) {
		damage_last(out);
		scan_error(s, SCAN_HARD, &place,
		    "a setting outside of a block: is there a } too many before it?");
	} else if (*s->at == '{') {
		scan_error(s, SCAN_HARD, &place, "a { without service or defaults before it");
	} else if (nearest != NULL) {
		scan_error(
		    s, SCAN_HARD, &place, "'%s' begins no block; did you mean %s?", word, nearest);
	} else {
		scan_error(s, SCAN_HARD, &place,
		    "'%s' begins no block: service, defaults, include or includedir is expected (an inetd.conf is read with --inetd)",
		    word);
	}
	free(word);
	foreign_skip(s);
}

void
blocks_read(struct blocks *out, const struct source *source, struct problems *problems)
{
	struct scan s;
	enum block_kind kind;
	const char *end;

	*out = (struct blocks){ 0 };
	scan_init(&s, source, problems);
	while (scan_gap(&s)) {
		struct place place = scan_place(&s, s.at);

		if (*s.at == '}') {
			scan_error(&s, SCAN_HARD, &place, "a } that closes nothing");
			while (scan_sees(&s, s.at, '}'))
				s.at++;
		} else if (!keyword_at(&s, s.at, &kind, &end)) {
			refuse_top(&s, out);
		} else {
			s.at = end;
			if (kind == BLOCK_INCLUDE || kind == BLOCK_INCLUDEDIR)
				read_include(&s, out, kind, &place);
			else
				read_block(&s, add_block(out, kind, &place));
		}
	}
	out->is_cut = s.is_cut;
}

void
blocks_done(struct blocks *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct block *block = &b->item[i];

		for (size_t j = 0; j < block->count; j++)
			setting_done(&block->settings[j]);
		free(block->settings);
		free(block->title.text);
	}
	free(b->item);
	*b = (struct blocks){ 0 };
}
