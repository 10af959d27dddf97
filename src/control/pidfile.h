/* SPDX-License-Identifier: MIT */
/* The pid file, for everybody to read, and beside it the lock that the daemon holds for its life, so that there is one
 * daemon for one file. The lock has a file of its own since whoever may read a file may lock it. */
#ifndef CONTROL_PIDFILE_H
#define CONTROL_PIDFILE_H

#include <sys/types.h>

struct pidfile {
	char *path, *lock_path; /* the lock is PATH.lock */
	int fd, lock_fd;        /* -1: not open */
};

/* Makes both files, or opens them in place (a symbolic link, a file of another owner or one with several names is
 * refused), and checks that the paths still lead there. 0 or -errno: -EWOULDBLOCK if another daemon holds the lock.
 * After an error lock_fd tells whether it was the lock's or the pid file's; pidfile_remove is due in any case. */
int pidfile_open(struct pidfile *p, const char *path);
/* Both files are open, and the lock is held: by this process, before it has executed another binary. */
void pidfile_adopt(struct pidfile *p, const char *path, int fd, int lock_fd);
int pidfile_write(const struct pidfile *p, pid_t pid); /* 0 or -errno */
/* Of the daemon that holds it; 0 if there is no number in it. */
pid_t pidfile_read(const char *path);
/* Removes the pid file, then the lock's, then unlocks. What is not ours is left alone; NULL is allowed. */
void pidfile_remove(struct pidfile *p);

#endif
