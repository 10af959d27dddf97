/* SPDX-License-Identifier: MIT */
/* The control socket: whose it is, who may do what, and that no client holds up the daemon. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/control.h"

#define HOLD        "\tserver = @PROGRAMS@/hold\n"
/* Ids that no user and no group of the machine has. */
#define LOOKER_UID  54321
#define LOOKER_GID  54322
#define MOST        64
#define FOR_LOOKERS 56
/* Longer than the 10 s that a client has to go on. */
#define PATIENCE_MS 30000
#define HELLO       "{\"command\":\"hello\"}"

static struct daemon *
started(const char *defaults)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults {\n%s}\n", defaults);
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	return d;
}

/* Connected with the rights of another user. */
static int
connect_as(struct daemon *d, uid_t uid, gid_t gid, gid_t more)
{
	gid_t own = getegid();

	ck_assert_int_eq(setgroups(1, &more), 0);
	ck_assert_int_eq(setegid(gid), 0);
	ck_assert_int_eq(seteuid(uid), 0);
	int fd = connect_unix(control_path(d));
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(setegid(own), 0);
	ck_assert_int_eq(setgroups(0, NULL), 0);
	return fd;
}

static int
connect_looker(struct daemon *d)
{
	int fd = connect_as(d, LOOKER_UID, LOOKER_UID, LOOKER_GID);

	ck_assert_msg(fd >= 0, "%s", strerror(-fd));
	return fd;
}

static struct daemon *
started_for_lookers(void)
{
	return started(text_format("\tcontrol_group = %d\n", LOOKER_GID));
}

/* Closed, or reset because of what was sent too much; whatever came before is left out. */
static void
expect_end(int fd)
{
	int64_t deadline = now_ms() + PATIENCE_MS;
	char part[65536];
	ssize_t n;

	do {
		ck_assert_msg(wait_for(fd, POLLIN, deadline), "the client stays connected");
		n = recv(fd, part, sizeof(part), MSG_DONTWAIT);
	} while (n > 0 || (n < 0 && errno == EAGAIN));
	close(fd);
}

static void
expect_code(json_t *answer, const char *code)
{
	ck_assert(json_is_false(json_at(answer, "ok")));
	ck_assert_str_eq(json_text_at(answer, "error.code"), code);
	json_decref(answer);
}

static void
expect_role(int fd, const char *role)
{
	json_t *answer = control_request(fd, HELLO);

	ck_assert_str_eq(json_text_at(answer, "result.role"), role);
	json_decref(answer);
}

static void
expect_served(struct daemon *d)
{
	int fd = hold_open(d, "hold");

	expect_echo(fd, "still here");
	close(fd);
}

