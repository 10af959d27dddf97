/* SPDX-License-Identifier: MIT */
/* What a client of the control socket can look at, and that all of it is so. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/pool.h"

#define HOLD   "\tserver = @PROGRAMS@/hold\n"
#define WORKER "\tserver = @PROGRAMS@/worker\n\tserver_args = porter\n"

/* The item of a list whose member has this value; NULL: none. */
static const json_t *
find_item(const json_t *list, const char *key, const char *value)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *text = json_string_value(json_object_get(item, key));

		if (text != NULL && strcmp(text, value) == 0)
			return item;
	}
	return NULL;
}

/* The service of this id in an answer that has "services". */
static const json_t *
service_in(const json_t *result, const char *id)
{
	const json_t *item = find_item(json_at(result, "services"), "id", id);

	ck_assert_msg(item != NULL, "no service %s in %s", id, json_dumps(result, 0));
	return item;
}

/* Of status: the problem of this kind of a service, or of none. */
static const json_t *
problem_in(const json_t *status, const char *service, const char *what)
{
	const json_t *list = json_at(status, "problems");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *of = json_string_value(json_object_get(item, "service"));

		if (strcmp(json_text_at(item, "what"), what) == 0 &&
		    (service != NULL ? of != NULL && strcmp(of, service) == 0 : of == NULL))
			return item;
	}
	return NULL;
}

/* A figure of a service, "name", or a part of it, "name.part", in a fresh answer. NULL: it has no such part. */
static json_t *
figure(struct daemon *d, const char *service, const char *path)
{
	json_t *all = control_ask(d, "{\"command\":\"metrics\"}");
	const json_t *figures = json_at(service_in(all, service), "figures");
	const char *part = strchr(path, '.');
	const json_t *value =
	    json_at(figures, part != NULL ? text_format("%.*s", (int)(part - path), path) : path);
	json_t *copy = json_deep_copy(part != NULL ? json_object_get(value, part + 1) : value);

	json_decref(all);
	return copy;
}

/* Parts that are not there are 0. */
static json_int_t
figure_number(struct daemon *d, const char *service, const char *path)
{
	json_t *value = figure(d, service, path);
	json_int_t number = json_integer_value(value);

	json_decref(value);
	return number;
}

static void
expect_figure(struct daemon *d, const char *service, const char *path, json_int_t number)
{
	int64_t deadline = deadline_after();

	while (figure_number(d, service, path) != number)
		if (now_ms() > deadline)
			daemon_fail(d, "%s %s is %lld and not %lld", service, path,
			    (long long)figure_number(d, service, path), (long long)number);
}

static json_t *
status_of(struct daemon *d)
{
	return control_ask(d, "{\"command\":\"status\"}");
}

/* A port of own_address(0) that the test itself listens on, so that the daemon cannot have it. */
static unsigned
take_port(void)
{
	return bound_port(listen_at(own_address(0), 0));
}

/* A service of every kind of trouble, and some without. */
static struct daemon *
start_mixed(void)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD "\tinstances = 1\n\ton_limit = queue\n");
	daemon_service(d, "pool", "tcp", WORKER "\tpool = static\n\tpool_max = 2\n");
	daemon_entry(d, "sleeper", HOLD "\tdisable = yes\n\tlisten = unix:@DIR@/sleeper.sock\n");
	daemon_entry(
	    d, "broken", "\tserver = /does/not/exist\n\tlisten = unix:@DIR@/broken.sock\n");
	daemon_entry(d, "local", HOLD "\tlisten = unix:@DIR@/local.sock\n");
	daemon_entry(d, "one", HOLD "\tid = twin\n\tlisten = unix:@DIR@/one.sock\n");
	daemon_entry(d, "two", HOLD "\tid = twin\n\tlisten = unix:@DIR@/two.sock\n");
	daemon_entry(d, "late",
	    text_format(HOLD
		"\tsocket_type = stream\n\tprotocol = tcp\n\tbind = @ADDR@\n\tport = %u\n",
		take_port()));
	daemon_start(d);
	return d;
}

