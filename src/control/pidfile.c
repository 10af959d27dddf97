/* SPDX-License-Identifier: MIT */
#include "control/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/socket.h"

/* True if path and descriptor are one file: it may have been removed between open and lock. */
static bool
is_same_file(int fd, const char *path)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static int
check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_uid != geteuid())
		return -EPERM;
	return st.st_nlink > 1 ? -EMLINK : 0;
}

static int
open_and_lock(const char *path)
{
	int fd =
	    open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
	int r, high;

	if (fd < 0)
		return -errno;
	r = check(fd);
	if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	if (r == 0 && !is_same_file(fd, path))
		r = -ESTALE;
	high = r == 0 ? socket_high(fd) : r;
	if (high < 0)
		close(fd);
	return high;
}

int
pidfile_open(const char *path)
{
	int r = -ESTALE;

	for (int tries = 0; tries < 5 && r == -ESTALE; tries++)
		r = open_and_lock(path);
	return r;
}

int
pidfile_write(int fd, pid_t pid)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%d\n", (int)pid);

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
		return errno != 0 ? -errno : -EIO;
	return 0;
}

pid_t
pidfile_read(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	if (fd >= 0)
		close(fd);
	return pid > 0 ? (pid_t)pid : 0;
}

void
pidfile_remove(int fd, const char *path)
{
	if (fd < 0)
		return;
	if (is_same_file(fd, path))
		unlink(path);
	close(fd);
}
