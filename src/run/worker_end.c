/* SPDX-License-Identifier: MIT */
#include "run/worker.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "run/door.h"
#include "run/pool.h"
#include "run/service.h"
#include "run/trace.h"

#define MESSAGE_MS   1000
/* More than a channel holds. */
#define LAST_REPLIES 4096u
/* One that accepts by itself and lives this long is taken to be of use. */
#define USEFUL_MS    1000

/* Workers that end at once are not started for ever. */
static const struct throttle_rule failure_rule = {
	.max_failures = 5, .window_ms = 10000, .first_ms = 1000, .longest_ms = 60000
};

void
worker_retire(struct worker *w)
{
	int64_t grace_ms = worker_service(w)->conf->stop_grace_ms;

	if (w->end != WORKER_STAYS)
		return;
	TRACE(worker_service(w), w->state == WORKER_IDLE ? 0 : w->client.c.id,
	    "the worker %d is asked to end after %u connections", (int)w->server->pid, w->served);
	w->is_dismissed = true;
	w->end = WORKER_ASKED;
	w->end_ms = w->state == WORKER_IDLE ? clock_now_ms() + grace_ms : INT64_MAX;
	pool_place_leaving(w);
	/* It has no channel to be asked by. While the daemon stops, every program is signalled anyway. */
	if (w->accepts && !worker_service(w)->runtime->is_stopping)
		worker_signal(w, NULL);
	if (w->channel.fd >= 0)
		shutdown(w->channel.fd, SHUT_WR);
	pool_wake(w->pool, w->end_ms);
}

void
worker_signal(struct worker *w, const char *why)
{
	const struct service_conf *conf = worker_service(w)->conf;

	if (why != NULL)
		log_warn("event=worker-ended service=%s pid=%d conn=%llu reason=\"%s\"", conf->id,
		    (int)w->server->pid, (unsigned long long)w->client.c.id, why);
	TRACE(worker_service(w), w->client.c.id, "the worker %d gets signal %d%s%s",
	    (int)w->server->pid, conf->stop_signal, why != NULL ? ": " : "",
	    why != NULL ? why : "");
	server_signal(w->server, conf->stop_signal);
	server_signal(w->server, SIGCONT);
	w->end = WORKER_SIGNALLED;
	w->end_ms = clock_now_ms() + conf->stop_grace_ms;
	pool_place_leaving(w);
	pool_wake(w->pool, w->end_ms);
}

void
worker_kill(struct worker *w, const char *why)
{
	if (w->end == WORKER_KILLED)
		return;
	log_warn("event=worker-killed service=%s pid=%d reason=\"%s\"", worker_id(w),
	    (int)w->server->pid, why);
	TRACE(worker_service(w), w->client.c.id, "the worker %d is killed: %s", (int)w->server->pid,
	    why);
	server_signal(w->server, SIGKILL);
	w->end = WORKER_KILLED;
	w->end_ms = INT64_MAX;
	pool_place_leaving(w);
}

void
worker_end_further(struct worker *w, int64_t now_ms)
{
	if (w->end_ms > now_ms)
		pool_wake(w->pool, w->end_ms);
	else if (w->end == WORKER_ASKED)
		worker_signal(w, "it was asked to end, and is still there after stop_grace");
	else
		worker_kill(w, "still there after stop_grace");
}

void
worker_count_failure(struct worker *w)
{
	struct throttle *t = &worker_service(w)->start_failures;
	int64_t now = clock_now_ms();

	w->pool->counters.failed++;
	if (throttle_failed(t, &failure_rule, now))
		log_error("event=pool-failing service=%s pause=%lld(ms) "
			  "reason=\"its workers end as soon as they are started\"",
		    worker_id(w), (long long)(t->until_ms - now));
}

