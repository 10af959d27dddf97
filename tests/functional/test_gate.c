/* SPDX-License-Identifier: MIT */
/* Clients who are judged in the child: by hosts.allow and hosts.deny, and by their names. Each test has an /etc of its own. */
#include <arpa/inet.h>
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "conf/hosts_access.h"
#include "functional/daemon.h"

#define CAT "\tserver = /bin/cat\n"

/* A copy of /etc in place of it, in which the test may write. */
static bool
has_own_etc(struct daemon *d, const char *test)
{
	const char *etc = text_format("%s/etc", d->dir);

	if (!is_root() || unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    run_command(
		(const char *[]){ "/bin/sh", "-c",
		    text_format(
			"PATH=/sbin:/usr/sbin:$PATH; ip link set lo up && cp -a /etc %s", etc),
		    NULL })
		    .status != 0 ||
	    mount(etc, "/etc", NULL, MS_BIND, NULL) < 0) {
		test_skip(test, "needs root, and namespaces of mounts and networks");
		return false;
	}
	unlink("/etc/hosts.allow");
	unlink("/etc/hosts.deny");
	return true;
}

static bool
has_libwrap(struct daemon *d, const char *test)
{
	if ((hosts_access_system() & HOSTS_ACCESS_SUPPORTED) != 0)
		return has_own_etc(d, test);
	test_skip(test, "built without libwrap");
	return false;
}

static void
hosts(const char *which, const char *text)
{
	write_file(text_format("/etc/hosts.%s", which), 0644, text);
}

/* From this address of the machine. */
static int
connect_from(struct daemon *d, const char *name, const char *source)
{
	const struct sockaddr_storage *to = NULL;
	socklen_t len = 0;
	int fd;

	for (size_t i = 0; i < d->listener_count; i++)
		if (strcmp(d->listeners[i].name, name) == 0) {
			to = &d->listeners[i].addr;
			len = d->listeners[i].len;
		}
	ck_assert_ptr_nonnull(to);
	struct sockaddr_in from = { .sin_family = AF_INET };
	ck_assert_int_eq(inet_pton(AF_INET, source, &from.sin_addr), 1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)(const void *)&from, sizeof(from)), 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)(const void *)to, len), 0);
	return fd;
}

static void
expect_served(struct daemon *d, const char *name, const char *source)
{
	int fd = connect_from(d, name, source);

	expect_echo(fd, "hello");
	close(fd);
	expect_line(d, "EXIT: %s status=0 ", name);
	daemon_mark(d);
}

static void
expect_refused(struct daemon *d, const char *name, const char *source, const char *reason)
{
	int fd = connect_from(d, name, source);

	expect_closed(fd);
	close(fd);
	expect_line(d, "FAIL: %s %s from=%s", name, reason, source);
	expect_no_line(d, "EXIT: %s ", name);
	daemon_mark(d);
}

START_TEST(hosts_deny_refuses)
{
	struct daemon *d = daemon_new();

	if (!has_libwrap(d, "hosts_deny_refuses"))
		return;
	hosts("allow", "cat: 127.0.0.1\nother: 127.0.0.3\nx-id: 127.0.0.4\n");
	hosts("deny", "ALL: ALL\n");
	daemon_service(d, "x", "tcp", CAT);
	daemon_service(d, "named", "tcp", CAT "\tlibwrap = other\n");
	daemon_service(d, "free", "tcp", CAT "\tflags = NOLIBWRAP\n");
	daemon_service(d, "nobody", "tcp", CAT "\tuser = nobody\n");
	daemon_start(d);
	expect_served(d, "x", "127.0.0.1");
	expect_refused(d, "x", "127.0.0.2", "libwrap");
	expect_served(d, "named", "127.0.0.3");
	expect_refused(d, "named", "127.0.0.1", "libwrap");
	expect_served(d, "free", "127.0.0.9");
	expect_served(d, "nobody", "127.0.0.1");
	expect_refused(d, "nobody", "127.0.0.9", "libwrap");
	daemon_stop(d);
}

END_TEST

START_TEST(rules_are_heeded_from_the_next_reload_on)
{
	struct daemon *d = daemon_new();

	if (!has_libwrap(d, "rules_are_heeded_from_the_next_reload_on"))
		return;
	hosts("deny", "# nothing yet\n");
	daemon_service(d, "x", "tcp", CAT);
	daemon_start(d);
	expect_served(d, "x", "127.0.0.2");
	hosts("deny", "# something\ncat: 127.0.0.2\n");
	daemon_reload(d);
	expect_refused(d, "x", "127.0.0.2", "libwrap");
	expect_served(d, "x", "127.0.0.3");
	/* From now on each client meets the files as they are. */
	hosts("deny", "cat: 127.0.0.3\n");
	expect_served(d, "x", "127.0.0.2");
	expect_refused(d, "x", "127.0.0.3", "libwrap");
	daemon_stop(d);
}

