/* SPDX-License-Identifier: MIT */
/* Where clients meet something else here than under xinetd: who is served, what they are told, what is logged. One test
 * a difference. */
#include <check.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "functional/rows.h"

#define BIG_BANNER 65536 /* the longest; more than a client takes that does not read */

static struct daemon *
daemon_with(const char *kind, const char *attributes)
{
	struct daemon *d = daemon_new();

	/* A port for --check: what listens on an inherited socket needs none. */
	daemon_service(d, "x", kind, text_format(HOLD "%s\tport = 3601\n", attributes));
	return d;
}

START_TEST(only_from_localhost)
{
	struct daemon *d = daemon_with("dual", "\tonly_from = localhost\n");
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	char text[64];

	ck_assert_int_eq(getaddrinfo("localhost", NULL, &hints, &list), 0);
	daemon_start(d);
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
		ck_assert_int_eq(getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0,
				     NI_NUMERICHOST),
		    0);
		ck_assert_msg(serves(d, "x", text), "%s", text);
	}
	freeaddrinfo(list);
	ck_assert(!serves(d, "x", "127.0.0.9"));
	daemon_stop(d);
}

END_TEST

START_TEST(only_from_with_a_netmask)
{
	struct daemon *d = daemon_with("tcp", "\tonly_from = 127.0.0.0/255.255.0.0\n");

	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.1"));
	ck_assert(serves(d, "x", "127.0.77.1"));
	ck_assert(!serves(d, "x", "127.1.0.1"));
	daemon_stop(d);
}

END_TEST

START_TEST(only_from_of_two_numbers)
{
	struct daemon *d = daemon_with("tcp", "\tonly_from = 192.168\n");
	struct run_result r = checked(d);

	ck_assert_int_eq(r.status, 1);
	ck_assert(names_line(&r, 4, "error", "192.168.0.0/16"));
}

END_TEST

START_TEST(only_from_every_ipv4_address)
{
	struct daemon *d = daemon_with("dual", "\tonly_from = 0.0.0.0/0\n");
	struct run_result r = checked(d);

	ck_assert_int_eq(r.status, 0);
	ck_assert(names_line(&r, 4, "note", "0.0.0.0/0"));
	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.1"));
	ck_assert(!serves(d, "x", "::1"));
	daemon_stop(d);
}

END_TEST

START_TEST(only_from_with_commas)
{
	struct daemon *d = daemon_with("tcp", "\tonly_from = 127.0.0.1, 127.0.0.2,127.0.1.{1,2}\n");

	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.1"));
	ck_assert(serves(d, "x", "127.0.0.2"));
	ck_assert(serves(d, "x", "127.0.1.2"));
	ck_assert(!serves(d, "x", "127.0.1.3"));
	daemon_stop(d);
}

END_TEST

START_TEST(redirect_to_a_name_that_does_not_resolve_yet)
{
	struct daemon *d = daemon_with("tcp", "");

	daemon_service(d, "r", "tcp", text_format("\tredirect = back.test %u\n", port_of(d, "x")));
	names_are(d, "");
	daemon_start(d);
	ck_assert(!serves(d, "r", "127.0.0.1"));
	expect_line(d, "FAIL: r * from=127.0.0.1");
	names_change(d, "back.test 127.0.0.1\n");
	for (int64_t until = deadline_after(); !serves(d, "r", "127.0.0.1");)
		ck_assert_msg(now_ms() < until, "the name is not looked up again");
	daemon_stop(d);
}

END_TEST

