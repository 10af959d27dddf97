/* SPDX-License-Identifier: MIT */
/* Clients of the control socket without a daemon around it: their times, their streams, and how they cross an upgrade. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/mem.h"
#include "control/client.h"
#include "control/daemon.h"
#include "run/service.h"
#include "unit/suite.h"

#define HELLO "{\"command\":\"hello\"}\n"

static struct daemon d;
static struct service_conf conf = { .id = (char *)(uintptr_t) "x" };
static struct service service;
static char path[64];
static const struct control_access access_of_test = {
	.mode = 0600, .owner = (uid_t)-1, .group = (gid_t)-1
};

static void
setup(void)
{
	snprintf(path, sizeof(path), "/tmp/porterd-test-control.%d", (int)getpid());
	unlink(path);
	d = (struct daemon){ .loop = loop_new() };
	TAILQ_INIT(&d.runtime.services);
	service = (struct service){ .conf = &conf };
	TAILQ_INSERT_TAIL(&d.runtime.services, &service, link);
	d.control = control_open(&d, path, &access_of_test);
	ck_assert_ptr_nonnull(d.control);
}

static void
done(void)
{
	control_close(d.control);
	loop_free(d.loop);
	journal_close();
	ck_assert_int_eq(access(path, F_OK), -1);
}

/* Everything that is there to do. */
static void
turn(void)
{
	for (int i = 0; i < 20; i++)
		loop_turn(d.loop, 0);
}

static int
connected(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	turn();
	return fd;
}

static void
say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	turn();
}

