/* SPDX-License-Identifier: MIT */
/* A service, or the defaults, while it is being loaded: what the rules and the lookups work on. */
#ifndef CONF_DRAFT_H
#define CONF_DRAFT_H

#include <stddef.h>

#include "conf/block.h"
#include "conf/config.h"
#include "conf/load_options.h"

struct draft {
	const struct load_options *options;
	const struct block *block;
	struct service_conf *conf;
	struct global_conf *global; /* of defaults; NULL for a service */
	struct problems *problems;
	bool *own;    /* attr_count: given in this very block */
	bool *broken; /* attr_count: given here or in defaults, and refused */
	bool has_gap; /* something that would restrict could not be read, here or in defaults */
	bool *lacks;  /* unsupported_count: asked for here or in defaults, and not supported */
	const struct service_conf *served; /* the latest whose program was there; NULL: none yet */
	struct access_cache *cache; /* of this load; borrowed, NULL where nothing is looked up */
};

void draft_init(struct draft *d, const struct load_options *options);
void draft_done(struct draft *d);

/* The length of the first word in text, which ends before a comma that stands in no braces. */
size_t draft_piece_len(const char *text);

/* The place of an attribute's value; of the service's name if the attribute was not given. */
const struct place *draft_place(const struct draft *d, size_t offset);
/* The place of one word of a list; of the list if the word is not of this block. */
const struct place *draft_word_place(const struct draft *d, size_t offset, const char *word);
bool draft_is_given(
    const struct draft *d, size_t offset); /* here or in defaults, be it with a bad value */
bool draft_is_own(const struct draft *d, size_t offset); /* here */

bool draft_is_broken(const struct draft *d, size_t offset);
/* What was read by itself is refused for what it came to. */
void draft_break(struct draft *d, size_t offset);
/* A socket for this id was handed over: it needs no address. */
bool draft_is_inherited(const struct draft *d);

#define PLACE(d, field) draft_place((d), offsetof(struct service_conf, field))
#define WORD_PLACE(d, field, word) \
 draft_word_place((d), offsetof(struct service_conf, field), (word))
#define IS_GIVEN(d, field)  draft_is_given((d), offsetof(struct service_conf, field))
#define IS_OWN(d, field)    draft_is_own((d), offsetof(struct service_conf, field))
#define IS_BROKEN(d, field) draft_is_broken((d), offsetof(struct service_conf, field))

/* An error of the text, one of the surroundings, a warning and a note, at a place of the draft. */
#define TEXT_ERROR(d, place, ...) \
 problem_add((d)->problems, SEVERITY_ERROR, CAUSE_TEXT, (place), __VA_ARGS__)
#define MISSING_ERROR(d, place, ...) \
 problem_add((d)->problems, SEVERITY_ERROR, CAUSE_SURROUNDINGS, (place), __VA_ARGS__)
#define WARNING(d, place, ...) \
 problem_add((d)->problems, SEVERITY_WARNING, CAUSE_TEXT, (place), __VA_ARGS__)
#define NOTE(d, place, ...) \
 problem_add((d)->problems, SEVERITY_NOTE, CAUSE_TEXT, (place), __VA_ARGS__)

#endif