static void
say_failed(struct worker *w, int status)
{
	struct pool *p = w->pool;
	unsigned left_out;

	if (!rate_allows(&p->failure_rate, clock_now_ms(), MESSAGE_MS, &left_out))
		return;
	log_error("event=worker-failed service=%s pid=%d %s=%d left-out=%u "
		  "reason=\"it ended before it had taken any connection\"%s",
	    worker_id(w), (int)w->server->pid, WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), left_out,
	    w->protocol == CHANNEL_PORTER && !w->accepts && status == 0
		? " hint=\"a program that is not written as a worker takes pool_exec = fresh\""
		: "");
}

static void
lose(struct worker *w, int status, const struct rusage *usage)
{
	struct pool *p = w->pool;
	unsigned left_out;

	p->counters.lost++;
	worker_finish(w, status, usage, NULL);
	if (!worker_service(w)->runtime->is_stopping &&
	    rate_allows(&p->lost_rate, clock_now_ms(), MESSAGE_MS, &left_out))
		log_warn("event=worker-lost service=%s pid=%d conn=%llu left-out=%u "
			 "reason=\"it ended and had not finished its connection\"",
		    worker_id(w), (int)w->server->pid, (unsigned long long)w->client.c.id,
		    left_out);
}

/* Its last replies count, and what it has left in the channel. A process that it left behind may hold the channel, so that
 * nobody knows whether the message is taken yet: it is not given to another worker then. */
static void
settle_channel(struct worker *w)
{
	for (unsigned i = 0; i < LAST_REPLIES && w->channel.fd >= 0; i++) {
		struct channel_reply reply;

		channel_receive(&w->channel, w->protocol, &reply);
		if (reply.event == CHANNEL_NOTHING || w->channel.brought_descriptors)
			break;
		worker_react(w, &reply);
	}
	worker_close_channel(w);
}

/* Unasked and without having been of any use. Of one that accepts by itself nobody knows; it has lived for a while, or not. */
static bool
is_useless(const struct worker *w)
{
	if (w->is_dismissed)
		return false;
	return w->accepts ? clock_now_ms() - w->server->started_ms < USEFUL_MS : !w->has_taken;
}

/* It has come to the end of its channel after it had served its connection, and of that it never says anything. */
static bool
has_ended_silently(const struct worker *w, int status)
{
	return w->protocol == CHANNEL_PLAIN && !w->pool->sends_bytes && w->is_dismissed &&
	       w->next.c.fd < 0 && status == 0;
}

/* What has become of the connections that it had. */
static void
settle_clients(struct worker *w, bool is_failed, int status, const struct rusage *usage)
{
	bool is_program = w->kind == LAUNCH_WARM && w->has_taken;

	if (w->state == WORKER_IDLE)
		return;
	if (is_failed) {
		w->pool->counters.lost++;
		door_leave(worker_service(w), &w->client.c.peer);
	} else if (is_program || has_ended_silently(w, status)) {
		w->pool->counters.served++;
		worker_finish(w, status, usage, NULL);
	} else
		lose(w, status, usage);
	if (w->next.c.fd < 0)
		return;
	w->client = w->next;
	w->next.c.fd = -1;
	lose(w, status, usage);
}

void
worker_settle(struct worker *w)
{
	w->end = WORKER_KILLED; /* nothing more happens to it, and nobody is handed to it */
	pool_place_leaving(w);
	settle_channel(w);
}

void
worker_ended(struct worker *w, bool is_failed, int status, const struct rusage *usage)
{
	w->pool->counters.ended++;
	TRACE(worker_service(w), w->state == WORKER_IDLE ? 0 : w->client.c.id,
	    "the worker %d has ended with %s after %u connections", (int)w->server->pid,
	    trace_status(status), w->served);
	if (is_useless(w) && !is_failed)
		say_failed(w, status);
	settle_clients(w, is_failed, status, usage);
	if (is_useless(w) || is_failed)
		worker_count_failure(w);
	else if (w->accepts || (w->kind == LAUNCH_WARM && w->has_taken))
		throttle_succeeded(&worker_service(w)->start_failures);
	worker_free(w);
}
