/* SPDX-License-Identifier: MIT */
/* Listening sockets handed over: LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES. */
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

/* Hands over a descriptor of the test's own choice. */
static void
hand_over(struct daemon *d, const char *name, int fd)
{
	struct listener *l = &d->listeners[d->listener_count++];

	*l = (struct listener){ .fd = fd, .len = sizeof(l->addr) };
	snprintf(l->name, sizeof(l->name), "%s", name);
}

START_TEST(several_sockets_of_one_name_are_one_service)
{
	struct daemon *d = daemon_new();
	unsigned first, second;

	daemon_entry(d, "x", HOLD "\tprotocol = tcp\n");
	first = daemon_listen(d, "x", "tcp");
	second = daemon_listen(d, "x", "tcp");
	daemon_start(d);
	int a = connect_address("127.0.0.1", first), b = connect_address("127.0.0.1", second);
	ck_assert_int_ge(a, 0);
	ck_assert_int_ge(b, 0);
	expect_echo(a, "first");
	expect_echo(b, "second");
	close(a);
	close(b);
	daemon_stop(d);
}

END_TEST

START_TEST(socket_without_a_known_name_serves_the_address_it_is_bound_to)
{
	struct daemon *d = daemon_new();
	int fd = listen_at(own_address(0), 3600);

	hand_over(d, "something", fd);
	d->keep_listeners = true; /* nobody else could bind the address */
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_start(d);
	expect_no_line(d, "event=bind-failed");
	int client = connect_address(own_address(0), 3600);
	ck_assert_int_ge(client, 0);
	expect_echo(client, "served");
	close(client);
	daemon_stop(d);
}

END_TEST

