/* SPDX-License-Identifier: MIT */
/* The daemon's end of a channel, with a worker that is played by hand, and against the library's end. */
#include <errno.h>
#include <fcntl.h>
#include <porter/worker.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "launch/channel.h"
#include "lingering.h"
#include "suite.h"

/* Linux 6.16. */
#ifndef SO_PASSRIGHTS
# define SO_PASSRIGHTS 83
#endif

static struct channel ours;
static int theirs;
static struct channel_reply reply;

static void
open_channel(int type)
{
	ck_assert_int_eq(channel_open(type, &ours, &theirs), 0);
}

static void
close_channel(void)
{
	channel_close(&ours);
	close(theirs);
}

/* Needs no descriptor itself. */
static size_t
count_descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static struct connection
any_connection(void)
{
	struct connection c = { .fd = open("/dev/null", O_RDONLY | O_CLOEXEC), .id = 42 };

	ck_assert_int_ge(c.fd, 0);
	return c;
}

static void
send_one(enum channel_protocol protocol)
{
	struct connection c = any_connection();

	ck_assert_int_eq(channel_send(&ours, protocol, &c, "echo", NULL), 0);
	close(c.fd);
}

/* What a worker does with a message: its bytes, and the first descriptor; -1: none. */
static ssize_t
take(void *data, size_t size, int *fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;

	struct iovec io = { .iov_base = data, .iov_len = size };
	struct msghdr h = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(theirs, &h, MSG_CMSG_CLOEXEC);
	struct cmsghdr *rights = n < 0 ? NULL : CMSG_FIRSTHDR(&h);

	*fd = -1;
	if (rights != NULL)
		memcpy(fd, CMSG_DATA(rights), sizeof(*fd));
	return n;
}

