/* SPDX-License-Identifier: MIT */
/* Saying good-bye to clients. What blocks here does not end before the time that a test may take. */
#include "net/drain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "lingering.h"
#include "loop/loop.h"
#include "suite.h"

#define LONG_MS 3600000

static struct loop *loop;
static struct drains *drains;

static void
start(void)
{
	loop = loop_new();
	drains = drains_new(loop);
}

static void
finish(void)
{
	drains_free(drains);
	loop_free(loop);
}

static int
unix_pair(int *client)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*client = pair[1];
	return pair[0];
}

/* Over TCP a close with unread data is a reset. */
static int
tcp_pair(int *client)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	socklen_t len = sizeof(in);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&in, &len), 0);
	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(*client, (struct sockaddr *)&in, sizeof(in)), 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(listener);
	return fd;
}

static void
turn_until(unsigned count)
{
	while (drains_count(drains) != count)
		loop_turn(loop, -1);
}

/* What the client gets up to the end, as text. */
static void
assert_client_gets(int client, const char *expected)
{
	char got[4096];
	size_t len = 0;
	ssize_t n;

	while ((n = read(client, got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	ck_assert_int_eq(n, 0);
	got[len] = '\0';
	ck_assert_str_eq(got, expected);
}

START_TEST(text_is_sent_and_the_connection_ends_in_our_direction_first)
{
	int client, fd = tcp_pair(&client);

	start();
	drains_add(drains, fd, "no more\n", 8, LONG_MS);
	ck_assert_uint_eq(drains_count(drains), 1);
	assert_client_gets(client, "no more\n");
	/* It may still send. */
	ck_assert_int_eq(send(client, "what", 4, MSG_NOSIGNAL), 4);
	loop_turn(loop, -1);
	ck_assert_uint_eq(drains_count(drains), 1);
	close(client);
	turn_until(0);
	finish();
}

END_TEST

START_TEST(what_the_client_has_sent_makes_no_reset_overtake_the_answer)
{
	int client, fd = tcp_pair(&client);
	char data[1000];

	start();
	memset(data, 'q', sizeof(data));
	ck_assert_int_eq(send(client, data, sizeof(data), 0), sizeof(data));
	ck_assert_int_eq(send(fd, "answer", 6, 0), 6);
	drains_add(drains, fd, NULL, 0, LONG_MS);
	ck_assert_int_eq(send(client, data, sizeof(data), MSG_NOSIGNAL), sizeof(data));
	shutdown(client, SHUT_WR);
	turn_until(0);
	assert_client_gets(client, "answer");
	close(client);
	finish();
}

END_TEST

START_TEST(client_that_has_ended_already_is_closed_at_once)
{
	int client, fd = unix_pair(&client);

	start();
	shutdown(client, SHUT_WR);
	drains_add(drains, fd, "bye", 3, LONG_MS);
	ck_assert_uint_eq(drains_count(drains), 0);
	assert_client_gets(client, "bye");
	close(client);
	finish();
}

END_TEST

/* More than the socket takes at once. */
START_TEST(long_text_arrives_whole)
{
	enum { SIZE = 4 << 20 };

	int client, fd = unix_pair(&client);
	char *text = mem_alloc(SIZE), *got = mem_alloc(SIZE + 1);
	size_t len = 0;
	ssize_t n;

	start();
	for (size_t i = 0; i < SIZE; i++)
		text[i] = (char)(i * 31 >> 3);
	drains_add(drains, fd, text, SIZE, LONG_MS);
	while ((n = recv(client, got + len, SIZE + 1 - len, 0)) > 0) {
		len += (size_t)n;
		loop_turn(loop, 0);
	}
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(len, SIZE);
	ck_assert(memcmp(got, text, SIZE) == 0);
	close(client);
	turn_until(0);
	finish();
	free(text);
	free(got);
}

END_TEST

START_TEST(client_that_does_not_read_blocks_nobody_and_is_closed_in_time)
{
	int client, fd = lingering_socket(&client);
	const int64_t began = clock_now_ms();

	start();
	drains_add(drains, fd, "text", 4, 50);
	ck_assert_uint_eq(drains_count(drains), 1);
	turn_until(0);
	ck_assert_int_ge(clock_now_ms() - began, 50);
	close(client);
	finish();
}

END_TEST

START_TEST(each_is_closed_at_its_own_time)
{
	int client[3], fd[3];

	start();
	for (int i = 0; i < 3; i++)
		fd[i] = unix_pair(&client[i]);
	drains_add(drains, fd[0], NULL, 0, LONG_MS);
	drains_add(drains, fd[1], NULL, 0, 80);
	drains_add(drains, fd[2], NULL, 0, 20);
	turn_until(2);
	ck_assert_int_lt(send(client[2], "x", 1, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(send(client[1], "x", 1, MSG_NOSIGNAL), 1);
	turn_until(1);
	ck_assert_int_lt(send(client[1], "x", 1, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(send(client[0], "x", 1, MSG_NOSIGNAL), 1);
	finish();
	for (int i = 0; i < 3; i++)
		close(client[i]);
}

END_TEST

START_TEST(beyond_the_most_the_oldest_is_closed)
{
	static int client[DRAINS_MOST + 1];
	struct rlimit files;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_max < 8 * DRAINS_MOST) {
		test_skip("beyond_the_most_the_oldest_is_closed", "too few descriptors");
		return;
	}
	start();
	for (unsigned i = 0; i <= DRAINS_MOST; i++) {
		int fd = unix_pair(&client[i]);

		drains_add(drains, fd, NULL, 0, LONG_MS - (int64_t)i);
	}
	ck_assert_uint_eq(drains_count(drains), DRAINS_MOST);
	ck_assert_int_lt(send(client[0], "x", 1, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(send(client[1], "x", 1, MSG_NOSIGNAL), 1);
	finish();
	for (unsigned i = 0; i <= DRAINS_MOST; i++)
		close(client[i]);
}

END_TEST

START_TEST(where_descriptors_are_few_most_of_them_are_for_others)
{
	int client[64];
	struct rlimit files;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = 256;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	start();
	for (unsigned i = 0; i < ARRAY_LEN(client); i++)
		drains_add(drains, unix_pair(&client[i]), NULL, 0, LONG_MS);
	ck_assert_uint_eq(drains_count(drains), 256 / 8 + 1);
	ck_assert_int_lt(send(client[0], "x", 1, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(send(client[63], "x", 1, MSG_NOSIGNAL), 1);
	finish();
	for (unsigned i = 0; i < ARRAY_LEN(client); i++)
		close(client[i]);
}

END_TEST

/* Those that have got all theirs take no memory, and are not closed for it. */
START_TEST(texts_that_nobody_takes_are_bounded)
{
	enum { SIZE = 4 << 20, FIT = DRAINS_MOST_BYTES / SIZE };

	int client[FIT + 2];
	char *text = mem_alloc(SIZE);

	memset(text, 't', SIZE);
	start();
	drains_add(drains, unix_pair(&client[0]), "all", 3, LONG_MS);
	for (unsigned i = 1; i < ARRAY_LEN(client); i++) {
		drains_add(drains, unix_pair(&client[i]), text, SIZE, LONG_MS);
		ck_assert_uint_eq(drains_count(drains), i <= FIT ? i + 1 : FIT + 1);
	}
	ck_assert_int_eq(send(client[0], "x", 1, MSG_NOSIGNAL), 1);
	ck_assert_int_lt(send(client[1], "x", 1, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(send(client[2], "x", 1, MSG_NOSIGNAL), 1);
	finish();
	for (unsigned i = 0; i < ARRAY_LEN(client); i++)
		close(client[i]);
	free(text);
}

END_TEST

/* A client that sends faster than anybody reads has only a part of each turn. */
START_TEST(reading_is_bounded_in_a_turn)
{
	int client, fd = unix_pair(&client), most = 8 << 20;
	char data[65536];
	ssize_t n, sent = 0;
	unsigned turns = 0;

	setsockopt(client, SOL_SOCKET, SO_SNDBUFFORCE, &most, sizeof(most));
	memset(data, 'x', sizeof(data));
	while ((n = send(client, data, sizeof(data), MSG_DONTWAIT)) > 0)
		sent += n;
	if (sent < 1 << 20) {
		test_skip("reading_is_bounded_in_a_turn", "not the right to a large buffer");
		return;
	}
	shutdown(client, SHUT_WR);
	start();
	drains_add(drains, fd, NULL, 0, LONG_MS);
	for (; drains_count(drains) > 0; turns++)
		loop_turn(loop, -1);
	ck_assert_uint_ge(turns, 3);
	close(client);
	finish();
}

END_TEST

START_TEST(freeing_closes_all_without_waiting)
{
	int client, silent, fd = lingering_socket(&client), other = unix_pair(&silent);

	start();
	drains_add(drains, fd, "text", 4, LONG_MS);
	drains_add(drains, other, NULL, 0, LONG_MS);
	finish();
	ck_assert_int_eq(recv(silent, &(char){ 0 }, 1, 0), 0);
	close(client);
	close(silent);
}

END_TEST

START_TEST(broken_connection_and_what_is_no_socket_are_closed)
{
	int client, fd = unix_pair(&client), ends[2];

	start();
	close(client);
	drains_add(drains, fd, "text", 4, LONG_MS);
	ck_assert_uint_eq(drains_count(drains), 0);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	drains_add(drains, ends[1], "text", 4, LONG_MS);
	ck_assert_uint_eq(drains_count(drains), 0);
	ck_assert_int_eq(read(ends[0], &(char){ 0 }, 1), 0);
	close(ends[0]);
	drains_free(NULL);
	finish();
}

END_TEST

static const struct suite_test tests[] = {
	TEST(text_is_sent_and_the_connection_ends_in_our_direction_first),
	TEST(what_the_client_has_sent_makes_no_reset_overtake_the_answer),
	TEST(client_that_has_ended_already_is_closed_at_once),
	TEST(long_text_arrives_whole),
	TEST(client_that_does_not_read_blocks_nobody_and_is_closed_in_time),
	TEST(each_is_closed_at_its_own_time),
	TEST(beyond_the_most_the_oldest_is_closed),
	TEST(where_descriptors_are_few_most_of_them_are_for_others),
	TEST(texts_that_nobody_takes_are_bounded),
	TEST(reading_is_bounded_in_a_turn),
	TEST(freeing_closes_all_without_waiting),
	TEST(broken_connection_and_what_is_no_socket_are_closed),
};

int
main(void)
{
	return run_suite("drain", tests, sizeof(tests) / sizeof(tests[0]));
}
