/* SPDX-License-Identifier: MIT */
/* porterd -F as a job of an interactive shell on a terminal. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ttydefaults.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

struct shell {
	pid_t pid;
	int fd;
	char text[1 << 18]; /* everything that appeared on the terminal */
	size_t len, mark;
};

static struct shell shell;

static void
give_up(const char *what)
{
	fprintf(stderr, "--- terminal\n%s\n---\n", shell.text);
	ck_abort_msg("%s", what);
}

/* Waits until the text appears behind what was expected before. */
static const char *
appears(const char *text)
{
	int64_t deadline = deadline_after();
	const char *at;

	while ((at = strstr(shell.text + shell.mark, text)) == NULL) {
		if (!wait_for(shell.fd, POLLIN, deadline))
			give_up(text_format("'%s' does not appear", text));
		ssize_t n =
		    read(shell.fd, shell.text + shell.len, sizeof(shell.text) - 1 - shell.len);
		if (n <= 0)
			give_up(text_format("the terminal was closed before '%s'", text));
		shell.len += (size_t)n;
		shell.text[shell.len] = '\0';
	}
	shell.mark = (size_t)(at - shell.text) + strlen(text);
	return at;
}

static void
type(const char *text)
{
	ck_assert_int_eq(write(shell.fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void
press(char key)
{
	ck_assert_int_eq(write(shell.fd, &key, 1), 1);
}

/* Waits until the shell has given the terminal to a job: no event tells that, so it is asked again and again. */
static void
in_foreground(void)
{
	int64_t deadline = deadline_after();

	while (tcgetpgrp(shell.fd) == shell.pid)
		if (clock_now_ms() >= deadline)
			give_up("the job does not come to the foreground");
}

/* A command that ends: waits until it has. The marker is not what was typed. */
static void
run(const char *command)
{
	static unsigned count;

	type(text_format("%s; echo done''%u\n", command, ++count));
	appears(text_format("done%u", count));
}

static bool
start_shell(const char *test)
{
	struct winsize size = { .ws_row = 50, .ws_col = 400 };

	if (access("/bin/bash", X_OK) < 0) {
		test_skip(test, "no bash here");
		return false;
	}
	shell.pid = forkpty(&shell.fd, NULL, NULL, &size);
	ck_assert_int_ge(shell.pid, 0);
	if (shell.pid == 0) {
		setenv("TERM", "dumb", 1);
		setenv("PS1", "ready> ", 1);
		setenv("HISTFILE", "/dev/null", 1);
		execl("/bin/bash", "bash", "--norc", "--noprofile", "--noediting", "-i",
		    (char *)NULL);
		_exit(127);
	}
	fcntl(shell.fd, F_SETFD, FD_CLOEXEC);
	appears("ready> ");
	return true;
}

static void
end_shell(void)
{
	type("exit\n");
	/* The terminal must be read to its end, or the shell could not write. */
	while (wait_for(shell.fd, POLLIN, deadline_after())) {
		char block[4096];

		if (read(shell.fd, block, sizeof(block)) <= 0)
			break;
	}
	wait_exit(shell.pid);
	close(shell.fd);
}

static struct daemon *
one_service(unsigned port)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", text_format(HOLD "\tlisten = @ADDR@:%u\n", port));
	return d;
}

static int
client(unsigned port)
{
	int fd = connect_address(own_address(0), port);

	ck_assert_msg(fd >= 0, "%s", strerror(-fd));
	return fd;
}

START_TEST(background_job)
{
	struct daemon *d = one_service(3600);

	if (!start_shell("background_job"))
		return;
	type(text_format("%s &\n", daemon_command(d)));
	expect_notify(d, "READY=1");
	run("jobs");
	ck_assert_ptr_nonnull(strstr(shell.text, "Running"));
	int fd = client(3600);
	expect_echo(fd, "from the background");
	appears("START: x pid=");
	close(fd);
	appears("EXIT: x status=0");
	type("kill %1; wait %1; echo status=$?\n");
	appears("status=0");
	end_shell();
}

END_TEST

START_TEST(stopped_and_continued)
{
	struct daemon *d = one_service(3600);

	if (!start_shell("stopped_and_continued"))
		return;
	type(text_format("%s\n", daemon_command(d)));
	expect_notify(d, "READY=1");
	int held = client(3600);
	pid_t pid = ask_pid(held);
	appears("START: x");
	press(CTRL('Z'));
	appears("Stopped");
	appears("ready> ");
	/* The program has a session of its own and goes on; new clients wait. */
	expect_echo(held, "not stopped");
	ck_assert_int_ne(process_status(pid, "State")[0], 'T');
	int waiting = client(3600);
	send_text(waiting, "waited\n");
	run("jobs");
	ck_assert(is_silent(waiting));
	type("bg\n");
	ck_assert_str_eq(read_line(waiting), "waited");
	type("fg\n");
	in_foreground();
	int third = client(3600);
	expect_echo(third, "in the foreground again");
	press(CTRL('Z'));
	appears("Stopped");
	appears("ready> ");
	type("fg\n");
	in_foreground();
	int fourth = client(3600);
	expect_echo(fourth, "once more");
	close(fourth);
	appears("EXIT: x status=0");
	/* Ctrl-C is for the daemon, which asks its programs to end as at SIGTERM. */
	press(CTRL('C'));
	appears(text_format("EXIT: x signal=%d", SIGTERM));
	appears("event=stopped");
	type("echo status=$?\n");
	appears("status=0");
	expect_closed(held);
	close(held);
	close(waiting);
	close(third);
	end_shell();
}

END_TEST

START_TEST(ctrl_backslash_leaves_programs)
{
	struct daemon *d = one_service(3600);

	if (!start_shell("ctrl_backslash_leaves_programs"))
		return;
	type(text_format("%s\n", daemon_command(d)));
	expect_notify(d, "READY=1");
	int fd = client(3600);
	pid_t pid = ask_pid(fd);
	press(CTRL('\\'));
	appears("event=quit");
	appears("ready> ");
	expect_echo(fd, "goes on");
	close(fd);
	wait_gone(pid);
	end_shell();
}

END_TEST

START_TEST(three_at_once)
{
	struct daemon *d[3];

	if (!start_shell("three_at_once"))
		return;
	for (unsigned i = 0; i < 3; i++) {
		d[i] = one_service(3600 + i);
		type(text_format("%s &\n", daemon_command(d[i])));
		expect_notify(d[i], "READY=1");
	}
	run("jobs");
	unsigned running = 0;
	for (const char *at = shell.text; (at = strstr(at, "Running")) != NULL; at++)
		running++;
	ck_assert_uint_eq(running, 3);
	for (unsigned i = 0; i < 3; i++) {
		int fd = client(3600 + i);

		expect_echo(fd, "all three");
		close(fd);
	}
	/* One to the foreground and away again; the others are not disturbed. */
	type("fg %2\n");
	in_foreground();
	int fd = client(3601);
	expect_echo(fd, "second");
	close(fd);
	press(CTRL('C'));
	expect_notify(d[1], "STOPPING=1");
	for (unsigned i = 0; i < 3; i += 2) {
		fd = client(3600 + i);
		expect_echo(fd, "the other two");
		close(fd);
	}
	appears("ready> ");
	type("kill %1 %3; wait; echo all''gone\n");
	appears("allgone");
	ck_assert_int_lt(connect_address(own_address(0), 3600), 0);
	end_shell();
}

END_TEST

START_TEST(tostop_does_not_stop_a_background_job)
{
	struct daemon *d = one_service(3600);

	if (!start_shell("tostop_does_not_stop_a_background_job"))
		return;
	run("stty tostop");
	type(text_format("%s &\n", daemon_command(d)));
	expect_notify(d, "READY=1");
	for (int i = 0; i < 3; i++) {
		int fd = client(3600);

		expect_echo(fd, "it writes, and is served");
		close(fd);
		appears("EXIT: x");
	}
	run("jobs");
	ck_assert_ptr_null(strstr(shell.text, "Stopped"));
	/* With the cursor in the middle of what somebody types. */
	type("kill %1; wait %1; echo status=$?\n");
	appears("status=0");
	end_shell();
}

END_TEST

START_TEST(programs_have_no_terminal)
{
	struct daemon *d = daemon_new();

	if (!start_shell("programs_have_no_terminal"))
		return;
	daemon_entry(d, "x", "\tserver = @PROGRAMS@/show\n\tlisten = @ADDR@:3600\n");
	type(text_format("%s\n", daemon_command(d)));
	expect_notify(d, "READY=1");
	int fd = client(3600);
	const char *shown = read_all(fd), *pid = show_value(shown, "pid");
	ck_assert_str_eq(show_value(shown, "tty"), "none");
	ck_assert_str_eq(show_value(shown, "sid"), pid);
	ck_assert_str_eq(show_value(shown, "pgid"), pid);
	close(fd);
	press(CTRL('C'));
	appears("event=stopped");
	end_shell();
}

END_TEST

START_TEST(terminal_that_goes_away_does_not_hang_the_daemon)
{
	struct daemon *d = one_service(3600);

	if (!start_shell("terminal_that_goes_away_does_not_hang_the_daemon"))
		return;
	type(text_format("setsid env %s &\n", daemon_command(d)));
	expect_notify(d, "READY=1");
	int fd = client(3600);
	d->pid = atoi(process_status(ask_pid(fd), "PPid"));
	appears("START: x");
	/* What is written now has no reader any more. */
	close(shell.fd);
	wait_exit(shell.pid);
	int other = client(3600);
	expect_echo(other, "after");
	daemon_signal(d, SIGTERM);
	wait_gone(d->pid);
	expect_closed(fd);
	close(other);
	close(fd);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(background_job),
	TEST(stopped_and_continued),
	TEST(ctrl_backslash_leaves_programs),
	TEST(three_at_once),
	TEST(tostop_does_not_stop_a_background_job),
	TEST(programs_have_no_terminal),
	TEST(terminal_that_goes_away_does_not_hang_the_daemon),
};

int
main(void)
{
	return run_functional("terminal", tests, ARRAY_LEN(tests));
}
