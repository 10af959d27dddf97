/* SPDX-License-Identifier: MIT */
/* Input that is no configuration at all. */
#include <stdio.h>
#include <sys/stat.h>

#include "load/load.h"
#include "stand_in.h"
#include "suite.h"

static void
expect_one_error(const char *path, enum cause cause)
{
	struct problems problems = { 0 };
	struct config *c = config_load(path, &stand_in_root, &problems);

	ck_assert_uint_ge(problems.by_severity[SEVERITY_ERROR], 1);
	ck_assert_int_eq(problems.item[0].cause, cause);
	ck_assert_uint_eq(c->count, 0);
	problems_done(&problems);
	config_unref(c);
}

START_TEST(what_is_no_file_is_not_read)
{
	char dir[] = "/tmp/porter-load-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(dir));
	char *fifo = mem_format("%s/fifo", dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	expect_one_error(dir, CAUSE_TEXT);
	expect_one_error(fifo, CAUSE_TEXT);
	expect_one_error("/dev/zero", CAUSE_TEXT);
	expect_one_error("/nonexistent", CAUSE_TEXT);
	unlink(fifo);
	rmdir(dir);
	free(fifo);
}

END_TEST

START_TEST(a_line_of_a_megabyte_is_read_or_refused)
{
	static const struct {
		const char *before, *piece;
	} lines[] = {
		{ "server_args = ", "x" },
		{ "server_args = ", "x " },
		{ "env = ", "A=1 " },
		{ "bind = ", "127.0.0.1," },
		{ "port = ", "1 " },
		{ "instances = ", "9" },
		{ "flags = ", "REUSE," },
		{ "passenv = ", "'" },
		{ "nix", "nix" },
		{ "listen = {", "\"unix:/a\", " },
		{ "user = ", "((" },
		{ "log_type = ", "FILE " },
		{ "only_from = ", "10.0.0.1 " },
		{ "only_from = ", "10.0.0.{1,2}," },
		{ "no_access = ", "nowhere.example " },
		{ "only_from = 10.0.0.1\n\tonly_from -= ", "1.1.1.1 " },
		{ "access_times = ", "1:00-2:00 " },
		{ "only_from = 10.0.0.", "{1," },
	};

	const size_t size = 1 << 20;
	struct problems problems = { 0 };
	char *text = mem_alloc(size + 4096);
	size_t piece_len = strlen(lines[_i].piece);

	strcpy(text,
	    "service a\n{\n\tport = 3600\n\tuser = root\n\twait = no\n\tserver = /bin/cat\n\t");
	strcat(text, lines[_i].before);
	for (size_t at = strlen(text); at < size; at += piece_len)
		memcpy(text + at, lines[_i].piece, piece_len);
	strcat(text,
	    "\n}\nservice b\n{\n\tport = 3601\n\tuser = root\n\twait = no\n\tserver = /bin/cat\n}\n");
	struct config *c = stand_in_load(text, &stand_in_root, &problems);
	ck_assert_int_eq(stand_in_find(c, "b")->state, CONF_OK);
	config_unref(c);
	problems_done(&problems);
	free(text);
}

END_TEST

START_TEST(any_bytes_are_survived)
{
	unsigned seed = 1 + (unsigned)_i;
	char bytes[2048];
	struct problems problems = { 0 };

	strcpy(bytes, "service a\n{\n\tport = ");
	for (size_t i = strlen(bytes); i < sizeof(bytes) - 1; i++) {
		static const char some[] = "{}\"'=+-\n\n\t  #/*,ab\\$\x80\xff\r";

		seed = seed * 1103515245 + 12345;
		bytes[i] = some[(seed >> 16) % (sizeof(some) - 1)];
	}
	bytes[sizeof(bytes) - 1] = '\0';
	struct config *c = stand_in_load(bytes, &stand_in_root, &problems);
	FILE *out = fopen("/dev/null", "w");

	config_dump(c, out);
	fclose(out);
	config_unref(c);
	problems_done(&problems);
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST(what_is_no_file_is_not_read),
		TEST_LOOP(a_line_of_a_megabyte_is_read_or_refused, 18),
		TEST_LOOP(any_bytes_are_survived, 100),
	};

	return run_suite("bad input", tests, ARRAY_LEN(tests));
}
