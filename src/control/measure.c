/* SPDX-License-Identifier: MIT */
#include "control/measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "control/control.h"
#include "control/daemon.h"
#include "policy/ban.h"
#include "run/pool.h"
#include "run/service.h"

struct unserved {
	const struct config *config;
	/* Services that run under settings of before and behind it, by id; NULL: there are none. */
	struct map *kept, *ahead;
	size_t at;
};

/* The configuration that its settings were loaded with, changed since or not. */
static const struct config *
loaded_config(const struct service *s)
{
	return s->config->base != NULL ? s->config->base : s->config;
}

bool
measure_is_kept(const struct daemon *d, const struct service *s)
{
	return !s->is_gone && loaded_config(s)->number < d->config->number;
}

/* A person has had it served, and the configuration was loaded for it alone. */
static bool
is_ahead(const struct daemon *d, const struct service *s)
{
	return !s->is_gone && loaded_config(s)->number > d->config->number;
}

static struct map *
services_that(
    const struct daemon *d, bool (*is_one)(const struct daemon *d, const struct service *s))
{
	struct map *by_id = NULL;
	struct service *s;
	size_t count = 0;

	TAILQ_FOREACH(s, &d->runtime.services, link)
		count += is_one(d, s);
	if (count > 0)
		by_id = map_new(count);
	TAILQ_FOREACH(s, &d->runtime.services, link)
		if (is_one(d, s))
			map_put(by_id, s->conf->id, s);
	return by_id;
}

struct unserved *
unserved_new(const struct daemon *d)
{
	struct unserved *u = mem_alloc(sizeof(*u));

	u->config = d->config;
	u->kept = services_that(d, measure_is_kept);
	u->ahead = services_that(d, is_ahead);
	return u;
}

static bool
takes(struct map *by_id, const char *id)
{
	return by_id != NULL && map_take(by_id, id) != NULL;
}

const struct service_conf *
unserved_next(struct unserved *u)
{
	while (u->at < u->config->count) {
		const struct service_conf *conf = u->config->services[u->at++];

		if (conf->state == CONF_OK || takes(u->ahead, conf->id) ||
		    (conf->state == CONF_BROKEN_SURROUNDINGS && takes(u->kept, conf->id)))
			continue;
		return conf;
	}
	return NULL;
}

void
unserved_free(struct unserved *u)
{
	map_free(u->kept);
	map_free(u->ahead);
	free(u);
}

/* One that a person has switched off is neither. */
static void
count_listeners(const struct service *s, uint64_t *bound, uint64_t *unbound)
{
	const struct listener *l;

	if (s->is_off)
		return;
	TAILQ_FOREACH(l, &s->listeners, link)
		(*(listener_is_bound(l) ? bound : unbound))++;
}

static void
count_services(struct daemon_figures *f, const struct daemon *d)
{
	int64_t now_ms = clock_now_ms();
	struct unserved *u = unserved_new(d);
	const struct service_conf *conf;
	const struct service *s;

	TAILQ_FOREACH(s, &d->runtime.services, link) {
		f->services[service_state(s, now_ms)]++;
		count_listeners(s, &f->listeners, &f->unbound);
	}
	while ((conf = unserved_next(u)) != NULL)
		f->services[unserved_state(conf)]++;
	unserved_free(u);
}

struct daemon_figures
measure_daemon(const struct daemon *d)
{
	const struct runtime *rt = &d->runtime;
	struct daemon_figures f = {
		.up_ms = (uint64_t)(clock_now_ms() - d->started_ms),
		.started = (uint64_t)d->started,
		.loaded = (uint64_t)d->loaded,
		.connections = rt->connections,
		.processes = rt->running,
		.most_processes = rt->max_servers,
		.reloads = d->reloads,
		.refused_reloads = d->refused_reloads,
		.upgrades = d->upgrades,
		.log_lines_lost = sink_lost_total(),
		.clients = control_clients(d->control),
		.bans = rt->bans != NULL ? bans_count(rt->bans, clock_now_ms()) : 0,
	};

	count_services(&f, d);
	return f;
}

/* From Linux 6.2 on the directory's size is their number; before, they are counted. */
static uint64_t
count_descriptors(void)
{
	struct stat st;
	uint64_t n = 0;
	DIR *dir;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	dir = opendir("/proc/self/fd");
	if (dir == NULL)
		return FIGURE_NONE;
	for (const struct dirent *e; (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n - 1; /* without the directory itself */
}

static uint64_t
resident_bytes(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n;
	char text[256], *second;

	if (fd < 0)
		return FIGURE_NONE;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	second = strchr(text, ' ');
	if (second == NULL)
		return FIGURE_NONE;
	return strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void
measure_process(struct daemon_figures *f)
{
	struct rlimit nofile;
	struct rusage own;

	f->resident_bytes = resident_bytes();
	f->descriptors = count_descriptors();
	f->most_descriptors =
	    getrlimit(RLIMIT_NOFILE, &nofile) == 0 ? nofile.rlim_cur : FIGURE_NONE;
	f->cpu_us =
	    getrusage(RUSAGE_SELF, &own) == 0
		? (uint64_t)(clock_microseconds(&own.ru_utime) + clock_microseconds(&own.ru_stime))
		: FIGURE_NONE;
}

struct service_figures
measure_service(const struct service *s, int64_t now_ms)
{
	struct service_figures f = {
		.is_serving = service_state(s, now_ms) == SERVICE_SERVING,
		.connections = service_connections(s),
		.most_connections =
		    s->conf->instances != CONF_UNLIMITED ? s->conf->instances : FIGURE_NONE,
		.processes = s->running,
		.queued = service_queued(s),
		.latest_ms =
		    s->counters.latest_ms > 0 ? (uint64_t)s->counters.latest_ms : FIGURE_NONE,
	};

	count_listeners(s, &f.listeners, &f.unbound);
	return f;
}

bool
measure_pool(const struct service *s, struct pool_figures *f)
{
	const struct pool *p = s->pool;

	if (p == NULL)
		return false;
	*f = (struct pool_figures){
		.workers = pool_workers(p),
		.idle = p->count[WORKER_IDLE],
		.busy = pool_busy(p),
		.leaving = p->leaving_count,
		.waiting = p->waiting_count,
		.most = p->rule.max,
	};
	return true;
}

struct counters
measure_totals(const struct daemon *d)
{
	struct counters all = d->runtime.past;
	const struct service *s;

	TAILQ_FOREACH(s, &d->runtime.services, link)
		counters_add(&all, &s->counters);
	return all;
}
