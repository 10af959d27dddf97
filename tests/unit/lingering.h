/* SPDX-License-Identifier: MIT */
/* A connected TCP socket whose last close waits for its peer for a day. */
#ifndef UNIT_LINGERING_H
#define UNIT_LINGERING_H

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void
make_linger(int fd)
{
	const struct linger day = { 1, 86400 };

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &day, sizeof(day)), 0);
}

/* *peer reads nothing, and has more sent to it than it can hold. */
static inline int
lingering_socket(int *peer)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), least = 1, fd;
	socklen_t len = sizeof(in);
	char data[65536];

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&in, &len), 0);
	*peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(*peer, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	ck_assert_int_eq(connect(*peer, (struct sockaddr *)&in, sizeof(in)), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(listener);
	memset(data, 'x', sizeof(data));
	while (send(fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		continue;
	make_linger(fd);
	return fd;
}

#endif