START_TEST(status_says_what_there_is)
{
	struct daemon *d = start_mixed();
	json_t *status = status_of(d);

	ck_assert_int_eq(json_number_at(status, "pid"), d->pid);
	ck_assert_str_eq(json_text_at(status, "config"), d->conf_path);
	ck_assert_int_gt(json_number_at(status, "started"), 0);
	ck_assert_int_ge(json_number_at(status, "loaded"), json_number_at(status, "started"));
	ck_assert_int_ge(json_number_at(status, "up"), 0);
	ck_assert(*json_text_at(status, "version") != '\0');
	ck_assert_int_eq(json_number_at(status, "services.serving"), 6);
	ck_assert_int_eq(json_number_at(status, "services.disabled"), 1);
	ck_assert_int_eq(json_number_at(status, "services.broken"), 1);
	ck_assert_int_eq(json_number_at(status, "services.off"), 0);
	ck_assert_int_eq(json_number_at(status, "services.leaving"), 0);
	ck_assert_int_eq(json_number_at(status, "listeners"), 5);
	ck_assert_int_eq(json_number_at(status, "unbound"), 1);
	ck_assert_int_eq(json_number_at(status, "clients"), 1);
	ck_assert_int_eq(json_number_at(status, "reloads"), 0);
	ck_assert_int_eq(json_number_at(status, "upgrades"), 0);
	ck_assert_int_eq(json_number_at(status, "bans"), 0);
	ck_assert_int_eq(json_number_at(status, "log_lines_lost"), 0);
	ck_assert_int_gt(json_number_at(status, "max_servers"), 0);
	ck_assert_int_eq(json_number_at(status, "connections"), 0);
	ck_assert_int_eq(json_number_at(status, "totals.accepted"), 0);
	json_decref(status);
	int fd = hold_open(d, "hold");
	status = status_of(d);
	ck_assert_int_eq(json_number_at(status, "connections"), 1);
	ck_assert_int_eq(json_number_at(status, "totals.accepted"), 1);
	ck_assert_int_eq(json_number_at(status, "totals.refused"), 0);
	json_decref(status);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(totals_keep_what_removed_services_have_done)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD);
	daemon_entry(d, "local", HOLD "\tlisten = unix:@DIR@/local.sock\n");
	daemon_start(d);
	int fd = connect_unix(text_format("%s/local.sock", d->dir));
	ask_pid(fd);
	daemon_clear(d);
	daemon_entry(d, "hold", HOLD "\tsocket_type = stream\n\tprotocol = tcp\n");
	daemon_reload(d);
	json_t *services = control_ask(d, "{\"command\":\"services\",\"service\":\"local\"}");
	ck_assert_str_eq(json_text_at(services, "services.0.state"), "leaving");
	ck_assert_int_eq(json_number_at(services, "services.0.running"), 1);
	json_decref(services);
	close(fd);
	expect_line(d, "EXIT: local");
	json_t *status = status_of(d);
	ck_assert_int_eq(json_number_at(status, "services.leaving"), 0);
	ck_assert_int_eq(json_number_at(status, "totals.accepted"), 1);
	ck_assert_int_eq(json_number_at(status, "totals.started"), 1);
	ck_assert_int_eq(json_number_at(status, "totals.ended"), 1);
	json_decref(status);
	ck_assert_str_eq(control_refused(d, "{\"command\":\"services\",\"service\":\"local\"}"),
	    "unknown-service");
	daemon_stop(d);
}

END_TEST

START_TEST(status_lists_what_is_wrong)
{
	struct daemon *d = start_mixed();
	json_t *status = status_of(d);
	const json_t *p;

	ck_assert_int_eq(json_number_at(status, "problem_count"), 2);
	p = problem_in(status, "broken", "broken");
	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_nonnull(strstr(json_text_at(p, "text"), "/does/not/exist"));
	p = problem_in(status, "late", "unbound");
	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_nonnull(strstr(json_text_at(p, "text"), d->conf_path));
	json_decref(status);
	int fd = hold_open(d, "hold");
	status = status_of(d);
	p = problem_in(status, "hold", "full");
	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_nonnull(strstr(json_text_at(p, "text"), "wait"));
	json_decref(status);
	daemon_add(d, "service nonsense {\n");
	daemon_reload(d);
	status = status_of(d);
	ck_assert_ptr_nonnull(problem_in(status, NULL, "reload"));
	ck_assert_int_eq(json_number_at(status, "refused_reloads"), 1);
	json_decref(status);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(broken_services_give_their_first_error)
{
	static const struct {
		const char *id, *reason;
	} broken[] = {
		{ "second", "is taken by service first" },
		{ "word", "instances" },
		{ "gone", "/does/not/exist" },
	};
	struct daemon *d = daemon_new();

	daemon_entry(d, "first", HOLD "\tlisten = unix:@DIR@/x.sock\n");
	daemon_entry(d, "second", HOLD "\tlisten = unix:@DIR@/x.sock\n");
	daemon_entry(d, "word", HOLD "\tlisten = unix:@DIR@/w.sock\n\tinstances = many\n");
	daemon_entry(d, "gone", "\tserver = /does/not/exist\n\tlisten = unix:@DIR@/g.sock\n");
	daemon_start(d);
	json_t *status = status_of(d), *services = control_ask(d, "{\"command\":\"services\"}");
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		const json_t *p = problem_in(status, broken[i].id, "broken");

		ck_assert_msg(p != NULL, "%s", broken[i].id);
		ck_assert_ptr_nonnull(strstr(json_text_at(p, "text"), broken[i].reason));
		ck_assert_ptr_nonnull(strstr(
		    json_text_at(service_in(services, broken[i].id), "reason"), broken[i].reason));
	}
	ck_assert_int_eq(json_number_at(status, "services.broken"), 3);
	ck_assert_int_eq(json_number_at(status, "services.serving"), 1);
	json_decref(services);
	json_decref(status);
	daemon_stop(d);
}

END_TEST

/* After a reload a service whose program is missing goes on as it was: it serves, and is not broken. */
START_TEST(a_service_that_goes_on_as_before_is_listed_once)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	daemon_clear(d);
	daemon_entry(
	    d, "hold", "\tserver = /does/not/exist\n\tsocket_type = stream\n\tprotocol = tcp\n");
	daemon_reload(d);
	json_t *services = control_ask(d, "{\"command\":\"services\"}");
	ck_assert_uint_eq(json_array_size(json_at(services, "services")), 1);
	ck_assert_str_eq(json_text_at(services, "services.0.state"), "serving");
	ck_assert_str_eq(json_text_at(services, "services.0.program"), PROGRAM("hold"));
	json_decref(services);
	json_t *status = status_of(d);
	ck_assert_ptr_nonnull(problem_in(status, "hold", "reload"));
	ck_assert_int_eq(json_number_at(status, "problem_count"), 1);
	json_decref(status);
	daemon_stop(d);
}

END_TEST

