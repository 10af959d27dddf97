/* SPDX-License-Identifier: MIT */
#include "base/strings.h"

#include <stdlib.h>

#include "base/mem.h"
#include "suite.h"

START_TEST(list_is_usable_as_argv)
{
	struct strings s = { 0 };

	ck_assert_ptr_null(s.item);
	strings_add(&s, "a");
	ck_assert_ptr_null(s.item[1]);
	strings_take(&s, mem_dup("b"));
	ck_assert_uint_eq(s.count, 2);
	ck_assert_str_eq(s.item[0], "a");
	ck_assert_str_eq(s.item[1], "b");
	ck_assert_ptr_null(s.item[2]);
	strings_done(&s);
	ck_assert_uint_eq(s.count, 0);
	ck_assert_ptr_null(s.item);
	strings_done(&s);
}

END_TEST

START_TEST(added_text_is_copied)
{
	struct strings s = { 0 };
	char text[] = "abc";

	strings_add(&s, text);
	text[0] = 'x';
	ck_assert_str_eq(s.item[0], "abc");
	strings_done(&s);
}

END_TEST

START_TEST(every_equal_one_is_deleted)
{
	struct strings s = { 0 };

	ck_assert(!strings_del(&s, "a"));
	strings_add(&s, "a");
	strings_add(&s, "b");
	strings_add(&s, "a");
	strings_add(&s, "c");
	ck_assert(!strings_del(&s, "A"));
	ck_assert(strings_del(&s, "a"));
	ck_assert_uint_eq(s.count, 2);
	ck_assert_str_eq(s.item[0], "b");
	ck_assert_str_eq(s.item[1], "c");
	ck_assert_ptr_null(s.item[2]);
	ck_assert(!strings_has(&s, "a"));
	ck_assert(strings_has(&s, "c"));
	strings_done(&s);
}

END_TEST

START_TEST(equality_heeds_order_and_length)
{
	struct strings a = { 0 }, b = { 0 };

	ck_assert(strings_equal(&a, &b));
	strings_add(&a, "x");
	ck_assert(!strings_equal(&a, &b));
	strings_add(&a, "y");
	strings_add(&b, "y");
	strings_add(&b, "x");
	ck_assert(!strings_equal(&a, &b));
	strings_copy(&b, &a);
	ck_assert(strings_equal(&a, &b));
	ck_assert_ptr_ne(a.item[0], b.item[0]);
	strings_done(&a);
	strings_copy(&b, &a);
	ck_assert_uint_eq(b.count, 0);
	strings_done(&b);
}

END_TEST

/* One block, and nobody can tell. */
START_TEST(packed_list_can_be_used_and_changed)
{
	struct strings s = { 0 }, copy = { 0 };

	strings_pack(&s);
	ck_assert_ptr_null(s.item);
	strings_add(&s, "a");
	strings_add(&s, "");
	strings_add(&s, "ccc");
	strings_pack(&s);
	strings_pack(&s);
	ck_assert_uint_eq(s.count, 3);
	ck_assert_str_eq(s.item[0], "a");
	ck_assert_str_eq(s.item[1], "");
	ck_assert_str_eq(s.item[2], "ccc");
	ck_assert_ptr_null(s.item[3]);
	strings_copy(&copy, &s);
	ck_assert(strings_equal(&copy, &s));
	strings_add(&s, "d");
	ck_assert(strings_del(&s, "a"));
	strings_pack(&s);
	ck_assert(strings_del(&s, "ccc"));
	ck_assert_uint_eq(s.count, 2);
	ck_assert_str_eq(s.item[1], "d");
	ck_assert_uint_eq(copy.count, 3);
	strings_pack(&copy);
	strings_done(&copy);
	strings_done(&s);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(list_is_usable_as_argv),
	TEST(added_text_is_copied),
	TEST(every_equal_one_is_deleted),
	TEST(equality_heeds_order_and_length),
	TEST(packed_list_can_be_used_and_changed),
};

int
main(void)
{
	return run_suite("strings", tests, ARRAY_LEN(tests));
}
