/* SPDX-License-Identifier: MIT */
/* One line of inetd.conf. */
#ifndef LOAD_INETD_LINE_H
#define LOAD_INETD_LINE_H

#include "conf/scan.h"
#include "load/inetd.h"

struct inetd_words {
	struct word *item;
	size_t count;
};

/* The words of the cursor's line from the cursor on, added to list. */
void inetd_words_take(struct inetd_words *list, struct scan *s);
void inetd_words_done(struct inetd_words *list);
/* A part of a word, with its own place. */
struct word inetd_part(const struct word *w, size_t offset, size_t len);

bool inetd_is_socket_type(const char *text, size_t len);

/* What is known before a line is read. */
struct inetd_line {
	struct scan *s; /* for problems */
	const struct inetd_options *options;
	const struct inetd_words *words;
	const struct inetd_words
	    *addresses; /* of lines that have none of their own: the latest "address:" */
	bool is_off;
};

/* False, and an error, if the line is no service. */
bool inetd_line_read(const struct inetd_line *l, struct block *out);

/* The addresses in front of a port, "a,b" or "[::1]"; "*" is none. */
void inetd_addresses_take(struct inetd_words *list, const struct word *w, size_t len);

/* The setting of this name, valid until one is added, or NULL. */
struct setting *inetd_find(const struct block *b, const char *name);
/* Adds a setting with this word, at one place; NULL: without any. It is valid until the next one is added. */
struct setting *inetd_set(
    struct block *b, const char *name, const struct place *place, const char *text);
void inetd_add(
    struct setting *set, const char *text, const struct place *place); /* one more word */

/* The parts of a line that have a grammar of their own; each false, and an error, if it cannot be read. */
bool inetd_read_wait(const struct inetd_line *l, struct block *b);
bool inetd_read_user(const struct inetd_line *l, struct block *b);
void inetd_read_program(const struct inetd_line *l, struct block *b);

/* Where each word of a line stands. */
enum inetd_field {
	INETD_SERVICE,
	INETD_TYPE,
	INETD_PROTOCOL,
	INETD_WAIT,
	INETD_USER,
	INETD_PROGRAM,
	INETD_ARGS,
};

#endif