START_TEST(a_failing_program_is_a_problem)
{
	struct daemon *d = daemon_new();
	int64_t deadline = deadline_after();
	json_t *status = NULL, *services;

	daemon_service(d, "failing", "tcp", HOLD);
	daemon_inject(d);
	daemon_start(d);
	inject_fail(d, INJECT_EXECVE, ENOENT, -1);
	do {
		json_decref(status);
		ck_assert_int_lt(now_ms(), deadline);
		close(daemon_connect(d, "failing"));
		status = status_of(d);
	} while (problem_in(status, "failing", "failing") == NULL);
	ck_assert_int_eq(json_number_at(status, "services.failing"), 1);
	ck_assert_int_gt(json_number_at(status, "totals.failed"), 0);
	services = control_ask(d, "{\"command\":\"services\",\"service\":\"failing\"}");
	/* It pauses for a second at least; on a slow machine that may be over by now. */
	if (strcmp(json_text_at(services, "services.0.state"), "failing") == 0)
		ck_assert_ptr_nonnull(
		    strstr(json_text_at(services, "services.0.reason"), "cannot be started"));
	json_decref(services);
	json_decref(status);
	daemon_stop(d);
}

END_TEST

START_TEST(a_service_that_was_switched_off_says_so)
{
	struct daemon *d = start_mixed();

	json_decref(control_ask(d, "{\"command\":\"disable\",\"service\":\"hold\"}"));
	json_decref(control_ask(d, "{\"command\":\"disable\",\"service\":\"local\"}"));
	json_t *services = control_ask(d, "{\"command\":\"services\",\"service\":\"hold\"}");
	ck_assert_str_eq(json_text_at(services, "services.0.state"), "off");
	/* A socket that was handed over cannot be opened again, and is kept. */
	ck_assert_str_ne(json_text_at(services, "services.0.listeners.0.state"), "listening");
	json_decref(services);
	services = control_ask(d, "{\"command\":\"services\",\"service\":\"local\"}");
	ck_assert_str_eq(json_text_at(services, "services.0.state"), "off");
	ck_assert_uint_eq(json_array_size(json_at(services, "services.0.listeners")), 0);
	json_decref(services);
	json_t *status = status_of(d);
	ck_assert_ptr_nonnull(problem_in(status, "hold", "off"));
	ck_assert_ptr_nonnull(problem_in(status, "local", "off"));
	ck_assert_int_eq(json_number_at(status, "services.off"), 2);
	ck_assert_int_eq(json_number_at(status, "listeners"), 3);
	ck_assert_int_eq(json_number_at(status, "unbound"), 1);
	json_decref(status);
	ck_assert_int_eq(figure_number(d, "local", "service_serving"), 0);
	ck_assert_int_eq(figure_number(d, "pool", "service_serving"), 1);
	daemon_stop(d);
}

END_TEST

