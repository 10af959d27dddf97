/* SPDX-License-Identifier: MIT */
/* SIGTERM, SIGINT, SIGQUIT, SIGUSR1: how the daemon ends, and what it says of itself. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/daemon.h"
#include "functional/pool.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

START_TEST(term_ends_programs_and_the_daemon)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "u", "udp",
	    "\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 1 hold\n\twait = yes\n");
	daemon_start(d);
	int fd = hold_open(d, "x"), u = datagram_to(d, "u");
	char answer[64];
	send_text(u, "x");
	ck_assert_int_gt(recv(u, answer, sizeof(answer), 0), 0);
	pid_t pid = ask_pid(fd);
	daemon_signal(d, _i == 0 ? SIGTERM : SIGINT);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "EXIT: x signal=%d pid=%d", SIGTERM, (int)pid);
	expect_line(d, "EXIT: u signal=%d", SIGTERM);
	expect_line(d, "event=stopped");
	expect_closed(fd);
	ck_assert(has_notify(d, "STOPPING=1"));
	daemon_closed(d);
	close(fd);
	close(u);
}

END_TEST

START_TEST(no_new_clients_while_stopping)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600 unix:@DIR@/x.sock\n\tstop_grace = 60s\n");
	daemon_start(d);
	int fd = connect_address(own_address(0), 3600);
	ck_assert_int_ge(fd, 0);
	send_text(fd, "ignore %d\n", SIGTERM);
	ck_assert_str_eq(read_line(fd), "ignored");
	daemon_signal(d, SIGTERM);
	expect_notify(d, "STOPPING=1");
	daemon_idle(d);
	ck_assert_int_eq(connect_address(own_address(0), 3600), -ECONNREFUSED);
	ck_assert_int_lt(connect_unix(text_format("%s/x.sock", d->dir)), 0);
	/* The program has been asked to end; as long as it likes, its client is served. */
	expect_echo(fd, "last words");
	close(fd);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "EXIT: x status=0");
	daemon_closed(d);
}

END_TEST

START_TEST(stop_grace_ends_with_kill)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tstop_grace = 300s\n");
	daemon_service(d, "quick", "tcp", HOLD "\tstop_grace = 0\n");
	daemon_start(d);
	int fd = hold_open(d, "x"), quick = hold_open(d, "quick");
	send_text(fd, "ignore %d\n", SIGTERM);
	ck_assert_str_eq(read_line(fd), "ignored");
	send_text(quick, "ignore %d\n", SIGTERM);
	ck_assert_str_eq(read_line(quick), "ignored");
	pid_t pid = ask_pid(fd);
	daemon_signal(d, SIGTERM);
	expect_notify(d, "STOPPING=1");
	expect_line(d, "EXIT: quick signal=%d", SIGKILL);
	/* The other one has five minutes, which pass in the turn that a signal brings. */
	daemon_idle(d);
	expect_echo(fd, "in its grace");
	atomic_store(&d->inject->monotonic_s, 301);
	daemon_signal(d, SIGUSR1);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "event=killed service=x pid=%d", (int)pid);
	expect_line(d, "EXIT: x signal=%d", SIGKILL);
	daemon_closed(d);
	close(fd);
	close(quick);
}

END_TEST

START_TEST(program_that_its_tracer_keeps_does_not_keep_the_daemon)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", "\tserver = @PROGRAMS@/hold\n\tstop_grace = 1s\n");
	daemon_start(d);
	int fd = hold_open(d, "x");
	pid_t pid = ask_pid(fd), tracer = start_tracer(pid);

	if (tracer == 0)
		test_skip("program_that_its_tracer_keeps_does_not_keep_the_daemon",
		    "processes cannot be traced");
	daemon_signal(d, SIGTERM);
	if (tracer != 0) {
		expect_line(d, "event=stopping programs=1");
		pass_time(d, 2);
		wait_gone(pid);
		atomic_fetch_add(&d->inject->monotonic_s, 6);
		daemon_signal(d, SIGUSR1); /* which brings a turn of the loop */
		expect_line(d, "event=left programs=1");
	}
	ck_assert_int_eq(daemon_wait(d), 0);
	if (tracer != 0) {
		end_process(tracer);
		wait_exit(pid);
	}
	close(fd);
	daemon_closed(d);
}

END_TEST

