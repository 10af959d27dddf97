/* SPDX-License-Identifier: MIT */
#include "ctl/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/glyph.h"
#include "suite.h"

#define ELLIPSIS GLYPH_ELLIPSIS

static const struct column columns[] = {
	{ .title = "NAME", .least = 4 },
	{ .title = "COUNT", .is_number = true },
	{ .title = "TEXT", .least = 6, .rank = 1 },
	{ .title = "MORE", .rank = 2 },
};

static struct table *
filled(void)
{
	struct table *t = table_new(columns, ARRAY_LEN(columns));

	table_add(t, COLOR_NONE, "%s", "a");
	table_add(t, COLOR_NONE, "%d", 1);
	table_add(t, COLOR_NONE, "%s", "short");
	table_add(t, COLOR_GOOD, "%s", "x");
	table_add(t, COLOR_NONE, "%s", "a-long-name");
	table_add(t, COLOR_NONE, "%d", 1234567);
	table_add(t, COLOR_NONE, "%s", "a rather long text");
	table_add(t, COLOR_NONE, "%s", "y");
	return t;
}

/* Static text. */
static const char *
printed(const struct table *t, unsigned width, bool has_color, size_t most)
{
	static char *text;
	size_t len;
	struct screen s = { .width = width, .has_color = has_color };

	free(text);
	s.out = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(s.out);
	table_print(t, &s, most);
	fclose(s.out);
	return text;
}

static unsigned
widest_line(const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;
	unsigned width = 0;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (glyph_text_width(line) > width)
			width = glyph_text_width(line);
	free(copy);
	return width;
}

START_TEST(as_wide_as_need_be)
{
	struct table *t = filled();

	ck_assert_str_eq(printed(t, 0, false, 0), "NAME           COUNT  TEXT                MORE\n"
						  "a                  1  short               x\n"
						  "a-long-name  1234567  a rather long text  y\n");
	ck_assert_uint_eq(table_rows(t), 2);
	table_free(t);
}

END_TEST

START_TEST(the_widest_is_cut_first)
{
	struct table *t = filled();

	ck_assert_str_eq(printed(t, 40, false, 0),
	    "NAME           COUNT  TEXT          MORE\n"
	    "a                  1  short         x\n"
	    "a-long-name  1234567  a rather lo" ELLIPSIS "  y\n");
	table_free(t);
}

END_TEST

START_TEST(what_matters_least_goes)
{
	struct table *t = filled();

	ck_assert_str_eq(printed(t, 21, false, 0), "NAME    COUNT  TEXT\n"
						   "a           1  short\n"
						   "a-l" ELLIPSIS "  1234567  a rat" ELLIPSIS "\n");
	ck_assert_str_eq(printed(t, 15, false, 0), "NAME      COUNT\n"
						   "a             1\n"
						   "a-lon" ELLIPSIS "  1234567\n");
	table_free(t);
}

END_TEST

START_TEST(no_line_is_wider_than_the_screen)
{
	struct table *t = filled();

	for (unsigned width = 1; width < 60; width++)
		ck_assert_uint_le(widest_line(printed(t, width, false, 0)), width);
	table_free(t);
}

END_TEST

START_TEST(cuts_between_characters)
{
	static const struct column two[] = { { .title = "A", .least = 3 }, { .title = "B" } };
	struct table *t = table_new(two, 2);

	/* Two bytes a letter; then two columns a letter; then what a terminal would obey. */
	table_add(t, COLOR_NONE, "%s", "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f");
	table_add(t, COLOR_NONE, "1");
	table_add(t, COLOR_NONE, "%s", "\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4");
	table_add(t, COLOR_NONE, "2");
	table_add(t, COLOR_NONE, "%s", "a\033[31m");
	table_add(t, COLOR_NONE, "3");
	ck_assert_str_eq(printed(t, 6, false, 0), "A    B\n"
						  "\xc3\xa4\xc3\xb6" ELLIPSIS "  1\n"
						  "\xed\x95\x9c" ELLIPSIS "  2\n"
						  "a" ELLIPSIS "   3\n");
	ck_assert_ptr_nonnull(strstr(printed(t, 0, false, 0), "a\\x1b[31m  3\n"));
	table_free(t);
}

END_TEST

START_TEST(colours_change_no_width)
{
	struct table *t = filled();
	const char *text;

	table_mark(t, 1);
	text = printed(t, 0, true, 0);
	ck_assert_ptr_nonnull(strstr(text, "short               \033[32mx\033[0m\n"));
	ck_assert_ptr_nonnull(strstr(text, "\033[1mNAME\033[0m           \033[7mCOUNT\033[0m"));
	table_free(t);
}

END_TEST

START_TEST(most_rows)
{
	struct table *t = filled();

	ck_assert_ptr_null(strstr(printed(t, 0, false, 1), "a-long-name"));
	table_free(t);
	t = table_new(columns, ARRAY_LEN(columns));
	ck_assert_str_eq(printed(t, 0, false, 0), "NAME  COUNT  TEXT  MORE\n");
	table_free(t);
	table_free(NULL);
}

END_TEST

static const char *
field(unsigned width, const char *text)
{
	static char *out;
	size_t len;
	struct screen s = { .width = width };

	free(out);
	s.out = open_memstream(&out, &len);
	screen_field(&s, "label", COLOR_NONE, "%s", text);
	fclose(s.out);
	return out;
}

START_TEST(fields_go_on_below)
{
	ck_assert_str_eq(field(0, "one two three"), "label           one two three\n");
	ck_assert_str_eq(field(30, "one two three four"),
	    "label           one two three\n                four\n");
	ck_assert_str_eq(
	    field(26, "aaaaaaaaaaaaaaa"), "label           aaaaaaaaaa\n                aaaaa\n");
	ck_assert_str_eq(field(0, "one\ntwo"), "label           one\n                two\n");
	ck_assert_str_eq(field(0, ""), "label           \n");
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(as_wide_as_need_be),
		TEST(the_widest_is_cut_first),
		TEST(what_matters_least_goes),
		TEST(no_line_is_wider_than_the_screen),
		TEST(cuts_between_characters),
		TEST(colours_change_no_width),
		TEST(most_rows),
		TEST(fields_go_on_below),
	};

	return run_suite("table", tests, ARRAY_LEN(tests));
}