static void
take_one(void)
{
	char data[CHANNEL_MESSAGE_SIZE];
	int fd;

	ck_assert_int_gt(take(data, sizeof(data), &fd), 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

struct answer {
	struct porter_reply head;
	char result[1000];
};

static struct answer
answer_of(enum porter_type type)
{
	return (struct answer){ .head = { .magic = PORTER_MAGIC,
				    .version = PORTER_VERSION,
				    .type = (uint16_t)type,
				    .connection = 42 } };
}

static void
answer(enum porter_type type)
{
	struct answer a = answer_of(type);

	ck_assert_int_eq(
	    send(theirs, &a.head, sizeof(a.head), MSG_NOSIGNAL), (ssize_t)sizeof(a.head));
}

static enum channel_event
next(enum channel_protocol protocol)
{
	channel_receive(&ours, protocol, &reply);
	return reply.event;
}

START_TEST(ours_is_high_and_never_blocks_and_theirs_is_as_programs_expect)
{
	int type = 0;
	socklen_t len = sizeof(type);

	open_channel(_i == 0 ? SOCK_SEQPACKET : SOCK_STREAM);
	ck_assert_int_ge(ours.fd, 64);
	ck_assert(!ours.left_unread);
	ck_assert_int_eq(fcntl(ours.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_ne(fcntl(ours.fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(fcntl(theirs, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(theirs, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(getsockopt(theirs, SOL_SOCKET, SO_TYPE, &type, &len), 0);
	ck_assert_int_eq(type, _i == 0 ? SOCK_SEQPACKET : SOCK_STREAM);
	close(theirs);
	int fd = ours.fd;
	channel_close(&ours);
	ck_assert_int_eq(ours.fd, -1);
	ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
	channel_close(&ours);
}

END_TEST

START_TEST(channel_that_cannot_be_opened_leaves_nothing_open)
{
	int status;

	if (suite_is_valgrind()) {
		test_skip("channel_that_cannot_be_opened_leaves_nothing_open",
		    "valgrind does not keep the limit");
		return;
	}
	pid_t pid = fork();

	if (pid == 0) {
		/* None is free at all; or some for the pair, and none from 64 up. */
		struct rlimit limit = { 0, 0 };
		size_t before = count_descriptors();

		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = _i == 0 ? 0 : 64;
		setrlimit(RLIMIT_NOFILE, &limit);
		int r = channel_open(SOCK_SEQPACKET, &ours, &theirs);
		/* fcntl(2) says EINVAL of a first number that is beyond the limit. */
		_exit(r != (_i == 0 ? -EMFILE : -EINVAL) || count_descriptors() != before);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(channel_open(SOCK_RDM, &ours, &theirs), -ESOCKTNOSUPPORT);
}

END_TEST

static void
set_addresses(struct connection *c, int which)
{
	if (which == 1) {
		ck_assert_int_eq(addr_parse(&c->peer, "192.0.2.1", 4711), 0);
		ck_assert_int_eq(addr_parse(&c->local, "198.51.100.7", 7), 0);
	} else if (which == 2) {
		ck_assert_int_eq(addr_parse(&c->peer, "fe80::1", 65535), 0);
		c->peer.u.in6.sin6_scope_id = 3;
		ck_assert_int_eq(addr_parse(&c->local, "2001:db8::1", 80), 0);
	} else if (which == 3) {
		ck_assert_int_eq(addr_unix(&c->local, "/run/x"), 0);
		c->peer.u.sa.sa_family = AF_UNIX;
		c->peer.len = sizeof(sa_family_t);
	}
}

static void
expect_address(const struct sockaddr_storage *got, socklen_t len, const struct addr *sent)
{
	struct addr a = { .len = len };

	memcpy(&a.u, got, len < sizeof(a.u) ? len : sizeof(a.u));
	ck_assert_int_eq(addr_family(&a), addr_family(sent));
	if (addr_family(sent) == AF_UNIX)
		ck_assert_uint_eq(len, sizeof(sa_family_t));
	else if (addr_family(sent) != AF_UNSPEC)
		ck_assert(addr_equal(&a, sent));
}

START_TEST(what_is_sent_arrives_in_the_library)
{
	struct connection c = any_connection();
	struct porter_connection got;
	char byte, *env[] = { NULL };

	open_channel(SOCK_SEQPACKET);
	c.id = UINT64_MAX - (unsigned)_i;
	set_addresses(&c, _i % 4);
	ck_assert_int_eq(
	    channel_send(&ours, _i < 4 ? CHANNEL_PORTER : CHANNEL_WARM, &c, "some id", env), 0);
	ck_assert(!channel_is_empty(&ours));
	close(c.fd);
	ck_assert_int_eq(porter_accept(theirs, &got), 1);
	ck_assert(channel_is_empty(&ours));
	ck_assert_uint_eq(got.id, c.id);
	ck_assert_str_eq(got.service, "some id");
	expect_address(&got.peer, got.peer_len, &c.peer);
	expect_address(&got.local, got.local_len, &c.local);
	ck_assert_int_eq(read(got.fd, &byte, 1), 0);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_TAKEN);
	ck_assert_uint_eq(reply.connection, c.id);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_NOTHING);
	ck_assert_int_eq(porter_done(theirs, &got, -7, "all of it"), 0);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_DONE);
	ck_assert_uint_eq(reply.connection, c.id);
	ck_assert_uint_eq(reply.count, 1);
	ck_assert_int_eq(reply.status, -7);
	ck_assert(reply.has_result);
	ck_assert_str_eq(reply.result, "all of it");
	close_channel();
}

END_TEST

/* The bytes of the manual's next example: lines of an offset and of pairs of hexadecimal digits, up to .Ed. */
static size_t
read_example(FILE *f, unsigned char *out, size_t size)
{
	size_t count = 0;
	char line[200];

	while (fgets(line, sizeof(line), f) != NULL && strcmp(line, ".Ed\n") != 0) {
		char *rest = line;

		if (strspn(line, " 0123456789abcdef\n") != strlen(line) || line[0] == '\n')
			continue;
		ck_assert_uint_eq(strtoul(line, &rest, 10) % 16, 0);
		for (char *word = strtok(rest, " \n"); word != NULL; word = strtok(NULL, " \n")) {
			ck_assert_uint_lt(count, size);
			out[count++] = (unsigned char)strtoul(word, NULL, 16);
		}
	}
	return count;
}

START_TEST(examples_of_the_manual_are_what_goes_over_the_channel)
{
	struct connection c = any_connection();
	struct porter_connection got;
	unsigned char data[200], expected[200];
	int fd;

	if (htons(1) == 1) {
		test_skip(
		    "examples_of_the_manual", "the examples are those of a little-endian machine");
		return;
	}
	FILE *f = fopen(SRC_ROOT "/man/porter-worker.7", "r");
	ck_assert_ptr_nonnull(f);
	open_channel(SOCK_SEQPACKET);
	c.id = 7;
	ck_assert_int_eq(addr_parse(&c.peer, "192.0.2.1", 4711), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(channel_send(&ours, CHANNEL_PORTER, &c, "echo", NULL), 0);
	close(c.fd);
	size_t size = read_example(f, expected, sizeof(expected));
	ck_assert_int_eq(take(data, sizeof(data), &fd), (ssize_t)size);
	ck_assert_mem_eq(data, expected, size);
	close(fd);
	ck_assert_int_eq(porter_accept(theirs, &got), 1);
	ck_assert_int_eq(porter_done(theirs, &got, 0, "ok"), 0);
	size = read_example(f, expected, sizeof(expected));
	fclose(f);
	/* Two replies, one behind the other. */
	ck_assert_int_eq(recv(ours.fd, data, sizeof(data), 0), 24);
	ck_assert_int_eq(recv(ours.fd, data + 24, sizeof(data) - 24, 0), 26);
	ck_assert_uint_eq(size, 50);
	ck_assert_mem_eq(data, expected, size);
	close_channel();
}

END_TEST

START_TEST(worker_that_looks_first_is_asked_once)
{
	struct porter_connection c;

	open_channel(SOCK_SEQPACKET);
	for (unsigned i = 0; i < 3; i++) {
		send_one(CHANNEL_PORTER);
		ck_assert_int_eq(porter_accept(theirs, &c), 1);
		ck_assert(channel_is_empty(&ours));
		ck_assert_int_eq(next(CHANNEL_PORTER), i == 0 ? CHANNEL_TAKEN : CHANNEL_NOTHING);
		ck_assert(ours.looks_first);
		close(c.fd);
	}
	/* One that says no such thing is asked each time. */
	answer(PORTER_TAKEN);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_TAKEN);
	ck_assert(!ours.looks_first);
	close_channel();
}

END_TEST

START_TEST(long_id_is_cut_and_an_empty_one_is_sent)
{
	struct connection c = any_connection();
	struct porter_connection got;
	char id[400];

	open_channel(SOCK_SEQPACKET);
	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	ck_assert_int_eq(channel_send(&ours, CHANNEL_PORTER, &c, id, NULL), 0);
	ck_assert_int_eq(channel_send(&ours, CHANNEL_PORTER, &c, "", NULL), 0);
	ck_assert_int_eq(porter_accept(theirs, &got), 1);
	ck_assert_uint_eq(strlen(got.service), PORTER_ID_SIZE);
	close(got.fd);
	ck_assert_int_eq(porter_accept(theirs, &got), 1);
	ck_assert_str_eq(got.service, "");
	close(got.fd);
	close(c.fd);
	close_channel();
}

END_TEST

START_TEST(variables_follow_the_id_of_a_warm_one)
{
	struct connection c = any_connection();
	char data[CHANNEL_MESSAGE_SIZE];
	char one[] = "A=1", two[] = "B=", *env[] = { one, two, NULL };
	int fd;

	open_channel(SOCK_SEQPACKET);
	ck_assert_int_eq(channel_send(&ours, CHANNEL_WARM, &c, "echo", env), 0);
	ck_assert_int_eq(take(data, sizeof(data), &fd), 72 + 4 + 4 + 3);
	ck_assert_mem_eq(data + 72, "echoA=1\0B=\0", 11);
	close(fd);
	/* They are nobody else's. */
	ck_assert_int_eq(channel_send(&ours, CHANNEL_PORTER, &c, "echo", env), 0);
	ck_assert_int_eq(take(data, sizeof(data), &fd), 72 + 4);
	close(fd);
	close(c.fd);
	close_channel();
}

END_TEST

START_TEST(message_that_is_too_long_is_not_sent)
{
	struct connection c = any_connection();
	static char value[CHANNEL_MESSAGE_SIZE];
	char *env[100] = { value };
	char data[CHANNEL_MESSAGE_SIZE + 1];
	int fd;

	open_channel(SOCK_SEQPACKET);
	size_t most = CHANNEL_MESSAGE_SIZE - sizeof(struct porter_header) - 4 - 1;
	memset(value, 'v', most);
	ck_assert_int_eq(channel_send(&ours, CHANNEL_WARM, &c, "echo", env), 0);
	ck_assert_int_eq(take(data, sizeof(data), &fd), CHANNEL_MESSAGE_SIZE);
	close(fd);
	value[most] = 'v';
	ck_assert_int_eq(channel_send(&ours, CHANNEL_WARM, &c, "echo", env), -EMSGSIZE);
	value[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(env) - 1; i++)
		env[i] = value;
	ck_assert_int_eq(channel_send(&ours, CHANNEL_WARM, &c, "echo", env), -EMSGSIZE);
	ck_assert(channel_is_empty(&ours));
	close(c.fd);
	close_channel();
}

END_TEST

START_TEST(plain_is_a_byte_with_a_descriptor_and_bytes_back)
{
	struct connection c = any_connection();
	char data[16];
	int fd;

	open_channel(_i == 0 ? SOCK_SEQPACKET : SOCK_STREAM);
	ck_assert_int_eq(channel_send(&ours, CHANNEL_PLAIN, &c, "echo", NULL), 0);
	close(c.fd);
	ck_assert(!channel_is_empty(&ours));
	ck_assert_int_eq(next(CHANNEL_PLAIN), CHANNEL_NOTHING);
	ck_assert_int_eq(take(data, sizeof(data), &fd), 1);
	ck_assert_int_eq(read(fd, data, 1), 0);
	close(fd);
	ck_assert(channel_is_empty(&ours));
	ck_assert_int_eq(send(theirs, "", 1, 0), 1);
	ck_assert_int_eq(next(CHANNEL_PLAIN), CHANNEL_DONE);
	ck_assert_uint_eq(reply.count, 1);
	ck_assert_uint_eq(reply.connection, 0);
	ck_assert(!reply.has_result);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(send(theirs, "xyz", 3, 0), 3);
	ck_assert_int_eq(next(CHANNEL_PLAIN), CHANNEL_DONE);
	ck_assert_uint_eq(reply.count, 60);
	ck_assert_int_eq(next(CHANNEL_PLAIN), CHANNEL_NOTHING);
	close_channel();
}

END_TEST

START_TEST(very_many_bytes_are_counted_in_several_calls)
{
	unsigned total = 0, calls = 0;
	char block[9000] = "";

	open_channel(_i == 0 ? SOCK_SEQPACKET : SOCK_STREAM);
	if (_i == 0)
		for (int i = 0; i < 200; i++)
			ck_assert_int_eq(send(theirs, "x", 1, 0), 1);
	else
		ck_assert_int_eq(send(theirs, block, sizeof(block), 0), (ssize_t)sizeof(block));
	close(theirs);
	while (next(CHANNEL_PLAIN) == CHANNEL_DONE) {
		total += reply.count;
		calls++;
	}
	ck_assert_int_eq(reply.event, CHANNEL_END);
	ck_assert_uint_eq(total, _i == 0 ? 200 : sizeof(block));
	ck_assert_uint_ge(calls, 3);
	channel_close(&ours);
}

END_TEST

/* clang-format off */
static const struct {
	size_t size;
	size_t offset; /* of 16 bits that are replaced */
	uint16_t value;
} garbage[] = {
	{ 0, 0, 0 }, { 1, 0, 0x5250 }, { 23, 0, 0x5250 }, { 24, 0, 0x5251 },
	{ 24, offsetof(struct porter_reply, version), 0 },
	{ 24, offsetof(struct porter_reply, version), 2 },
	{ 24, offsetof(struct porter_reply, type), 0 },
	{ 24, offsetof(struct porter_reply, type), PORTER_CONNECTION },
	{ 24, offsetof(struct porter_reply, type), 5 },
	{ 24, offsetof(struct porter_reply, type), 0xffff },
	{ 24, offsetof(struct porter_reply, result_length), 1 },
	{ 25, offsetof(struct porter_reply, result_length), 0 },
	{ 34, offsetof(struct porter_reply, result_length), 9 },
	{ 34, offsetof(struct porter_reply, result_length), 11 },
	{ 34, offsetof(struct porter_reply, result_length), 0xffff },
	{ 34, offsetof(struct porter_reply, result_length) + 2, 0xffff },
	{ 24 + 257, offsetof(struct porter_reply, result_length), 257 },
	{ sizeof(struct answer), offsetof(struct porter_reply, result_length), 1000 },
};

/* clang-format on */

START_TEST(garbage_is_said_to_be_garbage)
{
	struct answer a = answer_of(PORTER_DONE);
	open_channel(SOCK_SEQPACKET);
	memcpy((char *)&a + garbage[_i].offset, &garbage[_i].value, sizeof(uint16_t));
	ck_assert_int_eq(send(theirs, &a, garbage[_i].size, 0), (ssize_t)garbage[_i].size);
	answer(PORTER_TAKEN);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_GARBAGE);
	ck_assert_uint_eq(reply.count, 1);
	ck_assert_uint_eq(reply.connection, 0);
	ck_assert(!reply.has_result);
	/* What follows it is heard. */
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_TAKEN);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_NOTHING);
	close_channel();
}

END_TEST

START_TEST(results_belong_to_done_alone)
{
	struct answer a = answer_of(_i == 0 ? PORTER_TAKEN : PORTER_NO_DESCRIPTOR);

	open_channel(SOCK_SEQPACKET);
	a.head.result_length = 1;
	ck_assert_int_eq(send(theirs, &a, sizeof(a.head) + 1, 0), (ssize_t)sizeof(a.head) + 1);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_GARBAGE);
	close_channel();
}

END_TEST

START_TEST(random_bytes_do_no_harm)
{
	struct answer a;
	unsigned counts[CHANNEL_END + 1] = { 0 };

	srand(1);
	open_channel(SOCK_SEQPACKET);
	for (int i = 0; i < 20000; i++) {
		size_t size = (size_t)rand() % 300;

		/* Nearly right ones: a few bits of a good reply are turned. */
		a = answer_of(PORTER_DONE);
		a.head.result_length =
		    size > sizeof(a.head) ? (uint32_t)(size - sizeof(a.head)) : 0;
		for (int turned = rand() % 4; turned > 0; turned--)
			((char *)&a)[rand() % 30] ^= (char)(1 << rand() % 8);
		ck_assert_int_eq(send(theirs, &a, size, 0), (ssize_t)size);
		counts[next(CHANNEL_PORTER)]++;
		ck_assert_uint_le(strlen(reply.result), PORTER_RESULT_SIZE);
	}
	ck_assert_uint_gt(counts[CHANNEL_GARBAGE], 1000);
	ck_assert_uint_gt(counts[CHANNEL_DONE], 1000);
	ck_assert_uint_eq(counts[CHANNEL_END], 0);
	close_channel();
}

END_TEST

START_TEST(result_is_text_of_at_most_its_size)
{
	struct answer a = answer_of(PORTER_DONE);
	char expected[PORTER_RESULT_SIZE + 1] = "";

	open_channel(SOCK_SEQPACKET);
	memcpy(a.result, "a\0b\n\xff\0", 6);
	a.head.result_length = 6;
	ck_assert_int_eq(send(theirs, &a, sizeof(a.head) + 6, 0), (ssize_t)sizeof(a.head) + 6);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_DONE);
	ck_assert_str_eq(reply.result, "a?b\n\xff?");
	memset(a.result, 'r', PORTER_RESULT_SIZE);
	memset(expected, 'r', PORTER_RESULT_SIZE);
	a.head.result_length = PORTER_RESULT_SIZE;
	ck_assert_int_gt(send(theirs, &a, sizeof(a.head) + PORTER_RESULT_SIZE, 0), 0);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_DONE);
	ck_assert_str_eq(reply.result, expected);
	answer(PORTER_DONE);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_DONE);
	ck_assert(!reply.has_result);
	ck_assert_str_eq(reply.result, "");
	close_channel();
}

