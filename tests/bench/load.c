/* SPDX-License-Identifier: MIT */
/* Clients on loopback, all in one process. Each connects, asks, reads the whole answer, checks it, and closes.
 *   load [-k KIND] [-c CLIENTS] [-n CONNECTIONS] [-s SECONDS] [-w PAUSE] [-r RATE [-R ARRIVALS]]
 *        [--sources N] PORTS | --ports PORTS
 * PORTS: a port, or several: 3000-3999,4500. Connections take them in turn, in an order that is shuffled, but the
 * same in every run.
 *
 * -k KIND  echo     sends a line that no other connection sends, and reads it back (the default)
 *          http     GET / HTTP/1.0, until the server closes; the status has to be 200, the body "ok" and a newline
 *          refused  sends nothing; the server has to close without a byte
 *          hold     as echo, but CONNECTIONS are kept; then prints READY, waits until standard input ends, and looks
 *                   whether all are still there before it closes them
 *
 * Closed loop, the default: CLIENTS (-c, 32) begin the next connection when the last one is done; a single client
 * after a PAUSE (-w, 0) in microseconds.
 * Open loop, -r RATE: connections begin at fixed times, RATE a second on average, whatever the server does; -R
 * poisson (the default; the same times in every run) or constant. CLIENTS (4096) is the most at a time. Waits count
 * from the time when a connection was to begin, so they hold whatever made it late: a server that does not keep up,
 * and the clients themselves.
 * It ends after CONNECTIONS (-n; 1,000,000, or no end with -s) or SECONDS (-s), when the last are done. Clients
 * connect from N addresses (--sources, 64), 127.0.1.1 and following.
 *
 * Prints one line of JSON:
 *   connections, rate               those with a right answer, and how many of them a second
 *   seconds                         from the first begin to the last end; of hold until all were there
 *   failures                        the others: wrong (answers), closed (before the whole answer, or nobody listens)
 *                                   and unanswered (for 20 s); with any the exit status is 1
 *   mean_us, p50_us, p90_us, p99_us, p999_us, max_us
 *                                   from begin to whole answer; percentiles are right within 0.4 %
 *   gap_us                          the longest time between two right answers that followed each other
 *   asked                           RATE; 0 for a closed loop
 *   late_p50_us, late_p99_us, late_max_us
 *                                   how late connections of an open loop began
 *
 * Who closes first keeps the connection a minute in TIME_WAIT, with its port: with many sources neither ports run
 * short nor has the kernel to search for a free one. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/random.h"
#include "load/run.h"

#define PORT_MOST    65535
#define CLIENTS_MOST 65536

static const struct option long_options[] = {
	{ "ports", required_argument, NULL, 'P' },
	{ "sources", required_argument, NULL, 'S' },
	{ 0 },
};

static bool
add_ports(struct target *t, unsigned long first, unsigned long last)
{
	if (first < 1 || last > PORT_MOST || first > last)
		return false;
	t->ports = realloc(t->ports, (t->ports_count + last - first + 1) * sizeof(*t->ports));
	if (t->ports == NULL)
		give_up("realloc");
	for (unsigned long port = first; port <= last; port++)
		t->ports[t->ports_count++] = (uint16_t)port;
	return true;
}

/* A-B,C,... */
static bool
take_ports(struct target *t, const char *text)
{
	char *end;

	for (;;) {
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (!add_ports(t, first, last) || (*end != ',' && *end != '\0'))
			return false;
		if (*end == '\0')
			return true;
		text = end + 1;
	}
}

/* So that neighbours among the services are not neighbours in time. */
static void
shuffle_ports(struct target *t)
{
	uint64_t random = 2463534242u;

	for (size_t i = t->ports_count; i > 1; i--) {
		const size_t other = random_next(&random) % i;
		const uint16_t port = t->ports[i - 1];

		t->ports[i - 1] = t->ports[other];
		t->ports[other] = port;
	}
}

static bool
take_arrivals(struct load *l, const char *text)
{
	l->is_constant = strcmp(text, "constant") == 0;
	return l->is_constant || strcmp(text, "poisson") == 0;
}

