/* SPDX-License-Identifier: MIT */
/* Signals as events: one row a signal, read through signalfd(2). No signal handler runs code. */
#ifndef LOOP_SIGNALS_H
#define LOOP_SIGNALS_H

#include <stddef.h>
#include <sys/types.h>

struct loop;
struct signals;

struct signal_row {
	int signo;
	void (*fn)(void *arg,
	    pid_t from); /* who has sent it; of SIGCHLD who has ended, one of all there are */
};

/* Blocks exactly these signals beside those already blocked, sets them to their default action so
 * that none inherited as ignored is missed, and calls fn from the loop. The rows are borrowed.
 * NULL with errno set if there is no descriptor left. */
struct signals *signals_open(
    struct loop *l, const struct signal_row *rows, size_t count, void *arg);
/* Before loop_free; NULL is allowed. Mask and actions are as before signals_open. */
void signals_close(struct signals *s);

#endif
