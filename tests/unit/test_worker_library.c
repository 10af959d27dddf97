/* SPDX-License-Identifier: MIT */
/* The library's end of a channel, with a daemon that is played by hand. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <porter/worker.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "suite.h"

/* [0] is the daemon's end, [1] the worker's. */
static int channel[2];

static void
open_channel(int type)
{
	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, channel), 0);
}

static void
close_channel(void)
{
	close(channel[0]);
	close(channel[1]);
}

static size_t
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

struct sent {
	struct porter_header header;
	char rest[2048];
};

static struct sent
good_message(uint64_t id)
{
	return (struct sent){
		.header = { .magic = PORTER_MAGIC,
		    .version = PORTER_VERSION,
		    .type = PORTER_CONNECTION,
		    .connection = id,
		    .id_offset = sizeof(struct porter_header),
		    .id_length = 4,
		    .flags = PORTER_ASKS },
		.rest = "echo",
	};
}

#define GOOD_SIZE (sizeof(struct porter_header) + 4)

static void
send_message(const void *data, size_t size, const int *fd, size_t fd_count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control = { .space = { 0 } };

	char copy[sizeof(struct sent)];
	struct iovec io = { .iov_base = copy, .iov_len = size };
	struct msghdr h = { .msg_iov = &io, .msg_iovlen = 1 };

	memcpy(copy, data, size);
	if (fd_count > 0) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *rights = CMSG_FIRSTHDR(&h);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(rights), fd, fd_count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(channel[0], &h, MSG_NOSIGNAL), (ssize_t)size);
}

/* Hands a connection over, and returns the client's end of it. */
static int
hand_over(uint64_t id)
{
	struct sent message = good_message(id);
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	send_message(&message, GOOD_SIZE, &pair[1], 1);
	close(pair[1]);
	return pair[0];
}

static struct porter_reply
next_reply(char *result)
{
	struct {
		struct porter_reply head;
		char result[PORTER_RESULT_SIZE + 1];
	} in = { .head = { .magic = 0 } };

	ssize_t n = recv(channel[0], &in, sizeof(in) - 1, MSG_TRUNC);

	ck_assert_int_ge(n, (ssize_t)sizeof(in.head));
	ck_assert_uint_eq(in.head.magic, PORTER_MAGIC);
	ck_assert_uint_eq(in.head.version, PORTER_VERSION);
	ck_assert_uint_eq((size_t)n, sizeof(in.head) + in.head.result_length);
	if (result != NULL)
		strcpy(result, in.result);
	return in.head;
}

static void
expect_reply(enum porter_type type, uint64_t id)
{
	struct porter_reply r = next_reply(NULL);

	ck_assert_uint_eq(r.type, type);
	ck_assert_uint_eq(r.connection, id);
}

