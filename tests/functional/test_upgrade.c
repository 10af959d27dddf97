/* SPDX-License-Identifier: MIT */
/* Another binary takes the daemon's place: nobody who is served notices, and one that is no good never gets there. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/daemon.h"
#include "functional/pool.h"

#define HOLD         "\tserver = @PROGRAMS@/hold\n"
#define WORKER(args) "\tserver = @PROGRAMS@/worker\n\tserver_args = " args "\n"
#define WAITER(args) "\tserver = @PROGRAMS@/waiter\n\tserver_args = " args "\n\twait = yes\n"
#define STATIC(n)    "\tpool = static\n\tpool_max = " #n "\n\ton_limit = queue\n"
#define AT(port)     "\tprotocol = tcp\n\tlisten = @ADDR@:" #port "\n"

/* ---- the binary ---- */

static const char *
binary_path(const struct daemon *d)
{
	return text_format("%s/porterd", d->dir);
}

/* One that runs cannot be written to: another file takes its place. */
static void
put_binary(const struct daemon *d, const char *from)
{
	const char *fresh = text_format("%s/porterd.new", d->dir);

	copy_file(from, fresh, 0755);
	ck_assert_int_eq(rename(fresh, binary_path(d)), 0);
}

static void
put_script(const struct daemon *d, const char *text)
{
	const char *fresh = text_format("%s/porterd.new", d->dir);

	write_file(fresh, 0755, text);
	ck_assert_int_eq(rename(fresh, binary_path(d)), 0);
}

/* A daemon whose binary the test can replace. */
static struct daemon *
new_daemon(void)
{
	struct daemon *d = daemon_new();

	put_binary(d, PORTERD);
	d->binary = binary_path(d);
	return d;
}

static void
upgrade(struct daemon *d)
{
	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	expect_notify(d, "RELOADING=1");
	expect_notify(d, "READY=1");
	expect_line(d, "event=upgraded version=*");
}

static const char *
upgrade_refused(struct daemon *d)
{
	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	return expect_line(d, "event=upgrade-refused *");
}

static long long
counter(struct daemon *d, const char *service, const char *name)
{
	json_t *j = control_ask(d, "{\"command\":\"services\",\"service\":\"%s\"}", service);
	long long n = json_number_at(j, text_format("services.0.counters.%s", name));

	json_decref(j);
	return n;
}

/* Until the number at this path of what is said of the service is that one. */
static void
expect_said(struct daemon *d, const char *service, const char *path, long long value)
{
	int64_t deadline = deadline_after();

	for (;;) {
		json_t *j =
		    control_ask(d, "{\"command\":\"services\",\"service\":\"%s\"}", service);
		long long said = json_number_at(j, text_format("services.0.%s", path));

		json_decref(j);
		if (said == value)
			return;
		if (now_ms() > deadline)
			daemon_fail(d, "%s is %lld", path, said);
	}
}

/* ---- who is served ---- */

START_TEST(programs_go_on_and_their_end_is_logged)
{
	struct daemon *d = new_daemon();
	pid_t daemon_pid, pid;

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	daemon_pid = d->pid;
	int fd = daemon_connect(d, "x"), second;
	pid = ask_pid(fd);
	expect_line(d, "START: x pid=%d from=127.0.0.1 conn=1", (int)pid);
	upgrade(d);
	expect_echo(fd, "still here");
	second = daemon_connect(d, "x");
	ask_pid(second);
	expect_line(d, "START: x pid=* conn=2");
	upgrade(d);
	send_text(fd, "exit 3\n");
	expect_line(d, "EXIT: x status=3 pid=%d duration=*(sec) cpu=*conn=1", (int)pid);
	expect_echo(second, "me too");
	close(second);
	expect_line(d, "EXIT: x status=0 pid=* conn=2");
	close(fd);
	ck_assert_int_eq(d->pid, daemon_pid);
	ck_assert_int_eq(counter(d, "x", "accepted"), 2);
	ck_assert_int_eq(counter(d, "x", "started"), 2);
	ck_assert_int_eq(counter(d, "x", "ended"), 2);
	daemon_stop(d);
}

END_TEST

START_TEST(the_program_of_a_waiting_service_keeps_the_socket)
{
	struct daemon *d = new_daemon();
	int fd, first;

	daemon_service(d, "x", "tcp", WAITER("stream 2"));
	daemon_start(d);
	fd = daemon_connect(d, "x");
	send_text(fd, "one\n");
	first = atoi(read_line(fd));
	close(fd);
	upgrade(d);
	fd = daemon_connect(d, "x");
	send_text(fd, "two\n");
	ck_assert_int_eq(atoi(read_line(fd)), first);
	close(fd);
	expect_line(d, "EXIT: x status=0 pid=%d", first);
	/* The listener is the daemon's again. */
	fd = daemon_connect(d, "x");
	send_text(fd, "three\n");
	ck_assert_int_ne(atoi(read_line(fd)), first);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(a_datagram_socket_stays_with_its_program)
{
	struct daemon *d = new_daemon();
	char answer[64];

	daemon_service(d, "x", "udp", WAITER("dgram 2"));
	daemon_start(d);
	int fd = datagram_to(d, "x");
	ck_assert_int_eq(send(fd, "one", 3, 0), 3);
	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	ck_assert_int_gt(recv(fd, answer, sizeof(answer), 0), 0);
	upgrade(d);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(send(fd, "next", 4, 0), 4);
		ck_assert(wait_for(fd, POLLIN, deadline_after()));
		ck_assert_int_gt(recv(fd, answer, sizeof(answer), 0), 0);
	}
	expect_line(d, "START: x");
	close(fd);
	daemon_stop(d);
}

END_TEST

