/* SPDX-License-Identifier: MIT */
/* What can stand at a byte of a configuration file: keywords, names, operators, words. The
 * functions that end in _at only look; they stay within the cursor's line. */
#ifndef CONF_LEXEME_H
#define CONF_LEXEME_H

#include "conf/block.h"
#include "conf/scan.h"

/* Longer words are refused, in bytes. */
#define WORD_MAX_BYTES 65536

/* True if service, defaults, include or includedir begins here and no operator follows; *end is
 * behind it. */
bool keyword_at(const struct scan *s, const char *at, enum block_kind *kind, const char **end);
const char *name_end_at(const struct scan *s, const char *at);
/* Behind the operator, blanks before it allowed; NULL if there is none. */
const char *operator_at(const struct scan *s, const char *at, enum setting_op *op);
/* True if an attribute and an operator stand here. is_spaced: only with a blank between them. */
bool setting_at(const struct scan *s, const char *at, bool is_spaced);
/* True if a name and an operator stand here, and the name is that of an attribute, or of one that is
 * not supported, or near to one. */
bool likely_setting_at(const struct scan *s, const char *at);
/* The first byte that no name of an attribute holds, or NULL. */
const char *bad_name_byte(const char *from, const char *to);
/* True if a quote stands here. */
bool quote_at(const struct scan *s, const char *at);
/* Behind the closing quote of the quoted string that begins here; NULL if it is not closed on this
 * line. */
const char *quoted_end_at(const struct scan *s, const char *at);
/* Behind the word, which ends with a blank. */
const char *word_end_at(const struct scan *s, const char *at);
/* True if a } by itself stands here and nothing but a comment, another } or a keyword follows. */
bool closing_brace_at(const struct scan *s, const char *at);

/* Copies a word; false, and an error, if it is too long. Control characters are an error too. */
bool word_take(struct scan *s, struct word *out, const char *from, const char *to);
/* The quoted string at the cursor, which moves behind it. False and an error at the quote if it is
 * not closed (the cursor then stays) or too long. */
bool word_take_quoted(struct scan *s, struct word *out);

/* Room for one more item: the array doubles, it is full whenever the count is a power of two. */
void *room_for_one(void *item, size_t count, size_t size);

#endif
