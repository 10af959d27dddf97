/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stdbool.h>

#include "base/array.h"

/* Bytes of the character that begins with this one; 0: none does. */
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

static bool
is_valid(uint32_t code, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return code >= least[len] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

size_t
utf8_decode(const char *text, size_t left, uint32_t *code)
{
	unsigned char first = left > 0 ? (unsigned char)text[0] : 0;
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
