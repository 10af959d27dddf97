/* SPDX-License-Identifier: MIT */
#include "base/strings.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Each string is on its own again. */
static void
unpack(struct strings *s)
{
	char **block = s->item;

	if (!s->is_packed)
		return;
	s->item = mem_array((size_t)s->count + 1, sizeof(*s->item));
	for (size_t i = 0; i < s->count; i++)
		s->item[i] = mem_dup(block[i]);
	s->is_packed = false;
	free(block);
}

void
strings_take(struct strings *s, char *text)
{
	unpack(s);
	s->item = mem_grow(s->item, (size_t)s->count + 2, sizeof(*s->item));
	s->item[s->count++] = text;
	s->item[s->count] = NULL;
}

void
strings_add(struct strings *s, const char *text)
{
	strings_take(s, mem_dup(text));
}

bool
strings_del(struct strings *s, const char *text)
{
	unsigned kept = 0, before = s->count;

	unpack(s);
	for (size_t i = 0; i < before; i++) {
		if (strcmp(s->item[i], text) == 0)
			free(s->item[i]);
		else
			s->item[kept++] = s->item[i];
	}
	s->count = kept;
	if (s->item != NULL)
		s->item[kept] = NULL;
	return kept != before;
}

bool
strings_has(const struct strings *s, const char *text)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->item[i], text) == 0)
			return true;
	return false;
}

bool
strings_equal(const struct strings *a, const struct strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->item[i], b->item[i]) != 0)
			return false;
	return true;
}

void
strings_copy(struct strings *to, const struct strings *from)
{
	strings_done(to);
	for (size_t i = 0; i < from->count; i++)
		strings_add(to, from->item[i]);
}

void
strings_pack(struct strings *s)
{
	const size_t pointers = ((size_t)s->count + 1) * sizeof(*s->item);
	size_t bytes = 0;
	char **block, *at;

	if (s->is_packed || s->count == 0)
		return;
	for (size_t i = 0; i < s->count; i++)
		bytes += strlen(s->item[i]) + 1;
	block = mem_alloc(pointers + bytes);
	at = (char *)block + pointers;
	for (size_t i = 0; i < s->count; i++) {
		block[i] = at;
		at = stpcpy(at, s->item[i]) + 1;
	}
	for (size_t i = 0; i < s->count; i++)
		free(s->item[i]);
	free(s->item);
	s->item = block;
	s->is_packed = true;
}

void
strings_done(struct strings *s)
{
	for (size_t i = 0; !s->is_packed && i < s->count; i++)
		free(s->item[i]);
	free(s->item);
	*s = (struct strings){ 0 };
}
