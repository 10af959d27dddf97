/* SPDX-License-Identifier: MIT */
/* Datagram services with wait = no: one program for each client, with a socket that is connected to it. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/sources.h"

#define DIALOG "\tserver = @PROGRAMS@/dialog\n\twait = no\n"

#define MOST_PEERS 100

/* Raw sockets are root's. */
static bool
may_run(const char *name)
{
	if (!is_root())
		test_skip(name, "not root");
	return is_root();
}

/* A service "x" that got a datagram socket on 127.0.0.1. */
static struct daemon *
start_dialogs(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "udp", text_format(DIALOG "%s", attributes));
	daemon_start(d);
	return d;
}

/* The next datagram; static text. */
static const char *
answer(int fd)
{
	static char text[2048];
	ssize_t n;

	ck_assert_msg(wait_for(fd, POLLIN, deadline_after()), "no answer");
	n = recv(fd, text, sizeof(text) - 1, 0);
	ck_assert_msg(n >= 0, "recv: %s", strerror(errno));
	text[n] = '\0';
	return text;
}

static pid_t
answered(int fd, const char *request)
{
	const char *text = answer(fd);
	int pid = 0, used = 0;

	ck_assert_msg(sscanf(text, "%d %n", &pid, &used) == 1, "'%s'", text);
	ck_assert_str_eq(text + used, request);
	return (pid_t)pid;
}

static pid_t
ask(int fd, const char *request)
{
	send_text(fd, "%s", request);
	return answered(fd, request);
}

START_TEST(each_client_has_a_program_of_its_own)
{
	if (!may_run("each_client_has_a_program_of_its_own"))
		return;
	struct daemon *d = start_dialogs("");
	int one = datagram_to(d, "x"), two = datagram_to(d, "x");
	pid_t first = ask(one, "a"), second = ask(two, "b");

	ck_assert_int_ne(first, second);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(ask(one, text_format("one %d", i)), first);
		ck_assert_int_eq(ask(two, text_format("two %d", i)), second);
	}
	expect_line(d, "START: x pid=%d from=127.0.0.1", (int)first);
	expect_line(d, "START: x pid=%d from=127.0.0.1", (int)second);
	expect_count(d, 2, "START: x");
	send_text(one, "quit");
	expect_line(d, "EXIT: x status=0 pid=%d", (int)first);
	ck_assert_int_eq(ask(two, "still"), second);
	pid_t third = ask(one, "again");
	ck_assert_int_ne(third, first);
	close(one);
	close(two);
	daemon_stop(d);
}

END_TEST

START_TEST(c8_what_comes_before_the_program_is_there_is_its_own)
{
	if (!may_run("c8_what_comes_before_the_program_is_there_is_its_own"))
		return;
	struct daemon *d = start_dialogs("");
	int fds[5];

	/* While the daemon does not run, all of it queues on the one socket. */
	kill(d->pid, SIGSTOP);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = datagram_to(d, "x");
	for (int k = 0; k < 4; k++)
		for (size_t i = 0; i < ARRAY_LEN(fds); i++)
			send_text(fds[i], "%d of %zu", k, i);
	kill(d->pid, SIGCONT);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		pid_t pid = answered(fds[i], text_format("0 of %zu", i));

		for (int k = 1; k < 4; k++)
			ck_assert_int_eq(answered(fds[i], text_format("%d of %zu", k, i)), pid);
		close(fds[i]);
	}
	daemon_idle(d);
	expect_count(d, ARRAY_LEN(fds), "START: x");
	daemon_stop(d);
}

END_TEST

