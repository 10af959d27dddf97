/* SPDX-License-Identifier: MIT */
/* The three forms of a line about a client, and that of the daemon's own messages in JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log_format.h"
#include "base/mem.h"
#include "base/quote.h"
#include "run/activity_format.h"
#include "suite.h"

/* 2026-05-31T21:59:59.007Z */
#define WALL_MS INT64_C(1780264799007)

static char text[16384];

/* With a byte behind the line that must not be touched. */
static const char *
formatted(enum conf_log_format format, const struct activity_event *e)
{
	struct line l = { .text = text, .size = ACTIVITY_LINE_SIZE };

	memset(text, '#', sizeof(text));
	activity_format(&l, format, e);
	ck_assert_uint_lt(l.len, ACTIVITY_LINE_SIZE);
	ck_assert_uint_eq(strlen(text), l.len);
	ck_assert_int_eq(text[ACTIVITY_LINE_SIZE], '#');
	ck_assert_ptr_null(strchr(text, '\n'));
	return text;
}

/* A JSON object, without a member twice. */
static json_t *
parsed(const char *line)
{
	json_error_t error;
	json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(json_is_object(j), "%s: %s", error.text, line);
	return j;
}

static const char *
text_of(const json_t *j, const char *key)
{
	const char *value = json_string_value(json_object_get(j, key));

	ck_assert_msg(value != NULL, "no text '%s'", key);
	return value;
}

static struct addr
address(const char *host)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, host, 4000), 0);
	return a;
}

static struct activity_event
event(enum activity_kind kind, const struct addr *peer)
{
	struct activity_event e = { .kind = kind, .service = "echo", .wall_ms = WALL_MS };

	e.peer = peer;
	e.fields = 1u << FIELD_FROM;
	activity_number(&e, FIELD_CONN, 7);
	return e;
}

START_TEST(start_in_each_form)
{
	const struct addr peer = address("192.0.2.1");
	struct activity_event e = event(ACTIVITY_START, &peer);

	setenv("TZ", "XYZ-5:30", 1);
	tzset();
	activity_number(&e, FIELD_PID, 4711);
	ck_assert_str_eq(
	    formatted(CONF_FORMAT_XINETD, &e), "START: echo pid=4711 from=192.0.2.1 conn=7");
	ck_assert_str_eq(formatted(CONF_FORMAT_LOGFMT, &e),
	    "event=START service=echo pid=4711 from=192.0.2.1 port=4000 conn=7 "
	    "time=2026-06-01T03:29:59.007+05:30");
	ck_assert_str_eq(formatted(CONF_FORMAT_JSON, &e),
	    "{\"time\":\"2026-06-01T03:29:59.007+05:30\",\"event\":\"START\",\"service\":\"echo\","
	    "\"pid\":4711,\"from\":\"192.0.2.1\",\"port\":4000,\"conn\":7}");
	json_decref(parsed(text));
}

END_TEST

START_TEST(exit_in_each_form)
{
	struct activity_event e = { .kind = ACTIVITY_EXIT, .service = "echo", .wall_ms = WALL_MS };

	setenv("TZ", "XYZ8", 1);
	tzset();
	activity_number(&e, FIELD_STATUS, 3);
	activity_number(&e, FIELD_PID, 4711);
	activity_number(&e, FIELD_DURATION, 61999);
	activity_number(&e, FIELD_CPU, 1005);
	activity_number(&e, FIELD_RSS, 5120);
	activity_number(&e, FIELD_READ, 512);
	activity_number(&e, FIELD_WRITTEN, 1024);
	activity_number(&e, FIELD_BYTES_IN, 17);
	activity_number(&e, FIELD_BYTES_OUT, UINT64_C(99999999999));
	activity_text(&e, FIELD_RESULT, "all \"well\"");
	activity_number(&e, FIELD_CONN, UINT64_MAX);
	ck_assert_str_eq(formatted(CONF_FORMAT_XINETD, &e),
	    "EXIT: echo status=3 pid=4711 duration=61(sec) cpu=1.005(sec) rss=5120(kB) read=512 "
	    "written=1024 bytes=17/99999999999 result=\"all \\\"well\\\"\" conn=18446744073709551615");
	ck_assert_str_eq(formatted(CONF_FORMAT_LOGFMT, &e),
	    "event=EXIT service=echo status=3 pid=4711 duration=61.999 cpu=1.005 rss_kb=5120 "
	    "read=512 written=1024 bytes_in=17 bytes_out=99999999999 "
	    "result=\"all \\\"well\\\"\" conn=18446744073709551615 "
	    "time=2026-05-31T13:59:59.007-08:00");
	activity_number(&e, FIELD_CONN, 7);
	json_t *j = parsed(formatted(CONF_FORMAT_JSON, &e));
	ck_assert_str_eq(text_of(j, "result"), "all \"well\"");
	ck_assert(json_real_value(json_object_get(j, "duration")) == 61.999);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "bytes_out")), 99999999999);
	ck_assert_uint_eq(json_object_size(j), 14);
	json_decref(j);
}

