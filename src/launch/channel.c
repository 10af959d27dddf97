/* SPDX-License-Identifier: MIT */
#include "launch/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <porter/worker.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/mem.h"
#include "net/linger.h"
#include "net/socket.h"

/* Parts of a message: header and id, and the variables of a connection. */
#define MOST_PARTS       32
/* Bytes, or messages, of plain that are received in one call. */
#define MOST_PLAIN_READS 64
/* That one message can bring (SCM_MAX_FD of Linux). */
#define MOST_DESCRIPTORS 253

/* Linux 6.16. */
#ifndef SO_PASSRIGHTS
# define SO_PASSRIGHTS 83
#endif

_Static_assert(
    sizeof(((struct channel_reply *)NULL)->result) == PORTER_RESULT_SIZE + 1, "with a NUL");

struct outgoing {
	struct {
		struct porter_header header;
		char id[PORTER_ID_SIZE];
	} head;

	struct iovec part[MOST_PARTS];
	size_t count, size;
};

int
channel_open(int type, struct channel *ours, int *theirs)
{
	const int no = 0;
	int pair[2];
	int r;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = descriptor_high(pair[0]);
	if (r >= 0) {
		pair[0] = r;
		r = socket_set_blocking(pair[0], false);
	}
	if (r < 0) {
		close(pair[0]);
		close(pair[1]);
		return r;
	}
	/* Nobody sends us a descriptor; before Linux 6.16 they are closed as they come. */
	setsockopt(pair[0], SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof(no));
	*ours = (struct channel){ .fd = pair[0] };
	*theirs = pair[1];
	return 0;
}

static struct porter_address
address_to_wire(const struct addr *a)
{
	struct porter_address w = { .family = (uint16_t)addr_family(a), .port = addr_port(a) };

	if (w.family == AF_INET)
		memcpy(w.bytes, &a->u.in.sin_addr, sizeof(a->u.in.sin_addr));
	else if (w.family == AF_INET6) {
		w.scope = a->u.in6.sin6_scope_id;
		memcpy(w.bytes, &a->u.in6.sin6_addr, sizeof(a->u.in6.sin6_addr));
	}
	return w;
}

static int
add_part(struct outgoing *m, void *data, size_t size)
{
	if (m->count == ARRAY_LEN(m->part) || size > CHANNEL_MESSAGE_SIZE - m->size)
		return -EMSGSIZE;
	m->part[m->count++] = (struct iovec){ .iov_base = data, .iov_len = size };
	m->size += size;
	return 0;
}

static int
build(struct outgoing *m, const struct connection *c, const char *id, uint32_t flags)
{
	size_t id_length = strnlen(id, PORTER_ID_SIZE);

	m->count = m->size = 0;
	m->head.header = (struct porter_header){
		.magic = PORTER_MAGIC,
		.version = PORTER_VERSION,
		.type = PORTER_CONNECTION,
		.connection = c->id,
		.peer = address_to_wire(&c->peer),
		.local = address_to_wire(&c->local),
		.id_offset = sizeof(m->head.header),
		.id_length = (uint16_t)id_length,
		.flags = flags,
	};
	memcpy(m->head.id, id, id_length);
	return add_part(m, &m->head, sizeof(m->head.header) + id_length);
}

static int
add_variables(struct outgoing *m, char *const *env)
{
	int r = 0;

	for (; r == 0 && env != NULL && *env != NULL; env++)
		r = add_part(m, *env, strlen(*env) + 1);
	return r;
}

/* Sends the parts with the descriptor. One message is sent whole or not at all, and so is a single byte. */
static int
send_parts(struct channel *ch, struct iovec *part, size_t count, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };

	struct msghdr h = {
		.msg_iov = part,
		.msg_iovlen = count,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&h);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	while (sendmsg(ch->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == ECONNRESET)
			ch->left_unread = true;
		return -errno;
	}
	return 0;
}

int
channel_send(struct channel *ch, enum channel_protocol protocol, const struct connection *c,
    const char *id, char *const *env)
{
	struct outgoing m UNINITIALIZED;
	int r;

	if (protocol == CHANNEL_PLAIN) {
		char byte = 0;
		struct iovec part = { .iov_base = &byte, .iov_len = sizeof(byte) };

		return send_parts(ch, &part, 1, c->fd);
	}
	r = build(&m, c, id, ch->looks_first ? 0 : PORTER_ASKS);
	if (r == 0 && protocol == CHANNEL_WARM)
		r = add_variables(&m, env);
	return r < 0 ? r : send_parts(ch, m.part, m.count, c->fd);
}

/* Nothing is left to receive, and nothing more will come. */
static bool
has_ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLNVAL)) != 0;
}

/* What a worker sends us may be a socket whose close takes as long as the worker likes. True if there was any. */
static bool
close_descriptors(struct msghdr *h)
{
	bool is_any = (h->msg_flags & MSG_CTRUNC) != 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		is_any = true;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			linger_close_queue(fd);
		}
	}
	return is_any;
}