static bool
take_option(struct load *l, int option, const char *text)
{
	const long value = atol(text);

	switch (option) {
	case 'k':
		l->kind = kind_find(text);
		return l->kind != NULL;
	case 'c':
		l->clients = (unsigned)value;
		return value > 0 && value <= CLIENTS_MOST;
	case 'n':
		l->connections = (unsigned long)value;
		return value > 0;
	case 's':
		l->seconds = atof(text);
		return l->seconds > 0;
	case 'w':
		l->pause_ns = value * 1000;
		return value >= 0 && value < 1000000;
	case 'r':
		l->rate = atof(text);
		return l->rate > 0;
	case 'R':
		return take_arrivals(l, text);
	case 'S':
		l->target.sources = (unsigned)value;
		return value > 0 && value <= CLIENTS_MOST;
	case 'P':
		return take_ports(&l->target, text);
	default:
		return false;
	}
}

static bool
take_options(struct load *l, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "k:c:n:s:w:r:R:", long_options, NULL)) != -1)
		if (option == '?' || !take_option(l, option, optarg))
			return false;
	if (optind < argc && !take_ports(&l->target, argv[optind++]))
		return false;
	if (l->clients == 0)
		l->clients = l->rate > 0 ? 4096 : 32;
	if (l->connections == 0)
		l->connections = l->seconds > 0 && !kind_keeps(l->kind) ? UINT64_MAX : 1000000;
	return optind == argc && l->target.ports_count > 0;
}

static void
allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		give_up("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		give_up("setrlimit");
}

/* Says when all are there; those that are gone at the end have failed. */
static void
hold(struct result *r)
{
	const unsigned long count = r->outcomes[OUTCOME_RIGHT];
	char byte;

	puts("READY");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (unsigned long i = 0; i < count; i++) {
		if (recv(r->kept[i], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN) {
			r->outcomes[OUTCOME_RIGHT]--;
			r->outcomes[OUTCOME_CLOSED]++;
		}
		close(r->kept[i]);
	}
	free(r->kept);
}

static void
print_histogram(const struct histogram *h)
{
	static const struct {
		const char *name;
		unsigned in_1000;
	} quantiles[] = { { "p50", 500 }, { "p90", 900 }, { "p99", 990 }, { "p999", 999 } };

	printf(", \"mean_us\": %.1f", histogram_mean_ns(h) / 1000);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		printf(", \"%s_us\": %.1f", quantiles[i].name,
		    histogram_quantile_ns(h, quantiles[i].in_1000) / 1000);
	printf(", \"max_us\": %.1f", (double)h->max_ns / 1000);
}

static unsigned long
count_failures(const struct result *r)
{
	return r->outcomes[OUTCOME_WRONG] + r->outcomes[OUTCOME_CLOSED] +
	       r->outcomes[OUTCOME_UNANSWERED];
}

static void
print_result(const struct load *l, const struct result *r)
{
	const double seconds = (double)r->took_ns / 1e9;
	const struct histogram *late = &r->late;

	printf(
	    "{\"connections\": %lu, \"failures\": %lu, \"wrong\": %lu, \"closed\": %lu, \"unanswered\": %lu, ",
	    r->outcomes[OUTCOME_RIGHT], count_failures(r), r->outcomes[OUTCOME_WRONG],
	    r->outcomes[OUTCOME_CLOSED], r->outcomes[OUTCOME_UNANSWERED]);
	printf("\"seconds\": %.3f, \"rate\": %.1f", seconds,
	    (double)r->outcomes[OUTCOME_RIGHT] / seconds);
	print_histogram(&r->waits);
	printf(", \"gap_us\": %.1f, \"asked\": %.1f, ", (double)r->gap_ns / 1000, l->rate);
	printf("\"late_p50_us\": %.1f, \"late_p99_us\": %.1f, \"late_max_us\": %.1f}\n",
	    histogram_quantile_ns(late, 500) / 1000, histogram_quantile_ns(late, 990) / 1000,
	    (double)late->max_ns / 1000);
}

int
main(int argc, char **argv)
{
	static struct result result;
	struct load load = { .kind = kind_find("echo"), .target.sources = 64 };

	if (!take_options(&load, argc, argv))
		return 2;
	shuffle_ports(&load.target);
	allow_descriptors();
	load_run(&load, &result);
	if (kind_keeps(load.kind))
		hold(&result);
	print_result(&load, &result);
	free(load.target.ports);
	return count_failures(&result) != 0;
}