END_TEST

/* What kernels before Linux 6.16 always do. */
static void
let_descriptors_through(void)
{
	const int yes = 1;

	setsockopt(ours.fd, SOL_SOCKET, SO_PASSRIGHTS, &yes, sizeof(yes));
}

START_TEST(descriptors_that_a_worker_sends_are_dropped)
{
	struct answer a = answer_of(PORTER_DONE);
	struct iovec io = { .iov_base = &a, .iov_len = _i == 0 ? sizeof(a.head) : 1 };

	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { .space = { 0 } };

	struct msghdr h = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fds[2];
	char byte;

	open_channel(_i == 2 ? SOCK_STREAM : SOCK_SEQPACKET);
	let_descriptors_through();
	ck_assert_int_eq(pipe(fds), 0);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.align), (int[]){ fds[1], fds[1] }, sizeof(fds));
	ck_assert_int_eq(sendmsg(theirs, &h, 0), (ssize_t)io.iov_len);
	size_t before = count_descriptors();
	/* Nobody has a reason to send any. */
	ck_assert_int_eq(next(_i == 0 ? CHANNEL_PORTER : CHANNEL_PLAIN), CHANNEL_GARBAGE);
	ck_assert_uint_eq(reply.count, CHANNEL_HOSTILE);
	ck_assert_uint_eq(count_descriptors(), before);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	/* Nor are they kept anywhere else: the pipe has no writer any more. */
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	close(fds[0]);
	close_channel();
}