START_TEST(stop_signal_is_the_services_own)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tstop_signal = USR2\n");
	daemon_service(d, "y", "tcp", HOLD "\tstop_signal = INT\n");
	daemon_start(d);
	int x = hold_open(d, "x"), y = hold_open(d, "y");
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "EXIT: x signal=%d", SIGUSR2);
	expect_line(d, "EXIT: y signal=%d", SIGINT);
	daemon_closed(d);
	close(x);
	close(y);
}

END_TEST

START_TEST(the_whole_process_group_is_ended)
{
	struct daemon *d = daemon_new();
	int child;

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = hold_open(d, "x");
	send_text(fd, "stay\n");
	ck_assert_int_eq(sscanf(read_line(fd), "stays %d", &child), 1);
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	wait_gone(child);
	/* It became ours when its parent ended. */
	d->leaves_children = true;
	daemon_closed(d);
	close(fd);
}

END_TEST

START_TEST(what_a_program_leaves_behind_has_its_grace_and_no_more)
{
	struct daemon *d = daemon_new();
	int child;

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tstop_grace = 300s\n");
	daemon_start(d);
	int fd = hold_open(d, "x");
	send_text(fd, "stubborn\n");
	ck_assert_int_eq(sscanf(read_line(fd), "stays %d", &child), 1);
	daemon_signal(d, SIGTERM);
	expect_line(d, "EXIT: x signal=%d", SIGTERM);
	daemon_idle(d);
	ck_assert_int_eq(kill(child, 0), 0);
	atomic_store(&d->inject->monotonic_s, 301);
	daemon_signal(d, SIGUSR1);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "event=killed pid=");
	wait_gone(child);
	d->leaves_children = true;
	daemon_closed(d);
	close(fd);
}

END_TEST

/* Nobody reloads while he stops; who says it twice does not want to wait. */
START_TEST(hup_does_not_hurt_and_a_second_term_kills)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tstop_grace = 60s\n");
	daemon_start(d);
	int fd = hold_open(d, "x");
	send_text(fd, "ignore %d\n", SIGTERM);
	ck_assert_str_eq(read_line(fd), "ignored");
	daemon_signal(d, SIGTERM);
	expect_notify(d, "STOPPING=1");
	daemon_signal(d, SIGHUP);
	expect_echo(fd, "it goes on");
	daemon_idle(d);
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "event=killed service=x *");
	expect_no_line(d, "event=reload");
	close(fd);
	daemon_closed(d);
}

END_TEST

START_TEST(quit_leaves_programs_running)
{
	struct daemon *d = daemon_new();

	d->leaves_children = true;
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_start(d);
	int fd = connect_address(own_address(0), 3600);
	pid_t pid = ask_pid(fd);
	daemon_signal(d, SIGQUIT);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_echo(fd, "still served");
	ck_assert_int_eq(connect_address(own_address(0), 3600), -ECONNREFUSED);
	close(fd);
	wait_gone(pid);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	daemon_closed(d);
}

END_TEST

START_TEST(addresses_are_free_at_once_after_the_end)
{
	for (int i = 0; i < 3; i++) {
		struct daemon *d = daemon_new();
		int fds[5];

		daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
		daemon_start(d);
		expect_no_line(d, "event=bind-failed");
		for (size_t k = 0; k < ARRAY_LEN(fds); k++) {
			fds[k] = connect_address(own_address(0), 3600);
			ck_assert_int_ge(fds[k], 0);
			expect_echo(fds[k], "held");
		}
		daemon_stop(d);
		for (size_t k = 0; k < ARRAY_LEN(fds); k++)
			close(fds[k]);
	}
}

END_TEST

