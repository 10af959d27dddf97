/* SPDX-License-Identifier: MIT */
/* Pools at a reload: workers are replaced when they must be, after their present connection, and no client notices. */
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
#include "functional/pool.h"

#define HOLD         "\tserver = @PROGRAMS@/hold\n"
#define WORKER(args) "\tserver = @PROGRAMS@/worker\n\tserver_args = " args "\n"
#define PORTER       WORKER("porter")
#define STATIC(n)    "\tpool = static\n\tpool_max = " #n "\n\ton_limit = queue\n"
#define AT(port)     "\tprotocol = tcp\n\tlisten = @ADDR@:" #port "\n"

/* Those of before have the grace of the present settings. */
#define PATIENT "\tstop_grace = 1h\n"

static struct daemon *
start(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_entry(d, "x", attributes);
	daemon_start(d);
	return d;
}

static void
reload_with(struct daemon *d, const char *attributes)
{
	daemon_clear(d);
	daemon_entry(d, "x", attributes);
	daemon_mark(d);
	daemon_reload(d);
	expect_line(d, "event=reload-done");
}

/* Served on this port by a worker or by "hold". */
static int
open_at(unsigned port, pid_t *pid)
{
	int fd = connect_address(own_address(0), port);

	ck_assert_msg(fd >= 0, "port %u: %s", port, strerror(-fd));
	*pid = ask_pid(fd);
	return fd;
}

static pid_t
serving_pid(unsigned port)
{
	pid_t pid;
	int fd = open_at(port, &pid);

	close(fd);
	return pid;
}

