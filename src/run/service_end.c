/* SPDX-License-Identifier: MIT */
/* What is done when a program or worker of a service has ended. */
#include <string.h>

#include "base/clock.h"
#include "base/rate.h"
#include "run/accept.h"
#include "run/activity.h"
#include "run/dialog.h"
#include "run/door.h"
#include "run/pool.h"
#include "run/service.h"
#include "run/session.h"
#include "run/trace.h"
#include "run/worker.h"

/* A program that cannot be started is not tried for every client: the rest are refused at once for a while. */
static const struct throttle_rule start_rule = {
	.max_failures = 20, .window_ms = 10000, .first_ms = 1000, .longest_ms = 30000
};
#define FAILURE_MESSAGE_MS 1000

/* What is missing where a start fails for want of a file: the program, or who is asked before it. */
static const char *
program_of_step(const struct plan *p, const struct launch_fault *fault)
{
	if (p->porter_gate != NULL && strcmp(launch_step_name(fault), "gate") == 0)
		return p->porter_gate[0];
	return p->path != NULL ? p->path : "builtin";
}

static void
say_start_failed(struct service *s, const struct launch_fault *fault, uint64_t connection)
{
	unsigned left_out;

	if (rate_allows(
		service_rate(s, MESSAGE_START), clock_now_ms(), FAILURE_MESSAGE_MS, &left_out))
		log_error(
		    "event=start-failed service=%s step=%s program=%s error=\"%s\" conn=%llu left-out=%u",
		    s->conf->id, launch_step_name(fault), program_of_step(s->plan, fault),
		    strerror(fault->error), (unsigned long long)connection, left_out);
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

/* Its child was told by porter-gate that nobody from there is served. */
static bool
is_refused(const struct launch_fault *fault)
{
	return fault->verdict > VERDICT_OK && fault->verdict < VERDICT_MAX;
}

/* In place of the end of a program that never was. */
static void
refused(struct service *s, const struct server *server, enum verdict v)
{
	TRACE(s, server->connection, "its program was not started: refused by %s",
	    v == VERDICT_LIBWRAP ? "hosts.allow and hosts.deny" : "the name of its address");
	throttle_succeeded(&s->start_failures);
	if (s->conf->socket_type == SOCK_DGRAM) {
		accept_refuse_datagram(s, &server->peer, v);
		return;
	}
	s->counters.refused[v]++;
	activity_fail(s, verdict_reason(v), &server->peer, server->connection);
}

/* The target of a redirect was not reached: nothing is wrong with the service, and the next client may have more luck. */
static void
say_unreached(struct service *s, const struct server *server, const struct relay_report *report)
{
	char text[RELAY_TARGET_SIZE];
	const char *address = relay_target(report, text);
	const char *error = relay_error(report);
	unsigned left_out;

	if (address == NULL)
		address = s->conf->redirect_host != NULL ? s->conf->redirect_host : "unknown";
	s->counters.failed++;
	activity_fail(s, "redirect", &server->peer, server->connection);
	TRACE(s, server->connection, "it was not passed on to %s: %s", address, error);
	if (rate_allows(
		service_rate(s, MESSAGE_REDIRECT), clock_now_ms(), FAILURE_MESSAGE_MS, &left_out))
		log_warn(
		    "event=redirect-failed service=%s address=%s error=\"%s\" conn=%llu left-out=%u",
		    s->conf->id, address, error, (unsigned long long)server->connection, left_out);
}

/* What was said over the connection, where somebody has counted. */
static bool
find_traffic(const struct server *server, const struct launch_fault *report, struct traffic *t)
{
	if (report->relay.end != RELAY_NONE) {
		*t = (struct traffic){ report->relay.in, report->relay.out };
		return true;
	}
	if (report->has_traffic) {
		*t = report->traffic;
		return true;
	}
	return session_traffic(server, t);
}

static const struct traffic *
count_traffic(struct service *s, const struct server *server, const struct launch_fault *report,
    struct traffic *t)
{
	if (!find_traffic(server, report, t))
		return NULL;
	s->counters.bytes_in += t->in;
	s->counters.bytes_out += t->out;
	return t;
}

static void
program_ended(struct service *s, const struct server *ended, int status, const struct rusage *usage)
{
	const struct launch_fault *report = servers_fault(s->runtime->servers, ended);
	struct traffic traffic;
	int64_t began_us = ended->started_us != 0 ? ended->started_us : ended->started_ms * 1000;
	const struct activity_end end = {
		.pid = ended->pid,
		.connection = ended->connection,
		.duration_us = clock_now_us() - began_us,
		.status = status,
		.usage = usage,
		.traffic = count_traffic(s, ended, report, &traffic),
	};

	histogram_add(&s->counters.session, end.duration_us);
	activity_exit(s, &end);
	TRACE(s, end.connection, "its program, pid %d, has ended with %s after %lld ms",
	    (int)end.pid, trace_status(status), (long long)(end.duration_us / 1000));
	throttle_succeeded(&s->start_failures);
}

static void
count_end(struct service *s, int status, const struct rusage *usage)
{
	s->counters.ended++;
	ends_add(&s->counters.ends, status);
	if (usage != NULL)
		s->counters.cpu_us += (uint64_t)(clock_microseconds(&usage->ru_utime) +
						 clock_microseconds(&usage->ru_stime));
	s->running--;
	s->runtime->running--;
}

/* What has become of its client, or of the worker. */
static void
judge_end(struct service *s, struct server *ended, int status, const struct rusage *usage)
{
	const struct launch_fault *fault = servers_fault(s->runtime->servers, ended);
	bool is_failed = fault->step != 0;

	if (is_failed)
		start_failed(s, ended, fault);
	if (ended->worker != NULL)
		worker_ended(ended->worker, is_failed, status, usage);
	else if (is_refused(fault))
		refused(s, ended, (enum verdict)fault->verdict);
	else if (relay_error(&fault->relay) != NULL)
		say_unreached(s, ended, &fault->relay);
	else if (!is_failed)
		program_ended(s, ended, status, usage);
	if (ended->on_end != NULL)
		ended->on_end(ended->on_end_arg, ended, status, fault);
}

/* What it had goes back, and its place in the table last. */
static void
give_back(struct service *s, struct server *ended)
{
	if (ended->listener != NULL)
		listener_return(
		    ended->listener, ended->queue_mark, clock_now_ms() - ended->started_ms);
	if (servers_fault(s->runtime->servers, ended)->step != 0)
		session_drop(ended);
	else
		session_end(ended);
	if (ended->dialog != NULL)
		dialog_ended(s, ended);
	servers_give(s->runtime->servers, ended);
}

void
service_ended(struct service *s, struct server *ended, int status, const struct rusage *usage)
{
	bool is_worker = ended->worker != NULL;
	struct listener *l;

	count_end(s, status, usage);
	LIST_REMOVE(ended, in_service);
	if (ended->has_slot)
		door_leave(s, &ended->peer);
	if (is_worker)
		worker_settle(ended->worker);
	judge_end(s, ended, status, usage);
	give_back(s, ended);
	if (is_worker)
		pool_worker_ended(s->pool);
	TAILQ_FOREACH(l, &s->listeners, link)
		listener_release(l, HOLD_FULL);
	if (s->is_gone && s->running == 0)
		service_free(s);
}
