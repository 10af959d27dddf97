/* SPDX-License-Identifier: MIT */
/* Times in memory that does not grow with their number: each is counted in a bucket that is at most 1/128 of the time
 * wide, so what is said of them is right within 0.4 %. */
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BITS    7 /* of a time that count, after its first one */
#define HISTOGRAM_STEPS   (1u << HISTOGRAM_BITS)
#define HISTOGRAM_BUCKETS ((65 - HISTOGRAM_BITS) * HISTOGRAM_STEPS)

struct histogram {
	uint64_t count;
	int64_t max_ns;
	double sum_ns;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* How many bits a time is shifted until HISTOGRAM_BITS + 1 are left. */
static inline unsigned
histogram_shift(uint64_t ns)
{
	return ns < HISTOGRAM_STEPS ? 0 : 63u - HISTOGRAM_BITS - (unsigned)__builtin_clzll(ns);
}

/* Buckets of shift 0 are 0 to 255, and each further shift has another 128. */
static inline size_t
histogram_bucket(uint64_t ns)
{
	const unsigned shift = histogram_shift(ns);

	return (size_t)shift * HISTOGRAM_STEPS + (size_t)(ns >> shift);
}

/* A time before its beginning counts as 0. */
static inline void
histogram_add(struct histogram *h, int64_t ns)
{
	const uint64_t value = ns > 0 ? (uint64_t)ns : 0;

	h->buckets[histogram_bucket(value)]++;
	h->count++;
	h->sum_ns += (double)value;
	if (ns > h->max_ns)
		h->max_ns = ns;
}

/* The middle of a bucket. */
static inline double
histogram_middle(size_t bucket)
{
	const size_t shift = bucket < 2 * HISTOGRAM_STEPS ? 0 : bucket / HISTOGRAM_STEPS - 1;
	const uint64_t first = (uint64_t)(bucket - shift * HISTOGRAM_STEPS) << shift;

	return (double)first + (double)((1ull << shift) - 1) / 2;
}

/* The time that so many in a thousand do not exceed; 0 if there are none. */
static inline double
histogram_quantile_ns(const struct histogram *h, unsigned in_1000)
{
	const uint64_t rank = (h->count * in_1000 + 999) / 1000;
	uint64_t seen = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= rank && seen > 0)
			return histogram_middle(i) < (double)h->max_ns ? histogram_middle(i)
								       : (double)h->max_ns;
	}
	return 0;
}

static inline double
histogram_mean_ns(const struct histogram *h)
{
	return h->count == 0 ? 0 : h->sum_ns / (double)h->count;
}

#endif
