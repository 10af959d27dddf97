/* SPDX-License-Identifier: MIT */
/* What every echo that is measured does with a connection, so that they differ in nothing but how they get it. */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sends back what comes, until the client ends. */
static inline void
echo_until_end(int in, int out)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)n) != n)
			break;
}

/* The descriptor of the next message; -1 at the end of the channel. */
static inline int
receive_descriptor(int channel)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec bytes = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) > 0 && CMSG_FIRSTHDR(&message) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* The textbook's worker: a byte with each descriptor, a byte back. */
static inline void
serve_passed(int channel)
{
	int fd;

	while ((fd = receive_descriptor(channel)) >= 0) {
		echo_until_end(fd, fd);
		close(fd);
		if (send(channel, "", 1, MSG_NOSIGNAL) != 1)
			break;
	}
}

/* Several processes do this on one listening socket. */
static inline void
serve_accepted(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		echo_until_end(fd, fd);
		close(fd);
	}
}

#endif
