/* SPDX-License-Identifier: MIT */
/* Members of objects that the daemon sent: what is missing or of another type is empty, so that a newer or older daemon is
 * shown as far as it is understood. */
#ifndef CTL_GET_H
#define CTL_GET_H

#include <jansson.h>
#include <stdbool.h>

static inline const char *
get_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static inline long long
get_number(const json_t *object, const char *name)
{
	return (long long)json_number_value(json_object_get(object, name));
}

static inline bool
get_has(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return value != NULL && !json_is_null(value);
}

#endif
