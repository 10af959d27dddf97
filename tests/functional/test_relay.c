/* SPDX-License-Identifier: MIT */
/* redirect: connections that are passed on. The test is the client, and the target, too. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/daemon.h"

#define LOG "\tlog_on_success = PID HOST EXIT DURATION TRAFFIC\n"

struct target {
	int listener;
	unsigned port;
};

static struct target
new_target(int family)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct target t = { .listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0) };

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_ge(t.listener, 0);
	ck_assert_int_eq(family == AF_INET ? bind(t.listener, (struct sockaddr *)&v4, sizeof(v4))
					   : bind(t.listener, (struct sockaddr *)&v6, sizeof(v6)),
	    0);
	ck_assert_int_eq(listen(t.listener, 64), 0);
	t.port = bound_port(t.listener);
	return t;
}

/* The connection that a relay has made. */
static int
accept_at(const struct target *t)
{
	ck_assert_msg(wait_for(t->listener, POLLIN, deadline_after()), "nobody is passed on");
	int fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static struct daemon *
start_relay(const struct target *t, const char *host, const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp",
	    text_format("\tredirect = %s %u\n\tuser = @USER@\n%s", host, t->port, attributes));
	daemon_start(d);
	return d;
}

static void
close_both(int client, int target)
{
	close(client);
	close(target);
}

/* So many bytes that every place has one of its own. */
static unsigned char
pattern(size_t at, unsigned seed)
{
	return (unsigned char)((at * 2654435761u + seed) >> 11);
}

/* What came stands where it was sent. */
static void
assert_pattern(const unsigned char *block, size_t size, size_t at, unsigned seed)
{
	size_t i = 0;

	while (i < size && block[i] == pattern(at + i, seed))
		i++;
	ck_assert_msg(i == size, "byte %zu is another", at + i);
}

/* One end of a conversation: what it sends and what it must get. */
struct end {
	int fd;
	unsigned seed, other_seed;
	size_t sent, got, most;
	bool has_ended;
};

static void
end_sends(struct end *e)
{
	unsigned char block[65536];
	size_t size = e->most - e->sent < sizeof(block) ? e->most - e->sent : sizeof(block);

	for (size_t i = 0; i < size; i++)
		block[i] = pattern(e->sent + i, e->seed);
	ssize_t n = send(e->fd, block, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	ck_assert_msg(n > 0 || errno == EAGAIN, "send: %s", strerror(errno));
	e->sent += n > 0 ? (size_t)n : 0;
	if (e->sent == e->most)
		half_close(e->fd);
}

static void
end_gets(struct end *e)
{
	unsigned char block[65536];
	ssize_t n = recv(e->fd, block, sizeof(block), MSG_DONTWAIT);

	ck_assert_msg(n >= 0, "recv: %s", strerror(errno));
	assert_pattern(block, (size_t)n, e->got, e->other_seed);
	e->got += (size_t)n;
	e->has_ended = n == 0;
}

static void
converse(struct end *a, struct end *b)
{
	struct end *ends[2] = { a, b };
	int64_t deadline = now_ms() + 60000;

	while (!a->has_ended || !b->has_ended) {
		struct pollfd p[2];

		for (int i = 0; i < 2; i++)
			p[i] = (struct pollfd){ ends[i]->has_ended && ends[i]->sent == ends[i]->most
						    ? -1
						    : ends[i]->fd,
				(short)((ends[i]->has_ended ? 0 : POLLIN) |
					(ends[i]->sent < ends[i]->most ? POLLOUT : 0)),
				0 };
		ck_assert_int_gt(poll(p, 2, 10000), 0);
		ck_assert_int_lt(now_ms(), deadline);
		for (int i = 0; i < 2; i++) {
			if (p[i].revents & POLLOUT)
				end_sends(ends[i]);
			if (p[i].revents & (POLLIN | POLLHUP))
				end_gets(ends[i]);
		}
	}
	ck_assert_uint_eq(a->got, b->most);
	ck_assert_uint_eq(b->got, a->most);
}

/* ---- what is said ---- */

START_TEST(b15_client_that_has_ended_still_gets_the_whole_reply)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", LOG);
	int client = daemon_connect(d, "x"), target = accept_at(&t);
	char reply[3000];

	send_text(client, "request");
	half_close(client);
	ck_assert_str_eq(read_all(target), "request");
	memset(reply, 'r', sizeof(reply));
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(send(target, reply, sizeof(reply), MSG_NOSIGNAL), sizeof(reply));
	close(target);
	ck_assert_uint_eq(strlen(read_all(client)), 100 * sizeof(reply));
	expect_line(d, "EXIT: x status=0 *bytes=7/300000 conn=1");
	close(client);
	close(t.listener);
	daemon_stop(d);
}

