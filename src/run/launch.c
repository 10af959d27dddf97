/* SPDX-License-Identifier: MIT */
#include "run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

static int
step_session(const struct launch *l)
{
	(void)l;
	return setsid() < 0 ? -errno : 0;
}

static int
step_signals(const struct launch *l)
{
	(void)l;
	return origin_signals_reset();
}

/* The socket lies above 2, since the daemon's own 0, 1 and 2 are always open. */
static int
step_descriptors(const struct launch *l)
{
	if (dup2(l->fd, 0) < 0 || dup2(l->fd, 1) < 0 ||
	    dup2(l->err_fd < 0 ? l->fd : l->err_fd, 2) < 0)
		return -errno;
	return close_range(3, ~0U, 0) < 0 ? -errno : 0;
}

static int
step_limits(const struct launch *l)
{
	for (size_t i = 0; i < l->plan->rlimit_count; i++)
		if (setrlimit((__rlimit_resource_t)l->plan->rlimits[i].resource,
			&l->plan->rlimits[i].limit) < 0)
			return -errno;
	return 0;
}

static int
step_nice(const struct launch *l)
{
	if (l->plan->nice == 0)
		return 0;
	errno = 0;
	return nice(l->plan->nice) == -1 && errno != 0 ? -errno : 0;
}

/* A daemon that is kept from being killed when memory runs out does not hand that on, nor an execution domain. */
static int
step_inherited(const struct launch *l)
{
	int fd, r = 0;

	if (l->plan->resets_personality)
		personality(PER_LINUX);
	if (!l->plan->resets_oom_score)
		return 0;
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

static int
step_umask(const struct launch *l)
{
	umask(l->plan->umask);
	return 0;
}

static int
step_chroot(const struct launch *l)
{
	if (l->plan->chroot == NULL)
		return 0;
	return chdir(l->plan->chroot) < 0 || chroot(".") < 0 ? -errno : 0;
}

static int
step_directory(const struct launch *l)
{
	return chdir(l->plan->directory) < 0 ? -errno : 0;
}

static int
step_groups(const struct launch *l)
{
	if (!l->plan->changes_ids)
		return 0;
	if (setgroups(l->plan->group_count, l->plan->groups) < 0)
		return -errno;
	return setresgid(l->plan->gid, l->plan->gid, l->plan->gid) < 0 ? -errno : 0;
}

static int
step_user(const struct launch *l)
{
	if (!l->plan->changes_ids)
		return 0;
	return setresuid(l->plan->uid, l->plan->uid, l->plan->uid) < 0 ? -errno : 0;
}

/* With the user goes every capability, whatever securebits or ambient sets the daemon was started with. */
static int
step_capabilities(const struct launch *l)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	(void)l;
	if (geteuid() == 0)
		return 0;
	/* EINVAL: a kernel before 4.3, which has no ambient set. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/* A builtin is a program that needs no exec. */
static int
step_exec(const struct launch *l)
{
	if (l->plan->builtin != NULL) {
		l->plan->builtin->stream(0);
		_exit(0);
	}
	execve(l->plan->path, l->plan->argv, l->env);
	return -errno;
}

static const struct {
	const char *name;
	int (*fn)(const struct launch *l);
} steps[] = {
	{ "session", step_session },
	{ "signals", step_signals },
	{ "descriptors", step_descriptors },
	{ "limits", step_limits },
	{ "nice", step_nice },
	{ "inherited", step_inherited },
	{ "umask", step_umask },
	{ "chroot", step_chroot },
	{ "directory", step_directory },
	{ "groups", step_groups },
	{ "user", step_user },
	{ "capabilities", step_capabilities },
	{ "exec", step_exec },
};

static _Noreturn void
run_steps(const struct launch *l)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int r = steps[i].fn(l);

		if (r < 0) {
			*l->fault = (struct launch_fault){ (int)i + 1, -r };
			_exit(LAUNCH_EXIT);
		}
	}
	_exit(LAUNCH_EXIT); /* not reached: the last step does not return without an error */
}

pid_t
launch_fork(const struct launch *l)
{
	pid_t pid;

	*l->fault = (struct launch_fault){ 0 };
	pid = fork();
	if (pid == 0)
		run_steps(l);
	return pid < 0 ? -errno : pid;
}

const char *
launch_step_name(const struct launch_fault *fault)
{
	return fault->step > 0 && fault->step <= (int)ARRAY_LEN(steps) ? steps[fault->step - 1].name
								       : "unknown";
}
