/* SPDX-License-Identifier: MIT */
/* The preforked server of the textbooks, for pool_protocol = plain: descriptor 0 is a socket over which each client comes
 * as a byte with a descriptor. The client is served, a byte goes back, and the next one is waited for. Kinds of pair: both,
 * pool_channel = seqpacket and stream. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The next client's descriptor; -1 with errno, which is 0 at the end. */
static int
next_client(void)
{
	char byte;

	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t len;
	int fd;

	while ((len = recvmsg(0, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	if (len <= 0 || rights == NULL || rights->cmsg_type != SCM_RIGHTS) {
		/* A message without its descriptor: this process has no number free for one. */
		errno = len == 0 ? 0 : len > 0 ? EMFILE : errno;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
	return fd;
}

/* What is read is a number of bytes and no string: NULs in it are data like any other. */
static void
serve(int client)
{
	char data[4096];
	ssize_t len;

	while ((len = read(client, data, sizeof(data))) > 0) {
		if (send(client, data, (size_t)len, MSG_NOSIGNAL) != len)
			break;
	}
}

int
main(void)
{
	int client, domain = 0;
	socklen_t len = sizeof(domain);

	if (getsockopt(0, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain != AF_UNIX) {
		fputs(
		    "prefork: descriptor 0 is no socket of porterd's: this program is a worker, for a service with "
		    "pool = dynamic and pool_protocol = plain\n",
		    stderr);
		return 1;
	}
	while ((client = next_client()) >= 0) {
		serve(client);
		close(client);
		if (send(0, "", 1, MSG_NOSIGNAL) != 1)
			break;
	}
	if (client < 0 && errno != 0 && errno != ECONNRESET) {
		perror("prefork: no client came");
		return 1;
	}
	return 0;
}
