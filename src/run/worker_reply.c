/* SPDX-License-Identifier: MIT */
#include "run/worker.h"

#include "base/clock.h"
#include "net/drain.h"
#include "run/activity.h"
#include "run/door.h"
#include "run/leftover.h"
#include "run/pool.h"
#include "run/pool_keep.h"
#include "run/service.h"
#include "run/trace.h"

/* In place of WORKER_TAKE_MS for one that never took any connection: it may still be getting ready. */
#define FIRST_TAKE_MS   60000
/* After it was seen to have taken the message, for it to say so. */
#define LATE_MS         1000
/* The longest time between two looks at whether it has taken the message. */
#define LOOK_LONGEST_MS 64
#define REPLIES_A_TURN  32u
#define MESSAGE_MS      1000

/* To say good-bye to the client when the worker has finished: of a plain one that may never be known. */
static bool
lingers(const struct worker *w)
{
	return worker_service(w)->conf->linger_ms > 0 && w->protocol != CHANNEL_PLAIN;
}

/* Or to count its bytes; until the worker has finished the client does not see that it has closed it. */
static bool
keeps_copy(const struct worker *w)
{
	return lingers(w) || (w->protocol == CHANNEL_PORTER &&
				 (worker_service(w)->conf->log_on_success & CONF_LOG_TRAFFIC) != 0);
}

/* It has the connection: ours may be closed, so that its close is the last. */
static void
taken(struct worker *w)
{
	struct service *s = worker_service(w);
	bool is_first = !w->has_taken;

	/* Of a warm process the same is seen when its program cannot be executed. */
	if (is_first && w->kind != LAUNCH_WARM)
		throttle_succeeded(&s->start_failures);
	w->has_taken = true;
	w->late_ms = 0;
	if (!keeps_copy(w))
		client_close(&w->client);
	if (w->state != WORKER_SENT)
		return;
	TRACE(s, w->client.c.id, "the worker %d has taken it", (int)w->server->pid);
	/* The first one may have waited until the worker was ready. */
	w->busy_ms = is_first ? clock_now_ms() : w->since_ms;
	if (s->conf->pool_request_timeout_ms > 0)
		pool_wake(w->pool, w->busy_ms + s->conf->pool_request_timeout_ms);
	pool_place(w, WORKER_BUSY);
	/* Only the end of its channel tells one that never says when it is free that this was the last. */
	if (w->protocol == CHANNEL_PLAIN && !w->pool->sends_bytes && w->served + 1 >= w->most) {
		worker_retire(w);
		pool_wake(w->pool, w->busy_ms);
	}
}

/* What went over its connection, if somebody wants to know and it can be known. */
static const struct traffic *
count_traffic(struct worker *w, struct traffic *t)
{
	struct service *s = worker_service(w);

	if (w->client.c.fd < 0 || !keeps_copy(w) || !traffic_read(w->client.c.fd, t))
		return NULL;
	s->counters.bytes_in += t->in;
	s->counters.bytes_out += t->out;
	return t;
}

/* A worker that goes on has closed its own; a program may have left others behind that have it. */
static void
part(struct worker *w)
{
	const struct service *s = worker_service(w);
	const struct leftover rest = {
		.pgid = w->server->pid, .fd = w->client.c.fd, .linger_ms = s->conf->linger_ms
	};

	if (rest.fd < 0 || !lingers(w)) {
		client_close(&w->client);
		return;
	}
	w->client.c.fd = -1;
	if (w->kind == LAUNCH_WARM)
		leftovers_add(s->runtime->leftovers, &rest);
	else
		drains_add(s->runtime->drains, rest.fd, NULL, 0, rest.linger_ms);
}

void
worker_finish(struct worker *w, int status, const struct rusage *usage, const char *result)
{
	struct service *s = worker_service(w);
	int64_t began_us = w->client.handed_us != 0 ? w->client.handed_us : w->since_ms * 1000;
	int64_t now_us = clock_now_us();
	struct traffic traffic;
	const struct activity_end end = {
		.pid = w->server->pid,
		.connection = w->client.c.id,
		.duration_us = now_us - began_us,
		.status = status,
		.usage = usage,
		.traffic = count_traffic(w, &traffic),
		.result = result,
	};

	histogram_add(&s->counters.session, end.duration_us);
	activity_exit(s, &end);
	TRACE(s, end.connection, "the worker %d has finished it with %s after %lld ms",
	    (int)end.pid, trace_status(status), (long long)(end.duration_us / 1000));
	door_leave(s, &w->client.c.peer);
	part(w);
	w->since_ms = now_us / 1000;
}

