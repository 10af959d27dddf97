/* SPDX-License-Identifier: MIT */
/* echo, discard, daytime, time and chargen, over TCP and UDP. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "functional/daemon.h"

/* Seconds from 1900 to 1970, RFC 868. */
#define RFC868_EPOCH 2208988800u

static struct daemon *
start_builtin(const char *name, const char *kind, const char *attributes)
{
	struct daemon *d = daemon_new();
	bool is_udp = strncmp(kind, "udp", 3) == 0;

	daemon_service(d, name, kind,
	    text_format("\ttype = INTERNAL\n\tuser = @USER@\n\twait = %s\n%s",
		is_udp ? "yes" : "no", attributes));
	daemon_start(d);
	return d;
}

static ssize_t
ask(int fd, const void *request, size_t len, void *answer, size_t size)
{
	ck_assert_int_eq(send(fd, request, len, 0), (ssize_t)len);
	ck_assert_msg(wait_for(fd, POLLIN, deadline_after()), "no answer");
	return recv(fd, answer, size, 0);
}

START_TEST(tcp_echo)
{
	struct daemon *d = start_builtin("echo", "tcp", "");
	int fd = daemon_connect(d, "echo");

	expect_echo(fd, "hello");
	expect_line(d, "START: echo pid=* from=127.0.0.1");
	half_close(fd);
	ck_assert_str_eq(read_all(fd), "");
	close(fd);
	expect_line(d, "EXIT: echo status=0");
	daemon_stop(d);
}

END_TEST

START_TEST(tcp_discard)
{
	struct daemon *d = start_builtin("discard", "tcp", "");
	int fd = daemon_connect(d, "discard");
	char block[4096] = "";

	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(send(fd, block, sizeof(block), MSG_NOSIGNAL), sizeof(block));
	half_close(fd);
	ck_assert_str_eq(read_all(fd), "");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(tcp_daytime)
{
	struct daemon *d = start_builtin("daytime", "tcp", "");
	int fd = daemon_connect(d, "daytime"), day, year, h, m, s;
	char month[8];
	const char *text = read_all(fd);

	ck_assert_msg(
	    sscanf(text, "%d %3s %d %d:%d:%d", &day, month, &year, &h, &m, &s) == 6, "%s", text);
	ck_assert_int_ge(year, 2024);
	ck_assert_str_eq(text + strlen(text) - 2, "\r\n");
	close(fd);
	expect_line(d, "START: daytime pid=0 from=127.0.0.1");
	daemon_stop(d);
}

END_TEST

static void
check_time(const unsigned char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, 4);
	ck_assert_int_le(
	    llabs((long long)ntohl(value) - (long long)(RFC868_EPOCH + (uint32_t)time(NULL))), 5);
}

