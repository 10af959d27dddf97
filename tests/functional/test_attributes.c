/* SPDX-License-Identifier: MIT */
/* Attributes whose effect is seen in the program or in the socket, one test each. Those of serving, limits, logs and
 * stopping are in the tests of these subjects. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define SHOW "\tserver = @PROGRAMS@/show\n"

/* Runs "show" with these attributes. */
static const char *
shown_with(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", text_format(SHOW "%s", attributes));
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	daemon_stop(d);
	ck_assert_ptr_nonnull(show_value(shown, "end"));
	return shown;
}

static const struct {
	const char *attribute, *key, *value;
} rows[] = {
	{ "rlimit_as = 512M", "limit as", "536870912 536870912" },
	{ "rlimit_cpu = 7", "limit cpu", "7 7" },
	{ "rlimit_data = 64M", "limit data", "67108864 67108864" },
	{ "rlimit_rss = 1M", "limit rss", "1048576 1048576" },
	{ "rlimit_stack = 512K", "limit stack", "524288 524288" },
	{ "rlimit_files = 33", "limit nofile", "33 33" },
	{ "rlimit_nproc = 4000", "limit nproc", "4000 4000" },
	{ "rlimit_fsize = 3M", "limit fsize", "3145728 3145728" },
	{ "rlimit_core = 0", "limit core", "0 0" },
	{ "umask = 077", "umask", "0077" },
	{ "umask = 0", "umask", "0000" },
	{ "directory = /usr", "cwd", "/usr" },
	{ "flags = NAMEINARGS\n\tserver_args = other", "argv 0", "other" },
	{ "server_args = one", "argv 1", "one" },
	{ "env = COLOUR=red", "env COLOUR", "red" },
	{ "id = other\n\tlisten = @ADDR@:3600", "env SERVICE_ID", "other" },
};

START_TEST(a_program_sees_the_attribute)
{
	struct daemon *d = daemon_new();
	bool has_id = strncmp(rows[_i].attribute, "id", 2) == 0;

	/* The same attributes in a service that inherits nothing and gives nothing: the default is another value. */
	daemon_entry(d, "x", text_format(SHOW "\tprotocol = tcp\n\t%s\n", rows[_i].attribute));
	if (!has_id)
		daemon_listen(d, "x", "tcp");
	daemon_service(d, "plain", "tcp", SHOW);
	daemon_start(d);
	int fd = has_id ? connect_address(own_address(0), 3600) : daemon_connect(d, "x");
	ck_assert_int_ge(fd, 0);
	const char *shown = read_all(fd);
	ck_assert_ptr_nonnull(show_value(shown, "end"));
	ck_assert_str_eq(show_value(shown, rows[_i].key), rows[_i].value);
	close(fd);
	const char *without = show_value(shown_by(d, "plain"), rows[_i].key);
	if (strncmp(rows[_i].attribute, "rlimit", 6) != 0)
		ck_assert(without == NULL || strcmp(without, rows[_i].value) != 0);
	daemon_stop(d);
}

END_TEST

START_TEST(nice_is_added)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "plain", "tcp", SHOW);
	daemon_service(d, "x", "tcp", SHOW "\tnice = 4\n");
	daemon_start(d);
	int plain = atoi(show_value(shown_by(d, "plain"), "nice"));
	ck_assert_int_eq(
	    atoi(show_value(shown_by(d, "x"), "nice")), plain + 4 > 19 ? 19 : plain + 4);
	daemon_stop(d);
}

END_TEST

