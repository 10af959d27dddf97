/* SPDX-License-Identifier: MIT */
/* The builtin lists: servers and services. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/sources.h"

#define LIST   "\ttype = INTERNAL\n\twait = no\n"
#define LISTED "\tsocket_type = stream\n\tprotocol = tcp\n"
#define HOLD   "\tserver = @PROGRAMS@/hold\n\twait = no\n"

#define MANY_SERVICES 5000

static unsigned
port_of(const struct daemon *d, size_t i)
{
	const struct sockaddr_in *in = (const void *)&d->listeners[i].addr;

	return ntohs(in->sin_port);
}

static const char *
read_list(struct daemon *d, const char *name)
{
	int fd = daemon_connect(d, name);
	const char *text = read_all(fd);

	close(fd);
	return text;
}

START_TEST(services_that_are_on)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "services", "tcp", LIST);
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_service(d, "echo", "udp", "\ttype = INTERNAL\n\twait = yes\n\tid = datagrams\n");
	snprintf(d->listeners[2].name, sizeof(d->listeners[2].name), "datagrams");
	daemon_entry(d, "file", HOLD LISTED "\tlisten = unix:@DIR@/socket\n");
	daemon_entry(d, "off", HOLD LISTED "\tdisable = yes\n\tlisten = @ADDR@:4711\n");
	daemon_start(d);
	ck_assert_str_eq(read_list(d, "services"),
	    daemon_text(d,
		text_format("services tcp %u\nhold tcp %u\necho udp %u\nfile unix @DIR@/socket\n",
		    port_of(d, 0), port_of(d, 1), port_of(d, 2))));
	expect_line(d, "START: services pid=0 from=127.0.0.1");
	expect_no_line(d, "EXIT: services");
	daemon_stop(d);
}

END_TEST

START_TEST(programs_that_run)
{
	struct daemon *d = daemon_new();
	char since[64];
	int pid = 0;

	daemon_service(d, "servers", "tcp", LIST);
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	ck_assert_str_eq(read_list(d, "servers"), "");
	int fd = daemon_connect(d, "hold");
	pid_t expected = ask_pid(fd);
	const char *text = read_list(d, "servers");
	ck_assert_msg(sscanf(text, "hold %d 127.0.0.1 %63s\n", &pid, since) == 2, "%s", text);
	ck_assert_int_eq(pid, expected);
	ck_assert_msg(strlen(since) == 24 && since[10] == 'T', "%s", since);
	close(fd);
	expect_line(d, "EXIT: hold");
	ck_assert_str_eq(read_list(d, "servers"), "");
	daemon_stop(d);
}

END_TEST

static const struct {
	const char *attributes, *from;
	bool is_served;
} rules[] = {
	{ "", "127.0.0.1", true },
	{ "", "127.0.0.9", true },
	{ "\tonly_from = 127.0.0.9\n", "127.0.0.1", false },
	{ "\tonly_from = 127.0.0.9\n", "127.0.0.9", true },
	{ "\tno_access = 127.0.0.9\n", "127.0.0.9", false },
	{ "\tno_access = 127.0.0.9\n", "127.0.0.1", true },
};

START_TEST(only_for_this_machine_unless_only_from_says_otherwise)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "services", "tcp", text_format(LIST "%s", rules[_i].attributes));
	daemon_start(d);
	int fd = connect_from(d, "services", rules[_i].from);
	const char *text = read_all(fd);
	ck_assert_msg((*text != '\0') == rules[_i].is_served, "%s", text);
	if (!rules[_i].is_served)
		expect_line(d, "FAIL: services address from=%s", rules[_i].from);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(nobody_from_elsewhere)
{
	if (!own_network()) {
		test_skip("nobody_from_elsewhere", "no network of its own");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(d, "services", "tcp", LIST);
	daemon_service(d, "servers", "tcp", LIST "\tonly_from = 198.51.100.0/24\n");
	daemon_start(d);
	expect_refused(d, "services", "198.51.100.7");
	expect_line(d, "FAIL: services address from=198.51.100.7");
	ck_assert_str_ne(read_list(d, "services"), "");
	int fd = connect_from(d, "servers", "198.51.100.7");
	ck_assert_str_eq(read_all(fd), "");
	expect_line(d, "START: servers pid=0 from=198.51.100.7");
	expect_refused(d, "servers", "127.0.0.1");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(long_list_for_a_slow_client)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "services", "tcp", LIST);
	daemon_service(d, "hold", "tcp", HOLD);
	for (unsigned i = 0; i < MANY_SERVICES; i++)
		daemon_add(d,
		    "service with-a-very-long-name-so-that-the-list-is-long-%u\n{\n\ttype = TCPMUX UNLISTED\n"
		    "\tsocket_type = stream\n\twait = no\n\tuser = @USER@\n\tserver = @PROGRAMS@/hold\n}\n",
		    i);
	daemon_start(d);
	int slow = daemon_connect(d, "services"), fd;
	const int small = 32768;
	setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	expect_line(d, "START: services");
	fd = daemon_connect(d, "hold");
	expect_echo(fd, "hello");
	const char *text = read_all(slow), *last = strstr(text, "-4999 tcpmux -\n");
	ck_assert_msg(
	    last != NULL && strlen(last) == strlen("-4999 tcpmux -\n"), "%zu bytes", strlen(text));
	close(slow);
	close(fd);
	expect_line(d, "EXIT: hold");
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(services_that_are_on),
	TEST(programs_that_run),
	TEST_LOOP(only_for_this_machine_unless_only_from_says_otherwise, ARRAY_LEN(rules)),
	TEST(nobody_from_elsewhere),
	TEST(long_list_for_a_slow_client),
};

int
main(void)
{
	return run_functional("lists", tests, ARRAY_LEN(tests));
}
