/* SPDX-License-Identifier: MIT */
#include "control/client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/daemon.h"
#include "control/json_text.h"
#include "control/live.h"
#include "control/request.h"
#include "net/linger.h"
#include "run/service.h"

/* For a line to be completed once it is begun. */
#define LINE_MS    10000
/* For the first request to come. */
#define FIRST_MS   60000
/* For something of what waits to be read. */
#define SLOW_MS    10000
#define MESSAGE_MS 5000

/* Nothing that was sent is still to be read. */
static bool
is_empty(int fd)
{
	int len = 0;

	return ioctl(fd, FIONREAD, &len) == 0 && len == 0;
}

static void
on_client(struct loop_io *io, short got)
{
	struct client_conn *c = io->arg;

	if ((got & (POLLOUT | POLLHUP | POLLERR)) != 0)
		client_write(c);
	if ((got & (POLLHUP | POLLERR)) != 0 && is_empty(c->io.fd))
		client_end(c);
	client_take_turn(c);
	client_settle(c);
}

static bool
is_slow(const struct client_conn *c, int64_t now_ms)
{
	return client_has_output(c) && now_ms >= c->progress_ms + SLOW_MS;
}

static void
say_slow(struct client_conn *c, int64_t now_ms)
{
	unsigned left_out;

	if (rate_allows(&c->control->slow_rate, now_ms, MESSAGE_MS, &left_out))
		log_warn(
		    "event=control-dropped uid=%u pid=%d waiting=%zu reason=\"it does not read\" "
		    "left-out=%u",
		    (unsigned)c->uid, (int)c->pid, c->out_len - c->out_sent, left_out);
}

/* What it waits for may be its turn: that is our fault. */
static bool
is_line_late(const struct client_conn *c, int64_t now_ms)
{
	return c->in != NULL && !c->is_queued && now_ms >= c->line_ms + LINE_MS;
}

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	struct client_conn *c = t->arg;

	if (is_slow(c, now_ms)) {
		say_slow(c, now_ms);
		client_end(c);
	} else if (is_line_late(c, now_ms))
		client_refuse(c, "bad-request", "the rest of the line did not come in 10 seconds");
	else if (!c->has_asked && now_ms >= c->since_ms + FIRST_MS)
		client_end(c);
	client_settle(c);
}

struct client_conn *
client_new(struct control *control, int fd, uint64_t number)
{
	struct client_conn *c = mem_alloc(sizeof(*c));

	c->io = (struct loop_io){
		.fd = fd, .want = POLLIN, .order = LOOP_CONTROL, .fn = on_client, .arg = c
	};
	c->timer = (struct loop_timer){ .fn = on_timer, .arg = c };
	c->control = control;
	c->number = number;
	c->since_ms = c->progress_ms = clock_now_ms();
	for (size_t i = 0; i < CONTROL_FDS; i++)
		c->fds[i] = -1;
	LIST_INSERT_HEAD(&control->clients, c, link);
	control->client_count++;
	loop_add(control->daemon->loop, &c->io);
	return c;
}

static void
free_client(void *object)
{
	struct client_conn *c = object;

	json_decref(c->id);
	free(c->in);
	free(c->out);
	free(c);
}

/* A look at all that was never received. */
static bool
has_descriptors_queued(int fd)
{
	struct iovec part = { 0 };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1 };
	int len = 0;

	if (ioctl(fd, FIONREAD, &len) < 0 || len <= 0)
		return false;
	part.iov_len = (size_t)len;
	part.iov_base = mem_grow(NULL, part.iov_len, 1);
	if (recvmsg(fd, &h, MSG_PEEK | MSG_DONTWAIT) < 0)
		h.msg_flags = 0;
	free(part.iov_base);
	return (h.msg_flags & MSG_CTRUNC) != 0;
}

/* Sockets of others that lie in the queue may take as long to close as they like. */
void
client_close_socket(int fd)
{
	if (has_descriptors_queued(fd))
		linger_close_queue(fd);
	else
		linger_close(fd);
}

void
client_end(struct client_conn *c)
{
	struct loop *loop = c->control->daemon->loop;

	if (c->is_gone)
		return;
	c->is_gone = true;
	run_client_gone(c->control->daemon, c->number);
	client_end_stream(c);
	client_leave_queue(c);
	client_close_fds(c);
	loop_timer_stop(loop, &c->timer);
	loop_del(loop, &c->io);
	client_close_socket(c->io.fd);
	LIST_REMOVE(c, link);
	c->control->client_count--;
	loop_defer(loop, free_client, c);
}

