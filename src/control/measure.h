/* SPDX-License-Identifier: MIT */
/* What is measured at the moment of asking, beside what is counted all the time. Numbers that are not there are
 * FIGURE_NONE. */
#ifndef CONTROL_MEASURE_H
#define CONTROL_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "control/describe.h"

/* Of a figure that is not there: a limit that was not set, a time that has not come. */
#define FIGURE_NONE UINT64_MAX

struct daemon_figures {
	uint64_t up_ms;
	uint64_t started, loaded; /* seconds since 1970 */
	uint64_t connections;
	uint64_t processes, most_processes;
	uint64_t services[SERVICE_STATE_MAX]; /* by enum service_state */
	uint64_t listeners, unbound;
	uint64_t reloads, refused_reloads, upgrades;
	uint64_t log_lines_lost;
	uint64_t clients, bans;
	uint64_t resident_bytes, descriptors, most_descriptors, cpu_us;
};

struct service_figures {
	uint64_t is_serving; /* 1 or 0 */
	uint64_t connections, most_connections;
	uint64_t processes, queued;
	uint64_t listeners, unbound;
	uint64_t latest_ms; /* since 1970 */
};

struct pool_figures {
	uint64_t workers, idle, busy, leaving, waiting, most;
};

struct daemon;
struct service;

struct daemon_figures measure_daemon(const struct daemon *d);
/* What of that the system has to be asked for. */
void measure_process(struct daemon_figures *f);
struct service_figures measure_service(const struct service *s, int64_t now_ms);
/* False: it has no pool. */
bool measure_pool(const struct service *s, struct pool_figures *f);
/* Sums over all services since the start, those that are gone too: what counters_add adds. */
struct counters measure_totals(const struct daemon *d);

/* The service goes on under the settings of before the latest reload. */
bool measure_is_kept(const struct daemon *d, const struct service *s);
/* Goes over the services of the configuration that are not among those that run, in file order; NULL at the end. One that is
 * broken and goes on under the settings of before is among those that run, and so is one that a person has had served
 * although it is disabled. */
struct unserved;
struct unserved *unserved_new(const struct daemon *d);
const struct service_conf *unserved_next(struct unserved *u);
void unserved_free(struct unserved *u);

#endif
