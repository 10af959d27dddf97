/* SPDX-License-Identifier: MIT */
/* tcpmux: a client names the service that it wants. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/daemon.h"

#define MUX          "\ttype = INTERNAL\n\twait = no\n"
#define HOLD         "\tserver = @PROGRAMS@/hold\n\twait = no\n\tsocket_type = stream\n\tprotocol = tcp\n"
#define UNAVAILABLE  "-Service not available\r\n"
#define MALFORMED    "-Not the name of a service\r\n"
#define NOTHING_SAID "-No service was named\r\n"

static void
add_muxed(struct daemon *d, const char *name, const char *type, const char *attributes)
{
	daemon_add(d, "service %s\n{\n\ttype = %s UNLISTED\n\tuser = @USER@\n" HOLD "%s}\n", name,
	    type, attributes);
}

static struct daemon *
new_mux(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "tcpmux", "tcp", text_format(MUX "%s", attributes));
	return d;
}

static int
ask(struct daemon *d, const char *line)
{
	int fd = daemon_connect(d, "tcpmux");

	send_text(fd, "%s", line);
	return fd;
}

static void
expect_answer(struct daemon *d, const char *line, const char *expected)
{
	int fd = ask(d, line);

	ck_assert_str_eq(read_all(fd), expected);
	close(fd);
}

static void
few_descriptors(struct daemon *d)
{
	const struct rlimit limit = { 256, 256 };

	(void)d;
	setrlimit(RLIMIT_NOFILE, &limit);
}

START_TEST(service_is_reached_by_its_name)
{
	struct daemon *d = new_mux("");

	add_muxed(d, "plain", "TCPMUX", "");
	daemon_start(d);
	int fd = ask(d, "plain\r\n");
	pid_t pid = ask_pid(fd);
	/* Its own program says yes, and not porterd: this one says nothing of the kind. */
	expect_echo(fd, "hello");
	expect_line(d, "START: tcpmux pid=0 from=127.0.0.1 conn=1");
	expect_line(d, "START: plain pid=%d from=127.0.0.1 conn=1", (int)pid);
	close(fd);
	expect_line(d, "EXIT: plain status=0 pid=%d", (int)pid);
	expect_no_line(d, "EXIT: tcpmux");
	daemon_stop(d);
}

END_TEST

