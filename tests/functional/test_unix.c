/* SPDX-License-Identifier: MIT */
/* Services behind unix sockets. */
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
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
	TEST(limits_hold_for_unix_sockets_too),
};

int
main(void)
{
	return run_functional("unix", tests, ARRAY_LEN(tests));
}
