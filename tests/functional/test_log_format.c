/* SPDX-License-Identifier: MIT */
/* The forms of both logs, and what is accounted for a connection at its end. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/pool.h"

#define HOLD   "\tserver = @PROGRAMS@/hold\n"
#define WORKER "\tserver = @PROGRAMS@/worker\n\tserver_args = porter\n"
#define POOL   "\tpool = static\n\tpool_max = 1\n"

/* The line of the log as an object that the test lets go. */
static json_t *
parsed(const char *line)
{
	json_error_t error;
	json_t *j = json_loadb(line, strcspn(line, "\n"), JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(json_is_object(j), "%s: %.300s", error.text, line);
	return j;
}

static const char *
text_at(const json_t *j, const char *key)
{
	const char *value = json_string_value(json_object_get(j, key));

	ck_assert_msg(value != NULL, "no text '%s'", key);
	return value;
}

static long long
number_at(const json_t *j, const char *key)
{
	ck_assert_msg(json_is_integer(json_object_get(j, key)), "no number '%s'", key);
	return json_integer_value(json_object_get(j, key));
}

/* RFC 3339 with milliseconds. */
static void
expect_time(const char *time)
{
	unsigned year, month, day, hour, minute, second, ms, zone_hour, zone_minute;
	char sign;
	int used = 0;

	ck_assert_msg(
	    sscanf(time, "%4u-%2u-%2uT%2u:%2u:%2u.%3u%c%2u:%2u%n", &year, &month, &day, &hour,
		&minute, &second, &ms, &sign, &zone_hour, &zone_minute, &used) == 10 &&
		used == 29,
	    "%s", time);
	ck_assert(year >= 2024 && month <= 12 && day <= 31 && hour <= 23);
	ck_assert(sign == '+' || sign == '-');
}

/* One client of "x" who is served and leaves, and another meanwhile who is refused; x takes one. */
static pid_t
serve_and_refuse(struct daemon *d)
{
	int fd = hold_open(d, "x"), other;
	pid_t pid = ask_pid(fd);

	other = daemon_connect(d, "x");
	expect_closed(other);
	close(other);
	send_text(fd, "exit 3\n");
	expect_closed(fd);
	close(fd);
	wait_gone(pid);
	return pid;
}

START_TEST(json_lines)
{
	struct daemon *d = daemon_new();
	json_t *j;

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 1\n\tlog_format = json\n");
	daemon_start(d);
	pid_t pid = serve_and_refuse(d);
	j = parsed(expect_line(d, "{*\"event\":\"START\""));
	expect_time(text_at(j, "time"));
	ck_assert_str_eq(text_at(j, "service"), "x");
	ck_assert_str_eq(text_at(j, "from"), "127.0.0.1");
	ck_assert_int_gt(number_at(j, "port"), 0);
	ck_assert_int_eq(number_at(j, "pid"), pid);
	ck_assert_int_eq(number_at(j, "conn"), 1);
	json_decref(j);
	j = parsed(expect_line(d, "{*\"event\":\"FAIL\""));
	ck_assert_str_eq(text_at(j, "reason"), "service_limit");
	ck_assert_str_eq(text_at(j, "from"), "127.0.0.1");
	ck_assert_int_eq(number_at(j, "conn"), 2);
	json_decref(j);
	j = parsed(expect_line(d, "{*\"event\":\"EXIT\""));
	ck_assert_int_eq(number_at(j, "status"), 3);
	ck_assert_int_eq(number_at(j, "pid"), pid);
	ck_assert_int_eq(number_at(j, "conn"), 1);
	ck_assert(json_is_real(json_object_get(j, "duration")));
	ck_assert(json_is_real(json_object_get(j, "cpu")));
	json_decref(j);
	/* Nothing stands before them. */
	ck_assert_ptr_nonnull(strstr(d->log, "\n{\"time\":"));
	ck_assert_ptr_null(strstr(d->log, ": {"));
	daemon_stop(d);
}

END_TEST

START_TEST(logfmt_lines)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 1\n\tlog_format = logfmt\n");
	daemon_start(d);
	pid_t pid = serve_and_refuse(d);
	const char *line = expect_line(
	    d, "event=START service=x pid=%d from=127.0.0.1 port=* conn=1 time=", (int)pid);
	expect_time(text_format("%.29s", strstr(line, " time=") + 6));
	expect_line(d, "event=FAIL service=x reason=service_limit from=127.0.0.1 port=* conn=2 "
		       "time=");
	line = expect_line(
	    d, "event=EXIT service=x status=3 pid=%d duration=* cpu=* conn=1 time=", (int)pid);
	double duration = -1;
	char point = 0;
	ck_assert_int_eq(
	    sscanf(strstr(line, "duration="), "duration=%*d%c%lf", &point, &duration), 2);
	ck_assert_int_eq(point, '.');
	ck_assert_ptr_nonnull(strstr(d->log, "\nevent=START"));
	daemon_stop(d);
}

