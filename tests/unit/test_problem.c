/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/problem.h"
#include "suite.h"

static char text[] =
    "service a\n{\n\tprot = 3600 //x\n\tname = \xed\x8f\xac\xed\x8a\xb8 b\n\tbad = \x1b[1m\xff z\n}\n";
static char path[] = "a.conf";
static const struct source source = { path, text, sizeof(text) - 1 };

static char *
printed(const struct problems *p)
{
	static char *out;
	static size_t size;
	FILE *f = open_memstream(&out, &size);

	problems_print(p, f);
	fclose(f);
	return out;
}

static void
expect(struct problems *p, const char *wanted)
{
	char *got = printed(p);

	ck_assert_str_eq(got, wanted);
	free(got);
	problems_done(p);
	ck_assert_uint_eq(p->count, 0);
}

static void
add_at(struct problems *p, enum severity severity, const struct source *s, unsigned line,
    unsigned column)
{
	problem_add(p, severity, CAUSE_TEXT, &(struct place){ s, line, column }, "what %u", line);
}

START_TEST(caret_stands_under_the_column_behind_tabs)
{
	struct problems p = { 0 };

	add_at(&p, SEVERITY_ERROR, &source, 3, 2);
	expect(&p, "a.conf:3:2: error: what 3\n    3 | \tprot = 3600 //x\n      | \t^\n");
}

END_TEST

START_TEST(what_is_told_twice_is_printed_once)
{
	struct problems p = { 0 };

	add_at(&p, SEVERITY_ERROR, &source, 3, 2);
	problem_add(&p, SEVERITY_NOTE, CAUSE_TEXT, &(struct place){ &source, 3, 2 }, "other");
	add_at(&p, SEVERITY_ERROR, &source, 3, 2);
	add_at(&p, SEVERITY_NOTE, &source, 3, 2);
	char *got = printed(&p);
	const char *first = strstr(got, "error: what 3");

	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(strstr(first + 1, "error: what 3"));
	ck_assert_ptr_nonnull(strstr(got, "note: other"));
	ck_assert_ptr_nonnull(strstr(got, "note: what 3"));
	free(got);
	problems_done(&p);
}

END_TEST

START_TEST(wide_characters_take_two_places)
{
	struct problems p = { 0 };

	add_at(&p, SEVERITY_WARNING, &source, 4, 12);
	expect(&p, "a.conf:4:12: warning: what 4\n    4 | \tname = \xed\x8f\xac\xed\x8a\xb8 b\n"
		   "      | \t            ^\n");
}

END_TEST

/* A rocket, and a face between the ranges of others. */
START_TEST(emoji_take_two_places)
{
	static char emoji[] = "\xf0\x9f\x9a\x80\xf0\x9f\xaa\x90x";
	struct source s = { path, emoji, sizeof(emoji) - 1 };
	struct problems p = { 0 };

	add_at(&p, SEVERITY_ERROR, &s, 1, 3);
	expect(&p, "a.conf:1:3: error: what 1\n"
		   "    1 | \xf0\x9f\x9a\x80\xf0\x9f\xaa\x90x\n      |     ^\n");
}

END_TEST

START_TEST(what_nobody_sees_is_shown_escaped)
{
	static char hidden[] = "a\xe2\x80\x8b = \xef\xbb\xbfx";
	struct source s = { path, hidden, sizeof(hidden) - 1 };
	struct problems p = { 0 };

	add_at(&p, SEVERITY_ERROR, &s, 1, 7);
	expect(&p,
	    "a.conf:1:7: error: what 1\n"
	    "    1 | a\\xe2\\x80\\x8b = \\xef\\xbb\\xbfx\n      |                             ^\n");
}

END_TEST

