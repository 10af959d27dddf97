/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "suite.h"

static int values[6];

START_TEST(entries_of_one_key_come_out_in_order)
{
	struct map *m = map_new(3);

	map_put(m, "echo", &values[0]);
	map_put(m, "time", &values[1]);
	map_put(m, "echo", &values[2]);
	ck_assert_ptr_eq(map_get(m, "echo"), &values[0]);
	ck_assert_ptr_eq(map_take(m, "echo"), &values[0]);
	ck_assert_ptr_eq(map_take(m, "echo"), &values[2]);
	ck_assert_ptr_null(map_take(m, "echo"));
	ck_assert_ptr_eq(map_take(m, "time"), &values[1]);
	map_free(m);
}

END_TEST

START_TEST(del_takes_out_one_entry)
{
	struct map *m = map_new(2);

	map_put(m, "echo", &values[0]);
	map_put(m, "echo", &values[1]);
	map_del(m, "echo", &values[0]);
	map_del(m, "echo", &values[5]); /* not there: nothing happens */
	ck_assert_ptr_eq(map_take(m, "echo"), &values[1]);
	ck_assert_ptr_null(map_get(m, "echo"));
	map_free(m);
}

END_TEST

START_TEST(nothing_is_put_beyond_the_capacity)
{
	struct map *m = map_new(1);

	map_put(m, "a", &values[0]);
	map_put(m, "b", &values[1]);
	ck_assert_ptr_null(map_get(m, "b"));
	ck_assert_ptr_eq(map_get(m, "a"), &values[0]);
	map_free(m);
	map_free(NULL);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(entries_of_one_key_come_out_in_order),
		TEST(del_takes_out_one_entry),
		TEST(nothing_is_put_beyond_the_capacity),
	};

	return run_suite("map", tests, ARRAY_LEN(tests));
}
