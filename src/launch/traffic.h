/* SPDX-License-Identifier: MIT */
/* What the kernel has counted of a TCP connection. */
#ifndef LAUNCH_TRAFFIC_H
#define LAUNCH_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

struct traffic {
	uint64_t in, out; /* bytes that came from the client, and that were written to it */
};

/* False where nobody counts: other kinds of socket, a kernel that is too old. */
bool traffic_read(int fd, struct traffic *t);

#endif
