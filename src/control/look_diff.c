/* SPDX-License-Identifier: MIT */
#include "conf/attr.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/json_text.h"
#include "control/live.h"
#include "control/problem_json.h"
#include "control/reload.h"
#include "control/side.h"
#include "reload/diff.h"

static json_t *
attributes_json(const struct difference *one)
{
	json_t *list = json_array();

	for (size_t i = 0; i < attr_count; i++) {
		const struct attr *a = &attrs[i];

		if (!attr_is_global(a) && !attr_equal(one->before, one->after, a))
			json_array_append_new(list,
			    json_pack("{s:s, s:o, s:o}", "name", a->name, "old",
				live_value(one->before, a), "new", live_value(one->after, a)));
	}
	return list;
}

static json_t *
keys_json(const struct strings *keys)
{
	json_t *list = json_array();

	for (size_t i = 0; i < keys->count; i++)
		json_array_append_new(list, json_text(keys->item[i]));
	return list;
}

static void
add_difference(json_t *result, const struct difference *one)
{
	const struct service_conf *conf = one->after != NULL ? one->after : one->before;
	json_t *id = json_text(conf->id);

	if (one->replaces_workers)
		json_array_append(json_object_get(result, "restarts_workers"), id);
	if (one->before == NULL)
		json_array_append_new(json_object_get(result, "added"), id);
	else if (one->after == NULL)
		json_array_append_new(json_object_get(result, "removed"), id);
	else
		json_array_append_new(json_object_get(result, "changed"),
		    json_pack("{s:o, s:o}", "id", id, "attributes", attributes_json(one)));
}

static json_t *
find_differences(struct daemon *d)
{
	struct problems problems = { 0 };
	struct config *config = daemon_load(d, &problems);
	struct diff diff;
	json_t *result;

	diff_make(&diff, &d->runtime, config);
	result = json_pack("{s:o, s:[], s:[], s:[], s:[], s:{s:o, s:o}, s:I}", "problems",
	    problems_json(&problems), "added", "removed", "changed", "restarts_workers",
	    "listeners", "opened", keys_json(&diff.opened), "closed", keys_json(&diff.closed),
	    "errors", (json_int_t)problems.by_severity[SEVERITY_ERROR]);
	for (size_t i = 0; i < diff.count; i++)
		add_difference(result, &diff.item[i]);
	return json_pack("{s:o}", "result", result);
}

json_t *
cmd_diff(struct request *r)
{
	return live_is_running(r) ? side_start(r, find_differences) : NULL;
}