START_TEST(tcp_time)
{
	struct daemon *d = start_builtin("time", "tcp", "");
	int fd = daemon_connect(d, "time");
	unsigned char answer[8];

	ck_assert_uint_eq(read_bytes(fd, answer, sizeof(answer)), 4);
	check_time(answer);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(tcp_chargen)
{
	struct daemon *d = start_builtin("chargen", "tcp", "");
	int fd = daemon_connect(d, "chargen");
	char text[74 * 3 + 1] = "";

	ck_assert_uint_eq(read_bytes(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(memcmp(text + 74 * i + 72, "\r\n", 2), 0);
		for (size_t k = 0; k < 72; k++)
			ck_assert(text[74 * i + k] >= ' ' && text[74 * i + k] <= '~');
	}
	ck_assert_int_eq(text[74], text[1]);
	close(fd);
	expect_line(d, "EXIT: chargen");
	daemon_stop(d);
}

END_TEST

START_TEST(client_that_does_not_read_blocks_nobody)
{
	static const char *const names[] = { "chargen", "echo", "daytime", "time" };
	struct daemon *d = daemon_new();
	int silent[ARRAY_LEN(names)], small = 1;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		daemon_service(d, names[i], "tcp", "\ttype = INTERNAL\n\tuser = @USER@\n");
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		silent[i] = daemon_connect(d, names[i]);
		setsockopt(silent[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int fd = daemon_connect(d, names[i]);
		char byte;

		if (i == 1)
			send_text(fd, "x");
		ck_assert_uint_eq(read_bytes(fd, &byte, 1), 1);
		close(fd);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		close(silent[i]);
	daemon_stop(d);
}

END_TEST

START_TEST(tcp_builtins_are_counted)
{
	struct daemon *d = start_builtin("echo", "tcp", "\tinstances = 1\n");
	int first = daemon_connect(d, "echo");

	expect_echo(first, "first");
	int second = daemon_connect(d, "echo");
	expect_closed(second);
	expect_line(d, "FAIL: echo service_limit from=127.0.0.1");
	close(first);
	close(second);
	daemon_stop(d);
}

END_TEST

START_TEST(tcp_builtin_child_gives_up_root)
{
	if (!is_root()) {
		test_skip("tcp_builtin_child_gives_up_root", "not root");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_add(d, "service echo\n{\n\ttype = INTERNAL\n\tprotocol = tcp\n\twait = no\n}\n");
	daemon_listen(d, "echo", "tcp");
	daemon_start(d);
	int fd = daemon_connect(d, "echo"), pid;
	expect_echo(fd, "hello");
	ck_assert_int_eq(sscanf(strstr(expect_line(d, "START: echo"), "pid="), "pid=%d", &pid), 1);
	ck_assert_int_eq(atoi(process_status(pid, "Uid")), 65534);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(udp_builtins_answer)
{
	static const char *const names[] = { "echo", "discard", "daytime", "time", "chargen" };

	if (_i == 1 && !has_ipv6()) {
		test_skip("udp_builtins_answer", "no IPv6 here");
		return;
	}
	struct daemon *d = daemon_new();
	char answer[65536];
	int fds[ARRAY_LEN(names)];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		daemon_service(d, names[i], _i == 0 ? "udp" : "udp6",
		    "\ttype = INTERNAL\n\tuser = @USER@\n\twait = yes\n");
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		fds[i] = datagram_to(d, names[i]);
	ck_assert_int_eq(ask(fds[0], "hello", 5, answer, sizeof(answer)), 5);
	ck_assert_int_eq(memcmp(answer, "hello", 5), 0);
	send_text(fds[1], "into the void");
	ssize_t n = ask(fds[2], "?", 1, answer, sizeof(answer));
	ck_assert_int_gt(n, 10);
	ck_assert_int_eq(memcmp(answer + n - 2, "\r\n", 2), 0);
	ck_assert_int_eq(ask(fds[3], "?", 1, answer, sizeof(answer)), 4);
	check_time((const unsigned char *)answer);
	/* No amplifier: as many bytes as came. */
	ck_assert_int_le(ask(fds[4], "0123456789", 10, answer, sizeof(answer)), 10);
	ck_assert(is_silent(fds[1]));
	expect_line(d, "START: echo pid=0 from=%s", _i == 0 ? "127.0.0.1" : "::1");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		close(fds[i]);
	daemon_stop(d);
}

END_TEST

static const unsigned known_ports[] = { 7, 13, 17, 19, 37, 53, 69, 111, 123, 137, 161, 389, 512,
	1023, 1900, 11211 };

START_TEST(c1_other_automata_are_not_answered)
{
	unsigned port = known_ports[_i];

	if (port < 1024 && !is_root()) {
		test_skip("c1_other_automata_are_not_answered", "ports below 1024 need root");
		return;
	}
	struct daemon *d = start_builtin("echo", "udp", "");
	int bad = datagram_socket(own_address(0), port), good = datagram_socket(own_address(0), 0);
	char answer[64];
	ck_assert_int_eq(
	    connect(bad, (struct sockaddr *)&d->listeners[0].addr, d->listeners[0].len), 0);
	ck_assert_int_eq(
	    connect(good, (struct sockaddr *)&d->listeners[0].addr, d->listeners[0].len), 0);
	send_text(bad, "loop");
	/* Datagrams are answered in order: with this answer the other one would have come. */
	ck_assert_int_eq(ask(good, "good", 4, answer, sizeof(answer)), 4);
	ck_assert(is_silent(bad));
	close(bad);
	close(good);
	daemon_stop(d);
}

END_TEST

START_TEST(c1_own_sockets_are_not_answered)
{
	struct daemon *d = daemon_new();
	char answer[64];

	d->keep_listeners = true;
	daemon_service(d, "echo", "udp", "\ttype = INTERNAL\n\tuser = @USER@\n\twait = yes\n");
	daemon_add(d,
	    "service echo\n{\n\tid = second\n\ttype = INTERNAL\n\tprotocol = udp\n\twait = yes\n\tuser = @USER@\n}\n");
	daemon_listen(d, "second", "udp");
	daemon_start(d);
	/* From the daemon's own sockets, of which this process has copies: to itself, and from one to the other. */
	const struct listener *a = &d->listeners[0], *b = &d->listeners[1];
	ck_assert_int_eq(sendto(a->fd, "self", 4, 0, (const struct sockaddr *)&a->addr, a->len), 4);
	ck_assert_int_eq(sendto(b->fd, "pair", 4, 0, (const struct sockaddr *)&a->addr, a->len), 4);
	int good = datagram_to(d, "echo");
	ck_assert_int_eq(ask(good, "good", 4, answer, sizeof(answer)), 4);
	int other = datagram_to(d, "second");
	ck_assert_int_eq(ask(other, "good", 4, answer, sizeof(answer)), 4);
	daemon_idle(d);
	/* Two answers and no more: everything else would have gone round. */
	expect_count(d, 2, "START: ");
	close(good);
	close(other);
	daemon_stop(d);
}

END_TEST

START_TEST(c6_empty_datagram_is_answered_with_an_empty_one)
{
	struct daemon *d = start_builtin("echo", "udp", "");
	int fd = datagram_to(d, "echo");
	char answer[64];

	ck_assert_int_eq(send(fd, "", 0, 0), 0);
	ck_assert_int_eq(ask(fd, "next", 4, answer, sizeof(answer)), 0);
	ck_assert_int_eq(recv(fd, answer, sizeof(answer), 0), 4);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(c7_longest_datagram_comes_back_whole)
{
	struct daemon *d = start_builtin("echo", "udp", "");
	static char request[65507], answer[65536];
	int fd = datagram_to(d, "echo"), size = 1 << 18;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (size_t i = 0; i < sizeof(request); i++)
		request[i] = (char)(i * 7);
	ck_assert_int_eq(
	    ask(fd, request, sizeof(request), answer, sizeof(answer)), sizeof(request));
	ck_assert_int_eq(memcmp(request, answer, sizeof(request)), 0);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(c9_answer_comes_from_the_address_that_was_asked)
{
	struct daemon *d = daemon_new();
	struct sockaddr_in any = { .sin_family = AF_INET };
	char answer[64];

	/* The daemon's own socket, on every address. */
	int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(probe, (struct sockaddr *)&any, sizeof(any)), 0);
	unsigned port = bound_port(probe);
	d->listener_count = 1;
	d->listeners[0] = (struct listener){ .name = "echo", .fd = probe, .type = SOCK_DGRAM };
	daemon_entry(
	    d, "echo", "\ttype = INTERNAL\n\tuser = @USER@\n\tprotocol = udp\n\twait = yes\n");
	daemon_start(d);
	const char *const addresses[] = { "127.0.0.77", own_address(0), own_address(1) };
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct sockaddr_in to = { .sin_family = AF_INET,
			.sin_port = htons((uint16_t)port) };
		int fd = datagram_socket("127.0.0.1", 0);

		/* A connected socket takes answers of this address alone. */
		inet_pton(AF_INET, addresses[i], &to.sin_addr);
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
		ck_assert_int_eq(ask(fd, "where", 5, answer, sizeof(answer)), 5);
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

START_TEST(c2_datagrams_to_many_are_not_answered)
{
	struct daemon *d = daemon_new();
	struct sockaddr_in any = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
	char answer[64];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	to.sin_port = htons((uint16_t)bound_port(fd));
	d->listener_count = 1;
	d->listeners[0] = (struct listener){ .name = "echo", .fd = fd, .type = SOCK_DGRAM };
	daemon_entry(
	    d, "echo", "\ttype = INTERNAL\n\tuser = @USER@\n\tprotocol = udp\n\twait = yes\n");
	daemon_start(d);
	fd = datagram_socket("127.0.0.1", 0);
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	inet_pton(AF_INET, "127.255.255.255", &to.sin_addr);
	ssize_t sent = sendto(fd, "many", 4, 0, (struct sockaddr *)&to, sizeof(to));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(ask(fd, "one host", 8, answer, sizeof(answer)), 8);
	ck_assert_int_eq(memcmp(answer, "one host", 8), 0);
	daemon_idle(d);
	expect_count(d, 1, "START: echo");
	ck_assert_int_ge(sent, -1);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(tcp_echo),
	TEST(tcp_discard),
	TEST(tcp_daytime),
	TEST(tcp_time),
	TEST(tcp_chargen),
	TEST(client_that_does_not_read_blocks_nobody),
	TEST(tcp_builtins_are_counted),
	TEST(tcp_builtin_child_gives_up_root),
	TEST_LOOP(udp_builtins_answer, 2),
	TEST_LOOP(c1_other_automata_are_not_answered, ARRAY_LEN(known_ports)),
	TEST(c1_own_sockets_are_not_answered),
	TEST(c2_datagrams_to_many_are_not_answered),
	TEST(c6_empty_datagram_is_answered_with_an_empty_one),
	TEST(c7_longest_datagram_comes_back_whole),
	TEST(c9_answer_comes_from_the_address_that_was_asked),
};

int
main(void)
{
	return run_functional("builtin", tests, ARRAY_LEN(tests));
}