/* In a line of 6 MB the time of a caret does not grow with its column: quadratic cost would not end in a test's time. */
START_TEST(many_problems_of_a_long_line_are_printed_at_once)
{
	const unsigned count = 20000, step = 320;
	struct source s = { path, mem_alloc((size_t)count * step + 1), (size_t)count * step };
	struct problems p = { 0 };

	memset(s.text, 'o', s.len);
	for (unsigned i = 0; i < count; i++) {
		s.text[i * step] = 'X';
		add_at(&p, SEVERITY_NOTE, &s, 1, i * step + 1);
	}
	char *got = printed(&p), *at = got;

	for (unsigned i = 0; i < count; i++) {
		char *shown = strchr(at, '\n') + 1, *below = strchr(shown, '\n') + 1;

		at = strchr(below, '\n') + 1;
		ck_assert_int_eq(
		    (strchr(shown, 'X') - shown) - (i == 0 ? 0 : 2), strchr(below, '^') - below);
	}
	ck_assert_int_eq(*at, '\0');
	free(got);
	free(s.text);
	problems_done(&p);
}

END_TEST

START_TEST(what_a_terminal_obeys_is_shown_escaped)
{
	struct problems p = { 0 };

	problem_add(
	    &p, SEVERITY_NOTE, CAUSE_TEXT, &(struct place){ &source, 5, 14 }, "a\nb\x1b\xc2\x9b");
	expect(&p, "a.conf:5:14: note: a\\x0ab\\x1b\\xc2\\x9b\n    5 | \tbad = \\x1b[1m\\xff z\n"
		   "      | \t                  ^\n");
}

END_TEST

START_TEST(places_without_line_or_file_have_no_excerpt)
{
	struct problems p = { 0 };

	add_at(&p, SEVERITY_ERROR, &source, 0, 0);
	add_at(&p, SEVERITY_ERROR, NULL, 0, 0);
	problem_add(&p, SEVERITY_NOTE, CAUSE_TEXT, NULL, "nowhere");
	expect(&p, "a.conf: error: what 0\nporterd: error: what 0\nporterd: note: nowhere\n");
}

END_TEST

START_TEST(a_place_behind_the_end_of_the_text_is_printed)
{
	struct problems p = { 0 };

	add_at(&p, SEVERITY_ERROR, &source, 7, 1);
	add_at(&p, SEVERITY_ERROR, &source, 99, 1);
	expect(&p, "a.conf:7:1: error: what 7\n    7 | \n      | ^\na.conf:99:1: error: what 99\n");
}

END_TEST

START_TEST(problems_are_in_order_file_by_file)
{
	static char other_text[] = "x\ny\n", other_path[] = "b.conf";
	static const struct source other = { other_path, other_text, 4 };
	struct problems p = { 0 };
	char *got, *at;

	add_at(&p, SEVERITY_ERROR, &source, 3, 1);
	add_at(&p, SEVERITY_ERROR, &other, 2, 1);
	add_at(&p, SEVERITY_ERROR, &source, 1, 5);
	problem_add(&p, SEVERITY_ERROR, CAUSE_TEXT, &(struct place){ &source, 1, 5 }, "second");
	add_at(&p, SEVERITY_NOTE, &source, 1, 1);
	add_at(&p, SEVERITY_ERROR, &other, 1, 1);
	at = got = printed(&p);
	static const char *const order[] = {
		"a.conf:1:1:",
		"a.conf:1:5: error: what 1",
		"a.conf:1:5: error: second",
		"a.conf:3:1:",
		"b.conf:1:1:",
		"b.conf:2:1:",
	};
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		at = strstr(at, order[i]);
		ck_assert_msg(at != NULL, "%s is not in its place in:\n%s", order[i], got);
	}
	free(got);
	problems_done(&p);
}

END_TEST

/* A line of 1000 digits with a caret at each end and in the middle. */
START_TEST(long_lines_are_cut_around_the_caret)
{
	static const unsigned columns[] = { 1, 500, 1000 };
	char *line = mem_alloc(1001);
	struct source s = { path, line, 1000 };
	struct problems p = { 0 };
	char *got, *caret;

	for (unsigned i = 0; i < 1000; i++)
		line[i] = (char)(i + 1 == columns[_i] ? 'X' : 'o');
	add_at(&p, SEVERITY_ERROR, &s, 1, columns[_i]);
	got = printed(&p);
	char *shown = strchr(got, '\n') + 1, *below = strchr(shown, '\n') + 1;

	ck_assert_int_lt(below - shown, 200);
	ck_assert_ptr_nonnull(strstr(shown, "\xe2\x80\xa6"));
	caret = strchr(below, '^');
	/* The first ellipsis is three bytes wide and one column. */
	ck_assert_int_eq((strchr(shown, 'X') - shown) - (columns[_i] == 1 ? 0 : 2), caret - below);
	free(got);
	problems_done(&p);
	free(line);
}

