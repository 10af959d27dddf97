/* SPDX-License-Identifier: MIT */
/* What the daemon was started with and changed for itself: programs get it back before their attributes apply. */
#ifndef LAUNCH_ORIGIN_H
#define LAUNCH_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

/* The daemon's own. */
#define ORIGIN_UMASK 022

struct origin {
	struct rlimit nofile;
	mode_t
	    umask; /* of whoever started the daemon, with ORIGIN_UMASK added: a program never starts more open than that */
	bool has_oom_score;   /* an oom_score_adj below 0 */
	bool has_personality; /* another execution domain than the usual one, or flags of it */
	bool
	    keeps_capabilities; /* changing from the daemon's user to another need not take them all */
	char **environ;         /* borrowed from the C library */
};

/* Remembers the origin, then raises the soft limit of descriptors to the hard one, at most 512 Ki. */
void origin_take(struct origin *o);

/* A process as it should be started, whatever started it: descriptors 0, 1 and 2 are open, every signal has its
 * default action and none is blocked; SIGPIPE, SIGXFSZ and SIGTTOU are then ignored, see origin_signals_reset.
 * Descriptors from 3 on are closed but for the `keep` that begin at 3. */
void origin_clean(unsigned keep);

/* The same in place of a daemon of before: the descriptors of the list, which is sorted, stay open as well, and signals that
 * are blocked stay blocked, so that none of them is lost until somebody asks for it. */
void origin_clean_but(const int *keep, size_t count);

/* The child's side: default actions for what origin_clean ignored; and nothing blocked. System calls alone. 0 or -errno. */
int origin_signals_reset(void);
int origin_signals_unblock(void);

#endif
