/* SPDX-License-Identifier: MIT */
#include "serve/builtin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <locale.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "serve/arrival.h"
#include "serve/datagram.h"
#include "suite.h"

#define NOON 1795289682 /* 2026-11-21 19:34:42 UTC */

static char big[70000];

START_TEST(builtins_by_name_and_socket_type)
{
	static const char *const names[] = { "echo", "discard", "daytime", "time", "chargen",
		"ECHO", "Time" };
	static const char *const others[] = { "", "ech", "echoo", "/bin/echo" };
	static const char *const inside[] = { "servers", "services", "tcpmux", "TCPMUX" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct builtin *b = builtin_find(names[i]);

		ck_assert_ptr_nonnull(b);
		ck_assert_ptr_nonnull(b->text);
		ck_assert((b->stream == NULL) != (b->answer == NULL));
		ck_assert(builtin_exists(names[i], SOCK_STREAM));
		ck_assert(builtin_exists(names[i], SOCK_DGRAM));
		ck_assert(!builtin_exists(names[i], SOCK_RAW));
		ck_assert(!builtin_exists(names[i], SOCK_SEQPACKET));
	}
	for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
		ck_assert_int_ne(builtin_find(inside[i])->inside, INSIDE_NOTHING);
		ck_assert(builtin_exists(inside[i], SOCK_STREAM));
		ck_assert(!builtin_exists(inside[i], SOCK_DGRAM));
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		ck_assert_ptr_null(builtin_find(others[i]));
		ck_assert(!builtin_exists(others[i], SOCK_STREAM));
	}
}

END_TEST

static void
set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

START_TEST(daytime_text)
{
	const struct builtin *b = builtin_find("daytime");
	char out[BUILTIN_ANSWER_SIZE + 1] = "";

	set_zone("UTC");
	setlocale(LC_ALL, "C.UTF-8");
	ck_assert_uint_eq(b->answer(out, sizeof(out), NOON), 26);
	ck_assert_str_eq(out, "21 NOV 2026 19:34:42 UTC\r\n");
	b->answer(out, sizeof(out), 0);
	ck_assert_str_eq(out, "01 JAN 1970 00:00:00 UTC\r\n");
	set_zone("KST-9");
	b->answer(out, sizeof(out), NOON);
	ck_assert_str_eq(out, "22 NOV 2026 04:34:42 KST\r\n");
	ck_assert_uint_eq(
	    b->answer(out, 26, NOON), 0); /* does not fit: nothing rather than a part */
	ck_assert_int_eq(b->datagram("", 0, out, sizeof(out), NOON), 26);
	ck_assert_int_eq(b->datagram("", 0, out, 26, NOON), -1);
	set_zone("UTC");
}

END_TEST

static const struct {
	time_t now;
	unsigned char answer[4];
} times[] = {
	{ 0, { 0x83, 0xaa, 0x7e, 0x80 } },
	{ 1, { 0x83, 0xaa, 0x7e, 0x81 } },
	{ 2085978495, { 0xff, 0xff, 0xff, 0xff } },
	{ 2085978496, { 0, 0, 0, 0 } }, /* 7 February 2036 */
	{ 2085978497, { 0, 0, 0, 1 } },
};

START_TEST(time_of_day)
{
	const struct builtin *b = builtin_find("time");
	char out[BUILTIN_ANSWER_SIZE];

	ck_assert_uint_eq(b->answer(out, sizeof(out), times[_i].now), 4);
	ck_assert_mem_eq(out, times[_i].answer, 4);
	ck_assert_int_eq(b->datagram("", 0, out, 3, times[_i].now), -1);
	ck_assert_int_eq(b->datagram("", 0, out, sizeof(out), times[_i].now), 4);
	ck_assert_mem_eq(out, times[_i].answer, 4);
	ck_assert_uint_eq(b->answer(out, 3, times[_i].now), 0);
}

END_TEST

/* The builtin in a process of its own, as the daemon runs it; our end of its connection. */
static int
serve(const char *name, pid_t *pid)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*pid = fork();
	ck_assert_int_ge(*pid, 0);
	if (*pid == 0) {
		close(fds[0]);
		builtin_find(name)->stream(fds[1]);
		_exit(0);
	}
	close(fds[1]);
	return fds[0];
}

