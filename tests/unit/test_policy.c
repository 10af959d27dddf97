/* SPDX-License-Identifier: MIT */
#include <limits.h>

#include "base/mem.h"
#include "policy/admit.h"
#include "policy/throttle.h"
#include "suite.h"

static const struct {
	struct admit_limits limits;
	struct admit_load load;
	enum verdict verdict;
} cases[] = {
	{ { 5, 10 }, { 0, 0, false }, VERDICT_OK },
	{ { 5, 10 }, { 4, 9, false }, VERDICT_OK },
	{ { 5, 10 }, { 5, 5, false }, VERDICT_SERVICE_LIMIT },
	{ { 5, 10 }, { 6, 6, false }, VERDICT_SERVICE_LIMIT }, /* the limit was lowered */
	{ { 5, 10 }, { 0, 10, false }, VERDICT_PROCESS_LIMIT },
	{ { 5, 10 }, { 5, 10, false }, VERDICT_SERVICE_LIMIT },
	{ { 5, 10 }, { 5, 10, true }, VERDICT_SERVICE_LIMIT },
	{ { 5, 10 }, { 0, 10, true }, VERDICT_PROCESS_LIMIT },
	{ { 5, 10 }, { 0, 0, true }, VERDICT_EXEC },
	{ { UINT_MAX, UINT_MAX }, { 100000, 200000, false }, VERDICT_OK },
	{ { 1, UINT_MAX }, { 1, 1, false }, VERDICT_SERVICE_LIMIT },
};

START_TEST(admission)
{
	ck_assert_int_eq(admit(&cases[_i].limits, &cases[_i].load), cases[_i].verdict);
}

END_TEST

/* Scripts and fail2ban's filters look for these words. */
static const struct {
	enum verdict verdict;
	const char *reason;
} words[] = {
	{ VERDICT_OK, "ok" },
	/* As xinetd has them. */
	{ VERDICT_SERVICE_LIMIT, "service_limit" },
	{ VERDICT_PROCESS_LIMIT, "process_limit" },
	{ VERDICT_SOURCE_LIMIT, "per_source_limit" },
	{ VERDICT_ADDRESS, "address" },
	{ VERDICT_TIME, "time" },
	{ VERDICT_LOAD, "load" },
	{ VERDICT_CPS, "connections per second" },
	{ VERDICT_LIBWRAP, "libwrap" },
	/* Others. */
	{ VERDICT_EXEC, "exec" },
	{ VERDICT_LATER, "worker" },
	{ VERDICT_BANNED, "banned" },
	{ VERDICT_SENSOR, "sensor" },
	{ VERDICT_RATE, "rate" },
	{ VERDICT_SOURCE_RATE, "rate_per_source" },
};

_Static_assert(ARRAY_LEN(words) == VERDICT_MAX, "every verdict is tried");

START_TEST(reasons_are_those_of_log_readers)
{
	ck_assert_str_eq(verdict_reason(words[_i].verdict), words[_i].reason);
}

END_TEST

START_TEST(no_two_verdicts_share_a_word)
{
	for (unsigned i = 0; i < VERDICT_MAX; i++)
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(verdict_reason(i), verdict_reason(k));
}

END_TEST

static const struct throttle_rule rule = {
	.max_failures = 3, .window_ms = 1000, .first_ms = 100, .longest_ms = 350
};

START_TEST(failures_within_the_window_open_a_pause)
{
	struct throttle t = { 0 };

	ck_assert(!throttle_pauses(&t, 5000));
	ck_assert(!throttle_failed(&t, &rule, 5000));
	ck_assert(!throttle_failed(&t, &rule, 5500));
	ck_assert(!throttle_pauses(&t, 5500));
	ck_assert(throttle_failed(&t, &rule, 5999));
	ck_assert_int_eq(t.until_ms, 6099);
	ck_assert(throttle_pauses(&t, 5999));
	ck_assert(throttle_pauses(&t, 6098));
	ck_assert(!throttle_pauses(&t, 6099));
}

END_TEST

START_TEST(failures_far_apart_open_none)
{
	struct throttle t = { 0 };

	for (int64_t now_ms = 0; now_ms < 100000; now_ms += 500)
		ck_assert(!throttle_failed(&t, &rule, now_ms));
}

END_TEST

static void
open_first_pause(struct throttle *t, int64_t now_ms)
{
	ck_assert(!throttle_failed(t, &rule, now_ms));
	ck_assert(!throttle_failed(t, &rule, now_ms));
	ck_assert(throttle_failed(t, &rule, now_ms));
}

