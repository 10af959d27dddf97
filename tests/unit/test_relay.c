/* SPDX-License-Identifier: MIT */
/* The parts of a relay that its process consists of. */
#include "serve/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

/* ---- what is said of it ---- */

START_TEST(a_report_that_is_all_wrong_says_nothing)
{
	static const int ends[] = { -1, RELAY_END_MAX, INT_MAX, INT_MIN, RELAY_NONE, RELAY_DONE };
	struct relay_report report;
	char text[RELAY_TARGET_SIZE];

	memset(&report, 0xa5, sizeof(report));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		report.end = ends[i];
		ck_assert_ptr_null(relay_error(&report));
	}
	ck_assert_ptr_null(relay_target(&report, text));
	report.end = RELAY_UNREACHABLE;
	ck_assert_ptr_nonnull(relay_error(&report));
	report.end = RELAY_NO_NAME;
	ck_assert_ptr_nonnull(relay_error(&report));
}

END_TEST

START_TEST(targets_are_written_with_their_port)
{
	struct relay_report report = { .end = RELAY_UNREACHABLE, .error = ECONNREFUSED };
	char text[RELAY_TARGET_SIZE];

	report.target.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(80) };
	inet_pton(AF_INET, "192.0.2.1", &report.target.in.sin_addr);
	ck_assert_str_eq(relay_target(&report, text), "192.0.2.1:80");
	ck_assert_str_eq(relay_error(&report), "Connection refused");
	report.target.in6 =
	    (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(65535) };
	inet_pton(AF_INET6, "2001:db8::1", &report.target.in6.sin6_addr);
	ck_assert_str_eq(relay_target(&report, text), "[2001:db8::1]:65535");
}

END_TEST

/* ---- connecting ---- */

/* Bound to the loopback address; *port is written as text. */
static int
bound(char port[8], bool listens)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(in);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert(!listens || listen(fd, 1) == 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(port, 8, "%u", ntohs(in.sin_port));
	return fd;
}

START_TEST(number_that_listens_is_reached)
{
	char port[8];
	int listener = bound(port, true);
	const struct relay r = { .host = "127.0.0.1", .port = port, .connect_ms = 5000 };
	struct relay_report report = { 0 };
	int fd = relay_connect(&r, &report), got;

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_null(relay_error(&report));
	got = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_eq(send(fd, "x", 1, 0), 1);
	ck_assert_int_eq(recv(got, &(char){ 0 }, 1, 0), 1);
	close(got);
	close(fd);
	close(listener);
}

END_TEST

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

START_TEST(options_are_set_as_asked)
{
	char port[8];
	int listener = bound(port, true);
	const struct relay r = { .host = "127.0.0.1",
		.port = port,
		.connect_ms = 5000,
		.nodelay = _i & 1,
		.keepalive = _i & 2 };
	struct relay_report report = { 0 };
	int fd = relay_connect(&r, &report);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY) != 0, r.nodelay);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE) != 0, r.keepalive);
	close(fd);
	close(listener);
}

END_TEST

START_TEST(nobody_there_is_reported)
{
	char port[8], expected[32], text[RELAY_TARGET_SIZE];
	int fd = bound(port, false);
	const struct relay r = { .host = "127.0.0.1", .port = port, .connect_ms = 5000 };
	struct relay_report report = { 0 };

	ck_assert_int_lt(relay_connect(&r, &report), 0);
	ck_assert_int_eq(report.end, RELAY_UNREACHABLE);
	ck_assert_int_eq(report.error, ECONNREFUSED);
	snprintf(expected, sizeof(expected), "127.0.0.1:%s", port);
	ck_assert_str_eq(relay_target(&report, text), expected);
	close(fd);
}

END_TEST

START_TEST(port_that_there_is_not_is_reported)
{
	const struct relay r = {
		.host = "127.0.0.1", .port = "no-such-service", .connect_ms = 5000
	};
	struct relay_report report = { 0 };
	char text[RELAY_TARGET_SIZE];

	ck_assert_int_lt(relay_connect(&r, &report), 0);
	ck_assert_int_eq(report.end, RELAY_NO_NAME);
	ck_assert_ptr_nonnull(relay_error(&report));
	ck_assert_ptr_null(relay_target(&report, text));
}

END_TEST

/* ---- passing on ---- */

struct session {
	int client, target; /* our ends */
	struct relay_report *report;
	pid_t pid;
};