START_TEST(many_clients_at_once)
{
	if (!may_run("many_clients_at_once"))
		return;
	struct daemon *d = start_dialogs("");
	int fds[MOST_PEERS];
	pid_t pids[MOST_PEERS];

	for (size_t i = 0; i < MOST_PEERS; i++) {
		fds[i] = datagram_to(d, "x");
		send_text(fds[i], "first %zu", i);
	}
	for (size_t i = 0; i < MOST_PEERS; i++)
		pids[i] = answered(fds[i], text_format("first %zu", i));
	for (size_t i = 0; i < MOST_PEERS; i++)
		send_text(fds[i], "second %zu", i);
	for (size_t i = 0; i < MOST_PEERS; i++)
		ck_assert_int_eq(answered(fds[i], text_format("second %zu", i)), pids[i]);
	expect_count(d, MOST_PEERS, "START: x");
	for (size_t i = 0; i < MOST_PEERS; i++) {
		send_text(fds[i], "quit");
		close(fds[i]);
	}
	expect_lines(d, MOST_PEERS, "EXIT: x status=0");
	daemon_stop(d);
}

END_TEST

START_TEST(nothing_is_left_open)
{
	if (!may_run("nothing_is_left_open"))
		return;
	struct daemon *d = start_dialogs("");
	int fd = datagram_to(d, "x");

	/* The raw socket stays. */
	ask(fd, "a");
	send_text(fd, "quit");
	expect_line(d, "EXIT: x");
	unsigned before = daemon_fds(d);
	for (int i = 0; i < 10; i++) {
		ask(fd, "b");
		daemon_mark(d);
		send_text(fd, "quit");
		expect_line(d, "EXIT: x");
	}
	ck_assert_uint_eq(daemon_fds(d), before);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(another_program_serves_what_one_has_left)
{
	if (!may_run("another_program_serves_what_one_has_left"))
		return;
	struct daemon *d = start_dialogs("\tserver_args = once\n");
	int fd = datagram_to(d, "x");
	pid_t pids[3];

	kill(d->pid, SIGSTOP);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		send_text(fd, "%zu", i);
	kill(d->pid, SIGCONT);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		pids[i] = answered(fd, text_format("%zu", i));
	ck_assert(pids[0] != pids[1] && pids[1] != pids[2]);
	expect_lines(d, 3, "EXIT: x status=0");
	daemon_idle(d);
	expect_count(d, 3, "START: x");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(what_a_program_does_not_read_starts_no_other)
{
	if (!may_run("what_a_program_does_not_read_starts_no_other"))
		return;
	struct daemon *d = start_dialogs("\tserver_args = ignore\n");
	int fd = datagram_to(d, "x");

	for (unsigned i = 1; i <= 3; i++) {
		daemon_mark(d);
		send_text(fd, "%u", i);
		expect_line(d, "EXIT: x status=3");
		daemon_idle(d);
		expect_count(d, 1, "START: x");
	}
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(instances_refuse_the_next_client)
{
	if (!may_run("instances_refuse_the_next_client"))
		return;
	struct daemon *d = start_dialogs("\tinstances = 1\n");
	int one = datagram_to(d, "x"), two = datagram_to(d, "x");
	pid_t first = ask(one, "a");

	send_text(two, "b");
	expect_line(d, "FAIL: x service_limit from=127.0.0.1");
	ck_assert(is_silent(two));
	ck_assert_int_eq(ask(one, "c"), first);
	send_text(one, "quit");
	expect_line(d, "EXIT: x");
	ask(two, "d");
	close(one);
	close(two);
	daemon_stop(d);
}

END_TEST

START_TEST(clients_queue_for_a_program)
{
	if (!may_run("clients_queue_for_a_program"))
		return;
	struct daemon *d = start_dialogs("\tinstances = 1\n\ton_limit = queue\n");
	int one = datagram_to(d, "x"), two = datagram_to(d, "x");
	pid_t first = ask(one, "a");

	send_text(two, "b");
	ck_assert_int_eq(ask(one, "c"), first);
	daemon_idle(d);
	ck_assert(is_silent(two));
	send_text(one, "quit");
	ck_assert_int_ne(answered(two, "b"), first);
	expect_no_line(d, "FAIL: x");
	close(one);
	close(two);
	daemon_stop(d);
}

END_TEST

START_TEST(sources_have_their_share)
{
	if (!may_run("sources_have_their_share"))
		return;
	struct daemon *d = start_dialogs("\tper_source = 1\n");
	int one = datagram_to(d, "x"), two = datagram_to(d, "x");
	pid_t first = ask(one, "a");

	send_text(two, "b");
	expect_line(d, "FAIL: x per_source_limit from=127.0.0.1");
	ck_assert_int_eq(ask(one, "c"), first);
	send_text(one, "quit");
	expect_line(d, "EXIT: x");
	ask(two, "d");
	close(one);
	close(two);
	daemon_stop(d);
}

END_TEST

START_TEST(refused_client_starts_nothing)
{
	if (!may_run("refused_client_starts_nothing"))
		return;
	struct daemon *d = start_dialogs("\tonly_from = 127.0.0.2\n");
	int fd = datagram_to(d, "x");

	send_text(fd, "a");
	expect_line(d, "FAIL: x address from=127.0.0.1");
	daemon_idle(d);
	ck_assert(is_silent(fd));
	expect_no_line(d, "START: x");
	close(fd);
	daemon_stop(d);
}

END_TEST

/* A listener for every address, which the daemon gets under this name; its port. */
static unsigned
listen_everywhere(struct daemon *d, const char *name, int family)
{
	struct listener *l = &d->listeners[d->listener_count++];
	const int off = 0;

	snprintf(l->name, sizeof(l->name), "%s", name);
	l->type = SOCK_DGRAM;
	l->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	l->len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	l->addr.ss_family = (sa_family_t)family;
	if (family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	ck_assert_int_eq(bind(l->fd, (struct sockaddr *)&l->addr, l->len), 0);
	return bound_port(l->fd);
}

static int
client_of(const char *from, const char *to, unsigned port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = datagram_socket(from, 0);

	if (inet_pton(AF_INET, to, &in.sin_addr) == 1)
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	else {
		ck_assert_int_eq(inet_pton(AF_INET6, to, &in6.sin6_addr), 1);
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
	}
	return fd;
}

/* The client is connected: an answer from another address would not reach it. */
static void
expect_addresses(const char *from, const char *to, unsigned port, const char *prefix)
{
	int fd = client_of(from, to, port);

	send_text(fd, "show");
	ck_assert_str_eq(answer(fd),
	    text_format("%s%s %u from %s%s %u", prefix, to, port, prefix, from, bound_port(fd)));
	close(fd);
}

START_TEST(c9_answers_come_from_the_address_that_was_asked)
{
	if (!may_run("c9_answers_come_from_the_address_that_was_asked"))
		return;
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", DIALOG "\tsocket_type = dgram\n\tprotocol = udp\n");
	unsigned port = listen_everywhere(d, "x", AF_INET);
	daemon_start(d);
	expect_addresses("127.0.0.1", "127.0.0.77", port, "");
	expect_addresses("127.0.0.5", "127.0.0.1", port, "");
	expect_line(d, "START: x pid=* from=127.0.0.5");
	daemon_stop(d);
}

END_TEST

START_TEST(c9_both_families_over_one_socket)
{
	if (!may_run("c9_both_families_over_one_socket"))
		return;
	if (!has_ipv6()) {
		test_skip("c9_both_families_over_one_socket", "no IPv6 here");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_entry(d, "x", DIALOG "\tsocket_type = dgram\n\tprotocol = udp\n");
	unsigned port = listen_everywhere(d, "x", AF_INET6);
	daemon_start(d);
	expect_addresses("127.0.0.1", "127.0.0.77", port, "::ffff:");
	expect_addresses("::1", "::1", port, "");
	expect_line(d, "START: x pid=* from=127.0.0.1");
	expect_line(d, "START: x pid=* from=::1");
	daemon_stop(d);
}

END_TEST

START_TEST(clients_of_other_networks)
{
	if (!own_network()) {
		test_skip("clients_of_other_networks", "no network of its own");
		return;
	}
	struct daemon *d = start_dialogs("");
	int one = datagram_from(d, "x", "198.51.100.7"),
	    two = datagram_from(d, "x", "198.51.100.8");
	pid_t first = ask(one, "a"), second = ask(two, "b");

	ck_assert_int_ne(first, second);
	ck_assert_int_eq(ask(one, "c"), first);
	ck_assert_int_eq(ask(two, "d"), second);
	expect_line(d, "START: x pid=%d from=198.51.100.7", (int)first);
	close(one);
	close(two);
	daemon_stop(d);
}

END_TEST

START_TEST(datagram_that_does_not_come_back)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_mtu = 1500 };
	static const char zeros[4000];
	int control = -1;

	if (own_network())
		control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control < 0 || ioctl(control, SIOCSIFMTU, &lo) < 0) {
		test_skip("datagram_that_does_not_come_back", "no network of its own");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_arg(d, "-d");
	daemon_service(d, "x", "udp", DIALOG);
	daemon_start(d);
	int fd = datagram_to(d, "x");
	ck_assert_int_eq(send(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	expect_line(d, "event=datagram-lost service=x address=* error=\"Message too long\"");
	expect_no_line(d, "START: x");
	/* Others need not wait for it. */
	ask(fd, "small");
	expect_no_line(d, "event=held address=* why=\"backing off\"");
	close(fd);
	close(control);
	daemon_stop(d);
}

END_TEST

/* A datagram in the name of another. */
static void
send_as(const char *source, unsigned source_port, struct daemon *d, const char *name)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW),
	    probe = datagram_to(d, name);
	socklen_t len = sizeof(to);

	struct {
		struct iphdr ip;
		struct udphdr udp;
		char data;
	} __attribute__((packed))
	packet = { .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
		.data = 'f' };

	ck_assert_int_eq(getpeername(probe, (struct sockaddr *)&to, &len), 0);
	close(probe);
	packet.ip.saddr = inet_addr(source);
	packet.ip.daddr = to.sin_addr.s_addr;
	packet.udp.uh_sport =
	    htons((uint16_t)(source_port != 0 ? source_port : ntohs(to.sin_port)));
	packet.udp.uh_dport = to.sin_port;
	packet.udp.uh_ulen = htons(sizeof(packet.udp) + 1);
	ck_assert_int_eq(sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)),
	    sizeof(packet));
	close(fd);
}

/* What is forged so must not hold up the clients that there are. */
START_TEST(source_that_no_way_leads_to)
{
	if (!own_network()) {
		test_skip("source_that_no_way_leads_to", "no network of its own");
		return;
	}
	struct daemon *d = start_dialogs("");
	int fd = datagram_to(d, "x");

	send_as("10.1.2.3", 5000, d, "x");
	send_as("127.255.255.255", 5000, d, "x");
	ask(fd, "b");
	expect_line(d, "START: x");
	expect_no_line(d, "event=datagram-lost");
	expect_count(d, 1, "START: x");
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Two of our own services would answer each other without end. */
START_TEST(c2_own_port_at_another_address_of_the_loopback_device)
{
	if (!may_run("c2_own_port_at_another_address_of_the_loopback_device"))
		return;
	struct daemon *d = start_dialogs("");
	int fd = datagram_to(d, "x");

	send_as("127.0.0.2", 0, d, "x");
	ask(fd, "b");
	expect_line(d, "START: x pid=* from=127.0.0.1");
	expect_count(d, 1, "START: x");
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct {
	const char *address;
	size_t len;
} sizes[] = {
	{ "127.0.0.1", 1 },
	{ "127.0.0.1", 1473 },
	{ "127.0.0.1", 65506 },
	{ "127.0.0.1", 65507 },
	{ "::1", 1 },
	{ "::1", 65488 },
	{ "::1", 65489 },
	{ "::1", 65507 },
	{ "::1", 65527 },
};

START_TEST(c7_datagrams_of_every_size)
{
	static char bytes[65536];
	const char *to = sizes[_i].address;
	size_t len = sizes[_i].len;
	bool is_v6 = strchr(to, ':') != NULL;

	if (!may_run("c7_datagrams_of_every_size") || (is_v6 && !has_ipv6()))
		return;
	struct daemon *d = daemon_new();
	daemon_entry(d, "x", DIALOG "\tsocket_type = dgram\n\tprotocol = udp\n");
	unsigned port = listen_everywhere(d, "x", is_v6 ? AF_INET6 : AF_INET);
	daemon_start(d);
	int fd = client_of(to, to, port);
	memset(bytes, 'y', len);
	memcpy(bytes, "size", len < 4 ? len : 4);
	bytes[len - 1] = 'Z';
	ck_assert_int_eq(send(fd, bytes, len, 0), (ssize_t)len);
	if (len >= 5)
		ck_assert_str_eq(answer(fd), text_format("%zu %d", len, 'Z'));
	else
		answered(fd, "Z");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(c6_empty_datagram_is_a_datagram)
{
	if (!may_run("c6_empty_datagram_is_a_datagram"))
		return;
	struct daemon *d = start_dialogs("");
	int fd = datagram_to(d, "x");

	ck_assert_int_eq(send(fd, "", 0, 0), 0);
	pid_t pid = answered(fd, "");
	ck_assert_int_eq(send(fd, "", 0, 0), 0);
	ck_assert_int_eq(answered(fd, ""), pid);
	ck_assert_int_eq(ask(fd, "one"), pid);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(nobody_else_gets_the_port)
{
	if (!may_run("nobody_else_gets_the_port"))
		return;
	struct daemon *d = start_dialogs("");
	int fd = datagram_to(d, "x"), other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int on = 1;
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);

	ask(fd, "a");
	ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&to, &len), 0);
	setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_int_eq(bind(other, (struct sockaddr *)&to, len), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	close(other);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(program_of_a_silent_client_is_ended)
{
	if (!may_run("program_of_a_silent_client_is_ended"))
		return;
	struct daemon *d = start_dialogs("\tidle_timeout = 1s\n");
	int fd = datagram_to(d, "x");
	pid_t pid = ask(fd, "a");
	int64_t last = now_ms();

	/* As long as it speaks, it is served. */
	for (int i = 0; i < 5; i++) {
		ck_assert(!wait_for(fd, POLLIN, now_ms() + 400));
		ck_assert_int_eq(ask(fd, "b"), pid);
		last = now_ms();
	}
	expect_line(d, "EXIT: x signal=15 pid=%d", (int)pid);
	ck_assert_int_ge(now_ms() - last, 950);
	ck_assert_int_ne(ask(fd, "c"), pid);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* What it has left unread is no sign of life of its client. */
START_TEST(program_that_reads_nothing_is_ended_too)
{
	if (!may_run("program_that_reads_nothing_is_ended_too"))
		return;
	struct daemon *d = start_dialogs("\tidle_timeout = 200ms\n\tserver_args = hold\n");
	int fd = datagram_to(d, "x");

	send_text(fd, "a");
	expect_line(d, "START: x");
	expect_line(d, "EXIT: x signal=15");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(reload_leaves_programs_alone)
{
	if (!may_run("reload_leaves_programs_alone"))
		return;
	struct daemon *d = start_dialogs("");
	int one = datagram_to(d, "x"), two = datagram_to(d, "x");
	pid_t first = ask(one, "a"), second;

	daemon_clear(d);
	daemon_entry(
	    d, "x", DIALOG "\tsocket_type = dgram\n\tprotocol = udp\n\tserver_args = once\n");
	daemon_reload(d);
	ck_assert_int_eq(ask(one, "b"), first);
	second = ask(two, "c");
	expect_line(d, "EXIT: x status=0 pid=%d", (int)second);
	daemon_clear(d);
	daemon_reload(d);
	ck_assert_int_eq(ask(one, "d"), first);
	send_text(two, "e");
	daemon_idle(d);
	expect_count(d, 2, "START: x");
	send_text(one, "quit");
	expect_line(d, "EXIT: x status=0 pid=%d", (int)first);
	close(one);
	close(two);
	daemon_stop(d);
}

END_TEST

START_TEST(upgrade_leaves_programs_alone)
{
	if (!may_run("upgrade_leaves_programs_alone"))
		return;
	struct daemon *d = start_dialogs("\tidle_timeout = 1s\n");
	int one = datagram_to(d, "x"), two = datagram_to(d, "x");
	pid_t first = ask(one, "a"), second = ask(two, "b");

	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	expect_line(d, "event=upgraded version=*");
	ck_assert_int_eq(ask(one, "c"), first);
	/* What lies in the socket when the program ends is not lost, and nobody is taken for a stranger. */
	send_text(two, "quit");
	expect_line(d, "EXIT: x status=0 pid=%d", (int)second);
	ck_assert_int_ne(ask(two, "d"), second);
	expect_line(d, "EXIT: x signal=15 pid=%d", (int)first);
	close(one);
	close(two);
	daemon_stop(d);
}

END_TEST

START_TEST(programs_end_with_the_daemon)
{
	if (!may_run("programs_end_with_the_daemon"))
		return;
	struct daemon *d = start_dialogs("\tserver_args = hold\n");
	int one = datagram_to(d, "x"), two = datagram_to(d, "x");

	send_text(one, "a");
	send_text(two, "b");
	expect_lines(d, 2, "START: x");
	daemon_stop(d);
	expect_count(d, 2, "EXIT: x signal=15");
	close(one);
	close(two);
}

END_TEST

START_TEST(program_that_cannot_be_started)
{
	if (!may_run("program_that_cannot_be_started"))
		return;
	struct daemon *d = daemon_new();

	copy_file(PROGRAM("dialog"), daemon_text(d, "@DIR@/gone"), 0755);
	daemon_service(d, "x", "udp", "\tserver = @DIR@/gone\n\twait = no\n");
	daemon_start(d);
	int fd = datagram_to(d, "x");
	ask(fd, "a");
	send_text(fd, "quit");
	expect_line(d, "EXIT: x");
	ck_assert_int_eq(unlink(daemon_text(d, "@DIR@/gone")), 0);
	send_text(fd, "b");
	expect_line(d, "FAIL: x exec from=127.0.0.1");
	daemon_idle(d);
	ck_assert_uint_eq(count_lines(d, "FAIL: x"), 1);
	copy_file(PROGRAM("dialog"), daemon_text(d, "@DIR@/gone"), 0755);
	ask(fd, "c");
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(each_client_has_a_program_of_its_own),
	TEST(c8_what_comes_before_the_program_is_there_is_its_own),
	TEST(many_clients_at_once),
	TEST(nothing_is_left_open),
	TEST(another_program_serves_what_one_has_left),
	TEST(what_a_program_does_not_read_starts_no_other),
	TEST(instances_refuse_the_next_client),
	TEST(clients_queue_for_a_program),
	TEST(sources_have_their_share),
	TEST(refused_client_starts_nothing),
	TEST(c9_answers_come_from_the_address_that_was_asked),
	TEST(c9_both_families_over_one_socket),
	TEST(clients_of_other_networks),
	TEST(datagram_that_does_not_come_back),
	TEST(source_that_no_way_leads_to),
	TEST(c2_own_port_at_another_address_of_the_loopback_device),
	TEST_LOOP(c7_datagrams_of_every_size, ARRAY_LEN(sizes)),
	TEST(c6_empty_datagram_is_a_datagram),
	TEST(nobody_else_gets_the_port),
	TEST(program_of_a_silent_client_is_ended),
	TEST(program_that_reads_nothing_is_ended_too),
	TEST(reload_leaves_programs_alone),
	TEST(upgrade_leaves_programs_alone),
	TEST(programs_end_with_the_daemon),
	TEST(program_that_cannot_be_started),
};

int
main(void)
{
	return run_functional("udp_nowait", tests, ARRAY_LEN(tests));
}
