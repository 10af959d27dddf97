/* SPDX-License-Identifier: MIT */
/* The worker's end of a channel, see porter-worker(7). What comes from the other end is looked at before it is used, though
 * it is the daemon: this code also runs where a program was started by something else. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <porter/worker.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/porter_accept.h"

_Static_assert(sizeof(struct porter_address) == 24, "as in porter-worker(7)");
_Static_assert(sizeof(struct porter_header) == 72, "as in porter-worker(7)");
_Static_assert(sizeof(struct porter_reply) == 24, "as in porter-worker(7)");
_Static_assert(
    sizeof(((struct porter_connection *)NULL)->service) == PORTER_ID_SIZE + 1, "with a NUL");

/* As many descriptors as one message can bring (SCM_MAX_FD of Linux), so that none is cut off for want of room here. */
#define MOST_DESCRIPTORS 253
/* Bytes of a message that are looked at; more come from a later version. */
#define MESSAGE_SIZE     1024

struct message {
	union {
		struct porter_header header;
		char bytes[MESSAGE_SIZE];
	} u;

	size_t size;
	int fd; /* the first that came with it; -1: none */
};

static void
wait_for(int fd, short event)
{
	struct pollfd p = { .fd = fd, .events = event };

	poll(&p, 1, -1);
}

/* Keeps the first descriptor and closes the others. */
static void
take_descriptors(struct message *m, struct msghdr *h)
{
	m->fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (m->fd < 0)
				m->fd = fd;
			else
				close(fd);
		}
	}
}

/* The next message. flags: MSG_PEEK leaves it in the channel, 0 takes it out. 1; 0 at the channel's end; -errno. */
static int
receive(int channel, struct message *m, int flags)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
	} control;

	struct iovec io = { .iov_base = m->u.bytes, .iov_len = sizeof(m->u.bytes) };

	for (;;) {
		struct msghdr h = {
			.msg_iov = &io,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(channel, &h, flags | MSG_CMSG_CLOEXEC);

		if (n >= 0) {
			take_descriptors(m, &h);
			m->size = (size_t)n;
			return n > 0 || m->fd >= 0;
		}
		if (errno == EAGAIN)
			wait_for(channel, POLLIN);
		/* Connection reset: replies of ours were not read. What is left to receive comes after it. */
		else if (errno != EINTR && errno != ECONNRESET)
			return -errno;
	}
}

/* Takes out the message that was looked at. That it is gone tells the other end that nothing of it was lost here. */
static void
take_out(int channel)
{
	char byte;

	while (recv(channel, &byte, sizeof(byte), MSG_DONTWAIT) < 0 &&
	       (errno == EINTR || errno == ECONNRESET))
		continue;
}

/* True if the message is one that a later version may send, and this one passes over. */
static bool
is_of_other_type(const struct message *m)
{
	return m->size >= offsetof(struct porter_header, connection) &&
	       m->u.header.magic == PORTER_MAGIC && m->u.header.type != PORTER_CONNECTION;
}

static bool
is_connection(const struct message *m)
{
	const struct porter_header *h = &m->u.header;

	return m->size >= sizeof(*h) && h->magic == PORTER_MAGIC && h->version == PORTER_VERSION &&
	       h->type == PORTER_CONNECTION && h->id_length <= PORTER_ID_SIZE &&
	       (size_t)h->id_offset + h->id_length <= m->size;
}

static socklen_t
address_from_wire(struct sockaddr_storage *out, const struct porter_address *a)
{
	union {
		struct sockaddr_storage storage;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;

	socklen_t len = 0;

	memset(&u, 0, sizeof(u));
	u.storage.ss_family = a->family;
	if (a->family == AF_INET) {
		u.in.sin_port = htons(a->port);
		memcpy(&u.in.sin_addr, a->bytes, sizeof(u.in.sin_addr));
		len = sizeof(u.in);
	} else if (a->family == AF_INET6) {
		u.in6.sin6_port = htons(a->port);
		u.in6.sin6_scope_id = a->scope;
		memcpy(&u.in6.sin6_addr, a->bytes, sizeof(u.in6.sin6_addr));
		len = sizeof(u.in6);
	} else if (a->family == AF_UNIX)
		len = sizeof(u.storage.ss_family);
	else
		u.storage.ss_family = AF_UNSPEC;
	*out = u.storage;
	return len;
}

static void
fill_in(struct porter_connection *c, const struct message *m)
{
	const struct porter_header *h = &m->u.header;

	c->fd = m->fd;
	c->id = h->connection;
	c->peer_len = address_from_wire(&c->peer, &h->peer);
	c->local_len = address_from_wire(&c->local, &h->local);
	memcpy(c->service, m->u.bytes + h->id_offset, h->id_length);
	c->service[h->id_length] = '\0';
}

/* Sends one message, however long it takes. 0 or -errno. */
static int
reply(int channel, const struct porter_reply *r, const char *result)
{
	char bytes[sizeof(*r) + PORTER_RESULT_SIZE];
	size_t size = sizeof(*r) + r->result_length;

	memcpy(bytes, r, sizeof(*r));
	if (r->result_length > 0)
		memcpy(bytes + sizeof(*r), result, r->result_length);
	while (send(channel, bytes, size, MSG_NOSIGNAL) < 0) {
		if (errno == EAGAIN)
			wait_for(channel, POLLOUT);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static struct porter_reply
reply_of(enum porter_type type, uint64_t connection)
{
	return (struct porter_reply){
		.magic = PORTER_MAGIC,
		.version = PORTER_VERSION,
		.type = (uint16_t)type,
		.connection = connection,
	};
}

/* A program that was started without a pool has its client there, and must not take what that one sends for connections. */
int
porter_check(int channel)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(channel, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	return type == SOCK_SEQPACKET ? 0 : -EPROTOTYPE;
}

/* Before the message is taken out, if it was only looked at. If porterd has gone meanwhile, nobody but this process has the
 * connection: it is served all the same. */
static void
acknowledge(int channel, const struct message *m)
{
	struct porter_reply r =
	    reply_of(m->fd >= 0 ? PORTER_TAKEN : PORTER_NO_DESCRIPTOR, m->u.header.connection);

	if (m->fd >= 0 && (m->u.header.flags & PORTER_ASKS) == 0)
		return;
	r.status = m->fd >= 0 ? PORTER_LOOKS_FIRST : 0;
	(void)reply(channel, &r, NULL);
}

int
porter_accept(int channel, struct porter_connection *c)
{
	int r = porter_check(channel);

	return r < 0 ? r : porter_accept_next(channel, c, false);
}

/* A message is looked at first, so that it stays for others if its descriptor finds no room here. Where there is room the
 * look would be in vain. */
int
porter_accept_next(int channel, struct porter_connection *c, bool has_room)
{
	struct message m;
	int r;

	while ((r = receive(channel, &m, has_room ? 0 : MSG_PEEK)) > 0) {
		bool is_ours = is_connection(&m);

		if (is_ours)
			acknowledge(channel, &m);
		if (!has_room)
			take_out(channel);
		if (is_ours && m.fd >= 0) {
			fill_in(c, &m);
			return 1;
		}
		has_room = false;
		if (m.fd >= 0)
			close(m.fd);
		if (!is_ours && !is_of_other_type(&m))
			return -EPROTO;
	}
	return r;
}

int
porter_done(int channel, struct porter_connection *c, int status, const char *result)
{
	struct porter_reply done = reply_of(PORTER_DONE, c->id);

	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	done.status = status;
	done.result_length = result == NULL ? 0 : (uint32_t)strnlen(result, PORTER_RESULT_SIZE);
	return reply(channel, &done, result);
}
