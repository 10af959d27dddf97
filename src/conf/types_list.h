/* SPDX-License-Identifier: MIT */
/* For the files of the types: fields that are a struct strings are cleared, copied, compared, edited and printed alike. */
#ifndef CONF_TYPES_LIST_H
#define CONF_TYPES_LIST_H

#include "base/strings.h"
#include "conf/attr.h"

void list_clear(void *field, const struct attr *a);
void list_copy(void *to, const void *from, const struct attr *a);
bool list_equal(const void *x, const void *y, const struct attr *a);
bool list_remove(void *field, const struct attr *a, const char *text);
void list_print(const void *field, const struct attr *a, FILE *out);
/* Every word like this one; its text may be one of the list's own. */
bool list_remove_at(struct strings *list, size_t i);

/* Whether a host may be called that, or it is "*" or a numeric address; why may be NULL. */
bool host_ok(const char *host, char why[ATTR_WHY_SIZE]);

#endif
