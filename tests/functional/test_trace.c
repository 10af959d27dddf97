/* SPDX-License-Identifier: MIT */
/* What is told of each connection to whoever watches its service, and what is kept of both logs. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/pool.h"

#define HOLD   "\tserver = @PROGRAMS@/hold\n"
#define WORKER "\tserver = @PROGRAMS@/worker\n\tserver_args = porter\n"

/* Watches the service from now on. */
static int
trace(struct daemon *d, const char *service)
{
	int fd = control_connect(d);
	json_t *answer = control_request(fd, "{\"command\":\"trace\",\"service\":\"%s\"}", service);

	ck_assert(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	return fd;
}

/* The next line of this kind must be this; a '*' in it stands for anything. Static text. */
static const char *
next_line(int fd, const char *kind, long long connection, const char *pattern)
{
	static char text[4096];
	json_t *event;

	do {
		event = control_event(fd);
		if (strcmp(json_text_at(event, "kind"), kind) == 0)
			break;
		json_decref(event);
	} while (true);
	snprintf(text, sizeof(text), "%s", json_text_at(event, "text"));
	if (connection > 0)
		ck_assert_msg(json_number_at(event, "connection") == connection, "of %lld: %s",
		    (long long)json_number_at(event, "connection"), text);
	else
		ck_assert_msg(json_object_get(event, "connection") == NULL, "%s", text);
	ck_assert_str_eq(json_text_at(event, "service"), "x");
	json_decref(event);
	const char *star = strchr(pattern, '*');
	size_t head = star != NULL ? (size_t)(star - pattern) : strlen(pattern);
	ck_assert_msg(
	    strncmp(text, pattern, head) == 0 &&
		(star != NULL ? strstr(text + head, star + 1) != NULL : strlen(text) == head),
	    "'%s' in place of '%s'", text, pattern);
	return text;
}

START_TEST(served_and_refused)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 1\n");
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	close(hold_open(d, "x")); /* before anybody watches */
	expect_line(d, "EXIT: x");
	int watcher = trace(d, "x");
	close(hold_open(d, "y")); /* another's */
	expect_line(d, "EXIT: y");
	int fd = hold_open(d, "x");
	pid_t pid = ask_pid(fd);
	next_line(watcher, "trace", 3, "accepted on *from 127.0.0.1 port ");
	next_line(watcher, "trace", 3,
	    text_format("a process for its program was made, pid %d; 1 of them run now", (int)pid));
	int other = daemon_connect(d, "x");
	expect_closed(other);
	close(other);
	next_line(watcher, "trace", 4, "accepted on *");
	next_line(watcher, "trace", 4, "refused and closed: 1 of 1 programs run (instances)");
	send_text(fd, "exit 3\n");
	expect_closed(fd);
	close(fd);
	next_line(watcher, "trace", 3,
	    text_format("its program, pid %d, has ended with status 3 after *", (int)pid));
	close(watcher);
	daemon_stop(d);
}

END_TEST

START_TEST(activity_comes_with_it)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tlog_format = json\n");
	daemon_start(d);
	int watcher = trace(d, "x");
	close(hold_open(d, "x"));
	next_line(watcher, "activity", 1, "START: x pid=*from=127.0.0.1 conn=1");
	next_line(watcher, "activity", 1, "EXIT: x status=0 pid=*conn=1");
	close(watcher);
	daemon_stop(d);
}

END_TEST

/* One that goes with the configuration, and is served again by a person's command. */
START_TEST(watched_again_when_it_comes_back)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD "\tprotocol = tcp\n\tlisten = @ADDR@:3601\n\tdisable = yes\n");
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	json_decref(control_ask(d, "{\"command\":\"enable\",\"service\":\"x\"}"));
	int watcher = trace(d, "x");
	json_decref(control_ask(d, "{\"command\":\"disable\",\"service\":\"x\"}"));
	daemon_reload(d);
	json_decref(control_ask(d, "{\"command\":\"enable\",\"service\":\"x\"}"));
	int fd = connect_address(own_address(0), 3601);
	next_line(watcher, "trace", 1, "accepted on tcp:*");
	close(fd);
	close(watcher);
	daemon_stop(d);
}

END_TEST

START_TEST(queued_until_there_is_room)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults\n{\n\tmax_servers = 1\n}\n");
	daemon_service(d, "x", "tcp", HOLD "\ton_limit = queue\n");
	daemon_start(d);
	int fd = hold_open(d, "x"), watcher = trace(d, "x");
	int other = daemon_connect(d, "x");
	next_line(watcher, "trace", 0,
	    "a client waits in the queue: 1 of 1 programs of all services run (max_servers)");
	next_line(watcher, "trace", 0, "nobody is accepted on *: full, clients queue");
	close(fd);
	next_line(watcher, "trace", 1, "its program, *");
	next_line(watcher, "trace", 0, "released on *: full, clients queue");
	next_line(watcher, "trace", 2, "accepted on *");
	ask_pid(other);
	close(other);
	close(watcher);
	daemon_stop(d);
}

