/* SPDX-License-Identifier: MIT */
/* A list of strings that owns them. */
#ifndef BASE_STRINGS_H
#define BASE_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

struct strings {
	char **item; /* count strings, then NULL: usable as argv; NULL while empty */
	unsigned count;
	bool is_packed; /* all of it is one block, see strings_pack */
};

void strings_add(struct strings *s, const char *text); /* copies */
void strings_take(struct strings *s, char *text);      /* keeps; the list frees it */
bool strings_del(struct strings *s, const char *text); /* every equal one; true if there was one */
bool strings_has(const struct strings *s, const char *text);
bool strings_equal(const struct strings *a, const struct strings *b);
void strings_copy(struct strings *to, const struct strings *from); /* to is emptied first */
/* From now on it takes no more memory than it must; it can be changed as before. */
void strings_pack(struct strings *s);
void strings_done(struct strings *s); /* leaves it empty */

#endif
