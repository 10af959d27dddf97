/* SPDX-License-Identifier: MIT */
#include "launch/warm.h"

#include <errno.h>
#include <porter/worker.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* There is one connection in the life of a process. */
static union {
	struct porter_header header;
	char bytes[WARM_MESSAGE_SIZE];
} message;

/* Room for one descriptor exactly: with CMSG_SPACE the kernel would find room for two. */
#define CONTROL_SIZE CMSG_LEN(sizeof(int))

static bool
is_connection(const struct msghdr *m, size_t len)
{
	const struct porter_header *h = &message.header;

	return len >= sizeof(*h) && (m->msg_flags & MSG_TRUNC) == 0 && h->magic == PORTER_MAGIC &&
	       h->version == PORTER_VERSION && h->type == PORTER_CONNECTION &&
	       h->id_offset >= sizeof(*h) && (size_t)h->id_offset + h->id_length <= len;
}

/* -1: it did not come, or did not come alone. */
static int
descriptor(struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd;

	if ((m->msg_flags & MSG_CTRUNC) != 0 || c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static _Noreturn void
reply_no_descriptor(void)
{
	const struct porter_reply reply = { .magic = PORTER_MAGIC,
		.version = PORTER_VERSION,
		.type = PORTER_NO_DESCRIPTOR,
		.connection = message.header.connection };

	(void)!send(PORTER_CHANNEL, &reply, sizeof(reply), MSG_NOSIGNAL);
	_exit(0);
}

/* 0, or -EPROTO if something in there is no NAME=VALUE or there are too many. */
static int
split_variables(char *text, size_t len, char **tail, size_t room)
{
	size_t count = 0;

	if (len > 0 && text[len - 1] != '\0')
		return -EPROTO;
	for (const char *end = text + len; text < end; text += strlen(text) + 1) {
		if (count + 1 >= room || *text == '=' || strchr(text, '=') == NULL)
			return -EPROTO;
		tail[count++] = text;
	}
	tail[count] = NULL;
	return 0;
}

int
warm_receive(char **tail, size_t room)
{
	union {
		struct cmsghdr align;
		char bytes[CONTROL_SIZE];
	} control;
	struct iovec iov = { &message, sizeof(message) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CONTROL_SIZE };
	size_t variables;
	ssize_t n;
	int fd, r;

	close(1);
	/* Not close-on-exec: that is what the connection is for, and nothing is executed before. */
	do
		n = recvmsg(PORTER_CHANNEL, &m, 0);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		_exit(0);
	if (n < 0)
		return -errno;
	if (!is_connection(&m, (size_t)n))
		return -EPROTO;
	fd = descriptor(&m);
	if (fd < 0)
		reply_no_descriptor();
	variables = (size_t)message.header.id_offset + message.header.id_length;
	r = split_variables(message.bytes + variables, (size_t)n - variables, tail, room);
	return r < 0 ? r : fd;
}
