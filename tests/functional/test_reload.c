/* SPDX-License-Identifier: MIT */
/* SIGHUP: all or nothing, and nothing that did not change is touched. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define SHOW "\tserver = @PROGRAMS@/show\n"

/* The inodes of the daemon's TCP sockets that listen, as text. */
static const char *
listening_inodes(struct daemon *d)
{
	char path[64], target[128], list[4096] = "";

	daemon_idle(d);
	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)d->pid, fd);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strncmp(target, "socket:", 7) == 0)
			strcat(strcat(list, target), " ");
	}
	return text_format("%s", list);
}

START_TEST(new_services_start_and_removed_ones_stop)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR@:3602\n");
	daemon_start(d);
	int fd = connect_address(own_address(0), 3602);
	expect_echo(fd, "before");
	daemon_clear(d);
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "c", HOLD "\tlisten = @ADDR@:3603\n");
	daemon_reload(d);
	expect_line(d, "event=reload-done");
	ck_assert(is_served(own_address(0), 3601));
	ck_assert_int_eq(connect_address(own_address(0), 3602), -ECONNREFUSED);
	ck_assert(is_served(own_address(0), 3603));
	/* Who was being served still is. */
	expect_echo(fd, "after");
	close(fd);
	expect_line(d, "EXIT: b status=0");
	daemon_stop(d);
}

END_TEST

START_TEST(changed_settings_apply_to_the_next_client)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 1\n");
	daemon_start(d);
	int first = hold_open(d, "x"), refused = daemon_connect(d, "x");
	expect_closed(refused);
	const char *before = listening_inodes(d);
	daemon_clear(d);
	daemon_entry(d, "x", HOLD "\tprotocol = tcp\n\tinstances = 2\n\tenv = A=1\n");
	daemon_reload(d);
	/* e10: the same socket, and the program that runs counts. */
	ck_assert_str_eq(listening_inodes(d), before);
	int second = hold_open(d, "x"), third = daemon_connect(d, "x");
	expect_closed(third);
	expect_echo(first, "undisturbed");
	daemon_clear(d);
	daemon_entry(d, "x", SHOW "\tprotocol = tcp\n");
	daemon_reload(d);
	ck_assert_ptr_nonnull(show_value(shown_by(d, "x"), "end"));
	expect_echo(first, "undisturbed");
	close(first);
	close(second);
	close(third);
	close(refused);
	daemon_stop(d);
}

END_TEST

START_TEST(ports_can_be_swapped_and_services_renamed)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "b", SHOW "\tlisten = @ADDR@:3602\n");
	daemon_start(d);
	ck_assert(is_served(own_address(0), 3601));
	daemon_clear(d);
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3602\n");
	daemon_entry(d, "renamed", SHOW "\tlisten = @ADDR@:3601\n");
	daemon_reload(d);
	ck_assert(is_served(own_address(0), 3602));
	int fd = connect_address(own_address(0), 3601);
	ck_assert_int_ge(fd, 0);
	ck_assert_str_eq(show_value(read_all(fd), "env SERVICE_ID"), "renamed");
	close(fd);
	expect_no_line(d, "event=bind-failed");
	daemon_stop(d);
}

END_TEST

