/* SPDX-License-Identifier: MIT */
#include "control/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control/daemon.h"
#include "control/describe.h"
#include "control/measure.h"
#include "run/pool.h"
#include "run/service.h"

static void
write_time(FILE *out, const char *label, time_t t)
{
	char text[64];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm);
	fprintf(out, "%s: %s\n", label, text);
}

static void
write_daemon(FILE *out, const struct daemon *d)
{
	const struct runtime *rt = &d->runtime;

	fprintf(out, "porterd " VERSION "\npid: %d\n", (int)getpid());
	write_time(out, "now", clock_wall());
	write_time(out, "started", d->started);
	fprintf(out, "up: %lld s\n", (long long)(clock_now_ms() - d->started_ms) / 1000);
	fprintf(out, "configuration: %s\n", d->options.config_path);
	write_time(out, "loaded", d->loaded);
	fprintf(out, "reloads: %u done, %u refused\n", d->reloads, d->refused_reloads);
	fprintf(out, "programs: %u running, at most %u\n", rt->running, rt->max_servers);
	fprintf(out, "connections: %llu\n", (unsigned long long)rt->connections);
	fprintf(out, "log lines lost: %llu\n", (unsigned long long)sink_lost_total());
}

static void
write_worker(FILE *out, const struct worker *w)
{
	const struct connection *c = &w->client.c;
	char peer[ADDR_TEXT_SIZE];

	fprintf(out, "\tworker pid=%d channel=%d state=%s served=%u age=%lld(sec)%s",
	    (int)w->server->pid, w->channel.fd, worker_state_word(w), w->served,
	    (long long)(clock_now_ms() - w->server->started_ms) / 1000,
	    w->is_outdated ? " outdated" : "");
	if (w->state != WORKER_IDLE)
		fprintf(out, " from=%s conn=%llu for=%lld(sec)",
		    c->peer.len != 0 ? addr_format(&c->peer, peer) : "-", (unsigned long long)c->id,
		    (long long)(clock_now_ms() - w->since_ms) / 1000);
	fputc('\n', out);
}

static void
write_pool(FILE *out, const struct service *s)
{
	const struct pool *p = s->pool;
	const struct pool_counters *c = &p->counters;
	const struct server *server;

	fprintf(out, "\tpool %s: workers=%u idle=%u busy=%u leaving=%u waiting=%u most=%u\n",
	    pool_mode_word(p), pool_workers(p), p->count[WORKER_IDLE], pool_busy(p),
	    p->leaving_count, p->waiting_count, p->rule.max);
	fprintf(out,
	    "\tpool counters: started=%llu ended=%llu failed=%llu handed=%llu served=%llu again=%llu "
	    "given-up=%llu lost=%llu timed-out=%llu stray=%llu\n",
	    (unsigned long long)c->started, (unsigned long long)c->ended,
	    (unsigned long long)c->failed, (unsigned long long)c->handed,
	    (unsigned long long)c->served, (unsigned long long)c->again,
	    (unsigned long long)c->given_up, (unsigned long long)c->lost,
	    (unsigned long long)c->timed_out, (unsigned long long)c->stray);
	LIST_FOREACH(server, &s->servers, in_service)
		if (server->worker != NULL)
			write_worker(out, server->worker);
}

static void
write_service(FILE *out, const struct service *s)
{
	const struct counters *c = &s->counters;
	const struct listener *l;
	const struct server *server;
	char peer[ADDR_TEXT_SIZE];

	fprintf(
	    out, "\nservice %s%s\n", s->conf->id, s->is_gone ? " (removed, its programs end)" : "");
	fprintf(out, "\tprogram: %s\n", service_program(s->conf));
	fprintf(out, "\trunning: %u", s->running);
	if (s->conf->instances != CONF_UNLIMITED)
		fprintf(out, " of %u", s->conf->instances);
	fprintf(out,
	    "\n\tcounters: accepted=%llu started=%llu answered=%llu refused=%llu failed=%llu aborted=%llu ended=%llu\n",
	    (unsigned long long)c->accepted, (unsigned long long)c->started,
	    (unsigned long long)c->answered, (unsigned long long)counters_refused(c),
	    (unsigned long long)c->failed, (unsigned long long)c->aborted,
	    (unsigned long long)c->ended);
	TAILQ_FOREACH(l, &s->listeners, link)
		fprintf(out, "\tlistener %s: %s\n", l->key, listener_state(l));
	if (s->pool != NULL)
		write_pool(out, s);
	LIST_FOREACH(server, &s->servers, in_service)
		if (server->worker == NULL)
			fprintf(out, "\tserver pid=%d from=%s conn=%llu age=%lld(sec)\n",
			    (int)server->pid,
			    server->peer.len != 0 ? addr_format(&server->peer, peer) : "-",
			    (unsigned long long)server->connection,
			    (long long)(clock_now_ms() - server->started_ms) / 1000);
}

/* What the configuration has and nobody serves. */
static void
write_unserved(FILE *out, const struct daemon *d)
{
	struct unserved *u = unserved_new(d);
	const struct service_conf *conf;

	while ((conf = unserved_next(u)) != NULL)
		fprintf(
		    out, "\nservice %s not served: %s\n", conf->id, conf_state_text(conf->state));
	unserved_free(u);
}

static int
write_file(const struct daemon *d, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	const struct service *s;
	int r;

	if (out == NULL) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	write_daemon(out, d);
	TAILQ_FOREACH(s, &d->runtime.services, link)
		write_service(out, s);
	write_unserved(out, d);
	r = ferror(out) ? -EIO : 0;
	return fclose(out) != 0 ? -errno : r;
}

void
state_write(const struct daemon *d, const char *path)
{
	char *fresh = mem_format("%s.new", path);
	int r;

	unlink(fresh);
	r = write_file(d, fresh);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(fresh);
		log_error("event=dump-failed path=%s error=\"%s\"", path, strerror(-r));
	} else
		log_info("event=dump path=%s", path);
	free(fresh);
}
