/* SPDX-License-Identifier: MIT */
/* In the background: what the starting command waits for and says, the pid file, the lock; and as process 1. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define LOGS \
 "defaults\n{\n\tlog_type = FILE @DIR@/activity.log\n\tdaemon_log = FILE @DIR@/error.log\n}\n"

static void
start_in_background(struct daemon *d)
{
	const char *output;
	int status = daemon_background(d, &output);

	ck_assert_msg(status == 0, "status %d: %s", status, output);
}

static int
connect_own(void)
{
	int fd = connect_address(own_address(0), 3600);

	ck_assert_msg(fd >= 0, "%s", strerror(-fd));
	return fd;
}

START_TEST(starting_command_returns_when_the_listeners_are_bound)
{
	struct daemon *d = daemon_new();
	const char *output;

	daemon_add(d, LOGS);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	ck_assert_int_eq(daemon_background(d, &output), 0);
	ck_assert_msg(
	    strstr(output, "error") == NULL && strstr(output, "warning") == NULL, "%s", output);
	int fd = connect_own();
	expect_echo(fd, "at once");
	close(fd);
	daemon_stop(d);
	ck_assert(!path_exists(text_format("%s/run/pid", d->dir)));
}

END_TEST

START_TEST(background_process_has_left_everything_behind)
{
	struct daemon *d = daemon_new();
	char target[256];

	daemon_add(d, LOGS);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	umask(0);
	start_in_background(d);
	for (int fd = 0; fd <= 2; fd++) {
		ssize_t n = readlink(
		    text_format("/proc/%d/fd/%d", (int)d->pid, fd), target, sizeof(target) - 1);

		ck_assert_int_gt(n, 0);
		target[n] = '\0';
		ck_assert_str_eq(target, "/dev/null");
	}
	ssize_t n = readlink(text_format("/proc/%d/cwd", (int)d->pid), target, sizeof(target) - 1);
	ck_assert_int_gt(n, 0);
	target[n] = '\0';
	ck_assert_str_eq(target, "/");
	ck_assert_int_ne(getsid(d->pid), getsid(0));
	ck_assert_int_ne(getpgid(d->pid), getpgrp());
	ck_assert_str_eq(process_status(d->pid, "Umask"), "0022");
	struct stat st;
	ck_assert_int_eq(stat(text_format("%s/run/pid", d->dir), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777 & 022, 0);
	daemon_stop(d);
}

END_TEST

/* The sentence about the two logs: a START in one, a failed exec and a failed bind in the other. */
START_TEST(start_in_one_log_failed_exec_and_bind_with_their_place_in_the_other)
{
	struct daemon *d = daemon_new();
	const char *output;
	int taken = listen_at(own_address(1), 3602);

	copy_file(PROGRAM("hold"), text_format("%s/hold", d->dir), 0755);
	daemon_add(d, LOGS);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_entry(d, "gone", "\tserver = @DIR@/hold\n\tlisten = @ADDR@:3601\n");
	daemon_add(d,
	    "service taken\n{\n\ttype = UNLISTED\n\twait = no\n\tuser = @USER@\n" HOLD
	    "\tlisten = @ADDR2@:%u\n}\n",
	    3602);
	/* Line 27 or so, column 11. */
	ck_assert_int_eq(daemon_background(d, &output), 0);
	/* Named on the terminal too. */
	ck_assert_msg(
	    strstr(output, "taken") != NULL || strstr(output, "3602") != NULL, "%s", output);
	unlink(text_format("%s/hold", d->dir));
	int fd = connect_own(), gone = connect_address(own_address(0), 3601);
	expect_echo(fd, "hello");
	expect_closed(gone);
	close(fd);
	close(gone);
	daemon_stop(d);
	const char *text = read_file(text_format("%s/activity.log", d->dir));
	ck_assert_ptr_nonnull(strstr(text, "START: x pid="));
	ck_assert_ptr_nonnull(strstr(text, "FAIL: gone exec"));
	text = read_file(text_format("%s/error.log", d->dir));
	ck_assert_ptr_nonnull(strstr(text, "event=start-failed service=gone step=exec"));
	const char *bind_failed = strstr(text, "event=bind-failed service=taken");
	ck_assert_ptr_nonnull(bind_failed);
	unsigned line = 1, wanted = 0;
	for (const char *c = d->conf; *c != '\0'; c++) {
		if (strncmp(c, own_address(1), strlen(own_address(1))) == 0)
			wanted = line;
		line += *c == '\n';
	}
	const char *place = text_format("%s:%u:", d->conf_path, wanted);
	ck_assert_msg(strstr(bind_failed, place) != NULL, "no %s in %s", place, bind_failed);
	close(taken);
}

