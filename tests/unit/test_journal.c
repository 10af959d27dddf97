/* SPDX-License-Identifier: MIT */
#include "base/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "suite.h"

#define LONGEST 4096

static void
add(uint64_t connection, const char *service, const char *text)
{
	const struct journal_record r = {
		.kind = JOURNAL_ACTIVITY,
		.level = LOG_LEVEL_INFO,
		.connection = connection,
		.service = service,
		.text = text,
	};

	journal_add(&r);
}

/* A record whose text tells its number, followed by as many bytes. */
static void
add_numbered(unsigned number, size_t more)
{
	char text[LONGEST * 2];

	memset(text, 'x', sizeof(text));
	text[snprintf(text, sizeof(text), "%08u ", number)] = 'x';
	text[9 + more] = '\0';
	add(number, "echo", text);
}

START_TEST(what_was_added_is_read)
{
	struct journal_record r;
	uint64_t seq = journal_next(), lost = 0;
	const int64_t before = (int64_t)time(NULL) * 1000;

	journal_open(16384);
	ck_assert(!journal_read(&seq, &r, &lost));
	add(7, "echo", "START: echo pid=1");
	const struct journal_record trouble = {
		.kind = JOURNAL_DAEMON,
		.level = LOG_LEVEL_ERR,
		.text = "",
	};
	journal_add(&trouble);
	ck_assert(journal_read(&seq, &r, &lost));
	ck_assert_uint_eq(r.seq, 1);
	ck_assert_int_eq(r.kind, JOURNAL_ACTIVITY);
	ck_assert_int_eq(r.level, LOG_LEVEL_INFO);
	ck_assert_uint_eq(r.connection, 7);
	ck_assert_str_eq(r.service, "echo");
	ck_assert_str_eq(r.text, "START: echo pid=1");
	ck_assert_int_ge(r.wall_ms, before);
	ck_assert_int_le(r.wall_ms, (int64_t)(time(NULL) + 1) * 1000);
	ck_assert(journal_read(&seq, &r, &lost));
	ck_assert_uint_eq(r.seq, 2);
	ck_assert_int_eq(r.kind, JOURNAL_DAEMON);
	ck_assert_int_eq(r.level, LOG_LEVEL_ERR);
	ck_assert_uint_eq(r.connection, 0);
	ck_assert_ptr_null(r.service);
	ck_assert_str_eq(r.text, "");
	ck_assert(!journal_read(&seq, &r, &lost));
	ck_assert_uint_eq(seq, journal_next());
	ck_assert_uint_eq(lost, 0);
}

END_TEST

START_TEST(closed_nothing_is_kept)
{
	struct journal_record r;
	uint64_t seq = 0, lost = 0;

	add(1, NULL, "before it was opened");
	journal_open(0);
	add(2, NULL, "with size 0");
	ck_assert(!journal_read(&seq, &r, &lost));
	ck_assert_uint_eq(journal_next(), 1);
	journal_open(1);
	add(3, NULL, "kept");
	journal_close();
	add(4, NULL, "after it was closed");
	seq = 1;
	ck_assert(!journal_read(&seq, &r, &lost));
	ck_assert_uint_eq(lost, 1);
	journal_open(1);
	add(5, NULL, "kept again");
	ck_assert(journal_read(&seq, &r, &lost));
	ck_assert_uint_eq(r.seq, 2);
	ck_assert_uint_eq(r.connection, 5);
	ck_assert_uint_eq(lost, 1);
}

END_TEST

/* Every size of record passes the end of the ring in every manner; a reader that follows misses nothing, and what one
 * that comes late finds are the latest, all whole. */