END_TEST

START_TEST(fail_line_of_xinetd_has_the_connection)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 1\n");
	daemon_start(d);
	serve_and_refuse(d);
	expect_line(d, "FAIL: x service_limit from=127.0.0.1 conn=2");
	daemon_stop(d);
}

END_TEST

START_TEST(log_format_is_inherited)
{
	struct daemon *d = daemon_new();

	daemon_add(
	    d, "defaults\n{\n\tlog_format = json\n\tlog_type = FILE @DIR@/activity.log\n}\n");
	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "y", "tcp", HOLD "\tlog_format = xinetd\n");
	daemon_start(d);
	close(hold_open(d, "x"));
	expect_line(d, "{*\"event\":\"EXIT\"");
	close(hold_open(d, "y"));
	expect_line(d, "EXIT: y status=0");
	daemon_stop(d);
	const char *text = read_file(text_format("%s/activity.log", d->dir));
	ck_assert_int_eq(text[0], '{');
	ck_assert_uint_eq(show_count(text, "{\"time\":"), 2);
	ck_assert_ptr_nonnull(strstr(text, ": START: y pid="));
}

END_TEST

/* The number in the lines is that of the program's environment. */
START_TEST(ids_are_those_of_the_program)
{
	struct daemon *d = daemon_new();

	daemon_service(
	    d, "x", "tcp", "\tserver = @PROGRAMS@/show\n\tlog_format = json\n\tstderr = log\n");
	daemon_start(d);
	for (int i = 1; i <= 3; i++) {
		const char *id = show_value(shown_by(d, "x"), "env CONNECTION_ID");
		json_t *j = parsed(expect_line(d, "{*\"event\":\"EXIT\"*\"conn\":%d}", i));

		ck_assert_int_eq(atoll(id), number_at(j, "conn"));
		json_decref(j);
	}
	daemon_stop(d);
}

END_TEST

/* Of each line of the text. */
static void
expect_objects(const char *text)
{
	for (; *text != '\0'; text += strcspn(text, "\n") + 1) {
		json_t *j = parsed(text);

		expect_time(text_at(j, "time"));
		text_at(j, "level");
		number_at(j, "daemon_pid");
		json_decref(j);
	}
}

START_TEST(messages_of_the_daemon_in_json)
{
	struct daemon *d = daemon_new();
	json_t *j;

	daemon_add(
	    d, "defaults\n{\n\tdaemon_log = FILE @DIR@/error.log\n\tdaemon_log_format = json\n}\n");
	daemon_service(d, "x", "tcp", HOLD "\tstderr = log\n");
	daemon_start(d);
	int fd = hold_open(d, "x");
	pid_t pid = ask_pid(fd);
	send_text(fd, "error a \"quoted\" word%%ff%%0a\n");
	ck_assert_str_eq(read_line(fd), "written");
	j = parsed(expect_line(d, "{*\"event\":\"stderr\""));
	ck_assert_str_eq(text_at(j, "level"), "info");
	ck_assert_str_eq(text_at(j, "service"), "x");
	ck_assert_int_eq(number_at(j, "pid"), pid);
	ck_assert_int_eq(number_at(j, "conn"), 1);
	ck_assert_int_eq(number_at(j, "daemon_pid"), d->pid);
	ck_assert_str_eq(text_at(j, "text"), "a \"quoted\" word\\xff");
	json_decref(j);
	close(fd);
	j = parsed(expect_line(d, "{*\"event\":\"ready\""));
	ck_assert_int_eq(number_at(j, "services"), 1);
	json_decref(j);
	expect_objects(read_file(text_format("%s/error.log", d->dir)));
	/* Another form after a reload. */
	daemon_clear(d);
	daemon_add(d, "defaults\n{\n\tdaemon_log = FILE @DIR@/error.log\n}\n");
	daemon_entry(d, "x", HOLD);
	daemon_reload(d);
	daemon_stop(d);
	ck_assert_ptr_nonnull(
	    strstr(read_file(text_format("%s/error.log", d->dir)), "info: event=stopped"));
}

