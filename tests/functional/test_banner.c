/* SPDX-License-Identifier: MIT */
/* banner, banner_success, banner_fail. */
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

#include "functional/control.h"
#include "functional/pool.h"
#include "functional/sources.h"

#define HOLD   "\tserver = @PROGRAMS@/hold\n"
#define WORKER "\tserver = @PROGRAMS@/worker\n\tserver_args = porter\n\tpool = ondemand\n"
#define BANNERS \
 "\tbanner = @DIR@/first\n\tbanner_success = @DIR@/success\n\tbanner_fail = @DIR@/fail\n"
/* A banner of so many bytes does not fit into the socket of a client that does not read. */
#define LONG 65536u

static struct daemon *
started(const char *attributes)
{
	struct daemon *d = daemon_new();

	write_file(text_format("%s/first", d->dir), 0644, "this is x\n");
	write_file(text_format("%s/success", d->dir), 0644, "come in\n");
	write_file(text_format("%s/fail", d->dir), 0644, "go away\n");
	daemon_inject(d);
	daemon_service(d, "x", "tcp", attributes);
	daemon_start(d);
	return d;
}

static void
expect_greeted(int fd)
{
	ck_assert_str_eq(read_line(fd), "this is x");
	ck_assert_str_eq(read_line(fd), "come in");
}

static const struct {
	const char *name, *attributes;
} shapes[] = {
	{ "program", HOLD },
	{ "worker", WORKER },
};

START_TEST(client_reads_the_banners_and_then_the_program)
{
	struct daemon *d =
	    started(text_format("%s" BANNERS "\tonly_from = 127.0.0.2\n", shapes[_i].attributes));
	int fd = connect_from(d, "x", "127.0.0.2");

	send_text(fd, "pid\n");
	expect_greeted(fd);
	ck_assert_int_gt(atoi(read_line(fd)), 0);
	close(fd);
	int other = connect_from(d, "x", "127.0.0.3");
	ck_assert_str_eq(read_all(other), "this is x\ngo away\n");
	expect_line(d, "FAIL: x address from=127.0.0.3");
	close(other);
	daemon_stop(d);
}

END_TEST

START_TEST(each_banner_alone)
{
	static const char *const rows[][3] = {
		{ "banner = @DIR@/first", "this is x", "this is x\n" },
		{ "banner_success = @DIR@/success", "come in", "" },
		{ "banner_fail = @DIR@/fail", NULL, "go away\n" },
	};
	struct daemon *d =
	    started(text_format(HOLD "\tno_access = 127.0.0.3\n\t%s\n", rows[_i][0]));
	int fd = connect_from(d, "x", "127.0.0.2"), other = connect_from(d, "x", "127.0.0.3");

	if (rows[_i][1] != NULL)
		ck_assert_str_eq(read_line(fd), rows[_i][1]);
	expect_echo(fd, "served");
	ck_assert_str_eq(read_all(other), rows[_i][2]);
	close(fd);
	close(other);
	daemon_stop(d);
}

END_TEST

START_TEST(banner_is_read_again_by_a_reload_and_not_before)
{
	struct daemon *d = started(HOLD "\tbanner = @DIR@/first\n");

	write_file(text_format("%s/first", d->dir), 0644, "another\n");
	int fd = daemon_connect(d, "x");
	ck_assert_str_eq(read_line(fd), "this is x");
	close(fd);
	daemon_reload(d);
	fd = daemon_connect(d, "x");
	ck_assert_str_eq(read_line(fd), "another");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(banner_that_cannot_be_read_is_said_and_left_out)
{
	struct daemon *d = started(HOLD "\tbanner_success = @DIR@/none\n");

	expect_line(d,
	    "event=banner-unreadable service=x path=%s/none error=\"No such file or directory\"",
	    d->dir);
	close(hold_open(d, "x"));
	daemon_stop(d);
}

END_TEST

/* ---- clients that do not read ---- */

/* One who takes next to nothing until he reads. */
static int
connect_narrow(struct daemon *d, const char *source)
{
	const struct listener *l = &d->listeners[0];
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), least = 1;

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK) + htonl((uint32_t)atoi(source) - 1);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&l->addr, l->len), 0);
	return fd;
}

static void
write_long(struct daemon *d, const char *name, size_t size)
{
	char *text = malloc(size + 1);

	memset(text, 'b', size);
	text[size - 1] = '\n';
	text[size] = '\0';
	write_file(text_format("%s/%s", d->dir, name), 0644, text);
	free(text);
}