/* The next one is in its channel already. */
static void
go_on_with_next(struct worker *w)
{
	w->client = w->next;
	w->next.c.fd = -1;
	w->client.handed_us = clock_now_us();
	w->since_ms = w->client.handed_us / 1000;
	pool_place(w, WORKER_SENT);
}

static void
done(struct worker *w, int status, const char *result)
{
	struct pool *p = w->pool;

	taken(w);
	/* What it says is a status as of exit(3). */
	worker_finish(w, (status & 0xff) << 8, NULL, result);
	w->served++;
	p->counters.served++;
	if (w->next.c.fd >= 0) {
		go_on_with_next(w);
		return;
	}
	if (w->end != WORKER_STAYS) {
		if (w->end == WORKER_ASKED)
			w->end_ms = w->since_ms + worker_service(w)->conf->stop_grace_ms;
		pool_place(w, WORKER_IDLE);
		pool_wake(p, w->end_ms);
		return;
	}
	pool_place(w, WORKER_IDLE);
	if (w->served < w->most)
		pool_has_room(p);
	else {
		worker_retire(w);
		pool_wake(p, w->since_ms);
	}
	pool_keep_idle(p);
}

static void
stray(struct worker *w, unsigned count)
{
	struct pool *p = w->pool;
	unsigned left_out;

	p->counters.stray += count;
	w->strays += count;
	if (rate_allows(&p->stray_rate, clock_now_ms(), MESSAGE_MS, &left_out))
		log_warn("event=worker-stray service=%s pid=%d count=%u left-out=%u "
			 "reason=\"what came back is no reply to what it was sent\"",
		    worker_id(w), (int)w->server->pid, w->strays, left_out);
	if (w->strays > WORKER_STRAYS)
		worker_kill(w, "it sends replies that are none");
}

static bool
is_awaited(const struct worker *w, const struct channel_reply *reply)
{
	if (w->state == WORKER_IDLE)
		return false;
	return w->protocol == CHANNEL_PLAIN || reply->connection == w->client.c.id;
}

static void
on_taken(struct worker *w, const struct channel_reply *reply)
{
	if (!is_awaited(w, reply))
		stray(w, 1);
	else if (w->state == WORKER_SENT)
		taken(w);
}

static void
on_done(struct worker *w, const struct channel_reply *reply)
{
	unsigned awaited = 1 + (w->next.c.fd >= 0), count = reply->count;

	if (w->protocol == CHANNEL_PLAIN)
		w->pool->sends_bytes = true;
	for (; count > 0 && awaited > 0 && is_awaited(w, reply); count--, awaited--)
		done(w, reply->status, reply->has_result ? reply->result : NULL);
	if (count > 0)
		stray(w, count);
}

/* Another worker gets the client; this one has no descriptor left, and will not have one for the next either. */
static void
on_no_descriptor(struct worker *w, const struct channel_reply *reply)
{
	struct client client = w->client;

	if (w->state != WORKER_SENT || !is_awaited(w, reply)) {
		stray(w, 1);
		return;
	}
	log_warn("event=worker-no-descriptor service=%s pid=%d conn=%llu "
		 "reason=\"it is at its limit of open files, and is replaced\"",
	    worker_id(w), (int)w->server->pid, (unsigned long long)client.c.id);
	TRACE(worker_service(w), client.c.id,
	    "the worker %d is at its limit of open files, and is replaced", (int)w->server->pid);
	w->client.c.fd = -1;
	w->since_ms = clock_now_ms();
	pool_place(w, WORKER_IDLE);
	worker_retire(w);
	pool_again(w->pool, &client);
}

/* What nobody has taken out of its channel goes to others. */
void
worker_take_back(struct worker *w)
{
	struct client client = w->state == WORKER_SENT ? w->client : w->next;

	if (w->state == WORKER_SENT)
		w->client.c.fd = -1;
	w->next.c.fd = -1;
	if (w->state == WORKER_SENT)
		pool_place(w, WORKER_IDLE);
	if (client.c.fd >= 0)
		pool_again(w->pool, &client);
}

/* It has stop_grace to do so. */
static void
expect_end(struct worker *w)
{
	if (w->end == WORKER_KILLED)
		return;
	w->end = WORKER_ASKED;
	w->end_ms = clock_now_ms() + worker_service(w)->conf->stop_grace_ms;
	pool_place_leaving(w);
	pool_wake(w->pool, w->end_ms);
}