/* A program that leaves while a part of what the client said is unread. */
START_TEST(program_that_ends_with_unread_input)
{
	static const char *const lines[] = { "", "\tlinger = 5\n" };
	struct daemon *d = daemon_new();
	char back[16] = "";

	write_file(text_format("%s/answer", d->dir), 0755, "#!/bin/sh\nread line\necho answer\n");
	daemon_service(d, "x", "tcp", text_format("\tserver = @DIR@/answer\n%s", lines[_i]));
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	send_text(fd, "GET / HTTP/1.0\r\n\r\n");
	expect_line(d, "EXIT: x status=0");
	bool has_answer = recv(fd, back, 7, MSG_WAITALL) == 7 && strcmp(back, "answer\n") == 0;
	ssize_t n = has_answer ? recv(fd, back, sizeof(back), 0) : -1;
	ck_assert_msg((n == 0) == (_i == 1), "read gives %zd: %s", n, n < 0 ? strerror(errno) : "");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(access_times_to_24_00_and_over_midnight)
{
	static const struct {
		const char *times;
		int hour;
		bool is_served;
	} rows[] = {
		{ "12:00-24:00", 23, true },
		{ "12:00-24:00", 11, false },
		{ "22:00-06:00", 23, true },
		{ "22:00-06:00", 5, true },
		{ "22:00-06:00", 12, false },
	};
	struct daemon *d = daemon_with("tcp", text_format("\taccess_times = %s\n", rows[_i].times));
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	daemon_inject(d);
	daemon_setenv(d, "TZ=UTC");
	atomic_store(&d->inject->realtime_s, (rows[_i].hour - tm.tm_hour) * 3600);
	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.1") == rows[_i].is_served);
	if (!rows[_i].is_served)
		expect_line(d, "FAIL: x time from=127.0.0.1");
	daemon_stop(d);
}

END_TEST

START_TEST(client_in_only_from_and_in_no_access)
{
	struct daemon *d =
	    daemon_with("tcp", "\tonly_from = 127.0.0.1 127.0.0.2\n\tno_access = 127.0.0.0/24\n");
	struct run_result r = checked(d);

	ck_assert_int_eq(r.status, 0);
	ck_assert(names_line(&r, 4, "", "no_access") || names_line(&r, 5, "", "only_from"));
	daemon_start(d);
	ck_assert(!serves(d, "x", "127.0.0.1"));
	expect_line(d, "FAIL: x address from=127.0.0.1");
	daemon_stop(d);
}

END_TEST

START_TEST(name_in_a_list_that_does_not_resolve)
{
	static const char *const lines[] = { "only_from = 127.0.0.1 gone.test",
		"no_access = gone.test" };
	struct daemon *d = daemon_with("tcp", "");

	daemon_service(d, "y", "tcp", text_format(HOLD "\t%s\n", lines[_i]));
	names_are(d, "");
	daemon_start(d);
	expect_line(d, "gone.test");
	ck_assert(serves(d, "x", "127.0.0.1"));
	expect_no_line(d, "event=listening service=y");
	daemon_stop(d);
}

END_TEST

START_TEST(host_names_in_lists)
{
	struct daemon *d = daemon_with("tcp", "\tonly_from = here.test\n");

	daemon_service(d, "y", "tcp", HOLD "\tonly_from = .test\n");
	names_are(d, "here.test 127.0.0.3\n");
	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.3"));
	ck_assert(!serves(d, "x", "127.0.0.1"));
	expect_line(d, "reverse_dns");
	expect_no_line(d, "event=listening service=y");
	daemon_stop(d);
}

END_TEST

START_TEST(one_ipv6_address_and_the_network_loopback)
{
	struct daemon *d = daemon_with("dual", "\tonly_from = ::1/128\n");
	bool has_network = getnetbyname("loopback") != NULL;

	if (has_network)
		daemon_service(d, "y", "dual", HOLD "\tonly_from = loopback\n");
	daemon_start(d);
	ck_assert(serves(d, "x", "::1"));
	ck_assert(!serves(d, "x", "127.0.0.1"));
	if (has_network)
		ck_assert(serves(d, "y", "127.9.9.9"));
	daemon_stop(d);
}

END_TEST

START_TEST(client_over_an_ipv4_mapped_address)
{
	struct daemon *d = daemon_with("dual", "\tonly_from = 127.0.0.5\n");

	daemon_service(d, "show", "dual", SHOW);
	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.5"));
	expect_line(d, "START: x pid=* from=127.0.0.5 ");
	ck_assert(!serves(d, "x", "127.0.0.6"));
	expect_line(d, "FAIL: x address from=127.0.0.6");
	int fd = client_of(d, "show", "127.0.0.5");
	ck_assert_str_eq(show_value(read_all(fd), "env REMOTE_HOST"), "127.0.0.5");
	close(fd);
	expect_no_line(d, "::ffff:");
	daemon_stop(d);
}

END_TEST

START_TEST(environment_of_the_program)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", SHOW "\tenv = GIVEN=1\n\tpassenv = PASSED\n");
	daemon_setenv(d, "SECRET=1");
	daemon_setenv(d, "PASSED=1");
	daemon_setenv(d, "LC_TIME=C");
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_ptr_null(show_value(shown, "env SECRET"));
	ck_assert_ptr_nonnull(show_value(shown, "env PASSED"));
	ck_assert_ptr_nonnull(show_value(shown, "env GIVEN"));
	ck_assert_ptr_nonnull(show_value(shown, "env LC_TIME"));
	ck_assert_ptr_nonnull(show_value(shown, "env PATH"));
	ck_assert_str_eq(show_value(shown, "env REMOTE_HOST"), "127.0.0.1");
	daemon_stop(d);
}