START_TEST(wildcard_and_one_address_replace_each_other)
{
	struct daemon *d = daemon_new();

	/* A port that nobody else has: the kernel chose it for a socket that is bound and does not listen. */
	int scout = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_storage any = { .ss_family = AF_INET };
	setsockopt(scout, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_int_eq(bind(scout, (struct sockaddr *)&any, sizeof(any)), 0);
	unsigned port = bound_port(scout);
	const char *wide =
	    text_format(HOLD "\tflags = IPv4\n\tport = %u\n\tprotocol = tcp\n", port);
	const char *narrow = text_format(HOLD "\tlisten = 127.0.0.1:%u\n", port);
	daemon_entry(d, "x", narrow);
	daemon_start(d);
	for (int i = 0; i < 4; i++) {
		daemon_clear(d);
		daemon_entry(d, "x", i % 2 == 0 ? wide : narrow);
		daemon_reload(d);
		ck_assert(is_served("127.0.0.1", port));
		if (i % 2 == 0)
			ck_assert(is_served(own_address(0), port));
		else
			ck_assert_int_eq(connect_address(own_address(0), port), -ECONNREFUSED);
	}
	expect_no_line(d, "event=bind-failed");
	close(scout);
	daemon_stop(d);
}

END_TEST

static const char *const bad_texts[] = {
	"service broken\n{\n\tport = 70000\n}\n",
	"service broken\n{\n\tinstances = -1\n",
	"service x2\n{\n\tinstanses = 5\n}\n",
	"defaults\n{\n\tlog_type = NOWHERE\n}\n",
	"}\n",
	"nonsense\n",
	"service broken\n{\n\ttype = UNLISTED\n\twait = maybe\n}\n",
};

/* Must hold: a bad value keeps every session and every listener. */
START_TEST(e6_errors_in_the_text_change_nothing)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n\tinstances = 3\n");
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR@:3602 unix:@DIR@/b.sock\n");
	daemon_start(d);
	int a = connect_address(own_address(0), 3601), b = connect_address(own_address(0), 3602);
	pid_t a_pid = ask_pid(a), b_pid = ask_pid(b);
	const char *inodes = listening_inodes(d);
	unsigned fds = daemon_fds(d);
	daemon_clear(d);
	/* The good service changes as well: none of that may happen. */
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n\tinstances = 1\n");
	daemon_entry(d, "c", HOLD "\tlisten = @ADDR@:3603\n");
	daemon_add(d, "%s", bad_texts[_i]);
	daemon_reload(d);
	expect_line(d, "event=reload-refused");
	expect_line(d, "porterd.conf:*");
	ck_assert_str_eq(listening_inodes(d), inodes);
	ck_assert_uint_eq(daemon_fds(d), fds);
	ck_assert_int_eq(ask_pid(a), a_pid);
	ck_assert_int_eq(ask_pid(b), b_pid);
	ck_assert(is_served(own_address(0), 3601));
	ck_assert(is_served(own_address(0), 3602));
	ck_assert_int_lt(connect_address(own_address(0), 3603), 0);
	/* Mended, it is taken. */
	daemon_clear(d);
	daemon_entry(d, "c", HOLD "\tlisten = @ADDR@:3603\n");
	daemon_reload(d);
	expect_line(d, "event=reload-done");
	ck_assert(is_served(own_address(0), 3603));
	expect_echo(a, "still");
	close(a);
	close(b);
	daemon_stop(d);
}

END_TEST

