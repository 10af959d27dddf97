/* SPDX-License-Identifier: MIT */
/* wait = yes: the program gets the listening socket, and porterd waits until it ends. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD         "\tserver = @PROGRAMS@/hold\n"
#define WAITER(args) "\tserver = @PROGRAMS@/waiter\n\tserver_args = " args "\n\twait = yes\n"

/* One request to a waiter on a stream socket: its pid. */
static pid_t
ask_stream(struct daemon *d, const char *name, const char *text)
{
	int fd = daemon_connect(d, name), pid = 0, used = 0;

	send_text(fd, "%s\n", text);
	const char *line = read_line(fd);
	ck_assert_int_eq(sscanf(line, "%d %n", &pid, &used), 1);
	ck_assert_str_eq(line + used, text);
	close(fd);
	return (pid_t)pid;
}

/* One answer to fd: the waiter's pid. */
static pid_t
answered(int fd, const char *text)
{
	char answer[65600];
	int pid = 0, used = 0;

	ck_assert_msg(wait_for(fd, POLLIN, deadline_after()), "no answer to '%.20s'", text);
	ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);
	ck_assert_msg(n > 0, "recv: %s", strerror(errno));
	answer[n] = '\0';
	ck_assert_int_eq(sscanf(answer, "%d%n", &pid, &used), 1);
	ck_assert_str_eq(answer + used + 1, text);
	return (pid_t)pid;
}

START_TEST(tcp_program_accepts_by_itself)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", WAITER("stream 3"));
	daemon_start(d);
	pid_t first = ask_stream(d, "x", "one");
	ck_assert_int_eq(ask_stream(d, "x", "two"), first);
	ck_assert_int_eq(ask_stream(d, "x", "three"), first);
	expect_line(d, "EXIT: x status=0");
	expect_count(d, 1, "START: x");
	expect_line(d, "START: x pid=%d from=<no address>", (int)first);
	pid_t second = ask_stream(d, "x", "four");
	ck_assert_int_ne(second, first);
	daemon_stop(d);
}

END_TEST

START_TEST(one_program_whatever_instances_says)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", WAITER("stream 2") "\tinstances = 7\n");
	daemon_service(d, "none", "tcp", WAITER("stream 1") "\tinstances = 0\n");
	daemon_start(d);
	int waiting = daemon_connect(d, "x"), other = daemon_connect(d, "x");
	send_text(waiting, "one\n");
	pid_t first = atoi(read_line(waiting));
	send_text(other, "two\n");
	ck_assert_int_eq(atoi(read_line(other)), first);
	expect_line(d, "EXIT: x");
	expect_count(d, 1, "START: x");
	expect_no_line(d, "FAIL: x");
	close(waiting);
	close(other);
	daemon_stop(d);
}

END_TEST

START_TEST(udp_program_gets_the_datagram_socket)
{
	if (_i == 1 && !has_ipv6()) {
		test_skip("udp_program_gets_the_datagram_socket", "no IPv6 here");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(d, "x", _i == 0 ? "udp" : "udp6", WAITER("dgram 2"));
	daemon_start(d);
	int fd = datagram_to(d, "x");
	send_text(fd, "one");
	pid_t first = answered(fd, "one");
	expect_line(d, "START: x pid=%d from=%s", (int)first, _i == 0 ? "127.0.0.1" : "::1");
	send_text(fd, "two");
	ck_assert_int_eq(answered(fd, "two"), first);
	expect_line(d, "EXIT: x status=0");
	send_text(fd, "three");
	ck_assert_int_ne(answered(fd, "three"), first);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(program_gets_a_blocking_socket)
{
	struct daemon *d = daemon_new();

	daemon_service(
	    d, "x", "udp", "\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 1\n\twait = yes\n");
	d->keep_listeners = true;
	daemon_start(d);
	int fd = datagram_to(d, "x");
	send_text(fd, "one");
	answered(fd, "one");
	expect_line(d, "EXIT: x");
	/* Back in porterd's hands nothing may block. */
	daemon_idle(d);
	ck_assert_int_ne(fcntl(d->listeners[0].fd, F_GETFL) & O_NONBLOCK, 0);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(listener_is_held_while_the_program_runs)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "udp", WAITER("dgram 1 hold"));
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int fd = datagram_to(d, "x");
	send_text(fd, "one");
	answered(fd, "one");
	/* Nobody reads these: the daemon must not look at them over and over. */
	for (int i = 0; i < 5; i++)
		send_text(fd, "unread");
	int y = hold_open(d, "y");
	unsigned before = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 20; i++)
		expect_echo(y, "turn");
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - before, 3);
	expect_count(d, 1, "START: x");
	close(fd);
	close(y);
	daemon_stop(d);
}

