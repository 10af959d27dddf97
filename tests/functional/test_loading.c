/* SPDX-License-Identifier: MIT */
/* The configuration is loaded beside everything else: whatever that takes, the daemon serves, answers, stops and is upgraded. Names
 * of hosts are looked up in a FIFO here, which says nothing until the test does. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/rows.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define SLOW HOLD "\tbind = slow.test\n\tport = 3609\n"

#define COMMAND(name)      "{\"command\":\"" name "\"}"
#define ON(name, selector) "{\"command\":\"" name "\",\"service\":\"" selector "\"}"

/* ---- names that take their time ---- */

static const char *
names_path(const struct daemon *d)
{
	return text_format("%s/names", d->dir);
}

/* From now on whoever looks up a name hangs. */
static void
names_hang(struct daemon *d)
{
	const char *fifo = text_format("%s/fifo", d->dir);

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(rename(fifo, names_path(d)), 0);
}

/* Somebody hangs: what he is to be told goes there. */
static int
wait_lookup(struct daemon *d)
{
	int64_t deadline = deadline_after();
	int fd;

	while ((fd = open(names_path(d), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0) {
		if (errno != ENXIO || now_ms() > deadline)
			daemon_fail(d, "nobody looks up a name: %s", strerror(errno));
		sched_yield();
	}
	return fd;
}

static const char *
answer_text(void)
{
	return text_format("slow.test %s\n", own_address(1));
}

/* From now on whoever looks up a name is told at once. */
static void
names_are_known(struct daemon *d)
{
	const char *file = text_format("%s/file", d->dir);

	write_file(file, 0644, answer_text());
	ck_assert_int_eq(rename(file, names_path(d)), 0);
}

/* So is he who hangs, and nobody hangs any more. */
static void
names_answer(struct daemon *d, int fd)
{
	names_are_known(d);
	ck_assert_int_eq(
	    write(fd, answer_text(), strlen(answer_text())), (ssize_t)strlen(answer_text()));
	close(fd);
}

/* ---- a daemon that loads ---- */

/* more: text behind both services; NULL: it is to come. */
static void
write_config(struct daemon *d, const char *more)
{
	daemon_clear(d);
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "slow", SLOW);
	if (more == NULL)
		return;
	daemon_add(d, "%s", more);
	daemon_write(d);
}

static struct daemon *
start_daemon(void)
{
	struct daemon *d = daemon_new();

	names_are(d, "");
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	return d;
}

/* It loads a configuration with another service, and hangs over its address. */
static int
begin_reload(struct daemon *d)
{
	names_hang(d);
	write_config(d, "");
	daemon_signal(d, SIGHUP);
	return wait_lookup(d);
}

/* The same by a command, with this text as well. */
static int
ask_reload(struct daemon *d, int asking, const char *text)
{
	names_hang(d);
	write_config(d, text);
	send_text(asking, COMMAND("reload") "\n");
	return wait_lookup(d);
}

/* To what was asked there. */
static json_t *
answer_on(int fd)
{
	json_t *answer = json_loads(read_line(fd), 0, NULL);

	ck_assert_ptr_nonnull(answer);
	return answer;
}

/* ---- tests ---- */

START_TEST(clients_and_persons_are_served_while_it_loads)
{
	struct daemon *d = start_daemon();
	int held = connect_address(own_address(0), 3601), lookup;

	expect_echo(held, "before");
	lookup = begin_reload(d);
	for (int i = 0; i < 10; i++)
		ck_assert(is_served(own_address(0), 3601));
	json_decref(control_ask(d, COMMAND("status")));
	json_decref(control_ask(d, ON("disable", "a")));
	ck_assert_int_eq(connect_address(own_address(0), 3601), -ECONNREFUSED);
	json_decref(control_ask(d, ON("enable", "a")));
	ck_assert(is_served(own_address(0), 3601));
	expect_no_line(d, "event=reload-done");
	ck_assert(!has_notify(d, "READY=1"));
	names_answer(d, lookup);
	expect_line(d, "event=reload-done services=2 listeners=2");
	expect_notify(d, "READY=1");
	ck_assert(is_served(own_address(1), 3609));
	expect_echo(held, "after");
	close(held);
	daemon_stop(d);
}

END_TEST

#define LATE "\tlisten = @ADDR@:3602\n"

static unsigned
count_notes(struct daemon *d, const char *line)
{
	unsigned count = 0;

	while (has_notify(d, line))
		count++;
	return count;
}

/* However many ask, one more load does for all of them, and it finds what was there when they asked. */
START_TEST(who_asks_meanwhile_gets_what_is_loaded_next)
{
	struct daemon *d = start_daemon();
	int lookup = begin_reload(d), asking[3];

	expect_notify(d, "RELOADING=1");
	write_config(d, NULL);
	daemon_entry(d, "late", HOLD LATE);
	daemon_write(d);
	for (size_t i = 0; i < ARRAY_LEN(asking); i++) {
		asking[i] = control_connect(d);
		send_text(asking[i], COMMAND("reload") "\n");
		daemon_signal(d, SIGHUP);
	}
	expect_lines(d, 3, "event=control * command=reload");
	/* Who supervises the daemon hears of each at once. */
	expect_notify(d, "RELOADING=1");
	for (size_t i = 0; i < ARRAY_LEN(asking); i++)
		ck_assert(is_silent(asking[i]));
	names_answer(d, lookup);
	for (size_t i = 0; i < ARRAY_LEN(asking); i++) {
		json_t *answer = answer_on(asking[i]);

		ck_assert_int_eq(json_number_at(answer, "result.services"), 3);
		json_decref(answer);
		close(asking[i]);
	}
	ck_assert(is_served(own_address(0), 3602));
	daemon_idle(d);
	expect_count(d, 2, "event=reload-done");
	ck_assert_uint_eq(count_notes(d, "READY=1"), 1);
	daemon_stop(d);
}

END_TEST

START_TEST(a_refusal_meanwhile_is_one)
{
	struct daemon *d = start_daemon();
	int lookup, asking = control_connect(d);

	lookup = ask_reload(d, asking, "service broken\n{\n\tinstances = none\n}\n");
	ck_assert(is_served(own_address(0), 3601));
	names_answer(d, lookup);
	json_t *answer = answer_on(asking);
	ck_assert_str_eq(json_text_at(answer, "error.code"), "refused");
	json_decref(answer);
	expect_line(d, "event=reload-refused");
	ck_assert(is_served(own_address(0), 3601));
	ck_assert_int_eq(connect_address(own_address(1), 3609), -ECONNREFUSED);
	close(asking);
	daemon_stop(d);
}

END_TEST

/* The load that goes on is not waited for, and whoever has asked for it hears of that. */
START_TEST(it_stops_while_it_loads)
{
	static const int signals[] = { SIGTERM, SIGQUIT, SIGINT };
	struct daemon *d = start_daemon();
	int asking = control_connect(d), lookup;

	lookup = ask_reload(d, asking, "");
	daemon_signal(d, signals[_i]);
	ck_assert_int_eq(daemon_wait(d), 0);
	json_t *answer = answer_on(asking);
	ck_assert_str_eq(json_text_at(answer, "error.code"), "stopping");
	json_decref(answer);
	expect_line(d, "event=reload-given-up reason=\"the daemon is stopping\"");
	expect_line(d, "event=stopped");
	daemon_closed(d);
	close(lookup);
	close(asking);
}

END_TEST

static void
upgrade(struct daemon *d)
{
	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	expect_line(d, "event=upgrade-trial");
}

START_TEST(an_upgrade_waits_for_the_load)
{
	struct daemon *d = start_daemon();
	int lookup = begin_reload(d);

	names_are_known(d);
	upgrade(d);
	names_answer(d, lookup);
	expect_line(d, "event=reload-done services=2");
	expect_line(d, "event=upgraded");
	ck_assert(is_served(own_address(1), 3609));
	daemon_stop(d);
}

END_TEST

/* Not for ever: then the new binary loads it, and nothing of what was asked for is lost. */
START_TEST(an_upgrade_goes_before_a_load_that_hangs)
{
	struct daemon *d = start_daemon();
	int asking = control_connect(d), lookup;

	lookup = ask_reload(d, asking, "");
	write_file(
	    text_format("%s/file", d->dir), 0644, text_format("slow.test %s\n", own_address(1)));
	ck_assert_int_eq(rename(text_format("%s/file", d->dir), names_path(d)), 0);
	upgrade(d);
	json_t *answer = answer_on(asking);
	ck_assert_str_eq(json_text_at(answer, "error.code"), "busy");
	json_decref(answer);
	expect_line(d, "event=reload-given-up");
	expect_line(d, "event=upgraded");
	ck_assert(is_served(own_address(1), 3609));
	close(lookup);
	close(asking);
	daemon_stop(d);
}

END_TEST

/* The only child that the daemon has then. */
static pid_t
process_of_names(const struct daemon *d)
{
	char path[64], name[64];

	for (pid_t pid = d->pid + 1; pid < d->pid + 100000; pid++) {
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		snprintf(name, sizeof(name), "%s", read_file(path));
		if (strncmp(name, "porterd-names", 13) == 0 &&
		    atoi(process_status(pid, "PPid")) == (int)d->pid)
			return pid;
	}
	return 0;
}

START_TEST(names_that_cannot_be_looked_up_change_nothing)
{
	struct daemon *d = start_daemon();
	int lookup = begin_reload(d);
	pid_t pid = process_of_names(d);

	ck_assert_int_gt(pid, 0);
	kill(pid, SIGKILL);
	expect_line(d, "event=reload-refused *has ended; nothing was changed\"");
	expect_notify(d, "READY=1");
	ck_assert(is_served(own_address(0), 3601));
	close(lookup);
	write_file(
	    text_format("%s/file", d->dir), 0644, text_format("slow.test %s\n", own_address(1)));
	ck_assert_int_eq(rename(text_format("%s/file", d->dir), names_path(d)), 0);
	daemon_reload(d);
	expect_line(d, "event=reload-done services=2");
	daemon_stop(d);
}

END_TEST

#define OFF HOLD LATE "\tdisable = yes\n"

/* What a person wants served is loaded for as well, and counts together with the reload that comes first. */
START_TEST(a_service_is_enabled_while_it_loads)
{
	struct daemon *d = daemon_new();
	int asking, lookup;

	names_are(d, "");
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "late", OFF);
	daemon_start(d);
	names_hang(d);
	write_config(d, NULL);
	daemon_entry(d, "late", OFF);
	daemon_write(d);
	daemon_signal(d, SIGHUP);
	lookup = wait_lookup(d);
	asking = control_connect(d);
	send_text(asking, ON("enable", "late") "\n");
	daemon_signal(d, SIGHUP);
	expect_line(d, "event=control * command=enable");
	ck_assert(is_silent(asking));
	ck_assert_int_eq(connect_address(own_address(0), 3602), -ECONNREFUSED);
	names_answer(d, lookup);
	json_t *answer = answer_on(asking);
	ck_assert_str_eq(json_text_at(answer, "result.services.0.state"), "serving");
	json_decref(answer);
	ck_assert(is_served(own_address(0), 3602));
	daemon_idle(d);
	expect_count(d, 2, "event=reload-done");
	close(asking);
	daemon_stop(d);
}

