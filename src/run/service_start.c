/* SPDX-License-Identifier: MIT */
/* Starting the programs and workers of a service. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rate.h"
#include "net/socket.h"
#include "run/activity.h"
#include "run/door.h"
#include "run/pool.h"
#include "run/service.h"
#include "run/session.h"
#include "run/stderr_log.h"
#include "run/trace.h"
#include "run/worker.h"

#define STDERR_MESSAGE_MS 5000

static void
say_stderr_lost(struct service *s, int error)
{
	unsigned left_out;

	if (rate_allows(
		service_rate(s, MESSAGE_STDERR), clock_now_ms(), STDERR_MESSAGE_MS, &left_out))
		log_warn("event=stderr-lost service=%s error=\"%s\" left-out=%u", s->conf->id,
		    strerror(error), left_out);
}

/* Descriptor 2 of the program: -1 for the socket itself. */
static int
open_stderr(struct service *s, const struct connection *c, struct stderr_log **log)
{
	int fd = -1;

	*log = NULL;
	if (s->conf->stderr_to == CONF_STDERR_SOCKET)
		return -1;
	if (s->conf->stderr_to == CONF_STDERR_LOG) {
		*log = stderr_log_open(s->conf->id, c->id, &fd);
		if (*log == NULL)
			say_stderr_lost(s, errno);
	}
	return *log != NULL ? fd : s->runtime->null_fd;
}

static void
started(struct service *s, struct server *server, pid_t pid)
{
	servers_start(s->runtime->servers, server, pid);
	LIST_INSERT_HEAD(&s->servers, server, in_service);
	s->running++;
	s->runtime->running++;
	s->counters.started++;
	server->has_slot = server->worker == NULL && server->listener == NULL;
	if (server->has_slot)
		door_enter(s, &server->peer);
	server->started_us = clock_now_us();
}

/* The program of a connection runs, or will say why it does not. */
static void
say_started(struct service *s, const struct server *server, const struct connection *c)
{
	if (c->accepted_us != 0)
		histogram_add(&s->counters.start, server->started_us - c->accepted_us);
	activity_start(s, server->pid, &server->peer, server->connection);
	TRACE(s, server->connection,
	    "a process for its program was made, pid %d; %u of them run now", (int)server->pid,
	    service_connections(s));
}

/* The program has its end of the pipe now, or there is no program. log: NULL if there is no pipe. */
static void
give_log(struct stderr_log *log, int fd, pid_t pid)
{
	if (log == NULL)
		return;
	close(fd);
	if (pid < 0)
		stderr_log_drop(log);
	else
		stderr_log_set_pid(log, pid);
}

/* Only a domain in only_from can admit him. */
static bool
is_by_name(const struct service *s, const struct connection *c)
{
	return access_list_get(s->conf->only_from_list)->domains.count > 0 &&
	       (s->door == NULL || door_needs_name(s->door, &c->peer));
}

/* person_fd: descriptor 2 of a program that a person starts; -1: of others. */
static pid_t
launch(struct service *s, struct server *server, const struct connection *c, int person_fd)
{
	struct stderr_log *log = NULL;
	int err_fd = person_fd >= 0 ? person_fd : open_stderr(s, c, &log);
	const struct launch l = {
		.plan = s->plan,
		.kind = LAUNCH_PROGRAM,
		.fd = c->fd,
		.out_fd = -1,
		.err_fd = err_fd,
		.env = plan_environment(s->plan, s->conf, c),
		.client = person_fd < 0 ? c : NULL,
		.starts = s->runtime->starts,
		.by_name = is_by_name(s, c),
		.fault = servers_fault(s->runtime->servers, server),
	};
	pid_t pid = launch_start(&l);

	give_log(log, err_fd, pid);
	return pid;
}

static struct server *
new_server(struct service *s, const struct connection *c)
{
	struct server *server = servers_take(s->runtime->servers);

	if (server == NULL)
		return NULL;
	server->service = s;
	server->peer = c->peer;
	server->connection = c->id;
	server->started_ms = clock_now_ms();
	return server;
}

int
service_start(struct service *s, struct listener *waits, const struct connection *c)
{
	struct server *server = new_server(s, c);
	pid_t pid;

	if (server == NULL)
		return -EAGAIN;
	if (waits != NULL) {
		server->queue_mark = socket_queue_mark(c->fd, s->conf->socket_type);
		socket_set_blocking(c->fd, true);
	}
	pid = launch(s, server, c, -1);
	if (pid < 0) {
		if (waits != NULL)
			socket_set_blocking(c->fd, false);
		servers_give(s->runtime->servers, server);
		return pid;
	}
	if (waits != NULL)
		listener_lend(waits, server);
	started(s, server, pid);
	session_begin(server, waits == NULL ? c->fd : -1);
	say_started(s, server, c);
	return 0;
}

