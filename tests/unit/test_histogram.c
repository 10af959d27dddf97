/* SPDX-License-Identifier: MIT */
/* What the clients of the benchmark count their times with. */
#include <math.h>

#include "base/array.h"
#include "bench/load/histogram.h"
#include "suite.h"

static struct histogram h;

/* Alone. */
static void
add_times(int64_t first, int64_t last, int64_t unit)
{
	h = (struct histogram){ 0 };
	for (int64_t i = first; i <= last; i++)
		histogram_add(&h, i * unit);
}

/* For times of all sizes, those beside a power of two among them. */
START_TEST(buckets_are_in_order_and_narrow)
{
	size_t last = 0;

	for (unsigned bits = 1; bits < 64; bits++)
		for (int64_t step = -2; step <= 2; step++) {
			const uint64_t ns =
			    (1ull << bits) + (uint64_t)(step * (int64_t)((1ull << bits) / 300));
			const size_t bucket = histogram_bucket(ns);

			ck_assert_uint_lt(bucket, HISTOGRAM_BUCKETS);
			ck_assert_uint_ge(bucket, last);
			last = bucket;
			ck_assert_double_le(
			    fabs(histogram_middle(bucket) - (double)ns), 0.004 * (double)ns);
		}
}

END_TEST

START_TEST(small_times_are_exact)
{
	for (uint64_t ns = 0; ns < 256; ns++)
		ck_assert_double_eq(histogram_middle(histogram_bucket(ns)), (double)ns);
}

END_TEST

START_TEST(quantiles_are_those_of_the_times)
{
	add_times(1, 10000, 1000);
	ck_assert_double_eq_tol(histogram_quantile_ns(&h, 500), 5e6, 2e4);
	ck_assert_double_eq_tol(histogram_quantile_ns(&h, 900), 9e6, 3.6e4);
	ck_assert_double_eq_tol(histogram_quantile_ns(&h, 999), 9.99e6, 4e4);
	ck_assert_double_eq_tol(histogram_mean_ns(&h), 5000500, 0.5);
	ck_assert_int_eq(h.max_ns, 10000000);
}

END_TEST

START_TEST(one_slow_of_a_thousand_is_above_p99)
{
	add_times(1, 999, 1);
	histogram_add(&h, 1000000000);
	ck_assert_double_lt(histogram_quantile_ns(&h, 999), 1000);
	ck_assert_double_eq_tol(histogram_quantile_ns(&h, 1000), 1e9, 4e6);
}

END_TEST

START_TEST(no_quantile_exceeds_the_longest_time)
{
	add_times(1, 1, 1000000001);
	ck_assert_double_le(histogram_quantile_ns(&h, 500), 1000000001);
	ck_assert_double_gt(histogram_quantile_ns(&h, 500), 996000000);
}

END_TEST

START_TEST(nothing_and_times_before_the_beginning_are_zero)
{
	add_times(1, 0, 1);
	ck_assert_double_eq(histogram_quantile_ns(&h, 500), 0);
	ck_assert_double_eq(histogram_mean_ns(&h), 0);
	histogram_add(&h, -5);
	ck_assert_uint_eq(h.count, 1);
	ck_assert_double_eq(histogram_quantile_ns(&h, 999), 0);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(buckets_are_in_order_and_narrow),
		TEST(small_times_are_exact),
		TEST(quantiles_are_those_of_the_times),
		TEST(one_slow_of_a_thousand_is_above_p99),
		TEST(no_quantile_exceeds_the_longest_time),
		TEST(nothing_and_times_before_the_beginning_are_zero),
	};

	return run_suite("histogram", tests, ARRAY_LEN(tests));
}