START_TEST(services_say_what_they_are_and_do)
{
	struct daemon *d = start_mixed();
	int fd = hold_open(d, "hold"), second = daemon_connect(d, "hold");
	int64_t deadline = deadline_after();
	json_t *all = NULL;
	const json_t *s;

	/* The second client may be on its way yet. */
	do {
		json_decref(all);
		ck_assert_int_lt(now_ms(), deadline);
		all = control_ask(d, "{\"command\":\"services\"}");
		s = service_in(all, "hold");
	} while (json_number_at(s, "queued") != 1);
	ck_assert_uint_eq(json_array_size(json_at(all, "services")), 8);
	ck_assert_ptr_null(json_object_get(all, "next"));
	ck_assert_str_eq(json_text_at(s, "state"), "serving");
	ck_assert_ptr_null(json_object_get(s, "reason"));
	ck_assert_str_eq(json_text_at(s, "program"), PROGRAM("hold"));
	ck_assert_str_eq(json_text_at(s, "protocol"), "tcp");
	ck_assert_str_eq(json_text_at(s, "user"), user_name());
	ck_assert_int_eq(json_number_at(s, "running"), 1);
	ck_assert_int_eq(json_number_at(s, "processes"), 1);
	ck_assert_int_eq(json_number_at(s, "instances"), 1);
	ck_assert_int_eq(json_number_at(s, "counters.accepted"), 1);
	ck_assert_int_eq(json_number_at(s, "counters.started"), 1);
	ck_assert_int_gt(json_number_at(s, "last"), 1000000000000);
	ck_assert_str_eq(json_text_at(s, "listeners.0.address"), "inherited:stream:hold");
	ck_assert_ptr_null(json_object_get(s, "pool"));
	json_decref(all);
	close(second);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(services_show_pools_and_what_is_not_served)
{
	struct daemon *d = start_mixed();
	const json_t *s;

	expect_workers(d, "pool", 2, 2);
	json_t *all = control_ask(d, "{\"command\":\"services\"}");
	s = service_in(all, "pool");
	ck_assert_str_eq(json_text_at(s, "pool.mode"), "static");
	ck_assert_int_eq(json_number_at(s, "pool.workers"), 2);
	ck_assert_int_eq(json_number_at(s, "pool.idle"), 2);
	ck_assert_int_eq(json_number_at(s, "pool.busy"), 0);
	ck_assert_int_eq(json_number_at(s, "pool.max"), 2);
	ck_assert_int_eq(json_number_at(s, "running"), 0);
	ck_assert_int_eq(json_number_at(s, "processes"), 2);
	ck_assert(json_is_null(json_at(s, "last")));
	s = service_in(all, "sleeper");
	ck_assert_str_eq(json_text_at(s, "state"), "disabled");
	ck_assert_ptr_nonnull(strstr(json_text_at(s, "reason"), "disable"));
	ck_assert_int_eq(json_number_at(s, "counters.accepted"), 0);
	s = service_in(all, "broken");
	ck_assert_str_eq(json_text_at(s, "state"), "broken");
	ck_assert_ptr_nonnull(strstr(json_text_at(s, "reason"), "/does/not/exist"));
	s = service_in(all, "late");
	ck_assert_str_eq(json_text_at(s, "program"), PROGRAM("hold"));
	ck_assert_str_eq(json_text_at(s, "protocol"), "tcp");
	ck_assert_ptr_nonnull(strstr(json_text_at(s, "listeners.0.state"), "unbound"));
	s = service_in(all, "local");
	ck_assert_str_eq(json_text_at(s, "protocol"), "unix");
	ck_assert_str_eq(
	    json_text_at(s, "listeners.0.address"), text_format("unix:%s/local.sock", d->dir));
	ck_assert_str_eq(json_text_at(s, "listeners.0.state"), "listening");
	ck_assert(json_is_null(json_at(s, "instances")));
	json_decref(all);
	daemon_stop(d);
}

END_TEST

START_TEST(services_of_one_id_are_told_apart)
{
	struct daemon *d = start_mixed();
	json_t *both = control_ask(d, "{\"command\":\"services\",\"service\":\"twin\"}");

	ck_assert_uint_eq(json_array_size(json_at(both, "services")), 2);
	json_decref(both);
	both = control_ask(
	    d, "{\"command\":\"services\",\"service\":\"twin@unix:%s/two.sock\"}", d->dir);
	ck_assert_uint_eq(json_array_size(json_at(both, "services")), 1);
	ck_assert_str_eq(json_text_at(both, "services.0.listeners.0.address"),
	    text_format("unix:%s/two.sock", d->dir));
	json_decref(both);
	daemon_stop(d);
}

END_TEST

START_TEST(show_says_where_each_attribute_is_from)
{
	struct daemon *d = daemon_new();
	const json_t *s, *a;

	daemon_add(d, "defaults {\n\tinstances = 7\n}\n");
	daemon_service(d, "hold", "tcp", HOLD "\tnice = 3\n");
	daemon_entry(d, "off", HOLD "\tdisable = yes\n\tnice = 4\n");
	daemon_start(d);
	json_t *shown = control_ask(d, "{\"command\":\"show\",\"service\":\"hold\"}");
	ck_assert_uint_eq(json_array_size(json_at(shown, "services")), 1);
	s = json_at(shown, "services.0");
	ck_assert_ptr_eq(strstr(json_text_at(s, "place"), d->conf_path), json_text_at(s, "place"));
	ck_assert_str_eq(json_text_at(s, "state"), "serving");
	a = find_item(json_at(s, "attributes"), "name", "nice");
	ck_assert_str_eq(json_text_at(a, "value"), "3");
	ck_assert_str_eq(json_text_at(a, "from"), "service");
	ck_assert_ptr_nonnull(strstr(json_text_at(a, "place"), d->conf_path));
	a = find_item(json_at(s, "attributes"), "name", "instances");
	ck_assert_str_eq(json_text_at(a, "value"), "7");
	ck_assert_str_eq(json_text_at(a, "from"), "defaults");
	ck_assert_ptr_nonnull(strstr(json_text_at(a, "place"), ":2:"));
	a = find_item(json_at(s, "attributes"), "name", "stop_signal");
	ck_assert_str_eq(json_text_at(a, "value"), "TERM");
	ck_assert_str_eq(json_text_at(a, "from"), "default");
	ck_assert_ptr_null(json_object_get(a, "place"));
	/* Without it everybody is served, and with an empty one nobody. */
	a = find_item(json_at(s, "attributes"), "name", "only_from");
	ck_assert_str_eq(json_text_at(a, "value"), "");
	ck_assert_uint_eq(json_array_size(json_at(s, "overrides")), 0);
	json_decref(shown);
	shown = control_ask(d, "{\"command\":\"show\",\"service\":\"off\"}");
	a = find_item(json_at(shown, "services.0.attributes"), "name", "nice");
	ck_assert_str_eq(json_text_at(a, "value"), "4");
	json_decref(shown);
	daemon_stop(d);
}

END_TEST

START_TEST(show_tells_what_was_set)
{
	struct daemon *d = daemon_new();
	const json_t *a;

	daemon_add(d, "defaults {\n\tinstances = 7\n}\n");
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	json_decref(control_ask(d,
	    "{\"command\":\"set\",\"service\":\"hold\",\"name\":\"instances\",\"value\":\"9\"}"));
	json_t *shown = control_ask(d, "{\"command\":\"show\",\"service\":\"hold\"}");
	a = find_item(json_at(shown, "services.0.attributes"), "name", "instances");
	ck_assert_str_eq(json_text_at(a, "value"), "9");
	ck_assert_str_eq(json_text_at(a, "from"), "set");
	ck_assert_ptr_null(json_object_get(a, "place"));
	ck_assert_str_eq(json_text_at(shown, "services.0.overrides.0.name"), "instances");
	ck_assert_str_eq(json_text_at(shown, "services.0.overrides.0.value"), "9");
	ck_assert_uint_eq(json_array_size(json_at(shown, "services.0.overrides")), 1);
	json_decref(shown);
	/* A changed service is one that is served, and not listed twice. */
	json_t *all = control_ask(d, "{\"command\":\"services\"}");
	ck_assert_uint_eq(json_array_size(json_at(all, "services")), 1);
	json_decref(all);
	daemon_stop(d);
}

END_TEST

START_TEST(connections_say_who_is_served_by_whom)
{
	struct daemon *d = start_mixed();
	int fd = hold_open(d, "hold"), third = connect_unix(text_format("%s/local.sock", d->dir));
	pid_t pid;
	int second = worker_open(d, "pool", &pid);
	const json_t *list, *c;

	ck_assert_int_ge(third, 0);
	expect_line(d, "START: local");
	json_t *all = control_ask(d, "{\"command\":\"connections\"}");
	list = json_at(all, "connections");
	ck_assert_uint_eq(json_array_size(list), 4);
	c = find_item(list, "service", "hold");
	ck_assert_int_eq(json_number_at(c, "connection"), 1);
	ck_assert_int_eq(json_number_at(c, "pid"), ask_pid(fd));
	ck_assert_str_eq(json_text_at(c, "peer"), "127.0.0.1");
	ck_assert_int_eq(json_number_at(c, "port"), bound_port(fd));
	ck_assert_str_eq(json_text_at(c, "kind"), "program");
	ck_assert_str_eq(json_text_at(c, "state"), "running");
	ck_assert_int_ge(json_number_at(c, "age"), 0);
	c = find_item(list, "service", "local");
	ck_assert_str_eq(json_text_at(c, "peer"), "unix");
	ck_assert(json_is_null(json_at(c, "port")));
	c = find_item(list, "state", "busy");
	ck_assert_str_eq(json_text_at(c, "service"), "pool");
	ck_assert_str_eq(json_text_at(c, "kind"), "worker");
	ck_assert_int_eq(json_number_at(c, "pid"), pid);
	ck_assert_int_eq(json_number_at(c, "port"), bound_port(second));
	c = find_item(list, "state", "idle");
	ck_assert_str_eq(json_text_at(c, "service"), "pool");
	ck_assert(json_is_null(json_at(c, "peer")));
	ck_assert_int_eq(json_number_at(c, "served"), 0);
	json_decref(all);
	all = control_ask(d, "{\"command\":\"connections\",\"service\":\"local\"}");
	ck_assert_uint_eq(json_array_size(json_at(all, "connections")), 1);
	json_decref(all);
	all = control_ask(d, "{\"command\":\"connections\",\"service\":\"sleeper\"}");
	ck_assert_uint_eq(json_array_size(json_at(all, "connections")), 0);
	json_decref(all);
	close(fd);
	close(second);
	close(third);
	daemon_stop(d);
}

END_TEST

START_TEST(figures_move_with_connections)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD "\tinstances = 1\n");
	daemon_start(d);
	ck_assert_int_eq(figure_number(d, "hold", "service_accepted"), 0);
	ck_assert_int_eq(figure_number(d, "hold", "service_connections_limit"), 1);
	int fd = hold_open(d, "hold");
	ck_assert_int_eq(figure_number(d, "hold", "service_accepted"), 1);
	ck_assert_int_eq(figure_number(d, "hold", "service_started"), 1);
	ck_assert_int_eq(figure_number(d, "hold", "service_connections"), 1);
	ck_assert_int_eq(figure_number(d, "hold", "service_processes"), 1);
	ck_assert_int_eq(figure_number(d, "hold", "service_start_seconds.count"), 1);
	ck_assert_int_eq(figure_number(d, "hold", "service_session_seconds.count"), 0);
	int second = daemon_connect(d, "hold");
	expect_closed(second);
	close(second);
	expect_figure(d, "hold", "service_refused.service_limit", 1);
	close(fd);
	expect_figure(d, "hold", "service_ended", 1);
	ck_assert_int_eq(figure_number(d, "hold", "service_exits.0"), 1);
	ck_assert_int_eq(figure_number(d, "hold", "service_session_seconds.count"), 1);
	fd = hold_open(d, "hold");
	kill(ask_pid(fd), SIGKILL);
	expect_figure(d, "hold", "service_kills.KILL", 1);
	json_t *buckets = figure(d, "hold", "service_session_seconds.buckets");
	json_int_t sum = 0;
	for (size_t i = 0; i < json_array_size(buckets); i++)
		sum += json_integer_value(json_array_get(buckets, i));
	ck_assert_int_eq(sum, 2);
	json_decref(buckets);
	json_t *cpu = figure(d, "hold", "service_cpu_seconds");
	ck_assert(json_is_real(cpu));
	json_decref(cpu);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* The result of "metrics" once this is the only client: those of before may be on their way out yet. */
