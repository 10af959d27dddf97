/* SPDX-License-Identifier: MIT */
/* Who may come, and when: only_from, no_access, access_times, max_load. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/pool.h"
#include "functional/sources.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

static struct daemon *
started(const char *kind, const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_setenv(d, "TZ=UTC0");
	daemon_service(d, "x", kind, attributes);
	daemon_start(d);
	return d;
}

static void
expect_served(struct daemon *d, const char *source)
{
	close(hold_open_from(d, "x", source));
}

START_TEST(only_from_refuses_all_others_without_a_process)
{
	struct daemon *d =
	    started("tcp", HOLD "\tonly_from = 127.0.0.2 127.0.1.16/28\n\tinstances = 1\n");
	unsigned forks = inject_calls(d, INJECT_FORK);

	expect_refused(d, "x", "127.0.0.3");
	expect_line(d, "FAIL: x address from=127.0.0.3");
	/* Readers of such lines want the address at their end. */
	ck_assert_ptr_nonnull(strstr(d->log, "FAIL: x address from=127.0.0.3\n"));
	for (int i = 0; i < 20; i++)
		expect_refused(d, "x", "127.0.1.32");
	expect_lines(d, 21, "FAIL: x address");
	ck_assert_uint_eq(inject_calls(d, INJECT_FORK), forks);
	expect_no_line(d, "START:");
	int fd = hold_open_from(d, "x", "127.0.1.17");
	/* Those who are not let in hear nothing of limits either. */
	expect_refused(d, "x", "127.0.0.3");
	expect_no_line(d, "service_limit");
	expect_refused(d, "x", "127.0.0.2");
	expect_line(d, "FAIL: x service_limit from=127.0.0.2");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(no_access_wins_over_only_from)
{
	struct daemon *d =
	    started("tcp", HOLD "\tonly_from = 127.0.0.0/8\n\tno_access = 127.0.0.0/30\n");

	expect_refused(d, "x", "127.0.0.1");
	expect_refused(d, "x", "127.0.0.3");
	expect_served(d, "127.0.0.4");
	expect_lines(d, 2, "FAIL: x address from=127.0.0.");
	daemon_stop(d);
}

END_TEST

START_TEST(no_access_alone_lets_in_all_others)
{
	struct daemon *d = started("tcp", HOLD "\tno_access = 127.0.0.2\n");

	expect_refused(d, "x", "127.0.0.2");
	expect_served(d, "127.0.0.3");
	daemon_stop(d);
}

END_TEST

START_TEST(empty_only_from_serves_nobody)
{
	struct daemon *d = started("tcp", HOLD "\tonly_from =\n");

	expect_refused(d, "x", "127.0.0.1");
	expect_line(d, "FAIL: x address from=127.0.0.1");
	daemon_stop(d);
}

END_TEST

START_TEST(d1_mapped_clients_are_judged_as_ipv4)
{
	if (!has_ipv6())
		return;
	struct daemon *d =
	    started("dual", HOLD "\tonly_from = 127.0.0.0/8\n\tno_access = 127.0.0.3\n");

	expect_served(d, "127.0.0.2");
	expect_refused(d, "x", "127.0.0.3");
	expect_line(d, "FAIL: x address from=127.0.0.3");
	expect_refused(d, "x", "::1");
	expect_line(d, "FAIL: x address from=::1");
	daemon_stop(d);
}

END_TEST

START_TEST(ipv6_prefixes_are_judged)
{
	if (!has_ipv6() || !own_network())
		return;
	struct daemon *d = started("tcp6", HOLD "\tonly_from = 2001:db8:1::/48 ::1\n"
						"\tno_access = 2001:db8:1:2::/64\n");

	expect_served(d, "2001:db8:1::5");
	expect_served(d, "::1");
	expect_refused(d, "x", "2001:db8:1:2::5");
	expect_refused(d, "x", "2001:db8:2::5");
	daemon_stop(d);
}

END_TEST

START_TEST(lists_come_from_defaults)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "y", "tcp", HOLD "\tonly_from += 127.0.0.3\n");
	daemon_add(d, "defaults\n{\n\tonly_from = 127.0.0.2\n}\n");
	daemon_start(d);
	expect_refused(d, "x", "127.0.0.3");
	close(hold_open_from(d, "x", "127.0.0.2"));
	close(hold_open_from(d, "y", "127.0.0.2"));
	close(hold_open_from(d, "y", "127.0.0.3"));
	expect_refused(d, "y", "127.0.0.4");
	daemon_stop(d);
}

END_TEST