/* As recv(2) with MSG_TRUNC, and leaves no descriptor open that came along. */
static ssize_t
receive_data(struct channel *ch, void *out, size_t size)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
	} control UNINITIALIZED;

	struct iovec io = { .iov_base = out, .iov_len = size };
	struct msghdr h = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	linger_guard();
	n = recvmsg(ch->fd, &h, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	if (n >= 0 && (h.msg_controllen > 0 || (h.msg_flags & MSG_CTRUNC) != 0))
		ch->brought_descriptors |= close_descriptors(&h);
	return n;
}

/* One message, or the bytes there are of a stream. Their number, which may be more than size if the message is longer;
 * -EAGAIN: none at present; -EPIPE: no more will come. A message without bytes is told from the end by the other end's
 * being open; if it is the last thing that a worker sends, it is taken for the end. */
static ssize_t
receive(struct channel *ch, void *out, size_t size)
{
	for (;;) {
		ssize_t n = receive_data(ch, out, size);

		if (n > 0 || (n == 0 && !has_ended(ch->fd)))
			return n;
		if (n < 0 && errno == ECONNRESET)
			ch->left_unread = true;
		else if (n == 0 || errno != EINTR)
			return n < 0 && errno == EAGAIN ? -EAGAIN : -EPIPE;
	}
}

/* What is still in it is taken out first, so that closing it closes nothing else; of one who has sent what is hard to close,
 * by somebody else. */
void
channel_close(struct channel *ch)
{
	char byte;

	if (ch->fd < 0)
		return;
	shutdown(ch->fd, SHUT_RD);
	while (!ch->brought_descriptors && receive(ch, &byte, sizeof(byte)) >= 0)
		continue;
	if (ch->brought_descriptors)
		linger_close_queue(ch->fd);
	else
		close(ch->fd);
	ch->fd = -1;
}

static void
copy_result(struct channel_reply *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		out->result[i] = (char)(text[i] == '\0' ? '?' : text[i]);
	out->result[length] = '\0';
	out->has_result = length > 0;
}

static enum channel_event
event_of(const struct porter_reply *r, size_t size)
{
	if (size < sizeof(*r) || size > sizeof(*r) + PORTER_RESULT_SIZE ||
	    r->magic != PORTER_MAGIC || r->version != PORTER_VERSION ||
	    r->result_length != size - sizeof(*r))
		return CHANNEL_GARBAGE;
	if (r->type == PORTER_DONE)
		return CHANNEL_DONE;
	if (r->result_length != 0)
		return CHANNEL_GARBAGE;
	if (r->type == PORTER_TAKEN)
		return CHANNEL_TAKEN;
	return r->type == PORTER_NO_DESCRIPTOR ? CHANNEL_NO_DESCRIPTOR : CHANNEL_GARBAGE;
}

static void
receive_message(struct channel *ch, struct channel_reply *reply)
{
	union {
		struct porter_reply head;
		char bytes[sizeof(struct porter_reply) + PORTER_RESULT_SIZE];
	} in UNINITIALIZED;

	ssize_t n = receive(ch, &in, sizeof(in));

	if (n < 0) {
		reply->event = n == -EAGAIN ? CHANNEL_NOTHING : CHANNEL_END;
		return;
	}
	reply->event = event_of(&in.head, (size_t)n);
	if (reply->event == CHANNEL_DONE) {
		reply->status = in.head.status;
		copy_result(reply, in.bytes + sizeof(in.head), in.head.result_length);
	}
	if (reply->event == CHANNEL_TAKEN)
		ch->looks_first = in.head.status == PORTER_LOOKS_FIRST;
	if (reply->event == CHANNEL_DONE || reply->event == CHANNEL_GARBAGE)
		reply->count = 1;
	if (reply->event != CHANNEL_GARBAGE)
		reply->connection = in.head.connection;
}

/* Each byte is one "free", however they are cut into messages; a message without any counts as one. */
static void
receive_bytes(struct channel *ch, struct channel_reply *reply)
{
	for (unsigned i = 0; i < MOST_PLAIN_READS; i++) {
		char byte[MOST_PLAIN_READS];
		ssize_t n = receive(ch, byte, sizeof(byte));

		if (n < 0) {
			/* An end that comes after bytes is found again by the next call. */
			if (reply->count == 0)
				reply->event = n == -EAGAIN ? CHANNEL_NOTHING : CHANNEL_END;
			return;
		}
		reply->event = CHANNEL_DONE;
		reply->count += n > 0 ? (unsigned)n : 1;
	}
}

void
channel_receive(struct channel *ch, enum channel_protocol protocol, struct channel_reply *reply)
{
	*reply = (struct channel_reply){ .event = CHANNEL_NOTHING };
	if (protocol == CHANNEL_PLAIN)
		receive_bytes(ch, reply);
	else
		receive_message(ch, reply);
	if (ch->brought_descriptors) {
		reply->event = CHANNEL_GARBAGE;
		reply->count = CHANNEL_HOSTILE;
	}
	if (reply->event == CHANNEL_END)
		reply->left_unread = ch->left_unread;
}

bool
channel_is_empty(struct channel *ch)
{
	int bytes = 0, error = 0;
	socklen_t len = sizeof(error);

	if (ioctl(ch->fd, SIOCOUTQ, &bytes) < 0 || bytes > 0)
		return false;
	/* What nobody took out is gone, too, once the other end was closed; the error was set before that. */
	if (getsockopt(ch->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == ECONNRESET)
		ch->left_unread = true;
	return !ch->left_unread;
}