END_TEST

START_TEST(counts_tell_errors_of_the_text_apart)
{
	struct problems p = { 0 };

	add_at(&p, SEVERITY_ERROR, &source, 1, 1);
	problem_add(&p, SEVERITY_ERROR, CAUSE_SURROUNDINGS, NULL, "no such user");
	add_at(&p, SEVERITY_WARNING, &source, 1, 1);
	ck_assert_uint_eq(p.by_severity[SEVERITY_ERROR], 2);
	ck_assert_uint_eq(p.text_errors, 1);
	problem_soften(&p, 0);
	problem_soften(&p, 2);
	ck_assert_uint_eq(p.by_severity[SEVERITY_ERROR], 1);
	ck_assert_uint_eq(p.by_severity[SEVERITY_WARNING], 1);
	ck_assert_uint_eq(p.by_severity[SEVERITY_NOTE], 1);
	ck_assert_uint_eq(p.text_errors, 0);
	problems_done(&p);
}

END_TEST

START_TEST(problems_are_taken_out)
{
	struct problems p = { 0 };

	for (unsigned i = 1; i <= 5; i++)
		add_at(&p, i == 2 ? SEVERITY_NOTE : SEVERITY_ERROR, NULL, i, 1);
	problem_remove(&p, 4);
	problem_remove(&p, 1);
	problem_remove(&p, 0);
	ck_assert_uint_eq(p.count, 2);
	ck_assert_str_eq(p.item[0].text, "what 3");
	ck_assert_str_eq(p.item[1].text, "what 4");
	ck_assert_uint_eq(p.by_severity[SEVERITY_NOTE], 0);
	ck_assert_uint_eq(p.by_severity[SEVERITY_ERROR], 2);
	ck_assert_uint_eq(p.text_errors, 2);
	problems_done(&p);
}

END_TEST

START_TEST(place_is_formatted_for_log_lines)
{
	char out[64];

	ck_assert_str_eq(
	    place_format(&(struct place){ &source, 3, 14 }, out, sizeof(out)), "a.conf:3:14");
	ck_assert_str_eq(
	    place_format(&(struct place){ &source, 0, 0 }, out, sizeof(out)), "a.conf");
	ck_assert_str_eq(place_format(&(struct place){ 0 }, out, sizeof(out)), "-");
	ck_assert_str_eq(place_format(&(struct place){ &source, 3, 14 }, out, 5), "a.co");
}

END_TEST

START_TEST(the_mark_at_the_beginning_is_no_column)
{
	static char marked[] = "\xef\xbb\xbfservice";
	struct source s = { path, marked, sizeof(marked) - 1 };
	struct problems p = { 0 };

	ck_assert_uint_eq(text_mark_len(marked, 10), 3);
	ck_assert_uint_eq(text_mark_len(marked, 2), 0);
	add_at(&p, SEVERITY_ERROR, &s, 1, 1);
	expect(&p, "a.conf:1:1: error: what 1\n    1 | service\n      | ^\n");
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(caret_stands_under_the_column_behind_tabs),
		TEST(what_is_told_twice_is_printed_once),
		TEST(wide_characters_take_two_places),
		TEST(emoji_take_two_places),
		TEST(what_nobody_sees_is_shown_escaped),
		TEST(many_problems_of_a_long_line_are_printed_at_once),
		TEST(problems_are_taken_out),
		TEST(what_a_terminal_obeys_is_shown_escaped),
		TEST(places_without_line_or_file_have_no_excerpt),
		TEST(a_place_behind_the_end_of_the_text_is_printed),
		TEST(problems_are_in_order_file_by_file),
		TEST_LOOP(long_lines_are_cut_around_the_caret, 3),
		TEST(counts_tell_errors_of_the_text_apart),
		TEST(place_is_formatted_for_log_lines),
		TEST(the_mark_at_the_beginning_is_no_column),
	};

	return run_suite("problem", tests, ARRAY_LEN(tests));
}
