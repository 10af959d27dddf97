/* SPDX-License-Identifier: MIT */
/* What is counted for each service since the daemon started. */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdint.h>

/* Reasons for a refusal, by enum verdict. */
#define COUNTERS_REASONS 16
/* Different exit statuses and signals that are counted one by one; what comes after that many is counted together. */
#define COUNTERS_ENDS    8

/* Upper bounds of the buckets but the last, in microseconds: 100 us, 316 us, 1 ms … 10 s, 100 s, 1000 s. */
#define HISTOGRAM_BOUNDS 12

struct histogram {
	uint64_t bucket[HISTOGRAM_BOUNDS + 1]; /* not cumulative */
	uint64_t sum_us;
};

extern const uint64_t histogram_bounds_us[HISTOGRAM_BOUNDS];

void histogram_add(struct histogram *h, int64_t us); /* below 0 counts as 0 */
uint64_t histogram_count(const struct histogram *h);

/* Behind all exit statuses. */
#define ENDS_SIGNAL 256

/* How programs have ended: code as of wait(2), an exit status or ENDS_SIGNAL + signal. */
struct ends {
	struct __attribute__((packed, aligned(2))) { /* without a gap: every service has them */
		uint16_t code;
		uint64_t count;
	} each[COUNTERS_ENDS]; /* count 0: free */

	uint64_t others;
};

void ends_add(struct ends *e, int wait_status);

struct counters {
	uint64_t
	    accepted;     /* connections taken from the kernel, and starts of wait = yes programs */
	uint64_t started; /* programs started */
	uint64_t answered;                  /* served by the daemon itself without a process */
	uint64_t refused[COUNTERS_REASONS]; /* closed because of a limit, by enum verdict */
	uint64_t failed;                    /* could not be started: fork or a step up to exec */
	uint64_t aborted;                   /* gone before they were served */
	uint64_t ended;                     /* programs that ended */
	uint64_t
	    cpu_us; /* user and system time of those, and of their children that they waited for */
	uint64_t bytes_in, bytes_out; /* where they are known */
	int64_t
	    latest_ms; /* when the latest connection came, in milliseconds since 1970; 0: none yet */
	struct ends ends;
	struct histogram start; /* from accept until the program is started or the worker has it */
	struct histogram session; /* from then until its end */
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

uint64_t counters_refused(const struct counters *c); /* for all reasons */
/* Adds what is counted of connections and programs: no times, ends or histograms. */
void counters_add(struct counters *to, const struct counters *c);

#endif
