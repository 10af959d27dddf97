/* SPDX-License-Identifier: MIT */
#include "loop/signals.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/mem.h"
#include "loop/loop.h"

/* Signals taken in one turn, by one call; what is left stays readable. */
#define BUDGET 16u

struct signals {
	struct loop *loop;
	struct loop_io io;
	const struct signal_row *rows;
	size_t count;
	void *arg;
	sigset_t mask_before;
	struct sigaction *actions_before; /* one a row */
};

static void
call_row(const struct signals *s, const struct signalfd_siginfo *info)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->rows[i].signo == (int)info->ssi_signo) {
			s->rows[i].fn(s->arg, (pid_t)info->ssi_pid);
			return;
		}
	}
}

static void
on_signal(struct loop_io *io, short got)
{
	const struct signals *s = io->arg;
	struct signalfd_siginfo info[BUDGET] UNINITIALIZED;
	ssize_t n = read(io->fd, info, sizeof(info));

	(void)got;
	/* A row may close us: then the descriptor is gone, but not yet the memory, and nobody is there for the others. */
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(*info) && io->fd >= 0; i++)
		call_row(s, &info[i]);
}

/* A pending signal stays pending over this: only ignoring it would drop it. Of a child that is stopped, or goes on, SIGCHLD does not
 * tell: its user could do that to it as often as he likes. */
static void
take_actions(struct signals *s)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };

	s->actions_before = mem_array(s->count, sizeof(*s->actions_before));
	for (size_t i = 0; i < s->count; i++)
		sigaction(s->rows[i].signo, &by_default, &s->actions_before[i]);
}

static int
open_fd(const sigset_t *set)
{
	int fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
	int high;

	if (fd < 0)
		return -1;
	high = descriptor_high(fd);
	return high < 0 ? fd : high;
}

struct signals *
signals_open(struct loop *l, const struct signal_row *rows, size_t count, void *arg)
{
	struct signals *s;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		sigaddset(&set, rows[i].signo);
	fd = open_fd(&set);
	if (fd < 0)
		return NULL;
	s = mem_alloc(sizeof(*s));
	*s = (struct signals){ .loop = l, .rows = rows, .count = count, .arg = arg };
	s->io = (struct loop_io){
		.fd = fd, .want = POLLIN, .order = LOOP_SIGNALS, .fn = on_signal, .arg = s
	};
	/* Blocked first: what comes between would end us. */
	sigprocmask(SIG_BLOCK, &set, &s->mask_before);
	take_actions(s);
	loop_add(l, &s->io);
	return s;
}

static void
free_signals(void *object)
{
	struct signals *s = object;

	free(s->actions_before);
	free(s);
}

void
signals_close(struct signals *s)
{
	if (s == NULL)
		return;
	loop_del(s->loop, &s->io);
	close(s->io.fd);
	s->io.fd = -1;
	for (size_t i = 0; i < s->count; i++)
		sigaction(s->rows[i].signo, &s->actions_before[i], NULL);
	sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
	loop_defer(s->loop, free_signals, s);
}
