/* SPDX-License-Identifier: MIT */
#include "control/side.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control/daemon.h"
#include "control/secret.h"
#include "net/socket.h"

#define DEADLINE_MS 30000
/* As much as a client may have waiting. */
#define MOST_BYTES  (4u << 20)
#define READ_BYTES  65536u
/* How much the child's work counts beside that of the services, in the steps of nice(1). */
#define CHILD_NICE  10
/* The only descriptor of the child besides those that every process has. */
#define CHILD_FD    3

struct side {
	struct daemon *daemon;
	side_fn *fn;
	pid_t pid;         /* 0: it is not begun yet */
	struct loop_io io; /* the pipe; fd -1: there is none yet */
	struct loop_timer timer;
	uint64_t client; /* number of the one who has asked */
	enum role role;  /* his rights */
	side_fn
	    *next; /* for one with more rights, who has made this one end; NULL: there is none */
	uint64_t next_client;
	char *text;
	size_t len;
	bool is_read, is_reaped;
	const char *code,
	    *error; /* why it came to nothing; error NULL: the child says how it went */
};

static void
say_nothing(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
}

/* Copies of clients' sockets here would keep them open when the daemon closes them. */
static void
keep_only(int fd)
{
	if (fd != CHILD_FD && dup3(fd, CHILD_FD, O_CLOEXEC) < 0)
		_exit(1);
	close_range(CHILD_FD + 1, ~0U, 0);
}

static _Noreturn void
run_child(struct daemon *d, side_fn *fn, int fd)
{
	json_t *answer;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, CHILD_NICE);
	log_set_hook(say_nothing, NULL);
	keep_only(fd);
	answer = fn(d);
	_exit(json_dumpfd(answer, CHILD_FD, JSON_COMPACT) < 0);
}

static void begin(struct daemon *d, side_fn *fn, const struct client_conn *c);

static void
end(struct side *side)
{
	struct daemon *d = side->daemon;

	loop_timer_stop(d->loop, &side->timer);
	if (side->io.fd >= 0) {
		loop_del(d->loop, &side->io);
		close(side->io.fd);
	}
	d->side = NULL;
	free(side->text);
	loop_defer(d->loop, free, side);
}

static void
answer(struct client_conn *c, const char *text, size_t len)
{
	json_t *said = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *result = json_object_get(said, "result");
	const char *code = json_string_value(json_object_get(said, "code"));
	const char *message = json_string_value(json_object_get(said, "message"));

	if (client_role(c) < ROLE_ADMIN)
		secret_hide_in_diff(result);
	if (result != NULL)
		client_answer(c, json_incref(result));
	else if (code != NULL && message != NULL)
		client_fail(c, code, json_incref(json_object_get(said, "extra")), message);
	else
		client_fail(c, "failed", NULL, "the process that was to work it out has ended");
	json_decref(said);
}

/* All was read, and the child has ended. */
static void
finish_if_over(struct side *side)
{
	struct daemon *d = side->daemon;
	struct client_conn *c = client_find(d, side->client);
	side_fn *next = side->next;

	if (!side->is_read || !side->is_reaped)
		return;
	if (c != NULL && side->error != NULL)
		client_fail(c, side->code, NULL, side->error);
	else if (c != NULL)
		answer(c, side->text, side->len);
	c = next != NULL ? client_find(d, side->next_client) : NULL;
	end(side);
	if (c != NULL)
		begin(d, next, c);
}

static void
stop_reading(struct side *side)
{
	if (side->io.fd >= 0)
		loop_del(side->daemon->loop, &side->io);
	side->is_read = true;
	finish_if_over(side);
}

/* It comes to nothing. What is heard of the child is its end. */
static void
give_up(struct side *side, const char *code, const char *error)
{
	side->code = code;
	side->error = error;
	if (side->pid == 0)
		side->is_reaped = true;
	if (!side->is_reaped)
		kill(side->pid, SIGKILL);
	stop_reading(side);
}