static json_t *
figures_of_one_client(int control)
{
	int64_t deadline = deadline_after();

	for (;;) {
		json_t *answer = control_request(control, "{\"command\":\"metrics\"}");
		json_t *result = json_deep_copy(json_at(answer, "result"));

		json_decref(answer);
		if (json_number_at(result, "daemon.control_clients") == 1)
			return result;
		ck_assert_int_lt(now_ms(), deadline);
		json_decref(result);
	}
}

START_TEST(figures_of_pools_and_of_the_daemon)
{
	struct daemon *d = start_mixed();
	pid_t pid;

	expect_workers(d, "pool", 2, 2);
	ck_assert_int_eq(figure_number(d, "pool", "pool_workers"), 2);
	ck_assert_int_eq(figure_number(d, "pool", "pool_idle"), 2);
	ck_assert_int_eq(figure_number(d, "pool", "pool_workers_limit"), 2);
	int fd = worker_open(d, "pool", &pid);
	ck_assert_int_eq(figure_number(d, "pool", "pool_handed"), 1);
	ck_assert_int_eq(figure_number(d, "pool", "pool_busy"), 1);
	close(fd);
	expect_figure(d, "pool", "pool_served", 1);
	int control = control_connect(d);
	json_t *all = figures_of_one_client(control);
	ck_assert_int_eq(json_number_at(all, "daemon.open_descriptors"), count_descriptors(d->pid));
	close(control);
	ck_assert_int_eq(json_number_at(all, "daemon.connections"), 1);
	ck_assert_int_eq(json_number_at(all, "daemon.processes"), 2);
	ck_assert_int_eq(json_number_at(all, "daemon.services.serving"), 6);
	ck_assert_int_eq(json_number_at(all, "daemon.services.broken"), 1);
	ck_assert_int_eq(json_number_at(all, "daemon.listeners_unbound"), 1);
	ck_assert_int_gt(json_number_at(all, "daemon.resident_memory_bytes"), 100000);
	ck_assert(json_is_real(json_at(all, "daemon.uptime_seconds")));
	ck_assert_uint_eq(json_object_size(json_at(all, "daemon.build")), 1);
	ck_assert_uint_eq(json_array_size(json_at(all, "services")), 6);
	ck_assert_str_eq(json_text_at(service_in(all, "local"), "address"),
	    text_format("unix:%s/local.sock", d->dir));
	ck_assert_ptr_null(
	    json_object_get(json_at(service_in(all, "hold"), "figures"), "pool_workers"));
	json_decref(all);
	daemon_stop(d);
}

