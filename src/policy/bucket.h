/* SPDX-License-Identifier: MIT */
/* A token bucket. Pure: times are monotonic milliseconds. A bucket that is all zero is full. */
#ifndef POLICY_BUCKET_H
#define POLICY_BUCKET_H

#include "conf/access.h"

struct bucket {
	int64_t
	    full_ns; /* when it is full again: a token is worth a time, which may be far below a millisecond */
};

/* Takes one token; false: there is none. A rule of count 0 always has one. */
bool bucket_take(struct bucket *b, const struct rate_conf *rule, int64_t now_ms);
/* When the next token is there; now_ms or earlier: now. */
int64_t bucket_ready(const struct bucket *b, const struct rate_conf *rule, int64_t now_ms);
/* It might as well be thrown away. */
bool bucket_is_full(const struct bucket *b, int64_t now_ms);

#endif
