/* SPDX-License-Identifier: MIT */
/* An echo as a worker of porterd without any library: the protocol of porter-worker(7) in full. The header only lends the
 * layout of the messages. */
#include <errno.h>
#include <porter/worker.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* True if descriptor 0 is what porterd gives to a worker: one end of a SOCK_SEQPACKET pair. */
static bool
is_channel(int fd)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

/* True if this is a connection, and not a message that only a later version knows. */
static bool
is_connection(const struct porter_header *header, size_t len)
{
	return len == sizeof(*header) && header->magic == PORTER_MAGIC &&
	       header->version == PORTER_VERSION && header->type == PORTER_CONNECTION;
}

/* Waits for a message. The length of what is in *header, which is 0 at the end, or -1 with errno; *fd is the descriptor that
 * came with it, -1 if none did. */
static ssize_t
receive(struct porter_header *header, int *fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	/* What follows the header, the service's id and whatever a later version adds, is cut off. */
	struct iovec data = { header, sizeof(*header) };
	struct msghdr message = { .msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t len;

	/* Close-on-exec: a program that this one starts must not keep the client's connection open. Reset: porterd has
	 * gone and has not read all replies; the end comes next. */
	while ((len = recvmsg(PORTER_CHANNEL, &message, MSG_CMSG_CLOEXEC)) < 0 &&
	       (errno == EINTR || errno == ECONNRESET))
		;
	*fd = -1;
	if (len <= 0)
		return len;
	/* MSG_CTRUNC: this process had no number free, and the kernel has dropped the descriptor. */
	const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	if (rights != NULL && rights->cmsg_type == SCM_RIGHTS &&
	    (message.msg_flags & MSG_CTRUNC) == 0)
		memcpy(fd, CMSG_DATA(rights), sizeof(*fd));
	return len;
}

/* If porterd has gone this fails, and the next receive ends the program. */
static void
reply(enum porter_type type, uint64_t connection, int status, const char *result)
{
	struct porter_reply r = {
		.magic = PORTER_MAGIC,
		.version = PORTER_VERSION,
		.type = (uint16_t)type,
		.connection = connection,
		.status = status,
		.result_length = (uint32_t)strlen(result),
	};
	struct iovec data[] = { { &r, sizeof(r) }, { (void *)(uintptr_t)result, strlen(result) } };
	const struct msghdr message = { .msg_iov = data, .msg_iovlen = 2 };

	sendmsg(PORTER_CHANNEL, &message, MSG_NOSIGNAL);
}

/* Sends back what comes until the client ends, and counts it; -1 if the connection broke. */
static long long
echo(int fd)
{
	static char data[65536];
	long long count = 0;
	ssize_t len;

	while ((len = recv(fd, data, sizeof(data), 0)) > 0) {
		if (send(fd, data, (size_t)len, MSG_NOSIGNAL) != len)
			return -1;
		count += len;
	}
	return len < 0 ? -1 : count;
}

static void
serve(uint64_t connection, int fd)
{
	char result[64];

	reply(PORTER_TAKEN, connection, 0, "");
	long long count = echo(fd);

	close(fd);
	snprintf(result, sizeof(result), "%lld bytes", count);
	reply(PORTER_DONE, connection, count < 0, count < 0 ? "broken off" : result);
}

int
main(void)
{
	struct porter_header header;
	ssize_t len;
	int fd;

	if (!is_channel(PORTER_CHANNEL)) {
		fputs(
		    "echo_protocol: descriptor 0 is no channel of porterd: this program is a worker, for a service "
		    "with pool = dynamic\n",
		    stderr);
		return 1;
	}
	while ((len = receive(&header, &fd)) > 0) {
		bool is_ours = is_connection(&header, (size_t)len);

		if (is_ours && fd >= 0)
			serve(header.connection, fd);
		else if (is_ours)
			reply(PORTER_NO_DESCRIPTOR, header.connection, 0, "");
		else if (fd >= 0)
			close(fd);
	}
	if (len < 0)
		perror("echo_protocol: no message of porterd");
	return len < 0;
}
