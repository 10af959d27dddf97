/* SPDX-License-Identifier: MIT */
/* The lines of a file that is converted: which are comments, and where they go. */
#ifndef LOAD_CONVERT_TEXT_H
#define LOAD_CONVERT_TEXT_H

#include <stdio.h>

#include "conf/block.h"

struct text_line {
	const char *text; /* without blanks around it */
	size_t len;
	bool is_comment;
	bool is_long; /* part of a comment that goes over lines */
};

struct text_lines {
	struct text_line *item; /* of line 1 first */
	unsigned count;
	bool is_inetd;
};

void text_lines_init(
    struct text_lines *l, const struct source *source, const struct blocks *blocks);
void text_lines_done(struct text_lines *l);

/* The comments and empty lines among these lines; other text that no block has taken is made a comment. */
void text_write_comments(
    const struct text_lines *l, unsigned from, unsigned before, const char *indent, FILE *out);
/* All these lines, each as a comment. */
void text_write_as_comment(const struct text_lines *l, unsigned from, unsigned before, FILE *out);
/* The first line from there on that begins with a closing brace; `before` if there is none. */
unsigned text_closing_line(const struct text_lines *l, unsigned from, unsigned before);
bool text_is_empty(const struct text_lines *l, unsigned line);
/* The comment behind a word on its line, without its marks; heap, NULL: there is none. */
char *text_comment_behind(const struct text_lines *l, const struct word *w);

#endif
