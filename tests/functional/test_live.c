/* SPDX-License-Identifier: MIT */
/* Commands that change what a running daemon does. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/pool.h"

#define HOLD    "\tserver = @PROGRAMS@/hold\n"
#define SHOW    "\tserver = @PROGRAMS@/show\n"
#define AT(p)   "\tprotocol = tcp\n\tlisten = @ADDR@:" #p "\n"
#define WORKER  "\tserver = @PROGRAMS@/worker\n\tserver_args = porter\n"
#define SHARED  "\tserver = @PROGRAMS@/worker\n\tserver_args = listen graceful\n"
#define POOL(n) "\tpool = static\n\tpool_max = " #n "\n\ton_limit = queue\n"

/* The same command for a service. */
#define ON(command, service) "{\"command\":\"" command "\",\"service\":\"" service "\"}"

static struct daemon *
started(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_entry(d, "x", attributes);
	daemon_start(d);
	return d;
}

/* Asks, and forgets the answer. */
static void
tell(struct daemon *d, const char *request)
{
	json_decref(control_ask(d, "%s", request));
}

static void
expect_answer(struct daemon *d, const char *request, const char *state)
{
	json_t *answer = control_ask(d, "%s", request);

	ck_assert_str_eq(json_text_at(answer, "services.0.state"), state);
	json_decref(answer);
}

static void
expect_refused(struct daemon *d, const char *code, const char *request)
{
	ck_assert_str_eq(control_refused(d, "%s", request), code);
}

/* The error of a request, code and message; the caller decrefs. */
static json_t *
error_of(struct daemon *d, const char *request)
{
	int fd = control_connect(d);
	json_t *answer = control_request(fd, "%s", request);
	json_t *error = json_incref(json_object_get(answer, "error"));

	ck_assert_msg(error != NULL, "not refused: %s", request);
	json_decref(answer);
	close(fd);
	return error;
}

static void
expect_message(struct daemon *d, const char *request, const char *code, const char *part)
{
	json_t *error = error_of(d, request);

	ck_assert_str_eq(json_text_at(error, "code"), code);
	ck_assert_msg(strstr(json_text_at(error, "message"), part) != NULL, "%s",
	    json_text_at(error, "message"));
	json_decref(error);
}

static void
expect_served(unsigned port)
{
	int fd = connect_address(own_address(0), port);

	ck_assert_msg(fd >= 0, "port %u: %s", port, strerror(-fd));
	expect_echo(fd, "there");
	close(fd);
}

/* A program that was just started may have the listening socket for an instant longer, until its exec. */
static void
expect_nobody(unsigned port)
{
	int64_t deadline = deadline_after();
	int fd;

	while ((fd = connect_address(own_address(0), port)) != -ECONNREFUSED) {
		ck_assert_msg(fd >= 0 && now_ms() < deadline, "port %u: %d", port, fd);
		close(fd);
		poll(NULL, 0, 10);
	}
}

static void
reload(struct daemon *d)
{
	daemon_mark(d);
	daemon_reload(d);
	expect_line(d, "event=reload-done");
}

/* The request that sets an attribute of x. */
static const char *
set(const char *name, const char *value)
{
	return text_format(
	    "{\"command\":\"set\",\"service\":\"x\",\"name\":\"%s\",\"value\":\"%s\"}", name,
	    value);
}

START_TEST(disabled_until_enabled_whatever_is_reloaded)
{
	struct daemon *d = started(HOLD AT(3601) "\tinstances = 5\n");
	int fd = connect_address(own_address(0), 3601);

	expect_echo(fd, "before");
	expect_answer(d, ON("disable", "x"), "off");
	expect_nobody(3601);
	expect_answer(d, ON("disable", "x"), "off");
	/* Who was being served still is. */
	expect_echo(fd, "after");
	reload(d);
	expect_line(d, "event=service-off service=x");
	expect_nobody(3601);
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3602) "\tinstances = 6\n");
	daemon_entry(d, "y", HOLD AT(3601));
	reload(d);
	expect_nobody(3602);
	expect_served(3601); /* another one's now */
	expect_answer(d, ON("enable", "x"), "serving");
	expect_served(3602);
	expect_answer(d, ON("enable", "x"), "serving");
	reload(d);
	expect_no_line(d, "event=service-off");
	expect_served(3602);
	expect_echo(fd, "still");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(one_of_several_by_its_address)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601));
	daemon_entry(d, "x", HOLD AT(3602));
	daemon_start(d);
	expect_answer(d, text_format(ON("disable", "x@tcp:%s:3602"), own_address(0)), "off");
	expect_served(3601);
	expect_nobody(3602);
	expect_answer(d, text_format(ON("enable", "x@%s:3602"), own_address(0)), "serving");
	expect_served(3602);
	json_t *both = control_ask(d, ON("disable", "x"));
	ck_assert_uint_eq(json_array_size(json_at(both, "services")), 2);
	json_decref(both);
	expect_nobody(3601);
	expect_nobody(3602);
	reload(d);
	expect_nobody(3601);
	expect_nobody(3602);
	tell(d, ON("enable", "x"));
	expect_served(3601);
	expect_served(3602);
	daemon_stop(d);
}

END_TEST

/* A socket that was handed over could not be opened again: it is kept, and its clients wait. */
START_TEST(clients_of_a_socket_handed_over_wait)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int before = daemon_connect(d, "x");
	expect_echo(before, "one");
	tell(d, ON("disable", "x"));
	int waiting = daemon_connect(d, "x");
	send_text(waiting, "two\n");
	reload(d);
	expect_echo(before, "three");
	daemon_idle(d);
	ck_assert(is_silent(waiting));
	ck_assert_uint_eq(count_lines(d, "START: x"), 0);
	expect_answer(d, ON("enable", "x"), "serving");
	ck_assert_str_eq(read_line(waiting), "two");
	close(before);
	close(waiting);
	daemon_stop(d);
}

END_TEST

