/* SPDX-License-Identifier: MIT */
/* How many connections, and how often: per_source, cps, rate, rate_per_source. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "functional/control.h"
#include "functional/pool.h"
#include "functional/sources.h"

#define HOLD   "\tserver = @PROGRAMS@/hold\n"
#define WORKER "\tserver = @PROGRAMS@/worker\n\tserver_args = porter\n"
#define A      "127.0.0.2"
#define B      "127.0.0.3"

static struct daemon *
started(const char *kind, const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", kind, attributes);
	daemon_start(d);
	return d;
}

/* The same service with other attributes. */
static void
reload_with(struct daemon *d, const char *attributes)
{
	char *text = mem_format("\tprotocol = tcp\n%s", attributes);

	daemon_clear(d);
	daemon_entry(d, "x", text);
	free(text);
	daemon_reload(d);
}

static void
set(struct daemon *d, const char *name, const char *value)
{
	json_decref(control_ask(d,
	    "{\"command\":\"set\",\"service\":\"x\",\"name\":\"%s\",\"value\":\"%s\"}", name,
	    value));
}

/* ---- per_source ---- */

START_TEST(eleventh_connection_of_one_source_is_refused)
{
	struct daemon *d = started("tcp", HOLD "\tper_source = 10 # max\n");
	int fds[10];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = hold_open_from(d, "x", A);
	unsigned forks = inject_calls(d, INJECT_FORK);
	for (int i = 0; i < 30; i++)
		expect_refused(d, "x", A);
	expect_lines(d, 30, "FAIL: x per_source_limit from=" A);
	ck_assert_uint_eq(inject_calls(d, INJECT_FORK), forks);
	/* Nobody else is held back by it. */
	close(hold_open_from(d, "x", B));
	close(fds[4]);
	expect_lines(d, 2, "EXIT: x");
	fds[4] = hold_open_from(d, "x", A);
	expect_refused(d, "x", A);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	daemon_stop(d);
}

END_TEST

static const struct {
	const char *name, *line, *said;
} ends[] = {
	{ "it ends", "exit 0", "EXIT: x status=0" },
	{ "it fails", "exit 3", "EXIT: x status=3" },
	{ "it crashes", "kill 11", "EXIT: x signal=11" },
	{ "it is killed", "kill 9", "EXIT: x signal=9" },
};

