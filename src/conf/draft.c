/* SPDX-License-Identifier: MIT */
#include "conf/draft.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/unsupported.h"

void
draft_init(struct draft *d, const struct load_options *options)
{
	*d = (struct draft){ .options = options };
	d->own = mem_array(attr_count, sizeof(*d->own));
	d->broken = mem_array(attr_count, sizeof(*d->broken));
	d->lacks = mem_array(unsupported_count, sizeof(*d->lacks));
}

void
draft_done(struct draft *d)
{
	free(d->own);
	free(d->broken);
	free(d->lacks);
}

static size_t
index_at(size_t offset)
{
	size_t i = 0;

	while (attr_is_global(&attrs[i]) || attrs[i].offset != offset)
		i++;
	return i;
}

const struct place *
draft_place(const struct draft *d, size_t offset)
{
	const struct place *place = places_at(&d->conf->places, index_at(offset));

	if (place->source != NULL)
		return place;
	return d->block->title.text != NULL ? &d->block->title.place : &d->block->place;
}

size_t
draft_piece_len(const char *text)
{
	size_t depth = 0, len = 0;

	for (; text[len] != '\0' && (text[len] != ',' || depth > 0); len++) {
		depth += text[len] == '{';
		depth -= text[len] == '}' && depth > 0;
	}
	return len;
}

/* A word may stand among others, with commas between them, and an address in brackets. */
static bool
holds_word(const char *text, const char *word)
{
	size_t len, word_len = strlen(word);

	for (;; text += len + 1) {
		len = draft_piece_len(text);
		if (len == word_len && memcmp(text, word, len) == 0)
			return true;
		if (len == word_len + 2 && *text == '[' && memcmp(text + 1, word, word_len) == 0)
			return true;
		if (text[len] == '\0')
			return false;
	}
}

const struct place *
draft_word_place(const struct draft *d, size_t offset, const char *word)
{
	const struct attr *a = &attrs[index_at(offset)];

	for (size_t i = 0; i < d->block->count; i++) {
		const struct setting *s = &d->block->settings[i];

		for (size_t k = 0; s->attr == a && k < s->count; k++)
			if (holds_word(s->words[k].text, word))
				return &s->words[k].place;
	}
	return draft_place(d, offset);
}

bool
draft_is_given(const struct draft *d, size_t offset)
{
	return places_at(&d->conf->places, index_at(offset))->source != NULL;
}

bool
draft_is_own(const struct draft *d, size_t offset)
{
	return d->own[index_at(offset)];
}

bool
draft_is_broken(const struct draft *d, size_t offset)
{
	return d->broken[index_at(offset)];
}

void
draft_break(struct draft *d, size_t offset)
{
	d->broken[index_at(offset)] = true;
}

bool
draft_is_inherited(const struct draft *d)
{
	return d->options->lookup->is_inherited != NULL &&
	       d->options->lookup->is_inherited(d->conf->id, d->conf->socket_type);
}