START_TEST(porterd_says_yes_for_tcpmuxplus)
{
	struct daemon *d = new_mux("");
	char bytes[16];

	add_muxed(d, "plus", "TCPMUXPLUS", "");
	daemon_start(d);
	int fd = ask(d, "plus\r\npid\n");
	ck_assert_uint_eq(read_bytes(fd, bytes, 5), 5);
	ck_assert_int_eq(memcmp(bytes, "+Go\r\n", 5), 0);
	/* No NUL behind it, and what came behind the line is the program's. */
	ck_assert_int_gt(atoi(read_line(fd)), 1);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct {
	const char *pieces[8];
	const char *expected; /* NULL: the service "one" answers to "x" */
} lines[] = {
	{ { "one\r\n", "x\n" }, NULL },
	{ { "one\n", "x\n" }, NULL },
	{ { "one\r\nx\n" }, NULL },
	{ { "o", "n", "e", "\r", "\n", "x\n" }, NULL },
	{ { "ONE\r\n", "x\n" }, NULL },
	{ { "oNe\r", "\nx\n" }, NULL },
	{ { "two\r\n" }, UNAVAILABLE },
	{ { "on\r\n" }, UNAVAILABLE },
	{ { "onee\r\n" }, UNAVAILABLE },
	{ { "one \r\n" }, UNAVAILABLE },
	{ { " one\r\n" }, UNAVAILABLE },
	{ { "tcpmux\r\n" }, UNAVAILABLE },
	{ { "direct\r\n" }, UNAVAILABLE },
	{ { "off\r\n" }, UNAVAILABLE },
	{ { "\r\n" }, MALFORMED },
	{ { "\n" }, MALFORMED },
	{ { "one\r\r\n" }, MALFORMED },
	{ { "o\rne\r\n" }, MALFORMED },
	{ { "one\t\r\n" }, MALFORMED },
	{ { "one\x7f" }, MALFORMED },
	{ { "\x1b[1mone\r\n" }, MALFORMED },
};

START_TEST(d11_lines)
{
	struct daemon *d = new_mux("");

	add_muxed(d, "one", "TCPMUX", "");
	add_muxed(d, "off", "TCPMUX", "\tdisable = yes\n");
	daemon_service(d, "direct", "tcp", "\tserver = @PROGRAMS@/hold\n\twait = no\n");
	daemon_start(d);
	int fd = daemon_connect(d, "tcpmux");
	for (size_t i = 0; i < ARRAY_LEN(lines[_i].pieces) && lines[_i].pieces[i] != NULL; i++) {
		send_text(fd, "%s", lines[_i].pieces[i]);
		daemon_idle(d);
	}
	if (lines[_i].expected != NULL) {
		ck_assert_str_eq(read_all(fd), lines[_i].expected);
		expect_line(d, "FAIL: tcpmux %s from=127.0.0.1",
		    strcmp(lines[_i].expected, UNAVAILABLE) == 0 ? "unavailable" : "protocol");
	} else
		ck_assert_str_eq(read_line(fd), "x");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(d11_nul_and_length)
{
	struct daemon *d = new_mux("");
	char name[255], line[300];

	memset(name, 'n', sizeof(name));
	name[254] = '\0';
	add_muxed(d, name, "TCPMUX", "");
	daemon_start(d);
	int fd = daemon_connect(d, "tcpmux");
	ck_assert_int_eq(send(fd, "a\0b\r\n", 5, 0), 5);
	ck_assert_str_eq(read_all(fd), MALFORMED);
	close(fd);
	/* 254 and both ends of the line are 256 bytes. */
	snprintf(line, sizeof(line), "%s\r\nx\n", name);
	fd = ask(d, line);
	ck_assert_str_eq(read_line(fd), "x");
	close(fd);
	snprintf(line, sizeof(line), "%sn\n", name);
	expect_answer(d, line, UNAVAILABLE);
	snprintf(line, sizeof(line), "%snn", name);
	expect_answer(d, line, MALFORMED);
	daemon_stop(d);
}

END_TEST

START_TEST(d11_service_keeps_its_own_settings)
{
	struct daemon *d = new_mux("");

	add_muxed(d, "denied", "TCPMUX", "\tonly_from = 192.0.2.0/24\n");
	add_muxed(d, "deniedplus", "TCPMUXPLUS", "\tno_access = 127.0.0.0/8\n");
	add_muxed(d, "one", "TCPMUX", "\tinstances = 1\n");
	add_muxed(d, "shown", "TCPMUX", "");
	daemon_add(d,
	    "service who\n{\n\ttype = TCPMUX UNLISTED\n\tuser = %s\n\twait = no\n\tsocket_type = stream\n"
	    "\tserver = @PROGRAMS@/show\n\tlog_on_success = PID\n}\n",
	    is_root() ? "nobody" : user_name());
	daemon_start(d);
	expect_answer(d, "denied\r\n", UNAVAILABLE);
	expect_line(d, "FAIL: denied address from=127.0.0.1");
	expect_answer(d, "deniedplus\r\n", UNAVAILABLE);
	expect_line(d, "FAIL: deniedplus address from=127.0.0.1");
	int fd = ask(d, "one\r\n");
	expect_echo(fd, "hello");
	expect_answer(d, "one\r\n", UNAVAILABLE);
	expect_line(d, "FAIL: one service_limit from=127.0.0.1");
	close(fd);
	expect_line(d, "EXIT: one");
	fd = ask(d, "who\r\n");
	const char *shown = read_all(fd);
	ck_assert_msg(show_value(shown, "env SERVICE_ID") != NULL, "%s", shown);
	ck_assert_str_eq(show_value(shown, "env SERVICE_ID"), "who");
	ck_assert_str_eq(show_value(shown, "env REMOTE_HOST"), "127.0.0.1");
	if (is_root())
		ck_assert_ptr_null(strstr(shown, "uid 0"));
	close(fd);
	expect_answer(d, "help\r\n", "one\r\nshown\r\nwho\r\n");
	expect_answer(d, "HELP\n", "one\r\nshown\r\nwho\r\n");
	daemon_stop(d);
}

END_TEST

START_TEST(workers_serve_as_well)
{
	struct daemon *d = new_mux("");

	add_muxed(
	    d, "warm", "TCPMUXPLUS", "\tpool = static\n\tpool_max = 1\n\tpool_exec = fresh\n");
	daemon_start(d);
	int fd = ask(d, "warm\r\n");
	ck_assert_str_eq(read_line(fd), "+Go\r");
	expect_echo(fd, "hello");
	close(fd);
	expect_line(d, "EXIT: warm");
	daemon_stop(d);
}

END_TEST

START_TEST(the_oldest_makes_room)
{
	struct daemon *d = new_mux("");
	int first, fds[66];

	/* Descriptors for so many, of which a part is for those who wait. */
	d->before_exec = few_descriptors;
	add_muxed(d, "one", "TCPMUX", "");
	daemon_start(d);
	first = ask(d, "o");
	expect_line(d, "START: tcpmux");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = ask(d, "o");
	ck_assert_str_eq(read_all(first), NOTHING_SAID);
	int fd = ask(d, "one\r\n");
	expect_echo(fd, "hello");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	close(first);
	close(fd);
	expect_line(d, "EXIT: one");
	daemon_stop(d);
}

END_TEST

START_TEST(b13_slow_clients_keep_nobody_out)
{
	struct daemon *d = new_mux("\ttimeout = 2s\n");
	int slow[200];

	add_muxed(d, "one", "TCPMUX", "");
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(slow); i++)
		slow[i] = ask(d, "o");
	int fd = ask(d, "one\r\n");
	expect_echo(fd, "hello");
	for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
		/* A byte now and then does not help. */
		(void)!send(slow[i], "n", 1, MSG_NOSIGNAL);
		ck_assert_str_eq(read_all(slow[i]), NOTHING_SAID);
		close(slow[i]);
	}
	expect_lines(d, ARRAY_LEN(slow), "FAIL: tcpmux timeout from=127.0.0.1");
	close(fd);
	expect_line(d, "EXIT: one");
	daemon_stop(d);
}

