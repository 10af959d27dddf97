/* SPDX-License-Identifier: MIT */
/* What the services did between two looks. */
#ifndef CTL_TOP_ROWS_H
#define CTL_TOP_ROWS_H

#include "ctl/call.h"

enum top_sort {
	TOP_BY_NAME,
	TOP_BY_RUNNING,
	TOP_BY_ACCEPTED,
	TOP_BY_REFUSED,
	TOP_BY_CPU,
	TOP_BY_MEMORY,
	TOP_SORTS
};

struct top_row {
	char *id, *key; /* key: the id and an address, for services of the same id */
	char *state;
	long long running, processes, queued;
	long long accepted, refused, failed;             /* so far */
	double accepted_rate, refused_rate, failed_rate; /* a second; 0 at the first look */
	double cpu; /* processors in use, 1 for a whole one; of processes that run */
	long long rss_kb;
};

/* A process at the last look. */
struct top_process {
	long long pid;
	int64_t cpu_ms;
};

/* One look. */
struct top {
	json_t *status; /* of the daemon */
	struct top_row *row;
	size_t rows;
	struct top_process *process; /* by pid */
	size_t processes;
	int64_t at_ms; /* monotonic; 0: there was none yet */
};

/* Asks the daemon and /proc; rates are those since the look before, which may be an empty one. An exit status. */
int top_look(struct call *c, const struct top *before, struct top *now);
void top_done(struct top *t);
/* The greatest first, names from a to z; equal ones by name. */
void top_sort(struct top *t, enum top_sort by);

#endif
