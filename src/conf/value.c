/* SPDX-License-Identifier: MIT */
#include "conf/value.h"

#include <stdlib.h>
#include <string.h>

#include "conf/lexeme.h"

/* How the words of a value in xinetd's spelling end. */
struct plain {
	bool is_raw; /* # and the long comment are words */
	bool is_one_line;
	bool has_hash; /* notes already given for this value */
	bool has_quote;
	bool has_setting; /* the error was given for this value */
};

static void
add_word(struct setting *set, const struct word *word)
{
	set->words = room_for_one(set->words, set->count, sizeof(*set->words));
	set->words[set->count++] = *word;
}

void
value_drop_line(struct scan *s)
{
	const char *last = s->line_end;

	while (last > s->at && is_blank(last[-1]))
		last--;
	if (last - s->at >= 2 && last[-1] == '}' && is_blank(last[-2]))
		s->at = last - 1;
	else
		s->at = s->line_end;
}

/* A name, a blank and an operator: on one line with the whole block that is the next setting, known
 * or misspelt. The blank may be missing behind a likely name. */
static bool
assignment_at(const struct scan *s, const char *at)
{
	const char *end = at;
	enum setting_op op;

	while (end < s->line_end &&
	       ((*end >= 'a' && *end <= 'z') || (*end >= 'A' && *end <= 'Z') || *end == '_'))
		end++;
	if (end == at || end >= s->line_end || operator_at(s, end, &op) == NULL)
		return false;
	return is_blank(*end) || likely_setting_at(s, at);
}

/* True at what belongs to the block again and not to the value. */
static bool
value_ends_at(const struct scan *s, const char *at, const struct plain *p)
{
	if (at >= s->line_end)
		return true;
	if (p->is_raw && !p->is_one_line)
		return false;
	return closing_brace_at(s, at) || setting_at(s, at, p->is_raw) ||
	       (p->is_one_line && !p->is_raw && assignment_at(s, at));
}

/* Skips a comment where a word could begin; false if there is none. */
static bool
skip_comment(struct scan *s, struct plain *p, const struct setting *set)
{
	bool is_hash = *s->at == '#';
	bool is_long = long_comment_at(s, s->at);

	if (p->is_raw && is_hash && !p->has_hash) {
		p->has_hash = true;
		scan_remark(s, SEVERITY_NOTE, s->at,
		    "this is no comment here: # and what follows is part of %s, as in xinetd",
		    set->name.text);
	}
	if (p->is_raw && (is_hash || is_long))
		return false;
	const char *at = s->at;

	if (!scan_comment(s))
		return false;
	if (is_long)
		return true;
	if (p->is_raw)
		scan_remark(s, SEVERITY_NOTE, at,
		    "taken as a comment and not as part of %s; xinetd takes it as part",
		    set->name.text);
	else if (!s->has_comment_note)
		scan_remark(s, SEVERITY_NOTE, at,
		    "a comment behind a value; xinetd takes its words as values (said once a file)");
	s->has_comment_note = s->has_comment_note || !p->is_raw;
	return true;
}

/* A word without quotes around it, or with: then they go. Quotes have no other meaning, which is
 * worth a note. */
static void
take_plain_word(struct scan *s, struct setting *set, struct plain *p)
{
	const char *from = s->at, *end = word_end_at(s, from), *to = end;
	bool is_quoted = quote_at(s, from) && to - from >= 2 && to[-1] == *from;
	bool has_quote = memchr(from, '"', (size_t)(to - from)) != NULL || quote_at(s, from);
	struct word word;

	s->at = end;
	if (is_quoted) {
		from++;
		to--;
	}
	if (!word_take(s, &word, from, to))
		return;
	add_word(set, &word);
	if (!has_quote || p->has_quote)
		return;
	p->has_quote = true;
	if (is_quoted)
		scan_remark(s, SEVERITY_NOTE, from,
		    "the quotes around this word are taken off; xinetd keeps them");
	else
		scan_remark(s, SEVERITY_NOTE, from,
		    "quotes are part of this word and join nothing, as in xinetd; "
		    "to join words write {\"one two\", \"three\"}");
}

/* On one line with the whole block, a value that takes all that follows could swallow a setting
 * that restricts. */
static void
mind_setting(struct scan *s, const struct setting *set, struct plain *p)
{
	if (!p->is_raw || !p->is_one_line || p->has_setting || !likely_setting_at(s, s->at))
		return;
	p->has_setting = true;
	struct place place = scan_place(s, s->at);

	scan_error(s, SCAN_SOFT, &place,
	    "is this a setting, or part of %s? write %s = {\"WORD\", \"WORD\"}, or each setting on "
	    "a line of its own",
	    set->name.text, set->name.text);
}

static void
read_plain(struct scan *s, struct setting *set, struct plain *p)
{
	unsigned line = s->line;

	for (;;) {
		scan_blanks(s);
		if (s->line != line || value_ends_at(s, s->at, p))
			return;
		if (skip_comment(s, p, set))
			continue;
		mind_setting(s, set, p);
		take_plain_word(s, set, p);
		if (!p->is_raw && s->at == s->line_end && s->at[-1] == '\\')
			scan_remark(s, SEVERITY_WARNING, s->at - 1,
			    "a backslash does not continue a line: write one line, or a {list}");
	}
}

