/* SPDX-License-Identifier: MIT */
#include "control/figure.h"

#include <string.h>

#include "base/mem.h"
#include "run/pool.h"

/* The member is of the kind that the row says, or this does not compile. */
#define AT(ctype, type, f) offsetof(type, f) + 0 * sizeof(char[_Generic(((type *)0)->f, ctype : 1)])

#define DAEMON(f)                                       \
 .scope = FIGURE_OF_DAEMON, .source = FIGURE_IN_DAEMON, \
 .offset = AT(uint64_t, struct daemon_figures, f)
#define SERVICE(f)                                        \
 .scope = FIGURE_OF_SERVICE, .source = FIGURE_IN_SERVICE, \
 .offset = AT(uint64_t, struct service_figures, f)
#define COUNTED(f)                                         \
 .scope = FIGURE_OF_SERVICE, .source = FIGURE_IN_COUNTERS, \
 .offset = AT(uint64_t, struct counters, f)
#define POOL(f) \
 .scope = FIGURE_OF_POOL, .source = FIGURE_IN_POOL, .offset = AT(uint64_t, struct pool_figures, f)
#define POOL_COUNT(f)                                        \
 .scope = FIGURE_OF_POOL, .source = FIGURE_IN_POOL_COUNTERS, \
 .offset = AT(uint64_t, struct pool_counters, f)
#define PARTS(from, f) \
 .scope = FIGURE_OF_SERVICE, .source = FIGURE_IN_COUNTERS, .offset = AT(from, struct counters, f)
#define SECONDS .unit = "seconds"
#define BYTES   .unit = "bytes"
#define MICRO   1000000
#define MILLI   1000