START_TEST(address_held_by_a_program_that_stayed_is_tried_again)
{
	struct daemon *first = daemon_new(), *second = daemon_new();
	const char *attributes =
	    "\tserver = @PROGRAMS@/waiter\n\tserver_args = stream 2\n\twait = yes\n"
	    "\tprotocol = tcp\n\tlisten = @ADDR@:3600\n";

	first->leaves_children = true;
	daemon_entry(first, "x", attributes);
	daemon_start(first);
	int fd = connect_address(own_address(0), 3600);
	send_text(fd, "one\n");
	pid_t pid = atoi(read_line(fd));
	close(fd);
	daemon_signal(first, SIGQUIT);
	ck_assert_int_eq(daemon_wait(first), 0);
	/* The program has the listening socket, and takes one more client. */
	daemon_entry(second, "x", attributes);
	daemon_entry(second, "y", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_start(second);
	expect_line(second, "event=bind-failed service=x address=tcp:%s:3600", own_address(0));
	fd = connect_address(own_address(0), 3600);
	send_text(fd, "two\n");
	ck_assert_int_eq(atoi(read_line(fd)), pid);
	close(fd);
	ck_assert_int_eq(wait_exit(pid), 0);
	expect_line(second, "event=listening service=x");
	fd = connect_address(own_address(0), 3600);
	send_text(fd, "three\n");
	ck_assert_int_ne(atoi(read_line(fd)), pid);
	close(fd);
	daemon_stop(second);
	daemon_closed(first);
}

END_TEST

START_TEST(e8_term_behind_hup_stops)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = hold_open(d, "x");
	/* All of them wait for the daemon when it goes on. */
	daemon_signal(d, SIGSTOP);
	daemon_signal(d, SIGHUP);
	daemon_signal(d, SIGTERM);
	daemon_signal(d, SIGHUP);
	daemon_signal(d, SIGCONT);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_closed(fd);
	expect_line(d, "event=stopped");
	daemon_closed(d);
	close(fd);
}

END_TEST

START_TEST(usr1_writes_a_state_dump)
{
	struct daemon *d = daemon_new();
	struct stat st;

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 1\n");
	daemon_start(d);
	int fd = hold_open(d, "x"), refused = daemon_connect(d, "x");
	expect_closed(refused);
	close(refused);
	pid_t pid = ask_pid(fd);
	daemon_signal(d, SIGUSR1);
	expect_line(d, "event=dump path=");
	const char *dump = read_file(text_format("%s/run/dump", d->dir));
	ck_assert_ptr_nonnull(strstr(dump, "x"));
	ck_assert_ptr_nonnull(strstr(dump, text_format("pid=%d", (int)pid)));
	ck_assert_ptr_nonnull(strstr(dump, "127.0.0.1"));
	ck_assert_ptr_nonnull(strstr(dump, "accepted=2 started=1 answered=0 refused=1"));
	ck_assert_ptr_nonnull(strstr(dump, "running: 1 of 1"));
	ck_assert_ptr_nonnull(strstr(dump, text_format("pid: %d", (int)d->pid)));
	ck_assert_int_eq(stat(text_format("%s/run/dump", d->dir), &st), 0);
	ck_assert_int_eq(st.st_mode & 077, 0);
	/* Not appended to, and no symbolic link followed. */
	off_t size = st.st_size;
	daemon_mark(d);
	daemon_signal(d, SIGUSR1);
	expect_line(d, "event=dump path=");
	ck_assert_int_eq(stat(text_format("%s/run/dump", d->dir), &st), 0);
	ck_assert_int_le(llabs((long long)st.st_size - (long long)size), 16);
	unlink(text_format("%s/run/dump", d->dir));
	write_file(text_format("%s/precious", d->dir), 0600, "precious");
	ck_assert_int_eq(
	    symlink(text_format("%s/precious", d->dir), text_format("%s/run/dump", d->dir)), 0);
	daemon_mark(d);
	daemon_signal(d, SIGUSR1);
	expect_line(d, "event=dump");
	ck_assert_str_eq(read_file(text_format("%s/precious", d->dir)), "precious");
	expect_echo(fd, "undisturbed");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(usr1_without_a_run_directory_is_only_a_message)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	ck_assert_int_eq(unlink(text_format("%s/run/control", d->dir)), 0);
	ck_assert_int_eq(rmdir(text_format("%s/run", d->dir)), 0);
	daemon_signal(d, SIGUSR1);
	expect_line(d, "event=dump-failed");
	close(hold_open(d, "x"));
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(term_ends_programs_and_the_daemon, 2),
	TEST(no_new_clients_while_stopping),
	TEST(stop_grace_ends_with_kill),
	TEST(program_that_its_tracer_keeps_does_not_keep_the_daemon),
	TEST(stop_signal_is_the_services_own),
	TEST(the_whole_process_group_is_ended),
	TEST(what_a_program_leaves_behind_has_its_grace_and_no_more),
	TEST(hup_does_not_hurt_and_a_second_term_kills),
	TEST(quit_leaves_programs_running),
	TEST(addresses_are_free_at_once_after_the_end),
	TEST(address_held_by_a_program_that_stayed_is_tried_again),
	TEST(e8_term_behind_hup_stops),
	TEST(usr1_writes_a_state_dump),
	TEST(usr1_without_a_run_directory_is_only_a_message),
};

int
main(void)
{
	return run_functional("stop", tests, ARRAY_LEN(tests));
}
