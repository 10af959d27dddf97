/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "policy/pool_size.h"
#include "suite.h"

#define NEVER INT64_MAX
#define NOW   50000 /* the time of all single calls */

static const struct pool_rule fixed = {
	.mode = POOL_STATIC, .max = 40, .spawn_rate = 4, .idle_timeout_ms = 5000
};
static const struct pool_rule dynamic = {
	.mode = POOL_DYNAMIC,
	.max = 20,
	.min_spare = 3,
	.max_spare = 6,
	.start = 5,
	.spawn_rate = 4,
	.idle_timeout_ms = 5000,
};
static const struct pool_rule ondemand = {
	.mode = POOL_ONDEMAND, .max = 20, .spawn_rate = 4, .idle_timeout_ms = 5000
};
static const struct pool_pace later = { .has_begun = true };
static const struct pool_pace half = { .has_begun = true, .second_ms = NOW - 300, .started = 2 };
static const struct pool_pace used = { .has_begun = true, .second_ms = NOW - 300, .started = 4 };
static const struct pool_pace over = { .has_begun = true, .second_ms = NOW - 300, .started = 9 };
static const struct pool_pace second = { .has_begun = true, .second_ms = NOW - 1000, .started = 4 };
static const struct pool_pace step_1 = { .has_begun = true, .step = 1, .step_ms = NOW + 200 };
static const struct pool_pace step_2 = { .has_begun = true, .step = 1, .step_ms = NOW };
static const struct pool_pace both = {
	.has_begun = true, .second_ms = NOW - 900, .started = 4, .step = 1, .step_ms = NOW + 200
};
static const struct pool_pace fresh;
static const struct pool_pace begun_32 = { .begun = 32, .step_ms = NOW + 7 };
static const struct pool_pace begun_then = { .begun = 32, .step_ms = NOW };