START_TEST(workers_end_after_their_present_client)
{
	struct daemon *d = started(WORKER POOL(2) AT(3601) "\tstop_grace = 1h\n");
	pid_t pids[WORKERS_MAX], busy;

	expect_workers(d, "x", 2, 2);
	worker_pids(d, "x", NULL, pids);
	int fd = connect_address(own_address(0), 3601);
	busy = ask_pid(fd);
	tell(d, ON("disable", "x"));
	expect_nobody(3601);
	wait_gone(pids[0] == busy ? pids[1] : pids[0]);
	ck_assert_int_eq(ask_pid(fd), busy);
	reload(d);
	ck_assert_int_eq(ask_pid(fd), busy);
	close(fd);
	wait_gone(busy);
	ck_assert_int_eq(pool_number(d, "x", "workers"), 0);
	expect_answer(d, ON("enable", "x"), "serving");
	expect_workers(d, "x", 2, 2);
	fd = connect_address(own_address(0), 3601);
	ask_pid(fd);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* The one who waits for a fork is served although nobody else is. */
START_TEST(a_client_that_waits_for_a_fork_is_served)
{
	struct daemon *d = started(HOLD AT(3601));

	inject_fail(d, INJECT_FORK, EAGAIN, 1);
	int fd = connect_address(own_address(0), 3601);
	send_text(fd, "hello\n");
	expect_line(d, "event=fork-failed service=x");
	tell(d, ON("disable", "x"));
	expect_nobody(3601);
	pass_time(d, 2);
	ck_assert_str_eq(read_line(fd), "hello");
	expect_nobody(3601);
	close(fd);
	expect_line(d, "EXIT: x status=0");
	tell(d, ON("enable", "x"));
	expect_served(3601);
	daemon_stop(d);
}

END_TEST

/* Its end of the listening socket. */
static bool
accepts_blocking(pid_t pid)
{
	FILE *in = fopen(text_format("/proc/%d/fdinfo/0", (int)pid), "r");
	unsigned flags = O_NONBLOCK;
	char line[256];

	ck_assert_ptr_nonnull(in);
	while (fgets(line, sizeof(line), in) != NULL)
		if (strncmp(line, "flags:", strlen("flags:")) == 0)
			flags = (unsigned)strtoul(line + strlen("flags:"), NULL, 8);
	fclose(in);
	return (flags & O_NONBLOCK) == 0;
}

/* They share its mode with the daemon: a plain program would end at its next accept. */
START_TEST(workers_that_accept_by_themselves_go_on_blocking)
{
	struct daemon *d = started(SHARED POOL(1) "\tpool_accept = worker\n" AT(3601));
	pid_t pids[WORKERS_MAX];

	expect_workers(d, "x", 1, 1);
	worker_pids(d, "x", NULL, pids);
	ck_assert(accepts_blocking(pids[0]));
	tell(d, set("stop_grace", "9s"));
	ck_assert(accepts_blocking(pids[0]));
	reload(d);
	ck_assert(accepts_blocking(pids[0]));
	expect_workers(d, "x", 1, 1);
	daemon_stop(d);
}

END_TEST

START_TEST(who_is_enabled_is_listed_once)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3602));
	daemon_start(d);
	tell(d, ON("enable", "x"));
	for (int i = 0; i < 2; i++) {
		json_t *list = control_ask(d, "{\"command\":\"services\"}");
		json_t *status = control_ask(d, "{\"command\":\"status\"}");
		ck_assert_uint_eq(json_array_size(json_at(list, "services")), 2);
		ck_assert_str_eq(json_text_at(list, "services.1.id"), "x");
		ck_assert_str_eq(json_text_at(list, "services.1.state"), "serving");
		ck_assert_int_eq(json_number_at(status, "services.serving"), 2);
		ck_assert_int_eq(json_number_at(status, "services.disabled"), 0);
		ck_assert_uint_eq(json_array_size(json_at(status, "problems")), 0);
		ck_assert_ptr_null(strstr(state_dump(d), "not served"));
		json_decref(list);
		json_decref(status);
		tell(d, set("instances", "5"));
	}
	/* It has no program any more: it goes on under its settings of before. */
	daemon_clear(d);
	daemon_entry(d, "x", "\tserver = /nowhere\n" AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3602));
	reload(d);
	json_t *status = control_ask(d, "{\"command\":\"status\"}");
	ck_assert_uint_eq(json_array_size(json_at(status, "problems")), 1);
	ck_assert_str_eq(json_text_at(status, "problems.0.what"), "reload");
	ck_assert_int_eq(json_number_at(status, "services.broken"), 0);
	json_decref(status);
	daemon_stop(d);
}

END_TEST

/* It has no listeners to be known by. */
START_TEST(one_of_several_stays_off_wherever_the_others_go)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601));
	daemon_entry(d, "x", HOLD AT(3602));
	daemon_start(d);
	tell(d, text_format(ON("disable", "x@%s:3601"), own_address(0)));
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3603));
	daemon_entry(d, "x", HOLD AT(3601));
	reload(d);
	expect_nobody(3601);
	expect_served(3603);
	daemon_stop(d);
}

END_TEST

/* The first of them is served, and goes on when the file is read again. */
START_TEST(the_second_of_two_cannot_be_enabled)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "x", HOLD AT(3602) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3603));
	daemon_start(d);
	int other = listen_at(own_address(0), 3602);
	expect_message(d, ON("enable", "x"), "failed", ":3602");
	expect_served(3601);
	reload(d);
	expect_served(3601);
	close(other);
	expect_answer(d, ON("disable", "x"), "off");
	reload(d);
	expect_nobody(3601);
	daemon_stop(d);
}

END_TEST

/* Its listener was to become another's, who cannot have all that he was to have and stays as he was. */
START_TEST(what_was_set_ends_with_a_listener_that_nobody_gets)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601));
	daemon_entry(d, "y", HOLD AT(3603));
	daemon_entry(d, "z", HOLD "\tlisten = @ADDR2@:3602\n");
	int other = listen_at(own_address(0), 3602);
	daemon_start(d);
	tell(d, set("instances", "3"));
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3604));
	daemon_entry(d, "y", HOLD "\tlisten = @ADDR@:3601 @ADDR@:3602\n");
	reload(d);
	expect_line(d, "event=service-kept service=y");
	expect_nobody(3601);
	expect_served(3603);
	expect_served(3604);
	close(other);
	daemon_stop(d);
}

END_TEST

/* Of one that is gone, and of one that cannot be served any more. */
START_TEST(that_a_service_was_enabled_is_forgotten)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3602));
	daemon_start(d);
	tell(d, ON("enable", "x"));
	daemon_clear(d);
	daemon_entry(d, "y", HOLD AT(3602));
	reload(d);
	expect_nobody(3601);
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3602));
	reload(d);
	expect_nobody(3601);
	expect_answer(d, ON("disable", "x"), "disabled");
	daemon_stop(d);
}

END_TEST

/* Its listener goes before there is a process for it: it is given up, and counted. */
START_TEST(a_client_that_waits_for_a_fork_is_accounted_for)
{
	struct daemon *d = started(HOLD AT(3601));

	inject_fail(d, INJECT_FORK, EAGAIN, 1);
	int fd = connect_address(own_address(0), 3601);
	expect_line(d, "event=fork-failed service=x");
	if (_i == 1)
		tell(d, ON("disable", "x"));
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3602));
	reload(d);
	expect_closed(fd);
	expect_line(d, "FAIL: x fork from=* conn=1");
	json_t *status = control_ask(d, "{\"command\":\"status\"}");
	ck_assert_int_eq(json_number_at(status, "totals.accepted"), 1);
	ck_assert_int_eq(json_number_at(status, "totals.failed"), 1);
	json_decref(status);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct {
	const char *defaults, *attributes;
} disabled[] = {
	{ "", "\tdisable = yes\n" },
	{ "\tdisabled = x\n", "" },
	{ "\tenabled = y\n", "" },
};

/* Its workers have the socket as well, until they end. */
START_TEST(workers_that_accept_by_themselves_end)
{
	struct daemon *d = daemon_new();
	const char *attributes = SHARED POOL(2) "\tpool_accept = worker\n";
	pid_t pids[WORKERS_MAX];

	if (_i == 0)
		daemon_service(d, "x", "tcp", attributes);
	else
		daemon_entry(d, "x", text_format("%s" AT(3601), attributes));
	daemon_start(d);
	expect_workers(d, "x", 2, 2);
	worker_pids(d, "x", NULL, pids);
	tell(d, set("stop_grace", "9s"));
	expect_workers(d, "x", 2, 2);
	pid_t same[WORKERS_MAX];
	worker_pids(d, "x", NULL, same);
	ck_assert(same[0] == pids[0] || same[0] == pids[1]);
	tell(d, ON("disable", "x"));
	wait_gone(pids[0]);
	wait_gone(pids[1]);
	int fd = -1;
	if (_i == 0)
		fd = daemon_connect(d, "x");
	else
		expect_nobody(3601);
	reload(d);
	expect_answer(d, ON("enable", "x"), "serving");
	expect_workers(d, "x", 2, 2);
	if (_i == 1)
		fd = connect_address(own_address(0), 3601);
	ask_pid(fd);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(a_program_that_has_the_socket_goes_on)
{
	struct daemon *d = daemon_new();

	daemon_service(
	    d, "x", "udp", "\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 2\n\twait = yes\n");
	daemon_start(d);
	int fd = datagram_to(d, "x");
	char answer[64];
	send_text(fd, "one");
	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	ck_assert_int_gt(recv(fd, answer, sizeof(answer), 0), 0);
	tell(d, set("stop_grace", "3s"));
	tell(d, ON("disable", "x"));
	send_text(fd, "two");
	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	ck_assert_int_gt(recv(fd, answer, sizeof(answer), 0), 0);
	expect_line(d, "EXIT: x status=0");
	send_text(fd, "three");
	daemon_idle(d);
	ck_assert(is_silent(fd));
	tell(d, ON("enable", "x"));
	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	expect_count(d, 2, "START: x");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(a_unix_socket_goes_and_comes_with_its_file)
{
	struct daemon *d =
	    started(HOLD "\tprotocol = tcp\n\tlisten = unix:@DIR@/s\n\tlisten_mode = 0600\n");
	const char *path = text_format("%s/s", d->dir);
	struct stat st;

	tell(d, ON("disable", "x"));
	ck_assert(!path_exists(path));
	reload(d);
	ck_assert(!path_exists(path));
	tell(d, ON("enable", "x"));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	int fd = connect_unix(path);
	expect_echo(fd, "there");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(one_that_leaves_the_configuration_comes_back_on)
{
	struct daemon *d = started(HOLD AT(3601));

	tell(d, ON("disable", "x"));
	daemon_clear(d);
	daemon_entry(d, "y", HOLD AT(3602));
	reload(d);
	expect_refused(d, "unknown-service", ON("enable", "x"));
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601));
	reload(d);
	expect_served(3601);
	daemon_stop(d);
}

END_TEST

START_TEST(what_the_file_disables_is_enabled_until_disabled)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults\n{\n%s}\n", disabled[_i].defaults);
	daemon_entry(d, "x", text_format(HOLD AT(3601) "%s", disabled[_i].attributes));
	daemon_entry(d, "y", HOLD AT(3602));
	daemon_start(d);
	expect_nobody(3601);
	expect_answer(d, ON("disable", "x"), "disabled");
	int y = connect_address(own_address(0), 3602);
	pid_t pid = ask_pid(y);
	expect_answer(d, ON("enable", "x"), "serving");
	expect_served(3601);
	ck_assert_int_eq(ask_pid(y), pid);
	reload(d);
	expect_served(3601);
	expect_answer(d, ON("disable", "x"), "off");
	expect_nobody(3601);
	reload(d);
	expect_nobody(3601);
	expect_answer(d, ON("disable", "x"), "disabled");
	expect_answer(d, ON("enable", "x"), "serving");
	expect_served(3601);
	close(y);
	daemon_stop(d);
}