static void
expect_no_reply(void)
{
	char byte;

	ck_assert_int_lt(recv(channel[0], &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(errno, EAGAIN);
}

static bool
same_file(int a, int b)
{
	int word = 0;

	/* The far end of a socket pair reads what is written to the near one. */
	ck_assert_int_eq(write(a, "x", 1), 1);
	return recv(b, &word, 1, MSG_DONTWAIT) == 1;
}

START_TEST(connection_arrives_is_acknowledged_served_and_reported)
{
	struct porter_connection c;
	char byte;

	open_channel(SOCK_SEQPACKET);
	int client = hand_over(UINT64_C(0x1122334455667788));
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	expect_reply(PORTER_TAKEN, UINT64_C(0x1122334455667788));
	expect_no_reply();
	ck_assert_uint_eq(c.id, UINT64_C(0x1122334455667788));
	ck_assert_str_eq(c.service, "echo");
	ck_assert_uint_eq(c.peer_len, 0);
	ck_assert_uint_eq(c.local_len, 0);
	ck_assert(same_file(client, c.fd));
	ck_assert_int_eq(porter_done(channel[1], &c, 3, "5 lines"), 0);
	ck_assert_int_eq(c.fd, -1);
	ck_assert_int_eq(read(client, &byte, 1), 0);
	char result[PORTER_RESULT_SIZE + 1];
	struct porter_reply done = next_reply(result);
	ck_assert_uint_eq(done.type, PORTER_DONE);
	ck_assert_uint_eq(done.connection, UINT64_C(0x1122334455667788));
	ck_assert_int_eq(done.status, 3);
	ck_assert_str_eq(result, "5 lines");
	close(client);
	close_channel();
}

END_TEST

static int
left_in_channel(void)
{
	int bytes = -1;

	ck_assert_int_eq(ioctl(channel[0], SIOCOUTQ, &bytes), 0);
	return bytes;
}

/* Who is not asked says nothing: that the message is gone says it. */
START_TEST(connection_is_acknowledged_by_taking_it_unless_the_daemon_asks)
{
	struct sent message = good_message(1);
	struct porter_connection c;
	int pair[2];

	open_channel(SOCK_SEQPACKET);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	message.header.flags = 0;
	send_message(&message, GOOD_SIZE, &pair[1], 1);
	ck_assert_int_gt(left_in_channel(), 0);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert_int_eq(left_in_channel(), 0);
	expect_no_reply();
	ck_assert(same_file(pair[0], c.fd));
	ck_assert_int_eq(porter_done(channel[1], &c, 0, NULL), 0);
	expect_reply(PORTER_DONE, 1);
	message.header.flags = PORTER_ASKS;
	send_message(&message, GOOD_SIZE, &pair[1], 1);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	struct porter_reply taken = next_reply(NULL);
	ck_assert_uint_eq(taken.type, PORTER_TAKEN);
	ck_assert_int_eq(taken.status, PORTER_LOOKS_FIRST);
	close(c.fd);
	close(pair[0]);
	close(pair[1]);
	close_channel();
}

END_TEST

START_TEST(addresses_become_those_of_the_system)
{
	struct sent message = good_message(1);
	struct porter_connection c;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	open_channel(SOCK_SEQPACKET);
	message.header.peer =
	    (struct porter_address){ .family = AF_INET, .port = 4711, .bytes = { 192, 0, 2, 1 } };
	message.header.local = (struct porter_address){
		.family = AF_INET6, .port = 7, .scope = 3, .bytes = { 0xfe, 0x80, [15] = 9 }
	};
	send_message(&message, GOOD_SIZE, &fd, 1);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	const struct sockaddr_in *in = (const struct sockaddr_in *)&c.peer;
	ck_assert_uint_eq(c.peer_len, sizeof(*in));
	ck_assert_int_eq(in->sin_family, AF_INET);
	ck_assert_uint_eq(ntohs(in->sin_port), 4711);
	ck_assert_uint_eq(ntohl(in->sin_addr.s_addr), 0xc0000201);
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&c.local;
	ck_assert_uint_eq(c.local_len, sizeof(*in6));
	ck_assert_int_eq(in6->sin6_family, AF_INET6);
	ck_assert_uint_eq(ntohs(in6->sin6_port), 7);
	ck_assert_uint_eq(in6->sin6_scope_id, 3);
	ck_assert_mem_eq(&in6->sin6_addr, message.header.local.bytes, 16);
	porter_done(channel[1], &c, 0, NULL);

	message.header.peer = (struct porter_address){ .family = AF_UNIX };
	message.header.local = (struct porter_address){ .family = 0x7777 };
	send_message(&message, GOOD_SIZE, &fd, 1);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert_uint_eq(c.peer_len, sizeof(sa_family_t));
	ck_assert_int_eq(c.peer.ss_family, AF_UNIX);
	ck_assert_uint_eq(c.local_len, 0);
	porter_done(channel[1], &c, 0, NULL);
	close(fd);
	close_channel();
}

END_TEST

START_TEST(end_of_the_channel_ends_the_worker)
{
	struct porter_connection c = { .fd = 77 };

	open_channel(SOCK_SEQPACKET);
	/* Asked to end; what was handed over before still comes. */
	int client = hand_over(1);
	ck_assert_int_eq(shutdown(channel[0], SHUT_WR), 0);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert_int_eq(porter_done(channel[1], &c, 0, NULL), 0);
	ck_assert_int_eq(porter_accept(channel[1], &c), 0);
	ck_assert_int_eq(porter_accept(channel[1], &c), 0);
	expect_reply(PORTER_TAKEN, 1);
	expect_reply(PORTER_DONE, 1);
	close(client);
	close_channel();
}

END_TEST

START_TEST(connection_of_a_daemon_that_has_gone_is_served)
{
	struct porter_connection c;

	open_channel(SOCK_SEQPACKET);
	int client = hand_over(1);
	close(channel[0]);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert(same_file(client, c.fd));
	ck_assert_int_eq(porter_done(channel[1], &c, 0, NULL), -EPIPE);
	ck_assert_int_eq(c.fd, -1);
	ck_assert_int_eq(porter_accept(channel[1], &c), 0);
	close(client);
	close(channel[1]);
}

END_TEST

START_TEST(replies_that_the_daemon_left_unread_are_no_error)
{
	struct porter_connection c;

	open_channel(SOCK_SEQPACKET);
	int client = hand_over(1);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	close(client);
	client = hand_over(2);
	porter_done(channel[1], &c, 0, NULL);
	close(channel[0]);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert_uint_eq(c.id, 2);
	porter_done(channel[1], &c, 0, NULL);
	ck_assert_int_eq(porter_accept(channel[1], &c), 0);
	close(client);
	close(channel[1]);
}

END_TEST

START_TEST(h11_received_descriptor_is_closed_on_exec)
{
	struct porter_connection c;

	open_channel(SOCK_SEQPACKET);
	int client = hand_over(1);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert_int_eq(fcntl(c.fd, F_GETFD), FD_CLOEXEC);
	porter_done(channel[1], &c, 0, NULL);
	close(client);
	close_channel();
}

END_TEST

START_TEST(message_without_a_descriptor_is_given_back)
{
	struct sent message = good_message(1);
	struct porter_connection c;

	open_channel(SOCK_SEQPACKET);
	send_message(&message, GOOD_SIZE, NULL, 0);
	int client = hand_over(2);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert_uint_eq(c.id, 2);
	expect_reply(PORTER_NO_DESCRIPTOR, 1);
	expect_reply(PORTER_TAKEN, 2);
	porter_done(channel[1], &c, 0, NULL);
	close(client);
	close_channel();
}

END_TEST

/* In a process of its own, since the limit cannot be raised again everywhere. The lowest number that is free becomes the
 * limit, with some more. */
static void
leave_descriptors(rlim_t spare)
{
	struct rlimit limit;
	int lowest = dup(0);

	close(lowest);
	if (lowest < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		_exit(100);
	limit.rlim_cur = (rlim_t)lowest + spare;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		_exit(101);
}

START_TEST(h1_worker_at_its_limit_of_descriptors_gives_the_connection_back)
{
	int status;

	if (suite_is_valgrind()) {
		test_skip("h1_worker_at_its_limit_of_descriptors_gives_the_connection_back",
		    "valgrind does not keep the limit");
		return;
	}
	open_channel(SOCK_SEQPACKET);
	pid_t pid = fork();
	if (pid == 0) {
		struct porter_connection c;

		close(channel[0]);
		leave_descriptors(0);
		_exit(porter_accept(channel[1], &c) == 0 ? 0 : 1);
	}
	close(channel[1]);
	int client = hand_over(5);
	/* Whoever sees that the message was taken finds this reply. */
	while (left_in_channel() > 0)
		sched_yield();
	struct porter_reply r;
	ck_assert_int_eq(recv(channel[0], &r, sizeof(r), MSG_DONTWAIT | MSG_PEEK), sizeof(r));
	expect_reply(PORTER_NO_DESCRIPTOR, 5);
	shutdown(channel[0], SHUT_WR);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(client);
	close(channel[0]);
}

END_TEST

START_TEST(further_descriptors_are_closed)
{
	struct sent message = good_message(1);
	struct porter_connection c;
	int pair[2];

	open_channel(SOCK_SEQPACKET);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t before = count_descriptors();
	send_message(&message, GOOD_SIZE, (int[]){ pair[1], null, null, null, null }, 5);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert_uint_eq(count_descriptors(), before + 1);
	ck_assert(same_file(pair[0], c.fd));
	porter_done(channel[1], &c, 0, NULL);
	ck_assert_uint_eq(count_descriptors(), before);
	close(pair[0]);
	close(pair[1]);
	close(null);
	close_channel();
}

END_TEST

/* clang-format off */
static const struct {
	size_t size;
	size_t offset; /* of 16 bits that are replaced */
	uint16_t value;
} garbage[] = {
	{ GOOD_SIZE, offsetof(struct porter_header, magic), 0 },
	{ GOOD_SIZE, offsetof(struct porter_header, version), 0 },
	{ GOOD_SIZE, offsetof(struct porter_header, version), 2 },
	{ GOOD_SIZE, offsetof(struct porter_header, id_offset), 73 },
	{ GOOD_SIZE, offsetof(struct porter_header, id_offset), 65535 },
	{ GOOD_SIZE, offsetof(struct porter_header, id_length), 5 },
	{ GOOD_SIZE, offsetof(struct porter_header, id_length), 65535 },
	{ sizeof(struct sent), offsetof(struct porter_header, id_length), 256 },
	{ sizeof(struct porter_header) - 1, offsetof(struct porter_header, flags), 0 },
	{ 8, 0, 0x5250 }, { 7, 0, 0x5250 }, { 1, 0, 0x5250 }, { 0, 0, 0x5250 },
	/* Of an unknown type and not this protocol at all. */
	{ GOOD_SIZE, offsetof(struct porter_header, type), 0xffff },
};

/* clang-format on */

START_TEST(garbage_is_a_protocol_error_and_leaves_nothing_open)
{
	struct porter_connection c, untouched;
	struct sent message = good_message(1);

	memset(&c, 0x5a, sizeof(c));
	memset(&untouched, 0x5a, sizeof(untouched));
	open_channel(SOCK_SEQPACKET);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t before = count_descriptors();
	memcpy((char *)&message + garbage[_i].offset, &garbage[_i].value, sizeof(uint16_t));
	if (garbage[_i].value == 0xffff &&
	    garbage[_i].offset == offsetof(struct porter_header, type))
		message.header.magic++;
	send_message(&message, garbage[_i].size, (int[]){ null, null }, 2);
	ck_assert_int_eq(porter_accept(channel[1], &c), -EPROTO);
	ck_assert_mem_eq(&c, &untouched, sizeof(c));
	ck_assert_uint_eq(count_descriptors(), before);
	expect_no_reply();
	close(null);
	close_channel();
}

END_TEST

START_TEST(messages_of_later_versions_are_passed_over)
{
	struct sent message = good_message(1);
	struct porter_connection c;

	open_channel(SOCK_SEQPACKET);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	message.header.type = 9;
	message.header.version = 7;
	send_message(&message, 8, (int[]){ null, null }, 2);
	send_message(&message, GOOD_SIZE, NULL, 0);
	size_t before = count_descriptors();
	/* A connection with more behind the id than this version knows, and more than it looks at. */
	message = good_message(2);
	memset(message.rest + 4, 'x', sizeof(message.rest) - 4);
	send_message(&message, sizeof(message), &null, 1);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert_uint_eq(count_descriptors(), before + 1);
	ck_assert_uint_eq(c.id, 2);
	ck_assert_str_eq(c.service, "echo");
	expect_reply(PORTER_TAKEN, 2);
	expect_no_reply();
	porter_done(channel[1], &c, 0, NULL);
	close(null);
	close_channel();
}

END_TEST

START_TEST(longest_id_fits)
{
	struct sent message = good_message(1);
	struct porter_connection c;

	open_channel(SOCK_SEQPACKET);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	memset(message.rest, 'i', PORTER_ID_SIZE);
	message.header.id_length = PORTER_ID_SIZE;
	send_message(&message, sizeof(message.header) + PORTER_ID_SIZE, &null, 1);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	ck_assert_uint_eq(strlen(c.service), PORTER_ID_SIZE);
	ck_assert_uint_eq(strspn(c.service, "i"), PORTER_ID_SIZE);
	porter_done(channel[1], &c, 0, NULL);
	close(null);
	close_channel();
}

END_TEST

START_TEST(what_is_no_channel_is_told_apart)
{
	struct porter_connection c;

	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(porter_accept(null, &c), -ENOTSOCK);
	close(null);
	ck_assert_int_eq(porter_accept(null, &c), -EBADF);
	/* A client in the place of the channel is neither waited for nor believed. */
	open_channel(SOCK_STREAM);
	ck_assert_int_eq(porter_accept(channel[1], &c), -EPROTOTYPE);
	close(hand_over(1));
	ck_assert_int_eq(porter_accept(channel[1], &c), -EPROTOTYPE);
	close_channel();
	/* One that nobody is at the other end of. */
	int alone = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(porter_accept(alone, &c), -ENOTCONN);
	close(alone);
}

END_TEST

static volatile sig_atomic_t alarms;

static void
count_alarm(int number)
{
	(void)number;
	alarms++;
}

/* The third interruption brings the connection, so that there were some while nothing was there to receive. */
static void *
hand_over_after_alarms(void *arg)
{
	int *client = arg;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (alarms < 3)
		poll(NULL, 0, 1);
	*client = hand_over(1);
	return NULL;
}

START_TEST(signals_are_waited_through)
{
	struct sigaction on_alarm = { .sa_handler = count_alarm };
	struct itimerval often = { { 0, 5000 }, { 0, 5000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct porter_connection c;
	pthread_t thread;
	int client = -1;

	alarms = 0;
	open_channel(SOCK_SEQPACKET);
	/* The second time with a channel that does not block. */
	if (_i == 1)
		ck_assert_int_eq(fcntl(channel[1], F_SETFL, O_NONBLOCK), 0);
	sigaction(SIGALRM, &on_alarm, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, hand_over_after_alarms, &client), 0);
	setitimer(ITIMER_REAL, &often, NULL);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	setitimer(ITIMER_REAL, &never, NULL);
	pthread_join(thread, NULL);
	ck_assert_int_ge(alarms, 3);
	porter_done(channel[1], &c, 0, NULL);
	close(client);
	close_channel();
}

END_TEST

static void *
read_replies(void *arg)
{
	size_t *count = arg;

	/* Begins when the worker cannot send any more: its end is not writable then. */
	struct pollfd p = { .fd = channel[1], .events = POLLOUT };
	while (poll(&p, 1, 0) == 1)
		poll(NULL, 0, 1);
	while (next_reply(NULL).connection != 999)
		(*count)++;
	return NULL;
}

START_TEST(full_channel_is_waited_for)
{
	struct porter_connection c = { .fd = -1, .id = 1 };
	pthread_t thread;
	size_t count = 0;

	open_channel(SOCK_SEQPACKET);
	if (_i == 1)
		ck_assert_int_eq(fcntl(channel[1], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_replies, &count), 0);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(porter_done(channel[1], &c, 0, "result"), 0);
	c.id = 999;
	ck_assert_int_eq(porter_done(channel[1], &c, 0, NULL), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(count, 1000);
	close_channel();
}

END_TEST

START_TEST(long_results_are_cut)
{
	struct porter_connection c = { .fd = -1, .id = 1 };
	char text[600], result[PORTER_RESULT_SIZE + 1];

	open_channel(SOCK_SEQPACKET);
	memset(text, 'r', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(porter_done(channel[1], &c, -1, text), 0);
	struct porter_reply done = next_reply(result);
	ck_assert_uint_eq(done.result_length, PORTER_RESULT_SIZE);
	ck_assert_int_eq(done.status, -1);
	ck_assert_int_eq(strncmp(result, text, PORTER_RESULT_SIZE), 0);
	ck_assert_int_eq(porter_done(channel[1], &c, 0, ""), 0);
	ck_assert_uint_eq(next_reply(NULL).result_length, 0);
	close_channel();
}

END_TEST

START_TEST(client_sees_the_end_before_the_worker_is_free)
{
	struct porter_connection c;
	char byte;

	open_channel(SOCK_SEQPACKET);
	int client = hand_over(1);
	ck_assert_int_eq(porter_accept(channel[1], &c), 1);
	expect_reply(PORTER_TAKEN, 1);
	/* With its way back closed the report fails, and the client has its end all the same. */
	close(channel[0]);
	ck_assert_int_eq(porter_done(channel[1], &c, 0, NULL), -EPIPE);
	ck_assert_int_eq(recv(client, &byte, 1, MSG_DONTWAIT), 0);
	close(client);
	close(channel[1]);
}

END_TEST

struct served {
	unsigned count;
	bool closes;
};

static int
serve_socket(struct porter_connection *c, void *arg)
{
	struct served *s = arg;

	/* To clients that have left, too. */
	for (int i = 0; i < 3; i++)
		if (write(c->fd, "hello", 5) < 0)
			ck_assert_int_eq(errno, EPIPE);
	if (s->closes) {
		close(c->fd);
		c->fd = -1;
	}
	return (int)s->count++;
}

START_TEST(serve_calls_the_handler_for_each_connection)
{
	struct served served = { .closes = _i == 1 };
	struct sigaction now;
	char text[20];

	open_channel(SOCK_SEQPACKET);
	size_t before = count_descriptors();
	int first = hand_over(1), second = hand_over(2);
	close(hand_over(3));
	shutdown(channel[0], SHUT_WR);
	ck_assert_int_eq(porter_serve(channel[1], serve_socket, &served), 0);
	ck_assert_uint_eq(served.count, 3);
	ck_assert_int_eq(recv(first, text, sizeof(text), MSG_WAITALL), 15);
	ck_assert_int_eq(recv(second, text, sizeof(text), MSG_WAITALL), 15);
	close(first);
	close(second);
	for (uint64_t id = 1; id <= 3; id++) {
		expect_reply(PORTER_TAKEN, id);
		struct porter_reply done = next_reply(NULL);
		ck_assert_uint_eq(done.type, PORTER_DONE);
		ck_assert_uint_eq(done.connection, id);
		ck_assert_int_eq(done.status, (int)id - 1);
	}
	ck_assert_uint_eq(count_descriptors(), before);
	sigaction(SIGPIPE, NULL, &now);
	ck_assert(now.sa_handler == SIG_DFL);
	close_channel();
}

END_TEST

/* Has the number of the connection's descriptor for itself from the second one on. */
static int
serve_and_keep(struct porter_connection *c, void *arg)
{
	unsigned *count = arg;

	if (++*count < 2)
		return 0;
	close(c->fd);
	c->fd = -1;
	if (dup(0) < 0)
		_exit(102);
	return 0;
}

/* One number is free, then none: what finds no room is given back before it is out of the channel. */
START_TEST(h1_serving_at_the_limit_of_descriptors)
{
	int clients[3], status;

	if (suite_is_valgrind()) {
		test_skip(
		    "h1_serving_at_the_limit_of_descriptors", "valgrind does not keep the limit");
		return;
	}
	open_channel(SOCK_SEQPACKET);
	pid_t pid = fork();
	if (pid == 0) {
		unsigned count = 0;

		close(channel[0]);
		leave_descriptors(1);
		_exit(porter_serve(channel[1], serve_and_keep, &count) == 0 ? (int)count : 99);
	}
	close(channel[1]);
	for (unsigned i = 0; i < 3; i++)
		clients[i] = hand_over(i + 1);
	while (left_in_channel() > 0)
		sched_yield();
	for (uint64_t id = 1; id <= 2; id++) {
		expect_reply(PORTER_TAKEN, id);
		expect_reply(PORTER_DONE, id);
	}
	struct porter_reply r;
	ck_assert_int_eq(recv(channel[0], &r, sizeof(r), MSG_DONTWAIT | MSG_PEEK), sizeof(r));
	expect_reply(PORTER_NO_DESCRIPTOR, 3);
	shutdown(channel[0], SHUT_WR);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 2 << 8);
	for (unsigned i = 0; i < 3; i++)
		close(clients[i]);
	close(channel[0]);
}

END_TEST

/* It comes where one with a descriptor would have had room. */
START_TEST(serving_goes_on_after_a_message_without_a_descriptor)
{
	struct sent message = good_message(2);
	struct served served = { .closes = false };

	open_channel(SOCK_SEQPACKET);
	int first = hand_over(1);
	send_message(&message, GOOD_SIZE, NULL, 0);
	int third = hand_over(3);
	shutdown(channel[0], SHUT_WR);
	ck_assert_int_eq(porter_serve(channel[1], serve_socket, &served), 0);
	ck_assert_uint_eq(served.count, 2);
	expect_reply(PORTER_TAKEN, 1);
	expect_reply(PORTER_DONE, 1);
	expect_reply(PORTER_NO_DESCRIPTOR, 2);
	expect_reply(PORTER_TAKEN, 3);
	expect_reply(PORTER_DONE, 3);
	close(first);
	close(third);
	close_channel();
}

END_TEST

START_TEST(serve_says_what_went_wrong)
{
	open_channel(SOCK_SEQPACKET);
	ck_assert_int_eq(send(channel[0], "rubbish", 7, 0), 7);
	ck_assert_int_eq(porter_serve(channel[1], serve_socket, NULL), -EPROTO);
	ck_assert_int_eq(send(channel[0], "rubbish", 7, 0), 7);
	ck_assert_int_eq(porter_serve_stdio(channel[1], NULL, NULL), -EPROTO);
	close_channel();
	ck_assert_int_eq(porter_serve_stdio(channel[1], NULL, NULL), -EBADF);
}

END_TEST

static void
on_broken_pipe(int number)
{
	(void)number;
}

static int
serve_line(FILE *in, FILE *out, const struct porter_connection *c, void *arg)
{
	struct sigaction now;
	char line[80];

	sigaction(SIGPIPE, NULL, &now);
	ck_assert(now.sa_handler == (arg == NULL ? SIG_IGN : on_broken_pipe));
	ck_assert_int_eq(fcntl(fileno(in), F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fileno(out), F_GETFD), FD_CLOEXEC);
	if (fgets(line, sizeof(line), in) == NULL)
		return 9;
	/* Left in the buffer, and both streams left open. */
	fprintf(out, "%s %u: %s", c->service, (unsigned)c->id, line);
	return 0;
}

START_TEST(streams_are_flushed_and_closed)
{
	char text[40] = "";

	open_channel(SOCK_SEQPACKET);
	size_t before = count_descriptors();
	int first = hand_over(1), second = hand_over(2);
	ck_assert_int_eq(write(first, "one\n", 4), 4);
	/* The second client ends without a line. */
	shutdown(second, SHUT_WR);
	shutdown(channel[0], SHUT_WR);
	ck_assert_int_eq(porter_serve_stdio(channel[1], serve_line, NULL), 0);
	ck_assert_int_eq(recv(first, text, sizeof(text) - 1, MSG_WAITALL), 12);
	ck_assert_str_eq(text, "echo 1: one\n");
	ck_assert_int_eq(recv(second, text, sizeof(text), 0), 0);
	close(first);
	close(second);
	ck_assert_uint_eq(count_descriptors(), before);
	expect_reply(PORTER_TAKEN, 1);
	ck_assert_int_eq(next_reply(NULL).status, 0);
	expect_reply(PORTER_TAKEN, 2);
	ck_assert_int_eq(next_reply(NULL).status, 9);
	close_channel();
}

END_TEST

START_TEST(handling_of_broken_pipes_that_the_program_has_set_stays)
{
	struct sigaction own = { .sa_handler = on_broken_pipe }, now;

	sigaction(SIGPIPE, &own, NULL);
	open_channel(SOCK_SEQPACKET);
	int client = hand_over(1);
	shutdown(client, SHUT_WR);
	shutdown(channel[0], SHUT_WR);
	ck_assert_int_eq(porter_serve_stdio(channel[1], serve_line, &own), 0);
	sigaction(SIGPIPE, NULL, &now);
	ck_assert(now.sa_handler == on_broken_pipe);
	signal(SIGPIPE, SIG_DFL);
	close(client);
	close_channel();
}

END_TEST

START_TEST(no_connection_is_taken_without_a_descriptor_for_its_second_stream)
{
	static const int expected[] = { -EMFILE, 0, 0 };
	int status;

	if (suite_is_valgrind()) {
		test_skip("no_connection_is_taken_without_a_descriptor_for_its_second_stream",
		    "valgrind does not keep the limit");
		return;
	}
	open_channel(SOCK_SEQPACKET);
	int client = hand_over(1);
	ck_assert_int_eq(write(client, "one\n", 4), 4);
	shutdown(channel[0], SHUT_WR);
	pid_t pid = fork();
	if (pid == 0) {
		close_range(channel[1] + 1, ~0U, 0);
		leave_descriptors((rlim_t)_i);
		_exit(-porter_serve_stdio(channel[1], serve_line, NULL));
	}
	close(channel[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), -expected[_i]);
	if (_i == 1)
		expect_reply(PORTER_NO_DESCRIPTOR, 1);
	if (_i == 2) {
		expect_reply(PORTER_TAKEN, 1);
		ck_assert_int_eq(next_reply(NULL).status, 0);
	}
	char byte;
	/* What was not taken is still in the channel: the kernel says so. */
	ssize_t n = recv(channel[0], &byte, 1, 0);
	ck_assert(_i == 0 ? n < 0 && errno == ECONNRESET : n == 0);
	close(client);
	close(channel[0]);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(connection_arrives_is_acknowledged_served_and_reported),
		TEST(connection_is_acknowledged_by_taking_it_unless_the_daemon_asks),
		TEST(addresses_become_those_of_the_system),
		TEST(end_of_the_channel_ends_the_worker),
		TEST(connection_of_a_daemon_that_has_gone_is_served),
		TEST(replies_that_the_daemon_left_unread_are_no_error),
		TEST(h11_received_descriptor_is_closed_on_exec),
		TEST(message_without_a_descriptor_is_given_back),
		TEST(h1_worker_at_its_limit_of_descriptors_gives_the_connection_back),
		TEST(h1_serving_at_the_limit_of_descriptors),
		TEST(serving_goes_on_after_a_message_without_a_descriptor),
		TEST(further_descriptors_are_closed),
		TEST_LOOP(garbage_is_a_protocol_error_and_leaves_nothing_open, ARRAY_LEN(garbage)),
		TEST(messages_of_later_versions_are_passed_over),
		TEST(longest_id_fits),
		TEST(what_is_no_channel_is_told_apart),
		TEST_LOOP(signals_are_waited_through, 2),
		TEST_LOOP(full_channel_is_waited_for, 2),
		TEST(long_results_are_cut),
		TEST(client_sees_the_end_before_the_worker_is_free),
		TEST_LOOP(serve_calls_the_handler_for_each_connection, 2),
		TEST(serve_says_what_went_wrong),
		TEST(streams_are_flushed_and_closed),
		TEST(handling_of_broken_pipes_that_the_program_has_set_stays),
		TEST_LOOP(no_connection_is_taken_without_a_descriptor_for_its_second_stream, 3),
	};

	return run_suite("worker library", tests, ARRAY_LEN(tests));
}
