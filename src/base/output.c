/* SPDX-License-Identifier: MIT */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/descriptor.h"

/* In front of messages in the system log. */
static const char *name = "porterd";

/* Moves a descriptor out of the way of those that programs are given. */
static int
move_up(int fd)
{
	int up = descriptor_high(fd);

	if (up >= 0)
		return up;
	up = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (up < 0)
		up = -errno;
	close(fd);
	return up;
}

static bool
is_trusted(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* True if the path is a link that only we or root can have put there, and can exchange. */
static bool
is_trusted_link(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";
	struct stat st;

	if (slash != NULL && (size_t)(slash - path) + 1 < sizeof(directory)) {
		memcpy(directory, path, (size_t)(slash - path) + 1);
		directory[slash - path + 1] = '\0';
	}
	return lstat(path, &st) == 0 && is_trusted(&st) && stat(directory, &st) == 0 &&
	       is_trusted(&st) && ((st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX) != 0);
}

/* Whoever owns the directory of a log may not lead what root writes to another place. */
int
output_open_file(const char *path)
{
	const int flags = O_APPEND | O_CREAT | O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	int fd = open(path, flags | O_NOFOLLOW, 0640);

	if (fd < 0 && errno == ELOOP && is_trusted_link(path))
		fd = open(path, flags, 0640);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 ||
	    !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	return move_up(fd);
}

int
output_open_syslog(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) < 0) {
		error = errno;
		close(fd);
		return -error;
	}
	return move_up(fd);
}

/* writev(2) wants pointers it could write through, but only reads. */
static struct iovec
piece(const char *text, size_t len)
{
	union {
		const char *in;
		char *out;
	} p = { .in = text };

	return (struct iovec){ .iov_base = p.out, .iov_len = len };
}

int
output_write(int fd, const struct output_line *line, int is_torn)
{
	const struct iovec iov[] = { piece("\n", 1), piece(line->stamp, line->stamp_len),
		piece(line->text, line->text_len), piece("\n", 1) };
	const struct iovec *first = is_torn ? iov : iov + 1;
	ssize_t n;

	do
		n = writev(fd, first, (int)(iov + ARRAY_LEN(iov) - first));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (int)n - (is_torn && n > 0);
}

static int
send_pieces(int fd, struct iovec *iov, size_t count)
{
	const struct msghdr message = { .msg_iov = iov, .msg_iovlen = count };
	ssize_t n;

	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

void
output_name(const char *new_name)
{
	name = new_name;
}

int
output_send_syslog(int fd, int priority, const char *text)
{
	/* Not strftime's %b: the system log wants English whatever the locale. */
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	const time_t now = clock_wall();
	struct tm tm = { 0 };
	char head[80];
	struct iovec iov[2];

	localtime_r(&now, &tm);
	snprintf(head, sizeof(head), "<%d>%s %2d %02d:%02d:%02d %s[%d]: ", priority,
	    months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, name, (int)getpid());
	iov[0] = piece(head, strlen(head));
	iov[1] = piece(text, strlen(text));
	return send_pieces(fd, iov, ARRAY_LEN(iov));
}

/* Without an open file of our own: a pipe that can be written takes PIPE_BUF bytes at once, so that
 * much is all that can be written without waiting. A terminal promises less, but more is not to be
 * learned of it. */
static int
write_if_ready(const struct output_line *line)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	char text[PIPE_BUF];
	size_t len = output_size(line);
	ssize_t n;

	if (poll(&p, 1, 0) != 1 || (p.revents & (POLLERR | POLLNVAL)) != 0)
		return -EAGAIN;
	snprintf(text, sizeof(text), "%s%s", line->stamp, line->text);
	if (len > sizeof(text))
		len = sizeof(text);
	text[len - 1] = '\n';
	n = write(STDERR_FILENO, text, len);
	if (n < 0)
		return -errno;
	/* What was cut off on purpose is not lost. */
	return n == (ssize_t)len ? (int)output_size(line) : (int)n;
}

int
output_stderr(const struct output_line *line)
{
	struct stat st;
	struct iovec iov[] = { piece(line->stamp, line->stamp_len),
		piece(line->text, line->text_len), piece("\n", 1) };
	int fd, n;

	if (fstat(STDERR_FILENO, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return output_write(STDERR_FILENO, line, 0);
	if (S_ISSOCK(st.st_mode))
		return send_pieces(STDERR_FILENO, iov, ARRAY_LEN(iov));
	/* The open file behind standard error is shared with others, a shell for one, and must stay
	 * blocking for them: a description of our own is opened for the line alone. It is not kept,
	 * because a kept one would hold the terminal after standard error has been pointed
	 * elsewhere. */
	fd = open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return write_if_ready(line);
	n = output_write(fd, line, 0);
	close(fd);
	return n;
}
