/* SPDX-License-Identifier: MIT */
/* Clients of a line echo on loopback, all in one process: each connects, sends a line that no other connection sends, reads
 * it back, compares, closes, and begins again.
 *   load [-c CLIENTS] [-n CONNECTIONS] [-s SECONDS] [-w PAUSE] PORT
 * It ends after so many connections or seconds, and then prints one line of JSON: how many connections, how many of them
 * failed, connections a second, and percentiles of the time from connect to the first byte of the answer. PAUSE: microseconds
 * before each connection of a single client. Exit status 1 if a connection failed.
 *
 * The client closes first, so its end of each connection stays a minute in TIME_WAIT, with its port. The clients connect from
 * SOURCES addresses in turn, so that neither ports run short nor the kernel has to search for a free one. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 1024
#define SOURCES     64          /* 127.0.1.1 and following */
#define LINE_SIZE   64          /* with the newline */
#define PATIENCE_NS 20000000000 /* for an answer */

struct client {
	int fd; /* -1: it has no connection */
	int64_t begun_ns, first_ns;
	bool has_sent;
	size_t received;
	char line[LINE_SIZE + 1], answer[LINE_SIZE];
};

struct load {
	int epoll;
	uint16_t port;
	unsigned clients, running;
	unsigned long connections, begun, ended, failures;
	int64_t pause_ns, end_ns;
	int64_t *waits_ns; /* of those that did not fail; room for connections */
	struct client client[CLIENTS_MAX];
};

static void
give_up(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
connect_from(uint32_t source, uint16_t port)
{
	const struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f000101u + source),
	};
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	/* The port is chosen by connect then, among those that are free towards this address. */
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0)
		give_up("socket");
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		give_up("connect");
	return fd;
}

/* On loopback the connection is there at once, and so the line can go out, unless the queue of the listener is full. */
static void
send_line(struct load *l, struct client *c, int operation)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	ssize_t n = send(c->fd, c->line, LINE_SIZE, MSG_NOSIGNAL);

	c->has_sent = n == LINE_SIZE;
	if (!c->has_sent)
		event.events |= EPOLLOUT;
	if (epoll_ctl(l->epoll, operation, c->fd, &event) < 0)
		give_up("epoll_ctl");
}

/* Lets the client begin its next connection, if there is to be another. */
static void
begin(struct load *l, struct client *c)
{
	const struct timespec pause = { .tv_nsec = l->pause_ns };

	if (l->begun == l->connections || (l->end_ns != 0 && now_ns() >= l->end_ns)) {
		c->fd = -1;
		l->running--;
		return;
	}
	if (l->pause_ns != 0)
		nanosleep(&pause, NULL);
	l->begun++;
	c->received = 0;
	snprintf(c->line, sizeof(c->line), "%-*lu\n", LINE_SIZE - 1, l->begun);
	c->begun_ns = now_ns();
	c->fd = connect_from((uint32_t)(l->begun % SOURCES), l->port);
	send_line(l, c, EPOLL_CTL_ADD);
}

static void
finish(struct load *l, struct client *c, bool is_right)
{
	if (is_right)
		l->waits_ns[l->ended++] = c->first_ns - c->begun_ns;
	else
		l->failures++;
	close(c->fd);
	begin(l, c);
}

static void
take_answer(struct load *l, struct client *c)
{
	ssize_t n = recv(c->fd, c->answer + c->received, LINE_SIZE - c->received, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		finish(l, c, false);
		return;
	}
	if (c->received == 0)
		c->first_ns = now_ns();
	c->received += (size_t)n;
	if (c->received == LINE_SIZE)
		finish(l, c, memcmp(c->line, c->answer, LINE_SIZE) == 0);
}

static void
give_up_waiting(struct load *l)
{
	int64_t now = now_ns();

	for (unsigned i = 0; i < l->clients; i++)
		if (l->client[i].fd >= 0 && now - l->client[i].begun_ns > PATIENCE_NS)
			finish(l, &l->client[i], false);
}

static void
run(struct load *l)
{
	struct epoll_event events[64];

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		give_up("epoll_create1");
	l->running = l->clients;
	for (unsigned i = 0; i < l->clients; i++)
		begin(l, &l->client[i]);
	while (l->running > 0) {
		int n = epoll_wait(l->epoll, events, 64, 1000);

		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (!c->has_sent)
				send_line(l, c, EPOLL_CTL_MOD);
			take_answer(l, c);
		}
		if (n == 0)
			give_up_waiting(l);
	}
}

static int
compare(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

static double
percentile_us(const struct load *l, unsigned percent)
{
	return l->ended == 0 ? 0 : (double)l->waits_ns[(l->ended - 1) * percent / 100] / 1000;
}

static void
print_result(struct load *l, int64_t took_ns)
{
	double seconds = (double)took_ns / 1e9;

	qsort(l->waits_ns, l->ended, sizeof(*l->waits_ns), compare);
	printf("{\"connections\": %lu, \"failures\": %lu, \"seconds\": %.3f, \"rate\": %.1f, "
	       "\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f}\n",
	    l->ended, l->failures, seconds, (double)l->ended / seconds, percentile_us(l, 50),
	    percentile_us(l, 90), percentile_us(l, 99));
}

static bool
take_options(struct load *l, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "c:n:s:w:")) != -1) {
		long value = atol(optarg);

		if (option == '?' || value < 0)
			return false;
		switch (option) {
		case 'c':
			l->clients = (unsigned)value;
			break;
		case 'n':
			l->connections = (unsigned long)value;
			break;
		case 's':
			l->end_ns = now_ns() + value * 1000000000;
			break;
		default:
			l->pause_ns = value * 1000;
		}
	}
	l->port = optind + 1 == argc ? (uint16_t)atoi(argv[optind]) : 0;
	return l->port != 0 && l->clients > 0 && l->clients <= CLIENTS_MAX &&
	       l->pause_ns < 1000000000;
}

int
main(int argc, char **argv)
{
	static struct load load = { .clients = 32, .connections = 1000000 };
	int64_t start_ns;

	if (!take_options(&load, argc, argv))
		return 2;
	load.waits_ns = calloc(load.connections + 1, sizeof(*load.waits_ns));
	if (load.waits_ns == NULL)
		give_up("calloc");
	start_ns = now_ns();
	run(&load);
	print_result(&load, now_ns() - start_ns);
	return load.failures != 0;
}