END_TEST

/* One line of so many bytes with its newline, and the same back. */
static void
echo_bytes(int fd, size_t size)
{
	char *text = malloc(size + 1), *back = malloc(size + 1);

	memset(text, 'x', size);
	text[size - 1] = '\n';
	text[size] = '\0';
	send_text(fd, "%s", text);
	ck_assert_uint_eq(read_bytes(fd, back, size), size);
	ck_assert_int_eq(memcmp(text, back, size), 0);
	free(text);
	free(back);
}

START_TEST(traffic_of_a_worker_is_counted)
{
	static const size_t sizes[] = { 1, 100, 900 };
	struct daemon *d = daemon_new();
	int fd;

	daemon_service(d, "x", "tcp",
	    WORKER POOL "\tlog_on_success = PID EXIT TRAFFIC\n\tlog_format = json\n");
	daemon_start(d);
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		fd = daemon_connect(d, "x");
		for (unsigned n = 0; n < 3; n++)
			echo_bytes(fd, sizes[i]);
		if (i == 1)
			half_close(fd); /* its FIN is no byte */
		else
			close(fd);
		json_t *j = parsed(expect_line(d, "{*\"event\":\"EXIT\"*\"conn\":%u}", i + 1));
		ck_assert_int_eq(number_at(j, "bytes_in"), (long long)(3 * sizes[i]));
		ck_assert_int_eq(number_at(j, "bytes_out"), (long long)(3 * sizes[i]));
		json_decref(j);
		if (i == 1) {
			/* The copy of the daemon's is closed with that. */
			expect_closed(fd);
			close(fd);
		}
	}
	json_t *metrics = control_ask(d, "{\"command\":\"metrics\"}");
	ck_assert_int_eq(
	    json_number_at(metrics, "services.0.figures.service_received_bytes"), 3 * 1001);
	ck_assert_int_eq(
	    json_number_at(metrics, "services.0.figures.service_sent_bytes"), 3 * 1001);
	json_decref(metrics);
	daemon_stop(d);
}

END_TEST

START_TEST(traffic_in_words_of_xinetd)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", WORKER POOL "\tlog_on_success += TRAFFIC\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	echo_bytes(fd, 12);
	close(fd);
	expect_line(d, "EXIT: x status=0 pid=* bytes=12/12 conn=1");
	daemon_stop(d);
}

END_TEST

/* Without TRAFFIC, over a unix socket, and where the worker cannot say when it has finished. */
START_TEST(traffic_is_left_out_where_nobody_knows)
{
	static const char *const attributes[] = { WORKER POOL,
		"\tserver = @PROGRAMS@/worker\n\tserver_args = plain\n\tpool_protocol = plain\n"
		"\tlog_on_success += TRAFFIC\n" POOL,
		HOLD "\tlog_on_success += TRAFFIC\n" };
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", attributes[_i]);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	echo_bytes(fd, 12);
	close(fd);
	expect_line(d, "EXIT: x status=0 *conn=1");
	expect_no_line(d, "EXIT: x*bytes=");
	daemon_stop(d);
}

END_TEST

START_TEST(what_a_program_wrote_to_disk_is_told)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp",
	    "\tserver = /bin/sh\n\tserver_args = {\"-c\", \"dd if=/dev/zero of=@DIR@/written bs=4096 "
	    "count=16 conv=fsync 2>/dev/null; echo done\"}\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	ck_assert_str_eq(read_line(fd), "done");
	close(fd);
	const char *line = expect_line(d, "EXIT: x status=0 *conn=1");
	/* A file system in memory writes nothing to disks. */
	if (strstr(line, "written=") != NULL)
		ck_assert_int_ge(atoll(strstr(line, "written=") + 8), 65536);
	else
		test_skip(
		    "what_a_program_wrote_to_disk_is_told", "no disk is behind the directory");
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(json_lines),
	TEST(logfmt_lines),
	TEST(fail_line_of_xinetd_has_the_connection),
	TEST(log_format_is_inherited),
	TEST(ids_are_those_of_the_program),
	TEST(messages_of_the_daemon_in_json),
	TEST(traffic_of_a_worker_is_counted),
	TEST(traffic_in_words_of_xinetd),
	TEST_LOOP(traffic_is_left_out_where_nobody_knows, 3),
	TEST(what_a_program_wrote_to_disk_is_told),
};

int
main(void)
{
	return run_functional("log_format", tests, ARRAY_LEN(tests));
}