/* Whoever has handed it over has it, too, and with it the options that those who are accepted inherit. */
START_TEST(socket_of_an_address_that_is_made_to_block_blocks_nobody)
{
	struct daemon *d = daemon_new();
	int fd = listen_at(own_address(0), 3600), client;

	hand_over(d, "something", fd);
	d->keep_listeners = true;
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_start(d);
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	client = connect_address(own_address(0), 3600);
	ck_assert_int_ge(client, 0);
	expect_echo(client, "served");
	ck_assert((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	close(client);
	daemon_stop(d);
}

END_TEST

START_TEST(socket_that_nobody_wants_is_closed_with_a_warning)
{
	struct daemon *d = daemon_new();
	unsigned port;

	daemon_service(d, "x", "tcp", HOLD);
	port = daemon_listen(d, "nobody", "tcp");
	daemon_start(d);
	expect_line(d, "event=inherited-unused name=nobody");
	ck_assert_int_eq(connect_address("127.0.0.1", port), -ECONNREFUSED);
	close(hold_open(d, "x"));
	daemon_stop(d);
}

END_TEST

START_TEST(what_is_no_listening_socket_is_refused)
{
	struct daemon *d = daemon_new();
	int fds[2], pair[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	daemon_service(d, "x", "tcp", HOLD);
	hand_over(d, "x", fds[0]);
	hand_over(d, "x", pair[0]);
	hand_over(d, "x", stream_socket(own_address(0), 3601)); /* bound, but does not listen */
	daemon_start(d);
	expect_lines(d, 3, "event=inherited-refused fd=");
	int fd = daemon_connect(d, "x");
	expect_echo(fd, "the good one serves");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(sockets_for_another_process_are_not_taken)
{
	struct daemon *d = daemon_new();

	daemon_setenv(d, "LISTEN_PID=1");
	daemon_service(d, "x", "tcp", HOLD);
	daemon_entry(d, "y", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_start(d);
	/* Without the socket the service has no port. */
	expect_line(d, "porterd.conf:* error: *port");
	int fd = connect_address(own_address(0), 3600);
	expect_echo(fd, "the other one serves");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(inherited_socket_survives_reloads)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	for (int i = 0; i < 3; i++) {
		daemon_reload(d);
		int fd = daemon_connect(d, "x");
		expect_echo(fd, "still the same");
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

START_TEST(fewer_sockets_than_announced)
{
	struct daemon *d = daemon_new();

	daemon_setenv(d, "LISTEN_FDS=100");
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "event=inherited-missing announced=100 found=1");
	expect_no_line(d, "event=inherited-refused");
	expect_no_line(d, "event=inherited-unused");
	int fd = daemon_connect(d, "x");
	expect_echo(fd, "served");
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Without its socket a service is as any other: without a port it is refused, with one it listens. */
START_TEST(socket_of_a_removed_service_is_gone)
{
	struct daemon *d = daemon_new();

	unsigned port = daemon_listen(d, "x", "tcp");
	daemon_entry(d, "x", HOLD);
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	daemon_clear(d);
	daemon_entry(d, "y", HOLD "\tprotocol = tcp\n");
	daemon_reload(d);
	ck_assert_int_eq(connect_address("127.0.0.1", port), -ECONNREFUSED);
	daemon_mark(d);
	daemon_entry(d, "x", HOLD);
	daemon_reload(d);
	expect_line(d, "event=config severity=error *port =");
	daemon_clear(d);
	daemon_entry(d, "y", HOLD "\tprotocol = tcp\n");
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_reload(d);
	expect_line(d, "event=listening service=x address=tcp:%s:3600", own_address(0));
	int fd = connect_address(own_address(0), 3600);
	expect_echo(fd, "a port of its own");
	close(fd);
	close(hold_open(d, "y"));
	daemon_stop(d);
}

END_TEST

START_TEST(socket_of_another_type_is_not_the_services)
{
	struct daemon *d = daemon_new();
	char answer[8];

	unsigned port = daemon_listen(d, "echo", "tcp");
	daemon_add(d,
	    "service echo\n{\n\ttype = INTERNAL UNLISTED\n\tprotocol = tcp\n\twait = no\n\tuser = @USER@\n}\n");
	daemon_start(d);
	expect_line(d, "event=listening service=echo address=inherited:stream:echo");
	daemon_clear(d);
	daemon_add(d,
	    "service echo\n{\n\ttype = INTERNAL UNLISTED\n\tprotocol = udp\n\tuser = @USER@\n}\n");
	daemon_reload(d);
	expect_line(d, "event=config severity=error *port =");
	daemon_clear(d);
	daemon_add(d,
	    "service echo\n{\n\ttype = INTERNAL UNLISTED\n\tprotocol = udp\n\tuser = @USER@\n"
	    "\tlisten = @ADDR@:3600\n}\n");
	daemon_reload(d);
	expect_line(d, "event=closed service=echo address=inherited:stream:echo");
	expect_line(d, "event=listening service=echo address=udp:%s:3600", own_address(0));
	ck_assert_int_eq(connect_address("127.0.0.1", port), -ECONNREFUSED);
	int fd = datagram_socket("127.0.0.1", 0), scout = datagram_socket(own_address(0), 0);
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	ck_assert_int_eq(getsockname(scout, (struct sockaddr *)&to, &len), 0);
	to.sin_port = htons(3600);
	ck_assert_int_eq(sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, len), 5);
	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	ck_assert_int_eq(recv(fd, answer, sizeof(answer), 0), 5);
	close(scout);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* It serves where it is bound to, before there is a service of its name. */
START_TEST(name_of_a_socket_that_is_taken_by_its_address_is_void)
{
	struct daemon *d = daemon_new();
	int fd = listen_at(own_address(0), 3600);

	hand_over(d, "x", fd);
	daemon_entry(d, "y", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_start(d);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR2@:3600\n");
	daemon_reload(d);
	for (unsigned i = 0; i < 2; i++) {
		int client = connect_address(own_address(i), 3600);

		expect_echo(client, "both are served");
		close(client);
	}
	expect_line(d, "event=reload-done services=2 listeners=2");
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(several_sockets_of_one_name_are_one_service),
	TEST(socket_without_a_known_name_serves_the_address_it_is_bound_to),
	TEST(socket_of_an_address_that_is_made_to_block_blocks_nobody),
	TEST(socket_that_nobody_wants_is_closed_with_a_warning),
	TEST(what_is_no_listening_socket_is_refused),
	TEST(sockets_for_another_process_are_not_taken),
	TEST(inherited_socket_survives_reloads),
	TEST(fewer_sockets_than_announced),
	TEST(socket_of_a_removed_service_is_gone),
	TEST(socket_of_another_type_is_not_the_services),
	TEST(name_of_a_socket_that_is_taken_by_its_address_is_void),
};

int
main(void)
{
	return run_functional("inherit", tests, ARRAY_LEN(tests));
}
