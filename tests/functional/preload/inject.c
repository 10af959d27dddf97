/* SPDX-License-Identifier: MIT */
/* Loaded into the daemon by LD_PRELOAD: makes system calls fail, counts them, and moves its clocks. */
#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct inject *shared;

__attribute__((constructor)) static void
open_shared(void)
{
	const char *path = getenv("PORTER_INJECT");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	void *p = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		shared = p;
	close(fd);
}

/* True if this call shall fail; errno is set then. */
static int
is_failed(enum inject_call call)
{
	if (shared == NULL)
		return 0;

	struct inject_rule *rule = &shared->rule[call];
	int signo = atomic_load(&rule->signo);

	atomic_fetch_add(&rule->calls, 1);
	if (signo != 0)
		kill(getpid(), signo);
	if (atomic_load(&rule->count) == 0)
		return 0;
	if (atomic_load(&rule->after) > 0) {
		atomic_fetch_sub(&rule->after, 1);
		return 0;
	}
	if (atomic_load(&rule->count) > 0)
		atomic_fetch_sub(&rule->count, 1);
	errno = atomic_load(&rule->error);
	return 1;
}

/* clang-format off */
#define WRAP(call, result, name, parameters, arguments) \
	result name parameters; \
	result name parameters \
	{ \
		static result (*next) parameters; \
		if (next == NULL) \
			*(void **)&next = dlsym(RTLD_NEXT, #name); \
		return is_failed(call) ? (result)-1 : next arguments; \
	}

WRAP(INJECT_ACCEPT4, int, accept4, (int fd, struct sockaddr *sa, socklen_t *len, int flags), (fd, sa, len, flags))
WRAP(INJECT_FORK, pid_t, fork, (void), ())
WRAP(INJECT_SETGROUPS, int, setgroups, (size_t n, const gid_t *list), (n, list))
WRAP(INJECT_SETRESGID, int, setresgid, (gid_t r, gid_t e, gid_t s), (r, e, s))
WRAP(INJECT_SETRESUID, int, setresuid, (uid_t r, uid_t e, uid_t s), (r, e, s))
WRAP(INJECT_SETSID, pid_t, setsid, (void), ())
WRAP(INJECT_SETRLIMIT, int, setrlimit, (__rlimit_resource_t resource, const struct rlimit *limit), (resource, limit))
WRAP(INJECT_CHROOT, int, chroot, (const char *path), (path))
WRAP(INJECT_CHDIR, int, chdir, (const char *path), (path))
WRAP(INJECT_DUP2, int, dup2, (int from, int to), (from, to))
WRAP(INJECT_NICE, int, nice, (int by), (by))
WRAP(INJECT_EXECVE, int, execve, (const char *path, char *const *argv, char *const *env), (path, argv, env))
WRAP(INJECT_POLL, int, poll, (struct pollfd *fds, nfds_t n, int ms), (fds, n, ms))
WRAP(INJECT_POLL, int, ppoll, (struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask),
    (fds, n, ts, mask))
WRAP(INJECT_POLL, int, __poll_chk, (struct pollfd *fds, nfds_t n, int ms, size_t size), (fds, n, ms, size))
WRAP(INJECT_POLL, int, epoll_wait, (int fd, struct epoll_event *events, int most, int ms), (fd, events, most, ms))
WRAP(INJECT_INOTIFY, int, inotify_init1, (int flags), (flags))
WRAP(INJECT_CLOSE, int, close, (int fd), (fd))
WRAP(INJECT_RECV, ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
WRAP(INJECT_SEND, ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WRAP(INJECT_WRITE, ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
WRAP(INJECT_WRITE, ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))
WRAP(INJECT_SOCKET, int, socket, (int family, int type, int protocol), (family, type, protocol))
WRAP(INJECT_SOCKETPAIR, int, socketpair, (int family, int type, int protocol, int fds[2]), (family, type, protocol, fds))
WRAP(INJECT_SETSOCKOPT, int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
    (fd, level, name, value, len))

/* clang-format on */

int
epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	static int (*next)(int, int, int, struct epoll_event *);

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "epoll_ctl");
	if (operation == EPOLL_CTL_ADD && is_failed(INJECT_EPOLL_ADD))
		return -1;
	return next(epoll, operation, fd, event);
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	static int (*next)(clockid_t, struct timespec *);

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
	int r = next(clock, ts);
	if (r < 0 || shared == NULL)
		return r;
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		ts->tv_sec += (time_t)atomic_load(&shared->realtime_s);
	if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME)
		ts->tv_sec += (time_t)atomic_load(&shared->monotonic_s);
	return r;
}

int
getloadavg(double *average, int count)
{
	static int (*next)(double *, int);

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "getloadavg");
	int load = shared != NULL ? atomic_load(&shared->load) : 0;
	if (load == 0 || count < 1)
		return next(average, count);
	*average = (load - 1) / 100.0;
	return 1;
}

time_t
time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}