int
service_start_for(
    struct service *s, const struct connection *c, int err_fd, struct server **started_server)
{
	struct server *server = new_server(s, c);
	pid_t pid;

	if (server == NULL)
		return -EAGAIN;
	pid = launch(s, server, c, err_fd);
	if (pid < 0) {
		servers_give(s->runtime->servers, server);
		return pid;
	}
	started(s, server, pid);
	say_started(s, server, c);
	*started_server = server;
	return 0;
}

/* Where the worker's output goes: to the log, or nowhere. Of a warm process the client is not there yet. */
static int
open_worker_log(struct service *s, struct worker *w)
{
	int fd = -1;

	if (s->conf->stderr_to == CONF_STDERR_NULL ||
	    (w->kind == LAUNCH_WARM && s->conf->stderr_to == CONF_STDERR_SOCKET))
		return s->runtime->null_fd;
	w->log = stderr_log_open(s->conf->id, 0, &fd);
	if (w->log == NULL)
		say_stderr_lost(s, errno);
	return w->log != NULL ? fd : s->runtime->null_fd;
}

static size_t
shared_listeners(const struct service *s, int fds[LAUNCH_SHARED])
{
	const struct listener *l;
	size_t count = 0;

	TAILQ_FOREACH(l, &s->listeners, link) {
		if (!listener_is_bound(l) || count == LAUNCH_SHARED)
			continue;
		socket_set_blocking(l->io.fd, true);
		fds[count++] = l->io.fd;
	}
	return count;
}

static pid_t
launch_worker(struct service *s, const struct worker *w, struct launch *l)
{
	const struct listener *first = TAILQ_FIRST(&s->listeners);
	int fds[LAUNCH_SHARED] = { -1 };
	struct worker_variables v = { .local = first != NULL ? listener_bound(first) : NULL };

	if (w->accepts) {
		v.shared_count = shared_listeners(s, fds);
		l->shared = fds;
		l->shared_count = v.shared_count;
		l->fd = fds[0];
	}
	l->env = plan_worker_environment(s->plan, s->conf, &v, &l->listen_pid);
	return launch_start(l);
}

/* Its channel is there already if it has one. */
static pid_t
start_worker(struct service *s, struct worker *w, int channel)
{
	int log_fd = open_worker_log(s, w);
	bool is_to_socket = w->kind == LAUNCH_WARM && s->conf->stderr_to == CONF_STDERR_SOCKET;
	struct launch l = {
		.plan = s->plan,
		.kind = w->kind,
		.fd = channel,
		.out_fd = w->kind == LAUNCH_WARM ? s->runtime->null_fd : log_fd,
		.err_fd = is_to_socket ? -1 : log_fd,
		.fault = servers_fault(s->runtime->servers, w->server),
	};
	pid_t pid = launch_worker(s, w, &l);

	give_log(w->log, log_fd, pid);
	return pid;
}

/* Both ends of the worker's channel, ours watched. 0 or -errno. */
static int
open_channel(struct service *s, struct worker *w, int *theirs)
{
	bool is_plain = w->protocol == CHANNEL_PLAIN;
	int r =
	    channel_open(is_plain ? s->conf->pool_channel : SOCK_SEQPACKET, &w->channel, theirs);

	if (r < 0)
		return r;
	r = worker_watch_channel(w);
	/* Not by worker_close_channel: it is not watched. */
	if (r < 0)
		channel_close(&w->channel);
	return r;
}

int
service_start_worker(struct service *s, struct worker *w)
{
	int theirs = -1, r = 0;
	pid_t pid = -EAGAIN;

	if (s->runtime->running >= s->runtime->max_servers)
		return -EAGAIN;
	w->server = servers_take(s->runtime->servers);
	if (w->server == NULL)
		return -EAGAIN;
	w->server->service = s;
	w->server->worker = w;
	w->server->started_ms = clock_now_ms();
	if (!w->accepts)
		r = open_channel(s, w, &theirs);
	pid = r < 0 ? r : start_worker(s, w, theirs);
	if (theirs >= 0)
		close(theirs);
	if (pid < 0) {
		worker_close_channel(w);
		servers_give(s->runtime->servers, w->server);
		return pid;
	}
	started(s, w->server, pid);
	TRACE(s, 0, "a worker was started, pid %d", (int)pid);
	return 0;
}