END_TEST

START_TEST(status_1_and_the_reasons_when_nothing_can_be_served)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "service x\n{\n\ttype = UNLISTED\n\tprotocol = tcp\n\twait = no\n\tport = 70000\n\tuser = @USER@\n"
		  "\tserver = /bin/cat\n}\n",
		    "70000" },
		{ "service x\n{\n", "porterd.conf:" },
		{ "service x\n{\n\ttype = UNLISTED\n\twait = no\n\tlisten = @ADDR@:3600\n\tuser = @USER@\n"
		  "\tserver = /nonexistent/program\n}\n",
		    "/nonexistent/program" },
	};
	struct daemon *d = daemon_new();
	const char *output;

	daemon_add(d, "%s", cases[_i].text);
	ck_assert_int_eq(daemon_background(d, &output), 1);
	ck_assert_msg(strstr(output, cases[_i].reason) != NULL, "%s", output);
	ck_assert(!path_exists(text_format("%s/run/pid", d->dir)) ||
		  read_file(text_format("%s/run/pid", d->dir))[0] == '\0');
	daemon_closed(d);
}

END_TEST

START_TEST(foreground_gives_the_same_status)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "service x\n{\n\ttype = UNLISTED\n\tport = 70000\n}\n");
	daemon_spawn(d);
	ck_assert_int_eq(daemon_wait(d), 1);
	expect_line(d, "porterd.conf:*70000");
	daemon_closed(d);
}

END_TEST

