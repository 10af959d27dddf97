/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "suite.h"

static const char *const names[] = { "only_from", "per_source", "instances", "port", "id", "server",
	"server_args" };

static const struct {
	const char *word, *nearest;
} pairs[] = {
	{ "only_form", "only_from" },  /* two letters swapped */
	{ "per_souce", "per_source" }, /* one left out */
	{ "instanses", "instances" },  /* one changed */
	{ "portt", "port" },           /* one put in */
	{ "PROT", "port" },            /* swapped, in capitals */
	{ "server", "server" },
	{ "server_arg", "server_args" },
	{ "onlyfrom", "only_from" },
	{ "per_sauwce", "per_source" },
	{ "ed", "id" },
	{ "xy", NULL },
	{ "abc", NULL },
	{ "listen", NULL },
	{ "", NULL },
	{ "a", NULL },
};

START_TEST(finds_the_name_that_was_meant)
{
	const char *got = nearest_name(pairs[_i].word, names, ARRAY_LEN(names));

	if (pairs[_i].nearest == NULL)
		ck_assert_msg(got == NULL, "'%s' is not near '%s'", pairs[_i].word, got);
	else
		ck_assert_str_eq(got, pairs[_i].nearest);
}

END_TEST

START_TEST(the_nearest_wins_and_of_equals_the_first)
{
	static const char *const near[] = { "abxx", "abcx", "abcy", "abcd" };

	ck_assert_str_eq(nearest_name("abcd", near, 4), "abcd");
	ck_assert_str_eq(nearest_name("abcd", near, 3), "abcx");
	ck_assert_ptr_null(nearest_name("abcd", near, 0));
}

END_TEST

START_TEST(a_very_long_word_is_near_nothing)
{
	char *word = mem_alloc(100001);
	const char *const itself[] = { word };

	memset(word, 'x', 100000);
	ck_assert_ptr_null(nearest_name(word, itself, 1));
	free(word);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(finds_the_name_that_was_meant, ARRAY_LEN(pairs)),
		TEST(the_nearest_wins_and_of_equals_the_first),
		TEST(a_very_long_word_is_near_nothing),
	};

	return run_suite("nearest", tests, ARRAY_LEN(tests));
}
