/* SPDX-License-Identifier: MIT */
/* What the daemon is, and what is wrong at this moment. */
#include <unistd.h>

#include "base/clock.h"
#include "control/commands.h"
#include "control/control.h"
#include "control/daemon.h"
#include "control/json_text.h"
#include "control/measure.h"
#include "control/trouble.h"

static json_t *
services_json(const struct daemon_figures *f)
{
	json_t *services = json_object();

	for (unsigned i = 0; i < SERVICE_STATE_MAX; i++)
		json_object_set_new(services, service_state_word((enum service_state)i),
		    json_integer((json_int_t)f->services[i]));
	return services;
}

static json_t *
totals_json(const struct daemon *d)
{
	const struct counters c = measure_totals(d);

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "accepted", (json_int_t)c.accepted,
	    "started", (json_int_t)c.started, "answered", (json_int_t)c.answered, "refused",
	    (json_int_t)counters_refused(&c), "failed", (json_int_t)c.failed, "aborted",
	    (json_int_t)c.aborted, "ended", (json_int_t)c.ended);
}

json_t *
cmd_status(struct request *r)
{
	const struct daemon *d = r->daemon;
	const struct daemon_figures f = measure_daemon(d);
	unsigned count;
	json_t *problems = trouble_list(d, &count);
	json_t *result = json_pack("{s:i, s:s, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:o, s:I, s:I}",
	    "pid", (int)getpid(), "version", VERSION, "started", (json_int_t)f.started, "loaded",
	    (json_int_t)f.loaded, "up", (json_int_t)(f.up_ms / 1000), "config",
	    json_text(d->options.config_path), "reloads", (json_int_t)f.reloads, "refused_reloads",
	    (json_int_t)f.refused_reloads, "upgrades", (json_int_t)f.upgrades, "services",
	    services_json(&f), "listeners", (json_int_t)f.listeners, "unbound",
	    (json_int_t)f.unbound);
	json_t *more = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I}", "running",
	    (json_int_t)f.processes, "max_servers", (json_int_t)f.most_processes, "connections",
	    (json_int_t)f.connections, "clients", (json_int_t)f.clients, "log_lines_lost",
	    (json_int_t)f.log_lines_lost, "bans", (json_int_t)f.bans, "totals", totals_json(d),
	    "problems", problems, "problem_count", (json_int_t)count);

	json_object_update(result, more);
	json_decref(more);
	return result;
}

json_t *
cmd_hello(struct request *r)
{
	return json_pack("{s:s}", "role", client_role(r->client) == ROLE_ADMIN ? "admin" : "look");
}

json_t *
cmd_lower(struct request *r)
{
	if (client_role(r->client) > ROLE_LOOK && control_is_full_of_lookers(r->daemon->control))
		return request_fail(
		    r, "busy", "too many who may only look are connected: try again later");
	client_lower(r->client);
	return json_object();
}
