/* SPDX-License-Identifier: MIT */
/* Makes one process as the daemon does with spawn = shared, and prints "shared" if that process could write into this one's memory. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Another process changes both. */
static volatile int is_written, word = 1;
static _Alignas(16) char stack[65536];

static int
write_it(void *arg)
{
	(void)arg;
	is_written = 1;
	return 0;
}

int
main(void)
{
	const int flags = CLONE_VM | CLONE_FILES | CLONE_CHILD_CLEARTID | SIGCHLD;
	pid_t pid = clone(write_it, stack + sizeof(stack), flags, NULL, NULL, NULL, &word);

	if (pid < 0 || waitpid(pid, NULL, 0) != pid) {
		puts(strerror(errno));
		return 1;
	}
	puts(is_written == 1 && word == 0 ? "shared" : "not shared");
	return 0;
}
