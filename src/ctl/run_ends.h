/* SPDX-License-Identifier: MIT */
/* A connection whose both ends are here: one for a program, one for us as its client. */
#ifndef CTL_RUN_ENDS_H
#define CTL_RUN_ENDS_H

#include <jansson.h>
#include <stdbool.h>

struct run_ends {
	int ours, theirs; /* -1: not there */
	bool is_datagram; /* has no end that could be told */
};

/* As the service has it: over loopback, or between unix sockets; theirs listens where the program accepts by itself. service:
 * as "show" describes it. 0, or -errno. */
int run_ends_open(struct run_ends *e, const json_t *service);
void run_ends_close(struct run_ends *e);

#endif
