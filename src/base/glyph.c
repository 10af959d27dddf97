/* SPDX-License-Identifier: MIT */
#include "base/glyph.h"

#include <stdint.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"

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
	size_t len = utf8_decode(text, left, &code);

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
