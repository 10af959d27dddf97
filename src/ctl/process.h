/* SPDX-License-Identifier: MIT */
/* What a process uses, as /proc says. */
#ifndef CTL_PROCESS_H
#define CTL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_use {
	int64_t cpu_ms; /* user and system time so far */
	int64_t rss_kb; /* memory that it has in RAM */
};

/* False if there is no such process, or /proc does not tell. */
bool process_read(pid_t pid, struct process_use *use);

#endif
