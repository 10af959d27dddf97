/* SPDX-License-Identifier: MIT */
/* Sets of choices, a bit for each. */
#include "base/mem.h"
#include "base/nearest.h"
#include "conf/types.h"
#include "conf/types_plain.h"

PLAIN(flags, unsigned)

static bool
flags_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	const struct attr_choice *c = attr_choice_find(a, text);
	const char *names[16];
	size_t count = 0;

	if (c != NULL && c->refusal != NULL)
		return type_refuse(why, "%s", c->refusal);
	if (c != NULL) {
		*(unsigned *)field |= (unsigned)c->value;
		return true;
	}
	for (c = a->choices; c->name != NULL && count < ARRAY_LEN(names); c++)
		names[count++] = c->name;
	const char *near = nearest_name(text, names, count);
	if (near != NULL)
		return type_refuse(why, "'%.60s' is unknown: did you mean %s?", text, near);
	return type_refuse(why, "'%.60s' is unknown", text);
}

static bool
flags_remove(void *field, const struct attr *a, const char *text)
{
	const struct attr_choice *c = attr_choice_find(a, text);
	unsigned *value = field, before = *value;

	if (c != NULL)
		*value &= ~(unsigned)c->value;
	return *value != before;
}

static void
flags_print(const void *field, const struct attr *a, FILE *out)
{
	const char *between = "";

	fputc('{', out);
	for (const struct attr_choice *c = a->choices; c->name != NULL; c++) {
		if (c->value != 0 && (*(const unsigned *)field & (unsigned)c->value) != 0) {
			fprintf(out, "%s\"%s\"", between, c->name);
			between = ", ";
		}
	}
	fputc('}', out);
}

const struct attr_type type_flags = {
	.label = "list of choices",
	.is_list = true,
	.splits_commas = true,
	.set = flags_set,
	.remove = flags_remove,
	.clear = flags_clear,
	.copy = flags_copy,
	.equal = flags_equal,
	.print = flags_print,
};
