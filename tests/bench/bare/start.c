/* SPDX-License-Identifier: MIT */
#include "bare/start.h"

#include <linux/close_range.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/raw.h"

#define STACKS     64
#define STACK_SIZE 16384

/* What the word of a start holds; the last one is written by the kernel, at the exec or at the end. */
enum progress {
	PROGRESS_GONE,
	PROGRESS_BEGUN,
	PROGRESS_HAS_TABLE,
};

struct start {
	int progress;
	int conn;
	const struct program *program;
};

/* What a stack ends with is not its start's: stacks grow downwards. */
union stack {
	struct start start;
	char bytes[STACK_SIZE];
};

static union stack stacks[STACKS] __attribute__((aligned(64)));

/* By system calls alone, as the memory may be that of the parent. */
static void
become(const struct program *p, int conn)
{
	for (int fd = 0; fd <= 2; fd++)
		raw_dup2(conn, fd);
	raw_setsid();
	if (p->has_user && (raw_setgroups(1, &p->gid) < 0 || raw_setresgid(p->gid) < 0 ||
			       raw_setresuid(p->uid) < 0))
		raw_exit(126);
	raw_sigmask(SIG_SETMASK, 0, NULL);
	raw_execve(p->argv[0], p->argv, environ);
	raw_exit(127);
}

pid_t
start_by_fork(const struct program *p, int conn)
{
	pid_t pid = fork();

	if (pid == 0)
		become(p, conn);
	return pid;
}

pid_t
start_by_vfork(const struct program *p, int conn)
{
	pid_t pid = vfork();

	if (pid == 0)
		become(p, conn);
	return pid;
}

/* Of what the parent has open the child keeps a copy up to its connection; what the parent opens and closes later it does
 * not see. */
static void
take_own_table(struct start *s)
{
	raw_close_range((unsigned)s->conn + 1, ~0u, CLOSE_RANGE_UNSHARE);
	__atomic_store_n(&s->progress, PROGRESS_HAS_TABLE, __ATOMIC_RELEASE);
	raw_futex_wake(&s->progress);
}

static void
await_own_table(const struct start *s)
{
	while (__atomic_load_n(&s->progress, __ATOMIC_ACQUIRE) == PROGRESS_BEGUN)
		raw_futex_wait(&s->progress, PROGRESS_BEGUN, NULL);
}

pid_t
start_with_files(const struct program *p, int conn)
{
	static struct start *s;
	pid_t pid;

	if (s == NULL)
		s = mmap(
		    NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return -1;
	*s = (struct start){ PROGRESS_BEGUN, conn, p };
	pid = (pid_t)raw_call(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0);
	if (pid == 0) {
		take_own_table(s);
		become(p, conn);
	}
	if (pid > 0)
		await_own_table(s);
	return pid;
}

/* One whose child is gone from this memory. */
static union stack *
take_stack(void)
{
	static unsigned next;
	union stack *stack = &stacks[next++ % STACKS];
	int progress;

	while (
	    (progress = __atomic_load_n(&stack->start.progress, __ATOMIC_ACQUIRE)) != PROGRESS_GONE)
		raw_futex_wait(&stack->start.progress, progress, NULL);
	return stack;
}

static int
run_shared(void *arg)
{
	struct start *s = arg;

	take_own_table(s);
	become(s->program, s->conn);
	return 0;
}

pid_t
start_with_shared(const struct program *p, int conn)
{
	union stack *stack = take_stack();
	struct start *s = &stack->start;
	pid_t pid;

	*s = (struct start){ PROGRESS_BEGUN, conn, p };
	pid = clone(run_shared, stack + 1, CLONE_VM | CLONE_FILES | CLONE_CHILD_CLEARTID | SIGCHLD,
	    s, NULL, NULL, &s->progress);
	if (pid > 0)
		await_own_table(s);
	return pid;
}
