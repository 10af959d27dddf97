/* SPDX-License-Identifier: MIT */
/* One word of only_from or no_access, or one line of a file of addresses. */
#ifndef CONF_ACCESS_WORD_H
#define CONF_ACCESS_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/prefix.h"
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

/* Of ACCESS_PREFIXES the addresses are added to list. False, and the reason in why, if it is none of these; why may get a remark
 * on how it was understood. */
bool access_word_read(
    enum access_form *form, struct prefix_list *list, const char *text, char why[ATTR_WHY_SIZE]);

/* Two spellings of one thing. */
bool access_word_same(const char *x, const char *y);

#endif
