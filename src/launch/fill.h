/* SPDX-License-Identifier: MIT */
/* Words of a program's arguments and environment that are different for each connection, see conf/template.h. Prepared with the
 * plan; filling them in takes no memory and no system call. */
#ifndef LAUNCH_FILL_H
#define LAUNCH_FILL_H

#include <stdbool.h>
#include <stddef.h>

struct fill;

/* If the text changes from connection to connection, puts it into the list, which may be NULL, and returns the place that will
 * hold it; else NULL. is_variable: NAME=VALUE, whose name stays. */
char *fill_add(struct fill **list, const char *text, bool is_variable);
/* Values are those of the NAME=VALUE in variables, up to a NULL; what is not there is empty. */
void fill_all(struct fill *list, char *const *variables);
/* The text behind the place `word`; NULL if it is none. */
const char *fill_source(const struct fill *list, const char *word);
void fill_free(struct fill *list); /* with the places; NULL is allowed */

#endif
