/* SPDX-License-Identifier: MIT */
/* How many workers there are, and when each of them ends. Time is the injected one. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/daemon.h"
#include "functional/pool.h"

#define HOLD   "\tserver = @PROGRAMS@/hold\n"
#define WORKER "\tserver = @PROGRAMS@/worker\n\tserver_args = porter\n"

/* A running daemon with service "x", and "y" that has nothing to do with it. */
static struct daemon *
start_pool(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", attributes);
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	return d;
}

static void
open_all(struct daemon *d, int *fds, size_t count)
{
	pid_t pid;

	for (size_t i = 0; i < count; i++)
		fds[i] = worker_open(d, "x", &pid);
}

static void
close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* ---- static ---- */

START_TEST(static_pool_has_always_pool_max_workers)
{
	struct daemon *d = start_pool(WORKER "\tpool = static\n\tpool_max = 3\n");
	pid_t before[WORKERS_MAX], after[WORKERS_MAX];
	int fds[3];

	expect_workers(d, "x", 3, 3);
	ck_assert_int_eq(pool_number(d, "x", "most"), 3);
	expect_line(d, "event=pool-grown service=x started=3 workers=3 idle=3");
	worker_pids(d, "x", NULL, before);
	pass_time(d, 3600);
	open_all(d, fds, 3);
	expect_workers(d, "x", 3, 0);
	close_all(fds, 3);
	expect_workers(d, "x", 3, 3);
	pass_time(d, 3600);
	ck_assert_uint_eq(worker_pids(d, "x", NULL, after), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert(after[i] == before[0] || after[i] == before[1] || after[i] == before[2]);
	/* One that is gone is replaced. */
	kill(before[1], SIGKILL);
	wait_gone(before[1]);
	expect_number(d, "x", "started", 4);
	expect_workers(d, "x", 3, 3);
	daemon_stop(d);
}

END_TEST

START_TEST(large_static_pool_is_started_in_steps)
{
	struct daemon *d =
	    start_pool(WORKER "\tpool = static\n\tpool_max = 100\n\tpool_spawn_rate = 1\n");

	/* Whoever comes meanwhile is served, of this service and of others. */
	close(hold_open(d, "x"));
	close(hold_open(d, "y"));
	expect_workers(d, "x", 100, 100);
	ck_assert_uint_ge(count_lines(d, "event=pool-grown service=x"), 2);
	daemon_stop(d);
}

END_TEST

/* ---- dynamic ---- */

START_TEST(dynamic_pool_begins_with_pool_start)
{
	struct daemon *d = start_pool(WORKER "\tpool = dynamic\n\tpool_start = 3\n"
					     "\tpool_min_spare = 1\n\tpool_max_spare = 5\n");

	expect_workers(d, "x", 3, 3);
	expect_line(d, "event=pool-grown service=x started=3 workers=3 idle=3");
	daemon_stop(d);
}

END_TEST

START_TEST(dynamic_pool_has_spare_workers)
{
	struct daemon *d =
	    start_pool(WORKER "\tpool = dynamic\n\tpool_min_spare = 2\n\tpool_max = 6\n");
	int fds[6];

	/* Without pool_start it begins with the spare ones. */
	expect_workers(d, "x", 2, 2);
	open_all(d, fds, 1);
	expect_workers(d, "x", 3, 2);
	expect_line(d, "event=pool-grown service=x started=1 workers=3 idle=2");
	open_all(d, fds + 1, 3);
	for (int i = 0; i < 3; i++)
		pass_time(d, 1);
	expect_workers(d, "x", 6, 2);
	/* Not more than pool_max. */
	open_all(d, fds + 4, 2);
	pass_time(d, 1);
	expect_workers(d, "x", 6, 0);
	close_all(fds, 6);
	daemon_stop(d);
}

END_TEST

START_TEST(growth_is_in_steps_that_double)
{
	struct daemon *d = start_pool(WORKER "\tpool = dynamic\n\tpool_min_spare = 8\n"
					     "\tpool_max_spare = 16\n\tpool_max = 32\n");
	static const int steps[] = { 1, 2, 4, 1 };
	int fds[8], workers = 8, idle = 0;

	expect_workers(d, "x", 8, 8);
	/* Eight clients at once, within one turn of the loop or a few: the second has not passed. */
	daemon_mark(d);
	stop_process(d->pid);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = daemon_connect(d, "x");
		send_text(fds[i], "hello\n");
	}
	daemon_signal(d, SIGCONT);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		ck_assert_str_eq(read_line(fds[i]), "hello");
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (i > 0)
			pass_time(d, 1);
		workers += steps[i];
		idle += steps[i];
		expect_workers(d, "x", workers, idle);
		expect_line(
		    d, "event=pool-grown service=x started=%d workers=%d", steps[i], workers);
	}
	expect_workers(d, "x", 16, 8);
	/* At rest there is nothing more. */
	daemon_mark(d);
	pass_time(d, 5);
	expect_no_line(d, "event=pool-grown");
	close_all(fds, ARRAY_LEN(fds));
	daemon_stop(d);
}