END_TEST

START_TEST(builtins_redirects_and_chroots_are_judged_as_well)
{
	struct daemon *d = daemon_new();

	if (!has_libwrap(d, "builtins_redirects_and_chroots_are_judged_as_well"))
		return;
	hosts("deny", "echo, daytime, relay, hold: 127.0.0.2\n");
	daemon_service(d, "target", "tcp", CAT);
	const unsigned port =
	    ntohs(((const struct sockaddr_in *)(const void *)&d->listeners[0].addr)->sin_port);
	daemon_entry(d, "echo", "\ttype = INTERNAL\n\tprotocol = tcp\n");
	daemon_listen(d, "echo", "tcp");
	daemon_entry(d, "daytime", "\ttype = INTERNAL\n\tprotocol = tcp\n");
	daemon_listen(d, "daytime", "tcp");
	daemon_service(
	    d, "relay", "tcp", text_format("\tredirect = 127.0.0.1 %u\n\tuser = nobody\n", port));
	daemon_service(d, "hold", "tcp", "\tserver = /hold\n\tchroot = @DIR@/root\n");
	ck_assert_int_eq(mkdir(text_format("%s/root", d->dir), 0755), 0);
	copy_file(PROGRAM("hold"), text_format("%s/root/hold", d->dir), 0755);
	daemon_start(d);
	expect_served(d, "echo", "127.0.0.1");
	expect_refused(d, "echo", "127.0.0.2", "libwrap");
	int fd = connect_from(d, "daytime", "127.0.0.1");
	ck_assert_ptr_nonnull(strstr(read_all(fd), "\r\n"));
	close(fd);
	expect_line(d, "EXIT: daytime status=0 ");
	daemon_mark(d);
	expect_refused(d, "daytime", "127.0.0.2", "libwrap");
	expect_served(d, "relay", "127.0.0.1");
	expect_refused(d, "relay", "127.0.0.2", "libwrap");
	fd = connect_from(d, "hold", "127.0.0.1");
	ck_assert_int_gt(ask_pid(fd), 0);
	close(fd);
	expect_line(d, "EXIT: hold status=0 ");
	daemon_mark(d);
	expect_refused(d, "hold", "127.0.0.2", "libwrap");
	daemon_stop(d);
}

END_TEST

/* A command of the rule answers in place of the program, and whatever it ends with, the program is not started. It has the time
 * that it takes: what ends a look-up that hangs is not handed on to it. */
static const struct {
	const char *command, *answer;
} twists[] = {
	{ "/bin/echo go away, %a", "go away, 127.0.0.2\n" },
	{ "exec /usr/bin/perl -e 'print alarm(0)'", "0" },
};

START_TEST(twist_answers_in_place_of_the_program)
{
	struct daemon *d = daemon_new();

	if (!has_libwrap(d, "twist_answers_in_place_of_the_program"))
		return;
	hosts("deny", text_format("cat: 127.0.0.2: twist %s\n", twists[_i].command));
	daemon_service(d, "x", "tcp", CAT);
	daemon_start(d);
	int fd = connect_from(d, "x", "127.0.0.2");
	ck_assert_str_eq(read_all(fd), twists[_i].answer);
	close(fd);
	expect_line(d, "FAIL: x libwrap from=127.0.0.2");
	daemon_stop(d);
}

END_TEST

START_TEST(files_that_the_user_cannot_read_admit_nobody)
{
	struct daemon *d = daemon_new();

	if (!has_libwrap(d, "files_that_the_user_cannot_read_admit_nobody"))
		return;
	hosts("deny", "cat: 127.0.0.2\n");
	ck_assert_int_eq(chmod("/etc/hosts.deny", 0600), 0);
	daemon_service(d, "x", "tcp", CAT "\tuser = nobody\n");
	daemon_start(d);
	int fd = connect_from(d, "x", "127.0.0.1");
	expect_closed(fd);
	close(fd);
	expect_line(d, "event=start-failed service=x step=gate * error=\"Permission denied\"");
	daemon_stop(d);
}

END_TEST

