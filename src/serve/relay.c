/* SPDX-License-Identifier: MIT */
#include "serve/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

/* Moved at a time, in bytes: what a pipe holds. */
#define PIECE              65536
/* How long what was given may take to arrive before a reset, and how often that is looked at. */
#define LAST_WORDS_MS      5000
#define LAST_WORDS_LOOK_MS 10

/* One of the two. It reads only when it holds nothing, so that a read that finds nothing means an empty socket and not a full
 * pipe. */
struct direction {
	int from, to;
	int pipe[2];  /* what it holds lies there, and is never copied; -1: in the buffer */
	char *buffer; /* for sockets that cannot be spliced, and where no pipe is to be had */
	size_t held;  /* bytes that were taken and not given */
	size_t sent;  /* bytes in front of them in the buffer */
	uint64_t taken, given;
	bool has_ended; /* there is no more to take */
	bool is_shut;   /* there is no more to give */
	bool is_broken; /* it ended by an error of the side that it reads */
	bool is_closed; /* the side that it reads is closed in both directions */
	/* That side was reset, which was seen when it was written to: its end is none. */
	bool is_doubtful;
	struct direction *other;
};

static char buffers[2][PIECE];

static void
use_buffer(struct direction *d)
{
	for (int i = 0; i < 2; i++) {
		if (d->pipe[i] >= 0)
			close(d->pipe[i]);
		d->pipe[i] = -1;
	}
}