START_TEST(negative_nice_is_applied_before_root_is_given_up)
{
	if (!is_root() || strtoull(process_status(getpid(), "CapEff"), NULL, 16) >> 23 % 2 == 0) {
		test_skip("negative_nice_is_applied_before_root_is_given_up", "needs root");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(d, "x", "tcp", "\tserver = @DIR@/show\n\tuser = nobody\n\tnice = -5\n");
	copy_file(PROGRAM("show"), text_format("%s/show", d->dir), 0755);
	daemon_start(d);
	ck_assert_str_eq(show_value(shown_by(d, "x"), "nice"), "-5");
	daemon_stop(d);
}

END_TEST

START_TEST(unlimited_is_a_limit_too)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults\n{\n\trlimit_cpu = 7\n}\n");
	daemon_service(d, "x", "tcp", SHOW);
	daemon_start(d);
	ck_assert_str_eq(show_value(shown_by(d, "x"), "limit cpu"), "7 7");
	daemon_stop(d);
	ck_assert_str_eq(
	    show_value(shown_with("\trlimit_cpu = UNLIMITED\n"), "limit cpu"), "-1 -1");
}

END_TEST

START_TEST(rlimit_fsize_ends_a_program_that_writes_too_much)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp",
	    "\tserver = /bin/sh\n\tserver_args = {\"-c\", \"exec head -c 4096 /dev/zero >@DIR@/big\"}\n"
	    "\trlimit_fsize = 1K\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	read_all(fd);
	close(fd);
	expect_line(d, "EXIT: x signal=%d", SIGXFSZ);
	daemon_stop(d);
}

END_TEST

START_TEST(group_is_applied)
{
	const struct group *gr = getgrnam("daemon");

	if (!is_root() || gr == NULL) {
		test_skip("group_is_applied", "needs root and the group daemon");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(d, "x", "tcp", "\tserver = @DIR@/show\n\tuser = nobody\n\tgroup = daemon\n");
	copy_file(PROGRAM("show"), text_format("%s/show", d->dir), 0755);
	daemon_start(d);
	ck_assert_str_eq(show_value(shown_by(d, "x"), "gid"),
	    text_format("%u %u %u", gr->gr_gid, gr->gr_gid, gr->gr_gid));
	daemon_stop(d);
}

END_TEST

START_TEST(without_user_a_program_runs_as_whoever_runs_porterd)
{
	struct daemon *d = daemon_new();

	daemon_add(
	    d, "service x\n{\n\ttype = UNLISTED\n\tprotocol = tcp\n\twait = no\n" SHOW "}\n");
	daemon_listen(d, "x", "tcp");
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	if (is_root()) {
		expect_line(d, "porterd.conf:* error: *user");
		expect_no_line(d, "event=listening service=x");
	} else {
		ck_assert_str_eq(show_value(shown_by(d, "x"), "uid"),
		    text_format("%u %u %u", getuid(), geteuid(), geteuid()));
	}
	daemon_stop(d);
}

END_TEST

START_TEST(chroot_is_the_programs_root)
{
	if (!is_root()) {
		test_skip("chroot_is_the_programs_root", "not root");
		return;
	}
	struct daemon *d = daemon_new();
	ck_assert_int_eq(mkdir(text_format("%s/jail", d->dir), 0755), 0);
	ck_assert_int_eq(mkdir(text_format("%s/jail/inside", d->dir), 0755), 0);
	copy_file(PROGRAM("show"), text_format("%s/jail/show", d->dir), 0755);
	daemon_service(d, "x", "tcp",
	    "\tserver = /show\n\tchroot = @DIR@/jail\n\tdirectory = /inside\n\tuser = nobody\n");
	daemon_service(
	    d, "top", "tcp", "\tserver = /show\n\tchroot = @DIR@/jail\n\tuser = nobody\n");
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "root"), "changed");
	ck_assert_str_eq(show_value(shown, "cwd"), "/inside");
	ck_assert_str_eq(show_value(shown_by(d, "top"), "cwd"), "/");
	daemon_stop(d);
}

END_TEST

/* The options of a connection are the same on both ends of what accept(2) returned; only the program sees ours. */
static int
option_of(const struct listener *l, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(l->fd, level, option, &value, &len), 0);
	return value;
}

