/* SPDX-License-Identifier: MIT */
/* What is wrong with a configuration: all of it, each with its place. */
#ifndef CONF_PROBLEM_H
#define CONF_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One file as it was read. Lives as long as the configuration that it became part of. */
struct source {
	char *path;
	char *text; /* len bytes and a NUL behind them; may hold NULs inside */
	size_t len;
};

struct place {
	const struct source *source; /* NULL: no place in a file, e.g. the command line */
	/* From 1; 0: the file as a whole. Columns count characters (UTF-8), a tab is one. */
	unsigned line, column;
};

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

/* An error of the text refuses a whole reload; one of the surroundings (user, program, directory,
 * address or name missing) leaves one service as it was. */
enum cause { CAUSE_TEXT, CAUSE_SURROUNDINGS };

struct problem {
	enum severity severity;
	enum cause cause;
	struct place place;
	char *text; /* one sentence without a full stop: what is wrong, then what to do */
};

struct problems {
	struct problem *item;
	size_t count;
	size_t by_severity[3];
	size_t text_errors; /* errors whose cause is CAUSE_TEXT */
};

void problem_add(struct problems *p, enum severity severity, enum cause cause,
    const struct place *place, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* "file:line:column: error: text", the source line, a caret under the column; in file, line
 * and column order. Control characters of the source line are shown escaped; long
 * lines are cut around the caret. */
void problem_print(const struct problem *p, FILE *out);
void problems_print(const struct problems *p, FILE *out); /* what was told twice, once */
/* "file:line:column" into text; returns text. For log lines. */
const char *place_format(const struct place *place, char *text, size_t size);
/* The text of the first error from item[index] on; NULL: there is none. */
const char *problems_first_error(const struct problems *p, size_t index);
void problems_done(struct problems *p);
/* Makes the error p->item[index] a note: it was found where it can do no harm. */
void problem_soften(struct problems *p, size_t index);
/* Takes p->item[index] out again; those behind it move up. */
void problem_remove(struct problems *p, size_t index);

/* True for a byte that begins no character of UTF-8 and so no column. */
static inline bool
byte_continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Length of a UTF-8 byte order mark at the start of text: 3 or 0. Columns of the first line count
 * from behind it. */
size_t text_mark_len(const char *text, size_t len);

#endif
