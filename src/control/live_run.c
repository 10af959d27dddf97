/* SPDX-License-Identifier: MIT */
/* The program of a service for a person, on the descriptors that come with the request. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "control/commands.h"
#include "control/daemon.h"
#include "control/live.h"
#include "run/service.h"

/* What the client is told when the program has ended. */
static json_t *
event_of(int status, const struct launch_fault *fault)
{
	if (fault->step != 0)
		return json_pack("{s:s, s:s, s:s}", "event", "failed", "step",
		    launch_step_name(fault), "error", strerror(fault->error));
	if (WIFSIGNALED(status))
		return json_pack("{s:s, s:i}", "event", "ended", "signal", WTERMSIG(status));
	return json_pack("{s:s, s:i}", "event", "ended", "status", WEXITSTATUS(status));
}

static void
on_end(void *arg, const struct server *server, int status, const struct launch_fault *fault)
{
	struct daemon *d = arg;
	struct client_conn *c = client_find(d, server->asker);

	d->runs--;
	if (c != NULL)
		client_event(c, event_of(status, fault));
}

void
run_watch(struct daemon *d, struct server *server)
{
	server->on_end = on_end;
	server->on_end_arg = d;
	d->runs++;
}

void
run_client_gone(struct daemon *d, uint64_t client)
{
	struct service *s;
	struct server *server;

	if (d->runs == 0)
		return;
	TAILQ_FOREACH(s, &d->runtime.services, link)
		LIST_FOREACH(server, &s->servers, in_service) {
			if (server->asker != client || server->on_end == NULL)
				continue;
			d->runs--;
			server->asker = 0;
			server->on_end = NULL;
			server_signal(server, s->conf->stop_signal);
			server_signal(server, SIGCONT);
		}
}

/* Why the program makes no sense by hand; NULL: it does. */
static const char *
objection(const struct service *s)
{
	const struct service_conf *conf = s->conf;

	if (conf_has_pool(conf) && conf->pool_exec == CONF_POOL_ONCE && !conf_is_internal(conf))
		return "its program is written as a worker, which serves connections that come over a channel";
	if (s->plan->builtin != NULL && s->plan->builtin->stream == NULL &&
	    s->plan->builtin->answer == NULL)
		return "it is a builtin that porterd serves itself";
	if (s->runtime->running >= s->runtime->max_servers)
		return "as many programs are running as max_servers allows";
	return NULL;
}

/* What a client would have connected to, as far as there is no choice. */
static struct addr
local_address(const struct service *s)
{
	const struct listener *l = TAILQ_FIRST(&s->listeners);

	return l != NULL && TAILQ_NEXT(l, link) == NULL ? *listener_bound(l) : (struct addr){ 0 };
}

/* Whoever is at the other end; a terminal and a process on this machine have no address. */
static struct addr
peer_address(int fd)
{
	struct addr peer = { .len = sizeof(peer.u) };

	if (getpeername(fd, &peer.u.sa, &peer.len) < 0 || addr_family(&peer) == AF_UNIX)
		return (struct addr){ 0 };
	addr_canonical(&peer);
	return peer;
}

static json_t *
start(struct request *r, struct service *s)
{
	struct connection c = {
		.fd = r->fds[0], .peer = peer_address(r->fds[0]), .local = local_address(s)
	};
	struct server *server;
	int error;

	c.id = ++s->runtime->connections;
	error = -service_start_for(s, &c, r->fds[1], &server);
	if (error > 0)
		return request_fail(r, "failed", "no process: %s", strerror(error));
	server->asker = client_number(r->client);
	run_watch(r->daemon, server);
	return json_pack(
	    "{s:i, s:I}", "pid", (int)server->pid, "connection", (json_int_t)server->connection);
}

json_t *
cmd_run(struct request *r)
{
	struct live_list list;
	struct service *s;
	const char *why;

	if (!live_is_running(r))
		return NULL;
	live_find(r, &list);
	if (list.count == 0)
		return live_unknown(r);
	s = list.item[0];
	free(list.item);
	if (list.count > 1)
		return request_fail(r, "bad-request",
		    "there are %zu services of this id: say which one by ID@ADDRESS", list.count);
	why = objection(s);
	if (why != NULL)
		return request_fail(
		    r, "refused", "service %.200s cannot be run by hand: %s", s->conf->id, why);
	return start(r, s);
}