/* What the daemon accepts takes next to nothing either. */
static void
narrow_down(struct daemon *d)
{
	int least = 1;

	ck_assert_int_eq(
	    setsockopt(d->listeners[0].fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
}

static struct daemon *
with_long_banners(const char *attributes)
{
	struct daemon *d = daemon_new();

	write_long(d, "long", LONG);
	daemon_inject(d);
	daemon_service(d, "x", "tcp", attributes);
	narrow_down(d);
	daemon_start(d);
	return d;
}

#define LONG_BANNERS "\tbanner = @DIR@/long\n\tbanner_success = @DIR@/long\n"

/* Both banners, whole. */
static void
skip_banners(int fd)
{
	static char text[2 * LONG];

	ck_assert_uint_eq(read_bytes(fd, text, sizeof(text)), sizeof(text));
	ck_assert_int_eq(text[LONG - 1], '\n');
	ck_assert_int_eq(text[2 * LONG - 1], '\n');
}

START_TEST(b14_client_that_does_not_read_holds_up_nobody)
{
	struct daemon *d = with_long_banners(
	    text_format("%s" LONG_BANNERS "\tper_source = 1\n", shapes[_i].attributes));
	int narrow = connect_narrow(d, "2"), fd;

	/* It counts already, and there is no program for it yet. */
	fd = connect_from(d, "x", "127.0.0.2");
	expect_line(d, "FAIL: x per_source_limit from=127.0.0.2");
	expect_no_line(d, "START:");
	close(fd);
	fd = connect_from(d, "x", "127.0.0.3");
	send_text(fd, "pid\n");
	skip_banners(fd);
	ck_assert_int_gt(atoi(read_line(fd)), 0);
	close(fd);
	send_text(narrow, "pid\n");
	skip_banners(narrow);
	ck_assert_int_gt(atoi(read_line(narrow)), 0);
	close(narrow);
	daemon_stop(d);
}

END_TEST

START_TEST(b14_client_that_never_reads_is_given_up)
{
	struct daemon *d = with_long_banners(HOLD LONG_BANNERS "\tinstances = 1\n");
	int narrow = connect_narrow(d, "2");

	daemon_idle(d);
	int other = connect_from(d, "x", "127.0.0.3");
	expect_line(d, "FAIL: x service_limit from=127.0.0.3");
	close(other);
	pass_time(d, 11);
	expect_line(d, "FAIL: x banner from=127.0.0.2");
	other = connect_from(d, "x", "127.0.0.3");
	skip_banners(other);
	expect_echo(other, "served");
	close(other);
	close(narrow);
	daemon_stop(d);
}

END_TEST

START_TEST(b14_clients_that_are_refused_and_do_not_read_hold_up_nobody)
{
	struct daemon *d = daemon_new();
	int narrow[32];

	write_long(d, "long", LONG);
	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tbanner_fail = @DIR@/long\n\tno_access = 127.0.0.2\n");
	narrow_down(d);
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(narrow); i++)
		narrow[i] = connect_narrow(d, "2");
	expect_lines(d, ARRAY_LEN(narrow), "FAIL: x address from=127.0.0.2");
	close(hold_open_from(d, "x", "127.0.0.3"));
	unsigned fds = daemon_fds(d);
	pass_time(d, 10);
	expect_fds(d, fds - (unsigned)ARRAY_LEN(narrow) / 2);
	for (size_t i = 0; i < ARRAY_LEN(narrow); i++)
		close(narrow[i]);
	daemon_stop(d);
}

END_TEST

START_TEST(reload_while_a_banner_is_sent)
{
	struct daemon *d = with_long_banners(HOLD LONG_BANNERS);
	int narrow = connect_narrow(d, "2");

	daemon_idle(d);
	daemon_clear(d);
	daemon_entry(d, "x",
	    _i == 0 ? HOLD "\tprotocol = tcp\n"
		    : HOLD "\tprotocol = tcp\n\tno_access = 127.0.0.2\n\tper_source = 1\n");
	daemon_reload(d);
	skip_banners(narrow);
	if (_i == 0)
		expect_echo(narrow, "served");
	else
		expect_line(d, "FAIL: x address from=127.0.0.2");
	close(narrow);
	daemon_stop(d);
}

END_TEST

START_TEST(service_that_goes_gives_up_who_is_greeted)
{
	struct daemon *d = with_long_banners(HOLD LONG_BANNERS);
	int narrow = connect_narrow(d, "2");

	daemon_idle(d);
	daemon_clear(d);
	daemon_reload(d);
	expect_line(d, "FAIL: x banner from=127.0.0.2");
	close(narrow);
	daemon_stop(d);
}

END_TEST

START_TEST(daemon_that_stops_starts_nothing_for_who_is_greeted)
{
	struct daemon *d = with_long_banners(HOLD LONG_BANNERS);
	int narrow = connect_narrow(d, "2"), held = connect_from(d, "x", "127.0.0.3");

	skip_banners(held);
	send_text(held, "ignore 15\n");
	ck_assert_str_eq(read_line(held), "ignored");
	daemon_signal(d, SIGTERM);
	expect_line(d, "FAIL: x banner from=127.0.0.2");
	expect_count(d, 1, "START:");
	close(held);
	close(narrow);
	ck_assert_int_eq(daemon_wait(d), 0);
	daemon_closed(d);
}

END_TEST

START_TEST(upgrade_while_a_banner_is_sent)
{
	struct daemon *d = with_long_banners(HOLD LONG_BANNERS "\tper_source = 1\n");
	int narrow = connect_narrow(d, "2");

	daemon_idle(d);
	upgrade_daemon(d);
	int other = connect_from(d, "x", "127.0.0.2");
	expect_line(d, "FAIL: x per_source_limit from=127.0.0.2");
	close(other);
	skip_banners(narrow);
	expect_echo(narrow, "served");
	close(narrow);
	daemon_stop(d);
}

END_TEST

/* Who is served at once after its banner, or not any more, leaves no program whose end would let in the next. */
START_TEST(queue_goes_on_when_the_banner_was_for_nothing)
{
	static const char *const rows[] = {
		"\ttype = INTERNAL UNLISTED\n", /* daytime answers, and is over */
		"\tserver = @PROGRAMS@/show\n",
	};
	struct daemon *d = daemon_new();
	static char text[2 * LONG];

	write_long(d, "long", LONG);
	daemon_service(d, "daytime", "tcp",
	    text_format("%s" LONG_BANNERS "\tinstances = 1\n\ton_limit = queue\n", rows[_i]));
	narrow_down(d);
	daemon_start(d);
	int narrow = connect_narrow(d, "2");
	daemon_idle(d);
	int next = connect_from(d, "daytime", "127.0.0.3");
	daemon_idle(d);
	if (_i == 1)
		ck_assert_int_eq(porterctl(d, "ban", "127.0.0.2", NULL).status, 0);
	ck_assert_uint_eq(read_bytes(narrow, text, sizeof(text)), sizeof(text));
	skip_banners(next);
	ck_assert_uint_gt(strlen(read_all(next)), 0);
	close(narrow);
	close(next);
	daemon_stop(d);
}

END_TEST

START_TEST(client_of_a_pool_that_reads_late_queues)
{
	struct daemon *d = with_long_banners(
	    WORKER LONG_BANNERS "\tpool_max = 1\n\tinstances = 5\n\ton_limit = queue\n");
	int narrow = connect_narrow(d, "2"), other;

	daemon_idle(d);
	other = connect_from(d, "x", "127.0.0.3");
	send_text(other, "pid\n");
	skip_banners(other);
	ck_assert_int_gt(atoi(read_line(other)), 0);
	send_text(narrow, "pid\n");
	skip_banners(narrow);
	daemon_idle(d);
	expect_no_line(d, "FAIL: x service_limit");
	close(other);
	ck_assert_int_gt(atoi(read_line(narrow)), 0);
	close(narrow);
	daemon_stop(d);
}

END_TEST

/* Of too many, the first goes; of its service somebody else waits. */
START_TEST(queue_goes_on_when_others_have_pushed_its_client_out)
{
	struct daemon *d = daemon_new();
	static int crowd[512];

	write_long(d, "long", LONG);
	daemon_service(d, "x", "tcp", HOLD LONG_BANNERS "\tinstances = 1\n\ton_limit = queue\n");
	daemon_service(d, "y", "tcp", HOLD LONG_BANNERS "\tinstances = 1000\n");
	narrow_down(d);
	int least = 1;
	setsockopt(d->listeners[1].fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
	daemon_start(d);
	int narrow = connect_narrow(d, "2");
	daemon_idle(d);
	int next = connect_from(d, "x", "127.0.0.3");
	d->listeners[0] = d->listeners[1];
	for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
		crowd[i] = connect_narrow(d, "4");
	expect_line(d, "FAIL: x banner from=127.0.0.2");
	skip_banners(next);
	expect_echo(next, "served");
	for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
		close(crowd[i]);
	close(narrow);
	close(next);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(client_reads_the_banners_and_then_the_program, ARRAY_LEN(shapes)),
	TEST_LOOP(each_banner_alone, 3),
	TEST(banner_is_read_again_by_a_reload_and_not_before),
	TEST(banner_that_cannot_be_read_is_said_and_left_out),
	TEST_LOOP(b14_client_that_does_not_read_holds_up_nobody, ARRAY_LEN(shapes)),
	TEST(b14_client_that_never_reads_is_given_up),
	TEST(b14_clients_that_are_refused_and_do_not_read_hold_up_nobody),
	TEST_LOOP(reload_while_a_banner_is_sent, 2),
	TEST(service_that_goes_gives_up_who_is_greeted),
	TEST(daemon_that_stops_starts_nothing_for_who_is_greeted),
	TEST(upgrade_while_a_banner_is_sent),
	TEST_LOOP(queue_goes_on_when_the_banner_was_for_nothing, 2),
	TEST(client_of_a_pool_that_reads_late_queues),
	TEST(queue_goes_on_when_others_have_pushed_its_client_out),
};

int
main(void)
{
	return run_functional("banner", tests, ARRAY_LEN(tests));
}