END_TEST

START_TEST(b15_target_that_has_ended_still_hears_the_client)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", "");
	int client = daemon_connect(d, "x"), target = accept_at(&t);

	send_text(target, "welcome");
	half_close(target);
	ck_assert_str_eq(read_all(client), "welcome");
	send_text(client, "one\n");
	ck_assert_str_eq(read_line(target), "one");
	send_text(client, "two\n");
	ck_assert_str_eq(read_line(target), "two");
	close(client);
	expect_closed(target);
	close(target);
	close(t.listener);
	expect_line(d, "EXIT: x status=0");
	daemon_stop(d);
}

END_TEST

START_TEST(fifty_megabytes_both_ways_arrive_as_they_were)
{
	enum { MOST = 50 << 20 };
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", LOG "\tidle_timeout = 1m\n");
	struct end client = {
		.fd = daemon_connect(d, "x"), .seed = 1, .other_seed = 2, .most = MOST
	};
	struct end target = { .fd = accept_at(&t), .seed = 2, .other_seed = 1, .most = MOST };

	converse(&client, &target);
	expect_line(d, "TRAFFIC: x in=%d(bytes) out=%d(bytes) conn=1", MOST, MOST);
	expect_line(d, "EXIT: x status=0 *bytes=%d/%d conn=1", MOST, MOST);
	close_both(client.fd, target.fd);
	close(t.listener);
	json_t *j = control_ask(d, "{\"command\":\"services\",\"service\":\"x\"}");
	ck_assert_int_eq(json_number_at(j, "services.0.counters.bytes_in"), MOST);
	ck_assert_int_eq(json_number_at(j, "services.0.counters.bytes_out"), MOST);
	json_decref(j);
	daemon_stop(d);
}

END_TEST

START_TEST(slow_reader_gets_everything)
{
	enum { MOST = 1 << 20 };
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", "");
	int client = daemon_connect(d, "x"), small = 32768;
	struct end target = { .fd = accept_at(&t), .seed = 9, .most = MOST };
	size_t got = 0;

	setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	while (got < MOST) {
		unsigned char block[1777];

		if (target.sent < MOST)
			end_sends(&target);
		size_t n = read_bytes(
		    client, block, sizeof(block) < MOST - got ? sizeof(block) : MOST - got);
		assert_pattern(block, n, got, 9);
		ck_assert_uint_gt(n, 0);
		got += n;
	}
	expect_closed(client);
	close_both(client, target.fd);
	close(t.listener);
	expect_line(d, "EXIT: x status=0");
	daemon_stop(d);
}

END_TEST

/* ---- how it ends ---- */

static void
expect_reset(int fd)
{
	char byte;

	ck_assert_msg(wait_for(fd, POLLIN, deadline_after()), "the connection stays open");
	ck_assert_int_lt(recv(fd, &byte, 1, 0), 0);
	ck_assert_int_eq(errno, ECONNRESET);
}

START_TEST(reset_of_one_side_resets_the_other)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", _i < 2 ? "" : "\tlinger = 1s\n");
	int client = daemon_connect(d, "x"), target = accept_at(&t);

	send_text(client, "hello\n");
	ck_assert_str_eq(read_line(target), "hello");
	send_text(target, "yes\n");
	ck_assert_str_eq(read_line(client), "yes");
	reset_connection(_i % 2 == 0 ? target : client);
	expect_reset(_i % 2 == 0 ? client : target);
	close(_i % 2 == 0 ? client : target);
	close(t.listener);
	expect_line(d, "EXIT: x status=0");
	daemon_stop(d);
}