END_TEST

START_TEST(client_refused_by_its_address)
{
	struct daemon *d = daemon_with("tcp", "\tonly_from = 127.0.0.1\n");

	daemon_inject(d);
	daemon_start(d);
	unsigned before = inject_calls(d, INJECT_FORK);
	for (int i = 0; i < 20; i++)
		ck_assert(!serves(d, "x", "127.0.0.2"));
	expect_lines(d, 20, "FAIL: x address from=127.0.0.2");
	ck_assert_uint_eq(inject_calls(d, INJECT_FORK), before);
	ck_assert_uint_eq(count_lines(d, "FAIL:"), 20);
	expect_no_line(d, "START:");
	expect_no_line(d, "EXIT:");
	daemon_stop(d);
}

END_TEST

START_TEST(program_that_cannot_be_executed)
{
	struct daemon *d = daemon_new();
	const char *path = text_format("%s/program", d->dir);

	copy_file(PROGRAM("hold"), path, 0755);
	daemon_service(d, "x", "tcp", "\tserver = @DIR@/program\n");
	daemon_start(d);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!serves(d, "x", "127.0.0.1"));
	expect_line(d, "FAIL: x exec from=127.0.0.1");
	expect_line(d, "event=start-failed service=x step=exec");
	expect_no_line(d, "EXIT: x status=0");
	daemon_stop(d);
}

END_TEST

START_TEST(instances_or_per_source_full)
{
	struct daemon *d =
	    daemon_with("tcp", "\tinstances = 2\n\tper_source = 1\n\tbanner_fail = @DIR@/b\n");

	daemon_service(d, "queue", "tcp", HOLD "\tinstances = 1\n\ton_limit = queue\n");
	write_file(text_format("%s/b", d->dir), 0644, "full\n");
	daemon_start(d);
	int one = client_of(d, "x", "127.0.0.1");
	ck_assert(is_answered(one));
	int again = client_of(d, "x", "127.0.0.1");
	ck_assert_str_eq(read_all(again), "full\n");
	expect_line(d, "FAIL: x per_source_limit from=127.0.0.1");
	int two = client_of(d, "x", "127.0.0.2");
	ck_assert(is_answered(two));
	int three = client_of(d, "x", "127.0.0.3");
	ck_assert_str_eq(read_all(three), "full\n");
	expect_line(d, "FAIL: x service_limit from=127.0.0.3");

	int first = hold_open(d, "queue"), second = daemon_connect(d, "queue");
	send_text(second, "later\n");
	expect_echo(first, "turn");
	ck_assert(is_silent(second));
	close(first);
	ck_assert_str_eq(read_line(second), "later");
	close(second);
	close(one);
	close(again);
	close(two);
	close(three);
	daemon_stop(d);
}

END_TEST

START_TEST(cps_exceeded)
{
	struct daemon *d = daemon_with("tcp", "\tcps = 3 5\n\tinstances = 4\n");
	int fds[4];

	daemon_inject(d);
	daemon_start(d);
	for (int i = 0; i < 3; i++)
		fds[i] = hold_open(d, "x");
	fds[3] = daemon_connect(d, "x");
	ck_assert(!is_answered(fds[3]));
	expect_line(d, "FAIL: x connections per second from=127.0.0.1");
	/* The socket is still there, and who comes waits in its queue. */
	int fourth = daemon_connect(d, "x");
	send_text(fourth, "later\n");
	expect_echo(fds[0], "turn");
	ck_assert(is_silent(fourth));
	ck_assert_str_eq(read_line(fourth), "later");
	/* Those who were there before count. */
	int fifth = daemon_connect(d, "x");
	ck_assert(!is_answered(fifth));
	expect_line(d, "FAIL: x service_limit");
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close(fourth);
	close(fifth);
	daemon_stop(d);
}

END_TEST

START_TEST(redirect_keeps_a_half_close)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "count", "tcp", "\tserver = /usr/bin/wc\n\tserver_args = -c\n");
	daemon_service(
	    d, "r", "tcp", text_format("\tredirect = 127.0.0.1 %u\n", port_of(d, "count")));
	daemon_start(d);
	int fd = daemon_connect(d, "r");
	send_text(fd, "12345");
	half_close(fd);
	ck_assert_str_eq(read_all(fd), "5\n");
	close(fd);
	expect_line(d, "EXIT: r status=0");
	daemon_stop(d);
}

END_TEST

