/* SPDX-License-Identifier: MIT */
#include "run/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rate.h"
#include "run/activity.h"
#include "run/socket.h"
#include "run/stderr_log.h"

/* A program that cannot be started is not tried for every client: the rest are refused at once for a while. */
static const struct throttle_rule start_rule = {
	.max_failures = 20, .window_ms = 10000, .first_ms = 1000, .longest_ms = 30000
};
#define FAILURE_MESSAGE_MS 1000
#define STDERR_MESSAGE_MS  5000

static void
take_settings(struct service *s, struct config *config, const struct service_conf *conf)
{
	s->config = config_ref(config);
	s->conf = conf;
	s->plan = plan_new(conf, &s->runtime->origin);
	s->sink = conf->log_type.is_set && conf->log_type.kind != SINK_NONE
		      ? sink_open(&conf->log_type)
		      : NULL;
}

struct service *
service_new(struct runtime *rt, struct config *config, const struct service_conf *conf)
{
	struct service *s = mem_alloc(sizeof(*s));

	s->runtime = rt;
	s->is_matched = true;
	TAILQ_INIT(&s->listeners);
	LIST_INIT(&s->servers);
	take_settings(s, config, conf);
	TAILQ_INSERT_TAIL(&rt->services, s, link);
	return s;
}

void
service_configure(struct service *s, struct config *config, const struct service_conf *conf)
{
	struct config *old_config = s->config;
	struct plan *old_plan = s->plan;
	struct sink *old_sink = s->sink;

	take_settings(s, config, conf);
	throttle_succeeded(&s->start_failures);
	plan_free(old_plan);
	sink_close(old_sink);
	config_unref(old_config);
	/* At the end of the list: after a reload it stands in the new file's order. */
	TAILQ_REMOVE(&s->runtime->services, s, link);
	TAILQ_INSERT_TAIL(&s->runtime->services, s, link);
}

static struct listener_role
role(struct service *s, const struct endpoint *e)
{
	return (struct listener_role){
		.service = s, .list = &s->listeners, .conf = s->conf, .endpoint = e
	};
}

struct listener *
service_add_listener(struct service *s, const struct endpoint *e, const char *key)
{
	const struct listener_role r = role(s, e);

	return listener_new(s->runtime, &r, key);
}

void
service_take_listener(struct service *s, struct listener *l, const struct endpoint *e)
{
	const struct listener_role r = role(s, e);

	listener_move(l, &r);
}

void
service_close_listeners(struct service *s)
{
	while (!TAILQ_EMPTY(&s->listeners))
		listener_free(TAILQ_FIRST(&s->listeners));
}

void
service_free(struct service *s)
{
	service_close_listeners(s);
	TAILQ_REMOVE(&s->runtime->services, s, link);
	plan_free(s->plan);
	sink_close(s->sink);
	config_unref(s->config);
	loop_defer(s->runtime->loop, free, s);
}

void
service_remove(struct service *s)
{
	service_close_listeners(s);
	s->is_gone = true;
	if (s->running == 0)
		service_free(s);
}

enum verdict
service_admits(const struct service *s)
{
	/* wait = yes runs one program for each listener, whatever instances says. */
	const struct admit_limits limits = {
		.instances = s->conf->wait ? CONF_UNLIMITED : s->conf->instances,
		.max_servers = s->runtime->max_servers,
	};
	const struct admit_load load = {
		.running = s->running,
		.running_all = s->runtime->running,
		.is_failing = throttle_pauses(&s->start_failures, clock_now_ms()),
	};

	return admit(&limits, &load);
}

static void
say_stderr_lost(struct service *s, int error)
{
	unsigned left_out;

	if (rate_allows(&s->stderr_rate, clock_now_ms(), STDERR_MESSAGE_MS, &left_out))
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
		*log = stderr_log_open(s->runtime->loop, s->conf->id, c->id, &fd);
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
	activity_start(s, pid, &server->peer, server->connection);
}

static pid_t
launch(struct service *s, struct server *server, const struct connection *c)
{
	struct stderr_log *log;
	int err_fd = open_stderr(s, c, &log);
	const struct launch l = {
		.plan = s->plan,
		.fd = c->fd,
		.err_fd = err_fd,
		.env = plan_environment(s->plan, s->conf, c),
		.fault = servers_fault(s->runtime->servers, server),
	};
	pid_t pid = launch_fork(&l);

	if (log != NULL) {
		close(err_fd);
		if (pid < 0)
			stderr_log_drop(log);
		else
			stderr_log_set_pid(log, pid);
	}
	return pid;
}

int
service_start(struct service *s, struct listener *waits, const struct connection *c)
{
	struct server *server = servers_take(s->runtime->servers);
	pid_t pid;

	if (server == NULL)
		return -EAGAIN;
	server->service = s;
	server->peer = c->peer;
	server->connection = c->id;
	server->started_ms = clock_now_ms();
	if (waits != NULL) {
		server->queue_mark = socket_queue_mark(c->fd, s->conf->socket_type);
		socket_set_blocking(c->fd, true);
	}
	pid = launch(s, server, c);
	if (pid < 0) {
		if (waits != NULL)
			socket_set_blocking(c->fd, false);
		servers_give(s->runtime->servers, server);
		return pid;
	}
	if (waits != NULL)
		listener_lend(waits, server);
	started(s, server, pid);
	return 0;
}

static void
start_failed(struct service *s, const struct server *server, const struct launch_fault *fault)
{
	int64_t now = clock_now_ms();
	unsigned left_out;

	s->counters.failed++;
	activity_fail(s, "exec", &server->peer);
	if (rate_allows(&s->failure_rate, now, FAILURE_MESSAGE_MS, &left_out))
		log_error(
		    "event=start-failed service=%s step=%s program=%s error=\"%s\" conn=%llu left-out=%u",
		    s->conf->id, launch_step_name(fault),
		    s->plan->path != NULL ? s->plan->path : "builtin", strerror(fault->error),
		    (unsigned long long)server->connection, left_out);
	if (throttle_failed(&s->start_failures, &start_rule, now))
		log_error(
		    "event=service-failing service=%s pause=%lld(ms) reason=\"its program cannot be started\"",
		    s->conf->id, (long long)(s->start_failures.until_ms - now));
}

void
service_ended(struct service *s, struct server *ended, int status, const struct rusage *usage)
{
	const struct launch_fault *fault = servers_fault(s->runtime->servers, ended);
	struct listener *l;

	s->counters.ended++;
	s->running--;
	s->runtime->running--;
	LIST_REMOVE(ended, in_service);
	if (fault->step != 0)
		start_failed(s, ended, fault);
	else {
		activity_exit(s, ended, status, usage);
		throttle_succeeded(&s->start_failures);
	}
	if (ended->listener != NULL)
		listener_return(
		    ended->listener, ended->queue_mark, clock_now_ms() - ended->started_ms);
	servers_give(s->runtime->servers, ended);
	TAILQ_FOREACH(l, &s->listeners, link)
		listener_release(l, HOLD_FULL);
	if (s->is_gone && s->running == 0)
		service_free(s);
}