/* It ends by itself, not by a signal. */
static void
expect_end(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

START_TEST(echo_stream_until_the_client_is_done)
{
	pid_t pid;
	int fd = serve("echo", &pid);

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7);
	for (size_t at = 0; at < sizeof(big); at += 10000) {
		char back[10000];

		ck_assert_int_eq(send(fd, big + at, sizeof(back), 0), sizeof(back));
		ck_assert_int_eq(recv(fd, back, sizeof(back), MSG_WAITALL), sizeof(back));
		ck_assert_mem_eq(back, big + at, sizeof(back));
	}
	/* Half closed: what is under way still comes back. */
	ck_assert_int_eq(send(fd, "end", 3, 0), 3);
	shutdown(fd, SHUT_WR);
	ck_assert_int_eq(recv(fd, big, sizeof(big), MSG_WAITALL), 3);
	expect_end(pid);
	close(fd);
}

END_TEST

START_TEST(echo_stream_of_a_client_that_goes)
{
	pid_t pid;
	int fd = serve("echo", &pid);

	ck_assert_int_eq(send(fd, big, 10000, 0), 10000);
	close(fd);
	expect_end(pid);
}

END_TEST

START_TEST(discard_stream_answers_nothing)
{
	pid_t pid;
	int fd = serve("discard", &pid);

	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(send(fd, big, sizeof(big), 0), sizeof(big));
	shutdown(fd, SHUT_WR);
	ck_assert_int_eq(recv(fd, big, 1, 0), 0);
	expect_end(pid);
	close(fd);
}

END_TEST

START_TEST(chargen_stream)
{
	static char text[97 * 74];
	pid_t pid;
	int fd = serve("chargen", &pid);

	ck_assert_int_eq(recv(fd, text, sizeof(text), MSG_WAITALL), sizeof(text));
	ck_assert_mem_eq(text,
	    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n!\"",
	    76);
	for (size_t line = 0; line < 97; line++) {
		const char *l = text + line * 74;

		for (size_t i = 0; i < 72; i++)
			ck_assert_int_eq(l[i], ' ' + (int)((line + i) % 95));
		ck_assert_int_eq(l[72], '\r');
		ck_assert_int_eq(l[73], '\n');
	}
	/* It takes what a client sends meanwhile, and ends when the client is gone. */
	ck_assert_int_eq(send(fd, big, 10000, 0), 10000);
	close(fd);
	expect_end(pid);
}

END_TEST

START_TEST(chargen_takes_what_it_is_sent)
{
	size_t left = 1 << 20;
	pid_t pid;
	int fd = serve("chargen", &pid);

	while (left > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

		ck_assert_int_eq(poll(&p, 1, -1), 1);
		if ((p.revents & POLLIN) != 0)
			ck_assert_int_gt(recv(fd, big, sizeof(big), 0), 0);
		if ((p.revents & POLLOUT) != 0) {
			ssize_t n = send(fd, big, left < 1000 ? left : 1000, MSG_DONTWAIT);

			if (n > 0)
				left -= (size_t)n;
		}
	}
	close(fd);
	expect_end(pid);
}

END_TEST

START_TEST(c3_chargen_datagram_is_never_longer_than_the_request)
{
	static const struct {
		size_t in;
		ssize_t out;
	} lengths[] = {
		{ 0, -1 },
		{ 1, 1 },
		{ 74, 74 },
		{ 75, 75 },
		{ 512, 512 },
		{ 513, 512 },
		{ 60000, 512 },
	};
	const struct builtin *b = builtin_find("chargen");
	char out[1024];

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		ck_assert_int_eq(
		    b->datagram(big, lengths[i].in, out, sizeof(out), 0), lengths[i].out);
	ck_assert_mem_eq(out, " !\"#", 4);
	ck_assert_int_eq(b->datagram(big, 512, out, 100, 0), 100);
	ck_assert_int_eq(builtin_find("discard")->datagram(big, 512, out, sizeof(out), 0), -1);
	ck_assert_int_eq(builtin_find("discard")->datagram(big, 0, out, sizeof(out), 0), -1);
}

END_TEST