END_TEST

START_TEST(through_a_pool)
{
	struct daemon *d = daemon_new();
	pid_t pid;

	daemon_service(
	    d, "x", "tcp", WORKER "\tpool = static\n\tpool_max = 1\n\ton_limit = refuse\n");
	daemon_start(d);
	expect_workers(d, "x", 1, 1);
	int watcher = trace(d, "x");
	int fd = worker_open(d, "x", &pid), other = daemon_connect(d, "x");
	next_line(watcher, "trace", 1, "accepted on *");
	next_line(watcher, "trace", 1,
	    text_format("handed to the worker %d; 1 of 1 workers have a connection now", (int)pid));
	next_line(watcher, "trace", 1, text_format("the worker %d has taken it", (int)pid));
	expect_closed(other);
	close(other);
	next_line(watcher, "trace", 2, "accepted on *");
	next_line(watcher, "trace", 2,
	    "refused and closed: 1 workers of at most 1 are busy (pool_max), 0 are leaving");
	close(fd);
	next_line(watcher, "trace", 1,
	    text_format("the worker %d has finished it with status 0 after *", (int)pid));
	close(watcher);
	daemon_stop(d);
}

END_TEST

START_TEST(programs_that_cannot_be_started)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", "\tserver = @DIR@/gone\n");
	copy_file(PROGRAM("hold"), text_format("%s/gone", d->dir), 0755);
	daemon_start(d);
	ck_assert_int_eq(unlink(text_format("%s/gone", d->dir)), 0);
	int watcher = trace(d, "x");
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	close(fd);
	next_line(watcher, "trace", 1, "accepted on *");
	next_line(watcher, "trace", 1, "a process for its program was made, *");
	next_line(watcher, "trace", 1,
	    "its program was not started: step exec: No such file or directory");
	next_line(watcher, "activity", 1, "FAIL: x exec from=127.0.0.1 conn=1");
	close(watcher);
	daemon_stop(d);
}

END_TEST

START_TEST(processes_that_cannot_be_made)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tflags = NORETRY\n");
	daemon_start(d);
	int watcher = trace(d, "x");
	inject_fail(d, INJECT_FORK, EAGAIN, 1);
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	close(fd);
	next_line(watcher, "trace", 1, "accepted on *");
	next_line(watcher, "trace", 1,
	    "no process could be made: Resource temporarily unavailable; try 1 of 1*");
	next_line(watcher, "trace", 1, "given up and closed: no process could be made for it");
	close(watcher);
	daemon_stop(d);
}

END_TEST

/* Both logs, with what they are about beside the text. */
START_TEST(lines_are_kept_for_those_who_ask_later)
{
	struct daemon *d = daemon_new();
	int fd, control, found = 0;

	daemon_service(d, "x", "tcp", HOLD "\tstderr = log\n");
	daemon_start(d);
	fd = hold_open(d, "x");
	send_text(fd, "error one word%%0a\n");
	ck_assert_str_eq(read_line(fd), "written");
	expect_line(d, "event=stderr");
	close(fd);
	expect_line(d, "EXIT: x");
	control = control_connect(d);
	json_decref(control_request(control, "{\"command\":\"logs\"}"));
	for (;;) {
		json_t *event = control_event(control);
		const char *what = json_text_at(event, "event");

		if (strcmp(what, "end") == 0) {
			json_decref(event);
			break;
		}
		const char *text = json_text_at(event, "text");
		if (strncmp(text, "event=stderr ", 13) == 0 || strncmp(text, "EXIT: x ", 8) == 0) {
			ck_assert_str_eq(json_text_at(event, "service"), "x");
			ck_assert_int_eq(json_number_at(event, "connection"), 1);
			found++;
		}
		ck_assert_str_ne(json_text_at(event, "kind"), "trace");
		json_decref(event);
	}
	ck_assert_int_eq(found, 2);
	close(control);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(served_and_refused),
	TEST(activity_comes_with_it),
	TEST(queued_until_there_is_room),
	TEST(through_a_pool),
	TEST(programs_that_cannot_be_started),
	TEST(processes_that_cannot_be_made),
	TEST(lines_are_kept_for_those_who_ask_later),
	TEST(watched_again_when_it_comes_back),
};

int
main(void)
{
	return run_functional("trace", tests, ARRAY_LEN(tests));
}