START_TEST(datagrams_are_judged_by_the_first)
{
	struct daemon *d = daemon_new();
	char answer[16];

	if (!has_libwrap(d, "datagrams_are_judged_by_the_first"))
		return;
	hosts("deny", "waiter: 127.0.0.2\n");
	daemon_service(
	    d, "x", "udp", "\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 1\n\twait = yes\n");
	daemon_start(d);
	const struct sockaddr *to = (const struct sockaddr *)(const void *)&d->listeners[0].addr;
	int bad = datagram_socket("127.0.0.2", 0), good = datagram_socket("127.0.0.1", 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sendto(bad, "bad", 3, 0, to, d->listeners[0].len), 3);
	ck_assert_int_eq(sendto(good, "good", 4, 0, to, d->listeners[0].len), 4);
	ck_assert(wait_for(good, 1, deadline_after()));
	ck_assert_int_ge(recv(good, answer, sizeof(answer), 0), 0);
	ck_assert_int_lt(recv(bad, answer, sizeof(answer), MSG_DONTWAIT), 0);
	expect_line(d, "FAIL: x libwrap from=127.0.0.2");
	expect_no_line(d, "event=program-idle");
	close(bad);
	close(good);
	daemon_stop(d);
}

END_TEST

/* ---- names ---- */

/* Of a question, as "4.0.0.127.in-addr.arpa" or "good.test". */
static void
read_question(const unsigned char *message, size_t len, char *name, size_t size)
{
	size_t at = 12, used = 0;

	while (at < len && message[at] != 0 && used + message[at] + 2 < size) {
		memcpy(name + used, message + at + 1, message[at]);
		used += message[at];
		name[used++] = '.';
		at += 1u + message[at];
	}
	name[used > 0 ? used - 1 : 0] = '\0';
}

static size_t
put_name(unsigned char *to, const char *name)
{
	size_t used = 0;

	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		to[used++] = (unsigned char)len;
		memcpy(to + used, name, len);
		used += len;
		name += len + (name[len] == '.');
	}
	to[used++] = 0;
	return used;
}

/* What the name server knows; an address of NULL: the name has none. A name that begins so is not answered at all. */
#define SILENT "silent"

static const struct {
	const char *question, *answer;
} zone[] = {
	{ "2.0.0.127.in-addr.arpa", "one.good.test" },
	{ "one.good.test", "127.0.0.2" },
	/* Whoever has 127.0.0.3 says that he is one of them. */
	{ "3.0.0.127.in-addr.arpa", "two.good.test" },
	{ "two.good.test", "127.0.0.33" },
	{ "4.0.0.127.in-addr.arpa", "one.bad.test" },
	{ "one.bad.test", "127.0.0.4" },
	/* 127.0.0.5 has no name. */
	{ "6.0.0.127.in-addr.arpa", SILENT },
	{ "7.0.0.127.in-addr.arpa", "evilgood.test" },
	{ "evilgood.test", "127.0.0.7" },
	{ "8.0.0.127.in-addr.arpa", "good.test" },
	{ "good.test", "127.0.0.8" },
	{ "9.0.0.127.in-addr.arpa", "false.bad.test" },
	{ "false.bad.test", "127.0.0.99" },
};

static size_t
answer_question(unsigned char *message, size_t len)
{
	char name[256];
	size_t end = 12 + strlen((const char *)message + 12) + 5;
	const char *known = NULL;
	unsigned type;

	if (len < 17 || end > len)
		return 0;
	read_question(message, len, name, sizeof(name));
	type = message[end - 3];
	for (size_t i = 0; i < ARRAY_LEN(zone); i++)
		if (strcasecmp(zone[i].question, name) == 0)
			known = zone[i].answer;
	if (known != NULL && strcmp(known, SILENT) == 0)
		return 0;
	memset(message + 6, 0, 6);
	message[2] = 0x84;
	message[3] = known != NULL ? 0 : 3; /* NXDOMAIN */
	if (known == NULL || (type != 1 && type != 12))
		return end;
	static const unsigned char head[] = { 0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 60, 0, 4 };
	memcpy(message + end, head, sizeof(head));
	message[end + 3] = (unsigned char)type;
	message[7] = 1;
	if (type == 1)
		inet_pton(AF_INET, known, message + end + sizeof(head));
	else
		message[end + 11] = (unsigned char)put_name(message + end + sizeof(head), known);
	return end + sizeof(head) + message[end + 11];
}

/* On port 53 of the test's own network. */
static pid_t
start_name_server(void)
{
	int fd = datagram_socket("127.0.0.1", 53);
	pid_t pid;

	write_file("/etc/resolv.conf", 0644, "nameserver 127.0.0.1\noptions timeout:30\n");
	write_file("/etc/nsswitch.conf", 0644, "passwd: files\ngroup: files\nhosts: dns\n");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	while (pid == 0) {
		unsigned char message[1024];
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, message, 512, 0, (struct sockaddr *)(void *)&from, &size);
		size_t len = n > 0 ? answer_question(message, (size_t)n) : 0;

		if (len > 0)
			sendto(fd, message, len, 0, (const struct sockaddr *)(const void *)&from,
			    size);
	}
	close(fd);
	return pid;
}

