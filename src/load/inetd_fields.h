/* SPDX-License-Identifier: MIT */
/* The parts of a line of inetd.conf that have a grammar of their own. */
#ifndef LOAD_INETD_FIELDS_H
#define LOAD_INETD_FIELDS_H

#include "load/inetd.h"
#include "load/inetd_words.h"

/* What is known before a line is read. */
struct inetd_line {
	struct scan *s; /* for problems */
	const struct inetd_options *options;
	const struct inetd_words *words;
	const struct inetd_words
	    *addresses; /* of lines that have none of their own: the latest "address:" */
	bool is_off;
};

/* Each false, and an error, if it cannot be read. */
bool inetd_read_wait(const struct inetd_line *l, struct block *b);
bool inetd_read_user(const struct inetd_line *l, struct block *b);
void inetd_read_program(const struct inetd_line *l, struct block *b);

#endif
