/* SPDX-License-Identifier: MIT */
/* Text of unknown origin as a JSON string. */
#ifndef CONTROL_JSON_TEXT_H
#define CONTROL_JSON_TEXT_H

#include <jansson.h>

/* A new string, never NULL: bytes that are no valid UTF-8 become the four characters \xNN. NULL becomes null. */
json_t *json_text(const char *s);

#endif
