/* SPDX-License-Identifier: MIT */
/* Lines in and out. Requests are looked at before they are taken from the socket: exactly one line is taken at a time,
 * with the descriptors that came with it. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control/client.h"
#include "net/linger.h"

/* What most requests fit into. */
#define FIRST_ROOM       1024u
/* The most that Linux lets come with one message, SCM_MAX_FD. */
#define MOST_DESCRIPTORS 253

void
client_close_fds(struct client_conn *c)
{
	for (size_t i = 0; i < CONTROL_FDS; i++) {
		if (c->fds[i] >= 0)
			linger_close(c->fds[i]);
		c->fds[i] = -1;
	}
}

/* One more than is asked for is closed at once. */
static void
keep_fd(struct client_conn *c, int fd)
{
	for (size_t i = 0; i < CONTROL_FDS; i++)
		if (c->fds[i] < 0) {
			c->fds[i] = fd;
			return;
		}
	linger_close(fd);
}

static void
keep_descriptors(struct client_conn *c, struct msghdr *h)
{
	for (struct cmsghdr *m = CMSG_FIRSTHDR(h); m != NULL; m = CMSG_NXTHDR(h, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= m->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(m) + i * sizeof(int), sizeof(fd));
			keep_fd(c, fd);
		}
	}
}

/* Takes bytes that are known to be there; the descriptors that come with the first of them are kept. */
static ssize_t
take(struct client_conn *c, size_t len)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
	} control UNINITIALIZED;
	struct iovec part = { .iov_base = c->in + c->in_len, .iov_len = len };
	struct msghdr h = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t n;

	linger_guard();
	n = recvmsg(c->io.fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n >= 0)
		keep_descriptors(c, &h);
	return n;
}

/* A look at what has come, behind what is there already. With no room for them, descriptors stay where they are: their
 * presence is told by MSG_CTRUNC. */
static ssize_t
peek(const struct client_conn *c, bool *has_fds)
{
	struct iovec part = { .iov_base = c->in + c->in_len, .iov_len = c->in_room - c->in_len };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n = recvmsg(c->io.fd, &h, MSG_PEEK | MSG_DONTWAIT);

	*has_fds = n > 0 && (h.msg_flags & MSG_CTRUNC) != 0;
	return n;
}

/* No more requests will come. One who has only closed his side is still told what he has asked for. */
static void
handle_end(struct client_conn *c)
{
	struct pollfd pfd = { .fd = c->io.fd };

	poll(&pfd, 1, 0);
	if ((pfd.revents & (POLLHUP | POLLERR)) != 0) {
		client_end(c);
		return;
	}
	c->is_closing = true;
	client_finish_stream(c);
	client_pump(c);
}

static void
make_room(struct client_conn *c)
{
	if (c->in != NULL && c->in_len < c->in_room)
		return;
	c->in_room = c->in == NULL ? FIRST_ROOM : CLIENT_LINE_MOST;
	c->in = mem_grow(c->in, c->in_room, 1);
}

/* Takes what has come of the line, at most len bytes. */
static void
take_line(struct client_conn *c, size_t len)
{
	const char *end = memchr(c->in + c->in_len, '\n', len);
	ssize_t n;

	if (c->in_len == 0)
		c->line_ms = clock_now_ms();
	n = take(c, end != NULL ? (size_t)(end - (c->in + c->in_len)) + 1 : len);
	if (n <= 0)
		return;
	c->in_len += (size_t)n;
	if (c->in[c->in_len - 1] == '\n') {
		c->in_len--;
		client_request(c);
	} else if (c->in_len == CLIENT_LINE_MOST)
		client_refuse(c, "bad-request", "the line is longer than 65536 bytes");
}

/* A line that nothing has come of yet is none that must be completed. */
static void
forget_empty_line(struct client_conn *c)
{
	if (c->in_len > 0)
		return;
	free(c->in);
	c->in = NULL;
	c->in_room = 0;
}

void
client_read(struct client_conn *c)
{
	bool has_fds;
	ssize_t n;

	if (c->is_gone || c->is_closing || c->is_waiting || client_has_output(c))
		return;
	make_room(c);
	n = peek(c, &has_fds);
	if (n > 0 && has_fds && c->role < ROLE_ADMIN)
		client_refuse(c, "forbidden", "no descriptors may come with the request");
	else if (n > 0)
		take_line(c, (size_t)n);
	else if (n == 0)
		handle_end(c);
	else if (errno != EAGAIN && errno != EINTR)
		client_end(c);
	if (!c->is_gone)
		forget_empty_line(c);
}

static void
forget_output(struct client_conn *c)
{
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_sent = c->out_room = 0;
}

void
client_write(struct client_conn *c)
{
	ssize_t n;

	if (c->is_gone || !client_has_output(c))
		return;
	n = send(
	    c->io.fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
			client_end(c);
		return;
	}
	c->out_sent += (size_t)n;
	c->progress_ms = clock_now_ms();
	if (!client_has_output(c))
		forget_output(c);
}

static int
append(const char *text, size_t len, void *arg)
{
	struct client_conn *c = arg;

	if (len > CLIENT_OUT_MOST - c->out_len)
		return -1;
	if (c->out_len + len > c->out_room) {
		c->out_room = c->out_len + len + c->out_room / 2;
		c->out = mem_grow(c->out, c->out_room, 1);
	}
	memcpy(c->out + c->out_len, text, len);
	c->out_len += len;
	return 0;
}

/* What is sent already makes room for what comes. */
static void
compact(struct client_conn *c)
{
	if (c->out_sent == 0)
		return;
	c->out_len -= c->out_sent;
	memmove(c->out, c->out + c->out_sent, c->out_len);
	c->out_sent = 0;
}

bool
client_put(struct client_conn *c, const json_t *line)
{
	size_t before;

	if (!client_has_output(c))
		c->progress_ms = clock_now_ms();
	compact(c);
	before = c->out_len;
	if (json_dump_callback(line, append, c, JSON_COMPACT | JSON_REAL_PRECISION(15)) == 0 &&
	    append("\n", 1, c) == 0)
		return true;
	c->out_len = before;
	return false;
}