END_TEST

/* It was loaded as one that is on. */
START_TEST(a_service_is_disabled_while_it_loads)
{
	struct daemon *d = daemon_new();
	int lookup;

	names_are(d, "");
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "late", OFF);
	daemon_start(d);
	json_decref(control_ask(d, ON("enable", "late")));
	names_hang(d);
	write_config(d, NULL);
	daemon_entry(d, "late", OFF);
	daemon_write(d);
	daemon_signal(d, SIGHUP);
	lookup = wait_lookup(d);
	json_decref(control_ask(d, ON("disable", "late")));
	names_answer(d, lookup);
	expect_line(d, "event=reload-done services=2");
	json_t *answer = control_ask(d, ON("services", "late"));
	ck_assert_str_eq(json_text_at(answer, "services.0.state"), "disabled");
	json_decref(answer);
	daemon_stop(d);
}

END_TEST

/* It is worked out on a copy of the daemon, which would be one of a load half done. */
START_TEST(a_diff_waits_for_the_load)
{
	struct daemon *d = start_daemon();
	int lookup = begin_reload(d), asking = control_connect(d), other = control_connect(d);

	send_text(asking, COMMAND("diff") "\n");
	json_decref(control_ask(d, COMMAND("status")));
	ck_assert_str_eq(control_refused(d, COMMAND("diff")), "busy");
	ck_assert(is_silent(asking));
	names_answer(d, lookup);
	json_t *answer = answer_on(asking);
	ck_assert_uint_eq(json_array_size(json_at(answer, "result.added")), 0);
	json_decref(answer);
	/* Who leaves meanwhile is missed by nobody. */
	lookup = begin_reload(d);
	send_text(other, COMMAND("diff") "\n");
	json_decref(control_ask(d, COMMAND("status")));
	close(other);
	names_answer(d, lookup);
	daemon_idle(d);
	close(asking);
	daemon_stop(d);
}

