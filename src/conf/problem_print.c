/* SPDX-License-Identifier: MIT */
/* Problems on a terminal: sorted, each with its source line and a caret. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/problem.h"

/* Longer source lines are cut to so many characters around the caret. */
#define SHOWN_CHARS 160
#define ELLIPSIS    "\xe2\x80\xa6"

static const char *const severity_names[] = {
	[SEVERITY_NOTE] = "note",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

/* Where a line of a source begins, and a column of it. Kept from problem to problem, so that
 * printing many reads a file, and a long line of it, once. */
struct finder {
	const struct source *source;
	unsigned line;
	size_t offset, len; /* of the line, without its end */
	unsigned column;    /* of the last caret; 0: the line was not looked at yet */
	size_t caret;       /* its byte in the line */
};

/* One character as it is shown: its bytes, or an escape in place of what a terminal could obey. */
struct glyph {
	size_t len;     /* bytes of the source, at least 1 */
	unsigned width; /* columns of the terminal */
	bool is_escape;
};

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
		if (!byte_continues(text[i]))
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

static struct glyph
look(const char *text, size_t left)
{
	uint32_t code = 0;
	size_t len = decode(text, left, &code);

	if (len == 0)
		return (struct glyph){ .len = 1, .width = 4, .is_escape = true };
	if (is_control(code) && code != '\t')
		return (struct glyph){ .len = len, .width = 4 * (unsigned)len, .is_escape = true };
	return (struct glyph){ .len = len, .width = is_wide(code) ? 2 : 1 };
}

static void
put(const char *text, const struct glyph *g, FILE *out)
{
	if (!g->is_escape) {
		fwrite(text, 1, g->len, out);
		return;
	}
	for (size_t i = 0; i < g->len; i++)
		fprintf(out, "\\x%02x", (unsigned char)text[i]);
}

/* A name or a message: one line, nothing in it that a terminal obeys. */
static void
put_text(const char *text, FILE *out)
{
	for (size_t left = strlen(text); left > 0;) {
		struct glyph g = look(text, left);

		if (*text == '\t')
			g = (struct glyph){ .len = 1, .is_escape = true };
		put(text, &g, out);
		text += g.len;
		left -= g.len;
	}
}

/* The line's text, f->len bytes, or NULL if the source has no such line. */
static const char *
find_line(struct finder *f, const struct place *place)
{
	const struct source *source = place->source;

	if (f->source != source || f->line > place->line)
		*f = (struct finder){
			.source = source,
			.line = 1,
			.offset = text_mark_len(source->text, source->len),
		};
	while (f->line < place->line) {
		const char *end = memchr(source->text + f->offset, '\n', source->len - f->offset);

		if (end == NULL)
			return NULL;
		f->offset = (size_t)(end - source->text) + 1;
		f->line++;
		f->column = 0;
	}
	const char *start = source->text + f->offset;

	if (f->column > 0)
		return start;
	const char *end = memchr(start, '\n', source->len - f->offset);

	f->len = end == NULL ? source->len - f->offset : (size_t)(end - start);
	if (f->len > 0 && start[f->len - 1] == '\r')
		f->len--;
	f->column = 1;
	f->caret = 0;
	return start;
}

/* Moves by as many characters as asked, or to the end of the line. */
static size_t
step(const char *text, size_t len, size_t from, size_t chars)
{
	while (from < len && chars > 0) {
		from++;
		while (from < len && byte_continues(text[from]))
			from++;
		chars--;
	}
	return from;
}

static size_t
step_back(const char *text, size_t from, size_t chars)
{
	while (from > 0 && chars > 0) {
		from--;
		while (from > 0 && byte_continues(text[from]))
			from--;
		chars--;
	}
	return from;
}

/* The byte of a column, counted from the last one in this line. */
static size_t
find_caret(struct finder *f, const char *line, unsigned column)
{
	if (column < f->column) {
		f->column = 1;
		f->caret = 0;
	}
	f->caret = step(line, f->len, f->caret, column - f->column);
	f->column = column;
	return f->caret;
}

static void
print_excerpt(struct finder *f, const char *text, const struct place *place, FILE *out)
{
	size_t len = f->len, caret = find_caret(f, text, place->column);
	size_t from = 0, to = step(text, len, 0, SHOWN_CHARS);

	if (to < len) {
		from = step_back(text, caret, SHOWN_CHARS / 2);
		to = step(text, len, from, SHOWN_CHARS);
	}
	fprintf(out, "%5u | %s", place->line, from > 0 ? ELLIPSIS : "");
	for (size_t i = from; i < to;) {
		struct glyph g = look(text + i, to - i);

		put(text + i, &g, out);
		i += g.len;
	}
	fprintf(out, "%s\n      | %s", to < len ? ELLIPSIS : "", from > 0 ? " " : "");
	for (size_t i = from; i < caret;) {
		struct glyph g = look(text + i, to - i);

		if (text[i] == '\t')
			fputc('\t', out);
		else
			fprintf(out, "%*s", (int)g.width, "");
		i += g.len;
	}
	fputs("^\n", out);
}

static void
print_one(struct finder *f, const struct problem *p, FILE *out)
{
	const struct place *place = &p->place;
	const char *line;

	put_text(place->source == NULL ? "porterd" : place->source->path, out);
	if (place->source != NULL && place->line > 0)
		fprintf(out, ":%u:%u", place->line, place->column);
	fprintf(out, ": %s: ", severity_names[p->severity]);
	put_text(p->text, out);
	fputc('\n', out);
	if (place->source == NULL || place->line == 0 || place->column == 0)
		return;
	line = find_line(f, place);
	if (line != NULL)
		print_excerpt(f, line, place, out);
}

void
problem_print(const struct problem *p, FILE *out)
{
	print_one(&(struct finder){ 0 }, p, out);
}

/* A problem's place in the order of printing. */
struct rank {
	const struct problem *problem; /* in one array: addresses tell which was added first */
	const struct problem *first;   /* the first one of the same file */
};

static int
compare_addresses(const void *a, const void *b)
{
	return (uintptr_t)a < (uintptr_t)b ? -1 : (uintptr_t)a > (uintptr_t)b;
}

static int
compare_sources(const void *a, const void *b)
{
	const struct problem *x = ((const struct rank *)a)->problem,
			     *y = ((const struct rank *)b)->problem;
	int order = compare_addresses(x->place.source, y->place.source);

	return order != 0 ? order : compare_addresses(x, y);
}

static int
compare_ranks(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;
	unsigned x_line = x->problem->place.line, y_line = y->problem->place.line;
	unsigned x_column = x->problem->place.column, y_column = y->problem->place.column;

	if (x->first != y->first)
		return compare_addresses(x->first, y->first);
	if (x_line != y_line)
		return x_line < y_line ? -1 : 1;
	if (x_column != y_column)
		return x_column < y_column ? -1 : 1;
	return compare_addresses(x->problem, y->problem);
}

void
problems_print(const struct problems *p, FILE *out)
{
	struct rank *order = mem_array(p->count, sizeof(*order));
	struct finder finder = { 0 };

	for (size_t i = 0; i < p->count; i++)
		order[i].problem = &p->item[i];
	qsort(order, p->count, sizeof(*order), compare_sources);
	for (size_t i = 0; i < p->count; i++) {
		const struct source *source = order[i].problem->place.source;
		bool is_same =
		    i > 0 && source != NULL && source == order[i - 1].problem->place.source;

		order[i].first = is_same ? order[i - 1].first : order[i].problem;
	}
	qsort(order, p->count, sizeof(*order), compare_ranks);
	for (size_t i = 0; i < p->count; i++)
		print_one(&finder, order[i].problem, out);
	free(order);
}