START_TEST(answers_have_id_version_and_protocol)
{
	struct daemon *d = started("");
	int fd = control_connect(d);
	json_t *answer =
	    control_request(fd, "{\"command\":\"hello\",\"id\":\"x7\",\"protocol\":1}");

	ck_assert(json_is_true(json_at(answer, "ok")));
	ck_assert_str_eq(json_text_at(answer, "id"), "x7");
	ck_assert_int_eq(json_number_at(answer, "protocol"), 1);
	ck_assert_str_eq(json_text_at(answer, "version"), VERSION);
	ck_assert_str_eq(json_text_at(answer, "result.role"), "admin");
	json_decref(answer);
	answer = control_request(fd, "{\"command\":\"fly\",\"id\":2}");
	ck_assert_int_eq(json_number_at(answer, "id"), 2);
	expect_code(answer, "unknown-command");
	answer = control_request(fd, HELLO);
	ck_assert_ptr_null(json_object_get(answer, "id"));
	json_decref(answer);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(requests_at_once_are_answered_in_order)
{
	struct daemon *d = started("");
	int fd = control_connect(d);

	for (int i = 0; i < 100; i++)
		send_text(fd, "{\"command\":\"hello\",\"id\":%d}\n", i);
	for (int i = 0; i < 100; i++) {
		json_t *answer = json_loads(read_line(fd), 0, NULL);

		ck_assert_int_eq(json_number_at(answer, "id"), i);
		json_decref(answer);
	}
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(one_who_has_closed_his_side_is_answered)
{
	struct daemon *d = started("");
	int fd = control_connect(d);

	send_text(fd, HELLO "\n" HELLO "\n");
	half_close(fd);
	ck_assert_ptr_nonnull(strstr(read_line(fd), "\"admin\""));
	ck_assert_ptr_nonnull(strstr(read_line(fd), "\"admin\""));
	expect_closed(fd);
	close(fd);
	daemon_stop(d);
}

END_TEST

static void
check_file(struct daemon *d, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	ck_assert_int_eq(lstat(control_path(d), &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, mode);
	ck_assert_uint_eq(st.st_uid, uid);
	ck_assert_uint_eq(st.st_gid, gid);
}

static void
clear_umask(struct daemon *d)
{
	(void)d;
	umask(0);
}

START_TEST(g1_the_socket_is_its_owners_alone)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD);
	d->before_exec = clear_umask;
	daemon_start(d);
	check_file(d, 0600, geteuid(), getegid());
	daemon_stop(d);
	ck_assert(!path_exists(control_path(d)));
}

END_TEST

START_TEST(g1_mode_owner_and_group_as_configured)
{
	struct daemon *d = started("\tcontrol_mode = 0640\n");

	check_file(d, 0640, geteuid(), getegid());
	if (is_root()) {
		int fd = control_connect(d);

		daemon_clear(d);
		daemon_add(d, "defaults {\n\tcontrol_owner = %d\n\tcontrol_group = %d\n}\n",
		    LOOKER_UID, LOOKER_GID);
		daemon_entry(d, "hold", HOLD);
		daemon_reload(d);
		check_file(d, 0660, LOOKER_UID, LOOKER_GID);
		expect_role(fd, "admin");
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

START_TEST(a_group_or_owner_that_is_not_there_is_said)
{
	struct daemon *d =
	    started("\tcontrol_group = no-such-group\n\tcontrol_owner = no-such-user\n");

	expect_line(d, "*/porterd.conf:2:18: error: there is no group no-such-group");
	expect_line(d, "*/porterd.conf:3:18: error: there is no user no-such-user");
	expect_served(d);
	daemon_stop(d);
}

END_TEST

START_TEST(g1_a_stale_socket_is_replaced)
{
	struct daemon *d = daemon_new();
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", control_path(d));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	json_decref(control_ask(d, HELLO));
	daemon_stop(d);
}

END_TEST

START_TEST(g1_a_living_socket_is_left_alone)
{
	struct daemon *d = daemon_new();
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", control_path(d));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "*event=control-failed path=*/run/control error=*");
	expect_served(d);
	daemon_stop(d);
	int client = connect_unix(control_path(d));
	ck_assert_int_ge(client, 0);
	close(client);
	close(fd);
}

END_TEST

START_TEST(g1_what_is_no_socket_is_left_alone)
{
	static const char *const kinds[] = { "file", "link", "directory" };
	struct daemon *d = daemon_new();
	const char *path = control_path(d), *target = text_format("%s/target", d->dir);
	struct stat st;

	write_file(target, 0644, "mine\n");
	if (_i == 0)
		write_file(path, 0644, "mine\n");
	else if (_i == 1)
		ck_assert_int_eq(symlink(target, path), 0);
	else
		ck_assert_int_eq(mkdir(path, 0755), 0);
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "*event=control-failed*");
	expect_served(d);
	daemon_stop(d);
	ck_assert_msg(lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode), "%s", kinds[_i]);
	ck_assert_str_eq(read_file(target), "mine\n");
}

END_TEST

START_TEST(a_socket_that_was_removed_is_made_anew_by_a_reload)
{
	struct daemon *d = started("");
	int fd = control_connect(d);

	expect_role(fd, "admin");
	ck_assert_int_eq(unlink(control_path(d)), 0);
	daemon_reload(d);
	json_decref(control_ask(d, HELLO));
	expect_role(fd, "admin");
	close(fd);
	daemon_stop(d);
	ck_assert(!path_exists(control_path(d)));
}

END_TEST

START_TEST(control_names_another_path_or_none)
{
	struct daemon *d = daemon_new();
	const char *path = text_format("%s/other", d->dir);

	daemon_arg(d, "--control");
	daemon_arg(d, _i == 0 ? path : "none");
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	expect_served(d);
	ck_assert(!path_exists(control_path(d)));
	ck_assert_int_eq(path_exists(path), _i == 0);
	daemon_stop(d);
}

END_TEST

START_TEST(g2_a_looker_may_change_nothing)
{
	static const char *const changing[] = { "reload", "enable", "disable", "drain", "kill",
		"set", "ban", "unban", "run", "upgrade", "stop" };

	if (!is_root())
		return;
	struct daemon *d = started_for_lookers();
	int fd = connect_looker(d);

	expect_role(fd, "look");
	for (size_t i = 0; i < ARRAY_LEN(changing); i++) {
		const char *name = changing[i];

		expect_code(control_request(
				fd, "{\"command\":\"%s\",\"service\":\"hold\",\"now\":true}", name),
		    "forbidden");
		expect_line(d, "*event=control-denied uid=%d pid=%d command=%s *", LOOKER_UID,
		    (int)getpid(), name);
	}
	expect_role(fd, "look");
	close(fd);
	expect_served(d);
	daemon_stop(d);
}

END_TEST

START_TEST(g2_the_owner_may_look)
{
	if (!is_root())
		return;
	struct daemon *d = started(text_format("\tcontrol_owner = %d\n", LOOKER_UID));
	int fd = connect_as(d, LOOKER_UID, LOOKER_UID, LOOKER_UID);

	ck_assert_int_ge(fd, 0);
	expect_role(fd, "look");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(g2_a_stranger_is_told_and_closed)
{
	if (!is_root())
		return;
	struct daemon *d = started("\tcontrol_mode = 0666\n");
	int fd = connect_as(d, LOOKER_UID, LOOKER_UID, LOOKER_GID);

	ck_assert_int_ge(fd, 0);
	json_t *answer = json_loads(read_line(fd), 0, NULL);
	expect_code(answer, "forbidden");
	expect_closed(fd);
	close(fd);
	expect_line(d, "*event=control-denied uid=%d *", LOOKER_UID);
	daemon_stop(d);
}

END_TEST

START_TEST(g2_others_cannot_connect)
{
	if (!is_root())
		return;
	struct daemon *d = started_for_lookers();

	ck_assert_int_eq(connect_as(d, LOOKER_UID, LOOKER_UID, LOOKER_UID), -EACCES);
	daemon_stop(d);
}

END_TEST

START_TEST(rights_that_were_lowered_stay_low)
{
	struct daemon *d = started("");
	int fd = control_connect(d);
	json_t *answer = control_request(fd, "{\"command\":\"lower\"}");

	ck_assert(json_is_true(json_at(answer, "ok")));
	json_decref(answer);
	expect_role(fd, "look");
	expect_code(control_request(fd, "{\"command\":\"stop\"}"), "forbidden");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(what_changes_something_is_logged)
{
	struct daemon *d = started("");
	int fd = control_connect(d);

	json_decref(control_request(
	    fd, "{\"command\":\"kill\",\"service\":\"no\\nsuch\",\"pid\":1,\"signal\":\"URG\"}"));
	expect_line(d,
	    "*event=control uid=%d pid=%d command=kill service=\"no\\x0asuch\" "
	    "target-pid=1 signal=URG",
	    (int)getuid(), (int)getpid());
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Sends until the daemon takes no more for the moment, or at most so much. */
static size_t
pour(int fd, const char *bytes, size_t len, size_t most)
{
	size_t sum = 0;

	while (sum < most) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			break;
		sum += (size_t)n;
	}
	return sum;
}

/* More than any line may have, as fast as it is taken, until the daemon closes. */
static void
send_endless_line(struct daemon *d)
{
	static char block[65536];
	int fd = control_connect(d);
	int64_t deadline = deadline_after();
	size_t sum = 0;
	ssize_t n;

	memset(block, 'x', sizeof(block));
	while ((n = send(fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0 ||
	       (n < 0 && errno == EAGAIN)) {
		sum += n > 0 ? (size_t)n : 0;
		ck_assert_msg(sum < 1 << 30 && now_ms() < deadline, "a gigabyte is taken");
		if (n < 0)
			wait_for(fd, POLLOUT, deadline);
	}
	json_t *answer = json_loads(read_line(fd), 0, NULL);
	expect_code(answer, "bad-request");
	expect_end(fd);
}

START_TEST(g3_a_line_has_an_end)
{
	struct daemon *d = started("");
	long before = daemon_rss_kb(d);

	send_endless_line(d);
	send_endless_line(d);
	if (!is_slow())
		ck_assert_int_lt(daemon_rss_kb(d) - before, 4096);
	expect_served(d);
	daemon_stop(d);
}

END_TEST

START_TEST(g3_the_longest_line_is_a_request)
{
	struct daemon *d = started("");
	int fd = control_connect(d);
	static char text[65536];
	int n = snprintf(text, sizeof(text), "%s", "{\"command\":\"hello\",\"id\":\"");

	memset(text + n, 'y', sizeof(text) - (size_t)n);
	memcpy(text + sizeof(text) - 3, "\"}", 3);
	json_t *answer = control_request(fd, "%s", text); /* 65535 bytes and the newline */
	ck_assert(json_is_true(json_at(answer, "ok")));
	json_decref(answer);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(g3_garbage_is_refused_and_the_connection_goes_on)
{
	static const char *const lines[] = { "", "\r", "GET / HTTP/1.0\r", "{", "[]", "null", "\"",
		"{\"command\":1}", "\x01\x02\xff\xfe\x80", "{\"command\":\"hello\"}}",
		"{\"command\":\"hello\",\"x\":1}", "{\"command\":\"show\"}" };
	struct daemon *d = started("");
	int fd = control_connect(d);

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		expect_code(control_request(fd, "%s", lines[i]), "bad-request");
	send_text(fd, "%c%c\n", 0, 0);
	expect_code(json_loads(read_line(fd), 0, NULL), "bad-request");
	expect_code(control_request(fd, "{\"command\":\"hello\",\"protocol\":9}"), "protocol");
	expect_role(fd, "admin");
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Asks and never reads, until nothing more is taken. */
static int
ask_without_reading(struct daemon *d)
{
	int fd = control_connect(d);
	const char *line = HELLO "\n";

	while (wait_for(fd, POLLOUT, now_ms() + 200) && pour(fd, line, strlen(line), 1 << 20) > 0)
		;
	return fd;
}

START_TEST(g3_g4_who_does_not_go_on_is_closed_after_a_time)
{
	struct daemon *d = started("");
	unsigned before = daemon_fds(d);
	int half = control_connect(d), silent = control_connect(d), asked = control_connect(d);

	expect_role(asked, "admin");
	send_text(half, "{\"command\":");
	int deaf = ask_without_reading(d);
	int64_t begin = now_ms();
	expect_served(d);
	ck_assert(wait_for(half, POLLIN, now_ms() + PATIENCE_MS));
	expect_code(json_loads(read_line(half), 0, NULL), "bad-request");
	expect_end(half);
	while (count_lines(d, "*event=control-dropped *") == 0)
		ck_assert_int_lt(now_ms(), begin + PATIENCE_MS);
	expect_end(deaf);
	expect_role(asked, "admin");
	ck_assert(is_silent(silent));
	close(asked);
	close(silent);
	daemon_idle(d);
	ck_assert_uint_eq(daemon_fds(d), before);
	daemon_stop(d);
}

END_TEST

START_TEST(g4_clients_that_never_read_take_little_memory)
{
	struct daemon *d = started("");
	long before = daemon_rss_kb(d);
	int fds[MOST];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = -1;
	for (size_t i = 0; i < 20; i++)
		fds[i] = ask_without_reading(d);
	expect_served(d);
	if (!is_slow())
		ck_assert_int_lt(daemon_rss_kb(d) - before, 16384);
	for (size_t i = 0; i < 20; i++)
		close(fds[i]);
	json_decref(control_ask(d, HELLO));
	daemon_stop(d);
}

END_TEST

START_TEST(g3_the_number_of_clients_is_bounded)
{
	struct daemon *d = started("");
	unsigned before = daemon_fds(d), busy = 0;
	int fds[200];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = control_connect(d);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		json_t *answer;

		if (i < MOST)
			expect_role(fds[i], "admin");
		else {
			answer = json_loads(read_line(fds[i]), 0, NULL);
			expect_code(answer, "busy");
			busy++;
		}
	}
	ck_assert_uint_eq(busy, ARRAY_LEN(fds) - MOST);
	ck_assert_uint_eq(daemon_fds(d), before + MOST);
	expect_served(d);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	daemon_idle(d);
	ck_assert_uint_eq(daemon_fds(d), before);
	json_decref(control_ask(d, HELLO));
	daemon_stop(d);
}

END_TEST

START_TEST(g3_lookers_leave_room_for_admins)
{
	if (!is_root())
		return;
	struct daemon *d = started_for_lookers();
	int fds[FOR_LOOKERS + 4];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = connect_looker(d);
	for (size_t i = 0; i < FOR_LOOKERS; i++)
		expect_role(fds[i], "look");
	for (size_t i = FOR_LOOKERS; i < ARRAY_LEN(fds); i++)
		expect_code(json_loads(read_line(fds[i]), 0, NULL), "busy");
	json_decref(control_ask(d, HELLO));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	daemon_stop(d);
}

END_TEST

/* A line with descriptors: so many that all of them are the same file. */
static void
send_with_descriptors(int fd, const char *line, size_t count, int what)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(253 * sizeof(int))];
	} control;
	struct iovec part = { .iov_base = strdup(line), .iov_len = strlen(line) };
	struct msghdr h = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *m = CMSG_FIRSTHDR(&h);

	ck_assert_ptr_nonnull(m);
	m->cmsg_level = SOL_SOCKET;
	m->cmsg_type = SCM_RIGHTS;
	m->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(m) + i * sizeof(int), &what, sizeof(what));
	ck_assert_int_eq(sendmsg(fd, &h, MSG_NOSIGNAL), (ssize_t)part.iov_len);
	free(part.iov_base);
}

/* Of a pipe whose other end the daemon got. */
static void
expect_eof(int fd)
{
	char byte;

	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	ck_assert_int_eq(read(fd, &byte, 1), 0);
}

START_TEST(g6_descriptors_that_nobody_asked_for_are_closed)
{
	static const size_t counts[] = { 1, 2, 3, 253 };
	struct daemon *d = started("");
	unsigned before = daemon_fds(d);
	int fd = control_connect(d), pipes[2];

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
		send_with_descriptors(fd, HELLO "\n", counts[i], pipes[1]);
		close(pipes[1]);
		expect_code(json_loads(read_line(fd), 0, NULL), "bad-request");
		expect_eof(pipes[0]);
		close(pipes[0]);
	}
	/* With a line that is never completed. */
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	send_with_descriptors(fd, "{", 2, pipes[1]);
	close(pipes[1]);
	close(fd);
	expect_eof(pipes[0]);
	close(pipes[0]);
	daemon_idle(d);
	ck_assert_uint_eq(daemon_fds(d), before);
	daemon_stop(d);
}

END_TEST

START_TEST(g6_a_looker_who_sends_descriptors_is_closed)
{
	if (!is_root())
		return;
	struct daemon *d = started_for_lookers();
	unsigned before = daemon_fds(d);
	int fd = connect_looker(d), pipes[2];

	d->leaves_children = true; /* what is in the queue is closed by another process */
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	send_with_descriptors(fd, HELLO "\n", 2, pipes[1]);
	close(pipes[1]);
	expect_code(json_loads(read_line(fd), 0, NULL), "forbidden");
	expect_end(fd);
	expect_eof(pipes[0]);
	close(pipes[0]);
	daemon_idle(d);
	ck_assert_uint_eq(daemon_fds(d), before);
	daemon_stop(d);
}

END_TEST

START_TEST(g6_run_needs_its_descriptors)
{
	struct daemon *d = started("");
	int fd = control_connect(d);

	expect_code(
	    control_request(fd, "{\"command\":\"run\",\"service\":\"hold\"}"), "bad-request");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(g6_clients_that_die_at_any_time_leave_nothing)
{
	static const char *const texts[] = { "", "{", HELLO, HELLO "\n", HELLO "\n{",
		HELLO "\n" HELLO "\n" HELLO "\n" };
	struct daemon *d = started("");
	unsigned before = daemon_fds(d);

	for (unsigned i = 0; i < 300; i++) {
		int fd = control_connect(d);

		const char *text = texts[i % ARRAY_LEN(texts)];

		/* There may be too many of them at the moment. */
		(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
		close(fd);
	}
	expect_served(d);
	/* Between two turns it rests. */
	for (int64_t deadline = now_ms() + PATIENCE_MS; daemon_fds(d) != before;)
		ck_assert_int_lt(now_ms(), deadline);
	daemon_stop(d);
}

END_TEST

START_TEST(services_are_served_while_clients_are_hostile)
{
	static char block[65536];
	struct daemon *d = started("");
	int fds[40];
	pid_t flood = fork();

	if (flood == 0) {
		for (;;) {
			int fd = connect_unix(control_path(d));

			(void)!send(fd, HELLO "\n", sizeof(HELLO), MSG_NOSIGNAL);
			close(fd);
		}
	}
	memset(block, '{', sizeof(block));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = connect_unix(control_path(d));
	for (unsigned round = 0; round < 20; round++) {
		for (size_t i = 0; i < ARRAY_LEN(fds); i++)
			if (fds[i] >= 0)
				pour(fds[i], i % 2 == 0 ? block : HELLO "\n",
				    i % 2 == 0 ? sizeof(block) : sizeof(HELLO), 1 << 20);
		expect_served(d);
	}
	kill(flood, SIGKILL);
	waitpid(flood, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	daemon_stop(d);
}

END_TEST

/* Until an event of the trace speaks of this connection. */
static void
expect_traced(int stream, unsigned connection)
{
	for (;;) {
		json_t *event = control_event(stream);
		bool is_found = strcmp(json_text_at(event, "event"), "line") == 0 &&
				strcmp(json_text_at(event, "kind"), "trace") == 0 &&
				json_number_at(event, "connection") == (json_int_t)connection;

		json_decref(event);
		if (is_found)
			return;
	}
}

START_TEST(a_trace_goes_on_over_reloads)
{
	struct daemon *d = started("");
	int stream = control_connect(d);
	json_t *answer = control_request(stream, "{\"command\":\"trace\",\"service\":\"hold\"}");

	ck_assert(json_is_true(json_at(answer, "ok")));
	json_decref(answer);
	expect_served(d);
	expect_traced(stream, 1);
	/* The service goes, and comes again as another one. */
	daemon_clear(d);
	daemon_entry(d, "echo-x", "\tserver = @PROGRAMS@/hold\n\tlisten = @ADDR@:7777\n");
	daemon_reload(d);
	daemon_clear(d);
	daemon_entry(d, "hold", "\tserver = @PROGRAMS@/hold\n\tlisten = @ADDR@:7777\n");
	daemon_reload(d);
	int fd = connect_address(own_address(0), 7777);
	ck_assert_int_ge(fd, 0);
	expect_echo(fd, "after");
	close(fd);
	expect_traced(stream, 2);
	close(stream);
	daemon_stop(d);
}

END_TEST

START_TEST(g4_a_stream_that_is_not_read_takes_little_memory)
{
	struct daemon *d = started("");
	int fds[20];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = control_connect(d);
		json_decref(control_request(fds[i], "{\"command\":\"logs\",\"follow\":true,"
						    "\"lines\":0}"));
	}
	long before = daemon_rss_kb(d);
	int writer = control_connect(d);
	/* Each of these is a line of the log. */
	for (unsigned i = 0; i < 5000; i++)
		json_decref(control_request(writer, "{\"command\":\"unban\",\"address\":"
						    "\"192.0.2.1\"}"));
	if (!is_slow())
		ck_assert_int_lt(daemon_rss_kb(d) - before, 16384);
	expect_served(d);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	close(writer);
	daemon_stop(d);
}

END_TEST

START_TEST(an_end_of_the_daemon_is_the_end_of_the_connection)
{
	struct daemon *d = started("");
	int fd = control_connect(d);

	expect_role(fd, "admin");
	daemon_stop(d);
	expect_closed(fd);
	close(fd);
	ck_assert(!path_exists(control_path(d)));
}

END_TEST

static unsigned
close_answered(int fds[FOR_LOOKERS])
{
	unsigned answered = 0;

	for (size_t i = 0; i < FOR_LOOKERS; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN };

		answered += poll(&p, 1, 0) > 0;
		close(fds[i]);
	}
	return answered;
}

START_TEST(lookers_are_attended_to_one_by_one_and_after_admins)
{
	if (!is_root())
		return;
	struct daemon *d = started_for_lookers();
	int lookers[FOR_LOOKERS], fd = control_connect(d);

	expect_role(fd, "admin");
	for (size_t i = 0; i < FOR_LOOKERS; i++) {
		lookers[i] = connect_looker(d);
		expect_role(lookers[i], "look");
	}
	kill(d->pid, SIGSTOP);
	for (size_t i = 0; i < FOR_LOOKERS; i++)
		send_text(lookers[i], "{\"command\":\"show\",\"service\":\"hold\"}\n");
	send_text(fd, HELLO "\n");
	kill(d->pid, SIGCONT);
	json_decref(json_loads(read_line(fd), 0, NULL));
	kill(d->pid, SIGSTOP);
	ck_assert_uint_lt(close_answered(lookers), FOR_LOOKERS / 2);
	kill(d->pid, SIGCONT);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(a_looker_does_not_keep_admins_from_loading)
{
	if (!is_root())
		return;
	struct daemon *d = started_for_lookers();
	int looker = connect_looker(d), fd = control_connect(d);
	json_t *answer;

	expect_role(looker, "look");
	expect_role(fd, "admin");
	kill(d->pid, SIGSTOP);
	send_text(looker, "{\"command\":\"diff\"}\n");
	send_text(fd, "{\"command\":\"reload\",\"dry_run\":true}\n");
	kill(d->pid, SIGCONT);
	answer = json_loads(read_line(fd), 0, NULL);
	ck_assert(json_is_true(json_at(answer, "ok")));
	json_decref(answer);
	/* His is done, or had to yield. */
	answer = json_loads(read_line(looker), 0, NULL);
	if (json_is_false(json_at(answer, "ok")))
		ck_assert_str_eq(json_text_at(answer, "error.code"), "busy");
	json_decref(answer);
	close(looker);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Of the one service that is there. */
static const char *
shown_env(int fd, const char *command, const char *list)
{
	json_t *answer = control_request(fd, "%s", command), *one;
	static char text[256];
	size_t i;

	json_array_foreach(json_at(answer, list), i, one)
		if (strcmp(json_text_at(one, "name"), "env") == 0)
			snprintf(text, sizeof(text), "%s",
			    json_text_at(one, strstr(command, "show") ? "value" : "new"));
	json_decref(answer);
	return text;
}

START_TEST(lookers_are_not_told_what_may_be_passwords)
{
	static const char show[] = "{\"command\":\"show\",\"service\":\"hold\"}";
	static const char diff[] = "{\"command\":\"diff\"}";

	if (!is_root())
		return;
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults {\n\tcontrol_group = %d\n}\n", LOOKER_GID);
	daemon_service(d, "hold", "tcp", HOLD "\tenv = PASSWORD=old\n");
	daemon_start(d);
	int looker = connect_looker(d), fd = control_connect(d);

	memcpy(strstr(d->conf, "=old"), "=new", 4);
	daemon_write(d);
	ck_assert_str_eq(shown_env(looker, show, "result.services.0.attributes"), "(hidden)");
	ck_assert_str_eq(shown_env(looker, diff, "result.changed.0.attributes"), "(hidden)");
	ck_assert_ptr_nonnull(
	    strstr(shown_env(fd, show, "result.services.0.attributes"), "PASSWORD=old"));
	ck_assert_ptr_nonnull(
	    strstr(shown_env(fd, diff, "result.changed.0.attributes"), "PASSWORD=new"));
	close(looker);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(g3_lowered_clients_leave_room_for_admins)
{
	struct daemon *d = started("");
	int fds[MOST];

	for (size_t i = 0; i < MOST; i++) {
		fds[i] = control_connect(d);
		expect_role(fds[i], "admin");
	}
	for (size_t i = 0; i < FOR_LOOKERS; i++)
		json_decref(control_request(fds[i], "{\"command\":\"lower\"}"));
	expect_role(fds[FOR_LOOKERS - 1], "look");
	expect_code(control_request(fds[FOR_LOOKERS], "{\"command\":\"lower\"}"), "busy");
	expect_role(fds[FOR_LOOKERS], "admin");
	for (size_t i = 0; i < MOST; i++)
		close(fds[i]);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(answers_have_id_version_and_protocol),
	TEST(requests_at_once_are_answered_in_order),
	TEST(one_who_has_closed_his_side_is_answered),
	TEST(g1_the_socket_is_its_owners_alone),
	TEST(g1_mode_owner_and_group_as_configured),
	TEST(a_group_or_owner_that_is_not_there_is_said),
	TEST(g1_a_stale_socket_is_replaced),
	TEST(g1_a_living_socket_is_left_alone),
	TEST_LOOP(g1_what_is_no_socket_is_left_alone, 3),
	TEST(a_socket_that_was_removed_is_made_anew_by_a_reload),
	TEST_LOOP(control_names_another_path_or_none, 2),
	TEST(g2_a_looker_may_change_nothing),
	TEST(g2_the_owner_may_look),
	TEST(g2_a_stranger_is_told_and_closed),
	TEST(g2_others_cannot_connect),
	TEST(rights_that_were_lowered_stay_low),
	TEST(what_changes_something_is_logged),
	TEST(g3_a_line_has_an_end),
	TEST(g3_the_longest_line_is_a_request),
	TEST(g3_garbage_is_refused_and_the_connection_goes_on),
	TEST(g3_g4_who_does_not_go_on_is_closed_after_a_time),
	TEST(g4_clients_that_never_read_take_little_memory),
	TEST(g3_the_number_of_clients_is_bounded),
	TEST(g3_lookers_leave_room_for_admins),
	TEST(g6_descriptors_that_nobody_asked_for_are_closed),
	TEST(g6_a_looker_who_sends_descriptors_is_closed),
	TEST(g6_run_needs_its_descriptors),
	TEST(g6_clients_that_die_at_any_time_leave_nothing),
	TEST(services_are_served_while_clients_are_hostile),
	TEST(lookers_are_attended_to_one_by_one_and_after_admins),
	TEST(a_looker_does_not_keep_admins_from_loading),
	TEST(lookers_are_not_told_what_may_be_passwords),
	TEST(g3_lowered_clients_leave_room_for_admins),
	TEST(a_trace_goes_on_over_reloads),
	TEST(g4_a_stream_that_is_not_read_takes_little_memory),
	TEST(an_end_of_the_daemon_is_the_end_of_the_connection),
};

int
main(void)
{
	return run_functional("control", tests, ARRAY_LEN(tests));
}