static bool
is_among(pid_t pid, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static void
expect_replaced(struct daemon *d, const pid_t *old, size_t old_count, size_t count)
{
	pid_t pids[WORKERS_MAX];
	int64_t deadline = deadline_after();

	for (;;) {
		size_t there = worker_pids(d, "x", NULL, pids), left = 0;

		for (size_t i = 0; i < there; i++)
			left += is_among(pids[i], old, old_count);
		if (left == 0 && there == count)
			return;
		if (now_ms() > deadline)
			daemon_fail(d, "%zu of %zu old workers are left, %zu in all", left,
			    old_count, there);
		pass_time(d, 1);
	}
}

static int
open_at(unsigned port, pid_t *pid)
{
	int fd = connect_address(own_address(0), port);

	ck_assert_msg(fd >= 0, "port %u: %s", port, strerror(-fd));
	*pid = ask_pid(fd);
	return fd;
}

/* The file says now that its workers get another environment. */
static void
change_file(struct daemon *d, const char *attributes)
{
	daemon_clear(d);
	daemon_entry(d, "x", text_format("%s\tenv = CHANGED=1\n", attributes));
	daemon_write(d);
}

/* The kinds of workers that there are. */
static const char *const pools[] = {
	WORKER("porter") STATIC(3) AT(3600),
	WORKER("looks") STATIC(3) AT(3600),
	WORKER("plain") "\tpool_protocol = plain\n" STATIC(3) AT(3600),
	HOLD "\tpool_exec = fresh\n" STATIC(3) AT(3600),
};

START_TEST(workers_of_other_settings_finish_what_they_have_and_are_replaced)
{
	struct daemon *d = new_daemon();
	pid_t old[WORKERS_MAX], busy, other;
	size_t count;

	daemon_inject(d);
	daemon_entry(d, "x", pools[_i]);
	daemon_start(d);
	expect_workers(d, "x", 3, 3);
	int fd = open_at(3600, &busy), second;
	count = worker_pids(d, "x", NULL, old);
	change_file(d, pools[_i]);
	upgrade(d);
	ck_assert_int_eq(ask_pid(fd), busy);
	second = open_at(3600, &other);
	expect_echo(second, "hello meanwhile");
	close(second);
	/* Now it is asked to end after what it has, and the one who asked is replaced, too. */
	for (int i = 0; i < 6; i++)
		pass_time(d, 1);
	upgrade(d);
	expect_echo(fd, "in the middle");
	close(fd);
	expect_line(d, "EXIT: x status=0 pid=%d duration=* conn=1", (int)busy);
	expect_replaced(d, old, count, 3);
	expect_no_line(d, "event=worker-lost");
	expect_no_line(d, "event=worker-failed");
	second = open_at(3600, &other);
	ck_assert(!is_among(other, old, count));
	close(second);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

/* Programs know nothing of the daemon's binary; only what is its own code is another's afterwards. */
static const struct {
	const char *attributes;
	size_t count;
} lasting[] = {
	{ WORKER("porter") STATIC(3) AT(3600), 3 },
	{ WORKER("looks") STATIC(3) AT(3600), 3 },
	{ WORKER("plain") "\tpool_protocol = plain\n" STATIC(3) AT(3600), 3 },
	{ WORKER("listen") "\tpool_accept = worker\n" STATIC(2) AT(3600), 2 },
};

START_TEST(workers_go_on_where_nothing_has_changed)
{
	struct daemon *d = new_daemon();
	pid_t old[WORKERS_MAX], pids[WORKERS_MAX], busy, other;
	size_t count = lasting[_i].count;

	daemon_inject(d);
	daemon_entry(d, "x", lasting[_i].attributes);
	daemon_start(d);
	expect_workers(d, "x", (unsigned)count, (unsigned)count);
	ck_assert_uint_eq(worker_pids(d, "x", NULL, old), count);
	int fd = open_at(3600, &busy), second;
	for (int i = 0; i < 3; i++) {
		upgrade(d);
		pass_time(d, 1);
		ck_assert_int_eq(ask_pid(fd), busy);
		second = open_at(3600, &other);
		ck_assert(is_among(other, old, count));
		close(second);
	}
	ck_assert_uint_eq(worker_pids(d, "x", NULL, pids), count);
	for (size_t i = 0; i < count; i++)
		ck_assert(is_among(pids[i], old, count));
	expect_echo(fd, "still the same");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(a_pool_does_not_grow_with_each_upgrade)
{
	struct daemon *d = new_daemon();
	pid_t pids[WORKERS_MAX];

	daemon_entry(d, "x", WORKER("porter") STATIC(2) AT(3600));
	daemon_start(d);
	expect_workers(d, "x", 2, 2);
	for (int i = 0; i < 6; i++) {
		daemon_clear(d);
		daemon_entry(d, "x",
		    text_format("%s\tenv = ROUND=%d\n", WORKER("porter") STATIC(2) AT(3600), i));
		daemon_write(d);
		upgrade(d);
		ck_assert_uint_le(worker_pids(d, "x", NULL, pids), 4);
	}
	expect_said(d, "x", "pool.leaving", 0);
	ck_assert_int_le(pool_number(d, "x", "workers"), 3);
	daemon_stop(d);
}

END_TEST

START_TEST(workers_that_share_the_listener_go_on)
{
	struct daemon *d = new_daemon();
	pid_t old[WORKERS_MAX], busy, other;
	size_t count;

	daemon_inject(d);
	daemon_entry(
	    d, "x", WORKER("listen graceful") "\tpool_accept = worker\n" STATIC(2) AT(3600));
	daemon_start(d);
	expect_workers(d, "x", 2, 2);
	int fd = open_at(3600, &busy), second;
	count = worker_pids(d, "x", NULL, old);
	change_file(d, WORKER("listen graceful") "\tpool_accept = worker\n" STATIC(2) AT(3600));
	upgrade(d);
	ck_assert_int_eq(ask_pid(fd), busy);
	second = open_at(3600, &other);
	expect_echo(second, "hello meanwhile");
	close(second);
	expect_echo(fd, "in the middle");
	close(fd);
	expect_replaced(d, old, count, 2);
	second = open_at(3600, &other);
	close(second);
	daemon_stop(d);
}

END_TEST

START_TEST(a_unix_socket_keeps_its_file)
{
	struct daemon *d = new_daemon();
	struct stat before, after;
	const char *path;

	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/sock\n");
	daemon_start(d);
	path = daemon_text(d, "@DIR@/sock");
	ck_assert_int_eq(stat(path, &before), 0);
	int fd = connect_unix(path), second;
	pid_t pid = ask_pid(fd);
	upgrade(d);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	second = connect_unix(path);
	ck_assert_int_ge(second, 0);
	ask_pid(second);
	ck_assert_int_eq(ask_pid(fd), pid);
	close(fd);
	close(second);
	daemon_stop(d);
	ck_assert(!path_exists(path));
}

END_TEST

START_TEST(half_a_line_of_standard_error_is_completed)
{
	struct daemon *d = new_daemon();

	daemon_service(d, "x", "tcp", HOLD "\tstderr = log\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	pid_t pid = ask_pid(fd);
	send_text(fd, "error whole%%0Ahalf%%ff\n");
	ck_assert_str_eq(read_line(fd), "written");
	expect_line(d, "event=stderr service=x pid=%d conn=1 text=whole", (int)pid);
	upgrade(d);
	send_text(fd, "error  a line%%0A\n");
	ck_assert_str_eq(read_line(fd), "written");
	expect_line(d, "event=stderr service=x pid=%d conn=1 text=\"half\\xff a line\"", (int)pid);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(a_client_who_waits_for_a_fork_is_served)
{
	struct daemon *d = new_daemon();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	inject_fail(d, INJECT_FORK, EAGAIN, 1);
	int fd = daemon_connect(d, "x");
	expect_line(d, "event=fork-failed service=x");
	upgrade(d);
	ask_pid(fd);
	expect_line(d, "START: x pid=* conn=1");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(a_service_that_was_removed_waits_for_its_program)
{
	struct daemon *d = new_daemon();

	daemon_entry(d, "x", HOLD AT(3600) "\tlog_on_success = PID EXIT\n");
	daemon_entry(d, "y", HOLD AT(3601) "\tlog_type = FILE @DIR@/y.log\n");
	daemon_start(d);
	pid_t pid, other;
	int fd = open_at(3600, &pid), second = open_at(3601, &other);
	daemon_clear(d);
	daemon_entry(d, "y", HOLD AT(3601) "\tlog_type = FILE @DIR@/y.log\n");
	daemon_reload(d);
	/* And one of which the new binary hears for the first time that it is not there any more. */
	daemon_clear(d);
	daemon_entry(d, "z", HOLD AT(3602));
	daemon_write(d);
	upgrade(d);
	ck_assert_int_eq(connect_address(own_address(0), 3601), -ECONNREFUSED);
	ck_assert_int_eq(ask_pid(fd), pid);
	ck_assert_int_eq(ask_pid(second), other);
	upgrade(d);
	send_text(fd, "exit 7\n");
	expect_line(d, "EXIT: x status=7 pid=%d cpu=*conn=1", (int)pid);
	send_text(second, "exit 8\n");
	expect_line(d, "EXIT: y status=8 pid=%d duration=* conn=2", (int)other);
	/* In its own log, too. */
	int64_t deadline = deadline_after();
	while (strstr(read_file(daemon_text(d, "@DIR@/y.log")), "EXIT: y status=8") == NULL)
		ck_assert_int_lt(now_ms(), deadline);
	close(fd);
	close(second);
	close(open_at(3602, &pid));
	daemon_stop(d);
}

END_TEST

START_TEST(a_client_whom_his_worker_has_not_taken_yet_is_served)
{
	struct daemon *d = new_daemon();
	pid_t worker;

	daemon_entry(d, "x", WORKER("porter") STATIC(1) AT(3600) "\tpool_max = 1\n");
	daemon_start(d);
	expect_workers(d, "x", 1, 1);
	worker_pids(d, "x", NULL, &worker);
	stop_process(worker);
	int fd = connect_address(own_address(0), 3600);
	ck_assert_int_ge(fd, 0);
	expect_line(d, "START: x pid=%d", (int)worker);
	expect_state(d, "x", worker, "sent");
	upgrade(d);
	expect_state(d, "x", worker, "sent");
	kill(worker, SIGCONT);
	ck_assert_int_eq(ask_pid(fd), worker);
	close(fd);
	expect_line(d, "EXIT: x status=0 pid=%d * conn=1", (int)worker);
	expect_no_line(d, "event=worker-lost");
	daemon_stop(d);
}

END_TEST

START_TEST(a_client_who_waits_for_a_worker_is_served)
{
	struct daemon *d = new_daemon();
	pid_t worker, other;

	daemon_inject(d);
	daemon_entry(d, "x", WORKER("porter") STATIC(1) AT(3600));
	daemon_start(d);
	expect_workers(d, "x", 1, 1);
	worker_pids(d, "x", NULL, &worker);
	stop_process(worker);
	int fd = connect_address(own_address(0), 3600);
	ck_assert_int_ge(fd, 0);
	expect_state(d, "x", worker, "sent");
	/* The next worker can be started only later. */
	inject_fail(d, INJECT_FORK, EAGAIN, 1);
	kill(worker, SIGKILL);
	expect_line(d, "event=fork-failed service=x");
	expect_said(d, "x", "pool.waiting", 1);
	upgrade(d);
	other = ask_pid(fd);
	ck_assert_int_ne(other, worker);
	close(fd);
	expect_line(d, "EXIT: x status=0 pid=%d * conn=1", (int)other);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

START_TEST(a_connection_that_waits_behind_another_is_served)
{
	struct daemon *d = new_daemon();
	pid_t first, second;

	daemon_entry(d, "x", WORKER("silent") "\tpool_protocol = plain\n" STATIC(1) AT(3600));
	daemon_start(d);
	int a = open_at(3600, &first);
	int b = connect_address(own_address(0), 3600);
	ck_assert_int_ge(b, 0);
	send_text(b, "pid\n");
	expect_line(d, "START: x pid=%d * conn=2", (int)first);
	upgrade(d);
	expect_echo(a, "hello");
	close(a);
	second = atoi(answer_of(d, b));
	ck_assert_int_eq(second, first);
	expect_line(d, "EXIT: x status=0 pid=%d * conn=1", (int)first);
	close(b);
	expect_no_line(d, "event=worker-lost");
	daemon_stop(d);
}

END_TEST

START_TEST(a_socket_that_is_not_wanted_any_more_takes_its_file_along)
{
	struct daemon *d = new_daemon();
	const char *path = text_format("%s/sock", d->dir);
	pid_t pid;

	daemon_entry(d, "x", HOLD "\tlisten = unix:@DIR@/sock\n");
	daemon_entry(d, "y", HOLD AT(3600));
	daemon_start(d);
	/* Its program has started and has no listener any more. */
	int fd = connect_unix(path);
	expect_echo(fd, "hello");
	close(fd);
	daemon_clear(d);
	daemon_entry(d, "y", HOLD AT(3600));
	daemon_write(d);
	upgrade(d);
	expect_line(d, "event=closed service=x address=unix:*sock");
	ck_assert(!path_exists(path));
	close(open_at(3600, &pid));
	daemon_stop(d);
}

END_TEST

START_TEST(services_of_one_name_stay_apart)
{
	struct daemon *d = new_daemon();
	pid_t pid;

	daemon_entry(d, "x", HOLD AT(3600) "\tid = same\n");
	daemon_entry(d, "y", HOLD AT(3601) "\tid = same\n");
	daemon_start(d);
	close(open_at(3601, &pid));
	int fd = open_at(3601, &pid);
	expect_lines(d, 1, "EXIT: same");
	upgrade(d);
	close(fd);
	expect_lines(d, 1, "EXIT: same");
	json_t *j = control_ask(d, "{\"command\":\"services\"}");
	ck_assert_int_eq(json_number_at(j, "services.0.counters.started"), 0);
	ck_assert_int_eq(json_number_at(j, "services.1.counters.started"), 2);
	ck_assert_int_eq(json_number_at(j, "services.1.counters.ended"), 2);
	json_decref(j);
	daemon_stop(d);
}

END_TEST

/* Which of them is off is told by its address. */
START_TEST(one_of_two_services_of_one_name_stays_off)
{
	struct daemon *d = new_daemon();
	unsigned off = 3600 + (unsigned)_i, on = 3601 - (unsigned)_i;
	pid_t pid, same;

	daemon_entry(d, "x", HOLD AT(3600) "\tid = same\n");
	daemon_entry(d, "y", HOLD AT(3601) "\tid = same\n");
	daemon_start(d);
	int fd = open_at(on, &pid);
	json_decref(control_ask(
	    d, "{\"command\":\"disable\",\"service\":\"same@%s:%u\"}", own_address(0), off));
	ck_assert_int_eq(connect_address(own_address(0), off), -ECONNREFUSED);
	for (int i = 0; i < 2; i++) {
		upgrade(d);
		close(open_at(on, &same));
		ck_assert_int_eq(connect_address(own_address(0), off), -ECONNREFUSED);
	}
	json_decref(control_ask(
	    d, "{\"command\":\"enable\",\"service\":\"same@%s:%u\"}", own_address(0), off));
	close(open_at(off, &same));
	ck_assert_int_eq(ask_pid(fd), pid);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Its old program goes on with a socket that nobody gets to any more; the new one is not that program's. */
START_TEST(a_socket_whose_file_was_taken_away_is_opened_again)
{
	struct daemon *d = new_daemon();
	char path[96];
	int fd, first;

	snprintf(path, sizeof(path), "%s/sock", d->dir);
	daemon_entry(d, "x", WAITER("stream 2") "\tlisten = unix:@DIR@/sock\n");
	daemon_start(d);
	/* These take the lowest numbers of descriptors, so that the one of the old socket is the next. */
	daemon_clear(d);
	for (unsigned i = 0; i < 8; i++)
		daemon_entry(
		    d, text_format("w%u", i), text_format(HOLD "\tlisten = @ADDR@:%u\n", 3600 + i));
	daemon_entry(d, "x", WAITER("stream 2") "\tlisten = unix:@DIR@/sock\n");
	daemon_write(d);
	fd = connect_unix(path);
	send_text(fd, "one\n");
	first = atoi(read_line(fd));
	close(fd);
	ck_assert_int_eq(unlink(path), 0);
	upgrade(d);
	fd = connect_unix(path);
	ck_assert_int_ge(fd, 0);
	send_text(fd, "two\n");
	ck_assert_int_ne(atoi(read_line(fd)), first);
	close(fd);
	ck_assert_int_eq(kill(first, SIGTERM), 0);
	daemon_stop(d);
}

END_TEST

static long long
total(struct daemon *d, const char *name)
{
	json_t *j = control_ask(d, "{\"command\":\"status\"}");
	long long n = json_number_at(j, text_format("totals.%s", name));

	json_decref(j);
	return n;
}

START_TEST(what_a_service_has_counted_stays_when_it_goes)
{
	struct daemon *d = new_daemon();
	pid_t pid;

	daemon_entry(d, "x", HOLD AT(3600));
	daemon_entry(d, "y", HOLD AT(3601));
	daemon_start(d);
	close(open_at(3600, &pid));
	close(open_at(3601, &pid));
	expect_lines(d, 1, "EXIT: x");
	expect_lines(d, 1, "EXIT: y");
	daemon_clear(d);
	daemon_entry(d, "y", HOLD AT(3601));
	daemon_write(d);
	for (int i = 0; i < 2; i++) {
		upgrade(d);
		ck_assert_int_eq(total(d, "accepted"), 2);
		ck_assert_int_eq(total(d, "ended"), 2);
	}
	daemon_stop(d);
}

END_TEST

/* A worker of a service that is gone, and who would not end by himself. */
START_TEST(a_worker_that_was_asked_to_end_still_has_to)
{
	struct daemon *d = new_daemon();
	pid_t pid, other;

	daemon_inject(d);
	daemon_entry(d, "x",
	    WORKER("porter") "\tpool = static\n\tpool_max = 1\n\tstop_grace = 5s\n" AT(3600));
	daemon_entry(d, "y", HOLD AT(3601));
	daemon_start(d);
	close(open_at(3600, &pid));
	expect_lines(d, 1, "EXIT: x");
	stop_process(pid);
	daemon_clear(d);
	daemon_entry(d, "y", HOLD AT(3601));
	if (_i == 0)
		daemon_reload(d);
	else
		daemon_write(d);
	upgrade(d);
	close(open_at(3601, &other));
	expect_no_line(d, "event=worker-ended");
	for (int i = 0; i < 6; i++)
		pass_time(d, 1);
	expect_line(d, "event=worker-ended service=x pid=%d *stop_grace*", (int)pid);
	daemon_stop(d);
}

END_TEST

/* The old one, which nobody wants any more, stands in the way of the new one. */
START_TEST(a_wider_address_takes_the_place_of_a_narrow_one)
{
	struct daemon *d = new_daemon();
	/* Other tests listen on addresses of their own, and would all be in the way of every address. */
	unsigned port = 10000 + (unsigned)getpid() % 20000;
	pid_t pid;

	daemon_entry(d, "x", text_format("%s\tprotocol = tcp\n\tlisten = @ADDR@:%u\n", HOLD, port));
	daemon_start(d);
	daemon_clear(d);
	daemon_entry(
	    d, "x", text_format("%s\tprotocol = tcp\n\tlisten = 0.0.0.0:%u\n", HOLD, port));
	daemon_write(d);
	upgrade(d);
	close(open_at(port, &pid));
	expect_no_line(d, "event=bind-failed");
	daemon_stop(d);
}

END_TEST

/* ---- what the daemon knows ---- */

static void
with_surroundings_of_its_own(struct daemon *d)
{
	struct rlimit files = { 300, 4000 };

	(void)d;
	umask(077);
	setrlimit(RLIMIT_NOFILE, &files);
}

/* What differs from one program to the next. */
static bool
is_of_the_program(const char *line)
{
	static const char *const keys[] = { "pid ", "sid ", "pgid ", "env REMOTE_PORT ",
		"env TCPREMOTEPORT ", "env CONNECTION_ID ", "env LISTEN_PID ", "fd ",
		"status SigQ " };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strncmp(line, keys[i], strlen(keys[i])) == 0)
			return true;
	return false;
}

START_TEST(programs_are_started_as_before)
{
	struct daemon *d = new_daemon();

	d->before_exec = with_surroundings_of_its_own;
	daemon_setenv(d, "SOME_VARIABLE=value");
	daemon_service(d, "show", "tcp",
	    "\tserver = @PROGRAMS@/show\n\tpassenv = SOME_VARIABLE NOTIFY_SOCKET\n");
	daemon_start(d);
	char *before = strdup(shown_by(d, "show")), *rest_before = before, *a;
	upgrade(d);
	upgrade(d);
	char *after = strdup(shown_by(d, "show")), *rest_after = after, *b;

	ck_assert_ptr_nonnull(strstr(before, "umask 0077"));
	ck_assert_ptr_nonnull(strstr(before, "limit nofile 300 4000"));
	ck_assert_ptr_nonnull(strstr(before, "env SOME_VARIABLE value"));
	while ((a = strsep(&rest_before, "\n")) != NULL && (b = strsep(&rest_after, "\n")) != NULL)
		if (!is_of_the_program(a))
			ck_assert_str_eq(a, b);
	ck_assert_ptr_null(a);
	free(before);
	free(after);
	daemon_stop(d);
}

END_TEST

START_TEST(what_was_set_by_hand_ends)
{
	struct daemon *d = new_daemon();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	json_decref(control_ask(
	    d, "{\"command\":\"set\",\"service\":\"x\",\"name\":\"instances\",\"value\":\"7\"}"));
	upgrade(d);
	expect_line(d, "event=set-ended service=x attribute=instances");
	daemon_stop(d);
}

END_TEST

START_TEST(a_signal_that_comes_in_between_is_not_lost)
{
	struct daemon *d = new_daemon();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	close(hold_open(d, "x"));
	daemon_signal(d, SIGUSR2);
	expect_line(d, "event=upgrading");
	daemon_stop(d);
}

END_TEST

START_TEST(bans_stay)
{
	struct daemon *d = new_daemon();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	json_decref(control_ask(d, "{\"command\":\"ban\",\"address\":\"127.0.0.1\",\"for\":600}"));
	json_decref(control_ask(d, "{\"command\":\"ban\",\"address\":\"2001:db8::/32\"}"));
	upgrade(d);
	json_t *bans = control_ask(d, "{\"command\":\"bans\"}");
	ck_assert_uint_eq(json_array_size(json_at(bans, "bans")), 2);
	json_decref(bans);
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(what_was_switched_off_stays_off)
{
	struct daemon *d = new_daemon();
	pid_t pid;

	daemon_entry(d, "x", HOLD AT(3600));
	daemon_entry(d, "y", HOLD AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "z", HOLD AT(3602));
	daemon_service(d, "handed", "tcp", HOLD);
	daemon_start(d);
	json_decref(control_ask(d, "{\"command\":\"disable\",\"service\":\"x\"}"));
	json_decref(control_ask(d, "{\"command\":\"disable\",\"service\":\"handed\"}"));
	json_decref(control_ask(d, "{\"command\":\"enable\",\"service\":\"y\"}"));
	ck_assert_int_eq(connect_address(own_address(0), 3600), -ECONNREFUSED);
	/* Its socket cannot be opened again, and so stays open: clients wait there. */
	int waiting = daemon_connect(d, "handed");
	upgrade(d);
	ck_assert_int_eq(connect_address(own_address(0), 3600), -ECONNREFUSED);
	close(open_at(3601, &pid));
	expect_no_line(d, "START: handed");
	json_decref(control_ask(d, "{\"command\":\"enable\",\"service\":\"handed\"}"));
	ask_pid(waiting);
	close(waiting);
	json_decref(control_ask(d, "{\"command\":\"enable\",\"service\":\"x\"}"));
	close(open_at(3600, &pid));
	close(open_at(3602, &pid));
	daemon_stop(d);
}

END_TEST

START_TEST(a_client_follows_the_log_across)
{
	struct daemon *d = new_daemon();
	bool has_seen = false;

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int control = control_connect(d);
	json_decref(control_request(control, "{\"command\":\"logs\",\"follow\":true,\"lines\":0}"));
	upgrade(d);
	int fd = daemon_connect(d, "x");
	pid_t pid = ask_pid(fd);
	const char *start = text_format("pid=%d", (int)pid);
	unsigned seen = 0;

	while (!has_seen) {
		json_t *event = control_event(control);
		const char *text = json_text_at(event, "text");

		ck_assert_str_eq(json_text_at(event, "event"), "line");
		seen += strstr(text, "event=upgrading") != NULL;
		seen += strstr(text, "event=upgraded") != NULL;
		has_seen = strstr(text, "START: x") != NULL && strstr(text, start) != NULL;
		json_decref(event);
	}
	ck_assert_uint_eq(seen, 2);
	close(fd);
	close(control);
	daemon_stop(d);
}

END_TEST

/* Sends the descriptor twice with the beginning of the request. */
static void
send_run(int control, int fd)
{
	static char begin[] = "{\"command\":\"run\",";
	struct iovec part = { .iov_base = begin, .iov_len = strlen(begin) };

	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} room = { 0 };
	struct msghdr h = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.space,
		.msg_controllen = sizeof(room.space) };
	const int fds[] = { fd, fd };
	struct cmsghdr *m = CMSG_FIRSTHDR(&h);

	m->cmsg_level = SOL_SOCKET;
	m->cmsg_type = SCM_RIGHTS;
	m->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(m), fds, sizeof(fds));
	ck_assert_int_eq(sendmsg(control, &h, MSG_NOSIGNAL), (ssize_t)strlen(begin));
}

/* The upgrade comes in the middle of a request; and while a client waits for the end of a program. */
START_TEST(who_has_started_a_program_hears_of_its_end)
{
	struct daemon *d = new_daemon();
	int pair[2];

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int control = control_connect(d);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	send_run(control, pair[1]);
	close(pair[1]);
	daemon_idle(d);
	upgrade(d);
	json_t *answer = control_request(control, "\"service\":\"x\"}");
	pid_t pid = (pid_t)json_number_at(answer, "result.pid");
	json_decref(answer);
	ck_assert_int_eq(ask_pid(pair[0]), pid);
	upgrade(d);
	send_text(pair[0], "exit 9\n");
	json_t *event = control_event(control);
	ck_assert_str_eq(json_text_at(event, "event"), "ended");
	ck_assert_int_eq(json_number_at(event, "status"), 9);
	json_decref(event);
	close(pair[0]);
	close(control);
	daemon_stop(d);
}

END_TEST

START_TEST(the_new_binary_answers_who_has_asked)
{
	struct daemon *d = new_daemon();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int control = control_connect(d);
	json_t *answer = control_request(control, "{\"command\":\"upgrade\",\"id\":17}");
	ck_assert_int_eq(json_number_at(answer, "id"), 17);
	json_text_at(answer, "result.version");
	json_decref(answer);
	answer = control_request(control, "{\"command\":\"status\"}");
	ck_assert_int_eq(json_number_at(answer, "result.upgrades"), 1);
	ck_assert_int_eq(json_number_at(answer, "result.pid"), d->pid);
	json_decref(answer);
	put_binary(d, "/bin/true");
	ck_assert_str_eq(control_refused(d, "{\"command\":\"upgrade\"}"), "refused");
	close(control);
	daemon_stop(d);
}

END_TEST

START_TEST(clients_stay_at_a_socket_whose_path_is_no_text)
{
	struct daemon *d = new_daemon();
	char path[96];

	snprintf(path, sizeof(path), "%s/c\xff", d->dir);
	daemon_arg(d, "--control");
	daemon_arg(d, path);
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int control = connect_unix(path);
	json_decref(control_request(control, "{\"command\":\"hello\"}"));
	upgrade(d);
	json_decref(control_request(control, "{\"command\":\"hello\"}"));
	close(control);
	daemon_stop(d);
}

END_TEST

START_TEST(the_pid_file_stays_locked)
{
	struct daemon *d = new_daemon();
	const char *path = text_format("%s/pidfile", d->dir);

	daemon_arg(d, "--pidfile");
	daemon_arg(d, path);
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	ck_assert_int_eq(atoi(read_file(path)), d->pid);
	upgrade(d);
	const char *second[] = { PORTERD, "-F", "-f", d->conf_path, "--pidfile", path, "--rundir",
		text_format("%s/run2", d->dir), NULL };
	struct run_result r = run_command(second);
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.output, "another porterd holds"));
	ck_assert_int_eq(atoi(read_file(path)), d->pid);
	daemon_stop(d);
	ck_assert(!path_exists(path));
}

END_TEST

START_TEST(relative_paths_mean_the_same_in_the_background)
{
	struct daemon *d = new_daemon();
	const char *output;

	daemon_add(d, "defaults {\n\tdaemon_log = file @DIR@/log\n}\n");
	daemon_entry(d, "x", HOLD AT(3600));
	ck_assert_int_eq(daemon_background(d, &output), 0);
	pid_t pid;
	int fd = open_at(3600, &pid);
	int control = control_connect(d);
	json_t *answer = control_request(control, "{\"command\":\"upgrade\"}");
	json_text_at(answer, "result.version");
	json_decref(answer);
	ck_assert_int_eq(ask_pid(fd), pid);
	close(control);
	close(fd);
	ck_assert_ptr_nonnull(
	    strstr(read_file(daemon_text(d, "@DIR@/log")), "event=upgraded version="));
	daemon_signal(d, SIGTERM);
	wait_gone(d->pid);
	daemon_closed(d);
}

END_TEST

START_TEST(new_settings_are_taken_with_the_binary)
{
	struct daemon *d = new_daemon();
	pid_t pid;

	daemon_entry(d, "x", HOLD AT(3600));
	daemon_start(d);
	int fd = open_at(3600, &pid);
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601));
	daemon_write(d);
	upgrade(d);
	expect_line(d, "event=closed service=x address=tcp:*:3600");
	expect_line(d, "event=listening service=x address=tcp:*:3601");
	ck_assert_int_eq(connect_address(own_address(0), 3600), -ECONNREFUSED);
	ck_assert_int_eq(ask_pid(fd), pid);
	close(fd);
	close(open_at(3601, &pid));
	daemon_stop(d);
}

END_TEST

START_TEST(e11_twenty_upgrades_leave_nothing_behind)
{
	struct daemon *d = new_daemon();
	unsigned fds;
	long rss = 0;

	daemon_service(d, "x", "tcp", HOLD "\tstderr = log\n");
	daemon_entry(d, "y", HOLD AT(3600));
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	pid_t pid = ask_pid(fd);
	upgrade(d);
	fds = daemon_fds(d);
	for (int i = 0; i < 20; i++) {
		upgrade(d);
		ck_assert_uint_eq(daemon_fds(d), fds);
		if (i == 4)
			rss = daemon_rss_kb(d);
	}
	if (!is_slow())
		ck_assert_int_le(daemon_rss_kb(d), rss + 512);
	ck_assert_int_eq(ask_pid(fd), pid);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* The state of so many services takes megabytes. */
START_TEST(what_was_taken_over_takes_no_memory)
{
	struct daemon *d = new_daemon();
	char binary[96];
	long rss;

	snprintf(binary, sizeof(binary), "%s", d->binary);
	d->binary = binary;
	for (unsigned i = 0; i < 500; i++)
		daemon_entry(d, text_format("x%u", i),
		    text_format(HOLD "\tprotocol = tcp\n\tlisten = @ADDR@:%u\n", 3600 + i));
	daemon_start(d);
	rss = daemon_rss_kb(d);
	upgrade(d);
	if (!is_slow())
		ck_assert_int_le(daemon_rss_kb(d), rss + 1024);
	daemon_stop(d);
}

END_TEST

/* A client that connects, is answered and leaves, again and again, until there is something to read from the pipe. Its exit
 * status: 0 if everybody was served; errno of connect. */
static pid_t
start_client_loop(unsigned port, const int until[2])
{
	const char *address = own_address(0);
	pid_t pid = fork();
	char text[8];

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	close(until[1]);
	while (!wait_for(until[0], POLLIN | POLLHUP, now_ms())) {
		int fd = connect_address(address, port);

		if (fd < 0)
			_exit(-fd);
		if (send(fd, "hello\n", 6, MSG_NOSIGNAL) != 6)
			_exit(2);
		if (!wait_for(fd, POLLIN, deadline_after()))
			_exit(3);
		if (recv(fd, text, sizeof(text), 0) <= 0)
			_exit(4);
		close(fd);
	}
	_exit(0);
}

/* Without a line for each of them. */
static const char *const loaded[] = {
	HOLD AT(3600) "\tlog_on_success =\n",
	WORKER("porter") STATIC(3) AT(3600) "\tlog_on_success =\n",
};

START_TEST(e11_nobody_is_refused_or_reset_meanwhile)
{
	struct daemon *d = new_daemon();
	pid_t clients[2];
	int until[2];

	daemon_entry(d, "x", loaded[_i]);
	daemon_start(d);
	ck_assert_int_eq(pipe2(until, O_CLOEXEC), 0);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		clients[i] = start_client_loop(3600, until);
	for (int i = 0; i < 20; i++)
		upgrade(d);
	close(until[1]);
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		int status = wait_exit(clients[i]);

		if (status != 0)
			daemon_fail(d, "a client has failed: %d", WEXITSTATUS(status));
	}
	close(until[0]);
	expect_no_line(d, "FAIL: x");
	if (_i == 0) {
		expect_said(d, "x", "running", 0);
		ck_assert_int_ge(counter(d, "x", "accepted"), 20);
		ck_assert_int_eq(counter(d, "x", "accepted"), counter(d, "x", "started"));
		ck_assert_int_eq(counter(d, "x", "accepted"), counter(d, "x", "ended"));
	}
	daemon_stop(d);
}

END_TEST

/* ---- who is refused ---- */

static const struct {
	const char *script; /* NULL: a file */
	const char *file;
	const char *reason;
} bad_binaries[] = {
	{ NULL, "/bin/true", "did not say that it could take over" },
	{ NULL, "/bin/cat", "did not say that it could take over" },
	{ "#!/bin/sh\nexit 3\n", NULL, "status 3" },
	{ "#!/bin/sh\nkill -SEGV $$\n", NULL, "signal 11" },
	{ "#!/bin/sh\necho 'porterd-upgrade: ok 9'\nexit 3\n", NULL, "status 3" },
	{ "#!/bin/sh\necho 'porterd-upgrade: ok 9'\nkill -KILL $$\n", NULL, "signal 9" },
	{ "#!/bin/sh\nprintf 'porterd-upgrade: ok 9'\n", NULL, "did not say" },
	{ "#!/bin/sh\necho 'porterd-upgrade: no I will not'\n", NULL, "I will not" },
	{ "#!/bin/sh\nexec yes garbage\n", NULL, "prints without end" },
	{ "#!/no/such/interpreter\n", NULL, "cannot be executed: No such file" },
	{ "\177ELF but no more\n", NULL, "cannot be executed" },
	{ "#!/bin/sh\nexec \"$0.real\" --no-such-option\n", NULL, "did not say" },
};

START_TEST(g7_a_binary_that_is_no_good_changes_nothing)
{
	struct daemon *d = new_daemon();
	const char *line;

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	pid_t pid = ask_pid(fd);
	unsigned fds = daemon_fds(d);

	if (bad_binaries[_i].script != NULL)
		put_script(d, bad_binaries[_i].script);
	else
		put_binary(d, bad_binaries[_i].file);
	line = upgrade_refused(d);
	ck_assert_msg(strstr(line, bad_binaries[_i].reason) != NULL, "%s", line);
	ck_assert_int_eq(ask_pid(fd), pid);
	ck_assert_uint_eq(daemon_fds(d), fds);
	put_binary(d, PORTERD);
	upgrade(d);
	ck_assert_int_eq(ask_pid(fd), pid);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(g7_a_binary_that_is_missing_or_may_not_be_executed)
{
	struct daemon *d = new_daemon();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	ck_assert_int_eq(chmod(binary_path(d), 0644), 0);
	ck_assert_ptr_nonnull(strstr(upgrade_refused(d), "Permission denied"));
	ck_assert_int_eq(unlink(binary_path(d)), 0);
	ck_assert_ptr_nonnull(strstr(upgrade_refused(d), "No such file"));
	put_binary(d, PORTERD);
	upgrade(d);
	daemon_stop(d);
}

END_TEST

START_TEST(g7_a_binary_that_hangs_is_ended)
{
	struct daemon *d = new_daemon();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	put_script(d, "#!/bin/sh\nexec sleep 1000\n");
	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	expect_line(d, "event=upgrade-trial");
	/* While it is tried the daemon serves, and another upgrade is refused. */
	close(hold_open(d, "x"));
	ck_assert_str_eq(control_refused(d, "{\"command\":\"upgrade\"}"), "busy");
	pass_time(d, 31);
	expect_line(d, "event=upgrade-refused * reason=\"it did not answer within 30 seconds\"");
	put_binary(d, PORTERD);
	upgrade(d);
	daemon_stop(d);
}

END_TEST

START_TEST(g7_the_daemon_stops_while_a_binary_is_tried)
{
	struct daemon *d = new_daemon();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	put_script(d, "#!/bin/sh\nexec sleep 1000\n");
	daemon_signal(d, SIGUSR2);
	expect_line(d, "event=upgrade-trial");
	daemon_stop(d);
}

END_TEST

START_TEST(g7_a_failed_exec_changes_nothing)
{
	struct daemon *d = new_daemon();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	pid_t pid = ask_pid(fd);
	unsigned fds = daemon_fds(d);
	/* It says yes, and is gone then. */
	put_script(d, "#!/bin/sh\nrm \"$0\"\necho 'porterd-upgrade: ok 9'\n");
	const char *line = upgrade_refused(d);
	ck_assert_msg(strstr(line, "No such file") != NULL, "%s", line);
	ck_assert_uint_eq(daemon_fds(d), fds);
	ck_assert_int_eq(ask_pid(fd), pid);
	/* What is open stays the daemon's alone. */
	close(hold_open(d, "x"));
	put_binary(d, PORTERD);
	upgrade(d);
	ck_assert_int_eq(ask_pid(fd), pid);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(a_configuration_that_would_be_refused_refuses_the_binary)
{
	struct daemon *d = new_daemon();
	pid_t pid;

	daemon_entry(d, "x", HOLD AT(3600));
	daemon_start(d);
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3600) "\tinstances = many\n");
	daemon_write(d);
	ck_assert_ptr_nonnull(strstr(upgrade_refused(d), "the text has errors"));
	close(open_at(3600, &pid));
	/* Its program is missing: a reload would go on with the settings of before, and nobody has those after an exec. */
	daemon_clear(d);
	daemon_entry(d, "x", "\tserver = /no/such/program\n" AT(3600));
	daemon_write(d);
	ck_assert_ptr_nonnull(strstr(upgrade_refused(d), "service x could not be served"));
	close(open_at(3600, &pid));
	daemon_stop(d);
}

END_TEST

/* A reload would leave the service where it is. */
START_TEST(an_address_that_cannot_be_had_refuses_the_binary)
{
	struct daemon *d = new_daemon();
	pid_t pid;

	daemon_entry(d, "x", HOLD AT(3600));
	daemon_start(d);
	int other = listen_at(own_address(0), 3601);

	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601));
	daemon_write(d);
	ck_assert_ptr_nonnull(strstr(upgrade_refused(d), "3601: Address already in use"));
	close(open_at(3600, &pid));
	/* Nothing is lost with one that never served. */
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3600));
	daemon_entry(d, "y", HOLD AT(3601));
	daemon_write(d);
	upgrade(d);
	expect_line(d, "event=bind-failed service=y");
	upgrade(d);
	close(open_at(3600, &pid));
	close(other);
	daemon_stop(d);
}

