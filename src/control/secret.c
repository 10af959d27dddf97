/* SPDX-License-Identifier: MIT */
#include "control/secret.h"

#include "base/array.h"
#include "conf/attr.h"

/* Members that hold a value of the attribute. */
static const char *const values[] = { "value", "old", "new" };

void
secret_hide(json_t *attributes)
{
	json_t *one;
	size_t i;

	json_array_foreach(attributes, i, one) {
		const char *name = json_string_value(json_object_get(one, "name"));
		const struct attr *a = name != NULL ? attr_find(name) : NULL;

		for (size_t k = 0; a != NULL && a->is_secret && k < ARRAY_LEN(values); k++)
			if (json_object_get(one, values[k]) != NULL)
				json_object_set_new(one, values[k], json_string("(hidden)"));
	}
}

void
secret_hide_in_diff(json_t *result)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(result, "changed"), i, one)
		secret_hide(json_object_get(one, "attributes"));
	json_array_foreach(json_object_get(result, "problems"), i, one)
		json_object_del(one, "line");
}