/* clang-format off */
static const struct {
	const struct pool_rule *rule;
	const struct pool_pace *pace;
	struct pool_load load; /* workers, idle, leaving, waiting, idle_ms */
	unsigned count;
	int64_t again_ms;
} growths[] = {
	/* the beginning: in portions, at no rate; clients wait no longer for it */
	{ &fixed, &fresh, { 0, 0, 0, 0, 0 }, 32, NOW + POOL_MOMENT_MS },
	{ &fixed, &fresh, { 0, 0, 0, 9, 0 }, 32, NOW + POOL_MOMENT_MS },
	{ &fixed, &fresh, { 0, 0, 60, 0, 0 }, 20, NEVER },
	{ &fixed, &begun_32, { 32, 32, 0, 0, 0 }, 0, NOW + 7 },
	{ &fixed, &begun_then, { 32, 32, 0, 0, 0 }, 8, NEVER },
	{ &dynamic, &fresh, { 0, 0, 0, 0, 0 }, 5, NEVER },
	{ &dynamic, &fresh, { 0, 0, 0, 7, 0 }, 8, NOW + 1000 },
	{ &ondemand, &fresh, { 0, 0, 0, 0, 0 }, 0, NEVER },
	{ &ondemand, &fresh, { 0, 0, 0, 1, 0 }, 1, NEVER },
	/* those who ended in the beginning are replaced at the rate */
	{ &fixed, &begun_then, { 20, 20, 0, 0, 0 }, 12, NOW + 1000 },
	{ &fixed, &begun_then, { 0, 0, 0, 0, 0 }, 12, NOW + 1000 },
	/* a pool that has workers already needs no more of them */
	{ &fixed, &fresh, { 39, 0, 0, 0, 0 }, 1, NEVER },
	{ &dynamic, &fresh, { 12, 4, 0, 0, 0 }, 0, NEVER },
	{ &dynamic, &fresh, { 30, 4, 0, 0, 0 }, 0, NEVER },
	/* static: always all of them */
	{ &fixed, &later, { 40, 0, 0, 5, 0 }, 0, NEVER },
	{ &fixed, &later, { 39, 39, 0, 0, 0 }, 1, NEVER },
	{ &fixed, &later, { 30, 30, 0, 0, 0 }, 4, NOW + 1000 },
	{ &fixed, &half, { 30, 30, 0, 0, 0 }, 2, NOW + 700 },
	{ &fixed, &used, { 30, 30, 0, 0, 0 }, 0, NOW + 700 },
	{ &fixed, &over, { 30, 30, 0, 0, 0 }, 0, NOW + 700 },
	{ &fixed, &second, { 30, 30, 0, 0, 0 }, 4, NOW + 1000 },
	/* as many as clients wait */
	{ &ondemand, &later, { 3, 0, 0, 2, 0 }, 2, NEVER },
	{ &ondemand, &later, { 3, 1, 0, 2, 0 }, 1, NEVER },
	{ &ondemand, &later, { 3, 2, 0, 2, 0 }, 0, NEVER },
	{ &ondemand, &later, { 3, 0, 0, 9, 0 }, 4, NOW + 1000 },
	{ &ondemand, &half, { 3, 0, 0, 9, 0 }, 2, NOW + 700 },
	{ &ondemand, &used, { 3, 0, 0, 9, 0 }, 0, NOW + 700 },
	{ &ondemand, &later, { 19, 0, 0, 9, 0 }, 1, NEVER },
	{ &ondemand, &later, { 20, 0, 0, 9, 0 }, 0, NEVER },
	{ &ondemand, &later, { 25, 0, 0, 9, 0 }, 0, NEVER },
	{ &ondemand, &later, { 19, 0, 20, 9, 0 }, 1, NEVER },
	{ &ondemand, &later, { 10, 0, 28, 9, 0 }, 2, NEVER },
	{ &ondemand, &later, { 10, 0, 30, 9, 0 }, 0, NEVER },
	{ &ondemand, &later, { 10, 0, 90, 9, 0 }, 0, NEVER },
	/* spare ones: one, two, four … each second */
	{ &dynamic, &later, { 5, 3, 0, 0, 0 }, 0, NEVER },
	{ &dynamic, &later, { 5, 2, 0, 0, 0 }, 1, NEVER },
	{ &dynamic, &later, { 5, 1, 0, 0, 0 }, 1, NOW + 1000 },
	{ &dynamic, &step_1, { 5, 1, 0, 0, 0 }, 0, NOW + 200 },
	{ &dynamic, &step_2, { 5, 1, 0, 0, 0 }, 2, NEVER },
	{ &dynamic, &step_2, { 5, 0, 0, 0, 0 }, 2, NOW + 1000 },
	{ &dynamic, &used, { 5, 1, 0, 0, 0 }, 0, NOW + 700 },
	{ &dynamic, &both, { 5, 1, 0, 0, 0 }, 0, NOW + 200 },
	{ &dynamic, &step_1, { 20, 0, 0, 0, 0 }, 0, NEVER },
	{ &dynamic, &step_1, { 19, 0, 21, 0, 0 }, 0, NEVER },
	{ &dynamic, &step_1, { 19, 0, 20, 0, 0 }, 0, NOW + 200 },
	{ &dynamic, &later, { 19, 0, 0, 0, 0 }, 1, NEVER },
	/* clients come before spare ones, and do not wait for their step */
	{ &dynamic, &step_1, { 5, 0, 0, 2, 0 }, 2, NOW + 200 },
	{ &dynamic, &later, { 5, 0, 0, 2, 0 }, 3, NOW + 1000 },
	{ &dynamic, &later, { 5, 2, 0, 2, 0 }, 1, NOW + 1000 },
	{ &dynamic, &later, { 18, 0, 0, 5, 0 }, 2, NEVER },
};

/* clang-format on */

START_TEST(a_pool_grows_by_what_is_missing)
{
	struct pool_pace pace = *growths[_i].pace;
	int64_t again_ms = -1;

	ck_assert_uint_eq(pool_growth(growths[_i].rule, &growths[_i].load, &pace, NOW, &again_ms),
	    growths[_i].count);
	ck_assert_int_eq(again_ms, growths[_i].again_ms);
}

END_TEST

