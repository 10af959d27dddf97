/* SPDX-License-Identifier: MIT */
#include "launch/steps.h"

#include <sys/personality.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/raw.h"
#include "launch/porter_gate.h"
#include "launch/serve.h"
#include "policy/admit.h"

/* What a process of ours needs room for, however few descriptors it may have once it serves: with standard error, the
 * channel and the connection in place of standard output; a worker has all four. */
#define WARM_FILES   3
#define WORKER_FILES 4

static int
step_session(const struct launch *l)
{
	int r = raw_setsid();

	(void)l;
	return r < 0 ? r : 0;
}

static int
step_signals(const struct launch *l)
{
	(void)l;
	return origin_signals_reset();
}

/* What is descriptor 2 until a connection is there, when it is to be the connection. */
static int
standard_error(const struct launch *l, int out)
{
	if (l->err_fd >= 0)
		return l->err_fd;
	return l->kind == LAUNCH_WARM ? out : l->fd;
}

/* All of them lie above 2, since the daemon's own 0, 1 and 2 are always open. */
static int
step_descriptors(const struct launch *l)
{
	const int out = l->out_fd < 0 ? l->fd : l->out_fd;
	const int from[] = { l->fd, out, standard_error(l, out) };
	int r = 0;

	for (int i = 0; r >= 0 && i < (int)ARRAY_LEN(from); i++)
		r = raw_dup2(from[i], i);
	for (size_t i = 0; r >= 0 && i < l->shared_count; i++)
		r = raw_dup2(l->shared[i], 3 + (int)i);
	return r < 0 ? r : raw_close_range(3 + (unsigned)l->shared_count, ~0U, 0);
}

/* The pid is known here alone. */
static int
step_listen_pid(const struct launch *l)
{
	char digits[10], *to = l->listen_pid;
	size_t n = 0;

	if (to == NULL)
		return 0;
	for (pid_t pid = raw_getpid(); pid > 0; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	while (n > 0)
		*to++ = digits[--n];
	*to = '\0';
	return 0;
}

static rlim_t
at_least(rlim_t value, rlim_t least)
{
	return value < least ? least : value;
}

static rlim_t
least_files(const struct launch *l)
{
	if (l->kind == LAUNCH_WARM)
		return WARM_FILES;
	return l->kind == LAUNCH_WORKER && l->plan->builtin != NULL ? WORKER_FILES : 0;
}

/* Within these a connection arrives; serve_wait then sets what the plan says. */
static struct rlimit
limit_of(const struct launch *l, const struct plan_rlimit *r)
{
	const rlim_t least = r->resource == RLIMIT_NOFILE ? least_files(l) : 0;

	return (struct rlimit){ at_least(r->limit.rlim_cur, least),
		at_least(r->limit.rlim_max, least) };
}

static int
step_limits(const struct launch *l)
{
	for (size_t i = 0; i < l->plan->rlimit_count; i++) {
		const struct plan_rlimit *limit = &l->plan->rlimits[i];
		const struct rlimit value = limit_of(l, limit);
		int r = raw_setrlimit(limit->resource, &value);

		if (r < 0)
			return r;
	}
	return 0;
}

static int
step_nice(const struct launch *l)
{
	return l->plan->nice == 0 ? 0 : raw_nice(l->plan->nice);
}

/* A daemon that is kept from being killed when memory runs out does not hand that on, nor an execution domain. */
static int
step_inherited(const struct launch *l)
{
	int fd;
	long r;

	if (l->plan->resets_personality)
		raw_personality(PER_LINUX);
	if (!l->plan->resets_oom_score)
		return 0;
	fd = raw_open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	r = raw_write(fd, "0", 1);
	raw_close(fd);
	return r < 0 ? (int)r : 0;
}

static int
step_umask(const struct launch *l)
{
	if (l->plan->umask != ORIGIN_UMASK)
		raw_umask(l->plan->umask);
	return 0;
}

static int
step_chroot(const struct launch *l)
{
	int r;

	if (l->plan->chroot == NULL)
		return 0;
	r = raw_chdir(l->plan->chroot);
	return r < 0 ? r : raw_chroot(".");
}

static int
step_directory(const struct launch *l)
{
	return raw_chdir(l->plan->directory);
}

static int
step_groups(const struct launch *l)
{
	int r;

	if (!l->plan->changes_ids)
		return 0;
	r = raw_setgroups(l->plan->group_count, l->plan->groups);
	return r < 0 ? r : raw_setresgid(l->plan->gid);
}

static int
step_user(const struct launch *l)
{
	return l->plan->changes_ids ? raw_setresuid(l->plan->uid) : 0;
}

/* Until its exec the process is an image of the daemon's memory, or has a part in it, which is none of that user's business. The
 * kernel does this by itself unless fs.suid_dumpable says otherwise; an exec undoes it. */
static int
step_memory(const struct launch *l)
{
	int dumpable;

	if (!l->plan->changes_ids)
		return 0;
	dumpable = raw_prctl(PR_GET_DUMPABLE, 0, 0);
	if (dumpable == 0)
		return 0;
	if (l->plan->uid != 0 && dumpable == 1)
		l->fault->was_open = true;
	return raw_prctl(PR_SET_DUMPABLE, 0, 0);
}

/* With the user goes every capability, whatever securebits or ambient sets the daemon was started with. A redirect needs none,
 * whoever it runs as. */
static int
step_capabilities(const struct launch *l)
{
	const struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	int r;

	if (l->plan->loses_capabilities || (raw_geteuid() == 0 && l->plan->relay.host == NULL))
		return 0;
	r = raw_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
	/* EINVAL: a kernel before 4.3, which has no ambient set. */
	return r < 0 && r != -EINVAL ? r : raw_capset(&header, none);
}

/* The process that becomes porter-gate is the service's user from its beginning on. */
static int
become_user(const struct launch *l)
{
	static int (*const ways[])(
	    const struct launch *l) = { step_groups, step_user, step_memory, step_capabilities };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(ways); i++)
		r = ways[i](l);
	return r;
}

