/* SPDX-License-Identifier: MIT */
#include <limits.h>

#include "base/mem.h"
#include "policy/bucket.h"
#include "suite.h"

#define SECOND_MS 1000
#define DAY_MS    (INT64_C(24) * 3600 * SECOND_MS)
/* Any time but 0. */
#define START_MS  (3 * DAY_MS + 7)

/* How many are there at once. */
static unsigned
take_all(struct bucket *b, const struct rate_conf *rule, int64_t now_ms)
{
	unsigned count = 0;

	while (count < 1000000 && bucket_take(b, rule, now_ms))
		count++;
	return count;
}

static const struct rate_conf rules[] = {
	{ 1, SECOND_MS, 1 },
	{ 1, SECOND_MS, 5 },
	{ 10, SECOND_MS, 1 },
	{ 10, SECOND_MS, 20 },
	{ 3, SECOND_MS, 2 },          /* a third of a second */
	{ 1000, SECOND_MS, 1000 },    /* one a millisecond */
	{ 5000, SECOND_MS, 100 },     /* several a millisecond */
	{ 7, 60 * SECOND_MS, 3 },     /* a minute */
	{ 100, 3600 * SECOND_MS, 1 }, /* an hour */
	{ 1, DAY_MS, 10 },
	{ 999999, SECOND_MS, 1 },
};

START_TEST(a_new_bucket_holds_a_burst)
{
	struct bucket b = { 0 };

	ck_assert(bucket_is_full(&b, START_MS));
	ck_assert_uint_eq(take_all(&b, &rules[_i], START_MS), rules[_i].burst);
	ck_assert(!bucket_is_full(&b, START_MS));
	ck_assert(!bucket_take(&b, &rules[_i], START_MS));
}

END_TEST

START_TEST(it_is_full_again_after_a_rest)
{
	const struct rate_conf *rule = &rules[_i];
	int64_t full_ms = (rule->period_ms * rule->burst + rule->count - 1) / rule->count;
	struct bucket b = { 0 };

	take_all(&b, rule, START_MS);
	ck_assert(!bucket_is_full(&b, START_MS + full_ms - 1));
	ck_assert(bucket_is_full(&b, START_MS + full_ms));
	ck_assert_uint_eq(take_all(&b, rule, START_MS + full_ms), rule->burst);
	ck_assert_uint_eq(take_all(&b, rule, START_MS + 1000 * full_ms), rule->burst);
}

END_TEST

/* In a long time as many as the rate says, and the burst; asking in vain costs nothing. */
START_TEST(in_the_long_run_the_rate_holds)
{
	const struct rate_conf *rule = &rules[_i];
	int64_t step_ms = rule->period_ms / 1000;
	struct bucket b = { 0 };
	uint64_t taken = 0, most;

	for (unsigned i = 0; i <= 10000; i++)
		taken += take_all(&b, rule, START_MS + i * step_ms);
	most = 10 * (uint64_t)rule->count + rule->burst;
	ck_assert_uint_le(taken, most);
	/* Those between two steps are lost where a burst is less than what a step brings. */
	if (rule->burst >= rule->count / 1000 + 1)
		ck_assert_uint_ge(taken, most - 1);
}

END_TEST

START_TEST(ready_is_when_the_next_one_is_there)
{
	const struct rate_conf *rule = &rules[_i];
	struct bucket b = { 0 };
	int64_t ready_ms, now_ms = START_MS;

	ck_assert_int_le(bucket_ready(&b, rule, now_ms), now_ms);
	for (unsigned i = 0; i < 100; i++) {
		take_all(&b, rule, now_ms);
		ready_ms = bucket_ready(&b, rule, now_ms);
		ck_assert_int_gt(ready_ms, now_ms);
		ck_assert(!bucket_take(&b, rule, ready_ms - 1));
		ck_assert_int_eq(bucket_ready(&b, rule, ready_ms - 1), ready_ms);
		ck_assert_int_eq(bucket_ready(&b, rule, ready_ms), ready_ms);
		ck_assert_int_le(bucket_ready(&b, rule, ready_ms + DAY_MS), ready_ms + DAY_MS);
		ck_assert(bucket_take(&b, rule, ready_ms));
		now_ms = ready_ms + i;
	}
}

END_TEST

START_TEST(a_count_of_zero_is_no_limit)
{
	const struct rate_conf never = { 0, SECOND_MS, 1 }, nothing = { 0 };
	struct bucket b = { 0 };

	for (unsigned i = 0; i < 100; i++) {
		ck_assert(bucket_take(&b, &never, START_MS));
		ck_assert(bucket_take(&b, &nothing, START_MS));
	}
	ck_assert_int_eq(bucket_ready(&b, &never, START_MS), START_MS);
	ck_assert(bucket_is_full(&b, START_MS));
}

END_TEST

START_TEST(f8_a_bucket_is_never_emptier_than_empty)
{
	const struct rate_conf slow = { 1, DAY_MS, 10 }, fast = { 10, SECOND_MS, 2 };
	struct bucket b = { 0 };

	/* Another rule, after a reload: what is missing is worth no more than its own burst. */
	take_all(&b, &slow, START_MS);
	ck_assert_int_eq(bucket_ready(&b, &fast, START_MS), START_MS + 100);
	ck_assert(bucket_take(&b, &fast, START_MS + 10 * DAY_MS));
	/* And a clock that went back. */
	b = (struct bucket){ 0 };
	take_all(&b, &fast, START_MS);
	ck_assert(!bucket_take(&b, &fast, 1));
	ck_assert_int_eq(bucket_ready(&b, &fast, 1), 101);
}

END_TEST

START_TEST(rules_without_end_do_not_overflow)
{
	static const struct rate_conf extremes[] = {
		{ 1, INT64_MAX, UINT_MAX },
		{ UINT_MAX, 1, UINT_MAX },
		{ UINT_MAX, INT64_MAX, 1 },
		{ 1, 1, UINT_MAX },
		{ 1, DAY_MS, UINT_MAX },
	};
	struct bucket b = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(extremes); i++)
		for (unsigned k = 0; k < 3; k++) {
			bucket_take(&b, &extremes[i], START_MS);
			ck_assert_int_ge(bucket_ready(&b, &extremes[i], START_MS), START_MS);
		}
	b = (struct bucket){ 0 };
	ck_assert_uint_eq(take_all(&b, &extremes[3], START_MS), 1000000);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(a_new_bucket_holds_a_burst, ARRAY_LEN(rules)),
		TEST_LOOP(it_is_full_again_after_a_rest, ARRAY_LEN(rules)),
		TEST_LOOP(in_the_long_run_the_rate_holds, ARRAY_LEN(rules)),
		TEST_LOOP(ready_is_when_the_next_one_is_there, ARRAY_LEN(rules)),
		TEST(a_count_of_zero_is_no_limit),
		TEST(f8_a_bucket_is_never_emptier_than_empty),
		TEST(rules_without_end_do_not_overflow),
	};

	return run_suite("bucket", tests, ARRAY_LEN(tests));
}