END_TEST

/* Nobody waits for the steps. */
START_TEST(clients_make_the_pool_grow_at_once)
{
	struct daemon *d = start_pool(
	    WORKER "\tpool = dynamic\n\tpool_start = 1\n\tpool_min_spare = 1\n\tpool_max = 8\n");
	int fds[8];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = daemon_connect(d, "x");
		send_text(fds[i], "hello\n");
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		ck_assert_str_eq(read_line(fds[i]), "hello");
	expect_workers(d, "x", 8, 0);
	expect_no_line(d, "FAIL");
	close_all(fds, ARRAY_LEN(fds));
	daemon_stop(d);
}

END_TEST

START_TEST(spare_workers_above_the_most_are_ended_one_a_second)
{
	struct daemon *d =
	    start_pool(WORKER "\tpool = dynamic\n\tpool_min_spare = 1\n\tpool_max_spare = 2\n"
			      "\tpool_max = 6\n\tpool_idle_timeout = 1h\n");
	int fds[6];

	open_all(d, fds, 6);
	expect_workers(d, "x", 6, 0);
	int64_t begun_ms = now_ms();
	daemon_mark(d);
	close_all(fds, 6);
	expect_line(d, "event=pool-shrunk service=x ended=1 workers=5");
	/* What real time adds to the injected one is seconds at most. */
	if (now_ms() - begun_ms < 900)
		ck_assert_int_ge(pool_number(d, "x", "workers"), 5);
	for (int workers = 4; workers >= 2; workers--) {
		pass_time(d, 1);
		expect_line(d, "event=pool-shrunk service=x ended=1 workers=%d", workers);
	}
	expect_workers(d, "x", 2, 2);
	pass_time(d, 100);
	expect_workers(d, "x", 2, 2);
	expect_lines(d, 4, "event=pool-shrunk service=x");
	ck_assert_int_eq(pool_number(d, "x", "failed"), 0);
	daemon_stop(d);
}

END_TEST

START_TEST(idle_workers_of_a_dynamic_pool_are_ended_down_to_the_spare_ones)
{
	struct daemon *d =
	    start_pool(WORKER "\tpool = dynamic\n\tpool_min_spare = 1\n\tpool_max_spare = 5\n"
			      "\tpool_max = 6\n\tpool_idle_timeout = 60s\n");
	int fds[4];

	open_all(d, fds, 4);
	/* The spare one comes when its step is due. */
	pass_time(d, 1);
	expect_workers(d, "x", 5, 1);
	close_all(fds, 4);
	expect_workers(d, "x", 5, 5);
	pass_time(d, 40);
	expect_workers(d, "x", 5, 5);
	pass_time(d, 30);
	expect_workers(d, "x", 1, 1);
	daemon_stop(d);
}

END_TEST

/* ---- on demand ---- */

START_TEST(ondemand_pool_has_workers_only_while_somebody_comes)
{
	struct daemon *d = start_pool(WORKER "\tpool = ondemand\n\tpool_idle_timeout = 30s\n");
	pid_t first, pid;

	expect_workers(d, "x", 0, 0);
	pass_time(d, 100);
	expect_workers(d, "x", 0, 0);
	int fd = worker_open(d, "x", &first);
	expect_workers(d, "x", 1, 0);
	close(fd);
	expect_workers(d, "x", 1, 1);
	pass_time(d, 20);
	/* Whoever comes in time gets the same one, whose time begins anew. */
	fd = worker_open(d, "x", &pid);
	ck_assert_int_eq(pid, first);
	close(fd);
	expect_workers(d, "x", 1, 1);
	pass_time(d, 20);
	expect_workers(d, "x", 1, 1);
	pass_time(d, 11);
	expect_workers(d, "x", 0, 0);
	expect_line(d, "event=pool-shrunk service=x ended=1 workers=0 idle=0");
	fd = worker_open(d, "x", &pid);
	ck_assert_int_ne(pid, first);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* ---- at the most ---- */

START_TEST(client_is_refused_when_all_workers_are_busy)
{
	struct daemon *d =
	    start_pool(WORKER "\tpool = dynamic\n\tpool_max = 3\n\ton_limit = refuse\n");
	int fds[3];

	open_all(d, fds, 3);
	for (int i = 0; i < 2; i++) {
		int refused = daemon_connect(d, "x");

		expect_closed(refused);
		close(refused);
	}
	expect_lines(d, 2, "FAIL: x service_limit from=127.0.0.1");
	close(fds[1]);
	expect_line(d, "EXIT: x");
	open_all(d, fds + 1, 1);
	expect_workers(d, "x", 3, 0);
	ck_assert_int_eq(pool_number(d, "x", "refused"), 2);
	close_all(fds, 3);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

START_TEST(client_waits_when_all_workers_are_busy)
{
	struct daemon *d =
	    start_pool(WORKER "\tpool = dynamic\n\tpool_max = 2\n\ton_limit = queue\n");
	int fds[2], waits[5];

	open_all(d, fds, 2);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		waits[i] = daemon_connect(d, "x");
		send_text(waits[i], "client %zu\n", i);
	}
	/* The others are served meanwhile, and nothing spins. */
	int y = hold_open(d, "y");
	daemon_idle(d);
	unsigned polls = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 20; i++)
		expect_echo(y, "turn");
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - polls, 3);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++)
		ck_assert(is_silent(waits[i]));
	close_all(fds, 2);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		ck_assert_str_eq(read_line(waits[i]), text_format("client %zu", i));
		close(waits[i]);
	}
	expect_no_line(d, "FAIL");
	expect_number(d, "x", "served", 7);
	close(y);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

