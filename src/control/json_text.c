/* SPDX-License-Identifier: MIT */
#include "control/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* Each byte takes four characters at most. */
static json_t *
escaped(const char *s)
{
	char *text = mem_array(strlen(s) + 1, 4), *to = text;
	json_t *j;

	while (*s != '\0') {
		uint32_t code;
		const size_t len = utf8_decode(s, strnlen(s, 4), &code);

		if (len == 0)
			to += sprintf(to, "\\x%02x", (unsigned char)*s);
		else
			to = mempcpy(to, s, len);
		s += len == 0 ? 1 : len;
	}
	j = json_string(text);
	free(text);
	return j != NULL ? j : json_null();
}

json_t *
json_text(const char *s)
{
	json_t *j;

	if (s == NULL)
		return json_null();
	j = json_string(s);
	return j != NULL ? j : escaped(s);
}
