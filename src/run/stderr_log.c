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
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "loop/loop.h"
#include "run/socket.h"

#define LINE_SIZE      1024 /* longer lines are cut into several messages */
#define LINES_A_SECOND 100u /* of one program; more are counted and left out */

struct stderr_log {
	struct loop *loop;
	struct loop_io io;
	char *id;
	uint64_t connection;
	pid_t pid;
	char line[LINE_SIZE];
	size_t len;
	int64_t second_ms;  /* when the present second began */
	unsigned in_second; /* lines in it */
	unsigned left_out;
	LIST_ENTRY(stderr_log) link;
};

static LIST_HEAD(, stderr_log) all;
static unsigned count, most = UINT_MAX;

static void
end(struct stderr_log *e)
{
	loop_del(e->loop, &e->io);
	close(e->io.fd);
	LIST_REMOVE(e, link);
	count--;
	free(e->id);
	loop_defer(e->loop, free, e);
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
say_line(struct stderr_log *e)
{
	char quoted[LINE_SIZE * 4 + 3]; /* every byte could become \xNN */
	int64_t now = clock_now_ms();

	if (e->len > 0 && e->line[e->len - 1] == '\r')
		e->len--; /* lines of network protocols end in CR LF */
	e->line[e->len] = '\0';
	e->len = 0;
	if (now - e->second_ms >= 1000) {
		say_left_out(e);
		e->second_ms = now;
		e->in_second = 0;
	}
	if (e->in_second++ >= LINES_A_SECOND) {
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
on_ready(struct loop_io *io, short got)
{
	struct stderr_log *e = io->arg;
	char data[4096];
	ssize_t n = read(io->fd, data, sizeof(data));

	(void)got;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		take(e, data, (size_t)n);
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
stderr_log_set_most(unsigned pipes)
{
	most = pipes;
}

struct stderr_log *
stderr_log_open(struct loop *loop, const char *id, uint64_t connection, int *write_fd)
{
	struct stderr_log *e;
	int fds[2], high, r;

	if (count >= most) {
		errno = EMFILE;
		return NULL;
	}
	if (pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	high = socket_high(fds[0]);
	r = high < 0 ? high : socket_set_blocking(high, false);
	if (r < 0) {
		close(high < 0 ? fds[0] : high);
		close(fds[1]);
		errno = -r;
		return NULL;
	}
	e = mem_alloc(sizeof(*e));
	e->loop = loop;
	e->id = mem_dup(id);
	e->connection = connection;
	e->io = (struct loop_io){
		.fd = high, .want = POLLIN, .order = LOOP_PIPES, .fn = on_ready, .arg = e
	};
	loop_add(loop, &e->io);
	LIST_INSERT_HEAD(&all, e, link);
	count++;
	*write_fd = open_write_end(fds[1]);
	return e;
}

void
stderr_log_set_pid(struct stderr_log *e, pid_t pid)
{
	e->pid = pid;
}

void
stderr_log_drop(struct stderr_log *e)
{
	end(e);
}

void
stderr_log_close_all(void)
{
	struct stderr_log *e;

	while ((e = LIST_FIRST(&all)) != NULL)
		end(e);
}
