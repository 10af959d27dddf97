/* SPDX-License-Identifier: MIT */
/* What those who may only look are not told. */
#ifndef CONTROL_SECRET_H
#define CONTROL_SECRET_H

#include <jansson.h>

/* Objects with the name of an attribute, and its value, or its old and new one: values that may be passwords become
 * "(hidden)". */
void secret_hide(json_t *attributes);
/* The same in an answer to diff, where lines of the configuration are taken out of problems, too. */
void secret_hide_in_diff(json_t *result);

#endif