static bool
is_among(pid_t pid, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Until none of these processes is a worker any more, and so many others are. */
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

static void
expect_same(struct daemon *d, const pid_t *old, size_t count)
{
	pid_t pids[WORKERS_MAX];

	for (int i = 0; i < 3; i++)
		pass_time(d, 2);
	ck_assert_uint_eq(worker_pids(d, "x", NULL, pids), count);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(is_among(pids[i], old, count), "%d is new", (int)pids[i]);
}

/* ---- who is replaced ---- */

START_TEST(nothing_changed_and_nobody_is_replaced)
{
	struct daemon *d = start(PORTER STATIC(3) AT(3600));
	pid_t old[WORKERS_MAX], pid;

	expect_workers(d, "x", 3, 3);
	worker_pids(d, "x", NULL, old);
	int fd = open_at(3600, &pid);
	for (int i = 0; i < 3; i++)
		reload_with(d, PORTER STATIC(3) AT(3600));
	expect_same(d, old, 3);
	ck_assert_int_eq(ask_pid(fd), pid);
	expect_no_line(d, "event=pool-replaced");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(sizes_alone_replace_nobody)
{
	struct daemon *d = start(PORTER STATIC(3) AT(3600));
	pid_t old[WORKERS_MAX], pids[WORKERS_MAX];

	expect_workers(d, "x", 3, 3);
	worker_pids(d, "x", NULL, old);
	reload_with(d, PORTER STATIC(5) "\tinstances = 50\n" AT(3600));
	expect_workers(d, "x", 5, 5);
	ck_assert_uint_eq(worker_pids(d, "x", NULL, pids), 5);
	for (size_t i = 0; i < 3; i++)
		ck_assert(is_among(old[i], pids, 5));
	/* Fewer: some of them end, and nobody is started. */
	reload_with(d, PORTER STATIC(2) AT(3600));
	expect_workers(d, "x", 2, 2);
	ck_assert_int_eq(pool_number(d, "x", "started"), 5);
	/* Another way of keeping the number is no other worker. */
	worker_pids(d, "x", NULL, old);
	reload_with(d, PORTER "\tpool = dynamic\n\tpool_min_spare = 1\n\tpool_max_spare = 2\n"
			      "\tpool_max_requests = 1000\n" AT(3600));
	expect_same(d, old, 2);
	expect_no_line(d, "event=pool-replaced");
	daemon_stop(d);
}

END_TEST

static const char *const other_plans[] = {
	PORTER "\tenv = CHANGED=1\n" STATIC(3) AT(3600),
	WORKER("untaken") STATIC(3) AT(3600),
	PORTER "\tumask = 077\n" STATIC(3) AT(3600),
	PORTER "\tnice = 1\n" STATIC(3) AT(3600),
	PORTER "\trlimit_files = 100\n" STATIC(3) AT(3600),
	PORTER "\tdirectory = @DIR@\n" STATIC(3) AT(3600),
	WORKER("plain") "\tpool_protocol = plain\n" STATIC(3) AT(3600),
};

START_TEST(other_program_replaces_the_workers_one_by_one)
{
	struct daemon *d = start(PORTER STATIC(3) AT(3600));
	pid_t old[WORKERS_MAX], busy, pid;

	expect_workers(d, "x", 3, 3);
	worker_pids(d, "x", NULL, old);
	int fd = open_at(3600, &busy);
	reload_with(d, other_plans[_i]);
	/* Whoever comes is served at once, before and after. */
	serving_pid(3600);
	expect_line(d, "event=pool-replaced service=x");
	pid_t idle[2];
	size_t count = 0;
	for (size_t i = 0; i < 3; i++)
		if (old[i] != busy)
			idle[count++] = old[i];
	ck_assert_uint_eq(count, 2);
	int64_t deadline = deadline_after();
	while ((pid = serving_pid(3600), is_among(pid, old, 3)) && now_ms() < deadline)
		pass_time(d, 1);
	wait_gone(idle[0]);
	wait_gone(idle[1]);
	/* The connection in progress is finished by the one who had begun it. */
	pass_time(d, 3600);
	ck_assert_int_eq(ask_pid(fd), busy);
	close(fd);
	wait_gone(busy);
	expect_replaced(d, old, 3, 3);
	expect_workers(d, "x", 3, 3);
	expect_no_line(d, "FAIL");
	ck_assert_int_eq(pool_number(d, "x", "lost"), 0);
	expect_children(d, 3);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

START_TEST(workers_are_replaced_at_the_rate_at_which_they_are_started)
{
	const char *entry = PORTER STATIC(6) AT(3600) "\tpool_spawn_rate = 1\n";
	struct daemon *d = start(entry);
	pid_t old[WORKERS_MAX], pids[WORKERS_MAX];

	expect_workers(d, "x", 6, 6);
	worker_pids(d, "x", NULL, old);
	int64_t begun_ms = now_ms();
	reload_with(d, text_format("%s\tenv = CHANGED=1\n", entry));
	for (size_t seconds = 0; seconds < 4; seconds++) {
		size_t left = 0, count = worker_pids(d, "x", "idle", pids);

		for (size_t i = 0; i < count; i++)
			left += is_among(pids[i], old, 6);
		/* One at once, and one for each second, injected or real. */
		ck_assert_uint_ge(left + 1 + seconds + (size_t)(now_ms() - begun_ms) / 1000, 6);
		/* The first new one comes before an old one goes. */
		long long workers = pool_number(d, "x", "workers");
		ck_assert(workers == 6 || workers == 7);
		pass_time(d, 1);
	}
	expect_replaced(d, old, 6, 6);
	daemon_stop(d);
}

END_TEST

/* It may finish its connection, but not for longer than any other. */
START_TEST(replaced_worker_that_keeps_its_connection_too_long_is_ended)
{
	const char *entry = PORTER PATIENT STATIC(1) AT(3600) "\tpool_request_timeout = 30s\n";
	struct daemon *d = start(entry);
	pid_t pid;
	int fd = open_at(3600, &pid);

	reload_with(d, text_format("%s\tenv = CHANGED=1\n", entry));
	expect_number(d, "x", "leaving", 1);
	pass_time(d, 20);
	expect_echo(fd, "in time");
	pass_time(d, 11);
	expect_line(d, "EXIT: x signal=%d pid=%d", SIGTERM, (int)pid);
	expect_closed(fd);
	close(fd);
	expect_number(d, "x", "timed-out", 1);
	expect_workers(d, "x", 1, 1);
	daemon_stop(d);
}

END_TEST

START_TEST(file_that_was_replaced_replaces_the_workers)
{
	struct daemon *d = daemon_new();
	const char *entry = "\tserver = @DIR@/w\n\tserver_args = porter\n" STATIC(2) AT(3600);
	pid_t old[WORKERS_MAX];

	daemon_inject(d);
	copy_file(PROGRAM("worker"), text_format("%s/w", d->dir), 0755);
	daemon_entry(d, "x", entry);
	daemon_start(d);
	expect_workers(d, "x", 2, 2);
	worker_pids(d, "x", NULL, old);
	reload_with(d, entry);
	expect_same(d, old, 2);
	/* As a package does it. */
	copy_file(PROGRAM("worker"), text_format("%s/w.new", d->dir), 0755);
	ck_assert_int_eq(rename(text_format("%s/w.new", d->dir), text_format("%s/w", d->dir)), 0);
	expect_same(d, old, 2);
	reload_with(d, entry);
	expect_replaced(d, old, 2, 2);
	serving_pid(3600);
	daemon_stop(d);
}

END_TEST

START_TEST(program_that_is_broken_at_a_reload_does_not_hurt_who_is_served)
{
	struct daemon *d = start(PORTER STATIC(2) AT(3600));
	pid_t pid;
	int fd = open_at(3600, &pid);

	write_file(text_format("%s/broken", d->dir), 0755, "#!/bin/sh\nexit 1\n");
	reload_with(d, "\tserver = @DIR@/broken\n" STATIC(2) AT(3600));
	for (int i = 0; i < 5; i++)
		pass_time(d, 10);
	expect_echo(fd, "still served");
	reload_with(d, PORTER STATIC(2) AT(3600));
	for (int i = 0; i < 3; i++)
		pass_time(d, 60);
	ck_assert_int_ne(serving_pid(3600), pid);
	close(fd);
	expect_workers(d, "x", 2, 2);
	daemon_stop(d);
}

END_TEST

/* ---- pools that come and go ---- */

#define FORKED HOLD PATIENT AT(3600)
#define POOLED PORTER PATIENT STATIC(2) AT(3600)
#define WARM   HOLD PATIENT "\tpool_exec = fresh\n" STATIC(2) AT(3600)
#define SHARED WORKER("listen graceful") "\tpool_accept = worker\n" STATIC(2) AT(3600)

/* From each kind to each other one. Programs of all of them answer to "pid". */
static const char *const kinds[] = { FORKED, POOLED, WARM, SHARED };

START_TEST(service_of_one_kind_becomes_one_of_another)
{
	const char *from = kinds[_i / 4], *to = kinds[_i % 4];
	struct daemon *d = start(from);
	pid_t before, pid;
	int fd = open_at(3600, &before);
	unsigned fds = 0;

	for (int round = 0; round < 3; round++) {
		reload_with(d, to);
		for (int i = 0; i < 3; i++) {
			pass_time(d, 1);
			serving_pid(3600);
		}
		reload_with(d, from);
		for (int i = 0; i < 3; i++) {
			pass_time(d, 1);
			serving_pid(3600);
		}
		if (round == 0)
			fds = daemon_fds(d);
	}
	expect_fds(d, fds + 2);
	/* Who was being served all the time still is. */
	ck_assert_int_eq(ask_pid(fd), before);
	close(fd);
	int other = open_at(3600, &pid);
	expect_echo(other, "hello");
	close(other);
	expect_no_line(d, "FAIL");
	expect_no_line(d, "event=killed");
	expect_no_line(d, "event=worker-killed");
	daemon_stop(d);
}

END_TEST

START_TEST(pool_that_was_removed_leaves_nobody_behind)
{
	struct daemon *d = start(POOLED);
	pid_t old[WORKERS_MAX], busy;
	int fd = open_at(3600, &busy);

	worker_pids(d, "x", NULL, old);
	reload_with(d, FORKED);
	for (size_t i = 0; i < 2; i++)
		if (old[i] != busy)
			wait_gone(old[i]);
	ck_assert(!is_among(serving_pid(3600), old, 2));
	ck_assert_int_eq(ask_pid(fd), busy);
	close(fd);
	wait_gone(busy);
	expect_line(d, "EXIT: x status=0 pid=%d", (int)busy);
	expect_children(d, 0);
	daemon_stop(d);
}

END_TEST

START_TEST(service_with_a_busy_worker_is_removed)
{
	struct daemon *d = start(POOLED);
	pid_t old[WORKERS_MAX], busy;
	int fd = open_at(3600, &busy);

	worker_pids(d, "x", NULL, old);
	daemon_clear(d);
	daemon_entry(d, "other", PORTER STATIC(1) AT(3700));
	daemon_reload(d);
	for (size_t i = 0; i < 2; i++)
		if (old[i] != busy)
			wait_gone(old[i]);
	/* Until its exec a process that was just forked has all that the daemon had. */
	serving_pid(3700);
	ck_assert_int_eq(connect_address(own_address(0), 3600), -ECONNREFUSED);
	pass_time(d, 3600);
	expect_echo(fd, "still served");
	ck_assert_ptr_nonnull(strstr(state_dump(d), "\nservice x"));
	close(fd);
	expect_line(d, "EXIT: x status=0 pid=%d", (int)busy);
	wait_gone(busy);
	int64_t deadline = deadline_after();
	while (strstr(state_dump(d), "\nservice x") != NULL && now_ms() < deadline)
		daemon_idle(d);
	ck_assert_ptr_null(strstr(state_dump(d), "\nservice x"));
	expect_children(d, 1);
	serving_pid(3700);
	daemon_stop(d);
}

END_TEST

START_TEST(service_with_a_pool_is_renamed)
{
	struct daemon *d = start(POOLED);
	pid_t busy;
	int fd = open_at(3600, &busy);

	daemon_clear(d);
	daemon_entry(d, "renamed", POOLED);
	daemon_reload(d);
	expect_workers(d, "renamed", 2, 2);
	int other = connect_address(own_address(0), 3600);
	ck_assert_ptr_nonnull(strstr(ask(other, "header"), " id=renamed "));
	close(other);
	expect_echo(fd, "still served");
	close(fd);
	wait_gone(busy);
	expect_line(d, "EXIT: x status=0 pid=%d", (int)busy);
	expect_line(d, "EXIT: renamed status=0");
	expect_accounts(d, "renamed");
	daemon_stop(d);
}

END_TEST

START_TEST(listeners_are_swapped_between_two_pools)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", PORTER STATIC(2) AT(3600));
	daemon_entry(d, "other", PORTER STATIC(2) AT(3601));
	daemon_start(d);
	for (int round = 1; round <= 4; round++) {
		int a = connect_address(own_address(0), 3600),
		    b = connect_address(own_address(0), 3601);

		ck_assert_ptr_nonnull(
		    strstr(ask(a, "header"), round % 2 ? " id=x " : " id=other "));
		ck_assert_ptr_nonnull(
		    strstr(ask(b, "header"), round % 2 ? " id=other " : " id=x "));
		daemon_clear(d);
		daemon_entry(
		    d, "x", round % 2 ? PORTER STATIC(2) AT(3601) : PORTER STATIC(2) AT(3600));
		daemon_entry(
		    d, "other", round % 2 ? PORTER STATIC(2) AT(3600) : PORTER STATIC(2) AT(3601));
		daemon_reload(d);
		expect_echo(a, "still served");
		expect_echo(b, "still served");
		close(a);
		close(b);
		expect_lines(d, 2 * (unsigned)round, "EXIT: *status=0");
	}
	expect_no_line(d, "event=bind-failed");
	expect_workers(d, "x", 2, 2);
	expect_workers(d, "other", 2, 2);
	expect_accounts(d, "x");
	expect_accounts(d, "other");
	daemon_stop(d);
}

END_TEST

START_TEST(errors_in_the_text_keep_the_workers)
{
	struct daemon *d = start(POOLED);
	pid_t old[WORKERS_MAX], pid;
	int fd = open_at(3600, &pid);

	worker_pids(d, "x", NULL, old);
	daemon_clear(d);
	daemon_entry(d, "x", PORTER "\tpool = sometimes\n\tenv = A=1\n" AT(3600));
	daemon_reload(d);
	expect_line(d, "event=reload-refused");
	expect_same(d, old, 2);
	ck_assert_int_eq(ask_pid(fd), pid);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* ---- workers that accept by themselves ---- */

START_TEST(shared_listener_is_handed_to_new_workers)
{
	struct daemon *d = start(SHARED);
	pid_t old[WORKERS_MAX], busy;

	expect_number(d, "x", "workers", 2);
	int fd = open_at(3600, &busy);
	worker_pids(d, "x", NULL, old);
	reload_with(d, SHARED "\tenv = CHANGED=1\n");
	for (size_t i = 0; i < 2; i++)
		if (old[i] != busy)
			wait_gone(old[i]);
	ck_assert(!is_among(serving_pid(3600), old, 2));
	expect_echo(fd, "still served");
	close(fd);
	wait_gone(busy);
	expect_number(d, "x", "leaving", 0);
	expect_number(d, "x", "workers", 2);
	daemon_stop(d);
}

END_TEST

START_TEST(shared_listener_that_changes_changes_the_workers)
{
	struct daemon *d = start(SHARED);
	pid_t old[WORKERS_MAX];

	serving_pid(3600);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(worker_pids(d, "x", NULL, old), 2);
		reload_with(d, i % 2 == 0
				   ? WORKER("listen graceful") "\tpool_accept = worker\n" STATIC(2)
					 AT(3601)
				   : SHARED);
		serving_pid(i % 2 == 0 ? 3601 : 3600);
		/* Nobody keeps the old address open, once the workers have gone. */
		expect_replaced(d, old, 2, 2);
		ck_assert_int_eq(
		    connect_address(own_address(0), i % 2 == 0 ? 3600 : 3601), -ECONNREFUSED);
	}
	daemon_stop(d);
}

END_TEST

/* ---- together ---- */

#define CLIENTS 4
#define RELOADS 100

/* A client that connects, is served and leaves, again and again, until something is written into the pipe. */
static pid_t
start_client(const char *address, int stop_fd)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	for (unsigned served = 0;; served++) {
		struct pollfd pfd = { .fd = stop_fd, .events = POLLIN };
		char answer[16];
		int fd = connect_address(address, 3600);

		if (fd < 0 || send(fd, "under load\n", 11, MSG_NOSIGNAL) != 11)
			_exit(2);
		if (read_bytes(fd, answer, 11) != 11 || memcmp(answer, "under load\n", 11) != 0)
			_exit(3);
		close(fd);
		if (served > 10 && poll(&pfd, 1, 0) > 0)
			_exit(0);
	}
}

START_TEST(hundred_reloads_under_load_lose_no_connection)
{
	struct daemon *d = daemon_new();
	const char *entry = PORTER STATIC(3) AT(3600) "\tlog_type =\n";
	pid_t clients[CLIENTS], busy;
	int stop[2];
	/* Its own address is another one in each process. */
	const char *address = own_address(0);

	daemon_entry(d, "x", entry);
	daemon_start(d);
	int held = open_at(3600, &busy);
	ck_assert_int_eq(pipe(stop), 0);
	for (size_t i = 0; i < CLIENTS; i++)
		clients[i] = start_client(address, stop[0]);
	for (int i = 0; i < RELOADS; i++) {
		daemon_clear(d);
		daemon_entry(d, "x", text_format("%s\tenv = ROUND=%d\n", entry, i));
		if (i % 2 == 0)
			daemon_entry(d, "other", PORTER STATIC(1) AT(3700));
		daemon_reload(d);
	}
	ck_assert_int_eq(write(stop[1], "....", 4), 4);
	for (size_t i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(wait_exit(clients[i]), 0);
	ck_assert_int_eq(ask_pid(held), busy);
	close(held);
	expect_workers(d, "x", 3, 3);
	ck_assert_int_eq(pool_number(d, "x", "lost"), 0);
	ck_assert_int_eq(pool_number(d, "x", "failed"), 0);
	ck_assert_int_eq(pool_number(d, "x", "stray"), 0);
	expect_accounts(d, "x");
	wait_gone(busy);
	expect_children(d, 3);
	daemon_stop(d);
}

END_TEST

/* Asked to end while it cannot hear a signal: before its program has begun. */
START_TEST(h8_worker_that_is_still_starting_is_stopped_by_its_channel)
{
	struct daemon *d = daemon_new();
	pid_t old[WORKERS_MAX], pid;

	daemon_inject(d);
	make_fifo(d, "go");
	/* TERM is ignored: nothing but the channel says it. */
	daemon_entry(d, "x", WORKER("porter ignore:15 wait:@DIR@/go") STATIC(2) AT(3600));
	daemon_start(d);
	expect_number(d, "x", "workers", 2);
	worker_pids(d, "x", NULL, old);
	reload_with(d, PORTER STATIC(2) AT(3600));
	expect_number(d, "x", "leaving", 2);
	pid = serving_pid(3600);
	ck_assert(!is_among(pid, old, 2));
	open_fifo_until_gone(d, "go", old[0]);
	open_fifo_until_gone(d, "go", old[1]);
	expect_replaced(d, old, 2, 2);
	expect_no_line(d, "event=worker-killed");
	ck_assert_int_eq(pool_number(d, "x", "failed"), 0);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(nothing_changed_and_nobody_is_replaced),
	TEST(sizes_alone_replace_nobody),
	TEST_LOOP(other_program_replaces_the_workers_one_by_one, ARRAY_LEN(other_plans)),
	TEST(workers_are_replaced_at_the_rate_at_which_they_are_started),
	TEST(replaced_worker_that_keeps_its_connection_too_long_is_ended),
	TEST(file_that_was_replaced_replaces_the_workers),
	TEST(program_that_is_broken_at_a_reload_does_not_hurt_who_is_served),
	TEST_LOOP(service_of_one_kind_becomes_one_of_another, 16),
	TEST(pool_that_was_removed_leaves_nobody_behind),
	TEST(service_with_a_busy_worker_is_removed),
	TEST(service_with_a_pool_is_renamed),
	TEST(listeners_are_swapped_between_two_pools),
	TEST(errors_in_the_text_keep_the_workers),
	TEST(shared_listener_is_handed_to_new_workers),
	TEST(shared_listener_that_changes_changes_the_workers),
	TEST(hundred_reloads_under_load_lose_no_connection),
	TEST(h8_worker_that_is_still_starting_is_stopped_by_its_channel),
};

int
main(void)
{
	return run_functional("pool_reload", tests, ARRAY_LEN(tests));
}
