/* SPDX-License-Identifier: MIT */
/* Programs behind ports: TCP over IPv4, IPv6 and both, several addresses, many clients. */
#include <check.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define SHOW "\tserver = @PROGRAMS@/show\n"

START_TEST(puts_a_program_behind_a_port)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	expect_echo(fd, "hello");
	expect_line(d, "START: x pid=%d from=127.0.0.1", (int)ask_pid(fd));
	close(fd);
	expect_line(d, "EXIT: x status=0");
	daemon_stop(d);
}

END_TEST

START_TEST(standard_descriptors_are_the_connection)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", SHOW);
	daemon_start(d);
	const char *shown = shown_by(d, "x"), *in = show_value(shown, "fd 0");
	ck_assert_ptr_nonnull(in);
	ck_assert_ptr_nonnull(strstr(in, "socket:["));
	ck_assert_str_eq(show_value(shown, "fd 1"), in);
	ck_assert_str_eq(show_value(shown, "fd 2"), in);
	/* Not O_NONBLOCK: programs do not expect it. */
	ck_assert_int_eq(atoi(show_value(shown, "flags 0")) & SOCK_NONBLOCK, 0);
	daemon_stop(d);
}

END_TEST

START_TEST(serves_ipv6)
{
	if (!has_ipv6()) {
		test_skip("serves_ipv6", "no IPv6 here");
		return;
	}
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp6", SHOW);
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "env REMOTE_ADDR"), "::1");
	ck_assert_str_eq(show_value(shown, "env LOCAL_ADDR"), "::1");
	expect_line(d, "START: x * from=::1");
	daemon_stop(d);
}

END_TEST

START_TEST(ipv4_clients_of_a_dual_stack_socket_are_plain_ipv4)
{
	if (!has_ipv6()) {
		test_skip("ipv4_clients_of_a_dual_stack_socket_are_plain_ipv4", "no IPv6 here");
		return;
	}
	struct daemon *d = daemon_new();
	unsigned port;

	daemon_entry(d, "x", "\tsocket_type = stream\n" SHOW);
	port = daemon_listen(d, "x", "dual");
	daemon_start(d);
	int fd = connect_address("127.0.0.1", port);
	ck_assert_int_ge(fd, 0);
	const char *shown = read_all(fd);
	ck_assert_str_eq(show_value(shown, "env REMOTE_HOST"), "127.0.0.1");
	ck_assert_str_eq(show_value(shown, "env TCPLOCALIP"), "127.0.0.1");
	expect_line(d, "START: x * from=127.0.0.1");
	ck_assert_str_eq(show_value(shown_by(d, "x"), "env REMOTE_HOST"), "::1");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(one_entry_listens_on_several_addresses)
{
	struct daemon *d = daemon_new();

	daemon_entry(
	    d, "x", "\tlisten = @ADDR@:3600 @ADDR@:3601 @ADDR2@:3600 unix:@DIR@/x.sock\n" HOLD);
	daemon_start(d);
	const int fds[] = {
		connect_address(own_address(0), 3600),
		connect_address(own_address(0), 3601),
		connect_address(own_address(1), 3600),
		connect_unix(text_format("%s/x.sock", d->dir)),
	};
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		ck_assert_msg(fds[i] >= 0, "address %zu: %s", i, strerror(-fds[i]));
		expect_echo(fds[i], "there");
	}
	ck_assert_int_eq(connect_address(own_address(1), 3601), -ECONNREFUSED);
	daemon_stop(d);
	ck_assert(!path_exists(text_format("%s/x.sock", d->dir)));
}

END_TEST

START_TEST(native_and_xinetd_spelling_serve_the_same)
{
	struct daemon *d = daemon_new();

	daemon_add(d,
	    "service a\n{\n\tsocket_type = stream\n\twait = no\n\tuser = @USER@\n\ttype = UNLISTED\n"
	    "\tserver = @PROGRAMS@/show\n\tserver_args = -s /srv\n\tenv = A=1 B=2\n}\n");
	daemon_add(d,
	    "service b {\n  socket_type = \"stream\"\n  wait = no # one each\n  user = \"@USER@\"\n"
	    "  type = {UNLISTED}\n  server = \"@PROGRAMS@/show\" // here\n  server_args = {\"-s\", \"/srv\"}\n"
	    "  env = {\"A=1\", \"B=2\"}\n}\n");
	daemon_listen(d, "a", "tcp");
	daemon_listen(d, "b", "tcp");
	daemon_start(d);
	for (int i = 0; i < 2; i++) {
		const char *shown = shown_by(d, i == 0 ? "a" : "b");

		ck_assert_str_eq(show_value(shown, "argc"), "3");
		ck_assert_str_eq(show_value(shown, "argv 0"), "show");
		ck_assert_str_eq(show_value(shown, "argv 1"), "-s");
		ck_assert_str_eq(show_value(shown, "argv 2"), "/srv");
		ck_assert_str_eq(show_value(shown, "env A"), "1");
		ck_assert_str_eq(show_value(shown, "env B"), "2");
	}
	daemon_stop(d);
}

