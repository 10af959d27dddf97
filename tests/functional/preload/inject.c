/* SPDX-License-Identifier: MIT */
/* Loaded into the daemon by LD_PRELOAD: makes system calls fail, its own and those of its children before their exec, counts
 * them, and moves its clocks. */
#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/raw.h"

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

/* ---- children, which make bare system calls ---- */

/* What the calls of a child are for the kernel. */
static const struct {
	enum inject_call call;
	unsigned number;
} step_calls[] = {
	{ INJECT_SETGROUPS, SYS_setgroups },
	{ INJECT_SETRESGID, SYS_setresgid },
	{ INJECT_SETRESUID, SYS_setresuid },
	{ INJECT_SETSID, SYS_setsid },
	{ INJECT_SETRLIMIT, SYS_prlimit64 },
	{ INJECT_CHROOT, SYS_chroot },
	{ INJECT_CHDIR, SYS_chdir },
	{ INJECT_DUP2, SYS_dup3 },
	{ INJECT_NICE, SYS_setpriority },
	{ INJECT_EXECVE, SYS_execve },
	{ INJECT_PRCTL, SYS_prctl },
};

#define STEP_CALLS (sizeof(step_calls) / sizeof(step_calls[0]))

/* A filter of the kernel's makes them fail, seccomp(2). It may run in memory that is the daemon's: nothing of the C library. One
 * that hangs waits for somebody who listens, on a descriptor that the daemon gets and knows nothing of. */
static void
filter_calls(struct sock_filter *code, unsigned short len, bool hangs)
{
	const struct sock_fprog program = { .len = len, .filter = code };
	const long flags = hangs ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;

	if (RAW(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0) {
		raw_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
		RAW(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	}
}

static void
prepare_child(void)
{
	struct sock_filter code[2 * STEP_CALLS + 2];
	unsigned short len = 0;
	bool hangs = false;

	if (shared == NULL)
		return;
	code[len++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < STEP_CALLS; i++) {
		struct inject_rule *rule = &shared->rule[step_calls[i].call];
		const int signo = atomic_load(&rule->signo);
		unsigned answer = SECCOMP_RET_ERRNO | (unsigned)atomic_load(&rule->error);

		if (signo != 0)
			RAW(SYS_kill, raw_getpid(), signo, 0);
		if (atomic_load(&rule->hangs) != 0) {
			answer = SECCOMP_RET_USER_NOTIF;
			hangs = true;
		} else if (atomic_load(&rule->count) == 0)
			continue;
		if (atomic_load(&rule->count) > 0)
			atomic_fetch_sub(&rule->count, 1);
		code[len++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, step_calls[i].number, 0, 1);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
	}
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (len > 2)
		filter_calls(code, len, hangs);
}

pid_t
fork(void)
{
	static pid_t (*next)(void);
	pid_t pid;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "fork");
	if (is_failed(INJECT_FORK))
		return -1;
	pid = next();
	if (pid == 0)
		prepare_child();
	return pid;
}

long
syscall(long number, ...)
{
	static long (*next)(long number, ...);
	va_list ap;
	long a[6], r;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	if (number == SYS_clone && (is_failed(INJECT_FORK) || is_failed(INJECT_CLONE_FILES)))
		return -1;
	va_start(ap, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	r = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number == SYS_clone && r == 0)
		prepare_child();
	return r;
}

/* What a clone is to do; lies where its stack begins. */
struct clone_work {
	int (*fn)(void *arg);
	void *arg;
};

static int
run_clone(void *arg)
{
	const struct clone_work work = *(struct clone_work *)arg;

	prepare_child();
	return work.fn(work.arg);
}

int
clone(int (*fn)(void *arg), void *stack, int flags, void *arg, ...)
{
	static int (*next)(int (*fn)(void *arg), void *stack, int flags, void *arg, ...);
	struct clone_work *work = (struct clone_work *)stack - 4;
	va_list ap;
	void *more[3];

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "clone");
	if (is_failed(INJECT_FORK) || is_failed(INJECT_CLONE_VM))
		return -1;
	va_start(ap, arg);
	for (size_t i = 0; i < 3; i++)
		more[i] = va_arg(ap, void *);
	va_end(ap);
	*work = (struct clone_work){ fn, arg };
	return next(run_clone, work, flags, work, more[0], more[1], more[2]);
}

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