START_TEST(missing_surroundings_keep_one_service_as_it_was)
{
	struct daemon *d = daemon_new();

	copy_file(PROGRAM("hold"), text_format("%s/hold", d->dir), 0755);
	daemon_entry(d, "a", "\tserver = @DIR@/hold\n\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	int a = connect_address(own_address(0), 3601);
	expect_echo(a, "before");
	/* As after a package was removed: the rest of the reload goes on. */
	ck_assert_int_eq(rename(text_format("%s/hold", d->dir), text_format("%s/gone", d->dir)), 0);
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR@:3602\n");
	daemon_entry(d, "new", "\tserver = @DIR@/never\n\tlisten = @ADDR@:3603\n");
	daemon_reload(d);
	expect_line(d, "event=reload-done");
	ck_assert(is_served(own_address(0), 3602));
	ck_assert_int_lt(connect_address(own_address(0), 3603), 0);
	expect_echo(a, "after");
	close(a);
	ck_assert_int_eq(rename(text_format("%s/gone", d->dir), text_format("%s/hold", d->dir)), 0);
	ck_assert(is_served(own_address(0), 3601));
	daemon_stop(d);
}

END_TEST

START_TEST(e7_address_taken_at_a_reload)
{
	struct daemon *d = daemon_new();
	int taken = listen_at(own_address(1), 3600);

	daemon_inject(d);
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	int a = connect_address(own_address(0), 3601);
	expect_echo(a, "before");
	daemon_reload(d);
	unsigned fds = daemon_fds(d);
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR2@:3600\n");
	for (int i = 0; i < 100; i++)
		daemon_reload(d);
	expect_line(d, "*porterd.conf:");
	ck_assert_uint_le(daemon_fds(d), fds);
	expect_echo(a, "after");
	ck_assert(is_served(own_address(0), 3601));
	/* Signals still work, and the address is taken once it is free. */
	close(taken);
	atomic_store(&d->inject->monotonic_s, 60);
	daemon_reload(d);
	expect_line(d, "event=listening service=b");
	ck_assert(is_served(own_address(1), 3600));
	close(a);
	daemon_stop(d);
}

END_TEST

START_TEST(taken_address_is_tried_again_and_again)
{
	struct daemon *d = daemon_new();
	int taken = listen_at(own_address(1), 3604);

	daemon_inject(d);
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3605\n");
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR2@:3604\n");
	daemon_start(d);
	expect_line(d, "event=bind-failed service=b");
	for (int tries = 1; tries <= 3; tries++) {
		unsigned before = inject_calls(d, INJECT_SOCKET);

		atomic_store(&d->inject->monotonic_s, tries * 60);
		ck_assert(is_served(
		    own_address(0), 3605)); /* a turn of the loop, in which the timer is due */
		daemon_idle(d);
		ck_assert_uint_gt(inject_calls(d, INJECT_SOCKET), before);
	}
	close(taken);
	atomic_store(&d->inject->monotonic_s, 600);
	ck_assert(is_served(own_address(0), 3605));
	expect_line(d, "event=listening service=b");
	ck_assert(is_served(own_address(1), 3604));
	ck_assert_uint_eq(count_lines(d, "event=bind-failed service=b"), 1);
	daemon_stop(d);
}

END_TEST

/* a cannot have its second address, so it keeps its first one, which b had counted on. */
START_TEST(e7_services_that_depend_on_one_that_stays_stay_as_well)
{
	struct daemon *d = daemon_new();
	int taken = listen_at(own_address(1), 3600);

	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR@:3602\n");
	daemon_start(d);
	int a = connect_address(own_address(0), 3601), b = connect_address(own_address(0), 3602);
	expect_echo(a, "a");
	expect_echo(b, "b");
	for (int i = 0; i < 3; i++) {
		daemon_clear(d);
		daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3602 @ADDR2@:3600\n");
		daemon_entry(d, "b", HOLD "\tlisten = @ADDR@:3601\n");
		daemon_reload(d);
		expect_line(d, "event=reload-done services=2 listeners=2 unbound=0 kept=2");
		ck_assert(is_served(own_address(0), 3601));
		ck_assert(is_served(own_address(0), 3602));
	}
	expect_echo(a, "still a");
	expect_echo(b, "still b");
	close(taken);
	daemon_reload(d);
	expect_line(d, "event=reload-done services=2 listeners=3 unbound=0 kept=0");
	ck_assert(is_served(own_address(1), 3600));
	close(a);
	close(b);
	daemon_stop(d);
}

END_TEST

/* The wildcard overlaps with the old address, which must be closed first; somebody else has the port elsewhere. */
START_TEST(e7_old_address_comes_back_when_the_new_one_is_not_to_be_had)
{
	struct daemon *d = daemon_new();
	int taken = listen_at(own_address(1), 3603);

	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3603\n");
	daemon_start(d);
	daemon_clear(d);
	daemon_entry(d, "a", HOLD "\tlisten = 0.0.0.0:3603\n");
	daemon_reload(d);
	expect_line(d, "event=service-kept service=a*opened again");
	ck_assert(is_served(own_address(0), 3603));
	close(taken);
	daemon_stop(d);
}

END_TEST

START_TEST(services_of_one_id_are_told_apart_by_their_addresses)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD "\tinstances = 1\n\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "x", HOLD "\tinstances = 1\n\tlisten = @ADDR@:3602\n");
	daemon_start(d);
	int held = connect_address(own_address(0), 3601);
	expect_echo(held, "held");
	daemon_clear(d);
	daemon_entry(d, "x", HOLD "\tinstances = 1\n\tlisten = @ADDR@:3602\n");
	daemon_reload(d);
	ck_assert(is_served(own_address(0), 3602));
	expect_echo(held, "still held");
	close(held);
	daemon_stop(d);
}