START_TEST(pause_doubles_while_failures_go_on)
{
	static const int64_t lengths[] = { 100, 200, 350, 350, 350 };
	struct throttle t = { 0 };
	int64_t now_ms = 0;

	open_first_pause(&t, now_ms);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		ck_assert_int_eq(t.until_ms - now_ms, lengths[i]);
		now_ms = t.until_ms + 10;
		ck_assert(!throttle_pauses(&t, now_ms));
		ck_assert(throttle_failed(&t, &rule, now_ms));
	}
}

END_TEST

START_TEST(failure_during_a_pause_changes_nothing)
{
	struct throttle t = { 0 };

	open_first_pause(&t, 0);
	for (unsigned i = 0; i < 10; i++)
		ck_assert(!throttle_failed(&t, &rule, 50));
	ck_assert_int_eq(t.until_ms, 100);
	ck_assert_int_eq(t.backoff_ms, 100);
}

END_TEST

START_TEST(quiet_window_after_a_pause_ends_the_back_off)
{
	struct throttle t = { 0 };

	open_first_pause(&t, 0);
	ck_assert(!throttle_failed(&t, &rule, 100 + 1000));
	ck_assert(!throttle_failed(&t, &rule, 1100));
	ck_assert(throttle_failed(&t, &rule, 1100));
	ck_assert_int_eq(t.until_ms, 1200);
}

END_TEST

START_TEST(success_ends_the_back_off)
{
	struct throttle t = { 0 };

	open_first_pause(&t, 0);
	throttle_succeeded(&t);
	ck_assert(!throttle_pauses(&t, 0));
	open_first_pause(&t, 10);
	ck_assert_int_eq(t.until_ms, 110);
	t = (struct throttle){ 0 };
	ck_assert(!throttle_failed(&t, &rule, 0));
	ck_assert(!throttle_failed(&t, &rule, 0));
	throttle_succeeded(&t);
	ck_assert(!throttle_failed(&t, &rule, 0));
	ck_assert(!throttle_failed(&t, &rule, 0));
}

END_TEST

START_TEST(rule_of_no_failures_never_pauses)
{
	const struct throttle_rule never = {
		.window_ms = 1000, .first_ms = 100, .longest_ms = 100
	};
	struct throttle t = { 0 };

	for (unsigned i = 0; i < 100; i++)
		ck_assert(!throttle_failed(&t, &never, 0));
}

END_TEST

START_TEST(f8_clock_that_jumps)
{
	const int64_t day_ms = 86400000;
	struct throttle t = { 0 };

	/* Forward: the pause is over, and the failures of yesterday count no more. */
	open_first_pause(&t, day_ms);
	ck_assert(!throttle_pauses(&t, 2 * day_ms));
	ck_assert(!throttle_failed(&t, &rule, 2 * day_ms));
	ck_assert(!throttle_failed(&t, &rule, 2 * day_ms));
	/* Back: a new window; a pause that now ends in the far future is none. */
	ck_assert(!throttle_failed(&t, &rule, day_ms));
	ck_assert(!throttle_failed(&t, &rule, day_ms));
	ck_assert(throttle_failed(&t, &rule, day_ms));
	ck_assert(throttle_pauses(&t, day_ms));
	ck_assert(!throttle_pauses(&t, 0));
	ck_assert(!throttle_failed(&t, &rule, 0));
}

END_TEST

START_TEST(longest_pause_of_any_length)
{
	const struct throttle_rule endless = { 1, 1000, 1, INT64_MAX / 4 };
	struct throttle t = { 0 };
	int64_t before = 0;

	for (unsigned i = 0; i < 70; i++) {
		t.until_ms = 0; /* the pause is over */
		ck_assert(throttle_failed(&t, &endless, 0));
		ck_assert_int_ge(t.backoff_ms, before);
		ck_assert_int_le(t.backoff_ms, endless.longest_ms);
		before = t.backoff_ms;
	}
	ck_assert_int_eq(t.backoff_ms, endless.longest_ms);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(admission, ARRAY_LEN(cases)),
	TEST_LOOP(reasons_are_those_of_log_readers, ARRAY_LEN(words)),
	TEST(no_two_verdicts_share_a_word),
	TEST(failures_within_the_window_open_a_pause),
	TEST(failures_far_apart_open_none),
	TEST(pause_doubles_while_failures_go_on),
	TEST(failure_during_a_pause_changes_nothing),
	TEST(quiet_window_after_a_pause_ends_the_back_off),
	TEST(success_ends_the_back_off),
	TEST(rule_of_no_failures_never_pauses),
	TEST(f8_clock_that_jumps),
	TEST(longest_pause_of_any_length),
};

int
main(void)
{
	return run_suite("policy", tests, ARRAY_LEN(tests));
}