START_TEST(reload_changes_the_list_and_keeps_who_is_there)
{
	struct daemon *d = started("tcp", HOLD "\tonly_from = 127.0.0.2\n");
	int fd = hold_open_from(d, "x", "127.0.0.2");

	daemon_clear(d);
	daemon_entry(d, "x", HOLD "\tprotocol = tcp\n\tonly_from = 127.0.0.3\n");
	daemon_reload(d);
	expect_refused(d, "x", "127.0.0.2");
	expect_served(d, "127.0.0.3");
	expect_echo(fd, "still here");
	daemon_clear(d);
	daemon_entry(d, "x", HOLD "\tprotocol = tcp\n");
	daemon_reload(d);
	expect_served(d, "127.0.0.2");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(refused_client_of_a_pool_starts_no_worker)
{
	struct daemon *d = started("tcp", "\tserver = @PROGRAMS@/worker\n\tserver_args = porter\n"
					  "\tpool = ondemand\n\tonly_from = 127.0.0.2\n");
	unsigned forks = inject_calls(d, INJECT_FORK);

	for (int i = 0; i < 10; i++)
		expect_refused(d, "x", "127.0.0.3");
	expect_lines(d, 10, "FAIL: x address from=127.0.0.3");
	ck_assert_uint_eq(inject_calls(d, INJECT_FORK), forks);
	int fd = connect_from(d, "x", "127.0.0.2");
	ck_assert_str_ne(ask(fd, "pid"), "");
	close(fd);
	daemon_stop(d);
}

END_TEST

/* ---- files ---- */

static void
write_list(struct daemon *d, const char *name, const char *text)
{
	char path[128], next[160];

	snprintf(path, sizeof(path), "%s/%s", d->dir, name);
	snprintf(next, sizeof(next), "%s.next", path);
	write_file(next, 0644, text);
	ck_assert_int_eq(rename(next, path), 0);
}

static struct daemon *
with_list(const char *text)
{
	struct daemon *d = daemon_new();

	write_list(d, "list", text);
	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tonly_from = @@DIR@/list\n");
	daemon_start(d);
	return d;
}

/* The daemon has read it again, and now only this one is served. */
static void
expect_list(struct daemon *d, const char *served, const char *refused)
{
	expect_line(d, "event=address-file-read file=%s/list", d->dir);
	expect_served(d, served);
	expect_refused(d, "x", refused);
	daemon_mark(d);
}

/* A file that was just written is read once more after the start. */
static struct daemon *
with_settled_list(void)
{
	struct daemon *d = with_list("# who may come\n127.0.0.2\n\n127.0.1.0/24 # and these\n");

	expect_list(d, "127.0.1.7", "127.0.0.3");
	return d;
}

START_TEST(file_that_is_replaced_is_read_again)
{
	struct daemon *d = with_settled_list();

	for (int i = 0; i < 3; i++) {
		write_list(d, "list", "127.0.0.3\n");
		expect_list(d, "127.0.0.3", "127.0.0.2");
		write_list(d, "list", "127.0.0.2\n");
		expect_list(d, "127.0.0.2", "127.0.0.3");
	}
	daemon_stop(d);
}

END_TEST

START_TEST(file_that_is_written_over_is_read_again)
{
	struct daemon *d = with_settled_list();
	char path[128];

	snprintf(path, sizeof(path), "%s/list", d->dir);
	FILE *f = fopen(path, "a");
	ck_assert_ptr_nonnull(f);
	fputs("127.0.0.3\n", f);
	fclose(f);
	expect_list(d, "127.0.0.3", "127.0.0.4");
	write_file(path, 0644, "127.0.0.4\n");
	expect_list(d, "127.0.0.4", "127.0.0.3");
	daemon_stop(d);
}

END_TEST

/* As many problems as the status names, each a list. */
static void
expect_bad_lists(struct daemon *d, unsigned count)
{
	json_t *status = control_ask(d, "{\"command\":\"status\"}");
	const json_t *problem;
	size_t i;

	ck_assert_int_eq(json_number_at(status, "problem_count"), count);
	json_array_foreach(json_at(status, "problems"), i, problem)
		ck_assert_str_eq(json_text_at(problem, "what"), "addresses");
	json_decref(status);
}

START_TEST(file_that_goes_and_comes_back_counts_all_the_time)
{
	struct daemon *d = with_settled_list();
	char path[128];

	snprintf(path, sizeof(path), "%s/list", d->dir);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(unlink(path), 0);
		expect_line(d,
		    "event=address-file-refused file=%s error=\"No such file or directory\"", path);
		expect_bad_lists(d, 1);
		expect_served(d, "127.0.0.2");
		expect_refused(d, "x", "127.0.0.4");
		daemon_mark(d);
		write_file(path, 0644, "127.0.0.2\n");
		expect_list(d, "127.0.0.2", "127.0.1.7");
		expect_bad_lists(d, 0);
	}
	daemon_stop(d);
}

