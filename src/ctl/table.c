/* SPDX-License-Identifier: MIT */
#include "ctl/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/glyph.h"
#include "base/mem.h"

/* Blanks between two columns. */
#define GAP 2

struct cell {
	char *text;
	enum color color;
	unsigned width;
};

struct table {
	const struct column *columns;
	size_t count; /* of columns */
	struct cell *cell;
	size_t cells;
	size_t marked; /* count: none */
};

/* How wide each column is on a screen; 0: left out. */
struct layout {
	unsigned *width;
	size_t count;
};

struct table *
table_new(const struct column *columns, size_t count)
{
	struct table *t = mem_alloc(sizeof(*t));

	*t = (struct table){ .columns = columns, .count = count, .marked = count };
	return t;
}

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->cells; i++)
		free(t->cell[i].text);
	free(t->cell);
	free(t);
}

void
table_add(struct table *t, enum color color, const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = mem_dup("");
	va_end(ap);
	/* The array doubles: it is full whenever the count is a power of two. */
	if ((t->cells & (t->cells - 1)) == 0)
		t->cell = mem_grow(t->cell, t->cells == 0 ? 1 : t->cells * 2, sizeof(*t->cell));
	t->cell[t->cells++] =
	    (struct cell){ .text = text, .color = color, .width = glyph_text_width(text) };
}

void
table_mark(struct table *t, size_t column)
{
	t->marked = column;
}

size_t
table_rows(const struct table *t)
{
	return t->cells / t->count;
}

static unsigned
total(const struct layout *l)
{
	unsigned sum = 0;

	for (size_t i = 0; i < l->count; i++)
		if (l->width[i] > 0)
			sum += l->width[i] + (sum > 0 ? GAP : 0);
	return sum;
}

/* Cuts the widest columns first, so that none is shorter than it must be. */
static void
cut_columns(const struct table *t, const struct layout *l, unsigned limit)
{
	for (unsigned sum = total(l); sum > limit; sum--) {
		size_t widest = l->count;

		for (size_t i = 0; i < l->count; i++) {
			unsigned least = t->columns[i].least;

			if (least > 0 && l->width[i] > least &&
			    (widest == l->count || l->width[i] > l->width[widest]))
				widest = i;
		}
		if (widest == l->count)
			return;
		l->width[widest]--;
	}
}

/* False if only columns are left that must stay. */
static bool
drop_column(const struct table *t, const struct layout *l)
{
	size_t last = l->count;

	for (size_t i = 0; i < l->count; i++)
		if (l->width[i] > 0 && t->columns[i].rank > 0 &&
		    (last == l->count || t->columns[i].rank >= t->columns[last].rank))
			last = i;
	if (last == l->count)
		return false;
	l->width[last] = 0;
	return true;
}

/* Full widths. */
static void
measure(const struct table *t, const struct layout *l)
{
	for (size_t i = 0; i < l->count; i++)
		l->width[i] = glyph_text_width(t->columns[i].title);
	for (size_t i = 0; i < t->cells; i++)
		if (t->cell[i].width > l->width[i % t->count])
			l->width[i % t->count] = t->cell[i].width;
}

/* The least that the columns take that are not left out. */
static unsigned
least_total(const struct table *t, const struct layout *l)
{
	unsigned sum = 0;

	for (size_t i = 0; i < l->count; i++) {
		unsigned least = t->columns[i].least, width = l->width[i];

		if (width > 0)
			sum += (least > 0 && least < width ? least : width) + (sum > 0 ? GAP : 0);
	}
	return sum;
}

static void
lay_out(const struct table *t, const struct layout *l, unsigned limit)
{
	measure(t, l);
	if (limit == 0)
		return;
	while (least_total(t, l) > limit && drop_column(t, l))
		;
	cut_columns(t, l, limit);
}

/* As much of the text as fits into the width, with a sign where it was cut. Returns the columns that were used. */
static unsigned
put_cut(const char *text, unsigned width, FILE *out)
{
	size_t len = strlen(text), at = 0;
	unsigned used = 0;

	while (at < len) {
		struct glyph g = text[at] == '\t'
				     ? (struct glyph){ .len = 1, .width = 4, .is_escape = true }
				     : glyph_at(text + at, len - at);

		if (used + g.width > width - 1)
			break;
		glyph_put(text + at, &g, out);
		used += g.width;
		at += g.len;
	}
	fputs(GLYPH_ELLIPSIS, out);
	return used + 1;
}

static unsigned
put_cell(const struct screen *s, const struct cell *c, unsigned width)
{
	unsigned used = c->width;

	fputs(screen_begin(s, c->color), s->out);
	if (c->width > width)
		used = put_cut(c->text, width, s->out);
	else
		glyph_put_text(c->text, s->out);
	fputs(screen_end(s, c->color), s->out);
	return used;
}

/* A line as far as it is written. */
struct line {
	const struct screen *screen;
	unsigned at;   /* columns used */
	unsigned owed; /* blanks before the next text: none stand at the end of a line */
	bool is_full;
};

/* Columns that may not be cut may be too wide for the screen: the line is cut then. */
static void
put_text_of(struct line *line, const struct cell *c, unsigned width)
{
	unsigned limit = line->screen->width > 0 ? line->screen->width : ~0U;
	unsigned used = c->width < width ? c->width : width;

	if (used == 0)
		return;
	if (line->at + line->owed >= limit) {
		line->is_full = true;
		return;
	}
	if (line->at + line->owed + used > limit)
		used = limit - line->at - line->owed;
	fprintf(line->screen->out, "%*s", (int)line->owed, "");
	line->at += line->owed + used;
	/* A wide character may have left a column free. */
	line->owed = used - put_cell(line->screen, c, used);
	line->at -= line->owed;
}

static void
put_row(
    const struct table *t, const struct screen *s, const struct layout *l, const struct cell *row)
{
	struct line line = { .screen = s };

	for (size_t i = 0; i < l->count && !line.is_full; i++) {
		unsigned width = l->width[i];
		unsigned spare = row[i].width < width ? width - row[i].width : 0;

		if (width == 0)
			continue;
		if (t->columns[i].is_number)
			line.owed += spare;
		put_text_of(&line, &row[i], width);
		line.owed += GAP + (t->columns[i].is_number ? 0 : spare);
	}
	fputc('\n', s->out);
}

static void
put_titles(const struct table *t, const struct screen *s, const struct layout *l)
{
	struct cell *row = mem_array(t->count, sizeof(*row));

	for (size_t i = 0; i < t->count; i++) {
		row[i].text = mem_dup(t->columns[i].title);
		row[i].width = glyph_text_width(row[i].text);
		row[i].color = i == t->marked ? COLOR_CHOSEN : COLOR_BOLD;
	}
	put_row(t, s, l, row);
	for (size_t i = 0; i < t->count; i++)
		free(row[i].text);
	free(row);
}

void
table_print(const struct table *t, const struct screen *s, size_t most)
{
	struct layout l = { .count = t->count };
	size_t rows = table_rows(t);

	l.width = mem_array(t->count, sizeof(*l.width));
	lay_out(t, &l, s->width);
	put_titles(t, s, &l);
	for (size_t i = 0; i < rows && (most == 0 || i < most); i++)
		put_row(t, s, &l, &t->cell[i * t->count]);
	free(l.width);
}
