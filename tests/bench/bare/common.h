/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BARE_COMMON_H
#define BENCH_BARE_COMMON_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

_Noreturn static inline void
give_up(const char *what)
{
	perror(what);
	exit(1);
}

/* A child that ends with its parent. */
static inline pid_t
fork_or_give_up(void)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	return pid;
}

#endif
