/* SPDX-License-Identifier: MIT */
#include "control/stop.h"

#include <signal.h>

#include "base/clock.h"
#include "control/daemon.h"
#include "run/service.h"
#include "run/services.h"

/* A program leads its own process group, but for the first instant after its fork. */
static void
signal_group(const struct server *s, int signo)
{
	if (kill(-s->pid, signo) < 0)
		kill(s->pid, signo);
}

static void
ask(const struct service *s, struct server *server, int64_t now_ms)
{
	signal_group(server, s->conf->stop_signal);
	signal_group(server, SIGCONT);
	server->kill_ms = now_ms + s->conf->stop_grace_ms;
}

/* Kills it if it is due. When that is, in milliseconds; 0: it was. */
static int64_t
kill_if_due(const struct service *s, const struct server *server, int64_t now_ms)
{
	if (server->kill_ms > now_ms)
		return server->kill_ms;
	log_warn("event=killed service=%s pid=%d reason=\"still there after stop_grace\"",
	    s->conf->id, (int)server->pid);
	signal_group(server, SIGKILL);
	return 0;
}

/* Kills whoever is due, and waits for the next one. */
static void
kill_due(struct daemon *d, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;
	const struct service *s;
	const struct server *server;

	TAILQ_FOREACH(s, &d->runtime.services, link) {
		LIST_FOREACH(server, &s->servers, in_service) {
			int64_t due_ms = kill_if_due(s, server, now_ms);

			if (due_ms != 0 && due_ms < next_ms)
				next_ms = due_ms;
		}
	}
	if (next_ms != INT64_MAX)
		loop_timer_set(d->loop, &d->kill_timer, next_ms);
}

static void
on_kill_timer(struct loop_timer *t, int64_t now_ms)
{
	kill_due(t->arg, now_ms);
}

static void
on_idle(void *arg)
{
	struct daemon *d = arg;

	loop_stop(d->loop);
}

void
stop_begin(struct daemon *d)
{
	int64_t now_ms = clock_now_ms();
	struct service *s;
	struct server *server;

	log_info("event=stopping programs=%u", d->runtime.running);
	d->runtime.is_stopping = true;
	d->runtime.on_idle = on_idle;
	d->runtime.on_idle_arg = d;
	services_close_listeners(&d->runtime);
	TAILQ_FOREACH(s, &d->runtime.services, link)
		LIST_FOREACH(server, &s->servers, in_service)
			ask(s, server, now_ms);
	if (d->runtime.running == 0) {
		loop_stop(d->loop);
		return;
	}
	d->kill_timer = (struct loop_timer){ .fn = on_kill_timer, .arg = d };
	kill_due(d, now_ms);
}

void
stop_kill_all(struct daemon *d)
{
	struct service *s;
	struct server *server;

	TAILQ_FOREACH(s, &d->runtime.services, link)
		LIST_FOREACH(server, &s->servers, in_service)
			signal_group(server, SIGKILL);
}
