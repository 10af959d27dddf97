/* SPDX-License-Identifier: MIT */
#include "control/stop.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control/daemon.h"
#include "control/upgrade.h"
#include "run/pool.h"
#include "run/service.h"
#include "run/services.h"

/* How long after the last kill one waits for the end of those that were killed. */
#define LEAVE_MS 5000

struct stop_group {
	pid_t pgid;
	int64_t kill_ms;
	LIST_ENTRY(stop_group) link;
};

static void
ask(const struct service *s, struct server *server, int64_t now_ms)
{
	server_signal(server, s->conf->stop_signal);
	server_signal(server, SIGCONT);
	server->kill_ms = now_ms + s->conf->stop_grace_ms;
}

/* Kills it if it is due. When that is, in milliseconds; INT64_MAX: it was. */
static int64_t
kill_if_due(const struct service *s, const struct server *server, int64_t now_ms)
{
	if (server->kill_ms > now_ms)
		return server->kill_ms;
	log_warn("event=killed service=%s pid=%d reason=\"still there after stop_grace\"",
	    s->conf->id, (int)server->pid);
	server_signal(server, SIGKILL);
	return INT64_MAX;
}

/* The programs that are due; when the next one is. */
static int64_t
kill_due_servers(struct daemon *d, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;
	const struct service *s;
	const struct server *server;

	TAILQ_FOREACH(s, &d->runtime.services, link) {
		LIST_FOREACH(server, &s->servers, in_service) {
			int64_t due_ms = kill_if_due(s, server, now_ms);

			if (due_ms < next_ms)
				next_ms = due_ms;
		}
	}
	return next_ms;
}

static void
forget_group(struct stop_group *g)
{
	LIST_REMOVE(g, link);
	free(g);
}

/* The groups that are due, and those that have gone by themselves; when the next one is. */
static int64_t
kill_due_groups(struct daemon *d, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;
	struct stop_group *g, *next;

	for (g = LIST_FIRST(&d->groups); g != NULL; g = next) {
		next = LIST_NEXT(g, link);
		if (g->kill_ms <= now_ms && kill(-g->pgid, SIGKILL) == 0)
			log_warn(
			    "event=killed pid=%d reason=\"its process group is still there after stop_grace\"",
			    (int)g->pgid);
		if (g->kill_ms <= now_ms || kill(-g->pgid, 0) < 0)
			forget_group(g);
		else if (g->kill_ms < next_ms)
			next_ms = g->kill_ms;
	}
	return next_ms;
}

/* Kills whoever is due, and waits for the next one or ends. */
static void
kill_due(struct daemon *d, int64_t now_ms)
{
	int64_t server_ms = kill_due_servers(d, now_ms);
	int64_t group_ms = kill_due_groups(d, now_ms);
	int64_t next_ms = server_ms < group_ms ? server_ms : group_ms;

	if (d->runtime.running == 0 && LIST_EMPTY(&d->groups))
		loop_stop(d->loop);
	else if (next_ms != INT64_MAX)
		loop_timer_set(d->loop, &d->kill_timer, next_ms);
}

static void
on_kill_timer(struct loop_timer *t, int64_t now_ms)
{
	kill_due(t->arg, now_ms);
}

/* Their users can prevent that they end, by a tracer that does not let go of them, and so can a file system that hangs: the daemon's
 * own end does not wait for it. */
static void
on_leave_timer(struct loop_timer *t, int64_t now_ms)
{
	struct daemon *d = t->arg;

	(void)now_ms;
	log_warn("event=left programs=%u reason=\"they were killed, and do not end\"",
	    d->runtime.running);
	while (!LIST_EMPTY(&d->groups))
		forget_group(LIST_FIRST(&d->groups));
	loop_stop(d->loop);
}

/* A program that ended may have left others in its process group: its grace is theirs. */
static void
on_reaped(void *arg, pid_t pid, int64_t kill_ms)
{
	struct daemon *d = arg;

	if (kill_ms != 0 && kill(-pid, 0) == 0) {
		struct stop_group *g = mem_alloc(sizeof(*g));

		g->pgid = pid;
		g->kill_ms = kill_ms;
		LIST_INSERT_HEAD(&d->groups, g, link);
	}
	if (d->runtime.running == 0 || !LIST_EMPTY(&d->groups))
		kill_due(d, clock_now_ms());
}

void
stop_begin(struct daemon *d)
{
	int64_t now_ms = clock_now_ms(), last_ms = now_ms;
	struct service *s;
	struct server *server;

	upgrade_give_up(d);
	loading_give_up(d, "stopping", "the daemon is stopping");
	log_info("event=stopping programs=%u", d->runtime.running);
	d->runtime.is_stopping = true;
	d->runtime.on_reaped = on_reaped;
	d->runtime.on_reaped_arg = d;
	/* What programs leave behind becomes our child, so that its end is an event. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	services_close_listeners(&d->runtime);
	TAILQ_FOREACH(s, &d->runtime.services, link) {
		if (s->pool != NULL)
			pool_close(s->pool);
		LIST_FOREACH(server, &s->servers, in_service) {
			ask(s, server, now_ms);
			if (server->kill_ms > last_ms)
				last_ms = server->kill_ms;
		}
	}
	d->kill_timer = (struct loop_timer){ .fn = on_kill_timer, .arg = d };
	d->leave_timer = (struct loop_timer){ .fn = on_leave_timer, .arg = d };
	loop_timer_set(d->loop, &d->leave_timer, last_ms + LEAVE_MS);
	kill_due(d, now_ms);
}

void
stop_kill_all(struct daemon *d)
{
	struct service *s;
	struct server *server;
	struct stop_group *g;

	TAILQ_FOREACH(s, &d->runtime.services, link)
		LIST_FOREACH(server, &s->servers, in_service)
			server->kill_ms = 1;
	LIST_FOREACH(g, &d->groups, link)
		g->kill_ms = 1;
	loop_timer_set(d->loop, &d->leave_timer, clock_now_ms() + LEAVE_MS);
	kill_due(d, clock_now_ms());
}
