/* SPDX-License-Identifier: MIT */
#include "run/stderr_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "loop/loop.h"
#include "net/socket.h"

#define LINE_SIZE      1024  /* longer lines are cut into several messages */
#define LINES_A_SECOND 100u  /* of one program; more are counted and left out */
#define LINES_OF_ALL   1000u /* of all programs together */

struct stderr_log {
	struct loop_io pipe; /* what the program writes comes out here */
	struct stderr_log **owner;
	char *id;
	uint64_t connection;
	pid_t pid;
	char line[LINE_SIZE];
	size_t len;
	int64_t second_ms;         /* when the present second began */
	unsigned in_second;        /* lines in it */
	unsigned reads;            /* in it */
	struct loop_timer resting; /* runs while the pipe is not watched */
	unsigned left_out;
	LIST_ENTRY(stderr_log) link;
};

static LIST_HEAD(, stderr_log) all;
static unsigned count, most = UINT_MAX;
static struct loop *loop;

/* What a program writes costs the daemon so many reads a second at most; then its pipe fills up. */
#define READS_A_SECOND 256u

static void
end(struct stderr_log *e)
{
	loop_del(loop, &e->pipe);
	loop_timer_stop(loop, &e->resting);
	close(e->pipe.fd);
	LIST_REMOVE(e, link);
	count--;
	if (e->owner != NULL)
		*e->owner = NULL;
	free(e->id);
	loop_defer(loop, free, e);
}

static void
say_left_out(struct stderr_log *e)
{
	if (e->left_out > 0)
		log_warn("event=stderr service=%s pid=%d conn=%llu left-out=%u", e->id, (int)e->pid,
		    (unsigned long long)e->connection, e->left_out);
	e->left_out = 0;
}

static void
begin_second(struct stderr_log *e, int64_t now_ms)
{
	say_left_out(e);
	e->second_ms = now_ms;
	e->in_second = e->reads = 0;
}

/* Many programs together write as much as they like, too. */
static bool
all_may_say(int64_t now_ms)
{
	static int64_t second_ms;
	static unsigned in_second;

	if (now_ms - second_ms >= 1000) {
		second_ms = now_ms;
		in_second = 0;
	}
	return in_second++ < LINES_OF_ALL;
}

static void
say_line(struct stderr_log *e)
{
	char quoted[LINE_SIZE * 4 + 3]; /* every byte could become \xNN */
	int64_t now = clock_now_ms();

	if (e->len > 0 && e->line[e->len - 1] == '\r')
		e->len--; /* lines of network protocols end in CR LF */
	e->line[e->len] = '\0';
	e->len = 0;
	if (now - e->second_ms >= 1000)
		begin_second(e, now);
	if (e->in_second++ >= LINES_A_SECOND || !all_may_say(now)) {
		e->left_out++;
		return;
	}
	log_info("event=stderr service=%s pid=%d conn=%llu text=%s", e->id, (int)e->pid,
	    (unsigned long long)e->connection, quote_text(e->line, quoted, sizeof(quoted)));
}

static void
take(struct stderr_log *e, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\0')
			e->line[e->len++] = '?';
		else if (data[i] != '\n')
			e->line[e->len++] = data[i];
		if (data[i] == '\n' || e->len == sizeof(e->line) - 1)
			say_line(e);
	}
}

static void
on_rested(struct loop_timer *t, int64_t now_ms)
{
	struct stderr_log *e = t->arg;

	begin_second(e, now_ms);
	if (loop_try(loop, &e->pipe) < 0)
		loop_timer_set(loop, &e->resting, now_ms + 1000);
}

static void
rest_if_busy(struct stderr_log *e)
{
	int64_t now = clock_now_ms();

	if (now - e->second_ms >= 1000)
		begin_second(e, now);
	if (++e->reads < READS_A_SECOND)
		return;
	loop_del(loop, &e->pipe);
	e->resting = (struct loop_timer){ .fn = on_rested, .arg = e };
	loop_timer_set(loop, &e->resting, e->second_ms + 1000);
}

