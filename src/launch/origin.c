/* SPDX-License-Identifier: MIT */
#include "launch/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/raw.h"

/* Descriptors that the daemon may ever want: more only makes the kernel's tables larger. */
#define NOFILE_MOST 524288UL

/* Writing to what is gone, or past a file size limit, must be an error and not the end; a background job writes its
 * log to a terminal with `stty tostop` without being stopped. */
static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGTTOU };

static bool
has_low_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	char first = '0';

	if (fd < 0)
		return false;
	if (read(fd, &first, 1) < 0)
		first = '0';
	close(fd);
	return first == '-';
}

/* capabilities(7), "Effect of user ID changes on capabilities": with user 0 go all but those that an exec may inherit, unless
 * securebits say otherwise. */
static bool
keeps_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct own[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (geteuid() != 0 || prctl(PR_GET_SECUREBITS) != 0)
		return true;
	if (syscall(SYS_capget, &header, own) < 0)
		return true;
	return own[0].inheritable != 0 || own[1].inheritable != 0;
}

void
origin_take(struct origin *o)
{
	struct rlimit raised;

	o->has_oom_score = has_low_oom_score();
	o->has_personality = personality(0xffffffff) > 0;
	o->keeps_capabilities = keeps_capabilities();

	o->umask = umask(ORIGIN_UMASK) | ORIGIN_UMASK;
	o->environ = environ;
	if (getrlimit(RLIMIT_NOFILE, &o->nofile) < 0)
		o->nofile = (struct rlimit){ 1024, 1024 };
	raised = o->nofile;
	raised.rlim_cur = raised.rlim_max < NOFILE_MOST ? raised.rlim_max : NOFILE_MOST;
	if (raised.rlim_cur > o->nofile.rlim_cur)
		setrlimit(RLIMIT_NOFILE, &raised);
}

/* A descriptor that the daemon opens must never land on 0, 1 or 2. */
static void
fill_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", O_RDWR | O_NOCTTY);
}

/* By the system call, since the C library refuses its own two signals, which may be inherited as ignored as well. It
 * fails for SIGKILL and SIGSTOP, where there is nothing to do. */
static void
reset_all_signals(void)
{
	static const unsigned long
	    defaults[8]; /* struct sigaction of the kernel: handler SIG_DFL, no flags */

	for (int signo = 1; signo < NSIG; signo++)
		syscall(SYS_rt_sigaction, signo, defaults, NULL, (size_t)(NSIG - 1) / 8);
}

static void
set_signals(void)
{
	reset_all_signals();
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

void
origin_clean(unsigned keep)
{
	sigset_t none;

	fill_standard_descriptors();
	close_range(3 + keep, ~0U, 0);
	set_signals();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void
origin_clean_but(const int *keep, size_t count)
{
	unsigned from = 3;

	fill_standard_descriptors();
	for (size_t i = 0; i < count; i++) {
		unsigned fd = (unsigned)keep[i];

		if (fd > from)
			close_range(from, fd - 1, 0);
		if (fd >= from)
			from = fd + 1;
	}
	close_range(from, ~0U, 0);
	set_signals();
}

/* What the terminal sent to the daemon's process group before the child had a session of its own. */
static const int from_terminal[] = { SIGHUP, SIGINT, SIGQUIT };

/* Ignoring a blocked signal drops the one that is pending. */
static int
drop_signal(int signo)
{
	int r = raw_signal(signo, SIG_IGN);

	return r == 0 ? raw_signal(signo, SIG_DFL) : r;
}

int
origin_signals_reset(void)
{
	struct raw_sigset pending = { { 0 } };
	int r = raw_sigpending(&pending);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(from_terminal); i++)
		if (raw_sigset_has(&pending, from_terminal[i]))
			r = drop_signal(from_terminal[i]);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(ignored); i++)
		r = raw_signal(ignored[i], SIG_DFL);
	return r == 0 ? raw_signal(SIGALRM, SIG_DFL) : r; /* see linger_close */
}

int
origin_signals_unblock(void)
{
	return raw_sigmask(SIG_SETMASK, 0, NULL);
}
