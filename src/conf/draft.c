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
	const struct place *place = &d->conf->places[index_at(offset)];

	if (place->source != NULL)
		return place;
	return d->block->title.text != NULL ? &d->block->title.place : &d->block->place;
}

/* A word may stand among others, with commas between them. */
const struct place *
draft_word_place(const struct draft *d, size_t offset, const char *word)
{
	const struct attr *a = &attrs[index_at(offset)];

	for (size_t i = 0; i < d->block->count; i++) {
		const struct setting *s = &d->block->settings[i];

		for (size_t k = 0; s->attr == a && k < s->count; k++)
			if (strstr(s->words[k].text, word) != NULL)
				return &s->words[k].place;
	}
	return draft_place(d, offset);
}

bool
draft_is_given(const struct draft *d, size_t offset)
{
	return d->conf->places[index_at(offset)].source != NULL;
}

bool
draft_is_own(const struct draft *d, size_t offset)
{
	return d->own[index_at(offset)];
}