START_TEST(b10_place_is_given_back_however_the_program_ends)
{
	struct daemon *d = started("tcp", HOLD "\tper_source = 1\n");

	for (int i = 0; i < 3; i++) {
		daemon_mark(d);
		int fd = hold_open_from(d, "x", A);
		expect_refused(d, "x", A);
		send_text(fd, "%s\n", ends[_i].line);
		expect_line(d, "%s", ends[_i].said);
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

START_TEST(b10_place_is_given_back_when_the_program_cannot_be_executed)
{
	struct daemon *d = daemon_new();

	write_file(text_format("%s/program", d->dir), 0755, "#!/bin/sh\ncat\n");
	daemon_inject(d);
	daemon_service(d, "x", "tcp", "\tserver = @DIR@/program\n\tper_source = 1\n");
	daemon_start(d);
	ck_assert_int_eq(unlink(text_format("%s/program", d->dir)), 0);
	for (int i = 0; i < 3; i++) {
		expect_refused(d, "x", A);
		expect_lines(d, (unsigned)i + 1, "FAIL: x exec from=" A);
	}
	expect_no_line(d, "per_source_limit");
	daemon_stop(d);
}

END_TEST

START_TEST(b10_place_is_given_back_when_no_process_can_be_made)
{
	struct daemon *d = started("tcp", HOLD "\tper_source = 1\n\tflags = NORETRY\n");

	for (int i = 0; i < 3; i++) {
		inject_fail(d, INJECT_FORK, EAGAIN, 1);
		expect_refused(d, "x", A);
		expect_lines(d, (unsigned)i + 1, "FAIL: x fork from=" A);
	}
	close(hold_open_from(d, "x", A));
	expect_no_line(d, "per_source_limit");
	daemon_stop(d);
}

END_TEST

START_TEST(counts_survive_a_reload_and_are_there_when_a_reload_asks_for_them)
{
	struct daemon *d = started("tcp", HOLD);
	int first = hold_open_from(d, "x", A), second = hold_open_from(d, "x", A);

	reload_with(d, HOLD "\tper_source = 2\n");
	expect_refused(d, "x", A);
	reload_with(d, HOLD "\tper_source = 3\n");
	int third = hold_open_from(d, "x", A);
	expect_refused(d, "x", A);
	reload_with(d, HOLD);
	daemon_mark(d);
	close(hold_open_from(d, "x", A));
	expect_line(d, "EXIT: x");
	reload_with(d, HOLD "\tper_source = 3\n\tnice = 1\n");
	daemon_mark(d);
	close(second);
	expect_line(d, "EXIT: x");
	second = hold_open_from(d, "x", A);
	expect_refused(d, "x", A);
	close(first);
	close(second);
	close(third);
	daemon_stop(d);
}

END_TEST

START_TEST(b9_mapped_and_plain_clients_are_one_source)
{
	if (!has_ipv6())
		return;
	struct daemon *d = started("dual", HOLD "\tper_source = 1\n");
	int fd = hold_open_from(d, "x", A);

	expect_refused(d, "x", A);
	expect_line(d, "FAIL: x per_source_limit from=" A);
	close(hold_open_from(d, "x", "::1"));
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(b9_ipv6_sources_are_networks)
{
	if (!has_ipv6() || !own_network())
		return;
	struct daemon *d = started("tcp6", HOLD "\tper_source = 2\n");
	int first = hold_open_from(d, "x", "2001:db8:0:1::1");
	int second = hold_open_from(d, "x", "2001:db8:0:1:ffff::2");

	expect_refused(d, "x", "2001:db8:0:1::3");
	int other = hold_open_from(d, "x", "2001:db8:0:2::1");
	reload_with(d, HOLD "\tper_source = 2\n\tper_source_prefix = 48\n");
	/* By the new measure there are three of one source already. */
	expect_refused(d, "x", "2001:db8:0:3::1");
	daemon_mark(d);
	close(first);
	close(second);
	expect_lines(d, 2, "EXIT: x");
	first = hold_open_from(d, "x", "2001:db8:0:4::1");
	expect_refused(d, "x", "2001:db8:0:5::1");
	close(first);
	close(other);
	daemon_stop(d);
}

END_TEST

START_TEST(per_source_is_set_while_the_service_runs)
{
	struct daemon *d = started("tcp", HOLD);
	int fd = hold_open_from(d, "x", A);

	set(d, "per_source", "1");
	expect_refused(d, "x", A);
	set(d, "per_source", "2");
	close(hold_open_from(d, "x", A));
	set(d, "per_source", "UNLIMITED");
	int second = hold_open_from(d, "x", A), third = hold_open_from(d, "x", A);
	close(second);
	close(third);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Workers that finish, that come to nothing, and clients that wait. */
START_TEST(workers_hold_places_until_they_are_done)
{
	struct daemon *d =
	    started("tcp", WORKER "\tpool = static\n\tpool_max = 3\n\tper_source = 2\n");
	pid_t pid = 0;

	for (int i = 0; i < 3; i++) {
		int first = connect_from(d, "x", A), second = connect_from(d, "x", A);
		ck_assert_int_gt(atoi(ask(first, "pid")), 0);
		pid = atoi(ask(second, "pid"));
		expect_refused(d, "x", A);
		int other = connect_from(d, "x", B);
		ck_assert_int_gt(atoi(ask(other, "pid")), 0);
		close(other);
		close(first);
		if (i == 1)
			kill(pid, SIGKILL);
		close(second);
		expect_number(d, "x", "busy", 0);
	}
	expect_lines(d, 3, "FAIL: x per_source_limit from=" A);
	daemon_stop(d);
}

END_TEST

START_TEST(fresh_workers_hold_places_until_they_end)
{
	struct daemon *d = started(
	    "tcp", HOLD "\tpool = static\n\tpool_max = 3\n\tpool_exec = fresh\n\tper_source = 1\n");

	for (int i = 0; i < 3; i++) {
		daemon_mark(d);
		int fd = hold_open_from(d, "x", A);
		expect_refused(d, "x", A);
		send_text(fd, i == 1 ? "kill 9\n" : "exit 0\n");
		expect_line(d, "EXIT: x");
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

/* ---- cps ---- */

/* Somebody else may have the address; not now. */
static bool
can_be_bound(const struct daemon *d)
{
	const struct listener *l = &d->listeners[0];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	int r = bind(fd, (const struct sockaddr *)&l->addr, l->len);
	close(fd);
	return r == 0;
}

START_TEST(b8_too_many_a_second_and_the_listener_rests)
{
	struct daemon *d = started("tcp", HOLD "\tcps = 3 30\n\tinstances = 5\n");
	int held = hold_open_from(d, "x", A);

	for (int i = 0; i < 2; i++)
		close(hold_open_from(d, "x", A));
	expect_refused(d, "x", A);
	expect_line(d, "FAIL: x connections per second from=" A);
	expect_line(d, "event=cps-exceeded service=x limit=3(/sec) pause=30(sec)");
	int waits = connect_from(d, "x", B);
	expect_echo(held, "those who are there stay");
	pass_time(d, 15);
	ck_assert(is_silent(waits));
	ck_assert(!can_be_bound(d));
	json_t *answer = control_ask(d, "{\"command\":\"services\",\"service\":\"x\"}");
	ck_assert_ptr_nonnull(
	    strstr(json_text_at(answer, "services.0.listeners.0.state"), "resting"));
	json_decref(answer);
	answer = control_ask(d, "{\"command\":\"status\"}");
	ck_assert_str_eq(json_text_at(answer, "problems.0.what"), "cps");
	json_decref(answer);
	pass_time(d, 16);
	ck_assert_int_gt(ask_pid(waits), 0);
	close(waits);
	close(held);
	ck_assert_uint_eq(count_lines(d, "FAIL:"), 1);
	daemon_stop(d);
}

END_TEST

START_TEST(cps_counts_and_pauses_across_reloads_until_it_is_changed)
{
	struct daemon *d = started("tcp", HOLD "\tcps = 1 600\n");

	close(hold_open_from(d, "x", A));
	expect_refused(d, "x", A);
	int waits = connect_from(d, "x", A);
	reload_with(d, HOLD "\tcps = 1 600\n\tnice = 1\n");
	daemon_idle(d);
	ck_assert(is_silent(waits));
	set(d, "cps", "100 10");
	ck_assert_int_gt(ask_pid(waits), 0);
	set(d, "cps", "1 600");
	int next = hold_open_from(d, "x", A);
	expect_refused(d, "x", A);
	reload_with(d, HOLD);
	close(hold_open_from(d, "x", A));
	close(next);
	close(waits);
	daemon_stop(d);
}

END_TEST

/* ---- rate ---- */

START_TEST(rate_refuses_what_is_more)
{
	struct daemon *d = started("tcp", HOLD "\trate = 1/minute burst 3\n");

	for (int i = 0; i < 3; i++)
		close(hold_open_from(d, "x", i == 0 ? A : B));
	expect_refused(d, "x", A);
	expect_refused(d, "x", B);
	expect_lines(d, 2, "FAIL: x rate from=");
	pass_time(d, 61);
	close(hold_open_from(d, "x", A));
	expect_refused(d, "x", A);
	set(d, "rate", "1000/second burst 10");
	close(hold_open_from(d, "x", A));
	daemon_stop(d);
}

END_TEST

START_TEST(rate_with_queue_lets_clients_wait)
{
	struct daemon *d = started("tcp", HOLD "\trate = 1/minute burst 1\n\ton_limit = queue\n");

	close(hold_open_from(d, "x", A));
	int first = connect_from(d, "x", A), second = connect_from(d, "x", B);
	daemon_idle(d);
	ck_assert(is_silent(first));
	pass_time(d, 61);
	ck_assert_int_gt(ask_pid(first), 0);
	daemon_idle(d);
	ck_assert(is_silent(second));
	pass_time(d, 61);
	ck_assert_int_gt(ask_pid(second), 0);
	expect_no_line(d, "FAIL:");
	close(first);
	close(second);
	daemon_stop(d);
}

END_TEST

START_TEST(rate_per_source_holds_back_one_and_not_the_others)
{
	struct daemon *d = started(
	    "tcp", HOLD "\trate_per_source = 1/minute burst 2\n\trate = 1/minute burst 5\n");

	for (int i = 0; i < 2; i++)
		close(hold_open_from(d, "x", A));
	for (int i = 0; i < 20; i++)
		expect_refused(d, "x", A);
	expect_lines(d, 20, "FAIL: x rate_per_source from=" A);
	/* What that one was refused was not taken from the others. */
	for (int i = 0; i < 2; i++)
		close(hold_open_from(d, "x", B));
	close(hold_open_from(d, "x", "127.0.0.4"));
	expect_refused(d, "x", "127.0.0.5");
	expect_line(d, "FAIL: x rate from=127.0.0.5");
	pass_time(d, 61);
	close(hold_open_from(d, "x", A));
	daemon_stop(d);
}

END_TEST

START_TEST(refused_by_address_takes_no_token)
{
	struct daemon *d =
	    started("tcp", HOLD "\tonly_from = " A "\n\trate = 1/minute burst 2\n\tcps = 2 60\n");

	for (int i = 0; i < 20; i++)
		expect_refused(d, "x", B);
	close(hold_open_from(d, "x", A));
	close(hold_open_from(d, "x", A));
	expect_no_line(d, "FAIL: x rate");
	expect_no_line(d, "FAIL: x connections");
	daemon_stop(d);
}

END_TEST

/* ---- upgrades ---- */

START_TEST(upgrade_keeps_counts_and_pauses)
{
	struct daemon *d = started("tcp", HOLD "\tper_source = 1\n\tcps = 2 300\n");
	int first = hold_open_from(d, "x", A);

	upgrade_daemon(d);
	expect_refused(d, "x", A);
	expect_line(d, "FAIL: x per_source_limit from=" A);
	expect_refused(d, "x", B);
	expect_line(d, "FAIL: x connections per second from=" B);
	int waits = connect_from(d, "x", B);
	upgrade_daemon(d);
	daemon_idle(d);
	ck_assert(is_silent(waits));
	pass_time(d, 301);
	ck_assert_int_gt(ask_pid(waits), 0);
	expect_no_line(d, "per_source_limit");
	expect_echo(first, "still here");
	send_text(first, "exit 0\n");
	expect_line(d, "EXIT: x");
	close(first);
	close(hold_open_from(d, "x", A));
	close(waits);
	daemon_stop(d);
}

END_TEST

START_TEST(upgrade_keeps_the_places_of_workers_and_tokens)
{
	struct daemon *d = started("tcp",
	    WORKER "\tpool = static\n\tpool_max = 3\n\ton_limit = refuse\n\tper_source = 1\n"
		   "\trate = 1/hour burst 2\n");
	int first = connect_from(d, "x", A);

	ck_assert_int_gt(atoi(ask(first, "pid")), 0);
	upgrade_daemon(d);
	expect_refused(d, "x", A);
	expect_line(d, "FAIL: x per_source_limit from=" A);
	close(first);
	expect_number(d, "x", "busy", 0);
	int second = connect_from(d, "x", A);
	ck_assert_int_gt(atoi(ask(second, "pid")), 0);
	expect_refused(d, "x", B);
	expect_line(d, "FAIL: x rate from=" B);
	close(second);
	daemon_stop(d);
}

END_TEST

/* ---- what is shown ---- */

START_TEST(refusals_and_sources_are_shown)
{
	struct daemon *d = started("tcp", HOLD "\tper_source = 2\n");
	int first = hold_open_from(d, "x", A), second = hold_open_from(d, "x", A);
	int other = hold_open_from(d, "x", B);

	expect_refused(d, "x", A);
	json_t *answer = control_ask(d, "{\"command\":\"show\",\"service\":\"x\"}");
	ck_assert_str_eq(json_text_at(answer, "services.0.sources.0.source"), A);
	ck_assert_int_eq(json_number_at(answer, "services.0.sources.0.connections"), 2);
	ck_assert_str_eq(json_text_at(answer, "services.0.sources.1.source"), B);
	ck_assert_int_eq(json_number_at(answer, "services.0.refused.per_source_limit"), 1);
	json_decref(answer);
	struct run_result shown = porterctl(d, "show", "x", NULL);
	ck_assert_ptr_nonnull(strstr(shown.output, A ": 2"));
	ck_assert_ptr_nonnull(strstr(shown.output, "per_source_limit 1"));
	close(first);
	close(second);
	close(other);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(eleventh_connection_of_one_source_is_refused),
	TEST_LOOP(b10_place_is_given_back_however_the_program_ends, ARRAY_LEN(ends)),
	TEST(b10_place_is_given_back_when_the_program_cannot_be_executed),
	TEST(b10_place_is_given_back_when_no_process_can_be_made),
	TEST(counts_survive_a_reload_and_are_there_when_a_reload_asks_for_them),
	TEST(b9_mapped_and_plain_clients_are_one_source),
	TEST(b9_ipv6_sources_are_networks),
	TEST(per_source_is_set_while_the_service_runs),
	TEST(workers_hold_places_until_they_are_done),
	TEST(fresh_workers_hold_places_until_they_end),
	TEST(b8_too_many_a_second_and_the_listener_rests),
	TEST(cps_counts_and_pauses_across_reloads_until_it_is_changed),
	TEST(rate_refuses_what_is_more),
	TEST(rate_with_queue_lets_clients_wait),
	TEST(rate_per_source_holds_back_one_and_not_the_others),
	TEST(refused_by_address_takes_no_token),
	TEST(upgrade_keeps_counts_and_pauses),
	TEST(upgrade_keeps_the_places_of_workers_and_tokens),
	TEST(refusals_and_sources_are_shown),
};

int
main(void)
{
	return run_functional("rates", tests, ARRAY_LEN(tests));
}
