/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/mem.h"
#include "run/server.h"
#include "suite.h"

START_TEST(is_found_by_pid_until_given_back)
{
	struct servers *t = servers_new(4);
	struct server *s = servers_take(t);

	ck_assert_ptr_null(servers_find(t, 4711));
	servers_start(t, s, 4711);
	ck_assert_ptr_eq(servers_find(t, 4711), s);
	servers_give(t, s);
	ck_assert_ptr_null(servers_find(t, 4711));
	servers_free(t);
}

END_TEST

START_TEST(holds_no_more_than_it_was_made_for)
{
	struct servers *t = servers_new(3);
	struct server *s[3];

	for (int i = 0; i < 3; i++) {
		s[i] = servers_take(t);
		ck_assert_ptr_nonnull(s[i]);
		servers_start(t, s[i], 100 + i * 64); /* one bucket for all */
	}
	ck_assert_ptr_null(servers_take(t));
	servers_give(t, s[1]);
	ck_assert_ptr_eq(servers_find(t, 100), s[0]);
	ck_assert_ptr_eq(servers_find(t, 228), s[2]);
	ck_assert_ptr_nonnull(servers_take(t));
	ck_assert_uint_eq(servers_most(t), 3);
	servers_free(t);
}

END_TEST

START_TEST(one_that_was_never_started_can_be_given_back)
{
	struct servers *t = servers_new(1);

	for (int i = 0; i < 5; i++) {
		struct server *s = servers_take(t);

		ck_assert_ptr_nonnull(s);
		servers_give(t, s);
	}
	servers_free(t);
	servers_free(NULL);
}

END_TEST

START_TEST(each_has_its_own_place_for_faults)
{
	struct servers *t = servers_new(2);
	struct server *a = servers_take(t), *b = servers_take(t);

	servers_fault(t, a)->step = 7;
	ck_assert_int_eq(servers_fault(t, b)->step, 0);
	servers_free(t);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(is_found_by_pid_until_given_back),
		TEST(holds_no_more_than_it_was_made_for),
		TEST(one_that_was_never_started_can_be_given_back),
		TEST(each_has_its_own_place_for_faults),
	};

	return run_suite("server", tests, ARRAY_LEN(tests));
}
