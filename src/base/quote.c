/* SPDX-License-Identifier: MIT */
#include "base/quote.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

/* Length of the valid UTF-8 sequence at s, 0 if there is none. Follows the table of well-formed
 * byte sequences of the Unicode standard: no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
static size_t
utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high, length;
	} forms[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (s[0] < forms[i].first_low || s[0] > forms[i].first_high)
			continue;
		if (forms[i].length > 1 &&
		    (s[1] < forms[i].second_low || s[1] > forms[i].second_high))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		return forms[i].length;
	}
	return 0;
}

/* One character of text as it is written: itself or an escape. Returns how many bytes of text it
 * took. */
static size_t
quote_one(const unsigned char *s, char piece[8])
{
	const size_t length = utf8_length(s);
	/* U+0080 to U+009F are control characters as well: a terminal may take U+009B as the start
	 * of a sequence. */
	const bool is_c1 = s[0] == 0xc2 && length == 2 && s[1] < 0xa0;

	if (length == 0 || s[0] < ' ' || s[0] == 0x7f) {
		snprintf(piece, 8, "\\x%02x", s[0]);
		return 1;
	}
	if (is_c1) {
		/* The first byte now; the second then stands alone and is no valid UTF-8. */
		snprintf(piece, 8, "\\x%02x", s[0]);
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

size_t
quote_utf8_length(const char *text)
{
	return utf8_length((const unsigned char *)text);
}

/* The same for JSON, where a text need not end with a NUL. At its end a sequence may be incomplete. */
static size_t
quote_one_json(const unsigned char *s, size_t left, char piece[8])
{
	unsigned char whole[5] = { 0 };
	size_t length;

	memcpy(whole, s, left < 4 ? left : 4);
	length = s[0] == '\0' ? 1 : utf8_length(whole);
	if (length == 0)
		snprintf(piece, 8, "\\\\x%02x", s[0]);
	else if (s[0] < ' ' || s[0] == 0x7f)
		snprintf(piece, 8, "\\u%04x", s[0]);
	else if (s[0] == 0xc2 && s[1] < 0xa0)
		snprintf(piece, 8, "\\u%04x", s[1]); /* a control character as well */
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
is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

size_t
quote_json(const char *text, size_t len, char *out, size_t size)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + len;
	size_t at = 0;
	char piece[8];

	while (s < end && at + 1 < size) {
		if (is_plain(*s)) {
			out[at++] = (char)*s++;
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

const char *
quote_text(const char *text, char *out, size_t size)
{
	const bool has_quotes = *text == '\0' || strpbrk(text, " \t\r\n\"'=\\") != NULL;
	size_t len = 0, left;
	char piece[8];

	if (size < 3) {
		if (size > 0)
			*out = '\0';
		return out;
	}
	if (has_quotes)
		out[len++] = '"';
	left = size - 1 - has_quotes; /* the closing quote and the NUL always fit */
	for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
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