END_TEST

START_TEST(missing_directory_of_services_changes_nothing)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	daemon_clear(d);
	daemon_add(d, "includedir @DIR@/misspelt\n");
	daemon_reload(d);
	expect_line(d, "event=config severity=warning*misspelt");
	expect_line(d, "event=reload-refused");
	ck_assert(is_served(own_address(0), 3601));
	/* Empty on purpose is another thing. */
	ck_assert_int_eq(mkdir(text_format("%s/misspelt", d->dir), 0700), 0);
	daemon_reload(d);
	expect_line(d, "event=reload-done services=0");
	daemon_stop(d);
}

END_TEST

START_TEST(e8_storm_of_signals)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	int a = connect_address(own_address(0), 3601);
	expect_echo(a, "before");
	for (int i = 0; i < 100; i++) {
		daemon_signal(d, SIGHUP);
		daemon_signal(d, SIGUSR1);
	}
	daemon_idle(d);
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR@:3602\n");
	daemon_write(d);
	for (int i = 0; i < 100; i++)
		daemon_signal(d, SIGHUP);
	daemon_idle(d);
	ck_assert(is_served(own_address(0), 3602));
	expect_echo(a, "after");
	for (int i = 0; i < 10; i++)
		daemon_signal(d, SIGHUP);
	/* Nobody has read the notifications of all these; make room for the last one. */
	daemon_idle(d);
	ck_assert(has_notify(d, "READY=1"));
	while (has_notify(d, "READY=1"))
		;
	close(a);
	daemon_stop(d);
}

END_TEST

static void
remove_file(struct daemon *d)
{
	unlink(d->conf_path);
}

static void
empty_file(struct daemon *d)
{
	write_file(d->conf_path, 0600, "");
}

static void
directory_instead(struct daemon *d)
{
	unlink(d->conf_path);
	ck_assert_int_eq(mkdir(d->conf_path, 0700), 0);
}

static void
fifo_instead(struct daemon *d)
{
	unlink(d->conf_path);
	ck_assert_int_eq(mkfifo(d->conf_path, 0600), 0);
}

static void (*const spoil_file[])(
    struct daemon *d) = { remove_file, directory_instead, fifo_instead, empty_file };

START_TEST(e12_file_missing_at_a_reload_keeps_everything)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	int a = connect_address(own_address(0), 3601);
	expect_echo(a, "before");
	spoil_file[_i](d);
	daemon_signal(d, SIGHUP);
	expect_notify(d, "READY=1");
	if (_i < 3) {
		expect_line(d, "event=reload-refused");
		ck_assert(is_served(own_address(0), 3601));
	}
	expect_echo(a, "after");
	close(a);
	daemon_stop(d);
}

END_TEST

#define CLIENTS 4
#define RELOADS 200

/* A client that connects, is served and leaves, again and again, until something is written into the pipe. */
static pid_t
start_client(const char *address, unsigned port, int stop_fd)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	for (unsigned served = 0;; served++) {
		struct pollfd pfd = { .fd = stop_fd, .events = POLLIN };
		char answer[16];
		int fd = connect_address(address, port);

		if (fd < 0 || send(fd, "under load\n", 11, MSG_NOSIGNAL) != 11)
			_exit(2);
		if (read_bytes(fd, answer, 11) != 11)
			_exit(3);
		close(fd);
		if (served > 10 && poll(&pfd, 1, 0) > 0)
			_exit(0);
	}
}