END_TEST

START_TEST(clients_that_wait_count_as_instances)
{
	struct daemon *d = new_mux("\tinstances = 2\n\tper_source = 2\n");

	add_muxed(d, "one", "TCPMUX", "");
	daemon_start(d);
	int a = daemon_connect(d, "tcpmux"), b = daemon_connect(d, "tcpmux");
	expect_lines(d, 2, "START: tcpmux");
	int c = daemon_connect(d, "tcpmux");
	expect_closed(c);
	expect_line(d, "FAIL: tcpmux *_limit from=127.0.0.1");
	send_text(a, "one\r\n");
	expect_echo(a, "hello");
	/* It is the other service's client now. */
	int e = ask(d, "one\r\n");
	expect_echo(e, "hello");
	close(b);
	close(a);
	close(c);
	close(e);
	expect_lines(d, 2, "EXIT: one");
	daemon_stop(d);
}

END_TEST

START_TEST(client_that_goes_is_forgotten)
{
	struct daemon *d = new_mux("\tinstances = 1\n");

	add_muxed(d, "one", "TCPMUX", "");
	daemon_start(d);
	unsigned before = daemon_fds(d);
	for (int i = 0; i < 5; i++) {
		int fd = ask(d, "on");

		expect_lines(d, (unsigned)i + 1, "START: tcpmux");
		if (i % 2 == 0)
			close(fd);
		else
			reset_connection(fd);
		ck_assert_uint_eq(daemon_fds(d), before);
	}
	expect_no_line(d, "FAIL: tcpmux");
	daemon_stop(d);
}

