/* SPDX-License-Identifier: MIT */
#include "base/quote.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* U+0080 to U+009F as well: a terminal may take U+009B as the start of a sequence. */
static bool
is_control(uint32_t code)
{
	return code < ' ' || (code >= 0x7f && code < 0xa0);
}

/* One character of text as it is written: itself or an escape. Returns how many bytes of text it
 * took. */
static size_t
quote_one(const char *s, char piece[8])
{
	uint32_t code;
	const size_t length = utf8_decode(s, strnlen(s, 4), &code);

	if (length == 0 || is_control(code)) {
		/* Of two bytes the first now; the second then stands alone and is no valid UTF-8. */
		snprintf(piece, 8, "\\x%02x", (unsigned char)s[0]);
		return 1;
	}
	if (s[0] == '"' || s[0] == '\\') {
		snprintf(piece, 8, "\\%c", s[0]);
		return 1;
	}
	memcpy(piece, s, length);
	piece[length] = '\0';
	return length;
}

/* The same for JSON, where a text need not end with a NUL. */
static size_t
quote_one_json(const char *s, size_t left, char piece[8])
{
	uint32_t code;
	const size_t length = utf8_decode(s, left, &code);

	if (length == 0)
		snprintf(piece, 8, "\\\\x%02x", (unsigned char)s[0]);
	else if (is_control(code))
		snprintf(piece, 8, "\\u%04x", code);
	else if (s[0] == '"' || s[0] == '\\')
		snprintf(piece, 8, "\\%c", s[0]);
	else {
		memcpy(piece, s, length);
		piece[length] = '\0';
	}
	return length == 0 ? 1 : length;
}

/* No control character, quote, backslash, DEL or byte of a longer sequence. */
static bool
is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

size_t
quote_json(const char *text, size_t len, char *out, size_t size)
{
	const char *s = text, *end = text + len;
	size_t at = 0;
	char piece[8];

	while (s < end && at + 1 < size) {
		if (is_plain(*s)) {
			out[at++] = *s++;
			continue;
		}
		s += quote_one_json(s, (size_t)(end - s), piece);
		if (at + strlen(piece) >= size)
			break;
		memcpy(out + at, piece, strlen(piece));
		at += strlen(piece);
	}
	out[at] = '\0';
	return at;
}

/* Stands for itself, and makes no quotes necessary. */
static bool
is_bare(char c)
{
	return is_plain(c) && c != ' ' && c != '\'' && c != '=';
}

/* Ids and most other words are nothing else, and stand in every line. True if the whole text is. */
static bool
copy_bare(const char *text, char *out, size_t size)
{
	size_t len = 0;

	while (len < size && is_bare(text[len])) {
		out[len] = text[len];
		len++;
	}
	if (len == 0 || len == size || text[len] != '\0')
		return false;
	out[len] = '\0';
	return true;
}

const char *
quote_text(const char *text, char *out, size_t size)
{
	bool has_quotes;
	size_t len = 0, left;
	char piece[8];

	if (size < 3) {
		if (size > 0)
			*out = '\0';
		return out;
	}
	if (copy_bare(text, out, size))
		return out;
	has_quotes = *text == '\0' || strpbrk(text, " \t\r\n\"'=\\") != NULL;
	if (has_quotes)
		out[len++] = '"';
	left = size - 1 - has_quotes; /* the closing quote and the NUL always fit */
	for (const char *s = text; *s != '\0';) {
		s += quote_one(s, piece);
		if (len + strlen(piece) > left)
			break;
		memcpy(out + len, piece, strlen(piece));
		len += strlen(piece);
	}
	if (has_quotes)
		out[len++] = '"';
	out[len] = '\0';
	return out;
}
