/* SPDX-License-Identifier: MIT */
#include "run/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/rate.h"
#include "net/linger.h"
#include "run/leftover.h"
#include "run/service.h"
#include "run/trace.h"

#define MESSAGE_MS 1000

/* The first time it is asked to end, the second time it is killed. */
static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	struct server *server = t->arg;
	struct service *s = server->service;
	const bool is_late = server->is_timed_out;
	unsigned left_out;

	if (rate_allows(service_rate(s, MESSAGE_TIMEOUT), now_ms, MESSAGE_MS, &left_out))
		log_warn("event=timeout service=%s pid=%d conn=%llu action=%s left-out=%u",
		    s->conf->id, (int)server->pid, (unsigned long long)server->connection,
		    is_late ? "kill" : "stop", left_out);
	TRACE(s, server->connection, "its program, pid %d, has had its time, and gets signal %d",
	    (int)server->pid, is_late ? SIGKILL : s->conf->stop_signal);
	server_signal(server, is_late ? SIGKILL : s->conf->stop_signal);
	if (is_late)
		return;
	server_signal(server, SIGCONT);
	server->is_timed_out = true;
	server->deadline_ms = now_ms + s->conf->stop_grace_ms;
	loop_timer_set(s->runtime->loop, t, server->deadline_ms);
}

void
session_resume(struct server *s)
{
	s->timer = (struct loop_timer){ .fn = on_timer, .arg = s };
	if (s->deadline_ms != 0)
		loop_timer_set(s->service->runtime->loop, &s->timer, s->deadline_ms);
}

void
session_expire(struct server *s)
{
	if (s->is_timed_out)
		return;
	s->deadline_ms = clock_now_ms();
	loop_timer_set(s->service->runtime->loop, &s->timer, s->deadline_ms);
}

static void
keep_copy(struct server *server, int fd)
{
	struct service *s = server->service;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, DESCRIPTOR_LOWEST);
	unsigned left_out;

	if (copy >= 0)
		server->kept_fd = copy;
	else if (rate_allows(
		     service_rate(s, MESSAGE_LINGER), clock_now_ms(), MESSAGE_MS, &left_out))
		log_warn("event=linger-lost service=%s conn=%llu error=\"%s\" left-out=%u",
		    s->conf->id, (unsigned long long)server->connection, strerror(errno), left_out);
}

void
session_begin(struct server *s, int fd)
{
	const struct service_conf *conf = s->service->conf;

	/* With wait = yes a program serves many clients, and has no session. */
	if (conf->timeout_ms > 0 && !conf->wait)
		s->deadline_ms = s->started_ms + conf->timeout_ms;
	session_resume(s);
	s->linger_ms = conf->linger_ms;
	if (conf->linger_ms > 0 && fd >= 0 && conf->socket_type == SOCK_STREAM)
		keep_copy(s, fd);
}

bool
session_traffic(const struct server *s, struct traffic *t)
{
	return s->kept_fd != 0 && traffic_read(s->kept_fd, t);
}

void
session_end(struct server *s)
{
	struct runtime *rt = s->service->runtime;
	const struct leftover rest = {
		.pgid = s->pid,
		.fd = s->kept_fd,
		.linger_ms = s->linger_ms,
		.kill_ms = s->is_timed_out ? s->deadline_ms : 0,
	};

	loop_timer_stop(rt->loop, &s->timer);
	s->kept_fd = 0;
	if (rest.fd != 0 || rest.kill_ms != 0)
		leftovers_add(rt->leftovers, &rest);
}

void
session_drop(struct server *s)
{
	loop_timer_stop(s->service->runtime->loop, &s->timer);
	if (s->kept_fd != 0)
		linger_close(s->kept_fd);
	s->kept_fd = 0;
}
