/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/socket.h"
#include "suite.h"

static const struct socket_options plain = {
	.backlog = 16, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1
};

/* What the last socket_open made. */
static struct socket_file made;

/* 127.0.0.1 with a port that the kernel picks, which is then written into the endpoint. */
static int
open_loopback(struct endpoint *e, int socket_type)
{
	struct addr bound = { .len = sizeof(bound.u) };
	int fd;

	*e = (struct endpoint){ .socket_type = socket_type };
	ck_assert_int_eq(addr_parse(&e->addr, "127.0.0.1", 0), 0);
	fd = socket_open(e, &plain, &made);
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

	ck_assert_int_eq(socket_open(&e, &plain, &made), -EADDRINUSE);
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
	fd = socket_open(&e, &plain, &made);
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
	fd = socket_open(&e, &options, &made);
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
	fd = socket_open(&e, &plain, &made);
	close(fd); /* the file stays, and nobody answers on it */
	ck_assert_int_eq(access(path, F_OK), 0);
	fd = socket_open(&e, &plain, &made);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(socket_open(&e, &plain, &made), -EADDRINUSE);
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
	ck_assert_int_eq(socket_open(&e, &plain, &made), -EADDRINUSE);
	ck_assert_int_eq(access(path, F_OK), 0);
	close(file);
	unlink(path);
}

END_TEST