END_TEST

/* All of one id, or the one that is meant. */
START_TEST(several_that_the_file_disables)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "x", HOLD AT(3602) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3603));
	daemon_start(d);
	if (_i == 0) {
		json_t *both = control_ask(d, ON("enable", "x"));
		ck_assert_uint_eq(json_array_size(json_at(both, "services")), 2);
		json_decref(both);
		expect_served(3601);
	} else {
		expect_refused(d, "refused", ON("enable", "x@10.0.0.1:1"));
		tell(d, text_format(ON("enable", "x@%s:3602"), own_address(0)));
		expect_nobody(3601);
	}
	expect_served(3602);
	daemon_stop(d);
}

END_TEST

START_TEST(enable_is_as_strict_as_a_reload)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3602));
	daemon_start(d);
	/* Another service's text, this one's program, or it is not there any more. */
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3602) "\tinstances = none\n");
	daemon_write(d);
	json_t *error = error_of(d, ON("enable", "x"));
	ck_assert_str_eq(json_text_at(error, "code"), "refused");
	ck_assert_str_eq(json_text_at(error, "problems.0.severity"), "error");
	ck_assert_str_eq(json_text_at(error, "problems.0.cause"), "text");
	ck_assert_ptr_nonnull(strstr(json_text_at(error, "problems.0.line"), "instances = none"));
	json_decref(error);
	daemon_clear(d);
	daemon_entry(d, "x", "\tserver = /nowhere\n" AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3602));
	daemon_write(d);
	expect_message(d, ON("enable", "x"), "refused", "/nowhere");
	daemon_clear(d);
	daemon_entry(d, "y", HOLD AT(3602));
	daemon_write(d);
	expect_refused(d, "refused", ON("enable", "x"));
	expect_nobody(3601);
	/* None of it has left anything. */
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3602));
	reload(d);
	expect_nobody(3601);
	expect_refused(d, "unknown-service", ON("enable", "z"));
	expect_refused(d, "unknown-service", ON("disable", "z"));
	expect_message(d, ON("drain", "z"), "unknown-service", "there is no service z: ");
	expect_message(d, ON("drain", "x"), "unknown-service", "service x is not served now: ");
	daemon_stop(d);
}

END_TEST

START_TEST(it_stays_off_when_its_address_is_taken)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3601 @ADDR@:3602\n");
	daemon_entry(d, "f", HOLD AT(3604) "\tdisable = yes\n");
	daemon_entry(d, "g", HOLD AT(3602) "\tdisable = yes\n");
	daemon_entry(d, "y", HOLD AT(3603));
	daemon_start(d);
	unsigned fds = daemon_fds(d);
	/* Another service's is an error of the configuration. */
	expect_message(d, ON("enable", "g"), "refused", "the text has errors");
	int other = listen_at(own_address(0), 3604);
	expect_message(d, ON("enable", "f"), "failed", "Address already in use");
	expect_answer(d, ON("disable", "f"), "disabled");
	close(other);
	ck_assert_uint_eq(daemon_fds(d), fds);
	tell(d, ON("disable", "x"));
	other = listen_at(own_address(0), 3602);
	expect_message(d, ON("enable", "x"), "failed", "tcp:");
	expect_answer(d, ON("disable", "x"), "off");
	expect_nobody(3601);
	close(other);
	expect_answer(d, ON("enable", "x"), "serving");
	expect_served(3601);
	expect_served(3602);
	ck_assert_uint_eq(daemon_fds(d), fds);
	daemon_stop(d);
}

END_TEST

START_TEST(drain_says_how_many_there_are)
{
	struct daemon *d = started(HOLD AT(3601));
	int fd = connect_address(own_address(0), 3601);

	expect_echo(fd, "there");
	json_t *answer = control_ask(d, ON("drain", "x"));
	ck_assert_str_eq(json_text_at(answer, "services.0.id"), "x");
	ck_assert_int_eq(json_number_at(answer, "services.0.running"), 1);
	json_decref(answer);
	expect_nobody(3601);
	close(fd);
	expect_line(d, "EXIT: x");
	answer = control_ask(d, ON("drain", "x"));
	ck_assert_int_eq(json_number_at(answer, "services.0.running"), 0);
	json_decref(answer);
	tell(d, ON("enable", "x"));
	expect_served(3601);
	daemon_stop(d);
}

END_TEST

START_TEST(a_limit_is_set_at_once_and_until_the_next_reload)
{
	struct daemon *d = started(HOLD AT(3601) "\tinstances = 1\n");
	int first = connect_address(own_address(0), 3601);

	expect_echo(first, "one");
	int refused = connect_address(own_address(0), 3601);
	expect_closed(refused);
	close(refused);
	json_t *answer = control_ask(d, "%s", set("instances", "2"));
	ck_assert_str_eq(json_text_at(answer, "services.0.id"), "x");
	ck_assert_str_eq(json_text_at(answer, "services.0.name"), "instances");
	ck_assert_str_eq(json_text_at(answer, "services.0.old"), "1");
	ck_assert_str_eq(json_text_at(answer, "services.0.new"), "2");
	json_decref(answer);
	int second = connect_address(own_address(0), 3601);
	expect_echo(second, "two");
	expect_echo(first, "one");
	close(second);
	expect_line(d, "EXIT: x");
	/* It is neither lost by going off and on, nor by another one. */
	tell(d, ON("disable", "x"));
	tell(d, ON("enable", "x"));
	tell(d, set("stop_grace", "5s"));
	answer = control_ask(d, ON("show", "x"));
	ck_assert_str_eq(json_text_at(answer, "services.0.overrides.0.name"), "instances");
	ck_assert_str_eq(json_text_at(answer, "services.0.overrides.0.value"), "2");
	ck_assert_str_eq(json_text_at(answer, "services.0.overrides.1.name"), "stop_grace");
	json_decref(answer);
	second = connect_address(own_address(0), 3601);
	expect_echo(second, "two");
	reload(d);
	expect_line(d, "event=set-ended service=x attribute=instances");
	expect_line(d, "event=set-ended service=x attribute=stop_grace");
	close(second);
	expect_line(d, "EXIT: x");
	refused = connect_address(own_address(0), 3601);
	expect_closed(refused);
	expect_echo(first, "one");
	reload(d);
	expect_no_line(d, "event=set-ended");
	close(first);
	close(refused);
	daemon_stop(d);
}

