/* SPDX-License-Identifier: MIT */
#include "conf/lookup_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/* As many interpreters in a row as the kernel follows. */
#define INTERPRETER_DEPTH 4

/* What the kernel reads of a program to find out its kind. */
#define HEAD_BYTES 256

/* A descriptor for path as a process would see it whose root is root_dir. flags: of open(2). */
static int
open_below(const char *path, const char *root_dir, int flags)
{
	struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	char joined[PATH_MAX * 2];
	int fd;

	if (root_dir == NULL) {
		fd = open(path, flags | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	int dir = open(root_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	int error = errno;
	close(dir);
	if (fd >= 0)
		return fd;
	if (error != ENOSYS && error != EPERM)
		return -error;
	/* Kernels before 5.6, and sandboxes that do not know the call: links out of the root are then followed. */
	snprintf(joined, sizeof(joined), "%s/%s", root_dir, path);
	fd = open(joined, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		return -EACCES;
	if (geteuid() != 0 && faccessat(fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0 &&
	    errno == EACCES)
		return -EACCES;
	return 0;
}

/* Text that does not name its interpreter cannot be executed. Binaries are left to the kernel, which may know more
 * formats than this. */
static bool
is_text(const char *head, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isprint((unsigned char)head[i]) && !isspace((unsigned char)head[i]))
			return false;
	return true;
}

/* The first bytes of a program; -1 if it may be executed and not read. */
static ssize_t
read_head(const char *path, const char *root_dir, char head[HEAD_BYTES])
{
	int fd = open_below(path, root_dir, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -1;
	ssize_t len = read(fd, head, HEAD_BYTES - 1);
	close(fd);
	if (len >= 0)
		head[len] = '\0';
	return len;
}

/* "#! /bin/sh -e": /bin/sh. False if there is none. */
static bool
read_interpreter(const char *head, char out[HEAD_BYTES])
{
	const char *start = head + 2 + strspn(head + 2, " \t");
	size_t len = strcspn(start, " \t\n");

	memcpy(out, start, len);
	out[len] = '\0';
	return len > 0;
}

static int
check_program(const char *path, const char *root_dir)
{
	int fd = open_below(path, root_dir, O_PATH);

	if (fd < 0)
		return fd;
	int r = check_file(fd);
	close(fd);
	return r;
}

int
lookup_program(const char *path, const char *root_dir, char **missing)
{
	char head[HEAD_BYTES], name[HEAD_BYTES], at[PATH_MAX];
	int r = check_program(path, root_dir);

	snprintf(at, sizeof(at), "%s", path);
	for (int depth = 0; r == 0 && depth < INTERPRETER_DEPTH; depth++) {
		ssize_t len = read_head(at, root_dir, head);

		if (len < 0)
			return 0;
		if (strncmp(head, "#!", 2) != 0)
			return is_text(head, (size_t)len) ? -ENOEXEC : 0;
		if (!read_interpreter(head, name))
			return -ENOEXEC;
		if (strchr(name, '\r') != NULL)
			return -EILSEQ; /* the kernel takes it for a part of the name */
		r = check_program(name, root_dir);
		if (r < 0)
			*missing = mem_dup(name);
		snprintf(at, sizeof(at), "%s", name);
	}
	return r;
}

int
lookup_directory(const char *path, const char *root_dir)
{
	int fd = open_below(path, root_dir, O_PATH | O_DIRECTORY);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int64_t
lookup_file_size(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	return eaccess(path, R_OK) < 0 ? -errno : st.st_size;
}