/* only_from and no_access, a client, and why he is refused; NULL: he is served. */
static const struct {
	const char *attributes, *source, *reason;
} named[] = {
	{ "\tonly_from = .good.test\n", "127.0.0.2", NULL },
	{ "\tonly_from = .GOOD.test\n", "127.0.0.2", NULL },
	/* Another has that name. */
	{ "\tonly_from = .good.test\n", "127.0.0.3", "address" },
	{ "\tonly_from = .good.test\n", "127.0.0.4", "address" },
	{ "\tonly_from = .good.test\n", "127.0.0.5", "address" },
	{ "\tonly_from = .good.test\n", "127.0.0.7", "address" },
	{ "\tonly_from = .good.test\n", "127.0.0.8", "address" },
	{ "\tonly_from = 127.0.0.5 .good.test\n", "127.0.0.5", NULL },
	{ "\tonly_from = 127.0.0.6 .good.test\n", "127.0.0.6", NULL },
	{ "\tonly_from = .good.test\n\tno_access = 127.0.0.2\n", "127.0.0.2", "address" },
	{ "\tno_access = .bad.test\n", "127.0.0.2", NULL },
	{ "\tno_access = .bad.test\n", "127.0.0.4", "address" },
	/* He says himself that he is one of them. */
	{ "\tno_access = .bad.test\n", "127.0.0.9", "address" },
	{ "\tno_access = .bad.test\n", "127.0.0.5", NULL },
};

START_TEST(d6_d7_names_count_when_they_are_confirmed)
{
	struct daemon *d = daemon_new();

	if (!has_own_etc(d, "d6_d7_names_count_when_they_are_confirmed"))
		return;
	d->leaves_children = true;
	const pid_t names = start_name_server();
	daemon_service(
	    d, "x", "tcp", text_format(CAT "\treverse_dns = confirmed\n%s", named[_i].attributes));
	daemon_start(d);
	if (named[_i].reason == NULL)
		expect_served(d, "x", named[_i].source);
	else
		expect_refused(d, "x", named[_i].source, named[_i].reason);
	kill(names, SIGKILL);
	daemon_stop(d);
}

END_TEST

/* A name server that is silent holds up its own client alone, and not for ever. */
START_TEST(d8_a_silent_name_server_is_waited_for_in_the_child)
{
	struct daemon *d = daemon_new();

	if (!has_own_etc(d, "d8_a_silent_name_server_is_waited_for_in_the_child"))
		return;
	d->leaves_children = true;
	const pid_t names = start_name_server();
	daemon_service(d, "x", "tcp", CAT "\treverse_dns = confirmed\n\tno_access = .bad.test\n");
	daemon_service(d, "other", "tcp", CAT);
	daemon_start(d);
	int slow = connect_from(d, "x", "127.0.0.6");
	expect_line(d, "START: x ");
	expect_served(d, "other", "127.0.0.1");
	expect_served(d, "x", "127.0.0.2");
	int64_t began = now_ms();
	ck_assert(wait_for(slow, 1, began + 30000));
	expect_closed(slow);
	expect_line(d, "FAIL: x address from=127.0.0.6");
	close(slow);
	kill(names, SIGKILL);
	daemon_stop(d);
}

END_TEST

/* Whoever has a rule there is not served to everybody because nobody can judge. */
START_TEST(without_libwrap_services_with_rules_do_not_start)
{
	struct daemon *d = daemon_new();

	if ((hosts_access_system() & HOSTS_ACCESS_SUPPORTED) != 0 ||
	    !has_own_etc(d, "without_libwrap_services_with_rules_do_not_start")) {
		test_skip("without_libwrap_services_with_rules_do_not_start", "built with libwrap");
		return;
	}
	hosts("deny", "cat: 127.0.0.2\n");
	daemon_service(d, "x", "tcp", CAT);
	daemon_service(d, "free", "tcp", CAT "\tflags = NOLIBWRAP\n");
	daemon_start(d);
	expect_line(d, "*built without libwrap*");
	expect_served(d, "free", "127.0.0.2");
	expect_no_line(d, "event=listening service=x");
	daemon_stop(d);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(hosts_deny_refuses),
		TEST(rules_are_heeded_from_the_next_reload_on),
		TEST(builtins_redirects_and_chroots_are_judged_as_well),
		TEST_LOOP(twist_answers_in_place_of_the_program, ARRAY_LEN(twists)),
		TEST(files_that_the_user_cannot_read_admit_nobody),
		TEST(datagrams_are_judged_by_the_first),
		TEST_LOOP(d6_d7_names_count_when_they_are_confirmed, ARRAY_LEN(named)),
		TEST(without_libwrap_services_with_rules_do_not_start),
		TEST(d8_a_silent_name_server_is_waited_for_in_the_child),
	};

	return run_functional("gate", tests, ARRAY_LEN(tests));
}