enum quoting { QUOTED_WHOLLY, QUOTED_PARTLY, QUOTE_OPEN };

/* Of a value that begins with a quote: is it nothing but quoted strings, with blanks or commas
 * between? */
static enum quoting
quoting_at(const struct scan *s, const char *at, const struct plain *p)
{
	while (quote_at(s, at)) {
		at = quoted_end_at(s, at);
		if (at == NULL)
			return QUOTE_OPEN;
		const char *behind = at;

		while (at < s->line_end && (is_blank(*at) || *at == ','))
			at++;
		if (value_ends_at(s, at, p))
			return QUOTED_WHOLLY;
		if (at == behind)
			return QUOTED_PARTLY;
	}
	return line_comment_at(s, at) || long_comment_at(s, at) ? QUOTED_WHOLLY : QUOTED_PARTLY;
}

static void
read_quoted(struct scan *s, struct setting *set)
{
	struct word word;

	while (quote_at(s, s->at)) {
		const char *quote = s->at;

		if (word_take_quoted(s, &word))
			add_word(set, &word);
		else if (s->at == quote)
			value_drop_line(s);
		while (!scan_at_line_end(s) && (is_blank(*s->at) || *s->at == ','))
			s->at++;
	}
	if (set->attr != NULL && set->attr->type->is_raw && scan_sees(s, s->at, '#'))
		scan_remark(
		    s, SEVERITY_NOTE, s->at, "taken as a comment, since the value is in quotes");
}

/* An item of a list without quotes. Braces inside it pair: 10.0.0.{1,2} is one item. */
static const char *
item_end_at(const struct scan *s, const char *at)
{
	unsigned depth = 0;

	for (; at < s->line_end && !is_blank(*at); at++) {
		if (*at == '{')
			depth++;
		else if (depth == 0 && (*at == '}' || *at == ','))
			break;
		else if (*at == '}')
			depth--;
	}
	return at;
}

/* One item of a list. False if the list ends here: a quote was open, and the dropped rest of the
 * line held its brace. */
static bool
take_item(struct scan *s, struct setting *set)
{
	struct word word;

	if (quote_at(s, s->at)) {
		const char *quote = s->at;

		if (word_take_quoted(s, &word)) {
			add_word(set, &word);
		} else if (s->at == quote) {
			s->at = s->line_end;
			return memchr(quote, '}', (size_t)(s->line_end - quote)) == NULL;
		}
		return true;
	}
	const char *from = s->at;

	s->at = item_end_at(s, from);
	if (word_take(s, &word, from, s->at))
		add_word(set, &word);
	return true;
}

/* Lists in a list are an error; how many are open, and whether it was told. */
struct nesting {
	unsigned long depth;
	bool is_told;
};

/* One item, comma or brace. False if the list ends here. */
static bool
read_item(struct scan *s, struct setting *set, struct nesting *n)
{
	struct place place;

	switch (*s->at) {
	case ',':
		s->at++;
		return true;
	case '}':
		s->at++;
		return n->depth-- > 0;
	case '{':
		place = scan_place(s, s->at++);
		if (!n->is_told)
			scan_error(
			    s, SCAN_HARD, &place, "a list in a list: put the item in quotes");
		n->is_told = true;
		n->depth++;
		return true;
	default:
		return take_item(s, set);
	}
}

static bool
statement_at(const struct scan *s, const char *at)
{
	enum block_kind kind;
	const char *end;

	return setting_at(s, at, false) || keyword_at(s, at, &kind, &end);
}

static void
read_list(struct scan *s, struct setting *set)
{
	struct place open = scan_place(s, s->at++);
	unsigned long errors = s->errors;
	struct nesting nesting = { 0 };

	for (unsigned line = s->line; scan_gap(s); line = s->line) {
		if (s->line != line && statement_at(s, s->at)) {
			/* After an open quote the brace may be in what was dropped: one error is
			 * enough. */
			if (errors == s->errors)
				scan_error(s, SCAN_HARD, &open,
				    "this list is not closed before the next setting: "
				    "close it with }, or put the item in quotes");
			return;
		}
		if (!read_item(s, set, &nesting))
			return;
	}
	if (s->is_cut)
		return;
	scan_error(s, SCAN_HARD, &open, "this list is not closed: close it with }");
	s->is_cut = true;
}

void
value_read(struct scan *s, struct setting *set, bool is_one_line)
{
	struct plain plain = {
		.is_raw = set->attr != NULL && set->attr->type->is_raw,
		.is_one_line = is_one_line,
	};

	scan_blanks(s);
	if (scan_sees(s, s->at, '{')) {
		set->is_native = true;
		read_list(s, set);
		return;
	}
	if (quote_at(s, s->at) && quoting_at(s, s->at, &plain) != QUOTED_PARTLY) {
		set->is_native = true;
		read_quoted(s, set);
		return;
	}
	read_plain(s, set, &plain);
}
