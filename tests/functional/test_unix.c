/* SPDX-License-Identifier: MIT */
/* Services behind unix sockets. */
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define SHOW "\tserver = @PROGRAMS@/show\n"

static int
connect_to(struct daemon *d, const char *name)
{
	int fd = connect_unix(text_format("%s/%s", d->dir, name));

	ck_assert_msg(fd >= 0, "%s: %s", name, strerror(-fd));
	return fd;
}

START_TEST(serves_a_unix_socket)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", SHOW "\tlisten = unix:@DIR@/x.sock\n");
	daemon_start(d);
	int fd = connect_to(d, "x.sock");
	const char *shown = read_all(fd);
	ck_assert_str_eq(show_value(shown, "env PROTO"), "UNIX");
	ck_assert_str_eq(show_value(shown, "env LOCAL_ADDR"), text_format("%s/x.sock", d->dir));
	ck_assert_str_eq(show_value(shown, "env SERVICE_ID"), "x");
	static const char *const absent[] = { "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_PORT",
		"LOCAL_PORT", "TCPREMOTEIP", "TCPLOCALIP", "TCPREMOTEPORT", "TCPLOCALPORT" };
	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		ck_assert_msg(
		    show_value(shown, text_format("env %s", absent[i])) == NULL, "%s", absent[i]);
	expect_line(d, "START: x pid=* from=unix");
	close(fd);
	daemon_stop(d);
	ck_assert(!path_exists(text_format("%s/x.sock", d->dir)));
}

END_TEST

