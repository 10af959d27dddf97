/* SPDX-License-Identifier: MIT */
/* The pid file: held by a lock for the life of the daemon, so that there is one daemon for one file. */
#ifndef CONTROL_PIDFILE_H
#define CONTROL_PIDFILE_H

#include <sys/types.h>

/* Opens in place (a symbolic link, a file of another owner or one with several names is refused), locks, and checks
 * that the path still leads there. The descriptor, or -errno: -EWOULDBLOCK if another daemon holds it. */
int pidfile_open(const char *path);
int pidfile_write(int fd, pid_t pid); /* 0 or -errno */
pid_t pidfile_read(
    const char *path); /* of the daemon that holds it; 0 if there is no number in it */
void pidfile_remove(int fd, const char *path); /* removed first, then unlocked; -1 is allowed */

#endif