END_TEST

START_TEST(traffic_as_xinetd_says_it)
{
	struct activity_event e = {
		.kind = ACTIVITY_TRAFFIC, .service = "echo", .wall_ms = WALL_MS
	};

	activity_number(&e, FIELD_TRAFFIC_IN, 17);
	activity_number(&e, FIELD_TRAFFIC_OUT, 0);
	activity_number(&e, FIELD_CONN, 7);
	ck_assert_str_eq(
	    formatted(CONF_FORMAT_XINETD, &e), "TRAFFIC: echo in=17(bytes) out=0(bytes) conn=7");
}

END_TEST

START_TEST(fail_lines_of_an_address_end_with_it)
{
	static const struct {
		const char *reason, *line;
	} cases[] = {
		{ "service_limit", "FAIL: echo service_limit from=2001:db8::1 conn=7" },
		{ "address", "FAIL: echo address from=2001:db8::1" },
		{ "libwrap", "FAIL: echo libwrap from=2001:db8::1" },
		{ "addresses", "FAIL: echo addresses from=2001:db8::1 conn=7" },
	};
	const struct addr peer = address("2001:db8::1");
	struct activity_event e = event(ACTIVITY_FAIL, &peer);

	activity_text(&e, FIELD_REASON, cases[_i].reason);
	ck_assert_str_eq(formatted(CONF_FORMAT_XINETD, &e), cases[_i].line);
	json_t *j = parsed(formatted(CONF_FORMAT_JSON, &e));
	ck_assert_str_eq(text_of(j, "reason"), cases[_i].reason);
	ck_assert_str_eq(text_of(j, "from"), "2001:db8::1");
	ck_assert_int_eq(json_integer_value(json_object_get(j, "conn")), 7);
	json_decref(j);
	ck_assert_ptr_nonnull(
	    strstr(formatted(CONF_FORMAT_LOGFMT, &e), " from=2001:db8::1 port=4000 conn=7 time="));
}

END_TEST

START_TEST(peers_without_an_address)
{
	struct addr unknown = { 0 }, local;
	struct activity_event e = event(ACTIVITY_START, &unknown);

	ck_assert_str_eq(formatted(CONF_FORMAT_XINETD, &e), "START: echo from=<no address> conn=7");
	ck_assert_ptr_null(strstr(formatted(CONF_FORMAT_LOGFMT, &e), "from="));
	json_t *j = parsed(formatted(CONF_FORMAT_JSON, &e));
	ck_assert_ptr_null(json_object_get(j, "from"));
	json_decref(j);
	ck_assert_int_eq(addr_unix(&local, "/run/\"x\".sock"), 0);
	e.peer = &local;
	ck_assert_str_eq(formatted(CONF_FORMAT_XINETD, &e), "START: echo from=unix conn=7");
	j = parsed(formatted(CONF_FORMAT_JSON, &e));
	ck_assert_str_eq(text_of(j, "from"), "unix");
	ck_assert_ptr_null(json_object_get(j, "port"));
	json_decref(j);
}

END_TEST

static const char *const hostile[] = {
	"",
	"two words",
	"quote\"backslash\\",
	"new\nline\r\ttab\x01\x1f\x7f",
	"FAIL: x address from=192.0.2.1",
	"\",\"event\":\"FORGED",
	"\xff\xfe",
	"cut \xe2\x82",
	"overlong \xc0\xaf surrogate \xed\xa0\x80 above \xf4\x90\x80\x80",
	"\xc2\x9b[31m",
	"\xe2\x82\xac \xf0\x9f\x98\x80",
	"%s%n",
};