START_TEST(c7_echo_datagram_that_does_not_fit_is_dropped)
{
	const struct builtin *b = builtin_find("echo");
	char out[100];

	ck_assert_int_eq(b->datagram(big, 100, out, sizeof(out), 0), 100);
	ck_assert_int_eq(b->datagram(big, 101, out, sizeof(out), 0), -1);
	ck_assert_int_eq(b->datagram(big, 0, out, sizeof(out), 0), 0);
}

END_TEST

/* A server socket and what was answered. */
static int server;
static struct addr server_addr;
static unsigned answers;
static struct addr answered;
static const struct addr *own;

static bool
is_own(const struct addr *peer, void *arg)
{
	ck_assert_ptr_eq(arg, &answers);
	return own != NULL && addr_equal(peer, own);
}

static void
on_answer(const struct addr *peer, void *arg)
{
	ck_assert_ptr_eq(arg, &answers);
	answers++;
	answered = *peer;
}

static const struct datagram_rules rules = {
	.is_own = is_own, .on_answer = on_answer, .arg = &answers
};

static int
bound_socket(struct addr *a)
{
	int fd = socket(addr_family(a), SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, &a->u.sa, a->len) < 0) {
		close(fd);
		return -1;
	}
	a->len = sizeof(a->u);
	ck_assert_int_eq(getsockname(fd, &a->u.sa, &a->len), 0);
	return fd;
}

/* Listens on every address of the family; false: the machine lacks the family. */
static bool
start(int family)
{
	answers = 0;
	own = NULL;
	addr_any(&server_addr, family, 0);
	server = bound_socket(&server_addr);
	if (server < 0)
		return false;
	ck_assert_int_eq(arrival_prepare(server, family), 0);
	return true;
}

static int
client_at(const char *text, uint16_t port)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, port), 0);
	return bound_socket(&a);
}

/* A client that takes answers from the address alone that it asked. */
static int
client_of(const char *text)
{
	struct addr to;
	int fd;

	ck_assert_int_eq(addr_parse(&to, text, addr_port(&server_addr)), 0);
	fd = socket(addr_family(&to), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd, &to.u.sa, to.len), 0);
	return fd;
}

static void
send_to_server(int fd, const void *data, size_t len)
{
	struct addr to;

	ck_assert_int_eq(addr_parse(&to, "127.0.0.1", addr_port(&server_addr)), 0);
	ck_assert_int_eq(sendto(fd, data, len, 0, &to.u.sa, to.len), (ssize_t)len);
}

static unsigned
serve_datagrams(const char *name, unsigned budget)
{
	return datagram_serve(server, builtin_find(name), &rules, budget, NOON);
}

/* On the loopback interface a datagram is there as soon as it is sent. */
static ssize_t
got(int fd)
{
	ssize_t n = recv(fd, big, sizeof(big), MSG_DONTWAIT);

	ck_assert(n >= 0 || errno == EAGAIN);
	return n;
}

START_TEST(datagrams_of_every_builtin)
{
	static const struct {
		const char *name;
		ssize_t len;
	} all[] = {
		{ "echo", 5 },
		{ "chargen", 5 },
		{ "daytime", 26 },
		{ "time", 4 },
		{ "discard", -1 },
	};

	int fd;

	ck_assert(start(AF_INET));
	set_zone("UTC");
	fd = client_of("127.0.0.1");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		ck_assert_int_eq(send(fd, "hello", 5, 0), 5);
		ck_assert_uint_eq(serve_datagrams(all[i].name, 16), 1);
		ck_assert_int_eq(got(fd), all[i].len);
		ck_assert_uint_eq(answers, i + 1);
	}
	ck_assert_int_eq(addr_family(&answered), AF_INET);
	close(fd);
	close(server);
}

END_TEST

START_TEST(budget_bounds_what_is_taken)
{
	int fd;

	ck_assert(start(AF_INET));
	fd = client_of("127.0.0.1");
	for (int i = 0; i < 5; i++)
		send(fd, "x", 1, 0);
	ck_assert_uint_eq(serve_datagrams("echo", 3), 3);
	ck_assert_uint_eq(serve_datagrams("echo", 3), 2);
	ck_assert_uint_eq(serve_datagrams("echo", 3), 0); /* does not wait */
	close(fd);
	close(server);
}

END_TEST

static const uint16_t automata[] = { 7, 13, 19, 37, 53, 123, 1023, 1434, 1900, 5353, 11211 };

