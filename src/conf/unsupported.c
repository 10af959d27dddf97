/* SPDX-License-Identifier: MIT */
#include "conf/unsupported.h"

#include <strings.h>

#include "base/mem.h"
#include "base/nearest.h"

/* clang-format off */
const struct unsupported unsupported[] = {
	{ "rpc_version", true, "porterd does not speak to the portmapper" },
	{ "rpc_number", true, "porterd does not speak to the portmapper" },
	{ "mdns", false, "services are not announced on the network" },
};
/* clang-format on */

const size_t unsupported_count = ARRAY_LEN(unsupported);

const struct unsupported *
unsupported_find(const char *name)
{
	for (size_t i = 0; i < unsupported_count; i++)
		if (strcasecmp(unsupported[i].name, name) == 0)
			return &unsupported[i];
	return NULL;
}

static size_t
collect(const char **names, size_t count, bool restricts)
{
	for (size_t i = 0; i < attr_count; i++) {
		if (attrs[i].restricts != restricts)
			continue;
		names[count++] = attrs[i].name;
		if (attrs[i].alias != NULL)
			names[count++] = attrs[i].alias;
	}
	for (size_t i = 0; i < unsupported_count; i++)
		if (unsupported[i].restricts == restricts)
			names[count++] = unsupported[i].name;
	return count;
}

/* Names that restrict stand first, and so win among equally near ones. */
const char *
unknown_guess(const char *name, bool *restricts)
{
	const char *names[256];
	size_t first = collect(names, 0, true);
	size_t count = collect(names, first, false);
	const char *near = nearest_name(name, names, count);

	*restricts = false;
	for (size_t i = 0; i < first; i++)
		*restricts = *restricts || names[i] == near;
	return near;
}
