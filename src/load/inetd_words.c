/* SPDX-License-Identifier: MIT */
#include "load/inetd_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/lexeme.h"

static void
add_word(struct inetd_words *list, const struct word *w)
{
	list->item = room_for_one(list->item, list->count, sizeof(*list->item));
	list->item[list->count++] = *w;
}

/* A quote at the beginning of a word joins what stands up to the next one. */
static bool
is_quoted(const struct scan *s)
{
	const char *end = quote_at(s, s->at) ? quoted_end_at(s, s->at) : NULL;

	return end != NULL && (end >= s->line_end || is_blank(*end));
}

void
inetd_words_take(struct inetd_words *list, struct scan *s)
{
	for (scan_blanks(s); !scan_at_line_end(s); scan_blanks(s)) {
		const char *from = s->at, *to = word_end_at(s, from);
		struct word w;

		if (list->count > INETD_PROGRAM && *from == '#')
			scan_remark(s, SEVERITY_NOTE, from,
			    "this is no comment here: # and what follows are arguments of the program");
		if (is_quoted(s)) {
			if (word_take_quoted(s, &w))
				add_word(list, &w);
			continue;
		}
		if (quote_at(s, from))
			scan_remark(s, SEVERITY_WARNING, from,
			    "this quote does not stand around a word, and is part of it");
		s->at = to;
		if (word_take(s, &w, from, to))
			add_word(list, &w);
	}
}

void
inetd_words_done(struct inetd_words *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i].text);
	free(list->item);
	*list = (struct inetd_words){ 0 };
}

struct word
inetd_part(const struct word *w, size_t offset, size_t len)
{
	struct word part = { mem_dupn(w->text + offset, len), w->place };

	for (size_t i = 0; i < offset; i++)
		part.place.column += !byte_continues(w->text[i]);
	return part;
}

void
inetd_addresses_take(struct inetd_words *list, const struct word *w, size_t len)
{
	for (size_t from = 0; from < len;) {
		const char *comma = memchr(w->text + from, ',', len - from);
		size_t end = comma != NULL ? (size_t)(comma - w->text) : len;
		bool has_brackets =
		    end - from > 2 && w->text[from] == '[' && w->text[end - 1] == ']';
		struct word part =
		    inetd_part(w, from + has_brackets, end - from - (has_brackets ? 2 : 0));

		if (end == from || strcmp(part.text, "*") == 0)
			free(part.text);
		else
			add_word(list, &part);
		from = end + 1;
	}
}

static struct setting *
add_setting(struct block *b, const char *name, const struct place *place)
{
	b->settings = room_for_one(b->settings, b->count, sizeof(*b->settings));
	struct setting *set = &b->settings[b->count++];

	*set = (struct setting){
		.attr = attr_find(name), .name = { mem_dup(name), *place }, .is_native = true
	};
	return set;
}

void
inetd_add(struct setting *set, const char *text, const struct place *place)
{
	set->words = room_for_one(set->words, set->count, sizeof(*set->words));
	set->words[set->count++] = (struct word){ mem_dup(text), *place };
}

struct setting *
inetd_find(const struct block *b, const char *name)
{
	for (size_t i = 0; i < b->count; i++)
		if (strcmp(b->settings[i].name.text, name) == 0)
			return &b->settings[i];
	return NULL;
}

struct setting *
inetd_set(struct block *b, const char *name, const struct place *place, const char *text)
{
	struct setting *set = add_setting(b, name, place);

	if (text != NULL)
		inetd_add(set, text, place);
	return set;
}
