/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/socket.h"
#include "suite.h"

static const struct socket_options plain = {
	.backlog = 16, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1
};

/* 127.0.0.1 with a port that the kernel picks, which is then written into the endpoint. */
static int
open_loopback(struct endpoint *e, int socket_type)
{
	struct addr bound = { .len = sizeof(bound.u) };
	int fd;

	*e = (struct endpoint){ .socket_type = socket_type };
	ck_assert_int_eq(addr_parse(&e->addr, "127.0.0.1", 0), 0);
	fd = socket_open(e, &plain);
	ck_assert_int_ge(fd, 64);
	ck_assert_int_eq(getsockname(fd, &bound.u.sa, &bound.len), 0);
	addr_set_port(&e->addr, addr_port(&bound));
	return fd;
}

static int
connect_to(const struct endpoint *e)
{
	int fd = socket(addr_family(&e->addr), e->socket_type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, &e->addr.u.sa, e->addr.len), 0);
	return fd;
}

static void
unix_endpoint(struct endpoint *e, char path[64])
{
	snprintf(path, 64, "/tmp/socket.%d.%d", (int)getpid(), rand());
	*e = (struct endpoint){ .socket_type = SOCK_STREAM };
	ck_assert_int_eq(addr_unix(&e->addr, path), 0);
}

START_TEST(is_high_closed_on_exec_and_never_blocks)
{
	struct endpoint e;
	int fd = open_loopback(&e, SOCK_STREAM);

	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_lt(accept(fd, NULL, NULL), 0);
	ck_assert_int_eq(errno, EAGAIN);
	socket_close(fd, &e);
}

END_TEST

START_TEST(a_taken_port_is_an_error)
{
	struct endpoint e;
	int fd = open_loopback(&e, _i == 0 ? SOCK_STREAM : SOCK_DGRAM);

	ck_assert_int_eq(socket_open(&e, &plain), -EADDRINUSE);
	socket_close(fd, &e);
}

END_TEST

START_TEST(b3_a_listener_that_was_shut_down_listens_again)
{
	struct endpoint e;
	int fd = open_loopback(&e, SOCK_STREAM), client;

	ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
	ck_assert_int_eq(socket_repair(fd, SOCK_STREAM, 16, &e.addr), 0);
	client = connect_to(&e);
	ck_assert_uint_ne(socket_queue_mark(fd, SOCK_STREAM), 0);
	close(client);
	socket_close(fd, &e);
}

END_TEST

START_TEST(b3_a_unix_listener_that_was_shut_down_is_beyond_repair)
{
	struct endpoint e;
	char path[64];
	int fd;

	unix_endpoint(&e, path);
	fd = socket_open(&e, &plain);
	ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
	ck_assert_int_eq(socket_repair(fd, SOCK_STREAM, 16, &e.addr), -ESHUTDOWN);
	socket_close(fd, &e);
}

END_TEST

START_TEST(b5_a_program_that_made_it_block_is_undone)
{
	struct endpoint e;
	int fd = open_loopback(&e, SOCK_STREAM);

	ck_assert_int_eq(socket_set_blocking(fd, true), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(socket_repair(fd, SOCK_STREAM, 16, &e.addr), 0);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	socket_close(fd, &e);
}

END_TEST

START_TEST(stream_mark_grows_with_the_queue_and_falls_with_accept)
{
	struct endpoint e;
	int fd = open_loopback(&e, SOCK_STREAM), clients[2], accepted;
	uint64_t one, two;

	ck_assert_uint_eq(socket_queue_mark(fd, SOCK_STREAM), 0);
	clients[0] = connect_to(&e);
	one = socket_queue_mark(fd, SOCK_STREAM);
	clients[1] = connect_to(&e);
	two = socket_queue_mark(fd, SOCK_STREAM);
	ck_assert_uint_gt(one, 0);
	ck_assert_uint_gt(two, one);
	accepted = accept(fd, NULL, NULL);
	ck_assert_uint_lt(socket_queue_mark(fd, SOCK_STREAM), two);
	close(accepted);
	close(clients[0]);
	close(clients[1]);
	socket_close(fd, &e);
}

END_TEST

START_TEST(c5_datagram_mark_changes_only_when_the_first_is_read)
{
	struct endpoint e;
	int fd = open_loopback(&e, SOCK_DGRAM), client = connect_to(&e);
	uint64_t first;
	char byte;

	ck_assert_uint_eq(socket_queue_mark(fd, SOCK_DGRAM), 0);
	ck_assert_int_eq(send(client, "", 0, 0), 0); /* an empty datagram is one as well */
	first = socket_queue_mark(fd, SOCK_DGRAM);
	ck_assert_uint_ne(first, 0);
	ck_assert_int_eq(send(client, "b", 1, 0), 1);
	ck_assert_uint_eq(socket_queue_mark(fd, SOCK_DGRAM), first);
	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	ck_assert_uint_ne(socket_queue_mark(fd, SOCK_DGRAM), first);
	close(client);
	socket_close(fd, &e);
}

END_TEST

START_TEST(unix_file_has_the_mode_and_goes_with_the_socket)
{
	struct socket_options options = plain;
	struct endpoint e;
	struct stat st;
	char path[64];
	int fd;

	unix_endpoint(&e, path);
	options.mode = 0640;
	fd = socket_open(&e, &options);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	socket_close(fd, &e);
	ck_assert_int_lt(access(path, F_OK), 0);
}

END_TEST

START_TEST(unix_file_left_by_the_dead_is_replaced)
{
	struct endpoint e;
	char path[64];
	int fd;

	unix_endpoint(&e, path);
	fd = socket_open(&e, &plain);
	close(fd); /* the file stays, and nobody answers on it */
	ck_assert_int_eq(access(path, F_OK), 0);
	fd = socket_open(&e, &plain);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(socket_open(&e, &plain), -EADDRINUSE);
	socket_close(fd, &e);
}

END_TEST

START_TEST(unix_path_that_is_a_file_is_left_alone)
{
	struct endpoint e;
	char path[64];
	int file;

	unix_endpoint(&e, path);
	file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_eq(socket_open(&e, &plain), -EADDRINUSE);
	ck_assert_int_eq(access(path, F_OK), 0);
	close(file);
	unlink(path);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(is_high_closed_on_exec_and_never_blocks),
		TEST_LOOP(a_taken_port_is_an_error, 2),
		TEST(b3_a_listener_that_was_shut_down_listens_again),
		TEST(b3_a_unix_listener_that_was_shut_down_is_beyond_repair),
		TEST(b5_a_program_that_made_it_block_is_undone),
		TEST(stream_mark_grows_with_the_queue_and_falls_with_accept),
		TEST(c5_datagram_mark_changes_only_when_the_first_is_read),
		TEST(unix_file_has_the_mode_and_goes_with_the_socket),
		TEST(unix_file_left_by_the_dead_is_replaced),
		TEST(unix_path_that_is_a_file_is_left_alone),
	};

	return run_suite("socket", tests, ARRAY_LEN(tests));
}
