/* SPDX-License-Identifier: MIT */
/* Text of unknown origin on a terminal, character by character. */
#ifndef BASE_GLYPH_H
#define BASE_GLYPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* In place of what was cut off. */
#define GLYPH_ELLIPSIS "\xe2\x80\xa6"

/* One character as it is shown: its bytes, or an escape in place of what a terminal could obey. */
struct glyph {
	size_t len;     /* bytes of the source, at least 1 */
	unsigned width; /* columns of the terminal */
	bool is_escape;
};

/* The character at text, of which left bytes are there, at least 1. A tab is no escape and one column wide: it is the
 * caller's to say what it means. */
struct glyph glyph_at(const char *text, size_t left);
/* The bytes, or each of them as \xNN. */
void glyph_put(const char *text, const struct glyph *g, FILE *out);

/* One line, nothing in it that a terminal obeys; tabs are escaped too. */
void glyph_put_text(const char *text, FILE *out);
unsigned glyph_text_width(const char *text); /* columns that it takes */

#endif