END_TEST

/* ---- pages ---- */

#define MANY 1000

/* In a shuffled order, and of those above only some: what a second configuration makes of the first. */
static void
write_many(struct daemon *d, unsigned from, unsigned to, bool is_backwards)
{
	for (unsigned i = from; i < to; i++) {
		unsigned n = is_backwards ? to - 1 - (i - from) : i;

		daemon_add(d,
		    "service %s%04u {\n\ttype = UNLISTED\n\tuser = @USER@\n" HOLD
		    "\twait = no\n\tsocket_type = stream\n\tlisten = unix:@DIR@/%u\n%s}\n",
		    n % 4 == 3 ? "sleeper" : "runner", n, n, n % 4 == 3 ? "\tdisable = yes\n" : "");
	}
}

/* Counts each service of a page. */
static void
count_page(const json_t *page, const char *list_name, const char *key, unsigned *seen, size_t size)
{
	const json_t *list = json_at(page, list_name);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id = json_text_at(json_array_get(list, i), key);
		size_t n = strtoul(id + strcspn(id, "0123456789"), NULL, 10);

		ck_assert_uint_lt(n, size);
		seen[n]++;
	}
}

static char *
next_of(const json_t *page)
{
	const json_t *next = json_object_get(page, "next");

	return next != NULL ? strdup(json_string_value(next)) : NULL;
}

/* The page behind the cursor, which is freed; the next cursor. */
static char *
ask_page(struct daemon *d, const char *command, char *after, unsigned *seen)
{
	json_t *page = control_ask(d, "{\"command\":\"%s\",\"after\":\"%s\"}", command, after);
	char *next = next_of(page);

	ck_assert_uint_le(json_array_size(json_at(page, "services")), 256);
	count_page(page, "services", "id", seen, MANY + 400);
	json_decref(page);
	free(after);
	return next;
}

/* Each page of a listing before and behind a reload in which services have come and gone and changed their order. */
START_TEST(g4_pages_lose_nothing_while_services_come_and_go)
{
	static const unsigned after_pages[] = { 0, 2, 3 };
	unsigned seen[MANY + 400] = { 0 }, pages = 1;
	struct daemon *d = daemon_new();

	write_many(d, 0, MANY, false);
	daemon_start(d);
	json_t *page = control_ask(d, "{\"command\":\"services\"}");
	ck_assert_uint_eq(json_array_size(json_at(page, "services")), 256);
	count_page(page, "services", "id", seen, MANY + 400);
	char *after = next_of(page);
	json_decref(page);
	for (; after != NULL; pages++) {
		if (pages == 1 + after_pages[_i]) {
			daemon_clear(d);
			write_many(d, 100, MANY + 400, true);
			daemon_reload(d);
		}
		after = ask_page(d, "services", after, seen);
		ck_assert_uint_lt(pages, 20);
	}
	ck_assert_uint_ge(pages, 4);
	for (unsigned i = 100; i < MANY; i++)
		ck_assert_msg(seen[i] == 1, "service %u was listed %u times", i, seen[i]);
	for (unsigned i = 0; i < MANY + 400; i++)
		ck_assert_msg(seen[i] <= 1, "service %u was listed %u times", i, seen[i]);
	daemon_stop(d);
}

END_TEST

/* Of those that nobody serves the order is by id; of one id, that of the file. */
START_TEST(g4_pages_of_one_id_lose_nothing)
{
	unsigned seen[1] = { 0 };
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD);
	for (unsigned i = 0; i < 600; i++)
		daemon_add(d,
		    "service s%u {\n\tid = zero0\n\ttype = UNLISTED\n\tdisable = yes\n\tuser = @USER@\n"
		    "\twait = no\n\tsocket_type = stream\n" HOLD "\tlisten = unix:@DIR@/%u\n}\n",
		    i, i);
	daemon_start(d);
	char *after = NULL;
	unsigned pages = 0;
	do {
		json_t *page =
		    after == NULL
			? control_ask(d, "{\"command\":\"services\",\"service\":\"zero0\"}")
			: control_ask(d,
			      "{\"command\":\"services\",\"service\":\"zero0\",\"after\":\"%s\"}",
			      after);
		count_page(page, "services", "id", seen, 1);
		free(after);
		after = next_of(page);
		json_decref(page);
		pages++;
	} while (after != NULL && pages < 10);
	ck_assert_uint_eq(pages, 3);
	ck_assert_uint_eq(seen[0], 600);
	daemon_stop(d);
}

END_TEST