END_TEST

/* Those who queue come in as soon as there is room. */
START_TEST(clients_that_queue_notice_a_higher_limit)
{
	struct daemon *d = started(HOLD
	    "\tprotocol = tcp\n\tlisten = @ADDR@:3601 unix:@DIR@/s\n\tinstances = 1\n\ton_limit = queue\n");
	int first = connect_address(own_address(0), 3601);

	expect_echo(first, "one");
	int second = connect_address(own_address(0), 3601);
	int third = connect_unix(text_format("%s/s", d->dir));
	send_text(second, "two\n");
	send_text(third, "three\n");
	daemon_idle(d);
	ck_assert(is_silent(second) && is_silent(third));
	tell(d, set("instances", "3"));
	ck_assert_str_eq(read_line(second), "two");
	ck_assert_str_eq(read_line(third), "three");
	close(first);
	close(second);
	close(third);
	daemon_stop(d);
}

END_TEST

START_TEST(services_stay_in_their_order)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601));
	daemon_entry(d, "y", HOLD AT(3602));
	daemon_start(d);
	tell(d, set("instances", "3"));
	tell(d, ON("disable", "x"));
	tell(d, ON("enable", "x"));
	const char *dump = state_dump(d);
	const char *x = strstr(dump, "\nservice x"), *y = strstr(dump, "\nservice y");
	ck_assert_ptr_nonnull(x);
	ck_assert_ptr_nonnull(y);
	ck_assert(x < y);
	daemon_stop(d);
}

END_TEST

START_TEST(a_pool_is_resized_and_keeps_its_workers)
{
	struct daemon *d = started(WORKER POOL(2) AT(3601));
	pid_t before[WORKERS_MAX], after[WORKERS_MAX];

	expect_workers(d, "x", 2, 2);
	worker_pids(d, "x", NULL, before);
	tell(d, set("pool_max", "4"));
	expect_workers(d, "x", 4, 4);
	ck_assert_uint_eq(worker_pids(d, "x", NULL, after), 4);
	for (int i = 0; i < 2; i++) {
		int found = 0;

		for (int k = 0; k < 4; k++)
			found += after[k] == before[i];
		ck_assert_int_eq(found, 1);
	}
	reload(d);
	expect_workers(d, "x", 2, 2);
	daemon_stop(d);
}

END_TEST

/* clang-format off */
static const struct {
	const char *name, *value, *code, *part;
} bad_sets[] = {
	{ "instances", "many", "bad-value", "instances: 'many' is no number" },
	{ "instances", "-1", "bad-value", "out of range" },
	{ "pool_max", "3", "bad-value", "no effect without a pool" },
	{ "nonsense", "3", "bad-value", "there is no attribute nonsense" },
	{ "instnces", "3", "bad-value", "did you mean instances?" },
	{ "server", "/bin/sh", "not-live", "instances, on_limit" },
	{ "user", "root", "not-live", "and stop_grace can be set" },
	{ "max_servers", "3", "not-live", "is set for defaults" },
	{ "stop_signal", "NONE", "bad-value", "no signal" },
};

/* clang-format on */

START_TEST(what_cannot_be_set_says_why)
{
	struct daemon *d = started(HOLD AT(3601));

	expect_message(
	    d, set(bad_sets[_i].name, bad_sets[_i].value), bad_sets[_i].code, bad_sets[_i].part);
	expect_refused(d, "unknown-service",
	    "{\"command\":\"set\",\"service\":\"z\",\"name\":\"instances\",\"value\":\"3\"}");
	expect_refused(d, "not-live",
	    "{\"command\":\"set\",\"service\":\"defaults\",\"name\":\"instances\",\"value\":\"3\"}");
	expect_refused(d, "bad-value",
	    "{\"command\":\"set\",\"service\":\"defaults\",\"name\":\"max_servers\",\"value\":\"x\"}");
	expect_served(3601);
	daemon_stop(d);
}

END_TEST

START_TEST(the_limit_of_all_programs_is_set_for_defaults)
{
	struct daemon *d = started(HOLD AT(3601));
	int first = connect_address(own_address(0), 3601);

	expect_echo(first, "one");
	json_t *answer = control_ask(d,
	    "{\"command\":\"set\",\"service\":\"defaults\",\"name\":\"max_servers\",\"value\":\"1\"}");
	ck_assert_str_eq(json_text_at(answer, "services.0.id"), "defaults");
	ck_assert_str_eq(json_text_at(answer, "services.0.new"), "1");
	json_decref(answer);
	int second = connect_address(own_address(0), 3601);
	expect_closed(second);
	expect_line(d, "FAIL: x process_limit");
	close(second);
	reload(d);
	expect_line(d, "event=set-ended attribute=max_servers");
	second = connect_address(own_address(0), 3601);
	expect_echo(second, "two");
	close(first);
	close(second);
	daemon_stop(d);
}

END_TEST