END_TEST

/* ---- states from elsewhere ---- */

enum damage { UNSEALED, NO_MEMFD, OTHER_FORMAT, OTHER_PID, NO_JSON, EMPTY, NOTHING_IN_IT };

static int
make_state(enum damage damage)
{
	const char *text =
	    damage == NO_JSON        ? "{\"format\":2"
	    : damage == EMPTY        ? ""
	    : damage == OTHER_FORMAT ? text_format("{\"format\":999,\"pid\":%d}", getpid())
	    : damage == OTHER_PID    ? "{\"format\":2,\"pid\":1}"
				     : text_format("{\"format\":2,\"pid\":%d}", getpid());
	int fd = damage == NO_MEMFD ? open("/dev/null", O_RDWR)
				    : memfd_create("state", MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	if (damage != NO_MEMFD && damage != UNSEALED)
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS,
				     F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
		    0);
	return fd;
}

static const struct {
	enum damage damage;
	const char *reason;
} damages[] = {
	{ UNSEALED, "not sealed" },
	{ NO_MEMFD, "no file of that kind" },
	{ OTHER_FORMAT, "the state has format 999" },
	{ OTHER_PID, "not understood" },
	{ NO_JSON, "no JSON object" },
	{ EMPTY, "no size of a state" },
	{ NOTHING_IN_IT, "missing" },
};