/* Whatever the id and the result hold, the line is one line, and a JSON object with the same members. */
START_TEST(hostile_texts_stay_within)
{
	const struct addr peer = address("192.0.2.1");
	struct activity_event e = event(ACTIVITY_EXIT, &peer);
	size_t members;

	activity_text(&e, FIELD_RESULT, "result");
	json_t *j = parsed(formatted(CONF_FORMAT_JSON, &e));
	members = json_object_size(j);
	json_decref(j);
	e.service = hostile[_i];
	activity_text(&e, FIELD_RESULT, hostile[_i]);
	j = parsed(formatted(CONF_FORMAT_JSON, &e));
	ck_assert_uint_eq(json_object_size(j), members);
	ck_assert_str_eq(text_of(j, "event"), "EXIT");
	ck_assert_str_eq(text_of(j, "result"), text_of(j, "service"));
	json_decref(j);
	for (int f = CONF_FORMAT_XINETD; f <= CONF_FORMAT_JSON; f++) {
		formatted((enum conf_log_format)f, &e);
		for (const char *c = text; *c != '\0'; c++)
			ck_assert((unsigned char)*c >= ' ' && *c != 0x7f);
		ck_assert_ptr_null(strstr(text, "\xc2\x9b"));
	}
}

END_TEST

START_TEST(valid_text_reads_back)
{
	static const int valid[] = { 0, 1, 2, 3, 4, 5, 9, 10, 11 };
	const struct addr peer = address("192.0.2.1");
	struct activity_event e = event(ACTIVITY_EXIT, &peer);

	e.service = hostile[valid[_i]];
	json_t *j = parsed(formatted(CONF_FORMAT_JSON, &e));
	ck_assert_str_eq(text_of(j, "service"), e.service);
	json_decref(j);
}

END_TEST

START_TEST(long_texts_are_cut)
{
	static const char *const units[] = { "a", "\"", "\x01", "\xff", "\xf0\x9f\x98\x80" };
	const struct addr peer = address("192.0.2.1");
	struct activity_event e = event(ACTIVITY_EXIT, &peer);
	static char name[5000], result[257];

	while (strlen(name) + strlen(units[_i]) <= 4096)
		strcat(name, units[_i]);
	while (strlen(result) + strlen(units[_i]) <= 256)
		strcat(result, units[_i]);
	e.service = name;
	activity_text(&e, FIELD_RESULT, result);
	json_t *j = parsed(formatted(CONF_FORMAT_JSON, &e));
	ck_assert_int_eq(json_integer_value(json_object_get(j, "conn")), 7);
	ck_assert_uint_gt(strlen(text_of(j, "service")), 200);
	json_decref(j);
	ck_assert_ptr_nonnull(strstr(formatted(CONF_FORMAT_XINETD, &e), " conn=7"));
	ck_assert_ptr_nonnull(strstr(formatted(CONF_FORMAT_LOGFMT, &e), " conn=7 time="));
	/* Even alone they do not break it. */
	activity_text(&e, FIELD_RESULT, name);
	json_decref(parsed(formatted(CONF_FORMAT_JSON, &e)));
	formatted(CONF_FORMAT_XINETD, &e);
	formatted(CONF_FORMAT_LOGFMT, &e);
}

END_TEST

static json_t *
message(const char *of)
{
	const struct log_head head = { .wall_ms = WALL_MS, .level = "warning", .pid = 12 };
	struct line l = { .text = text, .size = sizeof(text) - 1 };

	memset(text, '#', sizeof(text));
	log_format_json(&l, &head, of);
	ck_assert_uint_eq(strlen(text), l.len);
	json_t *j = parsed(text);
	ck_assert_str_eq(text_of(j, "level"), "warning");
	ck_assert_int_eq(json_integer_value(json_object_get(j, "daemon_pid")), 12);
	ck_assert_uint_eq(strlen(text_of(j, "time")), strlen("2026-05-31T23:59:59.007+00:00"));
	return j;
}

