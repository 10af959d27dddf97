/* SPDX-License-Identifier: MIT */
#include "control/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "control/commands.h"

/* clang-format off */
const struct command commands[] = {
	{ "status", ROLE_LOOK, cmd_status, 0, { NULL },
	  "What the daemon is, what it serves, and what is wrong." },
	{ "services", ROLE_LOOK, cmd_services, 0, { "service", "after" },
	  "State and counters of the services." },
	{ "show", ROLE_LOOK, cmd_show, 0, { "!service", "after" },
	  "The same, with every attribute and where it comes from." },
	{ "connections", ROLE_LOOK, cmd_connections, 0, { "service", "after" },
	  "Programs and workers that run, and whom they serve." },
	{ "metrics", ROLE_LOOK, cmd_metrics, 0, { "after" },
	  "All counters and histograms." },
	{ "logs", ROLE_LOOK, cmd_logs, 0,
	  { "follow", "lines", "service", "level", "kind", "connection", "match" },
	  "The latest log lines, and those to come." },
	{ "trace", ROLE_LOOK, cmd_trace, 0, { "!service" },
	  "Every decision about the connections of a service from now on." },
	{ "bans", ROLE_LOOK, cmd_bans, 0, { "after" },
	  "Addresses that nobody is served from." },
	{ "diff", ROLE_LOOK, cmd_diff, 0, { NULL },
	  "What a reload would change." },
	{ "hello", ROLE_LOOK, cmd_hello, 0, { NULL },
	  "Which rights this connection has." },
	{ "lower", ROLE_LOOK, cmd_lower, 0, { NULL },
	  "This connection may only look from now on." },
	{ "reload", ROLE_ADMIN, cmd_reload, 0, { "dry_run" },
	  "Reads the configuration anew; one with errors changes nothing." },
	{ "enable", ROLE_ADMIN, cmd_enable, 0, { "!service" },
	  "Listens again after disable or drain." },
	{ "disable", ROLE_ADMIN, cmd_disable, 0, { "!service" },
	  "Listens no more until enable; programs go on." },
	{ "drain", ROLE_ADMIN, cmd_drain, 0, { "!service" },
	  "As disable, and says how many connections there still are." },
	{ "kill", ROLE_ADMIN, cmd_kill, 0, { "service", "pid", "signal" },
	  "Sends a signal to the programs of a service, or to one." },
	{ "set", ROLE_ADMIN, cmd_set, 0, { "!service", "!name", "!value" },
	  "Changes an attribute until the next reload." },
	{ "ban", ROLE_ADMIN, cmd_ban, 0, { "!address", "for" },
	  "Serves nobody from an address or prefix, for some seconds or until unban." },
	{ "unban", ROLE_ADMIN, cmd_unban, 0, { "!address" },
	  "Takes a ban out." },
	{ "run", ROLE_ADMIN, cmd_run, CONTROL_FDS, { "!service" },
	  "Starts the program of a service on the descriptors that come with the request." },
	{ "upgrade", ROLE_ADMIN, cmd_upgrade, 0, { NULL },
	  "Executes the program now on disk, which takes everything over." },
	{ "stop", ROLE_ADMIN, cmd_stop, 0, { "now" },
	  "Ends the daemon and its programs." },
};
/* clang-format on */

const size_t command_count = ARRAY_LEN(commands);

json_t request_later;

static json_t *fail(struct request *r, const char *code, json_t *extra, const char *format,
    va_list ap) __attribute__((format(printf, 4, 0)));

static json_t *
fail(struct request *r, const char *code, json_t *extra, const char *format, va_list ap)
{
	char *text;

	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	if (r->client != NULL)
		client_fail(r->client, code, extra, text != NULL ? text : code);
	else
		json_decref(extra);
	free(text);
	return NULL;
}

json_t *
request_fail(struct request *r, const char *code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fail(r, code, NULL, format, ap);
	va_end(ap);
	return NULL;
}

json_t *
request_fail_with(struct request *r, const char *code, json_t *extra, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fail(r, code, extra, format, ap);
	va_end(ap);
	return NULL;
}

const char *
request_text(const struct request *r, const char *name)
{
	return json_string_value(json_object_get(r->args, name));
}
