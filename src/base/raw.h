/* SPDX-License-Identifier: MIT */
/* System calls that touch nothing but the kernel: no errno, no thread-local storage, no lock of the C library. A process that
 * shares its memory with the daemon may make no others. Each gives -errno. Where the processor is not known here they are
 * those of the C library, and nobody shares memory. */
#ifndef BASE_RAW_H
#define BASE_RAW_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__LP64__)
# define RAW_IS_BARE 1
#elif defined(__aarch64__) && defined(__LP64__)
# define RAW_IS_BARE 1
#else
# define RAW_IS_BARE 0
#endif

/* The fifth argument is 0, which some calls ask for. */
#if defined(__x86_64__) && defined(__LP64__)

static inline long
raw_call(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = 0;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__) && defined(__LP64__)

static inline long
raw_call(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory", "cc");
	return x0;
}

#else

static inline long
raw_call(long number, long a, long b, long c, long d)
{
	const long result = syscall(number, a, b, c, d, 0L);

	return result < 0 ? -errno : result;
}

#endif

#define RAW(number, a, b, c) raw_call(number, (long)(a), (long)(b), (long)(c), 0)

/* By the C library where the kernel's own call has another number or another layout on small processors. */
#if RAW_IS_BARE
# define RAW_OR(bare, library) ((int)(bare))
#else
# define RAW_OR(bare, library) ((library) < 0 ? -errno : 0)
#endif

static inline int
raw_setsid(void)
{
	return (int)RAW(SYS_setsid, 0, 0, 0);
}

static inline pid_t
raw_getpid(void)
{
	return (pid_t)RAW(SYS_getpid, 0, 0, 0);
}

static inline uid_t
raw_geteuid(void)
{
#if RAW_IS_BARE
	return (uid_t)RAW(SYS_geteuid, 0, 0, 0);
#else
	return geteuid();
#endif
}

/* As dup2(2), of two descriptors that are not the same. */
static inline int
raw_dup2(int from, int to)
{
	return (int)RAW(SYS_dup3, from, to, 0);
}

static inline int
raw_close(int fd)
{
	return (int)RAW(SYS_close, fd, 0, 0);
}

static inline int
raw_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)RAW(SYS_close_range, first, last, flags);
}

static inline int
raw_open(const char *path, int flags)
{
	return (int)RAW(SYS_openat, AT_FDCWD, path, flags);
}

static inline long
raw_write(int fd, const void *data, size_t len)
{
	return RAW(SYS_write, fd, data, len);
}

static inline int
raw_setrlimit(int resource, const struct rlimit *limit)
{
	return RAW_OR(raw_call(SYS_prlimit64, 0, resource, (long)limit, 0),
	    setrlimit((__rlimit_resource_t)resource, limit));
}

/* The kernel counts from 40 down to 1 where setpriority(2) counts from -20 up. */
static inline int
raw_nice(int by)
{
#if RAW_IS_BARE
	int now = 20 - (int)RAW(SYS_getpriority, PRIO_PROCESS, 0, 0);
	int r = (int)RAW(SYS_setpriority, PRIO_PROCESS, 0, now + by);

	return r == -EACCES ? -EPERM : r;
#else
	errno = 0;
	return nice(by) == -1 && errno != 0 ? -errno : 0;
#endif
}

static inline void
raw_umask(mode_t mask)
{
	RAW(SYS_umask, mask, 0, 0);
}

static inline int
raw_chdir(const char *path)
{
	return (int)RAW(SYS_chdir, path, 0, 0);
}

static inline int
raw_chroot(const char *path)
{
	return (int)RAW(SYS_chroot, path, 0, 0);
}

static inline int
raw_setgroups(size_t count, const gid_t *groups)
{
	return RAW_OR(RAW(SYS_setgroups, count, groups, 0), setgroups(count, groups));
}

static inline int
raw_setresgid(gid_t gid)
{
	return RAW_OR(RAW(SYS_setresgid, gid, gid, gid), setresgid(gid, gid, gid));
}

static inline int
raw_setresuid(uid_t uid)
{
	return RAW_OR(RAW(SYS_setresuid, uid, uid, uid), setresuid(uid, uid, uid));
}

static inline int
raw_prctl(int option, long a, long b)
{
	return (int)raw_call(SYS_prctl, option, a, b, 0);
}

static inline int
raw_capset(const struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data)
{
	return (int)RAW(SYS_capset, header, data, 0);
}

static inline int
raw_personality(unsigned long persona)
{
	return (int)RAW(SYS_personality, persona, 0, 0);
}

/* To its default, or to be ignored: neither needs more of a sigaction than this, on any processor. */
static inline int
raw_signal(int signo, void (*handler)(int))
{
	const unsigned long action[8] = { (unsigned long)handler };

	return (int)raw_call(SYS_rt_sigaction, signo, (long)action, 0, (NSIG - 1) / 8);
}

/* Bits of the signals 1 to 64; how: see sigprocmask(2). before: NULL: not wanted. */
static inline int
raw_sigmask(int how, uint64_t bits, uint64_t *before)
{
	return (int)raw_call(SYS_rt_sigprocmask, how, (long)&bits, (long)before, sizeof(bits));
}

/* Those that are blocked and have come, of the signals 1 to 64, as the kernel sets them down. */
struct raw_sigset {
	unsigned long word[8 / sizeof(unsigned long)];
};

static inline int
raw_sigpending(struct raw_sigset *set)
{
	return (int)RAW(SYS_rt_sigpending, set, sizeof(*set), 0);
}

static inline int
raw_sigset_has(const struct raw_sigset *set, int signo)
{
	const int bits = 8 * (int)sizeof(unsigned long);

	return (set->word[(signo - 1) / bits] >> ((signo - 1) % bits) & 1) != 0;
}

static inline int
raw_execve(const char *path, char *const *argv, char *const *env)
{
	return (int)RAW(SYS_execve, path, argv, env);
}

/* Until the word is no longer `value`, or for the time given (NULL: without end). Returns early at any time. The word may lie in
 * memory that processes share. */
static inline int
raw_futex_wait(const void *word, int value, const struct timespec *most)
{
#ifdef SYS_futex
	return (int)raw_call(SYS_futex, (long)word, FUTEX_WAIT, value, (long)most);
#else
	(void)most;
	return (int)raw_call(SYS_futex_time64, (long)word, FUTEX_WAIT, value, 0);
#endif
}

static inline void
raw_futex_wake(const void *word)
{
#ifdef SYS_futex
	raw_call(SYS_futex, (long)word, FUTEX_WAKE, 1, 0);
#else
	raw_call(SYS_futex_time64, (long)word, FUTEX_WAKE, 1, 0);
#endif
}

/* It never returns, which a compiler must neither be told nor find out: one that instruments such calls would reach into the memory
 * of others. */
static inline void
raw_exit(int status)
{
	while (RAW(SYS_exit_group, status, 0, 0) != 1)
		continue;
}

#endif