START_TEST(a_pool_begins_with_no_more_than_its_limit)
{
	struct pool_rule rule = dynamic;
	struct pool_load load = { 0 };
	struct pool_pace pace = fresh;
	int64_t again_ms;

	rule.start = 30;
	ck_assert_uint_eq(pool_growth(&rule, &load, &pace, NOW, &again_ms), 20);
	load.workers = load.idle = 19;
	ck_assert_uint_eq(pool_growth(&rule, &load, &pace, NOW + 5000, &again_ms), 0);
	ck_assert_int_eq(again_ms, NEVER);
}

END_TEST

START_TEST(numbers_at_the_end_of_their_range)
{
	const struct pool_rule rule = {
		.mode = POOL_DYNAMIC,
		.max = UINT_MAX,
		.min_spare = UINT_MAX,
		.max_spare = UINT_MAX,
		.start = UINT_MAX,
		.spawn_rate = UINT_MAX,
	};
	const struct pool_load load = { .workers = UINT_MAX - 1, .leaving = UINT_MAX };
	struct pool_pace pace = { .has_begun = true, .step = UINT_MAX };
	int64_t again_ms;

	ck_assert_uint_eq(pool_growth(&rule, &load, &pace, NOW, &again_ms), 1);
	ck_assert_uint_eq(pace.step, UINT_MAX);
}

END_TEST

/* A pool of 100 spare ones that has none gets 1, 2, 4 … a second, and begins anew once it had enough. */
START_TEST(steps_double_while_the_pool_does_not_suffice)
{
	static const unsigned wanted[] = { 1, 2, 4, 8, 16, 32, 37 };
	const struct pool_rule rule = { .mode = POOL_DYNAMIC,
		.max = 500,
		.min_spare = 100,
		.max_spare = 200,
		.spawn_rate = 64 };
	struct pool_load load = { .workers = 200 };
	struct pool_pace pace = later;
	int64_t now_ms = NOW, again_ms = 0;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		unsigned count = pool_growth(&rule, &load, &pace, now_ms, &again_ms);

		ck_assert_uint_eq(count, wanted[i]);
		load.workers += count;
		load.idle += count;
		if (load.idle == 100)
			break;
		ck_assert_int_eq(again_ms, now_ms + 1000);
		ck_assert_uint_eq(pool_growth(&rule, &load, &pace, now_ms + 999, &again_ms), 0);
		ck_assert_int_eq(again_ms, now_ms + 1000);
		now_ms = again_ms;
	}
	ck_assert_int_eq(again_ms, NEVER);
	ck_assert_uint_eq(pool_growth(&rule, &load, &pace, now_ms, &again_ms), 0);
	load.idle = 10;
	ck_assert_uint_eq(pool_growth(&rule, &load, &pace, now_ms, &again_ms), 1);
}

END_TEST

static const struct pool_pace surplus = { .shrink_ms = NOW + 400 };
static const struct pool_pace surplus_due = { .shrink_ms = NOW };
static const struct pool_pace ended = { .ended = POOL_END_STEP, .ended_ms = NOW - 5 };
static const struct pool_pace ended_then = { .ended = POOL_END_STEP,
	.ended_ms = NOW - POOL_MOMENT_MS };

