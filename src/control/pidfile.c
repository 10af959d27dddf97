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

#include "base/descriptor.h"
#include "base/mem.h"

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

/* The file in its place, made if it is missing; -ESTALE if it was removed meanwhile. */
static int
open_in_place(const char *path, mode_t mode, bool is_locked)
{
	int fd =
	    open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
	int r, high;

	if (fd < 0)
		return -errno;
	r = check(fd);
	/* A lock file that was there already may have been open to others. */
	if (r == 0 && is_locked && (fchmod(fd, mode) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0))
		r = -errno;
	if (r == 0 && !is_same_file(fd, path))
		r = -ESTALE;
	high = r == 0 ? descriptor_high(fd) : r;
	if (high < 0)
		close(fd);
	return high;
}

/* Who held the lock until now removes its files: then there are new ones to be made. */
static int
open_patiently(const char *path, mode_t mode, bool is_locked)
{
	int r = -ESTALE;

	for (int tries = 0; tries < 5 && r == -ESTALE; tries++)
		r = open_in_place(path, mode, is_locked);
	return r;
}

int
pidfile_open(struct pidfile *p, const char *path)
{
	int r;

	*p = (struct pidfile){ .path = mem_dup(path),
		.lock_path = mem_format("%s.lock", path),
		.fd = -1,
		.lock_fd = -1 };
	r = open_patiently(p->lock_path, 0600, true);
	if (r < 0)
		return r;
	p->lock_fd = r;
	r = open_patiently(path, 0644, false);
	if (r < 0)
		return r;
	p->fd = r;
	return 0;
}

void
pidfile_adopt(struct pidfile *p, const char *path, int fd, int lock_fd)
{
	*p = (struct pidfile){ .path = mem_dup(path),
		.lock_path = mem_format("%s.lock", path),
		.fd = fd,
		.lock_fd = lock_fd };
}

int
pidfile_write(const struct pidfile *p, pid_t pid)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%d\n", (int)pid);
	ssize_t n;

	if (ftruncate(p->fd, 0) < 0)
		return -errno;
	n = pwrite(p->fd, text, (size_t)len, 0);
	if (n < 0)
		return -errno;
	return n == len ? 0 : -EIO;
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

static void
remove_file(int *fd, const char *path)
{
	if (*fd < 0)
		return;
	if (is_same_file(*fd, path))
		unlink(path);
	close(*fd);
	*fd = -1;
}

void
pidfile_remove(struct pidfile *p)
{
	if (p == NULL)
		return;
	remove_file(&p->fd, p->path);
	remove_file(&p->lock_fd, p->lock_path);
	free(p->path);
	free(p->lock_path);
	p->path = NULL;
	p->lock_path = NULL;
}
