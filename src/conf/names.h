/* SPDX-License-Identifier: MIT */
/*
 * Users, groups, ports, hosts and networks, looked up by a process of their own. Such look-ups may hang for as long as some server
 * does not answer, and while they go on they hold locks of the C library, run modules that others have written, and cannot be
 * ended. In a process they do no harm: it is ended, and whatever happens to it, the daemon is as it was.
 *
 * One thread at a time.
 */
#ifndef CONF_NAMES_H
#define CONF_NAMES_H

#include <stdbool.h>

#include "conf/lookup.h"

/* Name and first argument of the process. */
#define NAMES_PROGRAM "porterd-names"

struct names;

/* Starts this very program as that process; the one at `binary` where /proc does not say which that is. fds: the two ends of a
 * stream, the second of which is closed; the first stays the caller's, who may shut it down to end everything. From then on the
 * look-ups in *lookup ask the process, and it is asked once for each name. */
struct names *names_start(const int fds[2], const char *binary, struct lookup *lookup);
/* Without the process: they are looked up here and now, each once. */
struct names *names_start_here(struct lookup *lookup);
/* True if some name was not looked up because the process could not be started, or has ended: nothing is known of that name. */
bool names_have_failed(const struct names *n);
void names_end(struct names *n);

/* What the process does: answers until the other end is closed. Its exit status. */
int names_serve(int fd, int argc, char *const *argv);

#endif