/* clang-format off */
static const struct {
	const struct pool_rule *rule;
	const struct pool_pace *pace;
	struct pool_load load;
	bool shrinks;
	int64_t again_ms;
} shrinkings[] = {
	{ &fixed, &fresh, { 40, 40, 0, 0, 0 }, false, NEVER },
	{ &fixed, &fresh, { 41, 1, 0, 0, NOW }, true, NOW },
	{ &fixed, &fresh, { 41, 0, 0, 0, NOW }, false, NEVER },
	/* too many after the limit was lowered: at once */
	{ &dynamic, &surplus, { 21, 1, 0, 0, NOW }, true, NOW },
	{ &ondemand, &ended, { 21, 1, 0, 3, NOW }, true, NOW },
	/* above max_spare one a second */
	{ &dynamic, &fresh, { 9, 6, 0, 0, NOW }, false, NOW + 5000 },
	{ &dynamic, &fresh, { 9, 7, 0, 0, NOW }, true, NOW },
	{ &dynamic, &surplus, { 9, 7, 0, 0, NOW }, false, NOW + 400 },
	{ &dynamic, &surplus_due, { 9, 7, 0, 0, NOW }, true, NOW },
	{ &dynamic, &surplus, { 9, 7, 0, 0, NOW - 4900 }, false, NOW + 100 },
	/* beyond idle_timeout_ms, down to min_spare */
	{ &dynamic, &fresh, { 9, 3, 0, 0, 0 }, false, NEVER },
	{ &dynamic, &fresh, { 9, 4, 0, 0, NOW - 4999 }, false, NOW + 1 },
	{ &dynamic, &fresh, { 9, 4, 0, 0, NOW - 5000 }, true, NOW },
	{ &dynamic, &surplus, { 9, 7, 0, 0, NOW - 5000 }, true, NOW },
	{ &dynamic, &fresh, { 9, 4, 0, 1, NOW - 5000 }, false, NEVER },
	{ &ondemand, &fresh, { 1, 1, 0, 0, NOW - 4000 }, false, NOW + 1000 },
	{ &ondemand, &fresh, { 1, 1, 0, 0, 0 }, true, NOW },
	{ &ondemand, &fresh, { 1, 0, 0, 0, 0 }, false, NEVER },
	{ &ondemand, &fresh, { 1, 1, 0, 1, 0 }, false, NEVER },
	/* so many at a time */
	{ &ondemand, &ended, { 9, 9, 0, 0, 0 }, false, NOW - 5 + POOL_MOMENT_MS },
	{ &ondemand, &ended_then, { 9, 9, 0, 0, 0 }, true, NOW },
};

/* clang-format on */

START_TEST(a_pool_shrinks_by_what_is_too_much)
{
	struct pool_pace pace = *shrinkings[_i].pace;
	int64_t again_ms = -1;
	bool shrinks =
	    pool_shrinks(shrinkings[_i].rule, &shrinkings[_i].load, &pace, NOW, &again_ms);

	ck_assert(shrinks == shrinkings[_i].shrinks);
	ck_assert_int_eq(again_ms, shrinkings[_i].again_ms);
}

END_TEST

START_TEST(idle_workers_of_a_large_pool_end_in_steps)
{
	const struct pool_rule rule = { .mode = POOL_ONDEMAND, .max = 1000, .idle_timeout_ms = 10 };
	struct pool_load load = { .workers = 100, .idle = 100 };
	struct pool_pace pace = later;
	int64_t now_ms = NOW, again_ms = 0;

	for (unsigned left = 100; load.idle > 0; now_ms = again_ms) {
		while (pool_shrinks(&rule, &load, &pace, now_ms, &again_ms))
			load.workers = --load.idle;
		ck_assert_uint_eq(load.idle, left < POOL_END_STEP ? 0 : left - POOL_END_STEP);
		left = load.idle;
	}
	ck_assert_int_eq(again_ms, NEVER);
}

END_TEST

START_TEST(a_lowered_limit_holds_after_one_turn)
{
	const struct pool_load before = { .workers = 20, .idle = 15, .idle_ms = NOW };
	struct pool_rule rule = dynamic;
	struct pool_load load = before;
	struct pool_pace pace = later;
	int64_t again_ms;

	rule.max = 8;
	while (pool_shrinks(&rule, &load, &pace, NOW, &again_ms)) {
		load.workers--;
		load.idle--;
	}
	ck_assert_uint_eq(load.workers, 8);
	ck_assert_uint_eq(load.idle, 3);
	/* Those who leave count until they are gone. */
	load.leaving = 12;
	load.idle = 0;
	ck_assert_uint_eq(pool_growth(&rule, &load, &pace, NOW, &again_ms), 0);
}

END_TEST

