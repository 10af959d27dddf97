/* SPDX-License-Identifier: MIT */
/* Columns that fit the screen: as wide as their widest cell; where that is too wide, long ones are cut, and then those that
 * matter least are left out. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stddef.h>

#include "ctl/screen.h"

struct column {
	const char *title;
	bool is_number; /* to the right */
	unsigned least; /* width that it may be cut to; 0: it is never cut */
	unsigned rank;  /* on a narrow screen the highest go first; 0: it stays */
};

struct table;

struct table *table_new(const struct column *columns, size_t count); /* columns are borrowed */
void table_free(struct table *t);                                    /* NULL is allowed */
/* The next cell, row by row. */
void table_add(struct table *t, enum color color, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The column whose title shows that the rows are sorted by it. */
void table_mark(struct table *t, size_t column);
size_t table_rows(const struct table *t);
/* The titles and the rows, most of them (0: all); without rows only the titles. */
void table_print(const struct table *t, const struct screen *s, size_t most);

#endif