/* An open unix socket of mode 0600. */
static int
open_unix(struct endpoint *e, char path[64])
{
	int fd;

	unix_endpoint(e, path);
	fd = socket_open(e, &plain, &made);
	ck_assert_int_ge(fd, 64);
	return fd;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static const struct socket_options open_to_all = {
	.backlog = 16, .mode = 0666, .uid = (uid_t)-1, .gid = (gid_t)-1
};

START_TEST(unix_file_gets_the_mode_whatever_the_umask_is)
{
	struct endpoint e;
	mode_t old = umask(0077);
	char path[64];
	int fd;

	unix_endpoint(&e, path);
	fd = socket_open(&e, &open_to_all, &made);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(mode_of(path), 0666);
	ck_assert_uint_eq(umask(old), 0077);
	socket_close(fd, &e);
}

END_TEST

START_TEST(unix_file_never_has_another_mode)
{
	struct endpoint e;
	struct stat st;
	mode_t old = umask(0077);
	char path[64];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unix_endpoint(&e, path);
	ck_assert_int_eq(socket_file_bind(fd, &e.addr, 0664, &made), 0);
	ck_assert_uint_eq(mode_of(path), 0664);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(made.ino, st.st_ino);
	ck_assert_uint_eq(made.dev, st.st_dev);
	umask(old);
	socket_close(fd, &e);
}

END_TEST

START_TEST(unix_file_takes_a_new_mode_and_owner)
{
	struct socket_options options = open_to_all;
	struct endpoint e;
	struct stat st;
	char path[64];
	int fd = open_unix(&e, path);

	ck_assert_int_eq(socket_configure(fd, &e, &made, &options), 0);
	ck_assert_uint_eq(mode_of(path), 0666);
	if (geteuid() == 0) {
		options.uid = 65534;
		options.gid = 1;
		ck_assert_int_eq(socket_configure(fd, &e, &made, &options), 0);
		ck_assert_int_eq(lstat(path, &st), 0);
		ck_assert_uint_eq(st.st_uid, 65534);
		ck_assert_uint_eq(st.st_gid, 1);
	} else
		test_skip("unix_file_takes_a_new_mode_and_owner", "owner: not root");
	socket_close(fd, &e);
}

END_TEST

START_TEST(unix_file_of_a_socket_handed_over_is_left_alone)
{
	const struct socket_file none = { 0 };
	struct endpoint e;
	char path[64];
	int fd = open_unix(&e, path);

	ck_assert_int_eq(socket_configure(fd, &e, &none, &open_to_all), 0);
	ck_assert_int_eq(socket_configure(fd, NULL, NULL, &open_to_all), 0);
	ck_assert_uint_eq(mode_of(path), 0600);
	socket_close(fd, &e);
}

END_TEST

START_TEST(link_in_the_place_of_a_unix_file_is_not_followed)
{
	struct socket_options options = open_to_all;
	struct endpoint e;
	struct stat st;
	char path[64], target[80];
	int fd = open_unix(&e, path), file;

	snprintf(target, sizeof(target), "%s.target", path);
	file = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(_i == 0 ? symlink(target, path) : link(target, path), 0);
	options.uid = geteuid() == 0 ? 65534 : geteuid();
	ck_assert_int_eq(socket_configure(fd, &e, &made, &options), -ESTALE);
	ck_assert_int_eq(fstat(file, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_eq(st.st_uid, geteuid());
	socket_close(fd, &e);
	ck_assert_int_eq(lstat(path, &st), 0);
	/* Nor is it taken for a socket that somebody left. */
	ck_assert_int_eq(socket_open(&e, &plain, &made), -EADDRINUSE);
	close(file);
	unlink(path);
	unlink(target);
}

END_TEST

START_TEST(other_socket_in_the_place_of_a_unix_file_is_left_alone)
{
	struct endpoint e;
	struct socket_file first;
	char path[64];
	int fd = open_unix(&e, path), other;

	first = made;
	ck_assert_int_eq(unlink(path), 0);
	other = socket_open(&e, &plain, &made);
	ck_assert_int_ge(other, 0);
	ck_assert_int_eq(socket_configure(fd, &e, &first, &open_to_all), -ESTALE);
	ck_assert_uint_eq(mode_of(path), 0600);
	socket_close(fd, &e);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(socket_configure(other, &e, &made, &open_to_all), 0);
	socket_close(other, &e);
}

END_TEST

START_TEST(unlinked_unix_file_is_made_again)
{
	struct endpoint e;
	char path[64];
	int fd = open_unix(&e, path), client;

	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(socket_configure(fd, &e, &made, &plain), -ESTALE);
	socket_close(fd, &e);
	fd = socket_open(&e, &plain, &made);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(socket_configure(fd, &e, &made, &plain), 0);
	client = connect_to(&e);
	close(client);
	socket_close(fd, &e);
}

END_TEST

static void
expect_no_client(int fd)
{
	ck_assert_int_lt(accept(fd, NULL, NULL), 0);
	ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(nobody_is_connected_to_in_order_to_see_whether_he_answers)
{
	struct endpoint e;
	char path[64];
	int fd = open_unix(&e, path), programs = dup(fd);

	ck_assert_int_eq(socket_open(&e, &plain, &made), -EADDRINUSE);
	expect_no_client(fd);
	socket_close(fd, &e); /* a program still has it */
	expect_no_client(programs);
	ck_assert_int_eq(access(path, F_OK), 0);
	socket_close(programs, &e);
	ck_assert_int_lt(access(path, F_OK), 0);
}

END_TEST

START_TEST(unix_file_that_a_program_shut_down_is_removed)
{
	struct endpoint e;
	char path[64];
	int fd = open_unix(&e, path), programs = dup(fd);

	ck_assert_int_eq(shutdown(programs, SHUT_RDWR), 0);
	socket_close(fd, &e);
	ck_assert_int_lt(access(path, F_OK), 0);
	close(programs);
}

END_TEST

START_TEST(connection_that_outlives_its_listener_does_not_keep_the_path)
{
	struct endpoint e;
	char path[64];
	int fd = open_unix(&e, path), client = connect_to(&e), accepted = accept(fd, NULL, NULL);

	ck_assert_int_ge(accepted, 0);
	close(fd);
	fd = socket_open(&e, &plain, &made);
	ck_assert_int_ge(fd, 0);
	socket_close(fd, &e);
	ck_assert_int_lt(access(path, F_OK), 0);
	close(accepted);
	close(client);
}

END_TEST

START_TEST(unix_datagram_socket_in_use_is_left_alone)
{
	struct endpoint e;
	char path[64];
	int fd;

	unix_endpoint(&e, path);
	e.socket_type = SOCK_DGRAM;
	fd = socket_open(&e, &plain, &made);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(socket_open(&e, &plain, &made), -EADDRINUSE);
	socket_close(fd, &e);
	ck_assert_int_lt(access(path, F_OK), 0);
}

END_TEST

START_TEST(b3_datagram_socket_that_was_shut_down_is_beyond_repair)
{
	struct endpoint e;
	int fd = open_loopback(&e, SOCK_DGRAM);

	shutdown(fd, SHUT_RDWR); /* says ENOTCONN, and is done nevertheless */
	ck_assert_int_eq(socket_repair(fd, SOCK_DGRAM, 0, &e.addr), -ESHUTDOWN);
	socket_close(fd, &e);
}

END_TEST

START_TEST(b3_datagram_socket_that_was_connected_hears_all_again)
{
	struct addr bound = { .len = sizeof(bound.u) };
	struct endpoint e;
	int fd = open_loopback(&e, SOCK_DGRAM), client;

	/* First with a port that the kernel picked, then with one that was asked for. */
	if (_i == 1) {
		socket_close(fd, &e);
		fd = socket_open(&e, &plain, &made);
		ck_assert_int_ge(fd, 0);
	}
	ck_assert_int_eq(connect(fd, &e.addr.u.sa, e.addr.len), 0);
	ck_assert_int_eq(socket_repair(fd, SOCK_DGRAM, 0, &e.addr), 0);
	ck_assert_int_eq(getsockname(fd, &bound.u.sa, &bound.len), 0);
	ck_assert(addr_equal(&bound, &e.addr));
	client = connect_to(&e);
	ck_assert_int_eq(send(client, "a", 1, 0), 1);
	ck_assert_uint_ne(socket_queue_mark(fd, SOCK_DGRAM), 0);
	close(client);
	socket_close(fd, &e);
}

END_TEST

START_TEST(freebind_needs_no_address)
{
	struct endpoint e = { .socket_type = _i < 2 ? SOCK_STREAM : SOCK_DGRAM };
	struct socket_options options = plain;
	const char *address = _i % 2 == 0 ? "192.0.2.1" : "2001:db8::1";
	int fd;

	ck_assert_int_eq(addr_parse(&e.addr, address, 0), 0);
	fd = socket_open(&e, &options, &made);
	if (fd == -EAFNOSUPPORT) {
		test_skip("freebind_needs_no_address", "no IPv6");
		return;
	}
	ck_assert_int_eq(fd, -EADDRNOTAVAIL);
	ck_assert_int_eq(socket_try(&e, &options), -EADDRNOTAVAIL);
	options.freebind = true;
	fd = socket_open(&e, &options, &made);
	ck_assert_int_ge(fd, 64);
	ck_assert_int_eq(socket_try(&e, &options), 0);
	socket_close(fd, &e);
}

END_TEST

START_TEST(a_device_keeps_others_out)
{
	struct socket_options options = plain;
	char name[16] = "";
	socklen_t len = sizeof(name);
	struct endpoint e;
	int fd = open_loopback(&e, SOCK_STREAM);

	ck_assert(!socket_lacks_device(fd));
	/* One that was handed over, and is open to all. */
	options.device = "lo";
	ck_assert_int_eq(socket_configure(fd, &e, NULL, &options), 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
	ck_assert_str_eq(name, "lo");
	ck_assert(!socket_lacks_device(fd));
	/* The same again is no change, which would take a right. */
	ck_assert_int_eq(socket_configure(fd, &e, NULL, &options), 0);
	socket_close(fd, &e);
	options.device = "nothing0";
	fd = socket_open(&e, &options, &made);
	ck_assert_int_eq(fd, -ENODEV);
	ck_assert_int_eq(socket_try(&e, &options), -ENODEV);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(is_high_closed_on_exec_and_never_blocks),
		TEST_LOOP(freebind_needs_no_address, 4),
		TEST(a_device_keeps_others_out),
		TEST_LOOP(a_taken_port_is_an_error, 2),
		TEST(b3_a_listener_that_was_shut_down_listens_again),
		TEST(b3_a_unix_listener_that_was_shut_down_is_beyond_repair),
		TEST(b5_a_program_that_made_it_block_is_undone),
		TEST(stream_mark_grows_with_the_queue_and_falls_with_accept),
		TEST(c5_datagram_mark_changes_only_when_the_first_is_read),
		TEST(unix_file_has_the_mode_and_goes_with_the_socket),
		TEST(unix_file_left_by_the_dead_is_replaced),
		TEST(unix_path_that_is_a_file_is_left_alone),
		TEST(unix_file_gets_the_mode_whatever_the_umask_is),
		TEST(unix_file_never_has_another_mode),
		TEST(unix_file_takes_a_new_mode_and_owner),
		TEST(unix_file_of_a_socket_handed_over_is_left_alone),
		TEST_LOOP(link_in_the_place_of_a_unix_file_is_not_followed, 2),
		TEST(other_socket_in_the_place_of_a_unix_file_is_left_alone),
		TEST(unlinked_unix_file_is_made_again),
		TEST(nobody_is_connected_to_in_order_to_see_whether_he_answers),
		TEST(unix_file_that_a_program_shut_down_is_removed),
		TEST(connection_that_outlives_its_listener_does_not_keep_the_path),
		TEST(unix_datagram_socket_in_use_is_left_alone),
		TEST(b3_datagram_socket_that_was_shut_down_is_beyond_repair),
		TEST_LOOP(b3_datagram_socket_that_was_connected_hears_all_again, 2),
	};

	return run_suite("socket", tests, ARRAY_LEN(tests));
}