START_TEST(nodelay_and_keepalive_are_set)
{
	struct daemon *d = daemon_new();

	d->keep_listeners = true;
	daemon_service(d, "plain", "tcp", HOLD);
	daemon_service(d, "nodelay", "tcp", HOLD "\tflags = NODELAY\n");
	daemon_service(d, "both", "tcp", HOLD "\tflags = NODELAY KEEPALIVE REUSE\n");
	daemon_start(d);
	/* Connections inherit both from the listening socket, of which this process has a copy. */
	ck_assert_int_eq(option_of(&d->listeners[0], IPPROTO_TCP, TCP_NODELAY), 0);
	ck_assert_int_eq(option_of(&d->listeners[0], SOL_SOCKET, SO_KEEPALIVE), 0);
	ck_assert_int_ne(option_of(&d->listeners[1], IPPROTO_TCP, TCP_NODELAY), 0);
	ck_assert_int_eq(option_of(&d->listeners[1], SOL_SOCKET, SO_KEEPALIVE), 0);
	ck_assert_int_ne(option_of(&d->listeners[2], IPPROTO_TCP, TCP_NODELAY), 0);
	ck_assert_int_ne(option_of(&d->listeners[2], SOL_SOCKET, SO_KEEPALIVE), 0);
	daemon_stop(d);
}

END_TEST

/* A port that is free for a listener on every address: held by a socket that does not listen. */
static unsigned
reserve_port(int family)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	int r = family == AF_INET6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6))
				   : bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	ck_assert_msg(r == 0, "bind: %s", strerror(errno));
	return bound_port(fd);
}

START_TEST(flags_choose_the_kind_of_address)
{
	static const struct {
		const char *attributes;
		bool v4, v6;
	} kinds[] = {
		{ "\tflags = IPv4\n", true, false },
		{ "\tflags = IPv6\n\tv6only = yes\n", false, true },
		{ "\tflags = IPv6\n", true, true },
		{ "", true, true },
		{ "\tv6only = yes\n\tflags = IPv6\n", false, true },
	};

	if (!has_ipv6()) {
		test_skip("flags_choose_the_kind_of_address", "no IPv6 here");
		return;
	}
	struct daemon *d = daemon_new();
	unsigned port = reserve_port(AF_INET6);
	daemon_entry(d, "x",
	    text_format(HOLD "\tprotocol = tcp\n\tport = %u\n%s", port, kinds[_i].attributes));
	daemon_start(d);
	expect_line(d, "event=listening service=x");
	ck_assert_int_eq(is_served("127.0.0.1", port), kinds[_i].v4);
	ck_assert_int_eq(is_served("::1", port), kinds[_i].v6);
	daemon_stop(d);
}

END_TEST

START_TEST(bind_takes_several_addresses_and_interface_is_its_other_name)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD "\tprotocol = tcp\n\tport = 3600\n\tbind = @ADDR@ @ADDR2@\n");
	daemon_entry(d, "y", HOLD "\tprotocol = tcp\n\tport = 3700\n\tinterface = @ADDR@\n");
	daemon_start(d);
	ck_assert(is_served(own_address(0), 3600));
	ck_assert(is_served(own_address(1), 3600));
	ck_assert(is_served(own_address(0), 3700));
	ck_assert(!is_served(own_address(1), 3700));
	ck_assert(!is_served(own_address(2), 3600));
	daemon_stop(d);
}

END_TEST

START_TEST(disable_enabled_and_disabled_decide_what_runs)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults\n{\n\tenabled = a b c\n\tdisabled = b\n}\n");
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR@:3602\n");
	daemon_entry(d, "c", HOLD "\tlisten = @ADDR@:3603\n\tdisable = yes\n");
	daemon_entry(d, "d", HOLD "\tlisten = @ADDR@:3604\n");
	daemon_entry(d, "e", HOLD "\tlisten = @ADDR@:3605\n\tid = a\n");
	daemon_start(d);
	ck_assert(is_served(own_address(0), 3601));
	ck_assert(!is_served(own_address(0), 3602));
	ck_assert(!is_served(own_address(0), 3603));
	ck_assert(!is_served(own_address(0), 3604));
	ck_assert(is_served(own_address(0), 3605));
	daemon_stop(d);
}

