/* SPDX-License-Identifier: MIT */
/* What the workers of a service are started with, as one number: it goes where the settings themselves cannot, to another
 * binary of the daemon. */
#ifndef RUN_FINGERPRINT_H
#define RUN_FINGERPRINT_H

#include <stdint.h>

struct service;

/* Of a service with a pool. Two numbers are the same if workers of the one are as good as those of the other: plan,
 * protocol and program file; a builtin's are never those of another daemon's. */
uint64_t fingerprint(const struct service *s);

#endif