END_TEST

START_TEST(file_with_a_mistake_leaves_what_was_there)
{
	struct daemon *d = with_settled_list();

	write_list(d, "list", "127.0.0.3\n10.0.0.300\n");
	expect_line(
	    d, "event=address-file-refused file=%s/list line=2 error=\"*10.0.0.300*\"", d->dir);
	expect_bad_lists(d, 1);
	expect_served(d, "127.0.0.2");
	expect_refused(d, "x", "127.0.0.3");
	daemon_mark(d);
	write_list(d, "list", "127.0.0.3\n");
	expect_list(d, "127.0.0.3", "127.0.0.2");
	daemon_stop(d);
}

END_TEST

START_TEST(file_behind_a_link_is_followed)
{
	struct daemon *d = daemon_new();
	char target[128], path[128];

	snprintf(target, sizeof(target), "%s/lists", d->dir);
	ck_assert_int_eq(mkdir(target, 0755), 0);
	write_list(d, "lists/one", "127.0.0.2\n");
	write_list(d, "lists/two", "127.0.0.4\n");
	snprintf(path, sizeof(path), "%s/list", d->dir);
	ck_assert_int_eq(symlink("lists/one", path), 0);
	daemon_service(d, "x", "tcp", HOLD "\tonly_from = @@DIR@/list\n");
	daemon_start(d);
	expect_list(d, "127.0.0.2", "127.0.0.3");
	write_list(d, "lists/one", "127.0.0.3\n");
	expect_list(d, "127.0.0.3", "127.0.0.2");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("lists/two", path), 0);
	expect_list(d, "127.0.0.4", "127.0.0.3");
	daemon_stop(d);
}

END_TEST

/* A link far above leads elsewhere, of which nothing is heard in the directories of the file. */
START_TEST(file_below_a_linked_directory_is_looked_at)
{
	struct daemon *d = daemon_new();
	const char *link = text_format("%s/now", d->dir);

	ck_assert_int_eq(mkdir(text_format("%s/one", d->dir), 0755), 0);
	ck_assert_int_eq(mkdir(text_format("%s/two", d->dir), 0755), 0);
	write_list(d, "one/list", "127.0.0.2\n");
	write_list(d, "two/list", "127.0.0.4\n");
	ck_assert_int_eq(symlink("one", link), 0);
	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tonly_from = @@DIR@/now/list\n");
	daemon_start(d);
	expect_line(d, "event=address-file-read file=%s/now/list", d->dir); /* just written */
	daemon_mark(d);
	expect_served(d, "127.0.0.2");
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(symlink("two", link), 0);
	pass_time(d, 6);
	expect_line(d, "event=address-file-read file=%s/now/list", d->dir);
	expect_served(d, "127.0.0.4");
	expect_refused(d, "x", "127.0.0.2");
	daemon_stop(d);
}

END_TEST

#define MANY 200000

static void
write_many(struct daemon *d, const char *first)
{
	FILE *f = fopen(text_format("%s/new", d->dir), "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "%s\n", first);
	for (unsigned i = 0; i < MANY; i++)
		fprintf(f, "10.%u.%u.%u/31\n", i >> 16, i >> 8 & 0xff, i << 1 & 0xff);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(text_format("%s/new", d->dir), 0644), 0);
	ck_assert_int_eq(rename(text_format("%s/new", d->dir), text_format("%s/list", d->dir)), 0);
}

/* The first child of the daemon: it has no program. */
static pid_t
wait_for_reader(struct daemon *d)
{
	const char *path = text_format("/proc/%d/task/%d/children", (int)d->pid, (int)d->pid);
	int64_t deadline = deadline_after();
	pid_t pid = 0;

	while (pid <= 0 && now_ms() < deadline)
		pid = atoi(read_file(path));
	ck_assert_msg(pid > 0, "nobody reads the file beside the daemon");
	return pid;
}

