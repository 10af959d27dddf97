/* SPDX-License-Identifier: MIT */
/* Text of unknown origin as one harmless word of a log line. */
#ifndef BASE_QUOTE_H
#define BASE_QUOTE_H

#include <stddef.h>

/* Writes text so that it can stand as a value: quoted if it holds blanks, quotes, '=' or is empty; control
 * characters, DEL and bytes that are no valid UTF-8 as \xNN; cut at size. Returns out. */
const char *quote_text(const char *text, char *out, size_t size);

#endif