START_TEST(c1_known_echoer_is_never_answered)
{
	int fd = client_at("127.44.7.9", automata[_i]);

	if (fd < 0) {
		test_skip("c1_known_echoer_is_never_answered", "the source port cannot be bound");
		return;
	}
	ck_assert(start(AF_INET));
	send_to_server(fd, "hello", 5);
	ck_assert_uint_eq(serve_datagrams("echo", 16), 1);
	ck_assert_int_eq(got(fd), -1);
	ck_assert_uint_eq(answers, 0);
	close(fd);
	/* From any other port the same client is answered. */
	fd = client_at("127.44.7.9", 0);
	send_to_server(fd, "hello", 5);
	serve_datagrams("echo", 16);
	ck_assert_int_eq(got(fd), 5);
	close(fd);
	close(server);
}

END_TEST

START_TEST(c1_source_port_0_is_never_answered)
{
	struct {
		struct udphdr head;
		char data[4];
	} packet = { .head = { .uh_dport = 0 }, .data = "hey" };
	struct addr to;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);

	if (fd < 0) {
		test_skip("c1_source_port_0_is_never_answered", "no raw sockets");
		return;
	}
	ck_assert(start(AF_INET));
	packet.head.uh_dport = htons(addr_port(&server_addr));
	packet.head.uh_ulen = htons(sizeof(packet));
	ck_assert_int_eq(addr_parse(&to, "127.0.0.1", 0), 0);
	ck_assert_int_eq(sendto(fd, &packet, sizeof(packet), 0, &to.u.sa, to.len), sizeof(packet));
	ck_assert_uint_eq(serve_datagrams("echo", 16), 1);
	ck_assert_uint_eq(answers, 0);
	close(fd);
	close(server);
}

END_TEST

START_TEST(c2_our_own_socket_is_never_answered)
{
	struct addr self;
	int fd;

	ck_assert(start(AF_INET));
	ck_assert_int_eq(addr_parse(&self, "127.0.0.1", 0), 0);
	fd = bound_socket(&self);
	own = &self;
	send_to_server(fd, "hello", 5);
	ck_assert_uint_eq(serve_datagrams("echo", 16), 1);
	ck_assert_int_eq(got(fd), -1);
	ck_assert_uint_eq(answers, 0);
	own = NULL;
	send_to_server(fd, "hello", 5);
	serve_datagrams("echo", 16);
	ck_assert_int_eq(got(fd), 5);
	close(fd);
	close(server);
}

END_TEST

START_TEST(c2_broadcast_is_never_answered)
{
	const int on = 1;
	struct addr to;
	int fd;

	ck_assert(start(AF_INET));
	fd = client_at("127.0.0.1", 0);
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	ck_assert_int_eq(addr_parse(&to, "127.255.255.255", addr_port(&server_addr)), 0);
	if (sendto(fd, "hello", 5, 0, &to.u.sa, to.len) != 5 || serve_datagrams("echo", 16) == 0)
		test_skip(
		    "c2_broadcast_is_never_answered", "no broadcasts on the loopback interface");
	ck_assert_int_eq(got(fd), -1);
	ck_assert_uint_eq(answers, 0);
	close(fd);
	close(server);
}

END_TEST

START_TEST(c6_empty_datagram_is_data)
{
	static const struct {
		const char *name;
		ssize_t len;
	} all[] = {
		{ "echo", 0 },
		{ "chargen", -1 },
		{ "daytime", 26 },
		{ "time", 4 },
		{ "discard", -1 },
	};

	int fd;

	ck_assert(start(AF_INET));
	fd = client_of("127.0.0.1");
	ck_assert_int_eq(send(fd, "", 0, 0), 0);
	ck_assert_int_eq(send(fd, "after", 5, 0), 5);
	ck_assert_uint_eq(serve_datagrams("echo", 16), 2);
	ck_assert_int_eq(got(fd), 0);
	ck_assert_int_eq(got(fd), 5);
	set_zone("UTC");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		ck_assert_int_eq(send(fd, "", 0, 0), 0);
		ck_assert_uint_eq(serve_datagrams(all[i].name, 16), 1);
		ck_assert_int_eq(got(fd), all[i].len);
	}
	ck_assert_uint_eq(answers, 2 + ARRAY_LEN(all));
	close(fd);
	close(server);
}

