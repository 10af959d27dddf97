/* SPDX-License-Identifier: MIT */
/* Closing without waiting. What fails here does not end before the time that a test may take. */
#include "net/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "lingering.h"
#include "suite.h"

START_TEST(socket_that_others_made_linger_is_closed_at_once)
{
	int peer, fd = lingering_socket(&peer);

	linger_close(fd);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	ck_assert_int_eq(errno, EBADF);
	close(peer);
}

END_TEST

/* What was sent before is not lost by that. */
START_TEST(everything_that_was_sent_arrives)
{
	int peer, fd = lingering_socket(&peer);
	char data[65536];
	ssize_t n;

	linger_close(fd);
	while ((n = read(peer, data, sizeof(data))) > 0 || (n < 0 && errno == EINTR))
		ck_assert(n < 0 || data[n - 1] == 'x');
	ck_assert_int_eq(n, 0);
	close(peer);
}

END_TEST

/* As for one that asks for it between the two system calls. */
START_TEST(close_that_waits_is_interrupted)
{
	int peer, fd = lingering_socket(&peer), other = open("/dev/null", O_RDONLY | O_CLOEXEC);

	linger_close(other);
	make_linger(fd);
	close(fd);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	close(peer);
}

END_TEST

/* Its signal comes to an end when there is nothing to close any more. */
START_TEST(timer_rests)
{
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC), ticks = 0;

	linger_close(other);
	while (poll(NULL, 0, 500) < 0) {
		ck_assert_int_eq(errno, EINTR);
		ck_assert_int_le(++ticks, 20);
	}
	ck_assert_int_ge(ticks, 1);
}

END_TEST

/* As for one that makes the listener block in the instant before. */
START_TEST(accept_that_blocks_is_interrupted)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(in);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(linger_accept(listener, (struct sockaddr *)&in, &len), -EINTR);
	close(listener);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(socket_that_others_made_linger_is_closed_at_once),
	TEST(everything_that_was_sent_arrives),
	TEST(close_that_waits_is_interrupted),
	TEST(timer_rests),
	TEST(accept_that_blocks_is_interrupted),
};

int
main(void)
{
	return run_suite("linger", tests, sizeof(tests) / sizeof(tests[0]));
}
