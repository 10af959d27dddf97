/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/quote.h"
#include "conf/types.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/live.h"
#include "run/service.h"

/* 0: none was asked for. False, and the request has failed, if that is no signal. */
static bool
read_signal(struct request *r, int *signo)
{
	const json_t *value = json_object_get(r->args, "signal");
	char number[24], shown[200], why[ATTR_WHY_SIZE];
	const char *text = json_string_value(value);

	*signo = 0;
	if (value == NULL)
		return true;
	if (text == NULL) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		text = number;
	}
	if (type_signal.set(signo, NULL, text, why))
		return true;
	request_fail(r, "bad-value", "%s is no signal", quote_text(text, shown, sizeof(shown)));
	return false;
}

static void
send_signal(const struct server *server, int signo, json_t *signalled)
{
	server_signal(server, signo != 0 ? signo : server->service->conf->stop_signal);
	json_array_append_new(signalled, json_integer(server->pid));
}

static json_t *
result_of(json_t *signalled)
{
	json_t *result = json_object();

	json_object_set_new(result, "signalled", signalled);
	return result;
}

static json_t *
kill_one(struct request *r, int signo)
{
	json_int_t pid = json_integer_value(json_object_get(r->args, "pid"));
	const struct server *server =
	    pid > 0 && pid <= INT_MAX ? servers_find(r->daemon->runtime.servers, (pid_t)pid) : NULL;
	json_t *signalled;

	if (server == NULL)
		return request_fail(
		    r, "unknown-process", "%lld is no program of a service", (long long)pid);
	signalled = json_array();
	send_signal(server, signo, signalled);
	return result_of(signalled);
}

static json_t *
kill_all(struct request *r, int signo)
{
	struct live_list list;
	json_t *signalled;

	live_find(r, &list);
	if (list.count == 0)
		return live_unknown(r);
	signalled = json_array();
	for (size_t i = 0; i < list.count; i++) {
		const struct server *server;

		LIST_FOREACH(server, &list.item[i]->servers, in_service)
			send_signal(server, signo, signalled);
	}
	free(list.item);
	return result_of(signalled);
}

json_t *
cmd_kill(struct request *r)
{
	bool has_pid = json_object_get(r->args, "pid") != NULL;
	int signo;

	if (has_pid == (request_text(r, "service") != NULL))
		return request_fail(r, "bad-request", "kill takes a service or a pid");
	if (!read_signal(r, &signo))
		return NULL;
	return has_pid ? kill_one(r, signo) : kill_all(r, signo);
}
