/* SPDX-License-Identifier: MIT */
#include "load/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kind {
	const char *name;
	const char *question; /* NULL: a line with the connection's number */
	bool is_ended_by_server, is_kept;
	bool (*is_right)(const struct client *c);
};

static bool
is_echo(const struct client *c)
{
	return c->received == c->question_len && memcmp(c->answer, c->question, c->received) == 0;
}

static bool
ends_with(const char *text, size_t len, const char *end)
{
	return len >= strlen(end) && memcmp(text + len - strlen(end), end, strlen(end)) == 0;
}

static bool
is_http_ok(const struct client *c)
{
	static const char status[] = " 200 ";
	const size_t version = strlen("HTTP/1.0");

	return c->received > version + strlen(status) && memcmp(c->answer, "HTTP/1.", 7) == 0 &&
	       memcmp(c->answer + version, status, strlen(status)) == 0 &&
	       ends_with(c->answer, c->received, "\r\n\r\nok\n");
}

static bool
is_nothing(const struct client *c)
{
	return c->received == 0;
}

static const struct kind kinds[] = {
	{ "echo", NULL, false, false, is_echo },
	{ "hold", NULL, false, true, is_echo },
	{ "http", "GET / HTTP/1.0\r\n\r\n", true, false, is_http_ok },
	{ "refused", "", true, false, is_nothing },
};

const struct kind *
kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

bool
kind_keeps(const struct kind *kind)
{
	return kind->is_kept;
}

void
give_up(const char *what)
{
	perror(what);
	exit(1);
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
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* The port is chosen by connect then, among those that are free towards this address. */
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0)
		give_up("socket");
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		give_up("connect");
	return fd;
}

/* What cannot be sent because there is no connection, recv will say. */
static void
ask(struct client *c)
{
	ssize_t n = send(c->fd, c->question + c->asked, c->question_len - c->asked, MSG_NOSIGNAL);

	if (n > 0)
		c->asked += (size_t)n;
}

void
client_begin(
    struct client *c, const struct kind *kind, const struct target *target, unsigned long number)
{
	if (kind->question != NULL)
		snprintf(c->question, sizeof(c->question), "%s", kind->question);
	else
		snprintf(c->question, sizeof(c->question), "%-*lu\n", QUESTION_SIZE - 1, number);
	c->question_len = strlen(c->question);
	c->asked = c->received = 0;
	c->fd = connect_from(
	    (uint32_t)(number % target->sources), target->ports[number % target->ports_count]);
	/* On loopback the connection is there at once, unless the queue of the listener is full. */
	if (client_has_to_ask(c))
		ask(c);
}

bool
client_has_to_ask(const struct client *c)
{
	return c->asked < c->question_len;
}

/* A server that closes while something is on its way to it resets the connection: that is an end, too. */
static bool
is_end(ssize_t n)
{
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

enum outcome
client_go_on(struct client *c, const struct kind *kind)
{
	const size_t room = sizeof(c->answer) - c->received;
	ssize_t n;

	if (client_has_to_ask(c))
		ask(c);
	n = recv(c->fd, c->answer + c->received, room, 0);
	if (n < 0 && errno == EAGAIN)
		return OUTCOME_NONE;
	if (is_end(n) && kind->is_ended_by_server && kind->is_right(c))
		return OUTCOME_RIGHT;
	if (n <= 0)
		return c->received > 0 && kind->is_ended_by_server ? OUTCOME_WRONG : OUTCOME_CLOSED;
	c->received += (size_t)n;
	if (c->received == sizeof(c->answer) ||
	    (c->received > c->question_len && kind->question == NULL))
		return OUTCOME_WRONG;
	if (kind->is_ended_by_server || c->received < c->question_len)
		return OUTCOME_NONE;
	return kind->is_right(c) ? OUTCOME_RIGHT : OUTCOME_WRONG;
}
