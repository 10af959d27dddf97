/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "control/json_text.h"
#include "control/request.h"
#include "unit/suite.h"

/* Nothing is called. */
static const struct command table[] = {
	{ "status", ROLE_LOOK, NULL, 0, { NULL }, "" },
	{ "logs", ROLE_LOOK, NULL, 0, { "follow", "lines", "service", "match" }, "" },
	{ "set", ROLE_ADMIN, NULL, 0, { "!service", "!name", "!value" }, "" },
	{ "kill", ROLE_ADMIN, NULL, 0, { "service", "pid", "signal" }, "" },
};

/* The code of the fault; NULL: it is a request. */
static const char *
judge(const char *line, struct request_fault *f)
{
	json_t *args = request_parse(line, strlen(line), f);
	const struct command *row =
	    args != NULL ? request_find(table, ARRAY_LEN(table), args, f) : NULL;
	bool is_fine = row != NULL && request_check(row, args, f);

	json_decref(args);
	return is_fine ? NULL : f->code;
}

static const struct {
	const char *line, *code, *words; /* words: of the sentence */
} rows[] = {
	{ "{\"command\":\"status\"}", NULL, NULL },
	{ " {\"command\" : \"status\", \"id\" : null, \"protocol\" : 1} ", NULL, NULL },
	{ "{\"command\":\"logs\",\"follow\":false,\"lines\":0}", NULL, NULL },
	{ "{\"command\":\"kill\",\"pid\":7,\"signal\":\"HUP\"}", NULL, NULL },
	{ "{\"command\":\"kill\",\"pid\":7,\"signal\":1}", NULL, NULL },
	{ "", "bad-request", "JSON object" },
	{ "status", "bad-request", "JSON object" },
	{ "[]", "bad-request", "JSON object" },
	{ "{\"command\":\"status\"} {}", "bad-request", "at byte" },
	{ "{\"command\":\"status\",\"command\":\"set\"}", "bad-request", "duplicate" },
	{ "{\"command\":\"st\xffo\"}", "bad-request", "at byte" },
	{ "{\"command\":\"status\\u0000\"}", "bad-request", "at byte" },
	{ "{}", "bad-request", "needs a command" },
	{ "{\"command\":7}", "bad-request", "needs a command" },
	{ "{\"command\":\"status\",\"id\":[]}", "bad-request", "id must be" },
	{ "{\"command\":\"status\",\"protocol\":\"1\"}", "bad-request", "protocol must be" },
	{ "{\"command\":\"status\",\"protocol\":2}", "protocol", "version 1" },
	{ "{\"command\":\"Status\"}", "unknown-command", "no command Status" },
	{ "{\"command\":\"a b\\u001b\"}", "unknown-command", "no command \"a b\\x1b\"" },
	{ "{\"command\":\"status\",\"service\":\"echo\"}", "bad-request",
	    "takes no argument service" },
	{ "{\"command\":\"logs\",\"follow\":1}", "bad-request", "follow must be true or false" },
	{ "{\"command\":\"logs\",\"lines\":1.5}", "bad-request", "lines must be a whole number" },
	{ "{\"command\":\"logs\",\"match\":null}", "bad-request", "match must be a string" },
	{ "{\"command\":\"kill\",\"signal\":[]}", "bad-request",
	    "signal must be a name or a number" },
	{ "{\"command\":\"set\",\"service\":\"x\",\"name\":\"y\"}", "bad-request",
	    "needs the argument value" },
};

START_TEST(lines_fit_the_table_or_get_a_reason)
{
	struct request_fault f = { 0 };
	const char *code = judge(rows[_i].line, &f);

	if (rows[_i].code == NULL) {
		ck_assert_msg(code == NULL, "%s: %s", rows[_i].line, f.text);
		return;
	}
	ck_assert_msg(code != NULL, "%s", rows[_i].line);
	ck_assert_str_eq(code, rows[_i].code);
	ck_assert_msg(strstr(f.text, rows[_i].words) != NULL, "%s: %s", rows[_i].line, f.text);
}

END_TEST

START_TEST(depth_is_bounded)
{
	struct request_fault f = { 0 };
	char line[65536];

	memset(line, '[', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	ck_assert_str_eq(judge(line, &f), "bad-request");
}

END_TEST

START_TEST(each_row_of_the_table_can_be_asked)
{
	for (size_t i = 0; i < command_count; i++) {
		ck_assert_ptr_nonnull(commands[i].fn);
		ck_assert(commands[i].role == ROLE_LOOK || commands[i].role == ROLE_ADMIN);
		ck_assert_uint_gt(strlen(commands[i].text), 0);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(commands[i].name, commands[k].name);
	}
}

END_TEST

START_TEST(text_is_always_a_string)
{
	static const struct {
		const char *text, *json;
	} texts[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "\xc3\xa9 \xe2\x82\xac", "\xc3\xa9 \xe2\x82\xac" },
		{ "a\xff"
		  "b",
		    "a\\xffb" },
		{ "\xc3", "\\xc3" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\x1b[m", "\x1b[m" },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		json_t *j = json_text(texts[i].text);

		ck_assert_str_eq(json_string_value(j), texts[i].json);
		json_decref(j);
	}
	ck_assert(json_is_null(json_text(NULL)));
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(lines_fit_the_table_or_get_a_reason, ARRAY_LEN(rows)),
	TEST(depth_is_bounded),
	TEST(each_row_of_the_table_can_be_asked),
	TEST(text_is_always_a_string),
};

int
main(void)
{
	return run_suite("request", tests, ARRAY_LEN(tests));
}