/* Connected from this address of ours. */
static int
connect_from(const char *source, unsigned port)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(inet_pton(AF_INET, source, &from.sin_addr), 1);
	ck_assert_int_eq(inet_pton(AF_INET, own_address(0), &to.sin_addr), 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void
expect_banned(struct daemon *d, const char *source, unsigned port)
{
	int fd = connect_from(source, port);

	expect_closed(fd);
	expect_line(d, "FAIL: x banned from=%s", source);
	close(fd);
}

static void
expect_echo_from(const char *source, unsigned port)
{
	int fd = connect_from(source, port);

	expect_echo(fd, "there");
	close(fd);
}

static json_t *
ban(struct daemon *d, const char *address, const char *more)
{
	return control_ask(d, "{\"command\":\"ban\",\"address\":\"%s\"%s}", address, more);
}

START_TEST(nobody_is_served_from_a_banned_address)
{
	struct daemon *d = started(HOLD AT(3601));
	const char *bad = own_address(1);
	json_t *answer = ban(d, bad, "");

	ck_assert_str_eq(json_text_at(answer, "address"), bad);
	ck_assert(json_is_null(json_at(answer, "until")));
	json_decref(answer);
	expect_banned(d, bad, 3601);
	expect_banned(d, bad, 3601);
	expect_echo_from("127.0.0.1", 3601);
	expect_line(d, "START: x");
	expect_count(d, 1, "START: x");
	answer = control_ask(d, "{\"command\":\"bans\"}");
	ck_assert_str_eq(json_text_at(answer, "bans.0.address"), bad);
	ck_assert_int_eq(json_number_at(answer, "bans.0.hits"), 2);
	ck_assert_uint_eq(json_array_size(json_at(answer, "bans")), 1);
	json_decref(answer);
	/* It goes on over a reload. */
	reload(d);
	expect_banned(d, bad, 3601);
	json_decref(control_ask(d, "{\"command\":\"unban\",\"address\":\"%s\"}", bad));
	expect_echo_from(bad, 3601);
	answer = control_ask(d, "{\"command\":\"bans\"}");
	ck_assert_uint_eq(json_array_size(json_at(answer, "bans")), 0);
	json_decref(answer);
	expect_refused(
	    d, "bad-value", text_format("{\"command\":\"unban\",\"address\":\"%s\"}", bad));
	daemon_stop(d);
}

END_TEST

START_TEST(a_ban_ends_with_its_time)
{
	struct daemon *d = started(HOLD AT(3601));
	json_t *answer = ban(d, own_address(1), ",\"for\":60");

	ck_assert_int_gt(json_number_at(answer, "until"), 1600000000);
	json_decref(answer);
	expect_banned(d, own_address(1), 3601);
	pass_time(d, 61);
	expect_echo_from(own_address(1), 3601);
	answer = control_ask(d, "{\"command\":\"bans\"}");
	ck_assert_uint_eq(json_array_size(json_at(answer, "bans")), 0);
	json_decref(answer);
	daemon_stop(d);
}

END_TEST

START_TEST(a_prefix_is_banned_whole)
{
	struct daemon *d = started(HOLD AT(3601));
	json_t *answer = ban(d, "127.1.2.3/8", "");

	ck_assert_str_eq(json_text_at(answer, "address"), "127.0.0.0/8");
	json_decref(answer);
	expect_banned(d, "127.0.0.1", 3601);
	expect_banned(d, own_address(1), 3601);
	json_decref(control_ask(d, "{\"command\":\"unban\",\"address\":\"127.0.0.0/8\"}"));
	expect_echo_from("127.0.0.1", 3601);
	daemon_stop(d);
}

END_TEST

START_TEST(many_bans_come_in_pages)
{
	struct daemon *d = started(HOLD AT(3601));
	int control = control_connect(d);
	unsigned seen = 0, pages = 0;
	char after[64] = "";

	for (unsigned i = 0; i < 600; i++)
		json_decref(control_request(
		    control, "{\"command\":\"ban\",\"address\":\"10.0.%u.%u\"}", i / 256, i % 256));
	do {
		json_t *answer = control_ask(d, "{\"command\":\"bans\"%s}", after);
		const char *next = json_string_value(json_object_get(answer, "next"));

		ck_assert_uint_le(json_array_size(json_at(answer, "bans")), 256);
		seen += (unsigned)json_array_size(json_at(answer, "bans"));
		pages++;
		*after = '\0';
		if (next != NULL)
			snprintf(after, sizeof(after), ",\"after\":\"%s\"", next);
		json_decref(answer);
	} while (*after != '\0');
	ck_assert_uint_eq(seen, 600);
	ck_assert_uint_eq(pages, 3);
	expect_refused(d, "bad-request", "{\"command\":\"bans\",\"after\":\"x\"}");
	expect_served(3601);
	close(control);
	daemon_stop(d);
}

END_TEST

static const char *const bad_bans[] = {
	"\"address\":\"nonsense\"",
	"\"address\":\"192.0.2.1/33\"",
	"\"address\":\"\"",
	"\"address\":\"192.0.2.1\",\"for\":0",
	"\"address\":\"192.0.2.1\",\"for\":-5",
	"\"address\":\"192.0.2.1\",\"for\":99999999999",
};

START_TEST(what_is_no_ban_is_refused)
{
	struct daemon *d = started(HOLD AT(3601));

	expect_refused(d, "bad-value", text_format("{\"command\":\"ban\",%s}", bad_bans[_i]));
	json_t *answer = control_ask(d, "{\"command\":\"bans\"}");
	ck_assert_uint_eq(json_array_size(json_at(answer, "bans")), 0);
	json_decref(answer);
	daemon_stop(d);
}

END_TEST

static const char *const banned_kinds[] = {
	WORKER POOL(1) AT(3601),
	"\tserver = @PROGRAMS@/hold\n\tpool = ondemand\n\tpool_exec = fresh\n" AT(3601),
	HOLD AT(3601) "\tinstances = 1\n\ton_limit = queue\n",
	"\ttype = INTERNAL\n\tuser = @USER@\n" AT(3601),
};

START_TEST(all_kinds_of_services_refuse_who_is_banned)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, _i == 3 ? "echo" : "x", text_format("%s\tid = x\n", banned_kinds[_i]));
	daemon_start(d);
	json_decref(ban(d, own_address(1), ""));
	expect_banned(d, own_address(1), 3601);
	int fd = connect_from("127.0.0.1", 3601);
	if (_i == 0)
		ask_pid(fd);
	else
		expect_echo(fd, "there");
	expect_line(d, "START: x*from=127.0.0.1");
	expect_no_line(d, "START: x*from=%s", own_address(1));
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Connected to the daemon's UDP socket, from this address of ours. */
static int
datagrams_from(struct daemon *d, const char *source)
{
	int fd = datagram_socket(source, 0);

	ck_assert_int_eq(
	    connect(fd, (struct sockaddr *)&d->listeners[0].addr, d->listeners[0].len), 0);
	return fd;
}

static const struct {
	const char *name, *attributes;
} datagram_kinds[] = {
	{ "x", "\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 1\n\twait = yes\n" },
	{ "echo", "\ttype = INTERNAL\n\tid = x\n" },
};

START_TEST(datagrams_of_who_is_banned_are_thrown_away)
{
	struct daemon *d = daemon_new();

	daemon_listen(d, "x", "udp");
	daemon_entry(d, datagram_kinds[_i].name,
	    text_format(
		"%s\tsocket_type = dgram\n\tprotocol = udp\n", datagram_kinds[_i].attributes));
	daemon_start(d);
	json_decref(ban(d, own_address(1), ""));
	int bad = datagrams_from(d, own_address(1)), good = datagrams_from(d, "127.0.0.1");
	for (int i = 0; i < 5; i++)
		send_text(bad, "bad");
	send_text(good, "good");
	struct pollfd answer = { .fd = good, .events = POLLIN };
	ck_assert_int_eq(poll(&answer, 1, (int)(deadline_after() - now_ms())), 1);
	expect_line(d, "START: x*from=127.0.0.1");
	expect_no_line(d, "from=%s", own_address(1));
	ck_assert(is_silent(bad));
	ck_assert_int_eq(pool_number(d, "x", "refused"), 5);
	close(bad);
	close(good);
	daemon_stop(d);
}

END_TEST

START_TEST(signals_go_to_programs_of_the_service_or_to_one)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD AT(3601));
	daemon_entry(d, "y", HOLD AT(3602) "\tstop_signal = USR1\n");
	daemon_start(d);
	int x1 = connect_address(own_address(0), 3601), x2 = connect_address(own_address(0), 3601);
	int y = connect_address(own_address(0), 3602);
	pid_t pid1 = ask_pid(x1), pid2 = ask_pid(x2), y_pid = ask_pid(y);
	json_t *answer =
	    control_ask(d, "{\"command\":\"kill\",\"pid\":%d,\"signal\":\"INT\"}", pid1);
	ck_assert_int_eq(json_number_at(answer, "signalled.0"), pid1);
	json_decref(answer);
	expect_line(d, "EXIT: x signal=%d pid=%d", SIGINT, (int)pid1);
	expect_echo(x2, "still there");
	tell(d, ON("kill", "y"));
	expect_line(d, "EXIT: y signal=%d pid=%d", SIGUSR1, (int)y_pid);
	answer = control_ask(d, "{\"command\":\"kill\",\"service\":\"x\",\"signal\":%d}", SIGHUP);
	ck_assert_uint_eq(json_array_size(json_at(answer, "signalled")), 1);
	json_decref(answer);
	expect_line(d, "EXIT: x signal=%d pid=%d", SIGHUP, (int)pid2);
	answer = control_ask(d, ON("kill", "x"));
	ck_assert_uint_eq(json_array_size(json_at(answer, "signalled")), 0);
	json_decref(answer);
	close(x1);
	close(x2);
	close(y);
	daemon_stop(d);
}

END_TEST

START_TEST(a_pid_that_is_not_ours_gets_no_signal)
{
	struct daemon *d = started(HOLD AT(3601));
	const long long pids[] = { getpid(), d->pid, 1, 0, -1, -d->pid, 1LL << 32,
		(1LL << 32) + 1 };

	for (size_t i = 0; i < ARRAY_LEN(pids); i++)
		expect_refused(d, "unknown-process",
		    text_format("{\"command\":\"kill\",\"pid\":%lld}", pids[i]));
	expect_refused(d, "unknown-service", ON("kill", "z"));
	expect_refused(d, "bad-request", "{\"command\":\"kill\"}");
	expect_refused(d, "bad-request", "{\"command\":\"kill\",\"service\":\"x\",\"pid\":1}");
	expect_refused(
	    d, "bad-value", "{\"command\":\"kill\",\"service\":\"x\",\"signal\":\"NONE\"}");
	expect_refused(d, "bad-value", "{\"command\":\"kill\",\"service\":\"x\",\"signal\":0}");
	expect_refused(d, "bad-value", "{\"command\":\"kill\",\"service\":\"x\",\"signal\":999}");
	expect_served(3601);
	daemon_stop(d);
}

