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
#include "run/pool.h"
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
	if (conf_has_pool(conf))
		s->pool = pool_new(s);
	TAILQ_INSERT_TAIL(&rt->services, s, link);
	return s;
}

/* Workers that are there already are as good as new ones. */
static bool
keeps_workers(const struct service_conf *x, const struct service_conf *y)
{
	return conf_shares_listeners(x) == conf_shares_listeners(y) &&
	       x->pool_exec == y->pool_exec && x->pool_protocol == y->pool_protocol &&
	       x->pool_channel == y->pool_channel && x->stderr_to == y->stderr_to;
}

void
service_configure(struct service *s, struct config *config, const struct service_conf *conf)
{
	struct config *old_config = s->config;
	const struct service_conf *old_conf = s->conf;
	struct plan *old_plan = s->plan;
	struct sink *old_sink = s->sink;

	take_settings(s, config, conf);
	throttle_succeeded(&s->start_failures);
	if (s->pool != NULL)
		pool_configure(
		    s->pool, keeps_workers(old_conf, conf) && plan_equal(old_plan, s->plan));
	else if (conf_has_pool(conf))
		s->pool = pool_new(s);
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
	pool_free(s->pool);
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
	if (s->pool != NULL)
		pool_close(s->pool);
	s->is_gone = true;
	if (s->running == 0)
		service_free(s);
}

void
service_settle(struct service *s)
{
	if (s->pool != NULL)
		pool_settle(s->pool);
}

unsigned
service_connections(const struct service *s)
{
	if (s->pool == NULL)
		return s->running;
	return s->running - pool_workers(s->pool) - s->pool->leaving_count + pool_busy(s->pool);
}

enum verdict
service_admits(struct service *s)
{
	/* wait = yes runs one program for each listener, whatever instances says. */
	const struct admit_limits limits = {
		.instances = s->conf->wait ? CONF_UNLIMITED : s->conf->instances,
		.max_servers = s->runtime->max_servers,
	};
	const struct admit_load load = {
		.running = service_connections(s),
		.running_all = s->runtime->running,
		.is_failing = throttle_pauses(&s->start_failures, clock_now_ms()),
	};

	return conf_has_pool(s->conf) ? pool_prepare(s->pool) : admit(&limits, &load);
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

static pid_t
launch(struct service *s, struct server *server, const struct connection *c)
{
	struct stderr_log *log;
	int err_fd = open_stderr(s, c, &log);
	const struct launch l = {
		.plan = s->plan,
		.kind = LAUNCH_PROGRAM,
		.fd = c->fd,
		.out_fd = -1,
		.err_fd = err_fd,
		.env = plan_environment(s->plan, s->conf, c),
		.fault = servers_fault(s->runtime->servers, server),
	};
	pid_t pid = launch_fork(&l);

	give_log(log, err_fd, pid);
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
	activity_start(s, pid, &server->peer, server->connection);
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
	struct worker_variables v = { .local = first != NULL ? &first->bound : NULL };

	if (w->accepts) {
		v.shared_count = shared_listeners(s, fds);
		l->shared = fds;
		l->shared_count = v.shared_count;
		l->fd = fds[0];
	}
	l->env = plan_worker_environment(s->plan, s->conf, &v, &l->listen_pid);
	return launch_fork(l);
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

	return r < 0 ? r : worker_watch_channel(w);
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
	return 0;
}

static void
start_failed(struct service *s, const struct server *server, const struct launch_fault *fault)
{
	const struct worker *w = server->worker;
	const struct connection *c = w != NULL ? &w->client.c : NULL;
	int64_t now = clock_now_ms();
	unsigned left_out;

	s->counters.failed++;
	if (w == NULL || w->state == WORKER_BUSY)
		activity_fail(s, "exec", c != NULL ? &c->peer : &server->peer);
	if (rate_allows(&s->failure_rate, now, FAILURE_MESSAGE_MS, &left_out))
		log_error(
		    "event=start-failed service=%s step=%s program=%s error=\"%s\" conn=%llu left-out=%u",
		    s->conf->id, launch_step_name(fault),
		    s->plan->path != NULL ? s->plan->path : "builtin", strerror(fault->error),
		    (unsigned long long)(c != NULL ? c->id : server->connection), left_out);
	if (w == NULL && throttle_failed(&s->start_failures, &start_rule, now))
		log_error(
		    "event=service-failing service=%s pause=%lld(ms) reason=\"its program cannot be started\"",
		    s->conf->id, (long long)(s->start_failures.until_ms - now));
}

static void
program_ended(struct service *s, const struct server *ended, int status, const struct rusage *usage)
{
	const struct activity_end end = {
		.pid = ended->pid,
		.connection = ended->connection,
		.since_ms = ended->started_ms,
		.status = status,
		.usage = usage,
	};

	activity_exit(s, &end);
	throttle_succeeded(&s->start_failures);
}

void
service_ended(struct service *s, struct server *ended, int status, const struct rusage *usage)
{
	const struct launch_fault *fault = servers_fault(s->runtime->servers, ended);
	bool is_failed = fault->step != 0, is_worker = ended->worker != NULL;
	struct listener *l;

	s->counters.ended++;
	s->running--;
	s->runtime->running--;
	LIST_REMOVE(ended, in_service);
	if (is_worker)
		worker_settle(ended->worker);
	if (is_failed)
		start_failed(s, ended, fault);
	if (is_worker)
		worker_ended(ended->worker, is_failed, status, usage);
	else if (!is_failed)
		program_ended(s, ended, status, usage);
	if (ended->listener != NULL)
		listener_return(
		    ended->listener, ended->queue_mark, clock_now_ms() - ended->started_ms);
	servers_give(s->runtime->servers, ended);
	if (is_worker)
		pool_worker_ended(s->pool);
	TAILQ_FOREACH(l, &s->listeners, link)
		listener_release(l, HOLD_FULL);
	if (s->is_gone && s->running == 0)
		service_free(s);
}
