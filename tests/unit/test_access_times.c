/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "policy/access_times.h"
#include "suite.h"

#define MOST_RANGES 3
#define DAY         1440u
#define AT(h, m)    ((h)*60 + (m))

static const struct {
	struct time_range ranges[MOST_RANGES];
	size_t count;
	unsigned open;          /* minutes of a day */
	unsigned in[3], out[3]; /* DAY: there is none */
} cases[] = {
	/* Both ends belong to a range. */
	{ { { AT(8, 0), AT(18, 0) } }, 1, 601, { AT(8, 0), AT(12, 30), AT(18, 0) },
	    { AT(7, 59), AT(18, 1), 0 } },
	{ { { AT(12, 0), AT(12, 0) } }, 1, 1, { AT(12, 0), AT(12, 0), AT(12, 0) },
	    { AT(11, 59), AT(12, 1), 0 } },
	/* To the end of the day, whichever way it is told. */
	{ { { AT(12, 0), AT(24, 0) } }, 1, 720, { AT(12, 0), AT(23, 59), AT(20, 0) },
	    { 0, AT(11, 59), AT(6, 0) } },
	{ { { AT(12, 0), AT(23, 59) } }, 1, 720, { AT(12, 0), AT(23, 59), AT(20, 0) },
	    { 0, AT(11, 59), AT(6, 0) } },
	{ { { 0, AT(24, 0) } }, 1, DAY, { 0, AT(12, 0), AT(23, 59) }, { DAY, DAY, DAY } },
	/* Over midnight. */
	{ { { AT(22, 0), AT(6, 0) } }, 1, 481, { AT(22, 0), 0, AT(6, 0) },
	    { AT(21, 59), AT(6, 1), AT(12, 0) } },
	{ { { AT(0, 1), 0 } }, 1, DAY, { 0, AT(0, 1), AT(23, 59) }, { DAY, DAY, DAY } },
	/* Any of several, overlapping or not. */
	{ { { 0, 0 }, { AT(8, 0), AT(9, 0) }, { AT(23, 59), AT(23, 59) } }, 3, 63,
	    { 0, AT(8, 30), AT(23, 59) }, { 1, AT(7, 59), AT(23, 58) } },
	{ { { AT(8, 0), AT(12, 0) }, { AT(10, 0), AT(14, 0) } }, 2, 361,
	    { AT(8, 0), AT(12, 0), AT(14, 0) }, { AT(7, 59), AT(14, 1), 0 } },
	{ { { AT(20, 0), AT(2, 0) }, { AT(2, 1), AT(4, 0) } }, 2, 481,
	    { AT(20, 0), AT(2, 1), AT(4, 0) }, { AT(4, 1), AT(19, 59), AT(12, 0) } },
};

static bool
is_open(int i, unsigned minute)
{
	return access_times_open(cases[i].ranges, cases[i].count, minute);
}

START_TEST(open_at_its_times_alone)
{
	unsigned open = 0;

	for (unsigned minute = 0; minute < DAY; minute++)
		open += is_open(_i, minute);
	ck_assert_uint_eq(open, cases[_i].open);
	for (size_t k = 0; k < ARRAY_LEN(cases[_i].in); k++)
		ck_assert_msg(is_open(_i, cases[_i].in[k]), "%u", cases[_i].in[k]);
	for (size_t k = 0; k < ARRAY_LEN(cases[_i].out); k++)
		ck_assert_msg(cases[_i].out[k] == DAY || !is_open(_i, cases[_i].out[k]), "%u",
		    cases[_i].out[k]);
}

END_TEST

START_TEST(without_times_always_open)
{
	for (unsigned minute = 0; minute < DAY; minute++)
		ck_assert(access_times_open(NULL, 0, minute));
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(open_at_its_times_alone, ARRAY_LEN(cases)),
		TEST(without_times_always_open),
	};

	return run_suite("access_times", tests, ARRAY_LEN(tests));
}
