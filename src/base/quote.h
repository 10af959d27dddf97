/* SPDX-License-Identifier: MIT */
/* Text of unknown origin as one harmless word of a log line. */
#ifndef BASE_QUOTE_H
#define BASE_QUOTE_H

#include <stddef.h>

/* Writes text so that it can stand as a value: quoted if it holds blanks, quotes, '=' or is empty; control
 * characters, DEL and bytes that are no valid UTF-8 as \xNN; cut at size. Returns out. */
const char *quote_text(const char *text, char *out, size_t size);
/* Writes len bytes of text as what stands between the quotes of a JSON string: valid UTF-8 whatever they are, bytes that are
 * none as \\xNN, which reads back as \xNN. Cut between two characters so that it fits in size with its NUL, size > 0.
 * Returns its length. */
size_t quote_json(const char *text, size_t len, char *out, size_t size);

#endif
