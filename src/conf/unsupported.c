/* SPDX-License-Identifier: MIT */
#include "conf/unsupported.h"

#include <strings.h>

#include "base/mem.h"
#include "base/nearest.h"

/* clang-format off */
const struct unsupported unsupported[] = {
	{ "only_from", true, NULL, "clients cannot be chosen by their address: listen on an address they alone can reach" },
	{ "no_access", true, NULL, "clients cannot be shut out by their address" },
	{ "access_times", true, NULL, "services cannot be closed by the time of day" },
	{ "per_source", true, "UNLIMITED", "clients of one address cannot be counted: instances bounds all together" },
	{ "cps", true, "0", "connections cannot be limited by their rate: instances bounds how many run at a time" },
	{ "max_load", true, "0", "connections cannot be limited by the load of the machine" },
	{ "libwrap", true, NULL, "hosts.allow and hosts.deny are not consulted" },
	{ "redirect", true, NULL, "connections cannot be passed on to another machine" },
	{ "rpc_version", true, NULL, "porterd does not speak to the portmapper" },
	{ "rpc_number", true, NULL, "porterd does not speak to the portmapper" },
	{ "deny_time", false, NULL, "it only goes with the flag SENSOR" },
	{ "banner", false, NULL, "nothing is sent before the program runs" },
	{ "banner_success", false, NULL, "nothing is sent before the program runs" },
	{ "banner_fail", false, NULL, "nothing is sent to a client that is refused" },
	{ "mdns", false, NULL, "services are not announced on the network" },
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

/* no_access without a word shuts nobody out; only_from without a word admits nobody. */
bool
unsupported_is_harmless(const struct unsupported *u, const struct setting *s)
{
	if (s->count == 0)
		return strcasecmp(u->name, "no_access") == 0;
	return s->op == SETTING_SET && u->harmless != NULL &&
	       strcasecmp(s->words[0].text, u->harmless) == 0;
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