/* Everything that has come; "closed" at the end. */
static const char *
heard(int fd)
{
	static char text[1 << 20];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return "closed";
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
expect_heard(int fd, const char *words)
{
	const char *text = heard(fd);

	ck_assert_msg(strstr(text, words) != NULL, "not in %.300s: %s", text, words);
}

/* As if so much time had passed. */
static void
let_pass(int64_t ms)
{
	struct client_conn *c = LIST_FIRST(&d.control->clients);

	ck_assert(loop_timer_runs(&c->timer));
	c->timer.fn(&c->timer, clock_now_ms() + ms);
	turn();
}

START_TEST(who_asks_nothing_is_closed_after_a_minute)
{
	setup();
	int fd = connected();
	let_pass(59000);
	ck_assert_str_eq(heard(fd), "");
	let_pass(60001);
	ck_assert_str_eq(heard(fd), "closed");
	ck_assert_uint_eq(control_clients(d.control), 0);
	close(fd);
	done();
}

END_TEST

START_TEST(who_has_asked_may_stay)
{
	setup();
	int fd = connected();
	say(fd, HELLO);
	expect_heard(fd, "\"ok\":true");
	ck_assert(!loop_timer_runs(&LIST_FIRST(&d.control->clients)->timer));
	close(fd);
	turn();
	ck_assert_uint_eq(control_clients(d.control), 0);
	done();
}

END_TEST

START_TEST(half_a_line_is_refused_after_ten_seconds)
{
	setup();
	int fd = connected();
	say(fd, HELLO "{");
	expect_heard(fd, "\"ok\":true");
	let_pass(9000);
	ck_assert_str_eq(heard(fd), "");
	let_pass(10001);
	expect_heard(fd, "bad-request");
	ck_assert_str_eq(heard(fd), "closed");
	close(fd);
	done();
}

END_TEST

START_TEST(an_answer_that_is_too_long_is_an_error)
{
	setup();
	int fd = connected();
	char *text = mem_alloc(CLIENT_OUT_MOST + 1);

	memset(text, 'x', CLIENT_OUT_MOST);
	client_answer(LIST_FIRST(&d.control->clients), json_string(text));
	expect_heard(fd, "\"code\":\"failed\"");
	free(text);
	close(fd);
	done();
}

END_TEST

static void
add_records(unsigned count, const char *text)
{
	for (unsigned i = 0; i < count; i++)
		journal_add(&(struct journal_record){ .kind = JOURNAL_ACTIVITY,
		    .level = LOG_LEVEL_INFO,
		    .service = "x",
		    .text = text });
}

static void
follow(bool is_trace)
{
	struct client_conn *c = LIST_FIRST(&d.control->clients);

	client_stream(c, &(struct journal_filter){ .from = journal_next(),
			     .follows = true,
			     .kinds = 1u << JOURNAL_ACTIVITY,
			     .level = LOG_LEVEL_DEBUG,
			     .service = mem_dup("x"),
			     .is_trace = is_trace });
	turn();
}

static void
count_records(const char *all, size_t *lines, size_t *lost)
{
	static const char line[] = "\"event\":\"line\"", gap[] = "\"event\":\"lost\",\"count\":";

	*lines = *lost = 0;
	for (const char *at = all; (at = strstr(at, line)) != NULL; at++)
		++*lines;
	for (const char *at = all; (at = strstr(at, gap)) != NULL; at++)
		*lost += (size_t)atoi(at + strlen(gap));
}

START_TEST(a_stream_that_is_not_read_loses_lines_and_no_memory)
{
	static char all[8 << 20];
	size_t all_len = 0;
	char text[2001];
	size_t most = 0, lines = 0, lost = 0;
	int64_t deadline = clock_now_ms() + 10000;

	setup();
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	journal_open(64 << 10);
	int fd = connected();
	follow(false);
	for (int i = 0; i < 100; i++) {
		const struct client_conn *c = LIST_FIRST(&d.control->clients);

		add_records(20, text);
		turn();
		most = c->out_room > most ? c->out_room : most;
	}
	ck_assert_uint_lt(most, 256 << 10);
	/* A client that has had much of a turn is not attended to in the next ones. */
	while (lines + lost < 2000 && clock_now_ms() < deadline) {
		const char *got = heard(fd);
		size_t len = strlen(got);

		ck_assert_uint_lt(all_len + len, sizeof(all));
		memcpy(all + all_len, got, len + 1);
		all_len += len;
		count_records(all, &lines, &lost);
		turn();
	}
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_eq(lines + lost, 2000);
	close(fd);
	turn();
	add_records(1, "nobody listens");
	done();
}

END_TEST

START_TEST(watchers_are_counted_while_they_watch)
{
	setup();
	journal_open(64 << 10);
	int one = connected();
	follow(true);
	int two = connected();
	follow(true);
	ck_assert_uint_eq(service.watchers, 2);
	service.watchers = 0; /* as a service that has come with a reload */
	control_set_access(d.control, &access_of_test);
	ck_assert_uint_eq(service.watchers, 2);
	say(two, HELLO); /* a request ends the stream */
	ck_assert_uint_eq(service.watchers, 1);
	close(one);
	turn();
	ck_assert_uint_eq(service.watchers, 0);
	close(two);
	done();
}

END_TEST

/* Another number for the same socket, so that the one before can be closed. */
static void
keep(json_t *saved)
{
	int fd = dup((int)json_integer_value(json_object_get(saved, "fd")));

	ck_assert_int_ge(fd, 0);
	json_object_set_new(saved, "fd", json_integer(fd));
}

/* What a daemon that executes itself anew does: it forgets everything; descriptors and the socket's file stay. */
static void
upgrade(void)
{
	json_t *saved = control_save(d.control);
	char *text = json_dumps(saved, 0);
	json_t *read = json_loads(text, 0, NULL), *client;
	size_t i;

	ck_assert_ptr_nonnull(read);
	keep(read);
	json_array_foreach(json_object_get(read, "clients"), i, client)
		keep(client);
	d.control->file = (struct socket_file){ 0 };
	control_close(d.control);
	loop_free(d.loop);
	d.loop = loop_new();
	d.control = control_restore(&d, read, &access_of_test);
	ck_assert_ptr_nonnull(d.control);
	json_decref(saved);
	json_decref(read);
	free(text);
}

START_TEST(clients_cross_an_upgrade)
{
	setup();
	journal_open(64 << 10);
	int half = connected(), stream, asked;

	say(half, "{\"command\":\"lower\"}\n{\"command\":\"he");
	expect_heard(half, "\"ok\":true");
	stream = connected();
	follow(true);
	asked = connected();
	LIST_FIRST(&d.control->clients)->is_waiting = true;
	LIST_FIRST(&d.control->clients)->id = json_integer(7);
	uint64_t number = client_number(LIST_FIRST(&d.control->clients));

	service.watchers = 0;
	upgrade();
	ck_assert_uint_eq(control_clients(d.control), 3);
	ck_assert_uint_eq(service.watchers, 1);
	say(half, "llo\"}\n");
	expect_heard(half, "\"role\":\"look\"");
	add_records(1, "after");
	turn();
	expect_heard(stream, "\"text\":\"after\"");
	client_answer(client_find(&d, number), json_object());
	expect_heard(asked, "{\"id\":7,\"ok\":true");
	int fresh = connected();
	ck_assert_uint_gt(client_number(LIST_FIRST(&d.control->clients)), number);
	say(fresh, HELLO);
	expect_heard(fresh, "\"role\":\"admin\"");
	close(half);
	close(stream);
	close(asked);
	close(fresh);
	turn();
	done();
}

END_TEST

START_TEST(what_was_not_read_crosses_an_upgrade)
{
	setup();
	int fd = connected();
	char *text = mem_alloc((1 << 20) + 1);
	size_t len = 0, n;

	memset(text, 'z', 1 << 20);
	client_answer(LIST_FIRST(&d.control->clients), json_string(text));
	ck_assert(client_has_output(LIST_FIRST(&d.control->clients)));
	upgrade();
	do {
		const char *got = heard(fd);

		n = strlen(got);
		for (const char *at = got; *at != '\0'; at++)
			len += *at == 'z';
		turn();
	} while (n > 0);
	ck_assert_uint_eq(len, 1 << 20);
	say(fd, HELLO);
	expect_heard(fd, "\"ok\":true");
	free(text);
	close(fd);
	turn();
	done();
}

END_TEST

static void
note(struct service *s, void *arg)
{
	strcat(arg, s->conf->id);
	strcat(arg, s == &service ? "1 " : "2 ");
}

START_TEST(services_are_named_by_id_and_address)
{
	static const struct {
		const char *selector, *found;
	} rows[] = {
		{ "x", "x1 x2 " },
		{ "x@tcp:127.0.0.1:7", "x1 " },
		{ "x@127.0.0.1:7", "x1 " },
		{ "x@[::1]:9", "x2 " },
		{ "x@tcp:127.0.0.1:70", "" },
		{ "x@", "" },
		{ "X", "" },
		{ "xx", "" },
		{ "", "" },
	};

	static char keys[2][32] = { "tcp:127.0.0.1:7", "inherited:stream:x" };
	struct listener listeners[2] = { { .key = keys[0] }, { .key = keys[1] } };
	struct addr bound;
	struct service other = { .conf = &conf }, gone = { .conf = &conf, .is_gone = true };

	setup();
	ck_assert_int_eq(addr_parse(&bound, "::1", 9), 0);
	listeners[1].bound = &bound;
	TAILQ_INIT(&service.listeners);
	TAILQ_INIT(&other.listeners);
	TAILQ_INSERT_TAIL(&service.listeners, &listeners[0], link);
	TAILQ_INSERT_TAIL(&other.listeners, &listeners[1], link);
	TAILQ_INSERT_TAIL(&d.runtime.services, &other, link);
	TAILQ_INSERT_TAIL(&d.runtime.services, &gone, link);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char found[32] = "";
		unsigned count = services_named(&d, rows[i].selector, note, found);

		ck_assert_str_eq(found, rows[i].found);
		ck_assert_uint_eq(count, strlen(found) / 3);
	}
	done();
}

END_TEST

static const struct suite_test tests[] = {
	TEST(who_asks_nothing_is_closed_after_a_minute),
	TEST(who_has_asked_may_stay),
	TEST(half_a_line_is_refused_after_ten_seconds),
	TEST(an_answer_that_is_too_long_is_an_error),
	TEST(a_stream_that_is_not_read_loses_lines_and_no_memory),
	TEST(watchers_are_counted_while_they_watch),
	TEST(clients_cross_an_upgrade),
	TEST(what_was_not_read_crosses_an_upgrade),
	TEST(services_are_named_by_id_and_address),
};

int
main(void)
{
	return run_suite("control", tests, ARRAY_LEN(tests));
}
