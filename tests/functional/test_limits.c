/* SPDX-License-Identifier: MIT */
/* instances, max_servers, on_limit, backlog. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

START_TEST(the_sixth_client_is_refused_and_the_next_after_one_left_is_served)
{
	struct daemon *d = daemon_new();
	int fds[5];

	daemon_service(d, "myecho", "tcp", HOLD "\tinstances = 5\n");
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = hold_open(d, "myecho");
	int sixth = daemon_connect(d, "myecho");
	expect_closed(sixth);
	expect_line(d, "FAIL: myecho service_limit from=127.0.0.1");
	close(sixth);
	close(fds[2]);
	expect_line(d, "EXIT: myecho status=0");
	fds[2] = hold_open(d, "myecho");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		expect_echo(fds[i], "still here");
	ck_assert_uint_eq(count_lines(d, "FAIL:"), 1);
	expect_count(d, 6, "START:");
	daemon_stop(d);
}

END_TEST

START_TEST(on_limit_queue_leaves_the_client_in_the_backlog)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 1\n\ton_limit = queue\n");
	daemon_start(d);
	int first = hold_open(d, "x"), second = daemon_connect(d, "x"),
	    third = daemon_connect(d, "x");
	send_text(second, "second\n");
	send_text(third, "third\n");
	/* Several turns of the loop later they still wait. */
	for (int i = 0; i < 3; i++)
		expect_echo(first, "turn");
	ck_assert(is_silent(second));
	close(first);
	ck_assert_str_eq(read_line(second), "second");
	ck_assert(is_silent(third));
	close(second);
	ck_assert_str_eq(read_line(third), "third");
	close(third);
	expect_no_line(d, "FAIL");
	daemon_stop(d);
}

END_TEST

START_TEST(a_full_service_that_queues_does_not_spin)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tinstances = 1\n\ton_limit = queue\n");
	daemon_service(d, "other", "tcp", HOLD);
	daemon_start(d);
	int first = hold_open(d, "x"), second = daemon_connect(d, "x");
	close(hold_open(d, "other"));
	expect_line(d, "EXIT: other");
	unsigned before = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 20; i++)
		expect_echo(first, "turn");
	/* The program answers without the daemon, whose loop sleeps. */
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - before, 3);
	close(first);
	close(second);
	daemon_stop(d);
}

END_TEST

START_TEST(max_servers_bounds_all_services_together)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults\n{\n\tmax_servers = 2\n}\n");
	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int x = hold_open(d, "x"), y = hold_open(d, "y");
	int refused = daemon_connect(d, "x");
	expect_closed(refused);
	expect_line(d, "FAIL: x process_limit from=127.0.0.1");
	close(refused);
	close(y);
	expect_line(d, "EXIT: y");
	close(hold_open(d, "x"));
	close(x);
	daemon_stop(d);
}

END_TEST

START_TEST(max_servers_with_queue_wakes_another_service)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults\n{\n\tmax_servers = 1\n\ton_limit = queue\n}\n");
	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int x = hold_open(d, "x"), y = daemon_connect(d, "y");
	send_text(y, "waits\n");
	expect_echo(x, "turn");
	ck_assert(is_silent(y));
	close(x);
	ck_assert_str_eq(read_line(y), "waits");
	close(y);
	daemon_stop(d);
}

END_TEST

START_TEST(instances_of_zero_serve_nobody)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 0\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	expect_line(d, "FAIL: x service_limit");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(instances_come_from_defaults_and_services_override_them)
{
	struct daemon *d = daemon_new();

	/* After the service, to see that the order does not matter. */
	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "y", "tcp", HOLD "\tinstances = 2\n");
	daemon_add(d, "defaults\n{\n\tinstances = 1\n}\n");
	daemon_start(d);
	int x = hold_open(d, "x"), y = hold_open(d, "y"), y2 = hold_open(d, "y");
	int refused = daemon_connect(d, "x");
	expect_closed(refused);
	expect_line(d, "FAIL: x service_limit");
	expect_no_line(d, "FAIL: y");
	close(x);
	close(y);
	close(y2);
	close(refused);
	daemon_stop(d);
}

END_TEST

START_TEST(instances_are_counted_right_when_a_program_crashes)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 1\n");
	daemon_start(d);
	for (int i = 0; i < 5; i++) {
		daemon_mark(d);
		int fd = hold_open(d, "x");
		send_text(fd, i % 2 == 0 ? "kill 9\n" : "exit 5\n");
		expect_closed(fd);
		expect_line(d, i % 2 == 0 ? "EXIT: x signal=9" : "EXIT: x status=5");
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

/* A connect(2) that is through at once; -1 while it is under way. */
static int
try_connect(const char *address, unsigned port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	inet_pton(AF_INET, address, &sa.sin_addr);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 || poll(&pfd, 1, 0) == 1)
		return fd;
	close(fd);
	return -1;
}

/* The kernel keeps one more than was asked for; the handshake on the loopback is done when connect(2) returns. */
START_TEST(b6_backlog_is_what_the_file_says)
{
	struct daemon *d = daemon_new();
	int fds[32], count = 0;

	daemon_entry(d, "x",
	    "\tlisten = @ADDR@:3600\n\tprotocol = tcp\n\tinstances = 1\n\ton_limit = queue\n"
	    "\tbacklog = 4\n" HOLD);
	daemon_start(d);
	int held = connect_address(own_address(0), 3600);
	ck_assert_int_ge(held, 0);
	expect_echo(held, "first");
	while (count < (int)ARRAY_LEN(fds) && (fds[count] = try_connect(own_address(0), 3600)) >= 0)
		count++;
	ck_assert_int_eq(count, 5);
	/* Those in the queue are served when their turn comes. */
	fcntl(fds[0], F_SETFL, 0);
	send_text(fds[0], "queued\n");
	close(held);
	ck_assert_str_eq(read_line(fds[0]), "queued");
	while (count > 0)
		close(fds[--count]);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(the_sixth_client_is_refused_and_the_next_after_one_left_is_served),
	TEST(on_limit_queue_leaves_the_client_in_the_backlog),
	TEST(a_full_service_that_queues_does_not_spin),
	TEST(max_servers_bounds_all_services_together),
	TEST(max_servers_with_queue_wakes_another_service),
	TEST(instances_of_zero_serve_nobody),
	TEST(instances_come_from_defaults_and_services_override_them),
	TEST(instances_are_counted_right_when_a_program_crashes),
	TEST(b6_backlog_is_what_the_file_says),
};

int
main(void)
{
	return run_functional("limits", tests, ARRAY_LEN(tests));
}