END_TEST

static int
send_descriptor(int fd)
{
	struct answer a = answer_of(PORTER_DONE);
	struct iovec io = { .iov_base = &a, .iov_len = sizeof(a.head) };

	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };

	struct msghdr h = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	return sendmsg(theirs, &h, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

START_TEST(worker_cannot_send_descriptors_where_the_kernel_helps)
{
	int on = 1;
	socklen_t len = sizeof(on);

	open_channel(SOCK_SEQPACKET);
	if (getsockopt(ours.fd, SOL_SOCKET, SO_PASSRIGHTS, &on, &len) < 0) {
		test_skip("worker_cannot_send_descriptors_where_the_kernel_helps",
		    "before Linux 6.16 a socket cannot refuse descriptors");
		return;
	}
	ck_assert_int_eq(on, 0);
	ck_assert_int_eq(send_descriptor(0), -EPERM);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_NOTHING);
	close_channel();
}

END_TEST

/* A socket whose last close waits for a client that does not read, as long as a worker wants: received, or left in a channel
 * that is closed. */
START_TEST(h3_socket_that_lingers_in_the_queue_of_another_holds_up_nobody)
{
	int peer, fd = lingering_socket(&peer), nested[2], to_daemon;

	open_channel(SOCK_SEQPACKET);
	let_descriptors_through();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, nested), 0);
	to_daemon = theirs;
	theirs = nested[0];
	ck_assert_int_eq(send_descriptor(fd), 0);
	theirs = to_daemon;
	for (unsigned i = 0; i < 50; i++)
		ck_assert_int_eq(send_descriptor(nested[1]), 0);
	close(fd);
	close(nested[0]);
	close(nested[1]);
	close_channel();
	close(peer);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

