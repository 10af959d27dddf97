/* SPDX-License-Identifier: MIT */
/* Where each attribute of a service got its value. Few of all attributes are given, so only those take room. */
#ifndef CONF_PLACES_H
#define CONF_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "conf/problem.h"

/* More attributes than there are. */
#define PLACES_MOST 128

/* All zero: no attribute was given. */
struct attr_places {
	uint64_t given[PLACES_MOST / 64]; /* a bit for each attribute that has a place */
	struct place *item;               /* theirs, in the order of the attributes */
};

/* That of the attribute with this number; without a source: it was not given. Valid until the next change. */
const struct place *places_at(const struct attr_places *p, size_t number);
/* A place without a source takes away what there was. */
void places_set(struct attr_places *p, size_t number, struct place place);
void places_copy(struct attr_places *to, const struct attr_places *from); /* to is emptied first */
void places_done(struct attr_places *p);                                  /* leaves it empty */

#endif
