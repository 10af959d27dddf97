/* SPDX-License-Identifier: MIT */
#include "launch/serve.h"

#include <errno.h>
#include <porter/worker.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "launch/environment.h"
#include "launch/fill.h"
#include "launch/warm.h"

/* The last one counts: those before it might be higher, and cannot be had any more. */
static int
limit_files(const struct plan *p)
{
	const struct rlimit *last = NULL;

	for (size_t i = 0; i < p->rlimit_count; i++)
		if (p->rlimits[i].resource == RLIMIT_NOFILE)
			last = &p->rlimits[i].limit;
	return last != NULL && setrlimit(RLIMIT_NOFILE, last) < 0 ? -errno : 0;
}

/* Waits until the connection is there. The channel gives way to it. */
int
serve_wait(const struct launch *l)
{
	int fd;

	fd = warm_receive(plan_vector(l->plan) + l->plan->env_fixed, ENVIRONMENT_TAIL);
	if (fd < 0)
		return fd;
	plan_fill(l->plan);
	/* It is 1 already if nothing else was open. */
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || (l->err_fd < 0 && dup2(fd, 2) < 0))
		return -errno;
	if (fd > 2)
		close(fd);
	return limit_files(l->plan);
}

static void
answer(const struct builtin *b, int fd)
{
	char text[BUILTIN_ANSWER_SIZE];
	const size_t len = b->answer(text, sizeof(text), clock_wall());

	(void)!send(fd, text, len, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	/* What the client has sent already would turn the close into a reset that overtakes the answer. */
	(void)!recv(fd, text, sizeof(text), MSG_DONTWAIT | MSG_TRUNC);
}

static int
serve_connection(const struct builtin *b, int fd)
{
	if (b->stream != NULL)
		b->stream(fd);
	else
		answer(b, fd);
	return 0;
}

static int
serve_handed(struct porter_connection *c, void *arg)
{
	const struct builtin *const *b = arg;

	return serve_connection(*b, c->fd);
}

static int
serve_channel(const struct builtin *b, int fd)
{
	return porter_serve(fd, serve_handed, &b);
}

static int (*const serve[])(const struct builtin *b, int fd) = {
	[LAUNCH_PROGRAM] = serve_connection,
	[LAUNCH_WORKER] = serve_channel,
	[LAUNCH_WARM] = serve_connection,
};
_Static_assert(ARRAY_LEN(serve) == LAUNCH_KIND_MAX, "one way to serve a kind");

/* That nobody was reached is no failure to start: the report says it. */
int
serve_here(const struct launch *l)
{
	int r;

	if (l->plan->relay.host != NULL) {
		if (!relay_serve(&l->plan->relay, 0, &l->fault->relay))
			_exit(1);
		return 0;
	}
	r = serve[l->kind](l->plan->builtin, 0);
	l->fault->has_traffic = traffic_read(0, &l->fault->traffic);
	return r;
}
