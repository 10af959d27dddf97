/* SPDX-License-Identifier: MIT */
/* Where output goes: a terminal of some width, perhaps with colours, or a file. */
#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

enum color {
	COLOR_NONE,
	COLOR_GOOD,
	COLOR_WARN,
	COLOR_BAD,
	COLOR_DIM,
	COLOR_BOLD,
	COLOR_CHOSEN, /* the column that a list is sorted by */
	COLOR_MAX
};

struct screen {
	FILE *out;
	bool is_terminal;
	bool has_color;  /* a terminal, and NO_COLOR is not set */
	unsigned width;  /* 0: as wide as need be */
	unsigned height; /* lines of the terminal; 0: as many as need be */
};

/* What the file is now; COLUMNS comes before what the terminal says. */
void screen_init(struct screen *s, FILE *out);

/* The text, harmless, in a colour where there are any. */
void screen_put(const struct screen *s, enum color color, const char *text);
/* What begins and ends a colour; "" without colours. */
const char *screen_begin(const struct screen *s, enum color color);
const char *screen_end(const struct screen *s, enum color color);

/* "label   text": texts of several lines, and those longer than the screen is wide, go on below their beginning. */
void screen_field(const struct screen *s, const char *label, enum color color, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

#endif