START_TEST(banner_larger_than_the_socket_buffer)
{
	static char text[BIG_BANNER + 1];
	struct daemon *d = daemon_with("tcp", "\tno_access = 127.0.0.2\n\tbanner_fail = @DIR@/b\n");

	memset(text, 'x', BIG_BANNER);
	write_file(text_format("%s/b", d->dir), 0644, text);
	daemon_start(d);
	int silent = client_of(d, "x", "127.0.0.2");
	expect_line(d, "FAIL: x address from=127.0.0.2");
	for (int i = 0; i < 3; i++)
		ck_assert(serves(d, "x", "127.0.0.1"));
	close(silent);
	daemon_stop(d);
}

END_TEST

/* One answer of tcpmux to a line that comes in pieces. */
static const char *
mux_says(struct daemon *d, const char *first, const char *rest)
{
	int fd = daemon_connect(d, "mux");

	send_text(fd, "%s", first);
	if (*rest != '\0') {
		for (int i = 0; i < 3; i++)
			ck_assert(is_silent(fd));
		send_text(fd, "%s", rest);
	}
	half_close(fd);
	const char *text = text_format("%s", read_all(fd));
	close(fd);
	return text;
}

START_TEST(tcpmux)
{
	struct daemon *d = daemon_with("tcp", "");

	daemon_add(d,
	    "service tcpmux\n{\n\tid = mux\n\ttype = INTERNAL UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n"
	    "\twait = no\n\tuser = @USER@\n}\n"
	    "service plus\n{\n\ttype = TCPMUXPLUS UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n"
	    "\tuser = @USER@\n\tserver = /bin/cat\n}\n"
	    "service plain\n{\n\ttype = TCPMUX UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n"
	    "\tuser = @USER@\n\tserver = /bin/cat\n}\n");
	daemon_listen(d, "mux", "tcp");
	daemon_start(d);
	const char *said = mux_says(d, "pl", "US\r\nhello\n");
	ck_assert_msg(said[0] == '+' && strstr(said, "\r\nhello\n") != NULL, "%s", said);
	ck_assert_str_eq(mux_says(d, "plain\r\nhello\n", ""), "hello\n");
	ck_assert_int_eq(mux_says(d, "x\r\n", "")[0], '-');
	said = mux_says(d, "help\r\n", "");
	ck_assert_ptr_nonnull(strstr(said, "plain"));
	ck_assert_ptr_nonnull(strstr(said, "plus"));
	daemon_stop(d);
}

END_TEST

START_TEST(hosts_allow_and_hosts_deny)
{
	if (!own_file("/etc/hosts.deny", "hold: 127.0.0.2\nother: ALL\n") ||
	    !own_file("/etc/hosts.allow", "")) {
		test_skip("hosts_allow_and_hosts_deny", "not root, or there are no such files");
		return;
	}
	if (access(BUILD_DIR "/porter-gate", X_OK) < 0) {
		test_skip("hosts_allow_and_hosts_deny", "built without libwrap");
		return;
	}
	struct daemon *d = daemon_with("tcp", "");
	daemon_service(d, "named", "tcp", HOLD "\tlibwrap = other\n");
	daemon_service(d, "free", "tcp", HOLD "\tflags = NOLIBWRAP\n");
	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.1"));
	ck_assert(!serves(d, "x", "127.0.0.2"));
	expect_line(d, "FAIL: x libwrap from=127.0.0.2");
	ck_assert(!serves(d, "named", "127.0.0.1"));
	ck_assert(serves(d, "free", "127.0.0.2"));
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(only_from_localhost),
	TEST(only_from_with_a_netmask),
	TEST(only_from_of_two_numbers),
	TEST(only_from_every_ipv4_address),
	TEST(only_from_with_commas),
	TEST(redirect_to_a_name_that_does_not_resolve_yet),
	TEST_LOOP(program_that_ends_with_unread_input, 2),
	TEST_LOOP(access_times_to_24_00_and_over_midnight, 5),
	TEST(client_in_only_from_and_in_no_access),
	TEST_LOOP(name_in_a_list_that_does_not_resolve, 2),
	TEST(host_names_in_lists),
	TEST(one_ipv6_address_and_the_network_loopback),
	TEST(client_over_an_ipv4_mapped_address),
	TEST(environment_of_the_program),
	TEST(client_refused_by_its_address),
	TEST(program_that_cannot_be_executed),
	TEST(instances_or_per_source_full),
	TEST(cps_exceeded),
	TEST(redirect_keeps_a_half_close),
	TEST(banner_larger_than_the_socket_buffer),
	TEST(tcpmux),
	TEST(hosts_allow_and_hosts_deny),
};

int
main(void)
{
	return run_functional("rows-clients", tests, ARRAY_LEN(tests));
}
