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
#include "run/program_file.h"
#include "run/socket.h"
#include "run/stderr_log.h"
#include "run/trace.h"

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
	s->serial = ++rt->serials;
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

bool
service_replaces_workers(const struct service *s, const struct service_conf *conf)
{
	struct plan *plan;
	struct stat program;
	bool replaces;

	if (s->pool == NULL || !conf_has_pool(s->conf) || !conf_has_pool(conf))
		return false;
	program = program_file(conf);
	plan = plan_new(conf, &s->runtime->origin);
	replaces = !keeps_workers(s->conf, conf) || !plan_equal(s->plan, plan) ||
		   !program_file_equal(&program, &s->pool->program);
	plan_free(plan);
	return replaces;
}

static const struct endpoint *
endpoint_of(const struct service_conf *conf, const struct listener *l)
{
	for (size_t i = 0; l->role.endpoint != NULL && i < conf->endpoint_count; i++)
		if (strcmp(conf->endpoints[i].key, l->key) == 0)
			return &conf->endpoints[i];
	return NULL;
}

static void
put_before(struct service *s, struct service *behind)
{
	struct service_list *list = &s->runtime->services;

	if (behind == NULL)
		return;
	TAILQ_REMOVE(list, s, link);
	TAILQ_INSERT_BEFORE(behind, s, link);
}

static void
keep_listener(struct service *s, struct listener *l)
{
	service_take_listener(s, l, endpoint_of(s->conf, l));
	/* The file of a unix socket may have been taken away meanwhile. */
	if (!listener_is_bound(l) && !loop_timer_runs(&l->timer))
		listener_open_or_retry(l);
}

void
service_change(struct service *s, struct config *config, const struct service_conf *conf)
{
	struct service *behind = TAILQ_NEXT(s, link);
	const struct listener *l;
	unsigned count = 0;

	service_configure(s, config, conf);
	put_before(s, behind);
	TAILQ_FOREACH(l, &s->listeners, link)
		count++;
	/* Each goes to the end of the list: all of them, and they stand as before. */
	while (count-- > 0)
		keep_listener(s, TAILQ_FIRST(&s->listeners));
	service_settle(s);
}

void
service_turn_off(struct service *s)
{
	struct listener *l, *next;

	s->is_off = true;
	for (l = TAILQ_FIRST(&s->listeners); l != NULL; l = next) {
		next = TAILQ_NEXT(l, link);
		listener_turn_off(l);
	}
	service_settle(s);
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
	counters_add(&s->runtime->past, &s->counters);
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
		.fault = servers_fault(s->runtime->servers, server),
	};
	pid_t pid = launch_fork(&l);

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

static void
say_start_failed(struct service *s, const struct launch_fault *fault, uint64_t connection)
{
	unsigned left_out;

	if (rate_allows(&s->failure_rate, clock_now_ms(), FAILURE_MESSAGE_MS, &left_out))
		log_error(
		    "event=start-failed service=%s step=%s program=%s error=\"%s\" conn=%llu left-out=%u",
		    s->conf->id, launch_step_name(fault),
		    s->plan->path != NULL ? s->plan->path : "builtin", strerror(fault->error),
		    (unsigned long long)connection, left_out);
}

static void
start_failed(struct service *s, const struct server *server, const struct launch_fault *fault)
{
	const struct worker *w = server->worker;
	const struct addr *peer = w != NULL ? &w->client.c.peer : &server->peer;
	uint64_t connection = w != NULL ? w->client.c.id : server->connection;
	int64_t now = clock_now_ms();

	s->counters.failed++;
	TRACE(s, connection, "its program was not started: step %s: %s", launch_step_name(fault),
	    strerror(fault->error));
	if (w == NULL || w->state == WORKER_BUSY)
		activity_fail(s, "exec", peer, connection);
	say_start_failed(s, fault, connection);
	if (w == NULL && throttle_failed(&s->start_failures, &start_rule, now))
		log_error(
		    "event=service-failing service=%s pause=%lld(ms) reason=\"its program cannot be started\"",
		    s->conf->id, (long long)(s->start_failures.until_ms - now));
}

static void
program_ended(struct service *s, const struct server *ended, int status, const struct rusage *usage)
{
	int64_t began_us = ended->started_us != 0 ? ended->started_us : ended->started_ms * 1000;
	const struct activity_end end = {
		.pid = ended->pid,
		.connection = ended->connection,
		.duration_us = clock_now_us() - began_us,
		.status = status,
		.usage = usage,
	};

	histogram_add(&s->counters.session, end.duration_us);
	activity_exit(s, &end);
	TRACE(s, end.connection, "its program, pid %d, has ended with %s after %lld ms",
	    (int)end.pid, trace_status(status), (long long)(end.duration_us / 1000));
	throttle_succeeded(&s->start_failures);
}

static int64_t
microseconds(const struct timeval *tv)
{
	return (int64_t)tv->tv_sec * 1000000 + tv->tv_usec;
}

static void
count_end(struct service *s, int status, const struct rusage *usage)
{
	s->counters.ended++;
	ends_add(&s->counters.ends, status);
	if (usage != NULL)
		s->counters.cpu_us +=
		    (uint64_t)(microseconds(&usage->ru_utime) + microseconds(&usage->ru_stime));
	s->running--;
	s->runtime->running--;
}

void
service_ended(struct service *s, struct server *ended, int status, const struct rusage *usage)
{
	const struct launch_fault *fault = servers_fault(s->runtime->servers, ended);
	bool is_failed = fault->step != 0, is_worker = ended->worker != NULL;
	struct listener *l;

	count_end(s, status, usage);
	LIST_REMOVE(ended, in_service);
	if (is_worker)
		worker_settle(ended->worker);
	if (is_failed)
		start_failed(s, ended, fault);
	if (is_worker)
		worker_ended(ended->worker, is_failed, status, usage);
	else if (!is_failed)
		program_ended(s, ended, status, usage);
	if (ended->on_end != NULL)
		ended->on_end(ended->on_end_arg, ended, status, fault);
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
