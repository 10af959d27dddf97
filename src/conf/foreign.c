/* SPDX-License-Identifier: MIT */
#include "conf/foreign.h"

#include <string.h>

#include "conf/lexeme.h"

/* How many more braces a word opens than it closes. Braces within a word, as in ${IFS}, are text.
 * */
static long
word_depth(const char *from, const char *to)
{
	long depth = 0;

	if (strchr("{}\"'", *from) == NULL && to[-1] != '{')
		return 0;
	for (; from < to; from++)
		depth += (*from == '{') - (*from == '}');
	return depth;
}

/* Skips a word of such text. False, and *depth 0, at a brace that closes more than was opened: it
 * is not skipped. */
static bool
skip_word(struct scan *s, long *depth)
{
	const char *end = word_end_at(s, s->at);
	long change = word_depth(s->at, end);

	if (change < 0 && *depth == 0)
		return false;
	*depth = *depth + change < 0 ? 0 : *depth + change;
	s->at = end;
	return change >= 0 || *depth > 0;
}

void
foreign_skip(struct scan *s)
{
	enum block_kind kind;
	const char *end;
	long depth = 0;

	for (; !scan_at_line_end(s) && !line_comment_at(s, s->at); scan_blanks(s))
		if (!skip_word(s, &depth))
			return;
	s->at = s->line_end;
	if (!scan_gap(s) || (depth == 0 && *s->at != '{'))
		return;
	for (unsigned line = 0; scan_gap(s); line = s->line) {
		if (s->line != line && keyword_at(s, s->at, &kind, &end))
			return;
		if (!skip_word(s, &depth) || depth == 0)
			return;
	}
}