START_TEST(max_servers_counts_workers)
{
	struct daemon *d = daemon_new();
	pid_t pid;

	daemon_add(d, "defaults\n{\n\tmax_servers = 2\n}\n");
	daemon_service(d, "x", "tcp", WORKER "\tpool = static\n\tpool_max = 2\n");
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	expect_workers(d, "x", 2, 2);
	int refused = daemon_connect(d, "y");
	expect_closed(refused);
	expect_line(d, "FAIL: y process_limit");
	int fd = worker_open(d, "x", &pid);
	close(fd);
	close(refused);
	daemon_stop(d);
}

END_TEST

/* ---- the end of a worker ---- */

/* Serves clients one after another; how many each worker has had until it was replaced. */
static size_t
count_lives(struct daemon *d, unsigned clients, unsigned *lives, size_t most)
{
	pid_t last = 0, pid;
	size_t count = 0;

	for (unsigned i = 1; i <= clients; i++) {
		int fd = worker_open(d, "x", &pid);

		if (pid != last && count < most)
			lives[count++] = 0;
		lives[count - 1]++;
		last = pid;
		close(fd);
		expect_lines(d, i, "EXIT: x status=0");
	}
	return count;
}

START_TEST(worker_is_replaced_after_its_own_number_of_connections)
{
	struct daemon *d = start_pool(WORKER
	    "\tpool = static\n\tpool_max = 1\n\tpool_max_requests = 30\n\ton_limit = queue\n");
	unsigned lives[16];
	bool differ = false;
	size_t count = count_lives(d, 330, lives, ARRAY_LEN(lives));

	ck_assert_uint_ge(count, 11);
	/* The last one is still there. */
	for (size_t i = 0; i + 1 < count; i++) {
		ck_assert_msg(lives[i] >= 27 && lives[i] <= 30, "one had %u", lives[i]);
		differ = differ || lives[i] != lives[0];
	}
	/* Eleven equal ones of four happen once in a million. */
	ck_assert(differ);
	expect_workers(d, "x", 1, 1);
	ck_assert_int_eq(pool_number(d, "x", "served"), 330);
	ck_assert_int_eq(pool_number(d, "x", "failed"), 0);
	expect_children(d, 1);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

START_TEST(workers_are_started_at_no_more_than_the_rate)
{
	struct daemon *d = daemon_new();
	int fds[6];

	daemon_inject(d);
	daemon_service(
	    d, "x", "tcp", WORKER "\tpool = ondemand\n\tpool_max = 8\n\tpool_spawn_rate = 2\n");
	daemon_start(d);
	int64_t begun_ms = now_ms();
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = daemon_connect(d, "x");
		send_text(fds[i], "hello\n");
	}
	for (int second = 0; second < 3; second++) {
		for (int i = 0; i < 2; i++)
			ck_assert_str_eq(read_line(fds[2 * second + i]), "hello");
		long long started = pool_number(d, "x", "started");
		/* Seconds that have really passed count as well. */
		ck_assert_int_le(
		    started, 2 * (second + 1) + 2 * ((now_ms() - begun_ms) / 1000 + 1) - 2);
		if (second < 2)
			pass_time(d, 1);
	}
	expect_workers(d, "x", 6, 0);
	/* Nobody was refused meanwhile. */
	expect_no_line(d, "FAIL");
	close_all(fds, ARRAY_LEN(fds));
	daemon_stop(d);
}

END_TEST