END_TEST

/* Sends the descriptors with the beginning of the request; the answer, the caller decrefs. */
static json_t *
run_on(int control, const char *service, int in_out, int err)
{
	static const char begin[] = "{\"command\":\"run\",";
	struct iovec part = { .iov_base = (void *)(uintptr_t)begin, .iov_len = strlen(begin) };

	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} room = { 0 };
	struct msghdr h = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.space,
		.msg_controllen = sizeof(room.space) };
	const int fds[] = { in_out, err };
	struct cmsghdr *m = CMSG_FIRSTHDR(&h);

	m->cmsg_level = SOL_SOCKET;
	m->cmsg_type = SCM_RIGHTS;
	m->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(m), fds, sizeof(fds));
	ck_assert_int_eq(sendmsg(control, &h, MSG_NOSIGNAL), (ssize_t)strlen(begin));
	return control_request(control, "\"service\":\"%s\"}", service);
}

struct by_hand {
	int control, fd, err;
	pid_t pid;
	json_int_t connection;
};

/* Our ends of what the program has as 0, 1 and 2. */
static struct by_hand
run(struct daemon *d, const char *service)
{
	struct by_hand b = { .control = control_connect(d) };
	int pair[2], err[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
	json_t *answer = run_on(b.control, service, pair[1], err[1]);
	ck_assert_msg(
	    json_is_true(json_object_get(answer, "ok")), "%s", json_dumps(answer, JSON_COMPACT));
	b.pid = (pid_t)json_number_at(answer, "result.pid");
	b.connection = json_number_at(answer, "result.connection");
	json_decref(answer);
	close(pair[1]);
	close(err[1]);
	b.fd = pair[0];
	b.err = err[0];
	return b;
}

static void
done(struct by_hand *b)
{
	close(b->control);
	close(b->fd);
	close(b->err);
}

static void
expect_end(struct by_hand *b, const char *key, int value)
{
	json_t *event = control_event(b->control);

	ck_assert_str_eq(json_text_at(event, "event"), "ended");
	ck_assert_int_eq(json_number_at(event, key), value);
	json_decref(event);
}

/* The error's code, static text. */
static const char *
run_refused(struct daemon *d, const char *service)
{
	int control = control_connect(d), null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	json_t *answer = run_on(control, service, null_fd, null_fd);
	const char *code = text_format("%s", json_text_at(answer, "error.code"));

	json_decref(answer);
	close(control);
	close(null_fd);
	return code;
}

/* What "show" says of this run alone. */
static bool
is_of_one_run(const char *line)
{
	static const char *const beginnings[] = { "pid ", "sid ", "pgid ", "fd ", "flags ",
		"environment", "status SigQ ", "env REMOTE_", "env TCPREMOTE",
		"env CONNECTION_ID " };

	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
		if (strncmp(line, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/* Without those lines; the caller frees. */
static char *
common_lines(const char *shown)
{
	char *text = calloc(1, strlen(shown) + 1), *to = text;

	while (*shown != '\0') {
		size_t len = strcspn(shown, "\n") + 1;

		if (!is_of_one_run(shown))
			to = mempcpy(to, shown, len);
		shown += len;
	}
	return text;
}

START_TEST(by_hand_a_program_gets_what_it_gets_for_a_client)
{
	struct daemon *d =
	    started(SHOW AT(3601) "\tserver_args = a b\n\tenv = A=1\n\tumask = 027\n"
				  "\tnice = 3\n\trlimit_files = 77\n\tdirectory = /tmp\n");
	int fd = connect_address(own_address(0), 3601);
	char *expected = common_lines(read_all(fd));
	struct by_hand b = run(d, "x");
	const char *shown = read_all(b.fd);
	char *got = common_lines(shown);

	ck_assert_ptr_nonnull(strstr(expected, "end ."));
	ck_assert_str_eq(got, expected);
	ck_assert_str_eq(show_value(shown, "env CONNECTION_ID"), text_format("%lld", b.connection));
	ck_assert_ptr_null(show_value(shown, "env REMOTE_HOST"));
	/* 0 and 1 are one thing, 2 is the other, and nothing else is open. */
	ck_assert_str_eq(show_value(shown, "fd 0"), show_value(shown, "fd 1"));
	ck_assert_ptr_nonnull(strstr(show_value(shown, "fd 2"), "pipe:"));
	ck_assert_uint_eq(show_count(shown, "fd "), 3);
	expect_end(&b, "status", 0);
	expect_line(d, "START: x pid=%d*conn=%lld", (int)b.pid, b.connection);
	expect_line(d, "EXIT: x status=0 pid=%d", (int)b.pid);
	free(expected);
	free(got);
	close(fd);
	done(&b);
	daemon_stop(d);
}

END_TEST

START_TEST(its_end_is_told)
{
	struct daemon *d = started(HOLD AT(3601));
	unsigned fds = daemon_fds(d);
	struct by_hand b = run(d, "x");

	ck_assert_int_eq(ask_pid(b.fd), b.pid);
	send_text(b.fd, "error oops%%0a\n");
	ck_assert_str_eq(read_line(b.fd), "written");
	ck_assert_str_eq(read_line(b.err), "oops");
	send_text(b.fd, "exit 3\n");
	expect_end(&b, "status", 3);
	done(&b);
	b = run(d, "x");
	send_text(b.fd, "kill 9\n");
	expect_end(&b, "signal", 9);
	/* The same connection may ask for more. */
	json_t *answer = control_request(b.control, ON("kill", "x"));
	ck_assert(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	done(&b);
	ck_assert_uint_eq(daemon_fds(d), fds);
	daemon_stop(d);
}

END_TEST

START_TEST(its_failure_is_told_with_the_step)
{
	struct daemon *d = daemon_new();

	copy_file(PROGRAM("hold"), text_format("%s/gone", d->dir), 0755);
	daemon_entry(d, "x", "\tserver = @DIR@/gone\n" AT(3601));
	daemon_start(d);
	ck_assert_int_eq(unlink(text_format("%s/gone", d->dir)), 0);
	struct by_hand b = run(d, "x");
	json_t *event = control_event(b.control);
	ck_assert_str_eq(json_text_at(event, "event"), "failed");
	ck_assert_str_eq(json_text_at(event, "step"), "exec");
	ck_assert_str_eq(json_text_at(event, "error"), "No such file or directory");
	json_decref(event);
	done(&b);
	daemon_stop(d);
}

END_TEST

START_TEST(it_is_asked_to_end_when_its_client_goes)
{
	struct daemon *d = started(HOLD AT(3601) "\tstop_signal = USR2\n");
	int served = connect_address(own_address(0), 3601);
	pid_t other = ask_pid(served);
	struct by_hand b = run(d, "x");

	ck_assert_int_eq(ask_pid(b.fd), b.pid);
	close(b.control);
	expect_line(d, "EXIT: x signal=%d pid=%d", SIGUSR2, (int)b.pid);
	ck_assert_int_eq(ask_pid(served), other);
	close(b.fd);
	close(b.err);
	close(served);
	daemon_stop(d);
}

END_TEST

START_TEST(a_person_is_not_held_up_by_limits_of_the_service)
{
	struct daemon *d = started(HOLD AT(3601) "\tinstances = 1\n");
	int fd = connect_address(own_address(0), 3601);

	expect_echo(fd, "one");
	json_decref(ban(d, "0.0.0.0/0", ""));
	tell(d, ON("disable", "x"));
	struct by_hand b = run(d, "x");
	expect_echo(b.fd, "two");
	/* But by those that keep the daemon up. */
	tell(d,
	    "{\"command\":\"set\",\"service\":\"defaults\",\"name\":\"max_servers\",\"value\":\"2\"}");
	ck_assert_str_eq(run_refused(d, "x"), "refused");
	expect_echo(b.fd, "three");
	done(&b);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(some_services_cannot_be_run_by_hand)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "pool", WORKER POOL(1) AT(3601));
	daemon_entry(d, "warm", HOLD "\tpool = ondemand\n\tpool_exec = fresh\n" AT(3602));
	daemon_entry(d, "twice", HOLD AT(3603));
	daemon_entry(d, "twice", HOLD AT(3604));
	daemon_entry(d, "echo", "\ttype = INTERNAL\n\tuser = @USER@\n" AT(3605));
	daemon_start(d);
	ck_assert_str_eq(run_refused(d, "pool"), "refused");
	ck_assert_str_eq(run_refused(d, "twice"), "bad-request");
	ck_assert_str_eq(run_refused(d, "nobody"), "unknown-service");
	expect_refused(d, "bad-request", ON("run", "warm"));
	struct by_hand b = run(d, "warm");
	expect_echo(b.fd, "plain");
	done(&b);
	b = run(d, text_format("twice@%s:3604", own_address(0)));
	expect_echo(b.fd, "this one");
	done(&b);
	b = run(d, "echo");
	expect_echo(b.fd, "builtin");
	close(b.fd);
	expect_end(&b, "status", 0);
	close(b.control);
	close(b.err);
	daemon_stop(d);
}

END_TEST

START_TEST(a_reload_says_what_came_of_it)
{
	struct daemon *d = started(HOLD AT(3601));

	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601));
	daemon_entry(d, "y", HOLD AT(3602) "\tinstances = 0\n");
	daemon_write(d);
	json_t *answer = control_ask(d, "{\"command\":\"reload\"}");
	ck_assert_int_eq(json_number_at(answer, "services"), 2);
	ck_assert_int_eq(json_number_at(answer, "listeners"), 2);
	ck_assert_int_eq(json_number_at(answer, "unbound"), 0);
	ck_assert_int_eq(json_number_at(answer, "kept"), 0);
	ck_assert_str_eq(json_text_at(answer, "problems.0.severity"), "warning");
	json_decref(answer);
	expect_line(d, "event=reload-done");
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601) "\tinstances = none\n");
	daemon_write(d);
	json_t *error = error_of(d, "{\"command\":\"reload\"}");
	ck_assert_str_eq(json_text_at(error, "code"), "refused");
	ck_assert_str_eq(json_text_at(error, "problems.0.severity"), "error");
	ck_assert_ptr_nonnull(strstr(json_text_at(error, "problems.0.place"), "porterd.conf:"));
	json_decref(error);
	expect_line(d, "event=reload-refused");
	expect_served(3601);
	daemon_stop(d);
}