END_TEST

START_TEST(c7_longest_datagram_is_echoed_whole)
{
	static char sent[65507];
	int fd;

	ck_assert(start(AF_INET));
	fd = client_of("127.0.0.1");
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 13);
	ck_assert_int_eq(send(fd, sent, sizeof(sent), 0), sizeof(sent));
	ck_assert_uint_eq(serve_datagrams("echo", 16), 1);
	ck_assert_int_eq(got(fd), sizeof(sent));
	ck_assert_mem_eq(big, sent, sizeof(sent));
	close(fd);
	close(server);
}

END_TEST

/* What the one answers is asked of the other. */
START_TEST(c4_two_echo_services_end_by_themselves)
{
	enum { MOST = 100000 };
	struct addr other;
	int second;
	unsigned turns = 0;

	ck_assert(start(AF_INET));
	second = client_at("127.0.0.1", 0);
	other.len = sizeof(other.u);
	ck_assert_int_eq(getsockname(second, &other.u.sa, &other.len), 0);
	ck_assert_int_eq(arrival_prepare(second, AF_INET), 0);
	send_to_server(second, "x", 1);
	while (turns < MOST && datagram_serve(server, builtin_find("echo"), &rules, 1, NOON) == 1 &&
	       datagram_serve(second, builtin_find("echo"), &rules, 1, NOON) == 1)
		turns++;
	ck_assert_uint_gt(turns, 100);
	ck_assert_uint_lt(turns, MOST);
	/* Nor is anything left of it. */
	ck_assert_int_eq(got(server), -1);
	ck_assert_int_eq(got(second), -1);
	close(second);
	close(server);
}

END_TEST

static const struct {
	int family;
	const char *asked;
} homes[] = {
	{ AF_INET, "127.0.0.1" }, { AF_INET, "127.0.0.77" }, { AF_INET6, "::1" },
	{ AF_INET6, "127.0.0.77" }, /* over a dual-stack socket */
};

START_TEST(c9_answer_comes_from_the_address_that_was_asked)
{
	struct addr asked, from = { .len = sizeof(from.u) };
	int fd;

	if (!start(homes[_i].family)) {
		test_skip("c9_answer_comes_from_the_address_that_was_asked", "no IPv6");
		return;
	}
	ck_assert_int_eq(addr_parse(&asked, homes[_i].asked, addr_port(&server_addr)), 0);
	fd = socket(addr_family(&asked), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sendto(fd, "hello", 5, 0, &asked.u.sa, asked.len) != 5) {
		test_skip("c9_answer_comes_from_the_address_that_was_asked", "no IPv6");
		return;
	}
	ck_assert_uint_eq(serve_datagrams("echo", 16), 1);
	ck_assert_int_eq(recvfrom(fd, big, sizeof(big), MSG_DONTWAIT, &from.u.sa, &from.len), 5);
	ck_assert(addr_equal(&from, &asked));
	/* The rules see an IPv4 client as one. */
	ck_assert_int_eq(addr_family(&answered), addr_family(&asked));
	close(fd);
	close(server);
}

END_TEST

/* A network of our own whose loopback interface has a second IPv6 address. */
static bool
make_network(const char *second)
{
	struct ifreq up = { .ifr_name = "lo" };

	/* What the ioctl takes on an IPv6 socket, with the room of what it takes on others. */
	union {
		struct ifreq room;

		struct {
			struct in6_addr addr;
			uint32_t prefix_length;
			int index;
		} in6;
	} address = { .room = { .ifr_name = "" } };

	int fd;
	bool is_made;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	address.in6.prefix_length = 128;
	address.in6.index = (int)if_nametoindex("lo");
	inet_pton(AF_INET6, second, &address.in6.addr);
	up.ifr_flags = IFF_UP | IFF_RUNNING;
	is_made =
	    fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &up) == 0 && ioctl(fd, SIOCSIFADDR, &address) == 0;
	close(fd);
	return is_made;
}

/* The kernel makes a new address usable a little later; until then nothing can be bound to it. */
static bool
becomes_usable(const char *text)
{
	int64_t deadline = clock_now_ms() + 5000;
	struct addr address;
	int fd = -1;

	if (addr_parse(&address, text, 0) < 0)
		return false;
	while (fd < 0 && clock_now_ms() < deadline)
		fd = bound_socket(&address);
	close(fd);
	return fd >= 0;
}