END_TEST

static const struct {
	const char *kind, *attributes;
} idlers[] = {
	{ "udp", WAITER("dgram 0") },
	{ "tcp", WAITER("stream 0") },
	{ "udp", WAITER("dgram 0 fail") },
	{ "tcp", WAITER("stream 0 crash") "\trlimit_core = 0\n" },
};

START_TEST(a8_program_that_ends_without_reading_rests)
{
	struct daemon *d = daemon_new();
	bool is_udp = idlers[_i].kind[0] == 'u';

	daemon_inject(d);
	daemon_service(d, "x", idlers[_i].kind, idlers[_i].attributes);
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int fd = is_udp ? datagram_to(d, "x") : daemon_connect(d, "x");
	send_text(fd, "nobody reads this");
	expect_line(d, "event=program-idle service=x");
	unsigned starts = count_lines(d, "START: x");
	ck_assert_uint_ge(starts, 2);
	ck_assert_uint_le(starts, 100);
	/* It rests, and the others do not. */
	int y = hold_open(d, "y");
	unsigned before = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 10; i++)
		expect_echo(y, "turn");
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - before, 5);
	close(y);
	expect_line(d, "EXIT: y");
	/* After the pause it is tried again. */
	daemon_mark(d);
	atomic_store(&d->inject->monotonic_s, 100);
	close(hold_open(d, "y"));
	expect_line(d, "START: x");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(c5_datagrams_behind_an_unread_one_are_kept)
{
	struct daemon *d = daemon_new();
	const char *path = text_format("%s/x", d->dir);

	/* The program is replaced by one that reads, while the service rests. */
	daemon_inject(d);
	write_file(path, 0755, "#!/bin/sh\nexit 0\n");
	daemon_service(
	    d, "x", "udp", "\tserver = @DIR@/x\n\tserver_args = dgram 3\n\twait = yes\n");
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int fd = datagram_to(d, "x");
	send_text(fd, "one");
	send_text(fd, "two");
	send_text(fd, "three");
	expect_line(d, "event=program-idle service=x");
	path = text_format("%s/x", d->dir);
	unlink(path);
	copy_file(PROGRAM("waiter"), path, 0755);
	atomic_store(&d->inject->monotonic_s, 100);
	close(hold_open(d, "y"));
	answered(fd, "one");
	answered(fd, "two");
	answered(fd, "three");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(program_that_serves_is_started_as_often_as_it_likes)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "u", "udp", WAITER("dgram 1"));
	daemon_service(d, "t", "tcp", WAITER("stream 1"));
	daemon_start(d);
	int fd = datagram_to(d, "u");
	for (int i = 0; i < 30; i++) {
		/* The same bytes each time: it must not look as if nobody had read the one before. */
		send_text(fd, "again");
		answered(fd, "again");
		ask_stream(d, "t", "again");
	}
	expect_no_line(d, "event=program-idle");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(equal_datagrams_are_not_taken_for_an_unread_one)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "udp", WAITER("dgram 1"));
	daemon_start(d);
	int fd = datagram_to(d, "x");
	for (int i = 0; i < 12; i++)
		send_text(fd, "same");
	for (int i = 0; i < 12; i++)
		answered(fd, "same");
	expect_no_line(d, "event=program-idle");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(b3_listener_shut_down_by_its_program_works_again)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", WAITER("stream 1 shutdown"));
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	ask_stream(d, "x", "one");
	expect_line(d, "EXIT: x status=0");
	daemon_idle(d);
	ask_stream(d, "x", "two");
	expect_lines(d, 2, "EXIT: x status=0");
	int y = hold_open(d, "y");
	unsigned before = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 20; i++)
		expect_echo(y, "turn");
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - before, 5);
	close(y);
	daemon_stop(d);
}