END_TEST

/* The same answers, and nothing has changed. */
START_TEST(a_dry_run_changes_nothing)
{
	struct daemon *d = started(HOLD AT(3601));
	unsigned fds = daemon_fds(d);

	daemon_clear(d);
	daemon_entry(d, "y", HOLD AT(3602));
	daemon_write(d);
	daemon_mark(d);
	json_t *answer = control_ask(d, "{\"command\":\"reload\",\"dry_run\":true}");
	ck_assert_int_eq(json_number_at(answer, "services"), 1);
	ck_assert_int_eq(json_number_at(answer, "listeners"), 1);
	json_decref(answer);
	expect_served(3601);
	expect_nobody(3602);
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601) "\tinstances = none\n");
	daemon_write(d);
	json_t *error = error_of(d, "{\"command\":\"reload\",\"dry_run\":true}");
	ck_assert_str_eq(json_text_at(error, "code"), "refused");
	ck_assert_str_eq(json_text_at(error, "problems.0.cause"), "text");
	json_decref(error);
	/* One that would go on as it is, and one that would not begin. */
	daemon_clear(d);
	daemon_entry(d, "x", HOLD AT(3601) "\tdirectory = /nowhere\n");
	daemon_entry(d, "y", HOLD AT(3602) "\tdirectory = /nowhere\n");
	daemon_write(d);
	answer = control_ask(d, "{\"command\":\"reload\",\"dry_run\":true}");
	ck_assert_int_eq(json_number_at(answer, "services"), 1);
	ck_assert_int_eq(json_number_at(answer, "listeners"), 1);
	ck_assert_int_eq(json_number_at(answer, "kept"), 1);
	json_decref(answer);
	expect_served(3601);
	expect_no_line(d, "event=reload");
	expect_no_line(d, "event=config");
	ck_assert_uint_eq(daemon_fds(d), fds);
	daemon_stop(d);
}

END_TEST

/* Two requests that are there in the same turn: the second comes while the first is worked out. */
START_TEST(one_configuration_is_looked_at_at_a_time)
{
	struct daemon *d = started(HOLD AT(3601));
	int first = control_connect(d), second = control_connect(d);

	json_decref(control_request(first, "{\"command\":\"hello\"}"));
	json_decref(control_request(second, "{\"command\":\"hello\"}"));
	/* It takes longer to read than the daemon may leave the second one waiting. */
	for (unsigned i = 0; i < 3000; i++)
		daemon_add(d, "service s%u\n{\n\tdisable = yes\n}\n", i);
	daemon_write(d);
	stop_process(d->pid);
	send_text(first, "{\"command\":\"diff\"}\n");
	send_text(second, "{\"command\":\"diff\"}\n");
	daemon_signal(d, SIGCONT);
	const char *answers[] = { read_line(first), NULL };
	answers[0] = text_format("%s", answers[0]);
	answers[1] = text_format("%s", read_line(second));
	ck_assert_int_eq(
	    (strstr(answers[0], "\"busy\"") != NULL) + (strstr(answers[1], "\"busy\"") != NULL), 1);
	json_decref(control_request(first, "{\"command\":\"diff\"}"));
	/* Who asks and leaves harms nobody. */
	send_text(first, "{\"command\":\"diff\"}\n");
	close(first);
	expect_served(3601);
	close(second);
	daemon_stop(d);
}

END_TEST

