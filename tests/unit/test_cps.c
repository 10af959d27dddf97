/* SPDX-License-Identifier: MIT */
#include <limits.h>

#include "base/mem.h"
#include "policy/cps.h"
#include "suite.h"

/* Any time but 0. */
#define START_MS 123456789

/* So many connections each so long after the first one. The last of them all trips, if the case says so, and no other. */
struct step {
	unsigned count;
	int64_t at_ms;
};

static const struct {
	struct cps_conf rule;
	struct step steps[6];
	bool trips;
} cases[] = {
	/* Within the first second. */
	{ { 5, 10 }, { { 5, 0 } }, false },
	{ { 5, 10 }, { { 6, 0 } }, true },
	{ { 5, 10 }, { { 5, 0 }, { 1, 999 } }, true },
	{ { 5, 10 }, { { 1, 0 }, { 4, 500 }, { 1, 999 } }, true },
	/* Less than two seconds are one. */
	{ { 5, 10 }, { { 5, 0 }, { 1, 1999 } }, true },
	{ { 5, 10 }, { { 4, 0 }, { 1, 1999 } }, false },
	/* Later the average counts, its fraction dropped. */
	{ { 5, 10 }, { { 5, 0 }, { 6, 2000 } }, false },
	{ { 5, 10 }, { { 5, 0 }, { 7, 2000 } }, true },
	{ { 5, 10 }, { { 1, 0 }, { 22, 4999 } }, false },
	{ { 5, 10 }, { { 1, 0 }, { 23, 4999 } }, true },
	/* The window is as many seconds as the rule says connections. */
	{ { 5, 10 }, { { 5, 0 }, { 5, 5000 } }, false },
	{ { 5, 10 }, { { 5, 0 }, { 6, 5000 } }, true },
	{ { 5, 10 }, { { 5, 0 }, { 5, 5000 }, { 5, 10000 }, { 5, 15000 }, { 5, 86400000 } },
	    false },
	{ { 2, 10 }, { { 2, 0 }, { 2, 2000 }, { 2, 4000 } }, false },
	{ { 2, 10 }, { { 2, 0 }, { 2, 2000 }, { 1, 3999 } }, true },
	/* One a second: each second stands alone. */
	{ { 1, 10 }, { { 1, 0 }, { 1, 1000 }, { 1, 2000 } }, false },
	{ { 1, 10 }, { { 1, 0 }, { 1, 1000 }, { 1, 1999 } }, true },
	/* No limit. */
	{ { 0, 10 }, { { 1000, 0 } }, false },
	{ { 0, 0 }, { { 1000, 0 } }, false },
	{ { UINT_MAX, 10 }, { { 1000, 0 }, { 1000, 1000000000 } }, false },
};

START_TEST(too_many_trip)
{
	const struct cps_conf *rule = &cases[_i].rule;
	struct cps c = { 0 };
	unsigned last = 0;

	while (last + 1 < ARRAY_LEN(cases[_i].steps) && cases[_i].steps[last + 1].count > 0)
		last++;
	for (unsigned i = 0; i <= last; i++) {
		const struct step *step = &cases[_i].steps[i];

		for (unsigned k = 1; k <= step->count; k++) {
			bool is_last = i == last && k == step->count;

			ck_assert_int_eq(cps_trips(&c, rule, START_MS + step->at_ms),
			    is_last && cases[_i].trips);
			ck_assert_int_eq(
			    cps_pauses(&c, START_MS + step->at_ms), is_last && cases[_i].trips);
		}
	}
	if (cases[_i].trips)
		ck_assert_int_eq(c.until_ms,
		    START_MS + cases[_i].steps[last].at_ms + 1000 * (int64_t)rule->pause_s);
}

END_TEST

START_TEST(a_pause_has_an_end_and_a_new_beginning)
{
	const struct cps_conf rule = { 2, 3 };
	struct cps c = { 0 };
	int64_t now_ms = START_MS;

	ck_assert(!cps_pauses(&c, now_ms));
	for (unsigned i = 0; i < 5; i++) {
		ck_assert(!cps_trips(&c, &rule, now_ms));
		ck_assert(!cps_trips(&c, &rule, now_ms));
		ck_assert(cps_trips(&c, &rule, now_ms));
		ck_assert_int_eq(c.until_ms, now_ms + 3000);
		ck_assert(cps_pauses(&c, now_ms));
		ck_assert(cps_pauses(&c, now_ms + 2999));
		now_ms = c.until_ms;
		ck_assert(!cps_pauses(&c, now_ms));
	}
}

END_TEST

START_TEST(who_comes_during_a_pause_makes_it_no_longer)
{
	const struct cps_conf rule = { 1, 60 };
	struct cps c = { 0 };

	ck_assert(!cps_trips(&c, &rule, START_MS));
	ck_assert(cps_trips(&c, &rule, START_MS));
	for (int64_t ms = 0; ms < 60000; ms += 100)
		ck_assert(cps_trips(&c, &rule, START_MS + ms));
	ck_assert_int_eq(c.until_ms, START_MS + 60000);
	ck_assert(!cps_trips(&c, &rule, START_MS + 60000));
}

END_TEST

START_TEST(a_pause_of_no_time_refuses_one)
{
	const struct cps_conf rule = { 1, 0 };
	struct cps c = { 0 };

	ck_assert(!cps_trips(&c, &rule, START_MS));
	ck_assert(cps_trips(&c, &rule, START_MS));
	ck_assert(!cps_pauses(&c, START_MS));
	ck_assert(!cps_trips(&c, &rule, START_MS));
}

END_TEST

START_TEST(f8_clock_that_went_back)
{
	const struct cps_conf rule = { 2, 3 };
	struct cps c = { 0 };

	ck_assert(!cps_trips(&c, &rule, START_MS));
	ck_assert(!cps_trips(&c, &rule, START_MS));
	ck_assert(!cps_trips(&c, &rule, 1));
	ck_assert(!cps_trips(&c, &rule, 1));
	ck_assert(cps_trips(&c, &rule, 1));
	ck_assert_int_eq(c.until_ms, 3001);
}

END_TEST

START_TEST(longest_pause)
{
	const struct cps_conf rule = { 1, UINT_MAX };
	struct cps c = { 0 };

	ck_assert(!cps_trips(&c, &rule, START_MS));
	ck_assert(cps_trips(&c, &rule, START_MS));
	ck_assert(cps_pauses(&c, START_MS + 1000 * (int64_t)UINT_MAX - 1));
	ck_assert(!cps_pauses(&c, START_MS + 1000 * (int64_t)UINT_MAX));
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(too_many_trip, ARRAY_LEN(cases)),
		TEST(a_pause_has_an_end_and_a_new_beginning),
		TEST(who_comes_during_a_pause_makes_it_no_longer),
		TEST(a_pause_of_no_time_refuses_one),
		TEST(f8_clock_that_went_back),
		TEST(longest_pause),
	};

	return run_suite("cps", tests, ARRAY_LEN(tests));
}
