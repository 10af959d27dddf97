/* SPDX-License-Identifier: MIT */
/* What is wrong with a configuration, without a daemon. */
#include <stdio.h>
#include <unistd.h>

#include "control/problem_json.h"
#include "ctl/command_row.h"
#include "load/load.h"
#include "serve/builtin.h"

static json_t *
report(const struct config *config, const struct problems *problems)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:I}", "problems", problems_json(problems), "errors",
	    (json_int_t)problems->by_severity[SEVERITY_ERROR], "warnings",
	    (json_int_t)problems->by_severity[SEVERITY_WARNING], "notes",
	    (json_int_t)problems->by_severity[SEVERITY_NOTE], "services",
	    (json_int_t)config->count);
}

int
ctl_check(struct call *c)
{
	const char *path = c->count > 0 ? c->args[0] : CONFIG_FILE;
	struct lookup lookup = lookup_system;
	/* Most files that are checked will be served by root. */
	const struct load_options options = { .lookup = &lookup,
		.is_root = true,
		.uid = geteuid(),
		.trust = { .is_checked = geteuid() == 0, .owner_count = 1 } };
	struct problems problems = { 0 };
	struct config *config;
	int status;

	lookup.is_builtin = builtin_exists;
	config = config_load(path, &options, &problems);
	if (c->is_json)
		call_json(c, report(config, &problems));
	else
		problems_print(&problems, stdout);
	status = problems.by_severity[SEVERITY_ERROR] > 0 ? CTL_REFUSED : CTL_OK;
	config_unref(config);
	problems_done(&problems);
	return status;
}