START_TEST(two_hundred_reloads_under_load_lose_no_connection)
{
	struct daemon *d = daemon_new();
	pid_t clients[CLIENTS];
	int stop[2];

	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n\tlog_type =\n");
	daemon_start(d);
	int held = connect_address(own_address(0), 3600);
	expect_echo(held, "first");
	ck_assert_int_eq(pipe(stop), 0);
	daemon_reload(d);
	unsigned fds = daemon_fds(d);
	for (size_t i = 0; i < CLIENTS; i++)
		clients[i] = start_client(own_address(0), 3600, stop[0]);
	for (int i = 0; i < RELOADS; i++) {
		daemon_clear(d);
		daemon_entry(d, "x",
		    text_format(
			HOLD "\tlisten = @ADDR@:3600\n\tlog_type =\n\tenv = ROUND=%d\n", i));
		if (i % 2 == 0)
			daemon_entry(d, "other", HOLD "\tlisten = @ADDR@:3700\n");
		daemon_reload(d);
	}
	ck_assert_int_eq(write(stop[1], "....", 4), 4);
	for (size_t i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(wait_exit(clients[i]), 0);
	expect_echo(held, "held all the time");
	daemon_clear(d);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n\tlog_type =\n");
	daemon_reload(d);
	ck_assert_uint_eq(daemon_fds(d), fds);
	close(held);
	daemon_stop(d);
}

END_TEST

/* The lines of the state dump that tell of clients; static text. */
static const char *
counters(struct daemon *d)
{
	static char found[4096];
	char line[512];

	daemon_mark(d);
	daemon_signal(d, SIGUSR1);
	expect_line(d, "event=dump path=");
	FILE *f = fopen(text_format("%s/run/dump", d->dir), "re");
	ck_assert_ptr_nonnull(f);
	found[0] = '\0';
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "accepted") != NULL || strncmp(line, "connections:", 12) == 0)
			strcat(found, line);
	fclose(f);
	return found;
}

START_TEST(counters_and_connection_numbers_go_on)
{
	struct daemon *d = daemon_new();
	char before[4096];

	daemon_service(d, "x", "tcp", SHOW "\tinstances = 9\n");
	daemon_start(d);
	for (int i = 1; i <= 3; i++)
		ck_assert_int_eq(atoi(show_value(shown_by(d, "x"), "env CONNECTION_ID")), i);
	expect_lines(d, 3, "EXIT: x");
	snprintf(before, sizeof(before), "%s", counters(d));
	ck_assert_msg(
	    strstr(before,
		"accepted=3 started=3 answered=0 refused=0 failed=0 aborted=0 ended=3") != NULL,
	    "%s", before);
	daemon_clear(d);
	daemon_entry(d, "x", SHOW "\tprotocol = tcp\n\tinstances = 5\n");
	daemon_reload(d);
	ck_assert_str_eq(counters(d), before);
	ck_assert_int_eq(atoi(show_value(shown_by(d, "x"), "env CONNECTION_ID")), 4);
	daemon_stop(d);
}

END_TEST

START_TEST(daemon_log_and_max_servers_change_at_a_reload)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int first = hold_open(d, "x");
	daemon_add(d, "defaults\n{\n\tmax_servers = 1\n\tdaemon_log = FILE @DIR@/error.log\n}\n");
	daemon_reload(d);
	int second = daemon_connect(d, "x");
	expect_closed(second);
	expect_line(d, "FAIL: x process_limit");
	ck_assert_ptr_nonnull(strstr(read_file(text_format("%s/error.log", d->dir)), "event="));
	close(first);
	close(second);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(new_services_start_and_removed_ones_stop),
	TEST(changed_settings_apply_to_the_next_client),
	TEST(ports_can_be_swapped_and_services_renamed),
	TEST(wildcard_and_one_address_replace_each_other),
	TEST_LOOP(e6_errors_in_the_text_change_nothing, ARRAY_LEN(bad_texts)),
	TEST(missing_surroundings_keep_one_service_as_it_was),
	TEST(e7_address_taken_at_a_reload),
	TEST(taken_address_is_tried_again_and_again),
	TEST(e7_services_that_depend_on_one_that_stays_stay_as_well),
	TEST(e7_old_address_comes_back_when_the_new_one_is_not_to_be_had),
	TEST(services_of_one_id_are_told_apart_by_their_addresses),
	TEST(missing_directory_of_services_changes_nothing),
	TEST(e8_storm_of_signals),
	TEST_LOOP(e12_file_missing_at_a_reload_keeps_everything, ARRAY_LEN(spoil_file)),
	TEST(two_hundred_reloads_under_load_lose_no_connection),
	TEST(counters_and_connection_numbers_go_on),
	TEST(daemon_log_and_max_servers_change_at_a_reload),
};

int
main(void)
{
	return run_functional("reload", tests, ARRAY_LEN(tests));
}