END_TEST

START_TEST(h3_socket_that_lingers_holds_up_nobody)
{
	int peer, fd = lingering_socket(&peer);

	open_channel(SOCK_SEQPACKET);
	let_descriptors_through();
	ck_assert_int_eq(send_descriptor(fd), 0);
	close(fd);
	if (_i == 0)
		ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_GARBAGE);
	close_channel();
	close(peer);
}

END_TEST

/* Every kind of channel: the type of its sockets and what is spoken. */
static const struct {
	int type;
	enum channel_protocol protocol;
} kinds[] = {
	{ SOCK_SEQPACKET, CHANNEL_PORTER },
	{ SOCK_SEQPACKET, CHANNEL_WARM },
	{ SOCK_SEQPACKET, CHANNEL_PLAIN },
	{ SOCK_STREAM, CHANNEL_PLAIN },
};

START_TEST(end_after_everything_was_taken)
{
	open_channel(kinds[_i].type);
	send_one(kinds[_i].protocol);
	take_one();
	close(theirs);
	ck_assert(channel_is_empty(&ours));
	ck_assert_int_eq(next(kinds[_i].protocol), CHANNEL_END);
	ck_assert(!reply.left_unread);
	ck_assert_int_eq(next(kinds[_i].protocol), CHANNEL_END);
	channel_close(&ours);
}