END_TEST

START_TEST(b3_own_listener_shut_down_works_again)
{
	struct daemon *d = daemon_new();

	daemon_entry(
	    d, "x", WAITER("stream 1 shutdown") "\tprotocol = tcp\n\tlisten = @ADDR@:3600\n");
	daemon_start(d);
	for (unsigned i = 1; i <= 3; i++) {
		int fd = connect_address(own_address(0), 3600);

		ck_assert_msg(fd >= 0, "round %u: %s", i, strerror(-fd));
		send_text(fd, "hello\n");
		ck_assert_ptr_nonnull(strstr(read_line(fd), "hello"));
		close(fd);
		expect_lines(d, i, "EXIT: x status=0");
		daemon_idle(d);
	}
	daemon_stop(d);
}

END_TEST

/* From a port of its own, to own_address(0):3600. */
static int
datagram_to_own(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(3600) };
	int fd = datagram_socket("127.0.0.1", 0);

	ck_assert_int_eq(inet_pton(AF_INET, own_address(0), &to.sin_addr), 1);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

START_TEST(b3_own_datagram_socket_works_after_what_its_program_did)
{
	struct daemon *d = daemon_new();
	bool is_shut = _i == 0;

	daemon_inject(d);
	daemon_entry(d, "x",
	    is_shut ? WAITER("dgram 1 shutdown") "\tprotocol = udp\n\tlisten = @ADDR@:3600\n"
		    : WAITER("dgram 1 connect") "\tprotocol = udp\n\tlisten = @ADDR@:3600\n");
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int y = hold_open(d, "y");
	for (unsigned i = 1; i <= 3; i++) {
		int fd = datagram_to_own();

		send_text(fd, "hello");
		answered(fd, "hello");
		close(fd);
		expect_lines(d, i, "EXIT: x status=");
		if (is_shut)
			expect_lines(d, i, "event=listener-lost service=x");
		daemon_idle(d);
	}
	/* No program is started for nobody. */
	unsigned before = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 20; i++)
		expect_echo(y, "turn");
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - before, 5);
	expect_count(d, 3, "START: x");
	close(y);
	daemon_stop(d);
}

END_TEST

START_TEST(b3_datagram_socket_handed_over_and_connected_by_its_program_hears_all)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "udp", WAITER("dgram 1 connect"));
	daemon_start(d);
	for (unsigned i = 1; i <= 3; i++) {
		int fd = datagram_to(d, "x");

		send_text(fd, "hello");
		answered(fd, "hello");
		close(fd);
		expect_lines(d, i, "EXIT: x status=0");
		daemon_idle(d);
	}
	expect_no_line(d, "event=listener-lost");
	daemon_stop(d);
}

END_TEST