START_TEST(the_newest_overwrite_the_oldest)
{
	struct journal_record r;
	uint64_t follower = 0, late = 0, lost = 0, latest = 0;

	journal_open(5000);
	for (unsigned i = 1; i <= 6000; i++) {
		add_numbered(i, i * 7919u % (i % 100 == 0 ? 4000 : 150));
		ck_assert(journal_read(&follower, &r, &lost));
		ck_assert_uint_eq(r.connection, i);
		ck_assert_uint_eq((uint64_t)atoll(r.text), i);
		ck_assert_uint_eq(strlen(r.text), 9 + i * 7919u % (i % 100 == 0 ? 4000 : 150));
		ck_assert_str_eq(r.service, "echo");
		ck_assert(!journal_read(&follower, &r, &lost));
		for (late = i % 8 == 0 ? 0 : i; journal_read(&late, &r, &lost); latest = r.seq) {
			ck_assert_uint_eq((uint64_t)atoll(r.text), r.seq);
			ck_assert_uint_eq(r.connection, r.seq);
			ck_assert_uint_eq(late, r.seq + 1);
		}
		ck_assert_uint_eq(latest, i);
	}
	ck_assert_uint_eq(lost, 0);
}

END_TEST

START_TEST(a_reader_behind_is_told_how_many_it_missed)
{
	struct journal_record r;
	uint64_t seq = 1, lost = 0, n = 0;

	journal_open(8192);
	for (unsigned i = 1; i <= 1000; i++)
		add_numbered(i, 10);
	while (journal_read(&seq, &r, &lost)) {
		if (n == 0)
			ck_assert_uint_eq(r.seq, lost + 1);
		n++;
	}
	ck_assert_uint_gt(n, 50);
	ck_assert_uint_eq(n + lost, 1000);
	for (unsigned i = 0; i < 500; i++)
		add_numbered(i, 10);
	ck_assert(journal_read(&seq, &r, &lost));
	ck_assert_uint_eq(n + lost, r.seq - 1);
}

END_TEST

START_TEST(long_texts_are_cut)
{
	static char text[LONGEST * 3], service[1000];
	struct journal_record r;
	uint64_t seq = 0, lost = 0;

	memset(text, 't', sizeof(text) - 1);
	memset(service, 's', sizeof(service) - 1);
	journal_open(1);
	for (unsigned i = 0; i < 10; i++) {
		add(i, service, text);
		ck_assert(journal_read(&seq, &r, &lost));
		ck_assert_uint_eq(r.connection, i);
		ck_assert_uint_eq(strlen(r.text), LONGEST);
		ck_assert_uint_eq(strspn(r.text, "t"), LONGEST);
		ck_assert_uint_eq(strspn(r.service, "s"), strlen(r.service));
		ck_assert_uint_ge(strlen(r.service), 64);
	}
	ck_assert_uint_eq(lost, 0);
}

END_TEST

START_TEST(numbers_go_on_from_elsewhere)
{
	struct journal_record r;
	uint64_t seq = 900, lost = 0;

	journal_open(1);
	add(1, NULL, "of its own");
	journal_go_on(1000);
	add(2, NULL, "taken over");
	ck_assert(journal_read(&seq, &r, &lost));
	ck_assert_uint_eq(r.seq, 1000);
	ck_assert_uint_eq(lost, 100);
	ck_assert_uint_eq(journal_next(), 1001);
}

END_TEST

static void
note(void *arg)
{
	uint64_t *count = arg;

	++*count;
	ck_assert_uint_eq(journal_next(), *count + 1);
}

START_TEST(the_listener_is_called_after_each_record)
{
	uint64_t count = 0;

	journal_set_listener(note, &count);
	add(1, NULL, "nobody is there to hear");
	ck_assert_uint_eq(count, 0);
	journal_open(1);
	add(1, NULL, "one");
	ck_assert_uint_eq(count, 1);
	add(1, NULL, "two");
	ck_assert_uint_eq(count, 2);
	journal_set_listener(NULL, NULL);
	add(1, NULL, "three");
	ck_assert_uint_eq(count, 2);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(what_was_added_is_read),
	TEST(closed_nothing_is_kept),
	TEST(the_newest_overwrite_the_oldest),
	TEST(a_reader_behind_is_told_how_many_it_missed),
	TEST(long_texts_are_cut),
	TEST(numbers_go_on_from_elsewhere),
	TEST(the_listener_is_called_after_each_record),
};

int
main(void)
{
	return run_suite("journal", tests, ARRAY_LEN(tests));
}