END_TEST

START_TEST(end_with_a_message_unread)
{
	open_channel(kinds[_i].type);
	send_one(kinds[_i].protocol);
	close(theirs);
	ck_assert_int_eq(next(kinds[_i].protocol), CHANNEL_END);
	ck_assert(reply.left_unread);
	ck_assert_int_eq(next(kinds[_i].protocol), CHANNEL_END);
	ck_assert(reply.left_unread);
	ck_assert(!channel_is_empty(&ours));
	channel_close(&ours);
}

END_TEST

/* The worker is free, is handed the next connection, and dies without having looked at it. */
START_TEST(h4_end_with_a_message_unread_and_replies_pending)
{
	open_channel(kinds[_i].type);
	send_one(kinds[_i].protocol);
	take_one();
	if (kinds[_i].protocol == CHANNEL_PLAIN)
		ck_assert_int_eq(send(theirs, "x", 1, 0), 1);
	else {
		answer(PORTER_TAKEN);
		answer(PORTER_DONE);
	}
	send_one(kinds[_i].protocol);
	close(theirs);
	if (kinds[_i].protocol != CHANNEL_PLAIN)
		ck_assert_int_eq(next(kinds[_i].protocol), CHANNEL_TAKEN);
	ck_assert_int_eq(next(kinds[_i].protocol), CHANNEL_DONE);
	ck_assert_uint_eq(reply.count, 1);
	ck_assert_int_eq(next(kinds[_i].protocol), CHANNEL_END);
	ck_assert(reply.left_unread);
	channel_close(&ours);
}