START_TEST(b3_datagram_socket_handed_over_and_shut_down_is_given_up)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "udp", WAITER("dgram 1 shutdown"));
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int fd = datagram_to(d, "x");
	send_text(fd, "hello");
	answered(fd, "hello");
	expect_line(d, "event=listener-lost service=x");
	daemon_idle(d);
	int y = hold_open(d, "y");
	unsigned before = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 20; i++)
		expect_echo(y, "turn");
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - before, 5);
	expect_count(d, 1, "START: x");
	close(y);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(b5_program_that_clears_nonblock_does_not_block_porterd)
{
	struct daemon *d = daemon_new();
	bool is_udp = _i == 1;

	d->keep_listeners = true;
	daemon_service(d, "x", is_udp ? "udp" : "tcp",
	    is_udp ? WAITER("dgram 1 unblock") : WAITER("stream 1 unblock"));
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int fd = is_udp ? datagram_to(d, "x") : -1;
	if (is_udp) {
		send_text(fd, "one");
		answered(fd, "one");
	} else {
		ask_stream(d, "x", "one");
	}
	expect_line(d, "EXIT: x status=0");
	daemon_idle(d);
	ck_assert_int_ne(fcntl(d->listeners[0].fd, F_GETFL) & O_NONBLOCK, 0);
	if (fd >= 0)
		close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(c6_empty_datagram_is_data)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "udp", WAITER("dgram 1"));
	daemon_start(d);
	int fd = datagram_to(d, "x");
	ck_assert_int_eq(send(fd, "", 0, 0), 0);
	answered(fd, "");
	expect_line(d, "EXIT: x status=0");
	send_text(fd, "more");
	answered(fd, "more");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(one_program_for_each_listener)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x",
	    WAITER("stream 1 hold") "\tprotocol = tcp\n\tlisten = @ADDR@:3600 @ADDR2@:3600\n");
	daemon_start(d);
	pid_t pids[2];
	for (unsigned i = 0; i < 2; i++) {
		int fd = connect_address(own_address(i), 3600);

		ck_assert_int_ge(fd, 0);
		send_text(fd, "hello\n");
		pids[i] = atoi(read_line(fd));
		close(fd);
	}
	ck_assert_int_ne(pids[0], pids[1]);
	daemon_stop(d);
}

END_TEST

START_TEST(udp_program_survives_a_reload)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "udp", WAITER("dgram 3"));
	daemon_start(d);
	int fd = datagram_to(d, "x");
	send_text(fd, "one");
	pid_t first = answered(fd, "one");
	daemon_reload(d);
	send_text(fd, "two");
	ck_assert_int_eq(answered(fd, "two"), first);
	daemon_clear(d);
	daemon_entry(d, "x", WAITER("dgram 3") "\tsocket_type = dgram\n\tenv = CHANGED=1\n");
	daemon_reload(d);
	send_text(fd, "three");
	ck_assert_int_eq(answered(fd, "three"), first);
	expect_line(d, "EXIT: x status=0");
	send_text(fd, "four");
	ck_assert_int_ne(answered(fd, "four"), first);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(tcp_program_accepts_by_itself),
	TEST(one_program_whatever_instances_says),
	TEST_LOOP(udp_program_gets_the_datagram_socket, 2),
	TEST(program_gets_a_blocking_socket),
	TEST(listener_is_held_while_the_program_runs),
	TEST_LOOP(a8_program_that_ends_without_reading_rests, ARRAY_LEN(idlers)),
	TEST(c5_datagrams_behind_an_unread_one_are_kept),
	TEST(program_that_serves_is_started_as_often_as_it_likes),
	TEST(equal_datagrams_are_not_taken_for_an_unread_one),
	TEST(b3_listener_shut_down_by_its_program_works_again),
	TEST(b3_own_listener_shut_down_works_again),
	TEST_LOOP(b3_own_datagram_socket_works_after_what_its_program_did, 2),
	TEST(b3_datagram_socket_handed_over_and_connected_by_its_program_hears_all),
	TEST(b3_datagram_socket_handed_over_and_shut_down_is_given_up),
	TEST_LOOP(b5_program_that_clears_nonblock_does_not_block_porterd, 2),
	TEST(c6_empty_datagram_is_data),
	TEST(one_program_for_each_listener),
	TEST(udp_program_survives_a_reload),
};

int
main(void)
{
	return run_functional("wait", tests, ARRAY_LEN(tests));
}
