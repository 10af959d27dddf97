/* SPDX-License-Identifier: MIT */
#include "base/nearest.h"

#include <string.h>

/* Longer words are no misspelt names; it bounds the rows of the distance too. */
#define WORD_MAX_BYTES 64

static int
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Damerau and Levenshtein's distance, where no part is edited twice. Three rows of the table are
 * kept. */
static unsigned
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX_BYTES + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *now = rows[i % 3];
		const unsigned *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned changed = lower(a[i - 1]) != lower(b[j - 1]);

			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + changed);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

static unsigned
tolerance(size_t len)
{
	if (len <= 3)
		return 1;
	return len / 3 > 2 ? (unsigned)(len / 3) : 2;
}

const char *
nearest_name(const char *word, const char *const *names, size_t count)
{
	size_t len = strnlen(word, WORD_MAX_BYTES + 1);
	const char *best = NULL;

	if (len == 0 || len > WORD_MAX_BYTES)
		return NULL;
	unsigned bound = tolerance(len) + 1;
	for (size_t i = 0; i < count; i++) {
		size_t name_len = strnlen(names[i], WORD_MAX_BYTES + 1);

		if (name_len > WORD_MAX_BYTES || name_len + bound <= len || len + bound <= name_len)
			continue;
		unsigned d = distance(word, len, names[i], name_len);

		if (d < bound && d < name_len) {
			best = names[i];
			bound = d;
		}
	}
	return best;
}