END_TEST

START_TEST(client_that_resets_while_nobody_reads_ends_it)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", "");
	int client = daemon_connect(d, "x"), target = accept_at(&t);
	char block[65536] = "";

	/* Until everything on the way is full. */
	do
		while (send(client, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			continue;
	while (wait_for(client, POLLOUT, now_ms() + 300));
	reset_connection(client);
	expect_line(d, "EXIT: x status=0");
	close(target);
	close(t.listener);
	daemon_stop(d);
}

END_TEST

START_TEST(silence_of_both_sides_ends_it)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", LOG "\tidle_timeout = 1s\n");
	int silent = daemon_connect(d, "x"), silent_target = accept_at(&t);
	int busy = daemon_connect(d, "x"), busy_target = accept_at(&t);
	int64_t began = now_ms();

	/* Only one side of the other one speaks, and the silent one is closed all the same. */
	while (!wait_for(silent, POLLIN, now_ms() + 20)) {
		send_text(busy_target, "x\n");
		ck_assert_str_eq(read_line(busy), "x");
		ck_assert_int_lt(now_ms(), began + 10000);
	}
	ck_assert_int_ge(now_ms(), began + 900);
	expect_closed(silent);
	expect_closed(silent_target);
	expect_line(d, "EXIT: x status=0 *bytes=0/0 conn=1");
	send_text(busy, "y\n");
	ck_assert_str_eq(read_line(busy_target), "y");
	close_both(silent, silent_target);
	close_both(busy, busy_target);
	close(t.listener);
	expect_line(d, "EXIT: x status=0 *conn=2");
	daemon_stop(d);
}

END_TEST

START_TEST(b14_client_that_does_not_read_is_left_in_time)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", "\tidle_timeout = 500ms\n");
	int client = daemon_connect(d, "x"), target = accept_at(&t), small = 1;
	char block[65536] = "";

	setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	fcntl(target, F_SETFL, O_NONBLOCK);
	while (count_lines(d, "EXIT: x") == 0 &&
	       wait_for(target, POLLOUT | POLLHUP, deadline_after()) &&
	       (send(target, block, sizeof(block), MSG_NOSIGNAL) > 0 || errno == EAGAIN))
		continue;
	expect_line(d, "EXIT: x status=0");
	close_both(client, target);
	/* And others are served. */
	client = daemon_connect(d, "x");
	target = accept_at(&t);
	send_text(client, "hello\n");
	ck_assert_str_eq(read_line(target), "hello");
	close_both(client, target);
	close(t.listener);
	daemon_stop(d);
}

END_TEST

/* ---- whom it reaches ---- */

START_TEST(name_is_looked_up_and_every_address_tried)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "localhost", "");
	int client = daemon_connect(d, "x"), target = accept_at(&t);

	send_text(client, "hello\n");
	ck_assert_str_eq(read_line(target), "hello");
	close_both(client, target);
	close(t.listener);
	daemon_stop(d);
}

END_TEST

START_TEST(ipv6_is_passed_on_to_ipv6)
{
	if (!has_ipv6()) {
		test_skip("ipv6_is_passed_on_to_ipv6", "no IPv6");
		return;
	}
	struct target t = new_target(AF_INET6);
	struct daemon *d = daemon_new();

	daemon_service(
	    d, "x", "tcp6", text_format("\tredirect = ::1 %u\n\tuser = @USER@\n", t.port));
	daemon_start(d);
	int client = daemon_connect(d, "x"), target = accept_at(&t);
	send_text(client, "hello\n");
	ck_assert_str_eq(read_line(target), "hello");
	close(t.listener);
	close_both(client, target);
	expect_line(d, "EXIT: x status=0");
	int refused = daemon_connect(d, "x");
	expect_line(d,
	    "event=redirect-failed service=x address=[::1]:%u error=\"Connection refused\"",
	    t.port);
	close(refused);
	daemon_stop(d);
}

