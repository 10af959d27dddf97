/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

void
send_text(int fd, const char *format, ...)
{
	char text[8192];
	va_list ap;

	va_start(ap, format);
	int len = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	ck_assert_int_lt(len, (int)sizeof(text));
	ck_assert_msg(
	    send(fd, text, (size_t)len, MSG_NOSIGNAL) == len, "send: %s", strerror(errno));
}

const char *
read_line(int fd)
{
	static char line[65536];
	int64_t deadline = deadline_after();
	size_t len = 0;

	for (;;) {
		ck_assert_msg(wait_for(fd, POLLIN, deadline),
		    "no line from the service after %zu bytes", len);
		ssize_t n = read(fd, line + len, 1);
		ck_assert_msg(n == 1, "connection ended after %zu bytes: %s", len,
		    n < 0 ? strerror(errno) : "EOF");
		if (line[len] == '\n')
			break;
		ck_assert_uint_lt(++len, sizeof(line) - 1);
	}
	line[len] = '\0';
	return line;
}

size_t
read_bytes(int fd, void *to, size_t size)
{
	int64_t deadline = deadline_after();
	size_t len = 0;

	while (len < size) {
		ck_assert_msg(wait_for(fd, POLLIN, deadline), "%zu of %zu bytes came", len, size);
		ssize_t n = read(fd, (char *)to + len, size - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

const char *
read_all(int fd)
{
	static char text[4 << 20];
	size_t len = read_bytes(fd, text, sizeof(text) - 1);

	text[len] = '\0';
	return text;
}

void
expect_closed(int fd)
{
	char byte;

	ck_assert_msg(wait_for(fd, POLLIN, deadline_after()), "the connection stays open");
	ssize_t n = recv(fd, &byte, 1, 0);
	ck_assert_msg(n == 0 || (n < 0 && errno == ECONNRESET), "not closed, but: %s",
	    n < 0 ? strerror(errno) : "data");
}

void
half_close(int fd)
{
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
}

void
reset_connection(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	close(fd);
}

pid_t
ask_pid(int fd)
{
	send_text(fd, "pid\n");
	pid_t pid = (pid_t)atoi(read_line(fd));
	ck_assert_int_gt(pid, 0);
	return pid;
}

void
expect_echo(int fd, const char *text)
{
	send_text(fd, "%s\n", text);
	ck_assert_str_eq(read_line(fd), text);
}

const char *
show_value(const char *shown, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = shown; line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n');

		if (end == NULL)
			break;
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return text_format(
			    "%.*s", (int)(end - line - (ptrdiff_t)len - 1), line + len + 1);
		line = end + 1;
	}
	return NULL;
}

unsigned
show_count(const char *shown, const char *prefix)
{
	unsigned count = 0;

	for (const char *line = shown; line != NULL && *line != '\0';) {
		count += strncmp(line, prefix, strlen(prefix)) == 0;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return count;
}

bool
is_silent(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}
