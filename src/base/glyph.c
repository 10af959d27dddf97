/* SPDX-License-Identifier: MIT */
#include "base/glyph.h"

#include <stdint.h>
#include <string.h>

#include "base/array.h"

/* Bytes of the UTF-8 character that begins with this one; 0: none does. */
static size_t
sequence_len(unsigned char first)
{
	static const struct {
		unsigned char below;
		size_t len;
	} rows[] = { { 0x80, 1 }, { 0xc2, 0 }, { 0xe0, 2 }, { 0xf0, 3 }, { 0xf5, 4 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (first < rows[i].below)
			return rows[i].len;
	return 0;
}

/* Neither written longer than needed, nor a surrogate, nor beyond the last code point. */
static bool
is_valid(uint32_t code, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return code >= least[len] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

/* The code point at text and its length in bytes; length 0 if it is no valid UTF-8 there. */
static size_t
decode(const char *text, size_t left, uint32_t *code)
{
	unsigned char first = (unsigned char)text[0];
	size_t len = sequence_len(first);

	if (len == 0 || len > left)
		return 0;
	*code = len == 1 ? first : first & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	return is_valid(*code, len) ? len : 0;
}

/* The ranges of East Asian wide characters that occur in text, Hangul first of all; emoji too. */
static bool
is_wide(uint32_t code)
{
	/* clang-format off */
	static const struct { uint32_t from, to; } ranges[] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf }, { 0xa960, 0xa97f }, { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff },
		{ 0x20000, 0x3fffd },
	};

	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (code >= ranges[i].from && code <= ranges[i].to)
			return true;
	return false;
}

/* Characters that a terminal obeys: C0, DEL, C1, and those that turn the direction of writing. Those
 * that nobody sees, such as the zero width space, go with them. */
static bool
is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
	       code == 0xfeff;
}

struct glyph
glyph_at(const char *text, size_t left)
{
	uint32_t code = 0;
	size_t len = decode(text, left, &code);

	if (len == 0)
		return (struct glyph){ .len = 1, .width = 4, .is_escape = true };
	if (is_control(code) && code != '\t')
		return (struct glyph){ .len = len, .width = 4 * (unsigned)len, .is_escape = true };
	return (struct glyph){ .len = len, .width = is_wide(code) ? 2 : 1 };
}

void
glyph_put(const char *text, const struct glyph *g, FILE *out)
{
	if (!g->is_escape) {
		fwrite(text, 1, g->len, out);
		return;
	}
	for (size_t i = 0; i < g->len; i++)
		fprintf(out, "\\x%02x", (unsigned char)text[i]);
}

/* The same, of a text in which a tab would move what follows. */
static struct glyph
look(const char *text, size_t left)
{
	if (*text == '\t')
		return (struct glyph){ .len = 1, .width = 4, .is_escape = true };
	return glyph_at(text, left);
}

void
glyph_put_text(const char *text, FILE *out)
{
	for (size_t left = strlen(text); left > 0;) {
		struct glyph g = look(text, left);

		glyph_put(text, &g, out);
		text += g.len;
		left -= g.len;
	}
}

unsigned
glyph_text_width(const char *text)
{
	unsigned width = 0;

	for (size_t left = strlen(text); left > 0;) {
		struct glyph g = look(text, left);

		width += g.width;
		text += g.len;
		left -= g.len;
	}
	return width;
}