END_TEST

/* Far more than the failed starts after which a service rests. */
START_TEST(target_that_is_down_is_said_and_pauses_nobody)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", "");

	close(t.listener);
	for (int i = 1; i <= 40; i++) {
		int fd = daemon_connect(d, "x");

		expect_closed(fd);
		close(fd);
		expect_line(d, "FAIL: x redirect from=127.0.0.1 conn=%d", i);
	}
	expect_line(d,
	    "event=redirect-failed service=x address=127.0.0.1:%u error=\"Connection refused\" conn=1",
	    t.port);
	expect_no_line(d, "EXIT: x");
	expect_no_line(d, "event=service-failing");
	ck_assert_uint_lt(count_lines(d, "event=redirect-failed"), 20);
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)t.port) };
	int on = 1;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	t.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(t.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_int_eq(bind(t.listener, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(t.listener, 1), 0);
	int client = daemon_connect(d, "x"), target = accept_at(&t);
	send_text(target, "back\n");
	ck_assert_str_eq(read_line(client), "back");
	close_both(client, target);
	close(t.listener);
	daemon_stop(d);
}

END_TEST

/* Its queue is full, so that nothing answers. */
START_TEST(target_that_is_silent_is_given_up_in_time)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", "\tconnect_timeout = 300ms\n");
	int filling[8];

	ck_assert_int_eq(listen(t.listener, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(filling); i++) {
		struct sockaddr_in in = { .sin_family = AF_INET,
			.sin_port = htons((uint16_t)t.port) };

		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		filling[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		ck_assert(connect(filling[i], (struct sockaddr *)&in, sizeof(in)) < 0 &&
			  errno == EINPROGRESS);
		wait_for(filling[i], POLLOUT, now_ms() + 100);
	}
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	expect_line(d, "FAIL: x redirect from=127.0.0.1 conn=1");
	expect_line(d,
	    "event=redirect-failed service=x address=127.0.0.1:%u error=\"Connection timed out\"",
	    t.port);
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(filling); i++)
		close(filling[i]);
	close(t.listener);
	daemon_stop(d);
}

END_TEST

/* Whether somebody answers that there is no such name, or nobody answers. */
START_TEST(name_that_there_is_not_is_said)
{
	struct target t = { .port = 80 };
	struct daemon *d = start_relay(&t, "nobody.invalid", "\tconnect_timeout = 1s\n");
	int fd = daemon_connect(d, "x");

	expect_closed(fd);
	expect_line(d, "FAIL: x redirect from=127.0.0.1 conn=1");
	expect_line(d, "event=redirect-failed service=x address=nobody.invalid error=\"*ame*\"");
	close(fd);
	daemon_stop(d);
}

END_TEST

static void
expect_process(pid_t pid, const char *user)
{
	ck_assert_str_eq(process_status(pid, "CapEff"), "0000000000000000");
	ck_assert_str_eq(process_status(pid, "CapPrm"), "0000000000000000");
	ck_assert_msg(strncmp(process_status(pid, "Uid"), user, strlen(user)) == 0, "%s",
	    process_status(pid, "Uid"));
	/* The connection three times, the other one, and two pipes. */
	ck_assert_uint_eq(count_descriptors(pid), 8);
}

START_TEST(its_process_has_no_rights)
{
	static const char *const users[] = { "", "\tuser = root\n" };
	static const char *const uids[] = { "65534", "0" };
	struct target t = new_target(AF_INET);
	struct daemon *d = daemon_new();

	if (!is_root()) {
		test_skip("its_process_has_no_rights", "not root");
		return;
	}
	/* daemon_service would add a user. */
	daemon_add(d, "service x { protocol = tcp wait = no redirect = \"127.0.0.1 %u\" %s }\n",
	    t.port, users[_i]);
	daemon_listen(d, "x", "tcp");
	daemon_start(d);
	int client = daemon_connect(d, "x"), target = accept_at(&t);
	const char *line = expect_line(d, "START: x pid=");
	send_text(client, "hello\n");
	ck_assert_str_eq(read_line(target), "hello");
	expect_process((pid_t)atoi(strstr(line, "pid=") + 4), uids[_i]);
	close_both(client, target);
	close(t.listener);
	daemon_stop(d);
}

END_TEST

/* Our side of a connection to that place: timer 2 is that of keepalive. */
static bool
has_keepalive(const char *place)
{
	const char *rows =
	    run_command((const char *const[]){ "/bin/grep", "-e", place, "/proc/net/tcp", NULL })
		.output;

	for (const char *p = rows; (p = strstr(p, place)) != NULL; p++) {
		unsigned state, kind;

		if (sscanf(p + 13, " %x %*x:%*x %x:", &state, &kind) == 2 && state == 1 &&
		    kind == 2)
			return true;
	}
	return false;
}

START_TEST(keepalive_is_that_of_the_outgoing_connection)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", "\tflags = NODELAY KEEPALIVE\n");
	int client = daemon_connect(d, "x"), target = accept_at(&t);
	const int64_t deadline = deadline_after();
	char place[32];

	snprintf(place, sizeof(place), "0100007F:%04X", t.port);
	while (!has_keepalive(place))
		ck_assert_int_lt(now_ms(), deadline);
	close_both(client, target);
	close(t.listener);
	daemon_stop(d);
}

