/* SPDX-License-Identifier: MIT */
/* Numbers that look random and are the same in every run: xorshift. */
#ifndef BENCH_LOAD_RANDOM_H
#define BENCH_LOAD_RANDOM_H

#include <stdint.h>

static inline uint64_t
random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Above 0 and at most 1. */
static inline double
random_share(uint64_t *state)
{
	return (double)((random_next(state) >> 11) + 1) / (double)(1ull << 53);
}

#endif