START_TEST(mode_owner_and_group_are_set)
{
	struct daemon *d = daemon_new();
	struct stat st;

	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/x.sock\n\tlisten_mode = 0640\n");
	daemon_entry(d, "y", HOLD "\tlisten = unix:@DIR@/y.sock\n");
	if (is_root())
		daemon_entry(d, "z",
		    HOLD
		    "\tlisten = unix:@DIR@/z.sock\n\tlisten_owner = nobody\n\tlisten_group = daemon\n");
	daemon_start(d);
	ck_assert_int_eq(stat(text_format("%s/x.sock", d->dir), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(stat(text_format("%s/y.sock", d->dir), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0666);
	ck_assert_uint_eq(st.st_uid, geteuid());
	if (is_root()) {
		ck_assert_int_eq(stat(text_format("%s/z.sock", d->dir), &st), 0);
		ck_assert_uint_eq(st.st_uid, getpwnam("nobody")->pw_uid);
		ck_assert_uint_eq(st.st_gid, getgrnam("daemon")->gr_gid);
	} else {
		test_skip("mode_owner_and_group_are_set", "owner and group: not root");
	}
	daemon_stop(d);
}

END_TEST

static void
leave_dead_socket(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd);
}

START_TEST(socket_left_by_a_dead_daemon_is_replaced)
{
	struct daemon *d = daemon_new();

	leave_dead_socket(text_format("%s/x.sock", d->dir));
	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/x.sock\n");
	daemon_start(d);
	int fd = connect_to(d, "x.sock");
	expect_echo(fd, "alive");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(what_is_no_socket_or_is_in_use_is_left_alone)
{
	struct daemon *d = daemon_new();
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	write_file(text_format("%s/file", d->dir), 0644, "precious");
	strcpy(sa.sun_path, text_format("%s/used", d->dir));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/file\n");
	daemon_entry(d, "y", HOLD "\tlisten = unix:@DIR@/used\n");
	daemon_service(d, "z", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "event=bind-failed service=x address=unix:*place=\"*porterd.conf:");
	expect_line(d, "event=bind-failed service=y address=unix:");
	close(hold_open(d, "z"));
	daemon_stop(d);
	ck_assert_str_eq(read_file(text_format("%s/file", d->dir)), "precious");
	ck_assert(path_exists(text_format("%s/used", d->dir)));
	close(fd);
}

END_TEST

START_TEST(reload_does_not_touch_what_a_link_in_its_place_leads_to)
{
	struct daemon *d = daemon_new();
	const char *secret = text_format("%s/secret", d->dir);
	const char *path = text_format("%s/x.sock", d->dir);
	struct stat st;

	write_file(secret, 0600, "secret");
	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/x.sock\n");
	if (is_root())
		daemon_entry(
		    d, "y", HOLD "\tlisten = unix:@DIR@/y.sock\n\tlisten_owner = nobody\n");
	daemon_start(d);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(secret, path), 0);
	if (is_root()) {
		ck_assert_int_eq(unlink(text_format("%s/y.sock", d->dir)), 0);
		ck_assert_int_eq(symlink(secret, text_format("%s/y.sock", d->dir)), 0);
	}
	daemon_reload(d);
	expect_line(d, "event=listener-lost service=x address=unix:");
	expect_line(
	    d, "event=bind-failed service=x address=unix:*error=\"Address already in use\"");
	ck_assert_int_eq(stat(secret, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_eq(st.st_uid, geteuid());
	/* When the link is gone, the next reload puts it right. */
	ck_assert_int_eq(unlink(path), 0);
	daemon_reload(d);
	int fd = connect_to(d, "x.sock");
	expect_echo(fd, "alive");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(reload_makes_an_unlinked_path_again)
{
	struct daemon *d = daemon_new();
	const char *path = text_format("%s/x.sock", d->dir);

	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/x.sock\n");
	daemon_start(d);
	int before = connect_to(d, "x.sock");
	ask_pid(before);
	ck_assert_int_eq(unlink(path), 0);
	daemon_reload(d);
	int after = connect_to(d, "x.sock");
	expect_echo(after, "alive");
	expect_echo(before, "alive");
	expect_no_line(d, "event=bind-failed");
	/* The next one finds it as it should be. */
	daemon_mark(d);
	daemon_reload(d);
	expect_echo(after, "alive");
	expect_no_line(d, "event=listener-lost");
	close(before);
	close(after);
	daemon_stop(d);
	ck_assert(!path_exists(path));
}

END_TEST

START_TEST(unlinked_path_of_a_waiting_program_is_made_again)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x",
	    "\tserver = @PROGRAMS@/waiter\n\tserver_args = stream 2\n\twait = yes\n"
	    "\tlisten = unix:@DIR@/x.sock\n");
	daemon_start(d);
	pid_t pids[2];
	for (unsigned i = 0; i < 2; i++) {
		int fd = connect_to(d, "x.sock");

		send_text(fd, "hello\n");
		pids[i] = atoi(read_line(fd));
		close(fd);
		if (i > 0)
			break;
		/* It waits for its second client, who cannot come any more. */
		ck_assert_int_eq(unlink(text_format("%s/x.sock", d->dir)), 0);
		daemon_reload(d);
	}
	ck_assert_int_gt(pids[1], 0);
	ck_assert_int_ne(pids[0], pids[1]);
	daemon_stop(d);
}

END_TEST

START_TEST(client_that_waits_for_a_fork_is_served_after_the_path_is_made_again)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/x.sock\n");
	daemon_start(d);
	inject_fail(d, INJECT_FORK, EAGAIN, 1);
	int waiting = connect_to(d, "x.sock");
	expect_line(d, "event=fork-failed service=x");
	ck_assert_int_eq(unlink(text_format("%s/x.sock", d->dir)), 0);
	daemon_reload(d);
	int next = connect_to(d, "x.sock");
	expect_echo(waiting, "alive");
	expect_echo(next, "alive");
	close(waiting);
	close(next);
	daemon_stop(d);
}

END_TEST

START_TEST(socket_of_another_program_sees_no_client_of_ours)
{
	struct daemon *d = daemon_new();
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(sa.sun_path, text_format("%s/used", d->dir));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/used\n");
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "event=bind-failed service=x");
	daemon_reload(d);
	expect_lines(d, 2, "event=bind-failed service=x");
	daemon_stop(d);
	ck_assert_int_lt(accept(fd, NULL, NULL), 0);
	ck_assert_int_eq(errno, EAGAIN);
	close(fd);
}

END_TEST

START_TEST(limits_hold_for_unix_sockets_too)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/x.sock\n\tinstances = 1\n");
	daemon_start(d);
	int first = connect_to(d, "x.sock");
	ask_pid(first);
	int second = connect_to(d, "x.sock");
	expect_closed(second);
	expect_line(d, "FAIL: x service_limit from=unix");
	close(first);
	close(second);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(serves_a_unix_socket),
	TEST(mode_owner_and_group_are_set),
	TEST(socket_left_by_a_dead_daemon_is_replaced),
	TEST(what_is_no_socket_or_is_in_use_is_left_alone),
	TEST(reload_does_not_touch_what_a_link_in_its_place_leads_to),
	TEST(reload_makes_an_unlinked_path_again),
	TEST(unlinked_path_of_a_waiting_program_is_made_again),
	TEST(client_that_waits_for_a_fork_is_served_after_the_path_is_made_again),
	TEST(socket_of_another_program_sees_no_client_of_ours),
	TEST(limits_hold_for_unix_sockets_too),
};

int
main(void)
{
	return run_functional("unix", tests, ARRAY_LEN(tests));
}