START_TEST(workers_end_after_their_own_number_of_connections)
{
	bool seen[51] = { false };

	ck_assert_uint_eq(pool_requests(UINT_MAX, 12345), UINT_MAX);
	for (unsigned most = 1; most < 10; most++)
		ck_assert_uint_eq(pool_requests(most, most * 2654435761u), most);
	for (uint32_t i = 0; i < 100000; i++) {
		unsigned requests = pool_requests(500, i * 2654435761u);

		ck_assert(requests >= 450 && requests <= 500);
		seen[500 - requests] = true;
	}
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		ck_assert(seen[i]);
	ck_assert_uint_ge(pool_requests(UINT_MAX - 1, UINT32_MAX), 1);
}

END_TEST

/* A pool whose workers, clients and clock are numbers. */
enum { MOST = 64 };

struct simulation {
	struct pool_rule rule;
	struct pool_load load;
	struct pool_pace pace;
	int64_t idle_since[2 * MOST]; /* of the idle ones, the oldest first */
	int64_t now_ms, second_ms;
	unsigned started; /* within the second since second_ms, but for the beginning */
	uint32_t random;
};

static uint32_t
next_random(struct simulation *s)
{
	s->random = s->random * 1664525u + 1013904223u;
	return s->random >> 8;
}

static void
become_idle(struct simulation *s)
{
	s->idle_since[s->load.idle++] = s->now_ms;
}

/* The oldest, or the youngest, is idle no more. */
static void
leave_idle(struct simulation *s, bool is_oldest)
{
	s->load.idle--;
	for (unsigned i = 0; is_oldest && i < s->load.idle; i++)
		s->idle_since[i] = s->idle_since[i + 1];
}

static void
hand_over(struct simulation *s)
{
	while (s->load.waiting > 0 && s->load.idle > 0) {
		leave_idle(s, false);
		s->load.waiting--;
	}
}

static void
check_bounds(const struct simulation *s)
{
	const struct pool_rule *rule = &s->rule;

	ck_assert_uint_le(s->load.workers, rule->max);
	ck_assert_uint_le(s->load.workers + s->load.leaving, 2 * rule->max);
	ck_assert_uint_le(s->started, rule->spawn_rate);
}

/* What the pool lacks although there is room. */
static bool
is_short(const struct simulation *s)
{
	const struct pool_load *l = &s->load;

	if (l->workers >= s->rule.max || l->workers + l->leaving >= 2 * s->rule.max)
		return false;
	return s->rule.mode == POOL_STATIC || l->waiting > l->idle ||
	       (s->rule.mode == POOL_DYNAMIC && l->idle < s->rule.min_spare);
}

static int64_t
grow(struct simulation *s)
{
	int64_t again_ms;

	bool was_beginning = !s->pace.has_begun;
	unsigned count = pool_growth(&s->rule, &s->load, &s->pace, s->now_ms, &again_ms);
	if (s->second_ms != s->pace.second_ms) {
		ck_assert(s->pace.second_ms >= s->second_ms + 1000 || was_beginning);
		s->started = 0;
	}
	s->second_ms = s->pace.second_ms;
	s->started += was_beginning ? 0 : count;
	for (unsigned i = 0; i < count; i++) {
		s->load.workers++;
		become_idle(s);
	}
	check_bounds(s);
	hand_over(s);
	ck_assert_int_gt(again_ms, s->now_ms);
	ck_assert(again_ms <= s->now_ms + 2000 || again_ms == NEVER);
	if (is_short(s) && count == 0)
		ck_assert_int_lt(again_ms, NEVER);
	return again_ms;
}

static int64_t
shrink(struct simulation *s)
{
	int64_t again_ms;

	for (;;) {
		s->load.idle_ms = s->load.idle > 0 ? s->idle_since[0] : 0;
		if (!pool_shrinks(&s->rule, &s->load, &s->pace, s->now_ms, &again_ms))
			break;
		ck_assert_uint_gt(s->load.idle, 0);
		ck_assert(s->rule.mode != POOL_STATIC);
		leave_idle(s, true);
		s->load.workers--;
		s->load.leaving++;
		ck_assert(s->rule.mode != POOL_DYNAMIC || s->load.idle >= s->rule.min_spare);
	}
	ck_assert_int_gt(again_ms, s->now_ms);
	if (s->rule.mode == POOL_ONDEMAND && s->load.idle > 0)
		ck_assert_int_lt(again_ms, NEVER);
	return again_ms;
}