START_TEST(figures_come_in_pages)
{
	unsigned seen[MANY + 400] = { 0 };
	struct daemon *d = daemon_new();

	write_many(d, 0, 200, false);
	daemon_start(d);
	json_t *page = control_ask(d, "{\"command\":\"metrics\"}");
	ck_assert_ptr_nonnull(json_at(page, "daemon.connections"));
	count_page(page, "services", "id", seen, MANY);
	char *after = next_of(page);
	ck_assert_ptr_nonnull(after);
	json_decref(page);
	while (after != NULL)
		after = ask_page(d, "metrics", after, seen);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_uint_eq(seen[i], i % 4 == 3 ? 0 : 1);
	daemon_stop(d);
}

END_TEST

#define CLIENTS 300

START_TEST(g4_connections_come_in_pages)
{
	struct daemon *d = daemon_new();
	int fds[CLIENTS];
	pid_t pids[CLIENTS];
	unsigned seen[CLIENTS] = { 0 };

	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	for (unsigned i = 0; i < CLIENTS; i++) {
		fds[i] = hold_open(d, "hold");
		pids[i] = ask_pid(fds[i]);
	}
	json_t *first = control_ask(d, "{\"command\":\"connections\"}");
	ck_assert_uint_eq(json_array_size(json_at(first, "connections")), 256);
	/* Every tenth one ends, and another one comes. */
	for (unsigned i = 0; i < CLIENTS; i += 10) {
		close(fds[i]);
		wait_gone(pids[i]);
		fds[i] = hold_open(d, "hold");
	}
	json_t *second = control_ask(
	    d, "{\"command\":\"connections\",\"after\":\"%s\"}", json_text_at(first, "next"));
	ck_assert_ptr_null(json_object_get(second, "next"));
	for (unsigned k = 0; k < 2; k++) {
		const json_t *list = json_at(k == 0 ? first : second, "connections");

		for (size_t i = 0; i < json_array_size(list); i++)
			for (unsigned n = 0; n < CLIENTS; n++)
				seen[n] +=
				    json_number_at(json_array_get(list, i), "pid") == pids[n];
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		ck_assert_msg(
		    i % 10 == 0 || seen[i] == 1, "program %u was listed %u times", i, seen[i]);
	for (unsigned i = 0; i < CLIENTS; i++)
		close(fds[i]);
	json_decref(first);
	json_decref(second);
	daemon_stop(d);
}

END_TEST

/* ---- logs ---- */

/* The events of a listing that does not follow, up to its end, as one text. */
static const char *
log_lines(struct daemon *d, const char *args)
{
	char text[16384] = "";
	int fd = control_connect(d);
	json_t *answer = control_request(fd, "{\"command\":\"logs\"%s}", args);

	ck_assert(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	for (;;) {
		json_t *event = control_event(fd);
		bool is_end = strcmp(json_text_at(event, "event"), "end") == 0;

		if (!is_end)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s|%s|%s\n",
			    json_text_at(event, "kind"), json_text_at(event, "level"),
			    json_text_at(event, "text"));
		json_decref(event);
		if (is_end)
			break;
	}
	close(fd);
	return text_format("%s", text);
}

static unsigned
count_newlines(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

START_TEST(logs_are_filtered)
{
	struct daemon *d = daemon_new();
	const char *text;

	daemon_service(d, "hold", "tcp", HOLD);
	daemon_service(d, "other", "tcp", HOLD);
	daemon_start(d);
	close(hold_open(d, "hold"));
	expect_line(d, "EXIT: hold");
	int fd = daemon_connect(d, "other");
	expect_line(d, "START: other");
	text = log_lines(d, "");
	ck_assert_ptr_nonnull(strstr(text, "event=ready"));
	ck_assert_ptr_nonnull(strstr(text, "START: hold"));
	ck_assert_ptr_nonnull(strstr(text, "START: other"));
	text = log_lines(d, ",\"kind\":\"activity\"");
	ck_assert_uint_eq(count_newlines(text), 3);
	text = log_lines(d, ",\"service\":\"hold\",\"kind\":\"activity\"");
	ck_assert_uint_eq(count_newlines(text), 2);
	ck_assert_ptr_null(strstr(text, "other"));
	text = log_lines(d, ",\"connection\":2");
	ck_assert_uint_eq(count_newlines(text), 1);
	ck_assert_ptr_nonnull(strstr(text, "START: other"));
	text = log_lines(d, ",\"match\":\"EXIT\"");
	ck_assert_uint_eq(count_newlines(text), 1);
	text = log_lines(d, ",\"lines\":1,\"kind\":\"activity\"");
	ck_assert_uint_eq(count_newlines(text), 1);
	ck_assert_ptr_nonnull(strstr(text, "START: other"));
	ck_assert_str_eq(log_lines(d, ",\"lines\":0"), "");
	text = log_lines(d, ",\"level\":\"error\",\"kind\":\"daemon\"");
	ck_assert_ptr_null(strstr(text, "event=ready"));
	close(fd);
	daemon_stop(d);
}

END_TEST

/* The next event whose text has this in it. */
static void
expect_event(int fd, const char *kind, const char *part)
{
	for (;;) {
		json_t *event = control_event(fd);
		const char *text = json_string_value(json_object_get(event, "text"));
		bool is_it = text != NULL && strstr(text, part) != NULL &&
			     strcmp(json_text_at(event, "kind"), kind) == 0;

		json_decref(event);
		if (is_it)
			return;
	}
}

START_TEST(logs_follow_what_comes)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	int control = control_connect(d);
	json_decref(control_request(control, "{\"command\":\"logs\",\"follow\":true,\"lines\":0}"));
	int fd = hold_open(d, "hold");
	expect_event(control, "activity", "START: hold");
	close(fd);
	expect_event(control, "activity", "EXIT: hold");
	/* The next request ends the stream. */
	json_t *answer = control_request(control, "{\"command\":\"hello\"}");
	ck_assert_str_eq(json_text_at(answer, "result.role"), "admin");
	json_decref(answer);
	close(control);
	daemon_stop(d);
}

END_TEST

START_TEST(trace_tells_the_decisions_of_one_service)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD "\tinstances = 1\n");
	daemon_service(d, "other", "tcp", HOLD);
	daemon_start(d);
	int control = control_connect(d);
	json_t *answer = control_request(control, "{\"command\":\"trace\",\"service\":\"hold\"}");
	ck_assert(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	close(hold_open(d, "other"));
	int fd = hold_open(d, "hold");
	json_t *event = control_event(control);
	ck_assert_str_eq(json_text_at(event, "service"), "hold");
	json_decref(event);
	expect_event(control, "activity", "START: hold");
	int second = daemon_connect(d, "hold");
	expect_event(control, "trace", "refused and closed: 1 of 1 programs run");
	close(second);
	close(fd);
	close(control);
	daemon_stop(d);
}