START_TEST(worker_that_keeps_a_connection_too_long_is_ended)
{
	struct daemon *d = start_pool(WORKER
	    "\tpool = static\n\tpool_max = 2\n\tpool_request_timeout = 30s\n\tstop_grace = 10s\n");
	pid_t slow, stubborn, pid;

	int fd = worker_open(d, "x", &slow);
	pass_time(d, 20);
	int other = worker_open(d, "x", &stubborn);
	ck_assert_str_eq(ask(other, "ignore %d", SIGTERM), "ignored");
	expect_echo(fd, "in time");
	pass_time(d, 11);
	expect_line(d, "event=worker-ended service=x pid=%d", (int)slow);
	expect_closed(fd);
	expect_line(d, "EXIT: x signal=%d pid=%d * conn=1", SIGTERM, (int)slow);
	expect_number(d, "x", "timed-out", 1);
	/* The time of the other one began later; it does not go when it is asked to. */
	expect_echo(other, "in time");
	pass_time(d, 20);
	expect_number(d, "x", "timed-out", 2);
	expect_echo(other, "in its grace");
	pass_time(d, 11);
	expect_closed(other);
	expect_line(d, "EXIT: x signal=%d pid=%d * conn=2", SIGKILL, (int)stubborn);
	expect_line(d, "event=worker-killed service=x pid=%d", (int)stubborn);
	close(fd);
	close(other);
	expect_workers(d, "x", 2, 2);
	/* An idle worker may be as old as it likes. */
	pass_time(d, 3600);
	expect_workers(d, "x", 2, 2);
	fd = worker_open(d, "x", &pid);
	close(fd);
	expect_number(d, "x", "timed-out", 2);
	expect_number(d, "x", "lost", 2);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

START_TEST(request_timeout_of_warm_programs)
{
	struct daemon *d = start_pool(HOLD "\tpool = static\n\tpool_exec = fresh\n\tpool_max = 1\n"
					   "\tpool_request_timeout = 30s\n\ton_limit = queue\n");
	pid_t slow, pid;
	int fd = worker_open(d, "x", &slow);

	pass_time(d, 31);
	expect_line(d, "EXIT: x signal=%d pid=%d", SIGTERM, (int)slow);
	expect_closed(fd);
	close(fd);
	fd = worker_open(d, "x", &pid);
	ck_assert_int_ne(pid, slow);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Whatever they do: workers and those that leave together are at most twice as many. */
START_TEST(workers_that_do_not_leave_are_bounded)
{
	struct daemon *d =
	    start_pool(WORKER "\tpool = static\n\tpool_max = 3\n\ton_limit = refuse\n"
			      "\tpool_max_requests = 1\n\tstop_grace = 1h\n");
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		int fd = worker_open(d, "x", &pid);

		ask(fd, "ignore %d", SIGTERM);
		/* After its connection it hears nothing any more. */
		ask(fd, "deaf");
		close(fd);
		expect_lines(d, (unsigned)i + 1, "EXIT: x status=0");
	}
	expect_number(d, "x", "leaving", 3);
	expect_number(d, "x", "workers", 3);
	int fds[3];
	for (size_t i = 0; i < 3; i++) {
		fds[i] = worker_open(d, "x", &pid);
		ask(fds[i], "ignore %d", SIGTERM);
		ask(fds[i], "deaf");
	}
	close_all(fds, 3);
	expect_lines(d, 6, "EXIT: x status=0");
	pass_time(d, 10);
	ck_assert_uint_le(count_children(d->pid), 6);
	/* Nobody can be served, and the daemon says so. */
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	expect_line(d, "FAIL: x");
	close(fd);
	/* stop_signal after one stop_grace, a kill after another. */
	pass_time(d, 3601);
	pass_time(d, 3601);
	expect_workers(d, "x", 3, 3);
	fd = worker_open(d, "x", &pid);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(static_pool_has_always_pool_max_workers),
	TEST(large_static_pool_is_started_in_steps),
	TEST(dynamic_pool_begins_with_pool_start),
	TEST(dynamic_pool_has_spare_workers),
	TEST(growth_is_in_steps_that_double),
	TEST(clients_make_the_pool_grow_at_once),
	TEST(spare_workers_above_the_most_are_ended_one_a_second),
	TEST(idle_workers_of_a_dynamic_pool_are_ended_down_to_the_spare_ones),
	TEST(ondemand_pool_has_workers_only_while_somebody_comes),
	TEST(client_is_refused_when_all_workers_are_busy),
	TEST(client_waits_when_all_workers_are_busy),
	TEST(max_servers_counts_workers),
	TEST(worker_is_replaced_after_its_own_number_of_connections),
	TEST(workers_are_started_at_no_more_than_the_rate),
	TEST(worker_that_keeps_a_connection_too_long_is_ended),
	TEST(request_timeout_of_warm_programs),
	TEST(workers_that_do_not_leave_are_bounded),
};

int
main(void)
{
	return run_functional("pool_size", tests, ARRAY_LEN(tests));
}
