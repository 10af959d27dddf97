/* SPDX-License-Identifier: MIT */
/* What is counted for each service since the daemon started. */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdint.h>

struct counters {
	uint64_t
	    accepted;     /* connections taken from the kernel, and starts of wait = yes programs */
	uint64_t started; /* programs started */
	uint64_t answered; /* served by the daemon itself without a process */
	uint64_t refused;  /* closed because of a limit */
	uint64_t failed;   /* could not be started: fork or a step up to exec */
	uint64_t aborted;  /* gone before they were served */
	uint64_t ended;    /* programs that ended */
};

/* The same for the pool of a service. */
struct pool_counters {
	uint64_t started, ended; /* workers */
	uint64_t failed;         /* of those, ended unasked and without having taken a connection */
	uint64_t handed;         /* connections sent to a worker, each time */
	uint64_t again;          /* that came back, and went to another */
	uint64_t given_up;       /* that came back too often */
	uint64_t served;         /* that a worker has finished */
	uint64_t lost;           /* whose worker ended before it had */
	uint64_t timed_out;      /* workers that kept one too long */
	uint64_t stray;          /* replies that nobody had asked for */
};

#endif
