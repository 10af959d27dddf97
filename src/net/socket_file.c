/* SPDX-License-Identifier: MIT */
#include "net/socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Columns of /proc/net/unix behind the colon, all hexadecimal: references, protocol, flags. */
#define COLUMNS 3

/* The kernel's __SO_ACCEPTCON in the last of them. */
#define FLAG_LISTENS 0x10000UL

/* Accepted connections carry the path of their listener too, and may outlive it. */
static bool
is_listener(const char *line, const char *path)
{
	const char *name = strstr(line, " /"), *at = strchr(line, ':');
	unsigned long flags = 0;

	if (at == NULL || name == NULL || strcmp(name + 1, path) != 0)
		return false;
	at++;
	for (size_t i = 0; i < COLUMNS; i++) {
		char *end;

		flags = strtoul(at, &end, 16);
		at = end;
	}
	return (flags & FLAG_LISTENS) != 0;
}

bool
socket_file_is_served(const struct addr *a)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char *line = NULL;
	size_t size = 0;
	bool is_served = false;

	if (f == NULL)
		return false;
	while (!is_served && getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		is_served = is_listener(line, a->u.un.sun_path);
	}
	free(line);
	fclose(f);
	return is_served;
}

bool
socket_file_remove_stale(const struct addr *a)
{
	const char *path = a->u.un.sun_path;
	struct stat st;
	bool is_gone;
	int fd;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	is_gone = connect(fd, &a->u.sa, a->len) < 0 && errno == ECONNREFUSED && unlink(path) == 0;
	close(fd);
	return is_gone;
}

/* A descriptor that only names the socket file at the path. -ESTALE if there is none: no link is followed. */
static int
open_path(const struct addr *a, struct stat *st)
{
	int fd = open(a->u.un.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC), r;

	*st = (struct stat){ 0 };
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? -ESTALE : -errno;
	r = fstat(fd, st) < 0 ? -errno : 0;
	if (r == 0 && S_ISSOCK(st->st_mode))
		return fd;
	close(fd);
	return r < 0 ? r : -ESTALE;
}

/* Between bind and now the directory's owner may have put another file there: one that we made has our user and no
 * second name. */
static int
remember(const struct addr *a, struct socket_file *file)
{
	struct stat st;
	int fd = open_path(a, &st);

	if (fd < 0)
		return fd;
	close(fd);
	if (st.st_uid != geteuid() || st.st_nlink != 1)
		return -ESTALE;
	*file = (struct socket_file){ .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

/* Bind goes first: only where it finds something, that is looked at. */
static int
bind_path(int fd, const struct addr *a)
{
	if (bind(fd, &a->u.sa, a->len) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (socket_file_is_served(a) || !socket_file_remove_stale(a))
		return -EADDRINUSE;
	return bind(fd, &a->u.sa, a->len) < 0 ? -errno : 0;
}

int
socket_file_bind(int fd, const struct addr *a, mode_t mode, struct socket_file *file)
{
	mode_t old;
	int r;

	/* Linux takes the file's mode from that of the socket, less the umask. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	old = umask(0);
	r = bind_path(fd, a);
	umask(old);
	return r == 0 ? remember(a, file) : r;
}

/* fchmod(2) takes no descriptor that only names a file; this link leads to that very file, by no path. */
static int
set_mode(int fd, mode_t mode)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return chmod(link, mode) < 0 ? -errno : 0;
}

int
socket_file_configure(
    const struct socket_file *file, const struct addr *a, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;
	int fd = open_path(a, &st), r = 0;

	if (fd < 0)
		return fd;
	if (st.st_dev != file->dev || st.st_ino != file->ino)
		r = -ESTALE;
	if (r == 0 && (uid != (uid_t)-1 || gid != (gid_t)-1) &&
	    fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		r = -errno;
	if (r == 0 && (st.st_mode & 07777) != mode)
		r = set_mode(fd, mode);
	close(fd);
	return r;
}
