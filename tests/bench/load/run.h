/* SPDX-License-Identifier: MIT */
/* The loop over all clients, closed or open. */
#ifndef BENCH_LOAD_RUN_H
#define BENCH_LOAD_RUN_H

#include "load/client.h"
#include "load/histogram.h"

struct load {
	const struct kind *kind;
	struct target target;
	unsigned clients;
	unsigned long connections; /* to begin */
	double seconds;            /* 0: no end */
	int64_t pause_ns;
	double rate; /* a second; 0: closed loop */
	bool is_constant;
};

struct result {
	int64_t took_ns, gap_ns;
	unsigned long outcomes[OUTCOME_MAX];
	struct histogram waits, late;
	int *kept; /* descriptors, as many as are right; NULL if the kind keeps none */
};

/* Until all are done. */
void load_run(const struct load *l, struct result *result);

#endif