END_TEST

START_TEST(hello_and_lower)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	int fd = control_connect(d);
	json_t *answer = control_request(fd, "{\"command\":\"hello\"}");
	ck_assert_str_eq(json_text_at(answer, "result.role"), "admin");
	json_decref(answer);
	answer = control_request(fd, "{\"command\":\"lower\"}");
	ck_assert(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	answer = control_request(fd, "{\"command\":\"hello\"}");
	ck_assert_str_eq(json_text_at(answer, "result.role"), "look");
	json_decref(answer);
	answer = control_request(fd, "{\"command\":\"stop\"}");
	ck_assert_str_eq(json_text_at(answer, "error.code"), "forbidden");
	json_decref(answer);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct {
	const char *request, *code;
} refused[] = {
	{ "{\"command\":\"services\",\"service\":\"nobody\"}", "unknown-service" },
	{ "{\"command\":\"show\",\"service\":\"nobody\"}", "unknown-service" },
	{ "{\"command\":\"show\",\"service\":\"hold@tcp:127.0.0.1:1\"}", "unknown-service" },
	{ "{\"command\":\"connections\",\"service\":\"nobody\"}", "unknown-service" },
	{ "{\"command\":\"logs\",\"service\":\"nobody\"}", "unknown-service" },
	{ "{\"command\":\"trace\",\"service\":\"nobody\"}", "unknown-service" },
	{ "{\"command\":\"show\"}", "bad-request" },
	{ "{\"command\":\"services\",\"service\":7}", "bad-request" },
	{ "{\"command\":\"services\",\"after\":7}", "bad-request" },
	{ "{\"command\":\"services\",\"after\":\"\"}", "bad-request" },
	{ "{\"command\":\"services\",\"after\":\"s\"}", "bad-request" },
	{ "{\"command\":\"services\",\"after\":\"s7x\"}", "bad-request" },
	{ "{\"command\":\"services\",\"after\":\"c\"}", "bad-request" },
	{ "{\"command\":\"services\",\"after\":\"c1:6\"}", "bad-request" },
	{ "{\"command\":\"services\",\"after\":\"c1:zz\"}", "bad-request" },
	{ "{\"command\":\"connections\",\"after\":\"x\"}", "bad-request" },
	{ "{\"command\":\"connections\",\"after\":\"\"}", "bad-request" },
	{ "{\"command\":\"metrics\",\"after\":true}", "bad-request" },
	{ "{\"command\":\"logs\",\"lines\":\"many\"}", "bad-request" },
	{ "{\"command\":\"logs\",\"lines\":-1}", "bad-request" },
	{ "{\"command\":\"logs\",\"connection\":-1}", "bad-request" },
	{ "{\"command\":\"logs\",\"level\":\"loud\"}", "bad-request" },
	{ "{\"command\":\"logs\",\"kind\":\"all\"}", "bad-request" },
	{ "{\"command\":\"logs\",\"follow\":1}", "bad-request" },
	{ "{\"command\":\"status\",\"service\":\"hold\"}", "bad-request" },
};

START_TEST(bad_arguments_are_refused)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		ck_assert_msg(
		    strcmp(control_refused(d, "%s", refused[i].request), refused[i].code) == 0,
		    "%s: %s", refused[i].request, control_refused(d, "%s", refused[i].request));
	daemon_stop(d);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(status_says_what_there_is),
		TEST(totals_keep_what_removed_services_have_done),
		TEST(status_lists_what_is_wrong),
		TEST(broken_services_give_their_first_error),
		TEST(a_service_that_goes_on_as_before_is_listed_once),
		TEST(a_failing_program_is_a_problem),
		TEST(a_service_that_was_switched_off_says_so),
		TEST(services_say_what_they_are_and_do),
		TEST(services_show_pools_and_what_is_not_served),
		TEST(services_of_one_id_are_told_apart),
		TEST(show_says_where_each_attribute_is_from),
		TEST(show_tells_what_was_set),
		TEST(connections_say_who_is_served_by_whom),
		TEST(figures_move_with_connections),
		TEST(figures_of_pools_and_of_the_daemon),
		TEST_LOOP(g4_pages_lose_nothing_while_services_come_and_go, 3),
		TEST(g4_pages_of_one_id_lose_nothing),
		TEST(figures_come_in_pages),
		TEST(g4_connections_come_in_pages),
		TEST(logs_are_filtered),
		TEST(logs_follow_what_comes),
		TEST(trace_tells_the_decisions_of_one_service),
		TEST(hello_and_lower),
		TEST(bad_arguments_are_refused),
	};

	return run_functional("look", tests, ARRAY_LEN(tests));
}