static void
unix_pair(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

/* The first of them takes few bytes at a time, and the second keeps few for it. */
static void
narrow(int fds[2])
{
	const int few = 8192;

	setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &few, sizeof(few));
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
}

static void
widen(int fd)
{
	const int most = 1 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &most, sizeof(most));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
}

static void
tcp_pair(int fds[2])
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	char port[8];
	int listener = bound(port, true);

	widen(listener); /* what it accepts has that of it */
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&in, &len), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&in, len), 0);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fds[1], 0);
	close(listener);
}

/* Of each pair the first is ours. */
static void
start_session(struct session *s, const int client[2], const int target[2], bool has_pipes)
{
	s->report = mmap(
	    NULL, sizeof(*s->report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(s->report, MAP_FAILED);
	s->client = client[0];
	s->target = target[0];
	s->pid = fork();
	ck_assert_int_ge(s->pid, 0);
	if (s->pid == 0) {
		const struct rlimit none = { 3, 3 };

		close(client[0]);
		close(target[0]);
		if (!has_pipes)
			setrlimit(RLIMIT_NOFILE, &none);
		relay_pass(client[1], target[1], 0, s->report);
		_exit(0);
	}
	close(client[1]);
	close(target[1]);
}

static void
finish_session(struct session *s)
{
	int status;

	ck_assert_int_eq(waitpid(s->pid, &status, 0), s->pid);
	ck_assert_int_eq(status, 0);
	munmap(s->report, sizeof(*s->report));
}

static void
assert_passed(int from, int to, size_t size)
{
	static char out[1 << 20], in[1 << 20];
	size_t sent = 0, got = 0;

	for (size_t i = 0; i < size; i++)
		out[i] = (char)(i * 7 >> 4);
	while (got < size) {
		ssize_t n = send(from, out + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		n = recv(to, in + got, size - got, sent == size ? 0 : MSG_DONTWAIT);
		ck_assert_int_ne(n, 0);
		got += n > 0 ? (size_t)n : 0;
	}
	ck_assert(memcmp(in, out, size) == 0);
}

/* With pipes, and where there are none to be had. */
START_TEST(everything_is_passed_on_and_counted)
{
	struct session s;
	int client[2], target[2];

	unix_pair(client);
	unix_pair(target);
	start_session(&s, client, target, _i == 0);
	assert_passed(s.client, s.target, 700000);
	assert_passed(s.target, s.client, 500000);
	shutdown(s.client, SHUT_WR);
	ck_assert_int_eq(recv(s.target, &(char){ 0 }, 1, 0), 0);
	assert_passed(s.target, s.client, 100000);
	close(s.target);
	ck_assert_int_eq(recv(s.client, &(char){ 0 }, 1, 0), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)s.pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	ck_assert_uint_eq(s.report->in, 700000);
	ck_assert_uint_eq(s.report->out, 600000);
	ck_assert_int_eq(s.report->end, RELAY_DONE);
	close(s.client);
	finish_session(&s);
}

END_TEST

static char said[180000], heard[sizeof(said) + 1];

/* The client has said more than there is room for on the way to a target that is slow. */
static void
say_much(struct session *s, void (*make_pair)(int fds[2]), int client[2], int target[2])
{
	make_pair(client);
	make_pair(target);
	widen(client[0]);
	narrow(target);
	for (size_t i = 0; i < sizeof(said); i++)
		said[i] = (char)(i * 7 >> 4);
	ck_assert_int_eq(send(client[0], said, sizeof(said), 0), sizeof(said));
	*s = (struct session){ .client = client[0], .target = target[0] };
}

/* Hears the target out. 0 where that ends in good order, and the error where not. */
static int
hear_out(const struct session *s)
{
	size_t got = 0;
	ssize_t n;

	while ((n = recv(s->target, heard + got, sizeof(heard) - got, 0)) > 0)
		got += (size_t)n;
	if (n < 0)
		return errno;
	ck_assert_uint_eq(got, sizeof(said));
	ck_assert(memcmp(heard, said, sizeof(said)) == 0);
	return 0;
}

static void
close_session(struct session *s)
{
	close(s->client);
	close(s->target);
	finish_session(s);
}

/* One side has said everything and is gone, or expects no more, while the other has not yet taken it. */
START_TEST(last_words_arrive_however_slowly_they_are_taken)
{
	const bool has_pipes = _i % 2 == 0, is_tcp = _i >= 2;
	struct session s;
	int client[2], target[2];

	say_much(&s, is_tcp ? tcp_pair : unix_pair, client, target);
	shutdown(s.client, is_tcp ? SHUT_WR : SHUT_RDWR);
	shutdown(s.target, SHUT_WR);
	start_session(&s, client, target, has_pipes);
	ck_assert_int_eq(hear_out(&s), 0);
	ck_assert_int_eq(recv(s.client, &(char){ 0 }, 1, 0), 0);
	close_session(&s);
}

END_TEST

/* A client who has said everything, and then is told something that he does not want to know any more. */
START_TEST(what_was_said_before_the_end_arrives_after_a_reset)
{
	struct session s;
	int client[2], target[2];

	say_much(&s, tcp_pair, client, target);
	shutdown(s.client, SHUT_WR);
	start_session(&s, client, target, _i == 0);
	ck_assert_int_eq(recv(s.target, heard, 1, MSG_PEEK), 1);
	ck_assert_int_eq(send(s.target, "x", 1, 0), 1);
	ck_assert_int_eq(recv(s.client, &(char){ 0 }, 1, MSG_PEEK), 1);
	close(s.client);
	ck_assert_int_eq(hear_out(&s), 0);
	close(s.target);
	finish_session(&s);
}

END_TEST

/* What has come is not all of it, and the other side is told so. */
START_TEST(what_is_broken_off_has_no_end)
{
	const struct linger now = { .l_onoff = 1 };
	struct session s;
	int client[2], target[2];

	say_much(&s, tcp_pair, client, target);
	start_session(&s, client, target, _i == 0);
	ck_assert_int_eq(recv(s.target, heard, 1, MSG_PEEK), 1);
	setsockopt(s.client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(s.client);
	ck_assert_int_eq(hear_out(&s), ECONNRESET);
	close(s.target);
	finish_session(&s);
}

END_TEST

static void
send_urgent(int fd)
{
	ck_assert_int_eq(send(fd, "ab", 2, 0), 2);
	ck_assert_int_eq(send(fd, "X", 1, MSG_OOB), 1);
	ck_assert_int_eq(send(fd, "cd", 2, 0), 2);
}

START_TEST(an_urgent_byte_is_left_out_and_nothing_else)
{
	struct session s;
	int client[2], target[2];
	char in[8];

	tcp_pair(client);
	tcp_pair(target);
	send_urgent(client[0]);
	shutdown(client[0], SHUT_WR);
	start_session(&s, client, target, _i == 0);
	ck_assert_int_eq(recv(s.target, in, 4, MSG_WAITALL), 4);
	ck_assert(memcmp(in, "abcd", 4) == 0);
	ck_assert_int_eq(recv(s.target, in, 1, 0), 0);
	close_session(&s);
}

END_TEST

/* So many bytes of the client are passed on, and then it is silent. */
static void
assert_silence_ends(const int client[2], const int target[2], size_t size)
{
	struct relay_report report = { 0 };

	relay_pass(client[1], target[1], 30, &report);
	ck_assert_int_eq(report.end, RELAY_IDLE);
	ck_assert_uint_eq(report.in, size);
	for (int i = 0; i < 2; i++) {
		close(client[i]);
		close(target[i]);
	}
}

START_TEST(an_urgent_byte_does_not_keep_it_awake)
{
	int client[2], target[2];

	tcp_pair(client);
	tcp_pair(target);
	send_urgent(client[0]);
	assert_silence_ends(client, target, 4);
}

END_TEST

START_TEST(silence_ends_it)
{
	int client[2], target[2];

	unix_pair(client);
	unix_pair(target);
	ck_assert_int_eq(send(client[0], "hello", 5, 0), 5);
	assert_silence_ends(client, target, 5);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(a_report_that_is_all_wrong_says_nothing),
	TEST(targets_are_written_with_their_port),
	TEST(number_that_listens_is_reached),
	TEST_LOOP(options_are_set_as_asked, 4),
	TEST(nobody_there_is_reported),
	TEST(port_that_there_is_not_is_reported),
	TEST_LOOP(everything_is_passed_on_and_counted, 2),
	TEST_LOOP(last_words_arrive_however_slowly_they_are_taken, 4),
	TEST_LOOP(what_was_said_before_the_end_arrives_after_a_reset, 2),
	TEST_LOOP(what_is_broken_off_has_no_end, 2),
	TEST_LOOP(an_urgent_byte_is_left_out_and_nothing_else, 2),
	TEST(an_urgent_byte_does_not_keep_it_awake),
	TEST(silence_ends_it),
};

int
main(void)
{
	return run_suite("relay", tests, sizeof(tests) / sizeof(tests[0]));
}