START_TEST(long_file_is_read_while_the_service_goes_on)
{
	struct daemon *d = daemon_new();
	pid_t reader;

	write_many(d, "127.0.0.2");
	daemon_service(d, "x", "tcp", HOLD "\tonly_from = @@DIR@/list\n");
	daemon_start(d);
	close(hold_open_from(d, "x", "127.0.0.2"));
	expect_line(d, "EXIT: x");
	expect_line(d, "event=address-file-read"); /* it was just written */
	daemon_mark(d);
	write_many(d, "127.0.0.3");
	reader = wait_for_reader(d);
	ck_assert_int_eq(kill(reader, SIGSTOP), 0);
	close(hold_open_from(d, "x", "127.0.0.2"));
	ck_assert_uint_eq(count_lines(d, "event=address-file-read"), 0);
	ck_assert_int_eq(kill(reader, SIGCONT), 0);
	expect_line(d, "event=address-file-read file=%s/list ranges=", d->dir);
	expect_list(d, "127.0.0.3", "127.0.0.2");
	/* One that is gone takes the daemon nowhere. */
	write_many(d, "127.0.0.4");
	reader = wait_for_reader(d);
	ck_assert_int_eq(kill(reader, SIGKILL), 0);
	expect_line(
	    d, "event=address-file-refused file=%s/list error=\"what reads it was ended\"", d->dir);
	expect_list(d, "127.0.0.4", "127.0.0.3");
	daemon_stop(d);
}

END_TEST

START_TEST(file_is_shared_and_left_by_reloads)
{
	struct daemon *d = daemon_new();

	write_list(d, "list", "127.0.0.2\n");
	daemon_service(d, "x", "tcp", HOLD "\tonly_from = @@DIR@/list\n");
	daemon_service(d, "y", "tcp", HOLD "\tno_access = @@DIR@/list\n");
	daemon_start(d);
	expect_list(d, "127.0.0.2", "127.0.0.3");
	expect_refused(d, "y", "127.0.0.2");
	unsigned fds = daemon_fds(d);
	daemon_clear(d);
	daemon_entry(d, "x", HOLD "\tprotocol = tcp\n");
	daemon_entry(d, "y", HOLD "\tprotocol = tcp\n\tno_access = @@DIR@/list\n");
	daemon_reload(d);
	write_list(d, "list", "127.0.0.3\n");
	expect_line(d, "event=address-file-read");
	expect_refused(d, "y", "127.0.0.3");
	close(hold_open_from(d, "y", "127.0.0.2"));
	expect_served(d, "127.0.0.9");
	daemon_clear(d);
	daemon_entry(d, "x", HOLD "\tprotocol = tcp\n");
	daemon_entry(d, "y", HOLD "\tprotocol = tcp\n");
	daemon_reload(d);
	ck_assert_uint_lt(daemon_fds(d), fds);
	daemon_stop(d);
}

END_TEST

START_TEST(file_that_cannot_be_watched_is_looked_at)
{
	struct daemon *d = daemon_new();

	write_list(d, "list", "127.0.0.2\n");
	daemon_inject(d);
	inject_fail(d, INJECT_INOTIFY, EMFILE, -1);
	daemon_service(d, "x", "tcp", HOLD "\tonly_from = @@DIR@/list\n");
	daemon_start(d);
	expect_list(d, "127.0.0.2", "127.0.0.3");
	write_list(d, "list", "127.0.0.3\n");
	pass_time(d, 6);
	expect_list(d, "127.0.0.3", "127.0.0.2");
	ck_assert_uint_eq(count_lines(d, "event=address-file-unwatched"), 0); /* once, before */
	daemon_stop(d);
}

END_TEST

/* ---- when ---- */

/* The daemon's wall clock shows this time of the day, in UTC. */
static void
set_clock(struct daemon *d, int hour, int minute)
{
	time_t now = time(NULL);

	atomic_store(&d->inject->realtime_s,
	    (long long)(hour * 3600 + minute * 60) - (long long)(now % 86400));
}

START_TEST(access_times_open_and_close_the_service)
{
	struct daemon *d =
	    started("tcp", HOLD "\taccess_times = 8:30-17:00 22:00-06:00 12:00-24:00\n");

	static const struct {
		int hour, minute;
		bool is_open;
	} rows[] = {
		{ 8, 29, false },
		{ 8, 30, true },
		{ 17, 0, true },
		{ 23, 59, true },
		{ 0, 0, true },
		{ 6, 0, true },
		{ 6, 1, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		set_clock(d, rows[i].hour, rows[i].minute);
		if (rows[i].is_open)
			expect_served(d, "127.0.0.1");
		else
			expect_refused(d, "x", "127.0.0.1");
	}
	expect_lines(d, 2, "FAIL: x time from=127.0.0.1");
	daemon_stop(d);
}

END_TEST

START_TEST(max_load_refuses_while_the_machine_is_busy)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tmax_load = 2.5\n");
	atomic_store(&d->inject->load, 250);
	daemon_start(d);
	expect_served(d, "127.0.0.1");
	atomic_store(&d->inject->load, 251);
	pass_time(d, 2);
	expect_refused(d, "x", "127.0.0.1");
	expect_line(d, "FAIL: x load from=127.0.0.1");
	atomic_store(&d->inject->load, 1);
	pass_time(d, 2);
	expect_served(d, "127.0.0.1");
	daemon_stop(d);
}

