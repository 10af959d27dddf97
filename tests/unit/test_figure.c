/* SPDX-License-Identifier: MIT */
/* The table of figures: names that monitors take, and nothing that is counted left out. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "control/figure.h"
#include "run/pool.h"
#include "suite.h"

static bool
ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* A lower-case letter, then those, digits and single underscores. */
static bool
is_name(const char *text)
{
	if (!islower((unsigned char)*text) || ends_in(text, "_") || strstr(text, "__") != NULL)
		return false;
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

START_TEST(names_are_valid_and_unique)
{
	/* Behind the name of a family they mean its samples. */
	static const char *const reserved[] = { "_total", "_created", "_bucket", "_count", "_sum",
		"_gcount", "_gsum", "_info" };
	const struct figure *f = &figures[_i];

	ck_assert_msg(is_name(f->name), "%s", f->name);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		ck_assert_msg(
		    !ends_in(f->name, reserved[i]), "%s ends in %s", f->name, reserved[i]);
	ck_assert_ptr_eq(figure_find(f->name), f);
	for (int i = 0; i < _i; i++)
		ck_assert_str_ne(figures[i].name, f->name);
}

END_TEST

START_TEST(units_are_base_units_and_end_the_name)
{
	static const char *const units[] = { "seconds", "bytes" };
	const struct figure *f = &figures[_i];
	size_t known = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		ck_assert_msg(!ends_in(f->name, units[i]) || f->unit != NULL, "%s", f->name);
		known += f->unit != NULL && strcmp(f->unit, units[i]) == 0;
	}
	ck_assert_msg(f->unit == NULL || known == 1, "%s", f->name);
	if (f->unit != NULL)
		ck_assert_msg(ends_in(f->name, f->unit), "%s %s", f->name, f->unit);
	ck_assert_msg(f->type != FIGURE_HISTOGRAM || (f->unit != NULL && f->divisor == 1000000),
	    "%s", f->name);
	ck_assert_msg(f->divisor == 0 || f->unit != NULL, "%s", f->name);
}

END_TEST

START_TEST(rows_are_complete)
{
	static const char *const taken[] = { "service", "address", "le" };
	const struct figure *f = &figures[_i];

	ck_assert_msg(isupper((unsigned char)*f->text) && ends_in(f->text, "."), "%s", f->name);
	ck_assert_ptr_null(strpbrk(f->text, "\n\"\\"));
	ck_assert_msg((f->label != NULL) == (f->split != FIGURE_ONE), "%s", f->name);
	ck_assert_msg(f->type != FIGURE_INFO || f->label != NULL, "%s", f->name);
	if (f->label == NULL)
		return;
	ck_assert(is_name(f->label));
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		ck_assert_str_ne(f->label, taken[i]);
}

END_TEST

static size_t
size_of(const struct figure *f)
{
	static const size_t sizes[] = {
		[FIGURE_ONE] = sizeof(uint64_t),
		[FIGURE_BY_REASON] = sizeof(((struct counters *)0)->refused),
		[FIGURE_BY_STATUS] = sizeof(struct ends),
		[FIGURE_BY_SIGNAL] = sizeof(struct ends),
		[FIGURE_BY_STATE] = sizeof(((struct daemon_figures *)0)->services),
		[FIGURE_BY_VERSION] = 0,
	};

	return f->type == FIGURE_HISTOGRAM ? sizeof(struct histogram) : sizes[f->split];
}

static bool
is_covered(enum figure_source source, size_t offset)
{
	for (size_t i = 0; i < figure_count; i++)
		if (figures[i].source == source && offset >= figures[i].offset &&
		    offset < figures[i].offset + size_of(&figures[i]))
			return true;
	return false;
}

/* All of them are rows of 8 bytes. */
static const struct {
	enum figure_source source;
	const char *name;
	size_t size;
	size_t but; /* the offset of one that is shown as another source's; SIZE_MAX: none */
} sources[] = {
	{ FIGURE_IN_DAEMON, "daemon_figures", sizeof(struct daemon_figures), SIZE_MAX },
	{ FIGURE_IN_SERVICE, "service_figures", sizeof(struct service_figures), SIZE_MAX },
	{ FIGURE_IN_COUNTERS, "counters", sizeof(struct counters),
	    offsetof(struct counters, latest_ms) },
	{ FIGURE_IN_POOL, "pool_figures", sizeof(struct pool_figures), SIZE_MAX },
	{ FIGURE_IN_POOL_COUNTERS, "pool_counters", sizeof(struct pool_counters), SIZE_MAX },
};

START_TEST(everything_that_is_counted_is_shown)
{
	for (size_t at = 0; at < sources[_i].size; at += sizeof(uint64_t))
		ck_assert_msg(at == sources[_i].but || is_covered(sources[_i].source, at),
		    "struct %s: nothing shows what is at %zu", sources[_i].name, at);
}

END_TEST

START_TEST(scopes_go_with_sources)
{
	static const enum figure_scope scopes[] = {
		[FIGURE_IN_DAEMON] = FIGURE_OF_DAEMON,
		[FIGURE_IN_SERVICE] = FIGURE_OF_SERVICE,
		[FIGURE_IN_COUNTERS] = FIGURE_OF_SERVICE,
		[FIGURE_IN_POOL] = FIGURE_OF_POOL,
		[FIGURE_IN_POOL_COUNTERS] = FIGURE_OF_POOL,
	};

	static const char *const prefixes[] = {
		[FIGURE_OF_DAEMON] = "",
		[FIGURE_OF_SERVICE] = "service_",
		[FIGURE_OF_POOL] = "pool_",
	};
	const struct figure *f = &figures[_i];

	ck_assert_msg(f->scope == scopes[f->source], "%s", f->name);
	ck_assert_msg(
	    strncmp(f->name, prefixes[f->scope], strlen(prefixes[f->scope])) == 0, "%s", f->name);
}

END_TEST

START_TEST(unknown_names_are_not_found)
{
	ck_assert_ptr_null(figure_find("service_accepted_total"));
	ck_assert_ptr_null(figure_find(""));
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST_LOOP(names_are_valid_and_unique, (int)figure_count),
		TEST_LOOP(units_are_base_units_and_end_the_name, (int)figure_count),
		TEST_LOOP(rows_are_complete, (int)figure_count),
		TEST_LOOP(scopes_go_with_sources, (int)figure_count),
		TEST_LOOP(
		    everything_that_is_counted_is_shown, (int)(sizeof(sources) / sizeof(*sources))),
		TEST(unknown_names_are_not_found),
	};

	return run_suite("figure", tests, sizeof(tests) / sizeof(*tests));
}