/* The next request is read when the answer to the last one is on its way. */
static short
wanted(const struct client_conn *c)
{
	short want = 0;

	if (client_has_output(c))
		return POLLOUT;
	if (c->is_queued)
		return 0;
	if (c->has_stream && c->has_records)
		want |= POLLOUT;
	if (!c->is_waiting && !c->is_closing)
		want |= POLLIN;
	return want;
}

static int64_t
earliest_time(const struct client_conn *c)
{
	const int64_t times[] = {
		client_has_output(c) ? c->progress_ms + SLOW_MS : INT64_MAX,
		c->in != NULL && !c->is_queued ? c->line_ms + LINE_MS : INT64_MAX,
		c->has_asked ? INT64_MAX : c->since_ms + FIRST_MS,
	};
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i] < earliest)
			earliest = times[i];
	return earliest;
}

void
client_settle(struct client_conn *c)
{
	struct loop *loop = c->control->daemon->loop;
	int64_t due_ms;

	if (!c->is_gone && c->is_closing && !c->is_waiting && !c->has_stream &&
	    !client_has_output(c))
		client_end(c);
	if (c->is_gone)
		return;
	loop_want(loop, &c->io, wanted(c));
	due_ms = earliest_time(c);
	if (due_ms == INT64_MAX)
		loop_timer_stop(loop, &c->timer);
	else
		loop_timer_set(loop, &c->timer, due_ms);
}

/* What every answer begins with. */
static json_t *
new_answer(const struct client_conn *c, bool is_ok)
{
	json_t *answer = json_object();

	if (c->id != NULL)
		json_object_set(answer, "id", c->id);
	json_object_set_new(answer, "ok", json_boolean(is_ok));
	json_object_set_new(answer, "protocol", json_integer(CONTROL_PROTOCOL));
	json_object_set_new(answer, "version", json_string(VERSION));
	return answer;
}

static json_t *
new_error(const char *code, json_t *extra, const char *text)
{
	json_t *error = json_object();

	json_object_set_new(error, "code", json_string(code));
	json_object_set_new(error, "message", json_text(text));
	json_object_update(error, extra);
	json_decref(extra);
	return error;
}

/* The request is done. */
static void
finish(struct client_conn *c, json_t *answer)
{
	if (!c->is_gone && !client_put(c, answer)) {
		json_object_set_new(answer, "ok", json_false());
		json_object_del(answer, "result");
		json_object_set_new(answer, "error",
		    new_error("failed", NULL, "the answer is too long: ask for less"));
		client_put(c, answer);
	}
	json_decref(answer);
	json_decref(c->id);
	c->id = NULL;
	c->is_waiting = false;
	client_write(c);
	client_settle(c);
}

void
client_answer(struct client_conn *c, json_t *result)
{
	json_t *answer = new_answer(c, true);

	json_object_set_new(answer, "result", result);
	finish(c, answer);
}

void
client_fail(struct client_conn *c, const char *code, json_t *extra, const char *text)
{
	json_t *answer = new_answer(c, false);

	json_object_set_new(answer, "error", new_error(code, extra, text));
	finish(c, answer);
}

void
client_refuse(struct client_conn *c, const char *code, const char *text)
{
	free(c->in);
	c->in = NULL;
	c->in_len = c->in_room = 0;
	c->is_closing = true;
	client_end_stream(c);
	client_fail(c, code, NULL, text);
}

void
client_event(struct client_conn *c, json_t *event)
{
	if (!c->is_gone && !client_put(c, event)) {
		say_slow(c, clock_now_ms());
		client_end(c);
	}
	json_decref(event);
	client_write(c);
	client_settle(c);
}

uint64_t
client_number(const struct client_conn *c)
{
	return c->number;
}

unsigned
client_uid(const struct client_conn *c)
{
	return (unsigned)c->uid;
}

enum role
client_role(const struct client_conn *c)
{
	return c->role;
}

void
client_lower(struct client_conn *c)
{
	if (c->role > ROLE_LOOK)
		c->role = ROLE_LOOK;
}