/* clang-format off */
const struct figure figures[] = {
	/* the daemon */
	{ .name = "build", .type = FIGURE_INFO, .scope = FIGURE_OF_DAEMON, .label = "version", .split = FIGURE_BY_VERSION,
	  .text = "The version of porterd that is running." },
	{ .name = "start_time_seconds", .type = FIGURE_GAUGE, SECONDS, DAEMON(started),
	  .text = "When the daemon was started, in seconds since 1970." },
	{ .name = "uptime_seconds", .type = FIGURE_GAUGE, SECONDS, DAEMON(up_ms), .divisor = MILLI,
	  .text = "How long the daemon has been running." },
	{ .name = "load_time_seconds", .type = FIGURE_GAUGE, SECONDS, DAEMON(loaded),
	  .text = "When the present configuration was loaded, in seconds since 1970." },
	{ .name = "connections", .type = FIGURE_COUNTER, DAEMON(connections),
	  .text = "Connections that were given a number." },
	{ .name = "processes", .type = FIGURE_GAUGE, DAEMON(processes),
	  .text = "Programs and workers of all services that are running." },
	{ .name = "processes_limit", .type = FIGURE_GAUGE, DAEMON(most_processes),
	  .text = "How many of them may run at a time." },
	{ .name = "services", .type = FIGURE_GAUGE, .label = "state", .split = FIGURE_BY_STATE,
	  .scope = FIGURE_OF_DAEMON, .source = FIGURE_IN_DAEMON, .offset = offsetof(struct daemon_figures, services),
	  .text = "Services by what they do at present." },
	{ .name = "listeners", .type = FIGURE_GAUGE, DAEMON(listeners),
	  .text = "Addresses that are listened on." },
	{ .name = "listeners_unbound", .type = FIGURE_GAUGE, DAEMON(unbound),
	  .text = "Addresses that could not be had, and are tried again." },
	{ .name = "reloads", .type = FIGURE_COUNTER, DAEMON(reloads),
	  .text = "Reloads of the configuration that were done." },
	{ .name = "reloads_refused", .type = FIGURE_COUNTER, DAEMON(refused_reloads),
	  .text = "Reloads of the configuration that were refused because of an error." },
	{ .name = "upgrades", .type = FIGURE_COUNTER, DAEMON(upgrades),
	  .text = "Upgrades of the running program that were done." },
	{ .name = "log_lines_lost", .type = FIGURE_COUNTER, DAEMON(log_lines_lost),
	  .text = "Log lines that could not be written." },
	{ .name = "control_clients", .type = FIGURE_GAUGE, DAEMON(clients),
	  .text = "Clients of the control socket." },
	{ .name = "bans", .type = FIGURE_GAUGE, DAEMON(bans),
	  .text = "Addresses and prefixes that nobody is served from." },
	{ .name = "resident_memory_bytes", .type = FIGURE_GAUGE, BYTES, DAEMON(resident_bytes),
	  .text = "Memory of the daemon itself that is resident." },
	{ .name = "open_descriptors", .type = FIGURE_GAUGE, DAEMON(descriptors),
	  .text = "Descriptors that the daemon itself has open." },
	{ .name = "open_descriptors_limit", .type = FIGURE_GAUGE, DAEMON(most_descriptors),
	  .text = "How many descriptors it may have open." },
	{ .name = "cpu_seconds", .type = FIGURE_COUNTER, SECONDS, DAEMON(cpu_us), .divisor = MICRO,
	  .text = "Processor time of the daemon itself, user and system." },

	/* each service */
	{ .name = "service_serving", .type = FIGURE_GAUGE, SERVICE(is_serving),
	  .text = "Whether the service serves: 0 while it is off or its program cannot be started." },
	{ .name = "service_accepted", .type = FIGURE_COUNTER, COUNTED(accepted),
	  .text = "Connections taken from the kernel, and starts of programs that wait for datagrams or accept by themselves." },
	{ .name = "service_started", .type = FIGURE_COUNTER, COUNTED(started),
	  .text = "Programs started." },
	{ .name = "service_answered", .type = FIGURE_COUNTER, COUNTED(answered),
	  .text = "Clients served by the daemon itself without a process." },
	{ .name = "service_refused", .type = FIGURE_COUNTER, .label = "reason", .split = FIGURE_BY_REASON,
	  .scope = FIGURE_OF_SERVICE, .source = FIGURE_IN_COUNTERS, .offset = offsetof(struct counters, refused),
	  .text = "Connections closed because of a limit or a rule, by the reason that FAIL lines give." },
	{ .name = "service_failed", .type = FIGURE_COUNTER, COUNTED(failed),
	  .text = "Programs that could not be started." },
	{ .name = "service_aborted", .type = FIGURE_COUNTER, COUNTED(aborted),
	  .text = "Clients that were gone before they were served." },
	{ .name = "service_ended", .type = FIGURE_COUNTER, COUNTED(ended),
	  .text = "Programs that ended." },
	{ .name = "service_exits", .type = FIGURE_COUNTER, .label = "status", .split = FIGURE_BY_STATUS,
	  PARTS(struct ends, ends),
	  .text = "Programs that ended by themselves, by their exit status; other: beyond the first few different ends." },
	{ .name = "service_kills", .type = FIGURE_COUNTER, .label = "signal", .split = FIGURE_BY_SIGNAL,
	  PARTS(struct ends, ends),
	  .text = "Programs that a signal ended, by the signal." },
	{ .name = "service_cpu_seconds", .type = FIGURE_COUNTER, SECONDS, COUNTED(cpu_us), .divisor = MICRO,
	  .text = "Processor time of programs that have ended, user and system." },
	{ .name = "service_received_bytes", .type = FIGURE_COUNTER, BYTES, COUNTED(bytes_in),
	  .text = "Bytes that came from clients, where that is known." },
	{ .name = "service_sent_bytes", .type = FIGURE_COUNTER, BYTES, COUNTED(bytes_out),
	  .text = "Bytes that went to clients, where that is known." },
	{ .name = "service_start_seconds", .type = FIGURE_HISTOGRAM, SECONDS, PARTS(struct histogram, start), .divisor = MICRO,
	  .text = "Time from accept until the program was started, or the worker had the connection." },
	{ .name = "service_session_seconds", .type = FIGURE_HISTOGRAM, SECONDS, PARTS(struct histogram, session), .divisor = MICRO,
	  .text = "Time from then until the end of the connection's program, or until its worker was done with it." },
	{ .name = "service_connections", .type = FIGURE_GAUGE, SERVICE(connections),
	  .text = "Connections that programs and workers of the service have." },
	{ .name = "service_connections_limit", .type = FIGURE_GAUGE, SERVICE(most_connections),
	  .text = "How many of them it may have at a time; missing where instances sets no limit." },
	{ .name = "service_processes", .type = FIGURE_GAUGE, SERVICE(processes),
	  .text = "Programs and workers of the service that are running." },
	{ .name = "service_queued", .type = FIGURE_GAUGE, SERVICE(queued),
	  .text = "Clients that nobody serves yet: in the queues of TCP sockets, and waiting for a worker." },
	{ .name = "service_listeners", .type = FIGURE_GAUGE, SERVICE(listeners),
	  .text = "Addresses that the service listens on." },
	{ .name = "service_listeners_unbound", .type = FIGURE_GAUGE, SERVICE(unbound),
	  .text = "Addresses of the service that could not be had, and are tried again." },
	{ .name = "service_latest_time_seconds", .type = FIGURE_GAUGE, SECONDS, SERVICE(latest_ms), .divisor = MILLI,
	  .text = "When its latest connection came, in seconds since 1970; missing while there was none." },

	/* each pool */
	{ .name = "pool_workers", .type = FIGURE_GAUGE, POOL(workers),
	  .text = "Workers that take connections." },
	{ .name = "pool_workers_limit", .type = FIGURE_GAUGE, POOL(most),
	  .text = "How many of them there may be." },
	{ .name = "pool_idle", .type = FIGURE_GAUGE, POOL(idle),
	  .text = "Workers without a connection." },
	{ .name = "pool_busy", .type = FIGURE_GAUGE, POOL(busy),
	  .text = "Workers with a connection, also of those that are leaving." },
	{ .name = "pool_leaving", .type = FIGURE_GAUGE, POOL(leaving),
	  .text = "Workers that were asked to end." },
	{ .name = "pool_waiting", .type = FIGURE_GAUGE, POOL(waiting),
	  .text = "Clients that wait for another worker after one came to nothing." },
	{ .name = "pool_workers_started", .type = FIGURE_COUNTER, POOL_COUNT(started),
	  .text = "Workers started." },
	{ .name = "pool_workers_ended", .type = FIGURE_COUNTER, POOL_COUNT(ended),
	  .text = "Workers that ended." },
	{ .name = "pool_workers_failed", .type = FIGURE_COUNTER, POOL_COUNT(failed),
	  .text = "Workers that ended unasked and without having taken a connection." },
	{ .name = "pool_handed", .type = FIGURE_COUNTER, POOL_COUNT(handed),
	  .text = "Connections sent to a worker, each time." },
	{ .name = "pool_again", .type = FIGURE_COUNTER, POOL_COUNT(again),
	  .text = "Connections that came back, and went to another worker." },
	{ .name = "pool_given_up", .type = FIGURE_COUNTER, POOL_COUNT(given_up),
	  .text = "Connections that came back too often." },
	{ .name = "pool_served", .type = FIGURE_COUNTER, POOL_COUNT(served),
	  .text = "Connections that a worker has finished." },
	{ .name = "pool_lost", .type = FIGURE_COUNTER, POOL_COUNT(lost),
	  .text = "Connections whose worker ended before it had finished them." },
	{ .name = "pool_timed_out", .type = FIGURE_COUNTER, POOL_COUNT(timed_out),
	  .text = "Workers that kept a connection too long." },
	{ .name = "pool_stray", .type = FIGURE_COUNTER, POOL_COUNT(stray),
	  .text = "Replies of workers that nobody had asked for." },
};
/* clang-format on */

const size_t figure_count = ARRAY_LEN(figures);

const struct figure *
figure_find(const char *name)
{
	for (size_t i = 0; i < figure_count; i++)
		if (strcmp(figures[i].name, name) == 0)
			return &figures[i];
	return NULL;
}
