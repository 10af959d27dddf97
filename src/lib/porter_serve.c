/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <porter/worker.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#ifdef __has_include
# if __has_include(<sys/single_threaded.h>)
#  include <sys/single_threaded.h>
#  define IS_SINGLE_THREADED __libc_single_threaded
# endif
#endif
#ifndef IS_SINGLE_THREADED
# define IS_SINGLE_THREADED false
#endif

#include "lib/porter_accept.h"

/* What porter_done is told of a connection that was not served for want of memory; one that it did not cause itself. */
#define STATUS_NOT_SERVED 1

/* A write to a client that has left then fails instead of ending the worker. Whatever the program has set stays. */
static void
ignore_broken_pipes(struct sigaction *old)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, NULL, old);
	if (old->sa_handler == SIG_DFL)
		sigaction(SIGPIPE, &ignore, NULL);
}

static void
restore_broken_pipes(const struct sigaction *old)
{
	if (old->sa_handler == SIG_DFL)
		sigaction(SIGPIPE, old, NULL);
}

int
porter_serve(int channel, int (*serve)(struct porter_connection *c, void *arg), void *arg)
{
	struct porter_connection c;
	struct sigaction old;
	bool has_room = false;
	int r = porter_check(channel);

	if (r < 0)
		return r;
	ignore_broken_pipes(&old);
	while ((r = porter_accept_next(channel, &c, has_room)) > 0) {
		int status = serve(&c, arg);

		/* The number that is closed now is there for the next connection, unless a thread takes it. */
		has_room = c.fd >= 0 && IS_SINGLE_THREADED;

		/* If it fails, porterd has gone, and porter_accept says so. */
		(void)porter_done(channel, &c, status, NULL);
	}
	restore_broken_pipes(&old);
	return r;
}

/* Calls the handler with two streams and leaves neither open. spare is a descriptor to be used for the second. */
static int
serve_streams(struct porter_connection *c, int spare,
    int (*serve)(FILE *in, FILE *out, const struct porter_connection *c, void *arg), void *arg)
{
	int status = STATUS_NOT_SERVED;
	FILE *in = fdopen(c->fd, "r");
	FILE *out = dup3(c->fd, spare, O_CLOEXEC) < 0 ? NULL : fdopen(spare, "w");

	if (in != NULL && out != NULL)
		status = serve(in, out, c, arg);
	if (out != NULL)
		fclose(out);
	else
		close(spare);
	if (in != NULL) {
		fclose(in);
		c->fd = -1;
	}
	return status;
}

int
porter_serve_stdio(int channel,
    int (*serve)(FILE *in, FILE *out, const struct porter_connection *c, void *arg), void *arg)
{
	struct porter_connection c;
	struct sigaction old;
	int r = 0;

	ignore_broken_pipes(&old);
	do {
		/* The second stream's descriptor is there before the connection is: whoever has none free
		 * takes no connection that it could not serve. */
		int spare = fcntl(channel, F_DUPFD_CLOEXEC, 3);

		if (spare < 0) {
			r = -errno;
			break;
		}
		r = porter_accept(channel, &c);
		if (r <= 0)
			close(spare);
		else
			(void)porter_done(channel, &c, serve_streams(&c, spare, serve, arg), NULL);
	} while (r > 0);
	restore_broken_pipes(&old);
	return r;
}