END_TEST

START_TEST(half_close_lets_the_answer_through)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	send_text(fd, "one\ntwo\n");
	half_close(fd);
	ck_assert_str_eq(read_all(fd), "one\ntwo\n");
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Writes size bytes in another process, so that neither direction can fill up. */
static pid_t
write_from_child(int fd, size_t size)
{
	static char block[65536];
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	for (size_t left = size; left > 0;) {
		ssize_t n =
		    send(fd, block, left < sizeof(block) ? left : sizeof(block), MSG_NOSIGNAL);

		if (n <= 0)
			_exit(1);
		left -= (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	_exit(0);
}

START_TEST(megabytes_pass_unchanged)
{
	struct daemon *d = daemon_new();
	const size_t size = 3 << 20;
	char *copy = malloc(size + 1);

	ck_assert_ptr_nonnull(copy);
	daemon_service(d, "x", "tcp", "\tserver = /bin/cat\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	pid_t writer = write_from_child(fd, size);
	memset(copy, 1, size + 1);
	ck_assert_uint_eq(read_bytes(fd, copy, size + 1), size);
	ck_assert_int_eq(copy[0], 0);
	ck_assert_int_eq(memcmp(copy, copy + 1, size - 1), 0);
	ck_assert_int_eq(wait_exit(writer), 0);
	close(fd);
	free(copy);
	daemon_stop(d);
}

END_TEST

START_TEST(a_hundred_clients_at_once)
{
	struct daemon *d = daemon_new();
	int fds[100];

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	unsigned before = daemon_fds(d);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = daemon_connect(d, "x");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		expect_echo(fds[i], text_format("client %zu", i));
	ck_assert_uint_eq(daemon_fds(d), before);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	expect_lines(d, ARRAY_LEN(fds), "EXIT: x status=0");
	expect_count(d, ARRAY_LEN(fds), "START: x");
	daemon_stop(d);
}

END_TEST

START_TEST(a_port_may_be_a_name)
{
	const struct servent *entry = getservbyname("postgresql", "tcp");

	if (entry == NULL) {
		test_skip("a_port_may_be_a_name", "no /etc/services here");
		return;
	}
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", "\tbind = @ADDR@\n\tport = postgresql\n\tprotocol = tcp\n" HOLD);
	daemon_add(d,
	    "service postgresql\n{\n\tbind = @ADDR2@\n\tsocket_type = stream\n\twait = no\n\tuser = @USER@\n" HOLD
	    "}\n");
	daemon_start(d);
	for (unsigned i = 0; i < 2; i++) {
		int fd = connect_address(own_address(i), 5432);

		ck_assert_msg(fd >= 0, "%u: %s", i, strerror(-fd));
		expect_echo(fd, "by name");
	}
	daemon_stop(d);
}

END_TEST

START_TEST(one_service_out_of_order_does_not_keep_the_others)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "good", "tcp", HOLD);
	daemon_entry(d, "bad", "\tport = 70000\n\tprotocol = tcp\n\tbind = @ADDR@\n" HOLD);
	daemon_start(d);
	expect_line(d, "porterd.conf:*70000");
	int fd = daemon_connect(d, "good");
	expect_echo(fd, "served");
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(puts_a_program_behind_a_port),
	TEST(standard_descriptors_are_the_connection),
	TEST(serves_ipv6),
	TEST(ipv4_clients_of_a_dual_stack_socket_are_plain_ipv4),
	TEST(one_entry_listens_on_several_addresses),
	TEST(native_and_xinetd_spelling_serve_the_same),
	TEST(half_close_lets_the_answer_through),
	TEST(megabytes_pass_unchanged),
	TEST(a_hundred_clients_at_once),
	TEST(a_port_may_be_a_name),
	TEST(one_service_out_of_order_does_not_keep_the_others),
};

int
main(void)
{
	return run_functional("serve", tests, ARRAY_LEN(tests));
}
