/* SPDX-License-Identifier: MIT */
/* A cursor over the bytes of one source: lines, blanks, comments, places, and what is wrong there.
 * */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/problem.h"

/* Of one file: after so many errors it is not read on; no more notes or warnings are kept. */
#define SCAN_MAX_PROBLEMS 100

struct scan {
	const struct source *source;
	struct problems *problems;
	const char *at; /* the next byte; *line_end is never read as part of a line */
	const char *line_start, *line_end; /* of the line that at is in, without CR and LF */
	const char *next;                  /* where the next line starts; NULL in the last one */
	const char *end;                   /* of what is read */
	unsigned line;
	const char *counted; /* columns are counted up to here: a long line is counted once */
	unsigned column;
	unsigned reported[3]; /* by severity; soft errors once they are judged */
	unsigned long errors; /* found, even if not kept */
	/* Errors that a disabled block turns into notes: their indexes in problems. */
	size_t soft[SCAN_MAX_PROBLEMS];
	size_t soft_count;
	bool is_cut;     /* reading ended before the end of the file, with an error */
	bool is_damaged; /* an error was found; for the caller to clear */
	bool has_crlf;   /* the warning was given */
	bool has_comment_note;
};

void scan_init(struct scan *s, const struct source *source, struct problems *problems);
/* Places of bytes in the line that the cursor is in. */
struct place scan_place(struct scan *s, const char *at);

/* SCAN_HARD: structure; an error even where the block is disabled. */
enum scan_weight { SCAN_SOFT, SCAN_HARD };

void scan_error(struct scan *s, enum scan_weight weight, const struct place *place,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* At the end of a block or an include: its soft errors become notes or stay errors, and count. */
void scan_judge(struct scan *s, bool is_disabled);
/* A note or a warning at a byte of this line. */
void scan_remark(struct scan *s, enum severity severity, const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void scan_blanks(struct scan *s); /* skips blanks and tabs within the line */
/* Skips one comment if there is one: # and // to the end of the line, the long form even over
 * lines. An unclosed one is an error and ends the file. */
bool scan_comment(struct scan *s);
/* Skips blanks, comments and line ends. False at the end of the file. */
bool scan_gap(struct scan *s);
/* To the beginning of the next line. False, and the cursor at the end of the text, if there is none. */
bool scan_next_line(struct scan *s);

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool
scan_at_line_end(const struct scan *s)
{
	return s->at >= s->line_end;
}

/* True if this character stands at the byte, in the cursor's line. */
static inline bool
scan_sees(const struct scan *s, const char *at, char c)
{
	return at < s->line_end && *at == c;
}

/* True if a comment to the end of the line begins at the byte, if a word can begin there. */
static inline bool
line_comment_at(const struct scan *s, const char *at)
{
	return scan_sees(s, at, '#') || (scan_sees(s, at, '/') && scan_sees(s, at + 1, '/'));
}

static inline bool
long_comment_at(const struct scan *s, const char *at)
{
	return scan_sees(s, at, '/') && scan_sees(s, at + 1, '*');
}

#endif