START_TEST(words_of_a_message_become_members)
{
	json_t *j = message("event=worker-lost service=17 pid=4711 conn=9 left-out=0 pause=5(ms) "
			    "status=007 empty= reason=\"it said \\\"no\\\" \\\\ \\xff\" a=\"\"");

	ck_assert_str_eq(text_of(j, "event"), "worker-lost");
	ck_assert_str_eq(text_of(j, "service"), "17");
	ck_assert_int_eq(json_integer_value(json_object_get(j, "pid")), 4711);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "conn")), 9);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "left-out")), 0);
	ck_assert_str_eq(text_of(j, "pause"), "5(ms)");
	ck_assert_str_eq(text_of(j, "status"), "007");
	ck_assert_str_eq(text_of(j, "empty"), "");
	ck_assert_str_eq(text_of(j, "reason"), "it said \"no\" \\ \\xff");
	ck_assert_str_eq(text_of(j, "a"), "");
	json_decref(j);
}

END_TEST

START_TEST(other_messages_are_one_member)
{
	static const char *const texts[] = {
		"x.conf:7:1: error: 'a' is unknown",
		"event=x event=y",
		"event=x time=now",
		"event=x daemon_pid=1",
		"event=x reason=\"not closed",
		"event=x reason=\"closed\"behind",
		"event=x path=a\"b\"",
		"event=x free words",
		"event=x Key=1",
		"=x",
		"",
		"event=x reason=\"\\",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz=1",
	};
	json_t *j = message(texts[_i]);

	ck_assert_str_eq(text_of(j, "message"), texts[_i]);
	ck_assert_uint_eq(json_object_size(j), 4);
	json_decref(j);
}

END_TEST

START_TEST(messages_of_any_bytes_and_length)
{
	static char long_text[8192];
	unsigned random = 1;

	for (unsigned round = 0; round < 2000; round++) {
		static const char some[] = "event=x a=\"\\\xff\xe2\x82\xac b=1 ";
		size_t len = round < 4 ? sizeof(long_text) - 1 : round % 200;

		for (size_t i = 0; i < len; i++) {
			random = random * 1664525u + 1013904223u;
			long_text[i] = some[(random >> 16) % (sizeof(some) - 1)];
		}
		long_text[len] = '\0';
		json_decref(message(long_text));
	}
}

END_TEST

START_TEST(a_key_is_found_where_it_is_a_key)
{
	static const char line[] =
	    "event=stderr text=\"service=forged conn=1\" service=real conn=22";
	size_t len = 0;
	const char *found = log_format_find(line, "service", &len);

	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(len, 4);
	ck_assert_int_eq(strncmp(found, "real", len), 0);
	ck_assert_ptr_nonnull(log_format_find(line, "conn", &len));
	ck_assert_uint_eq(len, 2);
	ck_assert_ptr_null(log_format_find(line, "con", &len));
	ck_assert_ptr_null(log_format_find("x.conf:7: service=x", "service", &len));
	ck_assert_ptr_nonnull(log_format_find("service=\"two words\"", "service", &len));
	ck_assert_uint_eq(len, 9);
}

END_TEST

START_TEST(json_text_is_cut_between_characters)
{
	char out[32];

	for (size_t size = 1; size < sizeof(out); size++) {
		static const char from[] = "a\"\xe2\x82\xac\x01\xff";
		size_t len = quote_json(from, sizeof(from) - 1, out, size);
		char object[64];

		ck_assert_uint_lt(len, size);
		ck_assert_uint_eq(strlen(out), len);
		snprintf(object, sizeof(object), "{\"x\":\"%s\"}", out);
		json_decref(parsed(object));
	}
}

END_TEST

static const struct suite_test tests[] = {
	TEST(start_in_each_form),
	TEST(exit_in_each_form),
	TEST(traffic_as_xinetd_says_it),
	TEST_LOOP(fail_lines_of_an_address_end_with_it, 4),
	TEST(peers_without_an_address),
	TEST_LOOP(hostile_texts_stay_within, ARRAY_LEN(hostile)),
	TEST_LOOP(valid_text_reads_back, 9),
	TEST_LOOP(long_texts_are_cut, 5),
	TEST(words_of_a_message_become_members),
	TEST_LOOP(other_messages_are_one_member, 13),
	TEST(messages_of_any_bytes_and_length),
	TEST(a_key_is_found_where_it_is_a_key),
	TEST(json_text_is_cut_between_characters),
};

int
main(void)
{
	return run_suite("activity", tests, ARRAY_LEN(tests));
}
