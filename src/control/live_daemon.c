/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "control/commands.h"
#include "control/daemon.h"
#include "control/live.h"
#include "control/notify.h"
#include "control/problem_json.h"
#include "control/reload.h"
#include "control/side.h"
#include "run/service.h"

static bool
is_asked(const struct request *r, const char *name)
{
	return json_is_true(json_object_get(r->args, name));
}

static json_t *
extra_of(const struct problems *problems)
{
	json_t *extra = json_object();

	json_object_set_new(extra, "problems", problems_json(problems));
	return extra;
}

static json_t *
applied_json(const struct problems *problems, const struct apply_result *applied)
{
	json_t *result = extra_of(problems);

	json_object_set_new(result, "services", json_integer(applied->services));
	json_object_set_new(result, "listeners", json_integer(applied->listening));
	json_object_set_new(result, "unbound", json_integer(applied->unbound));
	json_object_set_new(result, "kept", json_integer(applied->kept));
	return result;
}

static void
note_service(struct service *s, void *arg)
{
	const struct service **found = arg;

	*found = s;
}

/* As far as it can be known without opening anything. */
static struct apply_result
foresee(struct daemon *d, const struct config *config)
{
	struct apply_result result = { 0 };

	for (size_t i = 0; i < config->count; i++) {
		const struct service_conf *conf = config->services[i];
		const struct service *present = NULL;
		bool is_ok = conf->state == CONF_OK;

		if (!is_ok && conf->state != CONF_BROKEN_SURROUNDINGS)
			continue;
		services_named(d, conf->id, note_service, &present);
		result.kept += !is_ok && present != NULL;
		if (present != NULL ? present->is_off : !is_ok)
			continue;
		result.services++;
		result.listening += (unsigned)(is_ok ? conf : present->conf)->endpoint_count;
	}
	return result;
}

static json_t *
try_reload(struct daemon *d)
{
	struct problems problems = { 0 };
	struct config *config = daemon_load(d, &problems);
	const char *refusal = reload_refusal(&problems);
	struct apply_result foreseen = foresee(d, config);

	if (refusal == NULL)
		return json_pack("{s:o}", "result", applied_json(&problems, &foreseen));
	return json_pack(
	    "{s:s, s:s, s:o}", "code", "refused", "message", refusal, "extra", extra_of(&problems));
}

json_t *
cmd_reload(struct request *r)
{
	if (!live_is_running(r))
		return NULL;
	if (is_asked(r, "dry_run"))
		return side_start(r, try_reload);
	loading_ask(r->daemon, LOAD_RELOAD, client_number(r->client), NULL);
	return REQUEST_LATER;
}

json_t *
live_reloaded(struct request *r, const struct reload_result *result)
{
	if (result->is_done)
		return applied_json(&result->problems, &result->applied);
	return request_fail_with(
	    r, "refused", extra_of(&result->problems), "nothing was changed: %s", result->refusal);
}

json_t *
cmd_stop(struct request *r)
{
	struct daemon *d = r->daemon;
	bool is_now = is_asked(r, "now");

	/* The answer first: without programs the daemon ends at once. */
	client_answer(r->client, json_pack("{s:i}", "running", (int)d->runtime.running));
	if (!d->runtime.is_stopping) {
		notify_send("STOPPING=1");
		stop_begin(d);
	}
	if (is_now)
		stop_kill_all(d);
	return REQUEST_LATER;
}