enum { ANSWERED_RIGHT, ANSWERED_WRONG, NO_NETWORK };

static int
ask_second_address(void)
{
	struct addr asked, from = { .len = sizeof(from.u) }, client;
	int fd;

	if (!make_network("fd00::2") || !becomes_usable("fd00::2") || !start(AF_INET6))
		return NO_NETWORK;
	if (addr_parse(&client, "::1", 0) < 0 || (fd = bound_socket(&client)) < 0)
		return NO_NETWORK;
	if (addr_parse(&asked, "fd00::2", addr_port(&server_addr)) < 0 ||
	    sendto(fd, "hello", 5, 0, &asked.u.sa, asked.len) != 5)
		return NO_NETWORK;
	serve_datagrams("echo", 16);
	if (recvfrom(fd, big, sizeof(big), MSG_DONTWAIT, &from.u.sa, &from.len) != 5)
		return ANSWERED_WRONG;
	return addr_equal(&from, &asked) ? ANSWERED_RIGHT : ANSWERED_WRONG;
}

START_TEST(c9_answer_comes_from_the_second_ipv6_address)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(ask_second_address());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_NETWORK)
		test_skip("c9_answer_comes_from_the_second_ipv6_address", "no network namespace");
	else
		ck_assert_int_eq(WEXITSTATUS(status), ANSWERED_RIGHT);
}

END_TEST

START_TEST(c12_unreachable_client_harms_no_other)
{
	const int on = 1;
	int gone, fd;

	ck_assert(start(AF_INET));
	/* Makes the socket report what other sockets only report when connected. */
	setsockopt(server, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	gone = client_of("127.0.0.1");
	fd = client_of("127.0.0.1");
	ck_assert_int_eq(send(gone, "hello", 5, 0), 5);
	close(gone);
	ck_assert_uint_eq(serve_datagrams("echo", 1), 1);
	ck_assert_int_eq(send(fd, "hello", 5, 0), 5);
	ck_assert_uint_eq(serve_datagrams("echo", 16), 1);
	ck_assert_int_eq(got(fd), 5);
	close(fd);
	close(server);
}

END_TEST

START_TEST(rules_may_be_empty)
{
	const struct datagram_rules none = { 0 };
	int fd;

	ck_assert(start(AF_INET));
	fd = client_of("127.0.0.1");
	ck_assert_int_eq(send(fd, "hello", 5, 0), 5);
	ck_assert_uint_eq(datagram_serve(server, builtin_find("echo"), &none, 1, NOON), 1);
	ck_assert_int_eq(got(fd), 5);
	close(fd);
	close(server);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(builtins_by_name_and_socket_type),
	TEST(daytime_text),
	TEST_LOOP(time_of_day, ARRAY_LEN(times)),
	TEST(echo_stream_until_the_client_is_done),
	TEST(echo_stream_of_a_client_that_goes),
	TEST(discard_stream_answers_nothing),
	TEST(chargen_stream),
	TEST(chargen_takes_what_it_is_sent),
	TEST(c3_chargen_datagram_is_never_longer_than_the_request),
	TEST(c7_echo_datagram_that_does_not_fit_is_dropped),
	TEST(datagrams_of_every_builtin),
	TEST(budget_bounds_what_is_taken),
	TEST_LOOP(c1_known_echoer_is_never_answered, ARRAY_LEN(automata)),
	TEST(c1_source_port_0_is_never_answered),
	TEST(c2_our_own_socket_is_never_answered),
	TEST(c2_broadcast_is_never_answered),
	TEST(c6_empty_datagram_is_data),
	TEST(c4_two_echo_services_end_by_themselves),
	TEST(c7_longest_datagram_is_echoed_whole),
	TEST_LOOP(c9_answer_comes_from_the_address_that_was_asked, ARRAY_LEN(homes)),
	TEST(c9_answer_comes_from_the_second_ipv6_address),
	TEST(c12_unreachable_client_harms_no_other),
	TEST(rules_may_be_empty),
};

int
main(void)
{
	return run_suite("builtin", tests, ARRAY_LEN(tests));
}
