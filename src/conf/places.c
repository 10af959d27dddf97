/* SPDX-License-Identifier: MIT */
#include "conf/places.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BITS 64u

static bool
has(const struct attr_places *p, size_t number)
{
	return (p->given[number / BITS] >> number % BITS & 1) != 0;
}

/* How many attributes before this one have a place. */
static size_t
count_before(const struct attr_places *p, size_t number)
{
	const uint64_t lower = p->given[number / BITS] & (((uint64_t)1 << number % BITS) - 1);
	size_t count = (size_t)__builtin_popcountll(lower);

	for (size_t i = 0; i < number / BITS; i++)
		count += (size_t)__builtin_popcountll(p->given[i]);
	return count;
}

static size_t
count_all(const struct attr_places *p)
{
	size_t count = 0;

	for (size_t i = 0; i < PLACES_MOST / BITS; i++)
		count += (size_t)__builtin_popcountll(p->given[i]);
	return count;
}

const struct place *
places_at(const struct attr_places *p, size_t number)
{
	static const struct place none = { 0 };

	return has(p, number) ? &p->item[count_before(p, number)] : &none;
}

static void
make_room(struct attr_places *p, size_t number, size_t at)
{
	size_t count = count_all(p);

	p->item = mem_grow(p->item, count + 1, sizeof(*p->item));
	memmove(&p->item[at + 1], &p->item[at], (count - at) * sizeof(*p->item));
	p->given[number / BITS] |= (uint64_t)1 << number % BITS;
}

static void
take_away(struct attr_places *p, size_t number, size_t at)
{
	size_t count = count_all(p);

	memmove(&p->item[at], &p->item[at + 1], (count - at - 1) * sizeof(*p->item));
	p->given[number / BITS] &= ~((uint64_t)1 << number % BITS);
}

void
places_set(struct attr_places *p, size_t number, struct place place)
{
	size_t at = count_before(p, number);

	if (place.source == NULL) {
		if (has(p, number))
			take_away(p, number, at);
		return;
	}
	if (!has(p, number))
		make_room(p, number, at);
	p->item[at] = place;
}

void
places_copy(struct attr_places *to, const struct attr_places *from)
{
	size_t count = count_all(from);

	places_done(to);
	if (count == 0)
		return;
	*to = *from;
	to->item = mem_array(count, sizeof(*to->item));
	memcpy(to->item, from->item, count * sizeof(*to->item));
}

void
places_done(struct attr_places *p)
{
	free(p->item);
	*p = (struct attr_places){ 0 };
}