static void
on_pipe(struct loop_io *io, short got)
{
	struct side *side = io->arg;
	ssize_t n;

	(void)got;
	side->text = mem_grow(side->text, side->len + READ_BYTES, 1);
	n = read(io->fd, side->text + side->len, READ_BYTES);
	if (n > 0)
		side->len += (size_t)n;
	if (n == 0)
		stop_reading(side);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		give_up(side, "failed", "its answer cannot be read");
	else if (side->len > MOST_BYTES)
		give_up(side, "failed", "the answer is too long");
}

static void
on_deadline(struct loop_timer *t, int64_t now_ms)
{
	(void)now_ms;
	give_up(t->arg, "failed", "it took longer than 30 seconds");
}

/* Nothing, or why it cannot be done. */
static const char *
start_child(struct side *side)
{
	struct daemon *d = side->daemon;
	int fds[2], error;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return "no pipe could be made";
	socket_set_blocking(fds[1], true);
	side->pid = fork();
	if (side->pid == 0)
		run_child(d, side->fn, fds[1]);
	error = errno;
	close(fds[1]);
	if (side->pid < 0) {
		side->pid = 0;
		close(fds[0]);
		return strerror(error);
	}
	side->io.fd = fds[0];
	loop_add(d->loop, &side->io);
	return NULL;
}

static void
begin(struct daemon *d, side_fn *fn, const struct client_conn *c)
{
	struct side *side = mem_alloc(sizeof(*side));

	side->daemon = d;
	side->fn = fn;
	side->client = client_number(c);
	side->role = client_role(c);
	side->io = (struct loop_io){
		.fd = -1, .want = POLLIN, .order = LOOP_PIPES, .fn = on_pipe, .arg = side
	};
	side->timer = (struct loop_timer){ .fn = on_deadline, .arg = side };
	loop_timer_set(d->loop, &side->timer, clock_now_ms() + DEADLINE_MS);
	d->side = side;
	side_go_on(d);
}

void
side_go_on(struct daemon *d)
{
	struct side *side = d->side;
	const char *error;

	if (side == NULL || side->pid != 0 || side->is_reaped || loading_runs(d))
		return;
	error = start_child(side);
	if (error != NULL)
		give_up(side, "failed", error);
}

/* Who may only look cannot keep those away who do the work. False if nobody has to yield. */
static bool
is_put_before(struct side *side, side_fn *fn, const struct client_conn *c)
{
	if (side->next != NULL || client_role(c) <= side->role)
		return false;
	side->next = fn;
	side->next_client = client_number(c);
	if (!side->is_read)
		give_up(side, "busy", "somebody with more rights had the configuration loaded");
	return true;
}

json_t *
side_start(struct request *r, side_fn *fn)
{
	struct daemon *d = r->daemon;

	if (d->upgrade != NULL)
		return request_fail(r, "busy", "an upgrade is under way");
	if (d->side == NULL) {
		begin(d, fn, r->client);
		return REQUEST_LATER;
	}
	if (is_put_before(d->side, fn, r->client))
		return REQUEST_LATER;
	return request_fail(r, "busy", "the configuration is being loaded for somebody else");
}

void
side_reap(struct daemon *d)
{
	struct side *side = d->side;

	/* Any other answer than 0 means that it has ended: somebody else may have reaped it. */
	if (side == NULL || side->pid == 0 || side->is_reaped ||
	    waitpid(side->pid, NULL, WNOHANG) == 0)
		return;
	side->is_reaped = true;
	finish_if_over(side);
}

void
side_end(struct daemon *d)
{
	if (d->side == NULL)
		return;
	if (d->side->pid != 0 && !d->side->is_reaped) {
		kill(d->side->pid, SIGKILL);
		waitpid(d->side->pid, NULL, 0);
	}
	end(d->side);
}