END_TEST

/* Such a program accepts by itself: those who come at the wrong time are accepted for it, and closed. */
START_TEST(waiting_program_is_not_started_at_other_times)
{
	struct daemon *d = started("tcp", "\tserver = @PROGRAMS@/waiter\n\tserver_args = stream 1\n"
					  "\twait = yes\n\taccess_times = 8:00-9:00\n");

	set_clock(d, 10, 0);
	for (int i = 0; i < 3; i++)
		expect_refused(d, "x", "127.0.0.1");
	expect_lines(d, 3, "FAIL: x time from=127.0.0.1");
	expect_no_line(d, "START:");
	set_clock(d, 8, 30);
	int fd = connect_from(d, "x", "127.0.0.1");
	send_text(fd, "hello\n");
	ck_assert_ptr_nonnull(strstr(read_line(fd), "hello"));
	close(fd);
	daemon_stop(d);
}

END_TEST

/* ---- datagrams ---- */

START_TEST(datagram_of_somebody_else_is_thrown_away)
{
	struct daemon *d = started("udp", "\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 2\n"
					  "\twait = yes\n\tonly_from = 127.0.0.2\n");
	int other = datagram_from(d, "x", "127.0.0.3"), fd = datagram_from(d, "x", "127.0.0.2");

	for (int i = 0; i < 5; i++)
		send_text(other, "in vain");
	expect_line(d, "FAIL: x address from=127.0.0.3");
	send_text(fd, "hello");
	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	ck_assert(is_silent(other));
	/* Anybody can send as many as he likes: one line is enough. */
	ck_assert_uint_eq(count_lines(d, "FAIL: x address from=127.0.0.3"), 1);
	expect_count(d, 1, "START: x");
	ck_assert_int_eq(pool_number(d, "x", "refused"), 5);
	close(other);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(each_datagram_to_a_builtin_is_judged)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "echo", "udp",
	    "\ttype = INTERNAL\n\tuser = @USER@\n\twait = yes\n"
	    "\tonly_from = 127.0.0.2\n");
	daemon_start(d);
	int other = datagram_from(d, "echo", "127.0.0.3");
	int fd = datagram_from(d, "echo", "127.0.0.2");

	for (int i = 0; i < 3; i++) {
		send_text(other, "in vain");
		send_text(fd, "hello");
		ck_assert(wait_for(fd, POLLIN, deadline_after()));
		ck_assert_int_gt(recv(fd, (char[64]){ 0 }, 64, 0), 0);
	}
	ck_assert(is_silent(other));
	ck_assert_int_eq(pool_number(d, "echo", "refused"), 3);
	ck_assert_uint_eq(count_lines(d, "FAIL: echo address"), 1);
	close(other);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(only_from_refuses_all_others_without_a_process),
	TEST(no_access_wins_over_only_from),
	TEST(no_access_alone_lets_in_all_others),
	TEST(empty_only_from_serves_nobody),
	TEST(d1_mapped_clients_are_judged_as_ipv4),
	TEST(ipv6_prefixes_are_judged),
	TEST(lists_come_from_defaults),
	TEST(reload_changes_the_list_and_keeps_who_is_there),
	TEST(refused_client_of_a_pool_starts_no_worker),
	TEST(file_that_is_replaced_is_read_again),
	TEST(file_that_is_written_over_is_read_again),
	TEST(file_that_goes_and_comes_back_counts_all_the_time),
	TEST(file_with_a_mistake_leaves_what_was_there),
	TEST(file_behind_a_link_is_followed),
	TEST(file_below_a_linked_directory_is_looked_at),
	TEST(long_file_is_read_while_the_service_goes_on),
	TEST(file_is_shared_and_left_by_reloads),
	TEST(file_that_cannot_be_watched_is_looked_at),
	TEST(access_times_open_and_close_the_service),
	TEST(max_load_refuses_while_the_machine_is_busy),
	TEST(waiting_program_is_not_started_at_other_times),
	TEST(datagram_of_somebody_else_is_thrown_away),
	TEST(each_datagram_to_a_builtin_is_judged),
};

int
main(void)
{
	return run_functional("access", tests, ARRAY_LEN(tests));
}