END_TEST

START_TEST(reload_while_clients_wait)
{
	struct daemon *d = new_mux("");

	add_muxed(d, "one", "TCPMUX", "");
	daemon_start(d);
	int first = ask(d, "o"), second = ask(d, "t"), third = ask(d, "x");
	expect_lines(d, 3, "START: tcpmux");
	daemon_clear(d);
	daemon_entry(d, "tcpmux", MUX "\tsocket_type = stream\n\tprotocol = tcp\n");
	add_muxed(d, "two", "TCPMUXPLUS", "");
	daemon_reload(d);
	send_text(first, "ne\r\n");
	ck_assert_str_eq(read_all(first), UNAVAILABLE);
	send_text(second, "wo\r\n");
	ck_assert_str_eq(read_line(second), "+Go\r");
	expect_echo(second, "hello");
	daemon_clear(d);
	daemon_reload(d);
	ck_assert_str_eq(read_all(third), UNAVAILABLE);
	expect_echo(second, "hello");
	close(first);
	close(second);
	close(third);
	expect_line(d, "EXIT: two");
	daemon_stop(d);
}

END_TEST

START_TEST(upgrade_while_clients_wait)
{
	struct daemon *d = new_mux("\tinstances = 3\n");

	add_muxed(d, "one", "TCPMUX", "");
	daemon_start(d);
	int first = ask(d, "o"), second = daemon_connect(d, "tcpmux");
	expect_lines(d, 2, "START: tcpmux");
	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	expect_line(d, "event=upgraded version=*");
	send_text(first, "ne\r\n");
	expect_echo(first, "hello");
	send_text(second, "one\r\n");
	expect_echo(second, "hello");
	expect_line(d, "START: one pid=* from=127.0.0.1 conn=2");
	close(first);
	close(second);
	expect_lines(d, 2, "EXIT: one");
	daemon_stop(d);
}

END_TEST

START_TEST(stop_while_clients_wait)
{
	struct daemon *d = new_mux("");

	add_muxed(d, "one", "TCPMUX", "");
	daemon_start(d);
	int fd = ask(d, "one");
	expect_line(d, "START: tcpmux");
	daemon_stop(d);
	ck_assert_str_eq(read_all(fd), UNAVAILABLE);
	close(fd);
}

END_TEST

START_TEST(service_that_was_switched_off)
{
	struct daemon *d = new_mux("");

	add_muxed(d, "one", "TCPMUX", "");
	daemon_start(d);
	expect_answer(d, "help\r\n", "one\r\n");
	daemon_clear(d);
	daemon_entry(d, "tcpmux", MUX "\tsocket_type = stream\n\tprotocol = tcp\n");
	add_muxed(d, "one", "TCPMUX", "\tdisable = yes\n");
	daemon_reload(d);
	expect_answer(d, "help\r\n", "");
	expect_answer(d, "one\r\n", UNAVAILABLE);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(service_is_reached_by_its_name),
	TEST(porterd_says_yes_for_tcpmuxplus),
	TEST_LOOP(d11_lines, ARRAY_LEN(lines)),
	TEST(d11_nul_and_length),
	TEST(d11_service_keeps_its_own_settings),
	TEST(workers_serve_as_well),
	TEST(the_oldest_makes_room),
	TEST(b13_slow_clients_keep_nobody_out),
	TEST(clients_that_wait_count_as_instances),
	TEST(client_that_goes_is_forgotten),
	TEST(reload_while_clients_wait),
	TEST(upgrade_while_clients_wait),
	TEST(stop_while_clients_wait),
	TEST(service_that_was_switched_off),
};

int
main(void)
{
	return run_functional("tcpmux", tests, ARRAY_LEN(tests));
}