START_TEST(diff_says_what_a_reload_would_change)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "same", HOLD AT(3601));
	daemon_entry(d, "gone", HOLD AT(3602));
	daemon_entry(d, "moved", HOLD AT(3603));
	daemon_entry(d, "pool", WORKER POOL(1) AT(3604));
	daemon_start(d);
	daemon_clear(d);
	daemon_entry(d, "same", HOLD AT(3601));
	daemon_entry(d, "new", HOLD AT(3605));
	daemon_entry(d, "moved", HOLD AT(3606) "\tinstances = 7\n");
	daemon_entry(d, "pool", WORKER POOL(1) AT(3604) "\tenv = A=1\n");
	daemon_write(d);
	json_t *diff = control_ask(d, "{\"command\":\"diff\"}");
	const char *address = own_address(0);
	ck_assert_uint_eq(json_array_size(json_at(diff, "added")), 1);
	ck_assert_str_eq(json_text_at(diff, "added.0"), "new");
	ck_assert_uint_eq(json_array_size(json_at(diff, "removed")), 1);
	ck_assert_str_eq(json_text_at(diff, "removed.0"), "gone");
	ck_assert_uint_eq(json_array_size(json_at(diff, "changed")), 2);
	ck_assert_str_eq(json_text_at(diff, "changed.0.id"), "moved");
	ck_assert_str_eq(json_text_at(diff, "changed.0.attributes.0.name"), "listen");
	ck_assert_str_eq(json_text_at(diff, "changed.0.attributes.1.name"), "instances");
	ck_assert_str_eq(json_text_at(diff, "changed.0.attributes.1.old"), "UNLIMITED");
	ck_assert_str_eq(json_text_at(diff, "changed.0.attributes.1.new"), "7");
	ck_assert_str_eq(json_text_at(diff, "changed.1.id"), "pool");
	ck_assert_str_eq(json_text_at(diff, "changed.1.attributes.0.name"), "env");
	ck_assert_uint_eq(json_array_size(json_at(diff, "restarts_workers")), 1);
	ck_assert_str_eq(json_text_at(diff, "restarts_workers.0"), "pool");
	ck_assert_uint_eq(json_array_size(json_at(diff, "listeners.opened")), 2);
	ck_assert_str_eq(
	    json_text_at(diff, "listeners.opened.0"), text_format("tcp:%s:3605", address));
	ck_assert_str_eq(
	    json_text_at(diff, "listeners.opened.1"), text_format("tcp:%s:3606", address));
	ck_assert_uint_eq(json_array_size(json_at(diff, "listeners.closed")), 2);
	ck_assert_str_eq(
	    json_text_at(diff, "listeners.closed.0"), text_format("tcp:%s:3602", address));
	ck_assert_int_eq(json_number_at(diff, "errors"), 0);
	json_decref(diff);
	/* Of one with errors it says what is there, and how many errors; one that is off opens nothing. */
	tell(d, ON("disable", "gone"));
	daemon_clear(d);
	daemon_entry(d, "same", HOLD AT(3601));
	daemon_entry(d, "gone", HOLD AT(3602));
	daemon_entry(d, "moved", HOLD AT(3603));
	daemon_entry(d, "pool", WORKER POOL(1) AT(3604) "\tinstances = none\n");
	daemon_write(d);
	diff = control_ask(d, "{\"command\":\"diff\"}");
	ck_assert_int_eq(json_number_at(diff, "errors"), 1);
	ck_assert_str_eq(json_text_at(diff, "problems.0.severity"), "error");
	ck_assert_uint_eq(json_array_size(json_at(diff, "listeners.opened")), 0);
	ck_assert_uint_eq(json_array_size(json_at(diff, "listeners.closed")), 0);
	ck_assert_uint_eq(json_array_size(json_at(diff, "changed")), 0);
	ck_assert_uint_eq(json_array_size(json_at(diff, "removed")), 0);
	json_decref(diff);
	/* One whose program is missing would stay as it is, which is said to who asks alone. */
	daemon_clear(d);
	daemon_entry(d, "same", "\tserver = /nowhere\n" AT(3601));
	daemon_write(d);
	daemon_mark(d);
	diff = control_ask(d, "{\"command\":\"diff\"}");
	ck_assert_str_eq(json_text_at(diff, "problems.0.cause"), "surroundings");
	ck_assert_uint_eq(json_array_size(json_at(diff, "changed")), 0);
	ck_assert_uint_eq(json_array_size(json_at(diff, "removed")), 3);
	json_decref(diff);
	expect_no_line(d, "event=service-kept");
	daemon_clear(d);
	daemon_entry(d, "same", HOLD AT(3601));
	/* What was set by hand would go, too. */
	reload(d);
	json_decref(control_ask(d,
	    "{\"command\":\"set\",\"service\":\"same\",\"name\":\"instances\",\"value\":\"3\"}"));
	diff = control_ask(d, "{\"command\":\"diff\"}");
	ck_assert_uint_eq(json_array_size(json_at(diff, "added")), 0);
	ck_assert_uint_eq(json_array_size(json_at(diff, "changed")), 1);
	ck_assert_str_eq(json_text_at(diff, "changed.0.attributes.0.old"), "3");
	ck_assert_uint_eq(json_array_size(json_at(diff, "restarts_workers")), 0);
	json_decref(diff);
	daemon_stop(d);
}

END_TEST

static void
expect_end_of(int fd)
{
	char byte;

	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
}

START_TEST(stop_ends_the_daemon_when_its_programs_have_ended)
{
	struct daemon *d = started(HOLD AT(3601) "\tstop_grace = 1h\n");
	int fd = connect_address(own_address(0), 3601), control = control_connect(d);
	pid_t pid = ask_pid(fd);

	send_text(fd, "ignore %d\n", SIGTERM);
	ck_assert_str_eq(read_line(fd), "ignored");
	json_t *answer = control_request(control, "{\"command\":\"stop\"}");
	ck_assert_int_eq(json_number_at(answer, "result.running"), 1);
	json_decref(answer);
	expect_line(d, "event=stopping");
	expect_nobody(3601);
	answer = control_request(control, "%s", set("instances", "3"));
	ck_assert_str_eq(json_text_at(answer, "error.code"), "stopping");
	json_decref(answer);
	expect_echo(fd, "still there");
	json_decref(control_request(control, "{\"command\":\"stop\",\"now\":true}"));
	expect_end_of(control);
	wait_gone(pid);
	ck_assert_int_eq(daemon_wait(d), 0);
	daemon_closed(d);
	close(fd);
	close(control);
}

END_TEST

START_TEST(stop_without_programs_is_answered)
{
	struct daemon *d = started(HOLD AT(3601));
	int control = control_connect(d);
	json_t *answer =
	    control_request(control, "{\"command\":\"stop\"%s}", _i == 1 ? ",\"now\":true" : "");

	ck_assert_int_eq(json_number_at(answer, "result.running"), 0);
	json_decref(answer);
	expect_end_of(control);
	ck_assert_int_eq(daemon_wait(d), 0);
	daemon_closed(d);
	close(control);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(disabled_until_enabled_whatever_is_reloaded),
		TEST(one_of_several_by_its_address),
		TEST(clients_of_a_socket_handed_over_wait),
		TEST(workers_end_after_their_present_client),
		TEST(a_client_that_waits_for_a_fork_is_served),
		TEST_LOOP(a_client_that_waits_for_a_fork_is_accounted_for, 2),
		TEST(workers_that_accept_by_themselves_go_on_blocking),
		TEST(who_is_enabled_is_listed_once),
		TEST(one_of_several_stays_off_wherever_the_others_go),
		TEST(that_a_service_was_enabled_is_forgotten),
		TEST(the_second_of_two_cannot_be_enabled),
		TEST(what_was_set_ends_with_a_listener_that_nobody_gets),
		TEST_LOOP(workers_that_accept_by_themselves_end, 2),
		TEST(a_program_that_has_the_socket_goes_on),
		TEST(a_unix_socket_goes_and_comes_with_its_file),
		TEST(one_that_leaves_the_configuration_comes_back_on),
		TEST_LOOP(what_the_file_disables_is_enabled_until_disabled, ARRAY_LEN(disabled)),
		TEST_LOOP(several_that_the_file_disables, 2),
		TEST(enable_is_as_strict_as_a_reload),
		TEST(it_stays_off_when_its_address_is_taken),
		TEST(drain_says_how_many_there_are),
		TEST(a_limit_is_set_at_once_and_until_the_next_reload),
		TEST(clients_that_queue_notice_a_higher_limit),
		TEST(services_stay_in_their_order),
		TEST(a_pool_is_resized_and_keeps_its_workers),
		TEST_LOOP(what_cannot_be_set_says_why, ARRAY_LEN(bad_sets)),
		TEST(the_limit_of_all_programs_is_set_for_defaults),
		TEST(nobody_is_served_from_a_banned_address),
		TEST(a_ban_ends_with_its_time),
		TEST(a_prefix_is_banned_whole),
		TEST(many_bans_come_in_pages),
		TEST_LOOP(what_is_no_ban_is_refused, ARRAY_LEN(bad_bans)),
		TEST_LOOP(all_kinds_of_services_refuse_who_is_banned, ARRAY_LEN(banned_kinds)),
		TEST_LOOP(datagrams_of_who_is_banned_are_thrown_away, ARRAY_LEN(datagram_kinds)),
		TEST(signals_go_to_programs_of_the_service_or_to_one),
		TEST(a_pid_that_is_not_ours_gets_no_signal),
		TEST(by_hand_a_program_gets_what_it_gets_for_a_client),
		TEST(its_end_is_told),
		TEST(its_failure_is_told_with_the_step),
		TEST(it_is_asked_to_end_when_its_client_goes),
		TEST(a_person_is_not_held_up_by_limits_of_the_service),
		TEST(some_services_cannot_be_run_by_hand),
		TEST(a_reload_says_what_came_of_it),
		TEST(a_dry_run_changes_nothing),
		TEST(one_configuration_is_looked_at_at_a_time),
		TEST(diff_says_what_a_reload_would_change),
		TEST(stop_ends_the_daemon_when_its_programs_have_ended),
		TEST_LOOP(stop_without_programs_is_answered, 2),
	};

	return run_functional("live", tests, ARRAY_LEN(tests));
}