END_TEST

START_TEST(bytes_are_known_of_one_that_is_killed)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", LOG "\ttimeout = 1s\n\tstop_signal = 9\n");
	int client = daemon_connect(d, "x"), target = accept_at(&t);

	send_text(client, "hello\n");
	ck_assert_str_eq(read_line(target), "hello");
	send_text(target, "good day\n");
	ck_assert_str_eq(read_line(client), "good day");
	expect_line(d, "event=timeout service=x");
	expect_line(d, "EXIT: x signal=9 *bytes=6/9 conn=1");
	close_both(client, target);
	close(t.listener);
	daemon_stop(d);
}

END_TEST

/* What its process reports is read by another daemon than the one that has started it. */
START_TEST(session_survives_the_exchange_of_the_daemon)
{
	struct target t = new_target(AF_INET);
	struct daemon *d = start_relay(&t, "127.0.0.1", LOG "\tlog_format = json\n");
	int client = daemon_connect(d, "x"), target = accept_at(&t);

	send_text(client, "hello\n");
	ck_assert_str_eq(read_line(target), "hello");
	daemon_signal(d, SIGUSR2);
	expect_notify(d, "RELOADING=1");
	expect_notify(d, "READY=1");
	expect_line(d, "event=upgraded version=*");
	send_text(target, "good day\n");
	ck_assert_str_eq(read_line(client), "good day");
	close_both(client, target);
	expect_line(d, "*\"event\":\"EXIT\",\"service\":\"x\",*\"bytes_in\":6,\"bytes_out\":9,");
	expect_no_line(d, "TRAFFIC");
	close(t.listener);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(b15_client_that_has_ended_still_gets_the_whole_reply),
	TEST(b15_target_that_has_ended_still_hears_the_client),
	TEST(fifty_megabytes_both_ways_arrive_as_they_were),
	TEST(slow_reader_gets_everything),
	TEST_LOOP(reset_of_one_side_resets_the_other, 4),
	TEST(client_that_resets_while_nobody_reads_ends_it),
	TEST(silence_of_both_sides_ends_it),
	TEST(b14_client_that_does_not_read_is_left_in_time),
	TEST(name_is_looked_up_and_every_address_tried),
	TEST(ipv6_is_passed_on_to_ipv6),
	TEST(target_that_is_down_is_said_and_pauses_nobody),
	TEST(target_that_is_silent_is_given_up_in_time),
	TEST(name_that_there_is_not_is_said),
	TEST_LOOP(its_process_has_no_rights, 2),
	TEST(keepalive_is_that_of_the_outgoing_connection),
	TEST(bytes_are_known_of_one_that_is_killed),
	TEST(session_survives_the_exchange_of_the_daemon),
};

int
main(void)
{
	return run_functional("relay", tests, ARRAY_LEN(tests));
}