static void
on_ready(struct loop_io *io, short got)
{
	struct stderr_log *e = io->arg;
	char data[4096] UNINITIALIZED;
	ssize_t n = read(e->pipe.fd, data, sizeof(data));

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		take(e, data, (size_t)n);
		rest_if_busy(e);
		return;
	}
	if (e->len > 0)
		say_line(e);
	say_left_out(e);
	end(e);
}

/* The program's end, opened for both directions and non-blocking: writing to it never blocks the program, and never ends
 * it with SIGPIPE when it outlives the daemon. Without /proc the plain end has to do. */
static int
open_write_end(int fd)
{
	char path[40];
	int both;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	both = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (both < 0)
		return fd;
	close(fd);
	return both;
}

void
stderr_log_init(struct loop *l)
{
	loop = l;
}

void
stderr_log_set_most(unsigned pipes_most)
{
	most = pipes_most;
}

/* The daemon's end moves up and never blocks. 0 or -errno; nothing is left open then. */
static int
open_pipe(int fds[2])
{
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = descriptor_high(fds[0]);
	if (r >= 0) {
		fds[0] = r;
		r = socket_set_blocking(fds[0], false);
	}
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
	}
	return r;
}

/* The caller's descriptor, unless it fails. 0 or -errno. */
static int
watch(int fd, const char *id, uint64_t connection, struct stderr_log **out)
{
	struct stderr_log *e = mem_alloc(sizeof(*e));
	int r;

	e->pipe = (struct loop_io){
		.fd = fd, .want = POLLIN, .order = LOOP_PIPES, .fn = on_ready, .arg = e
	};
	r = loop_try(loop, &e->pipe);
	if (r < 0) {
		free(e);
		return r;
	}
	e->id = mem_dup(id);
	e->connection = connection;
	LIST_INSERT_HEAD(&all, e, link);
	count++;
	*out = e;
	return 0;
}

struct stderr_log *
stderr_log_open(const char *id, uint64_t connection, int *write_fd)
{
	struct stderr_log *e;
	int fds[2], r = count >= most ? -EMFILE : open_pipe(fds);

	if (r < 0) {
		errno = -r;
		return NULL;
	}
	r = watch(fds[0], id, connection, &e);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		errno = -r;
		return NULL;
	}
	*write_fd = open_write_end(fds[1]);
	return e;
}

void
stderr_log_set_pid(struct stderr_log *e, pid_t pid)
{
	e->pid = pid;
}

void
stderr_log_set_connection(struct stderr_log *e, uint64_t connection)
{
	e->connection = connection;
}

void
stderr_log_set_owner(struct stderr_log *e, struct stderr_log **owner)
{
	e->owner = owner;
}

void
stderr_log_drop(struct stderr_log *e)
{
	end(e);
}

void
stderr_log_each(void (*fn)(const struct stderr_log_state *state, void *arg), void *arg)
{
	const struct stderr_log *e;

	LIST_FOREACH(e, &all, link) {
		const struct stderr_log_state state = {
			.fd = e->pipe.fd,
			.id = e->id,
			.connection = e->connection,
			.pid = e->pid,
			.line = e->line,
			.len = e->len,
		};

		fn(&state, arg);
	}
}

int
stderr_log_fd(const struct stderr_log *e)
{
	return e->pipe.fd;
}

struct stderr_log *
stderr_log_adopt(const struct stderr_log_state *state)
{
	struct stderr_log *e;
	int r = watch(state->fd, state->id, state->connection, &e);

	if (r < 0) {
		errno = -r;
		return NULL;
	}
	e->pid = state->pid;
	/* A longer line than fits was begun by a daemon with more room. */
	e->len = state->len < sizeof(e->line) ? state->len : sizeof(e->line) - 1;
	memcpy(e->line, state->line, e->len);
	if (e->len == sizeof(e->line) - 1)
		say_line(e);
	return e;
}

void
stderr_log_close_all(void)
{
	struct stderr_log *e;

	while ((e = LIST_FIRST(&all)) != NULL)
		end(e);
}
