/* SPDX-License-Identifier: MIT */
#include "load/xinetd_attr.h"

#include <stddef.h>
#include <strings.h>

#include "base/array.h"

/* clang-format off */
static const struct xinetd_attr rows[] = {
	/* name, words, edited, nothing, limit, loses */
	{ "id", 1, false, false, false, false },
	{ "type", 0, false, false, false, true },
	{ "flags", 0, false, false, false, true },
	{ "disable", 1, false, false, true, false },
	{ "socket_type", 1, false, false, false, false },
	{ "protocol", 1, false, false, false, false },
	{ "wait", 1, false, false, false, false },
	{ "user", 1, false, false, true, false },
	{ "group", 1, false, false, true, false },
	{ "groups", 1, false, false, false, false },
	{ "instances", 1, false, false, true, false },
	{ "per_source", 1, false, false, true, false },
	{ "nice", 1, false, false, false, false },
	{ "server", 1, false, false, false, false },
	{ "server_args", 0, false, false, false, false },
	{ "libwrap", 1, false, false, true, false },
	{ "only_from", 0, true, true, true, false },
	{ "no_access", 0, true, true, true, false },
	{ "access_times", 0, false, false, true, true },
	{ "log_type", 0, false, false, false, true },
	{ "log_on_success", 0, true, true, false, true },
	{ "log_on_failure", 0, true, true, false, true },
	{ "rpc_version", 1, false, false, false, false },
	{ "rpc_number", 1, false, false, false, false },
	{ "env", 0, true, true, false, true },
	{ "passenv", 0, true, true, false, false },
	{ "port", 1, false, false, false, false },
	{ "redirect", 2, false, false, false, false },
	{ "bind", 1, false, false, true, false },
	{ "interface", 1, false, false, true, false },
	{ "banner", 1, false, false, false, false },
	{ "banner_success", 1, false, false, false, false },
	{ "banner_fail", 1, false, false, false, false },
	{ "cps", 2, false, false, true, false },
	{ "max_load", 1, false, false, true, false },
	{ "rlimit_as", 1, false, false, true, false },
	{ "rlimit_cpu", 1, false, false, true, false },
	{ "rlimit_data", 1, false, false, true, false },
	{ "rlimit_rss", 1, false, false, true, false },
	{ "rlimit_stack", 1, false, false, true, false },
	{ "rlimit_files", 1, false, false, true, false },
	{ "umask", 1, false, false, true, false },
	{ "v6only", 1, false, false, false, false },
	{ "deny_time", 1, false, false, true, false },
	{ "mdns", 1, false, false, false, false },
	{ "enabled", 0, true, true, true, false },
	{ "disabled", 0, true, true, true, false },
};

/* clang-format on */

const struct xinetd_attr *
xinetd_attr_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcasecmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

bool
xinetd_attr_is_hoped_for(const char *name)
{
	return strcasecmp(name, "rlimit_nofile") == 0;
}
