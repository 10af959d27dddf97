/* SPDX-License-Identifier: MIT */
#include "conf/places.h"

#include "base/array.h"
#include "suite.h"

static const struct source source;

static struct place
place_in(unsigned line)
{
	return (struct place){ .source = &source, .line = line, .column = 1 };
}

/* Wherever the others are, each keeps its own. */
START_TEST(each_attribute_has_its_own_place)
{
	static const unsigned order[] = { 70, 3, 127, 0, 64, 63, 5, 126, 1 };
	struct attr_places p = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		places_set(&p, order[i], place_in(order[i] + 1));
		for (size_t k = 0; k <= i; k++)
			ck_assert_uint_eq(places_at(&p, order[k])->line, order[k] + 1);
	}
	for (unsigned i = 0; i < PLACES_MOST; i++) {
		const struct place *place = places_at(&p, i);

		ck_assert(place->source == NULL || place->line == i + 1);
	}
	places_done(&p);
	ck_assert_ptr_null(places_at(&p, 70)->source);
}

END_TEST

START_TEST(second_place_replaces_the_first)
{
	struct attr_places p = { 0 };

	places_set(&p, 9, place_in(1));
	places_set(&p, 10, place_in(2));
	places_set(&p, 9, place_in(3));
	ck_assert_uint_eq(places_at(&p, 9)->line, 3);
	ck_assert_uint_eq(places_at(&p, 10)->line, 2);
	places_done(&p);
}

END_TEST

START_TEST(place_without_a_source_takes_it_away)
{
	struct attr_places p = { 0 };

	places_set(&p, 2, place_in(1));
	places_set(&p, 66, place_in(2));
	places_set(&p, 99, place_in(3));
	places_set(&p, 66, (struct place){ 0 });
	places_set(&p, 67, (struct place){ 0 }); /* there was none */
	ck_assert_uint_eq(places_at(&p, 2)->line, 1);
	ck_assert_ptr_null(places_at(&p, 66)->source);
	ck_assert_uint_eq(places_at(&p, 99)->line, 3);
	places_done(&p);
}

END_TEST

START_TEST(copy_is_its_own)
{
	struct attr_places from = { 0 }, to = { 0 };

	places_set(&to, 1, place_in(9));
	places_set(&from, 100, place_in(1));
	places_set(&from, 7, place_in(2));
	places_copy(&to, &from);
	places_set(&from, 7, place_in(3));
	ck_assert_ptr_null(places_at(&to, 1)->source);
	ck_assert_uint_eq(places_at(&to, 7)->line, 2);
	ck_assert_uint_eq(places_at(&to, 100)->line, 1);
	places_done(&from);
	places_copy(&to, &from);
	ck_assert_ptr_null(places_at(&to, 100)->source);
	places_done(&to);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(each_attribute_has_its_own_place),
	TEST(second_place_replaces_the_first),
	TEST(place_without_a_source_takes_it_away),
	TEST(copy_is_its_own),
};

int
main(void)
{
	return run_suite("places", tests, ARRAY_LEN(tests));
}