static struct daemon *
new_written(void)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3600));
	daemon_write(d);
	return d;
}

static struct run_result
run_with(const struct daemon *d, const char *mode, int fd)
{
	char variable[64];

	snprintf(variable, sizeof(variable), "PORTER_UPGRADE=%s:%d", mode, fd);
	const char *argv[] = { "/usr/bin/env", variable, PORTERD, "-F", "-f", d->conf_path,
		"--rundir", text_format("%s/run", d->dir), NULL };

	return run_command(argv);
}

START_TEST(g8_a_state_that_is_none_is_refused)
{
	struct daemon *d = new_written();
	int fd = make_state(damages[_i].damage);
	struct run_result r = run_with(d, "trial", fd);

	ck_assert_msg(strncmp(r.output, "porterd-upgrade: no ", 20) == 0, "%s", r.output);
	ck_assert_msg(strstr(r.output, damages[_i].reason) != NULL, "%s", r.output);
	r = run_with(d, "take", fd);
	ck_assert_int_eq(r.status, 1);
	ck_assert_msg(strstr(r.output, "the upgrade has failed: ") != NULL, "%s", r.output);
	close(fd);
}

END_TEST

START_TEST(g8_a_variable_that_is_none_of_ours_is_refused)
{
	static const char *const modes[] = { "", "take", "other", "trial" };
	static const int fds[] = { -1, 2000000000, 999 };
	struct daemon *d = new_written();

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		for (size_t k = 0; k < ARRAY_LEN(fds); k++) {
			struct run_result r = run_with(d, modes[i], fds[k]);

			ck_assert_msg(strstr(r.output, "event=ready") == NULL, "%s", r.output);
		}
}

