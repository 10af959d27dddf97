/* SPDX-License-Identifier: MIT */
/* The outgoing connection of a relay. */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "serve/relay.h"

/* That of the process, for its signal handler. */
static struct relay_report *waiting;

/* A lookup cannot be ended in another way. Nobody waits for the process but who asked for it. */
static void
on_alarm(int signo)
{
	(void)signo;
	waiting->end = RELAY_SLOW_NAME;
	_exit(0);
}

static void
set_alarm(int64_t ms)
{
	const struct itimerval t = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &t, NULL);
}

/* Numbers need no lookup. 0, or the error of getaddrinfo(3). */
static int
look_up(const struct relay *r, struct relay_report *report, struct addrinfo **list)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
	int error = getaddrinfo(r->host, r->port, &hints, list);

	if (error != EAI_NONAME)
		return error;
	waiting = report;
	signal(SIGALRM, on_alarm);
	set_alarm(r->connect_ms);
	hints.ai_flags = 0;
	error = getaddrinfo(r->host, r->port, &hints, list);
	set_alarm(0);
	signal(SIGALRM, SIG_DFL);
	return error;
}

/* A port from which we connect may be the one that we connect to: then nobody is there but ourselves. */
static bool
is_own_end(int fd)
{
	struct sockaddr_in6 near = { 0 }, far = { 0 };
	socklen_t near_len = sizeof(near), far_len = sizeof(far);

	return getsockname(fd, (struct sockaddr *)&near, &near_len) == 0 &&
	       getpeername(fd, (struct sockaddr *)&far, &far_len) == 0 && near_len == far_len &&
	       memcmp(&near, &far, near_len) == 0;
}

/* 0 or the error. */
static int
wait_connected(int fd, int64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0, r;
	socklen_t len = sizeof(error);
	int64_t left_ms;

	do {
		left_ms = until_ms - clock_now_ms();
		r = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r == 0 ? ETIMEDOUT : errno;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error != 0 || !is_own_end(fd) ? error : ECONNREFUSED;
}

static void
set_options(const struct relay *r, int fd)
{
	const int on = 1;

	if (r->nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (r->keepalive)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* The descriptor, or -errno. */
static int
try_address(const struct addrinfo *a, int64_t until_ms)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		error = errno;
	/* EINTR: it goes on all the same. */
	if (error == 0 || error == EINPROGRESS || error == EINTR)
		error = wait_connected(fd, until_ms);
	if (error == 0)
		return fd;
	close(fd);
	return -error;
}

static int
count_addresses(const struct addrinfo *a)
{
	int count = 0;

	for (; a != NULL; a = a->ai_next)
		count++;
	return count;
}

/* One after the other; each has its share of the time that is left, so that one that is silent takes no other's turn. */
static int
try_all(const struct relay *r, const struct addrinfo *list, struct relay_report *report,
    int64_t until_ms)
{
	int left = count_addresses(list);

	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next, left--) {
		const int64_t now_ms = clock_now_ms();
		int fd;

		if (a->ai_addrlen > sizeof(report->target))
			continue;
		memcpy(&report->target, a->ai_addr, a->ai_addrlen);
		fd = try_address(a, now_ms + (until_ms - now_ms) / left);
		if (fd >= 0) {
			set_options(r, fd);
			return fd;
		}
		report->error = -fd;
	}
	report->end = RELAY_UNREACHABLE;
	return -1;
}

int
relay_connect(const struct relay *r, struct relay_report *report)
{
	const int64_t until_ms = clock_now_ms() + r->connect_ms;
	struct addrinfo *list = NULL;
	int fd;

	report->error = look_up(r, report, &list);
	if (report->error != 0) {
		report->end = RELAY_NO_NAME;
		return -1;
	}
	fd = try_all(r, list, report, until_ms);
	freeaddrinfo(list);
	return fd;
}

const char *
relay_error(const struct relay_report *report)
{
	switch (report->end) {
	case RELAY_NO_NAME:
		return gai_strerror(report->error);
	case RELAY_SLOW_NAME:
		return "the name was not looked up within connect_timeout";
	case RELAY_UNREACHABLE:
		return strerror(report->error);
	default:
		return NULL;
	}
}

const char *
relay_target(const struct relay_report *report, char text[RELAY_TARGET_SIZE])
{
	char address[ADDR_TEXT_SIZE];
	struct addr a = { 0 };

	if (report->target.sa.sa_family == AF_INET) {
		a.len = sizeof(a.u.in);
		a.u.in = report->target.in;
	} else if (report->target.sa.sa_family == AF_INET6) {
		a.len = sizeof(a.u.in6);
		a.u.in6 = report->target.in6;
	} else
		return NULL;
	snprintf(text, RELAY_TARGET_SIZE, addr_family(&a) == AF_INET6 ? "[%s]:%u" : "%s:%u",
	    addr_format(&a, address), addr_port(&a));
	return text;
}