START_TEST(no_service_configured_stays_up)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults\n{\n\tinstances = 5\n}\n");
	daemon_start(d);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_reload(d);
	int fd = connect_own();
	expect_echo(fd, "now there is one");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(address_that_becomes_free_is_taken)
{
	struct daemon *d = daemon_new();
	int taken = listen_at(own_address(0), 3600);

	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600 @ADDR2@:3600\n");
	daemon_start(d);
	expect_line(d,
	    "event=bind-failed service=x address=tcp:%s:3600 place=\"%s:", own_address(0),
	    d->conf_path);
	int fd = connect_address(own_address(1), 3600);
	expect_echo(fd, "the other address works");
	close(fd);
	close(taken);
	expect_line(d, "event=listening service=x address=tcp:%s:3600", own_address(0));
	fd = connect_own();
	expect_echo(fd, "and now this one");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(f2_second_instance_is_refused_by_the_lock)
{
	struct daemon *d = daemon_new(), *second = daemon_new();
	const char *output;

	daemon_add(d, LOGS);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600 unix:@DIR@/x.sock\n");
	start_in_background(d);
	const char *pid_path = text_format("%s/run/pid", d->dir),
		   *pid_before = text_format("%s", read_file(pid_path));
	int fd = connect_own();
	expect_echo(fd, "first");
	/* The same pid file, another configuration. */
	daemon_entry(second, "y", HOLD "\tlisten = @ADDR@:3700\n");
	daemon_arg(second, "--pidfile");
	daemon_arg(second, pid_path);
	ck_assert_int_eq(daemon_background(second, &output), 1);
	ck_assert_msg(strstr(output, text_format("%d", (int)d->pid)) != NULL, "%s", output);
	ck_assert_str_eq(read_file(text_format("%s/run/pid", d->dir)), pid_before);
	expect_echo(fd, "undisturbed");
	int again = connect_unix(text_format("%s/x.sock", d->dir));
	ck_assert_int_ge(again, 0);
	close(again);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(stale_pid_file_is_taken_over)
{
	struct daemon *d = daemon_new();

	write_file(text_format("%s/run/pid", d->dir), 0644,
	    "1\nand more text that is longer than any pid\n");
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	start_in_background(d);
	ck_assert_str_eq(
	    read_file(text_format("%s/run/pid", d->dir)), text_format("%d\n", (int)d->pid));
	daemon_stop(d);
}

END_TEST

/* Whoever may read the pid file may lock it, and must not keep a daemon away. */
START_TEST(pid_file_that_a_reader_has_locked_is_taken_over)
{
	struct daemon *d = daemon_new();

	write_file(text_format("%s/run/pid", d->dir), 0644, "1\n");
	int reader = open(text_format("%s/run/pid", d->dir), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(reader, LOCK_EX | LOCK_NB), 0);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	start_in_background(d);
	struct stat st;
	ck_assert_int_eq(stat(text_format("%s/run/pid.lock", d->dir), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	daemon_stop(d);
	ck_assert(!path_exists(text_format("%s/run/pid", d->dir)));
	ck_assert(!path_exists(text_format("%s/run/pid.lock", d->dir)));
	close(reader);
}

END_TEST

static void
make_symlink(struct daemon *d, const char *path)
{
	ck_assert_int_eq(symlink(text_format("%s/precious", d->dir), path), 0);
}

static void
make_dangling(struct daemon *d, const char *path)
{
	ck_assert_int_eq(symlink(text_format("%s/new", d->dir), path), 0);
}

static void
make_hardlink(struct daemon *d, const char *path)
{
	ck_assert_int_eq(link(text_format("%s/precious", d->dir), path), 0);
}

static void
make_fifo(struct daemon *d, const char *path)
{
	(void)d;
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void
make_directory_there(struct daemon *d, const char *path)
{
	(void)d;
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static const char *const pid_files[] = { "pid", "pid.lock" };
static void (*const pid_traps[])(struct daemon *d, const char *path) = { make_symlink,
	make_dangling, make_hardlink, make_fifo, make_directory_there };

START_TEST(f1_pid_file_that_is_something_else_is_not_written)
{
	struct daemon *d = daemon_new();
	const char *output;
	char path[96];

	snprintf(
	    path, sizeof(path), "%s/run/%s", d->dir, pid_files[(size_t)_i / ARRAY_LEN(pid_traps)]);
	write_file(text_format("%s/precious", d->dir), 0644, "precious");
	pid_traps[(size_t)_i % ARRAY_LEN(pid_traps)](d, path);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	ck_assert_int_eq(daemon_background(d, &output), 1);
	ck_assert_ptr_nonnull(strstr(output, text_format("%s: it ", path)));
	ck_assert_str_eq(read_file(text_format("%s/precious", d->dir)), "precious");
	ck_assert(!path_exists(text_format("%s/new", d->dir)));
	daemon_closed(d);
}

END_TEST

START_TEST(pid_file_in_the_foreground_only_when_asked_for)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	if (_i == 1) {
		daemon_arg(d, "--pidfile");
		daemon_arg(d, strdup(text_format("%s/mine.pid", d->dir)));
	}
	daemon_start(d);
	ck_assert(!path_exists(text_format("%s/run/pid", d->dir)));
	if (_i == 1)
		ck_assert_int_eq(atoi(read_file(text_format("%s/mine.pid", d->dir))), d->pid);
	daemon_stop(d);
	ck_assert(!path_exists(text_format("%s/mine.pid", d->dir)));
}

END_TEST

START_TEST(relative_paths_mean_the_same_after_leaving)
{
	struct daemon *d = daemon_new();
	const char *output;

	ck_assert_int_eq(chdir(d->dir), 0);
	daemon_add(d, "include more.conf\n");
	write_file("more.conf", 0600,
	    daemon_text(d, "service x\n{\n\ttype = UNLISTED\n\twait = no\n\tuser = @USER@\n" HOLD
			   "\tlisten = @ADDR@:3600\n}\n"));
	strcpy(d->conf_path, "porterd.conf");
	ck_assert_int_eq(daemon_background(d, &output), 0);
	ck_assert_int_eq(chdir("/"), 0);
	int fd = connect_own();
	expect_echo(fd, "before");
	daemon_signal(d, SIGHUP);
	expect_notify(d, "RELOADING=1");
	expect_notify(d, "READY=1");
	expect_echo(fd, "after");
	close(fd);
	fd = connect_own();
	expect_echo(fd, "next");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(usage_errors_have_status_2)
{
	static const struct {
		const char *argument, *text;
	} uses[] = {
		{ "--nonsense", "porterd: there is no option --nonsense; see porterd --help\n" },
		{ "extra", "porterd: files go behind -f, an argument too many: extra; see " },
		{ "-f", "porterd: a value is missing behind -f; see " },
		{ "--help-attributes=klingon", "porterd: no such format " },
		{ "--trust-owner=no-such-user-here", "porterd: no such user: " },
		{ "-Fx", "porterd: there is no option -x; see " },
		{ "--check=now", "porterd: an option that takes no value: --check=now; see " },
	};

	const char *argv[] = { PORTERD, uses[_i].argument, NULL };
	struct run_result r = run_command(argv);
	ck_assert_msg(r.status == 2, "%d: %s", r.status, r.output);
	ck_assert_str_eq(text_format("%.*s", (int)strlen(uses[_i].text), r.output), uses[_i].text);
}

END_TEST

START_TEST(help_version_and_attributes)
{
	static const struct {
		const char *option, *text;
	} options[] = { { "--help", "--foreground" }, { "--version", "porterd " },
		{ "--help-attributes", "instances" }, { "--help-attributes=mdoc", ".It" } };

	const char *argv[] = { PORTERD, options[_i].option, NULL };
	struct run_result r = run_command(argv);
	ck_assert_int_eq(r.status, 0);
	ck_assert_ptr_nonnull(strstr(r.output, options[_i].text));
}

END_TEST

/* Who is not root needs a namespace of users for it, in which it stays who it is. */
static bool
leave_namespaces(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char text[64];

	if (uid == 0)
		return unshare(CLONE_NEWPID) == 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return false;
	int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	int len = snprintf(text, sizeof(text), "%u %u 1\n", uid, uid);
	if (fd < 0 || write(fd, text, (size_t)len) != len)
		return false;
	close(fd);
	fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "deny", 4) != 4)
		return false;
	close(fd);
	fd = open("/proc/self/gid_map", O_WRONLY | O_CLOEXEC);
	len = snprintf(text, sizeof(text), "%u %u 1\n", gid, gid);
	return fd >= 0 && write(fd, text, (size_t)len) == len && close(fd) == 0;
}

/* porterd is process 1 of a namespace; the process before it waits for it and ends as it does. */
static void
become_init(struct daemon *d)
{
	(void)d;
	if (!leave_namespaces())
		_exit(125);
	pid_t pid = fork();
	if (pid == 0)
		return;
	int status;
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* The only child of a process. */
static pid_t
only_child(pid_t parent)
{
	char *end;
	long pid =
	    strtol(read_file(text_format("/proc/%d/task/%d/children", (int)parent, (int)parent)),
		&end, 10);

	return pid > 0 ? (pid_t)pid : -1;
}

START_TEST(process_1_reaps_orphans_and_needs_no_terminal)
{
	/* Tried in a child first: this process must not lose its own namespaces. */
	pid_t probe = fork();
	if (probe == 0)
		_exit(leave_namespaces() ? 0 : 1);
	if (wait_exit(probe) != 0 || !path_exists("/proc/thread-self/children") ||
	    getenv("PORTERD_WRAPPER") != NULL) {
		test_skip("process_1_reaps_orphans_and_needs_no_terminal",
		    "no namespaces of processes here");
		return;
	}
	struct daemon *d = daemon_new();
	d->before_exec = become_init;
	/* LISTEN_PID would name another process there: it opens its own socket. */
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_start(d);
	pid_t init = only_child(d->pid);
	ck_assert_int_gt(init, 1);
	int fd = connect_own();
	send_text(fd, "orphan\n");
	const char *line = read_line(fd);
	ck_assert_msg(strncmp(line, "orphan ", 7) == 0, "%s", line);
	/* It ended with status 7 right after it spoke; one client later nothing is left of it. */
	int other = connect_own();
	expect_echo(other, "served by process 1");
	close(other);
	expect_line(d, "EXIT: x status=0");
	send_text(fd, "pid\n");
	read_line(fd);
	const char *children =
	    read_file(text_format("/proc/%d/task/%d/children", (int)init, (int)init));
	for (const char *at = children; *at != '\0'; at += strcspn(at, " ") + 1) {
		ck_assert_msg(!process_is_gone(atoi(at)), "%d is a zombie", atoi(at));
		if (strchr(at, ' ') == NULL)
			break;
	}
	close(fd);
	expect_lines(d, 2, "EXIT: x status=0");
	ck_assert_int_eq(kill(init, SIGTERM), 0);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "event=stopped");
	daemon_closed(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(starting_command_returns_when_the_listeners_are_bound),
	TEST(background_process_has_left_everything_behind),
	TEST(start_in_one_log_failed_exec_and_bind_with_their_place_in_the_other),
	TEST_LOOP(status_1_and_the_reasons_when_nothing_can_be_served, 3),
	TEST(foreground_gives_the_same_status),
	TEST(no_service_configured_stays_up),
	TEST(address_that_becomes_free_is_taken),
	TEST(f2_second_instance_is_refused_by_the_lock),
	TEST(stale_pid_file_is_taken_over),
	TEST(pid_file_that_a_reader_has_locked_is_taken_over),
	TEST_LOOP(f1_pid_file_that_is_something_else_is_not_written,
	    ARRAY_LEN(pid_files) * ARRAY_LEN(pid_traps)),
	TEST_LOOP(pid_file_in_the_foreground_only_when_asked_for, 2),
	TEST(relative_paths_mean_the_same_after_leaving),
	TEST_LOOP(usage_errors_have_status_2, 7),
	TEST_LOOP(help_version_and_attributes, 4),
	TEST(process_1_reaps_orphans_and_needs_no_terminal),
};

int
main(void)
{
	return run_functional("daemon", tests, ARRAY_LEN(tests));
}