END_TEST

static const struct suite_test tests[] = {
	TEST(programs_go_on_and_their_end_is_logged),
	TEST(the_program_of_a_waiting_service_keeps_the_socket),
	TEST(a_datagram_socket_stays_with_its_program),
	TEST_LOOP(workers_go_on_where_nothing_has_changed, ARRAY_LEN(lasting)),
	TEST_LOOP(
	    workers_of_other_settings_finish_what_they_have_and_are_replaced, ARRAY_LEN(pools)),
	TEST(a_pool_does_not_grow_with_each_upgrade),
	TEST(workers_that_share_the_listener_go_on),
	TEST(a_unix_socket_keeps_its_file),
	TEST(half_a_line_of_standard_error_is_completed),
	TEST(a_client_who_waits_for_a_fork_is_served),
	TEST(a_service_that_was_removed_waits_for_its_program),
	TEST(a_client_whom_his_worker_has_not_taken_yet_is_served),
	TEST(a_client_who_waits_for_a_worker_is_served),
	TEST(a_connection_that_waits_behind_another_is_served),
	TEST(a_socket_that_is_not_wanted_any_more_takes_its_file_along),
	TEST(services_of_one_name_stay_apart),
	TEST_LOOP(one_of_two_services_of_one_name_stays_off, 2),
	TEST(a_socket_whose_file_was_taken_away_is_opened_again),
	TEST(what_a_service_has_counted_stays_when_it_goes),
	TEST_LOOP(a_worker_that_was_asked_to_end_still_has_to, 2),
	TEST(a_wider_address_takes_the_place_of_a_narrow_one),
	TEST(programs_are_started_as_before),
	TEST(what_was_set_by_hand_ends),
	TEST(a_signal_that_comes_in_between_is_not_lost),
	TEST(bans_stay),
	TEST(what_was_switched_off_stays_off),
	TEST(a_client_follows_the_log_across),
	TEST(who_has_started_a_program_hears_of_its_end),
	TEST(the_new_binary_answers_who_has_asked),
	TEST(clients_stay_at_a_socket_whose_path_is_no_text),
	TEST(the_pid_file_stays_locked),
	TEST(relative_paths_mean_the_same_in_the_background),
	TEST(new_settings_are_taken_with_the_binary),
	TEST(e11_twenty_upgrades_leave_nothing_behind),
	TEST(what_was_taken_over_takes_no_memory),
	TEST_LOOP(e11_nobody_is_refused_or_reset_meanwhile, ARRAY_LEN(loaded)),
	TEST_LOOP(g7_a_binary_that_is_no_good_changes_nothing, ARRAY_LEN(bad_binaries)),
	TEST(g7_a_binary_that_is_missing_or_may_not_be_executed),
	TEST(g7_a_binary_that_hangs_is_ended),
	TEST(g7_the_daemon_stops_while_a_binary_is_tried),
	TEST(g7_a_failed_exec_changes_nothing),
	TEST(a_configuration_that_would_be_refused_refuses_the_binary),
	TEST(an_address_that_cannot_be_had_refuses_the_binary),
	TEST_LOOP(g8_a_state_that_is_none_is_refused, ARRAY_LEN(damages)),
	TEST(g8_a_variable_that_is_none_of_ours_is_refused),
};

int
main(void)
{
	return run_functional("upgrade", tests, ARRAY_LEN(tests));
}