/* A datagram that nobody reads would be there again at once. */
static void
throw_datagram_away(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);
	char byte;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM)
		(void)!recv(fd, &byte, 1, MSG_DONTWAIT);
}

/* As late as can be: a signal before it would find a process that shares memory with the daemon. */
static int
step_mask(const struct launch *l)
{
	(void)l;
	return origin_signals_unblock();
}

/* Before there is a limit, or another root directory, that is the program's and not porter-gate's. */
static int
step_gate(const struct launch *l)
{
	int r;

	if (!porter_gate_is_needed(l))
		return 0;
	r = origin_signals_unblock();
	if (r == 0)
		r = porter_gate_ask(l, become_user);
	if (r == VERDICT_OK)
		return 0;
	throw_datagram_away(0);
	if (r < 0)
		return r;
	l->fault->verdict = r;
	raw_exit(LAUNCH_EXIT);
	return 0;
}

static int
step_connection(const struct launch *l)
{
	return l->kind == LAUNCH_WARM ? serve_wait(l) : 0;
}

/* Builtins and redirects are programs that need no exec. */
static int
step_exec(const struct launch *l)
{
	if (l->plan->builtin != NULL || l->plan->relay.host != NULL)
		return 0;
	return raw_execve(
	    l->plan->path, l->plan->argv, l->kind == LAUNCH_WARM ? plan_vector(l->plan) : l->env);
}

static const struct {
	const char *name;
	int (*fn)(const struct launch *l);
} steps[] = {
	{ "session", step_session },
	{ "signals", step_signals },
	{ "descriptors", step_descriptors },
	{ "environment", step_listen_pid },
	{ "gate", step_gate },
	{ "limits", step_limits },
	{ "nice", step_nice },
	{ "inherited", step_inherited },
	{ "umask", step_umask },
	{ "chroot", step_chroot },
	{ "directory", step_directory },
	{ "groups", step_groups },
	{ "user", step_user },
	{ "memory", step_memory },
	{ "capabilities", step_capabilities },
	{ "mask", step_mask },
	{ "connection", step_connection },
	{ "exec", step_exec },
	{ "serve", serve_here },
};

static void
fail(const struct launch *l, size_t step, int error)
{
	l->fault->error = error;
	l->fault->step = (int)step + 1;
	raw_exit(LAUNCH_EXIT);
}

void
steps_fail(const struct launch *l, int error)
{
	fail(l, ARRAY_LEN(steps), error);
}

void
steps_run(const struct launch *l)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int r = steps[i].fn(l);

		if (r < 0)
			fail(l, i, -r);
	}
	raw_exit(0); /* a builtin has served; a program never comes here */
}

const char *
launch_step_name(const struct launch_fault *fault)
{
	if (fault->step == (int)ARRAY_LEN(steps) + 1)
		return "start";
	return fault->step > 0 && fault->step <= (int)ARRAY_LEN(steps) ? steps[fault->step - 1].name
								       : "unknown";
}
