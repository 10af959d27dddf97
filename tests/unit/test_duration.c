/* SPDX-License-Identifier: MIT */
#include "ctl/duration.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/array.h"
#include "suite.h"

static const struct {
	const char *text;
	int result;
	int64_t seconds;
} parsed[] = {
	{ "90", 0, 90 },
	{ "90s", 0, 90 },
	{ "10m", 0, 600 },
	{ "2h", 0, 7200 },
	{ "1d", 0, 86400 },
	{ "1h30m", 0, 5400 },
	{ "1d2h3m4s", 0, 93784 },
	{ "36525d", 0, INT64_C(36525) * 86400 },
	{ "", -EINVAL, 0 },
	{ "m", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1 m", -EINVAL, 0 },
	{ "1m ", -EINVAL, 0 },
	{ "1.5h", -EINVAL, 0 },
	{ "1w", -EINVAL, 0 },
	{ "1M", -EINVAL, 0 },
	{ "1mm", -EINVAL, 0 },
	{ "1m1m", -EINVAL, 0 },
	{ "1m1h", -EINVAL, 0 },
	{ "1h30", -EINVAL, 0 },
	{ "0", -ERANGE, 0 },
	{ "0m", -ERANGE, 0 },
	{ "99999999999999999999", -ERANGE, 0 },
	{ "40000d", -ERANGE, 0 },
	{ "3162240000d", -ERANGE, 0 },
};

START_TEST(parses)
{
	int64_t seconds = -7;

	ck_assert_int_eq(duration_parse(parsed[_i].text, &seconds), parsed[_i].result);
	ck_assert_int_eq(seconds, parsed[_i].result == 0 ? parsed[_i].seconds : -7);
}

END_TEST

static const struct {
	int64_t ms;
	const char *text;
} formatted[] = {
	{ -5, "0.0s" },
	{ 0, "0.0s" },
	{ 4250, "4.2s" },
	{ 9999, "9.9s" },
	{ 10000, "10s" },
	{ 59999, "59s" },
	{ 60000, "1m 0s" },
	{ 190000, "3m 10s" },
	{ 7500000, "2h 5m" },
	{ INT64_C(86400000), "1d 0h" },
	{ INT64_C(966600000), "11d 4h" },
	{ INT64_MAX, "106751991167d 7h" },
};

START_TEST(formats)
{
	char text[DURATION_TEXT_SIZE];

	ck_assert_str_eq(duration_format(formatted[_i].ms, text), formatted[_i].text);
}

END_TEST

START_TEST(moments_are_local)
{
	char text[DURATION_TEXT_SIZE];

	setenv("TZ", "UTC", 1);
	tzset();
	ck_assert_str_eq(duration_moment(0, 0, text), "1970-01-01 00:00:00");
	ck_assert_str_eq(duration_moment(1795320340007, 1, text), "2026-11-22 04:05:40.007");
	setenv("TZ", "CET-1", 1);
	tzset();
	ck_assert_str_eq(duration_moment(1795320340007, 0, text), "2026-11-22 05:05:40");
	ck_assert_str_eq(duration_moment(INT64_MAX, 0, text), "292278994-08-17 08:12:55");
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(parses, ARRAY_LEN(parsed)),
		TEST_LOOP(formats, ARRAY_LEN(formatted)),
		TEST(moments_are_local),
	};

	return run_suite("duration", tests, ARRAY_LEN(tests));
}
