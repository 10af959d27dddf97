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

#endif