/* A client comes, one goes, a worker that was asked to end is gone, or any worker dies. */
static void
happen(struct simulation *s, bool is_busy)
{
	struct pool_load *l = &s->load;
	unsigned what = next_random(s) % 100, busy = l->workers - l->idle;

	if (what < (is_busy ? 45u : 15u)) {
		if (l->waiting < 200)
			l->waiting++;
	} else if (what < 70 && busy > 0) {
		become_idle(s);
	} else if (what < 97 && l->leaving > 0) {
		l->leaving--;
	} else if (what >= 97 && l->idle > 0) {
		leave_idle(s, true);
		l->workers--;
	} else if (what >= 97 && busy > 0) {
		l->workers--;
	}
	hand_over(s);
}

/* Nothing happens any more: what is due comes about by again_ms alone. */
static void
settle(struct simulation *s)
{
	s->load.leaving = 0;
	for (unsigned turns = 0;; turns++) {
		int64_t grow_ms = grow(s), shrink_ms = shrink(s);
		int64_t again_ms = grow_ms < shrink_ms ? grow_ms : shrink_ms;

		s->load.leaving = 0;
		ck_assert_uint_lt(turns, 1000);
		if (again_ms == NEVER)
			break;
		s->now_ms = again_ms;
	}
	ck_assert(!is_short(s));
	if (s->rule.mode == POOL_STATIC)
		ck_assert_uint_eq(s->load.workers, s->rule.max);
	else if (s->load.workers < s->rule.max)
		ck_assert_uint_eq(s->load.idle, s->rule.min_spare);
}

static const struct pool_rule simulated[] = {
	{ POOL_STATIC, 50, 0, 0, 0, 3, 5000 },
	{ POOL_STATIC, 1, 0, 0, 0, 1, 1 },
	{ POOL_DYNAMIC, 50, 5, 10, 20, 10, 5000 },
	{ POOL_DYNAMIC, MOST, 1, 1, 0, 1000, 300 },
	{ POOL_DYNAMIC, 8, 8, 8, 8, 2, 10 },
	{ POOL_DYNAMIC, MOST, 20, 3, 40, 7, 500 },
	{ POOL_ONDEMAND, 30, 0, 0, 0, 5, 2000 },
	{ POOL_ONDEMAND, 1, 0, 0, 0, 1, 60000 },
};

START_TEST(an_hour_of_clients)
{
	struct simulation s = { .rule = simulated[_i], .random = 4711 + (uint32_t)_i };
	const int64_t hour_ms = 3600000;

	while (s.now_ms < hour_ms) {
		int64_t grow_ms = grow(&s), shrink_ms = shrink(&s);
		int64_t again_ms = grow_ms < shrink_ms ? grow_ms : shrink_ms;
		int64_t event_ms = s.now_ms + next_random(&s) % 200;

		if (again_ms < event_ms) {
			s.now_ms = again_ms;
			continue;
		}
		s.now_ms = event_ms;
		happen(&s, s.now_ms / 60000 % 2 == 0);
		if (next_random(&s) % 5000 == 0)
			settle(&s);
	}
	s.load.waiting = 0;
	settle(&s);
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST_LOOP(a_pool_grows_by_what_is_missing, (int)ARRAY_LEN(growths)),
		TEST(a_pool_begins_with_no_more_than_its_limit),
		TEST(numbers_at_the_end_of_their_range),
		TEST(steps_double_while_the_pool_does_not_suffice),
		TEST_LOOP(a_pool_shrinks_by_what_is_too_much, (int)ARRAY_LEN(shrinkings)),
		TEST(idle_workers_of_a_large_pool_end_in_steps),
		TEST(a_lowered_limit_holds_after_one_turn),
		TEST(workers_end_after_their_own_number_of_connections),
		TEST_LOOP(an_hour_of_clients, (int)ARRAY_LEN(simulated)),
	};

	return run_suite("pool_size", tests, ARRAY_LEN(tests));
}