END_TEST

/* The kernel names the loss once; whichever call hears it, it is not forgotten. */
START_TEST(loss_is_known_whoever_is_told)
{
	struct connection c = any_connection();
	size_t kind = (size_t)_i / 2;

	open_channel(kinds[kind].type);
	send_one(kinds[kind].protocol);
	if (kinds[kind].protocol != CHANNEL_PLAIN)
		answer(PORTER_DONE);
	close(theirs);
	if (_i % 2 == 0)
		ck_assert(!channel_is_empty(&ours));
	else
		ck_assert_int_lt(channel_send(&ours, kinds[kind].protocol, &c, "echo", NULL), 0);
	if (kinds[kind].protocol != CHANNEL_PLAIN)
		ck_assert_int_eq(next(kinds[kind].protocol), CHANNEL_DONE);
	ck_assert_int_eq(next(kinds[kind].protocol), CHANNEL_END);
	ck_assert(reply.left_unread);
	close(c.fd);
	channel_close(&ours);
}

END_TEST

START_TEST(worker_that_is_killed_has_taken_its_message_or_not)
{
	bool takes = _i % 2 == 0;
	size_t kind = (size_t)_i / 2;
	int status, ready[2];
	char byte;

	open_channel(kinds[kind].type);
	send_one(kinds[kind].protocol);
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(ours.fd);
		if (takes)
			take_one();
		if (write(ready[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(theirs);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(channel_is_empty(&ours), takes);
	ck_assert_int_eq(next(kinds[kind].protocol), CHANNEL_NOTHING);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(channel_is_empty(&ours), takes);
	ck_assert_int_eq(next(kinds[kind].protocol), CHANNEL_END);
	ck_assert_int_eq(reply.left_unread, !takes);
	close(ready[0]);
	close(ready[1]);
	channel_close(&ours);
}

END_TEST

START_TEST(worker_that_closes_one_way_has_ended_its_channel)
{
	open_channel(kinds[_i].type);
	shutdown(theirs, SHUT_WR);
	ck_assert_int_eq(next(kinds[_i].protocol), CHANNEL_END);
	ck_assert(!reply.left_unread);
	close_channel();
}

END_TEST

START_TEST(message_of_no_bytes_is_not_taken_for_the_end)
{
	enum channel_protocol protocol = _i == 0 ? CHANNEL_PORTER : CHANNEL_PLAIN;

	open_channel(SOCK_SEQPACKET);
	ck_assert_int_eq(send(theirs, "", 0, 0), 0);
	ck_assert_int_eq(next(protocol), _i == 0 ? CHANNEL_GARBAGE : CHANNEL_DONE);
	ck_assert_uint_eq(reply.count, 1);
	ck_assert_int_eq(next(protocol), CHANNEL_NOTHING);
	close(theirs);
	ck_assert_int_eq(next(protocol), CHANNEL_END);
	channel_close(&ours);
}

END_TEST

START_TEST(h2_full_channel_is_an_error_and_never_waited_for)
{
	struct connection c = any_connection();
	size_t sent = 0;
	int r;

	open_channel(kinds[_i].type);
	while ((r = channel_send(&ours, kinds[_i].protocol, &c, "echo", NULL)) == 0)
		ck_assert_uint_lt(++sent, 100000);
	/* Not root: too many descriptors on their way. */
	ck_assert(r == -EAGAIN || r == -ETOOMANYREFS);
	ck_assert_uint_gt(sent, 10);
	close(c.fd);
	/* What was sent is whole. */
	for (size_t i = 0; i < sent; i++)
		take_one();
	ck_assert(channel_is_empty(&ours));
	close_channel();
}

END_TEST

START_TEST(sending_to_nobody_fails_without_a_signal)
{
	struct connection c = any_connection();

	open_channel(kinds[_i].type);
	close(theirs);
	ck_assert_int_eq(channel_send(&ours, kinds[_i].protocol, &c, "echo", NULL), -EPIPE);
	ck_assert(!ours.left_unread);
	close(c.fd);
	channel_close(&ours);
}

END_TEST

START_TEST(descriptor_that_is_none_is_not_sent)
{
	struct connection c = { .fd = -1 };

	open_channel(kinds[_i].type);
	ck_assert_int_eq(channel_send(&ours, kinds[_i].protocol, &c, "echo", NULL), -EBADF);
	ck_assert(channel_is_empty(&ours));
	close_channel();
}

END_TEST

/* The worker's process at its limit, and the daemon's view of it. */
START_TEST(h1_worker_without_room_says_so)
{
	int status;

	if (suite_is_valgrind()) {
		test_skip("h1_worker_without_room_says_so", "valgrind does not keep the limit");
		return;
	}
	open_channel(SOCK_SEQPACKET);
	pid_t pid = fork();
	if (pid == 0) {
		struct porter_connection c;
		struct rlimit limit = { 0, 0 };

		close(ours.fd);
		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = 0;
		setrlimit(RLIMIT_NOFILE, &limit);
		_exit(porter_accept(theirs, &c) == 0 ? 0 : 1);
	}
	close(theirs);
	send_one(CHANNEL_PORTER);
	shutdown(ours.fd, SHUT_WR);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_NO_DESCRIPTOR);
	ck_assert_uint_eq(reply.connection, 42);
	ck_assert_int_eq(next(CHANNEL_PORTER), CHANNEL_END);
	ck_assert(!reply.left_unread);
	channel_close(&ours);
}

END_TEST

START_TEST(channel_that_is_closed_has_ended)
{
	struct channel closed = { .fd = -1 };

	channel_receive(&closed, kinds[_i].protocol, &reply);
	ck_assert_int_eq(reply.event, CHANNEL_END);
	ck_assert(!channel_is_empty(&closed));
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(ours_is_high_and_never_blocks_and_theirs_is_as_programs_expect, 2),
		TEST_LOOP(channel_that_cannot_be_opened_leaves_nothing_open, 2),
		TEST_LOOP(what_is_sent_arrives_in_the_library, 8),
		TEST(examples_of_the_manual_are_what_goes_over_the_channel),
		TEST(worker_that_looks_first_is_asked_once),
		TEST(long_id_is_cut_and_an_empty_one_is_sent),
		TEST(variables_follow_the_id_of_a_warm_one),
		TEST(message_that_is_too_long_is_not_sent),
		TEST_LOOP(plain_is_a_byte_with_a_descriptor_and_bytes_back, 2),
		TEST_LOOP(very_many_bytes_are_counted_in_several_calls, 2),
		TEST_LOOP(garbage_is_said_to_be_garbage, ARRAY_LEN(garbage)),
		TEST_LOOP(results_belong_to_done_alone, 2),
		TEST(random_bytes_do_no_harm),
		TEST(result_is_text_of_at_most_its_size),
		TEST_LOOP(descriptors_that_a_worker_sends_are_dropped, 3),
		TEST(worker_cannot_send_descriptors_where_the_kernel_helps),
		TEST_LOOP(h3_socket_that_lingers_holds_up_nobody, 2),
		TEST(h3_socket_that_lingers_in_the_queue_of_another_holds_up_nobody),
		TEST_LOOP(end_after_everything_was_taken, ARRAY_LEN(kinds)),
		TEST_LOOP(end_with_a_message_unread, ARRAY_LEN(kinds)),
		TEST_LOOP(h4_end_with_a_message_unread_and_replies_pending, ARRAY_LEN(kinds)),
		TEST_LOOP(loss_is_known_whoever_is_told, 2 * ARRAY_LEN(kinds)),
		TEST_LOOP(worker_that_is_killed_has_taken_its_message_or_not, 2 * ARRAY_LEN(kinds)),
		TEST_LOOP(worker_that_closes_one_way_has_ended_its_channel, ARRAY_LEN(kinds)),
		TEST_LOOP(message_of_no_bytes_is_not_taken_for_the_end, 2),
		TEST_LOOP(h2_full_channel_is_an_error_and_never_waited_for, ARRAY_LEN(kinds)),
		TEST_LOOP(sending_to_nobody_fails_without_a_signal, ARRAY_LEN(kinds)),
		TEST_LOOP(descriptor_that_is_none_is_not_sent, ARRAY_LEN(kinds)),
		TEST(h1_worker_without_room_says_so),
		TEST_LOOP(channel_that_is_closed_has_ended, ARRAY_LEN(kinds)),
	};

	return run_suite("channel", tests, ARRAY_LEN(tests));
}
