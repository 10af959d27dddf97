/* SPDX-License-Identifier: MIT */
/* From fork to exec: a table of steps, system calls only. */
#ifndef RUN_LAUNCH_H
#define RUN_LAUNCH_H

#include <sys/types.h>

#include "run/plan.h"

/* Written by the child into memory shared with the daemon when a step fails, read when the child is reaped. */
struct launch_fault {
	int step;  /* number of the step + 1; 0: none failed */
	int error; /* errno */
};

struct launch {
	const struct plan *plan;
	int fd;     /* becomes descriptors 0 and 1 */
	int err_fd; /* becomes descriptor 2; -1: fd */
	char *const *env;
	struct launch_fault *fault;
};

/* The exit status of a child in which a step failed. */
#define LAUNCH_EXIT 126

/* Starts the program by fork(2). Its pid, or -errno of fork. The caller keeps the descriptors. */
pid_t launch_fork(const struct launch *l);
/* The name of a failed step, e.g. "exec", "groups", "chroot". */
const char *launch_step_name(const struct launch_fault *fault);

#endif