static void
direction_init(struct direction *d, struct direction *other, int from, int to)
{
	*d = (struct direction){ .from = from, .to = to, .other = other };
	d->buffer = buffers[d < other];
	if (pipe2(d->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		d->pipe[0] = d->pipe[1] = -1;
}

/* The pipe is empty. An urgent byte, which recv leaves out, is an end to splice(2), or nothing to read for ever: only recv knows. */
static ssize_t
take_some(struct direction *d)
{
	ssize_t n;

	if (d->pipe[1] >= 0) {
		n = splice(
		    d->from, NULL, d->pipe[1], NULL, PIECE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n > 0 || (n < 0 && errno != EINVAL && errno != EAGAIN))
			return n;
	}
	n = recv(d->from, d->buffer, PIECE, MSG_DONTWAIT);
	if (n > 0)
		use_buffer(d);
	return n;
}

static ssize_t
give_some(struct direction *d)
{
	if (d->pipe[0] >= 0)
		return splice(
		    d->pipe[0], NULL, d->to, NULL, d->held, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	return send(d->to, d->buffer + d->sent, d->held, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The pipe can be read, but its other end cannot be spliced: what it holds goes the other way. */
static void
empty_pipe(struct direction *d)
{
	const ssize_t n = read(d->pipe[0], d->buffer, PIECE);

	d->held = n > 0 ? (size_t)n : 0;
	d->sent = 0;
	use_buffer(d);
}

static bool
is_passing(int error)
{
	return error == EAGAIN || error == EINTR;
}

static void
take(struct direction *d)
{
	const ssize_t n = take_some(d);

	if (n > 0) {
		d->held = (size_t)n;
		d->sent = 0;
		d->taken += (uint64_t)n;
	} else if (n == 0 || !is_passing(errno)) {
		d->has_ended = true;
		d->is_broken = n < 0 || d->is_doubtful;
	}
}

static void
give(struct direction *d)
{
	ssize_t n = give_some(d);

	if (n < 0 && errno == EINVAL && d->pipe[0] >= 0) {
		empty_pipe(d);
		n = give_some(d);
	}
	if (n > 0) {
		d->held -= (size_t)n;
		d->sent += (size_t)n;
		d->given += (uint64_t)n;
	} else if (n < 0 && !is_passing(errno)) {
		/* Nobody takes it any more. What comes the other way is still passed on. */
		d->held = 0;
		d->has_ended = d->is_shut = true;
		d->other->is_doubtful = errno == ECONNRESET;
	}
}

/* What can be done at once, after one of its sockets was ready. */
static void
move(struct direction *d)
{
	if (d->held == 0 && !d->has_ended)
		take(d);
	if (d->held > 0)
		give(d);
	if (d->held == 0 && d->has_ended && !d->is_shut && !d->is_broken) {
		d->is_shut = true;
		shutdown(d->to, SHUT_WR);
	}
}

/* out: what is written to the socket; in: what is read from it. */
static struct pollfd
wanted(const struct direction *in, const struct direction *out)
{
	struct pollfd p = { .fd = in->from };

	if (!in->has_ended && in->held == 0)
		p.events |= POLLIN;
	if (out->held > 0)
		p.events |= POLLOUT;
	/* A socket that is closed in both directions is always ready. */
	if ((in->has_ended && out->is_shut) || (in->is_closed && in->held > 0 && p.events == 0))
		p.fd = -1;
	return p;
}

/* It has ended in good order, whatever has come after that. */
static bool
has_said_all(const struct pollfd *p)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if ((p->revents & POLLERR) == 0)
		return true;
	/* That of a reset behind an end, of a socket in CLOSE-WAIT (Linux, tcp_reset). */
	return getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == EPIPE;
}

/* It tells of its end while nothing was wanted of it. One that was reset, or was read to its end and has gone: what is still on the
 * way is of no use to anybody. What one has said that closed in good order is passed on first. */
static void
look_at_end(const struct pollfd *p, struct direction *in, struct direction *out)
{
	if (p->fd < 0 || p->events != 0 || (p->revents & (POLLERR | POLLHUP)) == 0)
		return;
	if (in->held > 0 && !in->is_doubtful && has_said_all(p)) {
		in->is_closed = true;
		return;
	}
	in->held = out->held = 0;
	in->has_ended = in->is_broken = true;
	out->has_ended = out->is_shut = true;
}

static int
time_left(int64_t since_ms, int64_t idle_ms)
{
	const int64_t left_ms = since_ms + idle_ms - clock_now_ms();

	if (idle_ms == 0)
		return -1;
	if (left_ms <= 0)
		return 0;
	return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

/* Bytes that the other side has not yet acknowledged. */
static bool
is_on_the_way(int fd)
{
	int left = 0;

	return ioctl(fd, SIOCOUTQ, &left) == 0 && left > 0;
}

/* A side that was reset is no side that has ended: the other one must not take what it has got for all of it, and is reset, too
 * (connect(2), AF_UNSPEC: whoever else has the socket). What is still on the way to it would be taken away by that, and has some
 * time. No event tells when it is over. */
static void
pass_reset(const struct direction *d)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	const int64_t until_ms = clock_now_ms() + LAST_WORDS_MS;

	if (!d->is_broken)
		return;
	while (is_on_the_way(d->to) && clock_now_ms() < until_ms)
		poll(NULL, 0, LAST_WORDS_LOOK_MS);
	(void)!connect(d->to, &nobody, sizeof(nobody));
}

static void
set_non_blocking(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static uint64_t
moved(const struct direction *in, const struct direction *out)
{
	return in->taken + in->given + out->taken + out->given;
}

/* That for which it has waited, or an end. What the other direction waits for is none of its business. */
static bool
is_ready(const struct direction *d, const struct pollfd *from, const struct pollfd *to)
{
	return d->held > 0 ? (to->revents & ~POLLIN) != 0 : (from->revents & ~POLLOUT) != 0;
}

/* One turn. False: nothing was said for too long. */
static bool
turn(struct direction *in, struct direction *out, int timeout_ms)
{
	struct pollfd p[2] = { wanted(in, out), wanted(out, in) };
	const int n = poll(p, 2, timeout_ms);

	if (n == 0)
		return false;
	if (n < 0) {
		in->is_broken = errno != EINTR;
		return true;
	}
	look_at_end(&p[0], in, out);
	look_at_end(&p[1], out, in);
	if (is_ready(in, &p[0], &p[1]))
		move(in);
	if (is_ready(out, &p[1], &p[0]))
		move(out);
	return true;
}

void
relay_pass(int client, int target, int64_t idle_ms, struct relay_report *report)
{
	struct direction in, out;
	int64_t since_ms = clock_now_ms();

	set_non_blocking(client);
	set_non_blocking(target);
	direction_init(&in, &out, client, target);
	direction_init(&out, &in, target, client);
	while ((!in.is_shut || !out.is_shut) && !in.is_broken && !out.is_broken) {
		const uint64_t before = moved(&in, &out);

		if (!turn(&in, &out, time_left(since_ms, idle_ms))) {
			report->end = RELAY_IDLE;
			break;
		}
		if (moved(&in, &out) != before)
			since_ms = clock_now_ms();
		report->in = in.taken;
		report->out = out.given;
	}
	if (report->end != RELAY_IDLE)
		report->end = RELAY_DONE;
	pass_reset(&in);
	pass_reset(&out);
	use_buffer(&in);
	use_buffer(&out);
}

bool
relay_serve(const struct relay *r, int fd, struct relay_report *report)
{
	int target;

	/* splice(2) knows no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	report->end = RELAY_OPEN;
	target = relay_connect(r, report);
	if (target < 0)
		return false;
	relay_pass(fd, target, r->idle_ms, report);
	return true;
}