/* Nothing more will come; what becomes of the process is another matter. */
static void
on_end(struct worker *w, const struct channel_reply *reply)
{
	bool is_program = w->kind == LAUNCH_WARM && w->state == WORKER_SENT && !reply->left_unread;

	worker_close_channel(w);
	if (!is_program && (w->end == WORKER_STAYS || w->end_ms == INT64_MAX))
		expect_end(w);
	if (reply->left_unread)
		worker_take_back(w);
	else if (w->next.c.fd >= 0) {
		done(w, 0, NULL); /* the first was, when it took the second */
		taken(w);
	} else if (w->state == WORKER_SENT)
		taken(w);
	if (!is_program)
		pool_wake(w->pool, clock_now_ms());
}

void
worker_react(struct worker *w, const struct channel_reply *reply)
{
	static void (*const reactions[])(struct worker *, const struct channel_reply *) = {
		[CHANNEL_TAKEN] = on_taken,
		[CHANNEL_DONE] = on_done,
		[CHANNEL_NO_DESCRIPTOR] = on_no_descriptor,
		[CHANNEL_END] = on_end,
	};

	if (reply->event == CHANNEL_GARBAGE)
		stray(w, reply->count);
	else if (reply->event != CHANNEL_NOTHING)
		reactions[reply->event](w, reply);
}

void
worker_receive(struct worker *w)
{
	struct channel_reply reply;

	for (unsigned i = 0; i < REPLIES_A_TURN && w->channel.fd >= 0; i++) {
		channel_receive(&w->channel, w->protocol, &reply);
		worker_react(w, &reply);
		/* Nothing more is awaited from one that is idle now. */
		if (reply.event == CHANNEL_NOTHING || reply.event == CHANNEL_DONE ||
		    w->end == WORKER_KILLED)
			return;
	}
}

static int64_t
next_look(const struct worker *w, int64_t now_ms)
{
	int64_t distance = now_ms - w->since_ms;

	if (distance < WORKER_LOOK_MS)
		distance = WORKER_LOOK_MS;
	return now_ms + (distance < LOOK_LONGEST_MS ? distance : LOOK_LONGEST_MS);
}

/* Of plain, taking the next message means that the one before is done. */
static void
look_at_next(struct worker *w, int64_t now_ms)
{
	if (w->next.c.fd < 0)
		return;
	if (!channel_is_empty(&w->channel)) {
		pool_wake(w->pool, now_ms + LOOK_LONGEST_MS);
		return;
	}
	/* One that does send its byte has sent it before: then that is what counts. */
	worker_receive(w);
	if (w->state != WORKER_BUSY || w->next.c.fd < 0 || w->pool->sends_bytes)
		return;
	done(w, 0, NULL);
	taken(w);
}

static void
say_nothing_heard(struct worker *w)
{
	if (w->has_taken) {
		worker_kill(w, "it has taken a connection and does not say so");
		return;
	}
	worker_kill(w,
	    "it has taken its first connection and does not say so: a program that is not "
	    "written as a worker takes pool_exec = fresh");
}

/* It has had time enough to take what it was sent. */
static void
look_at_late(struct worker *w, int64_t now_ms)
{
	if (!channel_is_empty(&w->channel) && !w->has_taken && w->kind != LAUNCH_WARM &&
	    now_ms - w->server->started_ms < FIRST_TAKE_MS)
		pool_wake(w->pool, w->server->started_ms + FIRST_TAKE_MS);
	else if (!channel_is_empty(&w->channel))
		worker_kill(w, "it does not take the connection that it was sent");
	else if (w->late_ms != 0 && w->late_ms <= now_ms)
		say_nothing_heard(w);
	else {
		if (w->late_ms == 0)
			w->late_ms = now_ms + LATE_MS;
		pool_wake(w->pool, w->late_ms);
	}
}

/* Whoever takes a message has its descriptor, or has said before that it has not. */
static bool
has_taken_it(struct worker *w)
{
	if (!channel_is_empty(&w->channel))
		return false;
	if (w->protocol == CHANNEL_PORTER)
		worker_receive(w);
	return w->channel.fd >= 0 && w->state == WORKER_SENT;
}

void
worker_look(struct worker *w, int64_t now_ms)
{
	bool is_seen = worker_is_looked_at(w);

	if (w->channel.fd < 0)
		return;
	if (w->state == WORKER_BUSY)
		look_at_next(w, now_ms);
	if (w->state != WORKER_SENT)
		return;
	if (is_seen && has_taken_it(w))
		taken(w);
	else if (w->state != WORKER_SENT || w->channel.fd < 0)
		return;
	else if (now_ms - w->since_ms >= WORKER_TAKE_MS)
		look_at_late(w, now_ms);
	else
		pool_wake(w->pool, is_seen ? next_look(w, now_ms) : w->since_ms + WORKER_TAKE_MS);
}
