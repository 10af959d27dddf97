/* SPDX-License-Identifier: MIT */
/* For the files of the types: fields that are plain bytes are cleared, copied and compared alike. */
#ifndef CONF_TYPES_PLAIN_H
#define CONF_TYPES_PLAIN_H

#include "conf/attr.h"

/* clang-format off */
#define PLAIN(kind, ctype) \
	static void kind##_clear(void *field, const struct attr *a) { (void)a; *(ctype *)field = (ctype){0}; } \
	static void kind##_copy(void *to, const void *from, const struct attr *a) \
	{ (void)a; *(ctype *)to = *(const ctype *)from; } \
	static bool kind##_equal(const void *x, const void *y, const struct attr *a) \
	{ (void)a; return *(const ctype *)x == *(const ctype *)y; }
/* clang-format on */

#endif
