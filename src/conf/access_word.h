/* SPDX-License-Identifier: MIT */
/* One word of only_from or no_access, or one line of a file of addresses. */
#ifndef CONF_ACCESS_WORD_H
#define CONF_ACCESS_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/prefix.h"
#include "base/strings.h"
#include "conf/attr.h"

enum access_form {
	ACCESS_PREFIXES, /* addresses, in whatever form */
	ACCESS_FILE,     /* @/path */
	ACCESS_DOMAIN,   /* .example.org */
	ACCESS_NAME,     /* a host or a network, to be looked up */
};

struct prefix_list {
	struct prefix *item;
	size_t count, room;
};

void prefix_list_add(struct prefix_list *list, const struct prefix *p);
void prefix_list_done(struct prefix_list *list);
bool prefix_lists_meet(
    const struct prefix_list *x, const struct prefix_list *y); /* some address is in both */

/* Of ACCESS_PREFIXES the addresses are added to list. False, and the reason in why, if it is none of these; why may get a remark
 * on how it was understood. */
bool access_word_read(
    enum access_form *form, struct prefix_list *list, const char *text, char why[ATTR_WHY_SIZE]);

/* One that was read. */
struct access_word {
	const char *text; /* borrowed */
	enum access_form form;
	struct prefix_list prefixes;
};

/* False, and nothing to be done, if it is no such word. */
bool access_word_take(struct access_word *w, const char *text);
void access_word_done(struct access_word *w);
/* The text is another spelling of it. */
bool access_word_same(const struct access_word *x, const char *text);
/* Adds the addresses that the words say themselves, without names and files. */
void access_words_read(struct prefix_list *list, const struct strings *words);

#endif