END_TEST

/* Nothing is done to a service whose settings are the same, be they in another line or another file. */
START_TEST(services_that_stay_as_they_are_are_not_touched)
{
	struct daemon *d = daemon_new();
	unsigned before, after;

	daemon_inject(d);
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR@:3602\n\tbanner = @DIR@/none\n");
	daemon_start(d);
	daemon_idle(d);
	before = inject_calls(d, INJECT_SETSOCKOPT);
	daemon_clear(d);
	daemon_add(d, "\n\n");
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_reload(d);
	daemon_idle(d);
	after = inject_calls(d, INJECT_SETSOCKOPT);
	ck_assert_uint_eq(after, before);
	ck_assert(is_served(own_address(0), 3601));
	daemon_clear(d);
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n\tinstances = 7\n");
	daemon_reload(d);
	daemon_idle(d);
	ck_assert_uint_gt(inject_calls(d, INJECT_SETSOCKOPT), after);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(clients_and_persons_are_served_while_it_loads),
	TEST(who_asks_meanwhile_gets_what_is_loaded_next),
	TEST(a_refusal_meanwhile_is_one),
	TEST_LOOP(it_stops_while_it_loads, 3),
	TEST(an_upgrade_waits_for_the_load),
	TEST(an_upgrade_goes_before_a_load_that_hangs),
	TEST(names_that_cannot_be_looked_up_change_nothing),
	TEST(a_service_is_enabled_while_it_loads),
	TEST(a_service_is_disabled_while_it_loads),
	TEST(a_diff_waits_for_the_load),
	TEST(services_that_stay_as_they_are_are_not_touched),
};

int
main(void)
{
	return run_functional("loading", tests, ARRAY_LEN(tests));
}
