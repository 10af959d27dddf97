/* SPDX-License-Identifier: MIT */
#include "launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <porter/worker.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "launch/environment.h"
#include "launch/fill.h"
#include "launch/porter_gate.h"
#include "launch/warm.h"
#include "policy/admit.h"

/* What a process of ours needs room for, however few descriptors it may have once it serves: with standard error, the
 * channel and the connection in place of standard output; a worker has all four. */
#define WARM_FILES   3
#define WORKER_FILES 4

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

	if (dup2(l->fd, 0) < 0 || dup2(out, 1) < 0 || dup2(standard_error(l, out), 2) < 0)
		return -errno;
	for (size_t i = 0; i < l->shared_count; i++)
		if (dup2(l->shared[i], 3 + (int)i) < 0)
			return -errno;
	return close_range(3 + (unsigned)l->shared_count, ~0U, 0) < 0 ? -errno : 0;
}

/* The pid is known here alone. */
static int
step_listen_pid(const struct launch *l)
{
	char digits[10], *to = l->listen_pid;
	size_t n = 0;

	if (to == NULL)
		return 0;
	for (pid_t pid = getpid(); pid > 0; pid /= 10)
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

/* Within these a connection arrives; step_connection then sets what the plan says. */
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
		const struct plan_rlimit *r = &l->plan->rlimits[i];
		const struct rlimit limit = limit_of(l, r);

		if (setrlimit((__rlimit_resource_t)r->resource, &limit) < 0)
			return -errno;
	}
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

/* Until its exec the process is an image of the daemon's memory, which is none of that user's business. The kernel does
 * this by itself unless fs.suid_dumpable says otherwise; an exec undoes it. */
static int
step_memory(const struct launch *l)
{
	if (!l->plan->changes_ids)
		return 0;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* With the user goes every capability, whatever securebits or ambient sets the daemon was started with. A redirect needs none,
 * whoever it runs as. */
static int
step_capabilities(const struct launch *l)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (geteuid() == 0 && l->plan->relay.host == NULL)
		return 0;
	/* EINVAL: a kernel before 4.3, which has no ambient set. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
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

/* Before there is a limit, or another root directory, that is the program's and not porter-gate's. */
static int
step_gate(const struct launch *l)
{
	int r;

	if (!porter_gate_is_needed(l))
		return 0;
	r = porter_gate_ask(l, become_user);
	if (r == VERDICT_OK)
		return 0;
	throw_datagram_away(0);
	if (r < 0)
		return r;
	l->fault->verdict = r;
	_exit(LAUNCH_EXIT);
}

/* The last one counts: those before it might be higher, and cannot be had any more. */
static int
limit_files(const struct plan *p)
{
	const struct rlimit *last = NULL;

	for (size_t i = 0; i < p->rlimit_count; i++)
		if (p->rlimits[i].resource == RLIMIT_NOFILE)
			last = &p->rlimits[i].limit;
	return last != NULL && setrlimit(RLIMIT_NOFILE, last) < 0 ? -errno : 0;
}

/* Waits until the connection is there. The channel gives way to it. */
static int
step_connection(const struct launch *l)
{
	int fd;

	if (l->kind != LAUNCH_WARM)
		return 0;
	fd = warm_receive(l->plan->env + l->plan->env_fixed, ENVIRONMENT_TAIL);
	if (fd < 0)
		return fd;
	fill_all(l->plan->fills, l->plan->env + l->plan->env_fixed);
	/* It is 1 already if nothing else was open. */
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || (l->err_fd < 0 && dup2(fd, 2) < 0))
		return -errno;
	if (fd > 2)
		close(fd);
	return limit_files(l->plan);
}

/* Builtins and redirects are programs that need no exec. */
static int
step_exec(const struct launch *l)
{
	if (l->plan->builtin != NULL || l->plan->relay.host != NULL)
		return 0;
	execve(l->plan->path, l->plan->argv, l->kind == LAUNCH_WARM ? l->plan->env : l->env);
	return -errno;
}

static void
answer(const struct builtin *b, int fd)
{
	char text[BUILTIN_ANSWER_SIZE];
	const size_t len = b->answer(text, sizeof(text), clock_wall());

	(void)!send(fd, text, len, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	/* What the client has sent already would turn the close into a reset that overtakes the answer. */
	(void)!recv(fd, text, sizeof(text), MSG_DONTWAIT | MSG_TRUNC);
}

static int
serve_connection(const struct builtin *b, int fd)
{
	if (b->stream != NULL)
		b->stream(fd);
	else
		answer(b, fd);
	return 0;
}

static int
serve_handed(struct porter_connection *c, void *arg)
{
	const struct builtin *const *b = arg;

	return serve_connection(*b, c->fd);
}

static int
serve_channel(const struct builtin *b, int fd)
{
	return porter_serve(fd, serve_handed, &b);
}

static int (*const serve[])(const struct builtin *b, int fd) = {
	[LAUNCH_PROGRAM] = serve_connection,
	[LAUNCH_WORKER] = serve_channel,
	[LAUNCH_WARM] = serve_connection,
};
_Static_assert(ARRAY_LEN(serve) == LAUNCH_KIND_MAX, "one way to serve a kind");

/* That nobody was reached is no failure to start: the report says it. */
static int
step_serve(const struct launch *l)
{
	int r;

	if (l->plan->relay.host != NULL) {
		if (!relay_serve(&l->plan->relay, 0, &l->fault->relay))
			_exit(1);
		return 0;
	}
	r = serve[l->kind](l->plan->builtin, 0);
	l->fault->has_traffic = traffic_read(0, &l->fault->traffic);
	return r;
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
	{ "connection", step_connection },
	{ "exec", step_exec },
	{ "serve", step_serve },
};

static _Noreturn void
run_steps(const struct launch *l)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int r = steps[i].fn(l);

		if (r < 0) {
			l->fault->error = -r;
			l->fault->step = (int)i + 1;
			_exit(LAUNCH_EXIT);
		}
	}
	_exit(0); /* a builtin has served; a program never comes here */
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
