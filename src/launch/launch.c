/* SPDX-License-Identifier: MIT */
#include "launch/launch.h"

#include <errno.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/mem.h"
#include "base/raw.h"
#include "launch/porter_gate.h"
#include "launch/start.h"
#include "launch/steps.h"

/* From this number of descriptors on, copying the table costs more than the hand-shake that saves it. */
#define MANY_DESCRIPTORS 512
/* How often one looks whether a child has died before it said anything. */
#define LOOK_NS          10000000

/* ---- a table of descriptors of its own ---- */

static int
highest_needed(const struct launch *l)
{
	int most = l->fd;

	if (l->out_fd > most)
		most = l->out_fd;
	return l->err_fd > most ? l->err_fd : most;
}

/* The child's own table begins with those that the program needs, however many there are above: the daemon keeps nothing there.
 * Before this nothing may touch the table, which is the daemon's. */
static void
leave_table(const struct launch *l)
{
	int r = raw_close_range((unsigned)highest_needed(l) + 1, ~0U, CLOSE_RANGE_UNSHARE);

	if (r < 0)
		steps_fail(l, -r);
}

/* ---- the ways ---- */

static pid_t
by_fork(const struct launch *l)
{
	pid_t pid = fork();

	if (pid == 0)
		steps_run(l);
	return pid < 0 ? -errno : pid;
}

static void
say_apart(int *word)
{
	__atomic_store_n(word, START_IS_APART, __ATOMIC_RELEASE);
	raw_futex_wake(word);
}

static bool
has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

/* Its memory is a copy, so that the kernel tells nobody when it ends. */
static pid_t
by_files(const struct launch *l)
{
	const struct timespec moment = { .tv_nsec = LOOK_NS };
	int *word = &l->fault->word;
	pid_t pid;

	*word = START_BEGINS;
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0L, 0L, 0L, 0L, 0L);
	if (pid == 0) {
		leave_table(l);
		say_apart(word);
		steps_run(l);
	}
	if (pid < 0)
		return -errno;
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == START_BEGINS && !has_ended(pid))
		raw_futex_wait(word, START_BEGINS, &moment);
	return pid;
}

/* In memory that is the daemon's. What it writes, besides its stack, are the word, the report, and nothing else. */
static int
run_shared(void *arg)
{
	struct start *s = arg;

	leave_table(&s->launch);
	say_apart(&s->word);
	steps_run(&s->launch);
	return 0;
}

/* Signals are blocked in the child until its exec, so that none of them has its effect on what it shares. */
static pid_t
clone_shared(struct start *s)
{
	const int flags = CLONE_VM | CLONE_FILES | CLONE_CHILD_CLEARTID | SIGCHLD;
	uint64_t before = 0;
	pid_t pid;

	raw_sigmask(SIG_BLOCK, UINT64_MAX, &before);
	pid = clone(run_shared, s->stack, flags, s, NULL, NULL, &s->word);
	if (pid < 0)
		pid = -errno;
	raw_sigmask(SIG_SETMASK, before, NULL);
	return pid;
}

/* 0: not now. */
static pid_t
by_shared(const struct launch *l)
{
	struct start *s = start_take(l->starts, l);
	pid_t pid;

	if (s == NULL)
		return 0;
	pid = clone_shared(s);
	/* One that dies has ended, which the kernel says: nobody can make this last. */
	while (pid > 0 && __atomic_load_n(&s->word, __ATOMIC_ACQUIRE) == START_BEGINS)
		raw_futex_wait(&s->word, START_BEGINS, NULL);
	start_begun(l->starts, s, pid);
	if (pid == -EPERM || pid == -EINVAL || pid == -ENOSYS) {
		starts_forbid(l->starts, "the kernel refuses it");
		return 0;
	}
	return pid;
}

/* ---- which one ---- */

/* It has to run code of the C library before its exec, or has none. */
static bool
needs_library(const struct launch *l)
{
	return l->kind != LAUNCH_PROGRAM || l->plan->path == NULL || porter_gate_is_needed(l);
}

static bool
may_leave_table(const struct launch *l)
{
	return RAW_IS_BARE && l->starts != NULL && l->plan->spawn != CONF_SPAWN_FORK &&
	       !needs_library(l) && highest_needed(l) < DESCRIPTOR_LOWEST;
}

/* Why nothing but a fork is taken; NULL: there is a choice. */
static const char *
only_by_fork(const struct plan *p)
{
	if (p->spawn == CONF_SPAWN_FORK)
		return "spawn says so";
	if (p->path == NULL)
		return "porterd serves it itself";
	return p->porter_gate != NULL ? "porter-gate is asked" : NULL;
}

const char *
launch_not_shared(const struct plan *p, const struct starts *t)
{
	const char *why = only_by_fork(p);

	if (why != NULL)
		return why;
	if (p->spawn == CONF_SPAWN_FILES)
		return "spawn says so";
	if (p->fills != NULL)
		return "its words depend on the connection";
	if (p->resets_oom_score)
		return "oom_score_adj is reset, which would be porterd's own";
	return starts_obstacle(t);
}

static bool
prefers_files(const struct plan *p)
{
	return p->spawn == CONF_SPAWN_FILES || descriptor_highest() >= MANY_DESCRIPTORS;
}

const char *
launch_way(const struct plan *p, const struct starts *t)
{
	if (launch_not_shared(p, t) == NULL)
		return "shared";
	return RAW_IS_BARE && only_by_fork(p) == NULL && prefers_files(p) ? "files" : "fork";
}

pid_t
launch_start(const struct launch *l)
{
	pid_t pid = 0;

	*l->fault = (struct launch_fault){ 0 };
	if (!may_leave_table(l))
		return by_fork(l);
	if (launch_not_shared(l->plan, l->starts) == NULL)
		pid = by_shared(l);
	if (pid != 0)
		return pid;
	return prefers_files(l->plan) ? by_files(l) : by_fork(l);
}
