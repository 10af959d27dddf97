/* SPDX-License-Identifier: MIT */
#include "launch/fill.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/template.h"

/* One word; its pieces are found again each time, which is as fast as to remember them. */
struct fill {
	struct fill *next;
	char *source;
	size_t fixed; /* bytes at its beginning that stay */
	char place[]; /* room for the longest values */
};

/* With its NUL. */
static size_t
longest(const char *text, size_t fixed)
{
	struct template_piece piece;
	size_t size = fixed + 1;

	for (const char *at = text + fixed; template_next(&at, &piece);)
		size += piece.name != NULL ? TEMPLATE_VALUE_SIZE : piece.len;
	return size;
}

char *
fill_add(struct fill **list, const char *text, bool is_variable)
{
	const size_t fixed = is_variable ? strcspn(text, "=") : 0;
	struct fill *f;

	if (!template_changes(text + fixed))
		return NULL;
	f = mem_alloc(sizeof(*f) + longest(text, fixed));
	f->source = mem_dup(text);
	f->fixed = fixed;
	f->next = *list;
	*list = f;
	fill_all(f, (char *[]){ NULL });
	return f->place;
}

static const char *
value_of(char *const *variables, const char *name)
{
	const size_t len = strlen(name);

	for (; *variables != NULL; variables++)
		if (strncmp(*variables, name, len) == 0 && (*variables)[len] == '=')
			return *variables + len + 1;
	return "";
}

static void
fill_one(struct fill *f, char *const *variables)
{
	struct template_piece piece;
	char *to = (char *)mempcpy(f->place, f->source, f->fixed);

	for (const char *at = f->source + f->fixed; template_next(&at, &piece);) {
		const char *text = piece.text;
		size_t len = piece.len;

		if (piece.name != NULL) {
			text = value_of(variables, piece.name->variable);
			len = strnlen(text, TEMPLATE_VALUE_SIZE);
		}
		to = (char *)mempcpy(to, text, len);
	}
	*to = '\0';
}

void
fill_all(struct fill *list, char *const *variables)
{
	for (struct fill *f = list; f != NULL; f = f->next)
		fill_one(f, variables);
}

const char *
fill_source(const struct fill *list, const char *word)
{
	for (const struct fill *f = list; f != NULL; f = f->next)
		if (f->place == word)
			return f->source;
	return NULL;
}

void
fill_free(struct fill *list)
{
	while (list != NULL) {
		struct fill *next = list->next;

		free(list->source);
		free(list);
		list = next;
	}
}
