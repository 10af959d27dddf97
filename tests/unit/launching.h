/* SPDX-License-Identifier: MIT */
/* Starting programs without a daemon, for the tests of launch.c and warm.c. */
#ifndef UNIT_LAUNCHING_H
#define UNIT_LAUNCHING_H

#include <check.h>
#include <fcntl.h>
#include <porter/worker.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "launch/launch.h"

/* Says everything about the process that it runs in; needs no shared library and so no descriptor. */
#define SHOW BUILD_DIR "/tests/programs/show"

static const struct origin origin = {
	.nofile = { 256, 256 }, .umask = 022, .environ = (char *[]){ NULL }
};

/* Settings hold char pointers; these tests give them constants that nobody writes to. */
static inline char *
text(const char *constant)
{
	union {
		const char *in;
		char *out;
	} u = { constant };

	return u.out;
}

static inline struct launch_fault *
shared_fault(void)
{
	struct launch_fault *f =
	    mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(f, MAP_FAILED);
	return f;
}

static inline struct service_conf
service(const char *server)
{
	return (struct service_conf){ .name = text("x"),
		.id = text("x"),
		.server = text(server),
		.socket_type = SOCK_STREAM };
}

/* A pair of sockets, or the two ends of a pipe, that no program inherits by mistake. */
static inline void
make_pair(int type, int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
}

static inline void
make_pipe(int fds[2])
{
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
}

/* Everything up to the end, in a buffer that the next call uses again. */
static inline const char *
read_all(int fd)
{
	static char buffer[65536];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buffer + len, sizeof(buffer) - 1 - len)) > 0)
		len += (size_t)n;
	ck_assert_uint_lt(len, sizeof(buffer) - 1);
	buffer[len] = '\0';
	return buffer;
}

/* Exit status, or the signal below 0. */
static inline int
wait_end(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The value of one line "key value" of SHOW, in a buffer of its own; "" if there is none. */
static inline char *
shown(const char *all, const char *key)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof(line), "\n%s ", key);
	at = strncmp(all, line + 1, strlen(line + 1)) == 0 ? all - 1 : strstr(all, line);
	if (at == NULL)
		return mem_dup("");
	at += strlen(line);
	return strndup(at, strcspn(at, "\n"));
}

static inline void
assert_shown(const char *all, const char *key, const char *value)
{
	char *found = shown(all, key);

	ck_assert_msg(strcmp(found, value) == 0, "%s is '%s' and not '%s'", key, found, value);
	free(found);
}

/* Drops the lines that begin with one of these words. */
static inline char *
without(const char *all, const char *const words[])
{
	char *out = mem_alloc(strlen(all) + 1), *to = out;

	while (*all != '\0') {
		size_t len = strcspn(all, "\n") + 1;
		bool is_dropped = false;

		for (size_t i = 0; words[i] != NULL; i++)
			is_dropped |= strncmp(all, words[i], strlen(words[i])) == 0;
		if (!is_dropped)
			to = (char *)mempcpy(to, all, len);
		all += len;
	}
	*to = '\0';
	return out;
}

/* Sends a message with so many descriptors. */
static inline void
send_message(int channel, const void *data, size_t len, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { NULL, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	char copy[16384];

	ck_assert_uint_le(len, sizeof(copy));
	memcpy(copy, data, len);
	iov.iov_base = copy;
	if (count > 0) {
		struct cmsghdr *c = &control.align;

		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(count * sizeof(int)) };
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(channel, &m, MSG_NOSIGNAL), (ssize_t)len);
}

#define MESSAGE_SIZE 16384

/* The message of a connection with the service's id "x" and these variables (NULL: none); its length. */
static inline size_t
make_message(char *out, uint64_t id, char *const *env)
{
	struct porter_header *h = (struct porter_header *)(void *)out;
	size_t len = sizeof(*h);

	*h = (struct porter_header){ .magic = PORTER_MAGIC,
		.version = PORTER_VERSION,
		.type = PORTER_CONNECTION,
		.connection = id,
		.id_offset = sizeof(*h),
		.id_length = 1,
		.flags = PORTER_ASKS };
	out[len++] = 'x';
	for (; env != NULL && *env != NULL; env++) {
		ck_assert_uint_lt(len + strlen(*env) + 1, MESSAGE_SIZE);
		strcpy(out + len, *env);
		len += strlen(*env) + 1;
	}
	return len;
}

static inline void
hand_over(int channel, uint64_t id, char *const *env, int fd)
{
	_Alignas(struct porter_header) char message[MESSAGE_SIZE];
	const size_t len = make_message(message, id, env);

	send_message(channel, message, len, &fd, 1);
}

/* Waits for a reply of this type. */
static inline void
assert_reply(int channel, enum porter_type type, uint64_t id)
{
	struct porter_reply reply;

	ck_assert_int_eq(recv(channel, &reply, sizeof(reply), 0), sizeof(reply));
	ck_assert_uint_eq(reply.magic, PORTER_MAGIC);
	ck_assert_uint_eq(reply.version, PORTER_VERSION);
	ck_assert_uint_eq(reply.type, type);
	ck_assert_uint_eq(reply.connection, id);
}

#endif
