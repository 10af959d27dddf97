/* SPDX-License-Identifier: MIT */
/* Problems on a terminal: sorted, each with its source line and a caret. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/glyph.h"
#include "base/mem.h"
#include "conf/problem.h"

/* So many problems at one place are compared with one that is to be printed there. */
#define LOOK_BACK 16

/* Longer source lines are cut to so many characters around the caret. */
#define SHOWN_CHARS 160

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

/* The line's text, f->len bytes, or NULL if the source has no such line. */
static const char *
find_line(struct finder *f, const struct place *place)
{
	const struct source *source = place->source;

	if (source->len == 0)
		return NULL;
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
	fprintf(out, "%5u | %s", place->line, from > 0 ? GLYPH_ELLIPSIS : "");
	for (size_t i = from; i < to;) {
		struct glyph g = glyph_at(text + i, to - i);

		glyph_put(text + i, &g, out);
		i += g.len;
	}
	fprintf(out, "%s\n      | %s", to < len ? GLYPH_ELLIPSIS : "", from > 0 ? " " : "");
	for (size_t i = from; i < caret;) {
		struct glyph g = glyph_at(text + i, to - i);

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

	glyph_put_text(place->source == NULL ? "porterd" : place->source->path, out);
	if (place->source != NULL && place->line > 0)
		fprintf(out, ":%u:%u", place->line, place->column);
	fprintf(out, ": %s: ", severity_names[p->severity]);
	glyph_put_text(p->text, out);
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

/* What every service inherits is found wrong as often as there are services. */
static bool
was_printed(const struct rank *order, size_t i)
{
	const struct problem *p = order[i].problem;

	for (size_t back = 1; back <= i && back <= LOOK_BACK; back++) {
		const struct problem *q = order[i - back].problem;

		if (q->place.source != p->place.source || q->place.line != p->place.line ||
		    q->place.column != p->place.column)
			return false;
		if (p->place.line > 0 && q->severity == p->severity &&
		    strcmp(q->text, p->text) == 0)
			return true;
	}
	return false;
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
		if (!was_printed(order, i))
			print_one(&finder, order[i].problem, out);
	free(order);
}