END_TEST

START_TEST(disable_in_defaults_is_for_all)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults\n{\n\tdisable = yes\n}\n");
	daemon_entry(d, "a", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "b", HOLD "\tlisten = @ADDR@:3602\n\tdisable = no\n");
	daemon_start(d);
	ck_assert(!is_served(own_address(0), 3601));
	ck_assert(is_served(own_address(0), 3602));
	daemon_stop(d);
}

END_TEST

START_TEST(socket_type_and_protocol_are_derived_from_each_other)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "a", HOLD "\tsocket_type = stream\n\tlisten = @ADDR@:3601\n");
	daemon_entry(d, "b", HOLD "\tprotocol = tcp\n\tlisten = @ADDR@:3602\n");
	daemon_entry(d, "c",
	    "\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 1\n\tprotocol = udp\n\twait = yes\n"
	    "\tlisten = @ADDR@:3603\n");
	daemon_entry(
	    d, "d", HOLD "\tsocket_type = stream\n\tprotocol = udp\n\tlisten = @ADDR@:3604\n");
	daemon_entry(d, "e",
	    "\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 1\n\tsocket_type = dgram\n"
	    "\twait = yes\n\tlisten = @ADDR@:3605\n");
	daemon_start(d);
	ck_assert(is_served(own_address(0), 3601));
	ck_assert(is_served(own_address(0), 3602));
	expect_line(d, "porterd.conf:* error: ");
	expect_line(d, "event=listening service=c address=udp:");
	expect_line(d, "event=listening service=e address=udp:");
	expect_no_line(d, "event=listening service=d");
	daemon_stop(d);
}

END_TEST

START_TEST(stderr_goes_where_the_attribute_says)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "socket", "tcp", HOLD);
	daemon_service(d, "log", "tcp", HOLD "\tstderr = log\n");
	daemon_service(d, "null", "tcp", HOLD "\tstderr = null\n");
	daemon_start(d);
	int fd = daemon_connect(d, "socket");
	send_text(fd, "error to the client%%0a\n");
	ck_assert_str_eq(read_line(fd), "to the client");
	ck_assert_str_eq(read_line(fd), "written");
	close(fd);
	fd = daemon_connect(d, "log");
	send_text(fd, "error to the log%%0a\n");
	ck_assert_str_eq(read_line(fd), "written");
	expect_line(d, "event=stderr service=log *to the log");
	close(fd);
	fd = daemon_connect(d, "null");
	send_text(fd, "error to nobody%%0a\n");
	ck_assert_str_eq(read_line(fd), "written");
	close(fd);
	expect_line(d, "EXIT: null");
	expect_no_line(d, "to nobody");
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(a_program_sees_the_attribute, ARRAY_LEN(rows)),
	TEST(nice_is_added),
	TEST(negative_nice_is_applied_before_root_is_given_up),
	TEST(unlimited_is_a_limit_too),
	TEST(rlimit_fsize_ends_a_program_that_writes_too_much),
	TEST(group_is_applied),
	TEST(without_user_a_program_runs_as_whoever_runs_porterd),
	TEST(chroot_is_the_programs_root),
	TEST(nodelay_and_keepalive_are_set),
	TEST_LOOP(flags_choose_the_kind_of_address, 5),
	TEST(bind_takes_several_addresses_and_interface_is_its_other_name),
	TEST(disable_enabled_and_disabled_decide_what_runs),
	TEST(disable_in_defaults_is_for_all),
	TEST(socket_type_and_protocol_are_derived_from_each_other),
	TEST(stderr_goes_where_the_attribute_says),
};

int
main(void)
{
	return run_functional("attributes", tests, ARRAY_LEN(tests));
}
