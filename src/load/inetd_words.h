/* SPDX-License-Identifier: MIT */
/* Words of inetd.conf, and the settings that they become. */
#ifndef LOAD_INETD_WORDS_H
#define LOAD_INETD_WORDS_H

#include "conf/block.h"
#include "conf/scan.h"

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

struct inetd_words {
	struct word *item;
	size_t count;
};

/* The words of the cursor's line from the cursor on, added to list. */
void inetd_words_take(struct inetd_words *list, struct scan *s);
void inetd_words_done(struct inetd_words *list);
/* A part of a word, with its own place. */
struct word inetd_part(const struct word *w, size_t offset, size_t len);
/* The addresses in front of a port, "a,b" or "[::1]"; "*" is none. */
void inetd_addresses_take(struct inetd_words *list, const struct word *w, size_t len);

/* The setting of this name, valid until one is added, or NULL. */
struct setting *inetd_find(const struct block *b, const char *name);
/* Adds a setting with this word, at one place; NULL: without any. It is valid until the next one is added. */
struct setting *inetd_set(
    struct block *b, const char *name, const struct place *place, const char *text);
void inetd_add(
    struct setting *set, const char *text, const struct place *place); /* one more word */

#endif
